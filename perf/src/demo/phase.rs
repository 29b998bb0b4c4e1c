//! Many clients for some time.

use super::progress::Progress;
use super::tally::Tally;
use super::workload::Worker;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A client that meets this many errors gives up.
const ERRORS_MAX: u64 = 100;

pub(super) struct Phase {
    pub(super) title: &'static str,
    pub(super) address: String,
    pub(super) clients: usize,
    pub(super) time: Duration,
    /// Whether answers can be checked.
    pub(super) exact: bool,
    pub(super) seed: u64,
}

impl Phase {
    /// Runs to the end of the time, or until `stop`; returns what all clients counted.
    pub(super) fn run(&self, stop: &AtomicBool) -> Tally {
        let statements = AtomicU64::new(0);
        let over = AtomicBool::new(false);
        let mut sum = Tally::new();
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients)
                .map(|number| {
                    let (over, statements) = (&over, &statements);
                    scope.spawn(move || self.client(number, over, statements))
                })
                .collect();
            self.wait(stop, &statements);
            over.store(true, Ordering::Relaxed);
            for client in clients {
                match client.join() {
                    Ok(tally) => sum.merge(&tally),
                    Err(_) => sum.error("a client of the demo panicked".into()),
                }
            }
        });
        sum
    }

    fn wait(&self, stop: &AtomicBool, statements: &AtomicU64) {
        let progress = Progress::new(self.title, self.time);
        let began = Instant::now();
        while began.elapsed() < self.time && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
            progress.show(began.elapsed(), statements.load(Ordering::Relaxed));
        }
        progress.end(statements.load(Ordering::Relaxed));
    }

    fn client(&self, number: usize, over: &AtomicBool, statements: &AtomicU64) -> Tally {
        let mut sum = Tally::new();
        let mut seed = self.seed.wrapping_mul(1009).wrapping_add(number as u64);
        while !over.load(Ordering::Relaxed) && sum.errors < ERRORS_MAX {
            seed = seed.wrapping_add(1 << 32);
            match Worker::connect(&self.address, self.exact, seed) {
                Ok(worker) => self.serve(worker, over, statements, &mut sum),
                Err(error) => {
                    sum.error(error);
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
        sum
    }

    /// Until the time is over or something goes wrong; then the connection's state is unknown, and
    /// the client begins again with a new one.
    fn serve(
        &self,
        mut worker: Worker,
        over: &AtomicBool,
        statements: &AtomicU64,
        sum: &mut Tally,
    ) {
        while !over.load(Ordering::Relaxed) {
            let before = worker.tally.statements;
            let done = worker.step();
            statements.fetch_add(worker.tally.statements - before, Ordering::Relaxed);
            if let Err(error) = done {
                worker.tally.error(error);
                break;
            }
        }
        sum.merge(&worker.tally);
    }
}
