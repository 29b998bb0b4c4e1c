//! The load against the stub: every loop, protocol and workload, and what faults look like.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lanewire_perf::client::{Address, Client, Options};
use lanewire_perf::load::definition::Definition;
use lanewire_perf::load::{
    Fault, LoadError, Outcome, Pace, Plan, Progress, Protocol, prepare, run,
};
use lanewire_perf::process::Process;
use lanewire_perf::servers::free_ports;
use lanewire_perf::stub::{Faults, Identity, RunningStub, Stub};
use rustix::process::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

fn stub(faults: Faults) -> RunningStub {
    let identity = Identity { name: "stub".into(), server_id: 1, read_only: false };
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Stub::bind(any_port, identity).unwrap().with_faults(faults).spawn().unwrap()
}

/// A short run of a workload over eight connections.
fn plan(stub: &RunningStub, workload: &str) -> Plan {
    let target = Options::new(Address::Tcp(stub.address.to_string()), "app", "app");
    Plan {
        connections: 8,
        warm_up: Duration::from_millis(50),
        measured: Duration::from_millis(300),
        ..Plan::new(target, Definition::load(workload).unwrap())
    }
}

fn outcome(plan: &Plan) -> Outcome {
    run(plan, &AtomicBool::new(false), &mut |_| {}).unwrap()
}

fn percentile_ms(outcome: &Outcome, percentile: f64) -> u64 {
    outcome.tally.latency_ns().value_at_percentile(percentile) / 1_000_000
}

#[test]
fn every_workload_runs_in_both_protocols() {
    for definition in Definition::builtin() {
        let large = definition.name.starts_with("large");
        for protocol in [Protocol::Text, Protocol::Binary] {
            let stub = stub(Faults::default());
            let mut plan = Plan { protocol, threads: 2, ..plan(&stub, &definition.name) };
            // Ten seconds of rest would be the whole test.
            plan.definition.think_ms = plan.definition.think_ms.min(20);
            let outcome = outcome(&plan);
            let name = &definition.name;
            assert!(outcome.tally.completed() > 0, "{name} {protocol:?}");
            assert_eq!(outcome.failed(), 0, "{name} {protocol:?}: {:?}", outcome.tally.failures);
            assert!(outcome.tally.statements >= outcome.tally.completed(), "{name}");
            assert!(!outcome.cpu.is_zero() && !outcome.stopped);
            if large && name.ends_with("result") {
                let bytes = outcome.tally.bytes_in / outcome.tally.completed();
                assert!(bytes > 1 << 20, "{bytes} bytes a result");
                assert_eq!(outcome.tally.rows, 64 * outcome.tally.completed());
            }
        }
    }
}

#[test]
fn what_the_load_counts_the_server_has_seen() {
    let stub = stub(Faults::default());
    let plan = Plan { warm_up: Duration::ZERO, ..plan(&stub, "point-select") };
    let mut seconds = 0;
    let outcome = run(&plan, &AtomicBool::new(false), &mut |progress| {
        if let Progress::Second { tally, .. } = progress {
            seconds += tally.completed();
        }
    })
    .unwrap();
    let seen = stub.counters.status()["Com_select"];
    let completed = outcome.tally.completed();
    // Eight were under way at the end, one came before the start.
    assert!((completed..=completed + 9).contains(&seen), "{completed} counted, {seen} seen");
    assert_eq!((seconds, outcome.tally.rows), (completed, completed));
}

#[test]
fn an_open_loop_keeps_its_rate_and_each_operation_waits_its_delay() {
    let stub = stub(Faults { delay: Duration::from_millis(5), ..Faults::default() });
    let pace = Pace::Open { rate: 500.0 };
    let plan = Plan { pace, threads: 2, measured: Duration::from_secs(1), ..plan(&stub, "range") };
    let outcome = outcome(&plan);
    assert_eq!((outcome.tally.completed(), outcome.unfinished), (500, 0));
    assert!(percentile_ms(&outcome, 1.0) >= 5);
}

#[test]
fn an_open_loop_counts_the_wait_for_a_connection() {
    let stub = stub(Faults { delay: Duration::from_millis(10), ..Faults::default() });
    let one = Plan { connections: 1, ..plan(&stub, "point-select") };
    let closed = outcome(&one);
    assert!(percentile_ms(&closed, 50.0) < 100, "a closed loop asks less of a slow server");
    // Twice what one connection can do: at the end they wait for most of the time.
    let rate = 1000.0;
    let open =
        outcome(&Plan { pace: Pace::Open { rate }, measured: Duration::from_secs(3), ..one });
    assert!(open.unfinished > 0);
    assert!(percentile_ms(&open, 90.0) > 1000, "{}", open.table());
    assert_eq!(open.tally.completed() + open.unfinished, 3000);
    // One connection, ten milliseconds: what is answered after the end is no throughput.
    assert!(open.rate() <= 101.0, "{}", open.rate());
}

#[test]
fn faults_are_counted_by_kind_and_the_load_goes_on() {
    let one = |faults: Faults, fault: Fault| {
        let stub = stub(faults);
        let outcome = outcome(&plan(&stub, "mixed"));
        let count = outcome.tally.failures.0.get(&fault).map_or(0, |one| one.count);
        assert!(count > 3, "{fault}: {:?}", outcome.tally.failures);
        assert!(outcome.tally.completed() > count, "{:?}", outcome.tally.failures);
    };
    let none = || Faults { seed: 7, ..Faults::default() };
    one(Faults { error_rate: 0.05, ..none() }, Fault::Server(1205));
    one(Faults { drop_rate: 0.05, ..none() }, Fault::Closed);
    one(Faults { half_reply_rate: 0.05, ..none() }, Fault::Closed);
    one(Faults { drop_after: Some(20), ..none() }, Fault::Closed);
}

#[test]
fn too_many_failures_end_the_run() {
    let stub = stub(Faults { drop_after: Some(5), ..Faults::default() });
    let hour = Duration::from_secs(3600);
    let plan = Plan { failures_max: 50, measured: hour, ..plan(&stub, "point-select") };
    let outcome = outcome(&plan);
    assert!(outcome.stopped && outcome.failed() >= 50);
}

#[test]
fn a_silent_server_is_a_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_ports(1).unwrap()[0]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanewire-perf"));
    command.args(["backend", "--address", &address]);
    let server = Process::start(command, &folder.path().join("log")).unwrap();
    let target = Options::new(Address::Tcp(address.clone()), "app", "app");
    while Client::connect(&target).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut plan = Plan::new(target, Definition::load("point-select").unwrap());
    (plan.connections, plan.warm_up) = (8, Duration::from_millis(50));
    (plan.measured, plan.timeout) = (Duration::from_secs(3), Duration::from_millis(500));
    let outcome = run(&plan, &AtomicBool::new(false), &mut |progress| {
        if let Progress::Begin = progress {
            server.signal(Signal::STOP).unwrap();
        }
    });
    server.signal(Signal::CONT).unwrap();
    let failures = outcome.unwrap().tally.failures;
    // Each connection at least once in the middle of a query and once in its next login.
    assert!(failures.0[&Fault::Timeout].count >= 16, "{failures:?}");
}

#[test]
fn tables_are_prepared_and_wrong_plans_told() {
    let stub = stub(Faults::default());
    let mut plan = plan(&stub, "think-time");
    let mut told = Vec::new();
    prepare(&plan, &mut |table, rows| told.push((table.to_owned(), rows))).unwrap();
    // The stub says that it has seven.
    assert_eq!(told, [("lw_items".to_owned(), 99_993)]);
    assert!(stub.counters.status()["Com_insert"] > 10);
    plan.pace = Pace::Open { rate: 10.0 };
    let wrong = run(&plan, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
    assert!(matches!(wrong, LoadError::Plan(text) if text.contains("think-ms")));
    plan.pace = Pace::Closed { expected: None };
    plan.target.address = Address::local(1);
    let wrong = run(&plan, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
    assert!(wrong.to_string().contains("--port"), "{wrong}");
}
