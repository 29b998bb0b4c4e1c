//! The two proxies, pinned to a core.

use crate::client::{Address, Client, Options};
use crate::lanewire::{Lanewire, Setup};
use crate::process::{Process, which};
use crate::servers::free_ports;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Haproxy,
    Lanewire,
}

impl Engine {
    pub(super) const BOTH: [Self; 2] = [Self::Haproxy, Self::Lanewire];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Lanewire => "lanewire",
        }
    }
}

/// A proxy in front of one backend.
pub(super) enum Running {
    Haproxy { process: Process, port: u16 },
    Lanewire(Lanewire),
}

impl Running {
    pub(super) fn start(
        engine: Engine,
        backend: &str,
        connections: usize,
        core: &str,
        folder: &Path,
    ) -> Result<Self, Box<dyn Error>> {
        match engine {
            Engine::Haproxy => start_haproxy(backend, core, folder),
            Engine::Lanewire => {
                // As many backend connections as HAProxy has: one for each client.
                let limit = connections + 8;
                let setup = Setup {
                    primary: backend.into(),
                    arguments: vec!["--shards=1".into()],
                    config: Some(format!(
                        "[pool]\nmax-connections = {limit}\nmax-idle = {limit}\n"
                    )),
                    cores: Some(core.into()),
                    ..Setup::default()
                };
                Ok(Self::Lanewire(Lanewire::start(&setup, folder)?))
            }
        }
    }

    pub(super) fn address(&self) -> String {
        match self {
            Self::Haproxy { port, .. } => format!("127.0.0.1:{port}"),
            Self::Lanewire(proxy) => proxy.address(),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Haproxy { process, .. } => process.id(),
            Self::Lanewire(proxy) => proxy.pid(),
        }
    }
}

fn start_haproxy(backend: &str, core: &str, folder: &Path) -> Result<Running, Box<dyn Error>> {
    let program = which("haproxy").ok_or("haproxy is not here: make install-deps")?;
    let port = free_ports(1)?[0];
    let config = folder.join("haproxy.cfg");
    std::fs::write(
        &config,
        format!(
            "global\n    nbthread 1\n    maxconn 4000\n\
             defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n\
             listen mysql\n    bind 127.0.0.1:{port}\n    server backend {backend}\n"
        ),
    )?;
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program).args(["-db", "-q", "-f"]).arg(&config);
    let process = Process::start(command, &folder.join("haproxy.log"))?;
    wait_for(&format!("127.0.0.1:{port}"), &|| process.log_tail())?;
    Ok(Running::Haproxy { process, port })
}

/// Until a client can log in there and gets an answer.
pub(super) fn wait_for(address: &str, log: &dyn Fn() -> String) -> Result<(), Box<dyn Error>> {
    let options = Options::new(Address::Tcp(address.into()), "app", "app");
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        match Client::connect(&options).and_then(|mut client| client.must("SELECT 1").map(drop)) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(format!("{address} does not answer: {error}\n{}", log()).into());
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
