//! What the scenarios share: cores, engines, stub servers, and the figures they leave.

use super::Plan;
use super::engine::{self, Engine};
use super::figures::Figures;
use crate::process::Process;
use crate::servers::free_ports;
use hdrhistogram::Histogram;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::collections::BTreeMap;
use std::error::Error;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Engines without which the comparison says nothing: what goes wrong with them fails the run.
const ESSENTIAL: [&str; 4] = ["direct", "splice", "lanewire", "haproxy"];
const STUB_TIMEOUT: Duration = Duration::from_secs(10);

/// Which cores are whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cores {
    /// The proxy's.
    pub(super) proxy: usize,
    /// A second shard's.
    pub(super) second: usize,
    /// The load's and the backends'. Of two cores it is also the second shard's.
    pub(super) others: Vec<usize>,
}

impl Cores {
    /// Out of the cores that this process may use: the first for the proxy, the second for a second
    /// shard, two more, or else the last, for the others.
    fn of(allowed: &[usize]) -> Result<Self, Box<dyn Error>> {
        let &[proxy, second, ..] = allowed else {
            return Err("two cores are needed: one for the proxy, one for load and backend".into());
        };
        let others = if allowed.len() > 2 { &allowed[2..allowed.len().min(4)] } else { &[second] };
        Ok(Self { proxy, second, others: others.to_vec() })
    }
}

/// The two servers behind every engine.
#[derive(Debug)]
pub(super) struct Backends {
    pub(super) primary: String,
    pub(super) replica: String,
    /// The processes of a database, whose CPU time is of interest.
    pub(super) pids: Vec<u32>,
    pub(super) schema: Option<String>,
    _stubs: Vec<Process>,
}

impl Backends {
    pub(super) fn of_database(primary: String, replica: String, pids: Vec<u32>) -> Self {
        Self { primary, replica, pids, schema: Some("test".into()), _stubs: Vec::new() }
    }

    fn of_stubs(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut addresses = Vec::new();
        let mut stubs = Vec::new();
        for (port, id) in free_ports(2)?.into_iter().zip(["1", "2"]) {
            let address = format!("127.0.0.1:{port}");
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["backend", "--address", &address, "--server-id", id, "--name", id]);
            command.args((id == "2").then_some("--read-only"));
            let stub = Process::start(command, &folder.join(format!("stub{id}.log")))?;
            let deadline = Instant::now() + STUB_TIMEOUT;
            while TcpStream::connect(&address).is_err() {
                if Instant::now() > deadline {
                    return Err(format!("the stub does not listen: {}", stub.log_tail()).into());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            addresses.push(address);
            stubs.push(stub);
        }
        let (replica, primary) = (addresses.remove(1), addresses.remove(0));
        Ok(Self { primary, replica, pids: Vec::new(), schema: None, _stubs: stubs })
    }
}

/// A comparison under way.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a Path,
    pub(super) cores: Cores,
    /// Those that are installed and asked for.
    pub(super) engines: Vec<Engine>,
    /// Why an engine, or a scenario, has no figures.
    pub(super) absent: BTreeMap<String, String>,
    pub(super) stubs: Backends,
    pub(super) figures: Figures,
    /// All rounds together, by scenario and subject.
    pub(super) latencies: BTreeMap<(String, String), Histogram<u64>>,
    /// What should not have happened.
    pub(super) troubles: Vec<String>,
}

impl<'a> Stage<'a> {
    /// Pins this process, and with it what it starts, to the others' cores.
    pub(super) fn new(plan: &'a Plan, folder: &'a Path) -> Result<Self, Box<dyn Error>> {
        let mask = sched_getaffinity(None)?;
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| mask.is_set(*cpu)).collect();
        let cores = Cores::of(&allowed)?;
        let mut own = CpuSet::new();
        cores.others.iter().for_each(|core| own.set(*core));
        sched_setaffinity(None, &own)?;
        let mut engines = engine::load()?;
        let mut absent = BTreeMap::new();
        engines.retain(|engine| {
            let asked = plan.engines.is_empty() || plan.engines.contains(&engine.name);
            let why = engine.absent().or((!asked).then(|| "it was not asked for".into()));
            let here = why.is_none();
            absent.extend(why.map(|why| (engine.name.clone(), why)));
            here
        });
        let stubs = Backends::of_stubs(folder)?;
        Ok(Self {
            plan,
            folder,
            cores,
            engines,
            absent,
            stubs,
            figures: Figures::default(),
            latencies: BTreeMap::new(),
            troubles: Vec::new(),
        })
    }

    pub(super) fn engine(&self, name: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.name == name)
    }

    /// An engine could not be measured: one of ours, or the one that all are compared with, spoils
    /// the run; a peer is left out from now on.
    pub(super) fn fail(&mut self, engine: &str, scenario: &str, why: &str) {
        eprintln!("  {engine}: {why}");
        let text = format!("{scenario}: {}", why.lines().next().unwrap_or_default());
        if ESSENTIAL.contains(&engine) {
            self.troubles.push(text.clone());
        } else {
            self.engines.retain(|one| one.name != engine);
        }
        self.absent.insert(engine.into(), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_shared_out() {
        assert!(Cores::of(&[3]).is_err());
        let two = Cores::of(&[0, 1]).unwrap();
        assert_eq!((two.proxy, two.second, two.others), (0, 1, vec![1]));
        let many = Cores::of(&[2, 3, 4, 5, 6]).unwrap();
        assert_eq!((many.proxy, many.second, many.others), (2, 3, vec![4, 5]));
    }
}
