//! What a session sets and leaves, while others use the same few connections and leave theirs: each
//! statement's answer is the one that a server alone gives.

use crate::replies::strict;
use crate::support::Lanewire;
use crate::{Context, Test};
use lanewire_perf::client::{Client, Error, Options, Outcome, RowsEnd, flags};

pub(crate) const TESTS: &[Test] = &[
    ("state::character_sets", character_sets),
    ("state::variables", variables),
    ("state::transactions", transactions),
    ("state::last_statement", last_statement),
    ("state::on_the_connection", on_the_connection),
    ("state::programs_and_schemas", programs_and_schemas),
    ("state::reset_and_change_user", reset_and_change_user),
    ("state::completion_type_release", completion_type_release),
];

/// Statements of one session. `!reset` and `!user` are the commands; `m:` is MariaDB's, `o:`
/// Oracle MySQL's alone.
type Case = &'static [&'static str];

/// Three connections to each server for all.
const FEW: &str = "[pool]\nmax-connections = 3\nmin-idle = 0\nmax-idle = 2\n";

/// What others do between any two statements.
const POISON: [&[&str]; 4] = [
    &[
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES', time_zone='-07:00'",
        "SELECT 1/0, 'poison'",
        "INSERT INTO poison (a) VALUES (1),(2),(3)",
    ],
    &[
        "SET autocommit=0, lc_time_names='de_DE', sql_select_limit=1",
        "UPDATE poison SET a=a+1 WHERE id <= 5",
        "ROLLBACK",
        "SELECT a FROM poison",
    ],
    &[
        "USE information_schema",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET character_set_results=latin1, group_concat_max_len=7",
        "SELECT nothing FROM nowhere",
    ],
    &[
        "SET completion_type=1",
        "INSERT INTO poison (a) VALUES (99)",
        "SELECT SLEEP(0) FROM poison LIMIT 2",
    ],
];

/// Sessions beside the one that is looked at.
struct Others(Vec<Client>);

impl Others {
    fn new(lanewire: &Lanewire) -> Self {
        Self(POISON.iter().map(|_| lanewire.client()).collect())
    }

    fn poison(&mut self) {
        for (client, statements) in self.0.iter_mut().zip(POISON) {
            for sql in statements {
                let code = client.query(sql).unwrap().error().map(|err| err.code);
                assert_ne!(code, Some(1203), "{sql}: the pool is too small");
            }
            // What failed or warned keeps its connection until the next statement.
            client.query("DO 0").unwrap();
            client.query("SELECT 1 FROM test.poison LIMIT 1").unwrap();
            client.query("COMMIT").unwrap();
            client.query("SELECT 1 FROM test.poison LIMIT 1").unwrap();
            client.query("COMMIT").unwrap();
        }
    }
}

fn compare(context: &Context, cases: &[Case]) {
    let lanewire = context.lanewire_as(FEW, &["--shards=1"]);
    for case in cases {
        let expected = {
            lay_out(context);
            let mut client = context.direct();
            play(context, &mut client, case, || {})
        };
        lay_out(context);
        let mut others = Others::new(&lanewire);
        let mut client = lanewire.client();
        let got = play(context, &mut client, case, || others.poison());
        for (at, (expected, got)) in expected.into_iter().zip(got).enumerate() {
            assert_eq!(expected, got, "statement {at}, {:?}, of {case:#?}", case[at]);
        }
    }
}

fn lay_out(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS st, poison, made",
        "CREATE TABLE st (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(20))",
        "INSERT INTO st (a, b) VALUES (1,'x'),(2,'y'),(3,'z')",
        "CREATE TABLE poison (id INT AUTO_INCREMENT PRIMARY KEY, a INT) AUTO_INCREMENT=5000",
        "DROP DATABASE IF EXISTS doomed",
    ]);
}

fn play(
    context: &Context,
    client: &mut Client,
    case: Case,
    mut between: impl FnMut(),
) -> Vec<Vec<Outcome>> {
    let mut seen = Vec::new();
    // MariaDB hands a new connection the FOUND_ROWS() of its thread's last one.
    client.must("SELECT 'first'").unwrap();
    for sql in case {
        let (own, sql) = match sql.split_at_checked(2) {
            Some(("m:", sql)) => (context.is_mariadb(), sql),
            Some(("o:", sql)) => (!context.is_mariadb(), sql),
            _ => (true, *sql),
        };
        if !own {
            seen.push(Vec::new());
            continue;
        }
        let reply = match sql {
            "!reset" => client.reset_connection(),
            "!user" => {
                client.change_user("app", "app", Some("test")).unwrap();
                client.ping()
            }
            sql => client.query(sql),
        };
        let mut outcomes = strict(reply.unwrap_or_else(|error| panic!("{sql}: {error}")));
        // In an EOF that a client without session tracking gets: it means nothing there.
        for outcome in &mut outcomes {
            if let Outcome::Rows(rows) = outcome
                && let RowsEnd::Ok(ok) = &mut rows.end
            {
                ok.status &= !flags::STATUS_SESSION_STATE;
            }
        }
        seen.push(outcomes);
        context.in_sync();
        between();
    }
    seen
}

fn character_sets(context: &Context) {
    const SHOWN: &str = "SELECT 'ü' AS u, HEX('ü'), COLLATION('x'), 'a'='A', @@character_set_client, \
                         @@character_set_connection, @@character_set_results, b FROM st WHERE id=1";
    compare(
        context,
        &[
            &[SHOWN, "SET NAMES latin1", SHOWN, "SET NAMES DEFAULT", SHOWN],
            &["SET NAMES utf8mb4 COLLATE utf8mb4_bin", SHOWN, "SET NAMES utf8mb4", SHOWN],
            &["SET CHARACTER SET latin1", SHOWN, "SET CHARACTER SET DEFAULT", SHOWN],
            &[
                "SET character_set_results=NULL",
                SHOWN,
                "SET character_set_connection=latin1",
                SHOWN,
            ],
            &[
                "SET collation_connection=latin1_bin",
                SHOWN,
                "SET character_set_client=latin1",
                SHOWN,
            ],
            &["SET NAMES nonsense", SHOWN, "SET NAMES latin1 COLLATE utf8mb4_bin", SHOWN],
        ],
    );
}

fn variables(context: &Context) {
    compare(
        context,
        &[
            &[
                "SET sql_mode='ANSI_QUOTES'",
                "SELECT \"b\" FROM st WHERE id=1",
                "SET sql_mode=''",
                "INSERT INTO st (a, b) VALUES ('abc', 'longer than twenty characters')",
                "SHOW WARNINGS",
                "SET sql_mode='STRICT_ALL_TABLES,PIPES_AS_CONCAT'",
                "INSERT INTO st (a) VALUES ('abc')",
                "SELECT 'a' || 'b', @@sql_mode",
                "SET sql_mode=DEFAULT",
                "SELECT 'a' || 'b', @@sql_mode",
            ],
            &[
                "SET time_zone='+05:00'",
                "SELECT FROM_UNIXTIME(0), @@time_zone FROM st WHERE id=1",
                "SET time_zone='nowhere'",
                "SELECT FROM_UNIXTIME(0), @@time_zone",
                "SET time_zone=DEFAULT",
                "SELECT @@time_zone",
            ],
            &[
                "SET @@session.group_concat_max_len=4, lc_time_names='fr_FR'",
                "SELECT GROUP_CONCAT(b ORDER BY id), DATE_FORMAT('2026-01-01','%W') FROM st",
                "m:SET STATEMENT group_concat_max_len=1024 FOR SELECT GROUP_CONCAT(b ORDER BY id) FROM st",
                "m:SET STATEMENT sql_mode='ANSI_QUOTES' FOR SELECT \"b\" FROM st WHERE id=1",
                "o:SELECT /*+ SET_VAR(group_concat_max_len=1024) */ GROUP_CONCAT(b ORDER BY id) FROM st",
                "SELECT GROUP_CONCAT(b ORDER BY id), @@sql_mode, \"b\" FROM st",
                "SET sql_select_limit=2",
                "SELECT id FROM st ORDER BY id",
                "SET sql_select_limit=DEFAULT, group_concat_max_len=DEFAULT",
                "SELECT id, @@group_concat_max_len FROM st ORDER BY id",
            ],
            &[
                "SET SESSION wait_timeout=1234, foreign_key_checks=0, unique_checks=0",
                "SELECT @@wait_timeout, @@foreign_key_checks, @@unique_checks FROM st WHERE id=1",
                "SET foreign_key_checks=1, sql_mode='ANSI', sort_buffer_size='abc'",
                "SELECT @@wait_timeout, @@foreign_key_checks, @@sql_mode FROM st WHERE id=1",
            ],
        ],
    );
}

fn transactions(context: &Context) {
    const COUNT: &str = "SELECT COUNT(*), MAX(a) FROM st";
    const ADD: &str = "INSERT INTO st (a) VALUES (50)";
    const LEVEL: &str = "m:SELECT @@tx_isolation, @@tx_read_only FROM st WHERE id=1";
    const LEVEL_O: &str =
        "o:SELECT @@transaction_isolation, @@transaction_read_only FROM st WHERE id=1";
    compare(
        context,
        &[
            &["SET autocommit=0", ADD, COUNT, "ROLLBACK", COUNT, ADD, "SET autocommit=1", COUNT],
            &[
                "SET autocommit=0",
                ADD,
                "CREATE TABLE made (a INT)",
                "ROLLBACK",
                COUNT,
                ADD,
                "!reset",
                COUNT,
            ],
            &["BEGIN", ADD, "CREATE TABLE made (a INT)", "ROLLBACK", COUNT],
            &["BEGIN", ADD, "CREATE TEMPORARY TABLE made (a INT)", "ROLLBACK", COUNT],
            &["BEGIN", ADD, "BEGIN", ADD, "ROLLBACK", COUNT],
            &["BEGIN", ADD, "LOCK TABLES st WRITE", "ROLLBACK", COUNT, "UNLOCK TABLES", COUNT],
            &["BEGIN", ADD, "SET autocommit=1", "ROLLBACK", COUNT],
            &[
                "BEGIN",
                ADD,
                "SAVEPOINT one",
                ADD,
                "SAVEPOINT two",
                ADD,
                "ROLLBACK TO one",
                COUNT,
                "ROLLBACK TO two",
                "RELEASE SAVEPOINT one",
                "ROLLBACK TO one",
                "COMMIT",
                COUNT,
            ],
            &["SAVEPOINT outside", "ROLLBACK TO outside", COUNT],
            &[
                "SET completion_type=1",
                "BEGIN",
                ADD,
                "COMMIT",
                ADD,
                "ROLLBACK",
                COUNT,
                "COMMIT",
                COUNT,
                "SET completion_type=0",
                "ROLLBACK",
                ADD,
                "ROLLBACK",
                COUNT,
            ],
            &["BEGIN", ADD, "COMMIT AND CHAIN", ADD, "ROLLBACK AND NO CHAIN", ADD, COUNT],
            &["SET TRANSACTION READ ONLY", ADD, ADD, COUNT],
            &["SET TRANSACTION READ ONLY", "BEGIN", ADD, COUNT, "COMMIT", ADD, COUNT],
            &[
                "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
                LEVEL,
                LEVEL_O,
                "BEGIN",
                COUNT,
                "SET TRANSACTION READ ONLY",
                "COMMIT",
                ADD,
            ],
            &[
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
                LEVEL,
                LEVEL_O,
                ADD,
                "SET SESSION TRANSACTION READ WRITE",
                ADD,
                LEVEL,
                LEVEL_O,
                COUNT,
            ],
            &["START TRANSACTION READ ONLY", COUNT, ADD, "COMMIT", ADD, COUNT],
            &["START TRANSACTION WITH CONSISTENT SNAPSHOT", COUNT, ADD, COUNT, "ROLLBACK", COUNT],
            &[
                "XA START 'state'",
                ADD,
                COUNT,
                "BEGIN",
                "COMMIT",
                "XA END 'state'",
                COUNT,
                "XA PREPARE 'state'",
                "XA COMMIT 'state'",
                COUNT,
                "XA COMMIT 'state'",
            ],
            &[
                "XA START 'state'",
                ADD,
                "XA END 'state'",
                "XA ROLLBACK 'state'",
                COUNT,
                "BEGIN",
                ADD,
                "XA START 'state'",
                "ROLLBACK",
                COUNT,
            ],
        ],
    );
}

fn last_statement(context: &Context) {
    const ALL: &str = "SELECT LAST_INSERT_ID(), @@identity, ROW_COUNT(), FOUND_ROWS()";
    compare(
        context,
        &[
            &[
                "INSERT INTO st (a) VALUES (7),(8)",
                ALL,
                ALL,
                "SELECT id FROM st",
                ALL,
                "INSERT INTO st (id, a) VALUES (900, 1)",
                ALL,
            ],
            &[
                "INSERT INTO st (a) VALUES (LAST_INSERT_ID(77))",
                ALL,
                "UPDATE st SET a=LAST_INSERT_ID(a+1) WHERE id=2",
                ALL,
                "SET last_insert_id=5",
                ALL,
            ],
            &[
                "SELECT LAST_INSERT_ID(55)",
                ALL,
                "INSERT INTO st (id, a) VALUES (1, 1)",
                ALL,
                "DO 1",
                ALL,
            ],
            &[
                "UPDATE st SET a=9",
                "SELECT ROW_COUNT()",
                "UPDATE st SET a=9",
                "SELECT ROW_COUNT()",
                "DELETE FROM st WHERE id=3",
                "SELECT ROW_COUNT() AS n",
                "SELECT ROW_COUNT()",
            ],
            &[
                "SELECT SQL_CALC_FOUND_ROWS id FROM st ORDER BY id LIMIT 1",
                "SELECT FOUND_ROWS()",
                "SELECT FOUND_ROWS()",
                "SELECT id FROM st LIMIT 2",
                "SET @x=1",
                "SELECT FOUND_ROWS(), @x",
            ],
            &[
                "SELECT id FROM st WHERE id=-1",
                "SELECT FOUND_ROWS()",
                "SHOW TABLES LIKE 'st'",
                "SELECT FOUND_ROWS() + 1",
            ],
            &[
                "SELECT 1/0 FROM st",
                "SHOW WARNINGS",
                "SHOW COUNT(*) WARNINGS",
                "SELECT @@warning_count, @@error_count",
            ],
            &[
                "SELECT nothing FROM st",
                "SHOW ERRORS",
                "SHOW COUNT(*) ERRORS",
                "SHOW WARNINGS LIMIT 1",
                "SELECT 1",
                "SHOW WARNINGS",
            ],
            &[
                "INSERT IGNORE INTO st (id) VALUES (1),(2)",
                "GET DIAGNOSTICS CONDITION 1 @e = MYSQL_ERRNO",
                "SELECT @e",
                "GET DIAGNOSTICS @n = NUMBER",
                "SELECT @n, @e",
                "SHOW WARNINGS",
            ],
            &[
                "INSERT INTO st (id) VALUES (1)",
                "GET DIAGNOSTICS CONDITION 1 @t = MESSAGE_TEXT",
                "SELECT @t",
                "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='own'",
                "SHOW WARNINGS",
            ],
            &[
                "DROP TABLE IF EXISTS no_such_table",
                "SHOW WARNINGS",
                "SELECT COUNT(*) FROM st",
                "SHOW WARNINGS",
            ],
            &[
                "SELECT CAST('x' AS SIGNED)",
                "SET time_zone='+01:00'",
                "SELECT COUNT(*) FROM st",
                "SHOW COUNT(*) WARNINGS",
            ],
        ],
    );
}

fn on_the_connection(context: &Context) {
    compare(
        context,
        &[
            &[
                "SET @a=5, @b:='t'",
                "SELECT @a, @b FROM st WHERE id=1",
                "SELECT @a:=@a+id FROM st ORDER BY id",
                "SELECT @a",
                "SELECT b INTO @c FROM st WHERE id=2",
                "SELECT @c, @never",
            ],
            &[
                "SET @a=1, sql_mode='ANSI_QUOTES', @b=2",
                "SELECT @a, @b, @@sql_mode FROM st WHERE id=1",
                "SET @a=NULL",
                "SELECT @a",
            ],
            &[
                "CREATE TEMPORARY TABLE st (a INT)",
                "SELECT * FROM st",
                "INSERT INTO st VALUES (1)",
                "SELECT * FROM st",
                "DROP TEMPORARY TABLE st",
                "SELECT COUNT(*) FROM st",
            ],
            &[
                "m:CREATE OR REPLACE TEMPORARY TABLE made AS SELECT 1 AS a",
                "m:CREATE OR REPLACE TEMPORARY TABLE made AS SELECT 2 AS a",
                "SELECT * FROM made",
                "DROP TABLE IF EXISTS made",
                "SELECT * FROM made",
            ],
            &[
                "DO 1; CREATE TEMPORARY TABLE made AS SELECT 3 AS a; SELECT * FROM made",
                "SELECT * FROM made",
                "DROP TABLE made; SELECT 4",
                "SELECT * FROM made",
            ],
            &[
                "CREATE TEMPORARY TABLE made (a INT)",
                "ALTER TABLE made RENAME TO made2",
                "DROP TABLE IF EXISTS made",
                "SELECT * FROM made2",
                "DROP TABLE made2",
                "SELECT * FROM made2",
            ],
            &[
                "SELECT GET_LOCK('state', 0)",
                "SELECT IS_FREE_LOCK('state'), IS_USED_LOCK('state')=CONNECTION_ID()",
                "SELECT GET_LOCK('state', 0)",
                "SELECT RELEASE_LOCK('state')",
                "SELECT IS_FREE_LOCK('state')",
                "SELECT RELEASE_LOCK('state')",
                "SELECT IS_FREE_LOCK('state')",
                "SELECT RELEASE_LOCK('state')",
            ],
            &[
                "LOCK TABLES st READ",
                "INSERT INTO st (a) VALUES (1)",
                "SELECT COUNT(*) FROM numbers",
                "SELECT COUNT(*) FROM st",
                "UNLOCK TABLES",
                "INSERT INTO st (a) VALUES (1)",
                "SELECT COUNT(*) FROM numbers",
            ],
            &[
                "LOCK TABLES st WRITE",
                "START TRANSACTION",
                "SELECT COUNT(*) FROM numbers",
                "COMMIT",
                "LOCK TABLES no_such_table READ",
                "SELECT COUNT(*) FROM numbers",
            ],
            &[
                "PREPARE s FROM 'SELECT COUNT(*) FROM st WHERE a > ?'",
                "SET @n=1",
                "EXECUTE s USING @n",
                "DEALLOCATE PREPARE s",
                "EXECUTE s USING @n",
                "SELECT @n",
            ],
            &[
                "HANDLER st OPEN AS h",
                "HANDLER h READ FIRST",
                "SELECT COUNT(*) FROM numbers",
                "HANDLER h READ NEXT",
                "HANDLER h CLOSE",
                "HANDLER h READ NEXT",
            ],
            &[
                "SET timestamp=1000",
                "SELECT UNIX_TIMESTAMP() FROM st WHERE id=1",
                "SET insert_id=700",
                "INSERT INTO st (a) VALUES (1)",
                "SELECT LAST_INSERT_ID()",
            ],
            &["SET rand_seed1=1, rand_seed2=2", "SELECT RAND()", "SELECT RAND()"],
        ],
    );
}

fn programs_and_schemas(context: &Context) {
    context.lay_out(&[
        "DROP PROCEDURE IF EXISTS changes",
        "CREATE PROCEDURE changes() BEGIN SET @zz=5; SET time_zone='+02:00'; \
         SET sql_mode='ANSI_QUOTES'; CREATE TEMPORARY TABLE inner_made AS SELECT 6 AS a; \
         DO GET_LOCK('inner', 0); SELECT 'out'; END",
        "DROP PROCEDURE IF EXISTS opens",
        "CREATE PROCEDURE opens() BEGIN START TRANSACTION; INSERT INTO st (a) VALUES (60); END",
        "DROP PROCEDURE IF EXISTS gives",
        "CREATE PROCEDURE gives(OUT x INT) SELECT MAX(a) INTO x FROM st",
    ]);
    compare(
        context,
        &[
            &[
                "CALL changes()",
                "SELECT @zz, @@time_zone, @@sql_mode FROM st WHERE id=1",
                "SELECT * FROM inner_made",
                "SELECT IS_FREE_LOCK('inner')",
                "DROP TABLE inner_made",
                "SELECT @zz, IS_FREE_LOCK('inner')",
            ],
            &["CALL opens()", "SELECT COUNT(*) FROM st", "ROLLBACK", "SELECT COUNT(*) FROM st"],
            &["CALL gives(@out)", "SELECT @out FROM st WHERE id=1"],
            &["CALL no_such_procedure()", "SHOW WARNINGS", "SELECT @out"],
            &[
                "CREATE DATABASE doomed",
                "USE doomed",
                "SELECT DATABASE()",
                "CREATE TABLE d (a INT)",
                "DROP DATABASE doomed",
                "SELECT DATABASE()",
                "SELECT * FROM d",
                "USE doomed",
                "SELECT COUNT(*) FROM test.st",
                "USE test",
                "SELECT COUNT(*) FROM st",
            ],
            &[
                "CREATE DATABASE doomed",
                "DROP DATABASE doomed",
                "SELECT DATABASE()",
                "SELECT COUNT(*) FROM st",
            ],
            &[
                "USE no_such_schema",
                "SELECT DATABASE()",
                "USE `test`",
                "SELECT DATABASE(), COUNT(*) FROM st",
            ],
            &["m:BEGIN NOT ATOMIC SET @y=3; END", "m:SELECT @y FROM st WHERE id=1"],
        ],
    );
}

fn reset_and_change_user(context: &Context) {
    const STATE: &str = "SELECT DATABASE(), @a, @@sql_mode, @@time_zone, @@autocommit, \
                         @@character_set_results, LAST_INSERT_ID() FROM test.st WHERE id=1";
    const DIRTY: &str = "SET @a=5, sql_mode='ANSI_QUOTES', time_zone='+01:00', autocommit=0";
    const ADD: &str = "INSERT INTO test.st (a) VALUES (80)";
    compare(
        context,
        &[
            &[DIRTY, ADD, STATE, "!reset", STATE, "SELECT COUNT(*) FROM test.st", "SHOW WARNINGS"],
            &[DIRTY, ADD, STATE, "!user", STATE, "SELECT COUNT(*) FROM test.st"],
            &[
                "SET time_zone='+01:00'",
                STATE,
                "!reset",
                STATE,
                "SET time_zone='+02:00'",
                "!user",
                STATE,
            ],
            &["USE information_schema", "SET NAMES latin1", "!reset", STATE],
            &[
                "SELECT GET_LOCK('gone', 0)",
                "CREATE TEMPORARY TABLE gone (a INT)",
                "!reset",
                "SELECT IS_FREE_LOCK('gone')",
                "SELECT * FROM gone",
            ],
            &["LOCK TABLES st WRITE", "!user", "SELECT COUNT(*) FROM numbers"],
            &["BEGIN", ADD, "!user", "SELECT COUNT(*) FROM test.st", "ROLLBACK"],
            &["PREPARE s FROM 'SELECT 1'", "!reset", "EXECUTE s"],
            &["XA START 'gone'", ADD, "!reset", "SELECT COUNT(*) FROM test.st"],
        ],
    );
}

/// The server closes the connection behind the COMMIT.
fn completion_type_release(context: &Context) {
    let lanewire = context.lanewire_as(FEW, &["--shards=1"]);
    let ends = |options: &Options| {
        let mut client = Client::connect(options).unwrap();
        client.must("SET completion_type=2").unwrap();
        client.must("BEGIN").unwrap();
        client.must("COMMIT").unwrap();
        matches!(client.query("SELECT 1"), Err(Error::Closed | Error::Io(_)))
    };
    assert!(ends(&context.direct_options(0)));
    assert!(ends(&lanewire.options()));
    let mut other = lanewire.client();
    assert_eq!(
        other.must("SELECT @@completion_type FROM marker").unwrap().first_cell().unwrap(),
        "NO_CHAIN"
    );
}
