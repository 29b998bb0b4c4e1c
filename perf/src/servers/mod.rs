//! Real servers: a primary and two GTID replicas as child processes on free loopback ports, in a
//! folder of the caller's.
//!
//! Users: `app`/`app` (everything but SUPER), `adm`/`adm` (everything), `mon`/`mon` (replication
//! status), `repl`/`repl`. Schema `test`. `root` has no password, on the unix socket only.

mod cluster;
mod flavor;
mod mariadb;
mod mysql;
mod mysql56;
mod ports;
mod server;
mod setup;

pub use cluster::Cluster;
pub use flavor::Flavor;
pub use ports::free_ports;
pub use server::Server;

use crate::client;
use std::io;
use std::path::PathBuf;

/// What can go wrong with real servers.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server's program is not on this machine.
    #[error("{flavor} is not here: {hint}")]
    Missing {
        /// What was asked for.
        flavor: Flavor,
        /// How to get it.
        hint: String,
    },
    /// A file, folder or process.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// A program ended when it should not, or with an error.
    #[error("{what} failed ({end}):\n{log}")]
    Ended {
        /// The program's task.
        what: String,
        /// Exit code or signal.
        end: String,
        /// Its last words.
        log: String,
    },
    /// A server did not answer in time.
    #[error("{name} did not answer within {seconds} s:\n{log}")]
    Silent {
        /// The server.
        name: String,
        /// How long was waited, in seconds.
        seconds: u64,
        /// Its last words.
        log: String,
    },
    /// A statement of the set-up failed.
    #[error("{server}: {sql}: {error}")]
    Sql {
        /// The server.
        server: String,
        /// The statement.
        sql: String,
        /// What the server or the socket said.
        error: client::Error,
    },
    /// A replica did not catch up with the primary.
    #[error("{replica} is not in sync after {seconds} s")]
    Lagging {
        /// The replica.
        replica: String,
        /// How long was waited, in seconds.
        seconds: u64,
    },
}

impl ServerError {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}

/// Where installed servers that are no packages of this machine lie: `$LANEWIRE_TOOLS`, else
/// `.tools` at the top of the repository.
#[must_use]
pub fn tools_folder() -> PathBuf {
    std::env::var_os("LANEWIRE_TOOLS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(".tools"),
        PathBuf::from,
    )
}
