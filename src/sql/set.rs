//! `SET` in all its forms: which can only set system variables, and which may do more?
//!
//! Sources: "SET Syntax for Variable Assignment", "SET TRANSACTION", "SET NAMES" and their
//! neighbours in the MySQL manual; MariaDB's "SET", "SET STATEMENT".

use super::classify::Classifier;
use super::keywords::Kw;
use super::scanner::Kind;
use super::statement::Traits;
use super::variables::Variable;

/// Traits that a SET may have and still be plain.
const PLAIN: Traits = Traits::READS_VARIABLE
    .union(Traits::SERVER_STATE)
    .union(Traits::SET_GLOBAL)
    .union(Traits::SETS_AUTOCOMMIT)
    .union(Traits::TRACKERS)
    .union(Traits::VERSION_COMMENT);

/// Where an assignment goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// No word said so.
    Unsaid,
    Session,
    Global,
}

impl Classifier<'_> {
    /// Reads behind the word SET. `nested`: inside a `SET STATEMENT … FOR`.
    pub(super) fn set(&mut self, nested: bool) {
        self.advance();
        if self.is("STATEMENT") && self.peek().kind != Kind::Equals {
            return self.set_statement(nested);
        }
        let mut plain = true;
        loop {
            plain &= self.set_item();
            if self.now.kind != Kind::Comma {
                break;
            }
            self.advance();
        }
        plain &= self.at_end();
        self.rest();
        let pins = Traits::EVENT_VARIABLE | Traits::ONE_SHOT_TRANSACTION;
        if !plain || self.traits.intersects(Traits::all() - PLAIN - pins) {
            self.traits |= Traits::UNKNOWN_SET;
        } else if !self.traits.intersects(pins) {
            self.traits |= Traits::PLAIN_SET;
        }
    }

    /// MariaDB's `SET STATEMENT a=1, b=2 FOR …`: what follows, on the primary.
    fn set_statement(&mut self, nested: bool) {
        while !(self.at_end() || self.now.kw == Kw::For && self.depth == 0) {
            self.advance();
        }
        if nested {
            return self.give_up();
        }
        self.advance();
        self.inner_statement();
    }

    /// One assignment, up to the comma or the end behind it. False if it may do more than set
    /// system variables.
    fn set_item(&mut self) -> bool {
        if self.now.kind == Kind::UserVariable {
            self.traits |= Traits::USER_VARIABLE_WRITE;
            self.advance();
            self.set_value();
            return false;
        }
        if self.now.kind == Kind::SystemVariable {
            return self.set_system_variable();
        }
        let scope = if self.is_any(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]) {
            Scope::Global
        } else if self.is_any(&["SESSION", "LOCAL"]) {
            Scope::Session
        } else {
            Scope::Unsaid
        };
        if scope != Scope::Unsaid {
            self.advance();
        }
        if self.is("TRANSACTION") {
            self.set_transaction(scope);
            return true;
        }
        if scope == Scope::Unsaid {
            if self.is("NAMES") || self.is("CHARSET") {
                return self.set_names();
            }
            if self.is_any(&["CHARACTER", "CHAR"]) {
                self.advance();
                return self.is("SET") && self.set_names();
            }
        }
        if !matches!(self.now.kind, Kind::Word | Kind::Quoted) {
            return false;
        }
        let name = self.slice(self.now);
        self.advance();
        // `PASSWORD FOR …`, `ROLE x`, `DEFAULT ROLE …`, `RESOURCE GROUP …`; a key cache's or a
        // component's `a.b =`; `PASSWORD = …`, which is no variable.
        if !matches!(self.now.kind, Kind::Equals | Kind::Assign)
            || name.eq_ignore_ascii_case(b"PASSWORD")
        {
            return false;
        }
        self.assigned(Variable::parse(name), scope);
        self.set_value()
    }

    fn set_system_variable(&mut self) -> bool {
        let variable = Variable::parse(self.slice(self.now));
        let scope = match variable.scope {
            None => Scope::Unsaid,
            Some(_) if variable.in_session() => Scope::Session,
            Some(_) => Scope::Global,
        };
        if scope == Scope::Unsaid && variable.is_transaction_characteristic() {
            self.traits |= Traits::ONE_SHOT_TRANSACTION;
        }
        self.advance();
        self.assigned(variable, scope);
        self.set_value()
    }

    /// Notes what setting `variable` means.
    fn assigned(&mut self, variable: Variable<'_>, scope: Scope) {
        self.total.mode_set |= variable.is("sql_mode");
        if scope == Scope::Global {
            self.traits |= Traits::SET_GLOBAL;
            return;
        }
        if variable.is_event() {
            self.traits |= Traits::EVENT_VARIABLE;
        }
        if variable.is("autocommit") {
            self.traits |= Traits::SETS_AUTOCOMMIT;
        }
        if variable.is_tracker() {
            self.traits |= Traits::TRACKERS;
        }
    }

    /// `= value`, up to the comma or the end. False if it depends on more than constants,
    /// variables and functions on the list.
    fn set_value(&mut self) -> bool {
        let mut plain = matches!(self.now.kind, Kind::Equals | Kind::Assign);
        loop {
            self.advance();
            if self.at_end() || self.now.kind == Kind::Comma && self.depth == 0 {
                return plain;
            }
            plain &= self.now.kw != Kw::From;
        }
    }

    /// `NAMES 'x' [COLLATE 'y']`, `CHARACTER SET x`, with the last word before the value at hand.
    fn set_names(&mut self) -> bool {
        let mut words = 0;
        loop {
            self.advance();
            match self.now.kind {
                Kind::Word | Kind::Str | Kind::Quoted => words += 1,
                // Without a word, a variable of that name.
                Kind::Comma | Kind::Semicolon | Kind::End => return words > 0,
                Kind::Number
                | Kind::UserVariable
                | Kind::SystemVariable
                | Kind::Open
                | Kind::Close
                | Kind::Dot
                | Kind::Equals
                | Kind::Assign
                | Kind::VersionOpen
                | Kind::VersionClose
                | Kind::Punct => return false,
            }
        }
    }

    fn set_transaction(&mut self, scope: Scope) {
        self.traits |= match scope {
            Scope::Unsaid => Traits::ONE_SHOT_TRANSACTION,
            Scope::Session => Traits::empty(),
            Scope::Global => Traits::SET_GLOBAL,
        };
        self.rest();
    }
}
