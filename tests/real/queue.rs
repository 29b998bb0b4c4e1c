//! More sessions than connections: waiting, in order, and not for ever.

use crate::{Context, Test};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] =
    &[("queue::waits_its_turn", waits_its_turn), ("queue::gives_up_with_an_error", gives_up)];

/// One connection to each backend; sessions wait at most a second for it.
const NARROW: &str = "[pool]\nmax-connections = 1\nmin-idle = 0\nmax-idle = 1\n\
                      [timeouts]\nqueue = \"1s\"\n";
/// Two.
const TWO: &str = "[pool]\nmax-connections = 2\nmin-idle = 0\nmax-idle = 2\n";

fn gives_up(context: &Context) {
    let lanewire = context.lanewire_as(NARROW, &["--shards=1"]);
    context.lay_out(&["DROP TABLE IF EXISTS line", "CREATE TABLE line (a INT)"]);
    let (mut holder, mut waiter) = (lanewire.client(), lanewire.client());
    holder.must("BEGIN").unwrap();
    holder.must("INSERT INTO line VALUES (1)").unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let reply = waiter.query("INSERT INTO line VALUES (2)").unwrap();
        let err = reply.error().expect("no connection is free");
        assert!(
            matches!((err.code, err.state.as_str()), (1040, "08004") | (1203, "42000")),
            "{err}"
        );
        assert!(began.elapsed() > Duration::from_millis(800), "{:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        // Reads have connections of their own.
        waiter.must("SELECT name FROM marker").unwrap();
    }
    holder.must("COMMIT").unwrap();
    assert_eq!(waiter.must("INSERT INTO line VALUES (3)").unwrap().ok().unwrap().affected_rows, 1);
    let rows = context.direct().must("SELECT a FROM line ORDER BY a").unwrap();
    assert_eq!(rows.table(), [["1"], ["3"]]);
}

fn waits_its_turn(context: &Context) {
    let lanewire = context.lanewire_as(TWO, &["--shards=1"]);
    context.lay_out(&[
        "DROP TABLE IF EXISTS turns",
        "CREATE TABLE turns (id INT PRIMARY KEY, n INT)",
        "INSERT INTO turns VALUES (1, 0)",
    ]);
    let options = lanewire.options();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut client = lanewire_perf::client::Client::connect(&options).unwrap();
                for _ in 0..10 {
                    client.must("BEGIN").unwrap();
                    client.must("SELECT n FROM turns WHERE id = 1 FOR UPDATE").unwrap();
                    client.must("UPDATE turns SET n = n + 1").unwrap();
                    client.must("COMMIT").unwrap();
                    client.must("SELECT name FROM marker").unwrap();
                }
            });
        }
    });
    let reply = context.direct().must("SELECT n FROM turns").unwrap();
    assert_eq!(reply.first_cell().unwrap(), "120");
}
