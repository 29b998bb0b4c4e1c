//! What a stub understands of a statement: its first words, and a comment.

/// A statement as a stub sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    /// `/* blob N */` in front, or `SELECT blob N`: a result of N bytes.
    Blob(u64),
    /// `SELECT @@a, @@global.b AS c …`, and nothing else.
    Variables,
    /// SHOW VARIABLES.
    ShowVariables,
    /// SHOW SLAVE STATUS and its other names.
    ShowReplication,
    Insert,
    Update,
    Delete,
    Begin,
    Commit,
    Rollback,
    Other,
}

impl Kind {
    pub(super) fn of(sql: &[u8]) -> Self {
        let (sql, blob) = skip_comments(sql);
        let (word, rest) = first_word(sql);
        match blob {
            Some(len) => Self::Blob(len),
            None if is(word, b"select") => Self::of_select(rest.trim_ascii()),
            None if is(word, b"show") => Self::of_show(rest),
            None => Self::of_word(word),
        }
    }

    /// Whether it is of the kind that a load sends: faults hit only these, so that a proxy's own
    /// probes go on.
    pub(super) const fn is_load(self) -> bool {
        !matches!(self, Self::Variables | Self::ShowVariables | Self::ShowReplication | Self::Other)
    }

    fn of_word(word: &[u8]) -> Self {
        const WORDS: [(&[u8], Kind); 12] = [
            (b"with", Kind::Read),
            (b"values", Kind::Read),
            (b"table", Kind::Read),
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

    fn of_select(items: &[u8]) -> Self {
        let (word, rest) = first_word(items);
        if is(word, b"blob") {
            return number(rest).map_or(Self::Read, Self::Blob);
        }
        if items.starts_with(b"@@") && items.split(|byte| *byte == b',').all(is_variable) {
            return Self::Variables;
        }
        Self::Read
    }

    fn of_show(rest: &[u8]) -> Self {
        let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut word = words.next().unwrap_or_default();
        if [&b"global"[..], b"session", b"all"].iter().any(|scope| is(word, scope)) {
            word = words.next().unwrap_or_default();
        }
        if is(word, b"variables") {
            return Self::ShowVariables;
        }
        let replication = [&b"slave"[..], b"replica", b"slaves", b"replicas"];
        if replication.iter().any(|name| is(word, name)) {
            return Self::ShowReplication;
        }
        Self::Read
    }
}

/// `@@name`, `@@scope.name`, with an alias and a LIMIT or without.
fn is_variable(item: &[u8]) -> bool {
    let Some(rest) = item.trim_ascii().strip_prefix(b"@@") else { return false };
    rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.` ;".contains(byte))
}

/// The variables of a [`Kind::Variables`], each with its column's name.
pub(super) fn variables(sql: &[u8]) -> Vec<(String, String)> {
    let (sql, _) = skip_comments(sql);
    let text = String::from_utf8_lossy(sql.get(b"select".len()..).unwrap_or_default());
    let one = |item: &str| {
        let mut words = item.split_whitespace();
        let whole = words.next().unwrap_or_default();
        let name = whole.trim_start_matches("@@").rsplit('.').next().unwrap_or_default();
        let alias = match words.next() {
            Some(word) if word.eq_ignore_ascii_case("as") => words.next(),
            Some(word) if word.eq_ignore_ascii_case("limit") => None,
            other => other,
        };
        (name.to_ascii_lowercase(), alias.unwrap_or(whole).trim_matches('`').to_owned())
    };
    text.trim_end_matches([';', ' ']).split(',').map(one).collect()
}

/// How many parameters a statement to prepare has: question marks outside quotes.
pub(super) fn count_params(sql: &[u8]) -> u16 {
    let mut quote = None;
    let mut count = 0_u16;
    for byte in sql {
        match (quote, byte) {
            (None, b'\'' | b'"' | b'`') => quote = Some(*byte),
            (None, b'?') => count = count.saturating_add(1),
            (Some(open), close) if open == *close => quote = None,
            (None | Some(_), _) => {}
        }
    }
    count
}

fn is(word: &[u8], name: &[u8]) -> bool {
    word.eq_ignore_ascii_case(name)
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

fn first_word(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    text.split_at(len)
}

/// The statement behind its leading comments, and N of a comment `blob N` among them.
fn skip_comments(mut sql: &[u8]) -> (&[u8], Option<u64>) {
    let mut blob = None;
    loop {
        sql = sql.trim_ascii_start();
        let Some(comment) = sql.strip_prefix(b"/*") else { return (sql, blob) };
        let end = comment.windows(2).position(|pair| pair == b"*/");
        let Some(end) = end else { return (b"", blob) };
        if let Some(len) = comment[..end].trim_ascii().strip_prefix(b"blob ") {
            blob = number(len);
        }
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
            ("/* blob 99 */ SELECT data FROM t", Kind::Blob(99)),
            ("SELECT blob FROM t", Kind::Read),
            ("SELECT @@global.wait_timeout", Kind::Variables),
            ("SELECT @@global.read_only read_only", Kind::Variables),
            ("select @@version_comment limit 1", Kind::Variables),
            ("SELECT @@server_id, @@session.sql_mode AS `mode`", Kind::Variables),
            ("SELECT @@global.gtid_domain_id, @@read_only;", Kind::Variables),
            ("SELECT @@global.a, 1", Kind::Read),
            ("SELECT @@a, server FROM whoami", Kind::Read),
            ("SHOW SLAVE STATUS", Kind::ShowReplication),
            ("SHOW ALL SLAVES STATUS", Kind::ShowReplication),
            ("show replica status", Kind::ShowReplication),
            ("SHOW GLOBAL VARIABLES LIKE 'read_only'", Kind::ShowVariables),
            ("SHOW DATABASES", Kind::Read),
            ("replace into t values(1)", Kind::Insert),
            ("START TRANSACTION READ ONLY", Kind::Begin),
            ("SET NAMES utf8mb4", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(sql.as_bytes()), kind, "{sql}");
        }
    }

    #[test]
    fn variables_have_their_columns_names() {
        let found = variables(b"SELECT @@GLOBAL.Read_Only, @@port AS `p`, @@hostname h LIMIT 1");
        let names: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&a[..], &b[..])).collect();
        let expected = [("read_only", "@@GLOBAL.Read_Only"), ("port", "p"), ("hostname", "h")];
        assert_eq!(names, expected);
        assert_eq!(variables(b"select @@a limit 1")[0].1, "@@a");
        assert_eq!(variables(b"select @@a ;")[0], ("a".into(), "@@a".into()));
    }

    #[test]
    fn parameters_are_question_marks_outside_quotes() {
        assert_eq!(count_params(b"SELECT ?, '?', \"it's ?\", `?`, ?"), 2);
    }
}
