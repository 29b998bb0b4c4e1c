//! What a byte can begin or belong to, outside quotes and comments.

/// The token that a byte begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// White space, as C's `isspace` sees it.
    Space,
    /// An ASCII letter, `_` or a byte of a character beyond ASCII.
    Letter,
    /// `$`: belongs to words, and opens MySQL 9's dollar-quoted bodies.
    Dollar,
    Digit,
    /// `'`
    Apostrophe,
    /// `"`
    Quote,
    /// `` ` ``
    Backquote,
    At,
    Dot,
    /// `/`, perhaps of a comment.
    Slash,
    /// `*`, perhaps the end of an executable comment.
    Star,
    /// `-`, perhaps of a comment.
    Dash,
    /// `#`
    Hash,
    /// `:`, perhaps of `:=`.
    Colon,
    /// `\`, perhaps of `\N`.
    Backslash,
    Open,
    Close,
    Comma,
    Equals,
    Semicolon,
    /// `[`: a quoted identifier in MariaDB's MSSQL mode.
    Bracket,
    Other,
}

const LEADS: [Lead; 256] = leads();
const IN_WORD: [bool; 256] = word_table();

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn leads() -> [Lead; 256] {
    let mut table = [Lead::Other; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = match byte {
            b'\t'..=b'\r' | b' ' => Lead::Space,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xFF => Lead::Letter,
            b'$' => Lead::Dollar,
            b'0'..=b'9' => Lead::Digit,
            b'\'' => Lead::Apostrophe,
            b'"' => Lead::Quote,
            b'`' => Lead::Backquote,
            b'@' => Lead::At,
            b'.' => Lead::Dot,
            b'/' => Lead::Slash,
            b'*' => Lead::Star,
            b'-' => Lead::Dash,
            b'#' => Lead::Hash,
            b':' => Lead::Colon,
            b'\\' => Lead::Backslash,
            b'(' => Lead::Open,
            b')' => Lead::Close,
            b',' => Lead::Comma,
            b'=' => Lead::Equals,
            b';' => Lead::Semicolon,
            b'[' => Lead::Bracket,
            _ => Lead::Other,
        };
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn word_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < 256 {
        table[index] = matches!(LEADS[index], Lead::Letter | Lead::Digit | Lead::Dollar);
        index += 1;
    }
    table
}

/// The token that `byte` begins.
#[inline(always)]
pub(super) fn lead(byte: u8) -> Lead {
    LEADS.get(usize::from(byte)).copied().unwrap_or(Lead::Other)
}

/// Whether an identifier may hold `byte` without quotes.
#[inline(always)]
pub(super) fn in_word(byte: u8) -> bool {
    IN_WORD.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The byte `byte` eight times.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The bit that tells small letters from capitals, in eight bytes.
pub(super) const SMALL: u64 = eight(0x20);

/// Eight bytes of `text` from `at`, the first one lowest; zeros behind its end.
#[inline(always)]
pub(super) fn load(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => load_end(text, at),
    }
}

fn load_end(text: &[u8], at: usize) -> u64 {
    let missing = (at + 8).saturating_sub(text.len()).min(8);
    match text.last_chunk() {
        Some(bytes) if missing < 8 => u64::from_le_bytes(*bytes) >> (8 * missing),
        Some(_) => 0,
        None => {
            let rest = text.get(at..).unwrap_or_default();
            rest.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
        }
    }
}

/// How many of eight bytes, from the lowest, [`in_word`] holds for, found without a loop.
#[inline(always)]
pub(super) fn word_len(bytes: u64) -> usize {
    const HIGH: u64 = eight(0x80);
    // Sums of a byte below 0x80 and at most 0x80: nothing carries over into the next byte.
    let low = bytes & !HIGH;
    let at_least = |bytes: u64, least: u8| bytes + eight(0x80 - least);
    let within = |bytes, from: u8, to: u8| at_least(bytes, from) & !at_least(bytes, to + 1);
    let is = |byte: u8| HIGH - (low ^ eight(byte));
    let letter = within(low | SMALL, b'a', b'z');
    let word = letter | within(low, b'0', b'9') | is(b'_') | is(b'$') | bytes;
    (!word & HIGH).trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_words() {
        for byte in 0..=u8::MAX {
            let expected = usize::from(in_word(byte));
            assert_eq!(word_len(u64::from_le_bytes([byte, b' ', 0, 0, 0, 0, 0, 0])), expected);
            let bytes = [b'a', 0xFF, b'$', byte, b'Z', b'_', b'9', b'0'];
            assert_eq!(word_len(u64::from_le_bytes(bytes)), 3 + 5 * expected, "{byte}");
        }
    }

    #[test]
    fn loads_end_in_zeros() {
        for text in [b"abcdefghijk".as_slice(), b"abc", b""] {
            for at in 0..15 {
                let mut bytes = [0; 8];
                for (to, from) in bytes.iter_mut().zip(text.iter().skip(at)) {
                    *to = *from;
                }
                assert_eq!(load(text, at), u64::from_le_bytes(bytes), "{at}");
            }
        }
    }
}
