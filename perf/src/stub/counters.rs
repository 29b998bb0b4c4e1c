//! What a stub counts.

use super::statement::Kind;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Commands that reached a stub, under a server's own names.
#[derive(Debug, Default)]
pub struct Counters {
    questions: AtomicU64,
    selects: AtomicU64,
    inserts: AtomicU64,
    updates: AtomicU64,
    deletes: AtomicU64,
    begins: AtomicU64,
    commits: AtomicU64,
    rollbacks: AtomicU64,
    connections: AtomicU64,
}

impl Counters {
    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, kind: Kind) {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let counter = match kind {
            Kind::Read | Kind::Blob(_) | Kind::Variables => &self.selects,
            Kind::Insert => &self.inserts,
            Kind::Update => &self.updates,
            Kind::Delete => &self.deletes,
            Kind::Begin => &self.begins,
            Kind::Commit => &self.commits,
            Kind::Rollback => &self.rollbacks,
            Kind::ShowVariables | Kind::ShowReplication | Kind::Other => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters as `SHOW GLOBAL STATUS` would name them.
    #[must_use]
    pub fn status(&self) -> BTreeMap<String, u64> {
        [
            ("Questions", &self.questions),
            ("Com_select", &self.selects),
            ("Com_insert", &self.inserts),
            ("Com_update", &self.updates),
            ("Com_delete", &self.deletes),
            ("Com_begin", &self.begins),
            ("Com_commit", &self.commits),
            ("Com_rollback", &self.rollbacks),
            ("Connections", &self.connections),
        ]
        .into_iter()
        .map(|(name, counter)| (name.to_owned(), counter.load(Ordering::Relaxed)))
        .collect()
    }
}
