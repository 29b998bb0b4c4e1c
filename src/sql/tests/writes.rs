//! Every form of data manipulation in the manuals.

use super::*;
use crate::sql::Verb;

#[test]
fn manipulation() {
    assert_writes(
        Traits::empty(),
        &[
            "INSERT INTO t VALUES (1, 'a'), (2, DEFAULT)",
            "INSERT LOW_PRIORITY IGNORE INTO t VALUES ()",
            "INSERT DELAYED t VALUES (1)",
            "INSERT HIGH_PRIORITY INTO t (a) VALUE (1)",
            "INSERT INTO t SET a = 1, b = DEFAULT",
            "INSERT INTO t SELECT * FROM u",
            "INSERT INTO t TABLE u",
            "INSERT INTO t VALUES ROW(1), ROW(2)",
            "INSERT INTO t WITH c AS (SELECT 1) SELECT * FROM c",
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = a + 1",
            "INSERT INTO t VALUES (1) RETURNING a, b",
            "REPLACE INTO t VALUES (1)",
            "REPLACE LOW_PRIORITY t SET a = 1",
            "REPLACE t SELECT 1",
            "REPLACE DELAYED INTO t (a) VALUES (1) RETURNING a",
            "DELETE FROM t WHERE a = 1 ORDER BY b LIMIT 1",
            "DELETE LOW_PRIORITY QUICK IGNORE FROM t",
            "DELETE t, u FROM t INNER JOIN u USING (a)",
            "DELETE FROM t, u USING t INNER JOIN u ON t.a = u.a",
            "DELETE FROM t FOR PORTION OF p FROM '2000-01-01' TO '2001-01-01'",
            "DELETE HISTORY FROM t",
            "DELETE FROM t RETURNING *",
            "DO SLEEP(1), 1 + 1",
            "LOAD DATA LOW_PRIORITY INFILE 'x' REPLACE INTO TABLE t FIELDS TERMINATED BY ',' IGNORE 1 LINES (a, b)",
            "LOAD XML INFILE 'x' INTO TABLE t ROWS IDENTIFIED BY '<r>'",
            "LOAD INDEX INTO CACHE t",
            "HELP 'SELECT'",
            "UPDATE t SET a = 1 WHERE b = 2 ORDER BY c LIMIT 3",
            "UPDATE LOW_PRIORITY IGNORE t, u SET t.a = u.a WHERE t.b = u.b",
            "UPDATE t FOR PORTION OF p FROM 1 TO 2 SET a = 1",
        ],
    );
    assert_writes(
        Traits::LOAD_LOCAL,
        &[
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "load data concurrent local infile 'x' ignore into table t",
            "LOAD XML LOCAL INFILE 'x' INTO TABLE t",
        ],
    );
    assert_writes(
        Traits::LOCKING_READ,
        &[
            "INSERT INTO t SELECT * FROM u FOR UPDATE",
            "REPLACE t SELECT 1 FROM u LOCK IN SHARE MODE",
        ],
    );
}

#[test]
fn a_read_that_turns_out_to_write() {
    assert_writes(
        Traits::empty(),
        &[
            "SELECT * FROM t PROCEDURE ANALYSE(10, 2000)",
            "SELECT * INTO OUTFILE 'x' FROM t",
            "SELECT a FROM t INTO DUMPFILE 'x'",
            "SELECT a INTO b FROM t",
            "(SELECT 1 INTO OUTFILE 'x')",
            "TABLE t INTO OUTFILE 'x'",
            "WITH c AS (SELECT 1) DELETE FROM t",
            "WITH c (a) AS (SELECT 1) UPDATE t SET b = 1",
            "WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
            "WITH c AS (SELECT 1) REPLACE INTO t SELECT * FROM c",
        ],
    );
}

#[test]
fn verbs_by_the_first_word() {
    for (sql, verb) in [
        ("SELECT 1", Verb::Select),
        (" ( ( select 1", Verb::Select),
        ("INSERT t VALUES (1)", Verb::Insert),
        ("REPLACE t VALUES (1)", Verb::Replace),
        ("UPDATE t SET a=1", Verb::Update),
        ("DELETE FROM t", Verb::Delete),
        ("CALL p", Verb::Call),
        ("DO 1", Verb::Do),
        ("USE db", Verb::Use),
        ("COMMIT", Verb::Commit),
        ("START TRANSACTION", Verb::Begin),
        ("START REPLICA", Verb::Admin),
        ("BEGIN NOT ATOMIC", Verb::Compound),
        ("KILL 1", Verb::Kill),
        ("TABLE t", Verb::Table),
        ("VALUES ROW(1)", Verb::Values),
        ("DESC t", Verb::Explain),
        ("ANALYZE TABLE t", Verb::Analyze),
        ("CREATE TABLE t (a INT)", Verb::Create),
        ("# x\nDROP TABLE t", Verb::Drop),
        ("UPDATEX t", Verb::Other),
        ("`SELECT` 1", Verb::Other),
        ("SELECT1", Verb::Other),
    ] {
        assert_eq!(of(sql).verb, verb, "{sql}");
    }
}

#[test]
fn accounts_are_no_user_variables() {
    assert_writes(
        Traits::IMPLICIT_COMMIT,
        &[
            "GRANT ALL ON *.* TO 'a'@'b'",
            "GRANT SELECT, INSERT ON db.t TO a@localhost WITH GRANT OPTION",
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM a@b, `c`@`d`",
            "CREATE USER a@'%' IDENTIFIED BY 'x'",
            "ALTER USER 'a'@'b' ACCOUNT LOCK",
            "DROP USER a@b",
            "RENAME USER a@b TO c@d",
            "CREATE DEFINER=root@localhost VIEW v AS SELECT 1",
        ],
    );
}
