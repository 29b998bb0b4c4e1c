//! What a process has used, as the kernel counts it.

use rustix::param::clock_ticks_per_second;
use std::fs::read_to_string;
use std::io;
use std::time::Duration;

/// A reading of one process, all its threads and waited-for children included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system time.
    pub(super) cpu: Duration,
    /// Resident memory, in KiB.
    pub(super) rss_kib: u64,
}

impl Usage {
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let stat = read_to_string(format!("/proc/{pid}/stat"))?;
        let status = read_to_string(format!("/proc/{pid}/status"))?;
        let cpu = cpu_ticks(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat"))?;
        let rss_kib = rss_kib(&status).ok_or_else(|| io::Error::other("/proc/PID/status"))?;
        let seconds = Duration::from_millis(cpu * 1000 / clock_ticks_per_second());
        Ok(Self { cpu: seconds, rss_kib })
    }
}

/// utime, stime, cutime and cstime: fields 14 to 17 of proc(5)'s list. The second field, the
/// program's name in parentheses, may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> =
        fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

fn rss_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(100));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
        assert_eq!(rss_kib("Name:\ta\nVmRSS:\t   1234 kB\n"), Some(1234));
    }

    #[test]
    fn a_reading_of_oneself() {
        assert!(Usage::of(std::process::id()).unwrap().rss_kib > 0);
    }
}
