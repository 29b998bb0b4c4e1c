//! What other splitters get wrong, a test each.

use crate::{Context, Test, assert_on_replica, place};
use lanewire_perf::client::{Client, Param};

pub(crate) const TESTS: &[Test] = &[
    ("peers::for_update", for_update),
    ("peers::reads_with_autocommit_off", reads_with_autocommit_off),
    ("peers::user_variable_then_read", user_variable_then_read),
    ("peers::temporary_table", temporary_table),
    ("peers::set_session_is_kept", set_session_is_kept),
    ("peers::last_insert_id", last_insert_id),
    ("peers::binary_statements", binary_statements),
];

fn cell(client: &mut Client, sql: &str) -> String {
    let reply = client.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    reply.first_cell().unwrap_or_else(|| "NULL".into())
}

fn for_update(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    assert_on_replica(&mut client);
    for lock in ["FOR UPDATE", "LOCK IN SHARE MODE", "for /* a */ update"] {
        let sql = format!("SELECT name FROM marker WHERE id = 1 {lock}");
        assert_eq!(cell(&mut client, &sql), "primary", "{sql}");
        let sql = format!("SELECT name FROM (SELECT * FROM marker {lock}) AS inside");
        assert_eq!(cell(&mut client, &sql), "primary", "{sql}");
    }
    // And it locks: a second session waits.
    client.must("BEGIN").unwrap();
    client.must("SELECT name FROM marker WHERE id = 1 FOR UPDATE").unwrap();
    let mut other = lanewire.client();
    other.must("SET innodb_lock_wait_timeout=1").unwrap();
    let refused = other.query("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
    assert_eq!(refused.error().map(|err| err.code), Some(1205));
    client.must("COMMIT").unwrap();
    assert_on_replica(&mut client);
}

fn reads_with_autocommit_off(context: &Context) {
    let lanewire = context.lanewire();
    context.lay_out(&["DROP TABLE IF EXISTS ac", "CREATE TABLE ac (a INT)"]);
    let mut client = lanewire.client();
    client.must("SET autocommit=0").unwrap();
    assert_eq!(place(&mut client), "primary");
    client.must("INSERT INTO ac VALUES (1)").unwrap();
    assert_eq!(cell(&mut client, "SELECT COUNT(*) FROM ac"), "1");
    client.must("ROLLBACK").unwrap();
    assert_eq!(cell(&mut client, "SELECT COUNT(*) FROM ac"), "0");
    assert_eq!(place(&mut client), "primary");
    client.must("COMMIT").unwrap();
    client.must("SET autocommit=1").unwrap();
    assert_on_replica(&mut client);
    // Another session on the same connections is not in a transaction.
    let mut other = lanewire.client();
    let reply = other.must("INSERT INTO ac VALUES (2)").unwrap();
    assert_eq!(reply.ok().unwrap().status & 3, 2);
    assert_eq!(cell(&mut context.direct(), "SELECT COUNT(*) FROM ac"), "1");
}

fn user_variable_then_read(context: &Context) {
    let lanewire = context.lanewire();
    let mut clients: Vec<Client> = (0..8).map(|_| lanewire.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        match number % 4 {
            0 => client.must(&format!("SET @a={number}")),
            1 => client.must(&format!("SELECT @a:={number}")),
            2 => client.must(&format!("SELECT {number} INTO @a")),
            _ => client.must(&format!("SET sql_mode='', @a={number}")),
        }
        .unwrap();
    }
    for _ in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(cell(client, "SELECT @a"), number.to_string());
            let sql = "SELECT COUNT(*) FROM numbers WHERE n <= @a";
            assert_eq!(cell(client, sql), number.to_string());
        }
    }
    drop(clients);
    for _ in 0..20 {
        assert_eq!(cell(&mut lanewire.client(), "SELECT @a"), "NULL");
    }
}

fn temporary_table(context: &Context) {
    let lanewire = context.lanewire();
    let mut clients: Vec<Client> = (0..6).map(|_| lanewire.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.must("CREATE TEMPORARY TABLE mine (a INT)").unwrap();
        client.must(&format!("INSERT INTO mine VALUES ({number})")).unwrap();
        // One that hides a table of the same name.
        client.must("CREATE TEMPORARY TABLE marker (id INT, name VARCHAR(20))").unwrap();
        client.must(&format!("INSERT INTO marker VALUES (1, 'hidden{number}')")).unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(cell(client, "SELECT a FROM mine"), number.to_string());
        assert_eq!(place(client), format!("hidden{number}"));
        client.must("DROP TEMPORARY TABLE marker").unwrap();
        assert_ne!(place(client), format!("hidden{number}"));
    }
    drop(clients);
    for _ in 0..20 {
        let reply = lanewire.client().query("SELECT a FROM mine").unwrap();
        assert_eq!(reply.error().map(|err| err.code), Some(1146));
    }
}

fn set_session_is_kept(context: &Context) {
    let lanewire = context.lanewire();
    let (mut quoting, mut plain) = (lanewire.client(), lanewire.client());
    quoting.must("SET SESSION sql_mode='ANSI_QUOTES'").unwrap();
    quoting.must("SET SESSION group_concat_max_len=4, time_zone='+05:00'").unwrap();
    for _ in 0..10 {
        let sql = "SELECT \"name\", FROM_UNIXTIME(0), GROUP_CONCAT('abcdefgh') FROM marker";
        let row = quoting.must(sql).unwrap().table().remove(0);
        assert!(row[0].starts_with("replica"), "{row:?}");
        assert_eq!(row[1..], ["1970-01-01 05:00:00", "abcd"]);
        let row = plain.must(sql).unwrap().table().remove(0);
        assert_eq!((row[0].as_str(), row[2].as_str()), ("name", "abcdefgh"));
        assert_ne!(row[1], "1970-01-01 05:00:00");
    }
    quoting.must("SET sql_mode=DEFAULT").unwrap();
    let sql = "SELECT \"name\", FROM_UNIXTIME(0) FROM marker";
    assert_eq!(quoting.must(sql).unwrap().table()[0], ["name", "1970-01-01 05:00:00"]);
}

fn last_insert_id(context: &Context) {
    let lanewire = context.lanewire();
    context.lay_out(&[
        "DROP TABLE IF EXISTS ids",
        "CREATE TABLE ids (id INT AUTO_INCREMENT PRIMARY KEY, who INT)",
    ]);
    let mut clients: Vec<Client> = (0..6).map(|_| lanewire.client()).collect();
    let mut ids = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let reply = client.must(&format!("INSERT INTO ids (who) VALUES ({number})")).unwrap();
        ids.push(reply.ok().unwrap().last_insert_id.to_string());
    }
    context.in_sync();
    for (number, (client, id)) in clients.iter_mut().zip(&ids).enumerate() {
        assert_on_replica(client);
        assert_eq!(&cell(client, "SELECT LAST_INSERT_ID()"), id);
        assert_eq!(&cell(client, "SELECT @@identity"), id);
        let sql = "SELECT who FROM ids WHERE id = LAST_INSERT_ID()";
        assert_eq!(cell(client, sql), number.to_string());
        client.must("UPDATE ids SET who = who + 100 WHERE id = LAST_INSERT_ID()").unwrap();
    }
    let sum = cell(&mut context.direct(), "SELECT SUM(who) FROM ids");
    assert_eq!(sum, (600 + 15).to_string());
    assert_eq!(cell(&mut lanewire.client(), "SELECT LAST_INSERT_ID()"), "0");
}

fn binary_statements(context: &Context) {
    let lanewire = context.lanewire();
    context.lay_out(&[
        "DROP TABLE IF EXISTS bin",
        "CREATE TABLE bin (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20), d DOUBLE)",
    ]);
    let mut clients: Vec<Client> = (0..4).map(|_| lanewire.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let text = Param::Bytes(format!("v{number}").into_bytes());
        let params = [text, Param::Double(1.5)];
        let insert = client.prepare("INSERT INTO bin (v, d) VALUES (?, ?)").unwrap();
        let select = client.prepare("SELECT v, d, ? FROM bin WHERE id = LAST_INSERT_ID()").unwrap();
        assert_eq!((select.params.len(), select.columns.len()), (1, 3));
        for (at, types) in [(0, true), (1, false), (2, false)] {
            let reply = client.execute_as(insert.id, &params, types).unwrap();
            assert_eq!(reply.ok().unwrap().affected_rows, 1, "{at}");
        }
        let reply = client.execute(select.id, &[Param::Null]).unwrap();
        let rows = reply.rows().unwrap();
        // Header, null bitmap (third column), the text, the double.
        let mut row = vec![0, 0b1_0000, 2];
        row.extend_from_slice(format!("v{number}").as_bytes());
        row.extend_from_slice(&1.5_f64.to_le_bytes());
        assert_eq!(rows.rows, [row]);
        client.reset_statement(insert.id).unwrap().ok().unwrap();
        client.close_statement(insert.id).unwrap();
        let gone = client.execute(insert.id, &params).unwrap();
        assert_eq!(gone.error().map(|err| err.code), Some(1243), "{}", lanewire.log());
        client.execute(select.id, &[Param::Int(7)]).unwrap().rows().unwrap();
        client.close_statement(select.id).unwrap();
        assert_eq!(cell(client, "SELECT 1"), "1");
    }
    assert_eq!(cell(&mut context.direct(), "SELECT COUNT(*) FROM bin"), "12");
}
