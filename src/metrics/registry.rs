//! All shards' numbers together, for the admin port.

use std::sync::Arc;

use super::counters::{BackendCounts, BackendHealth, ShardCounts, ShardMetrics};
use super::sessions::{Aim, KillKind, shard_of};
use super::slot::SessionSnapshot;

/// Every shard's metrics, in the shards' order.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// Shard `n` is at index `n`.
    pub shards: Vec<Arc<ShardMetrics>>,
}

/// What is known of one backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendSnapshot {
    /// Its state; over all shards, the one that was set last.
    pub health: BackendHealth,
    /// Since when, milliseconds since 1970; 0: never tried.
    pub state_since_ms: u64,
    /// Its numbers.
    pub counts: BackendCounts,
}

/// What is known of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardSnapshot {
    /// Its number, from 0.
    pub shard: usize,
    /// Its own numbers.
    pub counts: ShardCounts,
    /// Its numbers per backend, in the backends' order.
    pub backends: Vec<BackendSnapshot>,
}

impl Registry {
    /// Makes the metrics of `shards` shards with `backends` backends each.
    ///
    /// # Panics
    /// If `shards` is above 256.
    #[must_use]
    pub fn new(shards: usize, backends: usize) -> Self {
        let shards = (0..shards).map(|shard| Arc::new(ShardMetrics::new(shard, backends)));
        Self { shards: shards.collect() }
    }

    /// Every backend, summed over the shards.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendSnapshot> {
        let len = self.shards.iter().map(|shard| shard.backends_len()).max().unwrap_or(0);
        (0..len).map(|index| self.backend(index)).collect()
    }

    fn backend(&self, index: usize) -> BackendSnapshot {
        let mut total = BackendSnapshot::default();
        for shard in &self.shards {
            if index >= shard.backends_len() {
                continue;
            }
            let own = backend_of(shard, index);
            if own.health != BackendHealth::Unknown && own.state_since_ms >= total.state_since_ms {
                total.health = own.health;
                total.state_since_ms = own.state_since_ms;
            }
            total.counts += own.counts;
        }
        total
    }

    /// Every shard with its own view of every backend.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardSnapshot> {
        let snapshots = self.shards.iter().map(|shard| ShardSnapshot {
            shard: shard.shard(),
            counts: shard.counters().counts(),
            backends: (0..shard.backends_len()).map(|index| backend_of(shard, index)).collect(),
        });
        snapshots.collect()
    }

    /// The shards' own numbers, summed.
    #[must_use]
    pub fn totals(&self) -> ShardCounts {
        self.shards.iter().fold(ShardCounts::default(), |mut sum, shard| {
            sum += shard.counters().counts();
            sum
        })
    }

    /// Every open session, shard by shard.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionSnapshot> {
        self.shards.iter().flat_map(|shard| shard.sessions().snapshot()).collect()
    }

    /// The session with the proxy's id `id`.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<SessionSnapshot> {
        self.shards.get(shard_of(id))?.sessions().find(id)
    }

    /// See [`SessionTable::aim`](super::SessionTable::aim).
    #[must_use]
    pub fn aim(&self, id: u32) -> Option<Aim<'_>> {
        self.shards.get(shard_of(id))?.sessions().aim(id)
    }

    /// Every session that holds a connection to backend number `backend`: the connection's thread
    /// id there and the session's id here.
    #[must_use]
    pub fn holders(&self, backend: usize) -> Vec<(u32, u32)> {
        let held = self.sessions().into_iter().filter(|row| row.backend == Some(backend));
        held.map(|row| (row.backend_thread, row.id)).collect()
    }

    /// Asks the session's shard to end it or its statement; false: there is no such session.
    pub fn request_kill(&self, id: u32, kind: KillKind) -> bool {
        self.shards.get(shard_of(id)).is_some_and(|shard| shard.sessions().request_kill(id, kind))
    }
}

fn backend_of(shard: &ShardMetrics, index: usize) -> BackendSnapshot {
    let backend = shard.backend(index);
    BackendSnapshot {
        health: backend.health(),
        state_since_ms: backend.state_since_ms(),
        counts: backend.counts(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::SessionRegistrar;
    use super::*;

    #[test]
    fn sums_over_shards_and_takes_the_latest_state() {
        let registry = Registry::new(3, 2);
        registry.shards[0].backend(1).set_health(BackendHealth::Up, 10);
        registry.shards[2].backend(1).set_health(BackendHealth::Down, 20);
        registry.shards[0].backend(1).reads.add(3);
        registry.shards[2].backend(1).reads.add(4);
        registry.shards[1].counters().accepted.bump();
        let backends = registry.backends();
        assert_eq!(backends[0], BackendSnapshot::default());
        assert_eq!((backends[1].health, backends[1].state_since_ms), (BackendHealth::Down, 20));
        assert_eq!(backends[1].counts.reads, 7);
        assert_eq!(registry.totals().accepted, 1);
        assert_eq!(registry.shards()[0].backends[1].health, BackendHealth::Up);
    }

    #[test]
    fn kill_goes_to_the_right_shard() {
        let registry = Registry::new(2, 0);
        let registrar = SessionRegistrar::new(Arc::clone(&registry.shards[1]));
        let entry = registrar.open(None, 0).unwrap();
        assert_eq!(registry.sessions().len(), 1);
        assert_eq!(registry.find(entry.id()).unwrap().id, entry.id());
        assert!(registry.request_kill(entry.id(), KillKind::Query));
        assert_eq!(entry.take_kill(), Some(KillKind::Query));
        assert!(!registry.request_kill(0, KillKind::Query));
        assert!(!registry.request_kill(u32::MAX, KillKind::Query));
    }
}
