//! 64 bytes at a time: which of them are what, as bits, the first byte's lowest.

use wide::{CmpEq, CmpLt, i8x16};

/// Bytes in a block.
pub(super) const BLOCK: usize = 64;

/// What most bytes of a block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Kinds {
    /// Letters, digits, `_` and bytes beyond ASCII.
    pub(super) word: u64,
    pub(super) digit: u64,
    /// Punctuation, but for `)*+,<=>?`, blanks and control characters.
    pub(super) rare: u64,
}

/// What quotes in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Quotes {
    pub(super) apostrophe: u64,
    pub(super) backquote: u64,
    pub(super) backslash: u64,
    /// Commas and blanks, which mean nothing between strings.
    pub(super) filler: u64,
}

/// Other punctuation of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// `(`
    pub(super) open: u64,
    pub(super) dot: u64,
    /// `-`, `/` and `*`, of which comments and their ends consist.
    pub(super) comment: u64,
    /// `"`, `#`, `$`, `:`, `;`, `@`, `[`, `\`: what may mean much.
    pub(super) special: u64,
}

/// For each bit, whether the number of bits up to and with it is odd: what lies between pairs,
/// the opening one included.
pub(super) const fn between(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

/// A block, loaded. The first `seen` bytes are left out of all masks.
#[derive(Clone, Copy)]
pub(super) struct Block {
    lanes: [i8x16; 4],
    seen: usize,
}

#[inline(always)]
fn is(lane: i8x16, byte: u8) -> i8x16 {
    lane.cmp_eq(i8x16::splat(byte.cast_signed()))
}

/// Bytes in `first..=last`: moved to the bottom of the signed range, one comparison finds them.
#[inline(always)]
fn within(lane: i8x16, first: u8, last: u8) -> i8x16 {
    let moved = lane + i8x16::splat(0x80_u8.wrapping_sub(first).cast_signed());
    moved.cmp_lt(i8x16::splat(0x81_u8.wrapping_add(last - first).cast_signed()))
}

impl Block {
    #[inline(always)]
    pub(super) fn new(block: &[u8; BLOCK], seen: usize) -> Self {
        let lane = |lane: usize| {
            let bytes = block.get(16 * lane..).and_then(<[u8]>::first_chunk::<16>);
            i8x16::new(bytes.copied().unwrap_or_default().map(u8::cast_signed))
        };
        Self { lanes: [lane(0), lane(1), lane(2), lane(3)], seen }
    }

    #[inline(always)]
    fn bits(&self, of: impl Fn(i8x16) -> i8x16) -> u64 {
        let [a, b, c, d] = self.lanes.map(|lane| u64::from(of(lane).move_mask().cast_unsigned()));
        (a | b << 16 | c << 32 | d << 48) >> self.seen
    }

    /// Whether `bits` are all of the block's.
    #[inline(always)]
    pub(super) const fn holds_only(&self, bits: u64) -> bool {
        !bits << self.seen == 0
    }

    #[inline(always)]
    pub(super) fn kinds(&self) -> Kinds {
        // The sign bit is that of a byte beyond ASCII.
        let word = |lane: i8x16| {
            let letter = within(lane | i8x16::splat(0x20), b'a', b'z');
            letter | is(lane, b'_') | lane | within(lane, b'0', b'9')
        };
        let usual = |lane: i8x16| {
            let blank = lane.cmp_lt(i8x16::splat(0x21));
            word(lane) | blank | within(lane, b')', b',') | within(lane, b'<', b'?')
        };
        Kinds {
            word: self.bits(word),
            digit: self.bits(|lane| within(lane, b'0', b'9')),
            rare: self.bits(|lane| !usual(lane)),
        }
    }

    #[inline(always)]
    pub(super) fn quotes(&self) -> Quotes {
        Quotes {
            apostrophe: self.bits(|lane| is(lane, b'\'')),
            backquote: self.bits(|lane| is(lane, b'`')),
            backslash: self.bits(|lane| is(lane, b'\\')),
            filler: self.bits(|lane| is(lane, b',') | is(lane, b' ')),
        }
    }

    #[inline(always)]
    pub(super) fn marks(&self) -> Marks {
        Marks {
            open: self.bits(|lane| is(lane, b'(')),
            dot: self.bits(|lane| is(lane, b'.')),
            comment: self.bits(|lane| is(lane, b'-') | is(lane, b'/') | is(lane, b'*')),
            special: self.bits(|lane| {
                within(lane, b'"', b'$')
                    | within(lane, b':', b';')
                    | is(lane, b'@')
                    | within(lane, b'[', b'\\')
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
        block.iter().rev().fold(0, |bits, &byte| bits << 1 | u64::from(is(byte)))
    }

    #[test]
    fn every_byte_at_every_place() {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let usual = |byte: u8| word(byte) || byte <= b' ' || b")*+,<=>?".contains(&byte);
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut bytes = [b' '; BLOCK];
                bytes.iter_mut().skip(at).step_by(17).for_each(|place| *place = byte);
                let of = |set: &[u8]| bits(&bytes, |byte| set.contains(&byte));
                let block = Block::new(&bytes, 0);
                let kinds = Kinds {
                    word: bits(&bytes, word),
                    digit: of(b"0123456789"),
                    rare: bits(&bytes, |byte| !usual(byte)),
                };
                assert_eq!(block.kinds(), kinds, "{byte} at {at}");
                let quotes = Quotes {
                    apostrophe: of(b"'"),
                    backquote: of(b"`"),
                    backslash: of(b"\\"),
                    filler: of(b", "),
                };
                assert_eq!(block.quotes(), quotes, "{byte} at {at}");
                let marks = Marks {
                    open: of(b"("),
                    dot: of(b"."),
                    comment: of(b"-/*"),
                    special: of(b"\"#$:;@[\\"),
                };
                assert_eq!(block.marks(), marks, "{byte} at {at}");
                assert_eq!(Block::new(&bytes, 9).kinds().word, kinds.word >> 9);
            }
        }
    }

    proptest! {
        #[test]
        fn pairs_enclose(bits: u64) {
            let mut inside = false;
            for at in 0..64 {
                inside ^= bits >> at & 1 == 1;
                prop_assert_eq!(between(bits) >> at & 1 == 1, inside);
            }
        }
    }
}
