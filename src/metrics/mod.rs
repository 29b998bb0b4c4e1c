//! Counters and the session table: written by one shard with plain relaxed stores, read by anyone.
//!
//! A shard never waits for a reader and a reader never sends anything to a shard. Every counter
//! has exactly one writer, so counting is a load and a store, not a locked read-modify-write, and
//! each shard's counters lie on cache lines of their own.

mod counters;
mod registry;
mod sessions;
mod slot;

pub use counters::{
    BackendCounters, BackendCounts, BackendHealth, Counter, Gauge, ShardCounters, ShardCounts,
    ShardMetrics,
};
pub use registry::{BackendSnapshot, Registry, ShardSnapshot};
pub use sessions::{
    Aim, KillKind, SESSION_SLOTS, SessionEntry, SessionRegistrar, SessionTable, shard_of,
};
pub use slot::{SessionSnapshot, SessionState};
