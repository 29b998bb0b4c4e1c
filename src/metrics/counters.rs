//! One shard's counters.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::sessions::SessionTable;

/// A number that only grows. Only its owning shard writes it.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn bump(&self) {
        self.add(1);
    }

    /// Adds `n`, wrapping at 2^64.
    pub fn add(&self, n: u64) {
        // One writer: a load and a store cost no locked instruction.
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// The number now; any thread may ask.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down. Only its owning shard writes it.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// One more.
    pub fn raise(&self) {
        self.set(self.value().saturating_add(1));
    }

    /// One less; stays at 0.
    pub fn lower(&self) {
        self.set(self.value().saturating_sub(1));
    }

    /// Sets the number.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now; any thread may ask.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What a shard last saw of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BackendHealth {
    /// Not tried yet (0 in the slot).
    #[default]
    Unknown,
    /// It answered (1).
    Up,
    /// It refused, dropped or did not answer (2).
    Down,
}

impl BackendHealth {
    /// mysql-proxy's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    fn from_code(code: u64) -> Self {
        match code {
            1 => Self::Up,
            2 => Self::Down,
            _ => Self::Unknown,
        }
    }
}

macro_rules! counts {
    (
        $(#[$live_doc:meta])* live $live:ident { $($(#[$own_doc:meta])* $own:ident: $own_kind:ident,)* };
        $(#[$counts_doc:meta])* counts $counts:ident;
        $($(#[$doc:meta])* $name:ident: $kind:ident,)*
    ) => {
        $(#[$live_doc])*
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct $live {
            $($(#[$own_doc])* $own: $own_kind,)*
            $($(#[$doc])* pub $name: $kind,)*
        }

        $(#[$counts_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $counts { $($(#[$doc])* pub $name: u64,)* }

        impl $live {
            /// All the numbers now. Each is exact; together they are not one instant's.
            #[must_use]
            pub fn counts(&self) -> $counts {
                $counts { $($name: self.$name.value(),)* }
            }
        }

        impl $counts {
            /// All the numbers with their names, in the order of their declaration.
            #[must_use]
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }

        impl std::ops::AddAssign for $counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name = self.$name.wrapping_add(other.$name);)*
            }
        }
    };
}

counts! {
    /// What one shard counts of itself. Aligned so that no two shards share a cache line.
    live ShardCounters {};
    /// [`ShardCounters`] as plain numbers, of one shard or summed over all.
    counts ShardCounts;
    /// Sessions open now.
    sessions: Gauge,
    /// Connections accepted.
    accepted: Counter,
    /// Connections closed before they were sessions: table full, draining.
    refused: Counter,
    /// Logins that failed.
    logins_denied: Counter,
    /// Sessions closed for breaking the protocol.
    malformed: Counter,
    /// Panics caught at a session's edge.
    panics: Counter,
    /// Commands from clients.
    commands: Counter,
    /// Statements sent again on another backend.
    retries: Counter,
    /// Sessions pinned to a connection now.
    pinned: Gauge,
    /// Times a session waited for a backend connection.
    queue_waits: Counter,
    /// Waits that ended in the timeout.
    queue_timeouts: Counter,
    /// Sessions turned away since the line was full.
    queue_refusals: Counter,
    /// Sessions waiting now.
    queue_len: Gauge,
    /// Bytes from clients.
    client_bytes_in: Counter,
    /// Bytes to clients.
    client_bytes_out: Counter,
}

counts! {
    /// What one shard counts of one backend.
    live BackendCounters {
        /// See [`BackendHealth`].
        health_code: Gauge,
        state_since_ms: Gauge,
    };
    /// [`BackendCounters`] as plain numbers, of one shard or summed over all.
    counts BackendCounts;
    /// Sessions that hold a connection to it now.
    connected_clients: Gauge,
    /// Connections in use now.
    connections_used: Gauge,
    /// Connections idle in the pool now.
    connections_idle: Gauge,
    /// Statements and other commands sent to it for clients.
    queries: Counter,
    /// Those routed as reads.
    reads: Counter,
    /// Those routed as writes.
    writes: Counter,
    /// ERR replies, and connections lost in the middle of a reply.
    errors: Counter,
    /// Connections attempted.
    dials: Counter,
    /// Attempts that failed.
    dial_failures: Counter,
    /// Bytes from it.
    bytes_in: Counter,
    /// Bytes to it.
    bytes_out: Counter,
}

impl BackendCounters {
    /// Notes what the shard saw of the backend; `now_ms` is milliseconds since 1970 and stays as
    /// it was when the state did not change.
    pub fn set_health(&self, health: BackendHealth, now_ms: u64) {
        if self.health() == health {
            return;
        }
        let code = match health {
            BackendHealth::Unknown => 0,
            BackendHealth::Up => 1,
            BackendHealth::Down => 2,
        };
        self.state_since_ms.set(now_ms);
        self.health_code.set(code);
    }

    /// What the shard last saw of the backend.
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        BackendHealth::from_code(self.health_code.value())
    }

    /// When that was set, milliseconds since 1970; 0: never.
    #[must_use]
    pub fn state_since_ms(&self) -> u64 {
        self.state_since_ms.value()
    }
}

/// Everything one shard shows to the other threads.
#[derive(Debug)]
pub struct ShardMetrics {
    shard: usize,
    counters: ShardCounters,
    backends: Box<[BackendCounters]>,
    /// Takes what is counted for a backend that does not exist, so that counting never fails.
    stray: BackendCounters,
    sessions: SessionTable,
}

impl ShardMetrics {
    /// Counters at 0 for shard number `shard` and `backends` backends, with a table of
    /// [`SESSION_SLOTS`](super::SESSION_SLOTS) sessions.
    ///
    /// # Panics
    /// If `shard` is above 255: session ids have eight bits for it.
    #[must_use]
    pub fn new(shard: usize, backends: usize) -> Self {
        Self {
            shard,
            counters: ShardCounters::default(),
            backends: (0..backends).map(|_| BackendCounters::default()).collect(),
            stray: BackendCounters::default(),
            sessions: SessionTable::new(shard),
        }
    }

    /// The shard's number, from 0.
    #[must_use]
    pub fn shard(&self) -> usize {
        self.shard
    }

    /// What the shard counts of itself.
    #[must_use]
    pub fn counters(&self) -> &ShardCounters {
        &self.counters
    }

    /// What the shard counts of backend number `index`; a spare for an index out of range.
    #[must_use]
    pub fn backend(&self, index: usize) -> &BackendCounters {
        self.backends.get(index).unwrap_or(&self.stray)
    }

    /// How many backends are counted.
    #[must_use]
    pub fn backends_len(&self) -> usize {
        self.backends.len()
    }

    /// The shard's sessions.
    #[must_use]
    pub fn sessions(&self) -> &SessionTable {
        &self.sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_only_grow_and_gauges_stop_at_zero() {
        let metrics = ShardMetrics::new(0, 2);
        metrics.backend(1).queries.bump();
        metrics.backend(1).bytes_in.add(41);
        metrics.backend(0).connections_used.lower();
        metrics.backend(0).connections_idle.raise();
        let counts = metrics.backend(1).counts();
        assert_eq!((counts.queries, counts.bytes_in), (1, 41));
        assert!(counts.named().contains(&("bytes_in", 41)));
        assert_eq!(metrics.backend(0).counts().connections_used, 0);
        assert_eq!(metrics.backend(0).counts().connections_idle, 1);
    }

    #[test]
    fn a_backend_out_of_range_counts_into_the_spare() {
        let metrics = ShardMetrics::new(0, 1);
        metrics.backend(7).queries.bump();
        assert_eq!(metrics.backend(0).counts().queries, 0);
        assert_eq!(metrics.backends_len(), 1);
    }

    #[test]
    fn health_keeps_the_time_of_its_last_change() {
        let backend = BackendCounters::default();
        assert_eq!(backend.health(), BackendHealth::Unknown);
        backend.set_health(BackendHealth::Up, 1000);
        backend.set_health(BackendHealth::Up, 2000);
        assert_eq!(backend.health().name(), "up");
        assert_eq!(backend.state_since_ms(), 1000);
        backend.set_health(BackendHealth::Down, 3000);
        assert_eq!((backend.health(), backend.state_since_ms()), (BackendHealth::Down, 3000));
    }

    #[test]
    fn two_shards_share_no_cache_line() {
        assert_eq!(align_of::<ShardCounters>(), 128);
        assert_eq!(align_of::<BackendCounters>(), 128);
    }
}
