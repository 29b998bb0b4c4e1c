//! The kernel's settings and counters of TCP.

use super::finding::{Finding, Item, Mend, sysctl_mend};
use super::needs::Needs;
use super::system::{System, numbers, sysctl};

pub(super) static SOMAXCONN: Item = Item {
    name: "net.core.somaxconn",
    advised: "4096 or more",
    why: "it cuts the listeners' queues; beyond them a connect waits a second and more",
    mend: Mend::Sysctl("4096"),
};
pub(super) static SYNCOOKIES: Item = Item {
    name: "net.ipv4.tcp_syncookies",
    advised: "1",
    why: "without cookies a burst of connects meets net.ipv4.tcp_max_syn_backlog",
    mend: Mend::Sysctl("1"),
};
pub(super) static LISTEN_OVERFLOWS: Item = Item {
    name: "listen queue overflows",
    advised: "0",
    why: "clients were kept waiting since this machine started, of whichever listener",
    mend: Mend::Text(
        "more shards, or a pool in the application; `nstat -az TcpExtListenOverflows` tells \
         whether it grows",
    ),
};
pub(super) static PORT_RANGE: Item = Item {
    name: "net.ipv4.ip_local_port_range",
    advised: "28232 ports, or 4 for each of a server's max-connections",
    why: "a server connection has a port of its own, for a minute after its end too",
    mend: Mend::Sysctl("10240 65535"),
};
pub(super) static RMEM: Item = Item {
    name: "net.ipv4.tcp_rmem",
    advised: "a third number of 4194304 or more",
    why: "a large result comes no faster than this much in each round trip",
    mend: Mend::Sysctl("4096 131072 6291456"),
};
pub(super) static WMEM: Item = Item {
    name: "net.ipv4.tcp_wmem",
    advised: "a third number of 4194304 or more",
    why: "a large result leaves no faster than this much in each round trip",
    mend: Mend::Sysctl("4096 16384 4194304"),
};
pub(super) static SLOW_START: Item = Item {
    name: "net.ipv4.tcp_slow_start_after_idle",
    advised: "0",
    why: "a connection that rested sends its next large result or statement from a small window",
    mend: Mend::Sysctl("0"),
};

/// Ports of the kernel's default range.
const PORTS: u64 = 28232;
const BUFFER_MAX_BYTES: u64 = 4_194_304;
/// The queue that the listeners ask for.
const BACKLOG: u64 = 4096;

pub(super) fn examine(system: &dyn System, needs: &Needs) -> Vec<Finding> {
    vec![
        numeric(system, &SOMAXCONN, |values| values.first() >= Some(&BACKLOG)),
        numeric(system, &SYNCOOKIES, |values| values.first() >= Some(&1)),
        listen_overflows(system),
        port_range(system, needs),
        numeric(system, &RMEM, |values| values.get(2) >= Some(&BUFFER_MAX_BYTES)),
        numeric(system, &WMEM, |values| values.get(2) >= Some(&BUFFER_MAX_BYTES)),
        numeric(system, &SLOW_START, |values| values.first() == Some(&0)),
    ]
}

/// Judges the numbers of the sysctl that the item is named after.
fn numeric(system: &dyn System, item: &'static Item, holds: impl Fn(&[u64]) -> bool) -> Finding {
    match sysctl(system, item.name) {
        None => Finding::unknown(item, "not there"),
        Some(found) => Finding::judged(item, holds(&numbers(&found)), found),
    }
}

fn listen_overflows(system: &dyn System) -> Finding {
    let count = system.read("/proc/net/netstat").and_then(|text| overflows(&text));
    match count {
        None => Finding::unknown(&LISTEN_OVERFLOWS, "not in /proc/net/netstat"),
        Some(count) => Finding::judged(&LISTEN_OVERFLOWS, count == 0, count.to_string()),
    }
}

/// `ListenOverflows` of `/proc/net/netstat`: a line of names, then one of their values.
fn overflows(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(name, _)| *name == "ListenOverflows")?.1.parse().ok()
}

fn port_range(system: &dyn System, needs: &Needs) -> Finding {
    let Some(found) = sysctl(system, PORT_RANGE.name) else {
        return Finding::unknown(&PORT_RANGE, "not there");
    };
    let most = needs.servers.iter().filter(|server| server.tcp).map(|server| server.connections);
    let needed = (4 * most.max().unwrap_or(0)).max(PORTS);
    let ports = match numbers(&found)[..] {
        [first, last] if last >= first => last - first + 1,
        _ => return Finding::unknown(&PORT_RANGE, found),
    };
    let finding = Finding::judged(&PORT_RANGE, ports >= needed, format!("{found}, {ports} ports"));
    // More than there are: only a second address of the server or of this machine gives them.
    let finding = if needed > 55_296 {
        finding.mended_by(format!(
            "{}, and the server under a second address or port",
            sysctl_mend(PORT_RANGE.name, "10240 65535")
        ))
    } else {
        finding
    };
    finding.needing(format!("{needed} ports"))
}
