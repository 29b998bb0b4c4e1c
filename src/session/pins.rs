//! Why a session must keep its backend connection.

use bitflags::bitflags;

use crate::sql::{Statement, Traits};

bitflags! {
    /// State that lives on one backend connection and that no difference can carry to another.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Pins: u32 {
        /// `SET @v`, `@v :=`, `INTO @v`.
        const USER_VARIABLE = 1;
        /// A temporary table.
        const TEMPORARY_TABLE = 1 << 1;
        /// LOCK TABLES, FLUSH TABLES WITH READ LOCK, BACKUP STAGE.
        const TABLE_LOCK = 1 << 2;
        /// GET_LOCK().
        const NAMED_LOCK = 1 << 3;
        /// PREPARE … FROM.
        const PREPARED_TEXT = 1 << 4;
        /// COM_STMT_PREPARE of what must run where it was prepared.
        const PREPARED_BINARY = 1 << 5;
        /// HANDLER … OPEN.
        const HANDLER_OPEN = 1 << 6;
        /// SQL_CALC_FOUND_ROWS.
        const FOUND_ROWS = 1 << 7;
        /// CALL, where the settings say that it pins.
        const CALL = 1 << 8;
        /// A change that nothing explains.
        const UNKNOWN_CHANGE = 1 << 9;
        /// SET TRANSACTION for the next transaction.
        const ONE_SHOT_TRANSACTION = 1 << 10;
        /// A variable whose value is an event, such as `timestamp`.
        const EVENT_VARIABLE = 1 << 11;
        /// `LAST_INSERT_ID(expr)` whose value the reply did not tell.
        const LAST_INSERT_ID = 1 << 12;
        /// NEXTVAL(): LASTVAL() asks the connection.
        const SEQUENCE = 1 << 13;
        /// The client changed what the trackers report: its state is no longer followed.
        const SESSION_TRACK = 1 << 14;
        /// An XA transaction that may be suspended from the session's point of view.
        const XA = 1 << 15;
        /// An open cursor.
        const CURSOR = 1 << 16;
        /// COM_STMT_SEND_LONG_DATA that no EXECUTE has used.
        const LONG_DATA = 1 << 17;
        /// A SET on a server that reports no changes.
        const UNTRACKED_SET = 1 << 18;
        /// COM_SET_OPTION.
        const SET_OPTION = 1 << 19;
    }
}

/// Every pin with the name that the admin tables show.
const NAMES: [(Pins, &str); 20] = [
    (Pins::USER_VARIABLE, "user-variable"),
    (Pins::TEMPORARY_TABLE, "temporary-table"),
    (Pins::TABLE_LOCK, "table-lock"),
    (Pins::NAMED_LOCK, "named-lock"),
    (Pins::PREPARED_TEXT, "prepared-text"),
    (Pins::PREPARED_BINARY, "prepared-binary"),
    (Pins::HANDLER_OPEN, "handler"),
    (Pins::FOUND_ROWS, "found-rows"),
    (Pins::CALL, "call"),
    (Pins::UNKNOWN_CHANGE, "unknown-change"),
    (Pins::ONE_SHOT_TRANSACTION, "one-shot-transaction"),
    (Pins::EVENT_VARIABLE, "event-variable"),
    (Pins::LAST_INSERT_ID, "last-insert-id"),
    (Pins::SEQUENCE, "sequence"),
    (Pins::SESSION_TRACK, "session-track"),
    (Pins::XA, "xa"),
    (Pins::CURSOR, "cursor"),
    (Pins::LONG_DATA, "long-data"),
    (Pins::UNTRACKED_SET, "untracked-set"),
    (Pins::SET_OPTION, "set-option"),
];

/// Which trait of a statement brings which pin.
const BROUGHT: [(Traits, Pins); 14] = [
    (Traits::USER_VARIABLE_WRITE, Pins::USER_VARIABLE),
    (Traits::TEMPORARY_TABLE_CREATE, Pins::TEMPORARY_TABLE),
    (Traits::TABLE_LOCK, Pins::TABLE_LOCK),
    (Traits::NAMED_LOCK, Pins::NAMED_LOCK),
    (Traits::HANDLER_OPEN, Pins::HANDLER_OPEN),
    (Traits::TEXT_PREPARE.union(Traits::TEXT_EXECUTE), Pins::PREPARED_TEXT),
    (Traits::CALC_FOUND_ROWS, Pins::FOUND_ROWS),
    (Traits::UNKNOWN_SET, Pins::UNKNOWN_CHANGE),
    (Traits::EVENT_VARIABLE, Pins::EVENT_VARIABLE),
    (Traits::ONE_SHOT_TRANSACTION, Pins::ONE_SHOT_TRANSACTION),
    (Traits::COMPOUND.union(Traits::UNKNOWN), Pins::UNKNOWN_CHANGE),
    (Traits::LAST_INSERT_ID_WRITE, Pins::LAST_INSERT_ID),
    (Traits::SEQUENCE_NEXT, Pins::SEQUENCE),
    (Traits::XA, Pins::XA),
];

impl Pins {
    /// What `statement` will leave on its connection, known before it runs. `pin_on_call` is the
    /// setting of that name: no tracker reports a lock that a stored program takes.
    #[must_use]
    pub fn of(statement: &Statement, pin_on_call: bool) -> Self {
        const RARE: Traits = Traits::PINS.union(Traits::XA);
        const PROGRAMS: Traits = Traits::CALL.union(Traits::STORED_FUNCTION);
        let mut pins = Self::empty();
        if statement.traits.intersects(RARE) {
            for (traits, brought) in BROUGHT {
                if statement.traits.intersects(traits) {
                    pins |= brought;
                }
            }
        }
        if pin_on_call && statement.traits.intersects(PROGRAMS) {
            pins |= Self::CALL;
        }
        pins
    }

    /// The names of the pins set, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(pin, _)| self.contains(*pin)).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_has_one_name() {
        assert_eq!(Pins::all().names().count(), Pins::all().bits().count_ones() as usize);
        let some = Pins::TABLE_LOCK | Pins::USER_VARIABLE;
        assert_eq!(some.names().collect::<Vec<_>>(), ["user-variable", "table-lock"]);
    }

    #[test]
    fn every_pinning_trait_brings_a_pin() {
        for (_, one) in Traits::PINS.iter_names() {
            let statement = Statement { traits: one, ..Statement::OPAQUE };
            assert!(!Pins::of(&statement, false).is_empty(), "{one:?}");
        }
        let call = Statement { traits: Traits::CALL, ..Statement::OPAQUE };
        assert_eq!(Pins::of(&call, false), Pins::empty());
        assert_eq!(Pins::of(&call, true), Pins::CALL);
    }
}
