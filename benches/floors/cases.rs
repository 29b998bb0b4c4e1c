//! What the pure floors do on the way of a query, as closures, to be timed and to be counted.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lanewire::cluster::Role;
use lanewire::pool::{BackendPool, Plan, PoolKey, PoolLimits};
use lanewire::protocol::{
    Capabilities, Column, Event, Header, ReplyKind, ReplyTracker, StatusFlags, put_resultset,
};
use lanewire::route::{ClusterInput, RouteInput, decide};
use lanewire::session::{ReplayState, ServerKind, Session, difference};
use lanewire::sql::{Dialect, Values, classify, substitute_functions};

/// Something to run again and again.
pub(crate) struct Case {
    /// Bytes that one run looks at; 0 where that says nothing.
    pub(crate) bytes: usize,
    /// One run.
    pub(crate) run: Box<dyn FnMut()>,
}

impl Case {
    fn new<T>(bytes: usize, mut run: impl FnMut() -> T + 'static) -> Self {
        Self { bytes, run: Box::new(move || drop(black_box(run()))) }
    }
}

/// Every case's name.
pub(crate) const NAMES: [&str; 23] = [
    "scanner_point_select",
    "scanner_insert_1_mib",
    "scanner_select_64_kib",
    "classify_insert",
    "classify_update",
    "classify_select_for_update",
    "classify_join",
    "classify_set_names",
    "classify_begin",
    "classify_show",
    "substitute_nothing",
    "substitute_row_count",
    "frames_1_000_rows",
    "tracker_one_row",
    "tracker_one_row_deprecate_eof",
    "tracker_1_mib",
    "session_begin",
    "route_decide",
    "difference_same",
    "difference_equal",
    "difference_one_variable",
    "pool_of_1",
    "pool_of_64",
];

/// The case of that name.
///
/// # Panics
/// There is none.
pub(crate) fn case(name: &str) -> Case {
    match name {
        "scanner_point_select" => scan(POINT_SELECT),
        "scanner_insert_1_mib" => scan(&long_insert()),
        "scanner_select_64_kib" => scan(&select_with_literals()),
        "classify_insert" => scan("INSERT INTO t (id, body) VALUES (17, 'some text'), (18, NULL)"),
        "classify_update" => scan("UPDATE shop.items SET k = k + 1, c = 'x' WHERE id = 4711"),
        "classify_select_for_update" => scan("SELECT stock FROM items WHERE id = 7 FOR UPDATE"),
        "classify_join" => scan(JOIN),
        "classify_set_names" => scan("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci"),
        "classify_begin" => scan("BEGIN"),
        "classify_show" => scan("SHOW TABLES LIKE 'item%'"),
        "substitute_nothing" => replace(POINT_SELECT),
        "substitute_row_count" => replace("SELECT ROW_COUNT(), CONNECTION_ID() AS id, c FROM t"),
        "frames_1_000_rows" => frames(),
        "tracker_one_row" => track(1, Capabilities::empty()),
        "tracker_one_row_deprecate_eof" => track(1, Capabilities::DEPRECATE_EOF),
        "tracker_1_mib" => track(8066, Capabilities::DEPRECATE_EOF),
        "session_begin" => begin(),
        "route_decide" => route(),
        "difference_same" => {
            let state = state(b"+00:00");
            Case::new(0, move || difference(black_box(&state), black_box(&state)))
        }
        "difference_equal" => differ(state(b"+00:00"), state(b"+00:00")),
        "difference_one_variable" => differ(state(b"+00:00"), state(b"+02:00")),
        "pool_of_1" => pool(1),
        "pool_of_64" => pool(64),
        other => panic!("there is no case {other}"),
    }
}

const MARIADB: Dialect = Dialect { mariadb: true, ansi_quotes: false, no_backslash_escapes: false };

/// 100 bytes, as sysbench and its like send.
const POINT_SELECT: &str = "SELECT c, pad, made_at FROM sbtest1 WHERE id = 501 AND \
                            tenant_id = 42 AND deleted_at IS NULL LIMIT 1";

/// As ORMs write them.
const JOIN: &str = "SELECT `o`.`id`, `o`.`total`, COUNT(`i`.`id`) AS `items` FROM `orders` AS `o` \
                    LEFT JOIN `order_items` AS `i` ON `i`.`order_id` = `o`.`id` \
                    WHERE `o`.`customer_id` IN (1, 2, 3) AND `o`.`state` <> 'cancelled' \
                    GROUP BY `o`.`id` ORDER BY `o`.`created_at` DESC LIMIT 20 OFFSET 40";

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

fn scan(sql: &str) -> Case {
    let sql = sql.to_owned();
    Case::new(sql.len(), move || classify(black_box(sql.as_bytes()), MARIADB))
}

fn replace(sql: &'static str) -> Case {
    let values = Values { connection_id: Some(7), row_count: Some(3), found_rows: Some(9) };
    Case::new(sql.len(), move || substitute_functions(black_box(sql.as_bytes()), MARIADB, &values))
}

fn reply(rows: usize, caps: Capabilities) -> Vec<u8> {
    let mut out = Vec::new();
    let columns = [Column::Int("id"), Column::Text("c")];
    let value = "x".repeat(120);
    let rows = (0..rows).map(|_| [Some("5017"), Some(&value[..])]);
    put_resultset(&mut out, 1, caps, &columns, rows, StatusFlags::AUTOCOMMIT);
    out
}

/// Walks over the packets of a reply by their headers alone.
fn frames() -> Case {
    let stream = reply(1000, Capabilities::DEPRECATE_EOF);
    Case::new(stream.len(), move || {
        let mut rest = black_box(&stream[..]);
        let mut packets = 0;
        while let Some(header) = Header::decode(rest) {
            rest = &rest[header.packet_len()..];
            packets += 1;
        }
        assert!(packets > 1000);
        packets
    })
}

/// Follows the reply in reads of at most 32 KiB, as the ring's buffers give them.
fn track(rows: usize, caps: Capabilities) -> Case {
    let stream = reply(rows, caps);
    let mut tracker = ReplyTracker::new(ReplyKind::Query, caps);
    Case::new(stream.len(), move || {
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
    })
}

fn session() -> Session {
    Session::new(state(b"+00:00"), ServerKind { trackers: true, dialect: MARIADB })
}

/// What a session notes of a statement before it runs.
fn begin() -> Case {
    let statement = classify(POINT_SELECT.as_bytes(), MARIADB);
    let mut session = session();
    Case::new(0, move || session.begin(&statement, black_box(POINT_SELECT.as_bytes()), true))
}

fn route() -> Case {
    let statement = classify(POINT_SELECT.as_bytes(), MARIADB);
    let session = session();
    let cluster = ClusterInput { primary_up: true, replica_available: true, pin_on_call: true };
    Case::new(0, move || {
        let input = RouteInput::new(black_box(&session), &statement, None::<Role>, cluster);
        decide(black_box(&statement), &input)
    })
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

fn differ(from: Rc<ReplayState>, to: Rc<ReplayState>) -> Case {
    Case::new(0, move || difference(black_box(&from), black_box(&to)))
}

/// A session takes an idle connection in its own state, and gives it back.
fn pool(idle: u32) -> Case {
    let hour = Duration::from_secs(3600);
    let mut pool = BackendPool::new(PoolLimits {
        connections_max: idle,
        idle_min: 0,
        idle_max: idle,
        queue_len_max: 8,
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
    Case::new(0, move || {
        let Plan::Reuse(conn) = pool.acquire(key, black_box(&state), 7, now) else {
            panic!("there is an idle connection");
        };
        pool.release(conn, Rc::clone(&state), now)
    })
}
