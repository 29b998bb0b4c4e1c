//! The two worlds: a server alone, and a primary with replicas behind the proxy.

use crate::grammar::Script;
use lanewire_perf::client::{Address, Client, Error, Options};
use std::time::Duration;

/// How long a replica may take to catch up, in seconds.
const SYNC_SECONDS: u64 = 20;

/// Where everything listens.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) direct: Address,
    pub(crate) through: Address,
    pub(crate) primary: Address,
    pub(crate) replicas: Vec<Address>,
    pub(crate) mysql: bool,
}

/// Connections of one worker past the proxy: they lay out schemas and wait for the replicas.
#[derive(Debug)]
pub(crate) struct Side {
    direct: Client,
    primary: Client,
    replicas: Vec<Client>,
    mysql: bool,
}

impl World {
    /// The two connections that are compared.
    pub(crate) fn pair(&self, script: &Script) -> Result<(Client, Client), String> {
        let open = |address: &Address| {
            let mut options = Options::new(address.clone(), "app", "app").schema(&script.schema);
            options.capabilities = script.capabilities;
            options.timeout = Duration::from_secs(90);
            let mut client = Client::connect(&options).map_err(|e| format!("{address}: {e}"))?;
            client.set_infile(b"1\tfrom a file\n2\tand more\nx\tbad\n".to_vec());
            Ok::<_, String>(client)
        };
        Ok((open(&self.direct)?, open(&self.through)?))
    }
}

impl Side {
    pub(crate) fn open(world: &World) -> Result<Self, Error> {
        let open = |address: &Address| {
            let timeout = Duration::from_secs(90);
            Client::connect(&Options::new(address.clone(), "adm", "adm").timeout(timeout))
        };
        Ok(Self {
            direct: open(&world.direct)?,
            primary: open(&world.primary)?,
            replicas: world.replicas.iter().map(open).collect::<Result<_, _>>()?,
            mysql: world.mysql,
        })
    }

    /// What the scripts need of every server, once.
    pub(crate) fn allow_routines(&mut self) -> Result<(), Error> {
        let all = [&mut self.direct, &mut self.primary].into_iter().chain(&mut self.replicas);
        for client in all {
            client.must("SET GLOBAL log_bin_trust_function_creators=1")?;
        }
        Ok(())
    }

    /// Makes the client's schemas anew in both worlds.
    pub(crate) fn lay_out(&mut self, script: &Script) -> Result<(), Error> {
        // An XA transaction that was prepared outlives its session. Where there is none: an error.
        let leftover = format!("XA ROLLBACK 'x{}'", script.client);
        self.direct.query(&leftover)?;
        self.primary.query(&leftover)?;
        for sql in script.layout() {
            self.direct.must(&sql)?;
            self.primary.must(&sql)?;
        }
        self.catch_up()
    }

    /// Waits until every replica has what the primary has committed so far.
    pub(crate) fn catch_up(&mut self) -> Result<(), Error> {
        if self.replicas.is_empty() {
            return Ok(());
        }
        let position =
            if self.mysql { "SELECT @@global.gtid_executed" } else { "SELECT @@gtid_binlog_pos" };
        let gtid = self.primary.must(position)?.first_cell().unwrap_or_default();
        let wait = if self.mysql { "WAIT_FOR_EXECUTED_GTID_SET" } else { "MASTER_GTID_WAIT" };
        for replica in &mut self.replicas {
            let sql = format!("SELECT {wait}('{gtid}', {SYNC_SECONDS})");
            if replica.must(&sql)?.first_cell().as_deref() != Some("0") {
                return Err(Error::Timeout);
            }
        }
        Ok(())
    }
}
