//! `lanewire-perf load`.

use clap::ValueEnum;
use lanewire_perf::client::{Address, Options};
use lanewire_perf::load::definition::Definition;
use lanewire_perf::load::{
    self, IntervalLog, Outcome, Pace, Plan, Progress, Protocol, Step, Tally, curve_chart, micros,
    percentile_chart, write_percentiles,
};
use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Shown below the arguments.
pub(crate) const EXAMPLES: &str = "\
Examples:
  lanewire-perf load --port 3306 --user app --password app --prepare
      makes the tables, then point selects over 32 connections for 10 s
  lanewire-perf load mixed --protocol binary --rate 5000 --out results
      5,000 operations a second whatever the server does; figures and plots in results/
  lanewire-perf load --rates 1000,2000,5000,10000 --duration 5 --out curve
      a run for each rate, and the throughput/latency curve in curve/curve.svg
  lanewire-perf load my.toml
      a workload of your own; perf/definitions has examples
Exit code 0: no errors. 1: errors, or the run could not be made.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Speech {
    Text,
    Binary,
}

/// Its arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workload: a name from --list, or a definition file
    #[arg(default_value = "point-select")]
    workload: String,
    /// Says which workloads there are
    #[arg(long)]
    list: bool,
    /// Runs this statement, as it is, instead of a workload
    #[arg(long, conflicts_with = "workload")]
    sql: Option<String>,
    /// The server's host
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The server's port
    #[arg(long, default_value_t = 4040)]
    port: u16,
    /// The server's unix socket, instead of host and port
    #[arg(long)]
    socket: Option<PathBuf>,
    /// The user's name
    #[arg(long, default_value = "app")]
    user: String,
    /// The password; better in the environment, where `ps` does not show it
    #[arg(long, env = "MYSQL_PWD", hide_env_values = true, default_value = "app")]
    password: String,
    /// The schema that holds the workload's tables; with --sql none, unless given
    #[arg(long)]
    schema: Option<String>,
    /// Makes the schema and tables first, and fills them, where they are missing
    #[arg(long)]
    prepare: bool,
    /// Drops the workload's tables at the end
    #[arg(long)]
    clean_up: bool,
    /// How many connections [default: the workload's, else 32]
    #[arg(long)]
    connections: Option<usize>,
    /// How many threads share them
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The measured time, in seconds
    #[arg(long, default_value_t = 10.0)]
    duration: f64,
    /// Not measured, before, in seconds
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Open loop: so many operations a second; latency counts from when each was due. Without it a
    /// closed loop: each connection waits for its reply
    #[arg(long)]
    rate: Option<f64>,
    /// A run for each of these rates, and a throughput/latency curve
    #[arg(long, value_delimiter = ',', conflicts_with = "rate")]
    rates: Vec<f64>,
    /// Closed loop: corrects for omission with this expected interval of a connection, in
    /// milliseconds (HdrHistogram's record_correct)
    #[arg(long, value_name = "MS", conflicts_with_all = ["rate", "rates"])]
    expected_interval: Option<f64>,
    /// How statements travel
    #[arg(long, value_enum, default_value = "text")]
    protocol: Speech,
    /// A reply that takes longer is an error, and its connection is given up; in seconds
    #[arg(long, default_value_t = 10.0)]
    timeout: f64,
    /// So many errors end the run
    #[arg(long, default_value_t = 10_000)]
    errors_max: u64,
    /// Writes .hgrm, .hlog and .svg files into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints a line of JSON for each run instead of tables
    #[arg(long)]
    json: bool,
}

/// Runs the load, or loads; `true` when nothing failed.
pub(crate) fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    if args.list {
        for one in Definition::builtin() {
            println!("  {:<18} {}", one.name, one.about);
        }
        return Ok(true);
    }
    let mut plan = args.plan()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        // A second one ends the program at once.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    if args.prepare {
        load::prepare(&plan, &mut |table, rows| eprintln!("{table}: {rows} rows added"))?;
    }
    let right = if args.rates.is_empty() {
        let outcome = args.run_one(&plan, "latency", &stop)?;
        outcome.failed() == 0
    } else {
        args.run_rates(&mut plan, &stop)?
    };
    if args.clean_up {
        load::clean_up(&plan)?;
    }
    Ok(right)
}

impl Args {
    fn plan(&self) -> Result<Plan, Box<dyn Error>> {
        let definition = match &self.sql {
            Some(sql) => Definition::of_statement(sql),
            None => Definition::load(&self.workload)?,
        };
        let address = match &self.socket {
            Some(path) => Address::Unix(path.clone()),
            None => Address::Tcp(format!("{}:{}", self.host, self.port)),
        };
        let mut target = Options::new(address, &self.user, &self.password);
        target.schema.clone_from(&self.schema);
        if target.schema.is_none() && self.sql.is_none() {
            target.schema = Some("lanewire_perf".into());
        }
        let mut plan = Plan::new(target, definition);
        plan.connections = self.connections.unwrap_or(plan.connections);
        plan.threads = self.threads;
        plan.protocol = match self.protocol {
            Speech::Text => Protocol::Text,
            Speech::Binary => Protocol::Binary,
        };
        plan.measured = Duration::try_from_secs_f64(self.duration)?;
        plan.warm_up = Duration::try_from_secs_f64(self.warm_up)?;
        plan.timeout = Duration::try_from_secs_f64(self.timeout)?;
        plan.failures_max = self.errors_max;
        let expected = self.expected_interval.map(|ms| Duration::try_from_secs_f64(ms / 1000.0));
        plan.pace = match self.rate {
            Some(rate) => Pace::Open { rate },
            None => Pace::Closed { expected: expected.transpose()? },
        };
        Ok(plan)
    }

    /// One run, its figures and its files.
    fn run_one(
        &self,
        plan: &Plan,
        name: &str,
        stop: &AtomicBool,
    ) -> Result<Outcome, Box<dyn Error>> {
        let mut log = match &self.out {
            Some(folder) => Some(IntervalLog::create(&folder.join(format!("{name}.hlog")))?),
            None => None,
        };
        let mut logged = Ok(());
        let outcome = load::run(plan, stop, &mut |progress| match progress {
            Progress::Connected => eprintln!("{}", heading(plan)),
            Progress::Second { number, tally } => {
                eprintln!("{}", second_line(number, tally));
                if let (Some(log), Ok(())) = (&mut log, &logged) {
                    logged = log.write(number, &tally.latency_ns());
                }
            }
            Progress::Begin | Progress::End => {}
        })?;
        logged?;
        if let Some(folder) = &self.out {
            write_files(folder, name, plan, &outcome)?;
        }
        if self.json {
            println!("{}", outcome.json());
        } else {
            print!("\n{}", outcome.table());
        }
        Ok(outcome)
    }

    fn run_rates(&self, plan: &mut Plan, stop: &AtomicBool) -> Result<bool, Box<dyn Error>> {
        let mut steps = Vec::new();
        let mut failed = 0;
        for rate in &self.rates {
            plan.pace = Pace::Open { rate: *rate };
            let outcome = self.run_one(plan, &format!("rate-{rate}"), stop)?;
            failed += outcome.failed();
            let latency_ns = outcome.tally.latency_ns();
            steps.push(Step { asked: *rate, achieved: outcome.rate(), latency_ns });
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        if let Some(folder) = &self.out {
            write_curve(folder, plan, &steps)?;
        }
        Ok(failed == 0)
    }
}

fn write_files(
    folder: &Path,
    name: &str,
    plan: &Plan,
    outcome: &Outcome,
) -> Result<(), Box<dyn Error>> {
    let all = outcome.tally.latency_ns();
    let mut file = BufWriter::new(File::create(folder.join(format!("{name}.hgrm")))?);
    write_percentiles(&mut file, &all)?;
    let mut lines = Vec::new();
    for (name, one) in outcome.names.iter().zip(&outcome.tally.operations) {
        lines.push((name.clone(), one.latency_ns.clone()));
    }
    if lines.len() > 1 {
        lines.push(("all".into(), all));
    }
    let title = format!("{}: latency by percentile", plan.definition.name);
    let subtitle = format!("{}; {:.0} operations/s answered", circumstances(plan), outcome.rate());
    let chart = percentile_chart(&title, &subtitle, &lines);
    std::fs::write(folder.join(format!("{name}.svg")), chart.to_string())?;
    Ok(())
}

fn write_curve(folder: &Path, plan: &Plan, steps: &[Step]) -> Result<(), Box<dyn Error>> {
    let name = &plan.definition.name;
    let subtitle =
        format!("{}, open loop at each rate, {} s", speech(plan), plan.measured.as_secs_f64());
    let chart = curve_chart(&format!("{name}: latency by throughput"), &subtitle, steps);
    std::fs::write(folder.join("curve.svg"), chart.to_string())?;
    let line = |step: &Step| (format!("{}/s", step.asked), step.latency_ns.clone());
    let lines: Vec<_> = steps.iter().map(line).collect();
    let chart = percentile_chart(&format!("{name}: latency by percentile"), &subtitle, &lines);
    std::fs::write(folder.join("latency.svg"), chart.to_string())?;
    Ok(())
}

fn heading(plan: &Plan) -> String {
    let Plan { target, definition, warm_up, measured, .. } = plan;
    let (warm_up, measured) = (warm_up.as_secs_f64(), measured.as_secs_f64());
    format!(
        "{} at {}: {}; {warm_up} s of warm-up, {measured} s measured",
        definition.name,
        target.address,
        circumstances(plan)
    )
}

fn circumstances(plan: &Plan) -> String {
    let pace = match plan.pace {
        Pace::Closed { expected: None } => "closed loop".into(),
        Pace::Closed { expected: Some(interval) } => {
            format!("closed loop, corrected for an interval of {interval:?}")
        }
        Pace::Open { rate } => format!("open loop at {rate}/s"),
    };
    format!("{}, {pace}", speech(plan))
}

fn speech(plan: &Plan) -> String {
    let protocol = match plan.protocol {
        Protocol::Text => "text",
        Protocol::Binary => "binary",
    };
    let (connections, threads) = (plan.connections, plan.threads);
    let threads = if threads == 1 { String::new() } else { format!(" on {threads} threads") };
    format!("{connections} connections{threads}, {protocol} protocol")
}

fn second_line(number: u64, tally: &Tally) -> String {
    let latency_ns = tally.latency_ns();
    let at = |percentile| micros(latency_ns.value_at_percentile(percentile));
    format!(
        "{:>4} s {:>9} operations  p50 {:>7} µs  p99 {:>7} µs  max {:>8} µs  {} errors",
        number + 1,
        tally.in_time(),
        at(50.0),
        at(99.0),
        micros(latency_ns.max()),
        tally.failures.total()
    )
}
