//! All clients' sessions, at the same time.

use crate::grammar::Script;
use crate::play::{Difference, play};
use crate::world::{Side, World};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the workers share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) world: World,
    /// Stop after so many.
    statements: u64,
    differences_max: usize,
    done: AtomicU64,
    stop: AtomicBool,
    found: Mutex<Vec<(Script, Difference)>>,
    broken: Mutex<Vec<String>>,
}

impl Run {
    pub(crate) fn new(seed: u64, world: World, statements: u64, differences_max: usize) -> Self {
        Self {
            seed,
            world,
            statements,
            differences_max,
            done: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            found: Mutex::new(Vec::new()),
            broken: Mutex::new(Vec::new()),
        }
    }

    /// Statements compared.
    pub(crate) fn statements_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed).min(self.statements)
    }

    /// The sessions that differed.
    pub(crate) fn found(&self) -> Vec<(Script, Difference)> {
        self.found.lock().map(|found| found.clone()).unwrap_or_default()
    }

    /// What kept sessions from being compared.
    pub(crate) fn broken(&self) -> Vec<String> {
        self.broken.lock().map(|broken| broken.clone()).unwrap_or_default()
    }

    fn goes_on(&self) -> bool {
        self.statements_done() < self.statements && !self.stop.load(Ordering::Relaxed)
    }

    /// Until enough was compared or found.
    pub(crate) fn all(&self, clients: u64) {
        std::thread::scope(|scope| {
            for client in 0..clients {
                scope.spawn(move || self.work(client));
            }
            let mut shown = Instant::now();
            while self.goes_on() {
                std::thread::sleep(Duration::from_millis(50));
                if shown.elapsed() > Duration::from_secs(5) {
                    shown = Instant::now();
                    let (done, found) = (self.statements_done(), self.found().len());
                    eprintln!(
                        "differential: {done} of {} statements, {found} differences",
                        self.statements
                    );
                }
            }
        });
    }

    /// One client's sessions, one after the other.
    fn work(&self, client: u64) {
        let mut side = match Side::open(&self.world) {
            Ok(side) => side,
            Err(error) => return self.give_up(&format!("side connections: {error}")),
        };
        let mut session = 0;
        while self.goes_on() {
            self.one(&mut side, client, session);
            session += 1;
        }
    }

    /// One session.
    pub(crate) fn one(&self, side: &mut Side, client: u64, session: u64) {
        let script = Script::generate(self.seed, client, session, self.world.mysql);
        let count = || {
            let before = self.done.fetch_add(1, Ordering::Relaxed);
            before + 1 < self.statements && !self.stop.load(Ordering::Relaxed)
        };
        match play(&self.world, side, &script, count) {
            Ok(None) => {}
            Ok(Some(difference)) => {
                let Ok(mut found) = self.found.lock() else { return };
                // Shrunk at the end; a long run should not keep it till then.
                println!(
                    "differential: found by --seed {} --only {client}:{session}, step {}",
                    self.seed, difference.at
                );
                difference.print(&script);
                println!("-- after:");
                for step in &script.steps[difference.at.saturating_sub(40)..difference.at] {
                    println!("   {step}");
                }
                found.push((script, difference));
                if found.len() >= self.differences_max {
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
            Err(error) => self.give_up(&format!("client {client} session {session}: {error}")),
        }
    }

    fn give_up(&self, error: &str) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut broken) = self.broken.lock() {
            broken.push(error.into());
        }
    }
}
