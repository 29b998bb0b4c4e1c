//! What a server reported beside the reply, and what it should have.

use super::access::Reading;
use super::counting::Counting;
use super::exposure::TrackerUse;
use super::insert_text::InsertText;
use super::last::InsertId;
use super::memory::Session;
use super::state::{NAMES_COLLATION, VariableKind, variable_kind};
use super::text::{Hidden, Names};
use super::{Pins, StateInterner};
use crate::protocol::Change;
use crate::sql::{Access, Naming, Statement, Thing, Traits};

/// What came in with the statement under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) variables: Vec<(Vec<u8>, Vec<u8>)>,
    /// The schema entry: `Some(None)` is "none selected".
    pub(super) schema: Option<Option<Vec<u8>>>,
    pub(super) marked: bool,
    pub(super) hidden: Hidden,
    pub(super) insert: InsertText,
    /// The SET assigns to several variables: an error may have come half way.
    pub(super) several: bool,
    pub(super) names_insert_id: bool,
    /// Its reply may hide the insert id: the connection must have the session's before it.
    pub(super) hides_insert_id: bool,
    /// COM_STMT_BULK_EXECUTE. Of an INSERT rows before an error stay, and their id; ROW_COUNT()
    /// is not what the reply says where that counts rows found.
    pub(super) bulk: bool,
    /// What it does to FOUND_ROWS().
    pub(super) counting: Counting,
    /// The connection has, or gets, what a failed SELECT counted late.
    pub(super) takes_late: bool,
    pub(super) keeps_warnings: bool,
    /// The connection stays for its counts, and so would another session's warnings.
    pub(super) takes_over_warnings: bool,
    /// Pins that this statement brought.
    pub(super) brought: Pins,
    pub(super) lock_reported: bool,
    /// COM_STMT_PREPARE.
    pub(super) prepares: bool,
    /// The server closes the connection behind it, as `completion_type` says.
    pub(super) releases: bool,
    /// What it opens or closes by name.
    pub(super) naming: Option<Box<(Thing, Naming)>>,
    pub(super) trackers: TrackerUse,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            variables: Vec::new(),
            schema: None,
            marked: false,
            hidden: Hidden::Nothing,
            insert: InsertText::NONE,
            several: false,
            names_insert_id: false,
            hides_insert_id: false,
            bulk: false,
            counting: Counting::Keeps,
            takes_late: false,
            keeps_warnings: false,
            takes_over_warnings: false,
            brought: Pins::empty(),
            lock_reported: false,
            prepares: false,
            releases: false,
            naming: None,
            trackers: TrackerUse::None,
        }
    }
}

impl Session {
    /// Takes in one entry of an OK packet that answers the client's own statement.
    pub fn note_change(&mut self, change: Change<'_>) {
        match change {
            Change::SystemVariable { name, value } => self.note_variable(name, value),
            Change::Schema(name) => {
                self.pending.schema = Some((!name.is_empty()).then(|| name.to_vec()));
            }
            Change::StateChanged(changed) => self.pending.marked |= changed,
            Change::Gtids(set) => replace(&mut self.gtid, set),
            Change::TransactionCharacteristics(text) => {
                replace(&mut self.characteristics, text);
                if text.is_empty() && !self.pending.brought.contains(Pins::ONE_SHOT_TRANSACTION) {
                    self.pins.remove(Pins::ONE_SHOT_TRANSACTION);
                }
            }
            Change::TransactionState(state) => {
                self.tables_locked = state.get(7) == Some(&b'L');
                self.pending.lock_reported |= self.tables_locked;
            }
            Change::Unknown(_) => self.pending.marked = true,
        }
    }

    fn note_variable(&mut self, name: &[u8], value: &[u8]) {
        let name = name.to_ascii_lowercase();
        match variable_kind(&name) {
            VariableKind::Replayable => self.pending.variables.push((name, value.to_vec())),
            VariableKind::Derived => {}
            VariableKind::Event => self.pins |= Pins::EVENT_VARIABLE,
            VariableKind::InsertId => {
                let value = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                self.last.insert_id = value.map_or(InsertId::OnConnection, InsertId::Known);
            }
            VariableKind::Gtid => replace(&mut self.gtid, value),
            VariableKind::Tracking if self.uses_trackers() => {}
            VariableKind::Tracking => self.pins |= Pins::SESSION_TRACK,
            VariableKind::Unusable => self.pins |= Pins::UNKNOWN_CHANGE,
        }
    }

    /// Puts in what the server does not report.
    pub(super) fn apply_hidden(&mut self, statement: &Statement) {
        match std::mem::replace(&mut self.pending.hidden, Hidden::Nothing) {
            Hidden::Nothing => {}
            Hidden::Names(names) => {
                let Names { set, collation } = *names;
                if !self.server.trackers {
                    for name in [
                        &b"character_set_client"[..],
                        b"character_set_results",
                        b"character_set_connection",
                    ] {
                        self.pending.variables.push((name.to_vec(), set.clone()));
                    }
                }
                if let Some(mut collation) = collation {
                    // MariaDB's short names: the character set is not part of them.
                    if collation.to_ascii_lowercase().starts_with(b"uca1400_") {
                        collation = [&set[..], b"_", &collation].concat();
                    }
                    let variables = &mut self.pending.variables;
                    variables.push((b"collation_connection".to_vec(), collation.clone()));
                    variables.push((NAMES_COLLATION.to_vec(), collation));
                }
            }
            Hidden::Schema(name) => self.pending.schema = Some(Some(name)),
            Hidden::Unreadable => {
                self.pins |= self.unreadable_pin();
            }
        }
        if !self.server.trackers && statement.traits.contains(Traits::STORED_FUNCTION) {
            self.pins |= Pins::UNKNOWN_CHANGE;
        }
    }

    /// Pins for a change that nothing explains.
    pub(super) fn explain(&mut self, statement: &Statement, failed: bool) {
        // Only MySQL's SET_VAR hint, which the server takes back, or a function in a view: a
        // session must not be tied to a replica.
        let reads = statement.access == Access::Read;
        let marked = self.is_unexplained(statement) && !reads;
        // The servers check all assignments before they make the first, but not quite all.
        let sets = statement.traits.contains(Traits::PLAIN_SET);
        if marked || (failed && sets && self.pending.several) {
            self.pins |= Pins::UNKNOWN_CHANGE;
        }
    }

    fn is_unexplained(&self, statement: &Statement) -> bool {
        let traits = statement.traits;
        let explained = traits.intersects(Traits::PLAIN_SET | Traits::USE)
            && !traits.intersects(Traits::CALL | Traits::STORED_FUNCTION);
        // DROP DATABASE of the current schema.
        let schema_dropped = statement.statements == 1
            && traits.contains(Traits::IMPLICIT_COMMIT)
            && self.pending.schema.is_some();
        let own = traits.intersects(Traits::PINS) || {
            statement.statements == 1 && traits.intersects(Traits::RELEASES)
        };
        self.pending.marked && !explained && !schema_dropped && !own
    }

    /// What is no read ended on a replica (START TRANSACTION READ ONLY, COM_PING …): what it
    /// changed there must not tie the session to a server that refuses writes, the less since an
    /// earlier read's change may be reported so late (MySQL's SET_VAR hint). Whether there is any:
    /// then the connection is not as it is believed to be.
    pub fn excuse_change(&mut self, statement: &Statement) -> bool {
        let unexplained = self.is_unexplained(statement);
        self.pending.marked &= !unexplained;
        unexplained
    }

    pub(super) fn apply_variables(&mut self, states: &mut StateInterner) {
        if self.pending.variables.is_empty() && self.pending.schema.is_none() {
            return;
        }
        let mut state = (*self.state).clone();
        if let Some(schema) = self.pending.schema.take() {
            state.set_schema(schema.as_deref());
        }
        // The collation last: it decides the connection's character set too, and the trackers
        // report final values in any order.
        let (collation, others): (Vec<_>, Vec<_>) = self
            .pending
            .variables
            .drain(..)
            .partition(|(name, _)| name == b"collation_connection" || name == NAMES_COLLATION);
        for (name, value) in others.iter().chain(&collation) {
            state.set_variable(name, value);
        }
        if state != *self.state {
            self.reading = Reading::of(&state, self.server);
            self.state = states.intern(state);
        }
    }
}

/// Replaces the bytes in `buffer`, whose room is used again.
fn replace(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{MARK, Rig, TRACKED, in_transaction, statement};
    use super::super::{Hold, Keep};
    use super::*;
    use crate::sql::Verb;

    #[test]
    fn a_late_mark_on_a_replica_ties_to_nothing() {
        let begin = statement(Verb::Begin, Traits::BEGIN);
        let mut rig = Rig::new(TRACKED);
        rig.session.begin(&begin, b"START TRANSACTION READ ONLY", false);
        rig.session.note_change(MARK);
        assert!(rig.session.excuse_change(&begin));
        let keep = rig.session.after_reply(&begin, &in_transaction(), &mut rig.states);
        assert_eq!(keep, Keep::Hold(Hold::Transaction));
        assert!(rig.session.pins().is_empty());
    }
}
