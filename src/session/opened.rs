//! What a session has opened on its connection and not closed: as long as that is known by name,
//! its pins end when the last of it is closed.

use super::Pins;
use super::memory::Session;
use crate::protocol::{StatusFlags, Summary};
use crate::sql::{Access, Dialect, Naming, Statement, Thing, Traits, Verb, classify};

/// Every kind of thing, in the order of [`Opened`].
const THINGS: [(Thing, Traits, Pins); 6] = [
    (Thing::TemporaryTable, Traits::TEMPORARY_TABLE_CREATE, Pins::TEMPORARY_TABLE),
    (Thing::NamedLock, Traits::NAMED_LOCK, Pins::NAMED_LOCK),
    (Thing::ServerLock, Traits::TABLE_LOCK, Pins::TABLE_LOCK),
    (Thing::Cursor, Traits::HANDLER_OPEN, Pins::HANDLER_OPEN),
    (Thing::Prepared, Traits::TEXT_PREPARE.union(Traits::TEXT_EXECUTE), Pins::PREPARED_TEXT),
    (Thing::Xa, Traits::XA, Pins::XA),
];

/// Statements that may open or close something.
pub(super) const RARE: Traits = Traits::PINS.union(Traits::RELEASES).union(Traits::XA);

/// Statements that may open or close anything unseen.
const PROGRAMS: Traits = Traits::PROGRAMS.union(Traits::STORED_FUNCTION);

/// Things of one kind. Each may be there or not; what is not here is not there.
#[derive(Debug, Clone, Default)]
struct Names {
    known: Vec<Name>,
    /// There may be others.
    unclear: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    name: Vec<u8>,
    /// A prepared statement that only reads.
    reads: bool,
}

impl Names {
    const fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.unclear
    }
}

/// All that may be open.
#[derive(Debug, Clone, Default)]
pub(super) struct Opened {
    of: [Names; THINGS.len()],
}

impl Session {
    /// Whether a savepoint stands that no flag tells of.
    pub(super) fn note_savepoint(&mut self, statement: &Statement, failed: bool) {
        let ends = Traits::COMMIT | Traits::ROLLBACK | Traits::IMPLICIT_COMMIT | Traits::BEGIN;
        let several = statement.statements > 1;
        if !failed && !several && statement.traits.intersects(ends) {
            self.savepoint = false;
        } else if statement.traits.contains(Traits::SAVEPOINT) && !self.pending.prepares {
            self.savepoint |= !failed || several;
        }
        self.savepoint &= !self.status.contains(StatusFlags::AUTOCOMMIT);
    }

    /// Takes in what `statement`, whose reply is complete, opened and closed, and ends the pins of
    /// which nothing is left.
    pub(super) fn note_opened(&mut self, statement: &Statement, summary: &Summary) {
        let naming = self.pending.naming.take();
        // A text that does not parse did nothing.
        let nothing = summary.error == Some(1064) && summary.results == 0;
        let rare = self.opened.is_some() || statement.traits.intersects(RARE);
        if !rare || nothing {
            return;
        }
        let mut opened = self.opened.take().unwrap_or_default();
        let executes_read = opened.executes_read(naming.as_deref());
        for ((thing, traits, _), names) in THINGS.into_iter().zip(&mut opened.of) {
            let own = naming.as_deref().filter(|(of, _)| *of == thing).map(|(_, naming)| naming);
            let reported = thing == Thing::ServerLock && self.reports_locks(statement, summary);
            match own {
                Some(Naming::Forever) => self.pins |= Pins::UNKNOWN_CHANGE,
                Some(naming) => names.take(naming, thing, done(statement, summary)),
                None if statement.traits.intersects(traits) && !reported => names.unclear = true,
                None => {}
            }
        }
        opened.doubt(statement, executes_read);
        for ((thing, _, pin), names) in THINGS.into_iter().zip(&opened.of) {
            if names.is_empty() && !(thing == Thing::ServerLock && self.tables_locked) {
                self.pins.remove(pin);
            }
        }
        if opened.of.iter().any(|names| !names.is_empty()) {
            self.opened = Some(opened);
        }
    }
}

impl Session {
    /// Whether the trackers say what locks on tables there are after a statement.
    fn reports_locks(&self, statement: &Statement, summary: &Summary) -> bool {
        let refused = summary.error.is_some() && self.server.trackers;
        let only_locks = statement.statements == 1 && statement.verb == Verb::Lock;
        self.pending.lock_reported || self.tables_locked || (refused && only_locks)
    }
}

/// Whether it did all that it says: a call in a SELECT that sends no row may not have been made.
fn done(statement: &Statement, summary: &Summary) -> bool {
    summary.error.is_none() && (statement.verb != Verb::Select || summary.rows == 1)
}

impl Opened {
    /// Whether the statement executes what is known to only read.
    fn executes_read(&self, naming: Option<&(Thing, Naming)>) -> bool {
        let Some((Thing::Prepared, Naming::Uses(name))) = naming else { return false };
        let [.., prepared, _] = &self.of;
        prepared.known.iter().any(|known| known.name == *name && known.reads)
    }

    /// A statement that may open, close or rename what its text does not name.
    fn doubt(&mut self, statement: &Statement, executes_read: bool) {
        let several = statement.statements > 1;
        let programs = statement.traits.intersects(PROGRAMS) && !executes_read;
        let renames = matches!(statement.verb, Verb::Alter | Verb::Rename)
            || (several && statement.traits.contains(Traits::IMPLICIT_COMMIT));
        for names in &mut self.of {
            names.unclear |= programs && !names.known.is_empty();
        }
        let [tables, ..] = &mut self.of;
        tables.unclear |= renames && !tables.known.is_empty();
    }
}

impl Names {
    fn take(&mut self, naming: &Naming, thing: Thing, done: bool) {
        match naming {
            Naming::Opens { name, text } => {
                let reads = text.as_deref().is_some_and(only_reads);
                let counted = thing == Thing::NamedLock;
                if !counted {
                    self.known.retain(|known| known.name != *name);
                }
                self.known.push(Name { name: name.clone(), reads });
            }
            Naming::Uses(name) => {
                self.unclear |= done && !self.known.iter().any(|known| known.name == *name);
            }
            Naming::Closes(names) if done => {
                for name in names {
                    let place = self.known.iter().position(|known| known.name == *name);
                    place.map(|place| self.known.swap_remove(place));
                }
            }
            Naming::ClosesAll if done => *self = Self::default(),
            Naming::Closes(_) | Naming::ClosesAll | Naming::Forever => {}
        }
    }
}

/// Whether a prepared text is a read, however the server takes its quotes.
fn only_reads(text: &[u8]) -> bool {
    [true, false].into_iter().all(|mariadb| {
        let statement = classify(text, Dialect { mariadb, ..Dialect::default() });
        statement.access == Access::Read && !text.contains(&b'"')
    })
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{Rig, TRACKED, found, ok, released};
    use super::super::{Hold, Keep};
    use super::*;

    #[test]
    fn a_savepoint_before_its_transaction() {
        let savepoint = (Verb::Savepoint, Traits::SAVEPOINT);
        let select = (Verb::Select, Traits::empty());
        let mut rig = Rig::new(TRACKED);
        assert!(
            released(&rig.run(savepoint, "SAVEPOINT a", ok(), &[])),
            "gone with its own commit"
        );
        let off = Summary { status: StatusFlags::empty(), has_status: true, ..ok() };
        let row = Summary { status: StatusFlags::empty(), ..found(1) };
        assert!(released(&rig.run(select, "SELECT 1", row, &[])));
        for ends in [Traits::COMMIT, Traits::ROLLBACK, Traits::IMPLICIT_COMMIT] {
            for (statement, sql, reply) in [
                (savepoint, "SAVEPOINT a", off),
                (select, "SELECT 1", row),
                (savepoint, "ROLLBACK TO a", off),
                (select, "SELECT 1", row),
            ] {
                let keep = rig.run(statement, sql, reply, &[]);
                assert_eq!(keep, Keep::Hold(Hold::Transaction), "{sql}");
            }
            assert!(released(&rig.run((Verb::Commit, ends), "COMMIT", off, &[])));
        }
        let unknown = Summary { error: Some(1305), has_status: false, results: 0, ..off };
        rig.run(savepoint, "RELEASE SAVEPOINT a", unknown, &[]);
        assert!(!rig.session.savepoint);
    }
}
