//! What a thread counts, second by second.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Latencies are kept up to this, in nanoseconds: an hour.
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The server's ERR with this number.
    Server(u16),
    /// The socket's errno.
    Socket(i32),
    /// The peer closed, in the middle of a reply or before it.
    Closed,
    /// No reply within the time.
    Timeout,
    /// Bytes that are no reply.
    Malformed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(code) => write!(f, "ERR {code}"),
            Self::Socket(errno) => write!(f, "errno {errno}"),
            Self::Closed => f.write_str("closed"),
            Self::Timeout => f.write_str("timeout"),
            Self::Malformed => f.write_str("malformed"),
        }
    }
}

/// A fault with its first words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub fault: Fault,
    /// For people.
    pub text: String,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// How many.
    pub count: u64,
    /// The first one's words.
    pub first: String,
}

/// Failures by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures(pub BTreeMap<Fault, FailureCount>);

impl Failures {
    /// How many there are of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().map(|one| one.count).sum()
    }

    pub(super) fn count(&mut self, failure: Failure) {
        let first = failure.text;
        self.0.entry(failure.fault).or_insert(FailureCount { count: 0, first }).count += 1;
    }

    fn add(&mut self, other: &Self) {
        for (fault, one) in &other.0 {
            let first = || FailureCount { count: 0, first: one.first.clone() };
            self.0.entry(*fault).or_insert_with(first).count += one.count;
        }
    }
}

/// An empty histogram of latencies in nanoseconds: three figures, up to an hour.
#[must_use]
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_max(LATENCY_MAX_NS, 3).expect("the bounds are constants")
}

/// What was counted of one of a workload's operations.
#[derive(Debug, Clone)]
pub struct OperationTally {
    /// How many succeeded; of an open loop those that were due in the measured time, whenever they
    /// were answered.
    pub completed: u64,
    /// How many were answered within the measured time: the throughput.
    pub in_time: u64,
    /// Their latencies in nanoseconds, and those that a correction adds.
    pub latency_ns: Histogram<u64>,
}

/// What was counted in some time.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Each operation, in the order of the definition.
    pub operations: Vec<OperationTally>,
    /// Statements that were answered, with OK or ERR.
    pub statements: u64,
    /// Rows of all results.
    pub rows: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Operations of an open loop that were sent a millisecond or more after they were due though
    /// a connection was free: this program's own fault.
    pub late: u64,
    /// What went wrong.
    pub failures: Failures,
}

impl Tally {
    pub(super) fn new(operations: usize) -> Self {
        let empty = || OperationTally { completed: 0, in_time: 0, latency_ns: latencies() };
        Self {
            operations: std::iter::repeat_with(empty).take(operations).collect(),
            statements: 0,
            rows: 0,
            bytes_in: 0,
            late: 0,
            failures: Failures::default(),
        }
    }

    /// Records an operation that succeeded. With `expected`, an operation that took longer stands
    /// for those too that a client with this interval would have begun meanwhile.
    pub(super) fn record(&mut self, operation: usize, ns: u64, expected: Option<Duration>) {
        let OperationTally { completed, latency_ns: histogram, .. } =
            &mut self.operations[operation];
        *completed += 1;
        match expected {
            None => histogram.saturating_record(ns),
            Some(interval) => {
                let interval = u64::try_from(interval.as_nanos()).unwrap_or(LATENCY_MAX_NS);
                let ns = ns.min(LATENCY_MAX_NS);
                histogram.record_correct(ns, interval).expect("within the bounds");
            }
        }
    }

    /// Records an operation that has waited for so long and was given up.
    pub(super) fn record_unfinished(&mut self, operation: usize, ns: u64) {
        self.operations[operation].latency_ns.saturating_record(ns);
    }

    /// Operations that succeeded.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.operations.iter().map(|one| one.completed).sum()
    }

    /// Operations that succeeded within the measured time.
    #[must_use]
    pub fn in_time(&self) -> u64 {
        self.operations.iter().map(|one| one.in_time).sum()
    }

    /// The latencies of all operations, in nanoseconds.
    #[must_use]
    pub fn latency_ns(&self) -> Histogram<u64> {
        let mut sum = latencies();
        for one in &self.operations {
            sum.add(&one.latency_ns).expect("the same bounds");
        }
        sum
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, one) in self.operations.iter_mut().zip(&other.operations) {
            sum.completed += one.completed;
            sum.in_time += one.in_time;
            sum.latency_ns.add(&one.latency_ns).expect("the same bounds");
        }
        self.statements += other.statements;
        self.rows += other.rows;
        self.bytes_in += other.bytes_in;
        self.late += other.late;
        self.failures.add(&other.failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_kind_with_the_first_words() {
        let mut tally = Tally::new(1);
        for (code, text) in [(1146, "no table"), (1040, "full"), (1146, "no other")] {
            tally.failures.count(Failure { fault: Fault::Server(code), text: text.into() });
        }
        let mut sum = Tally::new(1);
        sum.add(&tally);
        sum.add(&tally);
        assert_eq!(sum.failures.total(), 6);
        let one = &sum.failures.0[&Fault::Server(1146)];
        assert_eq!((one.count, one.first.as_str()), (4, "no table"));
    }

    #[test]
    fn an_expected_interval_fills_the_gap() {
        let mut tally = Tally::new(1);
        tally.record(0, 100_000_000, Some(Duration::from_millis(10)));
        assert_eq!((tally.completed(), tally.latency_ns().len()), (1, 10));
        tally.record(0, 100_000_000, None);
        assert_eq!((tally.completed(), tally.latency_ns().len()), (2, 11));
    }
}
