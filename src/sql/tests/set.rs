//! Every form of SET in the manuals.

use super::*;
use crate::sql::Verb;

#[test]
fn plain_sets() {
    assert_writes(
        Traits::PLAIN_SET,
        &[
            "SET sql_mode = ''",
            "SET sql_mode := 'ANSI'",
            "SET SQL_MODE='ANSI', time_zone = '+00:00', `wait_timeout` = 5",
            "SET SESSION sql_mode = DEFAULT",
            "SET LOCAL max_join_size = 1000, sql_notes = OFF",
            "SET @@sql_mode = ANSI_QUOTES",
            "SET @@session.sql_mode = 'x', @@local.sql_notes = 1",
            "SET @@SESSION.`sql_mode` := 'x'",
            "SET NAMES utf8mb4",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
            "SET NAMES DEFAULT",
            "SET NAMES utf8, sql_mode = ''",
            "SET sql_mode = '', NAMES utf8",
            "SET CHARACTER SET utf8mb4",
            "SET CHAR SET 'x'",
            "SET CHARSET utf8mb4",
            "SET character_set_results = NULL",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
            "SET SESSION transaction_isolation = 'x'",
            "SET @@session.tx_isolation = 'x'",
            "SET transaction_isolation = 'x'",
            "SET max_join_size = 1000 * (2 + 3)",
            "SET time_zone = CONCAT('+', '00:00')",
            "SET sql_select_limit = 5;",
            "set /* x */ sql_mode = '' -- y",
        ],
    );
    assert_writes(
        Traits::PLAIN_SET | Traits::READS_VARIABLE,
        &[
            "SET sql_mode = @@sql_mode",
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        ],
    );
    assert_writes(
        Traits::PLAIN_SET | Traits::READS_VARIABLE | Traits::SERVER_STATE,
        &["SET sql_mode = @@global.sql_mode"],
    );
    assert_writes(
        Traits::PLAIN_SET | Traits::SETS_AUTOCOMMIT,
        &[
            "SET autocommit=0",
            "SET @@autocommit = 1",
            "SET SESSION AUTOCOMMIT = ON",
            "SET @@session.autocommit=OFF",
        ],
    );
    assert_writes(
        Traits::PLAIN_SET | Traits::SET_GLOBAL,
        &[
            "SET GLOBAL max_connections = 5",
            "SET @@global.max_connections = 5",
            "SET PERSIST max_connections = 5",
            "SET PERSIST_ONLY back_log = 5",
            "SET @@persist.back_log = 5, sql_mode = ''",
            "SET GLOBAL TRANSACTION READ ONLY",
            "SET GLOBAL autocommit = 0",
        ],
    );
    assert_eq!(of("SET NAMES utf8").verb, Verb::Set);
}

#[test]
fn sets_of_trackers() {
    let plain = Traits::PLAIN_SET | Traits::TRACKERS;
    for sql in [
        "SET session_track_schema = OFF",
        "SET @@session.session_track_system_variables = '*'",
        "SET autocommit=1, session_track_system_variables=CONCAT(@@session_track_schema, 'a')",
        "SET sql_mode = @@session_track_schema",
    ] {
        let statement = of(sql);
        assert!(statement.traits.contains(plain), "{sql}: {statement:?}");
        assert_eq!(statement.access, Access::Write, "{sql}");
    }
    assert!(!of("SET GLOBAL session_track_schema = OFF").traits.contains(Traits::TRACKERS));
}

#[test]
fn sets_that_may_do_more() {
    assert_writes(
        Traits::UNKNOWN_SET,
        &[
            "SET PASSWORD = 'x'",
            "SET PASSWORD FOR a = 'x'",
            "SET PASSWORD TO RANDOM",
            "SET ROLE NONE",
            "SET ROLE ALL EXCEPT r",
            "SET DEFAULT ROLE r TO u",
            "SET RESOURCE GROUP g FOR 5",
            "SET sql_mode = (SELECT a FROM t)",
            "SET a.b = 1",
            "SET NAMES = 1",
            "SET NAMES",
            "SET",
            "SET sql_mode",
            "SET sql_mode = '', ",
            "SET 'a' = 1",
            "SET CHARACTER a = 1",
            "SET @@`a`b = 1",
            "SET @@session . sql_mode = 1",
        ],
    );
    let user = Traits::READS_USER_VARIABLE;
    assert_writes(Traits::UNKNOWN_SET | user, &["SET sql_mode = @old", "SET a = 1, b = (@c)"]);
    assert_writes(
        Traits::UNKNOWN_SET | Traits::USER_VARIABLE_WRITE,
        &[
            "SET @a = 1",
            "SET @a := 1, sql_mode = ''",
            "SET sql_mode = '', @a = 1",
            "SET @'a b' = 1",
        ],
    );
    assert_writes(
        Traits::UNKNOWN_SET | user | Traits::USER_VARIABLE_WRITE,
        &[
            "SET @a = @b",
            "SET sql_mode = (@a := 1)",
            "SET sql_mode = @a := 1",
            "SET sql_mode = (SELECT 1 INTO @a)",
        ],
    );
    assert_writes(
        Traits::UNKNOWN_SET | Traits::USER_VARIABLE_WRITE | Traits::READS_VARIABLE,
        &["SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO'"],
    );
    assert_writes(Traits::UNKNOWN_SET | Traits::STORED_FUNCTION, &["SET sql_mode = f(1)"]);
    assert_writes(Traits::UNKNOWN_SET | Traits::NAMED_LOCK, &["SET sql_notes = GET_LOCK('a', 1)"]);
    assert_writes(
        Traits::UNKNOWN_SET | Traits::READS_LAST_INSERT_ID,
        &["SET max_join_size = LAST_INSERT_ID()"],
    );
}

#[test]
fn events_pin() {
    assert_writes(
        Traits::EVENT_VARIABLE,
        &[
            "SET timestamp = 5",
            "SET TIMESTAMP=DEFAULT",
            "SET @@session.timestamp = 5",
            "SET insert_id = 5",
            "SET LAST_INSERT_ID = 5",
            "SET identity = 5",
            "SET rand_seed1 = 1, rand_seed2 = 2",
            "SET pseudo_thread_id = 5",
            "SET pseudo_slave_mode = 1",
            "SET sql_log_bin = 0",
            "SET SESSION gtid_next = 'AUTOMATIC'",
            "SET gtid_seq_no = 5, gtid_domain_id = 1, server_id = 3",
            "SET skip_replication = 1",
            "SET original_commit_timestamp = 1",
            "SET profiling = 1",
            "SET sql_mode = '', timestamp = 5",
        ],
    );
}

#[test]
fn one_shots_hold_for_a_transaction() {
    assert_writes(
        Traits::ONE_SHOT_TRANSACTION,
        &[
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET TRANSACTION READ ONLY",
            "SET TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE",
            "SET @@transaction_isolation = 'x'",
            "SET @@tx_read_only = 1",
        ],
    );
}

#[test]
fn set_statement_is_its_inner_statement_on_the_primary() {
    assert_writes(
        Traits::empty(),
        &[
            "SET STATEMENT max_statement_time = 1 FOR SELECT 1",
            "SET STATEMENT a = 1, b = (2) FOR INSERT INTO t VALUES (1)",
        ],
    );
    assert_writes(Traits::STORED_FUNCTION, &["SET STATEMENT a = 1 FOR SELECT f(1)"]);
    assert_writes(Traits::BEGIN, &["SET STATEMENT a = 1 FOR BEGIN"]);
    assert_writes(Traits::TEXT_PREPARE, &["SET STATEMENT a = 1 FOR PREPARE s FROM 'x'"]);
    assert_writes(Traits::PLAIN_SET, &["SET STATEMENT a = 1 FOR SET b = 2"]);
    assert_writes(Traits::UNKNOWN, &["SET STATEMENT a = 1 FOR"]);
    assert_eq!(of("SET STATEMENT a = 1 FOR SELECT 1").verb, Verb::Set);
    // Nesting is no way to exhaust the stack.
    let nested = "SET STATEMENT a = 1 FOR ".repeat(100_000);
    assert!(of(&nested).traits.contains(Traits::UNKNOWN));
}

#[test]
fn several_statements_explain_each_other_only_if_all_do() {
    for sql in
        ["SET a = 1; SET b = 2", "SET a = 1; SELECT 1", "USE db; SET a = 1", "BEGIN; SET a = 1"]
    {
        assert!(of(sql).traits.contains(Traits::PLAIN_SET), "{sql}");
    }
    for sql in [
        "SET a = 1; SET @b = 2",
        "SET a = 1; CALL p()",
        "SELECT f(1); SET a = 1",
        "SET timestamp = 1; SET b = 1",
    ] {
        assert!(!of(sql).traits.contains(Traits::PLAIN_SET), "{sql}");
    }
    assert_writes(Traits::USE, &["USE db", "use `db`;"]);
    // The server scans what follows in the new mode.
    for sql in ["SET sql_mode = 'ANSI_QUOTES'; SELECT 1", "SET @@sql_mode = ''; SELECT 1"] {
        assert!(of(sql).traits.contains(Traits::UNKNOWN), "{sql}");
    }
}
