//! What a stub understands of a statement: its first word, and two forms of SELECT.

/// A statement as a stub sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Read,
    /// `SELECT blob N`: a result of N bytes.
    Blob(u64),
    /// `SELECT @@global.name`.
    Variable(&'a [u8]),
    Insert,
    Update,
    Delete,
    Begin,
    Commit,
    Rollback,
    Other,
}

impl<'a> Kind<'a> {
    pub(super) fn of(sql: &'a [u8]) -> Self {
        let sql = skip_comments(sql);
        let (word, rest) = first_word(sql);
        if is(word, b"select") { Self::of_select(rest.trim_ascii()) } else { Self::of_word(word) }
    }

    fn of_word(word: &[u8]) -> Self {
        const WORDS: [(&[u8], Kind<'static>); 13] = [
            (b"with", Kind::Read),
            (b"values", Kind::Read),
            (b"table", Kind::Read),
            (b"show", Kind::Read),
            (b"explain", Kind::Read),
            (b"insert", Kind::Insert),
            (b"replace", Kind::Insert),
            (b"update", Kind::Update),
            (b"delete", Kind::Delete),
            (b"begin", Kind::Begin),
            (b"start", Kind::Begin),
            (b"commit", Kind::Commit),
            (b"rollback", Kind::Rollback),
        ];
        WORDS.iter().find(|(name, _)| is(word, name)).map_or(Self::Other, |(_, kind)| *kind)
    }

    fn of_select(items: &'a [u8]) -> Self {
        let (word, rest) = first_word(items);
        if is(word, b"blob") {
            let digits = std::str::from_utf8(rest.trim_ascii()).ok();
            return digits.and_then(|digits| digits.parse().ok()).map_or(Self::Read, Self::Blob);
        }
        match items.split_first_chunk::<9>() {
            Some((head, name))
                if head.eq_ignore_ascii_case(b"@@global.")
                    && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') =>
            {
                Self::Variable(name)
            }
            _ => Self::Read,
        }
    }
}

fn is(word: &[u8], name: &[u8]) -> bool {
    word.eq_ignore_ascii_case(name)
}

fn first_word(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    text.split_at(len)
}

fn skip_comments(mut sql: &[u8]) -> &[u8] {
    loop {
        sql = sql.trim_ascii_start();
        let Some(comment) = sql.strip_prefix(b"/*") else { return sql };
        let Some(end) = comment.windows(2).position(|pair| pair == b"*/") else { return b"" };
        sql = &comment[end + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (sql, kind) in [
            ("SELECT c FROM sbtest1 WHERE id=7", Kind::Read),
            (" /* lanewire:primary */ select 1", Kind::Read),
            ("SELECT blob 1048576", Kind::Blob(1_048_576)),
            ("SELECT blob FROM t", Kind::Read),
            ("SELECT @@global.wait_timeout", Kind::Variable(b"wait_timeout")),
            ("SELECT @@global.a, 1", Kind::Read),
            ("replace into t values(1)", Kind::Insert),
            ("START TRANSACTION READ ONLY", Kind::Begin),
            ("SET NAMES utf8mb4", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(sql.as_bytes()), kind, "{sql}");
        }
    }
}
