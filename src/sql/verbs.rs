//! What a statement's first words mean.
//!
//! Sources: the chapters on SQL statements of the MySQL and MariaDB manuals.
#![expect(clippy::wildcard_enum_match_arm, reason = "of all words, few have an effect")]

use super::classify::Classifier;
use super::keywords::Kw;
use super::scanner::Kind;
use super::statement::{Traits, Verb};

/// The kind of statement that a first word begins.
fn verb(kw: Kw) -> Verb {
    match kw {
        Kw::Select => Verb::Select,
        Kw::With => Verb::With,
        Kw::Values => Verb::Values,
        Kw::Table => Verb::Table,
        Kw::Show => Verb::Show,
        Kw::Explain | Kw::Describe | Kw::Desc => Verb::Explain,
        Kw::Analyze => Verb::Analyze,
        Kw::Insert => Verb::Insert,
        Kw::Replace => Verb::Replace,
        Kw::Update => Verb::Update,
        Kw::Delete => Verb::Delete,
        Kw::Load => Verb::Load,
        Kw::Call => Verb::Call,
        Kw::Do => Verb::Do,
        Kw::Set => Verb::Set,
        Kw::Use => Verb::Use,
        Kw::Begin | Kw::Start => Verb::Begin,
        Kw::Commit => Verb::Commit,
        Kw::Rollback => Verb::Rollback,
        Kw::Savepoint | Kw::Release => Verb::Savepoint,
        Kw::Xa => Verb::Xa,
        Kw::Lock => Verb::Lock,
        Kw::Unlock => Verb::Unlock,
        Kw::Flush => Verb::Flush,
        Kw::Backup => Verb::Backup,
        Kw::Prepare => Verb::Prepare,
        Kw::Execute => Verb::Execute,
        Kw::Deallocate => Verb::Deallocate,
        Kw::Handler => Verb::Handler,
        Kw::Create => Verb::Create,
        Kw::Alter => Verb::Alter,
        Kw::Drop => Verb::Drop,
        Kw::Truncate => Verb::Truncate,
        Kw::Rename => Verb::Rename,
        Kw::Grant => Verb::Grant,
        Kw::Revoke => Verb::Revoke,
        Kw::Kill => Verb::Kill,
        Kw::Get => Verb::Diagnostics,
        Kw::Help => Verb::Help,
        _ => rarer_verb(kw),
    }
}

fn rarer_verb(kw: Kw) -> Verb {
    match kw {
        Kw::Optimize
        | Kw::Repair
        | Kw::Check
        | Kw::Checksum
        | Kw::Cache
        | Kw::Install
        | Kw::Uninstall
        | Kw::Change
        | Kw::Stop
        | Kw::Reset
        | Kw::Purge
        | Kw::Restart
        | Kw::Shutdown
        | Kw::Clone
        | Kw::Import
        | Kw::Binlog
        | Kw::Signal
        | Kw::Resignal => Verb::Admin,
        Kw::If | Kw::Case | Kw::Loop | Kw::Repeat | Kw::While | Kw::For | Kw::Declare => {
            Verb::Compound
        }
        _ => Verb::Other,
    }
}

impl Classifier<'_> {
    /// Reads all statements.
    pub(super) fn read_text(&mut self) {
        loop {
            self.statement();
            if self.now.kind == Kind::End {
                return;
            }
        }
    }

    fn statement(&mut self) {
        let continued = std::mem::take(&mut self.continued);
        self.next_statement();
        self.advance();
        while self.now.kind == Kind::Open {
            self.advance();
        }
        if self.at_end() {
            return;
        }
        self.begun = true;
        if continued {
            self.mark_continued();
        } else {
            self.total.statements = self.total.statements.saturating_add(1);
        }
        if self.total.mode_set {
            self.give_up();
        }
        self.verb = verb(self.now.kw);
        self.dispatch(continued, false);
        if self.total.verb == Verb::Empty {
            self.total.verb = self.verb;
        }
        self.rest();
        self.end_statement();
    }

    /// The statement behind `SET STATEMENT … FOR`, whose first token is at hand.
    pub(super) fn inner_statement(&mut self) {
        while self.now.kind == Kind::Open {
            self.advance();
        }
        if self.total.verb == Verb::Empty {
            self.total.verb = Verb::Set;
        }
        self.verb = verb(self.now.kw);
        self.dispatch(false, true);
        self.writes = true;
    }

    /// The first word's own meaning.
    #[inline]
    fn dispatch(&mut self, continued: bool, nested: bool) {
        match self.verb {
            // May be reads: the token loop says whether they are.
            Verb::Select | Verb::With | Verb::Values | Verb::Table | Verb::Explain => {}
            Verb::Show => self.show(),
            Verb::Analyze => self.analyze(),
            verb => {
                self.writes = true;
                match verb {
                    Verb::Insert | Verb::Replace => self.calls = false,
                    Verb::Update | Verb::Delete | Verb::Do | Verb::Help | Verb::Empty => {}
                    Verb::Load => self.load(),
                    Verb::Set => self.set(nested),
                    Verb::Other if continued => {}
                    _ => self.dispatch_rarer(verb),
                }
            }
        }
    }

    fn dispatch_rarer(&mut self, verb: Verb) {
        match verb {
            Verb::Use => self.traits |= Traits::USE,
            Verb::Begin => self.begin(),
            Verb::Commit | Verb::Rollback => self.end_transaction(verb),
            Verb::Savepoint => self.traits |= Traits::SAVEPOINT,
            Verb::Call => self.call_procedure(),
            Verb::Xa => self.traits |= Traits::XA,
            Verb::Lock => self.traits |= Traits::TABLE_LOCK | Traits::IMPLICIT_COMMIT,
            Verb::Unlock => self.traits |= Traits::TABLE_UNLOCK | Traits::IMPLICIT_COMMIT,
            Verb::Flush => self.flush(),
            Verb::Backup => self.backup(),
            Verb::Prepare => self.traits |= Traits::TEXT_PREPARE,
            Verb::Execute => self.traits |= Traits::TEXT_EXECUTE,
            Verb::Deallocate => self.traits |= Traits::TEXT_DEALLOCATE,
            Verb::Handler => self.cursor(),
            Verb::Kill => self.traits |= Traits::KILL,
            Verb::Diagnostics => self.traits |= Traits::READS_DIAGNOSTICS,
            Verb::Create => self.create(),
            Verb::Alter => self.alter(),
            Verb::Drop => self.drop_object(),
            Verb::Truncate | Verb::Rename | Verb::Grant | Verb::Revoke => self.definition(),
            Verb::Admin => self.administer(),
            Verb::Compound => self.traits |= Traits::COMPOUND,
            _ => self.give_up(),
        }
    }

    /// Data definition: commits, and has brackets that are no calls.
    fn definition(&mut self) {
        self.calls = false;
        self.traits |= Traits::IMPLICIT_COMMIT;
    }

    fn administer(&mut self) {
        self.definition();
        match self.now.kw {
            // Its events are applied by state that an earlier BINLOG left on the connection.
            Kw::Binlog => self.give_up(),
            Kw::Signal | Kw::Resignal => self.traits -= Traits::IMPLICIT_COMMIT,
            _ => {}
        }
    }

    fn analyze(&mut self) {
        self.advance();
        let of_statement = match self.now.kw {
            Kw::Select | Kw::With | Kw::Values => true,
            Kw::Insert | Kw::Replace | Kw::Update | Kw::Delete => true,
            _ => self.now.kind == Kind::Open || self.is("FORMAT"),
        };
        if !of_statement {
            self.writes = true;
            self.definition();
        }
    }

    fn load(&mut self) {
        self.calls = false;
        for _ in 0..3 {
            self.advance();
            if self.is("LOCAL") {
                self.traits |= Traits::LOAD_LOCAL;
            }
        }
    }

    /// `BEGIN [WORK]`, `BEGIN NOT ATOMIC …`, `START TRANSACTION …`, `START REPLICA`.
    fn begin(&mut self) {
        let start = self.now.kw == Kw::Start;
        self.advance();
        if start && !self.is("TRANSACTION") {
            self.verb = Verb::Admin;
            self.definition();
            return;
        }
        if !start && self.is("WORK") {
            self.advance();
        }
        if !start && !self.at_end() {
            self.verb = Verb::Compound;
            self.traits |= Traits::COMPOUND;
            return;
        }
        self.traits |= Traits::BEGIN;
        let mut read_only = false;
        let mut writes = false;
        while !self.at_end() {
            self.advance();
            read_only |= self.is("ONLY");
            writes |= self.is("WRITE");
        }
        if read_only && !writes {
            self.traits |= Traits::BEGIN_READ_ONLY;
        }
    }

    /// `COMMIT`, `ROLLBACK` `[WORK] [AND [NO] CHAIN] [[NO] RELEASE]`, `ROLLBACK [WORK] TO s`.
    fn end_transaction(&mut self, verb: Verb) {
        let mut no = false;
        let mut ends = Traits::COMMIT;
        if verb == Verb::Rollback {
            ends = Traits::ROLLBACK;
        }
        self.advance();
        if self.is("WORK") {
            self.advance();
        }
        if self.is("TO") {
            ends = Traits::SAVEPOINT;
        }
        while !self.at_end() {
            if self.is("CHAIN") && !no {
                ends |= Traits::CHAIN;
            }
            if self.is("RELEASE") && !no && !ends.contains(Traits::SAVEPOINT) {
                ends |= Traits::RELEASE;
            }
            no = self.is("NO");
            self.advance();
        }
        self.traits |= ends;
    }

    fn call_procedure(&mut self) {
        self.traits |= Traits::CALL;
        self.calls = false;
        while !self.at_end() && self.now.kind != Kind::Open {
            self.advance();
        }
        self.calls = true;
    }

    fn flush(&mut self) {
        self.definition();
        while !self.at_end() {
            // WITH READ LOCK; FOR EXPORT
            if self.is_any(&["LOCK", "EXPORT"]) {
                self.traits |= Traits::TABLE_LOCK;
            }
            self.advance();
        }
    }

    /// `BACKUP STAGE START … END`, `BACKUP LOCK t`, `BACKUP UNLOCK`.
    fn backup(&mut self) {
        self.advance();
        let stage = self.is("STAGE");
        if stage {
            self.advance();
        }
        let ends = if stage { self.is("END") } else { self.is("UNLOCK") };
        self.traits |= if ends { Traits::TABLE_UNLOCK } else { Traits::TABLE_LOCK };
    }

    fn cursor(&mut self) {
        let mut closes = false;
        while !self.at_end() {
            closes = self.is("CLOSE");
            self.advance();
        }
        self.traits |= if closes { Traits::HANDLER_CLOSE } else { Traits::HANDLER_OPEN };
    }

    /// Looks for the kind of object; says whether TEMPORARY stood before it.
    fn object(&mut self) -> (Object, bool) {
        let mut temporary = false;
        loop {
            self.advance();
            if self.at_end() {
                return (Object::Other, temporary);
            }
            temporary |= self.is("TEMPORARY");
            if self.is_any(&["TABLE", "TABLES", "SEQUENCE"]) {
                return (Object::Table, temporary);
            }
            if self.is_any(&["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"]) {
                return (Object::Program, temporary);
            }
            if self.is("PREPARE") {
                return (Object::Prepared, temporary);
            }
            if self.is_any(OTHER_OBJECTS) {
                return (Object::Other, temporary);
            }
        }
    }

    fn create(&mut self) {
        self.definition();
        match self.object() {
            (_, true) => {
                self.traits |= Traits::TEMPORARY_TABLE_CREATE;
                self.traits -= Traits::IMPLICIT_COMMIT;
            }
            (Object::Program, false) => self.traits |= Traits::STORED_PROGRAM,
            _ => {}
        }
    }

    fn alter(&mut self) {
        self.definition();
        if self.object().0 == Object::Program {
            self.traits |= Traits::STORED_PROGRAM;
        }
    }

    fn drop_object(&mut self) {
        self.definition();
        match self.object() {
            (Object::Table, temporary) => {
                self.traits |= Traits::TEMPORARY_TABLE_DROP;
                if temporary {
                    self.traits -= Traits::IMPLICIT_COMMIT;
                }
            }
            (Object::Prepared, _) => {
                self.verb = Verb::Deallocate;
                self.traits |= Traits::TEXT_DEALLOCATE;
                self.traits -= Traits::IMPLICIT_COMMIT;
            }
            _ => {}
        }
    }
}

/// What a CREATE, ALTER or DROP is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    Table,
    /// Stored: its body does not run now.
    Program,
    Prepared,
    Other,
}

const OTHER_OBJECTS: &[&str] = &[
    "VIEW",
    "INDEX",
    "DATABASE",
    "SCHEMA",
    "USER",
    "ROLE",
    "SERVER",
    "TABLESPACE",
    "LOGFILE",
    "LIBRARY",
    "RESOURCE",
    "SPATIAL",
    "INSTANCE",
    "CATALOG",
    "MASKING",
];
