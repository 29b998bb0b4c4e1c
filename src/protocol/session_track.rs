//! Session state changes, as an OK packet carries them.
//!
//! Entries of one byte of type and a length-encoded body, one after the other; what each server
//! really reports is in the design's section 4.2.

use super::wire::{Malformed, Reader, put_lenenc_str};

const SYSTEM_VARIABLES: u8 = 0;
const SCHEMA: u8 = 1;
const STATE_CHANGE: u8 = 2;
const GTIDS: u8 = 3;
const TRANSACTION_CHARACTERISTICS: u8 = 4;
const TRANSACTION_STATE: u8 = 5;

/// One thing that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// A system variable has a new value.
    SystemVariable {
        /// Its name.
        name: &'a [u8],
        /// Its value as text.
        value: &'a [u8],
    },
    /// The current schema; empty when there is none any more.
    Schema(&'a [u8]),
    /// Something changed that may have no entry of its own.
    StateChanged(bool),
    /// GTIDs of what was written (MySQL; MariaDB reports `last_gtid` as a variable).
    Gtids(&'a [u8]),
    /// SQL that starts the current transaction anew with the same characteristics.
    TransactionCharacteristics(&'a [u8]),
    /// Eight characters such as `T___W___`.
    TransactionState(&'a [u8]),
    /// An entry of a type we do not know: assume the worst.
    Unknown(u8),
}

/// Iterates over the changes in an OK packet's session state.
#[must_use]
pub const fn changes(state: &[u8]) -> Changes<'_> {
    Changes { entries: Reader::new(state), variables: Reader::new(&[]) }
}

/// Iterator of [`changes`]. After an error it ends.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    entries: Reader<'a>,
    /// Name and value pairs left in the current entry: MariaDB may put several in one.
    variables: Reader<'a>,
}

impl<'a> Changes<'a> {
    fn step(&mut self) -> Result<Change<'a>, Malformed> {
        if !self.variables.is_empty() {
            return self.variable();
        }
        let kind = self.entries.u8()?;
        let mut body = Reader::new(self.entries.lenenc_str()?);
        let change = match kind {
            SYSTEM_VARIABLES => {
                self.variables = body;
                return self.variable();
            }
            SCHEMA => Change::Schema(body.lenenc_str()?),
            // One character, whatever the documentation says of a length in front of it.
            STATE_CHANGE => Change::StateChanged(body.rest() == b"1"),
            GTIDS => {
                // One byte says how they are encoded; only text (0) exists.
                body.u8()?;
                Change::Gtids(body.lenenc_str()?)
            }
            TRANSACTION_CHARACTERISTICS => Change::TransactionCharacteristics(body.lenenc_str()?),
            TRANSACTION_STATE => Change::TransactionState(body.lenenc_str()?),
            unknown => return Ok(Change::Unknown(unknown)),
        };
        body.finish()?;
        Ok(change)
    }

    fn variable(&mut self) -> Result<Change<'a>, Malformed> {
        let name = self.variables.lenenc_str()?;
        let value = self.variables.lenenc_str()?;
        Ok(Change::SystemVariable { name, value })
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Result<Change<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.entries.is_empty() && self.variables.is_empty() {
            return None;
        }
        let item = self.step();
        if item.is_err() {
            *self = changes(&[]);
        }
        Some(item)
    }
}

/// Appends one entry to a session state, for OK packets that are rewritten or made up.
pub fn put_change(out: &mut Vec<u8>, change: Change<'_>) {
    let mut body = Vec::new();
    let kind = match change {
        Change::SystemVariable { name, value } => {
            put_lenenc_str(&mut body, name);
            put_lenenc_str(&mut body, value);
            SYSTEM_VARIABLES
        }
        Change::Schema(schema) => {
            put_lenenc_str(&mut body, schema);
            SCHEMA
        }
        Change::StateChanged(changed) => {
            body.push(if changed { b'1' } else { b'0' });
            STATE_CHANGE
        }
        Change::Gtids(gtids) => {
            body.push(0);
            put_lenenc_str(&mut body, gtids);
            GTIDS
        }
        Change::TransactionCharacteristics(sql) => {
            put_lenenc_str(&mut body, sql);
            TRANSACTION_CHARACTERISTICS
        }
        Change::TransactionState(state) => {
            put_lenenc_str(&mut body, state);
            TRANSACTION_STATE
        }
        Change::Unknown(kind) => kind,
    };
    out.push(kind);
    put_lenenc_str(out, &body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_entries() {
        // From the documentation: SET autocommit=0, USE test, SET SESSION session_track_state_change=1.
        let state = b"\x00\x0f\x0aautocommit\x03OFF\x01\x05\x04test\x02\x011";
        let all: Result<Vec<_>, _> = changes(state).collect();
        assert_eq!(
            all.unwrap(),
            [
                Change::SystemVariable { name: b"autocommit", value: b"OFF" },
                Change::Schema(b"test"),
                Change::StateChanged(true),
            ]
        );
    }

    #[test]
    fn several_variables_in_one_entry() {
        let all: Vec<_> = changes(b"\x00\x08\x01a\x011\x01b\x012").map(Result::unwrap).collect();
        assert_eq!(
            all,
            [
                Change::SystemVariable { name: b"a", value: b"1" },
                Change::SystemVariable { name: b"b", value: b"2" },
            ]
        );
    }

    #[test]
    fn unknown_entries_are_named_and_broken_ones_end() {
        let all: Vec<_> = changes(b"\x09\x02xy\x01\x05\x04te").collect();
        assert_eq!(all, [Ok(Change::Unknown(9)), Err(Malformed::Truncated)]);
    }

    proptest! {
        #[test]
        fn entries_round_trip(a: Vec<u8>, b: Vec<u8>, changed: bool, kind in 6u8..) {
            let given = [
                Change::SystemVariable { name: &a, value: &b },
                Change::Schema(&a),
                Change::StateChanged(changed),
                Change::Gtids(&b),
                Change::TransactionCharacteristics(&a),
                Change::TransactionState(&b),
                Change::Unknown(kind),
            ];
            let mut state = Vec::new();
            for change in given {
                put_change(&mut state, change);
            }
            let read: Result<Vec<_>, _> = changes(&state).collect();
            prop_assert_eq!(read.unwrap(), given);
        }

        #[test]
        fn garbage_ends(state: Vec<u8>) {
            prop_assert!(changes(&state).count() <= state.len());
        }
    }
}
