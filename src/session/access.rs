//! What other floors may ask a session.

use std::rc::Rc;

use super::last::{InsertId, LastStatement};
use super::memory::{ServerKind, Session};
use super::shown::Shown;
use super::{Pins, ReplayState};
use crate::protocol::StatusFlags;
use crate::sql::{Access, Charset, Dialect, Statement, Traits};

impl Session {
    /// Whether what ran before the statement under way pins the session.
    #[must_use]
    pub fn pinned(&self) -> bool {
        !self.pins.difference(self.pending.brought).is_empty()
    }

    /// The statement that [`Session::begin`] took does not reach a server: the proxy answers it,
    /// with an error or without.
    pub fn abandon(&mut self, error: Option<u16>) {
        self.pins.remove(self.pending.brought);
        self.pending.brought = Pins::empty();
        self.last.error = error;
        self.last.warnings = 0;
        self.last.row_count = Some(if error.is_some() { -1 } else { 0 });
    }

    /// Whether the connection held has the session's warnings, or counts that only it knows.
    #[must_use]
    pub fn answers_here(&self) -> bool {
        self.answers_here
    }

    /// Whether `statement`, the one under way, shows the server's list of warnings or leaves it to
    /// be shown by a later one.
    #[must_use]
    pub fn needs_warnings(&self, statement: &Statement) -> bool {
        self.pending.keeps_warnings || statement.traits.contains(Traits::READS_DIAGNOSTICS)
    }

    /// What the statement under way will leave on its connection.
    #[must_use]
    pub fn brought(&self) -> Pins {
        self.pending.brought
    }

    /// Adds pins that no statement brings (COM_STMT_PREPARE, an open cursor …).
    pub fn pin(&mut self, pins: Pins) {
        self.pins |= pins;
    }

    /// Whether an error of the statement under way would leave it half done, and so pin.
    #[must_use]
    pub fn may_stop_half_way(&self) -> bool {
        self.pending.several
    }

    /// The read that just ended changed something that nothing explains: it is none of the
    /// session's, and must not be the next one's.
    #[must_use]
    pub fn left_unexplained(&self, statement: &Statement) -> bool {
        statement.access == Access::Read && self.pending.marked
    }

    /// Takes pins back whose reason is gone.
    pub fn unpin(&mut self, pins: Pins) {
        self.pins.remove(pins);
    }

    /// Why it must keep its connection.
    #[must_use]
    pub fn pins(&self) -> Pins {
        self.pins
    }

    /// What it has set that can be replayed: also the state of the connection it holds.
    #[must_use]
    pub fn state(&self) -> &Rc<ReplayState> {
        &self.state
    }

    /// Takes in a server's status flags, but for the one that is about their packet alone.
    pub fn set_status(&mut self, status: StatusFlags) {
        self.status = status & StatusFlags::OF_SESSION;
    }

    /// The client's own trackers.
    #[must_use]
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// The same, to look through at the next reply; `raw`: its connection has these trackers
    /// on it.
    pub fn shown_through(&mut self, raw: bool) -> &mut Shown {
        self.shown.set_raw(raw);
        &mut self.shown
    }

    /// What of the last status flags that the server sent is the session's.
    #[must_use]
    pub fn status(&self) -> StatusFlags {
        self.status
    }

    /// Whether a transaction is or may be open.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        let flagged = self.status.contains(StatusFlags::IN_TRANS);
        flagged || self.transaction_in_doubt || self.savepoint
    }

    /// Whether the open transaction is read-only.
    #[must_use]
    pub fn transaction_read_only(&self) -> bool {
        self.in_transaction() && self.status.contains(StatusFlags::IN_TRANS_READONLY)
    }

    /// Whether autocommit is on.
    #[must_use]
    pub fn autocommit(&self) -> bool {
        self.status.contains(StatusFlags::AUTOCOMMIT)
    }

    /// The transaction's characteristics as the server wrote them; empty outside of one.
    #[must_use]
    pub fn characteristics(&self) -> &[u8] {
        &self.characteristics
    }

    /// What the last statement left.
    #[must_use]
    pub fn last(&self) -> &LastStatement {
        &self.last
    }

    /// The GTID of the session's last write; empty before one.
    #[must_use]
    pub fn gtid(&self) -> &[u8] {
        &self.gtid
    }

    /// Whether `SELECT LAST_INSERT_ID()` should be asked on the connection held before it is
    /// released or the session asks itself: see [`InsertId::Unsure`].
    #[must_use]
    pub fn insert_id_in_doubt(&self) -> bool {
        matches!(self.last.insert_id, InsertId::Unsure { .. })
    }

    /// Whether only an answer of the connection held can tell `LAST_INSERT_ID()`, and what it
    /// answers is not the session's for sure.
    #[must_use]
    pub fn insert_id_unknown(&self) -> bool {
        matches!(self.last.insert_id, InsertId::Unsure { exact: false, .. })
    }

    /// Whether the connection held should be asked for it, and may be: the question would be the
    /// end of a `ROW_COUNT()` that is not known.
    #[must_use]
    pub fn may_ask_insert_id(&self) -> bool {
        self.insert_id_unknown() && self.last.row_count.is_some()
    }

    /// The connection that ran the INSERT answered `SELECT LAST_INSERT_ID()`.
    pub fn resolve_insert_id(&mut self, answer: u64) {
        self.last.resolve_insert_id(answer);
        self.insert_id_here = self.last.insert_id == InsertId::Known(answer);
    }

    /// How the servers read this session's texts.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.reading.dialect
    }

    /// How the session's character set lays out its texts; `None` where the session has set
    /// none and the server's default rules.
    #[must_use]
    pub fn charset(&self) -> Option<Charset> {
        self.reading.charset
    }

    /// The current schema is one of the server's own, which describe that server.
    #[must_use]
    pub fn in_server_schema(&self) -> bool {
        self.reading.in_server_schema
    }

    /// `completion_type` makes the server close the connection behind a COMMIT or ROLLBACK.
    pub(super) fn releases(&self) -> bool {
        self.reading.releases
    }

    /// `sql_select_limit` cuts results short.
    pub(super) fn limits_rows(&self) -> bool {
        self.reading.limits_rows
    }
}

/// How a session's variables let its texts be read, looked up once for each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    dialect: Dialect,
    charset: Option<Charset>,
    limits_rows: bool,
    in_server_schema: bool,
    releases: bool,
}

impl Reading {
    pub(super) fn of(state: &ReplayState, server: ServerKind) -> Self {
        const SERVER_SCHEMAS: [&[u8]; 3] = [b"information_schema", b"performance_schema", b"sys"];
        const NO_LIMIT: &[u8] = b"18446744073709551615";
        let mode = state.variable(b"sql_mode");
        let has = |flag: &[u8], default: bool| {
            mode.map_or(default, |mode| mode.split(|byte| *byte == b',').any(|set| set == flag))
        };
        let usual = server.dialect;
        Self {
            dialect: Dialect {
                ansi_quotes: has(b"ANSI_QUOTES", usual.ansi_quotes),
                no_backslash_escapes: has(b"NO_BACKSLASH_ESCAPES", usual.no_backslash_escapes),
                ..usual
            },
            charset: state.variable(b"character_set_client").map(Charset::of),
            limits_rows: state.variable(b"sql_select_limit").is_some_and(|max| max != NO_LIMIT),
            releases: state.variable(b"completion_type").is_some_and(|kind| kind == b"RELEASE"),
            in_server_schema: state.schema().is_some_and(|schema| {
                SERVER_SCHEMAS.iter().any(|name| schema.eq_ignore_ascii_case(name))
            }),
        }
    }
}
