//! Moving a reply from a backend connection to the client: bytes as they came, except that OK
//! packets lose the session state that the client did not ask for.

use crate::net::Chunk;
use crate::protocol::{
    Capabilities, Event, HEADER_LEN, Header, MAX_PAYLOAD, OkPacket, PrepareOk, Progress, Renumber,
    ReplyKind, StatusFlags, Summary, Terminal, TerminalKind, put_packet, rewrite_statement_id,
    strip_eof_flag, strip_session_state,
};
use crate::session::{Shown, Visible};

use super::fault::{BackendFault, ClientFault};
use super::inbox::Inbox;
use super::link::Link;
use super::metadata::LeftOut;

/// Unsent bytes to a client at which the reading from its backend stops.
pub(super) const UNSENT_MAX: usize = 256 * 1024;

/// How a reply ended.
pub(super) struct Reply {
    pub(super) summary: Summary,
    /// Session-track entries of all the reply's OK packets, one behind the other.
    pub(super) changes: Vec<u8>,
    /// What COM_STMT_PREPARE gave.
    pub(super) prepared: Option<PrepareOk>,
}

/// Why a reply did not reach its end.
pub(super) enum Broken {
    /// The backend's fault. `untouched`: no byte of the reply has reached the client.
    Backend {
        fault: BackendFault,
        untouched: bool,
    },
    Client(ClientFault),
}

/// What a reply's forwarding needs to know.
pub(super) struct Forward<'a> {
    pub(super) client: &'a mut Inbox,
    pub(super) link: &'a mut Link,
    pub(super) kind: ReplyKind,
    /// The client's own trackers, if it has any.
    pub(super) shown: Option<&'a mut Shown>,
    /// Number of the reply's first packet: one more than the command's last.
    pub(super) sequence: u8,
    /// The id that the client is told for what COM_STMT_PREPARE prepares.
    pub(super) statement_id: u32,
    /// What the reply may lack.
    pub(super) left_out: Option<LeftOut>,
    prepared: Option<PrepareOk>,
    /// Behind what was put in.
    renumber: Option<Renumber>,
}

impl<'a> Forward<'a> {
    pub(super) fn new(
        client: &'a mut Inbox,
        link: &'a mut Link,
        kind: ReplyKind,
        shown: Option<&'a mut Shown>,
        sequence: u8,
    ) -> Self {
        Self {
            client,
            link,
            kind,
            shown,
            sequence,
            statement_id: 0,
            left_out: None,
            prepared: None,
            renumber: None,
        }
    }
}

impl Forward<'_> {
    /// Forwards one whole reply.
    pub(super) async fn run(&mut self) -> Result<Reply, Broken> {
        self.link.tracker.reset(self.kind, self.link.capabilities);
        self.link.tracker.expect_sequence(self.sequence);
        let mut changes = Vec::new();
        let mut untouched = true;
        loop {
            let mut chunk = match self.link.inbox.chunk().await {
                Ok(chunk) => chunk,
                Err(error) => {
                    return Err(Broken::Backend { fault: error.into(), untouched });
                }
            };
            let step = self.take(&mut chunk, &mut changes);
            let step = step.map_err(|fault| Broken::Backend { fault, untouched })?;
            untouched = false;
            match step {
                Step::Done => {
                    self.link.inbox.put_back(chunk);
                    let summary = *self.link.tracker.summary();
                    return Ok(Reply { summary, changes, prepared: self.prepared });
                }
                Step::LocalInfile => {
                    self.link.inbox.put_back(chunk);
                    Box::pin(self.send_file()).await?;
                }
                Step::More => {
                    let drained = self.client.stream.drained(UNSENT_MAX).await;
                    drained.map_err(|e| Broken::Client(ClientFault::Stream(e)))?;
                }
            }
        }
    }

    /// Sends what of `chunk` belongs to the reply and leaves the rest in it.
    fn take(&mut self, chunk: &mut Chunk, changes: &mut Vec<u8>) -> Result<Step, BackendFault> {
        // Bytes at the front of `chunk` that are seen and may leave together.
        let mut seen = 0;
        loop {
            let input = chunk.as_slice().get(seen..).unwrap_or_default();
            if input.is_empty() {
                self.flush(chunk, seen);
                return Ok(Step::More);
            }
            let progress = self.link.tracker.feed(input)?;
            match progress.event {
                Event::More => {
                    self.flush(chunk, seen + progress.forward);
                    chunk.advance(chunk.len());
                    return Ok(Step::More);
                }
                Event::Held => {
                    self.flush(chunk, seen + progress.forward);
                    let held = Chunk::from(self.link.tracker.held().to_vec());
                    self.emit(held);
                    chunk.advance(progress.used - progress.forward);
                    seen = 0;
                }
                Event::Terminal(terminal) => {
                    let end = self.terminal(chunk, seen, &progress, terminal, changes)?;
                    seen = end;
                    let step = if terminal.kind == TerminalKind::LocalInfile {
                        Step::LocalInfile
                    } else if terminal.done {
                        Step::Done
                    } else {
                        continue;
                    };
                    self.flush(chunk, seen);
                    return Ok(step);
                }
            }
        }
    }

    /// Handles a packet that ends something; returns how much of `chunk` may leave as it is.
    fn terminal(
        &mut self,
        chunk: &mut Chunk,
        seen: usize,
        progress: &Progress,
        terminal: Terminal,
        changes: &mut Vec<u8>,
    ) -> Result<usize, BackendFault> {
        let input = chunk.as_slice().get(seen..).unwrap_or_default();
        let tracker = &self.link.tracker;
        let packet = tracker.terminal_packet(input, progress);
        let is_whole = tracker.held().is_empty();
        let payload = tracker.terminal_payload(input, progress);
        let sequence = Header::decode(packet).map_or(0, |header| header.seq);
        let payload = match terminal.kind {
            TerminalKind::Ok => {
                shown_ok(payload, self.link.capabilities, &mut self.shown, changes)?
            }
            TerminalKind::Eof => strip_eof_flag(payload),
            TerminalKind::Prepare => {
                self.prepared = Some(PrepareOk::decode(payload)?);
                let mut renamed = payload.to_vec();
                rewrite_statement_id(&mut renamed, self.statement_id)?;
                Some(renamed)
            }
            // The server ends the connection; what it says belongs to no statement.
            TerminalKind::Err if tracker.summary().unsolicited => {
                return Err(super::link::refusal(payload).or_closed());
            }
            TerminalKind::Abridged
                if let Some(left_out) = self.left_out.take_if(|left_out| !left_out.known) =>
            {
                let (completed, renumber) = left_out.completed(payload, sequence);
                self.flush(chunk, seen + progress.forward);
                self.emit(completed);
                self.renumber = Some(renumber);
                chunk.advance(progress.used - progress.forward);
                return Ok(0);
            }
            TerminalKind::Err
            | TerminalKind::LocalInfile
            | TerminalKind::Abridged
            | TerminalKind::Other => None,
        };
        let rewritten = payload.map(|payload| {
            let mut out = Vec::with_capacity(payload.len() + HEADER_LEN);
            put_packet(&mut out, sequence, &payload);
            out
        });
        if rewritten.is_none() && is_whole {
            return Ok(seen + progress.used);
        }
        let owned = rewritten.unwrap_or_else(|| packet.to_vec());
        self.flush(chunk, seen + progress.forward);
        self.emit(Chunk::from(owned));
        chunk.advance(progress.used - progress.forward);
        Ok(0)
    }

    fn flush(&mut self, chunk: &mut Chunk, len: usize) {
        if len > 0 {
            let part = chunk.split_to(len);
            self.emit(part);
        }
    }

    #[inline]
    fn emit(&mut self, part: Chunk) {
        let part = if self.renumber.is_some() { self.renumbered(&part) } else { part };
        self.client.stream.send(part);
    }

    #[cold]
    fn renumbered(&mut self, part: &Chunk) -> Chunk {
        let mut bytes = part.as_slice().to_vec();
        if let Some(renumber) = &mut self.renumber {
            renumber.apply(&mut bytes);
        }
        Chunk::from(bytes)
    }

    /// The server asked for a file: the client's packets go to it until an empty one.
    async fn send_file(&mut self) -> Result<(), Broken> {
        loop {
            let packet =
                self.client.packet(MAX_PAYLOAD).await.map_err(|e| Broken::Client(e.into()))?;
            let Some(header) = Header::decode(packet.as_slice()) else { continue };
            self.link.inbox.stream.send(packet);
            if header.len == 0 {
                self.link.tracker.resume_after_infile();
                self.link.tracker.expect_sequence(header.seq.wrapping_add(1));
                return Ok(());
            }
            let drained = self.link.inbox.stream.drained(UNSENT_MAX).await;
            if let Err(error) = drained {
                let fault = BackendFault::Stream(error);
                return Err(Broken::Backend { fault, untouched: false });
            }
        }
    }
}

/// Notes what session state an OK tells, in `changes`, and returns the OK as the client should see
/// it; `None`: as it is.
pub(super) fn shown_ok(
    payload: &[u8],
    capabilities: Capabilities,
    shown: &mut Option<&mut Shown>,
    changes: &mut Vec<u8>,
) -> Result<Option<Vec<u8>>, BackendFault> {
    // The flag is in a fixed place only for small numbers: decoding is the sure way, and costs a
    // few loads.
    let ok = OkPacket::decode(payload, capabilities)?;
    let flagged = ok.status.contains(StatusFlags::SESSION_STATE_CHANGED);
    changes.extend_from_slice(ok.session_state);
    Ok(match shown {
        Some(shown) => shown.see(&ok).map(|seen| visible(payload, &ok, &seen)),
        None if flagged => Some(strip_session_state(payload)?),
        None => None,
    })
}

enum Step {
    More,
    LocalInfile,
    Done,
}

/// The OK with what the client's own trackers would have said.
fn visible(payload: &[u8], ok: &OkPacket<'_>, seen: &Visible) -> Vec<u8> {
    let shown = seen.in_place_of(ok);
    if payload.first() == Some(&0xFE) {
        shown.encode_as_eof(Capabilities::SESSION_TRACK)
    } else {
        shown.encode(Capabilities::SESSION_TRACK)
    }
}
