//! KILL by the ids that the proxy gave out.

use crate::{Context, Test};
use lanewire_perf::client::Error;
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("kill::connection_id_is_the_greetings", connection_id_is_the_greetings),
    ("kill::query", query),
    ("kill::connection", connection),
    ("kill::nobody", nobody),
];

fn connection_id_is_the_greetings(context: &Context) {
    let lanewire = context.lanewire();
    for _ in 0..10 {
        let mut client = lanewire.client();
        let id = client.greeting().thread_id.to_string();
        let reply = client.must("SELECT CONNECTION_ID()").unwrap();
        assert_eq!(reply.first_cell().unwrap(), id);
        assert_eq!(reply.rows().unwrap().columns[0].name, "CONNECTION_ID()");
        let sql = "SELECT name, connection_id() + 0 AS c FROM marker";
        assert_eq!(client.must(sql).unwrap().table()[0][1], id);
    }
}

fn query(context: &Context) {
    let lanewire = context.lanewire();
    let mut killer = lanewire.client();
    // On a replica, on the primary, and in a transaction.
    for prologue in ["DO 1", "SET @pinned=1", "BEGIN"] {
        let mut victim = lanewire.client();
        victim.must(prologue).unwrap();
        let id = victim.greeting().thread_id;
        victim.send_query("SELECT SLEEP(30), name FROM marker").unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        killer.must(&format!("KILL QUERY {id}")).unwrap();
        let reply = victim.read_query().unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{prologue}: {:?}", began.elapsed());
        // MariaDB ends it with an error, MySQL lets SLEEP return 1.
        let code = reply.error().map(|err| err.code);
        assert!(code == Some(1317) || reply.first_cell().as_deref() == Some("1"), "{reply:?}");
        assert_eq!(victim.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
    }
}

fn connection(context: &Context) {
    let lanewire = context.lanewire();
    let mut killer = lanewire.client();
    for (form, busy) in [("KILL", true), ("KILL CONNECTION", true), ("kill connection", false)] {
        let mut victim = lanewire.client();
        let mut bystander = lanewire.client();
        bystander.must("SET @mine=1").unwrap();
        let id = victim.greeting().thread_id;
        if busy {
            victim.send_query("SELECT SLEEP(30), name FROM marker FOR UPDATE").unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        killer.must(&format!("{form} {id}")).unwrap();
        let began = Instant::now();
        let (_, closed) = victim.wire().read_to_close();
        assert!(closed && began.elapsed() < Duration::from_secs(5), "{form}: still there");
        assert_eq!(bystander.must("SELECT @mine").unwrap().first_cell().unwrap(), "1");
    }
}

fn nobody(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    for sql in ["KILL 4294967290", "KILL QUERY 4294967290"] {
        let reply = client.query(sql).unwrap();
        assert_eq!(reply.error().map(|err| err.code), Some(1094), "{sql}");
    }
    // Itself: the error, and the end.
    let id = client.greeting().thread_id;
    let reply = client.query(&format!("KILL {id}"));
    let ended = match &reply {
        Ok(reply) => reply.error().is_some_and(|err| err.code == 1317 || err.code == 1927),
        Err(error) => matches!(error, Error::Closed),
    };
    assert!(ended, "{reply:?}");
    assert!(client.query("SELECT 1").is_err());
}
