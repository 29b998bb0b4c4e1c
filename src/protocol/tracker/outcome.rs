//! What a [`super::ReplyTracker`] tells: where it stands, what ended, what the reply said.

use crate::protocol::status::StatusFlags;

/// What one call of [`super::ReplyTracker::feed`] found.
///
/// `input[..forward]` may be forwarded unchanged; `input[forward..used]` belongs to a packet that
/// is, or may be, terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that were taken.
    pub used: usize,
    /// Bytes of the input that may be forwarded unchanged.
    pub forward: usize,
    /// What was found there.
    pub event: Event,
}

/// See [`Progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The whole input was used. What follows `forward`, if anything, was copied: it begins a
    /// packet that is or may be terminal.
    More,
    /// A false alarm: forward [`super::ReplyTracker::held`] before anything else, then feed on
    /// from `used`.
    Held,
    /// A packet that ends something is complete: see [`super::ReplyTracker::terminal_packet`].
    Terminal(Terminal),
}

/// A packet that ends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// What it is.
    pub kind: TerminalKind,
    /// The whole reply ends here.
    pub done: bool,
}

/// What a terminal packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalKind {
    /// An OK packet, of header 0x00 or, where it ends rows, 0xFE:
    /// [`OkPacket`](crate::protocol::OkPacket) decodes it.
    Ok,
    /// An EOF packet of the old form: [`EofPacket`](crate::protocol::EofPacket) decodes it.
    Eof,
    /// An ERR packet: [`ErrPacket`](crate::protocol::ErrPacket) decodes it.
    Err,
    /// The server asks for a local file, and its answer comes after that.
    LocalInfile,
    /// The first packet of a prepare reply: [`PrepareOk`](crate::protocol::PrepareOk) decodes it.
    Prepare,
    /// An execution's result set without the column definitions that the server sent before, on
    /// the same connection, to whoever it was (MariaDB): its first packet.
    Abridged,
    /// The last definition or EOF of a prepare reply, or the answer to COM_STATISTICS.
    Other,
}

/// What a reply said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows of the last result set.
    pub rows: u64,
    /// Results that ended, of any kind.
    pub results: u32,
    /// Result sets that began.
    pub resultsets: u32,
    /// Status after the last result. Empty where no packet carried one: see `has_status`.
    pub status: StatusFlags,
    /// An OK or EOF set `status`. An ERR carries none: the status before the command may stand.
    pub has_status: bool,
    /// Warnings of the last result.
    pub warnings: u16,
    /// Some result had warnings.
    pub warned: bool,
    /// Affected rows of the last result; 0 after a result set.
    pub affected_rows: u64,
    /// The first number in the last OK's text: of an UPDATE's, the rows it found.
    pub matched_rows: Option<u64>,
    /// The last id that is not 0 of the OK packets so far; 0 for none.
    pub last_insert_id: u64,
    /// The server's error number, when the reply ended with ERR.
    pub error: Option<u16>,
    /// The error's SQLSTATE; `HY000` when it has none, zeros without an error.
    pub sqlstate: [u8; 5],
    /// The last result was a result set.
    pub had_resultset: bool,
    /// A [`TerminalKind::Abridged`] was among its packets.
    pub abridged: bool,
    /// The ERR answers no command: its sequence number is not the one due. By such a packet a
    /// server says why it closes the connection (idle too long, killed, shut down); a client must
    /// not see it as it is.
    pub unsolicited: bool,
}

impl Summary {
    /// What `ROW_COUNT()` says next on the connection: -1 after a result set or an error.
    #[must_use]
    pub fn row_count(&self) -> i64 {
        if self.had_resultset || self.error.is_some() {
            return -1;
        }
        i64::try_from(self.affected_rows).unwrap_or(-1)
    }

    /// What `FOUND_ROWS()` says next on the connection, unless SQL_CALC_FOUND_ROWS was used:
    /// rows of the last result set. `None` when the reply had none, which changes nothing.
    #[must_use]
    pub const fn found_rows(&self) -> Option<u64> {
        if self.resultsets == 0 { None } else { Some(self.rows) }
    }

    pub(super) fn note_error(&mut self, code: u16, sqlstate: [u8; 5]) {
        self.error = Some(code);
        self.sqlstate = sqlstate;
        self.status.remove(StatusFlags::MORE_RESULTS);
    }

    pub(super) const fn note_status(&mut self, status: StatusFlags, warnings: u16) {
        self.status = status;
        self.has_status = true;
        self.warnings = warnings;
        self.warned |= warnings > 0;
    }

    pub(super) const fn begin_resultset(&mut self) {
        self.resultsets = self.resultsets.saturating_add(1);
        self.rows = 0;
        self.affected_rows = 0;
        self.had_resultset = true;
    }
}
