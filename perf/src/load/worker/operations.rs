//! An operation's way: when it begins, statement by statement, and how it ends.

use super::{LATE_NS, REDIAL_NS, Worker};
use crate::load::Pace;
use crate::load::connection;
use crate::load::setup::refused;
use crate::load::tally::Failure;
use crate::load::walk::End;
use rustix::event::epoll;
use std::cmp::Reverse;
use std::sync::atomic::Ordering;

impl Worker<'_> {
    pub(super) fn on_ready(&mut self, at: usize) {
        if !self.running {
            self.ready += 1;
            return;
        }
        let now = self.now_ns();
        if self.slots[at].pending { self.begin_step(at, now) } else { self.available(at, now) }
    }

    pub(super) fn on_reply(&mut self, at: usize, end: End) {
        let now = self.now_ns();
        let slot = &mut self.slots[at];
        let (rows, bytes_in) = slot.connection.take_counts();
        if self.counting {
            self.tally.statements += 1;
            self.tally.rows += rows;
            self.tally.bytes_in += bytes_in;
        }
        let (step, last) = (slot.step, self.requests.operations[slot.operation].len());
        let next = match end {
            End::Ok | End::Malformed => Some(step + 1).filter(|next| *next < last),
            End::Err(error) => {
                slot.failed = true;
                self.count(refused(&error));
                // The ROLLBACK behind the last statement, where there is something to roll back.
                (step < last && last > 1).then_some(last)
            }
        };
        match next {
            Some(step) => {
                self.slots[at].step = step;
                self.begin_step(at, now);
            }
            None => self.finish_operation(at, now),
        }
    }

    fn finish_operation(&mut self, at: usize, now: u64) {
        let slot = &mut self.slots[at];
        slot.pending = false;
        let (operation, ns) = (slot.operation, now - slot.started_ns);
        let counts = match self.plan.pace {
            Pace::Closed { .. } => self.counting,
            Pace::Open { .. } => slot.started_ns >= self.window.begin_ns,
        };
        if self.counting && !slot.failed {
            self.tally.operations[operation].in_time += 1;
        }
        if counts && !slot.failed {
            self.tally.record(operation, ns, self.plan.pace.expected());
        }
        if self.plan.definition.connect_each_time {
            slot.connection.quit();
        }
        match self.think_ns {
            0 => self.available(at, now),
            think_ns => self.wake_at(at, now + think_ns),
        }
    }

    /// Gives a connection with nothing to do its next operation.
    pub(super) fn available(&mut self, at: usize, now: u64) {
        match &mut self.schedule {
            None if now < self.window.end_ns => self.start(at, now, now),
            None => {}
            Some(schedule) => match schedule.take(now) {
                Some(due) => self.start(at, due, now),
                None if self.slots[at].in_free => {}
                None => {
                    self.slots[at].in_free = true;
                    self.free.push_back(at);
                }
            },
        }
    }

    /// Sends what an open loop's clock says, as far as connections are free.
    pub(super) fn start_due(&mut self, now: u64) {
        while let Some(at) = self.free.front().copied() {
            let slot = &mut self.slots[at];
            let lost = slot.connection.is_closed() && !self.plan.definition.connect_each_time;
            if lost || slot.connection.is_in_setup() {
                // It comes back when it is logged in again.
                slot.in_free = false;
                self.free.pop_front();
                continue;
            }
            let Some(due) = self.schedule.as_mut().and_then(|schedule| schedule.take(now)) else {
                return;
            };
            slot.in_free = false;
            self.free.pop_front();
            self.tally.late += u64::from(self.counting && now > due + LATE_NS);
            self.start(at, due, now);
        }
    }

    fn start(&mut self, at: usize, started_ns: u64, now: u64) {
        let operation = self.requests.draw();
        let slot = &mut self.slots[at];
        (slot.operation, slot.step, slot.started_ns) = (operation, 0, started_ns);
        (slot.pending, slot.failed) = (true, false);
        if slot.connection.is_closed() { self.dial(at, now) } else { self.begin_step(at, now) }
    }

    fn begin_step(&mut self, at: usize, now: u64) {
        let slot = &mut self.slots[at];
        slot.deadline_ns = now + self.plan.timeout_ns();
        if let Err(failure) = slot.connection.begin(&mut self.requests, slot.operation, slot.step) {
            self.on_failure(at, failure);
        }
    }

    pub(super) fn dial(&mut self, at: usize, now: u64) {
        let slot = &mut self.slots[at];
        slot.deadline_ns = now + self.plan.timeout_ns();
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        let dialled = slot.connection.dial(&self.address).and_then(|socket| {
            let data = epoll::EventData::new_u64(at as u64);
            epoll::add(&self.epoll, socket, data, flags).map_err(connection::failed)
        });
        if let Err(failure) = dialled {
            self.on_failure(at, failure);
        }
    }

    /// The connection is lost, and with it the operation that was under way.
    pub(super) fn on_failure(&mut self, at: usize, failure: Failure) {
        let slot = &mut self.slots[at];
        let in_setup = slot.connection.is_in_setup() || slot.connection.is_closed();
        slot.connection.close();
        slot.pending = false;
        if !self.running {
            self.setup_failure.get_or_insert(failure);
            return;
        }
        self.count(failure);
        let now = self.now_ns();
        if now >= self.window.end_ns && self.schedule.is_none() {
            return;
        }
        if in_setup {
            self.wake_at(at, now + REDIAL_NS);
        } else if self.plan.definition.connect_each_time {
            self.available(at, now);
        } else {
            self.dial(at, now);
        }
    }

    fn count(&mut self, failure: Failure) {
        self.tally.failures.count(failure);
        let before = self.shared.failures.fetch_add(1, Ordering::Relaxed);
        if before + 1 >= self.plan.failures_max {
            self.shared.failed.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn wake_at(&mut self, at: usize, wake_ns: u64) {
        self.slots[at].wake_ns = wake_ns;
        self.timers.push(Reverse((wake_ns, at)));
    }

    pub(super) fn fire_timers(&mut self, now: u64) {
        while let Some(Reverse((wake_ns, at))) = self.timers.peek().copied() {
            if wake_ns > now {
                return;
            }
            self.timers.pop();
            let slot = &self.slots[at];
            if slot.wake_ns != wake_ns || slot.pending || slot.connection.is_in_setup() {
                continue;
            }
            if slot.connection.is_closed() && !self.plan.definition.connect_each_time {
                self.dial(at, now);
            } else {
                self.available(at, now);
            }
        }
    }
}
