//! Acquire and release.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::list::{Links, List, NIL};
use crate::protocol::Capabilities;

/// The state of a connection, as far as it decides which sessions the connection can serve.
/// What a state is made of is the caller's subject.
pub trait Reach {
    /// Whether a connection in `self` can be brought to `to`.
    fn reaches(&self, to: &Self) -> bool;
}

/// A connection's slot in its pool: below the largest share the pool ever had, and used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u32);

/// What two connections must share to stand for each other. The character set is no part of
/// it: the state's difference brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PoolKey {
    /// The user's index in the settings.
    pub user: u16,
    /// The flags agreed on at login that shape replies.
    pub capabilities: Capabilities,
}

/// A [`PoolKey`]'s place in one pool; see [`BackendPool::key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyIdx(u32);

/// A pool's limits: this shard's share of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// The most connections, of all keys, in whatever condition.
    pub connections_max: u32,
    /// How many idle connections to keep open, of all keys.
    pub idle_min: u32,
    /// How many idle connections to keep at most, of all keys.
    pub idle_max: u32,
    /// How many sessions may wait.
    pub queue_len_max: u32,
    /// How old a connection may get; checked while it is idle or released.
    pub lifetime: Duration,
    /// How long one may stay unused, while more than `idle_min` are idle.
    pub idle: Duration,
    /// After which silence an idle connection is pinged: below the server's `wait_timeout`.
    pub ping_after: Duration,
}

/// What to do for a session that wants a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Use this one; it is in the session's hand now.
    Reuse(ConnId),
    /// Dial, then report [`BackendPool::dialed`] or [`BackendPool::discard`].
    Dial(ConnId),
    /// Close an idle connection that cannot serve, and dial under the freed slot.
    Replace(ConnId),
    /// The session is in the line; [`BackendPool::serve_waiter`] will name it.
    Wait,
    /// Answer the client with an error.
    Refuse(Refusal),
}

/// Why a session gets no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The waiting line is full: MySQL error 1040.
    QueueFull,
    /// The settings give this shard no connection to the backend: MySQL error 1203.
    NoShare,
}

/// What to do with a connection that a session gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// It is idle now.
    Keep,
    /// Close it; its slot is free.
    Close,
}

/// A session in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter<S> {
    /// Who waits, as given to [`BackendPool::acquire`].
    pub owner: u64,
    key: KeyIdx,
    state: Rc<S>,
}

/// What a pool knows of one connection.
#[derive(Debug, Clone)]
pub struct Connection<S> {
    /// The state it is in; the caller keeps it true while the connection is in use.
    pub state: Rc<S>,
    /// When it was dialed.
    pub born: Instant,
    /// When a session last gave it back.
    pub last_used: Instant,
    /// When its server last answered.
    pub last_heard: Instant,
    /// The server's id of it.
    pub thread_id: u32,
    /// Its key.
    pub key: KeyIdx,
    pub(super) condition: Condition,
    /// Among the idle connections of its key.
    of_key: Links,
    /// Among all idle connections.
    pub(super) of_all: Links,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Free,
    Dialing,
    Used,
    Idle,
}

/// How many connections are in which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Being dialed.
    pub dialing: u32,
    /// In a session's hand, or being pinged.
    pub used: u32,
    /// Idle.
    pub idle: u32,
    /// Sessions in the line.
    pub waiting: u32,
}

#[derive(Debug)]
struct Key {
    key: PoolKey,
    idle: List,
}

/// How many idle connections are looked at for one in the very state wanted.
const LOOK_AT_MAX: u32 = 8;

/// One shard's connections to one backend; `S` is the state they are in.
#[derive(Debug)]
pub struct BackendPool<S> {
    pub(super) limits: PoolLimits,
    pub(super) slots: Vec<Connection<S>>,
    free: Vec<u32>,
    keys: Vec<Key>,
    key_places: HashMap<PoolKey, KeyIdx>,
    /// All idle connections; those given back last are in front.
    pub(super) idle: List,
    pub(super) dialing: u32,
    used: u32,
    waiters: VecDeque<Waiter<S>>,
    /// The key asked for last: spare connections are dialed for it.
    pub(super) recent_key: Option<KeyIdx>,
}

impl<S: Reach> BackendPool<S> {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            slots: Vec::new(),
            free: Vec::new(),
            keys: Vec::new(),
            key_places: HashMap::new(),
            idle: List::EMPTY,
            dialing: 0,
            used: 0,
            waiters: VecDeque::new(),
            recent_key: None,
        }
    }

    /// Pings idle connections after this silence from now on.
    pub fn set_ping_after(&mut self, silence: Duration) {
        self.limits.ping_after = silence;
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &PoolLimits {
        &self.limits
    }

    /// The place of `key`, found once per session.
    pub fn key(&mut self, key: PoolKey) -> KeyIdx {
        if let Some(recent) = self.recent_key.filter(|at| self.key_at(*at) == key) {
            return recent;
        }
        let next = self.keys.len();
        *self.key_places.entry(key).or_insert_with(|| {
            self.keys.push(Key { key, idle: List::EMPTY });
            KeyIdx(u32::try_from(next).expect("fewer than 2^32 pairs of user and capabilities"))
        })
    }

    /// The key at a place.
    #[must_use]
    pub fn key_at(&self, idx: KeyIdx) -> PoolKey {
        self.keys[idx.0 as usize].key
    }

    /// A connection in use, idle or being dialed.
    #[must_use]
    pub fn connection(&self, conn: ConnId) -> Option<&Connection<S>> {
        self.slots.get(conn.0 as usize).filter(|known| known.condition != Condition::Free)
    }

    /// The same, to keep its state true.
    pub fn connection_mut(&mut self, conn: ConnId) -> Option<&mut Connection<S>> {
        self.slots.get_mut(conn.0 as usize).filter(|known| known.condition != Condition::Free)
    }

    /// How many connections are in which condition.
    #[must_use]
    pub fn counts(&self) -> PoolCounts {
        PoolCounts {
            dialing: self.dialing,
            used: self.used,
            idle: self.idle.len,
            waiting: u32::try_from(self.waiters.len()).unwrap_or(u32::MAX),
        }
    }

    /// Connections in whatever condition.
    pub(super) fn total(&self) -> u32 {
        self.dialing + self.used + self.idle.len
    }

    /// Plans a connection for the session `owner`, which is in `state`.
    pub fn acquire(&mut self, key: KeyIdx, state: &Rc<S>, owner: u64, now: Instant) -> Plan {
        self.recent_key = Some(key);
        if self.limits.connections_max == 0 {
            return Plan::Refuse(Refusal::NoShare);
        }
        // Nobody overtakes those who wait.
        if self.waiters.is_empty()
            && let Some(plan) = self.plan(key, state, now)
        {
            return plan;
        }
        if self.waiters.len() >= self.limits.queue_len_max as usize {
            return Plan::Refuse(Refusal::QueueFull);
        }
        self.waiters.push_back(Waiter { owner, key, state: Rc::clone(state) });
        Plan::Wait
    }

    /// The idle connection of `key` that was given back last, if it is in the very `state`: what
    /// [`BackendPool::acquire`] would plan to reuse.
    pub fn acquire_alike(&mut self, key: KeyIdx, state: &Rc<S>, now: Instant) -> Option<ConnId> {
        let front = self.keys[key.0 as usize].idle.front;
        let conn = self.slots.get(front as usize)?;
        let fit = Rc::ptr_eq(&conn.state, state) && !self.expired(conn, now);
        if !fit || !self.waiters.is_empty() {
            return None;
        }
        self.recent_key = Some(key);
        self.take(front);
        Some(ConnId(front))
    }

    /// Plans for the first in the line; `None` if nobody waits or nothing is free. To be called
    /// until then after every release, discard and closing.
    pub fn serve_waiter(&mut self, now: Instant) -> Option<(u64, Plan)> {
        let first = self.waiters.front()?;
        let (key, owner, state) = (first.key, first.owner, Rc::clone(&first.state));
        let plan = self.plan(key, &state, now)?;
        self.waiters.pop_front();
        Some((owner, plan))
    }

    /// The session `owner` waits no longer; whether it was in the line.
    pub fn cancel_wait(&mut self, owner: u64) -> bool {
        let place = self.waiters.iter().position(|waiter| waiter.owner == owner);
        place.and_then(|at| self.waiters.remove(at)).is_some()
    }

    /// The connection that was dialed is there, and in the hand that asked for it.
    pub fn dialed(&mut self, conn: ConnId, state: Rc<S>, thread_id: u32, now: Instant) {
        let Some(known) = self.slots.get_mut(conn.0 as usize) else { return };
        if known.condition != Condition::Dialing {
            return;
        }
        known.condition = Condition::Used;
        known.state = state;
        known.thread_id = thread_id;
        known.born = now;
        known.last_used = now;
        known.last_heard = now;
        self.dialing -= 1;
        self.used += 1;
    }

    /// A session gives a connection back, in `state`.
    pub fn release(&mut self, conn: ConnId, state: Rc<S>, now: Instant) -> Release {
        let Some(known) = self.slots.get_mut(conn.0 as usize) else { return Release::Close };
        if known.condition != Condition::Used {
            return Release::Close;
        }
        known.state = state;
        known.last_used = now;
        known.last_heard = now;
        self.put_back(conn, now)
    }

    /// The server answered the ping that [`BackendPool::tend`] asked for.
    pub fn pinged(&mut self, conn: ConnId, now: Instant) -> Release {
        let Some(known) = self.slots.get_mut(conn.0 as usize) else { return Release::Close };
        if known.condition != Condition::Used {
            return Release::Close;
        }
        known.last_heard = now;
        self.put_back(conn, now)
    }

    fn put_back(&mut self, conn: ConnId, now: Instant) -> Release {
        // More than `idle_max` idle ones are left for `tend`: under load they are wanted again
        // before the next round.
        if self.expired(&self.slots[conn.0 as usize], now) {
            self.discard(conn);
            return Release::Close;
        }
        self.used -= 1;
        self.put_idle(conn.0);
        Release::Keep
    }

    /// A connection is gone, whatever it was doing: a dial that failed, a peer that closed, a
    /// state that cannot be known.
    pub fn discard(&mut self, conn: ConnId) {
        let Some(known) = self.slots.get_mut(conn.0 as usize) else { return };
        match known.condition {
            Condition::Free => return,
            Condition::Dialing => self.dialing -= 1,
            Condition::Used => self.used -= 1,
            Condition::Idle => self.take_idle(conn.0),
        }
        self.slots[conn.0 as usize].condition = Condition::Free;
        self.free.push(conn.0);
    }

    /// Whether a connection is past its lifetime.
    pub(super) fn expired(&self, conn: &Connection<S>, now: Instant) -> bool {
        now.saturating_duration_since(conn.born) >= self.limits.lifetime
    }

    fn plan(&mut self, key: KeyIdx, state: &Rc<S>, now: Instant) -> Option<Plan> {
        if let Some(slot) = self.find_idle(key, state, now) {
            self.take(slot);
            return Some(Plan::Reuse(ConnId(slot)));
        }
        if self.total() < self.limits.connections_max {
            return Some(Plan::Dial(self.start_dial(key, state, now)));
        }
        // The share is full: an idle connection that cannot serve makes room.
        if self.idle.back != NIL {
            self.discard(ConnId(self.idle.back));
            return Some(Plan::Replace(self.start_dial(key, state, now)));
        }
        None
    }

    /// An idle connection of `key`: in the very state if one of the first has it, else the one
    /// used last that can be brought there.
    fn find_idle(&self, key: KeyIdx, state: &Rc<S>, now: Instant) -> Option<u32> {
        let mut at = self.keys[key.0 as usize].idle.front;
        let mut reachable = None;
        let mut looked_at = 0;
        while at != NIL {
            let conn = &self.slots[at as usize];
            // A connection past its lifetime is left for `tend` to close.
            if !self.expired(conn, now) {
                if Rc::ptr_eq(&conn.state, state) {
                    return Some(at);
                }
                if reachable.is_none() && conn.state.reaches(state) {
                    reachable = Some(at);
                }
            }
            looked_at += 1;
            if looked_at >= LOOK_AT_MAX && reachable.is_some() {
                break;
            }
            at = conn.of_key.next;
        }
        reachable
    }

    pub(super) fn start_dial(&mut self, key: KeyIdx, state: &Rc<S>, now: Instant) -> ConnId {
        let conn = Connection {
            state: Rc::clone(state),
            born: now,
            last_used: now,
            last_heard: now,
            thread_id: 0,
            key,
            condition: Condition::Dialing,
            of_key: Links::NONE,
            of_all: Links::NONE,
        };
        self.dialing += 1;
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = conn;
            return ConnId(slot);
        }
        let slot = u32::try_from(self.slots.len()).expect("slots are bounded by the share");
        self.slots.push(conn);
        ConnId(slot)
    }

    pub(super) fn take(&mut self, slot: u32) {
        self.take_idle(slot);
        let conn = &mut self.slots[slot as usize];
        conn.condition = Condition::Used;
        self.used += 1;
    }

    fn put_idle(&mut self, slot: u32) {
        let conn = &mut self.slots[slot as usize];
        conn.condition = Condition::Idle;
        let key = &mut self.keys[conn.key.0 as usize];
        key.idle.push_front(&mut self.slots, |conn| &mut conn.of_key, slot);
        self.idle.push_front(&mut self.slots, |conn| &mut conn.of_all, slot);
    }

    fn take_idle(&mut self, slot: u32) {
        let key = &mut self.keys[self.slots[slot as usize].key.0 as usize];
        key.idle.remove(&mut self.slots, |conn| &mut conn.of_key, slot);
        self.idle.remove(&mut self.slots, |conn| &mut conn.of_all, slot);
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
