//! The clock of a thread: seconds, the measured time, the end.

use super::{SECOND_NS, Window, Worker};
use crate::load::tally::{Failure, Fault, Tally};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

impl Worker<'_> {
    pub(super) fn check_deadlines(&mut self, now: u64) {
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            if (slot.pending || slot.connection.is_in_setup()) && slot.deadline_ns < now {
                let seconds = self.plan.timeout.as_secs_f64();
                let text = format!("no reply within {seconds} s");
                self.on_failure(at, Failure { fault: Fault::Timeout, text });
            }
        }
    }

    /// A second is over, or the warm-up, or the measured time.
    pub(super) fn pass_mark(&mut self, now: u64) {
        let Window { begin_ns, end_ns, .. } = self.window;
        if now >= self.next_second_ns {
            self.check_deadlines(now);
            if self.counting && self.next_second_ns > begin_ns && self.next_second_ns < end_ns {
                self.report_second((self.next_second_ns - begin_ns) / SECOND_NS - 1);
            }
            while self.next_second_ns <= now {
                self.next_second_ns += SECOND_NS;
            }
        }
        if !self.counting && now >= begin_ns && now < end_ns {
            self.counting = true;
            self.cpu_before = thread_cpu();
        } else if self.counting && now >= end_ns {
            self.counting = false;
            self.finish.cpu = thread_cpu().saturating_sub(self.cpu_before);
        }
        self.next_mark_ns = self.next_second_ns;
        if now < end_ns {
            self.next_mark_ns = self.next_mark_ns.min(end_ns);
        }
    }

    fn report_second(&mut self, second: u64) {
        let operations = self.tally.operations.len();
        let tally = std::mem::replace(&mut self.tally, Tally::new(operations));
        (self.report)(second, tally);
    }

    /// What is due and unanswered counts with the time it has waited: its latency is more.
    pub(super) fn end(&mut self) {
        let now = self.now_ns();
        if self.counting {
            self.finish.cpu = thread_cpu().saturating_sub(self.cpu_before);
        }
        if let Some(mut schedule) = self.schedule.take() {
            let waiting = self.slots.iter().filter(|slot| slot.pending);
            let mut unanswered: Vec<(usize, u64)> =
                waiting.map(|slot| (slot.operation, slot.started_ns)).collect();
            while let Some(due) = schedule.take(now) {
                unanswered.push((self.requests.draw(), due));
            }
            unanswered.retain(|(_, started_ns)| *started_ns >= self.window.begin_ns);
            self.finish.unfinished = unanswered.len() as u64;
            for (operation, started_ns) in unanswered {
                self.tally.record_unfinished(operation, now - started_ns);
            }
        }
        let measured = self.window.end_ns.min(now).saturating_sub(self.window.begin_ns);
        self.report_second(measured.saturating_sub(1) / SECOND_NS);
    }
}

fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
