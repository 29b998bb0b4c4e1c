//! The table at the end.

use std::fmt;

/// Plain reads with autocommit on, which belong on replicas.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reads {
    pub(crate) all: usize,
    /// Through Lanewire.
    pub(crate) on_replicas: usize,
}

impl Reads {
    /// Some ran on the primary.
    pub(crate) const fn is_astray(self) -> bool {
        self.on_replicas < self.all
    }
}

/// A driver's line.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) driver: &'static str,
    pub(crate) cases: usize,
    /// Lines that differ.
    pub(crate) differences: usize,
    /// The program did not play its cases, whatever the proxy did.
    pub(crate) broken: bool,
    pub(crate) skipped: bool,
    pub(crate) reads: Reads,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn skipped(driver: &'static str, reason: String) -> Self {
        let note = format!("skipped: {reason}");
        let reads = Reads::default();
        Self { driver, cases: 0, differences: 0, broken: false, skipped: true, reads, note }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { driver, cases, differences, reads, note, .. } = self;
        if self.skipped {
            return write!(f, "{driver:<24} {:>5} {:>11} {:>10}  {note}", "-", "-", "-");
        }
        let reads = match reads {
            Reads { all: 0, .. } => "-".into(),
            Reads { all, on_replicas } => format!("{on_replicas}/{all}"),
        };
        write!(f, "{driver:<24} {cases:>5} {differences:>11} {reads:>10}  {note}")
    }
}

/// All rows with a head line.
pub(crate) fn text(rows: &[Row]) -> String {
    let head =
        format!("{:<24} {:>5} {:>11} {:>10}  note", "driver", "cases", "differences", "on replica");
    let lines = rows.iter().map(ToString::to_string);
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}
