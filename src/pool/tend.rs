//! The pool's housekeeping, about once a second.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::list::NIL;
use super::plan::{BackendPool, ConnId, KeyIdx, Reach};

/// What to do with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tend {
    /// Close it; its slot is free already.
    Close(ConnId),
    /// Send COM_PING, then report [`BackendPool::pinged`] or [`BackendPool::discard`].
    Ping(ConnId),
    /// Dial one to spare, then report [`BackendPool::dialed`] and [`BackendPool::release`].
    Dial(ConnId, KeyIdx),
}

/// How long an idle connection above `idle_max` is kept: load comes in waves, and a dial costs
/// more than a connection.
pub(super) const SPARE_KEPT: Duration = Duration::from_secs(5);

impl<S: Reach> BackendPool<S> {
    /// Adds to `out` what is to be done: close idle connections past their lifetime, past their
    /// idle time or above the limits, ping silent ones, and dial spare ones if `may_dial`, in
    /// the state `fresh`. Serve the waiters afterwards.
    pub fn tend(&mut self, now: Instant, may_dial: bool, fresh: &Rc<S>, out: &mut Vec<Tend>) {
        let limits = self.limits;
        let mut pinged = 0;
        let mut at = self.idle.back;
        while at != NIL {
            let conn = &self.slots[at as usize];
            let newer = conn.of_all.prev;
            let id = ConnId(at);
            let since_use = now.saturating_duration_since(conn.last_used);
            let unused = since_use >= limits.idle;
            let silent = now.saturating_duration_since(conn.last_heard) >= limits.ping_after;
            if self.expired(conn, now)
                || (self.idle.len > limits.idle_max && since_use >= SPARE_KEPT)
                || (unused && self.idle.len > limits.idle_min)
            {
                self.discard(id);
                out.push(Tend::Close(id));
            } else if silent {
                self.take(at);
                out.push(Tend::Ping(id));
                pinged += 1;
            }
            at = newer;
        }
        // Those being dialed may end up in a session's hand; the next round sees.
        let spare_min = limits.idle_min.min(limits.idle_max);
        if let (true, Some(key)) = (may_dial, self.recent_key) {
            while self.idle.len + self.dialing + pinged < spare_min
                && self.total() < limits.connections_max
            {
                let id = self.start_dial(key, fresh, now);
                out.push(Tend::Dial(id, key));
            }
        }
    }
}
