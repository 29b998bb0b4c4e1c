//! Comments that ask for a role: `/* lanewire:primary */`, `/* lanewire:replica */`,
//! `/*master*/`.

use super::statement::Hint;

/// The hint that a comment is, given what lies between `/*` and `*/`.
pub(super) fn comment_hint(content: &[u8]) -> Option<Hint> {
    let content = content.trim_ascii();
    let is = |name: &[u8]| content.eq_ignore_ascii_case(name);
    match content.first() {
        Some(b'l' | b'L') if is(b"lanewire:primary") => Some(Hint::Primary),
        Some(b'l' | b'L') if is(b"lanewire:replica") => Some(Hint::Replica),
        Some(b'm' | b'M') if is(b"master") => Some(Hint::Primary),
        _ => None,
    }
}

/// The hint that counts when both are in a text: the safe one.
pub(super) fn stronger(first: Option<Hint>, second: Option<Hint>) -> Option<Hint> {
    match (first, second) {
        (Some(Hint::Primary), _) | (_, Some(Hint::Primary)) => Some(Hint::Primary),
        (Some(Hint::Replica), _) | (_, Some(Hint::Replica)) => Some(Hint::Replica),
        (None, None) => None,
    }
}

/// Whether a quotation may be open at the end of an optimizer hint: then the server, which
/// reads quotes in hints, sees its end elsewhere.
pub(super) fn open_quote(content: &[u8]) -> bool {
    let mut open = None;
    for &byte in content {
        match (byte, open) {
            (b'\\', _) => return true,
            (b'\'' | b'"' | b'`', None) => open = Some(byte),
            (_, Some(quote)) if quote == byte => open = None,
            _ => {}
        }
    }
    open.is_some()
}
