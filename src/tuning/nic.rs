//! The network cards: their queues, interrupts and nodes, and what the kernel dropped.

use std::collections::BTreeSet;

use super::finding::{Finding, Item, Mend, sysctl_mend};
use super::needs::Needs;
use super::system::{System, core_list, sysctl, text};

pub(super) static QUEUES: Item = Item {
    name: "receive queues",
    advised: "one a shard, or as many as the card has",
    why: "one core receives for all shards until it is full",
    mend: Mend::Text("ethtool -L CARD combined N; rps_cpus where the card has but one"),
};
pub(super) static INTERRUPTS: Item = Item {
    name: "card interrupts",
    advised: "a core of its own for each queue",
    why: "queues that share a core share its time",
    mend: Mend::Text(
        "stop irqbalance, or ban it from these; echo CORE > /proc/irq/N/smp_affinity_list",
    ),
};
pub(super) static TRANSMIT: Item = Item {
    name: "transmit steering (XPS)",
    advised: "each core to a queue",
    why: "cores that send by one queue wait for its lock",
    mend: Mend::Text("echo MASK > /sys/class/net/CARD/queues/tx-N/xps_cpus"),
};
pub(super) static NODE: Item = Item {
    name: "card's node",
    advised: "the shards' cores on it",
    why: "each packet crosses between the nodes' memories",
    mend: Mend::Text("cores in [proxy], of this node: /sys/devices/system/node/nodeN/cpulist"),
};
pub(super) static BACKLOG_DROPS: Item = Item {
    name: "backlog drops",
    advised: "less than 1 in 1000000 packets",
    why: "packets were lost since the start, at net.core.netdev_max_backlog",
    mend: Mend::Text("raise net.core.netdev_max_backlog while it grows"),
};
pub(super) static BUDGET: Item = Item {
    name: "netdev budget",
    advised: "exhausted less than once in 10000 packets",
    why: "packets wait for another round of the soft interrupt",
    mend: Mend::Text("raise net.core.netdev_budget and netdev_budget_usecs while it grows"),
};

/// Packets among which one that is dropped is too many.
const PACKETS_PER_DROP: u64 = 1_000_000;
/// Packets among which one exhausted budget is too many.
const PACKETS_PER_SQUEEZE: u64 = 10_000;

pub(super) fn examine(system: &dyn System, needs: &Needs) -> Vec<Finding> {
    let mut cards: Vec<String> = system.list("/sys/class/net");
    cards.retain(|card| is_card(system, card));
    cards.sort();
    let mut findings = Vec::new();
    if cards.is_empty() {
        let items = [&QUEUES, &INTERRUPTS, &TRANSMIT, &NODE];
        findings.extend(items.map(|item| Finding::unknown(item, "no card is up")));
    }
    for card in cards {
        findings.push(queues(system, needs, &card));
        findings.push(interrupts(system, needs, &card));
        findings.push(transmit(system, &card));
        findings.push(node(system, needs, &card));
    }
    findings.extend(softnet(system));
    findings
}

/// A device of its own that is up: no bridge, tunnel or loopback.
fn is_card(system: &dyn System, card: &str) -> bool {
    let is = |file| text(system, &format!("/sys/class/net/{card}/{file}"));
    is("device/uevent").is_some() && is("operstate").as_deref() == Some("up")
}

/// The card's queues of a kind, `rx` or `tx`.
fn queue_names(system: &dyn System, card: &str, kind: &str) -> Vec<String> {
    let mut names = system.list(&format!("/sys/class/net/{card}/queues"));
    names.retain(|name| name.starts_with(kind));
    names
}

/// Whether a mask of cores such as `00000000,00000003` names one.
fn any_core(mask: &str) -> bool {
    mask.chars().any(|c| c.is_ascii_hexdigit() && c != '0')
}

fn queues(system: &dyn System, needs: &Needs, card: &str) -> Finding {
    let names = queue_names(system, card, "rx-");
    if names.is_empty() {
        return Finding::unknown(&QUEUES, format!("{card}: none told"));
    }
    let steered = names.iter().any(|name| {
        text(system, &format!("/sys/class/net/{card}/queues/{name}/rps_cpus"))
            .is_some_and(|mask| any_core(&mask))
    });
    let spread = if steered { ", spread by RPS" } else { "" };
    let shards = needs.shards();
    let holds = steered || names.len() as u64 >= shards;
    Finding::judged(&QUEUES, holds, format!("{card}: {}{spread}", names.len()))
        .needing(shards.to_string())
        .mended_by(format!(
            "ethtool -L {card} combined {shards}; where the card has but one: echo MASK > \
             /sys/class/net/{card}/queues/rx-0/rps_cpus"
        ))
}

/// The cores that take the card's interrupts; a virtio card has them one device further up.
fn interrupts(system: &dyn System, needs: &Needs, card: &str) -> Finding {
    let folder = |up| format!("/sys/class/net/{card}/device/{up}msi_irqs");
    let mut numbers = system.list(&folder(""));
    if numbers.is_empty() {
        numbers = system.list(&folder("../"));
    }
    let of = |number: &String| {
        text(system, &format!("/proc/irq/{number}/effective_affinity_list"))
            .and_then(|list| core_list(&list).first().copied())
    };
    let cores: BTreeSet<usize> = numbers.iter().filter_map(of).collect();
    if cores.is_empty() {
        return Finding::unknown(&INTERRUPTS, format!("{card}: not told"));
    }
    let queues = queue_names(system, card, "rx-").len();
    let needed = queues.min(needs.cores_allowed).max(1);
    let found = format!("{card}: interrupts {}, cores {}", numbers.len(), cores.len());
    Finding::judged(&INTERRUPTS, cores.len() >= needed, found).needing(format!("cores {needed}"))
}

fn transmit(system: &dyn System, card: &str) -> Finding {
    let names = queue_names(system, card, "tx-");
    if names.len() <= 1 {
        return Finding::judged(&TRANSMIT, true, format!("{card}: one queue"));
    }
    let mask =
        |name: &String| text(system, &format!("/sys/class/net/{card}/queues/{name}/xps_cpus"));
    let masks: Option<Vec<String>> = names.iter().map(mask).collect();
    let Some(masks) = masks else {
        return Finding::unknown(&TRANSMIT, format!("{card}: not told"));
    };
    let set = masks.iter().filter(|mask| any_core(mask)).count();
    let found = format!("{card}: {set} of {} queues", masks.len());
    Finding::judged(&TRANSMIT, set > 0, found)
}

fn node(system: &dyn System, needs: &Needs, card: &str) -> Finding {
    let nodes = text(system, "/sys/devices/system/node/online").unwrap_or_default();
    if core_list(&nodes).len() <= 1 {
        return Finding::judged(&NODE, true, format!("{card}: one node"));
    }
    let number = text(system, &format!("/sys/class/net/{card}/device/numa_node"));
    let Some(number) = number.filter(|number| number != "-1") else {
        return Finding::unknown(&NODE, format!("{card}: not told"));
    };
    let near = text(system, &format!("/sys/devices/system/node/node{number}/cpulist"));
    let near = core_list(&near.unwrap_or_default());
    let far = needs.cores.iter().filter(|core| !near.contains(core)).count();
    Finding::judged(&NODE, far == 0, format!("{card}: node {number}, {far} shards elsewhere"))
}

/// Sums over the cores of `/proc/net/softnet_stat`: packets, drops, exhausted budgets.
fn softnet(system: &dyn System) -> [Finding; 2] {
    let Some(text) = system.read("/proc/net/softnet_stat") else {
        return [&BACKLOG_DROPS, &BUDGET].map(|item| Finding::unknown(item, "not told"));
    };
    let mut sums = [0_u64; 3];
    for line in text.lines() {
        for (sum, word) in sums.iter_mut().zip(line.split_whitespace()) {
            *sum = sum.saturating_add(u64::from_str_radix(word, 16).unwrap_or(0));
        }
    }
    let [packets, drops, squeezes] = sums;
    let twice = |name: &str| {
        let value = sysctl(system, name).and_then(|value| value.parse::<u64>().ok());
        sysctl_mend(name, &value.map_or("?".to_owned(), |value| (2 * value).to_string()))
    };
    let rare = |count: u64, among: u64| count.saturating_mul(among) <= packets;
    [
        Finding::judged(
            &BACKLOG_DROPS,
            rare(drops, PACKETS_PER_DROP),
            format!("{drops} of {packets} packets"),
        )
        .mended_by(twice("net.core.netdev_max_backlog")),
        Finding::judged(
            &BUDGET,
            rare(squeezes, PACKETS_PER_SQUEEZE),
            format!("{squeezes} in {packets} packets"),
        )
        .mended_by(twice("net.core.netdev_budget")),
    ]
}
