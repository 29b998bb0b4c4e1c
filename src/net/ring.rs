//! The `io_uring` itself: set-up, submission with an overflow queue, completion records.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Instant;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};

use super::buffers::{Buffers, GROUP};

const SUBMISSIONS: u32 = 1024;
const COMPLETIONS: u32 = 8192;

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
    Alarm = 7,
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
            7 => Self::Alarm,
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
    pub(super) buffers: Rc<Buffers>,
    alarm: Alarm,
}

/// What ends a wait in time: an operation of its own, so that a wait does not start and stop a
/// timer of the kernel's each time, which costs a virtual machine an exit to its host.
#[derive(Default)]
struct Alarm {
    /// When the alarm that was set last goes off, unless it has.
    at: Option<Instant>,
    /// Tells it from those that were set before.
    number: u32,
    /// The kernel reads it when it is submitted.
    delay: Box<Timespec>,
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
        Ok(Self {
            ring,
            overflow: VecDeque::new(),
            buffers: Rc::new(buffers),
            alarm: Alarm::default(),
        })
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

    /// Sees to it that [`Ring::submit_and_wait`] waits no longer than about until `at`.
    pub(super) fn set_alarm(&mut self, at: Instant, now: Instant) {
        if self.alarm.at.is_some_and(|set| set <= at) {
            return;
        }
        self.alarm.at = Some(at);
        self.alarm.number = self.alarm.number.wrapping_add(1);
        *self.alarm.delay = Timespec::from(at.saturating_duration_since(now));
        let entry = opcode::Timeout::new(&raw const *self.alarm.delay).build();
        let key = Key { slot: self.alarm.number, generation: 0 };
        self.push(entry.user_data(tag(Op::Alarm, key)));
    }

    /// An alarm went off.
    pub(super) fn on_alarm(&mut self, key: Key) {
        if key.slot == self.alarm.number {
            self.alarm.at = None;
        }
    }

    /// One `io_uring_enter`: submits all, and waits for a completion; not at all when submissions
    /// are left over, or when it is not to `wait`.
    pub(super) fn submit_and_wait(&mut self, wait: bool) -> io::Result<()> {
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
        // Always asks for one completion: a deferred-taskrun ring does its work only then. With
        // no time to wait it returns at once.
        let submitter = self.ring.submitter();
        let done = if wait && self.overflow.is_empty() {
            submitter.submit_and_wait(1)
        } else {
            let no_time = Timespec::new();
            submitter.submit_with_args(1, &SubmitArgs::new().timespec(&no_time))
        };
        match done {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // A full completion queue or memory pressure pass once completions are reaped.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
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
