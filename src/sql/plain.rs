//! A short way for the most frequent texts: a SELECT in which nothing but its first word means
//! anything here. It knows words and quotes by bits of whole blocks, and says no in any doubt:
//! then the token loop decides.

use super::blocks::{BLOCK, Block, Kinds, Marks, between};
use super::bytes::{SMALL, in_word, load, word_len};
use super::functions::{Function, function};
use super::keywords::keyword;
use super::statement::Dialect;

/// Whether `text` is a single SELECT, begun by that word, without any effect or comment: the
/// token loop would find an [`Access::Read`](super::Access) without traits or hint.
pub(super) fn is_plain_select(text: &[u8], dialect: Dialect) -> bool {
    const SELECT: u64 = u64::from_le_bytes(*b"select\0\0");
    const SIX: u64 = (1 << 48) - 1;
    let first = load(text, 0);
    if (first | SMALL) & SIX != SELECT || in_word((first >> 48).to_le_bytes()[0]) {
        return false;
    }
    let mut walk = Walk::new(text, dialect);
    while let Some(block) = text.get(walk.base..).and_then(<[u8]>::first_chunk) {
        if !walk.block(block, 0) {
            return false;
        }
        walk.base += BLOCK;
    }
    walk.end()
}

/// Words that mean something wherever they stand in a SELECT, by their first eight bytes.
const EFFECTS: [&[u8]; 25] = [
    b"update",
    b"share",
    b"lock",
    b"delete",
    b"into",
    b"procedur",
    b"create",
    b"alter",
    b"drop",
    b"grant",
    b"revoke",
    b"load",
    b"call",
    b"insert",
    b"replace",
    b"sql_calc",
    b"union",
    b"for",
    b"nextval",
    b"currval",
    b"lastval",
    b"mysql",
    b"sys",
    b"performa",
    b"informat",
];

/// The first eight bytes of a word in small letters, those of a shorter one moved up, with zeros
/// below.
type Key = u64;

/// The key of a word of `len` bytes, given eight from its first on.
#[inline(always)]
fn key_of(bytes: u64, len: u32) -> Key {
    (bytes | SMALL) << ((8 - len.min(8)) * 8)
}

/// A factor under which no two of [`EFFECTS`] share a slot, and their slots.
struct Effects {
    factor: u64,
    slots: [Key; 256],
}

static TABLE: Effects = Effects::new();

impl Effects {
    #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
    const fn new() -> Self {
        let mut factor = 0x9E37_79B9_7F4A_7C15_u64;
        loop {
            let mut slots = [0; 256];
            let mut index = 0;
            while index < EFFECTS.len() {
                let key = key(EFFECTS[index]);
                let slot = slot(key, factor) as usize;
                if slots[slot] != 0 {
                    break;
                }
                slots[slot] = key;
                index += 1;
            }
            if index == EFFECTS.len() {
                return Self { factor, slots };
            }
            factor = factor.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(2);
        }
    }

    #[inline(always)]
    fn holds(&self, key: Key) -> bool {
        self.slots.get(usize::from(slot(key, self.factor))) == Some(&key)
    }
}

const fn slot(key: Key, factor: u64) -> u8 {
    key.wrapping_mul(factor).to_be_bytes()[0]
}

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn key(text: &[u8]) -> Key {
    let mut key = 0;
    let mut index = text.len();
    while index > 0 {
        index -= 1;
        key = key << 8 | (text[index] | 0x20) as u64;
    }
    key << (8 * (8 - text.len()))
}

/// What the blocks so far leave for the next.
struct Walk<'a> {
    text: &'a [u8],
    dialect: Dialect,
    /// Where the block at hand begins.
    base: usize,
    /// All ones inside a string.
    string: u64,
    /// All ones inside a quoted name.
    name: u64,
    /// The block before had strings.
    listing: bool,
    /// Anything but 0 where the block before left more open than a word or a number.
    open: u64,
    /// 1 if the block before ended with a byte of a word, with `-`, `/` or `*`, with a number,
    /// with a number's dot.
    word: u64,
    comment: u64,
    number: u64,
    number_dot: u64,
}

/// A block's punctuation.
struct Outside {
    /// What lies in strings.
    quoted: u64,
    /// Brackets and dots that do not.
    open: u64,
    dot: u64,
}

impl<'a> Walk<'a> {
    const fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            base: 0,
            string: 0,
            name: 0,
            listing: false,
            open: 0,
            word: 0,
            comment: 0,
            number: 0,
            number_dot: 0,
        }
    }

    /// What is left of the text behind its last whole block.
    fn end(&mut self) -> bool {
        let rest = self.text.get(self.base..).unwrap_or_default();
        let plain = rest.is_empty()
            || match self.text.last_chunk() {
                Some(block) => self.block(block, BLOCK - rest.len()),
                None => {
                    let mut padded = [b' '; BLOCK];
                    for (to, from) in padded.iter_mut().zip(rest) {
                        *to = *from;
                    }
                    self.block(&padded, 0)
                }
            };
        plain && self.string == 0 && self.name == 0
    }

    /// Looks at a block, of which the first `seen` bytes were seen before.
    #[inline(always)]
    fn block(&mut self, block: &[u8; BLOCK], seen: usize) -> bool {
        let block = Block::new(block, seen);
        if self.listing && self.lists(&block) {
            return true;
        }
        let kinds = block.kinds();
        if kinds.rare | self.open != 0 {
            return self.marked(&block, kinds);
        }
        self.words(kinds.word, kinds.digit, 0)
    }

    /// The same, for a block that holds more than words or follows such a one.
    #[inline(never)]
    fn marked(&mut self, block: &Block, kinds: Kinds) -> bool {
        let Some(marks) = self.marks(block) else { return false };
        let (word, digit) = (kinds.word & !marks.quoted, kinds.digit & !marks.quoted);
        self.words(word, digit, marks.dot) && self.may_open_all(marks.open)
    }

    /// Whether none of the words that begin in a block has an effect, and all numbers are such.
    #[inline(always)]
    fn words(&mut self, word: u64, digit: u64, dot: u64) -> bool {
        let starts = word & !(word << 1 | self.word);
        // A sum carries over from the first digit of a number to the byte behind its last.
        let (sum, overflows) = digit.overflowing_add((starts | self.number) & digit);
        let ends = sum & !digit | self.number & !digit & 1;
        let dots = ends & dot;
        if (ends | dots << 1 | self.number_dot) & word & !digit != 0 {
            return false;
        }
        self.word = word >> 63;
        (self.number, self.number_dot) = (u64::from(overflows), dots >> 63);
        self.open |= self.number_dot;
        // No word of [`EFFECTS`] has less than three letters.
        let long = (word >> 1 | LAST) & (word >> 2 | LAST | LAST >> 1);
        let mut starts = starts & long & !digit;
        while starts != 0 {
            let at = starts.trailing_zeros();
            starts &= starts - 1;
            let bytes = load(self.text, self.base + at as usize);
            // From eight on all lengths are one.
            let mut len = (!(word >> at) | LAST).trailing_zeros();
            if at + len == u64::BITS {
                // It may go on in the next block.
                len = u32::try_from(word_len(bytes)).unwrap_or(8);
            }
            if TABLE.holds(key_of(bytes, len)) {
                return false;
            }
        }
        true
    }

    /// Whether the block is only more of a list of strings.
    #[inline(always)]
    fn lists(&mut self, block: &Block) -> bool {
        let quotes = block.quotes();
        let string = between(quotes.apostrophe) ^ self.string;
        // In a string, either of the others may end it or make it go on.
        self.listing = block.holds_only(string | quotes.apostrophe | quotes.filler)
            && (quotes.backquote | quotes.backslash) & string == 0;
        if self.listing {
            self.string = all(string);
            self.open = self.string;
            (self.word, self.comment, self.number, self.number_dot) = (0, 0, 0, 0);
        }
        self.listing
    }

    /// What quotes there are, and what else stands outside of them; `None` if that may mean
    /// anything.
    #[inline(always)]
    fn marks(&mut self, block: &Block) -> Option<Outside> {
        let quotes = block.quotes();
        let string = between(quotes.apostrophe) ^ self.string;
        let name = between(quotes.backquote) ^ self.name;
        let escapes = quotes.backslash & if self.dialect.no_backslash_escapes { 0 } else { string };
        if (quotes.backquote & string) | (quotes.apostrophe & name) | escapes != 0 {
            return None;
        }
        (self.string, self.name) = (all(string), all(name));
        self.listing = string != 0 && name == 0;
        let Marks { open, dot, comment, special } = block.marks();
        let comment = comment & !string;
        let odd = special & !string | comment & (comment << 1 | self.comment);
        self.comment = comment >> 63;
        self.open = self.string | self.name | self.comment;
        (odd == 0).then_some(Outside { quoted: string, open: open & !string, dot: dot & !string })
    }

    fn may_open_all(&self, mut open: u64) -> bool {
        while open != 0 {
            if !self.may_open(self.base + open.trailing_zeros() as usize) {
                return false;
            }
            open &= open - 1;
        }
        true
    }

    /// Whether the bracket at `at` opens a list, or the arguments of a built-in function that
    /// only reads.
    fn may_open(&self, at: usize) -> bool {
        let before = |at: usize| self.text.get(..at).unwrap_or_default();
        let space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
        let back =
            |at: usize| before(at).iter().rposition(|byte| !space(byte)).map_or(0, |it| it + 1);
        let end = back(at);
        match before(end).last() {
            Some(b'\'' | b'`' | b'.') => return false,
            Some(&byte) if in_word(byte) => {}
            _ => return true,
        }
        let start = before(end).iter().rposition(|&byte| !in_word(byte)).map_or(0, |it| it + 1);
        if before(back(start)).last() == Some(&b'.') {
            return false;
        }
        if keyword(self.text, start, end).opens() {
            return true;
        }
        let called = function(self.text, start, end, self.dialect.mariadb);
        matches!(called, Function::Plain | Function::Mariadb | Function::Mysql)
            || (called == Function::Adjacent && end == at)
    }
}

/// The last byte of a block.
const LAST: u64 = 1 << 63;

/// All ones where the last byte of a block lies inside.
const fn all(inside: u64) -> u64 {
    (inside.cast_signed() >> 63).cast_unsigned()
}
