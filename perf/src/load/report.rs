//! A run's figures, for a person and for a program.

use super::Outcome;
use crate::table::Table;
use hdrhistogram::Histogram;
use std::fmt::Write as _;

/// The percentiles that every report shows.
pub const PERCENTILES: [f64; 6] = [50.0, 90.0, 95.0, 99.0, 99.9, 99.99];

/// `p50` to `p99.99`.
#[must_use]
pub fn percentile_name(percentile: f64) -> String {
    format!("p{percentile}")
}

/// A latency in nanoseconds as microseconds for people: three figures are enough.
#[must_use]
pub fn micros(ns: u64) -> String {
    // Exact for every latency that can be recorded.
    #[expect(clippy::cast_precision_loss, reason = "a minute in ns is below 2^53")]
    let us = ns as f64 / 1000.0;
    if us < 100.0 { format!("{us:.1}") } else { format!("{us:.0}") }
}

impl Outcome {
    /// Queries per second.
    #[must_use]
    pub fn qps(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of queries is below 2^53")]
        let queries = self.queries as f64;
        queries / self.elapsed.as_secs_f64()
    }

    /// A table for people, in microseconds.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new(&["queries", "qps", "errors"]);
        let mut row =
            vec![self.queries.to_string(), format!("{:.0}", self.qps()), self.errors.to_string()];
        for percentile in PERCENTILES {
            table.column(&format!("{} µs", percentile_name(percentile)));
            row.push(micros(self.latency_ns.value_at_percentile(percentile)));
        }
        table.column("max µs");
        row.push(micros(self.latency_ns.max()));
        table.row(row);
        table.to_string()
    }

    /// The whole distribution, a line for each bucket: up to how many µs, how many queries, and
    /// which part of all that is.
    #[must_use]
    pub fn histogram(&self) -> String {
        let mut table = Table::new(&["up to µs", "queries", "of all"]);
        let counted = |histogram: &Histogram<u64>| histogram.len().max(1);
        let total = counted(&self.latency_ns);
        let mut seen = 0;
        for step in self.latency_ns.iter_log(1000, 2.0) {
            seen += step.count_since_last_iteration();
            let share = format!("{:.3}%", step.percentile());
            table.row(vec![
                micros(step.value_iterated_to()),
                step.count_since_last_iteration().to_string(),
                share,
            ]);
            if seen == total {
                break;
            }
        }
        table.to_string()
    }

    /// One line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = format!(
            "{{\"queries\":{},\"qps\":{:.1},\"errors\":{},\"seconds\":{:.3}",
            self.queries,
            self.qps(),
            self.errors,
            self.elapsed.as_secs_f64()
        );
        for percentile in PERCENTILES {
            let ns = self.latency_ns.value_at_percentile(percentile);
            let _ = write!(out, ",\"{}_ns\":{ns}", percentile_name(percentile));
        }
        let _ = write!(out, ",\"max_ns\":{}}}", self.latency_ns.max());
        out
    }
}
