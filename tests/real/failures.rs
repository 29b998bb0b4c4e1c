//! Servers that die, hang and come back.

use crate::support::eventually;
use crate::{Context, Test, place};
use lanewire_perf::client::Client;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("failures::replica_dies_and_returns", replica_dies_and_returns),
    ("failures::no_replica_left", no_replica_left),
    ("failures::primary_down", primary_down),
    ("failures::restarted_primary", restarted_primary),
    ("failures::replica_without_the_schema", replica_without_the_schema),
];

/// `$REPLICA_KILLS` (default 3) kills and restarts of a replica under reads: none may fail.
fn replica_dies_and_returns(context: &Context) {
    let lanewire = context.lanewire();
    let kills = std::env::var("REPLICA_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    // The last second of a killed server's log is not on disk yet.
    std::thread::sleep(Duration::from_millis(1500));
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = lanewire.client();
                    while !stop.load(Ordering::Relaxed) {
                        let reply = client.must("SELECT name FROM marker WHERE id = 1");
                        let reply = reply.unwrap_or_else(|error| panic!("a read failed: {error}"));
                        assert!(reply.first_cell().is_some());
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for kill in 0..kills {
            std::thread::sleep(Duration::from_millis(200));
            context.cluster.kill9(1 + kill % 2).expect("a running replica");
            std::thread::sleep(Duration::from_millis(200));
            context.cluster.restart(1 + kill % 2).expect("it comes up again");
            if readers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(reads.load(Ordering::Relaxed) > 100);
    let mut client = lanewire.client();
    eventually("replica 1 reads again", || place(&mut client) == "replica1");
    eventually("replica 2 reads again", || place(&mut client) == "replica2");
}

fn no_replica_left(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    std::thread::sleep(Duration::from_millis(1500));
    context.cluster.kill9(1).unwrap();
    context.cluster.kill9(2).unwrap();
    for _ in 0..20 {
        assert_eq!(place(&mut client), "primary");
    }
    context.cluster.restart(1).unwrap();
    context.cluster.restart(2).unwrap();
    eventually("reads return to replicas", || place(&mut client).starts_with("replica"));
}

fn primary_down(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let mut in_transaction = lanewire.client();
    in_transaction.must("BEGIN").unwrap();
    in_transaction.must("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
    client.must("SET time_zone='+04:00'").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    context.cluster.kill9(0).unwrap();
    // A transaction is lost, and says so.
    let lost = in_transaction.query("SELECT name FROM marker");
    assert!(lost.is_err() || lost.is_ok_and(|reply| reply.error().is_some()));
    for _ in 0..5 {
        let reply = client.query("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
        let err = reply.error().expect("no primary");
        assert_eq!(err.state.len(), 5, "{err}");
        assert!(err.message.len() > 20, "{err}");
        assert!(place(&mut client).starts_with("replica"));
    }
    let reply = client.query("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
    assert_eq!(reply.error().map(|err| err.code), Some(1290));
    let fresh = Client::connect(&lanewire.options());
    assert!(place(&mut fresh.expect("new clients still come in")).starts_with("replica"));
    context.cluster.restart(0).unwrap();
    eventually("writes work again", || {
        let reply = client.query("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
        reply.error().is_none()
    });
    // The session kept what it had set.
    let reply = client.must("SELECT FROM_UNIXTIME(0)").unwrap();
    assert_eq!(reply.first_cell().unwrap(), "1970-01-01 04:00:00");
    eventually("replication goes on", || context.cluster.wait_in_sync().is_ok());
}

/// Idle connections to a server that was restarted are dead: nobody may notice.
fn restarted_primary(context: &Context) {
    let lanewire = context.lanewire();
    let mut clients: Vec<Client> = (0..6).map(|_| lanewire.client()).collect();
    for client in &mut clients {
        client.must("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
        place(client);
    }
    context.cluster.servers()[0].stop();
    context.cluster.restart(0).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    for client in &mut clients {
        eventually("writes work", || {
            let reply = client.query("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
            reply.error().is_none()
        });
    }
    eventually("replication goes on", || context.cluster.wait_in_sync().is_ok());
}

/// A replica that is behind may not have the session's schema yet: another backend answers.
fn replica_without_the_schema(context: &Context) {
    context.lay_out(&[
        "CREATE DATABASE IF NOT EXISTS late",
        "CREATE TABLE IF NOT EXISTS late.t (v INT)",
        "INSERT INTO late.t VALUES (7)",
    ]);
    for replica in context.cluster.replicas() {
        let mut root = replica.root().unwrap();
        for sql in ["SET GLOBAL super_read_only = 0", "SET sql_log_bin = 0", "DROP DATABASE late"] {
            // MariaDB has no super_read_only, and lets root write.
            let done = root.must(sql);
            assert!(done.is_ok() || context.is_mariadb(), "{sql}: {done:?}");
        }
    }
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    client.must("USE late").unwrap();
    for _ in 0..6 {
        let reply = client.must("SELECT v FROM t").unwrap();
        assert_eq!(reply.first_cell().unwrap(), "7");
    }
    context.lay_out(&["DROP DATABASE IF EXISTS late"]);
}
