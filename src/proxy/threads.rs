//! Lists of a server's threads: their ids become those of the sessions that hold the connections,
//! so that a client finds itself in the list, and may kill what it sees.
//!
//! A rare path: each packet is taken apart and put together again.

use crate::protocol::{
    Capabilities, ColumnDefinition, Event, Malformed, PacketReader, Reader, ReplyKind, Terminal,
    TerminalKind, put_packet, put_text_value, strip_eof_flag, text_row,
};
use crate::session::Shown;

use super::fault::{BackendFault, ClientFault};
use super::forward::{Broken, Forward, Reply, UNSENT_MAX, shown_ok};
use super::metadata::{LeftOut, following};

/// Tables and their columns that hold thread ids, in small letters.
const THREAD_COLUMNS: [(&[u8], &[u8]); 3] = [
    (b"processlist", b"id"),
    (b"threads", b"processlist_id"),
    (b"innodb_trx", b"trx_mysql_thread_id"),
];

/// Thread ids on a server, and the ids of the sessions that hold the connections.
type Holders = [(u32, u32)];

impl Forward<'_> {
    /// As [`Forward::run`], with the thread ids of `holders` replaced.
    pub(super) async fn run_translated(self, holders: &Holders) -> Result<Reply, Broken> {
        let Forward { client, link, kind, mut shown, mut sequence, mut left_out, .. } = self;
        link.tracker.reset(kind, link.capabilities);
        link.tracker.expect_sequence(sequence);
        let mut table = Table::new(kind, link.capabilities);
        let mut reader = PacketReader::new(usize::MAX);
        let mut changes = Vec::new();
        let mut untouched = true;
        loop {
            let broken = |fault: BackendFault| Broken::Backend { fault, untouched };
            let mut chunk = link.inbox.chunk().await.map_err(|error| broken(error.into()))?;
            let mut out = Vec::new();
            let mut done = false;
            while !chunk.is_empty() && !done {
                let input = chunk.as_slice();
                let progress = link.tracker.feed(input).map_err(|error| broken(error.into()))?;
                let end = match progress.event {
                    Event::Terminal(terminal) => Some(terminal),
                    Event::More | Event::Held => None,
                };
                done = end.is_some_and(|end| end.done);
                let mut piece = input.get(..progress.used).unwrap_or_default();
                while !piece.is_empty() {
                    let used = reader.feed(piece).map_err(|error| broken(error.into()))?;
                    piece = piece.get(used..).unwrap_or_default();
                    let Some((_, payload)) = reader.take() else { continue };
                    let end = end.filter(|_| piece.is_empty());
                    if end.is_some_and(|end| end.kind == TerminalKind::LocalInfile) {
                        return Err(broken(BackendFault::Unsolicited));
                    }
                    if end.is_some_and(|end| end.kind == TerminalKind::Abridged)
                        && let Some(left_out) = left_out.take()
                    {
                        let put = table.complete(&payload, &left_out, sequence, &mut out);
                        sequence = put.map_err(|error| broken(error.into()))?;
                        continue;
                    }
                    let payload = table.take(payload, end, holders, &mut shown, &mut changes);
                    sequence = put_packet(&mut out, sequence, &payload.map_err(broken)?);
                }
                chunk.advance(progress.used);
            }
            if !out.is_empty() {
                client.stream.send(out.into());
                untouched = false;
            }
            if done {
                link.inbox.put_back(chunk);
                let summary = *link.tracker.summary();
                return Ok(Reply { summary, changes, prepared: None });
            }
            let drained = client.stream.drained(UNSENT_MAX).await;
            drained.map_err(|error| Broken::Client(ClientFault::Stream(error)))?;
        }
    }
}

/// Where in a reply we are.
enum Phase {
    First,
    /// So many definitions are to come.
    Columns(u64),
    ColumnsEof,
    Rows,
}

/// A reply that may hold thread ids.
struct Table {
    capabilities: Capabilities,
    binary: bool,
    phase: Phase,
    /// Whether each column holds thread ids.
    columns: Vec<bool>,
    /// The first column's type.
    first_type: u8,
}

impl Table {
    fn new(kind: ReplyKind, capabilities: Capabilities) -> Self {
        let binary = kind == ReplyKind::Execute;
        Self { capabilities, binary, phase: Phase::First, columns: Vec::new(), first_type: 0 }
    }

    /// One packet's payload, as the client should see it. `end`: it ends something.
    fn take(
        &mut self,
        payload: Vec<u8>,
        end: Option<Terminal>,
        holders: &Holders,
        shown: &mut Option<&mut Shown>,
        changes: &mut Vec<u8>,
    ) -> Result<Vec<u8>, BackendFault> {
        if let Some(end) = end {
            let after_columns = matches!(self.phase, Phase::ColumnsEof);
            self.phase = if after_columns { Phase::Rows } else { Phase::First };
            let shown = match end.kind {
                TerminalKind::Ok => shown_ok(&payload, self.capabilities, shown, changes)?,
                TerminalKind::Eof => strip_eof_flag(&payload),
                TerminalKind::Err
                | TerminalKind::LocalInfile
                | TerminalKind::Prepare
                | TerminalKind::Abridged
                | TerminalKind::Other => None,
            };
            return Ok(shown.unwrap_or(payload));
        }
        match self.phase {
            Phase::First => self.begin(&payload)?,
            Phase::Columns(left) => {
                self.define(&payload)?;
                self.phase = if left > 1 { Phase::Columns(left - 1) } else { self.after_columns() };
            }
            Phase::ColumnsEof => self.phase = Phase::Rows,
            Phase::Rows => return Ok(self.row(payload, holders)?),
        }
        Ok(payload)
    }

    /// The number of columns, and perhaps whether their definitions follow.
    fn begin(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(payload);
        let count = reader.lenenc()?;
        self.columns.clear();
        self.phase = match reader.u8() {
            Ok(0) => self.after_columns(),
            Ok(_) | Err(_) => Phase::Columns(count),
        };
        Ok(())
    }

    /// A result set's head without the definitions that its server has sent before: those that the
    /// client has not got are put in. Returns the next packet's number.
    fn complete(
        &mut self,
        head: &[u8],
        left_out: &LeftOut,
        sequence: u8,
        out: &mut Vec<u8>,
    ) -> Result<u8, Malformed> {
        self.begin(head)?;
        let mut next = if left_out.known {
            put_packet(out, sequence, head)
        } else {
            put_packet(out, sequence, &following(head))
        };
        for payload in left_out.payloads() {
            self.define(payload)?;
            if !left_out.known {
                next = put_packet(out, next, payload);
            }
        }
        Ok(next)
    }

    fn after_columns(&self) -> Phase {
        let eof = !self.capabilities.contains(Capabilities::DEPRECATE_EOF);
        if eof { Phase::ColumnsEof } else { Phase::Rows }
    }

    fn define(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let column = ColumnDefinition::decode(payload, self.capabilities)?;
        let is = |(table, name): &(&[u8], &[u8])| {
            column.org_table.eq_ignore_ascii_case(table)
                && column.org_name.eq_ignore_ascii_case(name)
        };
        // SHOW PROCESSLIST names no table.
        let shown = self.columns.is_empty() && column.org_table.is_empty() && column.name == b"Id";
        if self.columns.is_empty() {
            self.first_type = column.column_type;
        }
        self.columns.push(shown || THREAD_COLUMNS.iter().any(is));
        Ok(())
    }

    fn row(&self, payload: Vec<u8>, holders: &Holders) -> Result<Vec<u8>, Malformed> {
        if !self.columns.contains(&true) {
            return Ok(payload);
        }
        if self.binary {
            return Ok(self.binary_row(payload, holders));
        }
        let mut row = Vec::with_capacity(payload.len() + 8);
        for (value, is_thread) in text_row(&payload).zip(&self.columns) {
            let value = value?;
            let id = value.filter(|_| *is_thread).and_then(|text| {
                let thread = std::str::from_utf8(text).ok()?.parse().ok()?;
                session_of(thread, holders).map(|id| id.to_string())
            });
            put_text_value(&mut row, id.as_deref().map(str::as_bytes).or(value));
        }
        Ok(row)
    }

    /// Of a binary row only the first column is looked at: there the lists have it.
    fn binary_row(&self, mut payload: Vec<u8>, holders: &Holders) -> Vec<u8> {
        const LONGLONG: u8 = 0x08;
        // A header; a bit for each column, and two to spare, that tells NULLs.
        let values = 1 + (self.columns.len() + 2).div_ceil(8);
        let is_null = payload.get(1).is_none_or(|bits| bits & 0b100 != 0);
        let is_thread = self.columns.first() == Some(&true) && self.first_type == LONGLONG;
        if is_thread
            && !is_null
            && let Some(bytes) = payload.get_mut(values..).and_then(|rest| rest.first_chunk_mut())
            && let Some(id) = session_of(u64::from_le_bytes(*bytes), holders)
        {
            *bytes = u64::from(id).to_le_bytes();
        }
        payload
    }
}

fn session_of(thread: u64, holders: &Holders) -> Option<u32> {
    holders.iter().find(|(held, _)| u64::from(*held) == thread).map(|(_, session)| *session)
}
