//! A scenario's table.

use super::figures::{median, number, summary};
use super::stage::Stage;
use crate::table::Table;

/// Columns that show median and range, where a scenario has them: figure and head.
const COLUMNS: [(&str, &str); 15] = [
    ("rate", "per second"),
    ("p50", "p50 µs"),
    ("p99", "p99 µs"),
    ("p99.9", "p99.9 µs"),
    ("cpu", "CPU µs/query"),
    ("db-cpu", "database µs/query"),
    ("gib-per-cpu-s", "GiB/CPU s"),
    ("rss", "RSS MiB"),
    ("calls", "calls/query"),
    ("kib-per-client", "KiB/client"),
    ("idle-percent", "% of a core"),
    ("fullest", "fullest/mean"),
    ("ns", "ns"),
    ("gb-per-s", "GB/s"),
    ("failed-tests", "tests that fail"),
];
/// Of these the ratio to HAProxy's is shown too.
const RATIOS: [&str; 2] = ["cpu", "gib-per-cpu-s"];

/// A scenario's medians, ranges and ratios.
pub(super) fn table(stage: &Stage<'_>, scenario: &str) -> Table {
    let columns: Vec<(&str, &str)> =
        COLUMNS.into_iter().filter(|(figure, _)| stage.figures.has(scenario, figure)).collect();
    let mut table = Table::new(&["engine"]);
    for (figure, head) in &columns {
        table.column(head);
        if is_ratio(stage, scenario, figure) {
            table.column("/ HAProxy");
        }
    }
    for subject in subjects(stage, scenario) {
        let mut cells = vec![subject.clone()];
        for (figure, _) in &columns {
            let values = stage.figures.values(scenario, &subject, figure);
            cells.push(summary(values));
            if is_ratio(stage, scenario, figure) {
                let haproxy = stage.figures.median(scenario, "haproxy", figure);
                let ratio = median(values).zip(haproxy).map(|(own, theirs)| number(own / theirs));
                cells.push(ratio.unwrap_or_else(|| "–".into()));
            }
        }
        table.row(cells);
    }
    table
}

fn is_ratio(stage: &Stage<'_>, scenario: &str, figure: &str) -> bool {
    RATIOS.contains(&figure) && stage.figures.median(scenario, "haproxy", figure).is_some()
}

/// Its subjects, in the order of the engines' ranks; benches after them.
pub(super) fn subjects(stage: &Stage<'_>, scenario: &str) -> Vec<String> {
    let rank = |subject: &str| {
        let named = |name: &str| subject == name || subject.starts_with(&format!("{name}-"));
        stage.engines.iter().position(|engine| named(&engine.name)).unwrap_or(usize::MAX)
    };
    let mut subjects = stage.figures.subjects(scenario);
    subjects.sort_by_key(|subject| rank(subject));
    subjects
}

/// Prints it, and what disturbed.
pub(super) fn print(stage: &Stage<'_>, scenario: &str) {
    print!("{}", table(stage, scenario));
    let foreign: Vec<f64> = subjects(stage, scenario)
        .iter()
        .flat_map(|subject| stage.figures.values(scenario, subject, "foreign").to_vec())
        .collect();
    if !foreign.is_empty() {
        println!("  others on the proxy's core: {} %", summary(&foreign));
    }
    println!();
}
