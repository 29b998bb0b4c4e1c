//! The provided-buffer ring: memory that the kernel fills on receive.
//!
//! A buffer belongs to the kernel or to the [`Chunk`]s that refer to it; the last chunk's drop
//! hands it back. The pool starts small enough to stay in cache (256 × 32 KiB by default) and
//! grows only when the kernel finds no buffer, so many slow readers cannot starve the others.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use io_uring::types::BufRingEntry;

/// The buffer group's id on the ring; there is one group.
pub(super) const GROUP: u16 = 0;

/// Bytes between the end of a buffer and the next one's beginning: five cache lines. Buffers a
/// power of two apart would begin in the same few sets of the cache, and since the kernel takes
/// them in turn, short packets would push each other out of a cache that is all but empty.
const STAGGER: usize = 5 * 64;

/// Anonymous memory, unmapped on drop.
struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

impl Mapping {
    fn anonymous(len: usize) -> io::Result<Self> {
        // SAFETY: an anonymous private mapping at an address of the kernel's choosing touches no
        // existing memory.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).expect("mmap never returns null");
        Ok(Self { base, len })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: base and len are what mmap returned, and nothing refers to the memory any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// The shard's receive buffers and the ring through which the kernel takes them.
pub(super) struct Buffers {
    entries: Mapping,
    memory: Mapping,
    size_bytes: usize,
    capacity: u16,
    /// Buffers brought into circulation so far.
    circulating: Cell<u16>,
    /// Buffers in the kernel's hands.
    free: Cell<u16>,
    tail: Cell<u16>,
    refs: RefCell<Vec<u16>>,
}

impl Buffers {
    /// Maps room for `capacity` buffers (a power of two) and fills the ring with `initial`.
    pub(super) fn new(capacity: u16, initial: u16, size_bytes: usize) -> io::Result<Self> {
        assert!(capacity.is_power_of_two() && initial <= capacity && initial > 0);
        let entries = Mapping::anonymous(usize::from(capacity) * size_of::<BufRingEntry>())?;
        let memory = Mapping::anonymous(usize::from(capacity) * (size_bytes + STAGGER))?;
        let pool = Self {
            entries,
            memory,
            size_bytes,
            capacity,
            circulating: Cell::new(0),
            free: Cell::new(0),
            tail: Cell::new(0),
            refs: RefCell::new(vec![0; usize::from(capacity)]),
        };
        pool.grow(initial);
        Ok(pool)
    }

    /// Address of the entry ring, for registration.
    pub(super) fn ring_address(&self) -> u64 {
        self.entries.base.as_ptr() as u64
    }

    pub(super) fn capacity(&self) -> u16 {
        self.capacity
    }

    /// Buffers the kernel may take now.
    pub(super) fn free(&self) -> u16 {
        self.free.get()
    }

    /// Brings up to `more` further buffers into circulation; returns how many.
    pub(super) fn grow(&self, more: u16) -> u16 {
        let from = self.circulating.get();
        let to = from.saturating_add(more).min(self.capacity);
        self.circulating.set(to);
        for id in from..to {
            self.give(id);
        }
        to - from
    }

    fn give(&self, id: u16) {
        let tail = self.tail.get();
        let slot = usize::from(tail & (self.capacity - 1));
        let address = self.address(id) as u64;
        // SAFETY: slot < capacity, so the entry lies within the mapping; the kernel reads it only
        // after the tail below is published.
        let entry = unsafe { &mut *self.entries.base.cast::<BufRingEntry>().as_ptr().add(slot) };
        entry.set_addr(address);
        entry.set_len(u32::try_from(self.size_bytes).expect("a buffer is smaller than 4 GiB"));
        entry.set_bid(id);
        let next = tail.wrapping_add(1);
        self.tail.set(next);
        self.free.set(self.free.get() + 1);
        // SAFETY: the first entry of the mapping carries the tail (kernel ABI); it is 2-aligned
        // and lives as long as the mapping. The kernel reads it concurrently, hence the atomic.
        let shared = unsafe {
            &*BufRingEntry::tail(self.entries.base.cast::<BufRingEntry>().as_ptr())
                .cast::<AtomicU16>()
        };
        shared.store(next, Ordering::Release);
    }

    fn address(&self, id: u16) -> *const u8 {
        debug_assert!(id < self.capacity);
        // SAFETY: id < capacity, so the offset stays within the mapping.
        unsafe { self.memory.base.as_ptr().add(usize::from(id) * (self.size_bytes + STAGGER)) }
    }

    /// Takes over buffer `id`, which the kernel has filled with `len` bytes.
    pub(super) fn filled(self: &Rc<Self>, id: u16, len: usize) -> Chunk {
        assert!(id < self.capacity && len <= self.size_bytes, "the kernel names our buffers");
        self.free.set(self.free.get() - 1);
        self.refs.borrow_mut()[usize::from(id)] = 1;
        let len = u32::try_from(len).expect("a buffer is smaller than 4 GiB");
        Chunk(Kind::Pooled { pool: self.clone(), id, start: 0, len })
    }

    fn retain(&self, id: u16) {
        self.refs.borrow_mut()[usize::from(id)] += 1;
    }

    fn release(&self, id: u16) {
        let mut refs = self.refs.borrow_mut();
        let count = &mut refs[usize::from(id)];
        *count -= 1;
        if *count == 0 {
            drop(refs);
            self.give(id);
        }
    }
}

/// A run of received or generated bytes, cheap to split and to pass on; never copied on the way.
pub struct Chunk(Kind);

enum Kind {
    Pooled { pool: Rc<Buffers>, id: u16, start: u32, len: u32 },
    Owned(Bytes),
}

impl Chunk {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Kind::Pooled { pool, id, start, len } => {
                // SAFETY: the range was filled by the kernel (`filled`), narrowed only, and the
                // buffer is not given back while this chunk lives.
                unsafe {
                    std::slice::from_raw_parts(
                        pool.address(*id).add(*start as usize),
                        *len as usize,
                    )
                }
            }
            Kind::Owned(bytes) => bytes,
        }
    }

    /// The bytes, to be changed in place, when no other chunk shares the buffer.
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        match &mut self.0 {
            Kind::Pooled { pool, id, start, len } => {
                if pool.refs.borrow()[usize::from(*id)] != 1 {
                    return None;
                }
                // SAFETY: as in `as_slice`; the count of one says that no other chunk, and so no
                // send in flight, refers to the buffer, and &mut self excludes readers here.
                Some(unsafe {
                    std::slice::from_raw_parts_mut(
                        pool.address(*id).add(*start as usize).cast_mut(),
                        *len as usize,
                    )
                })
            }
            Kind::Owned(_) => None,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Pooled { len, .. } => *len as usize,
            Kind::Owned(bytes) => bytes.len(),
        }
    }

    /// Whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Splits off and returns the first `n` bytes (at most all).
    #[must_use]
    pub fn split_to(&mut self, n: usize) -> Self {
        match &mut self.0 {
            Kind::Pooled { pool, id, start, len } => {
                let n = u32::try_from(n).map_or(*len, |n| n.min(*len));
                pool.retain(*id);
                let head = Kind::Pooled { pool: pool.clone(), id: *id, start: *start, len: n };
                *start += n;
                *len -= n;
                Self(head)
            }
            Kind::Owned(bytes) => {
                let n = n.min(bytes.len());
                Self(Kind::Owned(bytes.split_to(n)))
            }
        }
    }

    /// Drops the first `n` bytes (at most all).
    pub fn advance(&mut self, n: usize) {
        match &mut self.0 {
            Kind::Pooled { start, len, .. } => {
                let n = u32::try_from(n).map_or(*len, |n| n.min(*len));
                *start += n;
                *len -= n;
            }
            Kind::Owned(bytes) => {
                let n = n.min(bytes.len());
                bytes::Buf::advance(bytes, n);
            }
        }
    }

    /// Copies the bytes out of the pool, for a chunk that must wait: a waiting session holds no
    /// receive buffer.
    #[must_use]
    pub fn detached(self) -> Self {
        match self.0 {
            Kind::Pooled { .. } => Self::from(self.as_slice().to_vec()),
            Kind::Owned(_) => self,
        }
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Self {
        match &self.0 {
            Kind::Pooled { pool, id, start, len } => {
                pool.retain(*id);
                Self(Kind::Pooled { pool: pool.clone(), id: *id, start: *start, len: *len })
            }
            Kind::Owned(bytes) => Self(Kind::Owned(bytes.clone())),
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Kind::Pooled { pool, id, .. } = &self.0 {
            pool.release(*id);
        }
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kind::Owned(Bytes::from(bytes)))
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Owned(bytes))
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Rc<Buffers> {
        Rc::new(Buffers::new(8, 2, 4096).expect("mapping"))
    }

    #[test]
    fn a_buffer_returns_with_its_last_chunk() {
        let pool = pool();
        assert_eq!(pool.free(), 2);
        let mut chunk = pool.filled(0, 10);
        assert_eq!(pool.free(), 1);
        let head = chunk.split_to(4);
        assert_eq!((head.len(), chunk.len()), (4, 6));
        drop(chunk);
        assert_eq!(pool.free(), 1);
        drop(head);
        assert_eq!(pool.free(), 2);
    }

    #[test]
    fn a_shared_buffer_is_not_mutable() {
        let pool = pool();
        let mut chunk = pool.filled(1, 10);
        assert!(chunk.as_mut_slice().is_some());
        let other = chunk.clone();
        assert!(chunk.as_mut_slice().is_none());
        drop(other);
        assert!(chunk.as_mut_slice().is_some());
    }

    #[test]
    fn detaching_frees_the_buffer_and_keeps_the_bytes() {
        let pool = pool();
        let mut chunk = pool.filled(0, 3);
        chunk.as_mut_slice().expect("sole owner").copy_from_slice(b"abc");
        let owned = chunk.detached();
        assert_eq!(pool.free(), 2);
        assert_eq!(owned.as_slice(), b"abc");
    }

    #[test]
    fn growth_stops_at_the_capacity() {
        let pool = pool();
        assert_eq!(pool.grow(100), 6);
        assert_eq!(pool.grow(1), 0);
        assert_eq!(pool.free(), 8);
    }
}
