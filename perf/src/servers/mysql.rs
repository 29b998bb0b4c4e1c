//! Oracle MySQL 9's own: programs in the tools folder, run with their own loader and libraries,
//! since they are built for a newer system than this one may be.

use super::{ServerError, setup, tools_folder};
use std::path::{Path, PathBuf};
use std::process::Command;

const SMALL: [&str; 6] = [
    "--innodb-buffer-pool-size=32M",
    "--innodb-redo-log-capacity=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--innodb-use-native-aio=0",
    "--innodb-flush-method=nosync",
];

fn root() -> PathBuf {
    tools_folder().join("mysql9")
}

pub(super) fn installed() -> bool {
    root().join("usr/sbin/mysqld").is_file()
}

fn mysqld() -> Command {
    let root = root();
    let program = root.join("usr/sbin/mysqld");
    let mut command = Command::new(root.join("usr/lib64/ld-linux-x86-64.so.2"));
    command
        .arg("--argv0")
        .arg(&program)
        .arg("--library-path")
        .arg(root.join("usr/lib/x86_64-linux-gnu"))
        .arg(&program)
        .arg("--no-defaults")
        .arg(format!("--basedir={}", root.join("usr").display()))
        .arg(format!("--plugin-dir={}", root.join("usr/lib/mysql/plugin").display()))
        .arg(format!("--lc-messages-dir={}", root.join("usr/share/mysql").display()))
        .arg(format!("--character-sets-dir={}", root.join("usr/share/mysql/charsets").display()))
        .args(SMALL);
    command
}

pub(super) fn initialize(data: &Path) -> Result<(), ServerError> {
    let folder = data.parent().unwrap_or(data);
    let mut command = mysqld();
    command
        .arg("--initialize-insecure")
        .arg(format!("--user={}", setup::user()))
        .env("TMPDIR", folder)
        .arg(format!("--datadir={}", data.display()));
    setup::run("mysqld --initialize-insecure", command)
}

/// Memory is small and nothing waits for the disk: the data survives kill -9, not a power cut.
pub(super) fn command() -> Command {
    let mut command = mysqld();
    command.args([
        "--mysqlx=OFF",
        "--sync-binlog=0",
        "--performance-schema=OFF",
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
        "--log-bin=bin",
        "--session-track-gtids=OWN_GTID",
        "--replica-net-timeout=4",
        "--max-connections=500",
        "--table-open-cache=400",
        "--max-allowed-packet=64M",
        "--secure-file-priv=",
        "--local-infile=1",
    ]);
    command
}
