//! One server.

use super::{Flavor, ServerError, setup};
use crate::client::{Address, Client, Options};
use crate::process::{Process, describe};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take until it answers, in seconds.
const START_SECONDS: u64 = 60;

/// A server of a [`Cluster`](super::Cluster).
#[derive(Debug)]
pub struct Server {
    /// `primary`, `replica1` or `replica2`.
    pub name: String,
    /// Its TCP port on 127.0.0.1.
    pub port: u16,
    /// Its unix socket.
    pub socket: PathBuf,
    flavor: Flavor,
    id: usize,
    folder: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Server {
    pub(super) fn new(flavor: Flavor, folder: PathBuf, id: usize, port: u16) -> Self {
        let name = if id == 0 { "primary".into() } else { format!("replica{id}") };
        let folder = folder.join(&name);
        let socket = folder.join("s.sock");
        Self { name, port, socket, flavor, id, folder, process: Mutex::new(None) }
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether it is a replica.
    #[must_use]
    pub const fn is_replica(&self) -> bool {
        self.id != 0
    }

    /// The process id; `None` while it is stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running(|process| process.as_ref().map(Process::id))
    }

    /// Logs in as root through the unix socket.
    ///
    /// # Errors
    /// The server is down or refuses.
    pub fn root(&self) -> Result<Client, ServerError> {
        self.login_root(Duration::from_secs(60)).map_err(|error| self.sql_error("log in", error))
    }

    /// Runs statements as root; returns the rows of the last.
    ///
    /// # Errors
    /// The first statement that fails.
    pub fn execute(&self, statements: &[&str]) -> Result<Vec<Vec<String>>, ServerError> {
        let mut client = self.root()?;
        let mut table = Vec::new();
        for sql in statements {
            table = client.must(sql).map_err(|error| self.sql_error(sql, error))?.table();
        }
        Ok(table)
    }

    /// `SHOW GLOBAL STATUS`, the entries that are numbers; takes 0.1 s.
    ///
    /// # Errors
    /// The server is down.
    pub fn status_counters(&self) -> Result<BTreeMap<String, u64>, ServerError> {
        // MySQL counts a session that is just ending twice, or not at all.
        std::thread::sleep(Duration::from_millis(100));
        let rows = self.execute(&["SHOW GLOBAL STATUS"])?;
        Ok(rows
            .into_iter()
            .filter_map(|row| match row.as_slice() {
                [name, value] => Some((name.clone(), value.parse().ok()?)),
                _ => None,
            })
            .collect())
    }

    /// Starts the process and waits until it answers.
    ///
    /// # Errors
    /// It ends at once or does not answer within 60 s.
    pub fn start(&self) -> Result<(), ServerError> {
        self.spawn()?;
        self.wait_until_it_answers()
    }

    /// Starts the process and does not wait.
    pub(super) fn spawn(&self) -> Result<(), ServerError> {
        // A lock file of a killed server makes MySQL look for a process of that id.
        for name in ["s.sock", "s.sock.lock"] {
            let _ = std::fs::remove_file(self.folder.join(name));
        }
        let mut command = self.flavor.command();
        command
            .arg(format!("--user={}", setup::user()))
            .arg(format!("--datadir={}", self.folder.join("data").display()))
            // A server that starts deletes the temporary tables of others in a common one.
            .arg(format!("--tmpdir={}", self.folder.display()))
            .arg(format!("--socket={}", self.socket.display()))
            .arg(format!("--pid-file={}", self.folder.join("pid").display()))
            .arg(format!("--port={}", self.port))
            .arg(format!("--report-port={}", self.port))
            .arg(format!("--server-id={}", self.id + 1))
            .args(["--bind-address=127.0.0.1", "--report-host=127.0.0.1", "--skip-name-resolve"]);
        if self.is_replica() {
            command.arg(self.flavor.read_only());
        }
        let started = Process::start(command, &self.folder.join("server.log"));
        let process = started.map_err(ServerError::io(format!("start {}", self.name)))?;
        self.running(|slot| *slot = Some(process));
        Ok(())
    }

    pub(super) fn wait_until_it_answers(&self) -> Result<(), ServerError> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
        loop {
            // The TCP port opens after the unix socket does.
            let tcp = std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            if tcp && self.login_root(Duration::from_secs(2)).is_ok() {
                return Ok(());
            }
            let (ended, log) = self.running(|slot| {
                slot.as_mut().map_or((None, String::new()), |process| {
                    (process.ended().ok().flatten(), process.log_tail())
                })
            });
            if let Some(status) = ended {
                let end = describe(status);
                return Err(ServerError::Ended { what: self.name.clone(), end, log });
            }
            if Instant::now() > deadline {
                let name = self.name.clone();
                return Err(ServerError::Silent { name, seconds: START_SECONDS, log });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL; the data stays as it was.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn kill9(&self) -> Result<(), ServerError> {
        match self.running(Option::take) {
            Some(mut process) => {
                process.kill9().map_err(ServerError::io(format!("kill {}", self.name)))
            }
            None => Ok(()),
        }
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&self) {
        drop(self.running(Option::take));
    }

    /// Begins an orderly end without waiting for it.
    pub(super) fn begin_stop(&self) {
        let _ = self.signal(Signal::TERM);
    }

    /// SIGSTOP: TCP still connects, nothing answers.
    ///
    /// # Errors
    /// The process has gone.
    pub fn freeze(&self) -> Result<(), ServerError> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// The process has gone.
    pub fn thaw(&self) -> Result<(), ServerError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        self.running(|slot| slot.as_ref().map_or(Ok(()), |process| process.signal(signal)))
            .map_err(ServerError::io(format!("signal {}", self.name)))
    }

    fn running<T>(&self, work: impl FnOnce(&mut Option<Process>) -> T) -> T {
        work(&mut self.process.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn login_root(&self, timeout: Duration) -> Result<Client, crate::client::Error> {
        let address = Address::Unix(self.socket.clone());
        Client::connect(&Options::new(address, "root", "").timeout(timeout))
    }

    fn sql_error(&self, sql: &str, error: crate::client::Error) -> ServerError {
        ServerError::Sql { server: self.name.clone(), sql: sql.into(), error }
    }
}
