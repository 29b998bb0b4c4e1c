use std::collections::BTreeMap;

use super::*;

/// Files of a machine; folders are what their paths make them.
#[derive(Clone, Default)]
struct Recorded(BTreeMap<String, String>);

impl Recorded {
    /// A virtual machine of two cores (Linux 6.18, one virtio card), as it showed itself.
    fn virtual_machine() -> Self {
        let mut files = BTreeMap::new();
        for part in include_str!("recorded/virtual.txt").split("== ").skip(1) {
            let (path, text) = part.split_once('\n').expect("a path on a line of its own");
            files.insert(path.to_owned(), text.to_owned());
        }
        Self(files)
    }

    /// What a machine of two nodes and four cores adds: a card of four queues on the first.
    fn two_nodes() -> Self {
        let mut machine = Self::virtual_machine();
        machine.0.retain(|path, _| !path.contains("/eth0/") && !path.contains("/irq/"));
        machine.set("/sys/devices/system/node/online", "0-1");
        machine.set("/sys/devices/system/node/node0/cpulist", "0-1");
        machine.set("/sys/devices/system/node/node1/cpulist", "2-3");
        machine.set("/proc/sys/kernel/numa_balancing", "1");
        machine.set("/sys/class/net/ens1/operstate", "up");
        machine.set("/sys/class/net/ens1/device/uevent", "DRIVER=ice");
        machine.set("/sys/class/net/ens1/device/numa_node", "0");
        for n in 0..4 {
            let queues = "/sys/class/net/ens1/queues";
            machine.set(&format!("{queues}/rx-{n}/rps_cpus"), "00000000,00000000");
            machine
                .set(&format!("{queues}/tx-{n}/xps_cpus"), &format!("00000000,0000000{}", 1 << n));
            machine.set(&format!("/sys/class/net/ens1/device/msi_irqs/{}", 60 + n), "msix");
            machine.set(&format!("/proc/irq/{}/effective_affinity_list", 60 + n), &n.to_string());
            let cpu = format!("/sys/devices/system/cpu/cpu{n}");
            machine.set(&format!("{cpu}/cpufreq/scaling_governor"), "performance");
            for (state, latency) in [("state0", "0"), ("state1", "2"), ("state2", "170")] {
                machine.set(&format!("{cpu}/cpuidle/{state}/latency"), latency);
                machine.set(&format!("{cpu}/cpuidle/{state}/disable"), "0");
            }
        }
        machine
    }

    fn set(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), format!("{text}\n"));
    }

    fn with(mut self, path: &str, text: &str) -> Self {
        self.set(path, text);
        self
    }

    fn without(mut self, path: &str) -> Self {
        assert!(self.0.remove(path).is_some(), "{path}");
        self
    }
}

impl System for Recorded {
    fn read(&self, path: &str) -> Option<String> {
        self.0.get(path).cloned()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let inside = self.0.keys().filter_map(|file| file.strip_prefix(path)?.strip_prefix('/'));
        let mut names: Vec<String> =
            inside.map(|rest| rest.split('/').next().unwrap_or(rest).to_owned()).collect();
        names.dedup();
        names
    }
}

fn server(name: &str, connections: u64) -> ServerNeeds {
    ServerNeeds { name: name.to_owned(), connections, local: false, tcp: true }
}

fn needs(shards: usize) -> Needs {
    Needs {
        cores: (0..shards).collect(),
        cores_allowed: 4,
        clients: 10_000,
        servers: vec![server("db1", 100), server("db2", 100)],
    }
}

fn look(machine: &Recorded, needs: &Needs) -> Report {
    examine(machine, needs, &Ok(()))
}

/// The line of the item, without its blanks.
fn line(report: &Report, name: &str) -> String {
    let finding = report.findings().iter().find(|finding| finding.item.name == name);
    let text = finding.map(ToString::to_string).expect("each item has a finding");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn verdict(report: &Report, name: &str) -> Verdict {
    let finding = report.findings().iter().find(|finding| finding.item.name == name);
    finding.expect("each item has a finding").verdict
}

#[test]
fn a_virtual_machine() {
    let report = look(&Recorded::virtual_machine(), &needs(2));
    assert!(report.runs());
    for (name, expected) in [
        ("kernel", "ok kernel 6.18.44; advised: 6.1 or later"),
        ("io_uring", "ok io_uring usable; advised: usable"),
        ("kernel.io_uring_disabled", "ok kernel.io_uring_disabled 0; advised: 0"),
        ("net.core.somaxconn", "ok net.core.somaxconn 4096; advised: 4096 or more"),
        ("cpu quota", "ok cpu quota none; advised: none"),
        ("isolated cores", "ok isolated cores none; advised: the shards', or none"),
        ("clock source", "ok clock source tsc; advised: tsc, or the hypervisor's"),
        (
            "transmit steering (XPS)",
            "ok transmit steering (XPS) eth0: one queue; advised: each core to a queue",
        ),
    ] {
        assert_eq!(line(&report, name), expected);
    }
    let slow_start = line(&report, "net.ipv4.tcp_slow_start_after_idle");
    let mend = ": sysctl -w 'net.ipv4.tcp_slow_start_after_idle=0' && echo \
                'net.ipv4.tcp_slow_start_after_idle = 0' >> /etc/sysctl.d/90-lanewire.conf";
    assert!(slow_start.starts_with("differs ") && slow_start.ends_with(mend), "{slow_start}");
    let memlock = line(&report, "memlock");
    assert!(memlock.contains(" 8192 KiB") && memlock.contains("CAP_IPC_LOCK"), "{memlock}");
    let files = line(&report, "nofile");
    assert!(files.contains(" 20000; advised: 10232 (one a client"), "{files}");
    let queues = line(&report, "receive queues");
    assert!(queues.starts_with("differs receive queues eth0: 1; advised: 2 (one"), "{queues}");
    let interrupts = line(&report, "card interrupts");
    assert!(
        interrupts.starts_with("ok card interrupts eth0: interrupts 3, cores 2;"),
        "{interrupts}"
    );
    for name in ["frequency governor", "idle states"] {
        assert_eq!(verdict(&report, name), Verdict::Unknown, "{name}");
    }
}

#[test]
fn each_item_has_its_finding() {
    let report = look(&Recorded::virtual_machine(), &needs(2));
    let names: Vec<&str> = report.findings().iter().map(|finding| finding.item.name).collect();
    let items: Vec<&str> = ITEMS.iter().map(|item| item.name).collect();
    assert_eq!(names, items);
    let nothing = look(&Recorded::default(), &needs(2));
    assert_eq!(nothing.findings().len(), ITEMS.len());
    assert!(nothing.runs(), "what is not told does not stop Lanewire");
    let unknown = nothing.findings().iter().filter(|f| f.verdict == Verdict::Unknown).count();
    assert_eq!(unknown, ITEMS.len() - 6, "{nothing}");
}

#[test]
fn two_nodes_and_a_card_of_four_queues() {
    let report = look(&Recorded::two_nodes(), &needs(4));
    for name in
        ["receive queues", "card interrupts", "transmit steering (XPS)", "frequency governor"]
    {
        assert_eq!(verdict(&report, name), Verdict::Ok, "{}", line(&report, name));
    }
    let node = line(&report, "card's node");
    assert!(node.starts_with("differs card's node ens1: node 0, 2 shards elsewhere;"), "{node}");
    assert!(
        line(&report, "kernel.numa_balancing")
            .starts_with("differs kernel.numa_balancing 1, 2 nodes")
    );
    assert!(line(&report, "idle states").starts_with("differs idle states 170 µs;"));
    let near = Needs { cores: vec![0, 1], ..needs(2) };
    let mut machine = Recorded::two_nodes();
    for core in 0..2 {
        machine.set(&format!("/sys/devices/system/cpu/cpu{core}/cpuidle/state2/disable"), "1");
    }
    let report = look(&machine, &near);
    assert_eq!(verdict(&report, "card's node"), Verdict::Ok);
    assert_eq!(verdict(&report, "idle states"), Verdict::Ok);
}

#[test]
fn queues_that_share_a_core_or_are_too_few() {
    let mut machine = Recorded::two_nodes();
    for n in 0..4 {
        machine.set(&format!("/proc/irq/{}/effective_affinity_list", 60 + n), "3");
        machine.set(&format!("/sys/class/net/ens1/queues/tx-{n}/xps_cpus"), "00000000,00000000");
    }
    let report = look(&machine, &needs(4));
    let interrupts = line(&report, "card interrupts");
    assert!(
        interrupts
            .starts_with("differs card interrupts ens1: interrupts 4, cores 1; advised: cores 4 ("),
        "{interrupts}"
    );
    assert!(line(&report, "transmit steering (XPS)").contains("ens1: 0 of 4 queues"));
    let few = Recorded::two_nodes();
    let report = look(&few, &Needs { cores: (0..8).collect(), ..needs(8) });
    let queues = line(&report, "receive queues");
    assert!(queues.contains("ethtool -L ens1 combined 8"), "{queues}");
    let steered = few.with("/sys/class/net/ens1/queues/rx-0/rps_cpus", "00000000,000000ff");
    let report = look(&steered, &needs(8));
    assert_eq!(verdict(&report, "receive queues"), Verdict::Ok);
}

#[test]
fn what_stops_lanewire() {
    let good = Recorded::virtual_machine();
    let limits = |memlock: &str, files: &str| {
        format!(
            "Max open files            1024   {files}   files\nMax locked memory         {memlock}   {memlock}   bytes"
        )
    };
    let user = || good.clone().with("/proc/self/status", "CapEff:\t0000000000000000");
    let stops = |machine: &Recorded, name: &str| {
        let report = look(machine, &needs(2));
        assert_eq!(verdict(&report, name), Verdict::Fails, "{}", line(&report, name));
        let text = report.to_string();
        assert!(text.ends_with(&format!("Lanewire does not run here: {name}")), "{text}");
    };
    stops(&user().with("/proc/self/limits", &limits("917504", "20000")), "memlock");
    stops(&good.clone().with("/proc/self/limits", &limits("8388608", "743")), "nofile");
    let report = examine(&good, &needs(2), &Err("io_uring is blocked; do this".to_owned()));
    assert!(!report.runs());
    assert!(line(&report, "io_uring").ends_with(": io_uring is blocked; do this"));
    let old = good.clone().with("/proc/sys/kernel/osrelease", "5.14.0-503.el9.x86_64");
    assert_eq!(verdict(&look(&old, &needs(2)), "kernel"), Verdict::Differs);
    let report = examine(&old, &needs(2), &Err("too old".to_owned()));
    assert!(report.to_string().ends_with("Lanewire does not run here: kernel, io_uring"));

    for (memlock, expected) in
        [("950272", Verdict::Differs), ("8388608", Verdict::Ok), ("unlimited", Verdict::Ok)]
    {
        let machine = user().with("/proc/self/limits", &limits(memlock, "20000"));
        assert_eq!(verdict(&look(&machine, &needs(2)), "memlock"), expected, "{memlock}");
    }
    let few = good.with("/proc/self/limits", &limits("8388608", "4096"));
    let files = line(&look(&few, &needs(2)), "nofile");
    assert!(files.starts_with("differs nofile 4096; advised: 10232 ("), "{files}");
    assert!(files.ends_with("LimitNOFILE=65536 in the unit"), "{files}");
}

#[test]
fn the_limits_that_containers_have() {
    let quota = |machine: Recorded| line(&look(&machine, &needs(2)), "cpu quota");
    let unified = Recorded::virtual_machine()
        .with("/proc/self/cgroup", "0::/system.slice/lanewire.service")
        .with("/sys/fs/cgroup/system.slice/lanewire.service/cpu.max", "max 100000");
    assert!(quota(unified.clone()).starts_with("ok cpu quota none"));
    let above = unified.with("/sys/fs/cgroup/system.slice/cpu.max", "150000 100000");
    assert!(quota(above).starts_with("differs cpu quota 150% of a core;"));
    let legacy = Recorded::virtual_machine().with("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000");
    assert!(quota(legacy).starts_with("differs cpu quota 50% of a core;"));
    let broken = Recorded::virtual_machine().with("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "0");
    assert!(quota(broken.with("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "1")).starts_with("ok"));
    let tracked =
        Recorded::virtual_machine().with("/proc/sys/net/netfilter/nf_conntrack_max", "16384");
    let tracked = line(&look(&tracked, &needs(2)), "net.netfilter.nf_conntrack_max");
    assert!(tracked.starts_with("differs net.netfilter.nf_conntrack_max 16384; advised: 20400 ("));
}

#[test]
fn sizes_come_from_the_settings() {
    let machine = Recorded::virtual_machine();
    let many = Needs { servers: vec![server("db1", 12_000)], ..needs(2) };
    let ports = line(&look(&machine, &many), "net.ipv4.ip_local_port_range");
    assert!(ports.contains("32768 60999, 28232 ports; advised: 48000 ports ("), "{ports}");
    let more = Needs { servers: vec![server("db1", 20_000)], ..needs(2) };
    let ports = line(&look(&machine, &more), "net.ipv4.ip_local_port_range");
    assert!(ports.ends_with("the server under a second address or port"), "{ports}");
    let thin = Needs { servers: vec![server("db1", 100), server("db2", 6)], ..needs(2) };
    let share = line(&look(&machine, &thin), "pool share");
    assert!(share.starts_with("differs pool share 3 for db2;"), "{share}");
    let mut beside = needs(4);
    beside.servers[0].local = true;
    assert_eq!(verdict(&look(&machine, &beside), "shards"), Verdict::Differs);
    beside.cores.pop();
    assert_eq!(verdict(&look(&machine, &beside), "shards"), Verdict::Ok);
    let isolated = machine.with("/sys/devices/system/cpu/isolated", "2-3");
    assert_eq!(verdict(&look(&isolated, &needs(2)), "isolated cores"), Verdict::Differs);
    let there = Needs { cores: vec![2, 3], ..needs(2) };
    assert_eq!(verdict(&look(&isolated, &there), "isolated cores"), Verdict::Ok);
}

#[test]
fn what_the_kernel_counted() {
    let counted = Recorded::virtual_machine()
        .with("/proc/net/netstat", "TcpExt: A ListenOverflows B\nTcpExt: 1 17 3")
        .with("/proc/net/softnet_stat", "00001000 00000002 00000001\n00001000 00000000 00000000");
    let report = look(&counted, &needs(2));
    assert!(
        line(&report, "listen queue overflows").starts_with("differs listen queue overflows 17;")
    );
    let drops = line(&report, "backlog drops");
    assert!(drops.starts_with("differs backlog drops 2 of 8192 packets;"), "{drops}");
    assert!(drops.contains("net.core.netdev_max_backlog=2000"), "{drops}");
    assert!(line(&report, "netdev budget").contains("net.core.netdev_budget=600"));
    let calm = counted
        .without("/proc/net/netstat")
        .with("/proc/net/softnet_stat", "00004000 00000000 00000001");
    let report = look(&calm, &needs(2));
    assert_eq!(verdict(&report, "listen queue overflows"), Verdict::Unknown);
    assert_eq!(verdict(&report, "backlog drops"), Verdict::Ok);
    assert_eq!(verdict(&report, "netdev budget"), Verdict::Ok);
}

/// The guide's table, its file of sysctls and its unit say what is looked for here.
#[test]
fn the_guide_says_the_same() {
    let guide = include_str!("../../tuning.md");
    let section = guide.split("\n## ").find(|part| part.starts_with("What `lanewire check"));
    let section = section.expect("the section of the table");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<(&str, &str)> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().unwrap_or_default().trim_end_matches('`');
            (name, cells.next().unwrap_or_default())
        })
        .collect();
    let items: Vec<(&str, &str)> = ITEMS.iter().map(|item| (item.name, item.advised)).collect();
    assert_eq!(rows, items);
    for item in ITEMS {
        if let Mend::Sysctl(value) = item.mend {
            let set = format!("\n    {} = {value}\n", item.name);
            assert!(guide.contains(&set), "the guide's sysctl.d file lacks {set}");
        }
    }
    for limit in ["LimitMEMLOCK=64M", "LimitNOFILE=65536"] {
        assert!(guide.contains(&format!("\n    {limit}\n")), "the guide's unit lacks {limit}");
        assert!(
            ITEMS.iter().any(|item| matches!(item.mend, Mend::Text(text) if text.contains(limit)))
        );
    }
}
