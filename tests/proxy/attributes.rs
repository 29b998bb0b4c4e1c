//! Connection attributes on their way to the servers.

use crate::{Scene, client};
use lanewire_perf::client::{Client, Options, flags, put_lenenc_bytes};

/// As a login has it.
fn pair(name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_lenenc_bytes(&mut out, name.as_bytes());
    put_lenenc_bytes(&mut out, value.as_bytes());
    out
}

fn has(login: &[u8], name: &str, value: &str) -> bool {
    let wanted = pair(name, value);
    login.windows(wanted.len()).any(|part| part == wanted)
}

#[test]
fn the_clients_own_and_the_proxys() {
    let scene = Scene::new(0, &[]);
    let version = env!("CARGO_PKG_VERSION");
    let mut options = Options::new(scene.lanewire.address(), "app", "app");
    options = options.with(flags::CONNECT_ATTRS);
    let long = "x".repeat(300);
    options.attributes = [("program_name", "batch"), ("_pid", "77"), ("team", long.as_str())]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    Client::connect(&options).unwrap().must("UPDATE t SET a = 1").unwrap();
    let logins = scene.primary.logins();
    let login = logins.iter().find(|login| has(login, "_pid", "77")).expect("passed on");
    assert!(has(login, "program_name", "batch") && has(login, "team", &long));
    assert!(has(login, "proxy_name", "lanewire") && has(login, "proxy_version", version));
    assert!(!has(login, "program_name", "lanewire"));
}

#[test]
fn of_a_client_that_gives_none() {
    let scene = Scene::new(0, &[]);
    client(&scene.lanewire).must("UPDATE t SET a = 1").unwrap();
    let logins = scene.primary.logins();
    assert!(logins.iter().any(|login| has(login, "program_name", "lanewire")));
}
