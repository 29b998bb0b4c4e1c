//! A read's way through the pure floors takes no memory from the heap, once it has been gone.

use std::rc::Rc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use lanewire::cluster::Role;
use lanewire::pool::{
    BackendPool, KeyIdx, Plan, PoolKey, PoolLimits, Reach, Release, StatementCache,
};
use lanewire::protocol::{
    Capabilities, Column, Event, ParamLayout, ReplyKind, ReplyTracker, StatusFlags, param_types,
    put_resultset, rewrite_statement_id,
};
use lanewire::route::{ClusterInput, RouteInput, Target, decide};
use lanewire::session::{
    Keep, Left, Prepared, PreparedStatements, ReplayState, ServerKind, Session, StateInterner,
    TextInterner,
};
use lanewire::sql::{Dialect, charset_hides, classify};

const CAPABILITIES: Capabilities = Capabilities::PROTOCOL_41;
const MARIADB: Dialect = Dialect { mariadb: true, ansi_quotes: false, no_backslash_escapes: false };
const SQL: &[u8] = b"SELECT c, pad FROM sbtest1 AS t WHERE id IN (501, 502) AND kind = 'a' LIMIT 1";

/// The pool asks nothing else of a state.
struct Anywhere(Rc<ReplayState>);

impl Reach for Anywhere {
    fn reaches(&self, _: &Self) -> bool {
        true
    }
}

struct World {
    session: Session,
    states: StateInterner,
    pool: BackendPool<Anywhere>,
    key: KeyIdx,
    connection: Rc<Anywhere>,
    tracker: ReplyTracker,
    reply: Vec<u8>,
    now: Instant,
}

impl World {
    /// A session with variables as drivers set them, and one idle connection in its state.
    fn new() -> Self {
        let mut state = ReplayState::with_schema(Some(b"shop"));
        for (name, value) in [
            (&b"character_set_client"[..], &b"utf8mb4"[..]),
            (b"character_set_results", b"utf8mb4"),
            (b"sql_mode", b"STRICT_TRANS_TABLES,NO_ZERO_DATE"),
            (b"time_zone", b"+00:00"),
        ] {
            state.set_variable(name, value);
        }
        let mut states = StateInterner::default();
        let state = states.intern(state);
        let (hour, now) = (Duration::from_secs(3600), Instant::now());
        let mut pool = BackendPool::new(PoolLimits {
            connections_max: 4,
            idle_min: 0,
            idle_max: 4,
            queue_len_max: 8,
            lifetime: hour,
            idle: hour,
            ping_after: hour,
        });
        let connection = Rc::new(Anywhere(Rc::clone(&state)));
        let key = pool.key(PoolKey { user: 0, capabilities: CAPABILITIES });
        let plan = pool.acquire(key, &connection, 1, now);
        let Plan::Dial(conn) = plan else { panic!("{plan:?} of an empty pool") };
        pool.dialed(conn, Rc::clone(&connection), 1, now);
        assert_eq!(pool.release(conn, Rc::clone(&connection), now), Release::Keep);
        let mut reply = Vec::new();
        let rows = [[Some("501"), Some("x")]];
        let columns = [Column::Int("c"), Column::Text("pad")];
        put_resultset(&mut reply, 1, CAPABILITIES, &columns, rows, StatusFlags::AUTOCOMMIT);
        Self {
            session: Session::new(state, ServerKind { trackers: true, dialect: MARIADB }),
            states,
            pool,
            key,
            connection,
            tracker: ReplyTracker::new(ReplyKind::Query, CAPABILITIES),
            reply,
            now,
        }
    }

    fn read(&mut self) {
        let charset = self.session.charset().unwrap_or_default();
        assert!(!charset_hides(SQL, charset));
        let statement = classify(SQL, self.session.dialect());
        self.session.begin(&statement, SQL, true);
        let cluster = ClusterInput { primary_up: true, replica_available: true, pin_on_call: true };
        let input = RouteInput::new(&self.session, &statement, None::<Role>, cluster);
        assert_eq!(decide(&statement, &input).target, Target::Replica);
        let key = self.pool.key(PoolKey { user: 0, capabilities: CAPABILITIES });
        assert_eq!(key, self.key);
        let plan = self.pool.acquire(key, &self.connection, 1, self.now);
        let Plan::Reuse(conn) = plan else { panic!("{plan:?}, though one is idle") };
        let preamble = self.session.preamble_for(&statement, &self.connection.0, Left::default());
        assert!(preamble.is_ok_and(|preamble| preamble.is_empty()));
        self.tracker.reset(ReplyKind::Query, CAPABILITIES);
        let mut rest = &self.reply[..];
        while !rest.is_empty() {
            let progress = self.tracker.feed(rest).expect("a sound reply");
            assert!(progress.event != Event::Held);
            rest = &rest[progress.used..];
        }
        assert!(self.tracker.is_done());
        let keep = self.session.after_reply(&statement, self.tracker.summary(), &mut self.states);
        assert!(matches!(keep, Keep::Release { .. }), "{keep:?}");
        self.pool.release(conn, Rc::clone(&self.connection), self.now);
    }
}

#[test]
fn a_read_takes_nothing_from_the_heap() {
    let mut world = World::new();
    world.read();
    let taken = measure(|| (0..100).for_each(|_| world.read()));
    assert_eq!(taken.count_total, 0, "{taken:?}");
}

/// What an execution does beside what a read's text does.
#[test]
fn an_execution_takes_nothing_from_the_heap() {
    const PREPARED: &[u8] = b"INSERT INTO t (a, b) VALUES (?, ?)";
    let statement = classify(PREPARED, MARIADB);
    let text = TextInterner::default().intern(PREPARED, Rc::default());
    let mut session = Session::new(Rc::default(), ServerKind { trackers: true, dialect: MARIADB });
    let (mut statements, mut cache) = (PreparedStatements::default(), StatementCache::default());
    let id = statements.next_id();
    assert_eq!(cache.insert(text.key(), 77, false, 9).count(), 0);
    statements.insert(Prepared::new(text, statement, ParamLayout::plain(2), false));
    // A number and a text, with their types.
    let head = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 0, 0xFD, 0];
    let mut packet = [&head[..], &[5, 0, 0, 0, 2, b'x', b'y']].concat();
    let mut execute = || {
        let prepared = statements.find_mut(id).expect("prepared above");
        let types = param_types(&packet, prepared.layout).expect("an execution");
        assert!(types.keep(prepared.layout, &mut prepared.types), "types are sent");
        session.begin_execution(prepared, &packet, true);
        let known = cache.use_it(prepared.text.key()).expect("in the cache");
        known.types.clone_from(&prepared.types);
        rewrite_statement_id(&mut packet, known.id).expect("it has room for an id");
    };
    execute();
    let taken = measure(|| (0..100).for_each(|_| execute()));
    assert_eq!(taken.count_total, 0, "{taken:?}");
}
