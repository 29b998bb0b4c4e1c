//! The servers named in the settings, and small sets of them.

use thiserror::Error;

/// The most backends one cluster may have: a [`BackendSet`] is a fixed array of bits.
pub const BACKENDS_MAX: usize = 256;

/// The largest weight: sums of weights over all backends stay far below `u32::MAX`.
pub const WEIGHT_MAX: u32 = 1_000;

/// A backend's place in [`Topology::backends`]; stable while the topology is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendIdx(pub u16);

impl BackendIdx {
    /// The index as a slice index.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.0 as usize
    }
}

/// What a backend is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes writes.
    Primary,
    /// Takes reads.
    Replica,
}

/// One server of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The operator's name for it, unique in the topology.
    pub name: String,
    /// Its role as configured; the role in force is in the [`super::ClusterView`].
    pub role: Role,
    /// Its share of the reads, 0 (none) to [`WEIGHT_MAX`].
    pub weight: u32,
}

/// All servers, in the settings' order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topology {
    /// The servers; a [`BackendIdx`] is an index into this list.
    pub backends: Vec<Backend>,
}

/// Why a list of backends is no topology.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopologyError {
    /// More than [`BACKENDS_MAX`].
    #[error("{count} backends, the most is {BACKENDS_MAX}")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// Two backends have one name.
    #[error("two backends are named {name:?}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A weight above [`WEIGHT_MAX`].
    #[error("backend {name:?} has weight {weight}, the most is {WEIGHT_MAX}")]
    Weight {
        /// Whose weight.
        name: String,
        /// The weight given.
        weight: u32,
    },
}

impl Topology {
    /// Checks a list of backends.
    ///
    /// # Errors
    /// Too many backends, a name twice, a weight out of range.
    pub fn new(backends: Vec<Backend>) -> Result<Self, TopologyError> {
        if backends.len() > BACKENDS_MAX {
            return Err(TopologyError::TooMany { count: backends.len() });
        }
        for (i, backend) in backends.iter().enumerate() {
            if backend.weight > WEIGHT_MAX {
                let name = backend.name.clone();
                return Err(TopologyError::Weight { name, weight: backend.weight });
            }
            if backends[..i].iter().any(|other| other.name == backend.name) {
                return Err(TopologyError::DuplicateName { name: backend.name.clone() });
            }
        }
        Ok(Self { backends })
    }

    /// Every backend with its index.
    pub fn iter(&self) -> impl Iterator<Item = (BackendIdx, &Backend)> {
        (0u16..).map(BackendIdx).zip(&self.backends)
    }

    /// The backend at `idx`, if there is one.
    #[must_use]
    pub fn backend(&self, idx: BackendIdx) -> Option<&Backend> {
        self.backends.get(idx.slot())
    }
}

/// A set of backends: a read's retry remembers here whom it has tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackendSet {
    bits: [u64; BACKENDS_MAX / 64],
}

impl BackendSet {
    /// The empty set.
    pub const EMPTY: Self = Self { bits: [0; BACKENDS_MAX / 64] };

    /// Adds `idx`; an index past [`BACKENDS_MAX`] cannot exist and is ignored.
    pub fn insert(&mut self, idx: BackendIdx) {
        if let Some(word) = self.bits.get_mut(idx.slot() / 64) {
            *word |= 1 << (idx.slot() % 64);
        }
    }

    /// Whether `idx` is in the set.
    #[must_use]
    pub fn contains(&self, idx: BackendIdx) -> bool {
        self.bits.get(idx.slot() / 64).is_some_and(|word| word >> (idx.slot() % 64) & 1 == 1)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, weight: u32) -> Backend {
        Backend { name: name.into(), role: Role::Replica, weight }
    }

    #[test]
    fn a_topology_checks_its_backends() {
        assert!(Topology::new(vec![named("a", 1), named("b", WEIGHT_MAX)]).is_ok());
        assert_eq!(
            Topology::new(vec![named("a", 1), named("a", 1)]),
            Err(TopologyError::DuplicateName { name: "a".into() })
        );
        assert_eq!(
            Topology::new(vec![named("a", WEIGHT_MAX + 1)]),
            Err(TopologyError::Weight { name: "a".into(), weight: WEIGHT_MAX + 1 })
        );
        let many = (0..=BACKENDS_MAX).map(|i| named(&i.to_string(), 1)).collect();
        assert_eq!(Topology::new(many), Err(TopologyError::TooMany { count: BACKENDS_MAX + 1 }));
    }

    #[test]
    fn indices_follow_the_list() {
        let topology = Topology::new(vec![named("a", 1), named("b", 1)]).unwrap();
        let all: Vec<_> = topology.iter().map(|(i, b)| (i.0, b.name.as_str())).collect();
        assert_eq!(all, [(0, "a"), (1, "b")]);
        assert_eq!(topology.backend(BackendIdx(2)), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = BackendSet::EMPTY;
        for i in [0u16, 63, 64, 255] {
            assert!(!set.contains(BackendIdx(i)));
            set.insert(BackendIdx(i));
            assert!(set.contains(BackendIdx(i)));
        }
        set.insert(BackendIdx(9_999));
        assert!(!set.contains(BackendIdx(9_999)));
        assert!(!set.is_empty());
    }
}
