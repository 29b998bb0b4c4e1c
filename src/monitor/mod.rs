//! Watches the servers from outside the data cores, and publishes what it finds.
//!
//! One thread owns the [`ClusterView`] and publishes a new one, with a higher generation, whenever
//! something changed. What can block (resolving a name, connecting, logging in) runs in a short
//! thread per backend, at most one at a time for each, so that a server that hangs delays nobody.
//!
//! A server is surveyed when the process starts, every second until it was reached, and again when
//! a shard [pokes](Poker::poke) because one that was down answers: it may be another one now. Names
//! are resolved anew every half minute. Probing servers that are known, lag and promotions will be
//! added here.

mod survey;
mod watch;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cluster::{BackendIdx, ClusterView, Topology};
use crate::config::Settings;
use watch::{Job, Outcome, Watch};

/// Takes each new view; called from the monitor's thread.
pub type Publish = Box<dyn Fn(Arc<ClusterView>) + Send>;

/// The monitor sleeps no longer than this.
const SLEEP_MAX: Duration = Duration::from_secs(30);

enum Event {
    Poke(BackendIdx),
    Done(BackendIdx, Outcome),
    Stop,
}

/// The running monitor. Dropping it stops the thread, but does not wait for it.
#[derive(Debug)]
pub struct Monitor {
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
}

/// Asks the monitor for surveys, from any thread.
#[derive(Clone, Debug)]
pub struct Poker {
    events: Sender<Event>,
}

impl Poker {
    /// Asks for a new survey of `backend`. Pokes within a second of its last survey wait for the
    /// second to end; an unknown backend is ignored.
    pub fn poke(&self, backend: BackendIdx) {
        // The monitor ends only with the process.
        let _ = self.events.send(Event::Poke(backend));
    }
}

impl Monitor {
    /// Starts the monitor's thread. It publishes the first view, with what needs no network, at
    /// once.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn(
        settings: Arc<Settings>,
        topology: &Topology,
        publish: Publish,
    ) -> io::Result<Self> {
        let (events, inbox) = mpsc::channel();
        let watches = settings.backends.iter().map(|backend| Watch::new(backend.clone())).collect();
        let state = State {
            view: ClusterView::initial(topology),
            credentials: survey::credentials(&settings).map(Arc::new),
            connect_timeout: settings.timeouts.connect,
            watches,
            events: events.clone(),
            publish,
        };
        let thread = thread::Builder::new()
            .name("lanewire-monitor".into())
            .spawn(move || state.run(&inbox))?;
        Ok(Self { events, thread: Some(thread) })
    }

    /// Something that pokes from another thread.
    #[must_use]
    pub fn poker(&self) -> Poker {
        Poker { events: self.events.clone() }
    }

    /// Ends the thread and waits for it; surveys under way end by their own time limits.
    pub fn stop(mut self) {
        let _ = self.events.send(Event::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Stop);
    }
}

struct State {
    view: ClusterView,
    watches: Vec<Watch>,
    credentials: Option<Arc<survey::Credentials>>,
    connect_timeout: Duration,
    events: Sender<Event>,
    publish: Publish,
}

impl State {
    fn run(mut self, inbox: &Receiver<Event>) {
        for (idx, watch) in self.watches.iter().enumerate() {
            if let Some(backend) = self.view.backends.get_mut(idx) {
                backend.addresses = watch.literal_addresses();
            }
        }
        self.publish();
        loop {
            let now = Instant::now();
            self.start_due(now);
            let due = self.watches.iter().filter_map(Watch::next_due).min();
            let sleep =
                due.map_or(SLEEP_MAX, |due| due.saturating_duration_since(now)).min(SLEEP_MAX);
            match inbox.recv_timeout(sleep) {
                Ok(Event::Poke(idx)) => {
                    if let Some(watch) = self.watches.get_mut(idx.slot()) {
                        watch.poke(Instant::now());
                    }
                }
                Ok(Event::Done(idx, outcome)) => self.note(idx, outcome),
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn start_due(&mut self, now: Instant) {
        for (idx, watch) in (0u16..).map(BackendIdx).zip(&mut self.watches) {
            let Some(job) = watch.take_due(now) else { continue };
            let address = watch.address().clone();
            let credentials = self.credentials.clone();
            let (events, timeout) = (self.events.clone(), self.connect_timeout);
            let run = move || {
                let outcome = run_job(job, &address, credentials.as_deref(), timeout);
                let _ = events.send(Event::Done(idx, outcome));
            };
            if let Err(error) = thread::Builder::new().name("lanewire-survey".into()).spawn(run) {
                tracing::warn!(backend = watch.name(), %error, "cannot start a survey");
                watch.failed_to_start(now);
            }
        }
    }

    fn note(&mut self, idx: BackendIdx, outcome: Outcome) {
        let (Some(watch), Some(backend)) =
            (self.watches.get_mut(idx.slot()), self.view.backends.get_mut(idx.slot()))
        else {
            return;
        };
        let found = watch.note(outcome, Instant::now());
        let mut changed = false;
        if let Some(addresses) = found.addresses
            && backend.addresses != addresses
        {
            backend.addresses = addresses;
            changed = true;
        }
        if let Some(facts) = found.facts
            && backend.facts.as_deref() != Some(&facts)
        {
            backend.facts = Some(Arc::new(facts));
            changed = true;
        }
        if changed {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.view.generation += 1;
        (self.publish)(Arc::new(self.view.clone()));
    }
}

fn run_job(
    job: Job,
    address: &crate::config::Address,
    credentials: Option<&survey::Credentials>,
    timeout: Duration,
) -> Outcome {
    let addresses = survey::resolve(address);
    let survey = match (job, &addresses) {
        (Job::Survey, Ok(addresses)) => {
            Some(survey::survey(address, addresses, credentials, timeout))
        }
        (Job::Survey, Err(_)) | (Job::Resolve, _) => None,
    };
    Outcome { job, addresses, survey }
}

#[cfg(test)]
mod tests;
