//! A socket as the conversations see it.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use thiserror::Error;

use super::buffers::Chunk;
use super::driver::Net;
use super::ring::Key;
use super::socket::End;

/// What came from a peer.
#[derive(Debug)]
pub enum Received {
    /// At least one byte.
    Chunk(Chunk),
    /// The peer closed its side in order.
    End,
}

/// Why a socket is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The deadline set with [`Stream::set_deadline`] passed.
    #[error("no answer in time")]
    TimedOut,
    /// The kernel reports a failure.
    #[error("{}", std::io::Error::from_raw_os_error(*.errno))]
    Failed {
        /// The `errno`.
        errno: i32,
    },
    /// The peer closed while we had something to send.
    #[error("closed by the peer")]
    Closed,
    /// We gave the socket up ([`Stream::abort`]).
    #[error("ended by the proxy")]
    Aborted,
}

impl From<End> for StreamError {
    fn from(end: End) -> Self {
        match end {
            End::Closed => Self::Closed,
            End::Failed(errno) => Self::Failed { errno },
            End::Aborted => Self::Aborted,
        }
    }
}

/// One connected socket. Dropping it sends what is queued (for a bounded time) and closes.
pub struct Stream {
    pub(super) net: Net,
    pub(super) key: Key,
}

impl Stream {
    /// The next bytes, the end, or an error; what was received before an error comes first.
    pub fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Result<Received, StreamError>> {
        self.net.poll_receive(self.key, cx)
    }

    /// The next bytes. See [`Stream::poll_receive`].
    ///
    /// # Errors
    /// [`StreamError::TimedOut`] past the deadline; otherwise the socket is dead.
    pub async fn receive(&self) -> Result<Received, StreamError> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// Received bytes, if there are any already.
    #[must_use]
    pub fn take_received(&self) -> Option<Chunk> {
        self.net.take_received(self.key)
    }

    /// Queues bytes to be sent behind those queued before. Sent with the driver's next turn.
    pub fn send(&self, chunk: Chunk) {
        self.net.send(self.key, chunk);
    }

    /// Bytes queued and not yet taken by the kernel.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        self.net.with(self.key, |socket| socket.tx.bytes)
    }

    /// Bytes taken by the kernel since the socket was opened.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.net.with(self.key, |socket| socket.sent_bytes)
    }

    /// Counts what comes and goes from now on to this account of [`Net::take_traffic`]; a new
    /// socket has account 0.
    pub fn set_account(&self, account: u16) {
        self.net.set_account(self.key, account);
    }

    /// Waits until at most `below` bytes are unsent: the brake for who fills the queue.
    ///
    /// # Errors
    /// When the peer can take no more, or the deadline passed.
    pub async fn drained(&self, below: usize) -> Result<(), StreamError> {
        poll_fn(|cx| self.net.poll_drained(self.key, below, cx)).await
    }

    /// Limits the waits that follow; `None` lifts the limit.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.net.set_deadline(self.key, deadline);
    }

    /// Nothing received and unread, not ended: the connection may be kept for another use. (What
    /// is unsent leaves in order.)
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.net.with(self.key, |socket| {
            socket.rx.end.is_none() && socket.tx.end.is_none() && socket.rx.queue.is_empty()
        })
    }

    /// Why the socket ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<StreamError> {
        self.net.with(self.key, |socket| socket.rx.end.or(socket.tx.end).map(Into::into))
    }

    /// Fails every present and future wait on the socket with [`StreamError::Aborted`].
    pub fn abort(&self) {
        self.aborter().abort();
    }

    /// A handle that can [`Stream::abort`] without owning the socket.
    #[must_use]
    pub fn aborter(&self) -> Aborter {
        Aborter { net: self.net.clone(), key: self.key }
    }

    /// Credentials of the peer's network address, for logs: `ip:port`, or `unix`.
    #[must_use]
    pub fn peer_name(&self) -> String {
        self.net.with(self.key, |socket| {
            socket2::SockRef::from(&socket.fd)
                .peer_addr()
                .ok()
                .and_then(|addr| addr.as_socket())
                .map_or_else(|| "unix".to_owned(), |addr| addr.to_string())
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.net.release(self.key);
    }
}

/// See [`Stream::aborter`]. Harmless when the socket is gone.
#[derive(Clone)]
pub struct Aborter {
    net: Net,
    key: Key,
}

impl Aborter {
    /// Ends the socket.
    pub fn abort(&self) {
        self.net.abort(self.key);
    }
}
