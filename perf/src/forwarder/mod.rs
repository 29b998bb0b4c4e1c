//! Lanewire beside HAProxy in TCP mode: CPU per query, alternated rounds on the same machine.
//!
//! The proxy has core 0 for itself; the load and the stub backend share core 1. HAProxy splits
//! nothing and only moves bytes: it is the measure of what forwarding costs with epoll.

mod engine;
mod usage;

use crate::client::{Address, Options};
use crate::load::definition::Definition;
use crate::load::{self, Outcome, Progress, micros};
use crate::process::Process;
use crate::servers::free_ports;
use crate::table::Table;
use engine::{Engine, Running};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use usage::Usage;

const PROXY_CORE: usize = 0;
const OTHER_CORE: usize = 1;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Numbers of connections, each measured by itself.
    pub connections: Vec<usize>,
    /// Rounds for each of them.
    pub rounds: usize,
    /// The measured time of one run.
    pub measured: Duration,
    /// The statement.
    pub sql: String,
}

/// One run's figures.
#[derive(Debug, Clone)]
struct Run {
    cpu_us_per_query: f64,
    rss_kib: u64,
    outcome: Outcome,
}

/// Runs all rounds and prints them; `true` when no query failed.
///
/// # Errors
/// HAProxy or Lanewire are not here, or do not start.
pub fn run(plan: &Plan) -> Result<bool, Box<dyn Error>> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let other = cores.iter().find(|core| core.id == OTHER_CORE);
    let (Some(other), true) = (other, cores.iter().any(|core| core.id == PROXY_CORE)) else {
        return Err("cores 0 and 1 are needed: one for the proxy, one for load and backend".into());
    };
    let folder = tempfile::Builder::new().prefix("lanewire-forwarder-").tempdir()?;
    let (backend, _stub) = start_stub(folder.path())?;
    core_affinity::set_for_current(*other);
    let mut ratios = Vec::new();
    let mut errors = 0;
    for connections in &plan.connections {
        println!("{connections} connections, {} rounds: {}", plan.rounds, plan.sql);
        let mut runs: [Vec<Run>; 2] = Default::default();
        for round in 0..plan.rounds {
            // Who begins alternates too.
            for at in [round % 2, (round + 1) % 2] {
                let engine = Engine::BOTH[at];
                let run = measure(engine, &backend, *connections, plan, folder.path())?;
                errors += run.outcome.failed();
                runs[at].push(run);
            }
        }
        print!("{}", rounds_table(&runs));
        let [haproxy, lanewire] = runs.map(|runs| median(&runs, |run| run.cpu_us_per_query));
        let ratio = lanewire / haproxy;
        println!("  lanewire/haproxy, CPU per query: {ratio:.2}\n");
        ratios.push(format!("cpu_ratio_{connections}={ratio:.2}"));
    }
    println!("forwarder: {} errors={errors}", ratios.join(" "));
    Ok(errors == 0)
}

fn start_stub(folder: &Path) -> Result<(String, Process), Box<dyn Error>> {
    let address = format!("127.0.0.1:{}", free_ports(1)?[0]);
    let mut command = Command::new("taskset");
    command.args(["-c", &OTHER_CORE.to_string()]).arg(std::env::current_exe()?);
    command.args(["backend", "--address", &address]);
    let process = Process::start(command, &folder.join("stub.log"))?;
    engine::wait_for(&address, &|| process.log_tail())?;
    Ok((address, process))
}

fn measure(
    engine: Engine,
    backend: &str,
    connections: usize,
    plan: &Plan,
    folder: &Path,
) -> Result<Run, Box<dyn Error>> {
    let running = Running::start(engine, backend, connections, &PROXY_CORE.to_string(), folder)?;
    let target = Options::new(Address::Tcp(running.address()), "app", "app");
    let mut load = load::Plan::new(target, Definition::of_statement(&plan.sql));
    (load.connections, load.measured) = (connections, plan.measured);
    let mut usage = Vec::with_capacity(2);
    let outcome = load::run(&load, &AtomicBool::new(false), &mut |progress| match progress {
        Progress::Begin | Progress::End => usage.push(Usage::of(running.pid())),
        Progress::Connected | Progress::Second { .. } => {}
    })?;
    let usage = usage.into_iter().collect::<std::io::Result<Vec<_>>>()?;
    let [before, after] = usage[..] else { return Err("no figures of the proxy".into()) };
    #[expect(clippy::cast_precision_loss, reason = "a count of queries is below 2^53")]
    let queries = outcome.tally.statements.max(1) as f64;
    let cpu_us_per_query = (after.cpu - before.cpu).as_secs_f64() * 1e6 / queries;
    Ok(Run { cpu_us_per_query, rss_kib: after.rss_kib, outcome })
}

fn rounds_table(runs: &[Vec<Run>; 2]) -> Table {
    let mut table = Table::new(&[
        "engine",
        "round",
        "CPU µs/query",
        "qps",
        "p50 µs",
        "p99 µs",
        "RSS MiB",
        "errors",
    ]);
    let percentile = |run: &Run, at: f64| run.outcome.tally.latency_ns().value_at_percentile(at);
    for (engine, runs) in Engine::BOTH.iter().zip(runs) {
        for (run, round) in runs.iter().zip(1..) {
            table.row(vec![
                engine.name().into(),
                format!("{round}"),
                format!("{:.2}", run.cpu_us_per_query),
                format!("{:.0}", run.outcome.rate()),
                micros(percentile(run, 50.0)),
                micros(percentile(run, 99.0)),
                format!("{}", run.rss_kib / 1024),
                run.outcome.failed().to_string(),
            ]);
        }
    }
    for (engine, runs) in Engine::BOTH.iter().zip(runs) {
        let latency = |at| median(runs, |run| percentile(run, at));
        table.row(vec![
            engine.name().into(),
            "median".into(),
            format!("{:.2}", median(runs, |run| run.cpu_us_per_query)),
            format!("{:.0}", median(runs, |run| run.outcome.rate())),
            micros(latency(50.0)),
            micros(latency(99.0)),
            format!("{}", median(runs, |run| run.rss_kib) / 1024),
            runs.iter().map(|run| run.outcome.failed()).sum::<u64>().to_string(),
        ]);
    }
    table
}

/// The middle value, the upper one of two; the default where there is none.
fn median<T: PartialOrd + Copy + Default>(runs: &[Run], value: impl Fn(&Run) -> T) -> T {
    let mut values: Vec<T> = runs.iter().map(value).collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().unwrap_or_default()
}
