//! Addresses as the ring dials them: already resolved.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use socket2::{Domain, SockAddr, Socket, Type};

/// Where a socket leads: a resolved TCP address or a Unix socket's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerAddress {
    /// IPv4 or IPv6 address and port.
    Tcp(SocketAddr),
    /// Path of a Unix stream socket.
    Unix(PathBuf),
}

impl PeerAddress {
    /// A stream socket (blocking: `io_uring` would fail a non-blocking one with EAGAIN) of the right family, and the address in the kernel's form.
    pub(super) fn socket(&self) -> io::Result<(Socket, SockAddr)> {
        let (domain, target) = match self {
            Self::Tcp(addr) => (Domain::for_address(*addr), SockAddr::from(*addr)),
            Self::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        };
        let socket = Socket::new(domain, Type::STREAM.cloexec(), None)?;
        if let Self::Tcp(_) = self {
            tune_tcp(&socket)?;
        }
        Ok((socket, target))
    }
}

/// Small packets leave at once, and a dead peer is noticed without traffic.
pub(super) fn tune_tcp(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
