//! Lanewire in front of scripted servers and faulty links: what real servers do rarely.

mod attributes;
mod backends;
mod idle;
mod links;
mod nonsense;
#[path = "../support/mod.rs"]
mod support;

use lanewire_perf::client::{Address, Client, Options};
use std::time::Duration;
use support::{FakeServer, Lanewire, Script, Setup};

/// A Lanewire in front of a fake primary and fake replicas.
struct Scene {
    primary: FakeServer,
    replicas: Vec<FakeServer>,
    lanewire: Lanewire,
}

impl Scene {
    /// All servers polite at first.
    fn new(replicas: usize, args: &[&str]) -> Self {
        let primary = FakeServer::start(Script::Polite);
        let replicas: Vec<FakeServer> =
            (0..replicas).map(|_| FakeServer::start(Script::Polite)).collect();
        let addresses: Vec<String> = replicas.iter().map(FakeServer::address).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let lanewire = start(&Setup::new(&primary.address(), &addresses).args(args));
        Self { primary, replicas, lanewire }
    }

    fn client(&self) -> Client {
        client(&self.lanewire)
    }
}

fn start(setup: &Setup) -> Lanewire {
    Lanewire::start(setup).unwrap_or_else(|error| panic!("{error}"))
}

/// Without a schema: the fakes have none.
fn client(lanewire: &Lanewire) -> Client {
    let Address::Tcp(_) = lanewire.address() else { panic!("a TCP port") };
    let options = Options::new(lanewire.address(), "app", "app").timeout(Duration::from_secs(10));
    Client::connect(&options).unwrap_or_else(|error| panic!("{error}\n{}", lanewire.log()))
}
