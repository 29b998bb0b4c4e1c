//! Function calls: which names before a bracket are calls, and what the calls mean.

use super::*;

#[test]
fn session_functions() {
    let last = Traits::READS_LAST_INSERT_ID;
    for (sql, traits) in [
        ("SELECT LAST_INSERT_ID()", last),
        ("SELECT last_insert_id ( )", last),
        ("SELECT LAST_INSERT_ID(/* x */)", last),
        ("SELECT LAST_INSERT_ID(5)", last | Traits::LAST_INSERT_ID_WRITE),
        ("SELECT LAST_INSERT_ID(a + 1) FROM t", last | Traits::LAST_INSERT_ID_WRITE),
        ("UPDATE t SET a = LAST_INSERT_ID(a + 1)", last | Traits::LAST_INSERT_ID_WRITE),
        ("INSERT INTO t VALUES (LAST_INSERT_ID(), 1)", last),
        ("SELECT GET_LOCK('a', 10)", Traits::NAMED_LOCK),
        ("DO GET_LOCK('a', 10)", Traits::NAMED_LOCK),
        ("SELECT 1 FROM t WHERE GET_LOCK('a', 1) = 1", Traits::NAMED_LOCK),
        ("INSERT INTO t SELECT GET_LOCK('a', 1)", Traits::NAMED_LOCK),
        ("SELECT RELEASE_LOCK('a')", Traits::NAMED_LOCK_RELEASE),
        ("SELECT RELEASE_ALL_LOCKS()", Traits::NAMED_LOCK_RELEASE),
        ("SELECT service_get_write_locks('a', 'b', 1)", Traits::NAMED_LOCK),
        ("SELECT IS_FREE_LOCK('a')", Traits::SERVER_STATE),
        ("SELECT is_used_lock('a')", Traits::SERVER_STATE | Traits::SHOWS_THREADS),
        ("SELECT MASTER_POS_WAIT('f', 1)", Traits::SERVER_STATE),
        ("SELECT WAIT_FOR_EXECUTED_GTID_SET('x')", Traits::SERVER_STATE),
        ("SELECT LOAD_FILE('/etc/passwd')", Traits::SERVER_STATE),
        ("SELECT FOUND_ROWS() + ROW_COUNT()", Traits::READS_FOUND_ROWS | Traits::READS_ROW_COUNT),
        ("SELECT * FROM t WHERE id = CONNECTION_ID()", Traits::READS_CONNECTION_ID),
    ] {
        assert_writes(traits, &[sql]);
    }
    assert_writes(Traits::CALL | Traits::STORED_FUNCTION, &["CALL p(f(1))"]);
    // Without a bracket these are columns.
    assert_reads(&["SELECT last_insert_id, get_lock, row_count, connection_id FROM t"]);
}

#[test]
fn calls_of_what_is_not_built_in() {
    assert_writes(
        Traits::STORED_FUNCTION,
        &[
            "SELECT f()",
            "SELECT f ()",
            "SELECT f/* x */()",
            "SELECT a, f(b) FROM t",
            "SELECT db.f(1)",
            "SELECT db . now(1)",
            "SELECT `f`(1)",
            "SELECT `db`.`f`(1)",
            "SELECT 1f(2)",
            "SELECT db.1f(2)",
            "SELECT 1.f(2)",
            "SELECT $f(2)",
            "SELECT \u{e4}f(2)",
            "SELECT ABS(f(1))",
            "SELECT * FROM t WHERE a = f(1)",
            "SELECT * FROM t ORDER BY f(a)",
            "SELECT * FROM t GROUP BY a HAVING f(a)",
            "SELECT IF(1, f(2), 3)",
            "SELECT CASE WHEN f(1) THEN 2 END",
            "SELECT * FROM t JOIN u ON f(t.a)",
            "SELECT * FROM t LIMIT 1 UNION SELECT f(1)",
            "VALUES ROW(f(1))",
            "SHOW TABLES WHERE f(1)",
            "EXPLAIN SELECT f(1)",
            "(SELECT f(1))",
            "SELECT CAST(f(1) AS CHAR(10))",
            "SELECT (1), f(2)",
            "SELECT -f(2)",
            "SELECT {fn f(2)}",
            "DO f(1)",
            "INSERT INTO t VALUES (f(1))",
            "INSERT INTO t (a, b) SELECT f(1), 2",
            "INSERT INTO t SET a = f(1)",
            "UPDATE t SET a = f(b)",
            "DELETE FROM t WHERE f(a)",
            "REPLACE t VALUES (f(1))",
            // Without IGNORE_SPACE these are stored functions.
            "SELECT COUNT (*) FROM t",
            "SELECT MAX (a) FROM t",
            "SELECT now ()",
            "SELECT SUBSTRING\n(a, 1)",
        ],
    );
}

#[test]
fn each_server_lists_its_own() {
    assert_reads_on(MYSQL, &["SELECT ANY_VALUE(a), UUID_TO_BIN(UUID()), GROUPING(a) FROM t"]);
    assert_writes_on(MARIADB, Traits::STORED_FUNCTION, &["SELECT ANY_VALUE(a)"]);
    assert_reads_on(
        MARIADB,
        &["SELECT NVL(a, b), JSON_DETAILED(a), COLUMN_GET(a, 'b' AS CHAR(10))"],
    );
    assert_writes_on(MYSQL, Traits::STORED_FUNCTION, &["SELECT NVL(a, b)", "SELECT NEXTVAL('s')"]);
}

#[test]
fn brackets_behind_names_that_are_no_calls() {
    assert_writes(
        Traits::empty(),
        &[
            "INSERT INTO t (a, b) VALUES (1, 2)",
            "INSERT INTO db.t (a) VALUES (1)",
            "INSERT INTO `t` (`a`) VALUES (1)",
            "INSERT t (a) SELECT 1",
            "INSERT INTO t(a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a) + 1",
            "INSERT INTO t (a) VALUES (1) AS new (x) ON DUPLICATE KEY UPDATE a = new.x",
            "INSERT INTO t PARTITION (p0) (a) VALUES (1)",
            "REPLACE INTO t (a) VALUES (1)",
            "LOAD DATA INFILE 'x' INTO TABLE t (a, b)",
        ],
    );
}
