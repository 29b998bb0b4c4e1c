//! A Lanewire process.

use lanewire_perf::client::{Address, Client, Error, Options};
use lanewire_perf::process::{Process, describe};
use lanewire_perf::servers::{Cluster, free_ports};
use rustix::process::Signal;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long it may take until the port answers.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How Lanewire is to be started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Primaries, `host:port` or a socket's path.
    pub(crate) primaries: Vec<String>,
    /// Replicas.
    pub(crate) replicas: Vec<String>,
    /// More arguments.
    pub(crate) args: Vec<String>,
    /// The text of a configuration file.
    pub(crate) config: Option<String>,
    /// A fault, where the build has them (the feature `mutants`).
    pub(crate) mutant: Option<String>,
}

impl Setup {
    /// In front of `cluster`.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self {
            primaries: vec![cluster.primary().address()],
            replicas: cluster.replicas().iter().map(|replica| replica.address()).collect(),
            ..Self::default()
        }
    }

    /// In front of one primary and these replicas.
    pub(crate) fn new(primary: &str, replicas: &[&str]) -> Self {
        Self {
            primaries: vec![primary.into()],
            replicas: replicas.iter().map(|replica| (*replica).into()).collect(),
            ..Self::default()
        }
    }

    /// With more arguments.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// With a configuration file of this text.
    pub(crate) fn config(mut self, text: &str) -> Self {
        self.config = Some(text.into());
        self
    }
}

/// A running Lanewire; dropped, it is stopped and waited for.
#[derive(Debug)]
pub(crate) struct Lanewire {
    process: Process,
    port: u16,
    admin_port: u16,
    folder: tempfile::TempDir,
}

/// The program under test: this build's, or the one that `$LANEWIRE_BINARY` names.
fn binary() -> PathBuf {
    std::env::var_os("LANEWIRE_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_lanewire")), PathBuf::from)
}

impl Lanewire {
    /// Starts it on free ports and waits until both answer. Another test may take a port between
    /// the look and the bind: then on others.
    pub(crate) fn start(setup: &Setup) -> Result<Self, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_once(setup) {
                Err(error) if error.contains("in use") && tries < 5 => {}
                result => return result,
            }
        }
    }

    fn start_once(setup: &Setup) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let ports = free_ports(2).map_err(|error| error.to_string())?;
        let (port, admin_port) = (ports[0], ports[1]);
        let mut command = Command::new(binary());
        if let Some(text) = &setup.config {
            let file = folder.path().join("lanewire.toml");
            std::fs::write(&file, text).map_err(|error| error.to_string())?;
            command.arg("--config").arg(file);
        }
        command
            .arg(format!("--proxy-address=127.0.0.1:{port}"))
            .arg(format!("--admin-address=127.0.0.1:{admin_port}"))
            .args(["--admin-username=admin", "--admin-password=secret"])
            .args(["--user", "app:app", "--user", "adm:adm"]);
        if !setup.primaries.is_empty() {
            command.arg(format!("--proxy-backend-addresses={}", setup.primaries.join(",")));
        }
        if !setup.replicas.is_empty() {
            let replicas = setup.replicas.join(",");
            command.arg(format!("--proxy-read-only-backend-addresses={replicas}"));
        }
        command.args(&setup.args);
        if let Some(name) = &setup.mutant {
            command.env("LANEWIRE_MUTANT", name);
        }
        let process = Process::start(command, &folder.path().join("lanewire.log"))
            .map_err(|error| error.to_string())?;
        let mut started = Self { process, port, admin_port, folder };
        started.wait_until_it_answers()?;
        Ok(started)
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_TIMEOUT;
        let open = |port: &u16| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok();
        let mut silent = vec![self.port, self.admin_port];
        loop {
            silent.retain(|port| !open(port));
            if silent.is_empty() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.ended() {
                return Err(format!("lanewire ended: {}\n{}", describe(status), self.log()));
            }
            if Instant::now() > deadline {
                return Err(format!("lanewire does not answer\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> Address {
        Address::local(self.port)
    }

    /// The clients' port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The admin port.
    pub(crate) const fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// How to connect as `app`, in schema `test`.
    pub(crate) fn options(&self) -> Options {
        Options::new(self.address(), "app", "app").schema("test")
    }

    /// A client as `app` in schema `test`.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.options()).unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// A client of the admin port.
    pub(crate) fn admin(&self) -> Result<Client, Error> {
        Client::connect(&Options::new(Address::local(self.admin_port), "admin", "secret"))
    }

    /// A query on the admin port: its rows, by column name.
    pub(crate) fn admin_table(&self, sql: &str) -> Vec<Vec<(String, String)>> {
        let reply = self.admin().and_then(|mut admin| admin.must(sql)).expect("admin port");
        let columns = &reply.rows().expect("rows").columns;
        let named = |row: Vec<String>| {
            columns.iter().map(|column| column.name.clone()).zip(row).collect::<Vec<_>>()
        };
        reply.table().into_iter().map(named).collect()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("lanewire.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The largest resident set so far, in KiB.
    pub(crate) fn rss_peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(u64::MAX)
    }

    /// SIGTERM without waiting.
    pub(crate) fn begin_drain(&self) {
        self.process.signal(Signal::TERM).expect("lanewire runs");
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended().expect("our own child")
    }

    /// SIGTERM, and waits.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.process.stop().expect("our own child")
    }
}

/// Waits up to 10 s for `check` to hold.
#[track_caller]
pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !check() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
