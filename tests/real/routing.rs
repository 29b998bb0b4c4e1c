//! Where statements run, as the servers saw it.

use crate::{Context, Test, assert_on_replica, place};
use lanewire_perf::client::{Client, flags};

pub(crate) const TESTS: &[Test] = &[
    ("routing::reads_use_both_replicas", reads_use_both_replicas),
    ("routing::transactions_stay", transactions_stay),
    ("routing::read_only_transactions_use_a_replica", read_only_transactions_use_a_replica),
    ("routing::hints_and_forms", hints_and_forms),
    ("routing::nothing_writes_on_a_replica", nothing_writes_on_a_replica),
    ("routing::connections_are_shared", connections_are_shared),
    ("routing::a_logins_flag_outlives_others", a_logins_flag_outlives_others),
];

fn reads_use_both_replicas(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let seen: std::collections::BTreeSet<String> = (0..20).map(|_| place(&mut client)).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["replica1", "replica2"]);
}

fn transactions_stay(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    for begin in
        ["BEGIN", "START TRANSACTION", "/* a */ begin work", "START TRANSACTION READ WRITE"]
    {
        client.must(begin).unwrap();
        assert_eq!(place(&mut client), "primary", "{begin}");
        client.must("SAVEPOINT a").unwrap();
        assert_eq!(place(&mut client), "primary", "{begin}");
        client.must("COMMIT AND CHAIN").unwrap();
        assert_eq!(place(&mut client), "primary", "{begin}");
        client.must("ROLLBACK").unwrap();
        assert_on_replica(&mut client);
    }
}

fn read_only_transactions_use_a_replica(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    client.must("START TRANSACTION READ ONLY").unwrap();
    let first = place(&mut client);
    assert!(first.starts_with("replica"), "{first}");
    for _ in 0..6 {
        assert_eq!(place(&mut client), first);
    }
    let refused = client.query("UPDATE marker SET id = 1").unwrap();
    assert_eq!(refused.error().map(|err| err.code), Some(1792));
    client.must("COMMIT").unwrap();
    assert_on_replica(&mut client);
}

fn hints_and_forms(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let primary = [
        "/* lanewire:primary */ SELECT name FROM marker",
        "/*master*/ SELECT name FROM marker",
        "SELECT name FROM marker; DO 1",
        "SELECT SQL_CALC_FOUND_ROWS name FROM marker",
        "SELECT name FROM marker WHERE GET_LOCK('routing', 0) = 1",
    ];
    let replica = [
        "SELECT name FROM marker",
        "(select name from marker)",
        "-- a comment\nSELECT name FROM marker",
        "SELECT /*! SQL_NO_CACHE */ name FROM marker",
        "WITH m AS (SELECT name FROM marker) SELECT name FROM m",
        "SELECT name FROM marker WHERE 'FOR UPDATE' <> \"LOCK IN SHARE MODE\"",
        "SELECT name FROM marker; SELECT 1",
    ];
    for sql in replica {
        let reply = client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(reply.first_cell().unwrap().starts_with("replica"), "{sql}");
    }
    for sql in primary {
        // The lock pins, so each has a session of its own.
        let reply = lanewire.client().must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(reply.first_cell().unwrap(), "primary", "{sql}");
    }
}

fn nothing_writes_on_a_replica(context: &Context) {
    let lanewire = context.lanewire();
    context.lay_out(&[
        "DROP TABLE IF EXISTS w",
        "CREATE TABLE w (id INT AUTO_INCREMENT PRIMARY KEY, a INT)",
        "DROP FUNCTION IF EXISTS writes",
    ]);
    for server in context.cluster.servers() {
        server.execute(&["SET GLOBAL log_bin_trust_function_creators=1"]).unwrap();
    }
    context.lay_out(&["CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA \
                       BEGIN INSERT INTO w (a) VALUES (7); RETURN LAST_INSERT_ID(); END"]);
    let mut client = lanewire.client();
    for sql in [
        "INSERT INTO w (a) VALUES (1)",
        "UPDATE w SET a = 2 WHERE id = 1",
        "REPLACE INTO w VALUES (1, 3)",
        "SELECT writes()",
        "/* hidden */ insert into w (a) select 4",
        "DELETE FROM w WHERE a = 99",
        "DO writes()",
        "TRUNCATE w",
        "ALTER TABLE w ADD b INT",
        "CREATE TABLE IF NOT EXISTS w2 (a INT)",
        "DROP TABLE w2",
        "ANALYZE TABLE w",
        "/* lanewire:replica */ INSERT INTO w (a) VALUES (5)",
    ] {
        client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

fn connections_are_shared(context: &Context) {
    let lanewire = context.lanewire();
    let mut clients: Vec<Client> = (0..60).map(|_| lanewire.client()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            assert_on_replica(client);
            client.must("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
        }
    }
    let address = context.cluster.primary().address();
    let on_primary = context.cluster.status_counters(0).unwrap()["Threads_connected"];
    // Two replicas' threads, this question's own, and whatever a core keeps idle.
    assert!(on_primary < 30, "{on_primary} connections on {address} for 60 clients");
}

/// IGNORE_SPACE at login is part of `sql_mode`, and DEFAULT does not bring it back.
fn a_logins_flag_outlives_others(context: &Context) {
    let lanewire = context.lanewire_with(&["--shards=1"]);
    let options = lanewire.options().with(flags::IGNORE_SPACE);
    let mut one = Client::connect(&options).unwrap();
    let mut two = Client::connect(&options).unwrap();
    for mode in ["ANSI_QUOTES", "", "STRICT_ALL_TABLES"] {
        one.must(&format!("SET sql_mode='{mode}'")).unwrap();
        for _ in 0..4 {
            assert_eq!(one.must("SELECT @@sql_mode").unwrap().first_cell().unwrap(), mode);
            let own = two.must("SELECT @@sql_mode").unwrap().first_cell().unwrap();
            assert!(own.contains("IGNORE_SPACE"), "{own}");
        }
    }
}
