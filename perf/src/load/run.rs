//! A run from its first login to its figures: one thread beside those of the load keeps the time.

use super::schedule::Schedule;
use super::worker::{Finish, Shared, Window, Worker};
use super::{LoadError, Outcome, Pace, Plan, Progress, Tally};
use crate::client::Client;
use crate::load::definition::Operation;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::set_current_timer_slack;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Between the word to start and the start: all threads have heard it by then.
const START_IN: Duration = Duration::from_millis(10);
/// So long an open loop's last replies are waited for.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// Files that are open besides the connections.
const OTHER_FILES: u64 = 64;
/// The statements are tried this often: a server may be told to fail some.
const TRIES: usize = 5;

enum Message {
    Ready,
    Second(u64, Tally),
    Done(Result<Finish, LoadError>),
}

/// Runs `plan` until its time is over, `stop` is set or its failures are too many. `on_progress`
/// is called on this thread.
///
/// # Errors
/// The plan contradicts itself, the first login or a statement fails, or a connection cannot be
/// made before the start.
pub fn run(
    plan: &Plan,
    stop: &AtomicBool,
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome, LoadError> {
    check(plan)?;
    allow_files(plan.connections)?;
    try_statements(plan)?;
    let failed = AtomicBool::new(false);
    let shared =
        Shared { origin: Instant::now(), stop, failed: &failed, failures: AtomicU64::new(0) };
    let (sender, messages) = channel();
    thread::scope(|scope| {
        let mut starts = Vec::with_capacity(plan.threads);
        for number in 0..plan.threads {
            let (start, started) = channel();
            starts.push(start);
            let (sender, shared) = (sender.clone(), &shared);
            thread::Builder::new().name(format!("load-{number}")).spawn_scoped(
                scope,
                move || {
                    let done = one_thread(plan, number, shared, &sender, &started);
                    // The receiver has gone only where another thread has failed before.
                    let _ = sender.send(Message::Done(done));
                },
            )?;
        }
        drop(sender);
        let conductor = Conductor { plan, shared: &shared, messages: &messages };
        let outcome = conductor.conduct(starts, on_progress);
        failed.store(true, Ordering::Relaxed);
        outcome
    })
}

fn one_thread(
    plan: &Plan,
    number: usize,
    shared: &Shared<'_>,
    sender: &Sender<Message>,
    started: &Receiver<Window>,
) -> Result<Finish, LoadError> {
    let report = |second, tally| {
        // See above.
        let _ = sender.send(Message::Second(second, tally));
    };
    let connections =
        plan.connections / plan.threads + usize::from(number < plan.connections % plan.threads);
    // An open loop's sends shall not wait for the 50 µs by which the kernel may round a timer up; a
    // kernel that refuses only makes them later, which is counted.
    let _ = set_current_timer_slack(NonZeroU64::new(1));
    let mut worker = Worker::new(plan, shared, &report, connections, number as u64 + 1)?;
    worker.set_up()?;
    let _ = sender.send(Message::Ready);
    let Ok(window) = started.recv() else { return Ok(Finish::default()) };
    let schedule = match plan.pace {
        Pace::Closed { .. } => None,
        Pace::Open { rate } => {
            let (thread, threads) = (number as u64, plan.threads as u64);
            Some(Schedule::new(rate, window.start_ns, window.end_ns, thread, threads))
        }
    };
    worker.run(window, schedule)
}

struct Conductor<'a> {
    plan: &'a Plan,
    shared: &'a Shared<'a>,
    messages: &'a Receiver<Message>,
}

impl Conductor<'_> {
    fn conduct(
        &self,
        starts: Vec<Sender<Window>>,
        on_progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Outcome, LoadError> {
        let mut ready = 0;
        while ready < self.plan.threads {
            match self.messages.recv() {
                Ok(Message::Ready) => ready += 1,
                Ok(Message::Second(..)) => {}
                Ok(Message::Done(Err(error))) => return Err(error),
                Ok(Message::Done(Ok(_))) | Err(_) => return Err(ended_early()),
            }
        }
        on_progress(Progress::Connected);
        let window = self.window();
        for start in starts {
            start.send(window).map_err(|_| ended_early())?;
        }
        self.collect(window, on_progress)
    }

    fn window(&self) -> Window {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let start = self.shared.origin.elapsed() + START_IN;
        let begin = start + self.plan.warm_up;
        let end = begin + self.plan.measured;
        Window {
            start_ns: ns(start),
            begin_ns: ns(begin),
            end_ns: ns(end),
            drained_ns: ns(end + DRAIN_MAX),
        }
    }

    fn collect(
        &self,
        window: Window,
        on_progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Outcome, LoadError> {
        let origin = self.shared.origin;
        let moment = |ns| origin + Duration::from_nanos(ns);
        let mut marks = vec![
            (moment(window.end_ns), Progress::End),
            (moment(window.begin_ns), Progress::Begin),
        ];
        let operations = &self.plan.definition.operations;
        let mut sum = Tally::new(operations.len());
        let mut seconds: BTreeMap<u64, (usize, Tally)> = BTreeMap::new();
        let mut finish = Finish::default();
        let mut done = 0;
        while done < self.plan.threads {
            let next = marks.last().map(|(at, _)| *at);
            let wait = next.map_or(DRAIN_MAX, |at| at.saturating_duration_since(Instant::now()));
            match self.messages.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {
                    if let Some((_, mark)) = marks.pop() {
                        on_progress(mark);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(ended_early()),
                Ok(Message::Ready) => {}
                Ok(Message::Done(result)) => {
                    let one = result?;
                    finish.cpu += one.cpu;
                    finish.unfinished += one.unfinished;
                    done += 1;
                }
                Ok(Message::Second(number, tally)) => {
                    sum.add(&tally);
                    let second =
                        seconds.entry(number).or_insert_with(|| (0, Tally::new(operations.len())));
                    second.0 += 1;
                    second.1.add(&tally);
                    tell_whole(&mut seconds, self.plan.threads, on_progress);
                }
            }
        }
        let now = Instant::now();
        tell_whole(&mut seconds, 0, on_progress);
        while let Some((_, mark)) = marks.pop() {
            on_progress(mark);
        }
        let end = now.min(moment(window.end_ns));
        Ok(Outcome {
            names: operations.iter().map(|Operation { name, .. }| name.clone()).collect(),
            tally: sum,
            elapsed: end.saturating_duration_since(moment(window.begin_ns)),
            cpu: finish.cpu,
            unfinished: finish.unfinished,
            stopped: now < moment(window.end_ns),
        })
    }
}

/// Tells of the seconds that `threads` threads have told of.
fn tell_whole(
    seconds: &mut BTreeMap<u64, (usize, Tally)>,
    threads: usize,
    on_progress: &mut dyn FnMut(Progress<'_>),
) {
    while let Some(first) = seconds.first_entry().filter(|first| first.get().0 >= threads) {
        let (number, (_, tally)) = first.remove_entry();
        on_progress(Progress::Second { number, tally: &tally });
    }
}

fn ended_early() -> LoadError {
    LoadError::Plan("a thread of the load ended before its time".into())
}

fn check(plan: &Plan) -> Result<(), LoadError> {
    let wrong = |text: &str| Err(LoadError::Plan(text.into()));
    if plan.connections == 0 || plan.threads == 0 {
        return wrong("nothing to run: --connections and --threads must be 1 at least");
    }
    if plan.threads > plan.connections {
        return wrong("a thread would have no connection: fewer --threads, or more --connections");
    }
    if plan.measured.is_zero() {
        return wrong("nothing is measured: --duration must be above 0");
    }
    if let Pace::Open { rate } = plan.pace {
        if !(rate.is_finite() && rate > 0.0) {
            return wrong("--rate must be above 0");
        }
        if plan.definition.think_ms > 0 {
            return wrong("think-ms and --rate exclude each other: the rate says when to send");
        }
    }
    Ok(())
}

/// Raises the limit of open files as far as this process may, where the connections need that.
fn allow_files(connections: usize) -> Result<(), LoadError> {
    let wanted = connections as u64 + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(LoadError::Plan(format!(
            "{connections} connections need {wanted} open files: run `ulimit -Hn {wanted}` as root \
             first, or use fewer --connections"
        )));
    }
    let limit = Rlimit { current: Some(wanted), maximum };
    setrlimit(Resource::Nofile, limit).map_err(std::io::Error::from)?;
    Ok(())
}

/// Runs each statement once, so that a wrong password or a missing table is told at once and not
/// ten thousand times.
fn try_statements(plan: &Plan) -> Result<(), LoadError> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match try_once(plan) {
            Err(_) if tries > 0 => {}
            done => return done,
        }
    }
}

fn try_once(plan: &Plan) -> Result<(), LoadError> {
    let first = |error| LoadError::First { error };
    let target = plan.target.clone().timeout(plan.timeout);
    let mut client = Client::connect(&target).map_err(first)?;
    let mut random = fastrand::Rng::with_seed(1);
    for operation in &plan.definition.operations {
        for template in &operation.statements {
            let sql = template.text(&mut random, 0);
            let reply = client.query_streamed(&sql).map_err(first)?;
            if let Some(error) = reply.error {
                let sql = sql.chars().take(200).collect();
                return Err(LoadError::Statement { sql, error });
            }
        }
    }
    client.quit().map_err(first)
}
