//! A hash table of words, built when compiled: a look-up costs two loads, a multiplication and,
//! as a rule, one comparison, whatever the word's length and case.

use super::bytes::{SMALL, load};

const LEN_MAX: usize = 40;

/// The first eight and the last eight bytes of a word, in small letters, and its length.
#[derive(Clone, Copy)]
struct Key {
    first: u64,
    last: u64,
    len: usize,
}

impl Key {
    #[inline(always)]
    const fn hash(self, slots: usize) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(23) ^ self.len as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // Few bits of the high half stay.
        let high = (mixed >> 32) as usize;
        high & (slots - 1)
    }
}

#[derive(Clone, Copy)]
struct Slot<T> {
    key: Key,
    text: &'static [u8],
    value: T,
}

/// Words in small letters and what they mean. `SLOTS` is a power of two.
pub(super) struct WordTable<T: 'static, const SLOTS: usize> {
    slots: [Slot<T>; SLOTS],
}

impl<T: Copy, const SLOTS: usize> WordTable<T, SLOTS> {
    /// A table of `words`; any other word means `none`.
    #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
    pub(super) const fn new(words: &[(&'static [u8], T)], none: T) -> Self {
        assert!(SLOTS.is_power_of_two() && words.len() * 2 < SLOTS);
        let empty = Slot { key: Key { first: 0, last: 0, len: 0 }, text: &[], value: none };
        let mut slots = [empty; SLOTS];
        let mut index = 0;
        while index < words.len() {
            let (text, value) = words[index];
            let key = key(text);
            let mut at = key.hash(SLOTS);
            while slots[at].key.len > 0 {
                at = (at + 1) % SLOTS;
            }
            slots[at] = Slot { key, text, value };
            index += 1;
        }
        Self { slots }
    }

    /// What the bytes `start..end` of `text` mean.
    pub(super) fn find(&self, text: &[u8], start: usize, end: usize) -> T {
        self.find_loaded(load(text, start), text, start, end)
    }

    /// The same, where the eight bytes of `text` from `start` were loaded already.
    #[inline(always)]
    pub(super) fn find_loaded(&self, bytes: u64, text: &[u8], start: usize, end: usize) -> T {
        let len = end - start;
        // A byte of a word is a letter with that bit set only if it is one without.
        let first = bytes | SMALL;
        let key = if len < 8 {
            Key { first: first & ((1 << (8 * len)) - 1), last: 0, len }
        } else {
            let last = if len > 8 { load(text, end - 8) | SMALL } else { 0 };
            Key { first, last, len }
        };
        let mut at = key.hash(SLOTS);
        loop {
            let slot = self.slots.get(at).expect("a hash is below SLOTS");
            if slot.key.len == 0 {
                return slot.value;
            }
            // Up to eight bytes the first part says everything, the length too.
            if slot.key.first == key.first
                && slot.key.last == key.last
                && (len <= 8 || slot.is_text(text, start, end))
            {
                return slot.value;
            }
            at = (at + 1) % SLOTS;
        }
    }
}

impl<T> Slot<T> {
    /// Compares the whole word: the key leaves out the middle of a long one.
    fn is_text(&self, text: &[u8], start: usize, end: usize) -> bool {
        text.get(start..end).is_some_and(|word| word.eq_ignore_ascii_case(self.text))
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn key(text: &[u8]) -> Key {
    assert!(!text.is_empty() && text.len() <= LEN_MAX);
    let mut first = 0;
    let mut last = 0;
    let mut index = 0;
    while index < 8 {
        if index < text.len() {
            first |= ((text[index] | 0x20) as u64) << (8 * index);
        }
        if text.len() > 8 {
            last |= ((text[text.len() - 8 + index] | 0x20) as u64) << (8 * index);
        }
        index += 1;
    }
    Key { first, last, len: text.len() }
}
