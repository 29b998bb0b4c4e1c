//! A progress bar on a terminal; elsewhere a line at the end only.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

const WIDTH: usize = 40;

pub(super) struct Progress {
    title: &'static str,
    total: Duration,
    terminal: bool,
}

impl Progress {
    pub(super) fn new(title: &'static str, total: Duration) -> Self {
        Self { title, total, terminal: stderr().is_terminal() }
    }

    pub(super) fn show(&self, elapsed: Duration, statements: u64) {
        if self.terminal {
            eprint!("\r{}", self.line(elapsed, statements));
            let _ = stderr().flush();
        }
    }

    pub(super) fn end(&self, statements: u64) {
        let start = if self.terminal { "\r" } else { "" };
        eprintln!("{start}{}", self.line(self.total, statements));
    }

    fn line(&self, elapsed: Duration, statements: u64) -> String {
        let part = elapsed.min(self.total).as_millis() * WIDTH as u128;
        let full = usize::try_from(part / self.total.as_millis().max(1)).unwrap_or(WIDTH);
        format!(
            "{:<8} [{}{}] {:>3} s  {statements} statements",
            self.title,
            "#".repeat(full),
            ".".repeat(WIDTH - full),
            elapsed.min(self.total).as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        let bar = Progress { title: "x", total: Duration::from_secs(10), terminal: false };
        assert!(bar.line(Duration::ZERO, 0).contains(&".".repeat(WIDTH)));
        assert!(bar.line(Duration::from_secs(5), 7).contains("####."));
        assert!(bar.line(Duration::from_secs(99), 7).contains(&"#".repeat(WIDTH)));
    }
}
