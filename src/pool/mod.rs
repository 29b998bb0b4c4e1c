//! The plan of one shard's connections to one backend: reuse, dial, wait, refuse, retire.
//!
//! A [`BackendPool`] knows no sockets. It says what to do ([`Plan`], [`Tend`]); the caller does
//! it and reports back. Acquire and release are O(1) and allocate nothing in steady state.
//!
//! Invariants: connections (dialing, in use, idle) never number more than the share; a
//! connection is in one hand at a time; waiters are served in the order they came.
//!
//! A [`StatementCache`] says which statements are prepared on one connection.

mod list;
mod plan;
mod statements;
mod tend;

pub use plan::{
    BackendPool, ConnId, Connection, KeyIdx, Plan, PoolCounts, PoolKey, PoolLimits, Reach, Refusal,
    Release, Waiter,
};
pub use statements::{ServerStatement, StatementCache};
pub use tend::Tend;

/// One shard's part of a total that is divided among `shards` shards: the parts sum to `total`,
/// and the first shards get what is left over.
#[must_use]
pub fn share(total: u32, shards: u32, shard: u32) -> u32 {
    if shards == 0 || shard >= shards {
        return 0;
    }
    total / shards + u32::from(shard < total % shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_sum_to_the_total(total in 0u32..100_000, shards in 1u32..300) {
            let all: Vec<_> = (0..shards).map(|shard| share(total, shards, shard)).collect();
            prop_assert_eq!(all.iter().sum::<u32>(), total);
            let (min, max) = (all.iter().min().unwrap(), all.iter().max().unwrap());
            prop_assert!(max - min <= 1);
            prop_assert_eq!(share(total, shards, shards), 0);
        }
    }
}
