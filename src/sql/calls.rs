//! Names before a bracket: which are calls of functions, and what do those mean?

#![expect(clippy::wildcard_enum_match_arm, reason = "few kinds of tokens matter here")]

use super::classify::Classifier;
use super::functions::{Function, function};
use super::keywords::{Kw, keyword};
use super::scanner::Kind;
use super::statement::Traits;

impl Classifier<'_> {
    #[inline(always)]
    pub(super) fn open(&mut self) {
        self.depth = self.depth.saturating_add(1);
        match self.prev.kind {
            Kind::Word if !self.prev.kw.opens() => self.call(),
            // A quoted name is never a built-in; a number is a name that begins with a digit.
            Kind::Quoted | Kind::Number | Kind::Str => self.unknown_call(),
            _ => {}
        }
    }

    /// `word (`, where the word may be a function.
    fn call(&mut self) {
        let name = self.prev;
        if self.before.kind == Kind::Dot {
            return self.unknown_call();
        }
        let adjacent = name.end == self.now.start;
        let text = self.scanner.text();
        let effect = match function(text, name.start, name.end, self.dialect.mariadb) {
            Function::Plain | Function::Mariadb | Function::Mysql => return,
            Function::Adjacent if adjacent => return,
            Function::Adjacent | Function::Unknown => return self.unknown_call(),
            // Their ids are the server's: CONNECTION_ID() beside them is too.
            Function::Server if self.slice(name).eq_ignore_ascii_case(b"IS_USED_LOCK") => {
                Traits::SERVER_STATE | Traits::SHOWS_THREADS
            }
            Function::Server => Traits::SERVER_STATE,
            Function::Lock => Traits::NAMED_LOCK,
            Function::ReleaseLock => Traits::NAMED_LOCK_RELEASE,
            Function::LastInsertId if self.peek().kind == Kind::Close => {
                Traits::READS_LAST_INSERT_ID
            }
            Function::LastInsertId => Traits::LAST_INSERT_ID_WRITE | Traits::READS_LAST_INSERT_ID,
            Function::RowCount => Traits::READS_ROW_COUNT,
            Function::FoundRows => Traits::READS_FOUND_ROWS,
            Function::ConnectionId => Traits::READS_CONNECTION_ID,
            Function::NextValue => Traits::SEQUENCE_NEXT,
            Function::LastValue => Traits::SEQUENCE_PREVIOUS,
        };
        self.traits |= effect;
    }

    /// A name before `(` that is no built-in: a call, unless it is an alias with a list of
    /// columns (`… AS d (a)`, `(…) d (a)`), a type (`CAST(a AS t(1))`) or the name of a common
    /// table expression.
    fn unknown_call(&mut self) {
        let alias =
            matches!(self.before.kw, Kw::As | Kw::Procedure) || self.before.kind == Kind::Close;
        if self.calls && !alias && !(self.with_seen && self.names_table_expression()) {
            self.traits |= Traits::STORED_FUNCTION;
        }
    }

    /// Whether `(a, b) AS (` follows the name before the bracket at hand.
    fn names_table_expression(&self) -> bool {
        let mut ahead = self.scanner.clone();
        loop {
            let token = ahead.next();
            match token.kind {
                Kind::Word | Kind::Quoted | Kind::Comma => {}
                Kind::Close => break,
                _ => return false,
            }
        }
        let token = ahead.next();
        keyword(self.scanner.text(), token.start, token.end) == Kw::As
            && ahead.next().kind == Kind::Open
    }
}
