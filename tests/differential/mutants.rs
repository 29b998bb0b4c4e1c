//! Whether the tester finds faults: each mutant of the proxy must be caught, and the same build
//! without one must not differ.

use crate::answer::describe;
use crate::run::Run;
use crate::servers::Servers;
use crate::world::Side;
use std::time::Instant;

/// Statements within which every mutant must be caught.
const STATEMENTS: u64 = 10_000;

/// Fewer than a comparison has: their schemas take most of the time.
const CLIENTS: u64 = 16;

/// The names of `Mutant` in `src/proxy/mutant.rs`.
const MUTANTS: [&str; 7] = [
    "skip-difference",
    "skip-variables",
    "forget-types",
    "swap-connections",
    "forget-insert-id",
    "ignore-pins",
    "short-cut",
];

/// Runs every mutant in front of the same servers; true where the tester is right about all.
pub(crate) fn run_mutants(seed: u64, mysql: bool) -> Result<bool, String> {
    if !cfg!(feature = "mutants") {
        return Err("--mutants needs a build with --features mutants".into());
    }
    let servers = Servers::start(mysql)?;
    let none = play(&servers, seed, None)?;
    let mut caught = 0;
    for name in MUTANTS {
        caught += usize::from(play(&servers, seed, Some(name))?);
    }
    let ok = caught == MUTANTS.len() && !none;
    println!("mutants: {} mutants={} caught={caught}", verdict(ok), MUTANTS.len());
    Ok(ok)
}

const fn verdict(ok: bool) -> &'static str {
    if ok { "ok" } else { "failed" }
}

/// Whether a difference was found.
fn play(servers: &Servers, seed: u64, name: Option<&str>) -> Result<bool, String> {
    let began = Instant::now();
    let (_proxy, world) = servers.with_proxy(&[], name)?;
    Side::open(&world)
        .and_then(|mut side| side.allow_routines())
        .map_err(|error| error.to_string())?;
    let run = Run::new(seed, world, STATEMENTS, 1);
    run.all(CLIENTS);
    let found = run.found();
    println!(
        "mutants: {}: {} within {} statements, {} s",
        name.unwrap_or("none"),
        if found.is_empty() { "no difference" } else { "a difference" },
        run.statements_done(),
        began.elapsed().as_secs(),
    );
    if let Some((script, difference)) = found.first() {
        println!("   {}", script.steps[difference.at]);
        println!("   direct : {}", describe(&difference.direct, script.capabilities));
        println!("   through: {}", describe(&difference.through, script.capabilities));
    }
    // Without a mutant nothing may go wrong; with one, a login may.
    match run.broken().first() {
        Some(error) if found.is_empty() => {
            Err(format!("{}: {error}", name.unwrap_or("without a mutant")))
        }
        _ => Ok(!found.is_empty()),
    }
}
