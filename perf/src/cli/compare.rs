//! `lanewire-perf compare`.

use lanewire_perf::compare::{self, Plan, SCENARIOS};
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// Shown below the arguments.
pub(crate) const EXAMPLES: &str = "\
Examples:
  lanewire-perf compare
      everything, and a record in perf/record
  lanewire-perf compare --only point --engines lanewire,haproxy --rounds 11
      the point selects of two engines
Exit code 0: everything that can be measured here was, whatever targets were met.";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Says which scenarios there are
    #[arg(long)]
    list: bool,
    /// Only scenarios whose names begin so
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these of perf/engines
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
    /// Rounds of each scenario
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// The measured time of one run, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Writes a record below this folder [default: perf/record, where nothing is left out]
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// Runs the comparison.
pub(crate) fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let Args { list, only, engines, rounds, seconds, record } = args;
    if list {
        for (name, about) in SCENARIOS {
            println!("  {name:<14} {about}");
        }
        return Ok(true);
    }
    let measured = Duration::try_from_secs_f64(seconds)?;
    compare::run(&Plan { rounds: rounds.into(), measured, only, engines, record })
}
