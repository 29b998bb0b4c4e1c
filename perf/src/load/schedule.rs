//! When an open loop sends: by the clock, whatever the server does.

/// The moments at which one thread's operations are due, of a rate that all threads share.
///
/// A moment does not move when an earlier operation is late: its latency counts from here, so a
/// server that stands still for a second shows in the latency of every operation that was due in
/// that second, and not of one only (coordinated omission).
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    /// Operations per second of all threads.
    rate: f64,
    start_ns: u64,
    /// No operation is due from here on.
    end_ns: u64,
    /// The number of the next one among those of all threads.
    next: u64,
    threads: u64,
}

impl Schedule {
    pub(super) const fn new(
        rate: f64,
        start_ns: u64,
        end_ns: u64,
        thread: u64,
        threads: u64,
    ) -> Self {
        Self { rate, start_ns, end_ns, next: thread, threads }
    }

    /// When the next one is due; `None` when there are no more.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let due = self.due_ns(self.next);
        (due < self.end_ns).then_some(due)
    }

    /// Takes the next one, if it is due by now; returns when it was.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due = self.next_ns().filter(|due| *due <= now_ns)?;
        self.next += self.threads;
        Some(due)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of operations are below 2^53")]
    #[expect(clippy::cast_possible_truncation, reason = "whole nanoseconds are meant")]
    #[expect(clippy::cast_sign_loss, reason = "both factors are positive")]
    fn due_ns(&self, number: u64) -> u64 {
        self.start_ns + (number as f64 * 1e9 / self.rate) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_a_rate_without_drift() {
        let ten_s = 10_000_000_000;
        let mut due: Vec<u64> = (0..3)
            .flat_map(|thread| {
                let mut schedule = Schedule::new(30_000.0, 7, 7 + ten_s, thread, 3);
                std::iter::from_fn(move || schedule.take(u64::MAX)).collect::<Vec<_>>()
            })
            .collect();
        due.sort_unstable();
        assert_eq!(due.len(), 300_000);
        assert_eq!((due[0], due[1], due[150_000]), (7, 7 + 33_333, 7 + ten_s / 2));
    }

    #[test]
    fn a_late_one_does_not_move_the_next() {
        let mut schedule = Schedule::new(1000.0, 0, 5_000_000, 0, 1);
        assert_eq!(schedule.take(0), Some(0));
        assert_eq!(schedule.take(999_999), None);
        assert_eq!(schedule.next_ns(), Some(1_000_000));
        let late: Vec<u64> = std::iter::from_fn(|| schedule.take(60_000_000_000)).collect();
        assert_eq!(late, [1_000_000, 2_000_000, 3_000_000, 4_000_000]);
        assert_eq!(schedule.next_ns(), None);
    }
}
