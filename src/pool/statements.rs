//! Which statements are prepared on one connection, so that each is prepared there once.

use std::rc::Rc;

use rustc_hash::FxHashMap;

/// A statement on the server's side of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatement {
    /// The server's id of it.
    pub id: u32,
    /// The types that its parameters had when it was last executed there, two bytes each; empty
    /// before.
    pub types: Vec<u8>,
    /// The types are to be given again: see [`StatementCache::outdate_types`].
    pub outdated: bool,
    /// Where the server leaves out definitions that it has sent: those of the columns that it sent
    /// last, as packets.
    pub metadata: Option<Rc<[u8]>>,
    /// It cannot be prepared again, so it is never evicted.
    pub fixed: bool,
    /// When it was last used, in uses of the cache.
    used: u64,
}

/// The statements prepared on one connection, by the key that the caller gives a text. The least
/// recently used goes first.
#[derive(Debug, Default)]
pub struct StatementCache {
    /// The keys are numbers of our own, which nobody can choose to collide.
    entries: FxHashMap<u64, ServerStatement>,
    /// Counts uses.
    clock: u64,
}

impl StatementCache {
    /// The statement of `key`, used now.
    pub fn use_it(&mut self, key: u64) -> Option<&mut ServerStatement> {
        self.clock += 1;
        let entry = self.entries.get_mut(&key)?;
        entry.used = self.clock;
        Some(entry)
    }

    /// What the server holds of parameters' types stands no longer for what they were given as: it
    /// keeps the character set with them.
    pub fn outdate_types(&mut self) {
        for entry in self.entries.values_mut() {
            entry.outdated = true;
        }
    }

    /// Takes in a statement that was just prepared as `id`; of the ids returned the server is to
    /// be told that they are closed: the one that `key` had before, and one to keep to `limit`.
    pub fn insert(
        &mut self,
        key: u64,
        id: u32,
        fixed: bool,
        limit: usize,
    ) -> impl Iterator<Item = u32> + use<> {
        self.clock += 1;
        let entry = ServerStatement {
            id,
            types: Vec::new(),
            outdated: false,
            metadata: None,
            fixed,
            used: self.clock,
        };
        let replaced = self.entries.insert(key, entry).map(|old| old.id);
        let evicted = if self.entries.len() > limit { self.evict(key) } else { None };
        replaced.into_iter().chain(evicted)
    }

    /// Removes the least recently used statement but for that of `keep`.
    fn evict(&mut self, keep: u64) -> Option<u32> {
        let movable = self.entries.iter().filter(|(key, entry)| **key != keep && !entry.fixed);
        let oldest = movable.min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key)?;
        self.remove(oldest)
    }

    /// Gives the statement of `key` another key: nobody else is to use it any more.
    pub fn rename(&mut self, key: u64, to: u64) {
        if let Some(entry) = self.entries.remove(&key) {
            self.entries.insert(to, entry);
        }
    }

    /// Forgets the statement of `key`, which the server is to close.
    pub fn remove(&mut self, key: u64) -> Option<u32> {
        self.entries.remove(&key).map(|entry| entry.id)
    }

    /// Removes all that can be prepared again, and returns the ids that the server is to close.
    pub fn evict_all(&mut self) -> Vec<u32> {
        let movable = self.entries.extract_if(|_, entry| !entry.fixed);
        movable.map(|(_, entry)| entry.id).collect()
    }

    /// Forgets all: the server did.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many are prepared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is prepared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn insert(cache: &mut StatementCache, key: u64, id: u32, limit: usize) -> Vec<u32> {
        cache.insert(key, id, false, limit).collect()
    }

    #[test]
    fn the_least_recently_used_goes() {
        let mut cache = StatementCache::default();
        assert_eq!(insert(&mut cache, 1, 11, 2), []);
        assert_eq!(insert(&mut cache, 2, 12, 2), []);
        assert_eq!(cache.use_it(1).map(|entry| entry.id), Some(11));
        assert_eq!(insert(&mut cache, 3, 13, 2), [12]);
        assert_eq!(cache.use_it(2), None);
        assert_eq!(insert(&mut cache, 3, 14, 2), [13], "prepared again");
        assert_eq!((cache.len(), cache.remove(3), cache.remove(3)), (2, Some(14), None));
    }

    #[test]
    fn another_key() {
        let mut cache = StatementCache::default();
        insert(&mut cache, 1, 11, 2);
        cache.rename(1, 7);
        cache.rename(1, 8);
        assert_eq!(cache.use_it(1), None);
        assert_eq!(cache.use_it(8), None);
        assert_eq!(cache.use_it(7).map(|entry| entry.id), Some(11));
    }

    #[test]
    fn what_is_fixed_stays() {
        let mut cache = StatementCache::default();
        assert_eq!(cache.insert(1, 11, true, 1).count(), 0);
        assert_eq!(insert(&mut cache, 2, 12, 1), []);
        assert_eq!(insert(&mut cache, 3, 13, 1), [12]);
        assert_eq!(cache.evict_all(), [13]);
        assert!(cache.use_it(1).is_some());
        cache.clear();
        assert!(cache.is_empty());
    }

    proptest! {
        /// Against a list in the order of use; and the server's own list stays the same as ours.
        #[test]
        fn as_a_list_in_the_order_of_use(
            steps in prop::collection::vec((0u64..12, any::<bool>()), 1..200), limit in 1usize..8,
        ) {
            let mut cache = StatementCache::default();
            let mut model: Vec<(u64, u32)> = Vec::new();
            let mut open = std::collections::BTreeSet::new();
            for (id, (key, prepares)) in (1u32..).zip(steps) {
                let place = model.iter().position(|(known, _)| *known == key);
                if !prepares {
                    let found = place.map(|at| model.remove(at));
                    model.extend(found);
                    prop_assert_eq!(cache.use_it(key).map(|e| e.id), found.map(|(_, id)| id));
                    continue;
                }
                open.insert(id);
                for closed in cache.insert(key, id, false, limit) {
                    prop_assert!(open.remove(&closed));
                }
                if let Some(at) = place {
                    model.remove(at);
                }
                model.push((key, id));
                if model.len() > limit {
                    model.remove(0);
                }
                prop_assert_eq!(open.iter().copied().collect::<Vec<_>>(), {
                    let mut ids: Vec<u32> = model.iter().map(|(_, id)| *id).collect();
                    ids.sort_unstable();
                    ids
                });
            }
        }
    }
}
