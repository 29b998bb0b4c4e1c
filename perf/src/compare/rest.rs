//! The scenarios that are no load against every engine: idle clients, how clients fall on shards,
//! and what the benches and tests of the pure floors say.

use super::loads::{self, Sample, Subject};
use super::stage::Stage;
use super::usage::Usage;
use crate::client::{Address, Client, Options};
use crate::load::definition::Definition;
use crate::load::{self, Progress};
use std::collections::BTreeMap;
use std::error::Error;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const IDLE_CLIENTS: usize = 10_000;
/// Each logs in, and asks its first question within the day.
const IDLE: &str = "about = 'idle'\nthink-ms = 86400000\n[[operation]]\nname = 'point-select'\n\
                    statements = ['SELECT c FROM sbtest1 WHERE id={int:1..100000}']";
const POOL: usize = 32;
const SPREAD_CLIENTS: u32 = 64;
const SHARDS: usize = 2;
/// How often the clients come anew, in each round.
const SPREADS: usize = 7;

/// Memory and CPU that 10,000 idle clients cost.
pub(super) fn idle(stage: &mut Stage<'_>) {
    loads::rounds(stage, "idle-10k", &[Subject::plain("lanewire")], &mut |stage, subject| {
        let running = loads::start(stage, subject, &stage.stubs, POOL)?;
        let empty = Usage::of(&running.pids())?;
        let target = Options::new(Address::Tcp(running.address.clone()), "app", "app");
        let mut plan = load::Plan::new(target, Definition::parse("idle", IDLE)?);
        plan.connections = IDLE_CLIENTS;
        plan.measured = stage.plan.measured.max(Duration::from_secs(3));
        let mut usage = Vec::with_capacity(2);
        let outcome = load::run(&plan, &AtomicBool::new(false), &mut |progress| {
            if matches!(progress, Progress::Begin | Progress::End) {
                usage.push(Usage::of(&running.pids()));
            }
        })?;
        let usage = usage.into_iter().collect::<std::io::Result<Vec<_>>>()?;
        let [before, after] = usage[..] else { return Err("it was stopped".into()) };
        let busy = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "KiB of memory are below 2^53")]
        let kib = after.rss_kib.saturating_sub(empty.rss_kib) as f64;
        #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
        let clients = IDLE_CLIENTS as f64;
        let percent = 100.0 * busy / outcome.elapsed.as_secs_f64();
        let figures = vec![("kib-per-client", kib / clients), ("idle-percent", percent)];
        Ok(Sample { figures, latency_ns: None })
    });
}

/// How evenly 64 connections that stay fall on two shards, as the admin port's table shows them.
pub(super) fn spread(stage: &mut Stage<'_>) {
    let subject = Subject::shards("lanewire", SHARDS);
    loads::rounds(stage, "spread-64", &[subject], &mut |stage, subject| {
        let running = loads::start(stage, subject, &stage.stubs, POOL)?;
        let target = Options::new(Address::Tcp(running.address.clone()), "app", "app");
        let admin = Options::new(Address::Tcp(running.admin), "admin", "admin");
        let mut figures = Vec::new();
        for _ in 0..SPREADS {
            let clients: Result<Vec<Client>, _> =
                (0..SPREAD_CLIENTS).map(|_| Client::connect(&target)).collect();
            let clients = clients?;
            let shards = sessions_by_shard(&admin)?;
            let all: u32 = shards.values().sum();
            if all < SPREAD_CLIENTS {
                return Err(format!("the admin port shows {all} sessions").into());
            }
            let fullest = shards.values().copied().max().map_or(0.0, f64::from);
            let shards = u32::try_from(SHARDS)?;
            figures.push(("fullest", fullest * f64::from(shards) / f64::from(all)));
            for client in clients {
                client.quit()?;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Sample { figures, latency_ns: None })
    });
}

fn sessions_by_shard(admin: &Options) -> Result<BTreeMap<String, u32>, Box<dyn Error>> {
    let mut client = Client::connect(admin)?;
    let rows = client.must("SELECT * FROM sessions")?.table();
    client.quit()?;
    let mut shards = BTreeMap::new();
    for row in rows {
        // id, user, shard, …
        *shards.entry(row.get(2).cloned().unwrap_or_default()).or_insert(0) += 1;
    }
    Ok(shards)
}

fn cargo(arguments: &[&str]) -> Result<(bool, String), Box<dyn Error>> {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// The scanner's time, by `benches/floors.rs`.
pub(super) fn scanner(stage: &mut Stage<'_>) -> Result<(), Box<dyn Error>> {
    let (right, text) = cargo(&["bench", "--quiet", "--bench", "floors", "--", "scanner"])?;
    let found = medians(&text);
    if !right || found.is_empty() {
        return Err(format!("cargo bench: {text}").into());
    }
    for (name, ns, bytes_per_s) in found {
        stage.figures.add("scanner", &name, "ns", ns);
        stage.figures.add("scanner", &name, "gb-per-s", bytes_per_s / 1e9);
    }
    Ok(())
}

/// Name, median in ns and bytes per second at the median, of divan's table: a bench's line has
/// fastest, slowest, median and mean; the line below it the same for the bytes.
fn medians(text: &str) -> Vec<(String, f64, f64)> {
    let lines: Vec<&str> = text.lines().collect();
    let third = |line: &str| {
        let cell = line.split('│').filter(|cell| !cell.trim().is_empty()).nth(2)?;
        let (value, unit) = cell.trim().split_once(' ')?;
        Some((value.parse::<f64>().ok()?, unit.trim().to_owned()))
    };
    let mut found = Vec::new();
    for pair in lines.windows(2) {
        let Some((_, rest)) = pair[0].split_once("─ ") else { continue };
        let name = rest.split_whitespace().next().unwrap_or_default();
        if let (Some((time, unit)), Some((speed, speed_unit))) = (third(pair[0]), third(pair[1]))
            && speed_unit.ends_with("B/s")
            && let (Some(time), Some(speed)) = (scale(time, &unit), scale(speed, &speed_unit))
        {
            found.push((name.to_owned(), time, speed));
        }
    }
    found
}

/// Times in ns, speeds in bytes per second.
fn scale(value: f64, unit: &str) -> Option<f64> {
    let factor = match unit {
        "ns" | "B/s" => 1.0,
        "µs" | "KB/s" => 1e3,
        "ms" | "MB/s" => 1e6,
        "s" | "GB/s" => 1e9,
        "ps" => 1e-3,
        "TB/s" => 1e12,
        _ => return None,
    };
    Some(value * factor)
}

/// Whether a query's way takes no memory from the heap, by `tests/allocations.rs`, which asserts a
/// count of 0: 0 where it holds.
pub(super) fn allocations(stage: &mut Stage<'_>) -> Result<(), Box<dyn Error>> {
    let (right, text) = cargo(&["test", "--quiet", "--release", "--test", "allocations"])?;
    let ran = text.lines().any(|line| line.starts_with("test result:"));
    if !ran {
        return Err(format!("cargo test: {text}").into());
    }
    stage.figures.add("allocations", "lanewire", "failed-tests", if right { 0.0 } else { 1.0 });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_divans_table() {
        let text = "\
floors                      fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ scanner_insert_1_mib     12.9 ns       │ 24.19 ns      │ 13.29 ns      │ 13.42 ns      │ 100     │ 25600
│                           81.2 TB/s     │ 43.3 TB/s     │ 78.86 TB/s    │ 78.1 TB/s     │         │
╰─ scanner_select_64_kib    12.45 µs      │ 28.7 µs       │ 12.5 µs       │ 12.9 µs       │ 100     │ 100
                            5.3 GB/s      │ 2.3 GB/s      │ 5.25 GB/s     │ 5.1 GB/s      │         │
";
        let found = medians(text);
        assert_eq!(found[0], ("scanner_insert_1_mib".into(), 13.29, 78.86e12));
        assert_eq!(found[1], ("scanner_select_64_kib".into(), 12500.0, 5.25e9));
    }
}
