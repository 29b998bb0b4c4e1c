//! Result-set metadata caching (MariaDB): a server leaves the column definitions out of an
//! execution's reply where they are those that it sent last for this statement on this connection.
//! The statement may have other sessions' executions, or our own PREPARE, behind it: what its
//! client has not got so is put in.

use std::rc::Rc;

use crate::net::Chunk;
use crate::protocol::{Capabilities, HEADER_LEN, Header, Renumber, put_packet};

use super::conversation::Conversation;
use super::forward::Reply;
use super::lease::Lease;
use super::link::Link;

/// What a server may leave out of an execution's reply.
pub(super) struct LeftOut {
    /// Packets numbered 0.
    definitions: Rc<[u8]>,
    /// The client got the same last.
    pub(super) known: bool,
}

impl LeftOut {
    /// The definitions' payloads.
    pub(super) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest: &[u8] = &self.definitions;
        std::iter::from_fn(move || {
            let len = Header::decode(rest)?.packet_len();
            let (packet, behind) = rest.split_at_checked(len)?;
            rest = behind;
            packet.get(HEADER_LEN..)
        })
    }

    /// The packets of a result set's head, whose payload says that no definitions follow, and of
    /// these; and what the numbers of those behind it are to be.
    pub(super) fn completed(&self, head: &[u8], sequence: u8) -> (Chunk, Renumber) {
        let mut out = Vec::with_capacity(head.len() + HEADER_LEN + self.definitions.len());
        let first = put_packet(&mut out, sequence, &following(head));
        let next = self.payloads().fold(first, |next, payload| put_packet(&mut out, next, payload));
        (Chunk::from(out), Renumber::new(next.wrapping_sub(first)))
    }
}

/// A result set's head that says that definitions follow.
pub(super) fn following(head: &[u8]) -> Vec<u8> {
    let mut payload = head.to_vec();
    if let Some(follows) = payload.last_mut() {
        *follows = 1;
    }
    payload
}

impl Conversation {
    /// What a reply to an execution of statement `id` may lack.
    pub(super) fn left_out(&self, link: &mut Link, id: Option<u32>) -> Option<LeftOut> {
        if !link.capabilities.contains(Capabilities::MARIADB_CACHE_METADATA) {
            return None;
        }
        let prepared = self.prepared.find(id?)?;
        let sent = &link.statements.use_it(prepared.text.key())?.metadata;
        let known = *sent == prepared.metadata;
        sent.clone().map(|definitions| LeftOut { definitions, known })
    }

    /// Takes note of the definitions in an execution's reply, or behind one without.
    pub(super) fn note_metadata(&mut self, lease: &mut Lease, reply: &Reply, id: u32) {
        let link = lease.link();
        let sent = link.tracker.definitions();
        let Some(prepared) = self.prepared.find_mut(id) else { return };
        if sent.is_empty() && !reply.summary.abridged {
            return;
        }
        let Some(known) = link.statements.use_it(prepared.text.key()) else { return };
        if !sent.is_empty() {
            known.metadata = Some(Rc::from(sent));
        }
        prepared.metadata.clone_from(&known.metadata);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_put_in() {
        let mut definitions = Vec::new();
        put_packet(&mut definitions, 0, b"one");
        put_packet(&mut definitions, 0, b"two");
        let left_out = LeftOut { definitions: definitions.into(), known: false };
        let (chunk, renumber) = left_out.completed(&[2, 0], 1);
        let packets = b"\x02\0\0\x01\x02\x01\x03\0\0\x02one\x03\0\0\x03two";
        assert_eq!(chunk.as_slice(), packets);
        assert_eq!(renumber, Renumber::new(2));
    }
}
