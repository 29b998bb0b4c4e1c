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

impl Conversation {
    /// The definitions that statement `id` needs in a reply without any, where they are not what
    /// its client got last.
    pub(super) fn missing_metadata(&self, link: &mut Link, id: Option<u32>) -> Option<Rc<[u8]>> {
        if !link.capabilities.contains(Capabilities::MARIADB_CACHE_METADATA) {
            return None;
        }
        let prepared = self.prepared.find(id?)?;
        let sent = &link.statements.use_it(prepared.text.key())?.metadata;
        if *sent == prepared.metadata { None } else { sent.clone() }
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

/// The packets of a result set's head, whose payload says that no definitions follow, and of these
/// `definitions`; and what the numbers of those behind it are to be.
pub(super) fn completed(head: &[u8], sequence: u8, definitions: &[u8]) -> (Chunk, Renumber) {
    let mut payload = head.to_vec();
    if let Some(follows) = payload.last_mut() {
        *follows = 1;
    }
    let mut out = Vec::with_capacity(payload.len() + HEADER_LEN + definitions.len());
    let mut next = put_packet(&mut out, sequence, &payload);
    let mut rest = definitions;
    while let Some(header) = Header::decode(rest) {
        let (packet, behind) = rest.split_at(header.packet_len().min(rest.len()));
        next = put_packet(&mut out, next, packet.get(HEADER_LEN..).unwrap_or_default());
        rest = behind;
    }
    (Chunk::from(out), Renumber::new(next.wrapping_sub(sequence).wrapping_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_put_in() {
        let mut definitions = Vec::new();
        put_packet(&mut definitions, 0, b"one");
        put_packet(&mut definitions, 0, b"two");
        let (chunk, renumber) = completed(&[2, 0], 1, &definitions);
        let packets = b"\x02\0\0\x01\x02\x01\x03\0\0\x02one\x03\0\0\x03two";
        assert_eq!(chunk.as_slice(), packets);
        assert_eq!(renumber, Renumber::new(2));
    }
}
