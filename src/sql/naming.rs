//! What a statement opens or closes on its connection, by name.
//!
//! Only forms that leave no doubt are read: a name of plain ASCII, a call that stands alone.

use super::scanner::{Kind, Scanner, Token};
use super::statement::Dialect;

/// What lives on a connection under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A temporary table or sequence; its schema is part of the name.
    TemporaryTable,
    /// What GET_LOCK() takes, as often as it is called.
    NamedLock,
    /// A lock on the whole server, which no tracker reports.
    ServerLock,
    /// What HANDLER … OPEN opens.
    Cursor,
    /// What PREPARE … FROM prepares.
    Prepared,
    /// An XA transaction.
    Xa,
}

/// What a statement does to things of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Opens one. `reads`: of a prepared statement, its text.
    Opens {
        /// Its name.
        name: Vec<u8>,
        /// What PREPARE prepares, where that is a plain literal.
        text: Option<Vec<u8>>,
    },
    /// Uses one that is open.
    Uses(Vec<u8>),
    /// Closes these, if it succeeds; none: leaves all as they are.
    Closes(Vec<Vec<u8>>),
    /// Closes all there are, if it succeeds.
    ClosesAll,
    /// Opens what nothing closes for certain.
    Forever,
}

/// What the only statement of `sql` opens or closes; `None`: nothing, or it is not to be known.
/// `schema` is the current one.
pub fn naming(sql: &[u8], dialect: Dialect, schema: Option<&[u8]>) -> Option<(Thing, Naming)> {
    let mut it = Reader::new(sql, dialect, schema);
    let found = it.statement()?;
    (it.sound && !it.scanner.doubt).then_some(found)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    token: Token,
    schema: &'a [u8],
    /// No executable comment so far.
    sound: bool,
}

impl<'a> Reader<'a> {
    fn new(sql: &'a [u8], dialect: Dialect, schema: Option<&'a [u8]>) -> Self {
        let token = Token { kind: Kind::End, start: 0, end: 0, bytes: 0 };
        let scanner = Scanner::new(sql, dialect);
        let mut it = Self { scanner, token, schema: schema.unwrap_or_default(), sound: true };
        it.advance();
        it
    }

    fn advance(&mut self) {
        self.token = self.scanner.next();
        self.sound &= !matches!(self.token.kind, Kind::VersionOpen | Kind::VersionClose);
    }

    fn slice(&self) -> &'a [u8] {
        self.scanner.slice(self.token.start, self.token.end)
    }

    fn is(&self, word: &str) -> bool {
        self.token.kind == Kind::Word && self.slice().eq_ignore_ascii_case(word.as_bytes())
    }

    fn take(&mut self, word: &str) -> bool {
        let same = self.is(word);
        if same {
            self.advance();
        }
        same
    }

    /// Takes all of `words`, or says that they are not there.
    fn take_all(&mut self, words: &[&str]) -> bool {
        words.iter().all(|word| self.take(word))
    }

    fn take_kind(&mut self, kind: Kind) -> bool {
        let same = self.token.kind == kind;
        if same {
            self.advance();
        }
        same
    }

    /// At the end, but for semicolons.
    fn ends(&mut self) -> bool {
        while self.take_kind(Kind::Semicolon) {}
        self.token.kind == Kind::End
    }

    fn statement(&mut self) -> Option<(Thing, Naming)> {
        let opens = |name| Naming::Opens { name, text: None };
        if self.take("CREATE") {
            self.take_all(&["OR", "REPLACE"]);
            if !self.take("TEMPORARY") || !(self.take("TABLE") || self.take("SEQUENCE")) {
                return None;
            }
            self.take_all(&["IF", "NOT", "EXISTS"]);
            return Some((Thing::TemporaryTable, opens(self.table()?)));
        }
        if self.take("DROP") {
            return if self.take("PREPARE") { self.deallocate() } else { self.drop_tables() };
        }
        if self.take("DEALLOCATE") {
            return if self.take("PREPARE") { self.deallocate() } else { None };
        }
        if self.take("PREPARE") {
            return self.prepare();
        }
        if self.take("EXECUTE") {
            let name = self.name()?;
            return (self.is("USING") || self.ends())
                .then_some((Thing::Prepared, Naming::Uses(name)));
        }
        if self.take("HANDLER") {
            return self.cursor();
        }
        if self.take("XA") {
            return Some((Thing::Xa, self.xa()));
        }
        if self.take("SELECT") || self.take("DO") {
            return self.named_lock();
        }
        self.server_lock()
    }

    /// A name without a schema.
    fn name(&mut self) -> Option<Vec<u8>> {
        let name = if self.token.kind == Kind::Word {
            plain(self.slice())?
        } else if self.token.kind == Kind::Quoted {
            quoted(self.slice())?
        } else {
            return None;
        };
        let name = name.to_vec();
        self.advance();
        Some(name)
    }

    /// A table's name, with its schema.
    fn table(&mut self) -> Option<Vec<u8>> {
        let first = self.name()?;
        if !self.take_kind(Kind::Dot) {
            return Some([self.schema, b".", &first].concat());
        }
        Some([&first[..], b".", &self.name()?].concat())
    }

    fn drop_tables(&mut self) -> Option<(Thing, Naming)> {
        self.take("TEMPORARY");
        if !(self.take("TABLE") || self.take("TABLES") || self.take("SEQUENCE")) {
            return None;
        }
        self.take_all(&["IF", "EXISTS"]);
        let mut names = vec![self.table()?];
        while self.take_kind(Kind::Comma) {
            names.push(self.table()?);
        }
        _ = self.take("RESTRICT") || self.take("CASCADE");
        self.ends().then_some((Thing::TemporaryTable, Naming::Closes(names)))
    }

    fn deallocate(&mut self) -> Option<(Thing, Naming)> {
        let name = self.name()?;
        self.ends().then(|| (Thing::Prepared, Naming::Closes(vec![name])))
    }

    fn prepare(&mut self) -> Option<(Thing, Naming)> {
        let name = self.name()?;
        if !self.take("FROM") {
            return None;
        }
        let is_literal = self.token.kind == Kind::Str;
        let text = is_literal.then(|| quoted(self.slice())).flatten().map(<[u8]>::to_vec);
        Some((Thing::Prepared, Naming::Opens { name, text }))
    }

    /// `HANDLER t OPEN [[AS] h]`, `HANDLER h READ …`, `HANDLER h CLOSE`.
    fn cursor(&mut self) -> Option<(Thing, Naming)> {
        let name = self.name()?;
        if self.take("OPEN") {
            self.take("AS");
            let name = if self.ends() { name } else { self.name()? };
            return Some((Thing::Cursor, Naming::Opens { name, text: None }));
        }
        if self.take("CLOSE") {
            return self.ends().then(|| (Thing::Cursor, Naming::Closes(vec![name])));
        }
        self.is("READ").then_some((Thing::Cursor, Naming::Uses(name)))
    }

    /// A connection has at most one: which is said by neither name nor number. (A COMMIT or
    /// ROLLBACK of another's fails while it has one, seen on both servers.)
    fn xa(&mut self) -> Naming {
        if self.is("COMMIT") || self.is("ROLLBACK") {
            Naming::ClosesAll
        } else if self.is("RECOVER") {
            Naming::Closes(Vec::new())
        } else if self.is("START") || self.is("BEGIN") {
            Naming::Opens { name: Vec::new(), text: None }
        } else {
            Naming::Uses(Vec::new())
        }
    }

    /// One call that stands alone, behind SELECT or DO.
    fn named_lock(&mut self) -> Option<(Thing, Naming)> {
        let call = self.slice().to_ascii_lowercase();
        if call.starts_with(b"service_get") {
            return Some((Thing::NamedLock, Naming::Forever));
        }
        self.advance();
        if !self.take_kind(Kind::Open) {
            return None;
        }
        let mut name = None;
        if self.token.kind == Kind::Str {
            name = Some(quoted(self.slice())?.to_vec());
            self.advance();
        }
        if call == b"get_lock" && self.take_kind(Kind::Comma) {
            self.take_kind(Kind::Punct);
            self.take_kind(Kind::Number);
        }
        if !self.take_kind(Kind::Close) {
            return None;
        }
        self.take("AS");
        if !self.ends() {
            self.name()?;
            if !self.ends() {
                return None;
            }
        }
        let naming = match (call.as_slice(), name) {
            (b"get_lock", Some(name)) => Naming::Opens { name, text: None },
            (b"release_lock", Some(name)) => Naming::Closes(vec![name]),
            (b"release_all_locks", None) => Naming::ClosesAll,
            _ => return None,
        };
        Some((Thing::NamedLock, naming))
    }

    fn server_lock(&mut self) -> Option<(Thing, Naming)> {
        let opens = |name: &str| Naming::Opens { name: name.into(), text: None };
        let closes = |name: &str| Naming::Closes(vec![name.into()]);
        let naming = if self.take("FLUSH") {
            _ = self.take("LOCAL") || self.take("NO_WRITE_TO_BINLOG");
            let tables = self.take("TABLES") || self.take("TABLE");
            if !(tables && self.take_all(&["WITH", "READ", "LOCK"])) {
                return None;
            }
            opens("read")
        } else if self.take("LOCK") {
            if !self.take("INSTANCE") {
                return None;
            }
            return Some((Thing::ServerLock, opens("instance")));
        } else if self.take("UNLOCK") {
            if self.take("INSTANCE") { closes("instance") } else { closes("read") }
        } else if self.take("BACKUP") {
            if self.take("UNLOCK") {
                closes("backup")
            } else if self.take("LOCK") {
                return Some((Thing::ServerLock, opens("backup")));
            } else if self.take_all(&["STAGE", "END"]) {
                closes("stage")
            } else {
                self.advance();
                opens("stage")
            }
        } else {
            return None;
        };
        if matches!(naming, Naming::Closes(_)) {
            _ = self.take("TABLES") || self.take("TABLE");
        }
        self.ends().then_some((Thing::ServerLock, naming))
    }
}

/// What stands between quotes, if it is plain.
fn quoted(token: &[u8]) -> Option<&[u8]> {
    let (quote, rest) = token.split_first()?;
    let (last, inner) = rest.split_last()?;
    (quote == last && !inner.contains(quote) && !inner.contains(&b'\\')).then(|| plain(inner))?
}

/// Bytes that mean the same in every character set that a client may have.
fn plain(name: &[u8]) -> Option<&[u8]> {
    name.is_ascii().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Option<(Thing, Naming)> {
        naming(sql.as_bytes(), Dialect::default(), Some(b"s"))
    }

    fn opens(thing: Thing, name: &str) -> Option<(Thing, Naming)> {
        Some((thing, Naming::Opens { name: name.into(), text: None }))
    }

    fn closes(thing: Thing, names: &[&str]) -> Option<(Thing, Naming)> {
        Some((thing, Naming::Closes(names.iter().map(|name| name.as_bytes().to_vec()).collect())))
    }

    #[test]
    fn tables() {
        const TABLE: Thing = Thing::TemporaryTable;
        for (sql, expected) in [
            ("CREATE TEMPORARY TABLE t (a INT)", opens(TABLE, "s.t")),
            (
                "create or replace temporary table if not exists `x y` as select 1",
                opens(TABLE, "s.x y"),
            ),
            ("CREATE TEMPORARY TABLE d . `t` LIKE u", opens(TABLE, "d.t")),
            ("CREATE TEMPORARY SEQUENCE q", opens(TABLE, "s.q")),
            ("CREATE TABLE t (a INT)", None),
            ("CREATE TEMPORARY TABLE `a``b` (a INT)", None),
            ("CREATE TEMPORARY TABLE tä (a INT)", None),
            ("/*!40000 CREATE TEMPORARY TABLE t (a INT) */", None),
            ("CREATE /*!32302 TEMPORARY */ TABLE t (a INT)", None),
            ("DROP TEMPORARY TABLE t", closes(TABLE, &["s.t"])),
            ("drop table if exists t, d.u , `v` cascade ;", closes(TABLE, &["s.t", "d.u", "s.v"])),
            ("DROP TABLES a", closes(TABLE, &["s.a"])),
            ("DROP TEMPORARY TABLE t WAIT 5", None),
            ("DROP VIEW t", None),
            ("DROP TABLE", None),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn locks() {
        const LOCK: Thing = Thing::NamedLock;
        for (sql, expected) in [
            ("SELECT GET_LOCK('a', 10)", opens(LOCK, "a")),
            ("DO get_lock(\"a\", -1);", opens(LOCK, "a")),
            ("SELECT GET_LOCK('a', 0.5) AS t1", opens(LOCK, "a")),
            ("SELECT GET_LOCK('a', 1) FROM t", None),
            ("SELECT GET_LOCK('a', 1), GET_LOCK('b', 1)", None),
            ("SELECT GET_LOCK(CONCAT('a'), 1)", None),
            ("SELECT GET_LOCK('a''b', 1)", None),
            ("SELECT GET_LOCK(?, 1)", None),
            ("SELECT RELEASE_LOCK('a')", closes(LOCK, &["a"])),
            ("DO RELEASE_LOCK('a')", closes(LOCK, &["a"])),
            ("SELECT RELEASE_LOCK('a') LIMIT 0", None),
            ("SELECT RELEASE_LOCK('a') OR 1", None),
            ("SELECT RELEASE_LOCK(NULL)", None),
            ("SELECT RELEASE_ALL_LOCKS()", Some((LOCK, Naming::ClosesAll))),
            ("SELECT RELEASE_ALL_LOCKS() AS `all`", Some((LOCK, Naming::ClosesAll))),
            ("SELECT service_get_read_locks('a', 'b', 1)", Some((LOCK, Naming::Forever))),
            ("SELECT IS_FREE_LOCK('a')", None),
            ("FLUSH TABLES WITH READ LOCK", opens(Thing::ServerLock, "read")),
            ("FLUSH TABLES t WITH READ LOCK", None),
            ("UNLOCK TABLES", closes(Thing::ServerLock, &["read"])),
            ("LOCK INSTANCE FOR BACKUP", opens(Thing::ServerLock, "instance")),
            ("UNLOCK INSTANCE", closes(Thing::ServerLock, &["instance"])),
            ("LOCK TABLES t READ", None),
            ("BACKUP STAGE START", opens(Thing::ServerLock, "stage")),
            ("BACKUP STAGE END", closes(Thing::ServerLock, &["stage"])),
            ("BACKUP LOCK s.t", opens(Thing::ServerLock, "backup")),
            ("BACKUP UNLOCK", closes(Thing::ServerLock, &["backup"])),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn the_rest() {
        let prepares = |text: Option<&str>| {
            let text = text.map(|text| text.as_bytes().to_vec());
            Some((Thing::Prepared, Naming::Opens { name: b"p".to_vec(), text }))
        };
        for (sql, expected) in [
            ("HANDLER t OPEN", opens(Thing::Cursor, "t")),
            ("HANDLER t OPEN AS h;", opens(Thing::Cursor, "h")),
            ("HANDLER t OPEN h", opens(Thing::Cursor, "h")),
            ("HANDLER d.t OPEN", None),
            ("HANDLER h READ FIRST", Some((Thing::Cursor, Naming::Uses(b"h".to_vec())))),
            ("HANDLER h CLOSE", closes(Thing::Cursor, &["h"])),
            ("PREPARE p FROM 'SELECT ?'", prepares(Some("SELECT ?"))),
            ("PREPARE p FROM 'SELECT \\'a\\''", prepares(None)),
            ("PREPARE p FROM @a", prepares(None)),
            ("EXECUTE p", Some((Thing::Prepared, Naming::Uses(b"p".to_vec())))),
            ("EXECUTE p USING @a", Some((Thing::Prepared, Naming::Uses(b"p".to_vec())))),
            ("EXECUTE IMMEDIATE 'x'", None),
            ("DEALLOCATE PREPARE p", closes(Thing::Prepared, &["p"])),
            ("DROP PREPARE p", closes(Thing::Prepared, &["p"])),
            ("XA START 'a'", opens(Thing::Xa, "")),
            ("XA END 'a'", Some((Thing::Xa, Naming::Uses(Vec::new())))),
            ("XA COMMIT 'a' ONE PHASE", Some((Thing::Xa, Naming::ClosesAll))),
            ("XA ROLLBACK X'61'", Some((Thing::Xa, Naming::ClosesAll))),
            ("XA RECOVER", closes(Thing::Xa, &[])),
            ("SELECT 1", None),
            ("", None),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }
}
