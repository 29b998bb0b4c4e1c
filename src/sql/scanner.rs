//! Splits a text into tokens as the servers' lexers do, skipping what carries no meaning here
//! with memchr.
//!
//! Sources: the MySQL manual's "Language Structure" chapter, MariaDB's pages on identifiers,
//! literals and comments. Where the servers disagree, or the outcome depends on their version,
//! the scanner takes the reading that shows more tokens and reports a doubt.

use memchr::{memchr, memchr2, memmem};

use super::bytes::{Lead, in_word, lead, load, word_len};
use super::hints;
use super::statement::{Dialect, Hint};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text is used up.
    End,
    Semicolon,
    /// A keyword or an identifier without quotes.
    Word,
    /// An identifier in quotes.
    Quoted,
    /// A number, `\N`, or an identifier that begins with a digit.
    Number,
    /// A string, without its introducer (a word before it).
    Str,
    /// `@name`, `@'name'`: or the host of an account.
    UserVariable,
    /// `@@name`, `@@scope.name`.
    SystemVariable,
    Open,
    Close,
    Comma,
    Dot,
    Equals,
    /// `:=`
    Assign,
    /// `/*!NNNNN`: what follows, up to the next [`Kind::VersionClose`], may be skipped.
    VersionOpen,
    /// `*/` of an executable comment.
    VersionClose,
    /// Any other byte.
    Punct,
}

/// A token: its kind and the bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of a [`Kind::Word`]: its first eight bytes, and what follows a shorter one.
    pub(super) bytes: u64,
}

/// Reads tokens one by one; cheap to clone for a look ahead.
#[derive(Clone)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    dialect: Dialect,
    /// The token before ended here, and was a word (`dot_after`) or its dot (`word_after`).
    dot_after: usize,
    word_after: usize,
    /// Inside an executable comment: where a server that skips it sees its end.
    version_end: Option<usize>,
    /// The strongest hint so far.
    pub(super) hint: Option<Hint>,
    /// A server may see other tokens than these.
    pub(super) doubt: bool,
}

const NOWHERE: usize = usize::MAX;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self {
            text,
            at: 0,
            dialect,
            dot_after: NOWHERE,
            word_after: NOWHERE,
            version_end: None,
            hint: None,
            doubt: false,
        }
    }

    /// The bytes of a token.
    #[inline(always)]
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    #[inline(always)]
    fn from(&self, at: usize) -> &'a [u8] {
        self.text.get(at..).unwrap_or_default()
    }

    /// The token `kind` that began at `start` and ends at `end`, which is at most the text's end.
    #[inline(always)]
    fn token(&mut self, kind: Kind, start: usize, end: usize) -> Token {
        self.at = end;
        Token { kind, start, end, bytes: 0 }
    }

    /// The next token if it is a word with at most a blank before it: the most frequent case.
    #[inline(always)]
    pub(super) fn next_word(&mut self) -> Option<Token> {
        let mut start = self.at;
        let mut byte = self.byte(start)?;
        if byte == b' ' {
            start += 1;
            byte = self.byte(start)?;
        }
        (lead(byte) == Lead::Letter).then(|| self.word(start))
    }

    /// The next token. After [`Kind::End`] there is only [`Kind::End`].
    #[inline(always)]
    pub(super) fn next(&mut self) -> Token {
        loop {
            let start = self.at;
            let Some(byte) = self.byte(start) else {
                self.doubt |= self.version_end.take().is_some();
                return Token { kind: Kind::End, start, end: start, bytes: 0 };
            };
            return match lead(byte) {
                Lead::Space => {
                    self.at = start + 1;
                    continue;
                }
                Lead::Letter => self.word(start),
                Lead::Digit => self.digits(start),
                Lead::Dot => self.dot(start),
                Lead::Open => self.token(Kind::Open, start, start + 1),
                Lead::Close => self.token(Kind::Close, start, start + 1),
                Lead::Comma => self.token(Kind::Comma, start, start + 1),
                Lead::Equals => self.token(Kind::Equals, start, start + 1),
                Lead::Semicolon => self.token(Kind::Semicolon, start, start + 1),
                Lead::Apostrophe => {
                    let end = self.string_end(start + 1, b'\'');
                    self.token(Kind::Str, start, end)
                }
                Lead::Backquote => {
                    let end = self.doubled_end(start + 1, b'`');
                    self.token(Kind::Quoted, start, end)
                }
                Lead::Other => self.token(Kind::Punct, start, start + 1),
                Lead::Slash | Lead::Star | Lead::Dash | Lead::Hash => match self.comment(start) {
                    Some(token) => token,
                    None => continue,
                },
                Lead::Quote
                | Lead::At
                | Lead::Dollar
                | Lead::Colon
                | Lead::Backslash
                | Lead::Bracket => self.rarer(start, byte),
            };
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "called for a few leads alone")]
    fn rarer(&mut self, start: usize, byte: u8) -> Token {
        let next = self.byte(start + 1);
        match lead(byte) {
            Lead::Quote => {
                let (kind, end) = self.double_quoted(start + 1);
                self.token(kind, start, end)
            }
            Lead::At if next == Some(b'@') => self.system_variable(start),
            Lead::At => self.user_variable(start),
            Lead::Dollar => {
                // MySQL's dollar-quoted body ($$…$$, $tag$…$tag$) may hold anything. Its clients
                // try `select $$` at login.
                let token = self.word(start);
                let quotes = memchr(b'$', self.slice(start + 1, token.end)).is_some();
                self.doubt |= quotes && !self.dialect.mariadb;
                token
            }
            Lead::Colon if next == Some(b'=') => self.token(Kind::Assign, start, start + 2),
            // `\N` is NULL, and ends there: `\NFROM t` is NULL FROM t.
            Lead::Backslash if next == Some(b'N') => self.token(Kind::Number, start, start + 2),
            other => {
                self.doubt |= other == Lead::Bracket;
                self.token(Kind::Punct, start, start + 1)
            }
        }
    }

    fn word_end(&self, mut from: usize) -> usize {
        loop {
            let len = word_len(load(self.text, from));
            from += len;
            if len < 8 {
                return from;
            }
        }
    }

    #[inline(always)]
    fn word(&mut self, start: usize) -> Token {
        let bytes = load(self.text, start);
        let len = word_len(bytes);
        let end = if len < 8 { start + len } else { self.word_end(start + 8) };
        self.dot_after = end;
        self.at = end;
        Token { kind: Kind::Word, start, end, bytes }
    }

    fn digits_end(&self, from: usize) -> usize {
        let rest = self.from(from);
        from + rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
    }

    /// The end of an exponent that may begin at `from`.
    fn exponent_end(&self, from: usize) -> Option<usize> {
        if !matches!(self.byte(from), Some(b'e' | b'E')) {
            return None;
        }
        let sign = usize::from(matches!(self.byte(from + 1), Some(b'+' | b'-')));
        let digits = from + 1 + sign;
        self.byte(digits).filter(u8::is_ascii_digit).map(|_| self.digits_end(digits))
    }

    /// A number; an identifier with a digit in front; or, right behind a dot, an identifier.
    fn digits(&mut self, start: usize) -> Token {
        if self.word_after == start {
            return self.word(start);
        }
        let end = self.digits_end(start);
        if self.byte(end) == Some(b'.') {
            return self.fraction(start, end + 1);
        }
        if let Some(end) = self.exponent_end(end) {
            return self.token(Kind::Number, start, end);
        }
        if !self.byte(end).is_some_and(in_word) {
            return self.token(Kind::Number, start, end);
        }
        // `0x1F`, `1st`: a dot behind the latter parts identifiers.
        let end = self.word_end(end);
        self.dot_after = end;
        self.token(Kind::Number, start, end)
    }

    /// The rest of a number whose dot lies before `from`.
    fn fraction(&mut self, start: usize, from: usize) -> Token {
        let end = self.digits_end(from);
        if let Some(end) = self.exponent_end(end) {
            return self.token(Kind::Number, start, end);
        }
        // After `1.e` without digits the servers' lexers drop what they read so far.
        self.doubt |= matches!(self.byte(end), Some(b'e' | b'E'));
        self.token(Kind::Number, start, end)
    }

    fn dot(&mut self, start: usize) -> Token {
        let digit = self.byte(start + 1).is_some_and(|byte| byte.is_ascii_digit());
        if digit && self.dot_after != start {
            return self.fraction(start, start + 1);
        }
        self.word_after = start + 1;
        self.token(Kind::Dot, start, start + 1)
    }

    /// The end of a quotation in which only the doubled quote stands for itself.
    fn doubled_end(&self, mut from: usize, quote: u8) -> usize {
        while let Some(found) = memchr(quote, self.from(from)) {
            from += found + 1;
            if self.byte(from) != Some(quote) {
                return from;
            }
            from += 1;
        }
        self.text.len()
    }

    /// The end of a string whose opening quote lies before `from`.
    fn string_end(&self, mut from: usize, quote: u8) -> usize {
        if self.dialect.no_backslash_escapes {
            return self.doubled_end(from, quote);
        }
        while let Some(found) = memchr2(quote, b'\\', self.from(from)) {
            from += found + 1;
            if self.byte(from - 1) == Some(quote) && self.byte(from) != Some(quote) {
                return from;
            }
            from += 1;
        }
        self.text.len()
    }

    fn double_quoted(&self, from: usize) -> (Kind, usize) {
        if self.dialect.ansi_quotes {
            (Kind::Quoted, self.doubled_end(from, b'"'))
        } else {
            (Kind::Str, self.string_end(from, b'"'))
        }
    }

    fn user_variable(&mut self, start: usize) -> Token {
        let from = start + 1;
        let end = match self.byte(from) {
            Some(b'\'') => self.string_end(from + 1, b'\''),
            Some(b'"') => self.double_quoted(from + 1).1,
            Some(b'`') => self.doubled_end(from + 1, b'`'),
            _ => {
                let rest = self.from(from);
                let name = |byte: &u8| !(in_word(*byte) || *byte == b'.');
                from + rest.iter().position(name).unwrap_or(rest.len())
            }
        };
        self.token(Kind::UserVariable, start, end)
    }

    fn system_variable(&mut self, start: usize) -> Token {
        let mut end = start + 2;
        loop {
            end = match self.byte(end) {
                Some(b'`') => self.doubled_end(end + 1, b'`'),
                _ => self.word_end(end),
            };
            let next = self.byte(end + 1);
            if self.byte(end) != Some(b'.')
                || !next.is_some_and(|byte| in_word(byte) || byte == b'`')
            {
                return self.token(Kind::SystemVariable, start, end);
            }
            end += 1;
        }
    }

    /// Skips a comment that begins at `start`; or returns the token that begins there.
    fn comment(&mut self, start: usize) -> Option<Token> {
        let next = self.byte(start + 1);
        match (self.byte(start), next) {
            (Some(b'#'), _) => self.skip_line(start + 1),
            (Some(b'-'), Some(b'-'))
                if self
                    .byte(start + 2)
                    .is_none_or(|byte| byte == b' ' || byte.is_ascii_control()) =>
            {
                self.skip_line(start + 2);
            }
            (Some(b'/'), Some(b'*')) => return self.block_comment(start),
            (Some(b'*'), Some(b'/')) if self.version_end.is_some() => {
                self.doubt |= self.version_end.take() != Some(start);
                return Some(self.token(Kind::VersionClose, start, start + 2));
            }
            _ => return Some(self.token(Kind::Punct, start, start + 1)),
        }
        None
    }

    fn skip_line(&mut self, from: usize) {
        // The line feed is white space: the next token begins behind it.
        self.at = memchr(b'\n', self.from(from)).map_or(self.text.len(), |found| from + found);
    }

    fn block_comment(&mut self, start: usize) -> Option<Token> {
        let body = start + 2;
        let version = match (self.byte(body), self.byte(body + 1)) {
            (Some(b'!'), _) => Some(body + 1),
            (Some(b'M'), Some(b'!')) => Some(body + 2),
            _ => None,
        };
        let close = memmem::find(self.from(body), b"*/").map(|found| body + found);
        if let Some(from) = version {
            return self.version_comment(start, from, close);
        }
        let end = close.unwrap_or(self.text.len());
        self.at = close.map_or(end, |close| close + 2);
        let content = self.slice(body, end);
        if content.first() == Some(&b'+') {
            // An optimizer hint's strings may hold `*/`.
            self.doubt |= hints::open_quote(content);
        } else {
            self.hint = hints::stronger(self.hint, hints::comment_hint(content));
        }
        None
    }

    /// Opens an executable comment whose version, if any, begins at `from`.
    fn version_comment(
        &mut self,
        start: usize,
        from: usize,
        close: Option<usize>,
    ) -> Option<Token> {
        let digits = self.from(from).iter().take(6).take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        self.at = from + if digits < 5 { 0 } else { digits };
        if self.version_end.is_some() {
            self.doubt = true;
            return None;
        }
        // A server that skips the comment looks for its end from here.
        self.version_end = Some(close.unwrap_or(NOWHERE));
        Some(Token { kind: Kind::VersionOpen, start, end: self.at, bytes: 0 })
    }
}
