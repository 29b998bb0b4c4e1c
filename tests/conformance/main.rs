//! Conformance with real drivers: for each driver one program, run against the primary itself and
//! through Lanewire in front of the primary and two replicas; both must print the same.
//!
//! The programs are under `drivers/`, each in the driver's own language. All play the statements of
//! `statements.sql` on two connections and then what is special to the driver: prepared statements,
//! streams, LOAD DATA LOCAL, pools. A program begins each case with `== NAME` and ends with
//! `== end`; a line that begins with `!!` says that the program itself is broken.
//!
//! The user that Lanewire does not know is `mon`, whom the servers know with another password: for
//! a stranger MySQL pretends a plugin of its choice, another after each start.

mod compare;
mod drivers;
mod servers;
#[path = "../support/mod.rs"]
mod support;
mod table;

use clap::Parser;
use compare::Transcript;
use drivers::Driver;
use servers::World;
use std::path::Path;
use std::process::ExitCode;
use table::{Reads, Row};

/// Runs each driver's program direct and through Lanewire, and compares what they print.
#[derive(Debug, Parser)]
struct Args {
    /// Only drivers whose names contain one of these.
    names: Vec<String>,
    /// Oracle MySQL 9 instead of MariaDB.
    #[arg(long)]
    mysql: bool,
    /// The primary itself in the proxy's place: whether the programs are deterministic.
    #[arg(long)]
    no_proxy: bool,
    /// How many differing lines to print for each driver.
    #[arg(long, default_value_t = 20)]
    lines: usize,
    /// More arguments for lanewire.
    #[arg(long, value_delimiter = ' ', allow_hyphen_values = true)]
    proxy_args: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("conformance: failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, String> {
    let world = World::start(args.mysql, args.no_proxy, &args.proxy_args)?;
    let wanted = |driver: &&Driver| {
        args.names.is_empty() || args.names.iter().any(|part| driver.name.contains(part))
    };
    let mut rows = Vec::new();
    for driver in drivers::all().iter().filter(wanted) {
        let row = match driver.missing() {
            Some(reason) => Row::skipped(driver.name, reason),
            None => compared(driver, &world, args.lines)?,
        };
        println!("{row}");
        rows.push(row);
    }
    println!("\n{}\n\n{}", world.description(), table::text(&rows));
    Ok(verdict(&rows, !args.no_proxy))
}

/// Plays a driver's program on both sides.
fn compared(driver: &Driver, world: &World, lines_max: usize) -> Result<Row, String> {
    let folder = drivers::output_folder(world.flavor_name());
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let [before, _] = world.plain_reads();
    let direct = play(driver, world, world.direct_port(), &folder, "direct")?;
    let [after, on_replicas] = world.plain_reads();
    let through = play(driver, world, world.through_port(), &folder, "lanewire")?;
    let reads = Reads { all: after - before, on_replicas: world.plain_reads()[1] - on_replicas };
    let differences = compare::differences(&direct, &through);
    for line in differences.iter().take(lines_max) {
        println!("{line}");
    }
    if differences.len() > lines_max {
        println!("    … {} more; see {}", differences.len() - lines_max, folder.display());
    }
    let broken = direct.complaint().or_else(|| through.complaint());
    Ok(Row {
        driver: driver.name,
        cases: direct.cases(),
        differences: differences.len(),
        broken: broken.is_some(),
        skipped: false,
        reads,
        note: broken.unwrap_or_else(|| direct.title().to_owned()),
    })
}

fn play(
    driver: &Driver,
    world: &World,
    port: u16,
    folder: &Path,
    side: &str,
) -> Result<Transcript, String> {
    world.lay_out()?;
    let output = driver.play(world, port)?;
    let transcript = Transcript::read(&output, port);
    let file = folder.join(format!("{}.{side}.txt", driver.name));
    std::fs::write(&file, transcript.text()).map_err(|error| error.to_string())?;
    Ok(transcript)
}

fn verdict(rows: &[Row], through_proxy: bool) -> bool {
    let played = rows.iter().filter(|row| !row.skipped);
    let drivers = played.clone().count();
    let cases: usize = played.clone().map(|row| row.cases).sum();
    let differences: usize = played.clone().map(|row| row.differences).sum();
    let broken = played.filter(|row| row.broken).count();
    let skipped = rows.len() - drivers;
    if skipped > 0 {
        println!("skipped: {skipped}");
    }
    if broken > 0 {
        println!("broken programs: {broken}");
    }
    let astray = rows.iter().filter(|row| through_proxy && row.reads.is_astray()).count();
    if astray > 0 {
        println!("drivers whose plain reads do not all run on replicas: {astray}");
    }
    let ok = differences == 0 && broken == 0 && astray == 0 && drivers > 0;
    let word = if ok { "ok" } else { "failed" };
    println!("conformance: {word} drivers={drivers} cases={cases} differences={differences}");
    ok
}
