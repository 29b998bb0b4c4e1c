//! What the clients of a phase counted.

use super::backends::NAMES;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Latencies are kept up to this, in nanoseconds: a minute.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Statements that were answered, in all.
    pub(super) statements: u64,
    /// Reads that belong on a replica, by the server that answered (in the order of `NAMES`).
    pub(super) free_reads: [u64; 3],
    /// Reads that belong on the primary (in a transaction, or pinned), by the server that answered.
    pub(super) bound_reads: [u64; 3],
    /// Writes that the server has acknowledged; each changes a row.
    pub(super) writes: u64,
    /// Those of them that were not rolled back, so that the replicas apply them.
    pub(super) committed: u64,
    /// ERR replies, lost connections and wrong answers.
    pub(super) errors: u64,
    /// The first of them.
    pub(super) first_error: Option<String>,
    /// Latency of the reads outside transactions, in nanoseconds.
    pub(super) read_ns: Histogram<u64>,
    /// Latency of whole transactions of seven statements, in nanoseconds.
    pub(super) transaction_ns: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let empty =
            || Histogram::new_with_max(LATENCY_MAX_NS, 3).expect("the bounds are constants");
        Self {
            statements: 0,
            free_reads: [0; 3],
            bound_reads: [0; 3],
            writes: 0,
            committed: 0,
            errors: 0,
            first_error: None,
            read_ns: empty(),
            transaction_ns: empty(),
        }
    }

    pub(super) fn error(&mut self, what: String) {
        self.errors += 1;
        self.first_error.get_or_insert(what);
    }

    /// Counts a read by the name of the server that answered it.
    pub(super) fn read(&mut self, free: bool, server: &str) -> Result<(), String> {
        let reads = if free { &mut self.free_reads } else { &mut self.bound_reads };
        match NAMES.iter().zip(reads).find(|(name, _)| **name == server) {
            Some((_, count)) => {
                *count += 1;
                Ok(())
            }
            None => Err(format!("a read was answered by {server:?}")),
        }
    }

    pub(super) fn record(histogram: &mut Histogram<u64>, latency: Duration) {
        histogram.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LATENCY_MAX_NS));
    }

    /// Reads that a wrong server answered.
    pub(super) fn misrouted_reads(&self) -> u64 {
        let [free_on_primary, ..] = self.free_reads;
        let [_, bound_on_replicas @ ..] = self.bound_reads;
        free_on_primary + bound_on_replicas.iter().sum::<u64>()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let add = |to: &mut [u64; 3], from: &[u64; 3]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        self.statements += other.statements;
        add(&mut self.free_reads, &other.free_reads);
        add(&mut self.bound_reads, &other.bound_reads);
        self.writes += other.writes;
        self.committed += other.committed;
        self.errors += other.errors;
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
        // Both were made with the same bounds.
        self.read_ns.add(&other.read_ns).expect("the same bounds");
        self.transaction_ns.add(&other.transaction_ns).expect("the same bounds");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_misrouted_on_the_other_kind_of_server() {
        let mut tally = Tally::new();
        for (free, server) in [(true, "replica1"), (true, "primary"), (false, "replica2")] {
            tally.read(free, server).unwrap();
        }
        assert_eq!(tally.misrouted_reads(), 2);
        assert!(tally.read(true, "elsewhere").is_err());
        let mut sum = Tally::new();
        sum.merge(&tally);
        sum.merge(&tally);
        assert_eq!(sum.misrouted_reads(), 4);
    }
}
