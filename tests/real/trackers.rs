//! What a client with SESSION_TRACK sees: every OK packet, with its entries and its flags, as the
//! primary itself sends it, whatever the client's trackers are.

use crate::{Context, Test, assert_on_replica};
use lanewire_perf::client::{Client, Options, Outcome, Reply, RowsEnd, Words, flags};

pub(crate) const TESTS: &[Test] = &[
    ("trackers::as_by_default", as_by_default),
    ("trackers::as_the_client_sets_them", as_the_client_sets_them),
    ("trackers::read_and_set", read_and_set),
    ("trackers::set_without_a_pin", set_without_a_pin),
];

/// NO_INDEX_USED, NO_GOOD_INDEX_USED, QUERY_WAS_SLOW.
const BY_CHANCE: u16 = 0x830;

/// `initdb x`, `exec x`, `reset` and `ping` are commands, the rest are texts.
const TRANSACTIONS: &str = "
    BEGIN / SELECT 1 / SELECT * FROM trk / SELECT * FROM trk / INSERT INTO trk VALUES (2) / COMMIT
    COMMIT / ROLLBACK / BEGIN / COMMIT / BEGIN / BEGIN / ROLLBACK
    START TRANSACTION READ ONLY / SELECT * FROM trk / INSERT INTO trk VALUES (1) / COMMIT
    START TRANSACTION READ WRITE / ROLLBACK
    START TRANSACTION WITH CONSISTENT SNAPSHOT / SELECT * FROM trk / INSERT INTO trk VALUES (2)
    COMMIT AND CHAIN / INSERT INTO trk VALUES (2) / ROLLBACK AND CHAIN / ROLLBACK
    BEGIN / INSERT INTO trk VALUES (2) / CREATE TABLE IF NOT EXISTS trk2 (a INT) / BEGIN
    CREATE TABLE trk (a INT) / BEGIN / SELECT * FROM nosuch / SELECT 'x' + 1 / COMMIT
    SET autocommit=0 / SELECT 1 / SELECT * FROM trk / COMMIT / INSERT INTO trk VALUES (3)
    ROLLBACK / BEGIN / INSERT INTO trk VALUES (3) / COMMIT / INSERT INTO trk VALUES (3)
    SET autocommit=1 / SET autocommit=1 / BEGIN / SET autocommit=0 / SET autocommit=1
    LOCK TABLES trk WRITE / INSERT INTO trk VALUES (3) / UNLOCK TABLES / UNLOCK TABLES
    BEGIN / LOCK TABLES trk WRITE / UNLOCK TABLES / LOCK TABLES trk READ / BEGIN / ROLLBACK
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED / SELECT * FROM trk
    SET TRANSACTION READ ONLY / BEGIN / SELECT * FROM trk / COMMIT
    SET TRANSACTION ISOLATION LEVEL SERIALIZABLE / BEGIN / COMMIT
    SET TRANSACTION READ ONLY / COMMIT / SAVEPOINT a / BEGIN / SAVEPOINT a
    INSERT INTO trk VALUES (9) / ROLLBACK TO a / RELEASE SAVEPOINT a / COMMIT
    BEGIN; SELECT * FROM trk LIMIT 1; INSERT INTO trk VALUES (1); COMMIT
    USE test; BEGIN; SELECT 2 / COMMIT; USE mysql; USE test
    CALL begins_and_ends() / CALL begins() / CALL begins() / COMMIT
    XA START 'x' / INSERT INTO trk VALUES (8) / XA END 'x' / XA ROLLBACK 'x'
    BEGIN / INSERT INTO trk VALUES (8) / FLUSH TABLES / DO 1
    SELECT * FROM trk FOR UPDATE / BEGIN / exec SELECT * FROM trk / exec INSERT INTO trk VALUES (7)
    exec COMMIT / BEGIN / reset / SELECT 1 / BEGIN / COMMIT";

const STATE: &str = "
    USE test / USE mysql / initdb test / initdb nosuch / SET NAMES utf8mb4 / SET NAMES latin1
    SET NAMES utf8mb4 COLLATE utf8mb4_bin / SET sql_mode='' / SET sql_mode='', time_zone='+00:00'
    SET time_zone='+00:00', autocommit=1 / SET @a=1 / SET @a=1, time_zone='+00:00' / reset
    SET sort_buffer_size=100000 / SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
    CREATE TEMPORARY TABLE tmpt (a INT) / INSERT INTO tmpt VALUES (1) / BEGIN
    INSERT INTO tmpt VALUES (1) / COMMIT / DROP TEMPORARY TABLE tmpt
    CREATE DATABASE dropme / USE dropme / DROP DATABASE dropme / USE test
    SELECT 1; SET time_zone='+01:00'; SELECT 2; USE test / CALL sets()
    exec SET time_zone='+00:00' / exec USE test / exec INSERT INTO trk VALUES (7)
    INSERT INTO trk VALUES (7) / UPDATE trk SET a=1 WHERE a=99 / SELECT * FROM trk";

fn lay_out(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS trk, trk2",
        "CREATE TABLE trk (a INT)",
        "INSERT INTO trk VALUES (1)",
        "DROP PROCEDURE IF EXISTS begins_and_ends",
        "DROP PROCEDURE IF EXISTS begins",
        "DROP PROCEDURE IF EXISTS sets",
        "CREATE PROCEDURE begins_and_ends() BEGIN \
         START TRANSACTION; INSERT INTO trk VALUES (5); COMMIT; SELECT 1; END",
        "CREATE PROCEDURE begins() BEGIN START TRANSACTION; SELECT * FROM trk LIMIT 1; END",
        "CREATE PROCEDURE sets() BEGIN SET time_zone='+03:00'; SET autocommit=1; END",
    ]);
}

/// Plays the scripts behind `settings` on both sides.
fn compare(context: &Context, settings: &[&str], scripts: &[&str], deprecate_eof: bool) {
    let lanewire = context.lanewire();
    let play = |options: Options| {
        lay_out(context);
        let mut options = options.with(flags::SESSION_TRACK | flags::DEPRECATE_EOF);
        if !deprecate_eof {
            options = options.without(flags::DEPRECATE_EOF);
        }
        let mut client = Client::connect(&options).unwrap();
        let script = scripts.iter().flat_map(|script| script.split(['\n', '/']));
        let mut seen = Vec::new();
        for line in settings.iter().copied().chain(script).map(str::trim) {
            if !line.is_empty() {
                seen.push(format!("{line}\n      {}", played(&mut client, line)));
            }
        }
        seen
    };
    let (direct, through) = (play(context.direct_options(0)), play(lanewire.options()));
    let mut differences = Vec::new();
    for (direct, through) in direct.iter().zip(&through) {
        if direct != through {
            let through = through.lines().nth(1).unwrap_or_default();
            differences.push(format!("  {direct}\n{through}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} with {settings:?}, direct and through:\n{}",
        differences.len(),
        direct.len(),
        differences.join("\n")
    );
}

fn played(client: &mut Client, line: &str) -> String {
    let reply = match line.split_once(' ') {
        Some(("initdb", schema)) => client.init_db(schema),
        Some(("exec", sql)) => client.run_prepared(sql, &[]),
        _ if line == "reset" => client.reset_connection(),
        _ if line == "ping" => client.ping(),
        _ => client.query(line),
    };
    match reply {
        Ok(reply) => shown(&reply),
        Err(error) => error.to_string(),
    }
}

fn shown(reply: &Reply) -> String {
    let outcomes = reply.outcomes.iter().map(|outcome| match outcome {
        Outcome::Ok(ok) => packet(ok.status, ok.warnings, &ok.session_state),
        Outcome::Rows(rows) => match &rows.end {
            RowsEnd::Ok(ok) => {
                let names = rows.columns.iter().map(|column| column.name.as_str());
                let about = names.clone().any(|name| name.contains("track"));
                let rows = if about { format!("{:?} ", reply.table()) } else { String::new() };
                rows + &packet(ok.status, ok.warnings, &ok.session_state)
            }
            RowsEnd::Err(err) => format!("error {}", err.code),
        },
        Outcome::Err(err) => format!("error {} {}", err.code, err.message),
        Outcome::Text(_) | Outcome::LocalInfile(_) => format!("{outcome:?}"),
    });
    outcomes.collect::<Vec<_>>().join(" | ")
}

fn packet(status: u16, warnings: u16, state: &[u8]) -> String {
    format!("{:04x} {warnings} {}", status & !BY_CHANCE, entries(state).join(" "))
}

/// Entries by type; GTIDs and MySQL's numbers of statements are never the same, nor is the
/// variables' order.
fn entries(state: &[u8]) -> Vec<String> {
    let mut words = Words::new(state, "session state");
    let mut found = Vec::new();
    while !words.is_empty() {
        let (kind, body) = (words.u8().unwrap(), words.string().unwrap());
        let text = String::from_utf8_lossy(body);
        let text = if kind == 3 { "gtids".into() } else { text };
        let counts = ["last_gtid", "statement_id"].into_iter().find(|name| text.contains(name));
        let text = counts.map_or(text, Into::into);
        found.push(format!("{kind}:{}", text.escape_debug()));
    }
    found.sort();
    found
}

fn as_by_default(context: &Context) {
    // Without DEPRECATE_EOF MySQL 9.7 sets the flag in the next OK.
    let analyze = "ANALYZE TABLE trk / DO 1";
    compare(context, &[], &[TRANSACTIONS, STATE, analyze], true);
    compare(context, &[], &[TRANSACTIONS, STATE], false);
}

fn as_the_client_sets_them(context: &Context) {
    let mariadb = context.is_mariadb();
    let own: &[&str] = if mariadb {
        &["SET session_track_system_variables='*'"]
    } else {
        // What the proxy's trackers do not report.
        &[
            "SET session_track_gtids=OFF",
            "SET session_track_system_variables='sql_mode,statement_id'",
        ]
    };
    let settings = [
        "SET session_track_schema=OFF",
        "SET session_track_system_variables='sql_mode,time_zone'",
        "SET session_track_system_variables=''",
        "SET session_track_system_variables='', session_track_schema=0",
        "SET session_track_state_change=ON",
        "SET session_track_transaction_info='STATE'",
        "SET session_track_transaction_info='CHARACTERISTICS', session_track_state_change=1",
        "SET autocommit=1, sql_mode=CONCAT(@@sql_mode, ',ANSI_QUOTES'), \
         session_track_system_variables=CONCAT(@@session_track_system_variables, ',sql_mode')",
    ];
    for setting in settings.iter().chain(own) {
        compare(context, &[setting], &[TRANSACTIONS, STATE], true);
    }
}

/// Reads and SETs among all else, errors and warnings too.
const READS: &str = "
    SELECT @@session_track_schema, @@session_track_state_change, @@session_track_transaction_info
    SELECT @@session_track_system_variables AS track / SHOW VARIABLES LIKE 'session_track%'
    SHOW SESSION VARIABLES WHERE Variable_name = 'session_track_schema'
    SET session_track_schema=OFF / SELECT @@session_track_schema / USE test / SHOW WARNINGS
    SET session_track_schema=DEFAULT / SELECT @@local.session_track_schema / USE test
    SET session_track_schema='x' / SHOW WARNINGS / SELECT @@session_track_schema / USE test
    SET session_track_schema='x' / SHOW ERRORS / SELECT @@error_count AS track / USE test
    SET session_track_schema='x' / SELECT 1 / SHOW WARNINGS / USE test
    SELECT @@session_track_nothing / SHOW WARNINGS / SHOW VARIABLES LIKE 'session_track_s%'
    SELECT @@session_track_schema, CAST('x' AS SIGNED) / SHOW WARNINGS / SHOW WARNINGS / USE test
    SET session_track_state_change=ON, time_zone='+02:00', sql_mode='ANSI' / SET @a=1
    SELECT @@session_track_state_change, @@time_zone, @@sql_mode AS track
    SET session_track_system_variables='sql_mode', sql_mode='', time_zone='+03:00'
    SELECT @@session_track_system_variables, @@time_zone, @@sql_mode / SET sql_mode='ANSI'
    SET time_zone='+00:00', session_track_system_variables='autocommit', autocommit=1
    SET NAMES latin1, session_track_system_variables=DEFAULT
    SELECT @@character_set_client AS track, @@collation_connection, @@character_set_results
    SET NAMES utf8mb4 COLLATE utf8mb4_bin, session_track_system_variables=DEFAULT
    SELECT @@character_set_client AS track, @@collation_connection, @@character_set_results
    BEGIN / SELECT @@session_track_schema / INSERT INTO trk VALUES (1) / COMMIT
    BEGIN / INSERT INTO trk VALUES (1) / SET session_track_schema=ON / ROLLBACK / BEGIN / COMMIT
    SET autocommit=0 / SELECT @@session_track_schema / SELECT * FROM trk / SHOW VARIABLES LIKE 's%k%'
    COMMIT / SET autocommit=1, session_track_schema=OFF / USE test / SELECT ROW_COUNT() AS track
    SELECT @@session_track_schema / SELECT ROW_COUNT() AS track / SELECT FOUND_ROWS() AS track
    SELECT * FROM trk / SET session_track_schema=ON / SELECT FOUND_ROWS() > 1 AS track
    exec SELECT @@session_track_schema AS track / exec SET session_track_schema=OFF / USE test
    exec SHOW VARIABLES LIKE 'session_track_schema' / SELECT @@session_track_schema AS track
    reset / SELECT @@session_track_schema, @@session_track_state_change / USE test
    SELECT 1; SET session_track_schema=OFF / SELECT @@session_track_schema / USE test / BEGIN
    COMMIT / reset / SELECT @@session_track_schema / USE test
    SET @b=1 / SHOW VARIABLES LIKE 'session_track_s%' / ping / SELECT @@session_track_schema / ping";

fn read_and_set(context: &Context) {
    compare(context, &[], &[READS], true);
    compare(context, &[], &[READS], false);
    compare(context, &["SET session_track_transaction_info='STATE'"], &[READS], true);
}

/// As MariaDB's connectors for Java begin: with what they set, reads still go to replicas.
fn set_without_a_pin(context: &Context) {
    let lanewire = context.lanewire();
    for setting in [
        "set autocommit=1, session_track_system_variables='auto_increment_increment', \
         sql_mode = concat(@@sql_mode,',ANSI_QUOTES')",
        "set session_track_schema=1, session_track_system_variables = \
         CONCAT(@@global.session_track_system_variables, ',sql_mode'), autocommit=1",
        "SET session_track_schema=OFF",
        "SELECT @@session_track_schema",
        "SHOW VARIABLES LIKE '%track%'",
    ] {
        let options = lanewire.options().with(flags::SESSION_TRACK | flags::DEPRECATE_EOF);
        let mut client = Client::connect(&options).unwrap();
        client.must(setting).unwrap();
        assert_on_replica(&mut client);
        let mode = client.must("SELECT @@sql_mode").unwrap().first_cell().unwrap();
        assert_eq!(mode.contains("ANSI_QUOTES"), setting.contains("ANSI_QUOTES"), "{setting}");
        // The connections are as the proxy needs them: they tell another session's state.
        let mut other = lanewire.client();
        other.must("SET sql_mode='ANSI_QUOTES'").unwrap();
        for _ in 0..4 {
            assert_on_replica(&mut other);
            let reply = other.must("SELECT \"name\" FROM marker").unwrap();
            assert_ne!(reply.first_cell().as_deref(), Some("name"));
        }
    }
}
