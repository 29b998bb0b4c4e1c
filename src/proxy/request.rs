//! A client's command, as it goes to a backend.

use crate::net::Chunk;
use crate::protocol::{HEADER_LEN, ReplyKind, put_packet};
use crate::session::Pins;
use crate::sql::{Access, Statement};

use super::prepared::Preparing;

/// A command on its way to a backend.
pub(super) struct Request {
    /// Taken out when it is sent.
    pub(super) packet: Option<Chunk>,
    pub(super) statement: Statement,
    pub(super) kind: ReplyKind,
    /// Goes to the connection held, whatever it is held for.
    pub(super) on_held: bool,
    /// What COM_STMT_PREPARE prepares.
    pub(super) prepares: Option<Preparing>,
    /// The prepared statement that it names by the proxy's id.
    pub(super) of_statement: Option<u32>,
    /// Its connection is not to be used by others (COM_SET_OPTION).
    pub(super) spoils: bool,
}

impl Request {
    pub(super) fn new(packet: Chunk, statement: Statement, kind: ReplyKind) -> Self {
        Self {
            packet: Some(packet),
            statement,
            kind,
            on_held: false,
            prepares: None,
            of_statement: None,
            spoils: false,
        }
    }

    /// What it leaves on its connection beside what its statement says.
    pub(super) fn pins(&self) -> Pins {
        if self.prepares.as_ref().is_some_and(|new| new.bound) {
            Pins::PREPARED_BINARY
        } else {
            Pins::empty()
        }
    }

    /// Another backend may run it as well.
    pub(super) fn may_move(&self) -> bool {
        self.statement.access == Access::Read && !self.on_held
    }
}

/// A command's packet, of less than 16 MiB.
pub(super) fn packet_of(payload: &[u8]) -> Chunk {
    let mut out = Vec::with_capacity(payload.len() + HEADER_LEN);
    put_packet(&mut out, 0, payload);
    Chunk::from(out)
}

/// The command with another text from `at`, counted in its payload, on.
pub(super) fn with_text(packet: &Chunk, at: usize, sql: &[u8]) -> Chunk {
    let head = packet.as_slice().get(HEADER_LEN..HEADER_LEN + at).unwrap_or_default();
    packet_of(&[head, sql].concat())
}

/// What a command's payload has from `at` on.
pub(super) fn text_of(packet: &Chunk, at: usize) -> &[u8] {
    packet.as_slice().get(HEADER_LEN + at..).unwrap_or_default()
}
