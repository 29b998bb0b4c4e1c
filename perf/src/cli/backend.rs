//! `lanewire-perf backend`.

use lanewire_perf::stub::{Identity, Stub};
use std::error::Error;
use std::net::SocketAddr;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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

/// Serves until a signal comes.
pub(crate) fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let Args { address, name, server_id, read_only } = args;
    let stub = Stub::bind(address, Identity { name, server_id, read_only })?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stub.stop_flag())?;
    }
    println!("stub server at {}", stub.address()?);
    stub.serve()?;
    Ok(true)
}
