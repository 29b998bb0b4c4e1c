//! Real servers start, replicate, die and come back. Skipped where they are not installed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lanewire_perf::servers::{Cluster, Flavor, ServerError};

fn a_cluster_lives(flavor: Flavor) {
    let folder = tempfile::tempdir().unwrap();
    let cluster = match Cluster::start(flavor, folder.path()) {
        Err(ServerError::Missing { hint, .. }) => {
            eprintln!("skipped: {flavor}: {hint}");
            return;
        }
        started => started.unwrap(),
    };
    cluster.primary().execute(&["CREATE TABLE test.t (a INT PRIMARY KEY)"]).unwrap();
    cluster.primary().execute(&["INSERT INTO test.t VALUES (7)"]).unwrap();
    cluster.wait_in_sync().unwrap();
    for replica in cluster.replicas() {
        assert_eq!(replica.execute(&["SELECT a FROM test.t"]).unwrap(), [["7"]]);
    }
    cluster.kill9(1).unwrap();
    assert!(cluster.replica(1).pid().is_none());
    cluster.restart(1).unwrap();
    cluster.wait_in_sync().unwrap();
    let before = cluster.status_counters(0).unwrap()["Com_select"];
    cluster.primary().execute(&["SELECT 1"]).unwrap();
    assert_eq!(cluster.status_counters(0).unwrap()["Com_select"], before + 1);
}

#[test]
fn mariadb() {
    a_cluster_lives(Flavor::MariaDb);
}

#[test]
fn mysql9() {
    a_cluster_lives(Flavor::MySql9);
}

#[test]
fn mysql56() {
    a_cluster_lives(Flavor::MySql56);
}
