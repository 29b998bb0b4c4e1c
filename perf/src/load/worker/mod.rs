//! One thread of a load: its connections, one epoll, the clock.

mod marks;
mod operations;

use super::connection::{Connection, Event, resolve};
use super::requests::Requests;
use super::schedule::Schedule;
use super::tally::{Failure, Tally};
use super::{LoadError, Plan};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::SocketAddrAny;
use rustix::time::Timespec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECOND_NS: u64 = 1_000_000_000;
/// So many events are taken from the kernel at once.
const EVENTS: usize = 256;
const READ_LEN: usize = 256 * 1024;
/// So many connections are set up at the same time before the start: listeners have a backlog.
const DIALS: usize = 64;
/// A connection that could not be made is tried again after this.
const REDIAL_NS: u64 = 100_000_000;
/// The longest wait for an event: the stop flag is looked at in between.
const WAIT_MAX_NS: u64 = 100_000_000;
/// An open loop that sends later than this though a connection is free is to blame itself.
const LATE_NS: u64 = 1_000_000;

/// What the threads of a load share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// Time zero.
    pub(super) origin: Instant,
    /// The caller's word to end the run.
    /// The caller's word to end the run.
    pub(super) stop: &'a AtomicBool,
    /// Failures are too many, or a thread cannot go on.
    pub(super) failed: &'a AtomicBool,
    /// Of all threads.
    pub(super) failures: AtomicU64,
}

/// A run's moments, in nanoseconds since [`Shared::origin`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    pub(super) start_ns: u64,
    /// The warm-up is over.
    pub(super) begin_ns: u64,
    /// Nothing new is due from here on.
    pub(super) end_ns: u64,
    /// What is still under way in an open loop is waited for until then.
    pub(super) drained_ns: u64,
}

/// What a thread has to say at its end.
#[derive(Debug, Default)]
pub(super) struct Finish {
    /// CPU time of the thread in the measured time.
    pub(super) cpu: Duration,
    /// Operations of an open loop that were due and never got their reply.
    pub(super) unfinished: u64,
}

/// A connection and its part in the load.
struct Slot {
    connection: Connection,
    operation: usize,
    step: usize,
    /// The operation began, or was due, then.
    started_ns: u64,
    /// An operation is under way.
    pending: bool,
    /// One of its statements got an ERR.
    failed: bool,
    in_free: bool,
    /// What it waits for is overdue from then on.
    deadline_ns: u64,
    /// The timer that counts; others of this slot are out of date.
    wake_ns: u64,
}

/// See the module.
pub(super) struct Worker<'a> {
    plan: &'a Plan,
    shared: &'a Shared<'a>,
    /// Takes each second's counts, with the second's number.
    report: &'a dyn Fn(u64, Tally),
    address: SocketAddrAny,
    requests: Requests,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    slots: Vec<Slot>,
    /// Connections of an open loop that nothing is due for.
    free: VecDeque<usize>,
    timers: BinaryHeap<Reverse<(u64, usize)>>,
    schedule: Option<Schedule>,
    think_ns: u64,
    window: Window,
    running: bool,
    counting: bool,
    ready: usize,
    setup_failure: Option<Failure>,
    tally: Tally,
    next_second_ns: u64,
    next_mark_ns: u64,
    cpu_before: Duration,
    finish: Finish,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        shared: &'a Shared<'a>,
        report: &'a dyn Fn(u64, Tally),
        connections: usize,
        seed: u64,
    ) -> Result<Self, LoadError> {
        let slot = || Slot {
            connection: Connection::new(),
            operation: 0,
            step: 0,
            started_ns: 0,
            pending: false,
            failed: false,
            in_free: false,
            deadline_ns: 0,
            wake_ns: 0,
        };
        Ok(Self {
            plan,
            shared,
            report,
            address: resolve(&plan.target.address)?,
            requests: Requests::new(&plan.definition, plan.protocol, seed),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(std::io::Error::from)?,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; READ_LEN],
            slots: std::iter::repeat_with(slot).take(connections).collect(),
            free: VecDeque::with_capacity(connections),
            timers: BinaryHeap::with_capacity(connections),
            schedule: None,
            think_ns: plan.definition.think_ms * 1_000_000,
            window: Window::default(),
            running: false,
            counting: false,
            ready: 0,
            setup_failure: None,
            tally: Tally::new(plan.definition.operations.len()),
            next_second_ns: 0,
            next_mark_ns: u64::MAX,
            cpu_before: Duration::ZERO,
            finish: Finish::default(),
        })
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.shared.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed) || self.shared.failed.load(Ordering::Relaxed)
    }

    /// Makes all connections, unless each operation makes its own.
    pub(super) fn set_up(&mut self) -> Result<(), LoadError> {
        if self.plan.definition.connect_each_time {
            return Ok(());
        }
        let mut dialled = 0;
        while self.ready < self.slots.len() && !self.stopped() {
            while dialled < self.slots.len() && dialled - self.ready < DIALS {
                self.dial(dialled, self.now_ns());
                dialled += 1;
            }
            self.poll(WAIT_MAX_NS)?;
            self.check_deadlines(self.now_ns());
            if let Some(failure) = self.setup_failure.take() {
                return Err(LoadError::Login { number: self.ready + 1, failure });
            }
        }
        Ok(())
    }

    /// Runs from `window.start_ns` to the end.
    pub(super) fn run(
        mut self,
        window: Window,
        schedule: Option<Schedule>,
    ) -> Result<Finish, LoadError> {
        (self.window, self.schedule, self.running) = (window, schedule, true);
        let whole_seconds = (window.begin_ns - window.start_ns) / SECOND_NS;
        self.next_second_ns = window.begin_ns - whole_seconds * SECOND_NS;
        self.next_mark_ns = self.next_second_ns;
        std::thread::sleep(Duration::from_nanos(window.start_ns.saturating_sub(self.now_ns())));
        let mut random = fastrand::Rng::with_seed(window.start_ns);
        for at in 0..self.slots.len() {
            match self.think_ns {
                0 => self.available(at, self.now_ns()),
                think_ns => self.wake_at(at, self.now_ns() + random.u64(..think_ns)),
            }
        }
        while !self.stopped() {
            let now = self.now_ns();
            if now >= self.next_mark_ns {
                self.pass_mark(now);
            }
            if now >= window.end_ns && self.is_drained(now) {
                break;
            }
            self.start_due(now);
            self.fire_timers(now);
            self.poll(self.wait_ns(now))?;
        }
        self.end();
        Ok(self.finish)
    }

    /// A closed loop ends at once; an open loop when nothing of its schedule is left.
    fn is_drained(&self, now: u64) -> bool {
        match &self.schedule {
            None => true,
            Some(schedule) => {
                now >= self.window.drained_ns
                    || (schedule.next_ns().is_none() && !self.slots.iter().any(|slot| slot.pending))
            }
        }
    }

    fn wait_ns(&self, now: u64) -> u64 {
        let due = self.schedule.as_ref().filter(|_| !self.free.is_empty());
        let due = due.and_then(Schedule::next_ns).unwrap_or(u64::MAX);
        let timer = self.timers.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
        self.next_mark_ns.min(due).min(timer).saturating_sub(now).min(WAIT_MAX_NS)
    }

    fn poll(&mut self, wait_ns: u64) -> Result<(), LoadError> {
        // Taken out and put back: the events call for all of `self`.
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let (seconds, nanos) = (wait_ns / SECOND_NS, wait_ns % SECOND_NS);
        let wait = Timespec { tv_sec: seconds.cast_signed(), tv_nsec: nanos.cast_signed() };
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(LoadError::Io(errno.into())),
        }
        for event in &events {
            let ends = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
            let (flags, data) = (event.flags, event.data);
            let closing = flags.intersects(ends);
            // The kernel gives back what `dial` gave it: an index.
            self.on_event(usize::try_from(data.u64()).unwrap_or(0), closing);
        }
        self.events = events;
        Ok(())
    }

    fn on_event(&mut self, at: usize, closing: bool) {
        let slot = &mut self.slots[at];
        let (requests, target) = (&mut self.requests, &self.plan.target);
        match slot.connection.advance(requests, target, &mut self.buffer, closing) {
            Ok(Event::Waiting) => {}
            Ok(Event::Ready) => self.on_ready(at),
            Ok(Event::Reply(end)) => self.on_reply(at, end),
            Err(failure) => self.on_failure(at, failure),
        }
    }
}
