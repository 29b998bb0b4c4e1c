//! Data definition and administration, as the manuals list them.

use super::*;
use crate::sql::Verb;

#[test]
fn definition() {
    assert_writes(
        Traits::IMPLICIT_COMMIT,
        &[
            "CREATE DATABASE db CHARACTER SET utf8mb4",
            "CREATE SCHEMA IF NOT EXISTS db",
            "CREATE TABLE t (a INT(10) UNSIGNED, b VARCHAR(20), KEY k (a), CHECK (a > 1))",
            "CREATE OR REPLACE TABLE t LIKE u",
            "CREATE TABLE t (a INT, CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b))",
            "CREATE TABLE t SELECT * FROM u",
            "CREATE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5))",
            "CREATE UNIQUE INDEX i ON t (a, b(10))",
            "CREATE FULLTEXT INDEX i ON t (a)",
            "CREATE OR REPLACE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW v (a) AS SELECT 1",
            "CREATE SEQUENCE s START WITH 1",
            "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')",
            "CREATE ROLE r",
            "CREATE TABLESPACE x ADD DATAFILE 'y'",
            "CREATE SPATIAL REFERENCE SYSTEM 5 NAME 'x'",
            "CREATE RESOURCE GROUP g TYPE = USER",
            "ALTER TABLE t ADD COLUMN a INT DEFAULT (1), DROP KEY k",
            "ALTER DATABASE db COLLATE x",
            "ALTER VIEW v AS SELECT 1",
            "ALTER SEQUENCE s RESTART",
            "ALTER INSTANCE ROTATE INNODB MASTER KEY",
            "DROP DATABASE db",
            "DROP VIEW v",
            "DROP INDEX i ON t",
            "DROP PROCEDURE p",
            "DROP FUNCTION IF EXISTS f",
            "DROP TRIGGER tr",
            "DROP ROLE r",
            "TRUNCATE TABLE t",
            "TRUNCATE t",
            "RENAME TABLE t TO u",
            "GRANT r TO u",
            "REVOKE r FROM u",
        ],
    );
    assert_writes(
        Traits::IMPLICIT_COMMIT | Traits::TEMPORARY_TABLE_DROP,
        &["DROP TABLE t", "DROP TABLES IF EXISTS t, u", "DROP SEQUENCE s"],
    );
}

#[test]
fn temporary_tables() {
    assert_writes(
        Traits::TEMPORARY_TABLE_CREATE,
        &[
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE TEMPORARY TABLE IF NOT EXISTS t SELECT 1",
            "CREATE OR REPLACE TEMPORARY TABLE t LIKE u",
            "CREATE TEMPORARY SEQUENCE s",
            "create\ntemporary/* x */table t (a int)",
        ],
    );
    assert_writes(
        Traits::TEMPORARY_TABLE_DROP,
        &["DROP TEMPORARY TABLE t", "DROP TEMPORARY TABLES IF EXISTS t, u"],
    );
    assert_writes(
        Traits::TEMPORARY_TABLE_CREATE | Traits::VERSION_COMMENT,
        &["CREATE /*!32312 TEMPORARY */ TABLE t (a INT)"],
    );
    assert!(!of("DROP /*!40005 TEMPORARY */ TABLE t").traits.intersects(Traits::RELEASES));
}

#[test]
fn stored_programs_run_later() {
    let stored = Traits::IMPLICIT_COMMIT | Traits::STORED_PROGRAM;
    assert_writes(
        stored,
        &[
            "CREATE PROCEDURE p() SELECT 1",
            "CREATE DEFINER='a'@'b' FUNCTION f(a INT) RETURNS INT RETURN a + 1",
            "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
            "CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO DELETE FROM t",
            "CREATE AGGREGATE FUNCTION IF NOT EXISTS f(a INT) RETURNS INT SONAME 'x'",
            "CREATE PACKAGE p AS PROCEDURE q() END",
            "ALTER EVENT e DO UPDATE t SET a = 1",
            "ALTER PROCEDURE p COMMENT 'x'",
        ],
    );
    let statement = of("CREATE PROCEDURE p() SELECT RELEASE_LOCK('a')");
    assert!(!statement.traits.contains(Traits::NAMED_LOCK_RELEASE));
    // What may follow a body is read too: in doubt it happens now.
    let statement = of("CREATE PROCEDURE p() BEGIN SELECT GET_LOCK('a', 1); END");
    assert!(statement.traits.contains(Traits::NAMED_LOCK));
}

#[test]
fn administration() {
    assert_writes(
        Traits::IMPLICIT_COMMIT,
        &[
            "ANALYZE TABLE t",
            "ANALYZE NO_WRITE_TO_BINLOG TABLE t",
            "ANALYZE LOCAL TABLES t, u PERSISTENT FOR ALL",
            "ANALYZE TABLE t UPDATE HISTOGRAM ON a WITH 5 BUCKETS",
            "OPTIMIZE TABLE t",
            "REPAIR TABLE t QUICK",
            "CHECK TABLE t FOR UPGRADE",
            "CHECKSUM TABLE t",
            "CACHE INDEX t IN c",
            "INSTALL PLUGIN p SONAME 'x'",
            "UNINSTALL COMPONENT 'x'",
            "CHANGE MASTER TO MASTER_HOST='x'",
            "CHANGE REPLICATION SOURCE TO SOURCE_PORT=1",
            "START SLAVE",
            "START REPLICA UNTIL SQL_AFTER_GTIDS = 'x'",
            "START GROUP_REPLICATION",
            "STOP SLAVE",
            "RESET MASTER",
            "RESET QUERY CACHE",
            "PURGE BINARY LOGS TO 'x'",
            "RESTART",
            "SHUTDOWN WAIT FOR ALL SLAVES",
            "CLONE LOCAL DATA DIRECTORY = 'x'",
            "IMPORT TABLE FROM 'x'",
        ],
    );
    assert_writes(Traits::empty(), &["SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x'", "RESIGNAL"]);
    assert_writes(Traits::IMPLICIT_COMMIT | Traits::UNKNOWN, &["BINLOG 'x'"]);
    assert_eq!(of("START SLAVE").verb, Verb::Admin);
}

#[test]
fn compound_statements() {
    for sql in [
        "BEGIN NOT ATOMIC SELECT GET_LOCK('a', 1); END",
        "BEGIN SELECT 1; END",
        "IF 1 THEN SELECT 1; END IF",
        "LOOP SELECT 1; END LOOP",
        "WHILE 1 DO SELECT 1; END WHILE",
        "REPEAT SELECT 1; UNTIL 1 END REPEAT",
        "CASE 1 WHEN 1 THEN SELECT 1; END CASE",
        "FOR i IN 1..2 DO SELECT i; END FOR",
        "DECLARE a INT",
    ] {
        let statement = of(sql);
        assert_eq!(statement.access, Access::Write, "{sql}");
        assert_eq!(statement.verb, Verb::Compound, "{sql}");
        assert!(statement.traits.contains(Traits::COMPOUND), "{sql}");
    }
}
