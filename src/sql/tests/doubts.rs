//! Quotes, comments and other places where a scanner and a server may part.

use super::*;

const ANSI: Dialect = Dialect { ansi_quotes: true, ..MYSQL };
const NO_BACKSLASH: Dialect = Dialect { no_backslash_escapes: true, ..MYSQL };

#[test]
fn nothing_in_quotes_or_comments_counts() {
    assert_reads(&[
        "SELECT 'FOR UPDATE; DELETE FROM t; @a := 1 GET_LOCK(1)'",
        "SELECT \"FOR UPDATE; DELETE FROM t\"",
        "SELECT `FOR UPDATE; DELETE` FROM t",
        "SELECT 1 -- ; DELETE FROM t",
        "SELECT 1 --\tDELETE\n",
        "SELECT 1 --",
        "SELECT 1 # ; DELETE FROM t\n + 2",
        "SELECT 1 /* ; DELETE FROM t */ + 2",
        "SELECT/**/1",
        "/* a */ /* b */ -- c\n # d\n SELECT 1",
        "SELECT /*+ MAX_EXECUTION_TIME(100) INDEX(t i) */ * FROM t",
        "SELECT /*+ SET_VAR(sort_buffer_size = 16M) RESOURCE_GROUP(g) */ 1",
        "SELECT 'a\\'; DELETE FROM t -- '",
        "SELECT 'a''; DELETE FROM t -- '",
        "SELECT 'a\\\\'",
        "SELECT '\\\\\\'; DELETE FROM t'",
        "SELECT \"a\\\"; DELETE FROM t\"",
        "SELECT `a``; DELETE`",
        "SELECT 1--1",
        "SELECT 1 --1, 2",
        "SELECT 1;",
        "SELECT 1/* unterminated ; DELETE FROM t",
        "SELECT 'unterminated ; DELETE FROM t",
    ]);
}

#[test]
fn what_follows_quotes_and_comments_counts() {
    for sql in [
        "SELECT 'a\\\\'; DELETE FROM t -- '",
        "SELECT 'a'';'; DELETE FROM t -- '",
        "SELECT 1 -- x\n; DELETE FROM t",
        "SELECT 1 # x\n; DELETE FROM t",
        "SELECT 1 /* x */; DELETE FROM t",
        "SELECT 1 --x\n; DELETE FROM t",
        "SELECT 1 /*/ x */; DELETE FROM t",
        "SELECT `a`; DELETE FROM t",
        "SELECT 1 -- x\r; y\n INTO OUTFILE 'x'",
    ] {
        assert_eq!(of(sql).access, Access::Write, "{sql}");
    }
}

#[test]
fn the_dialect_decides_what_a_quote_is() {
    let sql = "SELECT \"a\\\" ; DELETE FROM t -- \"";
    assert_eq!(classify(sql.as_bytes(), MYSQL).access, Access::Read);
    assert_eq!(classify(sql.as_bytes(), ANSI).access, Access::Write);
    let sql = "SELECT 'a\\' ; DELETE FROM t -- '";
    assert_eq!(classify(sql.as_bytes(), MYSQL).access, Access::Read);
    assert_eq!(classify(sql.as_bytes(), NO_BACKSLASH).access, Access::Write);
    assert_writes_on(ANSI, Traits::STORED_FUNCTION, &["SELECT \"abs\"(1)"]);
    const TRACKERS: Traits = Traits::PLAIN_SET.union(Traits::TRACKERS);
    assert_writes_on(ANSI, TRACKERS, &["SET \"session_track_schema\" = 1"]);
    assert_writes_on(ANSI, Traits::EVENT_VARIABLE, &["SET \"timestamp\" = 1"]);
}

#[test]
fn executable_comments_are_sql_that_may_be_skipped() {
    let version = Traits::VERSION_COMMENT;
    // One option behind SELECT changes nothing, run or skipped.
    assert_reads(&[
        "SELECT /*!40001 SQL_NO_CACHE */ * FROM `t`",
        "SELECT /*! STRAIGHT_JOIN */ a FROM t",
        "SELECT /*M!100100 HIGH_PRIORITY */ a FROM t",
    ]);
    for (sql, traits) in [
        ("SELECT 1 /*!40000 FOR UPDATE */", version | Traits::LOCKING_READ),
        (
            "SELECT 1 /*! INTO @a */",
            version | Traits::USER_VARIABLE_WRITE | Traits::READS_USER_VARIABLE,
        ),
        ("SELECT 1 /*!50000 , 2 */", version),
        ("SELECT 1 /*M! , f(1) */", version | Traits::STORED_FUNCTION),
        ("/*!40101 SET NAMES utf8mb4 */", version | Traits::PLAIN_SET),
        ("/*!40103 SET TIME_ZONE='+00:00' */;", version | Traits::PLAIN_SET),
        ("/*!40014 SET @a=1 */", { version | Traits::UNKNOWN_SET | Traits::USER_VARIABLE_WRITE }),
        ("/*!40000 ALTER TABLE t DISABLE KEYS */", version | Traits::IMPLICIT_COMMIT),
        ("/*!99999 SELECT 1 */ DELETE FROM t", version),
        ("/*!99999 SELECT 1 */ COMMIT", version | Traits::COMMIT),
        ("/*!99999 UNLOCK TABLES */", version | Traits::IMPLICIT_COMMIT),
        ("f /*!99999 */", Traits::UNKNOWN | version),
        ("SELECT f /*!99999 IN */ (1)", version),
        (
            "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t BEFORE INSERT ON u FOR EACH ROW DELETE FROM v */",
            { version | Traits::IMPLICIT_COMMIT },
        ),
    ] {
        assert_writes(traits, &[sql]);
    }
    assert_eq!(of("/*!99999 SELECT 1 */ SET @a=1").statements, 1);
    assert_eq!(of("/*!40101 SET a=1 */; /*!40101 SET b=1 */").statements, 2);
}

#[test]
fn dollars_quote_on_mysql() {
    for sql in ["SELECT $$ ' $$", "SELECT $x$ ' $x$", "select $$"] {
        let on = |dialect| classify(sql.as_bytes(), dialect).traits.contains(Traits::UNKNOWN);
        assert!(on(MYSQL) && !on(MARIADB), "{sql}");
    }
}

#[test]
fn doubt_is_unknown() {
    for sql in [
        // Where a skipped comment ends is not where the scanned one does.
        "SELECT 1 /*!99999 '*/ , @a := 1 -- '*/",
        "SELECT 1 /*!99999 -- */ x\n */",
        "SELECT 1 /*!99999 /* x */ */",
        "SELECT 1 /*!99999 /*! x */ */",
        "SELECT 1 /*!99999 x",
        // A hint's strings may hold the end.
        "SELECT /*+ SET_VAR(a='*/') */ @a:=1 -- '",
        // The lexers forget what they read after `1.e`.
        "SELECT f 1.e(1)",
        "SELECT ABS 1.e(1)",
        // Other quotes.
        "SELECT [a'] , [b']",
    ] {
        let statement = of(sql);
        assert!(statement.traits.contains(Traits::UNKNOWN), "{}", told(sql, MARIADB));
        assert_eq!(statement.access, Access::Write, "{sql}");
    }
}

#[test]
fn numbers_end_where_the_lexers_end_them() {
    assert_reads(&[
        "SELECT 1.5FROM t",
        "SELECT 1.FROM t",
        "SELECT 1e5FROM t",
        "SELECT \\NFROM t",
        "SELECT .5FROM t",
    ]);
    for sql in [
        "SELECT 1.INTO @a",
        "SELECT 1.5INTO @a",
        "SELECT .5INTO @a",
        "SELECT 1e5INTO @a",
        "SELECT 1e+5INTO @a",
        "SELECT 1.e5INTO @a",
        "SELECT \\NINTO @a",
        "SELECT t .1INTO @a",
        "SELECT ''INTO @a",
        "SELECT ``INTO @a",
    ] {
        assert!(of(sql).traits.contains(Traits::USER_VARIABLE_WRITE), "{}", told(sql, MARIADB));
    }
    // These are identifiers.
    assert_reads(&["SELECT 1into, 0x1Finto, t.1into, t.`a`, 1e FROM t", "SELECT t.1e5into FROM t"]);
}

#[test]
fn character_sets_that_hide_bytes() {
    use crate::sql::{Charset, charset_hides};
    assert_eq!(Charset::of(b"UTF8MB4"), Charset::Utf8);
    assert_eq!(Charset::of(b"latin1"), Charset::SingleByte);
    assert_eq!(Charset::of(b"gbk"), Charset::MultiByte);
    let hides = |sql: &[u8], charset| charset_hides(sql, charset);
    assert!(hides(b"SELECT '\x95\x5c' ; DELETE FROM t -- '", Charset::MultiByte));
    assert!(!hides(b"SELECT '\x95\xe0' FROM t", Charset::MultiByte));
    assert!(hides(b"SELECT 1 FOR\xa0UPDATE", Charset::SingleByte));
    assert!(!hides("SELECT 'ä'".as_bytes(), Charset::SingleByte));
    assert!(!hides(b"SELECT '\x95\x5c\xa0'", Charset::Utf8));
}
