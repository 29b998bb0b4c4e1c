//! Commands of 16 MiB and more: passed on as they come, never whole in memory.

use crate::net::Chunk;
use crate::net::Stream;
use crate::protocol::{HEADER_LEN, Header, MAX_PAYLOAD};

use super::fault::ClientFault;
use super::handshake::Client;

/// Unsent bytes to a backend at which the reading from the client stops.
const UNSENT_MAX: usize = 1024 * 1024;

impl Client {
    /// Passes a whole command to `sink`, or nowhere; for commands without a reply.
    pub(super) async fn forward_command(
        &mut self,
        packet: Chunk,
        sink: Option<&Stream>,
    ) -> Result<(), ClientFault> {
        let len = packet.len() - HEADER_LEN;
        if let Some(sink) = sink {
            sink.send(packet);
        }
        if len == MAX_PAYLOAD {
            self.pass(sink, 1).await?;
        }
        Ok(())
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

/// A backend that takes no more has sent, or will send, its reason: the reply is read later.
async fn send(sink: Option<&Stream>, part: Chunk) {
    if let Some(sink) = sink {
        sink.send(part);
        _ = sink.drained(UNSENT_MAX).await;
    }
}
