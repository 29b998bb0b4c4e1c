//! Listening sockets: one a shard for TCP (SO_REUSEPORT), one shared for a Unix path.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::task::Poll;

use socket2::{Domain, SockAddr, Socket, Type};

use super::driver::Net;
use super::stream::Stream;

const BACKLOG: i32 = 4096;

/// A TCP listening socket that shares its port with the other shards' (SO_REUSEPORT).
///
/// # Errors
/// When the address is taken or not ours; the text names the address.
pub fn bind_tcp(addr: SocketAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.cloexec(), None)?;
    socket.set_reuse_port(true)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(addr)).map_err(|error| named(&error, &addr.to_string()))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Fails where another process listens on the address already: with SO_REUSEPORT alone, two
/// proxies started by mistake would share the clients between them.
///
/// # Errors
/// When the address is taken or not ours; the text names the address.
pub fn check_free(addr: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.cloexec(), None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(addr)).map_err(|error| named(&error, &addr.to_string()))
}

/// A Unix listening socket; a stale socket file that nobody listens on is replaced.
///
/// # Errors
/// When the path is in use or cannot be created.
pub fn bind_unix(path: &Path) -> io::Result<OwnedFd> {
    let target = SockAddr::unix(path)?;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM.cloexec(), None)?;
    socket.bind(&target).map_err(|error| named(&error, &path.display().to_string()))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn named(error: &io::Error, address: &str) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

/// Accepts on a shard's ring (multishot). Dropping it stops accepting.
pub struct Listener {
    net: Net,
    index: usize,
}

impl Listener {
    /// Starts accepting on `fd`.
    #[must_use]
    pub fn new(net: &Net, fd: OwnedFd) -> Self {
        Self { net: net.clone(), index: net.add_listener(fd) }
    }

    /// The next client, already receiving.
    pub async fn accept(&self) -> Stream {
        poll_fn(|cx| match self.net.poll_accept(self.index, cx) {
            Some(fd) => Poll::Ready(self.net.adopt(fd)),
            None => Poll::Pending,
        })
        .await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.net.remove_listener(self.index);
    }
}
