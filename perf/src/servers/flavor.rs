//! Which server.

use super::{ServerError, mariadb, mysql, mysql56};
use std::path::Path;
use std::process::Command;

/// A server's make and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// The `mariadbd` on the PATH.
    MariaDb,
    /// Oracle MySQL 9 in the tools folder.
    MySql9,
    /// Oracle MySQL 5.6 in the tools folder: no session tracking.
    MySql56,
}

impl std::fmt::Display for Flavor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Flavor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MariaDb, Self::MySql9, Self::MySql56];

    /// The short name: `mariadb`, `mysql`, `mysql56`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql9 => "mysql",
            Self::MySql56 => "mysql56",
        }
    }

    /// The flavor of that short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flavor| flavor.name() == name)
    }

    /// Whether its programs are on this machine.
    ///
    /// # Errors
    /// [`ServerError::Missing`] with the way to get them.
    pub fn check(self) -> Result<(), ServerError> {
        let (found, hint) = match self {
            Self::MariaDb => {
                (mariadb::installed(), "install mariadb-server-core (make install-deps)")
            }
            Self::MySql9 => (mysql::installed(), "run tests/servers/install.sh mysql"),
            Self::MySql56 => (mysql56::installed(), "run tests/servers/install.sh mysql56"),
        };
        if found { Ok(()) } else { Err(ServerError::Missing { flavor: self, hint: hint.into() }) }
    }

    /// Whether its replication speaks MariaDB's GTIDs.
    #[must_use]
    pub const fn is_mariadb(self) -> bool {
        matches!(self, Self::MariaDb)
    }

    /// Makes an empty data folder that servers are copied from.
    pub(super) fn initialize(self, data: &Path) -> Result<(), ServerError> {
        match self {
            Self::MariaDb => mariadb::initialize(data),
            Self::MySql9 => mysql::initialize(data),
            Self::MySql56 => mysql56::initialize(data),
        }
    }

    /// The command that starts a server, without port, id and socket.
    pub(super) fn command(self) -> Command {
        match self {
            Self::MariaDb => mariadb::command(),
            Self::MySql9 => mysql::command(),
            Self::MySql56 => mysql56::command(),
        }
    }

    /// The option that makes a replica refuse writes.
    pub(super) const fn read_only(self) -> &'static str {
        match self {
            Self::MariaDb | Self::MySql56 => "--read-only=1",
            Self::MySql9 => "--super-read-only=ON",
        }
    }
}
