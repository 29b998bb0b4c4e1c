//! Engines beside each other, in alternated rounds on one machine.
//!
//! A proxy has a core for itself; the load and the backends share the others. Each scenario runs
//! every engine once a round, and another one first each time, so that what changes on the machine
//! meanwhile meets them all. `perf/engines` says how an engine is started, `perf/targets.toml` what
//! is expected of Lanewire.

mod calls;
mod database;
mod engine;
mod figures;
mod loads;
mod record;
mod report;
mod rest;
mod stage;
mod sysbench;
mod targets;
mod usage;

use crate::load::definition::Definition;
use loads::{Load, Speed, Subject};
use record::Circumstances;
use stage::Stage;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What to compare.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Rounds of each scenario.
    pub rounds: usize,
    /// The measured time of one run.
    pub measured: Duration,
    /// Names of scenarios, or their beginnings; empty: all.
    pub only: Vec<String>,
    /// Names of engines; empty: all that are installed.
    pub engines: Vec<String>,
    /// The folder that gets a record; by default none of a part of the scenarios or engines, and
    /// `perf/record` for all.
    pub record: Option<PathBuf>,
}

/// Name of each scenario, and what it is.
pub const SCENARIOS: [(&str, &str); 17] = [
    ("point-32", "Text point select, 32 connections, stub servers."),
    ("point-256", "Text point select, 256 connections, stub servers."),
    ("point-1", "Text point select, 1 connection, stub servers."),
    ("binary-32", "The point select as prepared statement beside text, 32 connections."),
    ("shards-256", "2 shards beside 1, 256 connections, stub servers."),
    ("open-256", "Open loop at 70% of HAProxy's own peak, 256 connections, stub servers."),
    ("large-1", "Results of 1 MiB, 1 connection, stub servers."),
    ("large-32", "Results of 1 MiB, 32 connections, stub servers."),
    ("large-256", "Results of 1 MiB, 256 connections, stub servers."),
    ("connect", "Dial, log in, one point select, leave; 64 at a time, stub servers."),
    ("idle-10k", "10,000 clients that ask nothing."),
    ("spread-64", "64 connections that stay, on 2 shards."),
    ("scanner", "The scanner alone: cargo bench --bench floors."),
    ("allocations", "What the pure floors take from the heap: cargo test --test allocations."),
    ("sysbench-16", "sysbench oltp_point_select on MariaDB, 16 threads, 16 connections of ours."),
    ("sysbench-64", "sysbench oltp_point_select on MariaDB, 64 threads, 16 connections of ours."),
    ("clients-1000", "1,000 clients on MariaDB, direct and over 32 connections of ours."),
];

/// Runs the scenarios, prints them and the targets, and writes a record; `true` when everything
/// that can be measured here was.
///
/// # Errors
/// There are no two cores, or an essential part is not here.
pub fn run(plan: &Plan) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    let folder = tempfile::Builder::new().prefix("lanewire-compare-").tempdir()?;
    let wanted = |name: &str| {
        plan.only.is_empty() || plan.only.iter().any(|only| name.starts_with(only.as_str()))
    };
    let names: Vec<&str> =
        SCENARIOS.map(|(name, _)| name).into_iter().filter(|n| wanted(n)).collect();
    if names.is_empty() {
        let all = SCENARIOS.map(|(name, _)| name).join(", ");
        return Err(
            format!("no scenario is called {}; there are {all}", plan.only.join(", ")).into()
        );
    }
    let targets = targets::load()?;
    let mut stage = Stage::new(plan, folder.path())?;
    let circumstances = Circumstances::begin(&stage);
    for (name, why) in &stage.absent {
        println!("without {name}: {why}");
    }
    for name in &names {
        run_scenario(&mut stage, name);
    }
    run_database(&mut stage, &names);
    let targets = targets.iter().filter(|one| one.scenario().map_or(plan.only.is_empty(), wanted));
    let verdicts: Vec<_> =
        targets.map(|target| target.judge(&stage.figures, &stage.absent)).collect();
    println!("== targets\n{}{}", targets::table(&verdicts), targets::reasons(&verdicts));
    let whole = plan.only.is_empty() && plan.engines.is_empty();
    let record = plan.record.clone().or_else(|| whole.then(|| PathBuf::from("perf/record")));
    if let Some(folder) = record {
        let written = record::write(&folder, &stage, circumstances, &verdicts, &SCENARIOS)?;
        println!("record: {}", written.display());
    }
    for trouble in &stage.troubles {
        println!("trouble: {trouble}");
    }
    let count = |verdict: &str| verdicts.iter().filter(|one| one.verdict == verdict).count();
    let (met, missed, all) = (count(targets::MET), count(targets::MISSED), verdicts.len());
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!("{missed} missed, {} not measurable here; {minutes:.1} min", all - met - missed);
    let right = stage.troubles.is_empty();
    println!("compare: {} targets={all} met={met}", if right { "ok" } else { "failed" });
    Ok(right)
}

fn head(name: &str, about: &str) {
    println!("== {name}: {about}");
}

/// One of those without a database.
fn run_scenario(stage: &mut Stage<'_>, name: &str) {
    if database::NAMES.contains(&name) {
        return;
    }
    let about = SCENARIOS.iter().find(|(one, _)| *one == name).map_or("", |(_, about)| about);
    head(name, about);
    let done = match name {
        "idle-10k" => {
            rest::idle(stage);
            Ok(())
        }
        "spread-64" => {
            rest::spread(stage);
            Ok(())
        }
        "scanner" => rest::scanner(stage),
        "allocations" => rest::allocations(stage),
        load => match load_of(stage, load) {
            Ok(load) => loads::run(stage, &load, None),
            Err(error) => Err(error),
        },
    };
    if let Err(error) = done {
        stage.troubles.push(format!("{name}: {error}"));
    }
    report::print(stage, name);
}

fn run_database(stage: &mut Stage<'_>, names: &[&str]) {
    let wanted: Vec<&str> =
        names.iter().copied().filter(|name| database::NAMES.contains(name)).collect();
    if wanted.is_empty() {
        return;
    }
    if let Err(error) = database::run(stage, &wanted) {
        stage.troubles.push(format!("MariaDB: {error}"));
    }
}

/// The load of a scenario against the stubs.
fn load_of(stage: &Stage<'_>, name: &str) -> Result<Load, Box<dyn Error>> {
    let (kind, connections) = name.split_once('-').unwrap_or((name, "64"));
    let (name, _) = SCENARIOS.iter().find(|(one, _)| *one == name).ok_or("no such scenario")?;
    let plain = |names: &[&str]| names.iter().map(|name| Subject::plain(name)).collect();
    let all = || stage.engines.iter().map(|engine| Subject::plain(&engine.name)).collect();
    let subjects: Vec<Subject> = match kind {
        "point" if connections != "1" => all(),
        "binary" => vec![Subject::plain("lanewire"), Subject::binary("lanewire")],
        "shards" => vec![Subject::plain("lanewire"), Subject::shards("lanewire", 2)],
        "large" => plain(&["splice", "lanewire", "haproxy"]),
        "open" | "connect" => plain(&["direct", "lanewire", "haproxy"]),
        _ => plain(&["direct", "splice", "lanewire", "haproxy", "nginx"]),
    };
    let text = match kind {
        "large" => "statements = ['SELECT blob 1048576']",
        _ => "statements = ['SELECT c FROM sbtest1 WHERE id={int:1..100000}']",
    };
    let connect = kind == "connect";
    let text = format!(
        "about = '{name}'\nconnect-each-time = {connect}\n[[operation]]\nname = '{kind}'\n{text}"
    );
    let speed = if kind == "open" { Speed::PartOfPeak } else { Speed::Closed };
    Ok(Load {
        name,
        definition: Definition::parse(name, &text)?,
        connections: connections.parse()?,
        pool: None,
        speed,
        subjects,
        calls: kind == "point" && connections != "1",
    })
}
