//! A test per row of the design's table of where a statement goes.

use super::*;
use crate::sql::{Hint, Verb};

#[test]
fn plain_reads_go_to_a_replica() {
    assert_reads(&[
        "SELECT 1",
        "(SELECT 1)",
        "WITH c AS (SELECT 1) SELECT * FROM c",
        "VALUES ROW(1,2), ROW(3,4)",
        "TABLE t",
        "DESC t",
        "EXPLAIN SELECT * FROM t",
        "SHOW TABLES",
    ]);
}

#[test]
fn locking_and_writing_reads_go_to_the_primary() {
    assert_writes(
        Traits::LOCKING_READ,
        &[
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t FOR SHARE",
            "SELECT * FROM t LOCK IN SHARE MODE",
            "SELECT * FROM (SELECT * FROM t FOR UPDATE) d",
            "(SELECT * FROM t FOR SHARE SKIP LOCKED) UNION (SELECT 1)",
            "WITH c AS (SELECT 1) SELECT * FROM c FOR/**/UPDATE",
        ],
    );
    assert_writes(
        Traits::empty(),
        &[
            "SELECT * FROM t INTO OUTFILE '/tmp/x'",
            "SELECT a INTO DUMPFILE '/tmp/x' FROM t",
            "WITH c AS (SELECT 1) UPDATE t, c SET t.a=1",
            "WITH c AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM c)",
            "EXPLAIN ANALYZE DELETE FROM t",
            "ANALYZE UPDATE t SET a=1",
            "ANALYZE FORMAT=JSON DELETE FROM t",
        ],
    );
}

#[test]
fn functions_off_the_list_go_to_the_primary() {
    assert_writes(
        Traits::STORED_FUNCTION,
        &["SELECT f(1)", "SELECT db.abs(1)", "SELECT `abs`(1)", "SELECT 1 FROM t WHERE f (a)"],
    );
    assert_writes_on(
        MARIADB,
        Traits::SEQUENCE_NEXT,
        &[
            "SELECT NEXTVAL(s)",
            "SELECT NEXT VALUE FOR s",
            "SELECT SETVAL(s, 5)",
            "SELECT s.nextval",
        ],
    );
    assert_writes_on(
        MARIADB,
        Traits::SEQUENCE_PREVIOUS,
        &["SELECT LASTVAL(s)", "SELECT PREVIOUS VALUE FOR s", "SELECT s.currval"],
    );
    assert_reads(&["SELECT SLEEP(1)", "SELECT UUID()", "SELECT RAND()", "SELECT NOW()"]);
}

#[test]
fn what_stays_on_a_connection_pins() {
    for (sql, traits) in [
        ("SELECT 1 INTO @v", Traits::USER_VARIABLE_WRITE | Traits::READS_USER_VARIABLE),
        ("SELECT @v := 1", Traits::USER_VARIABLE_WRITE | Traits::READS_USER_VARIABLE),
        ("SELECT GET_LOCK('a', 1)", Traits::NAMED_LOCK),
        ("LOCK TABLES t WRITE", Traits::TABLE_LOCK | Traits::IMPLICIT_COMMIT),
        ("FLUSH TABLES WITH READ LOCK", Traits::TABLE_LOCK | Traits::IMPLICIT_COMMIT),
        ("CREATE TEMPORARY TABLE t (a INT)", Traits::TEMPORARY_TABLE_CREATE),
        ("HANDLER t OPEN", Traits::HANDLER_OPEN),
        ("PREPARE s FROM 'SELECT 1'", Traits::TEXT_PREPARE),
        ("SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1", Traits::CALC_FOUND_ROWS),
        ("SET ROLE r", Traits::UNKNOWN_SET),
    ] {
        assert_writes(traits, &[sql]);
        assert!(of(sql).traits.intersects(Traits::PINS), "{sql}");
    }
}

#[test]
fn answers_of_the_session_depend_on_it() {
    for (sql, traits) in [
        ("SELECT @v", Traits::READS_USER_VARIABLE),
        ("SELECT FOUND_ROWS()", Traits::READS_FOUND_ROWS),
        ("SELECT ROW_COUNT()", Traits::READS_ROW_COUNT),
        ("SELECT LAST_INSERT_ID()", Traits::READS_LAST_INSERT_ID),
        ("SHOW WARNINGS", Traits::READS_DIAGNOSTICS),
        ("SHOW ERRORS LIMIT 1", Traits::READS_DIAGNOSTICS),
        ("SHOW COUNT(*) WARNINGS", Traits::READS_DIAGNOSTICS),
        (
            "GET DIAGNOSTICS @n = NUMBER",
            Traits::READS_DIAGNOSTICS | Traits::USER_VARIABLE_WRITE | Traits::READS_USER_VARIABLE,
        ),
    ] {
        assert_writes(traits, &[sql]);
        assert!(of(sql).traits.intersects(Traits::READS_SESSION), "{sql}");
        assert_eq!(of(sql).only_asks(), sql.starts_with("SELECT"), "{sql}");
    }
    for more in ["SELECT LAST_INSERT_ID(7)", "SELECT @v := 1", "SELECT @v; SELECT 1", "SET @v = 1"]
    {
        assert!(!of(more).only_asks(), "{more}");
    }
}

#[test]
fn the_proxys_own_ids() {
    assert_writes(Traits::READS_CONNECTION_ID, &["SELECT CONNECTION_ID()"]);
    assert_writes(Traits::KILL, &["KILL 5", "KILL QUERY 5", "KILL CONNECTION 5"]);
}

#[test]
fn server_state_goes_to_the_primary() {
    assert_writes(
        Traits::SERVER_STATE,
        &["SHOW STATUS", "SHOW ENGINE INNODB STATUS", "SHOW BINARY LOGS"],
    );
}

#[test]
fn read_only_transactions() {
    assert_writes(
        Traits::BEGIN | Traits::BEGIN_READ_ONLY,
        &["START TRANSACTION READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"],
    );
}

#[test]
fn several_statements_read_if_all_do() {
    assert_reads(&["SELECT 1; SELECT 2;", "SELECT 1;;SHOW TABLES"]);
    for sql in ["SELECT 1; DELETE FROM t", "DELETE FROM t; SELECT 1", "SELECT 1; SELECT f()"] {
        assert_eq!(of(sql).access, Access::Write, "{sql}");
        assert_eq!(of(sql).statements, 2, "{sql}");
    }
    assert_eq!(of("SELECT 1; DELETE FROM t").verb, Verb::Select);
    assert_eq!(of(";;SELECT 1;;").statements, 1);
    assert_eq!(of("SELECT GET_LOCK('a',1); SELECT @a").traits, {
        Traits::NAMED_LOCK | Traits::READS_USER_VARIABLE
    });
    assert_eq!(of(&"SELECT 1;".repeat(70_000)).statements, u16::MAX);
}

#[test]
fn everything_else_goes_to_the_primary() {
    assert_writes(
        Traits::empty(),
        &["INSERT INTO t VALUES (1)", "DO SLEEP(1)", "LOAD DATA INFILE 'x' INTO TABLE t"],
    );
    assert_writes(Traits::CALL, &["CALL p", "CALL p(1, 'x')", "CALL db.p(NOW())"]);
    assert_writes(Traits::IMPLICIT_COMMIT, &["CREATE TABLE t (a INT)"]);
    assert_writes(Traits::XA, &["XA START 'x'"]);
    assert_writes(Traits::COMPOUND, &["BEGIN NOT ATOMIC SELECT 1"]);
    assert_writes(Traits::UNKNOWN, &["FROBNICATE t", "1", "'x'", "x: LOOP", "{"]);
    assert_writes(Traits::empty(), &["", " ", ";", "-- x", "/* x */", "((", "# x\n;"]);
    assert_eq!(of(" /* x */ ;").verb, Verb::Empty);
    assert_eq!(of(" /* x */ ;").statements, 0);
}

#[test]
fn hints_name_a_role() {
    for (sql, hint) in [
        ("/* lanewire:primary */ SELECT 1", Some(Hint::Primary)),
        ("/*lanewire:replica*/SELECT 1", Some(Hint::Replica)),
        ("SELECT /* Lanewire:Replica */ 1", Some(Hint::Replica)),
        ("SELECT 1 /*master*/", Some(Hint::Primary)),
        ("/*master*/ SELECT 1 /* lanewire:replica */", Some(Hint::Primary)),
        ("/* lanewire:replica */ SELECT 1 /*MASTER*/", Some(Hint::Primary)),
        ("/* lanewire:replicas */ SELECT 1", None),
        ("SELECT '/* lanewire:primary */'", None),
        ("SELECT 1 -- /* lanewire:primary */", None),
        ("/*! lanewire:primary */ SELECT 1", None),
        ("/*+ master */ SELECT 1", None),
    ] {
        assert_eq!(of(sql).hint, hint, "{sql}");
    }
    // It never sends a write to a replica.
    assert_eq!(of("/* lanewire:replica */ DELETE FROM t").access, Access::Write);
}
