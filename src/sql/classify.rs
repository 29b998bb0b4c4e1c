//! The token loop: every token's own effect, whatever statement it stands in.
//!
//! [`verbs`](super::verbs) drives it statement by statement and adds what a statement's first
//! words mean.
#![expect(clippy::wildcard_enum_match_arm, reason = "of all words, few have an effect")]

use super::functions::{Function, function};
use super::keywords::{Kw, keyword};
use super::scanner::{Kind, Scanner, Token};
use super::statement::{Access, Dialect, Statement, Traits, Verb};
use super::variables::{Variable, is_schema_table};

/// Says what `sql` is: where it may run, and what it leaves behind. Never fails: what is not
/// understood is a write that pins.
pub fn classify(sql: &[u8], dialect: Dialect) -> Statement {
    let mut classifier = Classifier::new(sql, dialect);
    classifier.read_text();
    classifier.finish()
}

/// A token and its keyword.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) kind: Kind,
    pub(super) kw: Kw,
    pub(super) start: usize,
    pub(super) end: usize,
}

const NOTHING: Seen = Seen { kind: Kind::Semicolon, kw: Kw::None, start: 0, end: 0 };

/// The executable comment that is open.
#[derive(Clone, Copy)]
struct VersionComment {
    /// It began before the statement's first word.
    at_start: bool,
    /// It began right behind SELECT.
    after_select: bool,
    /// Tokens in it so far.
    tokens: u32,
}

pub(super) struct Classifier<'a> {
    scanner: Scanner<'a>,
    pub(super) dialect: Dialect,
    pub(super) now: Seen,
    pub(super) prev: Seen,
    before: Seen,

    // Of the statement at hand.
    pub(super) verb: Verb,
    pub(super) traits: Traits,
    /// Something in it writes, or may.
    pub(super) writes: bool,
    /// An unknown name before `(` is a call: not so in lists of columns.
    pub(super) calls: bool,
    /// Its first word was seen.
    pub(super) begun: bool,
    /// Brackets open.
    pub(super) depth: u32,
    with_seen: bool,
    /// The dot just seen follows `information_schema`.
    information_schema: bool,
    version_comment: Option<VersionComment>,
    /// An executable comment that may change the meaning was in it.
    versioned: bool,
    /// The statement goes on from an executable comment that held its beginning.
    pub(super) continued: bool,

    // Of the whole text.
    pub(super) total: Totals,
}

/// What the statements so far add up to.
pub(super) struct Totals {
    pub(super) verb: Verb,
    traits: Traits,
    writes: bool,
    pub(super) statements: u16,
    /// A statement that may change state in ways that `PLAIN_SET` or `USE` do not tell.
    unexplained: bool,
    /// `sql_mode` was set: the next statement may be scanned otherwise by the server.
    pub(super) mode_set: bool,
}

impl<'a> Classifier<'a> {
    fn new(sql: &'a [u8], dialect: Dialect) -> Self {
        Self {
            scanner: Scanner::new(sql, dialect),
            dialect,
            now: NOTHING,
            prev: NOTHING,
            before: NOTHING,
            verb: Verb::Empty,
            traits: Traits::empty(),
            writes: false,
            calls: true,
            begun: false,
            depth: 0,
            with_seen: false,
            information_schema: false,
            version_comment: None,
            versioned: false,
            continued: false,
            total: Totals {
                verb: Verb::Empty,
                traits: Traits::empty(),
                writes: false,
                statements: 0,
                unexplained: false,
                mode_set: false,
            },
        }
    }

    /// Forgets the statement before.
    pub(super) fn next_statement(&mut self) {
        self.now = NOTHING;
        self.prev = NOTHING;
        self.before = NOTHING;
        self.verb = Verb::Empty;
        self.traits = Traits::empty();
        self.writes = false;
        self.calls = true;
        self.begun = false;
        self.depth = 0;
        self.with_seen = false;
        self.versioned = false;
    }

    /// Marks a statement whose beginning an executable comment held.
    pub(super) fn mark_continued(&mut self) {
        self.versioned = true;
    }

    /// Adds the statement at hand to the text's sum.
    pub(super) fn end_statement(&mut self) {
        if self.versioned {
            // The server may skip it: trust no release, no read-only transaction, no read.
            self.traits -= Traits::RELEASES | Traits::BEGIN_READ_ONLY;
            self.traits |= Traits::VERSION_COMMENT;
            self.writes = true;
        }
        if self.traits.contains(Traits::STORED_PROGRAM) {
            self.traits -= Traits::RELEASES | Traits::COMMIT | Traits::ROLLBACK;
        }
        let explained = self.traits.intersects(Traits::PLAIN_SET | Traits::USE)
            || !(self.writes || self.traits.intersects(Traits::NOT_READ))
            || matches!(self.verb, Verb::Begin | Verb::Commit | Verb::Rollback);
        self.total.unexplained |= !explained;
        self.total.traits |= self.traits;
        self.total.writes |= self.writes;
    }

    fn finish(self) -> Statement {
        let mut traits = self.total.traits;
        if self.scanner.doubt {
            traits |= Traits::UNKNOWN;
        }
        let several = self.total.statements > 1;
        if several {
            traits -= Traits::BEGIN_READ_ONLY;
        }
        if several && self.total.unexplained || traits.intersects(Traits::PINS) {
            traits -= Traits::PLAIN_SET | Traits::USE;
        }
        let write =
            self.total.writes || self.total.statements == 0 || traits.intersects(Traits::NOT_READ);
        Statement {
            verb: self.total.verb,
            access: if write { Access::Write } else { Access::Read },
            traits,
            hint: self.scanner.hint,
            statements: self.total.statements,
        }
    }

    /// The bytes of a token.
    pub(super) fn slice(&self, seen: Seen) -> &'a [u8] {
        self.scanner.slice(seen.start, seen.end)
    }

    /// The token at hand is the word `word` (in capitals), not a quoted identifier.
    pub(super) fn is(&self, word: &str) -> bool {
        self.now.kind == Kind::Word && self.slice(self.now).eq_ignore_ascii_case(word.as_bytes())
    }

    /// The token at hand is one of `words`.
    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// The token at hand ends the statement.
    #[inline(always)]
    pub(super) fn at_end(&self) -> bool {
        matches!(self.now.kind, Kind::Semicolon | Kind::End)
    }

    /// What follows the token at hand, without its effects.
    pub(super) fn peek(&self) -> Token {
        self.scanner.clone().next()
    }

    /// Reads the statement to its end.
    #[inline]
    pub(super) fn rest(&mut self) {
        while !self.at_end() {
            self.advance();
        }
    }

    /// Reads the next token, with all its effects.
    #[inline]
    pub(super) fn advance(&mut self) {
        let mut token = self.scanner.next();
        while matches!(token.kind, Kind::VersionOpen | Kind::VersionClose) {
            if self.version_edge(token.kind) {
                token.kind = Kind::Semicolon;
                break;
            }
            token = self.scanner.next();
        }
        let Token { kind, start, end } = token;
        if let Some(comment) = &mut self.version_comment {
            comment.tokens += 1;
        }
        self.before = self.prev;
        self.prev = self.now;
        self.now = Seen { kind, kw: Kw::None, start, end };
        match kind {
            Kind::Word => self.word(),
            Kind::Open => self.open(),
            Kind::Close => self.depth = self.depth.saturating_sub(1),
            Kind::Dot => self.dot(),
            Kind::Quoted => self.quoted(),
            Kind::UserVariable => self.user_variable(),
            Kind::SystemVariable => self.system_variable(),
            Kind::Assign => self.assign(),
            Kind::End
            | Kind::Semicolon
            | Kind::Number
            | Kind::Str
            | Kind::Comma
            | Kind::Equals
            | Kind::VersionOpen
            | Kind::VersionClose
            | Kind::Punct => {}
        }
    }

    /// Enters or leaves an executable comment. True if the statement may end here, because a
    /// server that skips the comment sees the statement begin behind it.
    #[cold]
    fn version_edge(&mut self, kind: Kind) -> bool {
        if kind == Kind::VersionOpen {
            self.version_comment = Some(VersionComment {
                at_start: !self.begun && self.now.kind == Kind::Semicolon,
                after_select: self.now.kw == Kw::Select,
                tokens: 0,
            });
            return false;
        }
        let Some(comment) = self.version_comment.take() else { return false };
        let option = comment.after_select && comment.tokens == 1 && self.now.kw.is_select_option();
        self.versioned |= !option;
        if option {
            // What stands around the comment are neighbours for a server that skips it.
            self.now.kw = Kw::None;
        }
        self.continued = comment.at_start && self.begun;
        self.continued
    }

    #[inline(always)]
    fn word(&mut self) {
        let kw = keyword(self.scanner.text(), self.now.start, self.now.end);
        if kw == Kw::None && !self.information_schema {
            return;
        }
        if self.prev.kind == Kind::Dot {
            return self.dotted(kw);
        }
        self.now.kw = kw;
        match kw {
            Kw::With => self.with_seen = true,
            Kw::Select | Kw::Values | Kw::Value => self.calls = true,
            Kw::Set => self.calls |= self.begun,
            // Never an identifier without quotes, never in a read but as told below.
            Kw::Update => {
                self.writes = true;
                self.locking(self.prev.kw == Kw::For);
            }
            Kw::Share => self.locking(self.prev.kw == Kw::For),
            Kw::Lock => {
                self.writes = true;
                self.locking(self.begun && self.peek_is("IN"));
            }
            Kw::Delete
            | Kw::Into
            | Kw::Procedure
            | Kw::Create
            | Kw::Alter
            | Kw::Drop
            | Kw::Grant
            | Kw::Revoke
            | Kw::Load
            | Kw::Call => self.writes = true,
            Kw::Insert | Kw::Replace => self.writes |= self.peek().kind != Kind::Open,
            Kw::SqlCalcFoundRows => self.traits |= Traits::CALC_FOUND_ROWS,
            Kw::For if self.prev.kw == Kw::Value => self.sequence_value(),
            // EXPLAIN FOR CONNECTION n
            Kw::Connection if self.prev.kw == Kw::For => self.traits |= Traits::SERVER_STATE,
            _ => {}
        }
    }

    fn peek_is(&self, word: &str) -> bool {
        let token = self.peek();
        self.scanner.slice(token.start, token.end).eq_ignore_ascii_case(word.as_bytes())
    }

    fn locking(&mut self, locking: bool) {
        if locking {
            self.traits |= Traits::LOCKING_READ;
        }
    }

    /// `NEXT VALUE FOR s`, `PREVIOUS VALUE FOR s`.
    fn sequence_value(&mut self) {
        match self.before.kw {
            Kw::Next => self.traits |= Traits::SEQUENCE_NEXT,
            Kw::Previous => self.traits |= Traits::SEQUENCE_PREVIOUS,
            _ => {}
        }
    }

    /// A word behind a dot is a name; only MariaDB's Oracle mode gives some a meaning.
    fn dotted(&mut self, kw: Kw) {
        match kw {
            Kw::Nextval if self.dialect.mariadb => self.traits |= Traits::SEQUENCE_NEXT,
            Kw::Currval | Kw::Lastval if self.dialect.mariadb => {
                self.traits |= Traits::SEQUENCE_PREVIOUS;
            }
            _ => {}
        }
        self.schema_table();
    }

    fn quoted(&mut self) {
        if self.information_schema {
            self.schema_table();
        }
    }

    fn schema_table(&mut self) {
        if std::mem::take(&mut self.information_schema) && !is_schema_table(self.slice(self.now)) {
            self.traits |= Traits::SERVER_STATE;
        }
    }

    /// Looks at the schema in front of the dot.
    fn dot(&mut self) {
        self.information_schema = false;
        let Seen { kind, kw, start, end } = self.prev;
        let kw = match kind {
            Kind::Word => kw,
            Kind::Quoted if end > start + 2 => keyword(self.scanner.text(), start + 1, end - 1),
            _ => return,
        };
        match kw {
            Kw::Mysql | Kw::Sys | Kw::PerformanceSchema => self.traits |= Traits::SERVER_STATE,
            Kw::InformationSchema => self.information_schema = true,
            _ => {}
        }
    }

    #[inline(always)]
    fn open(&mut self) {
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

    fn user_variable(&mut self) {
        let adjacent = self.prev.end == self.now.start && self.begun;
        let account = match self.prev.kind {
            Kind::Quoted | Kind::Str => adjacent,
            Kind::Word => adjacent && self.prev.kw == Kw::None && names_accounts(self.verb),
            _ => false,
        };
        if account || self.is_target() {
            return;
        }
        self.traits |= Traits::READS_USER_VARIABLE;
        let out = matches!(self.verb, Verb::Call | Verb::Execute | Verb::Load | Verb::Diagnostics);
        if out || self.prev.kw == Kw::Into {
            self.traits |= Traits::USER_VARIABLE_WRITE;
        }
    }

    /// The token at hand is where a SET's assignment goes.
    fn is_target(&self) -> bool {
        let item = self.prev.kw == Kw::Set || self.prev.kind == Kind::Comma;
        self.verb == Verb::Set && self.depth == 0 && item
    }

    fn system_variable(&mut self) {
        if self.is_target() {
            return;
        }
        self.traits |= Variable::parse(self.slice(self.now)).read();
    }

    /// `:=` assigns to a user variable, but at the head of a SET's assignment.
    fn assign(&mut self) {
        if self.verb != Verb::Set || self.prev.kind == Kind::UserVariable || self.depth > 0 {
            self.traits |= Traits::USER_VARIABLE_WRITE;
        }
    }

    /// Takes the statement for one that nothing is known of.
    pub(super) fn give_up(&mut self) {
        self.traits |= Traits::UNKNOWN;
        self.writes = true;
    }
}

/// Statements in which `name@host` is an account.
fn names_accounts(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Create
            | Verb::Alter
            | Verb::Drop
            | Verb::Rename
            | Verb::Grant
            | Verb::Revoke
            | Verb::Show
    )
}
