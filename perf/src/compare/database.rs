//! The scenarios with a real MariaDB: a primary and a replica on the others' cores.

use super::engine::WHO;
use super::loads::{self, Load, Reading, Sample, Speed, Subject};
use super::stage::{Backends, Stage};
use super::sysbench;
use crate::load::definition::Definition;
use crate::servers::{Cluster, Flavor};
use std::error::Error;
use std::time::Instant;

/// Threads of sysbench, and the backend connections of an engine that shares them: where one core
/// runs the database, more connections than this only make it switch between threads.
const SYSBENCH: [(&str, usize, usize); 2] = [("sysbench-16", 16, 16), ("sysbench-64", 64, 16)];
const CLIENTS: usize = 1000;
const POOL: usize = 32;

/// What this file measures.
pub(super) const NAMES: [&str; 3] = ["sysbench-16", "sysbench-64", "clients-1000"];

/// Starts the database and runs those scenarios that `wanted` names.
pub(super) fn run(stage: &mut Stage<'_>, wanted: &[&str]) -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::start(Flavor::MariaDb, &stage.folder.join("mariadb"))?;
    let replica = cluster.replica(1);
    replica.execute(&["SET GLOBAL max_connections = 2000"])?;
    let (create, insert) =
        (format!("CREATE TABLE {WHO} (id INT)"), format!("INSERT INTO {WHO} VALUES (1)"));
    cluster.primary().execute(&[&create, &insert])?;
    sysbench::prepare(&cluster.primary().address())?;
    cluster.wait_in_sync()?;
    replica.execute(&["SET sql_log_bin = 0", &format!("UPDATE {WHO} SET id = 2")])?;
    let pids = cluster.servers().iter().filter_map(crate::servers::Server::pid).collect();
    let backends = Backends::of_database(cluster.primary().address(), replica.address(), pids);
    for (name, threads, pool) in SYSBENCH {
        if wanted.contains(&name) {
            super::head(name, &format!("sysbench oltp_point_select, MariaDB, {threads} threads"));
            point_selects(stage, &backends, name, threads, pool);
            super::report::print(stage, name);
        }
    }
    if wanted.contains(&"clients-1000") {
        let load = many_clients()?;
        super::head(load.name, "1,000 clients on a MariaDB, Lanewire with 32 connections to it");
        loads::run(stage, &load, Some(&backends))?;
        super::report::print(stage, load.name);
    }
    Ok(())
}

fn point_selects(
    stage: &mut Stage<'_>,
    backends: &Backends,
    name: &str,
    threads: usize,
    pool: usize,
) {
    let subjects: Vec<Subject> =
        stage.engines.iter().map(|engine| engine.name.as_str()).map(Subject::plain).collect();
    loads::rounds(stage, name, &subjects, &mut |stage, subject| {
        let running = loads::start(stage, subject, backends, pool)?;
        let core = stage.cores.proxy;
        let before = Reading::now(&running.pids(), &backends.pids, core)?;
        let began = Instant::now();
        let report = sysbench::run(&running.address, threads, stage.plan.measured)?;
        let after = Reading::now(&running.pids(), &backends.pids, core)?;
        let mut figures = vec![
            ("rate", report.per_second),
            ("p50", report.latency_us(50.0)),
            ("p99", report.latency_us(99.0)),
            ("p99.9", report.latency_us(99.9)),
        ];
        figures.extend(after.since(&before, report.queries.max(1.0), began.elapsed()));
        Ok(Sample { figures, latency_ns: None })
    });
}

fn many_clients() -> Result<Load, Box<dyn Error>> {
    let text = format!(
        "about = 'sysbench table'\n[[operation]]\nname = 'point-select'\n\
         statements = ['SELECT c FROM sbtest1 WHERE id={{int:1..{}}}']",
        sysbench::ROWS
    );
    Ok(Load {
        name: "clients-1000",
        definition: Definition::parse("clients-1000", &text)?,
        connections: CLIENTS,
        pool: Some(POOL),
        speed: Speed::Closed,
        subjects: ["direct", "lanewire"].map(Subject::plain).to_vec(),
        calls: false,
    })
}
