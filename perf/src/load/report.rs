//! A run's figures, for a person and for a program.

use super::hints;
use super::tally::Failure;
use super::{Outcome, Tally};
use crate::table::Table;
use hdrhistogram::Histogram;
use std::fmt::Write as _;
use std::time::Duration;

/// The percentiles that every report shows.
pub const PERCENTILES: [f64; 7] = [50.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999];
/// Kinds of failures that a report lists.
const KINDS_MAX: usize = 10;

/// `p50` to `p99.999`.
#[must_use]
pub fn percentile_name(percentile: f64) -> String {
    format!("p{percentile}")
}

/// A latency in nanoseconds as microseconds for people: three figures are enough.
#[must_use]
pub fn micros(ns: u64) -> String {
    let us = float(ns) / 1000.0;
    if us < 100.0 { format!("{us:.1}") } else { format!("{us:.0}") }
}

#[expect(clippy::cast_precision_loss, reason = "counts and an hour in ns are below 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}

impl Outcome {
    /// Operations per second that were answered within the measured time.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.per_second(self.tally.in_time())
    }

    /// Failures of all kinds.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.tally.failures.total()
    }

    /// CPU time of the load itself for a statement, in microseconds.
    #[must_use]
    pub fn cpu_us_per_statement(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / float(self.tally.statements.max(1))
    }

    fn per_second(&self, count: u64) -> f64 {
        float(count) / self.elapsed.max(Duration::from_millis(1)).as_secs_f64()
    }

    /// A table for people, an operation a line, latencies in microseconds; and below it what else
    /// there is to know.
    #[must_use]
    pub fn table(&self) -> String {
        let mut head = vec!["operation".to_owned(), "completed".into(), "per s".into()];
        head.extend(PERCENTILES.map(|at| format!("{} µs", percentile_name(at))));
        head.push("max µs".into());
        let mut table = Table::new(&head.iter().map(String::as_str).collect::<Vec<_>>());
        let mut row = |name: &str, counts: (u64, u64), latency_ns: &Histogram<u64>| {
            let (completed, in_time) = counts;
            let mut cells = vec![
                name.into(),
                completed.to_string(),
                format!("{:.0}", self.per_second(in_time)),
            ];
            cells.extend(PERCENTILES.map(|at| micros(latency_ns.value_at_percentile(at))));
            cells.push(micros(latency_ns.max()));
            table.row(cells);
        };
        for (name, one) in self.names.iter().zip(&self.tally.operations) {
            row(name, (one.completed, one.in_time), &one.latency_ns);
        }
        if self.names.len() > 1 {
            row("all", (self.tally.completed(), self.tally.in_time()), &self.tally.latency_ns());
        }
        format!("{table}\n{}{}", self.totals(), self.failures())
    }

    fn totals(&self) -> String {
        let Tally { statements, rows, bytes_in, late, .. } = self.tally;
        let mib = self.per_second(bytes_in) / f64::from(1 << 20);
        let mut out = format!(
            "  {:.0} statements/s, {:.0} rows/s, {mib:.1} MiB/s received; {:.2} µs CPU of the load \
             per statement\n",
            self.per_second(statements),
            self.per_second(rows),
            self.cpu_us_per_statement()
        );
        // Writing to a string cannot fail.
        if self.unfinished > 0 {
            let _ = writeln!(
                out,
                "  {} operations were due and not answered at the end: the server cannot keep this \
                 rate; their latency counts as what they had waited by then",
                self.unfinished
            );
        }
        if late > 0 {
            let _ = writeln!(
                out,
                "  {late} operations were sent over 1 ms late by the load itself: give it more \
                 --threads or a core of its own"
            );
        }
        if self.stopped {
            let seconds = self.elapsed.as_secs_f64();
            let _ = writeln!(out, "  stopped after {seconds:.1} s of the measured time");
        }
        out
    }

    fn failures(&self) -> String {
        let mut kinds: Vec<_> = self.tally.failures.0.iter().collect();
        kinds.sort_by_key(|(_, one)| std::cmp::Reverse(one.count));
        let mut out = match self.failed() {
            0 => String::from("  no errors\n"),
            count => format!("  {count} errors, not among the latencies:\n"),
        };
        for (fault, one) in kinds.iter().take(KINDS_MAX) {
            let failure = Failure { fault: **fault, text: one.first.clone() };
            let hint = hints::of_failure(&failure).replace('\n', "\n            ");
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{:>10}  {}{hint}", one.count, one.first);
        }
        if kinds.len() > KINDS_MAX {
            let _ = writeln!(out, "  and {} kinds more", kinds.len() - KINDS_MAX);
        }
        out
    }

    /// One line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let latency_ns = self.tally.latency_ns();
        let mut out = format!(
            "{{\"operations\":{},\"rate\":{:.1},\"statements\":{},\"rows\":{},\"bytes_in\":{},\
             \"errors\":{},\"unfinished\":{},\"late\":{},\"seconds\":{:.3},\
             \"cpu_us_per_statement\":{:.3}",
            self.tally.completed(),
            self.rate(),
            self.tally.statements,
            self.tally.rows,
            self.tally.bytes_in,
            self.failed(),
            self.unfinished,
            self.tally.late,
            self.elapsed.as_secs_f64(),
            self.cpu_us_per_statement()
        );
        for percentile in PERCENTILES {
            let ns = latency_ns.value_at_percentile(percentile);
            // Writing to a string cannot fail.
            let _ = write!(out, ",\"{}_ns\":{ns}", percentile_name(percentile));
        }
        let _ = write!(out, ",\"max_ns\":{}}}", latency_ns.max());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tally::Fault;

    #[test]
    fn nothing_is_hidden() {
        let mut tally = Tally::new(2);
        tally.record(0, 123_000, None);
        tally.operations[0].in_time = 1;
        tally.record_unfinished(1, 9_000_000);
        tally.late = 3;
        for text in ["no table", "no table"] {
            tally.failures.count(Failure { fault: Fault::Server(1146), text: text.into() });
        }
        let outcome = Outcome {
            names: vec!["a".into(), "b".into()],
            tally,
            elapsed: Duration::from_secs(1),
            cpu: Duration::from_micros(70),
            unfinished: 1,
            stopped: true,
        };
        let text = outcome.table();
        for part in [
            "p99.999 µs",
            "2 errors",
            "2  no table",
            "--prepare",
            "not answered",
            "late by",
            "stopped",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(outcome.json().contains("\"errors\":2,\"unfinished\":1,\"late\":3,"));
        assert!((outcome.rate() - 1.0).abs() < 1e-9);
    }
}
