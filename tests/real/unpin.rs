//! A session shares connections again when the reason to keep one is gone, and not before.

use crate::support::Lanewire;
use crate::{Context, Test};
use lanewire_perf::client::{Client, Param};

pub(crate) const TESTS: &[Test] = &[
    ("unpin::when_the_reason_is_gone", when_the_reason_is_gone),
    ("unpin::not_before", not_before),
    ("unpin::prepared_in_binary", prepared_in_binary),
    ("unpin::what_others_left_is_gone", what_others_left_is_gone),
];

/// Why a session keeps its connection, as the admin port says it.
fn pins(lanewire: &Lanewire, client: &Client) -> String {
    let id = client.greeting().thread_id.to_string();
    let rows = lanewire.admin_table("SELECT * FROM sessions");
    let cell = |row: &[(String, String)], name: &str| {
        row.iter().find(|(column, _)| column == name).map(|(_, value)| value.clone()).unwrap()
    };
    let row = rows.iter().find(|row| cell(row, "id") == id).expect("the session is listed");
    cell(row, "pins")
}

/// A first read may still be needed where only the connection knows FOUND_ROWS().
fn reads_on_replica(client: &mut Client) -> bool {
    crate::place(client);
    crate::place(client).starts_with("replica")
}

/// A pin, and statements of which each but the last leaves the session where it is.
type Gone = (&'static str, &'static [&'static str]);

const GONE: &[Gone] = &[
    ("temporary-table", &["CREATE TEMPORARY TABLE up1 (a INT)", "DROP TEMPORARY TABLE up1"]),
    (
        "temporary-table",
        &[
            "CREATE TEMPORARY TABLE up1 AS SELECT 1 AS a",
            "CREATE TEMPORARY TABLE IF NOT EXISTS up1 (a INT)",
            "create temporary table test.up2 like up1",
            "INSERT INTO up2 SELECT * FROM up1",
            "DROP TABLE up1",
            "DROP TABLE IF EXISTS `up2`",
        ],
    ),
    (
        "temporary-table",
        &[
            "CREATE TEMPORARY TABLE up1 (a INT)",
            "CREATE TEMPORARY TABLE up2 (a INT)",
            "DROP TABLE test.up1, up2",
        ],
    ),
    ("named-lock", &["SELECT GET_LOCK('unpin', 1)", "SELECT RELEASE_LOCK('unpin')"]),
    (
        "named-lock",
        &[
            "SELECT GET_LOCK('unpin', 1)",
            "DO GET_LOCK('unpin', 1)",
            "DO RELEASE_LOCK('unpin')",
            "SELECT RELEASE_LOCK('unpin') AS released",
        ],
    ),
    (
        "named-lock",
        &[
            "SELECT GET_LOCK('unpin', 1)",
            "SELECT GET_LOCK('unpin2', 1)",
            "SELECT RELEASE_ALL_LOCKS()",
        ],
    ),
    ("handler", &["HANDLER numbers OPEN AS h", "HANDLER h READ FIRST", "HANDLER h CLOSE"]),
    (
        "handler",
        &[
            "HANDLER numbers OPEN",
            "HANDLER marker OPEN AS h",
            "HANDLER h CLOSE",
            "HANDLER numbers CLOSE",
        ],
    ),
    ("prepared-text", &["PREPARE s FROM 'SELECT 1'", "EXECUTE s", "DEALLOCATE PREPARE s"]),
    (
        "prepared-text",
        &[
            "PREPARE s FROM 'SELECT 1'",
            "PREPARE s2 FROM 'SELECT 2'",
            "DROP PREPARE s",
            "EXECUTE s2",
            "DEALLOCATE PREPARE s2",
        ],
    ),
    ("table-lock", &["LOCK TABLES marker READ", "UNLOCK TABLES"]),
    (
        "table-lock",
        &["LOCK TABLES marker READ", "LOCK TABLES marker READ, numbers READ", "UNLOCK TABLES"],
    ),
    ("table-lock", &["FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"]),
    ("table-lock", &["FLUSH TABLES marker WITH READ LOCK", "UNLOCK TABLES"]),
    ("xa", &["XA START 'unpin'", "XA END 'unpin'", "XA COMMIT 'unpin' ONE PHASE"]),
    (
        "xa",
        &[
            "XA START 'unpin','b',3",
            "UPDATE marker SET id=1 WHERE id=1",
            "XA END 'unpin','b',3",
            "XA PREPARE 'unpin','b',3",
            "XA ROLLBACK 'unpin','b',3",
        ],
    ),
    ("", &["XA RECOVER"]),
];
const GONE_MARIADB: &[Gone] = &[
    (
        "temporary-table",
        &[
            "CREATE OR REPLACE TEMPORARY TABLE up1 (a INT)",
            "CREATE OR REPLACE TEMPORARY TABLE up1 (b INT)",
            "DROP TABLE up1",
        ],
    ),
    ("table-lock", &["BACKUP STAGE START", "BACKUP STAGE END"]),
    ("table-lock", &["BACKUP LOCK test.marker", "BACKUP UNLOCK"]),
];
const GONE_MYSQL: &[Gone] = &[("table-lock", &["LOCK INSTANCE FOR BACKUP", "UNLOCK INSTANCE"])];

fn when_the_reason_is_gone(context: &Context) {
    let lanewire = context.lanewire_with(&["--shards=1"]);
    let others = if context.is_mariadb() { GONE_MARIADB } else { GONE_MYSQL };
    for (pin, statements) in GONE.iter().copied().chain(others.iter().copied()) {
        let mut client = Client::connect(&adm(&lanewire)).unwrap();
        let (last, before) = statements.split_last().unwrap();
        for sql in before {
            client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(pins(&lanewire, &client), pin, "{sql} of {statements:?}");
        }
        client.must(last).unwrap_or_else(|error| panic!("{last}: {error}"));
        assert_eq!(pins(&lanewire, &client), "", "{statements:?}");
        assert!(reads_on_replica(&mut client), "{statements:?}");
        // And once more: what was remembered is forgotten.
        for sql in before {
            client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        assert_eq!(pins(&lanewire, &client), pin, "{statements:?}");
        client.must(last).unwrap();
        assert!(reads_on_replica(&mut client), "{statements:?} again");
    }
}

fn adm(lanewire: &Lanewire) -> lanewire_perf::client::Options {
    lanewire_perf::client::Options::new(lanewire.address(), "adm", "adm").schema("test")
}

/// What may still be there, and a question that only its connection answers as expected.
const STILL: [(&[&str], &str, &str); 14] = [
    // Not all are dropped.
    (
        &[
            "CREATE TEMPORARY TABLE up1 (a INT)",
            "CREATE TEMPORARY TABLE up2 AS SELECT 2 AS a",
            "DROP TABLE up1",
        ],
        "SELECT a FROM up2",
        "2",
    ),
    // Another schema's.
    (
        &[
            "CREATE DATABASE IF NOT EXISTS unpin",
            "CREATE TEMPORARY TABLE up1 AS SELECT 3 AS a",
            "DROP TABLE IF EXISTS unpin.up1",
        ],
        "SELECT a FROM up1",
        "3",
    ),
    (
        &[
            "CREATE TEMPORARY TABLE up1 AS SELECT 4 AS a",
            "USE unpin",
            "DROP TABLE IF EXISTS up1",
            "USE test",
        ],
        "SELECT a FROM up1",
        "4",
    ),
    // Renamed.
    (
        &[
            "CREATE TEMPORARY TABLE up1 AS SELECT 5 AS a",
            "ALTER TABLE up1 RENAME TO up2",
            "DROP TABLE IF EXISTS up1",
        ],
        "SELECT a FROM up2",
        "5",
    ),
    // In several statements.
    (
        &[
            "CREATE TEMPORARY TABLE up1 (a INT); CREATE TEMPORARY TABLE up2 AS SELECT 6 AS a",
            "DROP TABLE up1",
        ],
        "SELECT a FROM up2",
        "6",
    ),
    (
        &["CREATE TEMPORARY TABLE up1 AS SELECT 7 AS a", "DROP TABLE IF EXISTS nothing; DO 1"],
        "SELECT a FROM up1",
        "7",
    ),
    // In procedures.
    (
        &["CREATE TEMPORARY TABLE up1 (a INT)", "CALL makes_up2()", "DROP TABLE up1"],
        "SELECT a FROM up2",
        "8",
    ),
    (&["CALL makes_up2()", "DROP TABLE IF EXISTS up1"], "SELECT a FROM up2", "8"),
    (
        &[
            "CREATE TEMPORARY TABLE up1 AS SELECT 9 AS a",
            "CALL renames_up1()",
            "DROP TABLE IF EXISTS up1",
        ],
        "SELECT a FROM up2",
        "9",
    ),
    // The drop fails.
    (
        &["CREATE TEMPORARY TABLE up1 AS SELECT 10 AS a", "-DROP TABLE up3"],
        "SELECT a FROM up1",
        "10",
    ),
    // A lock taken twice, another's name, one that is not released after all.
    (
        &["SELECT GET_LOCK('un',1)", "SELECT GET_LOCK('un',1)", "SELECT RELEASE_LOCK('un')"],
        "SELECT IS_USED_LOCK('un') IS NOT NULL AND GET_LOCK('un', 0)",
        "1",
    ),
    (
        &[
            "SELECT GET_LOCK('un',1)",
            "SELECT RELEASE_LOCK('un2')",
            "DO RELEASE_LOCK('un') OR 1=2 AND 3",
        ],
        "SELECT 11",
        "11",
    ),
    (
        &["PREPARE s FROM 'SELECT 12'", "PREPARE t FROM 'SELECT 13'", "DEALLOCATE PREPARE s"],
        "EXECUTE t",
        "13",
    ),
    (
        &["PREPARE s FROM 'SELECT @hidden:=14'", "EXECUTE s", "DEALLOCATE PREPARE s"],
        "SELECT @hidden",
        "14",
    ),
];

fn not_before(context: &Context) {
    context.lay_out(&[
        "DROP PROCEDURE IF EXISTS makes_up2",
        "CREATE PROCEDURE makes_up2() CREATE TEMPORARY TABLE up2 AS SELECT 8 AS a",
        "DROP PROCEDURE IF EXISTS renames_up1",
        "CREATE PROCEDURE renames_up1() ALTER TABLE up1 RENAME TO up2",
    ]);
    // Others take every connection that is free, in turn.
    let two = "[pool]\nmax-connections = 40\nmin-idle = 0\nmax-idle = 2\n";
    let lanewire = context.lanewire_as(two, &["--shards=1"]);
    let mut others: Vec<Client> = (0..3).map(|_| lanewire.client()).collect();
    for (statements, question, answer) in STILL {
        let mut client = lanewire.client();
        for sql in statements {
            if let Some(sql) = sql.strip_prefix('-') {
                assert!(client.query(sql).unwrap().error().is_some(), "{sql}");
                continue;
            }
            client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            for (number, other) in others.iter_mut().enumerate() {
                other.must(&format!("SET time_zone='+0{number}:00'")).unwrap();
                other.must("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
            }
        }
        for _ in 0..2 {
            client.must("SELECT name FROM marker").unwrap();
        }
        let reply = client.must(question).unwrap_or_else(|error| panic!("{statements:?}: {error}"));
        assert_eq!(reply.first_cell().unwrap(), answer, "{statements:?}");
    }
}

fn prepared_in_binary(context: &Context) {
    let lanewire = context.lanewire_with(&["--shards=1"]);
    let mut client = lanewire.client();
    client.must("CREATE DATABASE IF NOT EXISTS unpin").unwrap();
    let create = client.prepare("CREATE TEMPORARY TABLE up1 AS SELECT 1 AS a").unwrap().id;
    let drop = client.prepare("DROP TEMPORARY TABLE up1").unwrap().id;
    for _ in 0..2 {
        client.execute(create, &[]).unwrap().ok().unwrap();
        assert_eq!(pins(&lanewire, &client), "temporary-table");
        client.execute(drop, &[]).unwrap().ok().unwrap();
        assert_eq!(pins(&lanewire, &client), "");
        assert!(reads_on_replica(&mut client));
    }
    // Prepared in another schema than the current: its names are of that one.
    client.must("USE unpin").unwrap();
    client.execute(create, &[]).unwrap().ok().unwrap();
    client.must("DROP TEMPORARY TABLE IF EXISTS up1").unwrap();
    assert_eq!(client.must("SELECT a FROM test.up1").unwrap().first_cell().unwrap(), "1");
    client.must("DROP TEMPORARY TABLE test.up1").unwrap();
    assert_eq!(pins(&lanewire, &client), "");
    // Which lock is a parameter's affair.
    let lock = client.prepare("SELECT GET_LOCK(?, 1)").unwrap().id;
    let release = client.prepare("SELECT RELEASE_LOCK(?)").unwrap().id;
    let name = [Param::Bytes(b"unpin binary".to_vec())];
    client.execute(lock, &name).unwrap().rows().unwrap();
    client.execute(release, &name).unwrap().rows().unwrap();
    assert_eq!(pins(&lanewire, &client), "named-lock");
}

/// The connection that was kept goes to others clean.
fn what_others_left_is_gone(context: &Context) {
    let one = "[pool]\nmax-connections = 1\nmin-idle = 0\nmax-idle = 1\n";
    let lanewire = context.lanewire_as(one, &["--shards=1"]);
    let (mut client, mut other) = (lanewire.client(), lanewire.client());
    for (open, close) in [
        ("SELECT GET_LOCK('unpin',1)", "SELECT RELEASE_LOCK('unpin')"),
        ("CREATE TEMPORARY TABLE up1 (a INT)", "DROP TABLE up1"),
        ("PREPARE s FROM 'SELECT 1'", "DEALLOCATE PREPARE s"),
        ("XA START 'one'", "XA COMMIT 'one' ONE PHASE"),
        ("LOCK TABLES marker WRITE", "UNLOCK TABLES"),
    ] {
        for _ in 0..2 {
            client.must(open).unwrap();
            client.must("SET sql_mode='ANSI_QUOTES', time_zone='+03:00'").unwrap();
            if close.starts_with("XA") {
                client.must("XA END 'one'").unwrap();
            }
            client.must(close).unwrap();
            let state = other.must("SELECT @@time_zone, \"x\" FOR UPDATE").unwrap().table();
            assert_eq!(state, [["SYSTEM", "x"]], "{open}");
            let own = client.must("SELECT @@time_zone, @@sql_mode FOR UPDATE").unwrap().table();
            assert_eq!(own, [["+03:00", "ANSI_QUOTES"]], "{open}");
        }
    }
}
