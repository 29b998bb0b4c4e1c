//! The admin port, as users of mysql-proxy know it.

use crate::support::{Lanewire, eventually};
use crate::{Context, Test, place};
use lanewire_perf::client::{Address, Client, Options};

pub(crate) const TESTS: &[Test] = &[
    ("admin::walk_through", walk_through),
    ("admin::tables", tables),
    ("admin::logins_and_errors", logins_and_errors),
];

/// `(address, state, type)` of every backend.
fn backends(lanewire: &Lanewire) -> Vec<(String, String, String)> {
    let table = lanewire.admin_table("select * from backends");
    let column = |row: &[(String, String)], name: &str| {
        row.iter()
            .find(|(column, _)| column == name)
            .map(|(_, value)| value.clone())
            .expect("column")
    };
    table
        .iter()
        .map(|row| (column(row, "address"), column(row, "state"), column(row, "type")))
        .collect()
}

fn state_of(lanewire: &Lanewire, address: &str) -> String {
    let all = backends(lanewire);
    let found = all.iter().find(|(at, _, _)| at == address);
    found.map(|(_, state, _)| state.clone()).expect("a backend of that address")
}

fn walk_through(context: &Context) {
    let lanewire = context.lanewire();
    let addresses: Vec<String> =
        context.cluster.servers().iter().map(|server| server.address()).collect();
    let all = backends(&lanewire);
    let kinds: Vec<(&str, &str)> =
        all.iter().map(|(address, _, kind)| (address.as_str(), kind.as_str())).collect();
    assert_eq!(kinds, [(&*addresses[0], "rw"), (&*addresses[1], "ro"), (&*addresses[2], "ro")]);
    let mut client = lanewire.client();
    client.must("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
    eventually("the primary is up", || state_of(&lanewire, &addresses[0]) == "up");
    for _ in 0..8 {
        place(&mut client);
    }
    eventually("replica 1 is up", || state_of(&lanewire, &addresses[1]) == "up");
    eventually("replica 2 is up", || state_of(&lanewire, &addresses[2]) == "up");
    context.cluster.kill9(1).unwrap();
    for _ in 0..30 {
        assert_eq!(place(&mut client), "replica2");
    }
    eventually("replica 1 is down", || {
        place(&mut client);
        state_of(&lanewire, &addresses[1]) == "down"
    });
    let surveys = || lanewire.log().matches("surveyed").count();
    let before = surveys();
    context.cluster.restart(1).unwrap();
    eventually("replica 1 is up again", || {
        place(&mut client) == "replica1" && state_of(&lanewire, &addresses[1]) == "up"
    });
    // It may be another server now.
    eventually("replica 1 is looked at again", || surveys() > before);
}

fn tables(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    client.must("SET @a=1").unwrap();
    let names = |sql: &str| -> Vec<String> {
        let table = lanewire.admin_table(sql);
        table
            .first()
            .map(|row| row.iter().map(|(name, _)| name.clone()).collect())
            .unwrap_or_default()
    };
    let first = ["backend_ndx", "address", "state", "type", "uuid", "connected_clients"];
    assert_eq!(names("SELECT * FROM backends")[..6], first);
    assert!(!names("SELECT * FROM help").is_empty());
    assert_eq!(names("SELECT bytes_in, backend FROM pools"), ["bytes_in", "backend"]);
    for column in ["bytes_in", "bytes_out"] {
        eventually("traffic is counted", || {
            let pools = lanewire.admin_table(&format!("SELECT {column} FROM pools"));
            pools.iter().flatten().any(|(_, bytes)| bytes != "0")
        });
    }
    let shards = |column: &str| -> u64 {
        let table = lanewire.admin_table(&format!("SELECT {column} FROM shards"));
        table.iter().flatten().map(|(_, count)| count.parse::<u64>().unwrap()).sum()
    };
    assert_eq!(shards("pinned"), 1);
    eventually("the clients' traffic is counted", || {
        ["client_bytes_in", "client_bytes_out"].iter().all(|column| shards(column) > 0)
    });
    let sessions = lanewire.admin_table("SELECT * FROM sessions");
    let id = client.greeting().thread_id.to_string();
    let mine = sessions.iter().find(|row| row.iter().any(|(_, value)| *value == id));
    let mine = mine.unwrap_or_else(|| panic!("session {id} not in {sessions:?}"));
    assert!(mine.iter().any(|(_, value)| value.contains("variable")), "no pin's reason: {mine:?}");
}

fn logins_and_errors(context: &Context) {
    let lanewire = context.lanewire();
    let at = Address::local(lanewire.admin_port());
    let wrong = Client::connect(&Options::new(at.clone(), "admin", "wrong")).unwrap_err();
    assert_eq!(wrong.code(), Some(1045));
    assert!(Client::connect(&Options::new(at, "app", "app")).is_err());
    let mut admin = lanewire.admin().unwrap();
    for sql in ["SELECT * FROM nothing", "DROP TABLE backends", "nonsense"] {
        let reply = admin.query(sql).unwrap();
        let err = reply.error().unwrap_or_else(|| panic!("{sql:?} is no error"));
        assert!(err.message.contains("help"), "{sql:?}: {err}");
    }
    admin.ping().unwrap().ok().unwrap();
    admin.must("select * from backends;").unwrap();
}
