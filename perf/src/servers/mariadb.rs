//! MariaDB's own: programs and options.

use super::{ServerError, setup};
use crate::process::which;
use std::path::Path;
use std::process::Command;

const INSTALL: &str = "mariadb-install-db";
const SMALL: [&str; 5] = [
    "--no-defaults",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-use-native-aio=0",
];

pub(super) fn installed() -> bool {
    which("mariadbd").is_some() && which(INSTALL).is_some()
}

pub(super) fn initialize(data: &Path) -> Result<(), ServerError> {
    let folder = data.parent().unwrap_or(data);
    let mut command = Command::new(INSTALL);
    command
        .args(SMALL)
        .arg(format!("--user={}", setup::user()))
        .env("TMPDIR", folder)
        .arg(format!("--datadir={}", data.display()))
        .args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]);
    setup::run("mariadb-install-db", command)
}

/// Memory is small and nothing waits for the disk: the data survives kill -9, not a power cut.
pub(super) fn command() -> Command {
    let mut command = Command::new(which("mariadbd").unwrap_or_else(|| "mariadbd".into()));
    command.args(SMALL).args([
        "--innodb-doublewrite=0",
        "--sync-binlog=0",
        "--performance-schema=OFF",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=1M",
        "--log-bin=bin",
        "--binlog-format=ROW",
        "--log-slave-updates",
        "--gtid-strict-mode=1",
        "--slave-net-timeout=4",
        "--max-connections=500",
        "--max-allowed-packet=64M",
        "--local-infile=1",
        "--log-warnings=2",
    ]);
    command
}
