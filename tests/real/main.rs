//! Lanewire in front of real servers: MariaDB, and Oracle MySQL 9 where it is installed.
//!
//! The tests share one primary and two replicas per make, and run one after the other, since some
//! of them kill servers. Arguments: parts of names to run only those; `--flavor mariadb|mysql`.
#![allow(clippy::unwrap_used, reason = "a test program without the test harness")]

mod admin;
mod bad_input;
mod capabilities;
mod drain;
mod extensions;
mod failures;
mod kill;
mod large;
mod long_data;
mod malformed;
mod peers;
mod prepared;
mod prepared_alike;
mod processlist;
mod queue;
mod replies;
mod routing;
mod state;
#[path = "../support/mod.rs"]
mod support;
mod trackers;
mod transcript;
mod unpin;

use lanewire_perf::client::{Address, Client, Options};
use lanewire_perf::servers::{Cluster, Flavor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;
use support::{Lanewire, Setup};

/// A test by name.
type Test = (&'static str, fn(&Context));

/// The servers that all tests of one make share.
pub(crate) struct Context {
    pub(crate) cluster: Cluster,
    _folder: tempfile::TempDir,
}

impl Context {
    fn start(flavor: Flavor) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let cluster = Cluster::start(flavor, folder.path()).map_err(|error| error.to_string())?;
        let context = Self { cluster, _folder: folder };
        context.mark()?;
        Ok(context)
    }

    /// `test.marker` holds one row that names its server, so a read tells where it ran.
    fn mark(&self) -> Result<(), String> {
        let run = |number: usize, statements: &[&str]| {
            let server = &self.cluster.servers()[number];
            server.execute(statements).map(drop).map_err(|error| error.to_string())
        };
        run(
            0,
            &[
                "CREATE TABLE test.marker (id INT PRIMARY KEY, name VARCHAR(20))",
                "INSERT INTO test.marker VALUES (1, 'primary')",
                "CREATE TABLE test.numbers (n INT PRIMARY KEY, pad CHAR(200))",
                "INSERT INTO test.numbers WITH RECURSIVE s(x) AS \
                 (SELECT 1 UNION ALL SELECT x+1 FROM s WHERE x < 1000) SELECT x, 'pad' FROM s",
            ],
        )?;
        self.cluster.wait_in_sync().map_err(|error| error.to_string())?;
        for number in [1, 2] {
            let update = format!("UPDATE test.marker SET name='replica{number}'");
            let mut statements = vec!["SET sql_log_bin=0", &update];
            if !self.is_mariadb() {
                statements.insert(0, "SET GLOBAL super_read_only=OFF");
                statements.push("SET GLOBAL super_read_only=ON");
            }
            run(number, &statements)?;
        }
        Ok(())
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.cluster.flavor().is_mariadb()
    }

    /// A Lanewire in front of the servers.
    pub(crate) fn lanewire(&self) -> Lanewire {
        self.lanewire_with(&[])
    }

    /// One with more arguments.
    pub(crate) fn lanewire_with(&self, args: &[&str]) -> Lanewire {
        Lanewire::start(&Setup::of(&self.cluster).args(args)).expect("lanewire starts")
    }

    /// One with a configuration file besides.
    pub(crate) fn lanewire_as(&self, config: &str, args: &[&str]) -> Lanewire {
        let setup = Setup::of(&self.cluster).config(config).args(args);
        Lanewire::start(&setup).expect("lanewire starts")
    }

    /// How to reach server `number` past the proxy.
    pub(crate) fn direct_options(&self, number: usize) -> Options {
        let address = Address::Tcp(self.cluster.servers()[number].address());
        Options::new(address, "app", "app").schema("test")
    }

    /// A connection to the primary past the proxy.
    pub(crate) fn direct(&self) -> Client {
        Client::connect(&self.direct_options(0)).expect("the primary answers")
    }

    /// Runs statements on the primary, past the proxy, and waits for the replicas.
    pub(crate) fn lay_out(&self, statements: &[&str]) {
        let mut direct = self.direct();
        for sql in statements {
            direct.must(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        self.in_sync();
    }

    /// Waits until the replicas have what the primary has.
    pub(crate) fn in_sync(&self) {
        if let Err(error) = self.cluster.wait_in_sync() {
            panic!("{error}: {}", self.replication_errors());
        }
    }

    /// What the replicas say of their replication.
    fn replication_errors(&self) -> String {
        let show = if self.is_mariadb() { "SHOW SLAVE STATUS" } else { "SHOW REPLICA STATUS" };
        let mut errors = String::new();
        for replica in self.cluster.replicas() {
            let Ok(mut root) = replica.root() else { continue };
            let Ok(reply) = root.must(show) else { continue };
            let names = reply.rows().map(|rows| rows.columns.clone()).unwrap_or_default();
            for (column, value) in names.iter().zip(reply.table().into_iter().flatten()) {
                if column.name.ends_with("_Error") && !value.is_empty() {
                    errors.push_str(&format!("{} {}: {value}\n", replica.name, column.name));
                }
            }
        }
        errors
    }

    /// After a failed test: all servers up again.
    fn mend(&self) {
        for (number, server) in self.cluster.servers().iter().enumerate() {
            let _ = server.thaw();
            let answers = Client::connect(&self.direct_options(number)).is_ok();
            if !answers && let Err(error) = self.cluster.restart(number) {
                println!("{} stays down: {error}", server.name);
            }
        }
    }
}

/// Which server a plain read of this client reaches.
pub(crate) fn place(client: &mut Client) -> String {
    let reply = client.must("SELECT name FROM marker WHERE id = 1").expect("a read");
    reply.first_cell().expect("one row")
}

/// Asserts that a plain read reaches a replica.
#[track_caller]
pub(crate) fn assert_on_replica(client: &mut Client) {
    let place = place(client);
    assert!(place.starts_with("replica"), "read on {place}");
}

fn all() -> Vec<Test> {
    [
        peers::TESTS,
        prepared::TESTS,
        malformed::TESTS,
        prepared_alike::TESTS,
        long_data::TESTS,
        routing::TESTS,
        replies::TESTS,
        trackers::TESTS,
        bad_input::TESTS,
        capabilities::TESTS,
        extensions::TESTS,
        kill::TESTS,
        processlist::TESTS,
        unpin::TESTS,
        state::TESTS,
        queue::TESTS,
        large::TESTS,
        admin::TESTS,
        drain::TESTS,
        failures::TESTS,
    ]
    .concat()
}

fn main() -> ExitCode {
    let mut filters = Vec::new();
    let mut flavors = vec![Flavor::MariaDb, Flavor::MySql9];
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--flavor" {
            let name = args.next().unwrap_or_default();
            flavors = Flavor::from_name(&name).into_iter().collect();
        } else if !arg.starts_with('-') {
            filters.push(arg);
        }
    }
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|part| name.contains(part));
    let mut failed = Vec::new();
    let mut passed = 0;
    for flavor in flavors {
        if let Err(missing) = flavor.check() {
            println!("{flavor}: skipped: {missing}");
            continue;
        }
        let context = match Context::start(flavor) {
            Ok(context) => context,
            Err(error) => {
                println!("{flavor}: the servers do not start: {error}");
                failed.push(flavor.to_string());
                continue;
            }
        };
        for (name, test) in all().into_iter().filter(|(name, _)| wanted(name)) {
            let began = Instant::now();
            let ok = catch_unwind(AssertUnwindSafe(|| test(&context))).is_ok();
            let word = if ok { "ok" } else { "FAILED" };
            println!("test {flavor}::{name} ... {word} ({} ms)", began.elapsed().as_millis());
            if ok {
                passed += 1;
            } else {
                failed.push(format!("{flavor}::{name}"));
                context.mend();
            }
        }
    }
    println!("\nreal: {passed} passed, {} failed", failed.len());
    for name in &failed {
        println!("    {name}");
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
