//! The servers, the proxy, the tables of the cases, and a door to wait for replication at.

use crate::support::{Lanewire, Setup};
use lanewire_perf::servers::{Cluster, Flavor};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FIXTURE: &str = include_str!("fixture.sql");
const STATEMENTS: &str = include_str!("statements.sql");
/// The file that LOAD DATA LOCAL sends: 3 rows, one with a quote and one with a NULL.
const LOCAL_FILE: &str = "1,one,\"a \"\"quoted\"\" word\"\n2,zwei,Grüße\n3,three,\\N\n";

/// How the servers' logs name a plain read of the programs; `Prepare` lines have the text too.
const PLAIN_READ: &str = " AS plain_read";

/// Everything that must stay up while programs run, in the order of its end.
#[derive(Debug)]
pub(crate) struct World {
    proxy: Option<Lanewire>,
    cluster: Arc<Cluster>,
    settle_port: u16,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts a primary, two replicas and Lanewire.
    pub(crate) fn start(mysql: bool, no_proxy: bool, args: &[String]) -> Result<Self, String> {
        let flavor = if mysql { Flavor::MySql9 } else { Flavor::MariaDb };
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let cluster = Cluster::start(flavor, folder.path()).map_err(|error| error.to_string())?;
        if mysql {
            as_by_default(&cluster)?;
        }
        log_statements(&cluster, folder.path())?;
        let cluster = Arc::new(cluster);
        let mut proxy = None;
        if !no_proxy {
            let mut setup = Setup::of(&cluster);
            setup.args.extend_from_slice(args);
            proxy = Some(Lanewire::start(&setup)?);
        }
        let settle_port = open_door(&cluster).map_err(|error| error.to_string())?;
        let world = Self { proxy, cluster, settle_port, folder };
        let put = |file: PathBuf, text: &str| {
            std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
        };
        put(world.script(), &statements_for(flavor))?;
        put(world.local_file(), LOCAL_FILE)?;
        Ok(world)
    }

    /// Makes the schemas anew, the same each time, and waits for the replicas.
    pub(crate) fn lay_out(&self) -> Result<(), String> {
        let statements: Vec<&str> =
            FIXTURE.lines().filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
        let done = self.cluster.primary().execute(&statements).map(drop);
        done.and_then(|()| self.cluster.wait_in_sync()).map_err(|error| error.to_string())
    }

    pub(crate) fn flavor_name(&self) -> &'static str {
        self.cluster.flavor().name()
    }

    /// What was compared.
    pub(crate) fn description(&self) -> String {
        let sql = "SELECT CONCAT(@@version_comment, ' ', @@version)";
        let version = self.cluster.primary().execute(&[sql]).unwrap_or_default();
        let version = version.into_iter().flatten().next().unwrap_or_default();
        let with = if self.proxy.is_some() { "Lanewire" } else { "the same server" };
        format!("{version}: direct and through {with}")
    }

    pub(crate) fn direct_port(&self) -> u16 {
        self.cluster.primary().port
    }

    pub(crate) fn through_port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.direct_port(), Lanewire::port)
    }

    /// Waits until the replicas have what the primary has, whenever somebody connects to it.
    pub(crate) const fn settle_port(&self) -> u16 {
        self.settle_port
    }

    /// The statements that all programs play.
    pub(crate) fn script(&self) -> PathBuf {
        self.folder().join("statements.sql")
    }

    /// What LOAD DATA LOCAL sends.
    pub(crate) fn local_file(&self) -> PathBuf {
        self.folder().join("local.csv")
    }

    /// A folder for the programs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Plain reads that ran on the primary so far, and on the replicas.
    pub(crate) fn plain_reads(&self) -> [usize; 2] {
        let count = |server: &lanewire_perf::servers::Server| {
            let log = std::fs::read(log_of(self.folder(), server.port)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let ran = |line: &&str| line.contains(PLAIN_READ) && !line.contains("Prepare");
            log.lines().filter(ran).count()
        };
        let replicas = self.cluster.replicas().iter().map(count).sum();
        [count(self.cluster.primary()), replicas]
    }
}

fn log_of(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("statements.{port}.log"))
}

/// Has every server write down the statements that it gets.
fn log_statements(cluster: &Cluster, folder: &Path) -> Result<(), String> {
    let log = |server: &lanewire_perf::servers::Server| {
        let file = log_of(folder, server.port);
        let file = format!("SET GLOBAL general_log_file='{}'", file.display());
        server.execute(&[&file, "SET GLOBAL general_log=ON"]).map(drop)
    };
    cluster.servers().iter().try_for_each(log).map_err(|error| error.to_string())
}

/// MySQL reports GTIDs to clients only where it is told to; the servers of the tests are.
fn as_by_default(cluster: &Cluster) -> Result<(), String> {
    let off = ["SET GLOBAL session_track_gtids = OFF"];
    let done = cluster.servers().iter().try_for_each(|server| server.execute(&off).map(drop));
    done.map_err(|error| error.to_string())
}

/// The statements without those of the other make: `mariadb: …` and `mysql: …` are for one.
fn statements_for(flavor: Flavor) -> String {
    let (own, other) =
        if flavor.is_mariadb() { ("mariadb: ", "mysql: ") } else { ("mysql: ", "mariadb: ") };
    let lines = STATEMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
    let lines = lines.filter(|line| !line.starts_with(other));
    lines.map(|line| format!("{}\n", line.strip_prefix(own).unwrap_or(line))).collect()
}

/// A port that answers `ok` as soon as the replicas have what the primary has, and closes.
fn open_door(cluster: &Arc<Cluster>) -> std::io::Result<u16> {
    let door = TcpListener::bind("127.0.0.1:0")?;
    let port = door.local_addr()?.port();
    let cluster = Arc::downgrade(cluster);
    std::thread::spawn(move || {
        for visitor in door.incoming().flatten() {
            let Some(cluster) = cluster.upgrade() else { return };
            let word = if cluster.wait_in_sync().is_ok() { "ok\n" } else { "late\n" };
            let mut visitor = visitor;
            let _ = visitor.write_all(word.as_bytes());
        }
    });
    Ok(port)
}
