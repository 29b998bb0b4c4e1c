//! Files and programs of the set-up.

use super::ServerError;
use crate::process::describe;
use std::path::Path;
use std::process::{Command, Stdio};

/// The system's user that servers run as: ours. (`mysqld` wants to be told when that is root.)
pub(super) fn user() -> String {
    std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "root".into())
}

/// Runs a program to its end.
pub(super) fn run(what: &str, mut command: Command) -> Result<(), ServerError> {
    let output = command.stdin(Stdio::null()).output().map_err(ServerError::io(what))?;
    if output.status.success() {
        return Ok(());
    }
    let log = [output.stdout, output.stderr].concat();
    Err(ServerError::Ended {
        what: what.into(),
        end: describe(output.status),
        log: String::from_utf8_lossy(&log).into_owned(),
    })
}

/// Copies a folder with everything in it; `to` must not exist.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), ServerError> {
    let mut command = Command::new("cp");
    command.args(["-a", "--reflink=auto"]).arg(from).arg(to);
    run("cp", command)
}
