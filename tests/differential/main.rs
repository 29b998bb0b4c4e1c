//! The differential tester: random sessions against a server alone and through Lanewire, compared
//! statement by statement.
//!
//! Every client has schemas of its own, so the right answer is known: the one that the server
//! alone gives. What the clients share are the proxy's backend connections, and a session's state
//! that leaks through one of those shows as a difference.

mod grammar;
mod play;
mod random;
mod servers;
mod shrink;
mod step;
#[path = "../support/mod.rs"]
mod support;
mod world;

use clap::Parser;
use grammar::Script;
use lanewire_perf::client::{Address, flags};
use play::{Difference, play};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// More arguments for lanewire.
    #[arg(long, value_delimiter = ' ', allow_hyphen_values = true)]
    proxy_args: Vec<String>,
}

/// What the workers share.
#[derive(Debug)]
struct Run {
    seed: u64,
    world: World,
    statements: u64,
    differences_max: usize,
    done: AtomicU64,
    stop: AtomicBool,
    found: Mutex<Vec<(Script, Difference)>>,
    broken: Mutex<Vec<String>>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        now.as_secs() * 1000 + u64::from(now.subsec_millis())
    });
    println!("differential: seed={seed} clients={} statements={}", args.clients, args.statements);
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
    let _servers;
    let world = if args.servers.is_empty() {
        let (running, world) =
            servers::start(args.mysql, (!args.no_proxy).then_some(&args.proxy_args))?;
        _servers = running;
        world
    } else {
        given(&args.servers, args.mysql)?
    };
    let mut side = Side::open(&world).map_err(|error| error.to_string())?;
    side.allow_routines().map_err(|error| error.to_string())?;
    let run = Run {
        seed,
        world,
        statements: args.statements,
        differences_max: args.differences,
        done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        found: Mutex::new(Vec::new()),
        broken: Mutex::new(Vec::new()),
    };
    let began = Instant::now();
    if let Some(only) = &args.only {
        let (client, session) = only.split_once(':').ok_or("--only CLIENT:SESSION")?;
        let number = |text: &str| text.parse::<u64>().map_err(|error| format!("--only: {error}"));
        play_one(&run, &mut side, number(client)?, number(session)?);
    } else {
        run_all(&run, args.clients);
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

fn run_all(run: &Run, clients: u64) {
    std::thread::scope(|scope| {
        for client in 0..clients {
            scope.spawn(move || work(run, client));
        }
        let mut shown = Instant::now();
        while run.done.load(Ordering::Relaxed) < run.statements && !run.stop.load(Ordering::Relaxed)
        {
            std::thread::sleep(Duration::from_millis(50));
            if shown.elapsed() > Duration::from_secs(5) {
                shown = Instant::now();
                let found = run.found.lock().map_or(0, |found| found.len());
                let done = run.done.load(Ordering::Relaxed);
                eprintln!(
                    "differential: {done} of {} statements, {found} differences",
                    run.statements
                );
            }
        }
    });
}

/// One client's sessions, one after the other.
fn work(run: &Run, client: u64) {
    let mut side = match Side::open(&run.world) {
        Ok(side) => side,
        Err(error) => return give_up(run, &format!("side connections: {error}")),
    };
    let mut session = 0;
    while run.done.load(Ordering::Relaxed) < run.statements && !run.stop.load(Ordering::Relaxed) {
        play_one(run, &mut side, client, session);
        session += 1;
    }
}

fn play_one(run: &Run, side: &mut Side, client: u64, session: u64) {
    let script = Script::generate(run.seed, client, session, run.world.mysql);
    let count = || {
        let before = run.done.fetch_add(1, Ordering::Relaxed);
        before + 1 < run.statements && !run.stop.load(Ordering::Relaxed)
    };
    match play(&run.world, side, &script, count) {
        Ok(None) => {}
        Ok(Some(difference)) => {
            let Ok(mut found) = run.found.lock() else { return };
            found.push((script, difference));
            if found.len() >= run.differences_max {
                run.stop.store(true, Ordering::Relaxed);
            }
        }
        Err(error) => give_up(run, &format!("client {client} session {session}: {error}")),
    }
}

fn give_up(run: &Run, error: &str) {
    run.stop.store(true, Ordering::Relaxed);
    if let Ok(mut broken) = run.broken.lock() {
        broken.push(error.into());
    }
}

/// Prints and shrinks the differences; true where there is nothing to say.
fn report(run: &Run, side: &mut Side, took: Duration) -> bool {
    let found = run.found.lock().map(|found| found.clone()).unwrap_or_default();
    let broken = run.broken.lock().map(|broken| broken.clone()).unwrap_or_default();
    for (number, (script, difference)) in found.iter().enumerate() {
        println!(
            "\n== difference {}: --seed {} --only {}:{}, step {}",
            number + 1,
            run.seed,
            script.client,
            script.session,
            difference.at
        );
        print_difference(script, difference);
        if number >= 4 {
            continue;
        }
        match shrink::shrink(&run.world, side, script, difference.at) {
            Some((small, difference)) => {
                println!("-- shrunk to {} steps:", small.steps.len());
                for step in &small.steps {
                    println!("   {step}");
                }
                print_difference(&small, &difference);
            }
            None => {
                println!("-- alone it does not differ; the last steps were:");
                let from = difference.at.saturating_sub(25);
                for step in &script.steps[from..=difference.at] {
                    println!("   {step}");
                }
            }
        }
    }
    for error in &broken {
        println!("differential: {error}");
    }
    let ok = found.is_empty() && broken.is_empty();
    let done = run.done.load(Ordering::Relaxed);
    println!("differential: {done} statements in {} s, seed {}", took.as_secs(), run.seed);
    let word = if ok { "ok" } else { "failed" };
    println!("differential: {word} statements={done} differences={}", found.len());
    ok
}

fn print_difference(script: &Script, difference: &Difference) {
    let named = |flag, name| if script.capabilities & flag != 0 { name } else { "" };
    println!(
        "   {}\n   flags:{}{}{}\n   direct : {}\n   through: {}",
        script.steps[difference.at],
        named(flags::DEPRECATE_EOF, " DEPRECATE_EOF"),
        named(flags::FOUND_ROWS, " FOUND_ROWS"),
        named(flags::SESSION_TRACK, " SESSION_TRACK"),
        step::describe(&difference.direct, script.capabilities),
        step::describe(&difference.through, script.capabilities),
    );
}
