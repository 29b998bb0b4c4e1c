//! Deadlines, lazily kept: moving one later costs a store, and the heap is touched again only
//! when its old time comes. Pure: the driver asks what is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;
use std::time::Instant;

/// Names one timer; reused only after [`Timers::remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimerId {
    index: u32,
    generation: u32,
}

#[derive(Default)]
struct Entry {
    generation: u32,
    live: bool,
    deadline: Option<Instant>,
    /// The earliest heap item that still points here.
    scheduled: Option<Instant>,
    expired: bool,
    waker: Option<Waker>,
}

/// All deadlines of one shard.
#[derive(Default)]
pub(super) struct Timers {
    entries: Vec<Entry>,
    vacant: Vec<u32>,
    heap: BinaryHeap<Reverse<(Instant, TimerId)>>,
}

impl Timers {
    pub(super) fn add(&mut self) -> TimerId {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 timers")
        });
        let entry = &mut self.entries[index as usize];
        entry.live = true;
        TimerId { index, generation: entry.generation }
    }

    pub(super) fn remove(&mut self, id: TimerId) {
        let entry = &mut self.entries[id.index as usize];
        debug_assert_eq!(entry.generation, id.generation);
        *entry = Entry { generation: entry.generation.wrapping_add(1), ..Entry::default() };
        self.vacant.push(id.index);
    }

    /// Sets or clears the deadline; forgets that an earlier one expired.
    pub(super) fn set(&mut self, id: TimerId, deadline: Option<Instant>) {
        let entry = &mut self.entries[id.index as usize];
        entry.deadline = deadline;
        entry.expired = false;
        if let Some(at) = deadline
            && entry.scheduled.is_none_or(|scheduled| at < scheduled)
        {
            entry.scheduled = Some(at);
            self.heap.push(Reverse((at, id)));
        }
    }

    /// Whether the deadline has passed, as of the last [`Timers::fire`].
    pub(super) fn expired(&self, id: TimerId) -> bool {
        self.entries[id.index as usize].expired
    }

    /// Whether there is a deadline that has not passed.
    pub(super) fn is_set(&self, id: TimerId) -> bool {
        self.entries[id.index as usize].deadline.is_some()
    }

    /// Who is to be woken when the deadline passes.
    pub(super) fn watch(&mut self, id: TimerId, waker: &Waker) {
        let slot = &mut self.entries[id.index as usize].waker;
        match slot {
            Some(old) if old.will_wake(waker) => {}
            Some(_) | None => *slot = Some(waker.clone()),
        }
    }

    /// When [`Timers::fire`] has work next, if ever.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Marks what is due and moves its watchers into `woken`, to be woken outside any borrow.
    pub(super) fn fire(&mut self, now: Instant, woken: &mut Vec<Waker>) {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            if at > now {
                break;
            }
            self.heap.pop();
            let entry = &mut self.entries[id.index as usize];
            if entry.generation != id.generation || !entry.live || entry.scheduled != Some(at) {
                continue;
            }
            entry.scheduled = None;
            match entry.deadline {
                Some(deadline) if deadline <= now => {
                    entry.expired = true;
                    entry.deadline = None;
                    woken.extend(entry.waker.take());
                }
                Some(later) => {
                    entry.scheduled = Some(later);
                    self.heap.push(Reverse((later, id)));
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_deadline_moved_later_fires_late_and_once() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let mut timers = Timers::default();
        let id = timers.add();
        timers.set(id, Some(ms(10)));
        timers.set(id, Some(ms(30)));
        timers.fire(ms(15), &mut Vec::new());
        assert!(!timers.expired(id));
        assert_eq!(timers.next(), Some(ms(30)));
        timers.fire(ms(30), &mut Vec::new());
        assert!(timers.expired(id));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_deadline_moved_earlier_fires_early() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let mut timers = Timers::default();
        let id = timers.add();
        timers.set(id, Some(ms(30)));
        timers.set(id, Some(ms(10)));
        timers.fire(ms(10), &mut Vec::new());
        assert!(timers.expired(id));
        timers.set(id, None);
        timers.fire(ms(40), &mut Vec::new());
        assert!(!timers.expired(id));
    }

    #[test]
    fn a_removed_timer_is_silent_when_its_index_is_reused() {
        let start = Instant::now();
        let mut timers = Timers::default();
        let old = timers.add();
        timers.set(old, Some(start));
        timers.remove(old);
        let new = timers.add();
        timers.fire(start + Duration::from_secs(1), &mut Vec::new());
        assert!(!timers.expired(new));
        assert_ne!(old, new);
    }
}
