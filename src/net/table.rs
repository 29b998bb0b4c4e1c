//! All sockets of a shard and what the kernel's completions do to them.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::task::Waker;
use std::time::{Duration, Instant};

use io_uring::{cqueue, opcode, types};
use socket2::SockAddr;

use super::buffers::GROUP;
use super::driver::NetSettings;
use super::ring::{Completion, Key, Op, Ring, tag};
use super::sending::Lone;
use super::socket::{Arm, End, Phase, Socket};
use super::timers::Timers;

/// How long a socket that nobody owns any more may take to send what is queued.
const FLUSH: Duration = Duration::from_secs(5);

/// Buffers added when the kernel finds none.
const GROWTH: u16 = 64;

struct Slot {
    generation: u32,
    socket: Option<Box<Socket>>,
}

/// The account of accepted sockets.
const CLIENTS: u16 = 0;

/// Bytes that went over sockets of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the peers.
    pub received: u64,
    /// To the peers.
    pub sent: u64,
}

/// A listening socket and the connections it has accepted.
pub(super) struct Accepting {
    pub(super) fd: Option<OwnedFd>,
    pub(super) queue: VecDeque<OwnedFd>,
    pub(super) waker: Option<Waker>,
    armed: bool,
    retry_at: Option<Instant>,
}

/// The shard's sockets, listeners, timers and ring.
pub(super) struct Table {
    pub(super) ring: Ring,
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    pub(super) timers: Timers,
    pub(super) listeners: Vec<Accepting>,
    starved: VecDeque<Key>,
    flushing: VecDeque<(Instant, Key)>,
    /// Sockets whose first send of this turn is still to be submitted.
    pub(super) starting: Vec<Key>,
    pub(super) lone: Lone,
    pub(super) settings: NetSettings,
    /// Wakers to wake once the table is no longer borrowed.
    pub(super) woken: Vec<Waker>,
    pub(super) bell: Box<[u8; 8]>,
    pub(super) bell_waker: Option<Waker>,
    pub(super) bell_rung: bool,
    bell_fd: Option<RawFd>,
    /// By account; there is at least one.
    pub(super) traffic: Vec<Traffic>,
}

impl Table {
    pub(super) fn new(ring: Ring, settings: NetSettings) -> Self {
        Self {
            ring,
            slots: Vec::new(),
            vacant: Vec::new(),
            timers: Timers::default(),
            listeners: Vec::new(),
            starved: VecDeque::new(),
            flushing: VecDeque::new(),
            starting: Vec::new(),
            lone: Lone::default(),
            settings,
            woken: Vec::new(),
            bell: Box::new([0; 8]),
            bell_waker: None,
            bell_rung: false,
            bell_fd: None,
            traffic: vec![Traffic::default()],
        }
    }

    /// Adds a socket; receiving starts at once when it is connected.
    pub(super) fn insert(&mut self, fd: OwnedFd, phase: Phase) -> Key {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, socket: None });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 sockets")
        });
        let slot = &mut self.slots[index as usize];
        slot.socket = Some(Box::new(Socket::new(fd, phase)));
        let key = Key { slot: index, generation: slot.generation };
        if phase == Phase::Open {
            self.arm(key);
        }
        key
    }

    /// The socket behind `key`, unless the slot has a new owner.
    pub(super) fn socket(&mut self, key: Key) -> Option<&mut Socket> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.socket.as_deref_mut()
    }

    /// The socket of a live [`super::Stream`].
    pub(super) fn owned(&mut self, key: Key) -> &mut Socket {
        self.socket(key).expect("a stream's slot lives as long as the stream")
    }

    /// Starts a multishot receive, unless one runs or nothing more can come.
    pub(super) fn arm(&mut self, key: Key) {
        let Some(socket) = self.socket(key) else { return };
        if socket.rx.arm != Arm::Off || socket.rx.end.is_some() || socket.phase != Phase::Open {
            return;
        }
        socket.rx.arm = Arm::Armed;
        socket.operations += 1;
        let fd = types::Fd(socket.fd.as_raw_fd());
        let entry = opcode::RecvMulti::new(fd, GROUP).build().user_data(tag(Op::Receive, key));
        self.ring.push(entry);
    }

    /// Asks the kernel to stop a running receive.
    fn disarm(&mut self, key: Key) {
        let Some(socket) = self.socket(key) else { return };
        if socket.rx.arm == Arm::Armed {
            socket.rx.arm = Arm::Cancelling;
            self.cancel(key, Op::Receive);
        }
    }

    fn cancel(&mut self, key: Key, op: Op) {
        if let Some(socket) = self.socket(key) {
            socket.operations += 1;
            let entry = opcode::AsyncCancel::new(tag(op, key)).build();
            self.ring.push(entry.user_data(tag(Op::Cancel, key)));
        }
    }

    /// Starts connecting; `target` lives in the slot until the kernel is done with it.
    pub(super) fn connect(&mut self, key: Key, target: SockAddr) {
        let socket = self.owned(key);
        socket.operations += 1;
        let target = socket.target.insert(Box::new(target));
        let fd = types::Fd(socket.fd.as_raw_fd());
        let entry = opcode::Connect::new(fd, target.as_ptr().cast(), target.len()).build();
        self.ring.push(entry.user_data(tag(Op::Connect, key)));
    }

    /// The owner has let go: flush what is queued, then close.
    pub(super) fn release(&mut self, key: Key, now: Instant) {
        let Some(socket) = self.socket(key) else { return };
        let connecting = socket.phase == Phase::Connecting;
        socket.phase = Phase::Closing;
        socket.rx.queue.clear();
        socket.rx.bytes = 0;
        socket.rx.waker = None;
        socket.tx.waker = None;
        if socket.tx.end.is_some() {
            socket.tx.queue.truncate(socket.tx.in_flight);
        }
        let flushing = !socket.tx.queue.is_empty();
        if let Some(timer) = socket.timer.take() {
            self.timers.remove(timer);
        }
        if connecting {
            self.cancel(key, Op::Connect);
        }
        self.disarm(key);
        if flushing {
            self.flushing.push_back((now + FLUSH, key));
        }
        self.finish(key);
    }

    /// Frees the slot when the owner is gone, nothing is left to send and the kernel holds
    /// nothing of it.
    pub(super) fn finish(&mut self, key: Key) {
        let Some(socket) = self.socket(key) else { return };
        if socket.phase != Phase::Closing || !socket.tx.queue.is_empty() || socket.operations > 0 {
            return;
        }
        let slot = &mut self.slots[key.slot as usize];
        slot.socket = None;
        slot.generation = (slot.generation + 1) & 0xff_ffff;
        self.vacant.push(key.slot);
    }

    /// Fails both halves and wakes their waiters.
    pub(super) fn abort(&mut self, key: Key, end: End) {
        let Some(slot) = self.slots.get_mut(key.slot as usize) else { return };
        if slot.generation != key.generation {
            return;
        }
        if let Some(socket) = slot.socket.as_deref_mut() {
            socket.end(end, &mut self.woken);
            let fd = socket.fd.as_raw_fd();
            // SAFETY: shutdown on a descriptor this slot owns; it ends operations in flight.
            unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
            if socket.tx.in_flight == 0 {
                socket.tx.queue.clear();
                socket.tx.bytes = 0;
            }
        }
        self.finish(key);
    }

    /// Takes in one completion.
    pub(super) fn complete(&mut self, event: Completion, now: Instant) {
        match event.op {
            Op::Receive => self.on_receive(event),
            Op::Send => self.on_send(event),
            Op::Connect => self.on_connect(event),
            Op::Accept => self.on_accept(event, now),
            Op::Doorbell => {
                self.bell_rung = true;
                self.woken.extend(self.bell_waker.take());
                self.arm_bell();
            }
            Op::Alarm => self.ring.on_alarm(event.key),
            Op::Cancel => {
                if let Some(socket) = self.socket(event.key) {
                    socket.operations -= 1;
                    self.finish(event.key);
                }
            }
        }
    }

    fn on_receive(&mut self, event: Completion) {
        let chunk = cqueue::buffer_select(event.flags)
            .map(|id| self.ring.buffers.filled(id, usize::try_from(event.result).unwrap_or(0)));
        let more = cqueue::more(event.flags);
        let limit = self.settings.receive_limit_bytes;
        let Some(socket) = self.socket(event.key) else { return };
        if !more {
            socket.operations -= 1;
            socket.rx.arm = Arm::Off;
        }
        let mut received = 0;
        match (event.result, chunk) {
            (1.., Some(chunk)) => {
                if socket.phase == Phase::Open {
                    received = chunk.len();
                    socket.rx.bytes += received;
                    socket.rx.queue.push_back(chunk);
                }
            }
            (0, _) => _ = socket.rx.end.get_or_insert(End::Closed),
            (result, _) if result == -libc::ENOBUFS => return self.on_starvation(event.key),
            (result, _) if result == -libc::ECANCELED => {}
            (result, _) => _ = socket.rx.end.get_or_insert(End::Failed(-result)),
        }
        let over = socket.rx.bytes >= limit;
        let (waker, account) = (socket.rx.waker.take(), socket.account);
        self.woken.extend(waker);
        self.traffic[usize::from(account)].received += received as u64;
        if account == CLIENTS {
            self.lone.heard(event.key);
        }
        if over {
            self.disarm(event.key);
        } else if !more {
            self.arm(event.key);
        }
        self.finish(event.key);
    }

    fn on_starvation(&mut self, key: Key) {
        if self.ring.buffers.free() > 0 || self.ring.buffers.grow(GROWTH) > 0 {
            self.arm(key);
        } else if let Some(socket) = self.socket(key) {
            socket.rx.arm = Arm::Starved;
            self.starved.push_back(key);
        }
        self.finish(key);
    }

    /// Re-arms starved receives once buffers are back.
    pub(super) fn feed_starved(&mut self) {
        while self.ring.buffers.free() > 0
            && let Some(key) = self.starved.pop_front()
        {
            if let Some(socket) = self.socket(key) {
                socket.rx.arm = Arm::Off;
                self.arm(key);
                if self.starved.len() > usize::from(self.ring.buffers.free()) {
                    break;
                }
            }
        }
    }

    fn on_connect(&mut self, event: Completion) {
        let Some(socket) = self.socket(event.key) else { return };
        socket.operations -= 1;
        socket.target = None;
        if socket.phase == Phase::Connecting {
            if event.result < 0 {
                let end = End::Failed(-event.result);
                socket.rx.end.get_or_insert(end);
                socket.tx.end.get_or_insert(end);
            } else {
                socket.phase = Phase::Open;
            }
        }
        let waker = socket.rx.waker.take();
        self.woken.extend(waker);
        self.arm(event.key);
        self.finish(event.key);
    }

    /// Starts a multishot accept on listener `index`.
    pub(super) fn arm_accept(&mut self, index: usize) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        listener.retry_at = None;
        if let (Some(fd), false) = (&listener.fd, listener.armed) {
            listener.armed = true;
            let slot = u32::try_from(index).expect("a handful of listeners");
            let entry = opcode::AcceptMulti::new(types::Fd(fd.as_raw_fd()))
                .flags(libc::SOCK_CLOEXEC)
                .build();
            self.ring.push(entry.user_data(tag(Op::Accept, Key { slot, generation: 0 })));
        }
    }

    pub(super) fn add_listener(&mut self, fd: OwnedFd) -> usize {
        self.listeners.push(Accepting {
            fd: Some(fd),
            queue: VecDeque::new(),
            waker: None,
            armed: false,
            retry_at: None,
        });
        let index = self.listeners.len() - 1;
        self.arm_accept(index);
        index
    }

    fn on_accept(&mut self, event: Completion, now: Instant) {
        let index = event.key.slot as usize;
        let Some(listener) = self.listeners.get_mut(index) else { return };
        if event.result >= 0 {
            // SAFETY: the kernel has just made this descriptor for us.
            let fd = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(event.result) };
            if listener.fd.is_some() {
                listener.queue.push_back(fd);
            }
        }
        self.woken.extend(listener.waker.take());
        if cqueue::more(event.flags) {
            return;
        }
        listener.armed = false;
        if event.result >= 0 {
            self.arm_accept(index);
        } else {
            // Out of descriptors or memory: again when some may have been freed.
            listener.retry_at = Some(now + Duration::from_millis(100));
        }
    }

    /// Starts reading the shard's eventfd.
    pub(super) fn watch_bell(&mut self, fd: RawFd) {
        self.bell_fd = Some(fd);
        self.arm_bell();
    }

    fn arm_bell(&mut self) {
        if let Some(fd) = self.bell_fd {
            let entry = opcode::Read::new(types::Fd(fd), self.bell.as_mut_ptr(), 8).build();
            self.ring.push(entry.user_data(tag(Op::Doorbell, Key { slot: 0, generation: 0 })));
        }
    }

    /// Does what is due: deadlines, accepts to be tried again, flushes that took too long.
    pub(super) fn tick(&mut self, now: Instant) {
        self.timers.fire(now, &mut self.woken);
        for index in 0..self.listeners.len() {
            if self.listeners[index].retry_at.is_some_and(|at| at <= now) {
                self.arm_accept(index);
            }
        }
        while let Some((at, key)) = self.flushing.front().copied()
            && at <= now
        {
            self.flushing.pop_front();
            self.abort(key, End::Aborted);
        }
    }

    /// Lets the next wait end when the first deadline comes.
    pub(super) fn set_alarm(&mut self, now: Instant) {
        let latest = now + self.settings.idle_wait;
        let at = self.timers.next().map_or(latest, |first| first.min(latest));
        self.ring.set_alarm(at, now);
    }
}
