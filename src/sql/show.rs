//! `SHOW`: of what every server has alike, or of one server or connection?
//!
//! Sources: the pages of "SHOW Statements" in the MySQL manual, "SHOW" in MariaDB's.

use super::classify::Classifier;
use super::statement::Traits;

impl Classifier<'_> {
    /// Reads the words behind SHOW that say what is shown.
    pub(super) fn show(&mut self) {
        let mut kind = shown(self);
        if kind == Shown::Program {
            // SHOW PROCEDURE STATUS and its like; CODE is a debug server's.
            self.advance();
            kind = if self.is_any(&["STATUS", "CODE", "BODY"]) {
                Shown::Schema
            } else {
                Shown::Server
            };
        }
        if self.is("PROCESSLIST") {
            self.traits |= Traits::SHOWS_THREADS;
        }
        self.traits |= match kind {
            Shown::Schema | Shown::Program => Traits::empty(),
            Shown::Server => Traits::SERVER_STATE,
            Shown::Variables => Traits::SERVER_STATE | Traits::TRACKERS,
            Shown::Diagnostics => Traits::READS_DIAGNOSTICS,
        };
        // The prefix may hold words like CREATE, which do nothing here.
        self.writes = false;
    }
}

/// What a SHOW is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Objects of schemas: the same on every server.
    Schema,
    /// One word on, it shows which.
    Program,
    Server,
    /// The session's variables, its trackers among them.
    Variables,
    Diagnostics,
}

/// Reads the words behind SHOW that say what is shown.
fn shown(it: &mut Classifier<'_>) -> Shown {
    it.advance();
    while it.is_any(&["FULL", "EXTENDED"]) {
        it.advance();
    }
    if it.is("CREATE") {
        it.advance();
        return if it.is_any(CREATED) { Shown::Schema } else { Shown::Server };
    }
    if it.is_any(&["SESSION", "LOCAL"]) {
        it.advance();
    }
    if it.is("VARIABLES") {
        return Shown::Variables;
    }
    if it.is_any(&["WARNINGS", "ERRORS"]) {
        return Shown::Diagnostics;
    }
    if it.is("COUNT") {
        // COUNT(*) WARNINGS
        return Shown::Diagnostics;
    }
    if it.is_any(&["PROCEDURE", "FUNCTION", "PACKAGE", "LIBRARY"]) {
        return Shown::Program;
    }
    if it.is("CHARACTER") || it.is("CHAR") {
        it.advance();
        return if it.is("SET") { Shown::Schema } else { Shown::Server };
    }
    if it.is("TABLE") {
        it.advance();
        return if it.is("STATUS") { Shown::Schema } else { Shown::Server };
    }
    if it.is_any(SCHEMA_OBJECTS) { Shown::Schema } else { Shown::Server }
}

/// SHOW CREATE of these shows what was replicated.
const CREATED: &[&str] = &[
    "TABLE",
    "VIEW",
    "DATABASE",
    "SCHEMA",
    "PROCEDURE",
    "FUNCTION",
    "TRIGGER",
    "EVENT",
    "SEQUENCE",
    "PACKAGE",
    "LIBRARY",
];

const SCHEMA_OBJECTS: &[&str] = &[
    "TABLES",
    "COLUMNS",
    "FIELDS",
    "INDEX",
    "INDEXES",
    "KEYS",
    "DATABASES",
    "SCHEMAS",
    "TRIGGERS",
    "EVENTS",
    "COLLATION",
    "CHARSET",
];
