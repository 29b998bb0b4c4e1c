//! `lanewire check`: the configuration file, and with `--tuning` the machine.

use std::path::Path;

use lanewire::config::{self, Address, BackendSettings, CheckFlags, ConfigError, Settings};
use lanewire::net::probe;
use lanewire::shard::{allowed_cores, place};
use lanewire::tuning::{self, Needs, ServerNeeds, System};

/// Clients to prepare for where nothing is said: ten thousand, mostly idle.
const CLIENTS_DEFAULT: u64 = 10_000;

/// This machine's `/proc` and `/sys`.
struct ThisMachine;

impl System for ThisMachine {
    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

/// Checks what the flags ask for and prints the answer.
///
/// # Errors
/// What is wrong with the file; or that Lanewire does not run on this machine.
pub(crate) fn check(flags: &CheckFlags) -> Result<(), String> {
    let text = match &flags.config {
        None => None,
        Some(path) => Some((path.as_path(), read(path)?)),
    };
    if !flags.tuning {
        let (path, text) = text.unwrap_or((Path::new(""), String::new()));
        return config::check(path, &text).map(|ok| print!("{ok}"));
    }
    let settings = match &text {
        None => {
            println!("no file given: one shard a core, no servers counted");
            Settings::default()
        }
        Some((path, text)) => config::load(path, text).map_err(|errors| super::lines(&errors))?,
    };
    let allowed = allowed_cores();
    let cores = place(&allowed, settings.cores.as_deref(), settings.shards)
        .map_err(|error| error.to_string())?;
    settings.check_shards(cores.len()).map_err(|errors| super::lines(&errors))?;
    let mut needs = needs(&settings, cores);
    needs.cores_allowed = allowed.len();
    needs.clients = flags.clients.unwrap_or(CLIENTS_DEFAULT);
    let ring = probe().map_err(|missing| missing.to_string());
    let report = tuning::examine(&ThisMachine, &needs, &ring);
    if report.runs() {
        println!("{report}");
        return Ok(());
    }
    let report = report.to_string();
    let (lines, verdict) = report.rsplit_once('\n').unwrap_or(("", &report));
    println!("{lines}");
    Err(verdict.to_owned())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error).to_string())
}

/// What the settings ask of the machine, with shards on these cores.
pub(crate) fn needs(settings: &Settings, cores: Vec<usize>) -> Needs {
    Needs {
        cores_allowed: cores.len(),
        cores,
        clients: 0,
        servers: settings.backends.iter().map(server).collect(),
    }
}

fn server(backend: &BackendSettings) -> ServerNeeds {
    let (tcp, local) = match &backend.address {
        Address::Unix(_) => (false, true),
        Address::Tcp { host, .. } => {
            let loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
            (true, loopback || host == "localhost")
        }
    };
    let connections = u64::from(backend.max_connections);
    ServerNeeds { name: backend.name.clone(), connections, local, tcp }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_come_from_the_settings() {
        let text = "[[backend]]\naddress = 'db1'\nrole = 'primary'\nmax-connections = 70\n\
                    [[backend]]\naddress = '127.0.0.2:3307'\nname = 'near'\n\
                    [[backend]]\naddress = '/run/db.sock'\n[[user]]\nname = 'a'\npassword = 'b'\n";
        let settings = config::load(Path::new("f.toml"), text).expect("sound settings");
        let needs = needs(&settings, vec![2, 3]);
        let flat: Vec<_> = needs.servers.iter().map(|s| (s.connections, s.local, s.tcp)).collect();
        assert_eq!(flat, [(70, false, true), (100, true, true), (100, true, false)]);
        assert_eq!((needs.shards(), needs.servers[1].name.as_str()), (2, "near"));
        assert_eq!(needs.files_at_start(), 270 + 512 + 32);
    }

    #[test]
    fn this_machine_is_read() {
        let release = ThisMachine.read("/proc/sys/kernel/osrelease").expect("a release");
        assert!(release.contains('.'), "{release}");
        assert!(ThisMachine.list("/proc/self").contains(&"limits".to_owned()));
        assert!(ThisMachine.read("/proc/none").is_none() && ThisMachine.list("/none").is_empty());
    }

    /// Whatever this machine is like, each item is told in a line, and the last line sums up.
    #[test]
    fn this_machine_has_a_report() {
        let needs = needs(&Settings::default(), vec![0]);
        let report = tuning::examine(&ThisMachine, &needs, &Ok(()));
        assert!(report.findings().len() >= tuning::ITEMS.len());
        let lines = report.to_string().lines().count();
        assert_eq!(lines, report.findings().len() + 1, "{report}");
    }
}
