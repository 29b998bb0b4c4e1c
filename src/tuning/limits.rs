//! What Lanewire cannot run without: the kernel, its rings, and the process's limits.

use super::finding::{Finding, Item, Mend, Verdict};
use super::needs::Needs;
use super::system::{System, line_of, numbers, sysctl, text};

pub(super) static KERNEL: Item = Item {
    name: "kernel",
    advised: "6.1 or later",
    why: "a shard's ring needs deferred task work (6.1) and multishot receives (6.0)",
    mend: Mend::Text("install the distribution's current kernel"),
};
pub(super) static RING: Item = Item {
    name: "io_uring",
    advised: "usable",
    why: "each shard moves all its bytes through a ring",
    mend: Mend::Text("see the message"),
};
pub(super) static IO_URING_DISABLED: Item = Item {
    name: "kernel.io_uring_disabled",
    advised: "0",
    why: "1 leaves io_uring to root and one group, 2 to nobody",
    mend: Mend::Sysctl("0"),
};
pub(super) static MEMLOCK: Item = Item {
    name: "memlock",
    advised: "1 MiB a shard, 8 MiB at least",
    why: "rings and registered buffers count, of all processes of the account; without them a \
          shard dies at the start",
    mend: Mend::Text("LimitMEMLOCK=64M in the unit; ulimit -l 65536 in a shell"),
};
pub(super) static NOFILE: Item = Item {
    name: "nofile",
    advised: "one a client, all max-connections, 16 a shard",
    why: "further clients are refused, and the start fails without room for 512",
    mend: Mend::Text("LimitNOFILE=65536 in the unit"),
};
pub(super) static CONNTRACK: Item = Item {
    name: "net.netfilter.nf_conntrack_max",
    advised: "twice the clients and max-connections, or not loaded",
    why: "a full table drops the packets of new connections",
    mend: Mend::Sysctl("262144"),
};

/// Locked bytes of a shard, and of the process beside them: seen on Linux 6.18, where one shard
/// starts with 512 KiB and not with 496, two with 928 and not with 896.
const MEMLOCK_PER_SHARD: u64 = 416 * 1024;
const MEMLOCK_OWN: u64 = 96 * 1024;
const MIB: u64 = 1024 * 1024;
/// In the mask of effective capabilities: the holder's locked memory is not limited.
const CAP_IPC_LOCK: u64 = 1 << 14;

/// `ring` is what trying a ring came to: an error's text says how to mend it.
pub(super) fn examine(
    system: &dyn System,
    needs: &Needs,
    ring: &Result<(), String>,
) -> Vec<Finding> {
    vec![
        kernel(system, ring.is_ok()),
        match ring {
            Ok(()) => Finding::new(&RING, Verdict::Ok, "usable"),
            Err(error) => Finding::new(&RING, Verdict::Fails, "refused").mended_by(error.as_str()),
        },
        io_uring_disabled(system),
        memlock(system, needs),
        nofile(system, needs),
        conntrack(system, needs),
    ]
}

/// Distributions put newer rings into older kernels: whether one can be had decides.
fn kernel(system: &dyn System, has_ring: bool) -> Finding {
    let Some(release) = text(system, "/proc/sys/kernel/osrelease") else {
        return Finding::unknown(&KERNEL, "no /proc/sys/kernel/osrelease");
    };
    let parts = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let version: Vec<u32> = parts.take(2).map_while(Result::ok).collect();
    match version[..] {
        [major, minor] if (major, minor) >= (6, 1) => Finding::new(&KERNEL, Verdict::Ok, release),
        [_, _] if has_ring => Finding::new(&KERNEL, Verdict::Differs, release),
        [_, _] => Finding::new(&KERNEL, Verdict::Fails, release),
        _ => Finding::unknown(&KERNEL, release),
    }
}

fn io_uring_disabled(system: &dyn System) -> Finding {
    match sysctl(system, IO_URING_DISABLED.name) {
        None => Finding::new(&IO_URING_DISABLED, Verdict::Ok, "not there before 6.6"),
        Some(value) => Finding::judged(&IO_URING_DISABLED, value == "0", value),
    }
}

/// Soft and hard limit of `/proc/self/limits`; `u64::MAX`: unlimited.
fn limit(system: &dyn System, name: &str) -> Option<(u64, u64)> {
    let limits = system.read("/proc/self/limits")?;
    let words = line_of(&limits, name)?;
    let value = |word: &str| {
        if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() }
    };
    Some((value(words.first()?)?, value(words.get(1)?)?))
}

fn memlock(system: &dyn System, needs: &Needs) -> Finding {
    let Some((soft, _)) = limit(system, "Max locked memory") else {
        return Finding::unknown(&MEMLOCK, "no line in /proc/self/limits");
    };
    if soft == u64::MAX {
        return Finding::new(&MEMLOCK, Verdict::Ok, "unlimited");
    }
    let needed = (needs.shards() * MIB).max(8 * MIB);
    let found = format!("{} KiB", soft / 1024);
    if lock_unlimited(system) {
        return Finding::new(&MEMLOCK, Verdict::Ok, format!("{found}, lifted by CAP_IPC_LOCK"));
    }
    let verdict = match soft {
        _ if soft >= needed => Verdict::Ok,
        _ if soft >= MEMLOCK_OWN + needs.shards() * MEMLOCK_PER_SHARD => Verdict::Differs,
        _ => Verdict::Fails,
    };
    Finding::new(&MEMLOCK, verdict, found).needing(format!("{} KiB", needed / 1024))
}

fn lock_unlimited(system: &dyn System) -> bool {
    let status = system.read("/proc/self/status").unwrap_or_default();
    let mask = line_of(&status, "CapEff:").and_then(|words| words.first().copied());
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0) & CAP_IPC_LOCK != 0
}

fn nofile(system: &dyn System, needs: &Needs) -> Finding {
    let Some((_, hard)) = limit(system, "Max open files") else {
        return Finding::unknown(&NOFILE, "no line in /proc/self/limits");
    };
    let verdict = match hard {
        _ if hard >= needs.files() => Verdict::Ok,
        _ if hard >= needs.files_at_start() => Verdict::Differs,
        _ => Verdict::Fails,
    };
    let needed = needs.files().max(needs.files_at_start());
    let found = if hard == u64::MAX { "unlimited".to_owned() } else { hard.to_string() };
    Finding::new(&NOFILE, verdict, found)
        .needing(needed.to_string())
        .mended_by(format!("LimitNOFILE={} in the unit", needed.max(65536)))
}

fn conntrack(system: &dyn System, needs: &Needs) -> Finding {
    let Some(found) = sysctl(system, CONNTRACK.name) else {
        return Finding::new(&CONNTRACK, Verdict::Ok, "not loaded");
    };
    let needed = 2 * (needs.clients + needs.server_connections());
    let holds = numbers(&found).first().is_some_and(|max| *max >= needed);
    Finding::judged(&CONNTRACK, holds, found).needing(needed.to_string())
}
