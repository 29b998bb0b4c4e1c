//! Choosing, setting aside, trying again.

use crate::support::fake::{err, framed};
use crate::support::{FakeServer, Script, Setup, eventually};
use crate::{Scene, client, start};
use std::time::{Duration, Instant};

#[test]
fn reads_spread_and_writes_do_not() {
    let scene = Scene::new(2, &[]);
    let mut client = scene.client();
    for _ in 0..40 {
        client.must("SELECT a FROM t").unwrap();
        client.must("UPDATE t SET a = 1").unwrap();
    }
    let reads: Vec<usize> =
        scene.replicas.iter().map(|replica| replica.statements("SELECT a").len()).collect();
    assert_eq!(reads.iter().sum::<usize>(), 40);
    assert!(reads.iter().all(|reads| *reads >= 10), "{reads:?}");
    assert!(scene.replicas.iter().all(|replica| replica.statements("UPDATE").is_empty()));
    assert_eq!(scene.primary.statements("UPDATE t").len(), 40);
    assert!(scene.primary.statements("SELECT a").is_empty());
}

/// A slow replica has more outstanding requests, so it gets fewer.
#[test]
fn a_slow_replica_gets_less() {
    let scene = Scene::new(2, &["--shards=1"]);
    scene.replicas[0]
        .set_script(Script::Delay { on: "SELECT a", delay: Duration::from_millis(100) });
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut client = scene.client();
                for _ in 0..20 {
                    client.must("SELECT a").unwrap();
                }
            });
        }
    });
    let slow = scene.replicas[0].statements("SELECT a").len();
    let quick = scene.replicas[1].statements("SELECT a").len();
    assert_eq!(slow + quick, 120);
    assert!(quick > 2 * slow, "slow {slow}, quick {quick}");
}

/// A server that accepts and says nothing costs the connect timeout once, not for ever.
#[test]
fn a_silent_replica() {
    let primary = FakeServer::start(Script::Polite);
    let silent = FakeServer::start(Script::Silent);
    let setup = Setup::new(&primary.address(), &[&silent.address()]);
    let lanewire = start(&setup.args(&["--proxy-connect-timeout=1s"]));
    let mut client = client(&lanewire);
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "fake");
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// Nobody listens there at first.
#[test]
fn a_replica_that_comes_later() {
    let scene = Scene::new(1, &[]);
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = Setup::new(&scene.primary.address(), &[&dead.to_string()]);
    let lanewire = start(&setup);
    let mut client = client(&lanewire);
    for _ in 0..10 {
        client.must("SELECT 1").unwrap();
    }
    assert_eq!(scene.primary.statements("SELECT 1").len(), 10);
}

/// A write that may have reached the server is never sent twice.
#[test]
fn writes_are_not_repeated() {
    let scene = Scene::new(1, &[]);
    scene.primary.set_script(Script::AnswerAndClose { on: "INSERT", bytes: Vec::new() });
    let mut client = scene.client();
    for number in 1..=5 {
        let reply = client.query("INSERT INTO t VALUES (1)");
        let failed = reply.map_or(true, |reply| reply.error().is_some());
        assert!(failed);
        eventually("the session or a new one goes on", || {
            client.query("SELECT 1").is_ok() || {
                client = scene.client();
                false
            }
        });
        assert_eq!(scene.primary.statements("INSERT").len(), number);
    }
}

/// What brings `FOUND_ROWS()` to a connection needs functions that an old server does not have:
/// that is no reason to refuse the client's statement.
#[test]
fn a_server_that_refuses_the_count() {
    let scene = Scene::new(1, &["--shards=1"]);
    let refusal = framed(1, &err(1064, "You have an error in your SQL syntax"));
    scene.primary.set_script(Script::Answer { on: "SELECT 1 LIMIT 1", bytes: refusal });
    let mut client = scene.client();
    for _ in 0..2 {
        client.must("SELECT a").unwrap();
        client.must("CALL p()").unwrap();
    }
    assert!(!scene.primary.statements("SELECT 1 LIMIT 1").is_empty());
    assert_eq!(scene.primary.statements("CALL").len(), 2);
}
