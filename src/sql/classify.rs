//! The token loop: every token's own effect, whatever statement it stands in.
//!
//! [`verbs`](super::verbs) drives it statement by statement and adds what a statement's first
//! words mean.
#![expect(clippy::wildcard_enum_match_arm, reason = "of all words, few have an effect")]

use super::keywords::{Kw, keyword, keyword_loaded};
use super::plain::is_plain_select;
use super::scanner::{Kind, Scanner, Token};
use super::statement::{Access, Dialect, Statement, Traits, Verb};
use super::variables::{Variable, is_schema_table, names_threads};

/// Says what `sql` is: where it may run, and what it leaves behind. Never fails: what is not
/// understood is a write that pins.
pub fn classify(sql: &[u8], dialect: Dialect) -> Statement {
    if is_plain_select(sql, dialect) {
        return PLAIN_SELECT;
    }
    classify_by_tokens(sql, dialect)
}

const PLAIN_SELECT: Statement = Statement {
    verb: Verb::Select,
    access: Access::Read,
    traits: Traits::empty(),
    hint: None,
    statements: 1,
};

/// The same the long way.
pub(super) fn classify_by_tokens(sql: &[u8], dialect: Dialect) -> Statement {
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

/// A token further away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    pub(super) kind: Kind,
    pub(super) kw: Kw,
}

const NOTHING: Seen = Seen { kind: Kind::Semicolon, kw: Kw::None, start: 0, end: 0 };

/// The executable comment that is open.
#[derive(Clone, Copy)]
struct VersionComment {
    /// It began before the statement's first word.
    at_start: bool,
    /// It began right behind SELECT.
    after_select: bool,
    /// The end of the token before it.
    behind: usize,
}

pub(super) struct Classifier<'a> {
    pub(super) scanner: Scanner<'a>,
    pub(super) dialect: Dialect,
    pub(super) now: Seen,
    pub(super) prev: Seen,
    pub(super) before: Neighbour,

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
    pub(super) with_seen: bool,
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
            before: Neighbour { kind: Kind::Semicolon, kw: Kw::None },
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
        self.before = Neighbour { kind: Kind::Semicolon, kw: Kw::None };
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
    pub(super) fn rest(&mut self) {
        while !self.at_end() {
            while let Some(word) = self.scanner.next_word() {
                self.shift(word);
                self.word(word.bytes);
            }
            self.advance_other();
        }
    }

    /// Reads the next token, with all its effects.
    pub(super) fn advance(&mut self) {
        self.advance_other();
    }

    /// Makes `token` the one at hand.
    #[inline(always)]
    fn shift(&mut self, token: Token) {
        let Token { kind, start, end, .. } = token;
        self.before = Neighbour { kind: self.prev.kind, kw: self.prev.kw };
        self.prev = self.now;
        self.now = Seen { kind, kw: Kw::None, start, end };
    }

    /// The same as [`Self::advance`], where it is used most.
    #[inline(always)]
    fn advance_other(&mut self) {
        let mut token = self.scanner.next();
        if matches!(token.kind, Kind::VersionOpen | Kind::VersionClose) {
            token = self.pass_edges(token);
        }
        self.shift(token);
        match token.kind {
            Kind::Word => self.word(token.bytes),
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

    /// The token behind the edges of executable comments, of which `token` is one; a semicolon
    /// where the statement ends for a server that skips the comment.
    #[cold]
    fn pass_edges(&mut self, mut token: Token) -> Token {
        while matches!(token.kind, Kind::VersionOpen | Kind::VersionClose) {
            if self.version_edge(token.kind) {
                return Token { kind: Kind::Semicolon, ..token };
            }
            token = self.scanner.next();
        }
        token
    }

    /// Enters or leaves an executable comment. True if the statement may end here, because a
    /// server that skips the comment sees the statement begin behind it.
    fn version_edge(&mut self, kind: Kind) -> bool {
        if kind == Kind::VersionOpen {
            self.version_comment = Some(VersionComment {
                at_start: !self.begun && self.now.kind == Kind::Semicolon,
                after_select: self.now.kw == Kw::Select,
                behind: self.now.end,
            });
            return false;
        }
        let Some(comment) = self.version_comment.take() else { return false };
        let option = comment.after_select
            && self.prev.end == comment.behind
            && self.now.kw.is_select_option();
        self.versioned |= !option;
        if option {
            // What stands around the comment are neighbours for a server that skips it.
            self.now.kw = Kw::None;
        }
        self.continued = comment.at_start && self.begun;
        self.continued
    }

    #[inline(always)]
    fn word(&mut self, bytes: u64) {
        let kw = keyword_loaded(bytes, self.scanner.text(), self.now.start, self.now.end);
        if kw == Kw::None && !self.information_schema {
            return;
        }
        self.keyword(kw);
    }

    /// A word with a meaning, or right behind `information_schema.`.
    fn keyword(&mut self, kw: Kw) {
        if self.prev.kind == Kind::Dot {
            return self.dotted(kw);
        }
        self.now.kw = kw;
        match kw {
            Kw::With => self.with_seen = true,
            Kw::Select => self.calls = true,
            Kw::Values | Kw::Value | Kw::Set => {
                self.calls |= matches!(self.verb, Verb::Insert | Verb::Replace | Verb::Load);
            }
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
            Kw::Union => self.traits |= Traits::UNION,
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
        let name = self.slice(self.now);
        if std::mem::take(&mut self.information_schema) && !is_schema_table(name) {
            self.traits |= Traits::SERVER_STATE;
            if names_threads(name) {
                self.traits |= Traits::SHOWS_THREADS;
            }
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
            Kw::Mysql => self.traits |= Traits::SERVER_STATE,
            Kw::Sys | Kw::PerformanceSchema => {
                self.traits |= Traits::SERVER_STATE | Traits::SHOWS_THREADS;
            }
            Kw::InformationSchema => self.information_schema = true,
            _ => {}
        }
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
