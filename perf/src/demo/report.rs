//! The verdict, from counted facts.

use super::backends::{Backends, NAMES};
use super::tally::Tally;
use crate::load::{PERCENTILES, micros, percentile_name};
use crate::table::Table;
use std::collections::BTreeMap;

type Counters = BTreeMap<String, u64>;

const WRITES: [&str; 4] = ["Com_insert", "Com_update", "Com_delete", "Com_replace"];

pub(super) struct Report<'a> {
    pub(super) backends: &'a Backends,
    /// The servers' counters before the direct load, between the two, and after that through the
    /// proxy.
    pub(super) counters: [Vec<Counters>; 3],
    pub(super) direct: Tally,
    pub(super) through: Tally,
    pub(super) seed: u64,
}

impl Report<'_> {
    pub(super) fn print(&self) {
        println!("\nWhat each server counted while the load went through lanewire:");
        print!("{}", self.servers());
        println!("\nLatency with {} clients, in µs:", super::CLIENTS);
        print!("{}", self.latency());
        let reads = self.through.free_reads.iter().sum::<u64>();
        let bound = self.through.bound_reads.iter().sum::<u64>();
        println!(
            "\n{} statements through lanewire: {reads} reads outside transactions, {bound} reads \
             bound to the primary,\n{} writes, {} of them committed. Seed {}.",
            self.through.statements, self.through.writes, self.through.committed, self.seed
        );
        println!(
            "Misrouted: {} reads, {} writes (each read says who answered it; writes: the replicas' \
             counters,\nless what they applied).",
            self.through.misrouted_reads(),
            self.writes_on_replicas()
        );
        for (title, tally) in [("direct", &self.direct), ("through", &self.through)] {
            if let Some(error) = &tally.first_error {
                println!("{title}: {} errors; the first: {error}", tally.errors);
            }
        }
        if self.lost_writes() > 0 {
            println!(
                "{} writes were acknowledged and not counted by the primary",
                self.lost_writes()
            );
        }
        println!();
    }

    /// All went where it belongs, without an error.
    pub(super) fn is_right(&self) -> bool {
        let [on_primary, ..] = self.through.free_reads;
        let answered = self.through.free_reads.iter().sum::<u64>() - on_primary;
        self.misrouted() == 0
            && self.errors() == 0
            && answered > 0
            && self.reads_on_replicas() >= answered
            && self.writes(0) > 0
    }

    pub(super) fn last_line(&self, right: bool) -> String {
        format!(
            "demo: {} backend={} reads_on_replicas={} writes_on_primary={} misrouted={} errors={}",
            if right { "ok" } else { "failed" },
            self.backends.name(),
            self.reads_on_replicas(),
            self.writes(0),
            self.misrouted(),
            self.errors()
        )
    }

    /// How much a server's counter grew in a phase: 0 is direct, 1 is through the proxy.
    fn grown_in(&self, phase: usize, server: usize, counter: &str) -> u64 {
        let value = |at: usize| self.counters[at][server].get(counter).copied().unwrap_or(0);
        value(phase + 1).saturating_sub(value(phase))
    }

    fn grown(&self, server: usize, counter: &str) -> u64 {
        self.grown_in(1, server, counter)
    }

    /// Writes that a server got from clients. The counters of a replica also count what it applies,
    /// on most makes: the direct load, which no replica got from a client, shows which.
    fn writes(&self, server: usize) -> u64 {
        let counted = WRITES.iter().map(|counter| self.grown(server, counter)).sum::<u64>();
        counted.saturating_sub(self.applied(server))
    }

    /// Writes that a server's counters count because it applied them.
    fn applied(&self, server: usize) -> u64 {
        let direct = WRITES.iter().map(|counter| self.grown_in(0, server, counter)).sum::<u64>();
        if server > 0 && direct > 0 { self.through.committed } else { 0 }
    }

    fn writes_on_replicas(&self) -> u64 {
        (1..NAMES.len()).map(|server| self.writes(server)).sum()
    }

    fn reads_on_replicas(&self) -> u64 {
        (1..NAMES.len()).map(|server| self.grown(server, "Com_select")).sum()
    }

    fn misrouted(&self) -> u64 {
        self.through.misrouted_reads() + self.writes_on_replicas()
    }

    fn lost_writes(&self) -> u64 {
        self.through.writes.saturating_sub(self.writes(0))
    }

    fn errors(&self) -> u64 {
        self.direct.errors + self.through.errors + self.lost_writes()
    }

    fn servers(&self) -> Table {
        let head = [
            "server", "role", "address", "queries", "reads", "of all", "writes", "of all",
            "applied",
        ];
        let mut table = Table::new(&head);
        let all = |count: &dyn Fn(usize) -> u64| (0..NAMES.len()).map(count).sum::<u64>();
        let reads = |server| self.grown(server, "Com_select");
        let writes = |server| self.writes(server);
        for (server, (name, address)) in NAMES.iter().zip(self.backends.addresses()).enumerate() {
            table.row(vec![
                (*name).to_owned(),
                if server == 0 { "rw" } else { "ro" }.to_owned(),
                address,
                self.grown(server, "Questions").to_string(),
                reads(server).to_string(),
                percent(reads(server), all(&reads)),
                writes(server).to_string(),
                percent(writes(server), all(&writes)),
                self.applied(server).to_string(),
            ]);
        }
        table
    }

    fn latency(&self) -> Table {
        let mut table =
            Table::new(&["", "read direct", "through", "transaction direct", "through"]);
        let columns = [
            &self.direct.read_ns,
            &self.through.read_ns,
            &self.direct.transaction_ns,
            &self.through.transaction_ns,
        ];
        for percentile in PERCENTILES {
            let mut row = vec![percentile_name(percentile)];
            row.extend(columns.map(|histogram| micros(histogram.value_at_percentile(percentile))));
            table.row(row);
        }
        table
    }
}

fn percent(part: u64, all: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let share = part as f64 * 100.0 / all.max(1) as f64;
    format!("{share:.1}%")
}
