//! Properties that must hold for any text.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::{fast, slow};
use super::*;
use crate::sql::classify::classify_by_tokens;
use crate::sql::{Values, kill_target, substitute_functions};

/// Pieces that, put together, make texts near SQL and near trouble.
const PIECES: &[&str] = &[
    "SELECT",
    "select",
    "FROM",
    "t",
    "INTO",
    "FOR",
    "UPDATE",
    "SHARE",
    "DELETE",
    "SET",
    "LOCK",
    "IN",
    "MODE",
    "WITH",
    "AS",
    "BEGIN",
    "COMMIT",
    "CREATE",
    "TEMPORARY",
    "TABLE",
    "SHOW",
    "TABLES",
    "WARNINGS",
    "CALL",
    "p",
    "f",
    "GET_LOCK",
    "LAST_INSERT_ID",
    "CONNECTION_ID",
    "ROW_COUNT",
    "count",
    "NEXT",
    "VALUE",
    "SQL_NO_CACHE",
    "sql_mode",
    "timestamp",
    "GLOBAL",
    "NAMES",
    "STATEMENT",
    "information_schema",
    "mysql",
    "a",
    "b",
    "1",
    "1.5",
    "1e5",
    "1.e",
    ".5",
    "1e",
    "0x1F",
    "1abc",
    "e5",
    "\\N",
    "\\",
    "@",
    "@@",
    "@a",
    "@@a",
    ".",
    ",",
    ";",
    "(",
    ")",
    "=",
    ":=",
    ":",
    "'",
    "''",
    "\"",
    "\"\"",
    "`",
    "``",
    "\\'",
    "\\\\",
    "#",
    "--",
    "-- ",
    "-",
    "/",
    "*",
    "/*",
    "*/",
    "/*!",
    "/*!40000",
    "/*!400000 ",
    "/*M!",
    "/*+",
    "/*/",
    "!",
    "+",
    "[",
    "]",
    "$",
    "$$",
    "{",
    "}",
    "?",
    "\n",
    " ",
    " ",
    " ",
    "\t",
    "\0",
    "\u{e4}",
    "\u{1F600}",
    "/* lanewire:primary */",
    "/*master*/",
    "'x'",
    "\"x\"",
    "`x`",
    "_utf8",
    "N'",
    "x'",
];

fn sqlish() -> impl Strategy<Value = Vec<u8>> {
    vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Pieces of a SELECT that the short way takes, or nearly.
const PLAIN_PIECES: &[&str] = &[
    "a",
    "t.b",
    "`c`",
    "`d`.`e`",
    "t.`f`",
    "id_1",
    "_x",
    "café",
    "12",
    "1.5",
    ".5",
    "3.",
    "0x1F",
    "1e5",
    "1st",
    "'x'",
    "'it''s'",
    "'a long string, which fills more than a block of 64 bytes (with ; in it)'",
    "'`'",
    "`'`",
    "'\\'",
    "'a\\'b'",
    " = ",
    "=",
    " <> ",
    ",",
    ", ",
    " AND ",
    " IN (",
    "(",
    ")",
    " (",
    " ",
    "\n",
    "COUNT(*)",
    "count (*)",
    "f(",
    "t.count(",
    "MAX(a)",
    "IF(a,b,c)",
    "any_value(a)",
    "nvl(a)",
    "`f`(",
    "'f'(",
    "12(",
    " FROM ",
    " WHERE ",
    " AS ",
    " for",
    "FOR ",
    " UNION ",
    "mysql.",
    "information_schema.tables",
    "performance_schemas",
    "replace(",
    " procedure ",
    "procedural",
    "sql_calc_found_rows ",
    "sql_calculated",
    "s.nextval",
    "into",
    "1into",
    "a.1into",
    "-",
    "- -",
    "--",
    "*",
    "*/",
    "/",
    "/*",
    "\"",
    ";",
    "@a",
    "#",
    "$",
    "[",
    ":",
    "?",
    "!",
    "\0",
];

fn selectish() -> impl Strategy<Value = Vec<u8>> {
    let begin = select(&["SELECT ", "select\t", "SELECT", "sElEcT(", "SELECTS ", " SELECT "][..]);
    (begin, vec(select(PLAIN_PIECES), 0..30))
        .prop_map(|(begin, pieces)| [begin, &pieces.concat()].concat().into_bytes())
}

fn dialect() -> impl Strategy<Value = Dialect> {
    any::<(bool, bool, bool)>().prop_map(|(mariadb, ansi_quotes, no_backslash_escapes)| Dialect {
        mariadb,
        ansi_quotes,
        no_backslash_escapes,
    })
}

/// Statements of all kinds, to be written otherwise.
const STATEMENTS: &[&str] = &[
    "SELECT a FROM t WHERE b = 'x'",
    "SELECT * FROM t FOR UPDATE",
    "SELECT f(a) FROM t",
    "SELECT GET_LOCK('a', 1)",
    "SELECT @a := 1",
    "SELECT a INTO @b FROM t",
    "WITH c (a) AS (SELECT 1) SELECT a FROM c",
    "INSERT INTO t (a) VALUES (LAST_INSERT_ID())",
    "UPDATE t SET a = LAST_INSERT_ID(a)",
    "SET sql_notes = 1, @b = 2",
    "SET NAMES utf8",
    "SET @@global.x = 1",
    "START TRANSACTION READ ONLY",
    "COMMIT AND NO CHAIN",
    "ROLLBACK TO SAVEPOINT s",
    "CREATE OR REPLACE TEMPORARY TABLE t (a INT)",
    "DROP TABLE t",
    "LOCK TABLES t READ",
    "FLUSH TABLES WITH READ LOCK",
    "SHOW FULL TABLES FROM db",
    "SHOW COUNT(*) WARNINGS",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT @@identity, @@session.sql_mode",
    "SELECT * FROM information_schema.processlist",
    "CALL p(1, @a)",
    "HANDLER t CLOSE",
    "EXECUTE s USING @a",
    "BEGIN NOT ATOMIC SELECT 1",
    "KILL QUERY 5",
    "SELECT NEXT VALUE FOR s",
];

const NOISE: &[&str] =
    &[" ", "\n", "\t ", "/* ; DELETE */", " -- DELETE '\n", "# `x\n", "/**/", "/*/ */"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn the_fast_scanner_finds_what_the_slow_one_finds(text in sqlish(), dialect in dialect()) {
        prop_assert_eq!(fast(&text, dialect), slow(&text, dialect));
    }

    #[test]
    fn and_so_on_any_bytes(text in vec(any::<u8>(), 0..60), dialect in dialect()) {
        prop_assert_eq!(fast(&text, dialect), slow(&text, dialect));
    }

    #[test]
    fn the_short_way_leads_to_the_same(text in selectish(), dialect in dialect()) {
        prop_assert_eq!(classify(&text, dialect), classify_by_tokens(&text, dialect));
    }

    #[test]
    fn no_text_is_too_odd(text in sqlish(), dialect in dialect()) {
        assert_sane(&text, dialect);
    }

    #[test]
    fn no_bytes_are_too_odd(text in vec(any::<u8>(), 0..200), dialect in dialect()) {
        assert_sane(&text, dialect);
    }

    #[test]
    fn noise_changes_nothing(
        sql in select(STATEMENTS),
        noise in vec(select(NOISE), 24),
        mariadb in any::<bool>(),
    ) {
        let dialect = if mariadb { MARIADB } else { MYSQL };
        let mut noisy = Vec::new();
        let mut copied = 0;
        for (&(_, start, end), noise) in fast(sql.as_bytes(), dialect).0.iter().zip(noise) {
            // A dot, a variable's sign and a bracket stay where they are: COUNT (*) is no COUNT(*).
            let tight = sql.as_bytes()[start] == b'(' || sql.as_bytes()[start] == b'.'
                || copied > 0 && sql.as_bytes()[copied - 1] == b'.';
            if !tight {
                noisy.extend_from_slice(noise.as_bytes());
            }
            noisy.extend_from_slice(&sql.as_bytes()[start..end]);
            copied = end;
        }
        noisy.extend_from_slice(&sql.as_bytes()[copied..]);
        prop_assert_eq!(
            classify(&noisy, dialect),
            classify(sql.as_bytes(), dialect),
            "{}",
            String::from_utf8_lossy(&noisy)
        );
    }

    #[test]
    fn case_changes_nothing(sql in select(STATEMENTS), upper in vec(any::<bool>(), 60)) {
        let mixed: String = sql
            .chars()
            .zip(upper.into_iter().cycle())
            .map(|(char, upper)| if upper { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() })
            .collect();
        prop_assert_eq!(of(&mixed), of(sql), "{}", mixed);
    }

    #[test]
    fn several_statements_are_their_sum(first in select(STATEMENTS), second in select(STATEMENTS)) {
        let both = of(&format!("{first}; {second}"));
        let (first, second) = (of(first), of(second));
        let read = first.access == Access::Read && second.access == Access::Read;
        prop_assert_eq!(both.access == Access::Read, read);
        prop_assert_eq!(both.verb, first.verb);
        prop_assert_eq!(both.statements, first.statements + second.statements);
        let explained = Traits::PLAIN_SET | Traits::USE | Traits::BEGIN_READ_ONLY;
        prop_assert_eq!(both.traits - explained, (first.traits | second.traits) - explained);
        prop_assert_eq!(both.traits & (explained - (first.traits | second.traits)), Traits::empty());
    }

    #[test]
    fn what_is_appended_never_makes_a_read(sql in select(STATEMENTS), tail in sqlish()) {
        let whole = [sql.as_bytes(), b" ", &tail].concat();
        if of(sql).access == Access::Write {
            prop_assert_eq!(classify(&whole, MARIADB).access, Access::Write);
        }
    }
}

/// Invariants of every outcome; above all, that there is one.
fn assert_sane(text: &[u8], dialect: Dialect) {
    let statement = classify(text, dialect);
    if statement.access == Access::Read {
        assert_eq!(
            statement.traits - Traits::READS_VARIABLE - Traits::VERSION_COMMENT,
            Traits::empty()
        );
        assert!(statement.statements > 0);
    }
    if statement.traits.intersects(Traits::PINS) {
        assert_eq!(statement.access, Access::Write);
        assert!(!statement.traits.intersects(Traits::PLAIN_SET | Traits::USE));
    }
    if let Some(target) = kill_target(text, dialect) {
        assert!(statement.traits.contains(Traits::KILL), "{target:?}");
    }
    let values = Values { connection_id: Some(7), row_count: Some(-1), found_rows: Some(3) };
    if let Some(changed) = substitute_functions(text, dialect, &values) {
        let asks = Traits::READS_CONNECTION_ID | Traits::READS_ROW_COUNT | Traits::READS_FOUND_ROWS;
        assert!(statement.traits.intersects(asks), "{:?}", String::from_utf8_lossy(text));
        assert!(!classify(&changed, dialect).traits.contains(Traits::READS_CONNECTION_ID));
    }
}
