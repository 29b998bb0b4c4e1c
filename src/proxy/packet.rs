//! A command's packet, and the text in it.

use crate::net::Chunk;
use crate::protocol::{HEADER_LEN, put_packet};

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
