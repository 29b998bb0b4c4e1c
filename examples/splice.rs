//! The ring without a proxy, which `make compare` measures Lanewire against:
//! `splice LISTEN-ADDRESS BACKEND-ADDRESS`.

use std::net::SocketAddr;
use std::process::ExitCode;

use lanewire::net::{bind_tcp, raise_file_limit, splice};

fn main() -> ExitCode {
    let addresses: Option<Vec<SocketAddr>> =
        std::env::args().skip(1).map(|text| text.parse().ok()).collect();
    let Some([listen, backend]) = addresses.as_deref() else {
        eprintln!("usage: splice LISTEN-ADDRESS BACKEND-ADDRESS");
        return ExitCode::FAILURE;
    };
    let ended = raise_file_limit(1024)
        .map_err(|missing| missing.to_string())
        .and_then(|_| bind_tcp(*listen).map_err(|error| error.to_string()))
        .map(|listener| splice(&listener, *backend).to_string());
    eprintln!("splice: {}", ended.unwrap_or_else(|why| why));
    ExitCode::FAILURE
}
