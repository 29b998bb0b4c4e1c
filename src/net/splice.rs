//! The speed of light: the shard's ring forwarding bytes, and nothing else.
//!
//! What the proxy's data path is measured against (`make compare`): the same ring, buffers and
//! flags as the rest of this floor (multishot accept and receive, sends straight out of the
//! receive buffers, one `io_uring_enter` a turn), but no executor, no tasks, no deadlines and no
//! protocol. Each client gets a backend connection of its own and the bytes of both go across.

#![allow(unsafe_code)]

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use io_uring::{cqueue, opcode, types};

use super::addr::tune_tcp;
use super::buffers::{Buffers, GROUP};
use super::queue::Queue;
use super::ring::{Completion, Key, Op, Ring, tag};

const BUFFERS_INITIAL: u16 = 256;
const BUFFERS_MAX: u16 = 1024;
const BUFFER_BYTES: usize = 32 * 1024;
/// Buffers added when the kernel finds none.
const GROWTH: u16 = 64;

/// One socket of a pair, and what is to be sent on it.
struct Half {
    fd: OwnedFd,
    queue: Queue,
    sending: bool,
}

/// A client's socket and its backend's.
struct Pair {
    halves: [Half; 2],
    /// Operations that the kernel holds.
    operations: u32,
    closing: bool,
}

/// The sockets: slot `2 n` is pair `n`'s client, `2 n + 1` its backend.
struct Splice {
    ring: Ring,
    backend: SocketAddr,
    pairs: Vec<Option<Pair>>,
    vacant: Vec<usize>,
    starved: Vec<usize>,
}

/// Forwards between the clients of `listener` and `backend` until the kernel refuses; dials with a
/// blocking connect, so `backend` should be near.
///
/// # Errors
/// It returns only with one: the ring cannot be made or used.
pub fn splice(listener: &OwnedFd, backend: SocketAddr) -> io::Error {
    match Splice::new(backend) {
        Ok(mut splice) => splice.run(listener),
        Err(error) => error,
    }
}

const fn key(slot: usize) -> Key {
    #[expect(clippy::cast_possible_truncation, reason = "fewer than 2^32 sockets")]
    Key { slot: slot as u32, generation: 0 }
}

impl Splice {
    fn new(backend: SocketAddr) -> io::Result<Self> {
        let ring = Ring::new(Buffers::new(BUFFERS_MAX, BUFFERS_INITIAL, BUFFER_BYTES)?)?;
        Ok(Self { ring, backend, pairs: Vec::new(), vacant: Vec::new(), starved: Vec::new() })
    }

    fn run(&mut self, listener: &OwnedFd) -> io::Error {
        let mut completions: Vec<Completion> = Vec::with_capacity(1024);
        self.accept(listener);
        loop {
            if let Err(error) = self.ring.submit_and_wait(true) {
                return error;
            }
            completions.clear();
            self.ring.reap(&mut completions);
            for event in &completions {
                let slot = event.key.slot as usize;
                match event.op {
                    Op::Accept => self.on_accept(*event, listener),
                    Op::Receive => self.on_receive(*event, slot),
                    Op::Send => self.on_send(*event, slot),
                    Op::Connect | Op::Cancel | Op::Doorbell | Op::Alarm => {}
                }
            }
            self.feed_starved();
        }
    }

    fn accept(&mut self, listener: &OwnedFd) {
        let fd = types::Fd(listener.as_raw_fd());
        let entry = opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build();
        self.ring.push(entry.user_data(tag(Op::Accept, key(0))));
    }

    fn on_accept(&mut self, event: Completion, listener: &OwnedFd) {
        if event.result >= 0 {
            // SAFETY: the kernel has just made this descriptor for us.
            let client = unsafe { OwnedFd::from_raw_fd(event.result) };
            // A client whose backend cannot be had is let go.
            if let Ok(backend) = TcpStream::connect(self.backend) {
                self.begin([client, backend.into()]);
            }
        }
        if !cqueue::more(event.flags) {
            self.accept(listener);
        }
    }

    fn begin(&mut self, fds: [OwnedFd; 2]) {
        let halves = fds.map(|fd| {
            let socket = socket2::Socket::from(fd);
            // Without it small packets wait, which is slow and not wrong.
            _ = tune_tcp(&socket);
            Half { fd: socket.into(), queue: Queue::default(), sending: false }
        });
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.pairs.push(None);
            self.pairs.len() - 1
        });
        self.pairs[index] = Some(Pair { halves, operations: 0, closing: false });
        self.receive(2 * index);
        self.receive(2 * index + 1);
    }

    fn receive(&mut self, slot: usize) {
        let Some(pair) = &mut self.pairs[slot / 2] else { return };
        pair.operations += 1;
        let fd = types::Fd(pair.halves[slot % 2].fd.as_raw_fd());
        let entry = opcode::RecvMulti::new(fd, GROUP).build();
        self.ring.push(entry.user_data(tag(Op::Receive, key(slot))));
    }

    /// Sends the front of the slot's queue; it stays there until the kernel is done with it.
    fn send(&mut self, slot: usize) {
        let Some(pair) = &mut self.pairs[slot / 2] else { return };
        let half = &mut pair.halves[slot % 2];
        half.sending = false;
        let Some(chunk) = half.queue.front() else { return };
        half.sending = true;
        pair.operations += 1;
        let bytes = chunk.as_slice();
        let len = u32::try_from(bytes.len()).expect("a chunk is smaller than 4 GiB");
        let entry = opcode::Send::new(types::Fd(half.fd.as_raw_fd()), bytes.as_ptr(), len)
            .flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
            .build();
        self.ring.push(entry.user_data(tag(Op::Send, key(slot))));
    }

    fn on_receive(&mut self, event: Completion, slot: usize) {
        let chunk = cqueue::buffer_select(event.flags)
            .map(|id| self.ring.buffers.filled(id, usize::try_from(event.result).unwrap_or(0)));
        let more = cqueue::more(event.flags);
        let Some(pair) = &mut self.pairs[slot / 2] else { return };
        if !more {
            pair.operations -= 1;
        }
        match (event.result, chunk) {
            (1.., Some(chunk)) if !pair.closing => {
                let other = &mut pair.halves[1 - slot % 2];
                other.queue.push_back(chunk);
                if !other.sending {
                    self.send(slot ^ 1);
                }
                if !more {
                    self.receive(slot);
                }
            }
            (result, _) if result == -libc::ENOBUFS && !pair.closing => self.starved.push(slot),
            _ => self.close(slot / 2),
        }
    }

    fn on_send(&mut self, event: Completion, slot: usize) {
        let Some(pair) = &mut self.pairs[slot / 2] else { return };
        pair.operations -= 1;
        let half = &mut pair.halves[slot % 2];
        let (Ok(sent), Some(front)) = (usize::try_from(event.result), half.queue.front_mut())
        else {
            return self.close(slot / 2);
        };
        front.advance(sent);
        if front.is_empty() {
            half.queue.pop_front();
        }
        if pair.closing {
            return self.close(slot / 2);
        }
        self.send(slot);
    }

    /// Either side's end is both's; the pair goes when the kernel holds nothing of it.
    fn close(&mut self, index: usize) {
        let Some(pair) = &mut self.pairs[index] else { return };
        if !pair.closing {
            pair.closing = true;
            for half in &pair.halves {
                // One that is closed already needs no shutdown.
                _ = socket2::SockRef::from(&half.fd).shutdown(std::net::Shutdown::Both);
            }
        }
        if pair.operations == 0 {
            self.starved.retain(|slot| slot / 2 != index);
            self.pairs[index] = None;
            self.vacant.push(index);
        }
    }

    /// Receives again where the kernel found no buffer, once there are some.
    fn feed_starved(&mut self) {
        if self.starved.is_empty()
            || (self.ring.buffers.free() == 0 && self.ring.buffers.grow(GROWTH) == 0)
        {
            return;
        }
        let fed = self.starved.len().min(usize::from(self.ring.buffers.free()));
        let slots: Vec<usize> = self.starved.drain(..fed).collect();
        for slot in slots {
            self.receive(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener};

    /// Two clients at once, more bytes than there are buffers, and the end of either side.
    #[test]
    fn bytes_come_back_as_they_went() {
        let echo = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let backend = echo.local_addr().expect("bound");
        std::thread::spawn(move || {
            for stream in echo.incoming().flatten() {
                std::thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        let front = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = front.local_addr().expect("bound");
        // It runs as long as the test's process.
        std::thread::spawn(move || splice(&front.into(), backend));
        for _ in 0..2 {
            let (first, second) = (TcpStream::connect(address), TcpStream::connect(address));
            let streams = [first.expect("it accepts"), second.expect("it accepts")];
            let sent: Vec<u8> = (0..16_u32 << 20).map(|at| (at % 251) as u8).collect();
            std::thread::scope(|scope| {
                for stream in &streams {
                    let sent = &sent;
                    scope.spawn(move || (&*stream).write_all(sent).expect("it takes them"));
                    scope.spawn(move || {
                        let mut got = vec![0; sent.len()];
                        (&*stream).read_exact(&mut got).expect("it gives them back");
                        assert!(got == *sent, "other bytes came back");
                    });
                }
            });
            for stream in &streams {
                stream.shutdown(Shutdown::Write).expect("connected");
                assert_eq!((&*stream).read(&mut [0]).expect("an orderly end"), 0);
            }
        }
    }
}
