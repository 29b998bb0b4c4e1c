//! One session's row in the table: atomics that the owner writes and anyone reads.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

/// Bytes of the user name that a row keeps.
pub(super) const USER_LEN_MAX: usize = 32;

/// What a session is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum SessionState {
    /// Greeting sent, login not finished.
    #[default]
    Login = 0,
    /// Waiting for the client's next command.
    Idle = 1,
    /// Waiting for a backend connection.
    Queued = 2,
    /// A command is being answered.
    Busy = 3,
    /// Waiting for the client's next command within a transaction, or pinned.
    Held = 4,
    /// Ending.
    Closing = 5,
}

impl SessionState {
    /// The word for the admin port.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Idle => "idle",
            Self::Queued => "queued",
            Self::Busy => "busy",
            Self::Held => "held",
            Self::Closing => "closing",
        }
    }

    fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Idle,
            2 => Self::Queued,
            3 => Self::Busy,
            4 => Self::Held,
            5 => Self::Closing,
            _ => Self::Login,
        }
    }
}

/// A session's row, read at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// The proxy's id of the session, what `CONNECTION_ID()` says.
    pub id: u32,
    /// What it is doing.
    pub state: SessionState,
    /// The backend whose connection it holds.
    pub backend: Option<usize>,
    /// That connection's thread id on its server; 0: none.
    pub backend_thread: u32,
    /// The session's pins, as bits.
    pub pins: u32,
    /// Commands so far.
    pub commands: u64,
    /// When it connected, milliseconds since 1970.
    pub connected_at_ms: u64,
    /// The user name's first 32 bytes; empty until the login.
    pub user: Vec<u8>,
    /// The client's address; `None`: a Unix socket.
    pub peer: Option<SocketAddr>,
}

/// A row. `version` is odd while the owner fills or clears it, so that a reader never pairs one
/// session's id with another's fields; single fields change without it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Slot {
    version: AtomicU32,
    /// 0: free.
    pub(super) id: AtomicU32,
    state: AtomicU32,
    /// Index + 1; 0: none.
    backend: AtomicU32,
    backend_thread: AtomicU32,
    pins: AtomicU32,
    /// 0: no address (a Unix socket).
    peer_port: AtomicU32,
    /// KILLs on other cores: how many are over (upper half) and under way (lower half).
    pub(super) aims: AtomicU32,
    peer: [AtomicU64; 2],
    /// The id to be killed above the kind in the lowest two bits: a request for an earlier
    /// session in this slot does not match, and so does nothing.
    pub(super) kill: AtomicU64,
    commands: AtomicU64,
    connected_at_ms: AtomicU64,
    user: [AtomicU64; USER_LEN_MAX / 8],
}

impl Slot {
    /// Makes the row session `id`'s.
    pub(super) fn open(&self, id: u32, peer: Option<SocketAddr>, now_ms: u64) {
        self.begin_change();
        self.state.store(SessionState::Login as u32, Relaxed);
        self.set_backend(None);
        self.pins.store(0, Relaxed);
        self.commands.store(0, Relaxed);
        self.connected_at_ms.store(now_ms, Relaxed);
        self.set_user(b"");
        self.set_peer(peer);
        self.id.store(id, Relaxed);
        self.end_change();
    }

    /// Frees the row.
    pub(super) fn close(&self) {
        self.begin_change();
        self.id.store(0, Relaxed);
        self.end_change();
    }

    fn begin_change(&self) {
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Relaxed);
        fence(Release);
    }

    fn end_change(&self) {
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Release);
    }

    pub(super) fn set_state(&self, state: SessionState) {
        self.state.store(state as u32, Relaxed);
    }

    pub(super) fn set_backend(&self, held: Option<(usize, u32)>) {
        let (backend, thread) = held.map_or((0, 0), |(index, thread)| {
            (u32::try_from(index).unwrap_or(u32::MAX - 1).saturating_add(1), thread)
        });
        self.backend_thread.store(thread, Relaxed);
        // A reader that sees the backend sees its thread id.
        self.backend.store(backend, Release);
    }

    pub(super) fn set_pins(&self, pins: u32) {
        self.pins.store(pins, Relaxed);
    }

    pub(super) fn pins(&self) -> u32 {
        self.pins.load(Relaxed)
    }

    pub(super) fn bump_commands(&self) {
        self.commands.store(self.commands.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(super) fn set_user(&self, name: &[u8]) {
        let mut padded = [0; USER_LEN_MAX];
        for (to, from) in padded.iter_mut().zip(name) {
            *to = *from;
        }
        let (words, _) = padded.as_chunks::<8>();
        for (slot, word) in self.user.iter().zip(words) {
            slot.store(u64::from_le_bytes(*word), Relaxed);
        }
    }

    fn set_peer(&self, peer: Option<SocketAddr>) {
        let (bits, port) = peer.map_or((0, 0), |address| {
            let ip = match address.ip() {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            (ip.to_bits(), u32::from(address.port()) + 1)
        });
        let [high, low] = &self.peer;
        high.store((bits >> 64) as u64, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the low half of 128 bits")]
        low.store(bits as u64, Relaxed);
        self.peer_port.store(port, Relaxed);
    }

    /// The row as it is now, unless it is free or changes hands while being read.
    pub(super) fn read(&self) -> Option<SessionSnapshot> {
        (0..8).find_map(|_| {
            let before = self.version.load(Acquire);
            let snapshot = self.read_fields();
            fence(Acquire);
            let settled = before.is_multiple_of(2) && before == self.version.load(Relaxed);
            settled.then_some(snapshot)
        })?
    }

    fn read_fields(&self) -> Option<SessionSnapshot> {
        let id = self.id.load(Relaxed);
        let backend = self.backend.load(Acquire);
        let mut user: Vec<u8> =
            self.user.iter().flat_map(|word| word.load(Relaxed).to_le_bytes()).collect();
        user.truncate(user.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        let snapshot = SessionSnapshot {
            id,
            state: SessionState::from_code(self.state.load(Relaxed)),
            backend: backend.checked_sub(1).and_then(|index| usize::try_from(index).ok()),
            backend_thread: self.backend_thread.load(Relaxed),
            pins: self.pins(),
            commands: self.commands.load(Relaxed),
            connected_at_ms: self.connected_at_ms.load(Relaxed),
            user,
            peer: self.read_peer(),
        };
        (id != 0).then_some(snapshot)
    }

    fn read_peer(&self) -> Option<SocketAddr> {
        let port = self.peer_port.load(Relaxed).checked_sub(1)?;
        let [high, low] = &self.peer;
        let bits = (u128::from(high.load(Relaxed)) << 64) | u128::from(low.load(Relaxed));
        let ip = Ipv6Addr::from_bits(bits).to_canonical();
        Some(SocketAddr::new(ip, u16::try_from(port).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_what_was_written() {
        let slot = Slot::default();
        assert_eq!(slot.read(), None);
        let peer: SocketAddr = "10.1.2.3:65535".parse().unwrap();
        slot.open(7, Some(peer), 99);
        slot.set_user(b"a name that is longer than thirty-two bytes");
        slot.set_backend(Some((2, 4711)));
        slot.set_pins(0b101);
        slot.set_state(SessionState::Busy);
        slot.bump_commands();
        let row = slot.read().unwrap();
        assert_eq!((row.id, row.peer, row.connected_at_ms), (7, Some(peer), 99));
        assert_eq!((row.backend, row.backend_thread), (Some(2), 4711));
        assert_eq!((row.pins, row.commands, row.state.name()), (5, 1, "busy"));
        assert_eq!(row.user, b"a name that is longer than thirt");
        slot.close();
        assert_eq!(slot.read(), None);
    }

    #[test]
    fn a_reused_row_starts_afresh() {
        let slot = Slot::default();
        slot.open(7, Some("[::1]:1".parse().unwrap()), 1);
        slot.set_user(b"root");
        slot.set_backend(Some((0, 1)));
        slot.close();
        slot.open(8, None, 2);
        let row = slot.read().unwrap();
        assert_eq!((row.id, row.user.len(), row.backend, row.peer), (8, 0, None, None));
        assert_eq!(row.state, SessionState::Login);
    }

    #[test]
    fn a_row_keeps_to_one_pair_of_cache_lines() {
        assert_eq!(size_of::<Slot>(), 128);
    }
}
