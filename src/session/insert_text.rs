//! Which numbers an INSERT may give to the column that is counted up by itself.

use memchr::memmem;

use super::text::{SEARCHED_LEN_MAX, has_word};

/// Which numbers an INSERT's text holds, hashed into 64 bits: whether its auto-increment value
/// may have been given, which the OK packet reports just like one the server chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InsertText {
    numbers: u64,
}

impl InsertText {
    /// No numbers.
    pub(super) const NONE: Self = Self { numbers: 0 };
    /// It may hold any number.
    pub(super) const ANY: Self = Self { numbers: u64::MAX };

    /// Reads the text of an INSERT or REPLACE.
    pub(super) fn of(sql: &[u8]) -> Self {
        if memchr::memchr(b'?', sql).is_some() { Self::ANY } else { Self::read(sql) }
    }

    /// Reads the text of a prepared one, whose parameters give numbers too when it is executed:
    /// see [`Self::give`].
    pub(super) fn of_prepared(sql: &[u8]) -> Self {
        if sql.len() <= SEARCHED_LEN_MAX && has_plain_parameters(sql) {
            Self::read(sql)
        } else {
            Self::ANY
        }
    }

    /// A parameter gives `value`.
    pub(super) const fn give(&mut self, value: u64) {
        self.numbers |= Self::bit(value);
    }

    fn read(sql: &[u8]) -> Self {
        // Values that are computed, or come from rows, may be anything.
        let computed = |byte: &u8| matches!(byte, b'@' | b'+' | b'*' | b'-' | b'|' | b'&');
        if sql.len() > SEARCHED_LEN_MAX
            || sql.iter().any(computed)
            || [&b"select"[..], b"duplicate", b"table"].iter().any(|word| has_word(sql, word))
            || memmem::find(sql, b"0x").is_some()
        {
            return Self::ANY;
        }
        let mut numbers = 0;
        let mut run: Option<u64> = None;
        for &byte in sql {
            if byte.is_ascii_digit() {
                let digit = u64::from(byte - b'0');
                run = Some(run.unwrap_or(0).wrapping_mul(10).wrapping_add(digit));
            } else if let Some(number) = run.take() {
                numbers |= Self::bit(number);
            }
        }
        numbers |= run.map_or(0, Self::bit);
        Self { numbers }
    }

    /// Whether `value` may be one of the text's numbers.
    pub(super) const fn may_give(self, value: u64) -> bool {
        self.numbers & Self::bit(value) != 0
    }

    const fn bit(number: u64) -> u64 {
        1 << (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
    }
}

/// Whether each `?` is the whole of a value: no part of an expression, and no function's argument.
fn has_plain_parameters(sql: &[u8]) -> bool {
    let mut depth = 0_u32;
    let mut named = false;
    let mut before = b' ';
    let mut open = false;
    for &byte in sql.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if open && !matches!(byte, b',' | b')' | b';') {
            return false;
        }
        open = byte == b'?' && !named;
        match byte {
            // Literals and comments may hold anything.
            b'\'' | b'"' | b'#' => return false,
            b'`' => named = !named,
            b'(' if !named => depth += 1,
            b')' if !named => depth = depth.saturating_sub(1),
            b'?' if open && !matches!(before, b'(' | b',' | b'=') => return false,
            _ => {}
        }
        if depth > 1 {
            return false;
        }
        before = byte;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_an_insert() {
        assert!(InsertText::of(b"insert t values (500,1)").may_give(500));
        assert!(InsertText::of(b"insert t values ('500')").may_give(500));
        assert!(InsertText::of(b"insert t set id = 7").may_give(7));
        assert!(InsertText::of(b"insert t select 1").may_give(9));
        assert!(InsertText::of(b"insert t values (0x07)").may_give(7));
        assert!(InsertText::of(b"insert t values (3+4)").may_give(7));
        assert!(!InsertText::of(b"insert t(v) values ('a')").may_give(7));
        assert!(InsertText::of(b"insert t(v) values (?)").may_give(7));
    }

    #[test]
    fn numbers_of_a_prepared_insert() {
        for sql in ["insert t (v, `w?(`) values (?, 5), ( ? ,?)", "insert t set v=?, w = ?;"] {
            let mut read = InsertText::of_prepared(sql.as_bytes());
            assert!(!read.may_give(7), "{sql}");
            read.give(7);
            assert!(read.may_give(7), "{sql}");
        }
        for sql in [
            "insert t values (abs(?))",
            "insert t values (? div 2)",
            "insert t values (~?)",
            "insert t values (')', ?)",
            "insert t values (?) # )",
            "insert t values (? /* ) */)",
            "insert t select ?",
            "insert t values (?) on duplicate key update v=1",
        ] {
            assert!(InsertText::of_prepared(sql.as_bytes()).may_give(7), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn a_number_in_the_text_is_never_missed(all in prop::collection::vec(any::<u64>(), 1..20)) {
            let text = format!("insert t values ({all:?})");
            let read = InsertText::of(text.as_bytes());
            for number in all {
                prop_assert!(read.may_give(number));
            }
        }

        #[test]
        fn reading_never_panics(sql in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = InsertText::of(&sql);
            let _ = InsertText::of_prepared(&sql);
        }
    }
}
