//! The design's table once more, from the texts themselves.

use super::{ClusterInput, RouteInput, Target, decide};
use crate::session::{Pins, ReplayState, ServerKind, Session};
use crate::sql::{Dialect, classify};
use std::rc::Rc;

/// Where a fresh session's first statement goes, and what it pins.
fn goes(sql: &str) -> (Target, Pins) {
    let dialect = Dialect { mariadb: true, ..Dialect::default() };
    let server = ServerKind { trackers: true, dialect };
    let mut session = Session::new(Rc::new(ReplayState::default()), server);
    let statement = classify(sql.as_bytes(), dialect);
    session.begin(&statement, sql.as_bytes(), true);
    let cluster = ClusterInput { primary_up: true, replica_available: true, pin_on_call: true };
    let decision = decide(&statement, &RouteInput::new(&session, &statement, None, cluster));
    assert_eq!(decision.refuse, None, "{sql}");
    (decision.target, decision.pins)
}

#[test]
fn to_a_replica() {
    for sql in [
        "SELECT * FROM t",
        "(SELECT 1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1)",
        "TABLE t",
        "DESC t",
        "EXPLAIN SELECT * FROM t",
        "SHOW TABLES",
        "SHOW CREATE TABLE t",
        "SELECT SLEEP(0), UUID(), RAND()",
        "START TRANSACTION READ ONLY",
        "SELECT 1; SELECT 2",
        "/* lanewire:replica */ SELECT 1",
    ] {
        assert_eq!(goes(sql), (Target::Replica, Pins::empty()), "{sql}");
    }
}

#[test]
fn to_the_primary() {
    for sql in [
        "SELECT * FROM t FOR UPDATE",
        "SELECT * FROM (SELECT * FROM t LOCK IN SHARE MODE) x",
        "SELECT 1 INTO OUTFILE '/x'",
        "WITH a AS (SELECT 1) DELETE FROM t",
        "ANALYZE UPDATE t SET v=1",
        "SELECT @a",
        "SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID()",
        "SHOW WARNINGS",
        "SELECT CONNECTION_ID()",
        "SHOW STATUS",
        "SHOW PROCESSLIST",
        "START TRANSACTION",
        "BEGIN",
        "SELECT 1; UPDATE t SET v=1",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE t (a INT)",
        "DO 1",
        "SET sql_mode=''",
        "USE a",
        "/*master*/ SELECT 1",
        "/* lanewire:primary */ SELECT 1",
        "/* lanewire:replica */ DELETE FROM t",
    ] {
        assert_eq!(goes(sql), (Target::Primary, Pins::empty()), "{sql}");
    }
}

#[test]
fn to_the_primary_for_good() {
    for (sql, pins) in [
        ("SELECT 1 INTO @v", Pins::USER_VARIABLE),
        ("SELECT @v := 1", Pins::USER_VARIABLE),
        ("SELECT GET_LOCK('a', 1)", Pins::NAMED_LOCK),
        ("LOCK TABLES t WRITE", Pins::TABLE_LOCK),
        ("FLUSH TABLES WITH READ LOCK", Pins::TABLE_LOCK),
        ("CREATE TEMPORARY TABLE t (a INT)", Pins::TEMPORARY_TABLE),
        ("HANDLER t OPEN", Pins::HANDLER_OPEN),
        ("PREPARE s FROM 'SELECT 1'", Pins::PREPARED_TEXT),
        ("SELECT SQL_CALC_FOUND_ROWS * FROM t", Pins::FOUND_ROWS),
        ("SET @v = 1", Pins::USER_VARIABLE),
        ("SET timestamp = 1", Pins::EVENT_VARIABLE),
        ("SELECT my_function()", Pins::CALL),
        ("CALL p()", Pins::CALL),
        ("SELECT LAST_INSERT_ID(5)", Pins::LAST_INSERT_ID),
        ("XA START 'a'", Pins::XA),
        ("nonsense", Pins::UNKNOWN_CHANGE),
    ] {
        let (target, left) = goes(sql);
        assert_eq!(target, Target::Primary, "{sql}");
        assert!(left.contains(pins), "{sql}: {left:?}");
    }
}
