//! Wake-ups: within a shard ([`Notify`]) and from another thread ([`Doorbell`]).

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use super::driver::{Net, Sleep};

/// One waiting task and the event it waits for, on one shard.
#[derive(Default)]
pub struct Notify {
    set: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Notify {
    /// Sets the event and wakes the waiter. The driver will not sleep before it has run.
    pub fn notify(&self, net: &Net) {
        self.set.set(true);
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            net.mark_runnable();
            waker.wake();
        }
    }

    /// Waits for the event until `deadline`; `false` when the time ran out.
    pub async fn wait_until(&self, net: &Net, deadline: Instant) -> bool {
        self.wait(&net.sleep_until(deadline)).await
    }

    /// Waits for the event until `sleep` has elapsed; `false` when it has.
    pub async fn wait(&self, sleep: &Sleep) -> bool {
        poll_fn(|cx| {
            if self.set.replace(false) {
                return Poll::Ready(true);
            }
            if sleep.poll_expired(cx).is_ready() {
                return Poll::Ready(false);
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Ends a shard's wait from any thread: an eventfd that the shard's ring reads.
#[derive(Clone, Debug)]
pub struct Doorbell(Arc<OwnedFd>);

impl Doorbell {
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers; the result is checked before it is owned.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: fd is a fresh descriptor that nobody else owns.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Wakes the shard; never blocks in practice (the counter would have to reach 2^64).
    pub fn ring(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the buffer is 8 readable bytes, as an eventfd wants.
        let written = unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        debug_assert_eq!(written, 8);
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
