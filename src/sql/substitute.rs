//! Puts the session's own answers in place of functions that ask the connection.

use super::functions::{Function, function};
use super::keywords::{Kw, keyword};
use super::scanner::{Kind, Scanner, Token};
use super::statement::Dialect;

/// What to put in; a function whose value is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// For `CONNECTION_ID()`: the id that the proxy gave this client.
    pub connection_id: Option<u64>,
    /// For `ROW_COUNT()`: of the session's last statement; -1 after a result set.
    pub row_count: Option<i64>,
    /// For `FOUND_ROWS()`: of the session's last SELECT.
    pub found_rows: Option<u64>,
}

/// Aliases may have 256 characters, on both servers.
const ALIAS_LEN_MAX: usize = 256;

/// `sql` with the functions replaced; `None` if there is nothing to replace.
///
/// `CONNECTION_ID()` becomes `CAST(n AS UNSIGNED)` wherever it stands; `ROW_COUNT()` and
/// `FOUND_ROWS()` become `IF(1,n,ROW_COUNT())`, in the text's first statement only: further on
/// they speak of the statement before them. Both keep their type, and a column its metadata, on
/// both servers (where n has ten digits, as the ids of sessions have). An item of a select list that held one
/// and has no alias is given its own text for one, so that the column keeps its name. Texts
/// that define something (CREATE, ALTER) are left alone: the function is part of it.
pub fn substitute_functions(sql: &[u8], dialect: Dialect, values: &Values) -> Option<Vec<u8>> {
    let mut rewriter = Rewriter::new(sql, dialect, values);
    rewriter.run();
    rewriter.finish()
}

/// What is known of one level of brackets.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Inside a select list.
    in_list: bool,
    /// Where the item at hand begins.
    item: Option<usize>,
    /// Something in the item was replaced.
    replaced: bool,
    /// Something in an earlier item was.
    replaced_before: bool,
    /// `AS` was in it, outside brackets.
    aliased: bool,
    last: Mark,
    prior: Mark,
}

/// A token of an item.
#[derive(Clone, Copy)]
struct Mark {
    kind: Kind,
    kw: Kw,
    end: usize,
}

impl Default for Mark {
    fn default() -> Self {
        Self { kind: Kind::End, kw: Kw::None, end: 0 }
    }
}

struct Rewriter<'a> {
    sql: &'a [u8],
    scanner: Scanner<'a>,
    dialect: Dialect,
    values: Values,
    out: Vec<u8>,
    /// The text before this is in `out`.
    copied: usize,
    outer: Vec<Level>,
    level: Level,
    /// Tokens of the statement at hand.
    tokens: usize,
    replacements: usize,
    defines: bool,
    after_dot: bool,
}

impl<'a> Rewriter<'a> {
    fn new(sql: &'a [u8], dialect: Dialect, values: &Values) -> Self {
        Self {
            sql,
            scanner: Scanner::new(sql, dialect),
            dialect,
            values: *values,
            out: Vec::new(),
            copied: 0,
            outer: Vec::new(),
            level: Level::default(),
            tokens: 0,
            replacements: 0,
            defines: false,
            after_dot: false,
        }
    }

    fn run(&mut self) {
        loop {
            let token = self.scanner.next();
            match token.kind {
                Kind::End => return self.end_statement(),
                Kind::Semicolon => self.end_statement(),
                Kind::Open => {
                    self.note(token.start, Mark { kind: Kind::Open, kw: Kw::None, end: token.end });
                    self.outer.push(std::mem::take(&mut self.level));
                }
                Kind::Close => self.close(token),
                Kind::Comma => self.end_item(),
                Kind::Word => self.word(token),
                Kind::VersionOpen | Kind::VersionClose => continue,
                Kind::Quoted
                | Kind::Number
                | Kind::Str
                | Kind::UserVariable
                | Kind::SystemVariable
                | Kind::Dot
                | Kind::Equals
                | Kind::Assign
                | Kind::Punct => {
                    self.note(token.start, Mark { kind: token.kind, kw: Kw::None, end: token.end });
                }
            }
            self.tokens += usize::from(token.kind != Kind::Semicolon);
            self.after_dot = token.kind == Kind::Dot;
        }
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        if self.replacements == 0 || self.defines || self.scanner.doubt {
            return None;
        }
        self.copy_to(self.sql.len());
        Some(self.out)
    }

    fn copy_to(&mut self, end: usize) {
        self.out.extend_from_slice(self.sql.get(self.copied..end).unwrap_or_default());
        self.copied = end;
    }

    fn end_statement(&mut self) {
        while let Some(level) = self.outer.pop() {
            self.level = level;
        }
        self.end_item();
        self.level = Level::default();
        if std::mem::take(&mut self.tokens) > 0 {
            self.values.row_count = None;
            self.values.found_rows = None;
        }
    }

    fn close(&mut self, token: Token) {
        self.end_item();
        // The item around the brackets holds what was replaced in them.
        let replaced = self.level.replaced_before;
        if let Some(level) = self.outer.pop() {
            self.level = level;
            self.level.replaced |= replaced;
        }
        self.note(token.start, Mark { kind: Kind::Close, kw: Kw::None, end: token.end });
    }

    fn word(&mut self, token: Token) {
        if self.after_dot {
            return self.note(token.start, Mark { kind: Kind::Word, kw: Kw::None, end: token.end });
        }
        let kw = keyword(self.sql, token.start, token.end);
        self.defines |= self.tokens == 0 && matches!(kw, Kw::Create | Kw::Alter);
        if matches!(kw, Kw::Select | Kw::Returning) {
            self.end_item();
            self.level.in_list = true;
        } else if ends_list(kw) {
            self.end_item();
            self.level.in_list = false;
        } else if !(self.level.item.is_none() && is_option(kw)) {
            self.level.aliased |= kw == Kw::As;
            let end = self.replace(token).unwrap_or(token.end);
            let kind = if end == token.end { Kind::Word } else { Kind::Close };
            self.note(token.start, Mark { kind, kw, end });
        }
    }

    /// Adds a token to the item at hand.
    fn note(&mut self, start: usize, mark: Mark) {
        if self.level.in_list && self.level.item.is_none() {
            self.level.item = Some(start);
        }
        self.level.prior = self.level.last;
        self.level.last = mark;
    }

    /// Ends the item at hand, if any, and names it if need be.
    fn end_item(&mut self) {
        let Level { item, replaced, last, .. } = self.level;
        if let Some(start) = item.filter(|_| replaced && !self.has_alias()) {
            self.copy_to(last.end);
            let text = self.sql.get(start..last.end).unwrap_or_default();
            self.out.extend_from_slice(b" AS `");
            for &byte in text.get(..alias_len(text)).unwrap_or_default() {
                self.out.push(byte);
                if byte == b'`' {
                    self.out.push(byte);
                }
            }
            self.out.push(b'`');
        }
        self.level = Level {
            in_list: self.level.in_list,
            replaced_before: self.level.replaced_before || replaced,
            ..Level::default()
        };
    }

    /// Whether the item at hand ends in an alias: with AS, or a name right behind an operand.
    fn has_alias(&self) -> bool {
        let Level { last, prior, aliased, .. } = self.level;
        let name = match last.kind {
            Kind::Quoted | Kind::Str => true,
            Kind::Word => last.kw == Kw::None,
            Kind::End
            | Kind::Semicolon
            | Kind::Number
            | Kind::UserVariable
            | Kind::SystemVariable
            | Kind::Open
            | Kind::Close
            | Kind::Comma
            | Kind::Dot
            | Kind::Equals
            | Kind::Assign
            | Kind::VersionOpen
            | Kind::VersionClose
            | Kind::Punct => false,
        };
        let operand = match prior.kind {
            Kind::Word => matches!(prior.kw, Kw::None | Kw::Null | Kw::True | Kw::False | Kw::End),
            Kind::Quoted
            | Kind::Number
            | Kind::Str
            | Kind::Close
            | Kind::UserVariable
            | Kind::SystemVariable => true,
            Kind::End
            | Kind::Semicolon
            | Kind::Open
            | Kind::Comma
            | Kind::Dot
            | Kind::Equals
            | Kind::Assign
            | Kind::VersionOpen
            | Kind::VersionClose
            | Kind::Punct => false,
        };
        aliased || name && operand
    }

    /// Replaces the call that begins at `token`, if it is one, and says where it ends.
    fn replace(&mut self, token: Token) -> Option<usize> {
        let function = function(self.sql, token.start, token.end, self.dialect.mariadb);
        let (number, keep) = match function {
            Function::ConnectionId => (self.values.connection_id?.to_string(), false),
            Function::RowCount => (self.values.row_count?.to_string(), true),
            Function::FoundRows => (self.values.found_rows?.to_string(), true),
            Function::Unknown
            | Function::Plain
            | Function::Adjacent
            | Function::Mariadb
            | Function::Mysql
            | Function::Server
            | Function::Lock
            | Function::ReleaseLock
            | Function::LastInsertId
            | Function::NextValue
            | Function::LastValue => return None,
        };
        let mut ahead = self.scanner.clone();
        let open = ahead.next();
        let close = ahead.next();
        if open.kind != Kind::Open || close.kind != Kind::Close {
            return None;
        }
        self.scanner = ahead;
        self.copy_to(token.start);
        let call = self.sql.get(token.start..close.end).unwrap_or_default();
        if keep {
            self.out.extend_from_slice(b"IF(1,");
            self.out.extend_from_slice(number.as_bytes());
            self.out.push(b',');
            self.out.extend_from_slice(call);
            self.out.push(b')');
        } else {
            self.out.extend_from_slice(b"CAST(");
            self.out.extend_from_slice(number.as_bytes());
            self.out.extend_from_slice(b" AS UNSIGNED)");
        }
        self.copied = close.end;
        self.level.replaced = true;
        self.replacements += 1;
        Some(close.end)
    }
}

/// The bytes of `text` that an alias can hold, without half a character at the end.
fn alias_len(text: &[u8]) -> usize {
    let mut len = text.len().min(ALIAS_LEN_MAX);
    while len < text.len() && text.get(len).is_some_and(|byte| byte & 0xC0 == 0x80) {
        len -= 1;
    }
    text.get(..len).unwrap_or_default().trim_ascii_end().len()
}

/// Words that end a select list.
fn ends_list(kw: Kw) -> bool {
    matches!(
        kw,
        Kw::From
            | Kw::Into
            | Kw::Union
            | Kw::Except
            | Kw::Intersect
            | Kw::Where
            | Kw::Having
            | Kw::Limit
            | Kw::Order
            | Kw::Group
            | Kw::Window
            | Kw::For
            | Kw::Lock
            | Kw::Procedure
    )
}

/// Words between SELECT and its list.
fn is_option(kw: Kw) -> bool {
    kw.is_select_option()
        || matches!(kw, Kw::Distinct | Kw::Distinctrow | Kw::All | Kw::SqlCalcFoundRows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(sql: &str) -> Option<String> {
        let values = Values { connection_id: Some(7), row_count: Some(-1), found_rows: Some(3) };
        let dialect = Dialect { mariadb: true, ..Dialect::default() };
        substitute_functions(sql.as_bytes(), dialect, &values)
            .map(|sql| String::from_utf8(sql).unwrap())
    }

    #[test]
    fn columns_keep_their_names() {
        for (sql, expected) in [
            ("SELECT CONNECTION_ID()", "SELECT CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`"),
            ("select connection_id ( ) ;", "select CAST(7 AS UNSIGNED) AS `connection_id ( )` ;"),
            ("SELECT CONNECTION_ID() AS id", "SELECT CAST(7 AS UNSIGNED) AS id"),
            ("SELECT CONNECTION_ID() id, 1", "SELECT CAST(7 AS UNSIGNED) id, 1"),
            ("SELECT CONNECTION_ID() 'id'", "SELECT CAST(7 AS UNSIGNED) 'id'"),
            ("SELECT CONNECTION_ID() `id`", "SELECT CAST(7 AS UNSIGNED) `id`"),
            (
                "SELECT 1+CONNECTION_ID()+`a` FROM t",
                "SELECT 1+CAST(7 AS UNSIGNED)+`a` AS `1+CONNECTION_ID()+``a``` FROM t",
            ),
            (
                "SELECT CONNECTION_ID() IS NULL",
                "SELECT CAST(7 AS UNSIGNED) IS NULL AS `CONNECTION_ID() IS NULL`",
            ),
            (
                "SELECT CONNECTION_ID() LIKE '7'",
                "SELECT CAST(7 AS UNSIGNED) LIKE '7' AS `CONNECTION_ID() LIKE '7'`",
            ),
            ("SELECT ROW_COUNT()", "SELECT IF(1,-1,ROW_COUNT()) AS `ROW_COUNT()`"),
            (
                "SELECT a, FOUND_ROWS(), b FROM t WHERE x=ROW_COUNT()",
                "SELECT a, IF(1,3,FOUND_ROWS()) AS `FOUND_ROWS()`, b FROM t WHERE x=IF(1,-1,ROW_COUNT())",
            ),
            (
                "SELECT DISTINCT ROW_COUNT() LIMIT 1",
                "SELECT DISTINCT IF(1,-1,ROW_COUNT()) AS `ROW_COUNT()` LIMIT 1",
            ),
            ("SELECT ABS(ROW_COUNT())", "SELECT ABS(IF(1,-1,ROW_COUNT())) AS `ABS(ROW_COUNT())`"),
            (
                "SELECT (SELECT CONNECTION_ID()), 1",
                "SELECT (SELECT CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`) AS `(SELECT CONNECTION_ID())`, 1",
            ),
            (
                "SELECT * FROM (SELECT CONNECTION_ID()) t",
                "SELECT * FROM (SELECT CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`) t",
            ),
            (
                "SELECT x FROM (SELECT CONNECTION_ID(), t.a) t",
                "SELECT x FROM (SELECT CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`, t.a) t",
            ),
            (
                "INSERT INTO t VALUES (CONNECTION_ID())",
                "INSERT INTO t VALUES (CAST(7 AS UNSIGNED))",
            ),
            ("DO SLEEP(CONNECTION_ID())", "DO SLEEP(CAST(7 AS UNSIGNED))"),
            (
                "SELECT CONNECTION_ID(); SELECT ROW_COUNT(), CONNECTION_ID()",
                "SELECT CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`; SELECT ROW_COUNT(), CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`",
            ),
            (
                "SELECT ROW_COUNT() UNION SELECT 1",
                "SELECT IF(1,-1,ROW_COUNT()) AS `ROW_COUNT()` UNION SELECT 1",
            ),
            (
                "INSERT INTO t VALUES (1) RETURNING CONNECTION_ID()",
                "INSERT INTO t VALUES (1) RETURNING CAST(7 AS UNSIGNED) AS `CONNECTION_ID()`",
            ),
        ] {
            assert_eq!(substituted(sql).as_deref(), Some(expected), "{sql}");
        }
    }

    #[test]
    fn nothing_to_replace() {
        for sql in [
            "",
            "SELECT 1",
            "SELECT 'CONNECTION_ID()', `CONNECTION_ID()`, connection_id FROM t",
            "SELECT t.CONNECTION_ID()",
            "SELECT CONNECTION_ID(1)",
            "/* CONNECTION_ID() */ SELECT 1 -- CONNECTION_ID()",
            "CREATE VIEW v AS SELECT CONNECTION_ID()",
            "SELECT 1; SELECT ROW_COUNT()",
            "SELECT CONNECTION_ID",
            "((((",
            "))))",
        ] {
            assert_eq!(substituted(sql), None, "{sql}");
        }
    }

    #[test]
    fn long_items_are_cut_between_characters() {
        let sql = format!("SELECT CONNECTION_ID()+'{}'+1", "ä".repeat(200));
        let out = substituted(&sql).unwrap();
        let alias = out.split('`').nth(1).unwrap();
        assert!(alias.len() <= ALIAS_LEN_MAX && alias.ends_with('ä'), "{alias}");
    }
}
