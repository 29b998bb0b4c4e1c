//! `FOUND_ROWS()`: what each statement does to it, and how a connection comes by a session's.

use crate::protocol::Summary;
use crate::sql::{Access, Statement, Traits, Verb};

use super::last::FoundLate;
use super::memory::Session;
use super::text;

/// What a statement does to the answer of `FOUND_ROWS()` (seen on MariaDB 10.11 and MySQL 9.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Counting {
    /// Nothing: most DML, SET, SHOW WARNINGS, RETURNING.
    #[default]
    Keeps,
    /// The rows it sends are counted: SELECT and most SHOWs. An error leaves those so far.
    Sends,
    /// The same, but an error leaves all as it was (MySQL).
    SendsAtEnd,
    /// The rows it finds are counted (UPDATE on MySQL).
    Matches,
    /// Nothing yet: see [`FoundLate`] (CREATE TABLE … SELECT, SET to a subquery, on MySQL).
    Later,
    /// Something that the reply does not tell.
    Hides,
    /// The same, or nothing.
    May,
}

impl Counting {
    /// What a read's rows do.
    pub(super) const fn of_reads(mariadb: bool) -> Self {
        if mariadb { Self::Sends } else { Self::SendsAtEnd }
    }

    /// Afterwards only the connection may know, and only if it knew the count before.
    pub(super) const fn needs_count(self, statement: &Statement) -> bool {
        match self {
            Self::Keeps | Self::Hides | Self::SendsAtEnd => false,
            Self::Matches | Self::May => true,
            Self::Later => matches!(statement.verb, Verb::Set),
            Self::Sends => statement.statements > 1,
        }
    }

    /// Whether it takes over, where it succeeds, what was counted late ([`FoundLate`]).
    pub(super) const fn shifts(self, statement: &Statement) -> bool {
        matches!(self, Self::Keeps)
            && matches!(statement.verb, Verb::Insert | Verb::Replace | Verb::Delete)
    }
}

impl Session {
    /// What makes `FOUND_ROWS()` the session's on a connection that alone will know afterwards
    /// whether the statement changed it. `found_rows`: what is known of the connection's; `here`:
    /// it is the session's already.
    pub(super) fn count_to_bring(
        &self,
        statement: &Statement,
        found_rows: Option<u64>,
        here: bool,
    ) -> Option<Vec<u8>> {
        let wanted = self.pending.takes_late || self.pending.counting.needs_count(statement);
        let own = self.own_count();
        let known = found_rows == own && !self.pending.takes_late;
        if !wanted || here || known {
            return None;
        }
        own.map(|rows| count_sql(rows, self.server.dialect.mariadb, self.answers_here))
    }

    /// The count that a connection is to begin a statement with that needs one.
    #[must_use]
    pub fn own_count(&self) -> Option<u64> {
        match self.last.found_late {
            FoundLate::Known(rows) => Some(rows),
            FoundLate::Nothing | FoundLate::OnConnection => self.last.found_rows,
        }
    }

    /// Whether the connection now has the session's count, and no longer another's.
    pub(super) fn note_counts(
        &mut self,
        statement: &Statement,
        summary: &Summary,
        before: Option<u64>,
    ) {
        let counted = match self.pending.counting {
            Counting::Keeps | Counting::Later => false,
            Counting::Sends | Counting::SendsAtEnd => {
                summary.resultsets > 0 && (summary.error.is_none() || statement.statements > 1)
            }
            Counting::Matches => summary.error.is_none(),
            Counting::Hides | Counting::May => self.last.found_rows != before,
        };
        self.counts_here |= counted || self.last.found_rows.is_none();
        self.counted = self.counts_here.then_some(self.last.found_rows);
        let late = self.last.found_late != FoundLate::Nothing;
        if late && (summary.error.is_some() || self.pending.counting == Counting::Later) {
            // Another session's DML would take it over.
            self.counted = Some(None);
        }
    }

    /// `FOUND_ROWS()` on the connection that the last statement ran on: `Some(None)` where
    /// nobody knows, `None` where it is what it was before the session came.
    #[must_use]
    pub fn counted(&self) -> Option<Option<u64>> {
        self.counted
    }

    /// Only the connection held knows `FOUND_ROWS()`.
    #[must_use]
    pub fn count_unknown(&self) -> bool {
        self.counts_here && self.last.found_rows.is_none()
    }

    /// Whether the statement that [`Session::begin`] took may make what was counted late, and only
    /// a connection knows, the answer of `FOUND_ROWS()`.
    #[must_use]
    pub fn wants_late_count(&self, statement: &Statement) -> bool {
        let counting = self.pending.counting;
        self.last.found_late == FoundLate::OnConnection
            && (counting.needs_count(statement) || counting.shifts(statement))
    }

    /// The connection for the statement has, or is to have, what was counted late; whether the
    /// SELECT must be run again there, after the session's count was brought.
    pub fn take_late_count(&mut self) -> bool {
        self.pending.takes_late = true;
        !self.counts_here
    }

    /// Whether `FOUND_ROWS()` on the connection held is the session's, late counts included.
    #[must_use]
    pub fn counts_here(&self) -> bool {
        self.counts_here
    }

    /// The connection held answered `SELECT FOUND_ROWS()`, or another question (`None`), and has
    /// forgotten its count by that.
    pub fn resolve_found_rows(&mut self, answer: Option<u64>) {
        self.last.found_rows = self.last.found_rows.or(answer);
        self.counts_here = false;
    }
}

/// A query after which `FOUND_ROWS()` is `rows`, at little cost; `listed`: the connection's list of
/// warnings is the session's, and MariaDB keeps it for queries without tables alone. (One of 4,096
/// united rows takes MariaDB 10.11 17 ms, of 256 one; a list behind more rows than that is lost.)
fn count_sql(rows: u64, mariadb: bool, listed: bool) -> Vec<u8> {
    let united_max = match (mariadb, listed) {
        (true, true) => 4096,
        (true, false) => 256,
        (false, _) => 16,
    };
    // On MySQL a table, even of information_schema, would open a transaction.
    const ROWS: &str = "SELECT SQL_CALC_FOUND_ROWS 1 FROM";
    match rows {
        0 => b"SELECT 1 LIMIT 0".to_vec(),
        _ if rows <= united_max => {
            let united = vec!["SELECT 1"; usize::try_from(rows).unwrap_or(1)].join(" UNION ALL ");
            // Else `sql_select_limit` rules.
            format!("{united} LIMIT {rows}").into_bytes()
        }
        _ if mariadb => format!(
            "{ROWS} (SELECT 1 FROM information_schema.collations a, \
             information_schema.collations b, information_schema.collations c LIMIT {rows}) t \
             LIMIT 0"
        )
        .into_bytes(),
        _ => format!(
            "{ROWS} JSON_TABLE(CONCAT('[0', REPEAT(',0', {rows} - 1), ']'), '$[*]' \
             COLUMNS (v INT PATH '$')) t LIMIT 0"
        )
        .into_bytes(),
    }
}

/// What a statement does to FOUND_ROWS(); `limited`: `sql_select_limit` is set.
pub(super) fn counting(
    statement: &Statement,
    sql: &[u8],
    mariadb: bool,
    limited: bool,
) -> Counting {
    let (traits, verb) = (statement.traits, statement.verb);
    if traits.intersects(Traits::PROGRAMS) {
        return Counting::May;
    }
    let sends = Counting::of_reads(mariadb);
    // Of a UNION a limit need not be seen in the count.
    let cut = traits.contains(Traits::UNION) && (limited || text::limits(sql));
    if statement.statements > 1 {
        // Of some SHOWs the rows are not counted, and may be the last ones sent.
        if cut || traits.contains(Traits::CALC_FOUND_ROWS) || text::has_word(sql, b"show") {
            return Counting::May;
        }
        return match statement.access {
            // Its rows are not counted, and cannot be told from those that are.
            Access::Write if mariadb && text::has_word(sql, b"returning") => Counting::May,
            _ if !text::may_count_rows(sql, mariadb) => Counting::Keeps,
            Access::Read => sends,
            Access::Write => Counting::May,
        };
    }
    if traits.contains(Traits::CALC_FOUND_ROWS) {
        return Counting::Hides;
    }
    if matches!(verb, Verb::Select | Verb::With | Verb::Values | Verb::Table) {
        let writes = statement.access == Access::Write && text::finds_rows(verb, sql);
        return if cut || writes { Counting::May } else { sends };
    }
    if verb == Verb::Show {
        return if text::show_keeps_found_rows(sql) { Counting::Keeps } else { sends };
    }
    if verb == Verb::Explain && !text::explains_statement(sql) {
        return sends;
    }
    if matches!(verb, Verb::Explain | Verb::Analyze | Verb::Admin | Verb::Handler | Verb::Help) {
        return Counting::May;
    }
    written(verb, sql, mariadb)
}

/// What a statement does to FOUND_ROWS() that sends no rows.
fn written(verb: Verb, sql: &[u8], mariadb: bool) -> Counting {
    match (verb, mariadb) {
        // SET STATEMENT … FOR a query.
        (Verb::Set, true) if text::has_word(sql, b"statement") => Counting::May,
        (Verb::Do, false) => Counting::Hides,
        (Verb::Set | Verb::Create, false) if text::finds_rows(verb, sql) => Counting::Later,
        (Verb::Set | Verb::Create, false) => Counting::Keeps,
        (Verb::Update, false) if !text::finds_rows(verb, sql) => Counting::Matches,
        _ if text::finds_rows(verb, sql) => Counting::May,
        _ => Counting::Keeps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on MySQL 9.7; MariaDB counts in these at once, or not at all.
    #[test]
    fn what_counts_late() {
        let of = |verb, sql: &str, mariadb| {
            let (access, traits) = (Access::Write, Traits::empty());
            let statement = Statement { verb, access, traits, hint: None, statements: 1 };
            counting(&statement, sql.as_bytes(), mariadb, false)
        };
        for (verb, sql, late) in [
            (Verb::Create, "CREATE TABLE a AS SELECT id FROM b", true),
            (Verb::Create, "CREATE TABLE a (id INT)", false),
            (Verb::Create, "CREATE VIEW a AS SELECT id FROM b", false),
            (Verb::Set, "SET @a = (SELECT MAX(id) FROM b)", true),
            (Verb::Set, "SET @a = 1", false),
        ] {
            assert_eq!(of(verb, sql, false) == Counting::Later, late, "{sql}");
            assert_ne!(of(verb, sql, true), Counting::Later, "{sql}");
        }
    }

    #[test]
    fn a_count_is_brought_without_tables_where_they_would_empty_a_list() {
        let brings = |rows, mariadb, listed| {
            let sql = String::from_utf8(count_sql(rows, mariadb, listed)).unwrap();
            (sql.matches("UNION ALL").count(), sql.contains("FROM"))
        };
        assert_eq!(brings(1, true, false), (0, false));
        assert_eq!(brings(40, true, true), (39, false));
        assert_eq!(brings(257, true, false), (0, true));
        assert_eq!(brings(4096, true, true), (4095, false));
        assert_eq!(brings(40, false, true), (0, true));
    }

    #[test]
    fn what_several_statements_do_to_the_count() {
        let of = |traits, limited, sql: &str| {
            let access = Access::Read;
            let statement =
                Statement { verb: Verb::Select, access, traits, hint: None, statements: 2 };
            counting(&statement, sql.as_bytes(), true, limited)
        };
        let union = "SELECT 1; (SELECT 1) UNION ALL (SELECT 2)";
        assert_eq!(of(Traits::UNION, false, union), Counting::Sends);
        assert_eq!(of(Traits::UNION, true, union), Counting::May);
        let limited = "SELECT 1; (SELECT 1) UNION ALL (SELECT 2) LIMIT 1";
        assert_eq!(of(Traits::UNION, false, limited), Counting::May);
        let asks = "SELECT 1; SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1";
        assert_eq!(of(Traits::CALC_FOUND_ROWS, false, asks), Counting::May);
    }
}
