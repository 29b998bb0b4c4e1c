//! The classifier: comments, white space, case and strings change nothing, and in doubt a text is
//! a write.

use lanewire::sql::{
    Access, Dialect, KillTarget, KillWhom, Traits, Values, classify, kill_target,
    substitute_functions,
};

use crate::run::{Random, fuzz};

/// Statements that a replica may run. Where there is a blank, anything blank may stand.
const READS: [&str; 12] = [
    "SELECT 1",
    "SELECT a, b FROM t WHERE b = 1 ORDER BY a LIMIT 5",
    "SELECT COUNT(*), MAX(a) FROM t GROUP BY b HAVING COUNT(*) > 2",
    "SELECT * FROM t LEFT JOIN u ON t.i = u.i",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "WITH c AS (SELECT 1) SELECT * FROM c",
    "SELECT CASE WHEN a IS NULL THEN 0 ELSE a END FROM t",
    "SELECT a FROM t WHERE b IN (SELECT b FROM u)",
    "SHOW TABLES",
    "SHOW CREATE TABLE t",
    "EXPLAIN SELECT a FROM t",
    "DESCRIBE t",
];

/// Statements that no replica may run.
const WRITES: [&str; 24] = [
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "REPLACE INTO t VALUES (1)",
    "SELECT a FROM t FOR UPDATE",
    "SELECT a FROM t LOCK IN SHARE MODE",
    "SELECT * FROM ( SELECT a FROM t FOR UPDATE ) x",
    "SELECT a INTO @x FROM t",
    "SELECT a INTO OUTFILE 'f' FROM t",
    "SELECT @x := 1",
    "SELECT GET_LOCK('a', 1)",
    "SELECT f(1)",
    "SELECT s.f(1)",
    "SELECT NEXTVAL(s)",
    "SELECT SQL_CALC_FOUND_ROWS a FROM t",
    "WITH c AS (SELECT 1) DELETE FROM t",
    "EXPLAIN ANALYZE UPDATE t SET a = 1",
    "CREATE TEMPORARY TABLE t (a INT)",
    "CALL p()",
    "SET @a = 1",
    "LOCK TABLES t READ",
    "DO f(1)",
    "HANDLER t OPEN",
    "BEGIN NOT ATOMIC SELECT 1 ; END",
];

fn dialect(random: &mut Random) -> Dialect {
    Dialect {
        mariadb: random.one_in(2),
        ansi_quotes: random.one_in(3),
        no_backslash_escapes: random.one_in(3),
    }
}

/// What may stand between two words and means nothing.
fn blank(random: &mut Random) -> Vec<u8> {
    let mut inside = random.bytes(30);
    inside.retain(|byte| !b"*!\n\r\0".contains(byte));
    match random.below(7) {
        0 => b"\n".to_vec(),
        1 => b"\t \r\n".to_vec(),
        // Neither an executable comment nor an optimizer hint.
        2 => [b"/* ", &inside[..], b"*/"].concat(),
        3 => [b"-- ", &inside[..], b"\n"].concat(),
        4 => [b"#", &inside[..], b"\n"].concat(),
        5 => b"/**/".to_vec(),
        _ => b" ".to_vec(),
    }
}

/// The same statement in other clothes.
fn dress(random: &mut Random, statement: &str) -> Vec<u8> {
    let mut out = if random.one_in(3) { blank(random) } else { Vec::new() };
    let mut quoted = false;
    for byte in statement.bytes() {
        match byte {
            b' ' if !quoted => out.extend(blank(random)),
            b'\'' => {
                quoted = !quoted;
                out.push(byte);
            }
            _ if !quoted && random.one_in(2) => out.push(byte.to_ascii_lowercase()),
            _ => out.push(byte),
        }
    }
    if random.one_in(4) {
        out.extend(blank(random));
    }
    out
}

/// A string literal of random bytes.
fn literal(random: &mut Random, dialect: Dialect) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in random.bytes(60) {
        match byte {
            b'\'' => out.extend_from_slice(b"''"),
            b'\\' if !dialect.no_backslash_escapes => out.extend_from_slice(b"\\\\"),
            _ => out.push(byte),
        }
    }
    out.push(b'\'');
    out
}

fn shown(sql: &[u8]) -> impl std::fmt::Display + '_ {
    sql.escape_ascii()
}

#[test]
fn clothes_change_nothing() {
    fuzz("clothes_change_nothing", |random| {
        let dialect = dialect(random);
        let (statement, access) = if random.one_in(2) {
            (random.pick(&READS), Access::Read)
        } else {
            (random.pick(&WRITES), Access::Write)
        };
        let plain = classify(statement.as_bytes(), dialect);
        assert_eq!(plain.access, access, "{statement} {dialect:?}");
        let locks = statement.contains("FOR UPDATE") || statement.contains("LOCK IN");
        assert_eq!(plain.traits.contains(Traits::LOCKING_READ), locks, "{statement}");
        let dressed = dress(random, statement);
        assert_eq!(classify(&dressed, dialect), plain, "{} {dialect:?}", shown(&dressed));
    });
}

#[test]
fn several_statements_are_a_read_if_all_are() {
    fuzz("several_statements_are_a_read_if_all_are", |random| {
        let dialect = dialect(random);
        let (mut text, mut access, count) = (Vec::new(), Access::Read, 1 + random.below(5));
        for _ in 0..count {
            let statement = if random.one_in(6) {
                access = Access::Write;
                random.pick(&WRITES[..23])
            } else {
                random.pick(&READS)
            };
            text.extend(dress(random, statement));
            text.push(b';');
        }
        let seen = classify(&text, dialect);
        assert_eq!(seen.access, access, "{} {dialect:?}", shown(&text));
        assert_eq!(usize::from(seen.statements), count, "{}", shown(&text));
    });
}

#[test]
fn strings_hide_what_is_in_them() {
    fuzz("strings_hide_what_is_in_them", |random| {
        let dialect = dialect(random);
        let plain = classify(b"SELECT 'x', a FROM t", dialect);
        let text = [b"SELECT ", &literal(random, dialect)[..], b", a FROM t"].concat();
        assert_eq!(classify(&text, dialect), plain, "{} {dialect:?}", shown(&text));
        // And nothing more than what is in them.
        let text = [b"SELECT ", &literal(random, dialect)[..], b", f(1) FROM t"].concat();
        assert_eq!(classify(&text, dialect).access, Access::Write, "{}", shown(&text));
    });
}

#[test]
fn executable_comments_are_read() {
    fuzz("executable_comments_are_read", |random| {
        let open = random.pick(&["/*!", "/*!40000", "/*!50101", "/*! "]);
        let inside = random.pick(&["FOR UPDATE", "INTO @x", "INTO OUTFILE 'f'"]);
        let text = format!("SELECT a FROM t {open} {inside} */");
        let text = dress(random, &text);
        assert_eq!(classify(&text, dialect(random)).access, Access::Write, "{}", shown(&text));
    });
}

#[test]
fn noise_is_never_a_read_that_pins() {
    const WORDS: [&str; 40] = [
        "SELECT",
        "FROM",
        "t",
        "@a",
        ":=",
        "@@x",
        "'",
        "\"",
        "`",
        "/*",
        "*/",
        "/*!",
        "--",
        "#",
        ";",
        "(",
        ")",
        ",",
        "FOR",
        "UPDATE",
        "INTO",
        "SET",
        "WITH",
        "AS",
        "SHOW",
        "GET_LOCK(",
        "f(",
        "1",
        ".",
        "\\",
        "LOCK",
        "TABLES",
        "BEGIN",
        "END",
        "CREATE",
        "TEMPORARY",
        "PREPARE",
        "EXPLAIN",
        "\n",
        "SQL_CALC_FOUND_ROWS",
    ];
    fuzz("noise_is_never_a_read_that_pins", |random| {
        let mut text = Vec::new();
        for _ in 0..random.below(30) {
            text.extend_from_slice(random.pick(&WORDS).as_bytes());
            text.extend_from_slice(if random.one_in(3) { b"" } else { b" " });
        }
        if random.one_in(2) {
            random.spoil(&mut text);
        }
        let dialect = dialect(random);
        let seen = classify(&text, dialect);
        assert!(
            seen.access == Access::Write || !seen.traits.intersects(Traits::PINS),
            "{}: {seen:?}",
            shown(&text)
        );
        assert_eq!(classify(&text, dialect), seen);
        let values = Values { connection_id: Some(7), row_count: Some(-1), found_rows: Some(3) };
        let _ = substitute_functions(&text, dialect, &values);
        let _ = kill_target(&text, dialect);
    });
}

#[test]
fn functions_are_replaced_and_nothing_else() {
    fuzz("functions_are_replaced_and_nothing_else", |random| {
        let dialect = dialect(random);
        let values = Values { connection_id: Some(1_987_654_321), ..Values::default() };
        let statement = random.pick(&READS);
        let text = dress(random, statement);
        assert_eq!(substitute_functions(&text, dialect, &values), None, "{}", shown(&text));
        let text = dress(random, "SELECT a, CONNECTION_ID() FROM t WHERE b = CONNECTION_ID()");
        let replaced = substitute_functions(&text, dialect, &values);
        let replaced = replaced.unwrap_or_else(|| panic!("{} is left as it is", shown(&text)));
        let (before, after) = (classify(&text, dialect), classify(&replaced, dialect));
        assert!(before.traits.contains(Traits::READS_CONNECTION_ID), "{}", shown(&text));
        assert!(!after.traits.contains(Traits::READS_CONNECTION_ID), "{}", shown(&replaced));
        assert_eq!((after.verb, after.access), (before.verb, Access::Read));
        assert_eq!(replaced.windows(10).filter(|window| window == b"1987654321").count(), 2);
        assert_eq!(substitute_functions(&replaced, dialect, &values), None);
    });
}

#[test]
fn kill_finds_its_target() {
    fuzz("kill_finds_its_target", |random| {
        let (id, dialect) = (random.next() >> random.below(64), dialect(random));
        let what = random.pick(&["", "QUERY ", "CONNECTION "]);
        let text = dress(random, &format!("KILL {what}{id}"));
        let target = kill_target(&text, dialect);
        let target = target.unwrap_or_else(|| panic!("{} has no target", shown(&text)));
        let expected = KillTarget {
            whom: KillWhom::Connection(id),
            query_only: what == "QUERY ",
            soft: false,
        };
        assert_eq!(target, expected, "{}", shown(&text));
        assert_eq!(classify(&text, dialect).access, Access::Write);
    });
}
