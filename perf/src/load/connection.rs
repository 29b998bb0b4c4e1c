//! One connection of a load: dial, login, statements, without waiting for anything.

use super::requests::Requests;
use super::setup::{self, Setup};
use super::tally::{Failure, Fault};
use super::walk::{End, Walk};
use crate::client::{Address, Options};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType,
    connect, recv, send, socket_with, sockopt,
};
use std::io;
use std::net::ToSocketAddrs;
use std::ops::Range;

/// COM_QUIT, as a packet.
const QUIT: [u8; 5] = [1, 0, 0, 0, 1];

/// An address that needs no further look-up.
pub(super) fn resolve(address: &Address) -> io::Result<SocketAddrAny> {
    match address {
        Address::Tcp(host) => {
            let found = host.to_socket_addrs()?.next();
            Ok(found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?.into())
        }
        Address::Unix(path) => Ok(SocketAddrUnix::new(path)?.into()),
    }
}

/// What a connection has come to.
#[derive(Debug)]
pub(super) enum Event {
    /// It waits for its peer.
    Waiting,
    /// It is logged in and has prepared its statements.
    Ready,
    /// A statement's reply is complete.
    Reply(End),
}

/// What it is doing.
#[derive(Debug)]
enum Phase {
    /// No socket.
    Closed,
    /// On the way to the first statement.
    Setup(Box<Setup>),
    /// Nothing is under way.
    Free,
    /// A statement is.
    Busy,
}

/// A connection, and the operation that is under way on it.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Option<OwnedFd>,
    phase: Phase,
    walk: Walk,
    statement_ids: Vec<u32>,
    /// The statement's operation, place and variant.
    request: (usize, usize, Range<usize>),
    /// How much of it has been sent.
    sent: usize,
    /// Bytes received since the count was taken.
    bytes_in: u64,
}

impl Connection {
    pub(super) const fn new() -> Self {
        Self {
            socket: None,
            phase: Phase::Closed,
            walk: Walk::new(false),
            statement_ids: Vec::new(),
            request: (0, 0, 0..0),
            sent: 0,
            bytes_in: 0,
        }
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(super) const fn is_in_setup(&self) -> bool {
        matches!(self.phase, Phase::Setup(_))
    }

    /// Rows and bytes that have come since this was last asked.
    pub(super) const fn take_counts(&mut self) -> (u64, u64) {
        (self.walk.take_rows(), std::mem::replace(&mut self.bytes_in, 0))
    }

    /// Begins to dial; the socket is the caller's to poll.
    pub(super) fn dial(&mut self, address: &SocketAddrAny) -> Result<BorrowedFd<'_>, Failure> {
        let family = address.address_family();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(failed)?;
        let tcp = family == AddressFamily::INET || family == AddressFamily::INET6;
        if tcp {
            sockopt::set_tcp_nodelay(&socket, true).map_err(failed)?;
        }
        match connect(&socket, address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(failed(errno)),
        }
        self.phase = Phase::Setup(Box::new(Setup::new(!tcp)));
        let socket: &OwnedFd = self.socket.insert(socket);
        Ok(socket.as_fd())
    }

    /// Leaves as a client does: COM_QUIT, and away.
    pub(super) fn quit(&mut self) {
        if let (Some(socket), Phase::Free) = (&self.socket, &self.phase) {
            // The connection is given up: whether the peer still reads it does not matter.
            let _ = send(socket, &QUIT, SendFlags::NOSIGNAL);
        }
        self.close();
    }

    /// Closes the socket, in the middle of whatever is under way.
    pub(super) fn close(&mut self) {
        self.socket = None;
        self.phase = Phase::Closed;
    }

    /// Sends a statement, as much of it as the socket takes.
    pub(super) fn begin(
        &mut self,
        requests: &mut Requests,
        operation: usize,
        step: usize,
    ) -> Result<(), Failure> {
        let variant = requests.operations[operation].statements[step].next();
        self.request = (operation, step, variant);
        self.sent = 0;
        self.phase = Phase::Busy;
        self.send(requests)
    }

    fn send(&mut self, requests: &mut Requests) -> Result<(), Failure> {
        let (operation, step, variant) = &self.request;
        let Some(socket) = &self.socket else { return Ok(()) };
        while self.sent < variant.len() {
            let statement = &mut requests.operations[*operation].statements[*step];
            let bytes = statement.bytes(variant.clone(), &self.statement_ids);
            match send(socket, &bytes[self.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        Ok(())
    }

    /// Goes on after the socket has become ready; edge-triggered, so each direction is used until
    /// it would wait. `closing`: the peer has closed, so the socket is read to its end.
    pub(super) fn advance(
        &mut self,
        requests: &mut Requests,
        options: &Options,
        buffer: &mut [u8],
        closing: bool,
    ) -> Result<Event, Failure> {
        loop {
            match &mut self.phase {
                Phase::Closed => return Ok(Event::Waiting),
                Phase::Busy => self.send(requests)?,
                Phase::Free => {}
                Phase::Setup(setup) => {
                    if let Some(socket) = &self.socket {
                        setup.send(socket.as_fd())?;
                    }
                }
            }
            let Some(socket) = &self.socket else { return Ok(Event::Waiting) };
            let got = match recv(socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Err(closed()),
                Ok((got, _)) => got,
                Err(Errno::AGAIN) => return Ok(Event::Waiting),
                // A dial that is under way.
                Err(Errno::NOTCONN) if self.is_in_setup() => return Ok(Event::Waiting),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(failed(errno)),
            };
            self.bytes_in += got as u64;
            let event = self.take(&buffer[..got], options, requests)?;
            if !matches!(event, Event::Waiting) {
                return Ok(event);
            }
            // Less than asked for: nothing more waits. A request may wait in the setup's outbox.
            if got < buffer.len() && !closing && !self.is_in_setup() {
                return Ok(Event::Waiting);
            }
        }
    }

    fn take(
        &mut self,
        bytes: &[u8],
        options: &Options,
        requests: &Requests,
    ) -> Result<Event, Failure> {
        match &mut self.phase {
            Phase::Closed => Ok(Event::Waiting),
            Phase::Free => Err(malformed("bytes that nothing was asked for")),
            Phase::Setup(setup) => {
                let Some(done) = setup.take(bytes, options, &requests.prepared)? else {
                    return Ok(Event::Waiting);
                };
                self.walk = Walk::new(done.deprecate_eof);
                self.statement_ids = done.statement_ids;
                self.phase = Phase::Free;
                Ok(Event::Ready)
            }
            Phase::Busy => match self.walk.take(bytes) {
                (_, None) => Ok(Event::Waiting),
                (_, Some(End::Malformed)) => Err(malformed("no reply to a query")),
                (_, Some(End::Err(error))) if self.sent < self.request.2.len() => {
                    Err(setup::refused(&error))
                }
                (used, Some(end)) if used == bytes.len() => {
                    self.phase = Phase::Free;
                    Ok(Event::Reply(end))
                }
                (_, Some(_)) => Err(malformed("bytes behind the end of the reply")),
            },
        }
    }
}

/// The peer has gone.
pub(super) fn closed() -> Failure {
    Failure { fault: Fault::Closed, text: "the peer closed the connection".into() }
}

pub(super) fn malformed(text: &str) -> Failure {
    Failure { fault: Fault::Malformed, text: text.into() }
}

/// A socket's error, with the way out of it where it is not a peer's.
pub(super) fn failed(errno: Errno) -> Failure {
    let hint = match errno {
        Errno::MFILE => "; raise `ulimit -n`",
        Errno::NFILE => "; raise fs.file-max",
        Errno::ADDRNOTAVAIL => "; the local ports are used up: net.ipv4.ip_local_port_range",
        _ => "",
    };
    let text = format!("{}{hint}", io::Error::from(errno));
    Failure { fault: Fault::Socket(errno.raw_os_error()), text }
}
