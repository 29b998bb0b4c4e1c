//! The servers' lists of connections, with the proxy's ids in them.

use crate::{Context, Test};
use lanewire_perf::client::{Client, Param, flags};
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("processlist::one_finds_oneself", one_finds_oneself),
    ("processlist::others_can_be_killed", others_can_be_killed),
    ("processlist::the_idiom", the_idiom),
    ("processlist::prepared", prepared),
    ("processlist::looks_like_the_servers", looks_like_the_servers),
    ("processlist::long_statements", long_statements),
];

fn own_id(client: &Client) -> String {
    client.greeting().thread_id.to_string()
}

/// Rows in which a column's value is `value`.
fn rows_with(client: &mut Client, sql: &str, column: usize, value: &str) -> Vec<Vec<String>> {
    let reply = client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    reply.table().into_iter().filter(|row| row[column] == value).collect()
}

const LISTS: [&str; 4] = [
    "SHOW PROCESSLIST",
    "show /* all */ full processlist",
    "SELECT * FROM information_schema.processlist",
    "SELECT ID, 'x' FROM INFORMATION_SCHEMA.`PROCESSLIST` WHERE info IS NOT NULL",
];

fn one_finds_oneself(context: &Context) {
    let lanewire = context.lanewire_with(&["--shards=2"]);
    for flag in [0, flags::DEPRECATE_EOF, flags::SESSION_TRACK | flags::DEPRECATE_EOF] {
        for prologue in ["DO 1", "SET @pinned=1", "BEGIN", "SET autocommit=0"] {
            let mut client = Client::connect(&lanewire.options().with(flag)).unwrap();
            client.must(prologue).unwrap();
            let id = own_id(&client);
            for sql in LISTS {
                assert_eq!(rows_with(&mut client, sql, 0, &id).len(), 1, "{sql} after {prologue}");
            }
            assert_eq!(client.must("SELECT CONNECTION_ID()").unwrap().first_cell().unwrap(), id);
        }
    }
}

fn others_can_be_killed(context: &Context) {
    let lanewire = context.lanewire_with(&["--shards=2"]);
    let mut client = lanewire.client();
    let mut others: Vec<Client> = (0..6).map(|_| lanewire.client()).collect();
    for other in &mut others {
        other.must("BEGIN").unwrap();
        other
            .must("SELECT n FROM numbers WHERE n = 1 FOR SHARE")
            .or_else(|_| other.must("SELECT n FROM numbers WHERE n = 1 LOCK IN SHARE MODE"))
            .unwrap();
    }
    for mut other in others {
        let id = own_id(&other);
        for sql in LISTS.iter().take(3) {
            assert_eq!(rows_with(&mut client, sql, 0, &id).len(), 1, "{sql}");
        }
        let sql = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx";
        // MariaDB looks at its transactions ten times a second.
        crate::support::eventually("the transaction is listed", || {
            rows_with(&mut client, sql, 0, &id).len() == 1
        });
        client.must(&format!("KILL {id}")).unwrap();
        let (_, closed) = other.wire().read_to_close();
        assert!(closed, "{id} is still there");
        // The server's thread ends a little after its connection.
        crate::support::eventually("the thread is gone", || {
            rows_with(&mut client, LISTS[0], 0, &id).is_empty()
        });
    }
}

/// What tools ask for.
fn the_idiom(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let id = own_id(&client);
    for sql in [
        "SELECT id, user FROM information_schema.processlist WHERE id = CONNECTION_ID()",
        "select p.id, p.user from information_schema.processlist p where p.id=connection_id()",
        "SELECT id, user FROM information_schema.processlist WHERE id IN (SELECT CONNECTION_ID())",
    ] {
        assert_eq!(client.must(sql).unwrap().table(), [[id.clone(), "app".into()]], "{sql}");
    }
    let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = CONNECTION_ID()";
    assert_eq!(client.must(count).unwrap().first_cell().unwrap(), "1");
    client.must("USE information_schema").unwrap();
    for sql in ["SELECT id FROM processlist WHERE id=CONNECTION_ID()", "SELECT CONNECTION_ID()"] {
        assert_eq!(client.must(sql).unwrap().first_cell().unwrap(), id, "{sql}");
    }
}

fn prepared(context: &Context) {
    let lanewire = context.lanewire();
    for flag in [0, flags::DEPRECATE_EOF] {
        let mut client = Client::connect(&lanewire.options().with(flag)).unwrap();
        let id = u64::from(client.greeting().thread_id).to_le_bytes();
        for (sql, params) in [
            ("SHOW FULL PROCESSLIST", &[][..]),
            ("SELECT id FROM information_schema.processlist WHERE id=CONNECTION_ID()", &[]),
            (
                "SELECT id, info FROM information_schema.processlist WHERE id=CONNECTION_ID() OR ?",
                &[Param::Int(0)],
            ),
        ] {
            for _ in 0..2 {
                let reply = client.run_prepared(sql, params).unwrap();
                let rows = reply.rows().unwrap_or_else(|| panic!("{sql}: {reply:?}"));
                let values = 1 + (rows.columns.len() + 2).div_ceil(8);
                let own = rows.rows.iter().filter(|row| row[values..values + 8] == id);
                assert_eq!(own.count(), 1, "{sql}");
            }
        }
    }
}

fn looks_like_the_servers(context: &Context) {
    let lanewire = context.lanewire();
    let mut direct = context.direct();
    let mut client = lanewire.client();
    for sql in LISTS {
        let expected = direct.must(sql).unwrap();
        let got = client.must(sql).unwrap();
        let (expected, got) = (expected.rows().unwrap(), got.rows().unwrap());
        assert_eq!(expected.columns, got.columns, "{sql}");
        let before = |rows: &[Vec<String>]| {
            // What is no connection of ours: replication and the like.
            rows.iter().filter(|row| row[1] == "repl").map(|row| row[0].clone()).collect::<Vec<_>>()
        };
        if sql != LISTS[3] {
            let (direct, through) =
                (direct.must(sql).unwrap().table(), client.must(sql).unwrap().table());
            assert_eq!(before(&direct).len(), 2, "{sql}");
            assert_eq!(before(&direct), before(&through), "{sql}");
        }
    }
    assert_eq!(client.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
}

/// A row of more than one packet.
fn long_statements(context: &Context) {
    let lanewire = context.lanewire();
    let (mut client, mut other) = (lanewire.client(), lanewire.client());
    let id = own_id(&other);
    for len in [0xFF_FFFF - 100, 0xFF_FFFF, 0xFF_FFFF + 100] {
        other.send_query(&format!("DO SLEEP(3), '{}'", "x".repeat(len))).unwrap();
        std::thread::sleep(Duration::from_millis(1000));
        let rows = rows_with(&mut client, "SHOW FULL PROCESSLIST", 0, &id);
        assert_eq!(rows.len(), 1, "{len}");
        assert!(rows[0][7].len() > len, "{len}: {}", rows[0][7].len());
        client.must(&format!("KILL QUERY {id}")).unwrap();
        other.read_query().unwrap();
    }
}
