//! Links that crumble, cut, delay and stall.

use crate::support::fake::result_set;
use crate::support::{FakeServer, Fault, Link, Script, Setup};
use crate::{client, start};
use lanewire_perf::client::{Address, Client, Options};
use std::time::Duration;

/// Every packet in crumbs, on either side of the proxy.
#[test]
fn crumbs() {
    let primary = FakeServer::start(Script::Polite);
    let many: Vec<String> = (0..200).map(|n| format!("row {n}")).collect();
    let rows: Vec<&str> = many.iter().map(String::as_str).collect();
    primary.set_script(Script::Answer { on: "many", bytes: result_set(&rows, false) });
    for size in [1, 3, 7] {
        let backend = Link::start(&primary.address(), Fault::Crumbs(size));
        let lanewire = start(&Setup::new(&backend.address(), &[]));
        let frontend = Link::start(&format!("127.0.0.1:{}", lanewire.port()), Fault::Crumbs(size));
        let at = Address::Tcp(frontend.address());
        let mut client = Client::connect(&Options::new(at, "app", "app")).unwrap();
        for _ in 0..3 {
            let reply = client.must("SELECT many").unwrap();
            assert_eq!(reply.table(), many.iter().map(|row| vec![row.clone()]).collect::<Vec<_>>());
            client.must("UPDATE t SET a = 1").unwrap();
        }
    }
}

/// Cut in the middle of a reply: the client hears of it, and soon.
#[test]
fn cut_in_a_reply() {
    let primary = FakeServer::start(Script::Polite);
    let replica = FakeServer::start(Script::Polite);
    let many = vec!["a row of some length"; 3000];
    replica.set_script(Script::Answer { on: "many", bytes: result_set(&many, false) });
    for after in [300, 1000, 5000, 40_000] {
        let link = Link::start(&replica.address(), Fault::CutAfter(after));
        let lanewire = start(&Setup::new(&primary.address(), &[&link.address()]));
        let mut victim = client(&lanewire);
        let mut witness = client(&lanewire);
        let reply = victim.query("SELECT many");
        // Cut before the first byte of the reply, it is read elsewhere; later, it is lost.
        if let Ok(reply) = &reply
            && reply.error().is_none()
        {
            assert_eq!(
                reply.rows().unwrap().rows.len(),
                1,
                "{after}: half a result as a whole one"
            );
        }
        assert_eq!(witness.must("SELECT 1").unwrap().first_cell().unwrap(), "fake");
    }
}

/// A server that stalls in a reply holds its own client only.
#[test]
fn stalled() {
    let primary = FakeServer::start(Script::Polite);
    let replica = FakeServer::start(Script::Polite);
    let link = Link::start(&replica.address(), Fault::None);
    let lanewire = start(&Setup::new(&primary.address(), &[&link.address()]).args(&["--shards=1"]));
    let mut victim = client(&lanewire);
    victim.must("SELECT 1").unwrap();
    link.set_fault(Fault::Stall);
    victim.send_query("SELECT 2").unwrap();
    let mut witness = client(&lanewire);
    for _ in 0..20 {
        witness.must("UPDATE t SET a = 1").unwrap();
    }
    std::thread::sleep(Duration::from_millis(200));
    link.set_fault(Fault::None);
    assert_eq!(victim.read_query().unwrap().first_cell().unwrap(), "fake");
}

#[test]
fn delayed() {
    let primary = FakeServer::start(Script::Polite);
    let link = Link::start(&primary.address(), Fault::Delay(Duration::from_millis(30)));
    let lanewire = start(&Setup::new(&link.address(), &[]));
    let mut clients: Vec<Client> = (0..4).map(|_| client(&lanewire)).collect();
    for client in &mut clients {
        client.send_query("SELECT 1").unwrap();
    }
    for client in &mut clients {
        assert_eq!(client.read_query().unwrap().first_cell().unwrap(), "fake");
    }
}
