//! A shard's session table, and the ids that find a session from any shard.
//!
//! A session id is 2^30, the shard (8 bits), the slot's generation (6 bits) and the slot (16 bits),
//! so that a KILL finds its row without a search, and a slot's next session has another id. The
//! servers count their own connections from 1 and hardly come to 2^30, so an id tells whose it is;
//! and some drivers keep ids in signed 32 bits, so the highest bit stays 0.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, OnceLock};

use super::counters::ShardMetrics;
use super::slot::{SessionSnapshot, SessionState, Slot};

/// Sessions that one shard can have at a time.
pub const SESSION_SLOTS: usize = 1 << 16;

/// Rows that are made together when the first of them is needed: an idle shard's table costs one
/// pointer each, not 8 MiB.
const CHUNK_LEN: usize = 256;

/// Free slots are kept at least this many deep before one is used again, so that an id comes back
/// only after some 260,000 sessions.
const FREE_LEN_MIN: usize = 4096;

/// What every session's id has set, and no server's.
const OURS: u32 = 1 << 30;
const SHARD_SHIFT: u32 = 22;
const GENERATION_SHIFT: u32 = 16;
const GENERATION_MAX: u8 = 63;

/// One KILL that is over, in a row's count of them.
const AIM_OVER: u32 = 1 << 16;

/// What a KILL asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillKind {
    /// `KILL QUERY`: end the statement, keep the session.
    Query,
    /// `KILL [CONNECTION]`: end the session.
    Connection,
}

/// The shard whose session `id` is, if it is a session's at all.
#[must_use]
pub fn shard_of(id: u32) -> usize {
    ((id >> SHARD_SHIFT) & 0xFF) as usize
}

fn id_of(shard: u8, generation: u8, slot: u16) -> u32 {
    let (shard, generation) = (u32::from(shard), u32::from(generation));
    OURS | shard << SHARD_SHIFT | generation << GENERATION_SHIFT | u32::from(slot)
}

/// One shard's sessions, readable from any thread.
#[derive(Debug)]
pub struct SessionTable {
    shard: u8,
    chunks: Box<[OnceLock<Arc<[Slot]>>]>,
    /// Written by any thread that kills; the owner compares it with what it last saw.
    kill_requests: AtomicU64,
}

impl SessionTable {
    /// An empty table.
    ///
    /// # Panics
    /// If `shard` is above 255.
    #[must_use]
    pub(super) fn new(shard: usize) -> Self {
        Self {
            shard: u8::try_from(shard).expect("at most 256 shards: a session id has 8 bits for it"),
            chunks: (0..SESSION_SLOTS / CHUNK_LEN).map(|_| OnceLock::new()).collect(),
            kill_requests: AtomicU64::new(0),
        }
    }

    /// The session's row, if it is this shard's and open.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<SessionSnapshot> {
        self.slot_of(id)?.read().filter(|row| row.id == id)
    }

    /// All open sessions, in slot order.
    #[must_use]
    pub fn snapshot(&self) -> Vec<SessionSnapshot> {
        let slots = self.chunks.iter().filter_map(OnceLock::get).flat_map(|chunk| chunk.iter());
        slots.filter_map(Slot::read).collect()
    }

    /// Asks the owner to end session `id` or its statement; false: there is no such session.
    /// The owner sees it in [`SessionEntry::take_kill`].
    pub fn request_kill(&self, id: u32, kind: KillKind) -> bool {
        let Some(slot) = self.slot_of(id).filter(|slot| slot.id.load(Relaxed) == id) else {
            return false;
        };
        let wanted = kill_word(id, kind);
        // A session to be ended is not rescued by a later KILL QUERY.
        slot.kill
            .fetch_update(Relaxed, Relaxed, |now| {
                (now != kill_word(id, KillKind::Connection)).then_some(wanted)
            })
            .ok();
        self.kill_requests.fetch_add(1, Relaxed);
        true
    }

    /// Tells session `id`, while the guard lives, that its statement is about to be killed on its
    /// server: see [`SessionEntry::is_aimed_at`].
    #[must_use]
    pub fn aim(&self, id: u32) -> Option<Aim<'_>> {
        let slot = self.slot_of(id)?;
        slot.aims.fetch_add(1, SeqCst);
        Some(Aim { slot })
    }

    /// How often [`request_kill`](Self::request_kill) found its session. The owner looks at it
    /// between waits and, when it moved, asks for [`kills_pending`](Self::kills_pending).
    #[must_use]
    pub fn kill_requests(&self) -> u64 {
        self.kill_requests.load(Relaxed)
    }

    /// The sessions with a request that they have not taken yet.
    #[must_use]
    pub fn kills_pending(&self) -> Vec<(u32, KillKind)> {
        let slots = self.chunks.iter().filter_map(OnceLock::get).flat_map(|chunk| chunk.iter());
        slots
            .filter_map(|slot| {
                let id = slot.id.load(Relaxed);
                Some((id, kill_kind(id, slot.kill.load(Relaxed))?))
            })
            .collect()
    }

    fn slot_of(&self, id: u32) -> Option<&Slot> {
        let index = (id & 0xFFFF) as usize;
        let mine = shard_of(id) == usize::from(self.shard);
        let chunk = mine.then(|| self.chunks.get(index / CHUNK_LEN))??;
        chunk.get()?.get(index % CHUNK_LEN)
    }

    fn chunk_of(&self, index: u16) -> &Arc<[Slot]> {
        self.chunks[usize::from(index) / CHUNK_LEN]
            .get_or_init(|| (0..CHUNK_LEN).map(|_| Slot::default()).collect())
    }
}

/// A KILL under way; see [`SessionTable::aim`].
#[derive(Debug)]
pub struct Aim<'a> {
    slot: &'a Slot,
}

impl Drop for Aim<'_> {
    fn drop(&mut self) {
        self.slot.aims.fetch_add(AIM_OVER - 1, SeqCst);
    }
}

fn kill_word(id: u32, kind: KillKind) -> u64 {
    let code = match kind {
        KillKind::Query => 1,
        KillKind::Connection => 2,
    };
    (u64::from(id) << 2) | code
}

fn kill_kind(id: u32, word: u64) -> Option<KillKind> {
    let kinds = [KillKind::Query, KillKind::Connection];
    kinds.into_iter().find(|kind| id != 0 && word == kill_word(id, *kind))
}

/// Opens rows in a shard's table. It belongs to the shard and does not leave its core; clones
/// share the free list.
#[derive(Clone, Debug)]
pub struct SessionRegistrar {
    metrics: Arc<ShardMetrics>,
    free: Rc<RefCell<FreeSlots>>,
}

#[derive(Debug, Default)]
struct FreeSlots {
    fresh: u16,
    fresh_spent: bool,
    /// Slot and the generation of its last session.
    used: VecDeque<(u16, u8)>,
}

impl FreeSlots {
    fn take(&mut self) -> Option<(u16, u8)> {
        if self.fresh_spent || self.used.len() >= FREE_LEN_MIN {
            let (slot, generation) = self.used.pop_front()?;
            return Some((slot, (generation + 1) & GENERATION_MAX));
        }
        let slot = self.fresh;
        match slot.checked_add(1) {
            Some(next) => self.fresh = next,
            None => self.fresh_spent = true,
        }
        Some((slot, 0))
    }
}

impl SessionRegistrar {
    /// The registrar of the shard that owns `metrics`; there must be only one.
    #[must_use]
    pub fn new(metrics: Arc<ShardMetrics>) -> Self {
        Self { metrics, free: Rc::default() }
    }

    /// A row for a client that connected from `peer` (`None`: a Unix socket) at `now_ms`,
    /// milliseconds since 1970; `None` when all [`SESSION_SLOTS`] are taken. Also counts
    /// the session in the shard's gauge.
    #[must_use]
    pub fn open(&self, peer: Option<SocketAddr>, now_ms: u64) -> Option<SessionEntry> {
        let (slot, generation) = self.free.borrow_mut().take()?;
        let table = self.metrics.sessions();
        let id = id_of(table.shard, generation, slot);
        let chunk = table.chunk_of(slot).clone();
        self.metrics.counters().sessions.raise();
        let entry = SessionEntry {
            registrar: self.clone(),
            chunk,
            id,
            slot,
            generation,
            aims_over: Cell::default(),
        };
        entry.row().open(id, peer, now_ms);
        entry.begin_command();
        Some(entry)
    }
}

/// A session's own row; dropping it frees the row.
#[derive(Debug)]
pub struct SessionEntry {
    registrar: SessionRegistrar,
    /// The part of the table that has its row.
    chunk: Arc<[Slot]>,
    id: u32,
    slot: u16,
    generation: u8,
    /// KILLs that were over when the last command began.
    aims_over: Cell<u32>,
}

impl SessionEntry {
    fn row(&self) -> &Slot {
        &self.chunk[usize::from(self.slot) % CHUNK_LEN]
    }

    /// The session's id: the thread id of the greeting, and what `CONNECTION_ID()` says.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Notes what the session is doing.
    pub fn set_state(&self, state: SessionState) {
        self.row().set_state(state);
    }

    /// Notes who logged in; the first 32 bytes are kept.
    pub fn set_user(&self, name: &[u8]) {
        self.row().set_user(name);
    }

    /// Notes the backend connection the session holds: the backend's index and the connection's
    /// thread id there.
    pub fn set_backend(&self, held: Option<(usize, u32)>) {
        self.row().set_backend(held);
    }

    /// A command begins: a KILL that is over hits what comes after it no more than it would on the
    /// server itself.
    pub fn begin_command(&self) {
        self.aims_over.set(self.row().aims.load(Relaxed) / AIM_OVER);
    }

    /// Whether some KILL was, since the last command began, or may be on its way to the connection
    /// that the session has just noted as no longer its own: then nobody else should get that
    /// connection, since a server may keep a KILL for the next statement. (Who kills looks at the
    /// row again after [`SessionTable::aim`] and much later than any store takes to be seen.)
    #[must_use]
    pub fn is_aimed_at(&self) -> bool {
        self.row().aims.load(Relaxed) != self.aims_over.get() * AIM_OVER
    }

    /// Notes the session's pins, as bits, and counts the session as pinned while it has any.
    pub fn set_pins(&self, pins: u32) {
        let was_pinned = self.row().pins() != 0;
        self.row().set_pins(pins);
        let counter = &self.registrar.metrics.counters().pinned;
        match (was_pinned, pins != 0) {
            (false, true) => counter.raise(),
            (true, false) => counter.lower(),
            _ => {}
        }
    }

    /// Counts a command.
    pub fn count_command(&self) {
        self.row().bump_commands();
    }

    /// What another session's KILL asked of this one, if it has not gone away unheard; a
    /// `KILL QUERY` is reported once, the end of the session for ever.
    #[must_use]
    pub fn take_kill(&self) -> Option<KillKind> {
        let slot = self.row();
        let word = slot.kill.load(Relaxed);
        let kind = kill_kind(self.id, word)?;
        if kind == KillKind::Query {
            // If it fails, a KILL CONNECTION came in between: the next look finds it.
            slot.kill.compare_exchange(word, 0, Relaxed, Relaxed).ok();
        }
        Some(kind)
    }
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.set_pins(0);
        self.row().close();
        self.registrar.metrics.counters().sessions.lower();
        self.registrar.free.borrow_mut().used.push_back((self.slot, self.generation));
    }
}

#[cfg(test)]
mod tests;
