//! The servers of the demo: real ones where there are any, else stubs.

use crate::servers::{Cluster, Flavor, ServerError};
use crate::stub::{Identity, RunningStub, Stub};
use std::collections::BTreeMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// The servers' names, the primary first; also what each says in `whoami`.
pub(super) const NAMES: [&str; 3] = ["primary", "replica1", "replica2"];

/// Rows of each table of items.
pub(super) const ITEMS: u64 = 8192;

pub(super) enum Backends {
    Real(Cluster),
    Stubs(Vec<RunningStub>),
}

impl Backends {
    /// Starts what `wanted` names. `auto` takes the first that is on this machine and says so
    /// where that is none.
    pub(super) fn start(wanted: &str, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let flavor = match wanted {
            "stub" => None,
            "auto" | "" => {
                let found =
                    [Flavor::MariaDb, Flavor::MySql9].into_iter().find(|f| f.check().is_ok());
                if found.is_none() {
                    println!("No mariadbd and no mysqld is here, nor could one be installed:");
                    println!("built-in stub servers stand in. They answer, but hold no data.");
                }
                found
            }
            name => Some(Flavor::from_name(name).ok_or_else(|| {
                format!("unknown backend {name:?}: auto, mariadb, mysql, mysql56 or stub")
            })?),
        };
        match flavor {
            Some(flavor) => Ok(Self::Real(Cluster::start(flavor, folder)?)),
            None => start_stubs().map_err(Into::into),
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Real(cluster) => cluster.flavor().name(),
            Self::Stubs(_) => "stub",
        }
    }

    /// Whether answers come from data.
    pub(super) const fn is_real(&self) -> bool {
        matches!(self, Self::Real(_))
    }

    /// `host:port` of each, in the order of [`NAMES`].
    pub(super) fn addresses(&self) -> Vec<String> {
        match self {
            Self::Real(cluster) => {
                cluster.servers().iter().map(|server| server.address()).collect()
            }
            Self::Stubs(stubs) => stubs.iter().map(|stub| stub.address.to_string()).collect(),
        }
    }

    /// The servers' own counters, in the order of [`NAMES`], when the replicas have caught up.
    pub(super) fn counters(&self) -> Result<Vec<BTreeMap<String, u64>>, ServerError> {
        match self {
            Self::Real(cluster) => {
                cluster.wait_in_sync()?;
                cluster.servers().iter().map(|server| server.status_counters()).collect()
            }
            Self::Stubs(stubs) => Ok(stubs.iter().map(|stub| stub.counters.status()).collect()),
        }
    }

    /// Makes the tables. In `whoami` each server says its own name, so every read that joins it
    /// tells who answered.
    pub(super) fn prepare(&self) -> Result<(), ServerError> {
        let Self::Real(cluster) = self else { return Ok(()) };
        for schema in ["demo_a", "demo_b"] {
            let mut statements = vec![
                format!("CREATE DATABASE {schema}"),
                format!("USE {schema}"),
                "CREATE TABLE items (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(100) NOT NULL)"
                    .into(),
                "CREATE TABLE events (id INT AUTO_INCREMENT PRIMARY KEY, item INT, note TEXT)"
                    .into(),
                "CREATE TABLE whoami (home VARCHAR(16), server VARCHAR(16))".into(),
                format!("INSERT INTO whoami VALUES ('{schema}', 'primary')"),
                "INSERT INTO items VALUES (1, 0, REPEAT('x', 100))".into(),
            ];
            let mut rows = 1;
            while rows < ITEMS {
                statements.push(format!("INSERT INTO items SELECT id + {rows}, k, c FROM items"));
                rows *= 2;
            }
            let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
            cluster.primary().execute(&statements)?;
        }
        cluster.wait_in_sync()?;
        for replica in cluster.replicas() {
            let name = format!("'{}'", replica.name);
            let mut statements = vec!["SET sql_log_bin=0".to_owned()];
            if cluster.flavor() == Flavor::MySql9 {
                statements.push("SET GLOBAL super_read_only=OFF".into());
            }
            statements.push(format!("UPDATE demo_a.whoami SET server={name}"));
            statements.push(format!("UPDATE demo_b.whoami SET server={name}"));
            if cluster.flavor() == Flavor::MySql9 {
                statements.push("SET GLOBAL super_read_only=ON".into());
            }
            let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
            replica.execute(&statements)?;
        }
        Ok(())
    }
}

fn start_stubs() -> std::io::Result<Backends> {
    let stubs = NAMES.iter().zip(1..).map(|(name, server_id)| {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let identity = Identity { name: (*name).into(), server_id, read_only: server_id > 1 };
        Stub::bind(any_port, identity)?.spawn()
    });
    Ok(Backends::Stubs(stubs.collect::<std::io::Result<_>>()?))
}
