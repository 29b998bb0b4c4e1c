//! HdrHistogram's files: `.hgrm` for its plotters, `.hlog` for its log processors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Lines of the percentile file for each halving of the distance to 100%.
const TICKS: u32 = 5;
const NS_PER_US: f64 = 1e3;
const NS_PER_MS: f64 = 1e6;

/// Writes a distribution of nanoseconds as HdrHistogram's percentile text, in microseconds.
///
/// # Errors
/// The writer's.
pub fn write_percentiles(out: &mut dyn Write, latency_ns: &Histogram<u64>) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut total = 0;
    for step in latency_ns.iter_quantiles(TICKS) {
        total += step.count_since_last_iteration();
        let (value, quantile) =
            (float(step.value_iterated_to()) / NS_PER_US, step.quantile_iterated_to());
        write!(out, "{value:12.3} {quantile:2.12} {total:10}")?;
        if quantile < 1.0 {
            write!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(out)?;
    }
    let (mean, deviation) = (latency_ns.mean() / NS_PER_US, latency_ns.stdev() / NS_PER_US);
    writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
    let max = float(latency_ns.max()) / NS_PER_US;
    writeln!(out, "#[Max     = {max:12.3}, Total count    = {:12}]", latency_ns.len())
}

#[expect(clippy::cast_precision_loss, reason = "an hour in ns is below 2^53")]
const fn float(ns: u64) -> f64 {
    ns as f64
}

/// A log of histograms, one for each second, as HdrHistogram's tools read it.
#[derive(Debug)]
pub struct IntervalLog {
    out: BufWriter<File>,
}

impl IntervalLog {
    /// Makes the file; the log begins now.
    ///
    /// # Errors
    /// The file's.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        writeln!(out, "#[Latencies in nanoseconds; the maxima beside them in milliseconds]")?;
        writeln!(out, "#[Histogram log format version 1.3]")?;
        writeln!(out, "#[StartTime: {now:.3} (seconds since epoch)]")?;
        writeln!(
            out,
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
        )?;
        Ok(Self { out })
    }

    /// Adds a second of latencies in nanoseconds.
    ///
    /// # Errors
    /// The file's.
    pub fn write(&mut self, second: u64, latency_ns: &Histogram<u64>) -> io::Result<()> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(latency_ns, &mut bytes).map_err(io::Error::other)?;
        let max = float(latency_ns.max()) / NS_PER_MS;
        writeln!(self.out, "{second}.000,1.000,{max:.3},{}", STANDARD.encode(bytes))?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::latencies;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    fn thousand() -> Histogram<u64> {
        let mut histogram = latencies();
        (1..=1000).for_each(|us| histogram.record(us * 1000).unwrap());
        histogram
    }

    #[test]
    fn the_percentile_text_ends_at_the_maximum() {
        let mut out = Vec::new();
        write_percentiles(&mut out, &thousand()).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        let median = rows.iter().find(|row| row[1] == 0.5).unwrap();
        assert!((median[0] - 500.0).abs() < 1.0 && median[2] == 500.0 && median[3] == 2.0);
        let last = rows.last().unwrap();
        assert!((last[0] - 1000.0).abs() < 1.0 && last[1..] == [1.0, 1000.0], "{last:?}");
        assert!(rows.is_sorted_by_key(|row| row[1]));
        assert!(text.contains("Total count    =         1000]"));
    }

    #[test]
    fn the_log_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        let mut log = IntervalLog::create(&path).unwrap();
        log.write(0, &thousand()).unwrap();
        log.write(1, &latencies()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let lengths: Vec<u64> = IntervalLogIterator::new(&bytes)
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => {
                    let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
                    let back: Histogram<u64> =
                        Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
                    Some(back.len())
                }
                LogEntry::StartTime(_) | LogEntry::BaseTime(_) => None,
            })
            .collect();
        assert_eq!(lengths, [1000, 0]);
    }
}
