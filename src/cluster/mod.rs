//! The cluster as data: which servers there are, what is known of each, whether one may be
//! tried, and which replica a read goes to.
//!
//! Nothing here knows sockets or clocks. The monitor publishes a new [`ClusterView`] when
//! something changed; each shard adds what it saw itself ([`Liveness`]) and chooses with its own
//! [`Balancer`].

mod balancer;
mod facts;
mod liveness;
mod topology;
pub mod trackers;
mod view;

pub use balancer::Balancer;
pub use facts::ServerFacts;
pub use liveness::{BackendState, Liveness};
pub use topology::{
    BACKENDS_MAX, Backend, BackendIdx, BackendSet, Role, Topology, TopologyError, WEIGHT_MAX,
};
pub use view::{BackendView, ClusterView, OfferedGreeting, offered_greeting};
