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
