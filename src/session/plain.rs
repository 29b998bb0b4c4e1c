//! Plain reads of a session that holds nothing: the short end of their replies.

use super::last::FoundLate;
use super::memory::Session;
use crate::protocol::{StatusFlags, Summary};

impl Session {
    /// Whether the session has nothing on a connection and is in no transaction: what a plain read
    /// leaves, its reply tells.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.pins.is_empty()
            && self.autocommit()
            && !self.in_transaction()
            && !self.answers_here
            && self.opened.is_none()
    }

    /// The reply to a plain read is complete, which the session began at rest: false where it left
    /// more than its rows, so that [`Session::after_reply`] must see it.
    pub fn end_plain_read(&mut self, summary: &Summary) -> bool {
        let plain = summary.error.is_none()
            && !summary.warned
            && summary.warnings == 0
            && summary.had_resultset
            && summary.results == 1
            && summary.has_status
            && summary.status & StatusFlags::OF_SESSION == self.status
            && summary.last_insert_id == 0;
        if plain {
            self.last.row_count = Some(-1);
            self.last.found_rows = Some(summary.rows);
            self.last.found_late = FoundLate::Nothing;
            self.last.warnings = 0;
            self.last.error = None;
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{Rig, TRACKED, failed, found, ok, released, statement};
    use super::*;
    use crate::sql::{Access, Statement, Traits, Verb};

    /// The short way of a plain read leaves what the long one does, or says that it cannot.
    #[test]
    fn a_plain_read_ends_as_any() {
        let select = statement(Verb::Select, Traits::empty());
        let select = Statement { access: Access::Read, ..select };
        assert!(select.is_plain_read());
        let summaries = [
            (found(3), true),
            (found(0), true),
            (Summary { warned: true, warnings: 1, ..found(1) }, false),
            (
                Summary { status: StatusFlags::IN_TRANS | StatusFlags::AUTOCOMMIT, ..found(1) },
                false,
            ),
            (Summary { last_insert_id: 7, ..found(1) }, false),
            (Summary { results: 2, resultsets: 2, ..found(1) }, false),
            (ok(), false),
            (failed(), false),
        ];
        for (summary, plain) in summaries {
            let mut rig = Rig::new(TRACKED);
            rig.run((Verb::Insert, Traits::empty()), "INSERT INTO t VALUES (1)", ok(), &[]);
            assert!(rig.session.is_at_rest());
            let mut short = rig.session.clone();
            short.begin(&select, b"SELECT a FROM t", false);
            assert_eq!(short.end_plain_read(&summary), plain, "{summary:?}");
            if !plain {
                continue;
            }
            rig.session.begin(&select, b"SELECT a FROM t", false);
            let keep = rig.session.after_reply(&select, &summary, &mut rig.states);
            assert!(released(&keep));
            assert_eq!(rig.session.counted(), Some(Some(summary.rows)));
            short.counted = rig.session.counted;
            assert_eq!(format!("{short:?}"), format!("{:?}", rig.session));
        }
    }
}
