//! A primary and its replicas.

use super::{Flavor, Server, ServerError, free_ports, setup};
use std::collections::BTreeMap;
use std::path::Path;

/// How long a replica may take to catch up, in seconds.
const SYNC_SECONDS: u64 = 20;

/// A running primary with two replicas in sync; dropped, all are stopped and waited for.
///
/// The servers are numbered: 0 is the primary, 1 and 2 are the replicas.
#[derive(Debug)]
pub struct Cluster {
    flavor: Flavor,
    servers: Vec<Server>,
}

impl Cluster {
    /// Sets up and starts a primary and two replicas under `folder`, users and replication
    /// included.
    ///
    /// # Errors
    /// The programs are not here ([`ServerError::Missing`]), or a step of the set-up failed.
    pub fn start(flavor: Flavor, folder: &Path) -> Result<Self, ServerError> {
        flavor.check()?;
        let template = folder.join("template");
        make_folder(folder)?;
        if !template.exists() {
            flavor.initialize(&template)?;
        }
        let ports = free_ports(3).map_err(ServerError::io("free ports"))?;
        let servers: Vec<Server> = ports
            .into_iter()
            .enumerate()
            .map(|(id, port)| Server::new(flavor, folder.to_path_buf(), id, port))
            .collect();
        let cluster = Self { flavor, servers };
        for server in &cluster.servers {
            let home = folder.join(&server.name);
            make_folder(&home)?;
            copy_template(&template, &home.join("data"))?;
            server.spawn()?;
        }
        for server in &cluster.servers {
            server.wait_until_it_answers()?;
        }
        cluster.create_users()?;
        cluster.begin_replication()?;
        cluster.wait_in_sync()?;
        Ok(cluster)
    }

    /// The servers' make.
    #[must_use]
    pub const fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// All servers, the primary first.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The primary.
    #[must_use]
    pub fn primary(&self) -> &Server {
        &self.servers[0]
    }

    /// Replica 1 or 2.
    ///
    /// # Panics
    /// There is no such replica.
    #[must_use]
    pub fn replica(&self, number: usize) -> &Server {
        assert!(number > 0, "replicas are numbered from 1");
        &self.servers[number]
    }

    /// The replicas.
    #[must_use]
    pub fn replicas(&self) -> &[Server] {
        &self.servers[1..]
    }

    /// SIGKILL for server `number` (0 is the primary).
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn kill9(&self, number: usize) -> Result<(), ServerError> {
        self.servers[number].kill9()
    }

    /// Starts server `number` again on its data and port, and waits until it answers.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart(&self, number: usize) -> Result<(), ServerError> {
        self.servers[number].stop();
        self.servers[number].start()
    }

    /// `SHOW GLOBAL STATUS` of server `number`, the entries that are numbers.
    ///
    /// # Errors
    /// The server is down.
    pub fn status_counters(&self, number: usize) -> Result<BTreeMap<String, u64>, ServerError> {
        self.servers[number].status_counters()
    }

    /// Waits until every replica has applied what the primary has written so far.
    ///
    /// # Errors
    /// [`ServerError::Lagging`] after 20 s.
    pub fn wait_in_sync(&self) -> Result<(), ServerError> {
        let position = match self.flavor {
            Flavor::MariaDb => "SELECT @@gtid_binlog_pos",
            Flavor::MySql9 | Flavor::MySql56 => "SELECT @@global.gtid_executed",
        };
        let gtid = first_cell(self.primary().execute(&[position])?).replace('\n', "");
        let wait = match self.flavor {
            Flavor::MariaDb => format!("SELECT MASTER_GTID_WAIT('{gtid}', {SYNC_SECONDS})"),
            Flavor::MySql9 => {
                format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{gtid}', {SYNC_SECONDS})")
            }
            Flavor::MySql56 => {
                format!("SELECT WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS('{gtid}', {SYNC_SECONDS})")
            }
        };
        for replica in self.replicas() {
            let answer = first_cell(replica.execute(&[&wait])?);
            // MySQL 5.6 says how many events it waited for; the others 0. All say -1 or 1 or NULL
            // when the time ran out.
            let ended = match self.flavor {
                Flavor::MariaDb | Flavor::MySql9 => answer == "0",
                Flavor::MySql56 => answer.parse::<i64>().is_ok_and(|events| events >= 0),
            };
            if !ended {
                let replica = replica.name.clone();
                return Err(ServerError::Lagging { replica, seconds: SYNC_SECONDS });
            }
        }
        Ok(())
    }

    fn create_users(&self) -> Result<(), ServerError> {
        let mut statements: Vec<String> = vec!["CREATE DATABASE IF NOT EXISTS test".into()];
        for user in ["repl", "app", "adm", "mon"] {
            statements.push(format!("CREATE USER {user}@'%' IDENTIFIED BY '{user}'"));
        }
        statements.push("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO repl@'%'".into());
        statements.push("GRANT ALL ON *.* TO app@'%'".into());
        statements.push("GRANT ALL ON *.* TO adm@'%' WITH GRANT OPTION".into());
        statements.push("GRANT REPLICATION CLIENT, PROCESS ON *.* TO mon@'%'".into());
        // What would let app write to a read-only replica.
        statements.push(match self.flavor {
            Flavor::MariaDb => "REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM app@'%'".into(),
            Flavor::MySql9 => "REVOKE SUPER, CONNECTION_ADMIN ON *.* FROM app@'%'".into(),
            Flavor::MySql56 => "REVOKE SUPER ON *.* FROM app@'%'".into(),
        });
        if self.flavor.is_mariadb() {
            statements.push("GRANT SLAVE MONITOR ON *.* TO mon@'%'".into());
        }
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        self.primary().execute(&statements).map(drop)
    }

    fn begin_replication(&self) -> Result<(), ServerError> {
        let port = self.primary().port;
        let old_words = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='repl', \
             MASTER_PASSWORD='repl', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1"
        );
        let (change, start) = match self.flavor {
            Flavor::MariaDb => (format!("{old_words}, MASTER_USE_GTID=slave_pos"), "START SLAVE"),
            Flavor::MySql56 => (format!("{old_words}, MASTER_AUTO_POSITION=1"), "START SLAVE"),
            Flavor::MySql9 => (
                format!(
                    "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, \
                     SOURCE_USER='repl', SOURCE_PASSWORD='repl', SOURCE_AUTO_POSITION=1, \
                     SOURCE_SSL=1, SOURCE_CONNECT_RETRY=1, SOURCE_HEARTBEAT_PERIOD=1"
                ),
                "START REPLICA",
            ),
        };
        for replica in self.replicas() {
            replica.execute(&[&change, start])?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // All at once; each server's own end then only waits.
        for server in &self.servers {
            server.begin_stop();
        }
        for server in &self.servers {
            server.stop();
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), ServerError> {
    std::fs::create_dir_all(folder)
        .map_err(ServerError::io(format!("make folder {}", folder.display())))
}

fn copy_template(template: &Path, data: &Path) -> Result<(), ServerError> {
    if data.exists() {
        return Ok(());
    }
    setup::copy_folder(template, data)?;
    // A server's identity; two of the same do not replicate from each other.
    let _ = std::fs::remove_file(data.join("auto.cnf"));
    Ok(())
}

fn first_cell(table: Vec<Vec<String>>) -> String {
    table.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or_default()
}
