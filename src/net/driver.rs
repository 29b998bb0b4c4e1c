//! The one task a shard that talks to the kernel, and the handle the others use.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::future::yield_now;
use socket2::{SockRef, Socket as Socket2};

use super::addr::{PeerAddress, tune_tcp};
use super::buffers::{Buffers, Chunk};
use super::notify::Doorbell;
use super::ring::{Completion, Key, Ring};
use super::socket::{Arm, End, Phase, Socket};
use super::stream::{Received, Stream, StreamError};
use super::table::{Table, Traffic};
use super::timers::TimerId;

/// Sizes of a shard's network side.
#[derive(Clone, Copy, Debug)]
pub struct NetSettings {
    /// Size of one receive buffer, in bytes.
    pub buffer_bytes: usize,
    /// Receive buffers in circulation from the start.
    pub buffers_initial: u16,
    /// Receive buffers at the most; a power of two.
    pub buffers_max: u16,
    /// Received and unread bytes at which a socket's receive is paused.
    pub receive_limit_bytes: usize,
    /// Longest wait for the kernel.
    pub idle_wait: Duration,
}

impl Default for NetSettings {
    fn default() -> Self {
        Self {
            buffer_bytes: 32 * 1024,
            buffers_initial: 256,
            buffers_max: 1024,
            receive_limit_bytes: 256 * 1024,
            idle_wait: Duration::from_millis(100),
        }
    }
}

struct Shared {
    table: RefCell<Table>,
    now: Cell<Instant>,
    runnable: Cell<bool>,
    /// Kept open while the ring reads it.
    bell: Doorbell,
}

/// A shard's ring and sockets. Cheap to clone; not `Send`.
#[derive(Clone)]
pub struct Net(Rc<Shared>);

impl Net {
    /// Creates the ring; call it on the shard's own thread.
    ///
    /// # Errors
    /// See [`super::probe`], which explains them.
    pub fn new(settings: NetSettings, bell: Doorbell) -> io::Result<Self> {
        let buffers =
            Buffers::new(settings.buffers_max, settings.buffers_initial, settings.buffer_bytes)?;
        let mut table = Table::new(Ring::new(buffers)?, settings);
        table.watch_bell(bell.as_fd().as_raw_fd());
        Ok(Self(Rc::new(Shared {
            table: RefCell::new(table),
            now: Cell::new(Instant::now()),
            runnable: Cell::new(false),
            bell,
        })))
    }

    /// Runs the ring for ever: submit and wait, take in what came, let the woken tasks run.
    ///
    /// # Errors
    /// When the kernel refuses the ring; the shard cannot go on.
    pub async fn drive(&self) -> io::Error {
        let mut completions: Vec<Completion> = Vec::with_capacity(1024);
        let mut woken = Vec::new();
        // glommio runs a task as soon as it is spawned: who spawns this one goes on first.
        yield_now().await;
        loop {
            // Tasks that were woken by other tasks run before the shard sleeps.
            while self.0.runnable.replace(false) {
                yield_now().await;
            }
            {
                let mut table = self.0.table.borrow_mut();
                table.start_sends();
                let wait = table.woken.is_empty();
                if wait {
                    table.set_alarm(self.0.now.get());
                }
                if let Err(error) = table.ring.submit_and_wait(wait) {
                    return error;
                }
                let now = Instant::now();
                self.0.now.set(now);
                completions.clear();
                table.ring.reap(&mut completions);
                for event in &completions {
                    table.complete(*event, now);
                }
                table.feed_starved();
                table.tick(now);
                std::mem::swap(&mut woken, &mut table.woken);
            }
            // Outside the borrow: waking may drop a finished task and its sockets.
            for waker in woken.drain(..) {
                waker.wake();
            }
            yield_now().await;
        }
    }

    /// The time of the driver's last turn: a clock without a system call.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.now.get()
    }

    /// Tells the driver that a task was woken or spawned outside of it, so that it does not sleep.
    pub fn mark_runnable(&self) {
        self.0.runnable.set(true);
    }

    /// The bell that wakes this shard from other threads.
    #[must_use]
    pub fn doorbell(&self) -> Doorbell {
        self.0.bell.clone()
    }

    /// What went over the sockets of an account since the last call; see [`Stream::set_account`].
    #[must_use]
    pub fn take_traffic(&self, account: u16) -> Traffic {
        let mut table = self.0.table.borrow_mut();
        table.traffic.get_mut(usize::from(account)).map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn set_account(&self, key: Key, account: u16) {
        let mut table = self.0.table.borrow_mut();
        let accounts = usize::from(account) + 1;
        if table.traffic.len() < accounts {
            table.traffic.resize(accounts, Traffic::default());
        }
        table.owned(key).account = account;
    }

    /// Waits until the bell was rung since the last call.
    pub async fn rung(&self) {
        poll_fn(|cx| {
            let mut table = self.0.table.borrow_mut();
            if std::mem::take(&mut table.bell_rung) {
                return Poll::Ready(());
            }
            table.bell_waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// A deadline to wait for.
    #[must_use]
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        let mut table = self.0.table.borrow_mut();
        let timer = table.timers.add();
        table.timers.set(timer, Some(deadline));
        drop(table);
        Sleep { net: self.clone(), timer }
    }

    /// Connects to `address`, giving up at `deadline`.
    ///
    /// # Errors
    /// The kernel's error, or [`StreamError::TimedOut`].
    pub async fn connect(
        &self,
        address: &PeerAddress,
        deadline: Instant,
    ) -> Result<Stream, StreamError> {
        let failed =
            |error: io::Error| StreamError::Failed { errno: error.raw_os_error().unwrap_or(0) };
        let (socket, target) = address.socket().map_err(failed)?;
        let stream = {
            let mut table = self.0.table.borrow_mut();
            let key = table.insert(OwnedFd::from(socket), Phase::Connecting);
            table.connect(key, target);
            Stream { net: self.clone(), key }
        };
        stream.set_deadline(Some(deadline));
        poll_fn(|cx| self.poll_connected(stream.key, cx)).await?;
        stream.set_deadline(None);
        Ok(stream)
    }

    fn poll_connected(&self, key: Key, cx: &Context<'_>) -> Poll<Result<(), StreamError>> {
        let mut table = self.0.table.borrow_mut();
        let socket = table.owned(key);
        if let Some(end) = socket.rx.end {
            return Poll::Ready(Err(end.into()));
        }
        if socket.phase == Phase::Open {
            return Poll::Ready(Ok(()));
        }
        remember(&mut socket.rx.waker, cx);
        poll_deadline(&mut table, key, cx)
    }

    /// Takes over an accepted socket.
    pub(super) fn adopt(&self, fd: OwnedFd) -> Stream {
        let fd: OwnedFd = {
            let socket = Socket2::from(fd);
            // A Unix socket refuses TCP options; that is no fault.
            if SockRef::from(&socket).local_addr().is_ok_and(|a| a.as_socket().is_some()) {
                _ = tune_tcp(&socket);
            }
            socket.into()
        };
        let key = self.0.table.borrow_mut().insert(fd, Phase::Open);
        Stream { net: self.clone(), key }
    }

    pub(super) fn add_listener(&self, fd: OwnedFd) -> usize {
        self.0.table.borrow_mut().add_listener(fd)
    }

    pub(super) fn remove_listener(&self, index: usize) {
        let mut table = self.0.table.borrow_mut();
        if let Some(listener) = table.listeners.get_mut(index) {
            if let Some(fd) = listener.fd.take() {
                // Ends the accept in flight; the kernel keeps its own reference until then.
                _ = SockRef::from(&fd).shutdown(std::net::Shutdown::Both);
            }
            listener.queue.clear();
        }
    }

    pub(super) fn poll_accept(&self, index: usize, cx: &Context<'_>) -> Option<OwnedFd> {
        let mut table = self.0.table.borrow_mut();
        let listener = &mut table.listeners[index];
        let accepted = listener.queue.pop_front();
        if accepted.is_none() {
            remember(&mut listener.waker, cx);
        }
        accepted
    }

    pub(super) fn poll_receive(
        &self,
        key: Key,
        cx: &Context<'_>,
    ) -> Poll<Result<Received, StreamError>> {
        let mut table = self.0.table.borrow_mut();
        if let Some(chunk) = pop(&mut table, key) {
            return Poll::Ready(Ok(Received::Chunk(chunk)));
        }
        let socket = table.owned(key);
        match socket.rx.end {
            Some(End::Closed) => return Poll::Ready(Ok(Received::End)),
            Some(end) => return Poll::Ready(Err(end.into())),
            None => remember(&mut socket.rx.waker, cx),
        }
        poll_deadline(&mut table, key, cx).map_ok(|()| Received::End)
    }

    pub(super) fn take_received(&self, key: Key) -> Option<Chunk> {
        pop(&mut self.0.table.borrow_mut(), key)
    }

    pub(super) fn send(&self, key: Key, chunk: Chunk) {
        self.0.table.borrow_mut().send(key, chunk);
    }

    pub(super) fn poll_drained(
        &self,
        key: Key,
        below: usize,
        cx: &Context<'_>,
    ) -> Poll<Result<(), StreamError>> {
        let mut table = self.0.table.borrow_mut();
        let socket = table.owned(key);
        if let Some(end) = socket.tx.end {
            return Poll::Ready(Err(end.into()));
        }
        if socket.tx.bytes <= below {
            return Poll::Ready(Ok(()));
        }
        remember(&mut socket.tx.waker, cx);
        poll_deadline(&mut table, key, cx)
    }

    pub(super) fn set_deadline(&self, key: Key, deadline: Option<Instant>) {
        let mut table = self.0.table.borrow_mut();
        let timer = match table.owned(key).timer {
            Some(timer) => timer,
            None if deadline.is_none() => return,
            None => {
                let timer = table.timers.add();
                table.owned(key).timer = Some(timer);
                timer
            }
        };
        table.timers.set(timer, deadline);
    }

    pub(super) fn with<T>(&self, key: Key, look: impl FnOnce(&Socket) -> T) -> T {
        look(self.0.table.borrow_mut().owned(key))
    }

    pub(super) fn release(&self, key: Key) {
        let mut table = self.0.table.borrow_mut();
        table.release(key, self.0.now.get());
    }

    pub(super) fn abort(&self, key: Key) {
        let woken = {
            let mut table = self.0.table.borrow_mut();
            table.abort(key, End::Aborted);
            std::mem::take(&mut table.woken)
        };
        for waker in woken {
            self.mark_runnable();
            waker.wake();
        }
    }
}

/// Takes the oldest chunk and lets a paused receive go on once half the limit is read.
fn pop(table: &mut Table, key: Key) -> Option<Chunk> {
    let limit = table.settings.receive_limit_bytes;
    let socket = table.owned(key);
    let chunk = socket.rx.queue.pop_front()?;
    socket.rx.bytes -= chunk.len();
    if socket.rx.arm == Arm::Off && socket.rx.bytes <= limit / 2 {
        table.arm(key);
    }
    Some(chunk)
}

fn remember(slot: &mut Option<std::task::Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        Some(_) | None => *slot = Some(cx.waker().clone()),
    }
}

/// `Pending` until the socket's deadline passes, then an error.
fn poll_deadline<T>(table: &mut Table, key: Key, cx: &Context<'_>) -> Poll<Result<T, StreamError>> {
    if let Some(timer) = table.owned(key).timer {
        if table.timers.expired(timer) {
            return Poll::Ready(Err(StreamError::TimedOut));
        }
        if table.timers.is_set(timer) {
            table.timers.watch(timer, cx.waker());
        }
    }
    Poll::Pending
}

/// A deadline of a shard; freed on drop.
pub struct Sleep {
    net: Net,
    timer: TimerId,
}

impl Sleep {
    /// Moves the deadline, or lifts it: cheaper than another [`Sleep`], since a later deadline
    /// costs the timers nothing.
    pub fn reset(&self, deadline: Option<Instant>) {
        self.net.0.table.borrow_mut().timers.set(self.timer, deadline);
    }

    /// Ready once the deadline has passed.
    pub fn poll_expired(&self, cx: &Context<'_>) -> Poll<()> {
        let mut table = self.net.0.table.borrow_mut();
        if table.timers.expired(self.timer) {
            return Poll::Ready(());
        }
        table.timers.watch(self.timer, cx.waker());
        Poll::Pending
    }

    /// Waits for the deadline.
    pub async fn elapsed(&self) {
        poll_fn(|cx| self.poll_expired(cx)).await;
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.net.0.table.borrow_mut().timers.remove(self.timer);
    }
}
