//! A socket's slot: its queues and the operations that the kernel still holds on it.

#![allow(unsafe_code)]

use std::os::fd::OwnedFd;
use std::task::Waker;

use socket2::SockAddr;

use super::buffers::Chunk;
use super::queue::Queue;
use super::timers::TimerId;

/// Buffers that one gathered send may take.
pub(super) const GATHER_MAX: usize = 16;

/// Why nothing more will be received or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer closed its side.
    Closed,
    /// An `errno`.
    Failed(i32),
    /// We gave the socket up (kill, drain).
    Aborted,
}

/// Whether a receive operation is with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arm {
    Off,
    Armed,
    /// Armed, and asked to stop: the queue is at its limit.
    Cancelling,
    /// Off, and queued for re-arming when buffers return.
    Starved,
}

/// The receiving half.
pub(super) struct Receive {
    pub(super) queue: Queue,
    pub(super) bytes: usize,
    pub(super) arm: Arm,
    pub(super) end: Option<End>,
    pub(super) waker: Option<Waker>,
}

/// The sending half. The first `in_flight` chunks are with the kernel.
pub(super) struct Transmit {
    pub(super) queue: Queue,
    pub(super) bytes: usize,
    pub(super) in_flight: usize,
    /// Listed for the next turn's submissions.
    pub(super) queued_for_start: bool,
    pub(super) end: Option<End>,
    pub(super) waker: Option<Waker>,
    /// Header and vector of a gathered send; allocated by the first one.
    pub(super) gather: Option<Box<Gather>>,
}

/// What `sendmsg` reads: must not move while the operation is in flight.
pub(super) struct Gather {
    pub(super) header: libc::msghdr,
    pub(super) vector: [libc::iovec; GATHER_MAX],
}

impl Gather {
    pub(super) fn boxed() -> Box<Self> {
        // SAFETY: both are plain C structs for which all zeroes is a valid value.
        unsafe { Box::new(std::mem::zeroed()) }
    }

    /// Points the header at `chunks`; returns how many it took.
    pub(super) fn fill<'a>(&mut self, chunks: impl Iterator<Item = &'a Chunk>) -> usize {
        let mut count = 0;
        for (entry, chunk) in self.vector.iter_mut().zip(chunks) {
            let bytes = chunk.as_slice();
            entry.iov_base = bytes.as_ptr().cast_mut().cast();
            entry.iov_len = bytes.len();
            count += 1;
        }
        self.header.msg_iov = self.vector.as_mut_ptr();
        self.header.msg_iovlen = count;
        count
    }
}

/// Life of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Open,
    /// The owner has let go; what is queued may still leave, then the socket closes.
    Closing,
}

/// One socket with everything the kernel may refer to.
pub(super) struct Socket {
    pub(super) fd: OwnedFd,
    pub(super) rx: Receive,
    pub(super) tx: Transmit,
    pub(super) phase: Phase,
    /// Operations whose last completion has not come yet.
    pub(super) operations: u32,
    pub(super) timer: Option<TimerId>,
    /// Target of a connect in flight.
    pub(super) target: Option<Box<SockAddr>>,
    /// Which [`super::table::Traffic`] its bytes count to.
    pub(super) account: u16,
    pub(super) sent_bytes: u64,
}

impl Socket {
    pub(super) fn new(fd: OwnedFd, phase: Phase) -> Self {
        Self {
            fd,
            rx: Receive {
                queue: Queue::default(),
                bytes: 0,
                arm: Arm::Off,
                end: None,
                waker: None,
            },
            tx: Transmit {
                queue: Queue::default(),
                bytes: 0,
                in_flight: 0,
                queued_for_start: false,
                end: None,
                waker: None,
                gather: None,
            },
            phase,
            operations: 0,
            timer: None,
            target: None,
            account: 0,
            sent_bytes: 0,
        }
    }

    /// Takes `bytes` off the first `chunks` that are queued: the kernel has them.
    pub(super) fn sent(&mut self, mut bytes: usize, chunks: usize) {
        self.tx.bytes -= bytes;
        self.sent_bytes += bytes as u64;
        for _ in 0..chunks {
            let Some(first) = self.tx.queue.front_mut() else { break };
            if bytes < first.len() {
                first.advance(bytes);
                break;
            }
            bytes -= first.len();
            self.tx.queue.pop_front();
        }
    }

    /// Ends both halves, unless they ended already; the wakers are the caller's to wake.
    pub(super) fn end(&mut self, end: End, woken: &mut Vec<Waker>) {
        self.rx.end.get_or_insert(end);
        self.tx.end.get_or_insert(end);
        woken.extend(self.rx.waker.take());
        woken.extend(self.tx.waker.take());
    }
}
