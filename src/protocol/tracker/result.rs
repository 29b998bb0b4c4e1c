//! The packets that the tracker must see whole: a result's first, and those that end something.

use super::{Phase, ReplyKind, ReplyTracker, Terminal, TerminalKind};
use crate::protocol::capability::Capabilities;
use crate::protocol::frame::put_packet;
use crate::protocol::prepare::PrepareOk;
use crate::protocol::reply::{EOF_HEADER, ERR_HEADER, EofPacket, ErrPacket, OK_HEADER};
use crate::protocol::status::StatusFlags;
use crate::protocol::wire::{Malformed, Reader};

/// First byte of the packet that asks for a local file.
const LOCAL_INFILE_HEADER: u8 = 0xFB;
/// A payload of this length and first byte 0xFE is an EOF packet of the old form: an OK packet has
/// 7 bytes at least.
const EOF_LEN: usize = 5;
/// MariaDB's progress reports are ERR packets of this code, and end nothing.
const PROGRESS_CODE: u16 = 0xFFFF;

impl ReplyTracker {
    /// Takes in a whole packet; `None` when it ends nothing.
    pub(super) fn complete(
        &mut self,
        first: Option<u8>,
        payload: &[u8],
    ) -> Result<Option<Terminal>, Malformed> {
        if first == Some(ERR_HEADER) {
            return self.error(payload);
        }
        match self.phase {
            Phase::First => self.first(first.unwrap_or_default(), payload),
            Phase::ColumnsEof => self.columns_eof(payload),
            Phase::Rows => self.ok_or_eof(payload).map(Some),
            Phase::Definitions => Ok(self.definition(payload)),
            Phase::Columns if self.keeps && first < Some(EOF_HEADER) => {
                put_packet(&mut self.definitions, 0, payload);
                self.count_packets(1);
                Ok(None)
            }
            Phase::Columns => Err(Malformed::Header(first.unwrap_or_default())),
            Phase::Infile | Phase::Done => Err(Malformed::Unsolicited),
        }
    }

    /// A definition or EOF of a prepare reply.
    fn definition(&mut self, payload: &[u8]) -> Option<Terminal> {
        let eof = u64::from(!self.caps.contains(Capabilities::DEPRECATE_EOF));
        if self.keeps && self.left > eof && self.left <= self.column_packets {
            put_packet(&mut self.definitions, 0, payload);
        }
        if self.left > 1 {
            self.left -= 1;
            return None;
        }
        self.summary.results += 1;
        Some(self.end(TerminalKind::Other, true))
    }

    /// A result's first packet.
    fn first(&mut self, first: u8, payload: &[u8]) -> Result<Option<Terminal>, Malformed> {
        match (self.kind, first) {
            (ReplyKind::Statistics, _) => {
                self.summary.results += 1;
                Ok(Some(self.end(TerminalKind::Other, true)))
            }
            (ReplyKind::Prepare, OK_HEADER) => self.prepare(payload).map(Some),
            (ReplyKind::Simple, OK_HEADER | EOF_HEADER) => self.ok_or_eof(payload).map(Some),
            (ReplyKind::Query | ReplyKind::Execute, _) => self.result_head(first, payload),
            (
                ReplyKind::Prepare | ReplyKind::Simple | ReplyKind::Fetch | ReplyKind::FieldList,
                _,
            ) => Err(Malformed::Header(first)),
        }
    }

    /// The first packet of a query's or an execute's result.
    fn result_head(&mut self, first: u8, payload: &[u8]) -> Result<Option<Terminal>, Malformed> {
        let mut reader = Reader::new(payload);
        let mut metadata_follows = true;
        if first == OK_HEADER {
            return self.ok_or_eof(payload).map(Some);
        } else if first == LOCAL_INFILE_HEADER {
            self.phase = Phase::Infile;
            return Ok(Some(Terminal { kind: TerminalKind::LocalInfile, done: false }));
        } else if first == EOF_HEADER {
            return Err(Malformed::Header(first));
        }
        self.left = reader.lenenc()?;
        // MySQL's documentation puts its flag in front of the count; the server does not.
        let flagged =
            Capabilities::MARIADB_CACHE_METADATA | Capabilities::OPTIONAL_RESULTSET_METADATA;
        if self.caps.intersects(flagged) {
            metadata_follows = reader.u8()? != 0;
        }
        reader.finish()?;
        if self.left == 0 {
            return Err(Malformed::Header(first));
        }
        self.summary.begin_resultset();
        self.definitions.clear();
        if metadata_follows {
            self.phase = Phase::Columns;
            return Ok(None);
        }
        self.phase = self.phase_after_columns();
        self.summary.abridged = self.keeps;
        Ok(self.keeps.then_some(Terminal { kind: TerminalKind::Abridged, done: false }))
    }

    /// The EOF behind the column definitions. With an open cursor no rows follow it; with
    /// `DEPRECATE_EOF` an OK stands in the rows' place then, which needs no care.
    fn columns_eof(&mut self, payload: &[u8]) -> Result<Option<Terminal>, Malformed> {
        let eof = EofPacket::decode(payload)?;
        if self.kind == ReplyKind::Execute && eof.status.contains(StatusFlags::CURSOR_EXISTS) {
            return self.ok_or_eof(payload).map(Some);
        }
        self.phase = Phase::Rows;
        // MySQL says so here alone: the EOF behind the row has neither flag.
        let out_params = StatusFlags::PS_OUT_PARAMS | StatusFlags::MORE_RESULTS;
        self.out_params = eof.status.contains(out_params);
        // A change that an earlier packet could not report: the flag is not every client's.
        let flagged = eof.status.contains(StatusFlags::SESSION_STATE_CHANGED);
        Ok(flagged.then_some(Terminal { kind: TerminalKind::Eof, done: false }))
    }

    /// An OK or EOF packet that ends a result.
    fn ok_or_eof(&mut self, payload: &[u8]) -> Result<Terminal, Malformed> {
        let mut reader = Reader::new(payload);
        let header = reader.u8()?;
        let (kind, status, warnings);
        if header == EOF_HEADER && payload.len() == EOF_LEN {
            let eof = EofPacket::decode(payload)?;
            (kind, status, warnings) = (TerminalKind::Eof, eof.status, eof.warnings);
        } else {
            self.summary.affected_rows = reader.lenenc()?;
            let id = reader.lenenc()?;
            if id != 0 {
                self.summary.last_insert_id = id;
            }
            status = StatusFlags::from_bits_retain(reader.u16()?);
            (kind, warnings) = (TerminalKind::Ok, reader.u16()?);
            self.summary.matched_rows = matched_rows(reader.rest());
        }
        if self.phase == Phase::First {
            self.summary.had_resultset = false;
        }
        self.summary.note_status(status, warnings);
        self.summary.results = self.summary.results.saturating_add(1);
        let may_continue = matches!(self.kind, ReplyKind::Query | ReplyKind::Execute);
        let out_params = std::mem::take(&mut self.out_params);
        let more = may_continue && (out_params || status.contains(StatusFlags::MORE_RESULTS));
        Ok(self.end(kind, !more))
    }

    fn error(&mut self, payload: &[u8]) -> Result<Option<Terminal>, Malformed> {
        let err = ErrPacket::decode(payload)?;
        if err.code == PROGRESS_CODE {
            return Ok(None);
        }
        self.summary.note_error(err.code, err.sqlstate);
        Ok(Some(self.end(TerminalKind::Err, true)))
    }

    fn prepare(&mut self, payload: &[u8]) -> Result<Terminal, Malformed> {
        let ok = PrepareOk::decode(payload)?;
        self.summary.warnings = ok.warnings;
        let eof = u64::from(!self.caps.contains(Capabilities::DEPRECATE_EOF));
        let is_optional = self.caps.contains(Capabilities::OPTIONAL_RESULTSET_METADATA);
        // MySQL sends the EOFs even where it leaves out what they would end.
        let definitions = u64::from(!is_optional || ok.metadata_follows);
        let packets = |&n: &u16| u64::from(n) * definitions + eof;
        self.left = [ok.params, ok.columns].iter().filter(|n| **n > 0).map(packets).sum();
        self.column_packets = if ok.columns > 0 { u64::from(ok.columns) + eof } else { 0 };
        if self.left == 0 {
            self.summary.results += 1;
            return Ok(self.end(TerminalKind::Prepare, true));
        }
        self.phase = Phase::Definitions;
        Ok(Terminal { kind: TerminalKind::Prepare, done: false })
    }

    const fn end(&mut self, kind: TerminalKind, done: bool) -> Terminal {
        self.phase = if done { Phase::Done } else { Phase::First };
        Terminal { kind, done }
    }
}

/// The first number in the text of an OK, which stands behind its length: of an UPDATE's, in
/// every language of the server, the rows it found.
fn matched_rows(info: &[u8]) -> Option<u64> {
    let text = info.get(1..)?;
    let first = text.iter().position(u8::is_ascii_digit)?;
    let digits = text.split_at(first).1;
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(digits.split_at(len).0).ok()?.parse().ok()
}
