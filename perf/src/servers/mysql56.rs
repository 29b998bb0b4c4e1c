//! Oracle MySQL 5.6's own: the oldest dialect, without session tracking and DEPRECATE_EOF.

use super::{ServerError, setup, tools_folder};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    tools_folder().join("mysql56")
}

pub(super) fn installed() -> bool {
    root().join("mysqld").is_file()
}

/// The package ships an initialized data folder.
pub(super) fn initialize(data: &Path) -> Result<(), ServerError> {
    setup::copy_folder(&root().join("data/mysql"), data)
}

/// Memory is small and nothing waits for the disk: the data survives kill -9, not a power cut.
pub(super) fn command() -> Command {
    let root = root();
    let mut command = Command::new(root.join("mysqld"));
    command
        .env("LD_LIBRARY_PATH", &root)
        .arg("--no-defaults")
        .arg(format!("--basedir={}", root.display()))
        .arg(format!("--lc-messages-dir={}", root.join("share").display()))
        .arg(format!("--character-sets-dir={}", root.join("share/charsets").display()))
        .args([
            "--innodb-buffer-pool-size=16M",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-use-native-aio=0",
            "--sync-binlog=0",
            "--performance-schema=OFF",
            "--log-bin=bin",
            "--log-slave-updates",
            "--gtid-mode=ON",
            "--enforce-gtid-consistency",
            "--master-info-repository=TABLE",
            "--relay-log-info-repository=TABLE",
            "--max-connections=500",
            "--max-allowed-packet=64M",
            "--local-infile=1",
        ]);
    command
}
