//! `make demo`: a primary, two replicas and Lanewire; a mixed load direct and through; a verdict
//! from counted facts.

mod backends;
mod phase;
mod progress;
mod report;
mod tally;
mod workload;

use crate::lanewire::{Lanewire, Setup};
use crate::process::which;
use backends::Backends;
use phase::Phase;
use report::Report;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Clients at the same time.
const CLIENTS: usize = 16;
/// How long the proxy may take to see both replicas.
const REPLICAS_TIMEOUT: Duration = Duration::from_secs(20);

/// What to demonstrate.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `auto`, `mariadb`, `mysql` or `stub`.
    pub backend: String,
    /// The time of the load through the proxy, in seconds; a third of it goes direct before.
    pub seconds: u64,
    /// Leaves everything running until a signal comes.
    pub keep: bool,
    /// The seed of the clients' choices.
    pub seed: u64,
}

/// Runs the demonstration; `true` when all was right. Everything is told on stdout.
///
/// # Errors
/// Servers or proxy cannot be started.
pub fn run(plan: &Plan) -> Result<bool, Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let folder = tempfile::Builder::new().prefix("lanewire-demo-").tempdir()?;
    let began = Instant::now();
    let backends = Backends::start(&plan.backend, folder.path())?;
    backends.prepare()?;
    println!(
        "{}: a primary and two replicas in {} ({:.1} s)",
        backends.name(),
        folder.path().display(),
        began.elapsed().as_secs_f64()
    );
    let addresses = backends.addresses();
    let setup = Setup {
        primary: addresses[0].clone(),
        replicas: addresses[1..].to_vec(),
        usual_ports: true,
        ..Setup::default()
    };
    let mut proxy = Lanewire::start(&setup, folder.path())?;
    println!("lanewire: 127.0.0.1:{}, admin port {}", proxy.port, proxy.admin_port);
    wait_for_replicas(&proxy, &backends)?;

    let direct_time = Duration::from_secs((plan.seconds / 3).max(1));
    let exact = backends.is_real();
    let phase = |title, address, time| {
        Phase { title, address, clients: CLIENTS, time, exact, seed: plan.seed }.run(&stop)
    };
    let start = backends.counters()?;
    let direct = phase("direct", addresses[0].clone(), direct_time);
    let between = backends.counters()?;
    let through = phase("through", proxy.address(), Duration::from_secs(plan.seconds));
    let end = backends.counters()?;

    let counters = [start, between, end];
    let report = Report { backends: &backends, counters, direct, through, seed: plan.seed };
    report.print();
    let mut right = report.is_right();
    if let Some(end) = proxy.unexpected_end() {
        println!("lanewire ended: {end}");
        right = false;
    }
    if stop.load(Ordering::Relaxed) {
        println!("stopped by a signal");
        return Ok(false);
    }
    print_how_to_try(&proxy, plan.keep);
    println!("{}", report.last_line(right));
    if plan.keep {
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(right)
}

/// Until each replica has answered a read through the proxy: before, a read may rightly go to the
/// primary.
fn wait_for_replicas(proxy: &Lanewire, backends: &Backends) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + REPLICAS_TIMEOUT;
    let mut missing = vec!["replica1", "replica2"];
    let mut client = workload::connect(&proxy.address())?;
    while !missing.is_empty() {
        if Instant::now() > deadline {
            let log = proxy.log_tail();
            let name = backends.name();
            return Err(format!("{name}: no reads reach {}\n{log}", missing.join(", ")).into());
        }
        let server = workload::who_answers(&mut client)?;
        missing.retain(|name| *name != server);
    }
    Ok(())
}

fn print_how_to_try(proxy: &Lanewire, keep: bool) {
    let client = if which("mariadb").is_some() { "mariadb" } else { "mysql" };
    let when =
        if keep { "Try it (Ctrl-C ends):" } else { "To try it, run again with KEEP=1; then:" };
    println!("{when}");
    println!("  {client} -h127.0.0.1 -P{} -uapp -papp {}", proxy.port, workload::HOME);
    println!(
        "  {client} -h127.0.0.1 -P{} -uadmin -padmin -e 'SELECT * FROM backends'",
        proxy.admin_port
    );
    println!();
}
