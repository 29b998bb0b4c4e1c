//! SIGTERM: what is open may end, nothing new begins, and the exit is clean.

use crate::support::eventually;
use crate::{Context, Test};
use lanewire_perf::client::Client;
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("drain::idle", idle),
    ("drain::transactions_end", transactions_end),
    ("drain::has_a_limit", has_a_limit),
];

fn idle(context: &Context) {
    let mut lanewire = context.lanewire();
    let mut client = lanewire.client();
    client.must("SELECT name FROM marker").unwrap();
    let began = Instant::now();
    assert_eq!(lanewire.stop().code(), Some(0), "{}", lanewire.log());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(client.query("SELECT 1").is_err());
}

fn transactions_end(context: &Context) {
    let mut lanewire = context.lanewire_with(&["--drain-timeout=20s"]);
    context.lay_out(&["DROP TABLE IF EXISTS drained", "CREATE TABLE drained (a INT)"]);
    let mut client = lanewire.client();
    client.must("BEGIN").unwrap();
    client.must("INSERT INTO drained VALUES (1)").unwrap();
    lanewire.begin_drain();
    let options = lanewire.options().timeout(Duration::from_secs(2));
    eventually("no new clients", || Client::connect(&options).is_err());
    client.must("INSERT INTO drained VALUES (2)").unwrap();
    assert!(lanewire.ended().is_none(), "it must wait for the transaction");
    client.must("COMMIT").unwrap();
    let mut end = None;
    eventually("the end", || {
        end = lanewire.ended();
        end.is_some()
    });
    assert_eq!(end.and_then(|status| status.code()), Some(0), "{}", lanewire.log());
    let rows = context.direct().must("SELECT COUNT(*) FROM drained").unwrap();
    assert_eq!(rows.first_cell().unwrap(), "2");
}

fn has_a_limit(context: &Context) {
    let mut lanewire = context.lanewire_with(&["--drain-timeout=1s"]);
    let mut client = lanewire.client();
    client.must("BEGIN").unwrap();
    client.must("UPDATE marker SET id = 1 WHERE id = 1").unwrap();
    let began = Instant::now();
    assert_eq!(lanewire.stop().code(), Some(0), "{}", lanewire.log());
    let took = began.elapsed();
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(8), "{took:?}");
}
