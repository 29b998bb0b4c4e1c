//! What a session has set and any connection can be brought to: the schema and the variables.

use std::collections::HashSet;
use std::rc::Rc;

/// The replayable state of a session, or of a backend connection. Variables that are absent have
/// the value that the server gave the connection at login.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ReplayState {
    schema: Option<Box<[u8]>>,
    /// Sorted by name; names in lower case.
    variables: Vec<Assignment>,
}

/// A variable's name and value.
type Assignment = (Box<[u8]>, Box<[u8]>);

/// What to make of a variable that a tracker names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VariableKind {
    /// Its value is state: replay it.
    Replayable,
    /// It follows from something else.
    Derived,
    /// Its value is an event, or means nothing elsewhere.
    Event,
    /// `last_insert_id` and its synonym.
    InsertId,
    /// `last_gtid`: the session's last write.
    Gtid,
    /// What the trackers report.
    Tracking,
    /// Not a name that may be put into a statement.
    Unusable,
}

/// No variable, but state all the same: the collation that a login or `SET NAMES … COLLATE` gave
/// to everything, results included, where it shows in the columns' metadata. Setting
/// `character_set_results` alone goes back to that set's default collation.
pub(super) const NAMES_COLLATION: &[u8] = b"names collation";

/// Names of one variable: where one is set, the others are forgotten.
const SYNONYMS: [&[&[u8]]; 7] = [
    &[b"transaction_isolation", b"tx_isolation"],
    &[b"transaction_read_only", b"tx_read_only"],
    &[b"default_storage_engine", b"storage_engine"],
    &[b"log_slow_query", b"slow_query_log"],
    &[b"log_slow_query_time", b"long_query_time"],
    &[b"log_slow_min_examined_row_limit", b"min_examined_row_limit"],
    // Either decides both; the trackers report final values, so the later entry may win.
    &[b"character_set_connection", b"collation_connection"],
];

/// Variables whose value is an event and not a state.
const EVENTS: [&[u8]; 16] = [
    b"debug_sync",
    b"gtid_domain_id",
    b"gtid_next",
    b"gtid_seq_no",
    b"insert_id",
    b"original_commit_timestamp",
    b"original_server_version",
    b"immediate_server_version",
    b"profiling",
    b"rand_seed1",
    b"rand_seed2",
    b"resource_group",
    b"server_id",
    b"skip_replication",
    b"sql_log_bin",
    b"timestamp",
];

/// Variables that follow from the schema or the last statement.
const DERIVED: [&[u8]; 4] = [b"error_count", b"warning_count", b"statement_id", b"last_gtid"];

/// Sorts a variable that a tracker named; `name` is in lower case.
pub(super) fn variable_kind(name: &[u8]) -> VariableKind {
    let usable = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(usable) {
        VariableKind::Unusable
    } else if name == b"last_gtid" {
        VariableKind::Gtid
    } else if name == b"last_insert_id" || name == b"identity" {
        VariableKind::InsertId
    } else if DERIVED.contains(&name) {
        VariableKind::Derived
    } else if name.starts_with(b"session_track_") {
        VariableKind::Tracking
    } else if EVENTS.contains(&name)
        || name.starts_with(b"pseudo_")
        || name == b"character_set_database"
        || name == b"collation_database"
    {
        VariableKind::Event
    } else {
        VariableKind::Replayable
    }
}

/// The other names of the variable `name`.
pub(super) fn synonyms(name: &[u8]) -> impl Iterator<Item = &'static [u8]> {
    let group = SYNONYMS.iter().find(|names| names.contains(&name));
    group.into_iter().flat_map(|names| names.iter().copied()).filter(move |other| *other != name)
}

impl ReplayState {
    /// A state with only a schema.
    #[must_use]
    pub fn with_schema(schema: Option<&[u8]>) -> Self {
        let mut state = Self::default();
        state.set_schema(schema);
        state
    }

    /// The current schema; `None` where none is selected.
    #[must_use]
    pub fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// Selects a schema; `None` or the empty name: none.
    pub fn set_schema(&mut self, schema: Option<&[u8]>) {
        self.schema = schema.filter(|name| !name.is_empty()).map(Into::into);
    }

    /// The value of the variable `name` (lower case), if the session set it.
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<&[u8]> {
        self.place(name).ok().and_then(|at| self.variables.get(at)).map(|(_, value)| &**value)
    }

    /// Whether a server takes texts and parameters in the same character sets in both states.
    #[must_use]
    pub fn reads_like(&self, other: &Self) -> bool {
        const READING: [&[u8]; 2] = [b"character_set_client", b"collation_connection"];
        READING.iter().all(|name| self.variable(name) == other.variable(name))
    }

    /// The variables in the order of their names.
    pub fn variables(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.variables.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Sets a variable by its name in lower case and forgets its synonyms.
    pub fn set_variable(&mut self, name: &[u8], value: &[u8]) {
        for other in synonyms(name) {
            self.variables.retain(|(set, _)| **set != *other);
        }
        if name == b"character_set_results" {
            self.variables.retain(|(set, _)| **set != *NAMES_COLLATION);
        }
        match self.place(name) {
            Ok(at) => self.variables[at].1 = value.into(),
            Err(at) => self.variables.insert(at, (name.into(), value.into())),
        }
    }

    /// A login, or `SET NAMES … COLLATE`, gave this collation to all that the client sends and
    /// gets.
    pub fn set_names_collation(&mut self, collation: &[u8]) {
        self.set_variable(NAMES_COLLATION, collation);
    }

    /// The state with the default values of these variables.
    #[must_use]
    pub fn without(&self, names: &[&[u8]]) -> Self {
        self.filtered(|name| !names.contains(&name))
    }

    /// The same with only the variables whose names `keep` lets through.
    pub(super) fn filtered(&self, keep: impl Fn(&[u8]) -> bool) -> Self {
        let variables = self.variables.iter().filter(|(name, _)| keep(name)).cloned().collect();
        Self { schema: self.schema.clone(), variables }
    }

    fn place(&self, name: &[u8]) -> Result<usize, usize> {
        self.variables.binary_search_by(|(set, _)| (**set).cmp(name))
    }
}

/// One shard's states, each held once, so that equal states are one pointer.
#[derive(Debug)]
pub struct StateInterner {
    states: HashSet<Rc<ReplayState>>,
    /// From this many states on, those that nobody uses are dropped first.
    sweep_at: usize,
}

const SWEEP_AT_MIN: usize = 64;

impl Default for StateInterner {
    fn default() -> Self {
        Self { states: HashSet::new(), sweep_at: SWEEP_AT_MIN }
    }
}

impl StateInterner {
    /// The one shared copy of `state`.
    pub fn intern(&mut self, state: ReplayState) -> Rc<ReplayState> {
        if let Some(known) = self.states.get(&state) {
            return Rc::clone(known);
        }
        if self.states.len() >= self.sweep_at {
            self.states.retain(|known| Rc::strong_count(known) > 1);
            self.sweep_at = SWEEP_AT_MIN.max(self.states.len() * 2);
        }
        let shared = Rc::new(state);
        self.states.insert(Rc::clone(&shared));
        shared
    }

    /// How many states it holds, including those that wait for the next sweep.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_states_are_one_pointer_and_the_unused_go() {
        let mut states = StateInterner::default();
        let a = states.intern(ReplayState::with_schema(Some(b"a")));
        let again = states.intern(ReplayState::with_schema(Some(b"a")));
        assert!(Rc::ptr_eq(&a, &again));
        for i in 0..10_000u32 {
            states.intern(ReplayState::with_schema(Some(&i.to_le_bytes())));
        }
        assert!(states.len() <= SWEEP_AT_MIN + 1);
        assert!(Rc::ptr_eq(&a, &states.intern(ReplayState::with_schema(Some(b"a")))));
    }

    #[test]
    fn synonyms_replace_each_other() {
        let mut state = ReplayState::default();
        state.set_variable(b"tx_isolation", b"SERIALIZABLE");
        state.set_variable(b"sql_mode", b"");
        state.set_variable(b"transaction_isolation", b"READ-COMMITTED");
        let all: Vec<_> = state.variables().collect();
        assert_eq!(
            all,
            [(&b"sql_mode"[..], &b""[..]), (b"transaction_isolation", b"READ-COMMITTED")]
        );
        assert_eq!(state.variable(b"tx_isolation"), None);
    }

    #[test]
    fn kinds() {
        for (name, kind) in [
            (&b"sql_mode"[..], VariableKind::Replayable),
            (b"timestamp", VariableKind::Event),
            (b"pseudo_thread_id", VariableKind::Event),
            (b"last_gtid", VariableKind::Gtid),
            (b"identity", VariableKind::InsertId),
            (b"statement_id", VariableKind::Derived),
            (b"session_track_gtids", VariableKind::Tracking),
            (b"a=1,b", VariableKind::Unusable),
            (b"", VariableKind::Unusable),
        ] {
            assert_eq!(variable_kind(name), kind, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn the_empty_schema_is_none() {
        assert_eq!(ReplayState::with_schema(Some(b"")).schema(), None);
        assert_eq!(ReplayState::with_schema(Some(b"a")).schema(), Some(&b"a"[..]));
    }
}
