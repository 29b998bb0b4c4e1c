//! The `lanewire-perf` command.

mod cli;

use clap::{Args, Parser, Subcommand};
use lanewire_perf::demo;
use std::process::ExitCode;

/// Stub servers, loads, the demo and the measurements of Lanewire.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// A stub MySQL server: any user and password, canned replies, one core.
    #[command(after_help = cli::backend::ANSWERS)]
    Backend(cli::backend::Args),
    /// A workload over many connections, in a closed or an open loop, with its latencies.
    #[command(after_help = cli::load::EXAMPLES)]
    Load(Box<cli::load::Args>),
    /// A primary, two replicas and lanewire under a mixed load, with a verdict.
    Demo(DemoArgs),
    /// Lanewire, HAProxy and others beside each other, and the targets.
    #[command(after_help = cli::compare::EXAMPLES)]
    Compare(cli::compare::Args),
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// auto, mariadb, mysql, mysql56 or stub.
    #[arg(long, env = "BACKEND", default_value = "auto")]
    backend: String,
    /// The time of the load through the proxy, in seconds.
    #[arg(long, env = "DEMO_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// 1: leaves everything running until Ctrl-C.
    #[arg(long, env = "KEEP", default_value_t = 0)]
    keep: u8,
    /// The seed of the clients' choices.
    #[arg(long, env = "SEED", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Backend(args) => cli::backend::run(args),
        Task::Load(args) => cli::load::run(&args),
        Task::Demo(args) => {
            let DemoArgs { backend, seconds, keep, seed } = args;
            demo::run(&demo::Plan { backend, seconds, keep: keep != 0, seed })
        }
        Task::Compare(args) => cli::compare::run(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lanewire-perf: {error}");
            ExitCode::FAILURE
        }
    }
}
