//! The session itself: how each statement and its reply change what is remembered.

use std::rc::Rc;

use thiserror::Error;

use crate::protocol::{StatusFlags, Summary};
use crate::sql::{Access, Dialect, Statement, Traits, Verb, naming};

use super::access::Reading;
use super::changes::Pending;
use super::counting::{Counting, counting};
use super::insert_text::InsertText;
use super::last::{FoundLate, InsertId, LastStatement};
use super::opened::{Opened, RARE};
use super::shown::Shown;
use super::text::{self, Hidden};
use super::{Pins, Preamble, ReplayState, StateInterner, TrackerSettings, difference};

/// What a session must know of the server it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerKind {
    /// Whether its OK packets report changes (see `ServerFacts::has_trackers`).
    pub trackers: bool,
    /// How it reads texts while the session has set no `sql_mode`.
    pub dialect: Dialect,
}

/// Whether the backend connection stays with the session after a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// It may serve others; it is in this state.
    Release {
        /// The connection's state.
        state: Rc<ReplayState>,
    },
    /// It stays, for this reason.
    Hold(Hold),
    /// The server closes it, or its state cannot be known: close it.
    Close,
}

/// Why a connection stays with its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// State on it that nothing can replay; [`Session::pins`] says which.
    Pinned,
    /// A transaction is or may be open.
    Transaction,
    /// Only until the next statement, unless that one asks for it
    /// ([`Session::needs_connection`]): it has the last statement's warnings or counts.
    LastStatement,
}

/// What to do with the connection held when the client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtEnd {
    /// It may serve others; it is in the session's state.
    Release,
    /// Only after COM_RESET_CONNECTION; else close it.
    Reset,
}

/// What statements before left on a connection, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// `LAST_INSERT_ID()`.
    pub insert_id: Option<u64>,
    /// `FOUND_ROWS()`.
    pub found_rows: Option<u64>,
}

/// A connection that no difference can bring to the session's state: reset it, or take another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection has a schema selected and the session has none")]
pub struct Unreachable;

/// Empties the list of warnings: MariaDB does so only for a statement that uses a table.
const CLEAR_WARNINGS: &[u8] =
    b"DO (SELECT COUNT(*) FROM information_schema.character_sets WHERE 0)";
/// The same on MySQL, where a table, even of information_schema, would open a transaction.
const CLEAR_WARNINGS_MYSQL: &[u8] = b"DO 0";

/// What one client has set.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) server: ServerKind,
    pub(super) state: Rc<ReplayState>,
    /// What of `state` every statement asks for.
    pub(super) reading: Reading,
    pub(super) pins: Pins,
    pub(super) status: StatusFlags,
    /// An ERR reply told no status, and a transaction may have begun.
    pub(super) transaction_in_doubt: bool,
    /// With autocommit off a savepoint may stand before any transaction does: the flags do not
    /// tell.
    pub(super) savepoint: bool,
    /// `L` of the transaction state tracker: LOCK TABLES is in force.
    pub(super) tables_locked: bool,
    /// What is open on the connection held.
    pub(super) opened: Option<Box<Opened>>,
    pub(super) characteristics: Vec<u8>,
    pub(super) last: LastStatement,
    /// `LAST_INSERT_ID()` on the connection held is the session's own.
    pub(super) insert_id_here: bool,
    /// The connection held has the session's warnings, or counts that only it knows.
    pub(super) answers_here: bool,
    /// `FOUND_ROWS()` on the connection held is the session's own.
    pub(super) counts_here: bool,
    /// See [`Session::counted`].
    pub(super) counted: Option<Option<u64>>,
    pub(super) gtid: Vec<u8>,
    pub(super) pending: Pending,
    /// The client's own trackers.
    pub(super) shown: Shown,
}

impl Session {
    /// A session just after login, in the state that the login gave it.
    #[must_use]
    pub fn new(state: Rc<ReplayState>, server: ServerKind) -> Self {
        Self {
            server,
            reading: Reading::of(&state, server),
            state,
            pins: Pins::empty(),
            status: StatusFlags::AUTOCOMMIT,
            transaction_in_doubt: false,
            savepoint: false,
            tables_locked: false,
            opened: None,
            characteristics: Vec::new(),
            last: LastStatement::default(),
            insert_id_here: false,
            answers_here: false,
            counts_here: false,
            counted: None,
            gtid: Vec::new(),
            pending: Pending::default(),
            shown: Shown::default(),
        }
    }

    /// A login, COM_RESET_CONNECTION or COM_CHANGE_USER ended well: nothing is left but `state`
    /// and `trackers`.
    pub fn reset(&mut self, state: Rc<ReplayState>, trackers: Rc<TrackerSettings>) {
        *self = Self::new(state, self.server);
        self.shown = Shown::new(trackers, self.server.dialect.mariadb);
    }

    /// A statement is about to be routed: reads what its text hides and adds its pins, but for
    /// those of a mere write that fails to be one. `pin_on_call` is the setting.
    pub fn begin(&mut self, statement: &Statement, sql: &[u8], pin_on_call: bool) {
        self.begin_pending();
        if statement.is_plain_read() && !self.answers_here {
            self.pending.counting = Counting::of_reads(self.server.dialect.mariadb);
            return;
        }
        let trackers = self.begin_trackers(statement, sql);
        let brought = (Pins::of(statement, pin_on_call) | trackers).difference(self.pins);
        self.pending.brought = brought;
        self.pins |= brought;
        if statement.traits.intersects(Traits::PLAIN_SET | Traits::USE) {
            self.pending.hidden = text::hidden(statement, sql, !self.server.trackers);
            self.pending.several = statement.statements > 1 || text::sets_several(sql);
            if self.pending.hidden == Hidden::Unreadable {
                let pin = self.unreadable_pin().difference(self.pins);
                self.pending.brought |= pin;
                self.pins |= pin;
            }
        }
        self.pending.releases = self.releases()
            && statement.traits.intersects(Traits::COMMIT | Traits::ROLLBACK)
            && text::leaves_release_open(sql);
        if statement.statements == 1 && statement.traits.intersects(RARE) {
            self.pending.naming = naming(sql, self.dialect(), self.state.schema()).map(Box::new);
        }
        if matches!(statement.verb, Verb::Insert | Verb::Replace) {
            self.pending.insert = InsertText::of(sql);
            self.pending.hides_insert_id = text::may_hide_insert_id(sql);
        } else if statement.verb == Verb::Load {
            self.pending.insert = InsertText::ANY;
            self.pending.hides_insert_id = true;
        }
        self.pending.hides_insert_id |= statement.traits.intersects(Traits::PROGRAMS);
        let several = statement.statements > 1 && statement.access == Access::Write;
        self.pending.hides_insert_id |= several;
        let mariadb = self.server.dialect.mariadb;
        self.pending.counting = counting(statement, sql, mariadb, self.limits_rows());
        // One of several statements may take over what was counted late.
        let late = self.last.found_late != FoundLate::Nothing && statement.statements > 1;
        if late && self.pending.counting == Counting::Keeps && text::may_take_over(sql) {
            self.pending.counting = Counting::May;
        }
        if statement.traits.contains(Traits::EVENT_VARIABLE) {
            self.pending.names_insert_id = text::names_insert_id(sql);
        }
        let keeps = mariadb
            && (self.answers_here || self.pending.counting.needs_count(statement))
            && text::keeps_warnings(statement, sql);
        self.pending.keeps_warnings = keeps && self.answers_here;
        self.pending.takes_over_warnings = keeps && !self.answers_here;
    }

    /// COM_INIT_DB of `schema` is about to be routed, as [`Session::INIT_DB`].
    pub fn begin_init_db(&mut self, schema: &[u8]) {
        self.begin_pending();
        if !self.server.trackers {
            self.pending.hidden = Hidden::Schema(schema.to_vec());
        }
        // MySQL's OK even counts them, though they are another statement's.
        self.pending.keeps_warnings = self.answers_here;
    }

    /// The statement that COM_INIT_DB amounts to.
    pub const INIT_DB: Statement = Statement {
        verb: Verb::Use,
        access: Access::Write,
        traits: Traits::USE,
        hint: None,
        statements: 1,
    };

    /// A command other than a statement is about to run (COM_PING, COM_STATISTICS …).
    pub fn begin_command(&mut self) {
        self.begin_pending();
        self.pending.keeps_warnings = self.answers_here;
    }

    /// COM_STMT_PREPARE of `statement` is about to run: it leaves ROW_COUNT() as it is.
    pub fn begin_prepare(&mut self, statement: &Statement, sql: &[u8]) {
        self.begin_command();
        self.pending.prepares = true;
        // MariaDB looks at the tables, as if it ran; MySQL empties the list whatever it is.
        let mariadb = self.server.dialect.mariadb;
        self.pending.keeps_warnings &= mariadb && text::keeps_warnings(statement, sql);
    }

    fn begin_pending(&mut self) {
        let mut variables = std::mem::take(&mut self.pending.variables);
        variables.clear();
        self.pending = Pending { variables, ..Pending::default() };
    }

    /// Whether the statement that [`Session::begin`] took must run on the connection held, even
    /// if it is only held for the last statement's sake.
    #[must_use]
    pub fn needs_connection(&self, statement: &Statement) -> bool {
        let asks = |traits| statement.traits.intersects(traits);
        self.held_firmly()
            || (self.answers_here
                && (self.needs_warnings(statement)
                    || (asks(Traits::READS_ROW_COUNT) && self.last.row_count.is_none())
                    || self.last.found_rows.is_none()))
    }

    /// The pin for a change that is reported in part or not at all.
    pub(super) fn unreadable_pin(&self) -> Pins {
        if self.server.trackers { Pins::UNKNOWN_CHANGE } else { Pins::UNTRACKED_SET }
    }

    /// Whether what ran before the statement under way binds the session to the connection held:
    /// a transaction, or a pin.
    #[must_use]
    pub fn held_firmly(&self) -> bool {
        // What the statement under way brings is no reason to stay where the session is.
        self.pinned() || self.in_transaction()
    }

    /// Whether a preamble can bring a connection in the state `connection` to the session's: one
    /// that has a schema selected cannot lose it.
    #[must_use]
    pub fn reaches(&self, connection: &ReplayState) -> bool {
        self.state.schema().is_some() || connection.schema().is_none()
    }

    /// What to send in front of the statement to a connection in the state `connection`, on which
    /// others left `left`.
    ///
    /// # Errors
    /// The connection cannot be brought to the session's state.
    pub fn preamble_for(
        &self,
        statement: &Statement,
        connection: &Rc<ReplayState>,
        left: Left,
    ) -> Result<Preamble, Unreachable> {
        let mut preamble = if Rc::ptr_eq(connection, &self.state) {
            Preamble::default()
        } else {
            difference(connection, &self.state).ok_or(Unreachable)?
        };
        // Where the connection stays with the session, only it will know whether an INSERT gave
        // its id itself.
        let stays = !self.autocommit()
            || self.held_firmly()
            || !matches!(self.pending.counting, Counting::Keeps | Counting::Sends)
            || self.last.found_rows.is_none();
        let ambiguous = match left.insert_id {
            _ if stays => self.pending.insert != InsertText::NONE,
            Some(0) => false,
            Some(id) => self.pending.insert.may_give(id),
            None => self.pending.insert != InsertText::NONE,
        };
        if (self.wants_insert_id(statement) || ambiguous) && !self.insert_id_here {
            let value = self.last.insert_id.value();
            preamble.assign(b"last_insert_id", value.to_string().as_bytes());
            preamble.insert_id = Some(value);
        }
        let shown =
            statement.verb == Verb::Use || (statement.verb == Verb::Admin && !self.held_firmly());
        // Nothing of this session's is left to show, but something of another's may be; MySQL
        // also counts it in the reply to COM_INIT_DB or COM_SET_OPTION.
        let shows = statement.traits.contains(Traits::READS_DIAGNOSTICS)
            || self.pending.takes_over_warnings
            || (shown && !self.server.dialect.mariadb);
        if shows && !self.answers_here {
            let mariadb = self.server.dialect.mariadb;
            preamble.clear_sql = Some(if mariadb { CLEAR_WARNINGS } else { CLEAR_WARNINGS_MYSQL });
        }
        // What clears warnings on MySQL counts as well.
        let counted = left.found_rows.filter(|_| preamble.clear_sql.is_none());
        let here = self.counts_here && preamble.clear_sql.is_none();
        preamble.count_sql = self.count_to_bring(statement, counted, here);
        Ok(preamble)
    }

    /// Whether the connection must know the session's last insert id: to tell it, or since only
    /// the connection can say afterwards whether the statement changed it.
    fn wants_insert_id(&self, statement: &Statement) -> bool {
        // A bulk execution leaves a ROW_COUNT() behind that nothing may be run in front of.
        statement.traits.contains(Traits::READS_LAST_INSERT_ID)
            || self.pending.hides_insert_id
            || self.pending.bulk
    }

    /// The preamble was answered without an error, but perhaps one for its count: `counted` says
    /// whether the connection has that now.
    pub fn preamble_done(&mut self, preamble: &Preamble, counted: bool) {
        self.insert_id_here |= preamble.insert_id.is_some();
        self.pending.takes_over_warnings &= preamble.clear_sql.is_none();
        self.counts_here = counted || (self.counts_here && preamble.clear_sql.is_none());
    }

    /// The reply to `statement` is complete, and its entries were noted: says whether the
    /// connection stays.
    pub fn after_reply(
        &mut self,
        statement: &Statement,
        summary: &Summary,
        states: &mut StateInterner,
    ) -> Keep {
        self.note_status(statement, summary);
        let failed = summary.error.is_some();
        if !failed {
            self.apply_hidden(statement);
        }
        self.explain(statement, failed);
        self.apply_variables(states);
        self.note_opened(statement, summary);
        self.drop_needless_pins(statement, summary);
        let Pending { insert, counting, .. } = self.pending;
        let before = self.last.found_rows;
        let row_count = self.last.row_count;
        self.last.note(statement, summary, insert, self.insert_id_here, counting);
        self.last.note_found_late(statement, summary, counting, self.pending.takes_late);
        if self.pending.prepares && !failed {
            self.last.row_count = row_count;
        } else if self.pending.bulk && !failed {
            self.last.row_count = None;
        }
        let inserted = !failed || summary.results > 0 || self.pending.bulk;
        if self.pending.hides_insert_id && inserted {
            self.last.doubt_insert_id(summary.last_insert_id, self.insert_id_here);
        }
        self.note_counts(statement, summary, before);
        let told = summary.last_insert_id != 0 && !self.insert_id_unknown();
        self.insert_id_here |=
            told || self.pending.names_insert_id || self.last.insert_id == InsertId::OnConnection;
        self.keep(statement, summary)
    }

    fn note_status(&mut self, statement: &Statement, summary: &Summary) {
        if summary.has_status {
            self.set_status(summary.status);
        }
        // An ERR packet has no status, and even a failed write opens a transaction where
        // autocommit is off.
        let opens = Traits::BEGIN | Traits::CHAIN | Traits::XA | Traits::CALL;
        self.transaction_in_doubt = summary.error.is_some()
            && (self.transaction_in_doubt
                || !self.status.contains(StatusFlags::AUTOCOMMIT)
                || (statement.statements > 1 && statement.access == Access::Write)
                || statement.traits.intersects(opens));
        self.note_savepoint(statement, summary.error.is_some());
    }

    /// Takes back pins of this statement that its reply shows to be needless.
    fn drop_needless_pins(&mut self, statement: &Statement, summary: &Summary) {
        let traits = statement.traits;
        let brought = self.pending.brought;
        let single = statement.statements == 1 && summary.results <= 1;
        // The OK packet told the value.
        let told = summary.last_insert_id != 0 || summary.error.is_some();
        if brought.contains(Pins::LAST_INSERT_ID) && single && !summary.had_resultset && told {
            self.pins.remove(Pins::LAST_INSERT_ID);
        }
        if brought.contains(Pins::ONE_SHOT_TRANSACTION) && single && summary.error.is_some() {
            self.pins.remove(Pins::ONE_SHOT_TRANSACTION);
        }
        // A text that does not parse did nothing.
        if summary.error == Some(1064) && summary.results == 0 {
            self.pins.remove(brought);
        }
        // Another result set: FOUND_ROWS() is what was counted.
        if single && summary.had_resultset && !traits.contains(Traits::CALC_FOUND_ROWS) {
            self.pins.remove(Pins::FOUND_ROWS);
        }
    }

    fn keep(&mut self, statement: &Statement, summary: &Summary) -> Keep {
        let failed = summary.error.is_some();
        let ends = (statement.traits.contains(Traits::RELEASE) || self.pending.releases)
            && !statement.traits.contains(Traits::STORED_PROGRAM);
        let unknown = self.last.row_count.is_none() || self.last.found_rows.is_none();
        let asked = self.answers_here && statement.traits.contains(Traits::READS_DIAGNOSTICS);
        // MariaDB's list may be an earlier one's of several statements.
        let warned = summary.warnings > 0 || (self.server.dialect.mariadb && summary.warned);
        self.answers_here = failed || warned || unknown || asked || self.pending.keeps_warnings;
        self.pending.brought = Pins::empty();
        if ends && !failed {
            self.left_connection();
            return Keep::Close;
        }
        if !self.pins.is_empty() {
            return Keep::Hold(Hold::Pinned);
        }
        if self.in_transaction() {
            return Keep::Hold(Hold::Transaction);
        }
        if self.answers_here {
            return Keep::Hold(Hold::LastStatement);
        }
        self.left_connection();
        Keep::Release { state: Rc::clone(&self.state) }
    }

    /// What to do with the connection held when the client leaves now, between two statements.
    #[must_use]
    pub fn at_end(&self) -> AtEnd {
        if self.pins.is_empty() && !self.in_transaction() { AtEnd::Release } else { AtEnd::Reset }
    }

    /// The read that left warnings, an error or counts on another connection was run again on the
    /// one in use now.
    pub fn answers_moved(&mut self) {
        self.answers_here = true;
    }

    /// The statement under way goes to a connection that has nothing of the session's to keep.
    pub fn answers_stayed(&mut self) {
        self.pending.keeps_warnings = false;
    }

    /// The connection held went back, or broke: nothing is on it any more.
    pub fn left_connection(&mut self) {
        self.insert_id_here = false;
        self.answers_here = false;
        self.counts_here = false;
        self.status.remove(StatusFlags::IN_TRANS | StatusFlags::IN_TRANS_READONLY);
        self.transaction_in_doubt = false;
        self.savepoint = false;
        self.tables_locked = false;
        self.opened = None;
        self.pins = self.pending.brought;
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
pub(super) mod tests;
