//! What a lane does once a second, and when the cluster looks different: its pools' housekeeping.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{BackendIdx, ClusterView};
use crate::config::{BackendSettings, Settings};
use crate::net::Traffic;
use crate::pool::{ConnId, KeyIdx, PoolLimits, Release, Tend, share};
use crate::session::ReplayState;

use super::dial::{self, Identity};
use super::lane::Lane;
use super::lease::Lease;

/// The silence after which an idle connection is pinged, where the server lets it live longer.
const PING_AFTER: Duration = Duration::from_secs(60);

/// This shard's share of a backend's limits.
pub(super) fn limits(
    settings: &Settings,
    backend: &BackendSettings,
    shard: u32,
    shards: u32,
) -> PoolLimits {
    const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);
    let part = |total| share(total, shards, shard);
    PoolLimits {
        connections_max: part(backend.max_connections),
        idle_min: part(backend.min_idle),
        idle_max: part(backend.max_idle).max(1),
        queue_len_max: settings.queue_len_max,
        lifetime: settings.timeouts.connection_max_lifetime.unwrap_or(NEVER),
        idle: settings.timeouts.connection_idle.unwrap_or(NEVER),
        ping_after: PING_AFTER,
    }
}

/// When to ping connections to a server that closes those which are silent for `wait_timeout`.
fn ping_after(wait_timeout: Duration) -> Duration {
    PING_AFTER.min(wait_timeout / 2)
}

impl Lane {
    /// Takes a new view of the cluster.
    pub(crate) fn set_view(&self, view: Arc<ClusterView>) {
        for (pool, backend) in self.pools.borrow_mut().iter_mut().zip(&view.backends) {
            if let Some(facts) = &backend.facts {
                pool.set_ping_after(ping_after(Duration::from_secs(facts.wait_timeout_s.into())));
            }
        }
        *self.view.borrow_mut() = view;
    }

    /// Adds to the counters what went over the sockets since the last time.
    fn count_traffic(&self) {
        let clients = self.net.take_traffic(0);
        let counters = self.metrics.counters();
        counters.client_bytes_in.add(clients.received);
        counters.client_bytes_out.add(clients.sent);
        for slot in 0..self.settings.backends.len() {
            let Traffic { received, sent } = self.net.take_traffic(account(slot));
            let counters = self.metrics.backend(slot);
            counters.bytes_in.add(received);
            counters.bytes_out.add(sent);
        }
    }

    /// The pools' housekeeping, once a second: what is dead or too old goes, what is silent is
    /// pinged, what is missing is dialed.
    pub(crate) fn tend(self: &Rc<Self>) {
        for (backend, conn) in self.dead_links() {
            drop(self.take_link(backend, conn));
            self.forget_connection(backend, conn);
        }
        self.count_traffic();
        let fresh = Rc::new(ReplayState::default());
        let now = self.net.now();
        for slot in 0..self.settings.backends.len() {
            let Ok(index) = u16::try_from(slot) else { continue };
            let backend = BackendIdx(index);
            let may_dial = !self.draining.get() && self.balancer.borrow().may_try(backend, now);
            let mut todo = Vec::new();
            if let Some(pool) = self.pools.borrow_mut().get_mut(slot) {
                pool.tend(now, may_dial, &fresh, &mut todo);
            }
            for job in todo {
                self.tend_one(backend, job);
            }
            self.show_pool(backend);
            self.serve_waiters(backend);
        }
    }

    fn tend_one(self: &Rc<Self>, backend: BackendIdx, job: Tend) {
        match job {
            Tend::Close(conn) => {
                if let Some(link) = self.take_link(backend, conn) {
                    link.quit();
                }
            }
            Tend::Ping(conn) => {
                let Some(link) = self.take_link(backend, conn) else { return };
                let mut lease = Lease::new(self.clone(), link, conn);
                let lane = self.clone();
                (self.spawn)(Box::pin(async move {
                    if dial::ping(&lane, lease.link()).await.is_ok() {
                        lane.release_pinged(lease);
                    }
                }));
            }
            Tend::Dial(conn, key) => {
                let lane = self.clone();
                (self.spawn)(Box::pin(async move { lane.dial_spare(backend, conn, key).await }));
            }
        }
    }

    fn release_pinged(&self, lease: Lease) {
        let (link, conn) = lease.dissolve();
        let backend = link.backend;
        let kept = {
            let mut pools = self.pools.borrow_mut();
            let pool = pools.get_mut(usize::from(backend.0));
            pool.map(|pool| pool.pinged(conn, self.net.now()))
        };
        if kept == Some(Release::Keep) {
            self.put_link(link, conn);
        }
        self.after_return(backend);
    }

    /// Opens a connection that nobody waits for yet.
    async fn dial_spare(self: &Rc<Self>, backend: BackendIdx, conn: ConnId, key: KeyIdx) {
        let key = self.pools.borrow()[usize::from(backend.0)].key_at(key);
        let user = &self.users[usize::from(key.user)];
        let Some((secret, collation)) = user.last_login.borrow().clone() else {
            self.forget_connection(backend, conn);
            return;
        };
        let secret = user.backend_secret.clone().unwrap_or(secret);
        let identity = Identity {
            user: &user.backend_name,
            secret: &secret,
            capabilities: key.capabilities,
            collation,
            attributes: &[],
        };
        match self.dial(backend, conn, &identity).await {
            Ok(link) => self.release(Lease::new(self.clone(), link, conn)),
            Err(fault) => tracing::debug!("{fault}"),
        }
    }
}

/// The account of a backend's sockets in the shard's [`Traffic`]; clients' have 0.
pub(super) fn account(backend: usize) -> u16 {
    u16::try_from(backend + 1).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_closes_early_is_pinged_before_it_does() {
        let seconds = Duration::from_secs;
        assert_eq!(ping_after(seconds(28_800)), seconds(60));
        assert_eq!(ping_after(seconds(30)), seconds(15));
        assert_eq!(ping_after(seconds(1)), Duration::from_millis(500));
    }
}
