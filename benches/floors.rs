//! What the pure floors cost, without sockets: `cargo bench --bench floors`.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use divan::counter::BytesCount;
use divan::{Bencher, Divan};
use lanewire::pool::{BackendPool, Plan, PoolKey, PoolLimits};
use lanewire::protocol::{
    Capabilities, Column, Event, ReplyKind, ReplyTracker, StatusFlags, put_resultset,
};
use lanewire::session::{ReplayState, difference};
use lanewire::sql::{Dialect, classify};

fn main() {
    Divan::from_args().main();
}

const MARIADB: Dialect = Dialect { mariadb: true, ansi_quotes: false, no_backslash_escapes: false };

/// 100 bytes, as sysbench and its like send.
const POINT_SELECT: &str = "SELECT c, pad, made_at FROM sbtest1 WHERE id = 501 AND \
                            tenant_id = 42 AND deleted_at IS NULL LIMIT 1";

/// An INSERT of about a mebibyte, a kilobyte a row.
fn long_insert() -> String {
    let value = "x".repeat(1000);
    let rows: Vec<_> = (0..1024).map(|id| format!("({id}, '{value}', NULL)")).collect();
    format!("INSERT INTO t (id, body, note) VALUES {}", rows.join(", "))
}

/// A SELECT of about 64 KiB, most of it short strings.
fn select_with_literals() -> String {
    let names: Vec<_> = (0..3300).map(|id| format!("'name-{id:08}''s'")).collect();
    format!("SELECT a FROM t WHERE name IN ({})", names.join(","))
}

fn scan(bencher: Bencher<'_, '_>, sql: &str) {
    let bencher = bencher.counter(BytesCount::new(sql.len()));
    bencher.bench_local(|| classify(black_box(sql.as_bytes()), MARIADB));
}

#[divan::bench]
fn scanner_point_select(bencher: Bencher<'_, '_>) {
    assert_eq!(POINT_SELECT.len(), 100);
    scan(bencher, POINT_SELECT);
}

#[divan::bench]
fn scanner_insert_1_mib(bencher: Bencher<'_, '_>) {
    scan(bencher, &long_insert());
}

#[divan::bench]
fn scanner_select_64_kib(bencher: Bencher<'_, '_>) {
    scan(bencher, &select_with_literals());
}

fn reply(rows: usize, caps: Capabilities) -> Vec<u8> {
    let mut out = Vec::new();
    let columns = [Column::Int("id"), Column::Text("c")];
    let value = "x".repeat(120);
    let rows = (0..rows).map(|_| [Some("5017"), Some(&value[..])]);
    put_resultset(&mut out, 1, caps, &columns, rows, StatusFlags::AUTOCOMMIT);
    out
}

/// Follows the reply in reads of at most 32 KiB, as the ring's buffers give them.
fn track(bencher: Bencher<'_, '_>, rows: usize, caps: Capabilities) {
    let stream = reply(rows, caps);
    let mut tracker = ReplyTracker::new(ReplyKind::Query, caps);
    bencher.counter(BytesCount::new(stream.len())).bench_local(|| {
        tracker.reset(ReplyKind::Query, caps);
        for read in black_box(&stream).chunks(32 * 1024) {
            let mut rest = read;
            while !rest.is_empty() {
                let progress = tracker.feed(rest).expect("the reply is sound");
                rest = rest.split_at(progress.used).1;
                if let Event::Terminal(terminal) = progress.event {
                    assert!(terminal.done);
                }
            }
        }
        assert!(tracker.is_done());
        tracker.summary().rows
    });
}

#[divan::bench]
fn tracker_one_row(bencher: Bencher<'_, '_>) {
    track(bencher, 1, Capabilities::empty());
}

#[divan::bench]
fn tracker_one_row_deprecate_eof(bencher: Bencher<'_, '_>) {
    track(bencher, 1, Capabilities::DEPRECATE_EOF);
}

#[divan::bench]
fn tracker_1_mib(bencher: Bencher<'_, '_>) {
    track(bencher, 8066, Capabilities::DEPRECATE_EOF);
}

/// A state as drivers leave it.
fn state(time_zone: &[u8]) -> Rc<ReplayState> {
    let mut state = ReplayState::with_schema(Some(b"shop"));
    for (name, value) in [
        (&b"autocommit"[..], &b"ON"[..]),
        (b"character_set_client", b"utf8mb4"),
        (b"character_set_connection", b"utf8mb4"),
        (b"character_set_results", b"utf8mb4"),
        (b"sql_mode", b"STRICT_TRANS_TABLES,NO_ZERO_DATE"),
        (b"time_zone", time_zone),
    ] {
        state.set_variable(name, value);
    }
    Rc::new(state)
}

#[divan::bench]
fn session_difference_same(bencher: Bencher<'_, '_>) {
    let state = state(b"+00:00");
    bencher.bench_local(|| difference(black_box(&state), black_box(&state)));
}

#[divan::bench]
fn session_difference_equal(bencher: Bencher<'_, '_>) {
    let (from, to) = (state(b"+00:00"), state(b"+00:00"));
    bencher.bench_local(|| difference(black_box(&from), black_box(&to)));
}

#[divan::bench]
fn session_difference_one_variable(bencher: Bencher<'_, '_>) {
    let (from, to) = (state(b"+00:00"), state(b"+02:00"));
    bencher.bench_local(|| difference(black_box(&from), black_box(&to)));
}

/// A session takes an idle connection in its own state, and gives it back.
#[divan::bench(args = [1, 64])]
fn pool_acquire_and_release(bencher: Bencher<'_, '_>, idle: u32) {
    let hour = Duration::from_secs(3600);
    let mut pool = BackendPool::new(PoolLimits {
        connections_max: idle,
        idle_min: 0,
        idle_max: idle,
        queue_len_max: 8,
        queue_timeout: hour,
        lifetime: 24 * hour,
        idle: 24 * hour,
        ping_after: 24 * hour,
    });
    let (now, state) = (Instant::now(), state(b"+00:00"));
    let key = pool.key(PoolKey { user: 0, capabilities: Capabilities::PROTOCOL_41 });
    let dial = |owner| {
        let plan = pool.acquire(key, &state, u64::from(owner), now);
        let Plan::Dial(conn) = plan else { panic!("{plan:?} of an empty pool") };
        conn
    };
    let conns: Vec<_> = (0..idle).map(dial).collect();
    for conn in conns {
        pool.dialed(conn, Rc::clone(&state), 1, now);
        pool.release(conn, Rc::clone(&state), now);
    }
    bencher.bench_local(|| {
        let Plan::Reuse(conn) = pool.acquire(key, black_box(&state), 7, now) else {
            panic!("there is an idle connection");
        };
        pool.release(conn, Rc::clone(&state), now)
    });
}
