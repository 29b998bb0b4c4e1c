//! What the monitor publishes: the state of the whole cluster at one moment.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{BackendIdx, BackendState, Role, ServerFacts, Topology};
use crate::protocol::{Capabilities, StatusFlags};

/// One backend as the monitor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendView {
    /// The role in force, which a promotion may change.
    pub role: Role,
    /// Its share of the reads; 0 = none.
    pub weight: u32,
    /// Whether it may be used at all; false while an operator drains it or its lag is too high.
    pub in_service: bool,
    /// What the monitor's last probe found; `Unknown` without one.
    pub state: BackendState,
    /// What the server said of itself, once reached.
    pub facts: Option<Arc<ServerFacts>>,
    /// How far it is behind the primary in milliseconds, where known.
    pub lag_ms: Option<u64>,
    /// Where to connect, in the order to try; empty for a Unix socket, and for a name that is not
    /// resolved yet.
    pub addresses: Vec<SocketAddr>,
}

/// A snapshot that the monitor shares with every shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterView {
    /// Grows with every publication.
    pub generation: u64,
    /// One per backend of the topology, in its order.
    pub backends: Vec<BackendView>,
}

impl ClusterView {
    /// The view before anything was probed.
    #[must_use]
    pub fn initial(topology: &Topology) -> Self {
        let backends = topology
            .backends
            .iter()
            .map(|backend| BackendView {
                role: backend.role,
                weight: backend.weight,
                in_service: true,
                state: BackendState::Unknown,
                facts: None,
                lag_ms: None,
                addresses: Vec::new(),
            })
            .collect();
        Self { generation: 0, backends }
    }

    /// The primary in service, if there is one: the first, should there be several.
    #[must_use]
    pub fn primary(&self) -> Option<BackendIdx> {
        self.iter().find(|(_, view)| view.role == Role::Primary && view.in_service).map(|(i, _)| i)
    }

    /// Every backend with its index.
    pub fn iter(&self) -> impl Iterator<Item = (BackendIdx, &BackendView)> {
        (0u16..).map(BackendIdx).zip(&self.backends)
    }

    /// The backend at `idx`, if there is one.
    #[must_use]
    pub fn backend(&self, idx: BackendIdx) -> Option<&BackendView> {
        self.backends.get(idx.slot())
    }
}

/// What the proxy's own greeting may say: what every backend in service can keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedGreeting {
    /// The primary's version text, else that of the first backend known.
    pub version: Vec<u8>,
    /// Whether that server is MariaDB.
    pub mariadb: bool,
    /// What all backends in service offer.
    pub capabilities: Capabilities,
    /// That server's default collation.
    pub collation: u8,
    /// That server's status flags.
    pub status: StatusFlags,
    /// That server's authentication plugin.
    pub auth_plugin: Vec<u8>,
}

/// Puts the greetings of all known backends in service together; `None` while none is known.
#[must_use]
pub fn offered_greeting(view: &ClusterView) -> Option<OfferedGreeting> {
    let primary = view.primary();
    let known = || {
        view.iter()
            .filter(|(_, backend)| backend.in_service)
            .filter_map(|(idx, backend)| backend.facts.as_deref().map(|facts| (idx, facts)))
    };
    let (_, lead) = known().find(|(idx, _)| Some(*idx) == primary).or_else(|| known().next())?;
    let capabilities = known().fold(lead.capabilities, |all, (_, facts)| all & facts.capabilities);
    Some(OfferedGreeting {
        version: lead.version.clone(),
        mariadb: lead.mariadb,
        capabilities,
        collation: lead.collation,
        status: lead.status,
        auth_plugin: lead.auth_plugin.clone(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::protocol::Greeting;

    pub(in crate::cluster) fn facts(version: &[u8]) -> ServerFacts {
        ServerFacts::from_greeting(&Greeting {
            version: version.to_vec(),
            thread_id: 1,
            scramble: [1; 20],
            capabilities: Capabilities::from_bits_retain(0b1111),
            collation: 45,
            status: StatusFlags::AUTOCOMMIT,
            auth_plugin: b"mysql_native_password".to_vec(),
        })
    }

    pub(in crate::cluster) fn view(backends: &[(Role, u32)]) -> ClusterView {
        let backends = backends
            .iter()
            .map(|&(role, weight)| BackendView {
                role,
                weight,
                in_service: true,
                state: BackendState::Up,
                facts: None,
                lag_ms: None,
                addresses: Vec::new(),
            })
            .collect();
        ClusterView { generation: 1, backends }
    }

    #[test]
    fn a_greeting_offers_what_all_keep_and_names_the_primary() {
        let mut view = view(&[(Role::Replica, 1), (Role::Primary, 1), (Role::Replica, 1)]);
        assert_eq!(offered_greeting(&view), None);
        let mut replica = facts(b"9.7.4");
        replica.capabilities = Capabilities::from_bits_retain(0b0110);
        view.backends[0].facts = Some(Arc::new(replica));
        assert_eq!(offered_greeting(&view).unwrap().version, b"9.7.4");
        view.backends[1].facts = Some(Arc::new(facts(b"8.4.1")));
        let offered = offered_greeting(&view).unwrap();
        assert_eq!(offered.version, b"8.4.1");
        assert_eq!(offered.capabilities, Capabilities::from_bits_retain(0b0110));
        view.backends[0].in_service = false;
        let offered = offered_greeting(&view).unwrap();
        assert_eq!(offered.capabilities, Capabilities::from_bits_retain(0b1111));
    }

    #[test]
    fn the_primary_is_the_one_in_service() {
        let mut view = view(&[(Role::Replica, 1), (Role::Primary, 1)]);
        assert_eq!(view.primary(), Some(BackendIdx(1)));
        view.backends[1].in_service = false;
        assert_eq!(view.primary(), None);
        assert!(view.backend(BackendIdx(2)).is_none());
    }
}
