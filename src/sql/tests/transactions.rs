//! Transactions, locks, and what lives on a connection.

use super::*;
use crate::sql::Verb;

#[test]
fn beginnings() {
    assert_writes(
        Traits::BEGIN,
        &[
            "BEGIN",
            "begin work;",
            "START TRANSACTION",
            "START TRANSACTION READ WRITE",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE",
            "START TRANSACTION READ ONLY, READ WRITE",
        ],
    );
    assert_writes(
        Traits::BEGIN | Traits::BEGIN_READ_ONLY,
        &[
            "START TRANSACTION READ ONLY",
            "start transaction read only, with consistent snapshot;",
            "/* x */ START /* y */ TRANSACTION READ /* z */ ONLY",
        ],
    );
    assert_writes(
        Traits::BEGIN | Traits::COMMIT,
        &["START TRANSACTION READ ONLY; SELECT 1; COMMIT", "BEGIN; COMMIT"],
    );
    assert_writes(
        Traits::BEGIN | Traits::VERSION_COMMENT,
        &[
            "START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */",
            "START TRANSACTION /*!99999 READ ONLY */",
        ],
    );
}

#[test]
fn ends() {
    for (sql, traits) in [
        ("COMMIT", Traits::COMMIT),
        ("COMMIT WORK", Traits::COMMIT),
        ("COMMIT AND CHAIN", Traits::COMMIT | Traits::CHAIN),
        ("COMMIT WORK AND NO CHAIN NO RELEASE", Traits::COMMIT),
        ("COMMIT AND NO CHAIN RELEASE", Traits::COMMIT | Traits::RELEASE),
        ("COMMIT RELEASE", Traits::COMMIT | Traits::RELEASE),
        ("ROLLBACK", Traits::ROLLBACK),
        ("ROLLBACK WORK AND CHAIN NO RELEASE", Traits::ROLLBACK | Traits::CHAIN),
        ("ROLLBACK RELEASE", Traits::ROLLBACK | Traits::RELEASE),
        ("ROLLBACK TO s", Traits::SAVEPOINT),
        ("ROLLBACK WORK TO SAVEPOINT s", Traits::SAVEPOINT),
        ("ROLLBACK TO release", Traits::SAVEPOINT),
        ("SAVEPOINT s", Traits::SAVEPOINT),
        ("RELEASE SAVEPOINT s", Traits::SAVEPOINT),
    ] {
        assert_writes(traits, &[sql]);
    }
}

#[test]
fn distributed_transactions() {
    assert_writes(
        Traits::XA,
        &[
            "XA START 'a','b',1",
            "XA BEGIN 'a' JOIN",
            "XA END 'a' SUSPEND FOR MIGRATE",
            "XA PREPARE 'a'",
            "XA COMMIT 'a' ONE PHASE",
            "XA ROLLBACK 'a'",
            "XA RECOVER CONVERT XID",
        ],
    );
}

#[test]
fn locks_on_tables() {
    let commit = Traits::IMPLICIT_COMMIT;
    assert_writes(
        commit | Traits::TABLE_LOCK,
        &[
            "LOCK TABLES t READ, u AS v WRITE",
            "LOCK TABLE t READ LOCAL",
            "LOCK TABLES t LOW_PRIORITY WRITE WAIT 5",
            "LOCK INSTANCE FOR BACKUP",
            "FLUSH TABLES WITH READ LOCK",
            "FLUSH TABLES t, u WITH READ LOCK",
            "FLUSH TABLES t FOR EXPORT",
            "FLUSH LOCAL TABLES WITH READ LOCK AND DISABLE CHECKPOINT",
        ],
    );
    assert_writes(commit | Traits::TABLE_UNLOCK, &["UNLOCK TABLES", "UNLOCK INSTANCE"]);
    assert_writes(commit, &["FLUSH TABLES", "FLUSH PRIVILEGES", "FLUSH LOGS", "FLUSH STATUS"]);
    assert_writes(
        Traits::TABLE_LOCK,
        &[
            "BACKUP STAGE START",
            "BACKUP STAGE BLOCK_COMMIT",
            "BACKUP LOCK db.t",
            "BACKUP SERVER TO 'x'",
        ],
    );
    assert_writes(Traits::TABLE_UNLOCK, &["BACKUP STAGE END", "BACKUP UNLOCK"]);
}

#[test]
fn cursors_and_prepared_texts() {
    assert_writes(
        Traits::HANDLER_OPEN,
        &[
            "HANDLER t OPEN AS h",
            "HANDLER t READ FIRST",
            "HANDLER t READ i = (5) WHERE a > 1 LIMIT 2",
            "HANDLER t READ NEXT",
        ],
    );
    assert_writes(Traits::HANDLER_CLOSE, &["HANDLER t CLOSE"]);
    assert_writes(Traits::TEXT_PREPARE, &["PREPARE s FROM 'SELECT ?'"]);
    assert_writes(Traits::TEXT_PREPARE | Traits::READS_USER_VARIABLE, &["PREPARE s FROM @q"]);
    assert_writes(Traits::TEXT_EXECUTE, &["EXECUTE s", "EXECUTE IMMEDIATE 'SELECT 1'"]);
    assert_writes(
        Traits::TEXT_EXECUTE | Traits::READS_USER_VARIABLE | Traits::USER_VARIABLE_WRITE,
        &["EXECUTE s USING @a, @b"],
    );
    assert_writes(Traits::TEXT_DEALLOCATE, &["DEALLOCATE PREPARE s", "DROP PREPARE s"]);
    assert_eq!(of("DROP PREPARE s").verb, Verb::Deallocate);
}

#[test]
fn user_variables() {
    let both = Traits::READS_USER_VARIABLE | Traits::USER_VARIABLE_WRITE;
    assert_writes(
        Traits::READS_USER_VARIABLE,
        &[
            "SELECT @a",
            "SELECT@a",
            "SELECT @'a b', @\"c\", @`d`, @e.f$g",
            "SELECT * FROM t WHERE a = @a",
            "SELECT @a = 1",
            "UPDATE t SET a = @a",
            "INSERT INTO t VALUES (@a)",
        ],
    );
    assert_writes(
        both,
        &[
            "SELECT @a:=1",
            "SELECT @a := @a + 1, b FROM t",
            "SELECT @'a b' /* x */ := 1",
            "SELECT * FROM (SELECT @n := 0) x, t",
            "UPDATE t SET a = (@n := @n + 1)",
            "INSERT INTO t SELECT @a := b FROM u",
            "DELETE FROM t WHERE (@a := a)",
            "SELECT a INTO @a FROM t",
            "SELECT a, b FROM t INTO @a, @b",
            "SELECT 1 INTO@a",
            "TABLE t INTO @a",
            "LOAD DATA INFILE 'x' INTO TABLE t (a, @b) SET c = @b + 1",
            "DO @n := 1",
        ],
    );
    assert_writes(both | Traits::CALL, &["CALL p(@out)", "CALL db.p(1, @a, @b)"]);
    assert_writes(Traits::empty(), &["SELECT a INTO b FROM t"]);
}

#[test]
fn one_statement_may_pin_many_ways() {
    let statement = of("INSERT INTO t SELECT @a := GET_LOCK('x', 1), LAST_INSERT_ID(5), f(1)");
    assert_eq!(
        statement.traits,
        Traits::USER_VARIABLE_WRITE
            | Traits::READS_USER_VARIABLE
            | Traits::NAMED_LOCK
            | Traits::LAST_INSERT_ID_WRITE
            | Traits::READS_LAST_INSERT_ID
            | Traits::STORED_FUNCTION
    );
}
