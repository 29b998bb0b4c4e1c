//! Which connection a `KILL` names.

use super::scanner::{Kind, Scanner, Token};
use super::statement::Dialect;

/// What `KILL` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KillTarget {
    /// The connection's id, as the client knows it (or the query's, with `by_query_id`).
    pub id: u64,
    /// `KILL QUERY`: the connection lives on.
    pub query_only: bool,
    /// MariaDB's `KILL QUERY ID n`: `id` is a query's.
    pub by_query_id: bool,
    /// MariaDB's `KILL SOFT`: does not interrupt what would leave a table inconsistent.
    pub soft: bool,
}

/// The target of a `KILL` with a literal id; `None` for any other text: `KILL USER`, an
/// expression, several statements.
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
    let by_query_id = query_only && words.take(b"ID");
    if words.token.kind != Kind::Number {
        return None;
    }
    let id = std::str::from_utf8(words.slice()).ok()?.parse().ok()?;
    words.advance();
    while words.token.kind == Kind::Semicolon {
        words.advance();
    }
    (words.token.kind == Kind::End && !words.scanner.doubt).then_some(KillTarget {
        id,
        query_only,
        by_query_id,
        soft,
    })
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

    /// Reads on if the token at hand is `word`.
    fn take(&mut self, word: &[u8]) -> bool {
        let same = self.token.kind == Kind::Word && self.slice().eq_ignore_ascii_case(word);
        if same {
            self.advance();
        }
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_manuals() {
        let target = |id| KillTarget { id, query_only: false, by_query_id: false, soft: false };
        for (sql, expected) in [
            ("KILL 5", Some(target(5))),
            ("kill connection 18446744073709551615;;", Some(target(u64::MAX))),
            ("KILL QUERY 7", Some(KillTarget { query_only: true, ..target(7) })),
            ("KILL HARD CONNECTION 7", Some(target(7))),
            ("KILL SOFT 7", Some(KillTarget { soft: true, ..target(7) })),
            (
                "KILL SOFT QUERY ID 7",
                Some(KillTarget { query_only: true, by_query_id: true, soft: true, ..target(7) }),
            ),
            ("/* x */ KILL -- y\n 5", Some(target(5))),
            ("KILL USER bob", None),
            ("KILL QUERY USER bob@localhost", None),
            ("KILL @a", None),
            ("KILL CONNECTION_ID()", None),
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
