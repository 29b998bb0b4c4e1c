//! Every form of SHOW in the manuals.

use super::*;
use crate::sql::Verb;

#[test]
fn objects_of_schemas() {
    assert_reads(&[
        "SHOW DATABASES",
        "SHOW SCHEMAS LIKE 'a%'",
        "SHOW TABLES",
        "SHOW FULL TABLES FROM db LIKE 'x'",
        "SHOW EXTENDED FULL TABLES IN db WHERE Table_type = 'VIEW'",
        "SHOW TABLE STATUS FROM db LIKE 'x'",
        "SHOW COLUMNS FROM t FROM db",
        "SHOW FULL FIELDS FROM t",
        "SHOW EXTENDED COLUMNS IN t",
        "SHOW INDEX FROM t",
        "SHOW INDEXES IN t",
        "SHOW KEYS FROM t FROM db WHERE Key_name = 'PRIMARY'",
        "SHOW CREATE TABLE t",
        "SHOW CREATE VIEW db.v",
        "SHOW CREATE DATABASE IF NOT EXISTS db",
        "SHOW CREATE SCHEMA db",
        "SHOW CREATE PROCEDURE p",
        "SHOW CREATE FUNCTION f",
        "SHOW CREATE TRIGGER tr",
        "SHOW CREATE EVENT e",
        "SHOW CREATE SEQUENCE s",
        "SHOW CREATE PACKAGE BODY p",
        "SHOW TRIGGERS FROM db LIKE 'x'",
        "SHOW EVENTS",
        "SHOW PROCEDURE STATUS LIKE 'x'",
        "SHOW FUNCTION STATUS",
        "SHOW PACKAGE STATUS",
        "SHOW PACKAGE BODY STATUS",
        "SHOW PROCEDURE CODE p",
        "SHOW CHARACTER SET",
        "SHOW CHARSET LIKE 'utf8%'",
        "SHOW COLLATION WHERE Charset = 'utf8mb4'",
        "show tables where Tables_in_db in ('a')",
    ]);
    assert_eq!(of("SHOW TABLES").verb, Verb::Show);
}

#[test]
fn variables_with_the_trackers_among_them() {
    assert_writes(
        Traits::SERVER_STATE | Traits::TRACKERS,
        &["SHOW VARIABLES", "SHOW SESSION VARIABLES LIKE 'sql_mode'", "SHOW LOCAL VARIABLES"],
    );
}

#[test]
fn state_of_a_server() {
    assert_writes(
        Traits::SERVER_STATE | Traits::SHOWS_THREADS,
        &["SHOW PROCESSLIST", "show full processlist"],
    );
    assert_writes(
        Traits::SERVER_STATE,
        &[
            "SHOW STATUS",
            "SHOW GLOBAL STATUS LIKE 'x'",
            "SHOW SESSION STATUS",
            "SHOW LOCAL STATUS",
            "SHOW GLOBAL VARIABLES",
            "SHOW ENGINE INNODB STATUS",
            "SHOW ENGINE INNODB MUTEX",
            "SHOW ENGINES",
            "SHOW STORAGE ENGINES",
            "SHOW PLUGINS",
            "SHOW PLUGINS SONAME 'x'",
            "SHOW PRIVILEGES",
            "SHOW OPEN TABLES",
            "SHOW MASTER STATUS",
            "SHOW MASTER LOGS",
            "SHOW BINARY LOGS",
            "SHOW BINARY LOG STATUS",
            "SHOW BINLOG STATUS",
            "SHOW BINLOG EVENTS IN 'x' FROM 4 LIMIT 1",
            "SHOW RELAYLOG EVENTS",
            "SHOW SLAVE STATUS",
            "SHOW SLAVE 'x' STATUS",
            "SHOW ALL SLAVES STATUS",
            "SHOW REPLICA STATUS FOR CHANNEL 'x'",
            "SHOW ALL REPLICAS STATUS",
            "SHOW SLAVE HOSTS",
            "SHOW REPLICAS",
            "SHOW PROFILE ALL FOR QUERY 1",
            "SHOW PROFILES",
            "SHOW GRANTS",
            "SHOW GRANTS FOR 'a'@'b'",
            "SHOW GRANTS FOR a@b",
            "SHOW GRANTS FOR a@'b' USING r",
            "SHOW CREATE USER a@b",
            "SHOW CREATE SERVER s",
            "SHOW CLIENT_STATISTICS",
            "SHOW USER_STATISTICS",
            "SHOW INDEX_STATISTICS",
            "SHOW TABLE_STATISTICS",
            "SHOW EXPLAIN FOR 5",
            "SHOW EXPLAIN FORMAT=JSON FOR 5",
            "SHOW ANALYZE FOR 5",
            "SHOW LOCALES",
            "SHOW AUTHORS",
            "SHOW CONTRIBUTORS",
            "SHOW WSREP_STATUS",
            "SHOW QUERY_RESPONSE_TIME",
            "SHOW PARSE_TREE SELECT 1",
            "SHOW",
            "SHOW FULL",
            "SHOW TABLE",
            "SHOW CREATE",
            "SHOW CHARACTER",
            "SHOW PROCEDURE",
            "SHOW `TABLES`",
            "SHOW 'TABLES'",
        ],
    );
}

#[test]
fn diagnostics_of_the_statement_before() {
    assert_writes(
        Traits::READS_DIAGNOSTICS,
        &[
            "SHOW WARNINGS",
            "SHOW WARNINGS LIMIT 1, 2",
            "SHOW ERRORS",
            "SHOW COUNT(*) ERRORS",
            "SHOW COUNT(*) WARNINGS",
            "GET DIAGNOSTICS CONDITION 1 x = MESSAGE_TEXT",
        ],
    );
}

#[test]
fn a_show_may_call() {
    assert_writes(Traits::STORED_FUNCTION, &["SHOW COLUMNS FROM t WHERE f(Field)"]);
    assert_writes(Traits::NAMED_LOCK, &["SHOW TABLES WHERE GET_LOCK('a', 1)"]);
    assert_writes(
        Traits::READS_USER_VARIABLE | Traits::USER_VARIABLE_WRITE,
        &["SHOW TABLES WHERE @a := 1"],
    );
}
