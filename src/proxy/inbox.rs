//! Packets out of a socket's chunks: a header is looked at, a small packet is assembled, and the
//! rest passes through unread.

use crate::net::{Chunk, Received, Stream, StreamError};
use crate::protocol::{HEADER_LEN, Header, MAX_PAYLOAD};

/// Why no packet came.
#[derive(Debug)]
pub(super) enum InboxError {
    /// Closed between packets (or, with bytes missing, within one).
    End,
    Stream(StreamError),
    TooLong {
        len: usize,
        limit: usize,
    },
    Sequence {
        expected: u8,
        found: u8,
    },
}

/// One socket with what was received from it and not yet used.
pub(super) struct Inbox {
    pub(super) stream: Stream,
    rest: Option<Chunk>,
}

impl Inbox {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, rest: None }
    }

    /// Whether bytes are waiting that no command asked for.
    pub(super) fn is_quiet(&self) -> bool {
        self.rest.is_none() && self.stream.is_quiet()
    }

    /// The next received bytes, never empty.
    pub(super) async fn chunk(&mut self) -> Result<Chunk, InboxError> {
        if let Some(chunk) = self.rest.take() {
            return Ok(chunk);
        }
        match self.stream.receive().await {
            Ok(Received::Chunk(chunk)) => Ok(chunk),
            Ok(Received::End) => Err(InboxError::End),
            Err(error) => Err(InboxError::Stream(error)),
        }
    }

    /// Waits until bytes are at hand.
    pub(super) async fn ready(&mut self) -> Result<(), InboxError> {
        if self.rest.is_none() {
            let chunk = self.chunk().await?;
            self.rest = Some(chunk);
        }
        Ok(())
    }

    /// Puts back what was not used.
    pub(super) fn put_back(&mut self, chunk: Chunk) {
        debug_assert!(self.rest.is_none());
        if !chunk.is_empty() {
            self.rest = Some(chunk);
        }
    }

    /// Moves what was received and not used out of the receive buffers.
    pub(super) fn detach(&mut self) {
        self.rest = self.rest.take().map(Chunk::detached);
    }

    /// The next physical packet, header included, in one piece: as it was received where it lies
    /// whole in one buffer, else copied together. While it waits for the rest of a packet it
    /// holds no receive buffer.
    pub(super) async fn packet(&mut self, limit: usize) -> Result<Chunk, InboxError> {
        let mut chunk = self.chunk().await?;
        if let Some(header) = Header::decode(chunk.as_slice()) {
            let total = header.len as usize + HEADER_LEN;
            if chunk.len() >= total {
                let packet = chunk.split_to(total);
                self.put_back(chunk);
                return check(packet, limit);
            }
        }
        let mut whole = chunk.as_slice().to_vec();
        drop(chunk);
        loop {
            let missing = match Header::decode(&whole) {
                None => HEADER_LEN - whole.len(),
                Some(header) => {
                    let len = header.len as usize;
                    if len > limit {
                        return Err(InboxError::TooLong { len, limit });
                    }
                    let total = len + HEADER_LEN;
                    if whole.len() >= total {
                        break;
                    }
                    whole.reserve(total - whole.len());
                    total - whole.len()
                }
            };
            let mut chunk = self.chunk().await?;
            let part = chunk.split_to(missing);
            whole.extend_from_slice(part.as_slice());
            self.put_back(chunk);
        }
        check(Chunk::from(whole), limit)
    }

    /// The next logical packet's payload (continuations joined) and the number of the packet that
    /// must follow it.
    pub(super) async fn payload(
        &mut self,
        limit: usize,
        mut sequence: u8,
    ) -> Result<(Vec<u8>, u8), InboxError> {
        let mut payload = Vec::new();
        loop {
            let packet = self.packet(limit - payload.len().min(limit)).await?;
            let Some(header) = Header::decode(packet.as_slice()) else { continue };
            if header.seq != sequence {
                return Err(InboxError::Sequence { expected: sequence, found: header.seq });
            }
            sequence = sequence.wrapping_add(1);
            payload.extend_from_slice(packet.as_slice().get(HEADER_LEN..).unwrap_or_default());
            if (header.len as usize) < MAX_PAYLOAD {
                return Ok((payload, sequence));
            }
        }
    }
}

fn check(packet: Chunk, limit: usize) -> Result<Chunk, InboxError> {
    let len = packet.len() - HEADER_LEN;
    if len > limit { Err(InboxError::TooLong { len, limit }) } else { Ok(packet) }
}
