//! What leaves: queued by the sessions, handed to the kernel once a turn.

#![allow(unsafe_code)]

use std::os::fd::AsRawFd;

use io_uring::{opcode, types};

use super::buffers::Chunk;
use super::ring::{Completion, Key, Op, tag};
use super::socket::{End, GATHER_MAX, Gather};
use super::table::Table;

/// Notices that one client alone keeps the shard busy.
#[derive(Debug, Default)]
pub(super) struct Lone {
    last: Option<Key>,
    /// How often it was heard with no other between.
    times: u32,
}

impl Lone {
    /// From then on a client is taken to be alone.
    const TIMES: u32 = 8;

    /// Bytes came from this client.
    pub(super) fn heard(&mut self, client: Key) {
        if self.last == Some(client) {
            self.times = self.times.saturating_add(1);
        } else {
            *self = Self { last: Some(client), times: 0 };
        }
    }

    fn is_alone(&self) -> bool {
        self.times >= Self::TIMES
    }
}

impl Table {
    /// Queues bytes behind those already queued.
    pub(super) fn send(&mut self, key: Key, chunk: Chunk) {
        let socket = self.owned(key);
        if socket.tx.end.is_some() || chunk.is_empty() {
            return;
        }
        socket.tx.bytes += chunk.len();
        socket.tx.queue.push_back(chunk);
        if socket.tx.in_flight == 0 && !socket.tx.queued_for_start {
            socket.tx.queued_for_start = true;
            self.starting.push(key);
        }
    }

    /// Hands the queued sends of this turn to the kernel; gathered, so that what several calls of
    /// [`Table::send`] queued for a socket leaves in one operation.
    ///
    /// Where one client is alone they are sent at once, by a call each: the ring would end the next
    /// wait for nothing but to say that it is done. Where there are others, that turn finds them
    /// ready before the shard sleeps, and costs less than to sleep and wake.
    pub(super) fn start_sends(&mut self) {
        let mut starting = std::mem::take(&mut self.starting);
        let at_once = self.lone.is_alone();
        for key in starting.drain(..) {
            if at_once {
                self.send_now(key);
            }
            self.start_send(key);
        }
        self.starting = starting;
    }

    /// Sends what fits of a single chunk into the socket's buffer, without the ring.
    fn send_now(&mut self, key: Key) {
        let Some(socket) = self.socket(key) else { return };
        let tx = &mut socket.tx;
        tx.queued_for_start = false;
        if tx.in_flight > 0 || tx.end.is_some() || !tx.queue.is_single() {
            return;
        }
        let Some(bytes) = tx.queue.front().map(Chunk::as_slice) else { return };
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        // SAFETY: the slot owns the descriptor and the chunk, which live beyond the call.
        let sent =
            unsafe { libc::send(socket.fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
        // What an error means is left to the ring, which meets it again.
        if let Ok(sent @ 1..) = usize::try_from(sent) {
            socket.sent(sent, 1);
            let (waker, account) = (socket.tx.waker.take(), socket.account);
            self.woken.extend(waker);
            self.traffic[usize::from(account)].sent += sent as u64;
            self.finish(key);
        }
    }

    fn start_send(&mut self, key: Key) {
        let Some(socket) = self.socket(key) else { return };
        let tx = &mut socket.tx;
        tx.queued_for_start = false;
        if tx.in_flight > 0 || tx.queue.is_empty() || tx.end.is_some() {
            return;
        }
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        let fd = types::Fd(socket.fd.as_raw_fd());
        let entry = if let (true, Some(first)) = (tx.queue.is_single(), tx.queue.front()) {
            tx.in_flight = 1;
            let bytes = first.as_slice();
            let len = u32::try_from(bytes.len()).expect("a chunk is smaller than 4 GiB");
            opcode::Send::new(fd, bytes.as_ptr(), len).flags(flags).build()
        } else {
            let gather = tx.gather.get_or_insert_with(Gather::boxed);
            tx.in_flight = gather.fill(tx.queue.iter().take(GATHER_MAX));
            opcode::SendMsg::new(fd, &raw const gather.header).flags(flags.cast_unsigned()).build()
        };
        socket.operations += 1;
        self.ring.push(entry.user_data(tag(Op::Send, key)));
    }

    pub(super) fn on_send(&mut self, event: Completion) {
        let Some(socket) = self.socket(event.key) else { return };
        socket.operations -= 1;
        let tx = &mut socket.tx;
        let in_flight = std::mem::take(&mut tx.in_flight);
        let sent = usize::try_from(event.result).unwrap_or(0);
        if event.result < 0 {
            let failure =
                if event.result == -libc::EPIPE { End::Closed } else { End::Failed(-event.result) };
            tx.end.get_or_insert(failure);
        } else {
            socket.sent(sent, in_flight);
        }
        if socket.tx.end.is_some() {
            socket.tx.queue.clear();
            socket.tx.bytes = 0;
        }
        let (waker, account) = (socket.tx.waker.take(), socket.account);
        self.woken.extend(waker);
        self.traffic[usize::from(account)].sent += sent as u64;
        self.start_send(event.key);
        self.finish(event.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_is_alone_until_another_speaks() {
        let mut lone = Lone::default();
        let client = |slot| Key { slot, generation: 0 };
        for _ in 0..Lone::TIMES {
            lone.heard(client(1));
            assert!(!lone.is_alone());
        }
        lone.heard(client(1));
        assert!(lone.is_alone());
        lone.heard(client(2));
        assert!(!lone.is_alone());
        lone.heard(client(1));
        assert!(!lone.is_alone());
    }
}
