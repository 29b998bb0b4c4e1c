//! The start-up check: what this machine lacks for `io_uring`, and how to mend it.

#![allow(unsafe_code)]

use std::io;

use io_uring::IoUring;
use thiserror::Error;

use super::buffers::Buffers;
use super::ring::Ring;

/// One thing that keeps the proxy from running, in a line that names its mend.
#[derive(Debug, Error)]
pub enum Missing {
    /// `ENOSYS`.
    #[error("io_uring: this kernel has none; Lanewire needs Linux 6.1 or later")]
    NoIoUring,
    /// `EPERM`.
    #[error(
        "io_uring is blocked (kernel.io_uring_disabled={sysctl}); run `sysctl \
         kernel.io_uring_disabled=0`, and allow the io_uring_* system calls in the container's \
         seccomp profile"
    )]
    Blocked {
        /// The sysctl's value, or `?`.
        sysctl: String,
    },
    /// `ENOMEM`.
    #[error(
        "io_uring: RLIMIT_MEMLOCK is {limit_kib} KiB, too low for the shards; raise it with \
         `ulimit -l 65536` or LimitMEMLOCK=64M in the systemd unit"
    )]
    LockedMemory {
        /// The soft limit.
        limit_kib: u64,
    },
    /// `EINVAL` for a flag or a registration.
    #[error("io_uring: kernel {release} is too old ({what}); Lanewire needs Linux 6.1 or later")]
    TooOld {
        /// `uname -r`.
        release: String,
        /// The operation it refused.
        what: &'static str,
    },
    /// Anything else.
    #[error("io_uring: {what} failed: {error}")]
    Other {
        /// The operation.
        what: &'static str,
        /// The kernel's answer.
        error: io::Error,
    },
    /// The hard limit of open files cannot hold the configured connections.
    #[error(
        "RLIMIT_NOFILE is {limit}, and {need} are needed for the configured connections; raise it \
         with `ulimit -n {need}` or LimitNOFILE={need} in the systemd unit"
    )]
    OpenFiles {
        /// The limit after raising soft to hard.
        limit: u64,
        /// What the settings ask for.
        need: u64,
    },
}

/// Tries what a shard will do, on a ring that is thrown away.
///
/// # Errors
/// The first thing that is missing.
pub fn probe() -> Result<(), Missing> {
    IoUring::new(8).map_err(|error| explain("io_uring_setup", error))?;
    let buffers = Buffers::new(8, 8, 4096).map_err(|error| explain("mmap", error))?;
    Ring::new(buffers)
        .map_err(|error| explain("single issuer, deferred work, buffer ring", error))?;
    Ok(())
}

/// What may have kept a shard from starting although [`probe`] went well: it locks more memory,
/// with each shard, than that one ring.
#[must_use]
pub fn low_on_locked_memory() -> Option<Missing> {
    const AMPLE: u64 = 64 << 20;
    let limit = limit(libc::RLIMIT_MEMLOCK).rlim_cur;
    (limit < AMPLE).then_some(Missing::LockedMemory { limit_kib: limit / 1024 })
}

fn explain(what: &'static str, error: io::Error) -> Missing {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => Missing::NoIoUring,
        Some(libc::EPERM | libc::EACCES) => Missing::Blocked { sysctl: sysctl() },
        Some(libc::ENOMEM) => {
            Missing::LockedMemory { limit_kib: limit(libc::RLIMIT_MEMLOCK).rlim_cur / 1024 }
        }
        Some(libc::EINVAL) => Missing::TooOld { release: release(), what },
        _ => Missing::Other { what, error },
    }
}

fn sysctl() -> String {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
        .map_or_else(|_| "?".to_owned(), |text| text.trim().to_owned())
}

fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn limit(resource: libc::__rlimit_resource_t) -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live, writable rlimit.
    unsafe { libc::getrlimit(resource, &raw mut limit) };
    limit
}

/// Raises the soft limit of open files to the hard one and checks it against `need`.
///
/// # Errors
/// [`Missing::OpenFiles`] when the hard limit is below `need`.
pub fn raise_file_limit(need: u64) -> Result<u64, Missing> {
    let mut files = limit(libc::RLIMIT_NOFILE);
    files.rlim_cur = files.rlim_max;
    // SAFETY: the pointer is to a live rlimit.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const files) };
    let limit = limit(libc::RLIMIT_NOFILE).rlim_cur;
    if limit < need { Err(Missing::OpenFiles { limit, need }) } else { Ok(limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_passes_or_is_told_why() {
        if let Err(missing) = probe() {
            assert!(missing.to_string().starts_with("io_uring"), "{missing}");
        }
    }

    #[test]
    fn each_errno_has_its_line() {
        let of = |errno| explain("x", io::Error::from_raw_os_error(errno)).to_string();
        assert!(of(libc::ENOSYS).contains("6.1"));
        assert!(of(libc::EPERM).contains("io_uring_disabled=0"));
        assert!(of(libc::ENOMEM).contains("LimitMEMLOCK"));
        assert!(of(libc::EINVAL).contains("too old"));
    }

    #[test]
    fn the_file_limit_is_checked() {
        assert!(raise_file_limit(1).is_ok());
        assert!(matches!(raise_file_limit(u64::MAX), Err(Missing::OpenFiles { .. })));
    }
}
