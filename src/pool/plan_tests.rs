use super::*;
use crate::pool::tend::{SPARE_KEPT, Tend};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn limits() -> PoolLimits {
    PoolLimits {
        connections_max: 3,
        idle_min: 0,
        idle_max: 3,
        queue_len_max: 2,
        lifetime: Duration::from_secs(1_000),
        idle: Duration::from_secs(60),
        ping_after: Duration::from_secs(30),
    }
}

fn key(pool: &mut Pool, user: u16) -> KeyIdx {
    pool.key(PoolKey { user, capabilities: Capabilities::empty() })
}

/// A state of which only the schema is known, which can be changed but not unselected.
#[derive(Debug, PartialEq, Eq)]
struct State(Option<&'static str>);

impl Reach for State {
    fn reaches(&self, to: &Self) -> bool {
        to.0.is_some() || self.0.is_none()
    }
}

type Pool = BackendPool<State>;

fn state(schema: Option<&'static str>) -> Rc<State> {
    Rc::new(State(schema))
}

/// A pool with `n` connections in use by the sessions 1 to n.
fn used(pool: &mut Pool, n: u64, key: KeyIdx, state: &Rc<State>) -> Vec<ConnId> {
    let now = Instant::now();
    (1..=n)
        .map(|owner| {
            let Plan::Dial(conn) = pool.acquire(key, state, owner, now) else { panic!("no dial") };
            pool.dialed(conn, Rc::clone(state), 7, now);
            conn
        })
        .collect()
}

#[test]
fn the_one_in_the_same_state_is_preferred_then_the_last_used() {
    let mut pool = Pool::new(limits());
    let key = key(&mut pool, 0);
    let (a, b) = (state(Some("a")), state(Some("b")));
    let now = Instant::now();
    let conns = used(&mut pool, 3, key, &a);
    assert_eq!(pool.release(conns[0], Rc::clone(&a), now), Release::Keep);
    pool.release(conns[1], Rc::clone(&b), now);
    pool.release(conns[2], Rc::clone(&a), now);
    assert_eq!(pool.acquire(key, &b, 9, now), Plan::Reuse(conns[1]));
    assert_eq!(pool.acquire(key, &state(Some("c")), 9, now), Plan::Reuse(conns[2]));
    assert_eq!(pool.counts(), PoolCounts { used: 2, idle: 1, ..PoolCounts::default() });
}

#[test]
fn the_last_used_one_is_had_without_a_plan_only_if_it_is_in_the_very_state() {
    let mut pool = Pool::new(limits());
    let (ours, theirs) = (key(&mut pool, 0), key(&mut pool, 1));
    let (a, b) = (state(Some("a")), state(Some("b")));
    let now = Instant::now();
    let conns = used(&mut pool, 3, ours, &a);
    assert_eq!(pool.acquire_alike(ours, &a, now), None, "none is idle");
    pool.release(conns[0], Rc::clone(&a), now);
    assert_eq!(pool.acquire_alike(theirs, &a, now), None, "another user's");
    assert_eq!(pool.acquire_alike(ours, &b, now), None, "another state");
    assert_eq!(pool.acquire_alike(ours, &a, now + Duration::from_secs(2_000)), None, "too old");
    assert_eq!(pool.acquire_alike(ours, &a, now), Some(conns[0]));
    assert_eq!(pool.acquire(ours, &a, 10, now), Plan::Wait);
    pool.release(conns[1], Rc::clone(&a), now);
    assert_eq!(pool.acquire_alike(ours, &a, now), None, "somebody is before");
}

#[test]
fn a_connection_that_cannot_be_brought_there_is_replaced() {
    let mut pool = Pool::new(PoolLimits { connections_max: 1, ..limits() });
    let key = key(&mut pool, 0);
    let conns = used(&mut pool, 1, key, &state(Some("a")));
    let now = Instant::now();
    pool.release(conns[0], state(Some("a")), now);
    assert_eq!(pool.acquire(key, &state(None), 1, now), Plan::Replace(conns[0]));
}

#[test]
fn another_keys_idle_connection_makes_room() {
    let mut pool = Pool::new(limits());
    let (ours, theirs) = (key(&mut pool, 0), key(&mut pool, 1));
    assert_eq!(pool.key_at(theirs).user, 1);
    let none = state(None);
    let conns = used(&mut pool, 3, theirs, &none);
    let now = Instant::now();
    assert_eq!(pool.acquire(ours, &none, 9, now), Plan::Wait);
    pool.release(conns[1], Rc::clone(&none), now);
    assert_eq!(pool.serve_waiter(now), Some((9, Plan::Replace(conns[1]))));
    assert_eq!(pool.serve_waiter(now), None);
}

#[test]
fn the_line_is_first_come_and_bounded() {
    let mut pool = Pool::new(PoolLimits { connections_max: 1, ..limits() });
    let key = key(&mut pool, 0);
    let none = state(None);
    let conns = used(&mut pool, 1, key, &none);
    let now = Instant::now();
    assert_eq!(pool.acquire(key, &none, 2, now), Plan::Wait);
    assert_eq!(pool.acquire(key, &none, 3, now), Plan::Wait);
    assert_eq!(pool.acquire(key, &none, 4, now), Plan::Refuse(Refusal::QueueFull));
    assert!(pool.cancel_wait(2));
    pool.release(conns[0], Rc::clone(&none), now);
    assert_eq!(pool.acquire(key, &none, 5, now), Plan::Wait, "nobody overtakes");
    assert_eq!(pool.serve_waiter(now), Some((3, Plan::Reuse(conns[0]))));
    assert!(pool.cancel_wait(5));
    assert!(!pool.cancel_wait(5));
}

#[test]
fn no_share_no_connection() {
    let mut pool = Pool::new(PoolLimits { connections_max: 0, ..limits() });
    let key = key(&mut pool, 0);
    let plan = pool.acquire(key, &state(None), 1, Instant::now());
    assert_eq!(plan, Plan::Refuse(Refusal::NoShare));
}

#[test]
fn old_connections_are_closed_and_silent_ones_pinged() {
    let mut pool = Pool::new(PoolLimits { idle_min: 1, ..limits() });
    let key = key(&mut pool, 0);
    let none = state(None);
    let conns = used(&mut pool, 2, key, &none);
    let now = Instant::now();
    for conn in &conns {
        pool.release(*conn, Rc::clone(&none), now);
    }
    let mut out = Vec::new();
    let mut tend = |pool: &mut Pool, after_s| {
        out.clear();
        pool.tend(now + Duration::from_secs(after_s), true, &none, &mut out);
        out.clone()
    };
    assert_eq!(tend(&mut pool, 29), []);
    assert_eq!(tend(&mut pool, 31), [Tend::Ping(conns[0]), Tend::Ping(conns[1])]);
    for conn in &conns {
        assert_eq!(pool.pinged(*conn, now + Duration::from_secs(31)), Release::Keep);
    }
    assert_eq!(tend(&mut pool, 60), [Tend::Close(conns[0])], "unused, but one stays");
    assert_eq!(tend(&mut pool, 2_000)[0], Tend::Close(conns[1]));
    assert!(matches!(pool.connection(conns[1]), Some(conn) if conn.thread_id == 0), "dialed anew");
}

#[test]
fn connections_above_idle_max_are_closed_once_unused_for_a_while() {
    let mut pool = Pool::new(PoolLimits { idle_max: 1, ..limits() });
    let key = key(&mut pool, 0);
    let none = state(None);
    let conns = used(&mut pool, 3, key, &none);
    let now = Instant::now();
    for conn in &conns {
        assert_eq!(pool.release(*conn, Rc::clone(&none), now), Release::Keep);
    }
    let mut out = Vec::new();
    let just_before = now + SPARE_KEPT - Duration::from_millis(1);
    pool.tend(just_before, true, &none, &mut out);
    assert_eq!(out, []);
    assert_eq!(pool.acquire(key, &none, 9, just_before), Plan::Reuse(conns[2]));
    pool.release(conns[2], Rc::clone(&none), just_before);
    pool.tend(now + SPARE_KEPT, true, &none, &mut out);
    assert_eq!(out, [Tend::Close(conns[0]), Tend::Close(conns[1])]);
}

#[test]
fn past_its_lifetime_a_connection_is_not_handed_out() {
    let mut pool = Pool::new(limits());
    let key = key(&mut pool, 0);
    let none = state(None);
    let conns = used(&mut pool, 1, key, &none);
    let now = Instant::now();
    pool.release(conns[0], Rc::clone(&none), now);
    let later = now + Duration::from_secs(1_001);
    let Plan::Dial(new) = pool.acquire(key, &none, 1, later) else { panic!("reused") };
    pool.dialed(new, Rc::clone(&none), 1, later);
    assert_eq!(pool.release(new, none.clone(), later + limits().lifetime), Release::Close);
}

/// One step of the random walk; numbers choose among what is possible.
#[derive(Debug, Clone)]
enum Step {
    Acquire { user: u16, schema: Option<u8> },
    Dialed(usize),
    Fail(usize),
    Release(usize),
    Break(usize),
    Tend,
    Later(u64),
    Cancel(usize),
    PingAfter(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0u16..3, prop::option::of(0u8..3))
            .prop_map(|(user, schema)| Step::Acquire { user, schema }),
        6 => any::<usize>().prop_map(Step::Dialed),
        1 => any::<usize>().prop_map(Step::Fail),
        6 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Break),
        2 => Just(Step::Tend),
        2 => (0u64..40).prop_map(Step::Later),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => (1u64..60).prop_map(Step::PingAfter),
    ];
    prop::collection::vec(step, 1..200)
}

/// What the outside world knows.
struct World {
    pool: Pool,
    now: Instant,
    next_owner: u64,
    born: BTreeMap<ConnId, (u16, Instant)>,
    dialing: BTreeMap<ConnId, (u16, Rc<State>)>,
    in_hand: BTreeMap<ConnId, Rc<State>>,
    given_back: BTreeMap<ConnId, Instant>,
    waiting: Vec<(u64, u16, Rc<State>)>,
    states: Vec<Rc<State>>,
}

impl World {
    fn new() -> Self {
        let names = [None, Some("0"), Some("1"), Some("2")];
        Self {
            pool: Pool::new(PoolLimits {
                idle_min: 1,
                idle_max: 2,
                lifetime: Duration::from_secs(90),
                ..limits()
            }),
            now: Instant::now(),
            next_owner: 1,
            born: BTreeMap::new(),
            dialing: BTreeMap::new(),
            in_hand: BTreeMap::new(),
            given_back: BTreeMap::new(),
            waiting: Vec::new(),
            states: names.map(state).to_vec(),
        }
    }

    fn planned(&mut self, plan: Plan, user: u16, wanted: &Rc<State>) {
        match plan {
            Plan::Reuse(conn) => {
                assert!(!self.in_hand.contains_key(&conn), "handed twice");
                assert!(!self.dialing.contains_key(&conn), "handed while dialing");
                let (owner, born) = self.born[&conn];
                assert_eq!(owner, user, "another user's connection");
                assert!(self.now - born < self.pool.limits().lifetime, "past its lifetime");
                let known = Rc::clone(&self.pool.connection(conn).unwrap().state);
                assert!(known.reaches(wanted));
                self.in_hand.insert(conn, Rc::clone(wanted));
            }
            Plan::Dial(conn) | Plan::Replace(conn) => {
                assert!(!self.in_hand.contains_key(&conn) && !self.dialing.contains_key(&conn));
                assert_eq!(self.born.remove(&conn).is_some(), matches!(plan, Plan::Replace(_)));
                self.dialing.insert(conn, (user, Rc::clone(wanted)));
            }
            Plan::Wait | Plan::Refuse(_) => unreachable!("seen by the caller"),
        }
    }

    fn serve(&mut self) {
        while let Some((owner, plan)) = self.pool.serve_waiter(self.now) {
            let (first, user, wanted) = self.waiting.remove(0);
            assert_eq!(owner, first, "out of order");
            self.planned(plan, user, &wanted);
        }
    }

    fn take(&mut self, step: &Step) {
        let nth = |n: usize, len: usize| (len > 0).then(|| n % len);
        match *step {
            Step::Acquire { user, schema } => {
                let key = key(&mut self.pool, user);
                let wanted = Rc::clone(&self.states[schema.map_or(0, |s| usize::from(s) + 1)]);
                let owner = self.next_owner;
                self.next_owner += 1;
                match self.pool.acquire(key, &wanted, owner, self.now) {
                    Plan::Wait => self.waiting.push((owner, user, wanted)),
                    Plan::Refuse(why) => {
                        assert_eq!(why, Refusal::QueueFull);
                        assert_eq!(self.waiting.len(), 2);
                    }
                    plan @ (Plan::Reuse(_) | Plan::Dial(_) | Plan::Replace(_)) => {
                        self.planned(plan, user, &wanted);
                    }
                }
            }
            Step::Dialed(n) => {
                let Some(at) = nth(n, self.dialing.len()) else { return };
                let conn = *self.dialing.keys().nth(at).unwrap();
                let (user, wanted) = self.dialing.remove(&conn).unwrap();
                self.pool.dialed(conn, Rc::clone(&wanted), 1, self.now);
                self.born.insert(conn, (user, self.now));
                self.in_hand.insert(conn, wanted);
            }
            Step::Fail(n) => {
                let Some(at) = nth(n, self.dialing.len()) else { return };
                let conn = *self.dialing.keys().nth(at).unwrap();
                self.dialing.remove(&conn);
                self.pool.discard(conn);
            }
            Step::Release(n) => {
                let Some(at) = nth(n, self.in_hand.len()) else { return };
                let conn = *self.in_hand.keys().nth(at).unwrap();
                let state = self.in_hand.remove(&conn).unwrap();
                if self.pool.release(conn, state, self.now) == Release::Close {
                    self.born.remove(&conn);
                } else {
                    self.given_back.insert(conn, self.now);
                }
            }
            Step::Break(n) => {
                let Some(at) = nth(n, self.born.len()) else { return };
                let conn = *self.born.keys().nth(at).unwrap();
                self.born.remove(&conn);
                self.in_hand.remove(&conn);
                self.pool.discard(conn);
                self.pool.discard(conn);
            }
            Step::Tend => self.tend(),
            Step::Later(s) => self.now += Duration::from_secs(s),
            Step::Cancel(n) => {
                let Some(at) = nth(n, self.waiting.len()) else { return };
                let (owner, ..) = self.waiting.remove(at);
                assert!(self.pool.cancel_wait(owner));
            }
            Step::PingAfter(silence) => {
                self.pool.set_ping_after(Duration::from_secs(silence));
            }
        }
    }

    fn tend(&mut self) {
        let (mut out, none) = (Vec::new(), Rc::clone(&self.states[0]));
        self.pool.tend(self.now, true, &none, &mut out);
        for op in out {
            match op {
                Tend::Close(conn) => {
                    assert!(!self.in_hand.contains_key(&conn), "closed under a session");
                    self.born.remove(&conn).expect("closed twice");
                }
                Tend::Ping(conn) => {
                    assert!(!self.in_hand.contains_key(&conn), "pinged under a session");
                    if self.pool.pinged(conn, self.now) == Release::Close {
                        self.born.remove(&conn);
                    }
                }
                Tend::Dial(conn, key) => {
                    assert!(!self.born.contains_key(&conn));
                    let user = self.pool.key_at(key).user;
                    self.dialing.insert(conn, (user, Rc::clone(&none)));
                }
            }
        }
        // All idle connections past their lifetime are gone, and those above `idle_max` unless
        // they were in use a moment ago.
        let PoolLimits { lifetime, idle_max, .. } = *self.pool.limits();
        let many = self.pool.counts().idle > idle_max;
        for (conn, (_, born)) in &self.born {
            if !self.in_hand.contains_key(conn) {
                assert!(self.now - *born < lifetime, "past its lifetime");
                assert!(!many || self.now - self.given_back[conn] < SPARE_KEPT, "not wanted");
            }
        }
    }

    fn check(&self) {
        let counts = self.pool.counts();
        assert_eq!(counts.dialing as usize, self.dialing.len());
        assert_eq!(counts.used as usize, self.in_hand.len());
        assert_eq!(counts.idle as usize, self.born.len() - self.in_hand.len());
        assert_eq!(counts.waiting as usize, self.waiting.len());
        let total = counts.dialing + counts.used + counts.idle;
        let share = self.pool.limits().connections_max;
        assert!(total <= share, "past the share");
        let lost = !self.waiting.is_empty() && (counts.idle > 0 || total < share);
        assert!(!lost, "somebody waits for nothing");
        let slots: BTreeSet<_> = self.born.keys().chain(self.dialing.keys()).collect();
        assert_eq!(slots.len(), total as usize);
    }
}

proptest! {
    #[test]
    fn a_random_walk_keeps_the_promises(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.serve();
            world.check();
        }
    }
}
