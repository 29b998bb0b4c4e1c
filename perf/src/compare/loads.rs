//! The scenarios that are loads: alternated rounds over engines, against stubs or a database.

use super::calls;
use super::engine::{Place, Running};
use super::stage::{Backends, Stage};
use super::usage::{Usage, core_busy};
use crate::client::{Address, Options};
use crate::load::definition::Definition;
use crate::load::{self, Outcome, Pace, Progress, Protocol, latencies};
use hdrhistogram::Histogram;
use std::error::Error;
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const WARM_UP: Duration = Duration::from_millis(500);
/// Of HAProxy's own peak, in an open loop.
const PART_OF_PEAK: f64 = 0.7;
/// Of results above this, in bytes, the bytes per CPU second are of interest.
const LARGE: f64 = 64.0 * 1024.0;
const GIB: f64 = (1_u64 << 30) as f64;

/// An engine in a certain form.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// Its name in tables, and in the targets.
    pub(super) label: String,
    pub(super) engine: String,
    pub(super) binary: bool,
    pub(super) shards: usize,
}

impl Subject {
    pub(super) fn plain(engine: &str) -> Self {
        Self { label: engine.into(), engine: engine.into(), binary: false, shards: 1 }
    }

    pub(super) fn binary(engine: &str) -> Self {
        Self { label: format!("{engine}-binary"), binary: true, ..Self::plain(engine) }
    }

    pub(super) fn shards(engine: &str, shards: usize) -> Self {
        Self { label: format!("{engine}-{shards}-shards"), shards, ..Self::plain(engine) }
    }
}

/// How a load is paced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Speed {
    Closed,
    /// Open loop, at 70% of what HAProxy carries in a closed one.
    PartOfPeak,
    Open(f64),
}

/// A load.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) definition: Definition,
    pub(super) connections: usize,
    /// Backend connections of engines that share them; none: one for each client.
    pub(super) pool: Option<usize>,
    pub(super) speed: Speed,
    pub(super) subjects: Vec<Subject>,
    /// Counts system calls in a pass of its own.
    pub(super) calls: bool,
}

/// Makes one run with a subject.
pub(super) type Measure<'a> =
    &'a mut dyn FnMut(&Stage<'_>, &Subject) -> Result<Sample, Box<dyn Error>>;

/// The rounds of something: each subject once a round, beginning with another one each time.
pub(super) fn rounds(
    stage: &mut Stage<'_>,
    scenario: &str,
    subjects: &[Subject],
    measure: Measure<'_>,
) {
    let mut left: Vec<Subject> =
        subjects.iter().filter(|one| stage.engine(&one.engine).is_some()).cloned().collect();
    for round in 0..stage.plan.rounds {
        let mut order = left.clone();
        let first = round % order.len().max(1);
        order.rotate_left(first);
        for subject in order {
            match measure(stage, &subject) {
                Ok(sample) => keep(stage, scenario, &subject.label, sample),
                Err(error) => {
                    left.retain(|one| one.label != subject.label);
                    stage.fail(&subject.engine, scenario, &error.to_string());
                }
            }
        }
    }
}

/// What one run gave.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub(super) figures: Vec<(&'static str, f64)>,
    pub(super) latency_ns: Option<Histogram<u64>>,
}

fn keep(stage: &mut Stage<'_>, scenario: &str, label: &str, sample: Sample) {
    for (figure, value) in sample.figures {
        stage.figures.add(scenario, label, figure, value);
        if figure == "errors" && value > 0.0 {
            stage.troubles.push(format!("{scenario}: {label}: {value} operations failed"));
        }
    }
    if let Some(one) = sample.latency_ns {
        let key = (scenario.to_owned(), label.to_owned());
        let sum = stage.latencies.entry(key).or_insert_with(latencies);
        sum.add(&one).expect("the same bounds");
    }
}

/// Runs a load in rounds, and counts system calls after them.
pub(super) fn run(
    stage: &mut Stage<'_>,
    load: &Load,
    backends: Option<&Backends>,
) -> Result<(), Box<dyn Error>> {
    let mut load = load.clone();
    if load.speed == Speed::PartOfPeak {
        let rate = PART_OF_PEAK * haproxy_peak(stage, &load)?;
        println!("  open loop at {rate:.0} a second");
        load.speed = Speed::Open(rate);
    }
    rounds(stage, load.name, &load.subjects, &mut |stage, subject| {
        measure(stage, &load, subject, backends.unwrap_or(&stage.stubs))
    });
    if load.calls {
        for subject in &load.subjects {
            count_calls(stage, &load, subject);
        }
    }
    Ok(())
}

/// Operations a second that HAProxy carries in a closed loop: those of the closed load of this
/// run, or of one made for it.
fn haproxy_peak(stage: &Stage<'_>, load: &Load) -> Result<f64, Box<dyn Error>> {
    let closed = format!("point-{}", load.connections);
    if let Some(peak) = stage.figures.median(&closed, "haproxy", "rate") {
        return Ok(peak);
    }
    let load = Load { speed: Speed::Closed, ..load.clone() };
    let sample = measure(stage, &load, &Subject::plain("haproxy"), &stage.stubs)?;
    let rate = sample.figures.iter().find(|(figure, _)| *figure == "rate");
    rate.map(|(_, rate)| *rate).ok_or_else(|| "HAProxy's peak is unknown".into())
}

/// Starts a subject's engine in front of `backends`.
pub(super) fn start(
    stage: &Stage<'_>,
    subject: &Subject,
    backends: &Backends,
    connections: usize,
) -> Result<Running, Box<dyn Error>> {
    let engine = stage.engine(&subject.engine).ok_or("it is not here")?;
    let cores = if subject.shards > 1 {
        format!("{},{}", stage.cores.proxy, stage.cores.second)
    } else {
        stage.cores.proxy.to_string()
    };
    let place = Place {
        primary: backends.primary.clone(),
        replica: backends.replica.clone(),
        // Shards divide them, and clients do not fall on shards evenly.
        connections: connections * (2 * subject.shards - 1),
        shards: subject.shards,
        cores,
    };
    engine.start(&place, stage.folder)
}

fn plan(stage: &Stage<'_>, load: &Load, subject: &Subject, backends: &Backends) -> load::Plan {
    let target = Options::new(Address::Tcp(String::new()), "app", "app");
    let mut plan = load::Plan::new(target, load.definition.clone());
    plan.target.schema.clone_from(&backends.schema);
    plan.connections = load.connections;
    plan.warm_up = WARM_UP;
    plan.measured = stage.plan.measured;
    if subject.binary {
        plan.protocol = Protocol::Binary;
    }
    if let Speed::Open(rate) = load.speed {
        plan.pace = Pace::Open { rate };
    }
    plan
}

/// One engine, one run.
fn measure(
    stage: &Stage<'_>,
    load: &Load,
    subject: &Subject,
    backends: &Backends,
) -> Result<Sample, Box<dyn Error>> {
    let running = start(stage, subject, backends, load.pool.unwrap_or(load.connections + 8))?;
    let mut plan = plan(stage, load, subject, backends);
    plan.target.address = Address::Tcp(running.address.clone());
    let mut readings = Vec::with_capacity(2);
    let outcome = load::run(&plan, &AtomicBool::new(false), &mut |progress| match progress {
        Progress::Begin | Progress::End => {
            readings.push(Reading::now(&running.pids(), &backends.pids, stage.cores.proxy));
        }
        Progress::Connected | Progress::Second { .. } => {}
    })?;
    let readings = readings.into_iter().collect::<io::Result<Vec<_>>>()?;
    let [before, after] = readings[..] else { return Err("it was stopped".into()) };
    let mut figures = of_outcome(&outcome);
    figures.extend(after.since(&before, queries(&outcome), outcome.elapsed));
    let cpu = figures.iter().find(|(figure, _)| *figure == "cpu");
    if let (Some((_, cpu)), true) = (cpu, bytes(&outcome) / queries(&outcome) > LARGE) {
        let seconds = cpu * queries(&outcome) / 1e6;
        figures.push(("gib-per-cpu-s", bytes(&outcome) / GIB / seconds));
    }
    Ok(Sample { figures, latency_ns: Some(outcome.tally.latency_ns()) })
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn queries(outcome: &Outcome) -> f64 {
    outcome.tally.statements.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
const fn bytes(outcome: &Outcome) -> f64 {
    outcome.tally.bytes_in as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts and an hour in ns are below 2^53")]
fn of_outcome(outcome: &Outcome) -> Vec<(&'static str, f64)> {
    let latency_ns = outcome.tally.latency_ns();
    let us = |at| latency_ns.value_at_percentile(at) as f64 / 1e3;
    vec![
        ("rate", outcome.rate()),
        ("p50", us(50.0)),
        ("p99", us(99.0)),
        ("p99.9", us(99.9)),
        ("errors", outcome.failed() as f64),
        ("late", outcome.tally.late as f64),
        ("load-cpu", outcome.cpu_us_per_statement()),
    ]
}

/// What had been used at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    proxy: Option<Usage>,
    database: Option<Usage>,
    core_busy: Duration,
}

impl Reading {
    pub(super) fn now(proxy: &[u32], database: &[u32], core: usize) -> io::Result<Self> {
        let of = |pids: &[u32]| (!pids.is_empty()).then(|| Usage::of(pids)).transpose();
        Ok(Self { proxy: of(proxy)?, database: of(database)?, core_busy: core_busy(core)? })
    }

    /// CPU in µs a query, RSS in MiB, and in percent what others used of the proxy's core.
    pub(super) fn since(
        &self,
        before: &Self,
        queries: f64,
        elapsed: Duration,
    ) -> Vec<(&'static str, f64)> {
        let spent = |now: Usage, then: Usage| now.cpu.saturating_sub(then.cpu);
        let per_query = |time: Duration| time.as_secs_f64() * 1e6 / queries;
        let mut figures = Vec::new();
        if let (Some(now), Some(then)) = (self.database, before.database) {
            figures.push(("db-cpu", per_query(spent(now, then))));
        }
        if let (Some(now), Some(then)) = (self.proxy, before.proxy) {
            figures.push(("cpu", per_query(spent(now, then))));
            #[expect(clippy::cast_precision_loss, reason = "KiB of memory are below 2^53")]
            figures.push(("rss", now.rss_kib as f64 / 1024.0));
            let busy = self.core_busy.saturating_sub(before.core_busy);
            let foreign = busy.saturating_sub(spent(now, then));
            figures.push(("foreign", 100.0 * foreign.as_secs_f64() / elapsed.as_secs_f64()));
        }
        figures
    }
}

/// System calls a query, in a second of its own.
fn count_calls(stage: &mut Stage<'_>, load: &Load, subject: &Subject) {
    if stage.engine(&subject.engine).is_none() || subject.engine == "direct" {
        return;
    }
    match calls_per_query(stage, load, subject) {
        Ok(calls) => stage.figures.add(load.name, &subject.label, "calls", calls),
        Err(error) => {
            stage.absent.insert("calls".into(), error.to_string());
        }
    }
}

fn calls_per_query(
    stage: &Stage<'_>,
    load: &Load,
    subject: &Subject,
) -> Result<f64, Box<dyn Error>> {
    let running = start(stage, subject, &stage.stubs, load.connections + 8)?;
    let mut plan = plan(stage, load, subject, &stage.stubs);
    plan.target.address = Address::Tcp(running.address.clone());
    plan.measured = calls::WINDOW + Duration::from_millis(200);
    let mut counting = None;
    let outcome = load::run(&plan, &AtomicBool::new(false), &mut |progress| {
        if matches!(progress, Progress::Begin) {
            counting = running.pids().first().map(|pid| calls::Count::begin(*pid));
        }
    })?;
    let calls = counting.ok_or("nothing to count")??.end()?;
    Ok(calls / (queries(&outcome) / outcome.elapsed.as_secs_f64() * calls::WINDOW.as_secs_f64()))
}
