//! The differential tester: random sessions against a server alone and through Lanewire, compared
//! statement by statement.
//!
//! Every client has schemas of its own, so the right answer is known: the one that the server
//! alone gives. What the clients share are the proxy's backend connections, and a session's state
//! that leaks through one of those shows as a difference.

mod answer;
mod grammar;
mod mutants;
mod play;
mod random;
mod run;
mod servers;
mod shrink;
mod step;
#[path = "../support/mod.rs"]
mod support;
mod world;

use clap::Parser;
use lanewire_perf::client::Address;
use run::Run;
use servers::Servers;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use world::{Side, World};

/// Compares random sessions through Lanewire with the same sessions on a server alone.
#[derive(Debug, Parser)]
struct Args {
    /// Statements to compare.
    #[arg(long, default_value_t = 100_000)]
    statements: u64,
    /// Clients at the same time.
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// The seed of all scripts; a new one each time by default.
    #[arg(long)]
    seed: Option<u64>,
    /// Oracle MySQL 9 instead of MariaDB.
    #[arg(long)]
    mysql: bool,
    /// One session only, as printed with a difference: CLIENT:SESSION.
    #[arg(long, value_name = "CLIENT:SESSION")]
    only: Option<String>,
    /// Stop after so many differences.
    #[arg(long, default_value_t = 8)]
    differences: usize,
    /// Servers that run already: DIRECT,THROUGH,PRIMARY[,REPLICA…] as host:port.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// The primary itself in the proxy's place: whether the scripts are fair.
    #[arg(long)]
    no_proxy: bool,
    /// Whether the tester finds the faults of a build with the feature `mutants`.
    #[arg(long)]
    mutants: bool,
    /// More arguments for lanewire.
    #[arg(long, value_delimiter = ' ', allow_hyphen_values = true)]
    proxy_args: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        now.as_secs() * 1000 + u64::from(now.subsec_millis())
    });
    println!("differential: seed={seed}");
    match compare(&args, seed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("differential: failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args, seed: u64) -> Result<bool, String> {
    if args.mutants {
        return mutants::run_mutants(seed, args.mysql);
    }
    let (servers, _proxy);
    let world = if args.servers.is_empty() {
        servers = Servers::start(args.mysql)?;
        if args.no_proxy {
            servers.without_proxy()
        } else {
            let (proxy, world) = servers.with_proxy(&args.proxy_args, None)?;
            _proxy = proxy;
            world
        }
    } else {
        given(&args.servers, args.mysql)?
    };
    let mut side = Side::open(&world).map_err(|error| error.to_string())?;
    side.allow_routines().map_err(|error| error.to_string())?;
    let run = Run::new(seed, world, args.statements, args.differences);
    let began = Instant::now();
    if let Some(only) = &args.only {
        let (client, session) = only.split_once(':').ok_or("--only CLIENT:SESSION")?;
        let number = |text: &str| text.parse::<u64>().map_err(|error| format!("--only: {error}"));
        run.one(&mut side, number(client)?, number(session)?);
    } else {
        run.all(args.clients);
    }
    Ok(report(&run, &mut side, began.elapsed()))
}

/// DIRECT, THROUGH, PRIMARY and replicas, by address.
fn given(servers: &[String], mysql: bool) -> Result<World, String> {
    let mut addresses = servers.iter().map(|host| Address::Tcp(host.clone()));
    let mut next = || addresses.next().ok_or("--servers needs three addresses or more");
    let (direct, through, primary) = (next()?, next()?, next()?);
    Ok(World { direct, through, primary, replicas: addresses.collect(), mysql })
}

/// Prints and shrinks the differences; true where there is nothing to say.
fn report(run: &Run, side: &mut Side, took: Duration) -> bool {
    let (found, broken) = (run.found(), run.broken());
    for (number, (script, difference)) in found.iter().enumerate() {
        println!(
            "\n== difference {}: --seed {} --only {}:{}, step {}",
            number + 1,
            run.seed,
            script.client,
            script.session,
            difference.at
        );
        difference.print(script);
        if number >= 4 {
            continue;
        }
        match shrink::shrink(&run.world, side, script, difference.at) {
            Some((small, difference)) => {
                println!("-- shrunk to {} steps:", small.steps.len());
                for step in &small.steps {
                    println!("   {step}");
                }
                difference.print(&small);
            }
            None => {
                println!("-- alone it does not differ; what it ran is told where it was found");
            }
        }
    }
    for error in &broken {
        println!("differential: {error}");
    }
    let ok = found.is_empty() && broken.is_empty();
    let done = run.statements_done();
    println!("differential: {done} statements in {} s, seed {}", took.as_secs(), run.seed);
    let word = if ok { "ok" } else { "failed" };
    println!("differential: {word} statements={done} differences={}", found.len());
    ok
}
