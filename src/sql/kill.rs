//! Which connection a `KILL` names.

use super::scanner::{Kind, Scanner, Token};
use super::statement::Dialect;

/// Whom a `KILL` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KillWhom {
    /// A connection, by the id that the client knows.
    Connection(u64),
    /// The one that asks: `KILL CONNECTION_ID()`.
    Own,
    /// MariaDB's `KILL USER name`, on whatever host: every connection of that account.
    User(Vec<u8>),
    /// MariaDB's `KILL QUERY ID n`: whatever runs the query of that number.
    QueryId(u64),
}

/// What `KILL` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillTarget {
    /// Who is to be killed.
    pub whom: KillWhom,
    /// `KILL QUERY`: the connection lives on.
    pub query_only: bool,
    /// MariaDB's `KILL SOFT`: does not interrupt what would leave a table inconsistent.
    pub soft: bool,
}

/// The target of a `KILL`; `None` for any other text: another expression than a number, an
/// account on one host, several statements.
pub fn kill_target(sql: &[u8], dialect: Dialect) -> Option<KillTarget> {
    let mut words = Words { scanner: Scanner::new(sql, dialect), token: NONE };
    words.advance();
    if !words.take(b"KILL") {
        return None;
    }
    let soft = words.take(b"SOFT");
    if !soft {
        words.take(b"HARD");
    }
    let query_only = words.take(b"QUERY");
    if !query_only {
        words.take(b"CONNECTION");
    }
    let whom = words.whom(query_only)?;
    while words.token.kind == Kind::Semicolon {
        words.advance();
    }
    let ends = words.token.kind == Kind::End && !words.scanner.doubt;
    ends.then_some(KillTarget { whom, query_only, soft })
}

const NONE: Token = Token { kind: Kind::End, start: 0, end: 0, bytes: 0 };

struct Words<'a> {
    scanner: Scanner<'a>,
    token: Token,
}

impl Words<'_> {
    fn advance(&mut self) {
        self.token = self.scanner.next();
    }

    fn slice(&self) -> &[u8] {
        self.scanner.slice(self.token.start, self.token.end)
    }

    fn whom(&mut self, query_only: bool) -> Option<KillWhom> {
        if self.take(b"CONNECTION_ID") {
            return (self.take_kind(Kind::Open) && self.take_kind(Kind::Close))
                .then_some(KillWhom::Own);
        }
        if self.take(b"USER") {
            return self.user();
        }
        let by_query = query_only && self.take(b"ID");
        if self.token.kind != Kind::Number {
            return None;
        }
        let id = std::str::from_utf8(self.slice()).ok()?.parse().ok()?;
        self.advance();
        Some(if by_query { KillWhom::QueryId(id) } else { KillWhom::Connection(id) })
    }

    fn user(&mut self) -> Option<KillWhom> {
        let is_word = self.token.kind == Kind::Word;
        let name = if is_word { self.slice() } else { unquoted(self.slice())? };
        if is_word && name.eq_ignore_ascii_case(b"CURRENT_USER") {
            return None;
        }
        let name = name.to_vec();
        self.advance();
        if self.token.kind == Kind::UserVariable {
            if !matches!(self.slice(), b"@'%'" | b"@`%`" | b"@\"%\"") {
                return None;
            }
            self.advance();
        }
        Some(KillWhom::User(name))
    }

    fn take_kind(&mut self, kind: Kind) -> bool {
        let same = self.token.kind == kind;
        if same {
            self.advance();
        }
        same
    }

    /// Reads on if the token at hand is `word`.
    fn take(&mut self, word: &[u8]) -> bool {
        let same = self.token.kind == Kind::Word && self.slice().eq_ignore_ascii_case(word);
        if same {
            self.advance();
        }
        same
    }
}

/// What stands between quotes, if nothing there needs a second look.
fn unquoted(token: &[u8]) -> Option<&[u8]> {
    let (&quote, rest) = token.split_first()?;
    let (&last, inner) = rest.split_last()?;
    let quotes = matches!(quote, b'\'' | b'"' | b'`') && quote == last;
    (quotes && !inner.contains(&quote) && !inner.contains(&b'\\')).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_manuals() {
        let of = |whom| KillTarget { whom, query_only: false, soft: false };
        let target = |id| of(KillWhom::Connection(id));
        let user = |name: &str| of(KillWhom::User(name.into()));
        for (sql, expected) in [
            ("KILL 5", Some(target(5))),
            ("kill connection 18446744073709551615;;", Some(target(u64::MAX))),
            ("KILL QUERY 7", Some(KillTarget { query_only: true, ..target(7) })),
            ("KILL HARD CONNECTION 7", Some(target(7))),
            ("KILL SOFT 7", Some(KillTarget { soft: true, ..target(7) })),
            (
                "KILL SOFT QUERY ID 7",
                Some(KillTarget { whom: KillWhom::QueryId(7), query_only: true, soft: true }),
            ),
            ("/* x */ KILL -- y\n 5", Some(target(5))),
            ("KILL CONNECTION_ID()", Some(of(KillWhom::Own))),
            (
                "KILL QUERY connection_id ( ) ;",
                Some(KillTarget { query_only: true, ..of(KillWhom::Own) }),
            ),
            ("KILL USER bob", Some(user("bob"))),
            ("KILL USER 'bob x'", Some(user("bob x"))),
            ("KILL USER `bob`@'%'", Some(user("bob"))),
            (
                "KILL SOFT QUERY USER bob;",
                Some(KillTarget { query_only: true, soft: true, ..user("bob") }),
            ),
            ("KILL QUERY USER bob@localhost", None),
            ("KILL USER bob@'10.0.0.1'", None),
            ("KILL USER 'bo''b'", None),
            ("KILL USER CURRENT_USER", None),
            ("KILL USER CURRENT_USER()", None),
            ("KILL USER", None),
            ("KILL USER 5", None),
            ("KILL CONNECTION_ID", None),
            ("KILL CONNECTION_ID()+1", None),
            ("KILL @a", None),
            ("KILL 5; KILL 6", None),
            ("KILL 5 + 1", None),
            ("KILL 99999999999999999999", None),
            ("KILL 1e3", None),
            ("KILL", None),
            ("SELECT 5", None),
            ("/*!99999 KILL */ 5", None),
            ("", None),
        ] {
            assert_eq!(kill_target(sql.as_bytes(), Dialect::default()), expected, "{sql}");
        }
    }
}
