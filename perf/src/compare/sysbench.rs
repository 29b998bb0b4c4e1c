//! sysbench's own point select, whose figures others can compare with theirs.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Rows of its one table.
pub(super) const ROWS: u64 = 10_000;

/// What a run printed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// Statements, of all the time.
    pub(super) queries: f64,
    pub(super) per_second: f64,
    /// Upper bound of the latency in ms and how many had it, rising.
    histogram: Vec<(f64, u64)>,
}

impl Report {
    /// A percentile of the latency, in µs.
    pub(super) fn latency_us(&self, percentile: f64) -> f64 {
        let all: u64 = self.histogram.iter().map(|(_, count)| count).sum();
        #[expect(clippy::cast_precision_loss, reason = "a count is below 2^53")]
        let wanted = all as f64 * percentile / 100.0;
        let mut seen = 0.0;
        for (ms, count) in &self.histogram {
            #[expect(clippy::cast_precision_loss, reason = "a count is below 2^53")]
            let count = *count as f64;
            seen += count;
            if seen >= wanted {
                return ms * 1e3;
            }
        }
        0.0
    }
}

/// `sysbench oltp_point_select` against `address`, which is `host:port`.
fn sysbench(address: &str) -> Command {
    let (host, port) = address.split_once(':').unwrap_or((address, "3306"));
    let mut command = Command::new("sysbench");
    command
        .args(["oltp_point_select", "--db-driver=mysql", "--mysql-user=app"])
        .args(["--mysql-password=app", "--mysql-db=test", "--tables=1"])
        .args([format!("--table-size={ROWS}"), format!("--mysql-host={host}")])
        .arg(format!("--mysql-port={port}"))
        .stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> Result<String, Box<dyn Error>> {
    let output = command
        .output()
        .map_err(|error| format!("sysbench: {error} (tests/servers/install.sh sysbench)"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("FATAL")).collect();
    Err(format!("sysbench failed: {}", lines.first().unwrap_or(&"")).into())
}

/// Makes its table.
pub(super) fn prepare(address: &str) -> Result<(), Box<dyn Error>> {
    let mut command = sysbench(address);
    command.arg("prepare");
    output(command).map(drop)
}

/// Runs it.
pub(super) fn run(address: &str, threads: usize, time: Duration) -> Result<Report, Box<dyn Error>> {
    let mut command = sysbench(address);
    let seconds = time.as_secs().max(1);
    command
        .args([format!("--threads={threads}"), format!("--time={seconds}")])
        .args(["--histogram=on", "run"]);
    let text = output(command)?;
    parse(&text).ok_or_else(|| format!("sysbench printed no figures:\n{text}").into())
}

fn parse(text: &str) -> Option<Report> {
    let (queries, rest) = text.lines().find_map(|line| {
        line.trim().strip_prefix("queries:").and_then(|rest| rest.split_once('('))
    })?;
    let histogram = text.lines().filter_map(|line| {
        let (ms, bar) = line.split_once('|')?;
        Some((ms.trim().parse().ok()?, bar.split_whitespace().last()?.parse().ok()?))
    });
    Some(Report {
        queries: queries.trim().parse().ok()?,
        per_second: rest.split_whitespace().next()?.parse().ok()?,
        histogram: histogram.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.250 |*****                                    40
       0.500 |******************                       50
       1.000 |***                                      10

SQL statistics:
    queries performed:
        read:                            100
        total:                           100
    transactions:                        100    (49.5 per sec.)
    queries:                             100    (49.5 per sec.)
";

    #[test]
    fn figures_are_read() {
        let report = parse(PRINTED).unwrap();
        assert_eq!((report.queries, report.per_second), (100.0, 49.5));
        let at = [40.0, 50.0, 90.0, 99.9].map(|percentile| report.latency_us(percentile));
        assert_eq!(at, [250.0, 500.0, 500.0, 1000.0]);
        assert_eq!(parse("nothing"), None);
    }
}
