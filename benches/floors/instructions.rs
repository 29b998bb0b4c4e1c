//! How many instructions the cases take.
//!
//! Each case runs twice under callgrind, few times and more times; the difference is what the runs
//! between cost, to the digit, whatever else the machine does. A case that takes over 3% more than
//! `benches/instructions.toml` says fails; with `--accept` what was counted is written there instead.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::cases;

const BASELINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.toml");
/// Runs of a case before those that are counted, and with them.
const RUNS: [u32; 2] = [10, 60];
/// Growth that fails, as a part.
const GROWTH_MAX: f64 = 0.03;
/// Fewer instructions than this more never fail: a small case is not worth a compiler's whim.
const SLACK: f64 = 3.0;

/// Counts all cases; `true` when none has grown.
pub(super) fn compare(accept: bool) -> Result<bool, String> {
    let baselines = baselines()?;
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let mut counted = format!(
        "# Instructions of one run, by callgrind; written by `make bench ACCEPT=1`.\n# {}\n",
        compiler.unwrap_or_default()
    );
    let mut grown = 0;
    println!("{:<32} {:>12} {:>12} {:>8}", "case", "instructions", "baseline", "change");
    for name in cases::NAMES {
        let count = instructions(name)?;
        // Writing to a string cannot fail.
        let _ = writeln!(counted, "{name} = {count:.1}");
        let Some(before) = baselines.get(name) else {
            println!("{name:<32} {count:>12.1} {:>12} {:>8}", "-", "new");
            continue;
        };
        let change = (count - before) / before;
        let fails = change > GROWTH_MAX && count - before > SLACK;
        grown += u32::from(fails);
        let mark = if fails { "  GROWN" } else { "" };
        println!("{name:<32} {count:>12.1} {before:>12.1} {:>7.1}%{mark}", 100.0 * change);
    }
    if accept {
        std::fs::write(BASELINES, counted).map_err(|error| format!("{BASELINES}: {error}"))?;
    }
    println!("instructions: {} cases={} grown={grown}", word(grown == 0), cases::NAMES.len());
    Ok(grown == 0 || accept)
}

const fn word(right: bool) -> &'static str {
    if right { "ok" } else { "failed" }
}

/// Name and count of each line; none where there is no file.
fn baselines() -> Result<BTreeMap<String, f64>, String> {
    if !Path::new(BASELINES).exists() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(BASELINES).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| format!("{BASELINES}: {error}"))
}

/// Of one run of a case.
fn instructions(name: &str) -> Result<f64, String> {
    let [few, many] = RUNS;
    let (less, more) = (collected(name, few)?, collected(name, many)?);
    Ok((more - less) / f64::from(many - few))
}

/// What callgrind counts of this program with so many runs of a case.
fn collected(name: &str, runs: u32) -> Result<f64, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--run", name, &runs.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error} (tests/servers/install.sh valgrind)"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = line.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| format!("callgrind: {name}: {text}"))
}
