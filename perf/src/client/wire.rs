//! Sockets and packets.

use super::{Address, Error, Packet};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A payload of this many bytes is continued in the next packet.
const FULL: usize = 0xFF_FFFF;
const CHUNK: usize = 64 * 1024;

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket that reads and writes packets, and raw bytes where a test wants to be rude.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    inbox: Vec<u8>,
    read_at: usize,
    seq: u8,
}

impl Wire {
    /// Dials `address`; `timeout` holds for the dial and each read and write.
    ///
    /// # Errors
    /// The socket's.
    pub fn connect(address: &Address, timeout: Duration) -> Result<Self, Error> {
        let socket = match address {
            Address::Tcp(host) => {
                let peer = host
                    .to_socket_addrs()?
                    .next()
                    .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
                let stream = TcpStream::connect_timeout(&peer, timeout)?;
                stream.set_nodelay(true)?;
                Socket::Tcp(stream)
            }
            Address::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
        };
        let mut wire = Self { socket, inbox: Vec::new(), read_at: 0, seq: 0 };
        wire.set_timeout(timeout)?;
        Ok(wire)
    }

    /// Wraps a socket that is already connected: the server's end, for scripted peers.
    #[must_use]
    pub const fn accepted(stream: TcpStream) -> Self {
        Self { socket: Socket::Tcp(stream), inbox: Vec::new(), read_at: 0, seq: 0 }
    }

    /// Changes the timeout of each read and write.
    ///
    /// # Errors
    /// The socket's.
    pub fn set_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        let timeout = Some(timeout);
        match &self.socket {
            Socket::Tcp(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)?;
            }
            Socket::Unix(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)?;
            }
        }
        Ok(())
    }

    /// Whether a password may travel in clear.
    #[must_use]
    pub const fn is_unix(&self) -> bool {
        matches!(self.socket, Socket::Unix(_))
    }

    /// The TCP socket itself; `None` on a unix socket.
    #[must_use]
    pub const fn tcp(&self) -> Option<&TcpStream> {
        match &self.socket {
            Socket::Tcp(stream) => Some(stream),
            Socket::Unix(_) => None,
        }
    }

    /// The number that the next packet, in either direction, must have.
    #[must_use]
    pub const fn seq(&self) -> u8 {
        self.seq
    }

    /// Begins a command (0) or bends the numbering.
    pub const fn set_seq(&mut self, seq: u8) {
        self.seq = seq;
    }

    /// Sends one logical packet, split where it is over 16 MiB.
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut out = Vec::with_capacity(payload.len().min(FULL) + 8);
        for part in payload.chunks(FULL) {
            self.put_part(&mut out, part);
        }
        if payload.len().is_multiple_of(FULL) {
            self.put_part(&mut out, &[]);
        }
        self.send_bytes(&out)
    }

    fn put_part(&mut self, out: &mut Vec<u8>, part: &[u8]) {
        out.extend_from_slice(&part.len().to_le_bytes()[..3]);
        out.push(self.seq);
        out.extend_from_slice(part);
        self.seq = self.seq.wrapping_add(1);
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write_all(bytes)?,
            Socket::Unix(stream) => stream.write_all(bytes)?,
        }
        Ok(())
    }

    /// Ends our direction; the peer sees the end of the stream.
    ///
    /// # Errors
    /// The socket's.
    pub fn shutdown_write(&self) -> Result<(), Error> {
        match &self.socket {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write)?,
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write)?,
        }
        Ok(())
    }

    /// Reads one logical packet, in one piece, checking the numbers.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Closed`], [`Error::Sequence`] and the socket's.
    pub fn receive(&mut self) -> Result<Packet, Error> {
        let mut payload = Vec::new();
        loop {
            self.fill(4)?;
            let head = &self.inbox[self.read_at..];
            let len = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
            let seq = head[3];
            if seq != self.seq {
                return Err(Error::Sequence { got: seq, expected: self.seq });
            }
            self.seq = seq.wrapping_add(1);
            self.fill(4 + len)?;
            let start = self.read_at + 4;
            payload.extend_from_slice(&self.inbox[start..start + len]);
            self.read_at = start + len;
            if len < FULL {
                return Ok(Packet { seq, payload });
            }
        }
    }

    /// Reads until the peer closes, or the timeout; returns what came.
    pub fn read_to_close(&mut self) -> (Vec<u8>, bool) {
        let closed = loop {
            let have = self.inbox.len() - self.read_at;
            match self.fill(have + 1) {
                Ok(()) => {}
                Err(Error::Timeout) => break false,
                Err(_) => break true,
            }
        };
        (self.inbox.split_off(self.read_at), closed)
    }

    /// Bytes that have come and are not read yet.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.inbox.len() - self.read_at
    }

    fn fill(&mut self, need: usize) -> Result<(), Error> {
        if self.read_at == self.inbox.len() || self.read_at > 4 * CHUNK {
            self.inbox.drain(..self.read_at);
            self.read_at = 0;
        }
        while self.inbox.len() - self.read_at < need {
            let at = self.inbox.len();
            self.inbox.resize(at + CHUNK, 0);
            let got = match &mut self.socket {
                Socket::Tcp(stream) => stream.read(&mut self.inbox[at..]),
                Socket::Unix(stream) => stream.read(&mut self.inbox[at..]),
            };
            self.inbox.truncate(at + got.as_ref().copied().unwrap_or(0));
            match got {
                Ok(0) => return Err(Error::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(error)),
            }
        }
        Ok(())
    }
}

fn read_error(error: io::Error) -> Error {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        Error::Timeout
    } else if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
        Error::Closed
    } else {
        Error::Io(error)
    }
}
