//! What belongs to a session's last statement, and would be lost with its connection.

use crate::protocol::Summary;
use crate::sql::{Statement, Traits, Verb};

use super::counting::Counting;
use super::insert_text::InsertText;

/// Errors of statements that did not begin: names that are not there or not allowed, or a text
/// that does not parse.
const UNRESOLVED: [u16; 20] = [
    1044, 1046, 1049, 1051, 1052, 1054, 1064, 1066, 1099, 1100, 1109, 1136, 1142, 1143, 1146, 1243,
    1305, 1318, 1370, 1792,
];

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

/// What the next DML that succeeds makes of `FOUND_ROWS()` (MySQL 9.7: a statement counts while it
/// runs, and one that neither is DML nor sends rows, or fails, does not take that over).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundLate {
    /// Nothing.
    Nothing,
    /// What its connection would say: of a SELECT that failed, its subqueries' rows.
    OnConnection,
    /// This: the rows of CREATE TABLE … SELECT.
    Known(u64),
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
    /// What was counted and not taken over yet.
    pub found_late: FoundLate,
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
            found_late: FoundLate::Nothing,
            warnings: 0,
            error: None,
            insert_id: InsertId::Known(0),
        }
    }
}

impl LastStatement {
    /// Takes in a complete reply; `text` is what an INSERT's text held.
    /// `exact`: see [`InsertId::Unsure`]; `counting`: what it does to `FOUND_ROWS()`.
    pub(super) fn note(
        &mut self,
        statement: &Statement,
        summary: &Summary,
        text: InsertText,
        exact: bool,
        counting: Counting,
    ) {
        let hidden = statement.traits.intersects(Traits::PROGRAMS);
        self.warnings = summary.warnings;
        self.error = summary.error;
        let affected = i64::try_from(summary.affected_rows).unwrap_or(i64::MAX);
        // MariaDB makes a query on information_schema of these, and one that fails leaves it.
        let listing = matches!(statement.verb, Verb::Show | Verb::Explain)
            && statement.statements == 1
            && counting == Counting::Sends;
        self.row_count = match summary.error {
            Some(_) if listing => self.row_count,
            Some(_) => Some(-1),
            None if hidden => None,
            None if summary.had_resultset => Some(-1),
            None => Some(affected),
        };
        self.note_found_rows(statement, summary, counting);
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
        let by_function = statement.traits.contains(Traits::LAST_INSERT_ID_WRITE);
        if by_function && (summary.had_resultset || reported == 0) && summary.error.is_none() {
            self.insert_id = InsertId::OnConnection;
        } else if reported != 0 && (summary.error.is_none() || summary.results > 0) {
            let inserts = matches!(statement.verb, Verb::Insert | Verb::Replace | Verb::Load);
            let given = inserts && !by_function && text.may_give(reported);
            self.insert_id = if given {
                InsertId::Unsure { before: self.insert_id.certain(), reported, exact }
            } else {
                InsertId::Known(reported)
            };
        }
    }

    /// What the statement did to `FOUND_ROWS()`; where that is unknown, the connection was given
    /// the session's count before (`Session::preamble_for`) and knows.
    fn note_found_rows(&mut self, statement: &Statement, summary: &Summary, counting: Counting) {
        /// Errors of a SELECT that had begun: a lock, a deadlock, several rows for one, killed, a
        /// value out of range, out of time (on either server).
        const RUNNING: [u16; 8] = [1172, 1205, 1213, 1242, 1317, 1690, 1969, 3024];
        let several = statement.statements > 1;
        let rows = (summary.resultsets > 0).then_some(summary.rows);
        let found = match (counting, summary.error) {
            // Rows of a kind not looked for, as VALUES.
            (Counting::Keeps, _) if several && rows.is_some() => None,
            (Counting::Keeps | Counting::Later, _) => self.found_rows,
            (Counting::Sends, Some(error)) if several => {
                let known = rows.or(self.found_rows);
                known.filter(|_| UNRESOLVED.contains(&error))
            }
            (Counting::SendsAtEnd, Some(_)) => rows.filter(|_| several).or(self.found_rows),
            (Counting::Hides, Some(_)) => self.found_rows,
            (Counting::Sends | Counting::SendsAtEnd, None) => rows,
            (Counting::Sends, Some(error)) => {
                let calls = statement.traits.contains(Traits::STORED_FUNCTION);
                let called = calls && !UNRESOLVED.contains(&error);
                let began = called || rows > Some(0) || RUNNING.contains(&error);
                self.found_rows.filter(|_| !began)
            }
            (Counting::May | Counting::Matches, Some(error)) if !several => {
                self.found_rows.filter(|_| UNRESOLVED.contains(&error))
            }
            // None may be matched, or the server may have seen that before it looked.
            (Counting::Matches, None) => {
                let changed = Some(summary.affected_rows);
                summary.matched_rows.or(changed).filter(|&matched| matched > 0)
            }
            (_, _) => None,
        };
        self.found_rows = found;
    }

    /// After [`LastStatement::note_found_rows`], which says what the statement itself did.
    /// `takes_late`: its connection has what was counted late.
    pub(super) fn note_found_late(
        &mut self,
        statement: &Statement,
        summary: &Summary,
        counting: Counting,
        takes_late: bool,
    ) {
        match (summary.error, counting) {
            (Some(error), Counting::SendsAtEnd) if !UNRESOLVED.contains(&error) => {
                self.found_late = FoundLate::OnConnection;
            }
            (Some(_), _) => {}
            (None, Counting::Later) if statement.verb == Verb::Create => {
                self.found_late = FoundLate::Known(summary.affected_rows);
            }
            (None, Counting::Later) => self.found_late = FoundLate::OnConnection,
            (None, Counting::Keeps) if !counting.shifts(statement) => {}
            (None, _) => {
                match self.found_late {
                    _ if !counting.shifts(statement) => {}
                    FoundLate::Known(rows) => self.found_rows = Some(rows),
                    FoundLate::OnConnection if takes_late => self.found_rows = None,
                    FoundLate::OnConnection | FoundLate::Nothing => {}
                }
                self.found_late = FoundLate::Nothing;
            }
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
        Summary { rows, had_resultset: true, results: 1, resultsets: 1, ..Summary::default() }
    }

    fn note(last: &mut LastStatement, what: Statement, reply: Summary, counting: Counting) {
        last.note(&what, &reply, InsertText::NONE, false, counting);
    }

    /// The sequence and the answers were seen on MariaDB 10.11.
    #[test]
    fn counts_as_a_server_gives_them() {
        let mut last = LastStatement::default();
        let counts = |last: &LastStatement| (last.row_count.unwrap(), last.found_rows.unwrap());
        assert_eq!(counts(&last), (0, 0));
        note(&mut last, statement(Verb::Select), rows(2), Counting::Sends);
        assert_eq!(counts(&last), (-1, 2));
        note(&mut last, statement(Verb::Update), reply(5, 0), Counting::Keeps);
        assert_eq!(counts(&last), (5, 2));
        note(&mut last, statement(Verb::Set), reply(0, 0), Counting::Keeps);
        assert_eq!(counts(&last), (0, 2));
        note(&mut last, statement(Verb::Insert), rows(7), Counting::Keeps);
        assert_eq!(counts(&last), (-1, 2), "RETURNING");
        let failed = |error| Summary { error: Some(error), ..Summary::default() };
        note(&mut last, statement(Verb::Select), failed(1054), Counting::Sends);
        assert_eq!(counts(&last), (-1, 2));
        note(&mut last, statement(Verb::Update), failed(1062), Counting::Keeps);
        assert_eq!(counts(&last), (-1, 2));
    }

    #[test]
    fn a_failing_list_on_mariadb_leaves_the_row_count() {
        let failed = Summary { error: Some(1146), ..Summary::default() };
        for (verb, counting, row_count) in [
            (Verb::Show, Counting::Sends, 3),
            (Verb::Explain, Counting::Sends, 3),
            (Verb::Show, Counting::Keeps, -1),
            (Verb::Show, Counting::SendsAtEnd, -1),
            (Verb::Select, Counting::Sends, -1),
        ] {
            let mut last = LastStatement { row_count: Some(3), ..LastStatement::default() };
            note(&mut last, statement(verb), failed, counting);
            assert_eq!(last.row_count, Some(row_count), "{verb:?} {counting:?}");
        }
    }

    #[test]
    fn counts_that_only_the_connection_knows() {
        let mut last = LastStatement::default();
        let calc = Statement { traits: Traits::CALC_FOUND_ROWS, ..statement(Verb::Select) };
        note(&mut last, calc, rows(2), Counting::Hides);
        assert_eq!((last.row_count, last.found_rows), (Some(-1), None));
        let call = Statement { traits: Traits::CALL, ..statement(Verb::Call) };
        note(&mut last, call, reply(1, 0), Counting::Hides);
        assert_eq!((last.row_count, last.found_rows), (None, None));
        note(&mut last, statement(Verb::Update), reply(1, 0), Counting::Keeps);
        assert_eq!((last.row_count, last.found_rows), (Some(1), None));
        note(&mut last, statement(Verb::Select), rows(3), Counting::Sends);
        assert_eq!((last.row_count, last.found_rows), (Some(-1), Some(3)));
        note(&mut last, statement(Verb::Select), reply(1, 0), Counting::Sends);
        assert_eq!((last.row_count, last.found_rows), (Some(1), None), "SELECT … INTO");
    }

    #[test]
    fn an_error_hides_the_count_of_what_began() {
        let call = Statement { traits: Traits::CALL, ..statement(Verb::Call) };
        for (what, counting, error, hides) in [
            (statement(Verb::Select), Counting::Sends, 1146, false),
            (statement(Verb::Select), Counting::Sends, 1242, true),
            (statement(Verb::Update), Counting::Keeps, 1242, false),
            (call, Counting::May, 1305, false),
            (call, Counting::May, 1644, true),
        ] {
            let mut last = LastStatement::default();
            let failed = Summary { error: Some(error), ..Summary::default() };
            note(&mut last, what, failed, counting);
            assert_eq!(last.found_rows, (!hides).then_some(0), "{error}");
            assert_eq!((last.row_count, last.error), (Some(-1), Some(error)));
        }
    }

    /// Seen on MySQL 9.7: `SELECT (SELECT … of two rows) FROM t` counted what its subquery found
    /// before it failed, and the next DML makes that the answer.
    #[test]
    fn dml_takes_over_what_a_failed_select_counted() {
        let failed = |error| Summary { error: Some(error), ..Summary::default() };
        let step = |last: &mut LastStatement, verb, summary: Summary, counting, takes| {
            note(last, statement(verb), summary, counting);
            last.note_found_late(&statement(verb), &summary, counting, takes);
            (last.found_rows, last.found_late != FoundLate::Nothing)
        };
        let (sends, keeps) = (Counting::SendsAtEnd, Counting::Keeps);
        for (takes, found) in [(true, None), (false, Some(7))] {
            let mut last = LastStatement { found_rows: Some(7), ..LastStatement::default() };
            let unresolved = step(&mut last, Verb::Select, failed(1054), sends, false);
            assert_eq!(unresolved, (Some(7), false));
            for (verb, summary, counting) in [
                (Verb::Select, failed(1242), sends),
                (Verb::Select, failed(1146), sends),
                (Verb::Set, reply(0, 0), keeps),
                (Verb::Insert, failed(1062), keeps),
            ] {
                assert_eq!(step(&mut last, verb, summary, counting, takes), (Some(7), true));
            }
            assert_eq!(step(&mut last, Verb::Delete, reply(0, 0), keeps, takes), (found, false));
        }
        let mut last = LastStatement::default();
        assert_eq!(
            step(&mut last, Verb::Create, reply(5, 0), Counting::Later, false),
            (Some(0), true)
        );
        assert_eq!(step(&mut last, Verb::Insert, reply(1, 0), keeps, false), (Some(5), false));
        step(&mut last, Verb::Select, failed(1242), sends, false);
        assert_eq!(step(&mut last, Verb::Select, rows(2), sends, false), (Some(2), false));
    }

    #[test]
    fn several_statements_that_end_with_an_error() {
        let several = Statement { statements: 2, ..statement(Verb::Select) };
        for (counting, rows_before, error, found) in [
            (Counting::Keeps, None, 1062, Some(7)),
            (Counting::Sends, None, 1146, Some(7)),
            (Counting::Sends, Some(2), 1146, Some(2)),
            (Counting::Sends, Some(2), 1242, None),
            (Counting::May, Some(2), 1146, None),
        ] {
            let mut last = LastStatement { found_rows: Some(7), ..LastStatement::default() };
            let first = rows_before.map_or_else(|| reply(1, 0), rows);
            let failed = Summary { error: Some(error), ..first };
            note(&mut last, several, failed, counting);
            assert_eq!(last.found_rows, found, "{counting:?} {rows_before:?} {error}");
        }
    }

    #[test]
    fn an_update_on_mysql_counts_what_it_finds() {
        let mut last = LastStatement { found_rows: Some(7), ..LastStatement::default() };
        let update = |matched| Summary { matched_rows: Some(matched), ..reply(0, 0) };
        note(&mut last, statement(Verb::Update), update(3), Counting::Matches);
        assert_eq!(last.found_rows, Some(3));
        let failed = Summary { error: Some(1146), ..Summary::default() };
        note(&mut last, statement(Verb::Update), failed, Counting::Matches);
        assert_eq!(last.found_rows, Some(3));
        note(&mut last, statement(Verb::Update), update(0), Counting::Matches);
        assert_eq!(last.found_rows, None, "WHERE 1=0 keeps it, WHERE id=0 does not");
    }

    #[test]
    fn an_insert_id_in_the_text_is_in_doubt() {
        let mut last = LastStatement::default();
        let unrelated = InsertText::of(b"insert t(v) values (4)");
        last.note(&statement(Verb::Insert), &reply(1, 5), unrelated, false, Counting::Keeps);
        assert_eq!(last.insert_id, InsertId::Known(5));
        let given = InsertText::of(b"insert t values (500, 1)");
        last.note(&statement(Verb::Insert), &reply(1, 500), given, false, Counting::Keeps);
        assert_eq!(last.insert_id, InsertId::Unsure { before: 5, reported: 500, exact: false });
        last.note(&statement(Verb::Replace), &reply(1, 500), given, false, Counting::Keeps);
        last.resolve_insert_id(5);
        assert_eq!(last.insert_id, InsertId::Known(5));
        last.note(&statement(Verb::Insert), &reply(1, 0), InsertText::NONE, false, Counting::Keeps);
        assert_eq!(last.insert_id, InsertId::Known(5));
    }

    #[test]
    fn last_insert_id_with_an_argument() {
        let mut last = LastStatement::default();
        let traits = Traits::LAST_INSERT_ID_WRITE;
        let update = Statement { traits, ..statement(Verb::Update) };
        last.note(&update, &reply(1, 8), InsertText::NONE, false, Counting::Keeps);
        assert_eq!(last.insert_id, InsertId::Known(8));
        last.note(
            &Statement { traits, ..statement(Verb::Select) },
            &rows(1),
            InsertText::NONE,
            false,
            Counting::Sends,
        );
        assert_eq!(last.insert_id, InsertId::OnConnection);
    }
}
