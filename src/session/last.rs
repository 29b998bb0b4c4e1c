//! What belongs to a session's last statement, and would be lost with its connection.

use crate::protocol::Summary;
use crate::sql::{Statement, Traits, Verb};

use super::text::InsertText;

/// What `LAST_INSERT_ID()` would answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertId {
    /// This.
    Known(u64),
    /// An INSERT reported `reported`, but its text may have given that value itself, and then
    /// `LAST_INSERT_ID()` is still `before`. The connection that ran it knows.
    Unsure {
        /// What it was before the INSERT.
        before: u64,
        /// What the OK packet said.
        reported: u64,
        /// The connection had `before` when the statement began, so its answer is the session's
        /// whatever it is.
        exact: bool,
    },
    /// A value that the reply did not tell: only the pinned connection knows.
    OnConnection,
}

impl InsertId {
    /// The best answer: what the server reported.
    #[must_use]
    pub const fn value(self) -> u64 {
        match self {
            Self::Known(value) | Self::Unsure { reported: value, .. } => value,
            Self::OnConnection => 0,
        }
    }

    /// What it was before anything that is in doubt.
    const fn certain(self) -> u64 {
        match self {
            Self::Known(value) | Self::Unsure { before: value, .. } => value,
            Self::OnConnection => 0,
        }
    }
}

/// The session's answers to `ROW_COUNT()` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastStatement {
    /// `ROW_COUNT()`: -1 after a result set or an error, else the rows affected; `None` where
    /// only the connection knows.
    pub row_count: Option<i64>,
    /// `FOUND_ROWS()`: rows of the last result set, which statements without one leave as it
    /// is; `None` where only the connection knows.
    pub found_rows: Option<u64>,
    /// Warnings of the last statement.
    pub warnings: u16,
    /// The error code of the last statement, if it failed.
    pub error: Option<u16>,
    /// `LAST_INSERT_ID()`.
    pub insert_id: InsertId,
}

impl Default for LastStatement {
    /// As on a fresh connection.
    fn default() -> Self {
        Self {
            row_count: Some(0),
            found_rows: Some(0),
            warnings: 0,
            error: None,
            insert_id: InsertId::Known(0),
        }
    }
}

impl LastStatement {
    /// Takes in a complete reply; `text` is what an INSERT's text held.
    /// `exact`: see [`InsertId::Unsure`].
    pub(super) fn note(
        &mut self,
        statement: &Statement,
        summary: &Summary,
        text: InsertText,
        exact: bool,
    ) {
        const HIDDEN: Traits =
            Traits::CALL.union(Traits::TEXT_EXECUTE).union(Traits::COMPOUND).union(Traits::UNKNOWN);
        let hidden = statement.traits.intersects(HIDDEN);
        self.warnings = summary.warnings;
        self.error = summary.error;
        let affected = i64::try_from(summary.affected_rows).unwrap_or(i64::MAX);
        self.row_count = match summary.error {
            Some(_) => Some(-1),
            None if hidden => None,
            None if summary.had_resultset => Some(-1),
            None => Some(affected),
        };
        self.note_found_rows(statement, summary, hidden);
        self.note_insert_id(statement, summary, text, exact);
    }

    fn note_insert_id(
        &mut self,
        statement: &Statement,
        summary: &Summary,
        text: InsertText,
        exact: bool,
    ) {
        let reported = summary.last_insert_id;
        if statement.traits.contains(Traits::LAST_INSERT_ID_WRITE) && summary.had_resultset {
            self.insert_id = InsertId::OnConnection;
        } else if reported != 0 && (summary.error.is_none() || summary.results > 0) {
            let inserts = matches!(statement.verb, Verb::Insert | Verb::Replace | Verb::Load);
            let by_function = statement.traits.contains(Traits::LAST_INSERT_ID_WRITE);
            let given = inserts && !by_function && text.may_give(reported);
            self.insert_id = if given {
                InsertId::Unsure { before: self.insert_id.certain(), reported, exact }
            } else {
                InsertId::Known(reported)
            };
        }
    }

    /// A SELECT sets what FOUND_ROWS() answers, and so do most SHOWs; RETURNING and the
    /// diagnostics do not (MariaDB 10.11). Of what answers with rows otherwise, the connection
    /// is asked.
    fn note_found_rows(&mut self, statement: &Statement, summary: &Summary, hidden: bool) {
        let unparsed = summary.error == Some(1064) && summary.results == 0;
        if unparsed || (!hidden && statement.traits.contains(Traits::READS_DIAGNOSTICS)) {
            return;
        }
        let rows = summary.had_resultset;
        let single = statement.statements == 1 && summary.error.is_none();
        let selects = matches!(
            statement.verb,
            Verb::Select | Verb::With | Verb::Values | Verb::Table | Verb::Show | Verb::Explain
        );
        let counted = !hidden && !statement.traits.contains(Traits::CALC_FOUND_ROWS);
        match statement.verb {
            _ if hidden => self.found_rows = None,
            Verb::Insert | Verb::Replace | Verb::Delete if single => {}
            _ if selects && rows => self.found_rows = counted.then_some(summary.rows),
            // SELECT … INTO.
            _ if selects && summary.error.is_none() => self.found_rows = None,
            _ if rows => self.found_rows = None,
            _ => {}
        }
    }

    /// The statement may have set the insert id without saying so: LOAD DATA, INSERT … RETURNING
    /// (MariaDB 10.11).
    pub(super) fn doubt_insert_id(&mut self, reported: u64, exact: bool) {
        let before = self.insert_id.certain();
        self.insert_id = InsertId::Unsure { before, reported, exact };
    }

    /// The connection that ran the INSERT in doubt answered `SELECT LAST_INSERT_ID()`.
    pub(super) fn resolve_insert_id(&mut self, answer: u64) {
        if let InsertId::Unsure { before, reported, exact } = self.insert_id {
            let value = if exact || answer == reported { answer } else { before };
            self.insert_id = InsertId::Known(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Access;

    fn statement(verb: Verb) -> Statement {
        let traits = Traits::empty();
        Statement { verb, access: Access::Write, traits, hint: None, statements: 1 }
    }

    fn reply(affected_rows: u64, last_insert_id: u64) -> Summary {
        Summary { affected_rows, last_insert_id, results: 1, ..Summary::default() }
    }

    fn rows(rows: u64) -> Summary {
        Summary { rows, had_resultset: true, results: 1, ..Summary::default() }
    }

    /// The sequence and the answers were seen on MariaDB 10.11.
    #[test]
    fn counts_as_a_server_gives_them() {
        let mut last = LastStatement::default();
        let counts = |last: &LastStatement| (last.row_count.unwrap(), last.found_rows.unwrap());
        assert_eq!(counts(&last), (0, 0));
        last.note(&statement(Verb::Select), &rows(2), InsertText::NONE, false);
        assert_eq!(counts(&last), (-1, 2));
        last.note(&statement(Verb::Update), &reply(5, 0), InsertText::NONE, false);
        assert_eq!(counts(&last), (5, 2));
        last.note(&statement(Verb::Set), &reply(0, 0), InsertText::NONE, false);
        assert_eq!(counts(&last), (0, 2));
        let failed = Summary { error: Some(1054), ..Summary::default() };
        last.note(&statement(Verb::Select), &failed, InsertText::NONE, false);
        assert_eq!(counts(&last), (-1, 2));
    }

    #[test]
    fn counts_that_only_the_connection_knows() {
        let mut last = LastStatement::default();
        let calc = Statement { traits: Traits::CALC_FOUND_ROWS, ..statement(Verb::Select) };
        last.note(&calc, &rows(2), InsertText::NONE, false);
        assert_eq!((last.row_count, last.found_rows), (Some(-1), None));
        let call = Statement { traits: Traits::CALL, ..statement(Verb::Call) };
        last.note(&call, &reply(1, 0), InsertText::NONE, false);
        assert_eq!((last.row_count, last.found_rows), (None, None));
    }

    #[test]
    fn an_insert_id_in_the_text_is_in_doubt() {
        let mut last = LastStatement::default();
        let unrelated = InsertText::of(b"insert t(v) values (4)");
        last.note(&statement(Verb::Insert), &reply(1, 5), unrelated, false);
        assert_eq!(last.insert_id, InsertId::Known(5));
        let given = InsertText::of(b"insert t values (500, 1)");
        last.note(&statement(Verb::Insert), &reply(1, 500), given, false);
        assert_eq!(last.insert_id, InsertId::Unsure { before: 5, reported: 500, exact: false });
        last.note(&statement(Verb::Replace), &reply(1, 500), given, false);
        last.resolve_insert_id(5);
        assert_eq!(last.insert_id, InsertId::Known(5));
        last.note(&statement(Verb::Insert), &reply(1, 0), InsertText::NONE, false);
        assert_eq!(last.insert_id, InsertId::Known(5));
    }

    #[test]
    fn last_insert_id_with_an_argument() {
        let mut last = LastStatement::default();
        let traits = Traits::LAST_INSERT_ID_WRITE;
        let update = Statement { traits, ..statement(Verb::Update) };
        last.note(&update, &reply(1, 8), InsertText::NONE, false);
        assert_eq!(last.insert_id, InsertId::Known(8));
        let select = Statement { traits, ..statement(Verb::Select) };
        last.note(&select, &rows(1), InsertText::NONE, false);
        assert_eq!(last.insert_id, InsertId::OnConnection);
    }
}
