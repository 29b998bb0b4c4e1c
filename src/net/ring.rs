//! The `io_uring` itself: set-up, submission with an overflow queue, completion records.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use io_uring::types::Timespec;
use io_uring::{IoUring, squeue};

use super::buffers::{Buffers, GROUP};

const SUBMISSIONS: u32 = 1024;
const COMPLETIONS: u32 = 8192;

/// Sends up to this many bytes complete while they are submitted, unless their peer does not read.
pub(super) const AT_ONCE_BYTES: usize = 16 * 1024;

/// How long a wait goes on though sends have completed and nothing else has: the longest that an
/// event is kept waiting by a send that did not complete at once.
const SENDS_ALONE: Duration = Duration::from_micros(250);

/// Flags of `io_uring_enter`: run deferred work and wait; the argument is a [`Wait`].
const ENTER_GETEVENTS: u32 = 1;
const ENTER_EXT_ARG: u32 = 8;

/// `struct io_uring_getevents_arg`.
#[repr(C)]
struct Wait<'a> {
    sigmask: u64,
    sigmask_bytes: u32,
    /// 0, or after how long any completion ends the wait (Linux 6.12).
    any_after_us: u32,
    at_most: &'a Timespec,
}

/// What an operation was, kept in its `user_data` beside the socket's slot and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Op {
    Accept = 1,
    Receive = 2,
    Send = 3,
    Connect = 4,
    Cancel = 5,
    Doorbell = 6,
}

impl Op {
    fn from_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            1 => Self::Accept,
            2 => Self::Receive,
            3 => Self::Send,
            4 => Self::Connect,
            5 => Self::Cancel,
            6 => Self::Doorbell,
            _ => return None,
        })
    }
}

/// Slot and generation of the socket or listener an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) slot: u32,
    /// 24 bits: tells a late completion of a former owner from the slot's present one.
    pub(super) generation: u32,
}

/// Packs an operation and its owner into a `user_data` word.
pub(super) fn tag(op: Op, key: Key) -> u64 {
    u64::from(op as u8) << 56 | u64::from(key.generation & 0xff_ffff) << 32 | u64::from(key.slot)
}

/// One completion, decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Completion {
    pub(super) op: Op,
    pub(super) key: Key,
    pub(super) result: i32,
    pub(super) flags: u32,
}

/// A shard's ring with its receive buffers.
pub(super) struct Ring {
    ring: IoUring,
    overflow: VecDeque<squeue::Entry>,
    /// Operations queued since the last enter that complete in the next.
    at_once: u32,
    /// Whether the kernel knows [`Wait::any_after_us`].
    waits_in_two: bool,
    pub(super) buffers: Rc<Buffers>,
}

impl Ring {
    /// Creates the ring; the calling thread must be the one that submits (single issuer).
    pub(super) fn new(buffers: Buffers) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        // SAFETY: the entry ring is mapped for `capacity` entries and outlives the io_uring: the
        // field order drops `ring` first.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                buffers.ring_address(),
                buffers.capacity(),
                GROUP,
                0,
            )?;
        }
        let mut this = Self {
            ring,
            overflow: VecDeque::new(),
            at_once: 0,
            waits_in_two: true,
            buffers: Rc::new(buffers),
        };
        // Older kernels refuse what was padding.
        this.waits_in_two = this.enter(1, Duration::ZERO, SENDS_ALONE).is_ok();
        Ok(this)
    }

    /// Queues an operation for the next [`Ring::submit_and_wait`].
    ///
    /// Everything the entry points at must stay valid until its completion: callers keep it in
    /// the socket's slot, which outlives its operations.
    pub(super) fn push(&mut self, entry: squeue::Entry) {
        if self.overflow.is_empty() {
            // SAFETY: see above: slots keep buffers, addresses and headers until completion.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
        }
        self.overflow.push_back(entry);
    }

    /// The same for a send of `bytes`, at most [`AT_ONCE_BYTES`] to a peer that has taken all
    /// before.
    pub(super) fn push_send(&mut self, entry: squeue::Entry, bytes: usize) {
        self.at_once += u32::from(bytes <= AT_ONCE_BYTES);
        self.push(entry);
    }

    /// One `io_uring_enter`: submits all, waits at most `wait` for a completion that is news (not
    /// at all when submissions are left over, or when `wait` is `None`). Sends that complete while
    /// they are submitted are none: else each send would cost an enter that finds nothing to do.
    pub(super) fn submit_and_wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        {
            let mut queue = self.ring.submission();
            while let Some(entry) = self.overflow.front() {
                // SAFETY: as in `push`.
                if unsafe { queue.push(entry) }.is_err() {
                    break;
                }
                self.overflow.pop_front();
            }
        }
        let at_once = std::mem::take(&mut self.at_once);
        // Always asks for one completion: a deferred-taskrun ring does its work only then. With
        // no time to wait it returns at once.
        let wait = wait.filter(|_| self.overflow.is_empty()).unwrap_or(Duration::ZERO);
        let entered = if self.waits_in_two && at_once > 0 && wait > SENDS_ALONE {
            self.enter(1 + at_once, wait, SENDS_ALONE)
        } else {
            self.enter(1, wait, Duration::ZERO)
        };
        match entered {
            Ok(()) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // A full completion queue or memory pressure pass once completions are reaped.
                Some(libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Submits what is queued and waits for `completions`, or any after `any_after` (unless that is
    /// zero), at most `wait`.
    fn enter(&mut self, completions: u32, wait: Duration, any_after: Duration) -> io::Result<()> {
        let queued = u32::try_from(self.ring.submission().len()).expect("a ring's length");
        let at_most = Timespec::from(wait);
        let wait = Wait {
            sigmask: 0,
            sigmask_bytes: 0,
            any_after_us: any_after.subsec_micros(),
            at_most: &at_most,
        };
        let flags = ENTER_GETEVENTS | ENTER_EXT_ARG;
        // SAFETY: the argument is laid out as the kernel's, and it and the time that it points at
        // outlive the call; what the entries point at is kept as in `push`.
        let entered =
            unsafe { self.ring.submitter().enter(queued, completions, flags, Some(&wait)) };
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Moves all completions that are ready into `out`.
    pub(super) fn reap(&mut self, out: &mut Vec<Completion>) {
        out.extend(self.ring.completion().filter_map(|entry| {
            let word = entry.user_data();
            Some(Completion {
                op: Op::from_tag((word >> 56) as u8)?,
                key: Key {
                    slot: (word & 0xffff_ffff) as u32,
                    generation: (word >> 32 & 0xff_ffff) as u32,
                },
                result: entry.result(),
                flags: entry.flags(),
            })
        }));
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_round_trips() {
        let key = Key { slot: 0xdead_beef, generation: 0xab_cdef };
        let word = tag(Op::Connect, key);
        assert_eq!((word >> 56) as u8, Op::Connect as u8);
        assert_eq!((word & 0xffff_ffff) as u32, key.slot);
        assert_eq!((word >> 32 & 0xff_ffff) as u32, key.generation);
    }
}
