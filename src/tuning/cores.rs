//! The shards' cores: what slows them, stops them, or is not for them.

use super::finding::{Finding, Item, Mend};
use super::needs::Needs;
use super::system::{System, core_list, number, sysctl, text};

pub(super) static SHARDS: Item = Item {
    name: "shards",
    advised: "cores left for a server on the same machine",
    why: "the server waits for the cores that the shards keep busy",
    mend: Mend::Text("shards or cores in [proxy]"),
};
pub(super) static POOL_SHARE: Item = Item {
    name: "pool share",
    advised: "4 connections a shard and server, or more",
    why: "a shard never borrows: its sessions wait while another's connections rest",
    mend: Mend::Text("fewer shards, or a larger max-connections"),
};
pub(super) static QUOTA: Item = Item {
    name: "cpu quota",
    advised: "none",
    why: "a shard that has used it stands still for the rest of 100 ms, with all its clients",
    mend: Mend::Text(
        "CPUQuota= (empty) in the unit, no --cpus for a container; AllowedCPUs= instead",
    ),
};
pub(super) static ISOLATED: Item = Item {
    name: "isolated cores",
    advised: "the shards', or none",
    why: "a process gets isolated cores only if it is told so: these stay idle",
    mend: Mend::Text("CPUAffinity= in the unit and cores in [proxy], both with the isolated cores"),
};
pub(super) static GOVERNOR: Item = Item {
    name: "frequency governor",
    advised: "performance",
    why: "a core that has rested begins slowly",
    mend: Mend::Text("cpupower frequency-set -g performance; to last: a tuned profile"),
};
pub(super) static IDLE_STATES: Item = Item {
    name: "idle states",
    advised: "left within 10 µs",
    why: "the first query after a rest waits until its core has woken",
    mend: Mend::Text("cpupower idle-set -D 11; to last: a tuned profile (network-latency)"),
};
pub(super) static CLOCK: Item = Item {
    name: "clock source",
    advised: "tsc, or the hypervisor's",
    why: "the time is read in each turn of a shard; other clocks take a system call each",
    mend: Mend::Text("boot with clocksource=tsc, and see why the kernel left it (dmesg)"),
};
pub(super) static NUMA_BALANCING: Item = Item {
    name: "kernel.numa_balancing",
    advised: "0 where there are several nodes",
    why: "shards do not move; the kernel unmaps their pages to learn that",
    mend: Mend::Sysctl("0"),
};

/// Connections to one server that a shard should have: below, sessions wait for each other.
const SHARE_MIN: u64 = 4;
/// Longest way out of an idle state, in microseconds.
const IDLE_EXIT_MAX_US: u64 = 10;
/// Clocks that are read without a system call.
const CLOCKS: [&str; 4] = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];

pub(super) fn examine(system: &dyn System, needs: &Needs) -> Vec<Finding> {
    vec![
        shards(needs),
        pool_share(needs),
        quota(system),
        isolated(system, needs),
        governor(system, needs),
        idle_states(system, needs),
        clock(system),
        numa_balancing(system),
    ]
}

fn shards(needs: &Needs) -> Finding {
    let local = needs.servers.iter().any(|server| server.local);
    let found = format!("{} on {} cores", needs.shards(), needs.cores_allowed);
    let holds = !local || needs.cores.len() < needs.cores_allowed;
    Finding::judged(&SHARDS, holds, found)
}

fn pool_share(needs: &Needs) -> Finding {
    let Some(least) = needs.servers.iter().min_by_key(|server| server.connections) else {
        return Finding::unknown(&POOL_SHARE, "no servers given");
    };
    let share = least.connections / needs.shards().max(1);
    let found = format!("{share} for {}", least.name);
    Finding::judged(&POOL_SHARE, share >= SHARE_MIN, found)
}

/// The tightest quota from the process's own group upwards, of either version of cgroups.
fn quota(system: &dyn System) -> Finding {
    let Some(groups) = system.read("/proc/self/cgroup") else {
        return Finding::unknown(&QUOTA, "no /proc/self/cgroup");
    };
    let mut found = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        for group in upwards(path) {
            let one = if controllers.is_empty() {
                text(system, &format!("/sys/fs/cgroup{group}/cpu.max"))
                    .and_then(|max| unified(&max))
            } else if controllers.split(',').any(|controller| controller == "cpu") {
                legacy(system, &format!("/sys/fs/cgroup/{controllers}{group}"))
            } else {
                None
            };
            found = found.into_iter().chain(one).min();
        }
    }
    match found {
        None => Finding::judged(&QUOTA, true, "none"),
        Some(percent) => Finding::judged(&QUOTA, false, format!("{percent}% of a core")),
    }
}

/// A group's path and those above it, the root's being empty.
fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path.trim_end_matches('/')), |path| {
        path.rfind('/').map(|end| path.split_at(end).0)
    })
}

/// `cpu.max`: quota or `max`, and period, in microseconds; in percent of a core.
fn unified(max: &str) -> Option<u64> {
    let (quota, period) = max.split_once(' ')?;
    percent(quota.parse().ok()?, period.parse().ok()?)
}

fn legacy(system: &dyn System, folder: &str) -> Option<u64> {
    // Without a quota the file says -1, which is no number here.
    let quota = number(system, &format!("{folder}/cpu.cfs_quota_us"))?;
    percent(quota, number(system, &format!("{folder}/cpu.cfs_period_us"))?)
}

fn percent(quota_us: u64, period_us: u64) -> Option<u64> {
    quota_us.checked_mul(100)?.checked_div(period_us)
}

fn isolated(system: &dyn System, needs: &Needs) -> Finding {
    let Some(found) = text(system, "/sys/devices/system/cpu/isolated") else {
        return Finding::unknown(&ISOLATED, "not told");
    };
    let cores = core_list(&found);
    if cores.is_empty() {
        return Finding::judged(&ISOLATED, true, "none");
    }
    let used = cores.iter().all(|core| needs.cores.contains(core));
    Finding::judged(&ISOLATED, used, found)
}

/// A file of each of the shards' cores; `None` where one has it not.
fn of_cores(system: &dyn System, needs: &Needs, file: &str) -> Option<Vec<String>> {
    let path = |core: &usize| format!("/sys/devices/system/cpu/cpu{core}/{file}");
    needs.cores.iter().map(|core| text(system, &path(core))).collect()
}

fn governor(system: &dyn System, needs: &Needs) -> Finding {
    let Some(mut found) = of_cores(system, needs, "cpufreq/scaling_governor") else {
        return Finding::unknown(&GOVERNOR, "not told, as in a virtual machine");
    };
    found.sort();
    found.dedup();
    Finding::judged(&GOVERNOR, found == ["performance"], found.join(", "))
}

fn idle_states(system: &dyn System, needs: &Needs) -> Finding {
    let latency = |core: usize| {
        let folder = format!("/sys/devices/system/cpu/cpu{core}/cpuidle");
        let enabled =
            |state: &String| number(system, &format!("{folder}/{state}/disable")).unwrap_or(0) == 0;
        let states = system.list(&folder).into_iter().filter(enabled);
        states.filter_map(|state| number(system, &format!("{folder}/{state}/latency"))).max()
    };
    let found: Option<Vec<u64>> = needs.cores.iter().map(|core| latency(*core)).collect();
    let Some(worst) = found.and_then(|found| found.into_iter().max()) else {
        return Finding::unknown(&IDLE_STATES, "not told, as in a virtual machine");
    };
    Finding::judged(&IDLE_STATES, worst <= IDLE_EXIT_MAX_US, format!("{worst} µs"))
}

fn clock(system: &dyn System) -> Finding {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    match text(system, path) {
        None => Finding::unknown(&CLOCK, "not told"),
        Some(found) => Finding::judged(&CLOCK, CLOCKS.contains(&found.as_str()), found),
    }
}

fn numa_balancing(system: &dyn System) -> Finding {
    let nodes = text(system, "/sys/devices/system/node/online").unwrap_or_default();
    let nodes = core_list(&nodes).len().max(1);
    match sysctl(system, NUMA_BALANCING.name) {
        _ if nodes == 1 => Finding::judged(&NUMA_BALANCING, true, "one node"),
        None => Finding::judged(&NUMA_BALANCING, true, "not built in"),
        Some(found) => {
            Finding::judged(&NUMA_BALANCING, found == "0", format!("{found}, {nodes} nodes"))
        }
    }
}
