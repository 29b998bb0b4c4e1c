//! The dated record of a run: figures as TOML, tables as Markdown, plots as SVG.

use super::figures::Figures;
use super::report;
use super::stage::Stage;
use super::targets::{self, Verdict};
use crate::load::percentile_chart;
use crate::plot::{Axis, Chart, Series};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where and when.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Circumstances {
    date: String,
    commit: String,
    kernel: String,
    processor: String,
    cores: String,
    load_average_before: String,
    load_average_after: String,
    rounds: usize,
    seconds: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Record<'a> {
    circumstances: &'a Circumstances,
    engines: BTreeMap<String, String>,
    absent: &'a BTreeMap<String, String>,
    troubles: &'a [String],
    target: &'a [Verdict],
    figures: &'a Figures,
}

impl Circumstances {
    /// Before anything runs.
    pub(super) fn begin(stage: &Stage<'_>) -> Self {
        let cores = &stage.cores;
        Self {
            date: output("date", &["-u", "+%Y-%m-%dT%H%MZ"]),
            commit: output("git", &["describe", "--always", "--dirty", "--exclude=*"]),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            processor: processor(),
            cores: format!("proxy {}, load and backends {:?}", cores.proxy, cores.others),
            load_average_before: load_average(),
            load_average_after: String::new(),
            rounds: stage.plan.rounds,
            seconds: stage.plan.measured.as_secs_f64(),
        }
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".into())
}

fn first_line(path: &str) -> String {
    let text = read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Of 1, 5 and 15 minutes.
fn load_average() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn processor() -> String {
    let text = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    let count = text.lines().filter(|line| line.starts_with("processor")).count();
    let name = model.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
    format!("{count} × {name}")
}

/// Writes the record into a folder of its own below `folder`; returns its path.
///
/// # Errors
/// The files'.
pub(super) fn write(
    folder: &Path,
    stage: &Stage<'_>,
    mut circumstances: Circumstances,
    verdicts: &[Verdict],
    scenarios: &[(&str, &str)],
) -> Result<PathBuf, Box<dyn Error>> {
    circumstances.load_average_after = load_average();
    let folder = folder.join(&circumstances.date);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let version = |name: &str, about: &str, version: Option<String>| {
        (
            name.to_owned(),
            version.map_or_else(|| about.to_owned(), |text| format!("{about} {text}")),
        )
    };
    let engines = stage.engines.iter().map(|one| version(&one.name, &one.about, one.version()));
    let record = Record {
        circumstances: &circumstances,
        engines: engines.collect(),
        absent: &stage.absent,
        troubles: &stage.troubles,
        target: verdicts,
        figures: &stage.figures,
    };
    std::fs::write(folder.join("record.toml"), toml::to_string(&record)?)?;
    let plots = plots(stage, &circumstances);
    for (name, chart) in &plots {
        std::fs::write(folder.join(format!("{name}.svg")), chart.to_string())?;
    }
    let names = plots.iter().map(|(name, _)| name.as_str());
    let text = markdown(stage, &record, verdicts, scenarios, names);
    std::fs::write(folder.join("README.md"), text)?;
    Ok(folder)
}

fn markdown<'a>(
    stage: &Stage<'_>,
    record: &Record<'_>,
    verdicts: &[Verdict],
    scenarios: &[(&str, &str)],
    plots: impl Iterator<Item = &'a str>,
) -> String {
    let about = record.circumstances;
    let Circumstances { date, commit, kernel, processor, cores, rounds, seconds, .. } = about;
    let mut out = format!(
        "# {date}\n\nCommit {commit}; Linux {kernel}; {processor}; cores: {cores}; {rounds} rounds \
         of {seconds} s; load average {} before, {} after.\n\n",
        about.load_average_before, about.load_average_after
    );
    // Writing to a string cannot fail.
    for (name, text) in &record.engines {
        let _ = writeln!(out, "- {name}: {text}");
    }
    for (name, why) in record.absent {
        let _ = writeln!(out, "- without {name}: {why}");
    }
    for trouble in record.troubles {
        let _ = writeln!(out, "- trouble: {trouble}");
    }
    let table = targets::table(verdicts).markdown();
    let _ = writeln!(out, "\n## Targets\n\n{table}\n{}", targets::reasons(verdicts));
    for (name, text) in scenarios {
        let table = report::table(stage, name);
        if !table.is_empty() {
            let _ = writeln!(out, "## {name}\n\n{text}\n\n{}", table.markdown());
        }
    }
    for plot in plots {
        let _ = writeln!(out, "![{plot}]({plot}.svg)\n");
    }
    out
}

/// Latency by percentile for each load, and CPU by connections.
fn plots(stage: &Stage<'_>, about: &Circumstances) -> Vec<(String, Chart)> {
    let subtitle = format!("{}, commit {}, all rounds together", about.date, about.commit);
    let mut scenarios: Vec<&String> = stage.latencies.keys().map(|(name, _)| name).collect();
    scenarios.dedup();
    let mut plots = Vec::new();
    for scenario in scenarios {
        let lines: Vec<_> = report::subjects(stage, scenario)
            .into_iter()
            .filter_map(|subject| {
                let key = (scenario.clone(), subject.clone());
                Some((subject, stage.latencies.get(&key)?.clone()))
            })
            .collect();
        let title = format!("{scenario}: latency by percentile");
        plots.push((scenario.clone(), percentile_chart(&title, &subtitle, &lines)));
    }
    plots.extend(cpu_chart(stage, &subtitle).map(|chart| ("cpu".to_owned(), chart)));
    plots
}

fn cpu_chart(stage: &Stage<'_>, subtitle: &str) -> Option<Chart> {
    let connections = [1_u32, 32, 256];
    let series: Vec<Series> = stage
        .engines
        .iter()
        .map(|engine| Series {
            name: engine.name.clone(),
            points: connections
                .into_iter()
                .filter_map(|count| {
                    let scenario = format!("point-{count}");
                    let cpu = stage.figures.median(&scenario, &engine.name, "cpu")?;
                    Some((f64::from(count), cpu))
                })
                .collect(),
            dots: true,
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    let most = series.iter().flat_map(|one| &one.points).map(|(_, cpu)| *cpu).fold(0.0, f64::max);
    (!series.is_empty()).then(|| Chart {
        title: "Point select: CPU of the proxy per query".into(),
        subtitle: subtitle.into(),
        x: Axis::logarithmic("connections", 1.0, 256.0),
        y: Axis::linear("CPU µs per query", most),
        series,
    })
}
