//! The proxy itself as a child process.

use crate::client::{Address, Client, Error, Options};
use crate::process::{Process, describe};
use crate::servers::free_ports;
use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// mysql-proxy's ports for clients and for the admin.
const USUAL_PORTS: [u16; 2] = [4040, 4041];
/// How long the proxy may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How to start a proxy.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// `host:port` of the primary.
    pub primary: String,
    /// `host:port` of each replica.
    pub replicas: Vec<String>,
    /// More arguments.
    pub arguments: Vec<String>,
    /// The text of a configuration file; flags win over it.
    pub config: Option<String>,
    /// Listens at 4040 and 4041 where they are free.
    pub usual_ports: bool,
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program is not built.
    #[error("{0} is not here; build it with: cargo build --release")]
    NotBuilt(String),
    /// A process or socket.
    #[error("lanewire: {0}")]
    Io(#[from] io::Error),
    /// It ended at once.
    #[error("lanewire ended ({end}):\n{log}")]
    Ended {
        /// Exit code or signal.
        end: String,
        /// Its last words.
        log: String,
    },
    /// It did not answer in time.
    #[error("lanewire does not answer: {error}\n{log}")]
    Silent {
        /// What the last try met.
        error: Error,
        /// Its last words.
        log: String,
    },
}

/// A running proxy with the user `app`/`app`; dropped, it is stopped and waited for.
#[derive(Debug)]
pub struct Lanewire {
    /// Where clients connect, on 127.0.0.1.
    pub port: u16,
    /// The admin port, on 127.0.0.1; user and password `admin`.
    pub admin_port: u16,
    process: Process,
}

impl Lanewire {
    /// Starts the proxy and waits until a client can read and write through it.
    ///
    /// # Errors
    /// It is not built, ends at once or does not answer within 20 s.
    pub fn start(setup: &Setup, folder: &Path) -> Result<Self, StartError> {
        let program = program().ok_or_else(|| StartError::NotBuilt("lanewire".into()))?;
        let [port, admin_port] = ports(setup.usual_ports)?;
        let mut command = Command::new(&program);
        command
            .arg(format!("--proxy-address=127.0.0.1:{port}"))
            .arg(format!("--proxy-backend-addresses={}", setup.primary))
            .arg(format!("--admin-address=127.0.0.1:{admin_port}"))
            .args(["--admin-username=admin", "--admin-password=admin", "--user=app:app"]);
        if !setup.replicas.is_empty() {
            command
                .arg(format!("--proxy-read-only-backend-addresses={}", setup.replicas.join(",")));
        }
        if let Some(text) = &setup.config {
            let file = folder.join("lanewire.toml");
            std::fs::write(&file, text)?;
            command.arg("--config").arg(file);
        }
        command.args(&setup.arguments);
        let process = Process::start(command, &folder.join("lanewire.log"))?;
        let mut proxy = Self { port, admin_port, process };
        proxy.wait_until_it_answers()?;
        Ok(proxy)
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, where it has without being told; and its last words.
    pub fn unexpected_end(&mut self) -> Option<String> {
        let status = self.process.ended().ok().flatten()?;
        Some(format!("{}\n{}", describe(status), self.process.log_tail()))
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }

    /// SIGTERM; returns whether it ended by itself with exit code 0.
    pub fn stop(mut self) -> bool {
        self.process.stop().is_ok_and(|status| status.success())
    }

    fn wait_until_it_answers(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let Err(error) = self.try_it() else { return Ok(()) };
            if let Some(status) = self.process.ended()? {
                return Err(StartError::Ended { end: describe(status), log: self.log_tail() });
            }
            if Instant::now() > deadline {
                return Err(StartError::Silent { error, log: self.log_tail() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_it(&self) -> Result<(), Error> {
        let options = Options::new(Address::local(self.port), "app", "app");
        let mut client = Client::connect(&options.timeout(Duration::from_secs(2)))?;
        client.must("SELECT 1")?;
        client.must("DO 0")?;
        client.quit()
    }
}

/// `$LANEWIRE_BINARY`, else the `lanewire` beside this program or above it (tests lie in `deps`).
fn program() -> Option<OsString> {
    if let Some(named) = std::env::var_os("LANEWIRE_BINARY") {
        return Some(named);
    }
    let here = std::env::current_exe().ok()?;
    let found: Option<PathBuf> = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("lanewire"))
        .find(|p| p.is_file());
    found.map(PathBuf::into_os_string)
}

fn ports(usual: bool) -> io::Result<[u16; 2]> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    if usual && USUAL_PORTS.iter().all(is_free) {
        return Ok(USUAL_PORTS);
    }
    let found = free_ports(2)?;
    Ok([found[0], found[1]])
}
