//! A slow scanner, written from the rules and byte by byte: what the fast one must find.

use crate::sql::Dialect;
use crate::sql::scanner::{Kind, Scanner};

/// A token and whether anything so far left a doubt.
pub(super) type Found = (Kind, usize, usize);

/// What the fast scanner finds.
pub(super) fn fast(text: &[u8], dialect: Dialect) -> (Vec<Found>, bool) {
    let mut scanner = Scanner::new(text, dialect);
    let mut found = Vec::new();
    loop {
        let token = scanner.next();
        if token.kind == Kind::End {
            return (found, scanner.doubt);
        }
        found.push((token.kind, token.start, token.end));
    }
}

struct Slow<'a> {
    text: &'a [u8],
    dialect: Dialect,
    at: usize,
    found: Vec<Found>,
    doubt: bool,
    version_end: Option<usize>,
}

/// What the slow scanner finds.
pub(super) fn slow(text: &[u8], dialect: Dialect) -> (Vec<Found>, bool) {
    let mut slow =
        Slow { text, dialect, at: 0, found: Vec::new(), doubt: false, version_end: None };
    while slow.at < text.len() {
        slow.step();
    }
    if slow.version_end.is_some() {
        slow.doubt = true;
    }
    (slow.found, slow.doubt)
}

fn is_space(byte: u8) -> bool {
    b" \t\n\r\x0b\x0c".contains(&byte)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 128
}

impl Slow<'_> {
    fn sees(&self, prefix: &str) -> bool {
        self.text[self.at..].starts_with(prefix.as_bytes())
    }

    fn byte(&self, offset: usize) -> u8 {
        // NUL is in no rule, so it can stand for the end.
        self.text.get(self.at + offset).copied().unwrap_or(0)
    }

    fn emit(&mut self, kind: Kind, start: usize) {
        self.found.push((kind, start, self.at));
    }

    fn step(&mut self) {
        let start = self.at;
        let byte = self.byte(0);
        if is_space(byte) {
            self.at += 1;
        } else if self.sees("/*!") || self.sees("/*M!") {
            self.version_open(start);
        } else if self.sees("/*") {
            self.plain_comment();
        } else if self.sees("*/") && self.version_end.is_some() {
            if self.version_end != Some(start) {
                self.doubt = true;
            }
            self.version_end = None;
            self.at += 2;
            self.emit(Kind::VersionClose, start);
        } else if self.sees("#") || self.line_comment() {
            while self.at < self.text.len() && self.byte(0) != b'\n' {
                self.at += 1;
            }
        } else if byte == b'\'' || byte == b'"' || byte == b'`' {
            let kind = self.quotation();
            self.emit(kind, start);
        } else if self.sees("@@") {
            self.system_variable(start);
        } else if byte == b'@' {
            self.at += 1;
            if b"'\"`".contains(&self.byte(0)) && self.at < self.text.len() {
                self.quotation();
            } else {
                while self.at < self.text.len() && (is_name(self.byte(0)) || self.byte(0) == b'.') {
                    self.at += 1;
                }
            }
            self.emit(Kind::UserVariable, start);
        } else if byte.is_ascii_digit() && !self.behind_joining_dot() {
            self.number(start);
        } else if byte == b'.' && self.byte(1).is_ascii_digit() && !self.joins() {
            self.at += 1;
            self.fraction(start);
        } else if is_name(byte) {
            self.name(start);
        } else {
            self.punctuation(start);
        }
    }

    fn line_comment(&self) -> bool {
        let end = self.at + 2 >= self.text.len();
        self.sees("--") && (end || self.byte(2) <= b' ' || self.byte(2) == 127)
    }

    fn version_open(&mut self, start: usize) {
        self.at += if self.sees("/*!") { 3 } else { 4 };
        let body = start + 2;
        let mut digits = 0;
        while digits < 6 && self.byte(digits).is_ascii_digit() {
            digits += 1;
        }
        if digits >= 5 {
            self.at += digits;
        }
        if self.version_end.is_some() {
            self.doubt = true;
            return;
        }
        let close = (body..self.text.len()).find(|&at| self.text[at..].starts_with(b"*/"));
        self.version_end = Some(close.unwrap_or(usize::MAX));
        self.emit(Kind::VersionOpen, start);
    }

    fn plain_comment(&mut self) {
        let body = self.at + 2;
        self.at = body;
        while self.at < self.text.len() && !self.sees("*/") {
            self.at += 1;
        }
        let content = &self.text[body..self.at];
        if content.starts_with(b"+") {
            let mut quote = 0;
            for &byte in content {
                self.doubt |= byte == b'\\';
                if quote == 0 && b"'\"`".contains(&byte) {
                    quote = byte;
                } else if quote == byte {
                    quote = 0;
                }
            }
            self.doubt |= quote != 0;
        }
        self.at = (self.at + 2).min(self.text.len());
    }

    /// Reads a quotation of any kind, from its opening quote.
    fn quotation(&mut self) -> Kind {
        let quote = self.byte(0);
        let name = quote == b'`' || quote == b'"' && self.dialect.ansi_quotes;
        let escapes = !name && !self.dialect.no_backslash_escapes;
        self.at += 1;
        while self.at < self.text.len() {
            let byte = self.byte(0);
            if escapes && byte == b'\\' || byte == quote && self.byte(1) == quote {
                self.at += 2;
            } else if byte == quote {
                self.at += 1;
                break;
            } else {
                self.at += 1;
            }
        }
        self.at = self.at.min(self.text.len());
        if name { Kind::Quoted } else { Kind::Str }
    }

    fn system_variable(&mut self, start: usize) {
        self.at += 2;
        loop {
            if self.byte(0) == b'`' {
                self.quotation();
            } else {
                while self.at < self.text.len() && is_name(self.byte(0)) {
                    self.at += 1;
                }
            }
            if self.byte(0) == b'.' && (is_name(self.byte(1)) || self.byte(1) == b'`') {
                self.at += 1;
            } else {
                return self.emit(Kind::SystemVariable, start);
            }
        }
    }

    /// The token before ends right here and is an identifier without quotes.
    fn joins(&self) -> bool {
        self.found.last().is_some_and(|&(kind, start, end)| {
            let identifier = match kind {
                Kind::Word => true,
                Kind::Number => self.number_is_name(start, end),
                _ => false,
            };
            end == self.at && identifier
        })
    }

    /// `1abc`, `0x1F`, but not `1`, `1.5`, `1e5`, `\N`.
    fn number_is_name(&self, start: usize, end: usize) -> bool {
        let text = &self.text[start..end];
        text.iter().all(|&byte| is_name(byte))
            && !text.iter().all(u8::is_ascii_digit)
            && !is_float(text)
    }

    /// Right behind a dot that follows an identifier.
    fn behind_joining_dot(&self) -> bool {
        self.found.last().is_some_and(|&(kind, _, end)| kind == Kind::Dot && end == self.at)
    }

    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit() {
            self.at += 1;
        }
    }

    fn exponent(&mut self) -> bool {
        let sign = usize::from(b"+-".contains(&self.byte(1)) && self.at + 1 < self.text.len());
        let exponent = b"eE".contains(&self.byte(0)) && self.byte(1 + sign).is_ascii_digit();
        if exponent && self.at < self.text.len() {
            self.at += 1 + sign;
            self.digits();
            return true;
        }
        false
    }

    fn number(&mut self, start: usize) {
        self.digits();
        if self.byte(0) == b'.' {
            self.at += 1;
            return self.fraction(start);
        }
        if !self.exponent() {
            while self.at < self.text.len() && is_name(self.byte(0)) {
                self.at += 1;
            }
        }
        self.emit(Kind::Number, start);
    }

    fn fraction(&mut self, start: usize) {
        self.digits();
        if !self.exponent() && matches!(self.byte(0), b'e' | b'E') {
            self.doubt = true;
        }
        self.emit(Kind::Number, start);
    }

    fn name(&mut self, start: usize) {
        while self.at < self.text.len() && is_name(self.byte(0)) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        if text[0] == b'$' && text[1..].contains(&b'$') && !self.dialect.mariadb {
            self.doubt = true;
        }
        self.emit(Kind::Word, start);
    }

    fn punctuation(&mut self, start: usize) {
        let (kind, len) = match (self.byte(0), self.byte(1)) {
            (b'(', _) => (Kind::Open, 1),
            (b')', _) => (Kind::Close, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'.', _) => (Kind::Dot, 1),
            (b'=', _) => (Kind::Equals, 1),
            (b';', _) => (Kind::Semicolon, 1),
            (b':', b'=') => (Kind::Assign, 2),
            (b'\\', b'N') => (Kind::Number, 2),
            (byte, _) => {
                self.doubt |= byte == b'[';
                (Kind::Punct, 1)
            }
        };
        self.at += len;
        self.emit(kind, start);
    }
}

/// Digits, `e`, digits: a number that ends there.
fn is_float(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |&byte| byte == b'e' || byte == b'E');
    let digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
    };
    digits(parts.next()) && digits(parts.next())
}
