//! The `lanewire-perf` command.

use clap::{Args, Parser, Subcommand};
use lanewire_perf::demo;
use lanewire_perf::forwarder;
use lanewire_perf::load::{self, Plan};
use lanewire_perf::stub::{Identity, Stub};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

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
    Backend(BackendArgs),
    /// A closed loop of one statement over many connections.
    Load(LoadArgs),
    /// A primary, two replicas and lanewire under a mixed load, with a verdict.
    Demo(DemoArgs),
    /// Lanewire beside HAProxy: CPU per query.
    Forwarder(ForwarderArgs),
}

#[derive(Debug, Args)]
struct ForwarderArgs {
    /// Numbers of connections, each measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "32,256")]
    connections: Vec<usize>,
    /// Rounds for each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The measured time of one run, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The statement.
    #[arg(long, default_value = "SELECT c FROM sbtest1 WHERE id=7")]
    sql: String,
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

#[derive(Debug, Args)]
struct BackendArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3306")]
    address: SocketAddr,
    /// The name in the last column of every row.
    #[arg(long, default_value = "stub")]
    name: String,
    /// Its @@server_id.
    #[arg(long, default_value_t = 1)]
    server_id: u32,
    /// Says read_only=1.
    #[arg(long)]
    read_only: bool,
}

#[derive(Debug, Args)]
struct LoadArgs {
    /// The server's host.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The server's port.
    #[arg(long, default_value_t = 4040)]
    port: u16,
    /// The user's name.
    #[arg(long, default_value = "app")]
    user: String,
    /// The password.
    #[arg(long, default_value = "app")]
    password: String,
    /// The schema to begin in.
    #[arg(long)]
    schema: Option<String>,
    /// How many connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How long to count, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long to run before counting, in seconds.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// The statement.
    #[arg(long, default_value = "SELECT c FROM sbtest1 WHERE id=7")]
    sql: String,
    /// Prints the whole distribution too.
    #[arg(long)]
    histogram: bool,
    /// Prints one line of JSON instead of the table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Backend(args) => backend(args),
        Task::Load(args) => run_load(&args),
        Task::Demo(args) => {
            let DemoArgs { backend, seconds, keep, seed } = args;
            demo::run(&demo::Plan { backend, seconds, keep: keep != 0, seed })
        }
        Task::Forwarder(args) => run_forwarder(args),
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

fn backend(args: BackendArgs) -> Result<bool, Box<dyn Error>> {
    let BackendArgs { address, name, server_id, read_only } = args;
    let stub = Stub::bind(address, Identity { name, server_id, read_only })?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stub.stop_flag())?;
    }
    println!("stub server at {}", stub.address()?);
    stub.serve()?;
    Ok(true)
}

fn run_forwarder(args: ForwarderArgs) -> Result<bool, Box<dyn Error>> {
    let ForwarderArgs { connections, rounds, seconds, sql } = args;
    let measured = Duration::try_from_secs_f64(seconds)?;
    forwarder::run(&forwarder::Plan { connections, rounds, measured, sql })
}

fn run_load(args: &LoadArgs) -> Result<bool, Box<dyn Error>> {
    let plan = Plan {
        address: format!("{}:{}", args.host, args.port),
        user: args.user.clone(),
        password: args.password.clone(),
        schema: args.schema.clone(),
        connections: args.connections,
        warm_up: Duration::try_from_secs_f64(args.warm_up)?,
        measured: Duration::try_from_secs_f64(args.seconds)?,
        sql: args.sql.clone(),
    };
    let outcome = load::run(&plan, &mut |_| {})?;
    if args.json {
        println!("{}", outcome.json());
    } else {
        print!("{}", outcome.table());
        if args.histogram {
            print!("\n{}", outcome.histogram());
        }
    }
    Ok(outcome.errors == 0)
}
