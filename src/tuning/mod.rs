//! What the machine should be like, as `tuning.md` advises, against what it is.
//!
//! Nothing here opens a file: a [`System`] reads what is asked for by path, [`Needs`] are the
//! configuration's sizes, [`Finding`]s come out. A test compares every [`Item`] with the guide.

mod cores;
mod finding;
mod limits;
mod needs;
mod nic;
mod system;
mod tcp;

use std::fmt;

pub use finding::{Finding, Item, Mend, Verdict};
pub use needs::{Needs, ServerNeeds};
pub use system::System;

/// Everything that is looked at, in the order of the report.
pub static ITEMS: [&Item; 27] = [
    &limits::KERNEL,
    &limits::RING,
    &limits::IO_URING_DISABLED,
    &limits::MEMLOCK,
    &limits::NOFILE,
    &limits::CONNTRACK,
    &tcp::SOMAXCONN,
    &tcp::SYNCOOKIES,
    &tcp::LISTEN_OVERFLOWS,
    &tcp::PORT_RANGE,
    &tcp::RMEM,
    &tcp::WMEM,
    &tcp::SLOW_START,
    &cores::SHARDS,
    &cores::POOL_SHARE,
    &cores::QUOTA,
    &cores::ISOLATED,
    &cores::GOVERNOR,
    &cores::IDLE_STATES,
    &cores::CLOCK,
    &cores::NUMA_BALANCING,
    &nic::QUEUES,
    &nic::INTERRUPTS,
    &nic::TRANSMIT,
    &nic::NODE,
    &nic::BACKLOG_DROPS,
    &nic::BUDGET,
];

/// All findings; its `Display` form is a line for each, and a last one that sums up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report(Vec<Finding>);

/// Looks at everything. `ring` is what trying an `io_uring` came to; an error's text says how it
/// is mended.
#[must_use]
pub fn examine(system: &dyn System, needs: &Needs, ring: &Result<(), String>) -> Report {
    let mut findings = limits::examine(system, needs, ring);
    findings.extend(tcp::examine(system, needs));
    findings.extend(cores::examine(system, needs));
    findings.extend(nic::examine(system, needs));
    Report(findings)
}

impl Report {
    /// Each item's finding; of a network card's items, one for each card.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0
    }

    /// Whether Lanewire starts, and serves what its settings say.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.failing().next().is_none()
    }

    fn failing(&self) -> impl Iterator<Item = &'static str> {
        let failing = self.0.iter().filter(|finding| finding.verdict == Verdict::Fails);
        failing.map(|finding| finding.item.name)
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        let [ok, differ, unknown] =
            [Verdict::Ok, Verdict::Differs, Verdict::Unknown].map(|verdict| self.count(verdict));
        write!(f, "tuning: {ok} ok, {differ} differ, {unknown} unknown; ")?;
        let failing: Vec<&str> = self.failing().collect();
        match failing.is_empty() {
            true => write!(f, "Lanewire runs here (tuning.md explains each)"),
            false => write!(f, "Lanewire does not run here: {}", failing.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;
