//! What processes have used, as the kernel counts it.

use rustix::param::clock_ticks_per_second;
use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::io;
use std::time::Duration;

/// A reading of some processes, their threads and children included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system time: the run time of each thread, which `/proc` gives in nanoseconds, and
    /// of which utime and stime are the parts in ticks of 10 ms.
    pub(super) cpu: Duration,
    /// Resident memory, in KiB.
    pub(super) rss_kib: u64,
}

impl Usage {
    /// Of these processes and all below them.
    ///
    /// # Errors
    /// One of them has gone.
    pub(super) fn of(pids: &[u32]) -> io::Result<Self> {
        let mut all: BTreeSet<u32> = BTreeSet::new();
        let mut left = pids.to_vec();
        while let Some(pid) = left.pop() {
            if all.insert(pid) {
                left.extend(children(pid));
            }
        }
        let mut sum = Self::default();
        for pid in all {
            sum.cpu += cpu(pid)?;
            sum.rss_kib += rss_kib(&read_to_string(format!("/proc/{pid}/status"))?).unwrap_or(0);
        }
        Ok(sum)
    }
}

/// The children of a process, of all its threads; none where the kernel does not tell.
fn children(pid: u32) -> Vec<u32> {
    let tasks = read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| read_to_string(task.path().join("children")).ok());
    let parse = |list: String| list.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    lists.flat_map(|list| -> Vec<u32> { parse(list) }).collect()
}

fn cpu(pid: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for task in read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end just now.
        let Ok(text) = read_to_string(task?.path().join("schedstat")) else {
            return ticks(pid);
        };
        let ns = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
        sum += ns.map_or(Duration::ZERO, Duration::from_nanos);
    }
    Ok(sum)
}

/// utime and stime of `/proc/PID/stat`.
fn ticks(pid: u32) -> io::Result<Duration> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat"))?;
    Ok(Duration::from_millis(ticks * 1000 / clock_ticks_per_second()))
}

/// Fields 14 and 15 of proc(5)'s list. The second field, the program's name in parentheses, may
/// hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    (times.len() == 2).then(|| times.iter().sum())
}

fn rss_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time that a core has spent on all processes, without interrupts.
///
/// # Errors
/// `/proc/stat` is not as proc(5) has it.
pub(super) fn core_busy(core: usize) -> io::Result<Duration> {
    let stat = read_to_string("/proc/stat")?;
    let ticks = core_ticks(&stat, core).ok_or_else(|| io::Error::other("/proc/stat"))?;
    Ok(Duration::from_millis(ticks * 1000 / clock_ticks_per_second()))
}

/// user, nice and system of a core's line.
fn core_ticks(stat: &str, core: usize) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix(&format!("cpu{core} ")))?;
    let times: Vec<u64> = line.split_whitespace().take(3).map_while(|t| t.parse().ok()).collect();
    (times.len() == 3).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(30));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
        assert_eq!(rss_kib("Name:\ta\nVmRSS:\t   1234 kB\n"), Some(1234));
        let stat = "cpu  9 9 9 9\ncpu0 1 2 3 4\ncpu1 10 20 30 40 5 6\n";
        assert_eq!(core_ticks(stat, 1), Some(60));
        assert_eq!(core_ticks(stat, 2), None);
    }

    #[test]
    fn a_reading_of_oneself() {
        // The kernel counts in ticks: a process just begun may have had none.
        let usage = loop {
            let usage = Usage::of(&[std::process::id()]).unwrap();
            if usage.cpu > Duration::ZERO {
                break usage;
            }
        };
        assert!(usage.rss_kib > 0);
        assert!(core_busy(0).unwrap() > Duration::ZERO);
    }
}
