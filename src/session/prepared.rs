//! Binary prepared statements of a session: by ids of the proxy's own, so that any connection can
//! run them.
//!
//! A server reads a text when it prepares it: in the schema, `sql_mode` and character sets of
//! that moment, whatever they are when the statement runs. So a [`PreparedText`] is a text with
//! the state that it was prepared in, and connections remember which of them they have.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::counting::Counting;
use super::insert_text::InsertText;
use super::memory::Session;
use super::{Pins, ReplayState};
use crate::protocol::{Command, ParamLayout, given_integers, opens_cursor};
use crate::sql::{Statement, Traits, Verb, naming};

/// A text with all that decides how servers read it.
#[derive(Debug)]
pub struct PreparedText {
    key: u64,
    sql: Box<[u8]>,
    state: Rc<ReplayState>,
}

impl PreparedText {
    /// Its number: no other text of the shard has had it.
    #[must_use]
    pub fn key(&self) -> u64 {
        self.key
    }

    /// The text; empty where it was too long to be kept.
    #[must_use]
    pub fn sql(&self) -> &[u8] {
        &self.sql
    }

    /// The state to prepare it in: see [`ReplayState::when_prepared`].
    #[must_use]
    pub fn state(&self) -> &Rc<ReplayState> {
        &self.state
    }
}

impl PartialEq for PreparedText {
    fn eq(&self, other: &Self) -> bool {
        self.sql == other.sql && self.state == other.state
    }
}

impl Eq for PreparedText {}

impl Hash for PreparedText {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.sql.hash(hasher);
        self.state.hash(hasher);
    }
}

/// One shard's texts, each held once, so that equal texts have one key.
#[derive(Debug)]
pub struct TextInterner {
    texts: HashSet<Rc<PreparedText>>,
    next_key: u64,
    /// From this many texts on, those that no session has are dropped first.
    sweep_at: usize,
}

/// Texts that stay when their last session closes them: it, or another, may come back to them.
const SWEEP_AT_MIN: usize = 512;
/// A longer text is not kept for others, in bytes.
const SHARED_LEN_MAX: usize = 16 * 1024;

impl Default for TextInterner {
    fn default() -> Self {
        Self { texts: HashSet::new(), next_key: 0, sweep_at: SWEEP_AT_MIN }
    }
}

impl TextInterner {
    /// The one shared copy of `sql` prepared in `state`; long ones have as many as there are
    /// statements.
    pub fn intern(&mut self, sql: &[u8], state: Rc<ReplayState>) -> Rc<PreparedText> {
        if sql.len() > SHARED_LEN_MAX {
            return self.unshared(sql, state);
        }
        let text = PreparedText { key: self.next_key, sql: sql.into(), state };
        if let Some(known) = self.texts.get(&text) {
            return Rc::clone(known);
        }
        if self.texts.len() >= self.sweep_at {
            self.texts.retain(|known| Rc::strong_count(known) > 1);
            self.sweep_at = SWEEP_AT_MIN.max(self.texts.len() * 2);
        }
        self.next_key += 1;
        let shared = Rc::new(text);
        self.texts.insert(Rc::clone(&shared));
        shared
    }

    /// A text that nobody shares.
    pub fn unshared(&mut self, sql: &[u8], state: Rc<ReplayState>) -> Rc<PreparedText> {
        self.next_key += 1;
        Rc::new(PreparedText { key: self.next_key - 1, sql: sql.into(), state })
    }
}

/// One prepared statement of a session.
#[derive(Debug)]
pub struct Prepared {
    /// What is prepared on servers.
    pub text: Rc<PreparedText>,
    /// What the client prepared, where `text` has answers of the session's in it.
    pub asked: Option<Rc<PreparedText>>,
    /// What it may do when it is executed.
    pub statement: Statement,
    /// How its executions are laid out.
    pub layout: ParamLayout,
    /// The types that the client gave its parameters last, two bytes each; empty before.
    pub types: Vec<u8>,
    /// Where servers leave out definitions that they have sent: those of the columns that the
    /// client got last, as packets.
    pub metadata: Option<Rc<[u8]>>,
    /// The last execution was one that MySQL does not read: see [`ParamTypes::Refused`].
    ///
    /// [`ParamTypes::Refused`]: crate::protocol::ParamTypes::Refused
    pub refused: bool,
    /// It runs only where it was prepared: the session keeps that connection.
    pub bound: bool,
    /// Its text is no other statement's, since a server's copy of it may hold what is its own.
    pub own: bool,
    /// The connection held has COM_STMT_SEND_LONG_DATA of it that no execution has used.
    pub long_data: bool,
    /// The connection held has an open cursor of it.
    pub cursor: bool,
    /// What numbers the text of an INSERT holds.
    insert: InsertText,
    /// The ERR that its long data met: for the execution, since the data draws no reply.
    pub lost: Option<Vec<u8>>,
}

impl Prepared {
    /// A statement that was just prepared.
    #[must_use]
    pub fn new(
        text: Rc<PreparedText>,
        statement: Statement,
        layout: ParamLayout,
        bound: bool,
    ) -> Self {
        let inserts = matches!(statement.verb, Verb::Insert | Verb::Replace);
        let insert = if inserts { InsertText::of_prepared(text.sql()) } else { InsertText::NONE };
        Self {
            text,
            asked: None,
            statement,
            layout,
            types: Vec::new(),
            metadata: None,
            refused: false,
            bound,
            own: false,
            insert,
            long_data: false,
            cursor: false,
            lost: None,
        }
    }

    /// What the client prepared.
    #[must_use]
    pub fn asked(&self) -> &Rc<PreparedText> {
        self.asked.as_ref().unwrap_or(&self.text)
    }

    /// The connection held has something of it that belongs to this session alone.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.long_data || self.cursor
    }

    fn pins(&self) -> Pins {
        let mut pins = Pins::empty();
        pins.set(Pins::PREPARED_BINARY, self.bound);
        pins.set(Pins::LONG_DATA, self.long_data);
        pins.set(Pins::CURSOR, self.cursor);
        pins
    }
}

/// The prepared statements of one session.
#[derive(Debug, Default)]
pub struct PreparedStatements {
    all: FxHashMap<u32, Prepared>,
    last_id: u32,
    /// The one that was prepared last, unless that failed or it is closed.
    newest: Option<u32>,
}

impl PreparedStatements {
    /// The id that the next statement gets.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        // 0 is nobody's, and the greatest means the newest.
        let mut id = self.last_id;
        loop {
            id = if id >= u32::MAX - 1 { 1 } else { id + 1 };
            if !self.all.contains_key(&id) {
                return id;
            }
        }
    }

    /// Takes in a statement under [`Self::next_id`].
    pub fn insert(&mut self, prepared: Prepared) {
        self.last_id = self.next_id();
        self.newest = Some(self.last_id);
        self.all.insert(self.last_id, prepared);
    }

    /// A COM_STMT_PREPARE failed.
    pub fn note_failure(&mut self) {
        self.newest = None;
    }

    /// The id that a client means; on MariaDB the greatest number stands for the newest.
    #[must_use]
    pub fn meant(&self, id: u32, mariadb: bool) -> u32 {
        if mariadb && id == u32::MAX { self.newest.unwrap_or(id) } else { id }
    }

    /// The statement `id`.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<&Prepared> {
        self.all.get(&id)
    }

    /// The statement `id`, to be changed.
    pub fn find_mut(&mut self, id: u32) -> Option<&mut Prepared> {
        self.all.get_mut(&id)
    }

    /// Closes the statement `id`.
    pub fn remove(&mut self, id: u32) -> Option<Prepared> {
        if self.newest == Some(id) {
            self.newest = None;
        }
        self.all.remove(&id)
    }

    /// Closes all.
    pub fn clear(&mut self) {
        self.all.clear();
        self.newest = None;
    }

    /// Why the session must keep its connection.
    #[must_use]
    pub fn pins(&self) -> Pins {
        self.all.values().map(Prepared::pins).fold(Pins::empty(), Pins::union)
    }
}

/// Pins that come and go with prepared statements.
pub const PREPARED_PINS: Pins = Pins::PREPARED_BINARY.union(Pins::LONG_DATA).union(Pins::CURSOR);

/// Whether a statement must run where it was prepared: what it answers rests on that connection
/// in a way that the session's memory cannot carry to another, or it could not be read.
#[must_use]
pub fn stays_where_prepared(statement: &Statement) -> bool {
    const ELSEWHERE: Traits = Traits::READS_LAST_INSERT_ID
        .union(Traits::READS_CONNECTION_ID)
        .union(Traits::READS_ROW_COUNT)
        .union(Traits::READS_FOUND_ROWS);
    const BOUND: Traits = Traits::READS_SESSION
        .difference(ELSEWHERE)
        .union(Traits::USER_VARIABLE_WRITE)
        .union(Traits::UNKNOWN)
        .union(Traits::COMPOUND)
        .union(Traits::KILL);
    statement.traits.intersects(BOUND)
}

impl Session {
    /// As [`Session::begin`], for an execution of `prepared` that `payload` asks for.
    pub fn begin_execution(&mut self, prepared: &Prepared, payload: &[u8], pin_on_call: bool) {
        self.begin(&prepared.statement, prepared.text.sql(), pin_on_call);
        if self.pending.naming.is_some() {
            // Its names are of the schema that was current then.
            let schema = prepared.text.state().schema();
            self.pending.naming = naming(prepared.text.sql(), self.dialect(), schema).map(Box::new);
        }
        let sends = matches!(self.pending.counting, Counting::Sends | Counting::SendsAtEnd);
        if sends && opens_cursor(payload) {
            // The rows are counted, and stay on the server.
            self.pending.counting = Counting::Hides;
        }
        self.pending.bulk = payload.first() == Some(&Command::StmtBulkExecute.byte());
        if !matches!(prepared.statement.verb, Verb::Insert | Verb::Replace) {
            return;
        }
        self.pending.hides_insert_id |= self.pending.bulk;
        let mut insert = prepared.insert;
        let all = insert != InsertText::ANY
            && !prepared.long_data
            && given_integers(payload, prepared.layout, &prepared.types, |value| {
                insert.give(value)
            });
        self.pending.insert = if all { insert } else { InsertText::ANY };
    }
}

impl ReplayState {
    /// Variables that change nothing of how a text is read: statements prepared under different
    /// values are the same.
    const READ_WHEN_RUN: [&[u8]; 14] = [
        b"autocommit",
        b"completion_type",
        b"interactive_timeout",
        b"innodb_lock_wait_timeout",
        b"lock_wait_timeout",
        b"max_execution_time",
        b"max_statement_time",
        b"net_read_timeout",
        b"net_write_timeout",
        b"transaction_isolation",
        b"transaction_read_only",
        b"tx_isolation",
        b"tx_read_only",
        b"wait_timeout",
    ];

    /// The part of a state that decides how a text is read.
    #[must_use]
    pub fn when_prepared(&self) -> Self {
        self.filtered(|name| !Self::READ_WHEN_RUN.contains(&name))
    }

    /// The state to prepare in: `prepared` is what [`Self::when_prepared`] gave, all else, such as
    /// what concerns an open transaction, stays as it is.
    #[must_use]
    pub fn prepared_in(&self, prepared: &Self) -> Self {
        let mut state = prepared.clone();
        for name in Self::READ_WHEN_RUN {
            if let Some(value) = self.variable(name) {
                state.set_variable(name, value);
            }
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, classify};
    use proptest::prelude::*;

    fn state(schema: &str, variables: &[(&str, &str)]) -> Rc<ReplayState> {
        let mut state = ReplayState::with_schema(Some(schema.as_bytes()));
        for (name, value) in variables {
            state.set_variable(name.as_bytes(), value.as_bytes());
        }
        Rc::new(state)
    }

    #[test]
    fn a_text_is_one_with_its_state() {
        let mut texts = TextInterner::default();
        let one = texts.intern(b"select 1", state("a", &[]));
        assert_eq!(texts.intern(b"select 1", state("a", &[])).key(), one.key());
        assert_ne!(texts.intern(b"select 1", state("b", &[])).key(), one.key());
        assert_ne!(texts.intern(b"select 2", state("a", &[])).key(), one.key());
        let long = vec![b'x'; SHARED_LEN_MAX + 1];
        let long = [(), ()].map(|()| texts.intern(&long, state("a", &[])).key());
        assert_ne!(long[0], long[1]);
        let alone = texts.unshared(b"", state("a", &[]));
        assert_ne!(alone.key(), texts.unshared(b"", state("a", &[])).key());
        for n in 0..10_000_u32 {
            texts.intern(&n.to_le_bytes(), state("a", &[]));
        }
        assert!(texts.texts.len() <= SWEEP_AT_MIN + 1);
        assert_eq!(texts.intern(b"select 1", state("a", &[])).key(), one.key());
    }

    #[test]
    fn what_decides_how_a_text_is_read() {
        let now = state("b", &[("autocommit", "OFF"), ("sql_mode", ""), ("tx_isolation", "X")]);
        let then = state("a", &[("autocommit", "ON"), ("sql_mode", "ANSI"), ("time_zone", "UTC")]);
        let text = then.when_prepared();
        assert_eq!(text, *state("a", &[("sql_mode", "ANSI"), ("time_zone", "UTC")]));
        let all = [
            ("autocommit", "OFF"),
            ("sql_mode", "ANSI"),
            ("time_zone", "UTC"),
            ("tx_isolation", "X"),
        ];
        assert_eq!(now.prepared_in(&text), *state("a", &all));
        assert_eq!(now.prepared_in(&now.when_prepared()), *now);
    }

    #[test]
    fn ids_and_the_newest() {
        let mut all = PreparedStatements::default();
        let mut texts = TextInterner::default();
        let mut prepare = |all: &mut PreparedStatements| {
            let text = texts.intern(b"select ?", Rc::default());
            let id = all.next_id();
            all.insert(Prepared::new(text, Statement::OPAQUE, ParamLayout::plain(1), false));
            id
        };
        assert_eq!((prepare(&mut all), prepare(&mut all)), (1, 2));
        assert_eq!((all.meant(u32::MAX, true), all.meant(u32::MAX, false)), (2, u32::MAX));
        all.note_failure();
        assert_eq!(all.meant(u32::MAX, true), u32::MAX);
        assert!(all.remove(2).is_some() && all.find(2).is_none());
        assert_eq!((prepare(&mut all), all.meant(u32::MAX, true)), (3, 3));
        all.last_id = u32::MAX - 1;
        assert_eq!(prepare(&mut all), 2, "1 is taken");
    }

    #[test]
    fn pins_follow_the_statements() {
        let mut all = PreparedStatements::default();
        for bound in [false, true] {
            let text = TextInterner::default().intern(b"select ?", Rc::default());
            all.insert(Prepared::new(text, Statement::OPAQUE, ParamLayout::plain(1), bound));
        }
        assert_eq!(all.pins(), Pins::PREPARED_BINARY);
        all.find_mut(1).unwrap().cursor = true;
        assert_eq!(all.pins(), Pins::PREPARED_BINARY | Pins::CURSOR);
        all.remove(2);
        assert_eq!(all.pins(), Pins::CURSOR);
        all.clear();
        assert_eq!(all.pins(), Pins::empty());
    }

    #[test]
    fn what_stays_where_it_was_prepared() {
        for (sql, stays) in [
            ("SELECT * FROM t WHERE a = ?", false),
            ("INSERT INTO t VALUES (?)", false),
            ("SELECT LAST_INSERT_ID()", false),
            ("SELECT CONNECTION_ID()", false),
            ("SET sql_mode=?", false),
            ("CREATE TEMPORARY TABLE t (a INT)", false),
            ("SELECT ROW_COUNT()", false),
            ("SELECT FOUND_ROWS()", false),
            ("SHOW WARNINGS", true),
            ("SELECT @a", true),
            ("SELECT ? INTO @a", true),
            ("KILL ?", true),
        ] {
            let statement = classify(sql.as_bytes(), Dialect::default());
            assert_eq!(stays_where_prepared(&statement), stays, "{sql}");
        }
        assert!(stays_where_prepared(&Statement::OPAQUE));
    }

    proptest! {
        #[test]
        fn preparing_in_ones_own_state_changes_nothing(
            names in prop::collection::vec(
                prop::sample::select(vec!["autocommit", "sql_mode", "wait_timeout", "tx_isolation",
                    "transaction_isolation", "character_set_client", "collation_connection"]), 0..9),
        ) {
            let all: Vec<_> = names.iter().map(|name| (*name, "7")).collect();
            let state = state("a", &all);
            prop_assert_eq!(state.prepared_in(&state.when_prepared()), (*state).clone());
        }
    }
}
