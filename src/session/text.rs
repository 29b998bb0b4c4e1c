//! The few things a session must read out of a statement's text, because neither the trackers
//! nor the traits tell them. Each looks at the text only in the rare case that needs it, and in
//! doubt says so.

use crate::sql::{Statement, Verb};

/// Of a longer text only the ends are searched.
pub(super) const SEARCHED_LEN_MAX: usize = 16 * 1024;

/// What a plain SET or a USE does that a server may not report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hidden {
    /// Nothing.
    Nothing,
    /// `SET NAMES set [COLLATE collation]`.
    Names(Box<Names>),
    /// `USE schema`.
    Schema(Vec<u8>),
    /// A collation that is not to be read: SET CHARACTER SET takes the schema's.
    Unreadable,
}

/// What `SET NAMES` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// The character set.
    pub(super) set: Vec<u8>,
    /// The collation, where one is named: no server reports it.
    pub(super) collation: Option<Vec<u8>>,
}

impl Hidden {
    fn names(set: &[u8], collation: Option<Vec<u8>>) -> Self {
        Self::Names(Box::new(Names { set: set.to_vec(), collation }))
    }
}

/// Looks for what a plain SET or a USE hides. `untracked`: the server reports nothing at all.
pub(super) fn hidden(statement: &Statement, sql: &[u8], untracked: bool) -> Hidden {
    if statement.verb == Verb::Use && statement.statements == 1 {
        if !untracked {
            return Hidden::Nothing;
        }
        let name = words(sql, [b"use"]).and_then(|rest| single(&rest).map(<[u8]>::to_vec));
        return name.map_or(Hidden::Unreadable, Hidden::Schema);
    }
    let unread = untracked || has_word(sql, b"collate") || has_character_set(sql);
    if !unread {
        return Hidden::Nothing;
    }
    let read = if untracked { names(sql) } else { names(sql).or_else(|| names_among(sql)) };
    read.unwrap_or(Hidden::Unreadable)
}

/// `SET CHARACTER SET x` or `SET CHARSET x`.
fn has_character_set(sql: &[u8]) -> bool {
    has_word(sql, b"character") || has_word(sql, b"charset")
}

/// Reads `SET NAMES x [COLLATE y]` where it is the whole text.
fn names(sql: &[u8]) -> Option<Hidden> {
    let rest = words(sql, [b"set", b"names"])?;
    match rest[..] {
        [set] => Some(Hidden::names(word_or_literal(set)?, None)),
        [set, keyword, collation] if keyword.eq_ignore_ascii_case(b"collate") => {
            let collation = Some(word_or_literal(collation)?.to_vec());
            Some(Hidden::names(word_or_literal(set)?, collation))
        }
        _ => None,
    }
}

/// Reads `NAMES x [COLLATE y]` where it is one of several assignments, and the only one that a
/// server reports in part.
fn names_among(sql: &[u8]) -> Option<Hidden> {
    const NAMES: &[u8] = b"names";
    let at = find_word(sql, NAMES)?;
    let (before, rest) = (sql.get(..at)?, sql.get(at + NAMES.len()..)?);
    let quotes = before.iter().filter(|byte| matches!(byte, b'\'' | b'"' | b'`')).count();
    let begins = before.trim_ascii_end();
    let is_item = begins.ends_with(b",") || begins.eq_ignore_ascii_case(b"set");
    let end = memchr::memchr2(b',', b';', rest).unwrap_or(rest.len());
    let (item, after) = rest.split_at(end);
    let others = [before, after].map(|part| has_word(part, b"collate") || has_character_set(part));
    if quotes % 2 != 0 || !is_item || others.contains(&true) || has_word(after, NAMES) {
        return None;
    }
    names(&[b"SET NAMES ", item].concat())
}

/// The words after `begin`, if the text is a plain list of words that starts with these.
fn words<'a, const N: usize>(sql: &'a [u8], begin: [&[u8]; N]) -> Option<Vec<&'a [u8]>> {
    let text = sql.trim_ascii().strip_suffix(b";").unwrap_or(sql).trim_ascii();
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for expected in begin {
        if !words.next()?.eq_ignore_ascii_case(expected) {
            return None;
        }
    }
    Some(words.collect())
}

fn single<'a>(words: &[&'a [u8]]) -> Option<&'a [u8]> {
    let [word] = words else { return None };
    let inner = word.strip_prefix(b"`").and_then(|rest| rest.strip_suffix(b"`")).unwrap_or(word);
    is_word(inner).then_some(inner)
}

/// A bare word, or one in quotes; DEFAULT is neither.
fn word_or_literal(word: &[u8]) -> Option<&[u8]> {
    let quoted = |quote: &[u8]| word.strip_prefix(quote)?.strip_suffix(quote);
    let inner = quoted(b"'").or_else(|| quoted(b"\"")).unwrap_or(word);
    (is_word(inner) && !word.eq_ignore_ascii_case(b"default")).then_some(inner)
}

fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_word_byte(byte))
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Whether `word` (lower case) stands anywhere in `sql` as a whole word.
pub(super) fn has_word(sql: &[u8], word: &[u8]) -> bool {
    find_word(sql, word).is_some()
}

/// Where `word` (lower case) first stands in `sql` as a whole word.
fn find_word(sql: &[u8], word: &[u8]) -> Option<usize> {
    let free = |byte: Option<&u8>| byte.is_none_or(|&byte| !is_word_byte(byte));
    let (&first, len) = (word.first()?, word.len());
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), sql).find(|&at| {
        sql.get(at..at + len).is_some_and(|found| found.eq_ignore_ascii_case(word))
            && free(at.checked_sub(1).and_then(|before| sql.get(before)))
            && free(sql.get(at + len))
    })
}

/// Whether a plain SET sets more than one thing, so that an error may have come half way.
pub(super) fn sets_several(sql: &[u8]) -> bool {
    memchr::memchr(b',', sql).is_some()
}

/// Whether a SET of an event variable names `last_insert_id` or its synonym.
pub(super) fn names_insert_id(sql: &[u8]) -> bool {
    has_word(sql, b"last_insert_id") || has_word(sql, b"identity")
}

/// Whether MariaDB leaves its list of warnings as it is when it runs this: it empties the list
/// only for statements that use a table (seen on 10.11).
pub(super) fn keeps_warnings(statement: &Statement, sql: &[u8]) -> bool {
    let verb = statement.verb;
    if matches!(verb, Verb::Select | Verb::With | Verb::Values | Verb::Do | Verb::Set) {
        !has_word(sql, b"from")
    } else if verb == Verb::Show {
        // More may be held than need be, never less.
        show_keeps_found_rows(sql) || has_word(sql, b"count")
    } else if matches!(verb, Verb::Create | Verb::Alter | Verb::Drop) {
        const NO_TABLES: [&[u8]; 7] =
            [b"database", b"schema", b"procedure", b"function", b"user", b"role", b"event"];
        NO_TABLES.iter().any(|word| has_word(sql, word))
    } else {
        matches!(
            verb,
            Verb::Use
                | Verb::Begin
                | Verb::Commit
                | Verb::Rollback
                | Verb::Savepoint
                | Verb::Diagnostics
                | Verb::Empty
                | Verb::Lock
                | Verb::Unlock
                | Verb::Do
                | Verb::Prepare
                | Verb::Deallocate
                | Verb::Kill
                | Verb::Xa
                | Verb::Call
                | Verb::Execute
                | Verb::Flush
                | Verb::Explain
                | Verb::Help
                | Verb::Compound
        )
    }
}

/// Whether a COMMIT or ROLLBACK does what `completion_type` says as to the connection.
pub(super) fn leaves_release_open(sql: &[u8]) -> bool {
    !has_word(sql, b"release")
}

/// Whether an INSERT or REPLACE may set LAST_INSERT_ID() without its reply saying so: RETURNING
/// answers with rows, IGNORE may make an id and no row (seen on MariaDB 10.11).
pub(super) fn may_hide_insert_id(sql: &[u8]) -> bool {
    let head = sql.get(..SEARCHED_LEN_MAX).unwrap_or(sql);
    let tail = sql.split_at(sql.len().saturating_sub(SEARCHED_LEN_MAX)).1;
    has_word(head, b"ignore") || has_word(tail, b"returning") || has_word(tail, b"duplicate")
}

/// Whether a SHOW is answered without a query on `information_schema`, so that FOUND_ROWS() stays
/// as it is.
pub(super) fn show_keeps_found_rows(sql: &[u8]) -> bool {
    const KEEPING: [&[u8]; 16] = [
        b"warnings",
        b"errors",
        b"create",
        b"grants",
        b"binary",
        b"binlog",
        b"master",
        b"slave",
        b"replica",
        b"replicas",
        b"relaylog",
        b"engine",
        b"privileges",
        b"processlist",
        b"profile",
        b"explain",
    ];
    let mut words = sql
        .split(|byte| !is_word_byte(*byte))
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_ascii_lowercase)
        .skip_while(|word| word != b"show")
        .skip(1)
        .skip_while(|word| [&b"full"[..], b"all"].contains(&word.as_slice()));
    words.next().is_some_and(|word| KEEPING.contains(&word.as_slice()))
}

/// Whether there may be a LIMIT in it.
pub(super) fn limits(sql: &[u8]) -> bool {
    has_word(sql, b"limit")
}

/// Whether an EXPLAIN, DESCRIBE or DESC is of a statement, not of a table.
pub(super) fn explains_statement(sql: &[u8]) -> bool {
    const STATEMENTS: [&[u8]; 14] = [
        b"select",
        b"update",
        b"delete",
        b"insert",
        b"replace",
        b"with",
        b"values",
        b"table",
        b"format",
        b"for",
        b"extended",
        b"partitions",
        b"analyze",
        b"all",
    ];
    STATEMENTS.iter().any(|word| has_word(sql, word))
}

/// Whether a write reads rows in a way that sets what `FOUND_ROWS()` answers, which its OK does
/// not tell (seen on MariaDB 10.11: UPDATE with a join, INSERT … SELECT).
pub(super) fn finds_rows(verb: Verb, sql: &[u8]) -> bool {
    let head = sql.get(..SEARCHED_LEN_MAX).unwrap_or(sql);
    let has = |words: &[&[u8]]| words.iter().any(|word| has_word(head, word));
    if matches!(verb, Verb::Insert | Verb::Replace) {
        has(&[b"select", b"table", b"with"])
    } else if verb == Verb::Update {
        // A list of tables ends at SET.
        let set = find_word(head, b"set");
        let lists = |set: usize| memchr::memchr(b',', head.split_at(set).0).is_some();
        has(&[b"select", b"join"]) || set.is_none_or(lists)
    } else if verb == Verb::Delete {
        let mut words = head.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let from = words.nth(1).is_some_and(|word| word.eq_ignore_ascii_case(b"from"));
        has(&[b"select", b"join", b"using"]) || !from
    } else if verb == Verb::Create {
        let stored: [&[u8]; 5] = [b"view", b"procedure", b"function", b"trigger", b"event"];
        has(&[b"select"]) && !has(&stored)
    } else if verb == Verb::Set {
        has(&[b"select"]) && !selects_one_constant(head)
    } else {
        matches!(verb, Verb::Do | Verb::With) && has(&[b"select"])
    }
}

/// `(SELECT a)`, of which MariaDB makes a constant. sqlx sets `sql_mode` so at each login.
fn selects_one_constant(sql: &[u8]) -> bool {
    const MORE: [&[u8]; 9] = [
        b"select",
        b"from",
        b"union",
        b"except",
        b"intersect",
        b"where",
        b"having",
        b"limit",
        b"group",
    ];
    let at = find_word(sql, b"select").unwrap_or_default();
    let rest = sql.get(at + b"select".len()..).unwrap_or_default();
    !MORE.iter().any(|word| has_word(rest, word))
}

/// Whether one of several statements may make what was counted late the answer.
pub(super) fn may_take_over(sql: &[u8]) -> bool {
    const DML: [&[u8]; 3] = [b"insert", b"replace", b"delete"];
    DML.iter().any(|word| has_word(sql, word))
}

/// Whether one of several statements may set what `FOUND_ROWS()` answers.
pub(super) fn may_count_rows(sql: &[u8], mariadb: bool) -> bool {
    const COUNTING: [&[u8]; 12] = [
        b"select",
        b"with",
        b"show",
        b"join",
        b"call",
        b"execute",
        b"explain",
        b"describe",
        b"desc",
        b"analyze",
        b"handler",
        b"help",
    ];
    let also: &[&[u8]] = if mariadb { &[] } else { &[b"update", b"do"] };
    COUNTING.iter().chain(also).any(|word| has_word(sql, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Access, Traits};
    use proptest::prelude::*;

    fn statement(verb: Verb) -> Statement {
        let traits = Traits::PLAIN_SET;
        Statement { verb, access: Access::Write, traits, hint: None, statements: 1 }
    }

    fn set(sql: &str, untracked: bool) -> Hidden {
        hidden(&statement(Verb::Set), sql.as_bytes(), untracked)
    }

    fn names(set: &str, collation: Option<&str>) -> Hidden {
        let collation = collation.map(|name| name.as_bytes().to_vec());
        Hidden::names(set.as_bytes(), collation)
    }

    #[test]
    fn what_a_set_hides() {
        assert_eq!(set("SET NAMES utf8mb4", false), Hidden::Nothing);
        assert_eq!(set("SET sql_mode='', character_set_client=utf8", false), Hidden::Nothing);
        let bin = names("utf8mb4", Some("utf8mb4_bin"));
        assert_eq!(set("set names 'utf8mb4'  COLLATE utf8mb4_bin ;", false), bin);
        assert_eq!(set("SET NAMES utf8mb4 COLLATE utf8mb4_bin, sql_mode=''", false), bin);
        let sqlx = "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',ANSI')),time_zone='+00:00',\
                    NAMES utf8mb4 COLLATE utf8mb4_bin";
        assert_eq!(set(sqlx, false), bin);
        for unreadable in [
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin, NAMES latin1",
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin, CHARACTER SET latin1",
            "SET a='x, NAMES utf8mb4 COLLATE utf8mb4_bin'",
            "SET @names COLLATE utf8mb4_bin",
        ] {
            assert_eq!(set(unreadable, false), Hidden::Unreadable, "{unreadable}");
        }
        assert_eq!(set(sqlx, true), Hidden::Unreadable);
        assert_eq!(set("SET CHARACTER SET utf8mb4", false), Hidden::Unreadable);
        assert_eq!(set("SET CHARSET utf8mb4", false), Hidden::Unreadable);
        assert_eq!(set("SET NAMES utf8", true), names("utf8", None));
        assert_eq!(set("SET NAMES DEFAULT", true), Hidden::Unreadable);
        assert_eq!(set("SET autocommit=0", true), Hidden::Unreadable);
    }

    #[test]
    fn what_a_use_hides() {
        let use_ = |sql: &str, untracked| hidden(&statement(Verb::Use), sql.as_bytes(), untracked);
        assert_eq!(use_("use a", false), Hidden::Nothing);
        assert_eq!(use_("use a", true), Hidden::Schema(b"a".to_vec()));
        assert_eq!(use_("USE `a` ;", true), Hidden::Schema(b"a".to_vec()));
        assert_eq!(use_("USE /* x */ a", true), Hidden::Unreadable);
    }

    #[test]
    fn whole_words() {
        assert!(has_word(b"select FROM", b"from"));
        assert!(has_word(b"x(from)", b"from"));
        assert!(!has_word(b"select fromage, _from", b"from"));
        assert!(!has_word(b"", b"from"));
    }

    #[test]
    fn writes_that_find_rows() {
        for (verb, sql, finds) in [
            (Verb::Insert, "insert into t select * from u", true),
            (Verb::Insert, "insert into t(selected) values (1)", false),
            (Verb::Replace, "REPLACE t TABLE u", true),
            (Verb::Update, "update t set a=1, b=2", false),
            (Verb::Update, "update t join u using (id) set a=1", true),
            (Verb::Update, "update t, u set t.a=1", true),
            (Verb::Update, "update offsets, u set u.a=1", true),
            (Verb::Update, "update offsets set a=1, b=2", false),
            (Verb::Update, "update t set a=(select max(b) from u)", true),
            (Verb::Delete, "delete from t where a=1", false),
            (Verb::Delete, "delete t from t, u", true),
            (Verb::Delete, "delete from t using t, u", true),
            (Verb::Create, "create table t as select 1", true),
            (Verb::Create, "create view v as select 1", false),
            (Verb::Set, "set sql_mode=(select concat(@@sql_mode, ',x')), a=b", false),
            (Verb::Set, "set sql_mode=(select 1 union select 2)", true),
            (Verb::Set, "set sql_mode=(select 1), a=(select 2)", true),
            (Verb::Set, "set sql_mode=(select a from t)", true),
            (Verb::Set, "set sql_mode=''", false),
        ] {
            assert_eq!(finds_rows(verb, sql.as_bytes()), finds, "{sql}");
        }
    }

    #[test]
    fn shows_that_keep_found_rows() {
        for sql in ["show warnings", "SHOW FULL PROCESSLIST", "show /* */ create table t"] {
            assert!(show_keeps_found_rows(sql.as_bytes()), "{sql}");
        }
        for sql in ["show tables", "show full columns from warnings", "show status"] {
            assert!(!show_keeps_found_rows(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn warnings_stay_without_a_table() {
        let keeps = |verb, sql: &str| keeps_warnings(&statement(verb), sql.as_bytes());
        assert!(keeps(Verb::Select, "select 1"));
        assert!(keeps(Verb::Set, "set sql_mode=''"));
        assert!(keeps(Verb::Show, "show count(*) warnings"));
        assert!(keeps(Verb::Drop, "drop database d"));
        assert!(!keeps(Verb::Drop, "drop table t"));
        assert!(keeps(Verb::Xa, "xa start 'a'"));
        assert!(!keeps(Verb::Select, "select * from t"));
        assert!(!keeps(Verb::Show, "show tables"));
        assert!(!keeps(Verb::Insert, "insert into t values (1)"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(sql in prop::collection::vec(any::<u8>(), 0..80)) {
            for verb in [Verb::Set, Verb::Use, Verb::Select, Verb::Show] {
                let statement = statement(verb);
                let _ = hidden(&statement, &sql, true);
                let _ = hidden(&statement, &sql, false);
                let _ = keeps_warnings(&statement, &sql);
            }
        }
    }
}
