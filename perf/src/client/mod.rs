//! A small blocking MySQL client that hides nothing.
//!
//! It is the witness of the tests: every packet of a reply is kept beside its meaning, every
//! capability flag is the caller's choice, and raw bytes may be sent at any point. It decodes the
//! protocol on its own, so that a fault in `lanewire::protocol` cannot hide itself.

mod auth;
mod column;
mod commands;
pub mod flags;
mod login;
mod options;
mod reply;
mod statement;
mod wire;
mod words;

pub use column::Column;
pub use login::Greeting;
pub(crate) use login::{Answer, Login};
pub use options::{Address, Options, Plugin};
pub use reply::{ErrReply, OkReply, Outcome, Packet, Reply, Rows, RowsEnd, Streamed};
pub use statement::{Param, Prepared};
pub use wire::Wire;
pub use words::{Words, put_lenenc, put_lenenc_bytes};

use std::io;

/// What can go wrong below the meaning of a reply. An ERR packet is a reply, not an `Error`,
/// except while logging in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing came within the read timeout.
    #[error("read timed out")]
    Timeout,
    /// The peer closed the connection.
    #[error("connection closed by the peer")]
    Closed,
    /// A packet's number was not the next one.
    #[error("packet number {got}, expected {expected}")]
    Sequence {
        /// The number that came.
        got: u8,
        /// The number due.
        expected: u8,
    },
    /// Bytes that are not what the protocol has there.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// The server refused the login or the change of user.
    #[error("refused: {0}")]
    Refused(ErrReply),
}

impl Error {
    /// The server's error code if this is a refusal.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(err) => Some(err.code),
            Self::Io(_)
            | Self::Timeout
            | Self::Closed
            | Self::Sequence { .. }
            | Self::Malformed(_) => None,
        }
    }
}

/// A logged-in connection.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    options: Options,
    greeting: Greeting,
    capabilities: u64,
    infile: Option<Vec<u8>>,
    attributes: Vec<(String, Param)>,
    progress_reports: u64,
}
