//! System calls of a process, counted by `perf stat` at the kernel's own tracepoint: it slows the
//! process by little, where strace would change what it measures.

use std::error::Error;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// For so long they are counted.
pub(super) const WINDOW: Duration = Duration::from_millis(800);

/// A count under way.
#[derive(Debug)]
pub(super) struct Count {
    child: Child,
}

impl Count {
    /// Of all threads of `pid`.
    pub(super) fn begin(pid: u32) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new("perf");
        command.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", &pid.to_string()]);
        command.args(["--", "sleep", &WINDOW.as_secs_f64().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command
            .spawn()
            .map_err(|error| format!("perf: {error} (tests/servers/install.sh perf)"))?;
        Ok(Self { child })
    }

    pub(super) fn end(self) -> Result<f64, Box<dyn Error>> {
        let output = self.child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        count(&text).ok_or_else(|| format!("perf stat: {}", text.trim()).into())
    }
}

/// The first field of the line that names the event.
fn count(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains("raw_syscalls:sys_enter"))?;
    line.split(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_perf_stat() {
        assert_eq!(count("12345,,raw_syscalls:sys_enter,800,100.00,,\n"), Some(12345.0));
        assert_eq!(count("<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n"), None);
        assert_eq!(count("event syntax error"), None);
    }
}
