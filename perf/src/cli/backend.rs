//! `lanewire-perf backend`.

use lanewire_perf::stub::{Faults, Identity, Stub};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

/// Shown below the arguments.
pub(crate) const ANSWERS: &str = "\
What it answers:
  /* blob N */ …, SELECT blob N     N bytes in rows of 16 KiB
  SELECT @@a, @@global.b            variables that drivers and proxies ask for
  SHOW VARIABLES, SHOW SLAVE STATUS likewise
  any other read                    one row: id, c (100 bytes), server (its name)
  BEGIN, COMMIT, ROLLBACK           OK with the transaction's flag
  all else                          OK
Prepared statements are answered in the binary form. The faults (--delay-ms to --error-rate) hit
reads, writes and transactions, but not SELECT @@…, SHOW VARIABLES and SHOW SLAVE STATUS, so that a
proxy's probes go on.";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:3306")]
    address: SocketAddr,
    /// The name in the last column of every row
    #[arg(long, default_value = "stub")]
    name: String,
    /// Its @@server_id
    #[arg(long, default_value_t = 1)]
    server_id: u32,
    /// Says read_only=1, and is a healthy replica
    #[arg(long)]
    read_only: bool,
    /// Each answer to a load's statement waits for so long, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay_ms: u64,
    /// Closes a connection instead of answering once it has had so many statements
    #[arg(long, value_name = "STATEMENTS")]
    drop_after: Option<u64>,
    /// The part of statements, from 0 to 1, that are answered by closing the connection
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    drop_rate: f64,
    /// The part of statements that get half of their reply, and then the end of the connection
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    half_reply_rate: f64,
    /// The part of statements that get ERR 1205
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    error_rate: f64,
    /// The seed of the faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Serves until a signal comes.
pub(crate) fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let Args { address, name, server_id, read_only, .. } = args;
    let Args { delay_ms, drop_after, drop_rate, half_reply_rate, error_rate, seed, .. } = args;
    if [drop_rate, half_reply_rate, error_rate].iter().any(|part| !(0.0..=1.0).contains(part)) {
        return Err("--drop-rate, --half-reply-rate and --error-rate are parts, from 0 to 1".into());
    }
    let delay = Duration::from_millis(delay_ms);
    let faults = Faults { delay, drop_after, drop_rate, half_reply_rate, error_rate, seed };
    let identity = Identity { name, server_id, read_only };
    let stub = Stub::bind(address, identity)?.with_faults(faults);
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stub.stop_flag())?;
    }
    println!("stub server at {}", stub.address()?);
    stub.serve()?;
    Ok(true)
}
