//! Follows the reply to one command, without copying it, and says where it ends.
//!
//! This is the hot path: rows are walked header to header, and everything but the few packets
//! that end something goes on to the client as the bytes they came in. Only a packet that is, or
//! may be, terminal and is split across inputs is copied, into memory that is kept.

mod outcome;
mod result;
#[cfg(test)]
mod tests;

pub use outcome::{Event, Progress, Summary, Terminal, TerminalKind};

use super::capability::Capabilities;
use super::frame::{HEADER_LEN, Header, MAX_PAYLOAD};
use super::reply::{EOF_HEADER, ERR_HEADER};
use super::wire::Malformed;

/// An EOF packet of the old form is shorter than this; a longer one of the same first byte is a
/// row, as clients have it.
const EOF_PACKET_LEN: usize = 9;
/// Memory kept for split packets from one reply to the next, in bytes.
const HELD_KEPT_MAX: usize = 64 * 1024;

/// Which command's reply it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// COM_QUERY, COM_PROCESS_INFO: OK, ERR, LOCAL INFILE or text rows; perhaps several results.
    Query,
    /// COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE: as a query, with binary rows or a cursor.
    Execute,
    /// COM_STMT_FETCH: binary rows.
    Fetch,
    /// COM_STMT_PREPARE.
    Prepare,
    /// COM_FIELD_LIST: column definitions.
    FieldList,
    /// COM_STATISTICS: one packet of any form.
    Statistics,
    /// OK, EOF or ERR: ping, init db, set option, reset and the like.
    Simple,
}

/// What the next packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A result's first.
    First,
    /// One of `left` column definitions.
    Columns,
    /// The EOF behind the column definitions.
    ColumnsEof,
    /// A row (of COM_FIELD_LIST: a definition), or the rows' end.
    Rows,
    /// One of `left` packets behind a prepare reply's first.
    Definitions,
    /// The client's file goes the other way first.
    Infile,
    /// The reply is over.
    Done,
}

/// What to do with the packet at hand.
enum Verdict {
    /// Judge again with this many bytes of it.
    Need(usize),
    /// Forward it; this many bytes.
    Pass(usize),
    /// It ends something; this many bytes.
    Terminal(usize, Terminal),
}

/// Follows one reply.
#[derive(Debug)]
pub struct ReplyTracker {
    kind: ReplyKind,
    caps: Capabilities,
    phase: Phase,
    /// Sequence number due next.
    due: u8,
    /// The next packet may have any sequence number.
    any_seq: bool,
    /// No packet of the reply was seen yet.
    fresh: bool,
    /// The next packet continues a payload of 16 MiB and more.
    continued: bool,
    /// Bytes of the current packet that go through unseen.
    pass: usize,
    /// Packets left in [`Phase::Columns`] and [`Phase::Definitions`].
    left: u64,
    held: Vec<u8>,
    /// `held` is judged again when it has this many bytes.
    need: usize,
    /// `held` was the caller's for one turn.
    stale: bool,
    /// The rows at hand are OUT parameters: another result follows, whatever their end says.
    out_params: bool,
    /// Column definitions are to be kept: later replies may leave them out.
    keeps: bool,
    /// How many of the last [`Phase::Definitions`] are about columns, their EOF included.
    column_packets: u64,
    definitions: Vec<u8>,
    summary: Summary,
}

impl ReplyTracker {
    /// A tracker for the reply to one command on a backend connection with `caps`.
    #[must_use]
    pub fn new(kind: ReplyKind, caps: Capabilities) -> Self {
        Self {
            kind,
            caps,
            phase: first_phase(kind),
            due: 1,
            any_seq: false,
            fresh: true,
            continued: false,
            pass: 0,
            left: 0,
            held: Vec::new(),
            need: 0,
            stale: false,
            out_params: false,
            keeps: keeps_definitions(kind, caps),
            column_packets: 0,
            definitions: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Begins anew for the next command's reply, keeping the memory.
    pub fn reset(&mut self, kind: ReplyKind, caps: Capabilities) {
        self.kind = kind;
        self.caps = caps;
        self.phase = first_phase(kind);
        self.due = 1;
        self.any_seq = false;
        self.fresh = true;
        self.continued = false;
        self.pass = 0;
        self.left = 0;
        self.held.clear();
        if self.held.capacity() > HELD_KEPT_MAX {
            self.held.shrink_to(HELD_KEPT_MAX);
        }
        self.need = 0;
        self.stale = false;
        self.out_params = false;
        self.keeps = keeps_definitions(kind, caps);
        self.definitions.clear();
        self.summary = Summary::default();
    }

    /// Sets the sequence number of the next packet. A reply begins with 1, which is set already,
    /// unless the command was of 16 MiB and more: then with the number behind the command's last
    /// packet.
    pub const fn expect_sequence(&mut self, seq: u8) {
        self.due = seq;
    }

    /// The sequence number due next: for a packet of our own in place of the server's.
    #[must_use]
    pub const fn next_sequence(&self) -> u8 {
        self.due
    }

    /// All that was forwarded ends with a whole packet, so that an ERR of our own may follow.
    #[must_use]
    pub const fn is_at_boundary(&self) -> bool {
        self.pass == 0 && !self.continued
    }

    /// The reply is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// What was copied: see [`Event`]. Valid until the next call of [`Self::feed`].
    #[must_use]
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// The terminal packet, header included, that `feed(input)` found with this `progress`.
    #[must_use]
    pub fn terminal_packet<'a>(&'a self, input: &'a [u8], progress: &Progress) -> &'a [u8] {
        if self.held.is_empty() {
            input.get(progress.forward..progress.used).unwrap_or_default()
        } else {
            &self.held
        }
    }

    /// The terminal packet's payload: as [`Self::terminal_packet`], without the header.
    #[must_use]
    pub fn terminal_payload<'a>(&'a self, input: &'a [u8], progress: &Progress) -> &'a [u8] {
        self.terminal_packet(input, progress).get(HEADER_LEN..).unwrap_or_default()
    }

    /// Where `MARIADB_CACHE_METADATA` was negotiated: the column definitions that a PREPARE or the
    /// last result set of an EXECUTE brought, as packets numbered 0. Empty where it brought none.
    #[must_use]
    pub fn definitions(&self) -> &[u8] {
        &self.definitions
    }

    /// The client's file was sent, its empty packet too: the server's answer comes next.
    pub fn resume_after_infile(&mut self) {
        if self.phase == Phase::Infile {
            self.phase = Phase::First;
            self.any_seq = true;
        }
    }

    /// What the reply said so far.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes the reply's next bytes. What it found, and what to do with them, is [`Progress`].
    ///
    /// # Errors
    /// [`Malformed`]: the backend broke the protocol; the connection is beyond use.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, Malformed> {
        if self.stale {
            self.held.clear();
            self.stale = false;
        }
        if !self.held.is_empty() {
            return self.feed_held(input);
        }
        let mut rest = input;
        loop {
            let (_, next) = rest.split_at(self.pass.min(rest.len()));
            self.pass -= rest.len() - next.len();
            rest = self.walk(next);
            let forward = input.len() - rest.len();
            if rest.is_empty() {
                return Ok(Progress { used: forward, forward, event: Event::More });
            }
            match self.judge(rest)? {
                Verdict::Pass(len) => self.pass = len,
                Verdict::Need(len) => {
                    self.held.extend_from_slice(rest);
                    self.need = len;
                    return Ok(Progress { used: input.len(), forward, event: Event::More });
                }
                Verdict::Terminal(len, terminal) => {
                    let event = Event::Terminal(terminal);
                    return Ok(Progress { used: forward + len, forward, event });
                }
            }
        }
    }

    /// Continues a packet that was split across inputs and begins in `held`.
    fn feed_held(&mut self, input: &[u8]) -> Result<Progress, Malformed> {
        let mut held = std::mem::take(&mut self.held);
        let mut rest = input;
        let event = loop {
            let wanted = self.need.saturating_sub(held.len());
            let (taken, next) = rest.split_at(wanted.min(rest.len()));
            held.extend_from_slice(taken);
            rest = next;
            if held.len() < self.need {
                break Event::More;
            }
            match self.judge(&held)? {
                Verdict::Need(len) => self.need = len,
                Verdict::Pass(len) => {
                    self.pass = len - held.len();
                    self.stale = true;
                    break Event::Held;
                }
                Verdict::Terminal(_, terminal) => {
                    self.stale = true;
                    break Event::Terminal(terminal);
                }
            }
        };
        self.held = held;
        Ok(Progress { used: input.len() - rest.len(), forward: 0, event })
    }

    /// The fast path: skips the whole packets at the front of `input` that end nothing, and
    /// returns what is left.
    #[inline]
    fn walk<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let limit = match self.phase {
            Phase::Rows => u64::MAX,
            Phase::Columns | Phase::Definitions if self.keeps => return input,
            Phase::Columns => self.left,
            // The last one is terminal.
            Phase::Definitions => self.left.saturating_sub(1),
            Phase::First | Phase::ColumnsEof | Phase::Infile | Phase::Done => return input,
        };
        if self.continued || self.pass > 0 {
            return input;
        }
        let mut rest = input;
        let mut due = self.due;
        let mut count = 0;
        while count < limit {
            let Some(&[a, b, c, seq, first]) = rest.first_chunk() else { break };
            let len = u32::from_le_bytes([a, b, c, 0]) as usize;
            // Neither empty nor continued, as one comparison.
            let is_plain = len.wrapping_sub(1) < MAX_PAYLOAD - 1;
            if first >= EOF_HEADER || seq != due || !is_plain {
                break;
            }
            let Some(next) = rest.get(HEADER_LEN + len..) else { break };
            rest = next;
            due = due.wrapping_add(1);
            count += 1;
        }
        self.due = due;
        self.fresh &= count == 0;
        self.count_packets(count);
        rest
    }

    /// Accounts for packets that [`Self::walk`] or [`Self::judge`] let through.
    #[inline]
    fn count_packets(&mut self, count: u64) {
        match self.phase {
            Phase::Rows => self.summary.rows += count,
            Phase::Columns => {
                self.left -= count;
                if self.left == 0 {
                    self.phase = self.phase_after_columns();
                }
            }
            Phase::Definitions => self.left -= count,
            Phase::First | Phase::ColumnsEof | Phase::Infile | Phase::Done => {}
        }
    }

    fn phase_after_columns(&self) -> Phase {
        if self.caps.contains(Capabilities::DEPRECATE_EOF) {
            Phase::Rows
        } else {
            Phase::ColumnsEof
        }
    }

    /// Judges the packet at the front of `bytes`, of which all, or the beginning, is there.
    fn judge(&mut self, bytes: &[u8]) -> Result<Verdict, Malformed> {
        if matches!(self.phase, Phase::Done | Phase::Infile) {
            return Err(Malformed::Unsolicited);
        }
        let Some(header) = Header::decode(bytes) else { return Ok(Verdict::Need(HEADER_LEN)) };
        let len = header.packet_len();
        if self.continued {
            self.check_sequence(header, None)?;
            self.accept(header);
            return Ok(Verdict::Pass(len));
        }
        let first = match bytes.get(HEADER_LEN) {
            Some(&first) if header.len > 0 => Some(first),
            None if header.len > 0 => return Ok(Verdict::Need(HEADER_LEN + 1)),
            _ if self.kind == ReplyKind::Statistics => None,
            _ => return Err(Malformed::Empty),
        };
        self.check_sequence(header, first)?;
        if !self.must_see_whole(first, header.payload_len()) {
            self.count_packets(1);
            self.accept(header);
            return Ok(Verdict::Pass(len));
        }
        if header.is_continued() {
            return Err(Malformed::TooLong { len: MAX_PAYLOAD, len_max: MAX_PAYLOAD - 1 });
        }
        let Some(payload) = bytes.get(HEADER_LEN..len) else { return Ok(Verdict::Need(len)) };
        self.accept(header);
        match self.complete(first, payload)? {
            None => Ok(Verdict::Pass(len)),
            Some(terminal) => Ok(Verdict::Terminal(len, terminal)),
        }
    }

    fn check_sequence(&mut self, header: Header, first: Option<u8>) -> Result<(), Malformed> {
        if header.seq == self.due || self.any_seq {
            return Ok(());
        }
        if self.fresh && first == Some(ERR_HEADER) {
            self.summary.unsolicited = true;
            return Ok(());
        }
        Err(Malformed::Sequence { expected: self.due, found: header.seq })
    }

    const fn accept(&mut self, header: Header) {
        self.due = header.seq.wrapping_add(1);
        self.any_seq = false;
        self.fresh = false;
        self.continued = header.is_continued();
    }

    /// The packet is or may be terminal.
    fn must_see_whole(&self, first: Option<u8>, payload_len: usize) -> bool {
        match self.phase {
            Phase::First | Phase::ColumnsEof | Phase::Infile | Phase::Done => true,
            Phase::Columns => self.keeps || first >= Some(EOF_HEADER),
            Phase::Definitions => self.keeps || self.left == 1 || first == Some(ERR_HEADER),
            Phase::Rows if first == Some(EOF_HEADER) => {
                // A row may begin so too: with a value of 16 MiB and more.
                let deprecate_eof = self.caps.contains(Capabilities::DEPRECATE_EOF);
                payload_len < if deprecate_eof { MAX_PAYLOAD } else { EOF_PACKET_LEN }
            }
            Phase::Rows => first == Some(ERR_HEADER),
        }
    }
}

const fn keeps_definitions(kind: ReplyKind, caps: Capabilities) -> bool {
    caps.contains(Capabilities::MARIADB_CACHE_METADATA)
        && matches!(kind, ReplyKind::Prepare | ReplyKind::Execute)
}

const fn first_phase(kind: ReplyKind) -> Phase {
    match kind {
        ReplyKind::Fetch | ReplyKind::FieldList => Phase::Rows,
        ReplyKind::Query
        | ReplyKind::Execute
        | ReplyKind::Prepare
        | ReplyKind::Statistics
        | ReplyKind::Simple => Phase::First,
    }
}
