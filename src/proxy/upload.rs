//! Commands of 16 MiB and more: passed on as they come, never whole in memory.

use crate::net::Chunk;
use crate::net::Stream;
use crate::protocol::{HEADER_LEN, Header, MAX_PAYLOAD};

use super::fault::ClientFault;
use super::handshake::Client;

/// Unsent bytes to a backend at which the reading from the client stops.
const UNSENT_MAX: usize = 1024 * 1024;

impl Client {
    /// Passes over the rest of a command that goes nowhere; returns the sequence number after its
    /// last packet.
    pub(super) async fn skip_command(&mut self, packet: Chunk) -> Result<u8, ClientFault> {
        let len = packet.len() - HEADER_LEN;
        drop(packet);
        if len == MAX_PAYLOAD { self.pass(None, 1).await } else { Ok(1) }
    }

    /// Passes a command to `sink` with `head` in place of its payload's beginning: `rest` is what
    /// follows in its first packet, and behind that, where `continued`, come more packets. Returns
    /// the sequence number after the command's last packet.
    pub(super) async fn forward_command_anew(
        &mut self,
        sink: &Stream,
        head: Vec<u8>,
        rest: Chunk,
        continued: bool,
    ) -> Result<u8, ClientFault> {
        let mut from = 1;
        let mut to = 0;
        let mut more = continued;
        let (mut payload, mut part) = (head, rest);
        while more || payload.len() + part.len() >= MAX_PAYLOAD {
            // Packets of other lengths than the client's: they are made up one at a time.
            payload.extend_from_slice(part.as_slice());
            part = Chunk::from(Vec::new());
            if payload.len() >= MAX_PAYLOAD {
                let behind = payload.split_off(MAX_PAYLOAD);
                send_packet(sink, to, payload, part).await;
                (payload, part) = (behind, Chunk::from(Vec::new()));
                to = to.wrapping_add(1);
            }
            if more {
                part = self.inbox.packet(MAX_PAYLOAD).await?;
                let header = Header::decode(part.as_slice());
                let found = header.map_or(0, |header| header.seq);
                if found != from {
                    return Err(ClientFault::Sequence { expected: from, found });
                }
                from = from.wrapping_add(1);
                part.advance(HEADER_LEN);
                more = part.len() == MAX_PAYLOAD;
            }
        }
        send_packet(sink, to, payload, part).await;
        Ok(to.wrapping_add(1))
    }

    /// Passes on what follows a first packet of the greatest length; returns the sequence number
    /// after the command's last packet.
    pub(super) async fn forward_command_rest(
        &mut self,
        sink: &Stream,
        sequence: u8,
    ) -> Result<u8, ClientFault> {
        self.pass(Some(sink), sequence).await
    }

    async fn pass(&mut self, sink: Option<&Stream>, mut sequence: u8) -> Result<u8, ClientFault> {
        loop {
            let mut header_bytes = Vec::with_capacity(HEADER_LEN);
            let header = loop {
                if let Some(header) = Header::decode(&header_bytes) {
                    break header;
                }
                let part = self.take(HEADER_LEN - header_bytes.len()).await?;
                header_bytes.extend_from_slice(part.as_slice());
            };
            if header.seq != sequence {
                return Err(ClientFault::Sequence { expected: sequence, found: header.seq });
            }
            sequence = sequence.wrapping_add(1);
            send(sink, Chunk::from(header_bytes)).await;
            let mut left = header.len as usize;
            while left > 0 {
                let part = self.take(left).await?;
                left -= part.len();
                send(sink, part).await;
            }
            if (header.len as usize) < MAX_PAYLOAD {
                return Ok(sequence);
            }
        }
    }

    /// At most `limit` of the bytes that come next.
    async fn take(&mut self, limit: usize) -> Result<Chunk, ClientFault> {
        let mut chunk = self.inbox.chunk().await.map_err(ClientFault::from)?;
        let part = chunk.split_to(limit);
        self.inbox.put_back(chunk);
        Ok(part)
    }
}

async fn send_packet(sink: &Stream, seq: u8, payload: Vec<u8>, part: Chunk) {
    let len = u32::try_from(payload.len() + part.len()).expect("at most 16 MiB");
    let mut out = Header { len, seq }.encode().to_vec();
    out.extend_from_slice(&payload);
    send(Some(sink), Chunk::from(out)).await;
    send(Some(sink), part).await;
}

/// A backend that takes no more has sent, or will send, its reason: the reply is read later.
async fn send(sink: Option<&Stream>, part: Chunk) {
    if let Some(sink) = sink {
        sink.send(part);
        _ = sink.drained(UNSENT_MAX).await;
    }
}
