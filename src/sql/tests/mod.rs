//! Tables of statements from the manuals, and properties on generated texts.
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

mod definition;
mod doubts;
mod functions;
mod oracle;
mod properties;
mod reads;
mod routing;
mod set;
mod show;
mod transactions;
mod writes;

use super::{Access, Dialect, Statement, Traits, classify};

const MYSQL: Dialect = Dialect { mariadb: false, ansi_quotes: false, no_backslash_escapes: false };
const MARIADB: Dialect = Dialect { mariadb: true, ansi_quotes: false, no_backslash_escapes: false };

fn of(sql: &str) -> Statement {
    classify(sql.as_bytes(), MARIADB)
}

/// A statement as the tables' messages show it.
fn told(sql: &str, dialect: Dialect) -> String {
    format!("{sql:?} is {:?}", classify(sql.as_bytes(), dialect))
}

/// On both servers a read that depends on nothing.
fn assert_reads(texts: &[&str]) {
    assert_reads_on(MYSQL, texts);
    assert_reads_on(MARIADB, texts);
}

fn assert_reads_on(dialect: Dialect, texts: &[&str]) {
    for sql in texts {
        let statement = classify(sql.as_bytes(), dialect);
        assert_eq!(statement.access, Access::Read, "{}", told(sql, dialect));
        let traits = statement.traits - Traits::READS_VARIABLE - Traits::UNION;
        assert_eq!(traits, Traits::empty(), "{}", told(sql, dialect));
    }
}

/// On both servers no read, with exactly these traits.
fn assert_writes(traits: Traits, texts: &[&str]) {
    assert_writes_on(MYSQL, traits, texts);
    assert_writes_on(MARIADB, traits, texts);
}

fn assert_writes_on(dialect: Dialect, traits: Traits, texts: &[&str]) {
    for sql in texts {
        let statement = classify(sql.as_bytes(), dialect);
        assert_eq!(statement.access, Access::Write, "{}", told(sql, dialect));
        assert_eq!(statement.traits - Traits::UNION, traits, "{}", told(sql, dialect));
    }
}
