//! A blocking packet link: for the threads off the data cores (surveys of backends, the admin
//! port), where a thread may wait. Data sockets never come here: they belong to the ring.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::protocol::{Malformed, PacketReader, put_packet};

/// Bytes asked of the kernel at a time.
const READ_LEN: usize = 16 * 1024;

/// Why a link cannot go on. It is of no more use after any of these.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The peer closed where a packet was due.
    #[error("the peer closed the connection")]
    Closed,
    /// Nothing, or not enough, came before the deadline.
    #[error("no answer in time")]
    TimedOut,
    /// The peer's bytes are no packet, or not the one due.
    #[error("malformed packet: {0}")]
    Malformed(#[from] Malformed),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket that sends and receives whole packets.
#[derive(Debug)]
pub struct BlockingLink {
    socket: Socket,
    reader: PacketReader,
    unread: Vec<u8>,
    seq: u8,
    deadline: Instant,
}

impl BlockingLink {
    /// Connects over TCP within `timeout`, which also is the first deadline.
    ///
    /// # Errors
    /// [`LinkError::Io`] and [`LinkError::TimedOut`].
    pub fn connect_tcp(
        address: SocketAddr,
        timeout: Duration,
        packet_len_max: usize,
    ) -> Result<Self, LinkError> {
        let deadline = Instant::now() + timeout;
        let stream = TcpStream::connect_timeout(&address, timeout).map_err(timed)?;
        Self::new(Socket::Tcp(stream), deadline, packet_len_max)
    }

    /// Connects to a Unix socket; `timeout` is the first deadline.
    ///
    /// # Errors
    /// [`LinkError::Io`].
    pub fn connect_unix(
        path: &Path,
        timeout: Duration,
        packet_len_max: usize,
    ) -> Result<Self, LinkError> {
        let deadline = Instant::now() + timeout;
        Self::new(Socket::Unix(UnixStream::connect(path)?), deadline, packet_len_max)
    }

    /// Takes over an accepted socket; `timeout` is the first deadline.
    ///
    /// # Errors
    /// [`LinkError::Io`] when the socket's options cannot be set.
    pub fn accepted(
        stream: TcpStream,
        timeout: Duration,
        packet_len_max: usize,
    ) -> Result<Self, LinkError> {
        Self::new(Socket::Tcp(stream), Instant::now() + timeout, packet_len_max)
    }

    fn new(socket: Socket, deadline: Instant, packet_len_max: usize) -> Result<Self, LinkError> {
        if let Socket::Tcp(stream) = &socket {
            stream.set_nodelay(true)?;
        }
        let reader = PacketReader::new(packet_len_max);
        Ok(Self { socket, reader, unread: Vec::new(), seq: 0, deadline })
    }

    /// All that is sent or received from now on must be done within `timeout`.
    pub fn allow(&mut self, timeout: Duration) {
        self.deadline = Instant::now() + timeout;
    }

    /// Begins a command: the next packet, in either direction, has sequence number 0.
    pub const fn begin_command(&mut self) {
        self.seq = 0;
    }

    /// Sequence number that the next packet must have.
    #[must_use]
    pub const fn seq(&self) -> u8 {
        self.seq
    }

    /// The peer is on this machine's Unix socket: nobody can listen.
    #[must_use]
    pub const fn is_unix(&self) -> bool {
        matches!(self.socket, Socket::Unix(_))
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// Those of the socket, and [`LinkError::TimedOut`].
    pub fn send(&mut self, payload: &[u8]) -> Result<(), LinkError> {
        let mut out = Vec::with_capacity(payload.len() + 4);
        let seq = put_packet(&mut out, self.seq, payload);
        self.send_framed(&out, seq)
    }

    /// Sends packets that are framed already; `next_seq` is the number after the last of them.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_framed(&mut self, packets: &[u8], next_seq: u8) -> Result<(), LinkError> {
        let mut left = packets;
        while !left.is_empty() {
            let timeout = self.remaining()?;
            let sent = match &mut self.socket {
                Socket::Tcp(stream) => {
                    stream.set_write_timeout(Some(timeout))?;
                    stream.write(left)
                }
                Socket::Unix(stream) => {
                    stream.set_write_timeout(Some(timeout))?;
                    stream.write(left)
                }
            };
            match sent {
                Ok(0) => return Err(LinkError::Closed),
                Ok(len) => left = left.get(len..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(timed(error)),
            }
        }
        self.seq = next_seq;
        Ok(())
    }

    /// Waits for one whole packet.
    ///
    /// # Errors
    /// [`LinkError::Closed`] at the end of the stream, [`LinkError::TimedOut`] at the deadline,
    /// [`LinkError::Malformed`] for a wrong sequence number or a packet beyond the limit.
    pub fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        loop {
            let used = self.reader.feed(&self.unread)?;
            self.unread.drain(..used);
            if let Some((seq, payload)) = self.reader.take() {
                // A long packet has several parts; the reader checked their order.
                let parts = payload.len() / crate::protocol::MAX_PAYLOAD;
                let first = seq.wrapping_sub(u8::try_from(parts % 256).unwrap_or_default());
                if first != self.seq {
                    return Err(Malformed::Sequence { expected: self.seq, found: first }.into());
                }
                self.seq = seq.wrapping_add(1);
                return Ok(payload);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), LinkError> {
        let timeout = self.remaining()?;
        let mut chunk = vec![0; READ_LEN];
        let read = match &mut self.socket {
            Socket::Tcp(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.read(&mut chunk)
            }
            Socket::Unix(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.read(&mut chunk)
            }
        };
        match read {
            Ok(0) => Err(LinkError::Closed),
            Ok(len) => {
                self.unread.extend_from_slice(chunk.get(..len).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(timed(error)),
        }
    }

    fn remaining(&self) -> Result<Duration, LinkError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(LinkError::TimedOut) } else { Ok(left) }
    }

    /// Closes both directions; an error is of no interest any more.
    pub fn close(&self) {
        let _ = match &self.socket {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

fn timed(error: io::Error) -> LinkError {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        LinkError::TimedOut
    } else {
        LinkError::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn pair() -> (BlockingLink, BlockingLink) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let second = Duration::from_secs(1);
        let a = BlockingLink::connect_tcp(address, second, 1 << 20).unwrap();
        let b = BlockingLink::accepted(listener.accept().unwrap().0, second, 1 << 20).unwrap();
        (a, b)
    }

    #[test]
    fn packets_alternate_with_rising_numbers() {
        let (mut a, mut b) = pair();
        a.send(b"one").unwrap();
        assert_eq!(b.receive().unwrap(), b"one");
        b.send(b"two").unwrap();
        assert_eq!(a.receive().unwrap(), b"two");
        assert_eq!((a.seq(), b.seq()), (2, 2));
    }

    #[test]
    fn a_wrong_number_is_malformed() {
        let (mut a, mut b) = pair();
        a.send_framed(&[1, 0, 0, 5, 0], 6).unwrap();
        assert!(matches!(
            b.receive(),
            Err(LinkError::Malformed(Malformed::Sequence { expected: 0, found: 5 }))
        ));
    }

    #[test]
    fn silence_and_close_are_told_apart() {
        let (a, mut b) = pair();
        b.allow(Duration::from_millis(20));
        assert!(matches!(b.receive(), Err(LinkError::TimedOut)));
        a.close();
        b.allow(Duration::from_secs(1));
        assert!(matches!(b.receive(), Err(LinkError::Closed)));
    }
}
