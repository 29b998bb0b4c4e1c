//! A client's command, as it goes to a backend.

use crate::net::Chunk;
use crate::protocol::{Command, HEADER_LEN, ReplyKind, put_packet};
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

pub(super) fn query_packet(sql: &[u8]) -> Chunk {
    command_packet(Command::Query, sql)
}

pub(super) fn command_packet(command: Command, sql: &[u8]) -> Chunk {
    let mut payload = Vec::with_capacity(sql.len() + 1);
    payload.push(command.byte());
    payload.extend_from_slice(sql);
    let mut out = Vec::with_capacity(payload.len() + HEADER_LEN);
    put_packet(&mut out, 0, &payload);
    Chunk::from(out)
}

pub(super) fn text_of(packet: &Chunk) -> &[u8] {
    packet.as_slice().get(HEADER_LEN + 1..).unwrap_or_default()
}
