//! What was asked on the admin port: its own few statements, and those that clients and drivers
//! send on their own when they connect, which get a harmless answer.

/// A table of the admin port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Backends,
    Pools,
    Shards,
    Sessions,
    Help,
}

impl Table {
    /// All tables, in the order of the help.
    pub(super) const ALL: [Self; 5] =
        [Self::Backends, Self::Pools, Self::Shards, Self::Sessions, Self::Help];

    /// Its name in SQL.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Backends => "backends",
            Self::Pools => "pools",
            Self::Shards => "shards",
            Self::Sessions => "sessions",
            Self::Help => "help",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name().eq_ignore_ascii_case(word))
    }
}

/// A statement, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// `SELECT` columns `FROM` a table; none are named for `*`.
    Rows(Table, Vec<String>),
    /// One row of values that a client asks for: column names and values.
    Values(Vec<(String, Option<String>)>),
    /// `SHOW VARIABLES`, with the pattern of a LIKE.
    ShowVariables(Option<String>),
    /// `SHOW TABLES`.
    ShowTables,
    /// `SHOW DATABASES`.
    ShowDatabases,
    /// `SHOW WARNINGS` and others of no rows here.
    NoRows,
    /// SET NAMES, COMMIT and the like: OK, and nothing happens.
    Nothing,
    /// Not for this port.
    Unknown,
}

/// Variables that clients ask for when they connect, sorted by name. The values are those that make
/// a client do nothing unusual.
const VARIABLES: &[(&str, &str)] = &[
    ("auto_increment_increment", "1"),
    ("autocommit", "1"),
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_database", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("character_set_server", "utf8mb4"),
    ("collation_connection", "utf8mb4_general_ci"),
    ("collation_database", "utf8mb4_general_ci"),
    ("collation_server", "utf8mb4_general_ci"),
    ("init_connect", ""),
    ("interactive_timeout", "28800"),
    ("license", "MIT"),
    ("lower_case_table_names", "0"),
    ("max_allowed_packet", "1048576"),
    ("net_write_timeout", "60"),
    ("performance_schema", "0"),
    ("protocol_version", "10"),
    ("sql_mode", ""),
    ("system_time_zone", "UTC"),
    ("time_zone", "SYSTEM"),
    ("transaction_isolation", "REPEATABLE-READ"),
    ("transaction_read_only", "0"),
    ("tx_isolation", "REPEATABLE-READ"),
    ("version", super::SERVER_VERSION),
    ("version_comment", super::VERSION_COMMENT),
    ("wait_timeout", "28800"),
];

/// Rows of `SHOW VARIABLES [LIKE pattern]`.
pub(super) fn variables(
    pattern: Option<&str>,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let pattern = pattern.map(str::to_ascii_lowercase);
    VARIABLES.iter().copied().filter(move |(name, _)| {
        pattern.as_deref().is_none_or(|pattern| like(name.as_bytes(), pattern.as_bytes()))
    })
}

/// Understands one statement.
pub(super) fn parse(sql: &[u8]) -> Request {
    let Ok(sql) = std::str::from_utf8(sql) else { return Request::Unknown };
    let Some(words) = words(sql) else { return Request::Unknown };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((first, rest)) = words.split_first() else { return Request::Nothing };
    match first.to_ascii_lowercase().as_str() {
        "select" => select(rest),
        "show" => show(rest),
        "set" => set(rest),
        "use" if rest.len() == 1 => Request::Nothing,
        "begin" | "commit" | "rollback" if rest.is_empty() || is(rest, &["work"]) => {
            Request::Nothing
        }
        "start" if is(rest, &["transaction"]) => Request::Nothing,
        _ => Request::Unknown,
    }
}

/// Cuts a statement into words, punctuation and quoted strings (with their quotes); drops comments
/// and the last `;`. `None` where a quote or comment does not end.
fn words(sql: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut left = sql.trim_start();
    while let Some(first) = left.chars().next() {
        let len = match first {
            '/' if left.starts_with("/*") => {
                left = left.get(left.find("*/")? + 2..)?.trim_start();
                continue;
            }
            '#' => {
                left = left.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
                continue;
            }
            '\'' | '"' | '`' => left.get(1..)?.find(first)? + 2,
            '@' => {
                1 + left
                    .get(1..)?
                    .chars()
                    .take_while(|c| "@._".contains(*c) || c.is_alphanumeric())
                    .count()
            }
            c if c.is_alphanumeric() || c == '_' => {
                left.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(left.len())
            }
            c => c.len_utf8(),
        };
        let (word, rest) = left.split_at_checked(len)?;
        words.push(word.to_owned());
        left = rest.trim_start();
    }
    if words.last().is_some_and(|word| word == ";") {
        words.pop();
    }
    Some(words)
}

fn is(words: &[&str], expected: &[&str]) -> bool {
    words.len() == expected.len() && starts(words, expected)
}

fn starts(words: &[&str], expected: &[&str]) -> bool {
    words.len() >= expected.len()
        && words.iter().zip(expected).all(|(word, expected)| word.eq_ignore_ascii_case(expected))
}

fn select(words: &[&str]) -> Request {
    if let [columns @ .., from, table] = words
        && from.eq_ignore_ascii_case("from")
    {
        let table = Table::named(table.trim_matches('`'));
        return match (table, named_columns(columns)) {
            (Some(table), Some(columns)) => Request::Rows(table, columns),
            _ => Request::Unknown,
        };
    }
    let words = match words {
        [items @ .., limit, "1"] if limit.eq_ignore_ascii_case("limit") => items,
        _ => words,
    };
    items(words)
        .into_iter()
        .map(item)
        .collect::<Option<Vec<_>>>()
        .map_or(Request::Unknown, Request::Values)
}

/// The names in a list of columns, or none for `*`.
fn named_columns(words: &[&str]) -> Option<Vec<String>> {
    if is(words, &["*"]) {
        return Some(Vec::new());
    }
    let name = |item: &[&str]| match item {
        [word] => {
            let name = word.trim_matches('`');
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            (plain && !name.is_empty()).then(|| name.to_owned())
        }
        _ => None,
    };
    items(words).into_iter().map(name).collect()
}

/// Cuts a list at its commas, not at those within parentheses.
fn items<'a, 'b>(words: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let mut depth = 0usize;
    words
        .split(|word| {
            match *word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && *word == ","
        })
        .collect()
}

/// One select item: `@@name [[AS] alias]`, a number, DATABASE(), USER(), VERSION() and the like.
fn item(words: &[&str]) -> Option<(String, Option<String>)> {
    let (expression, alias) = match words {
        [expression @ .., keyword, alias] if keyword.eq_ignore_ascii_case("as") => {
            (expression, Some(alias.trim_matches(['`', '\'', '"'])))
        }
        [variable, alias] if variable.starts_with('@') => {
            (&words[..1], Some(alias.trim_matches(['`', '\'', '"'])))
        }
        _ => (words, None),
    };
    let value = match expression {
        [variable] if variable.starts_with("@@") => Some(variable_value(variable)?),
        [number] if number.bytes().all(|byte| byte.is_ascii_digit()) => Some((*number).to_owned()),
        [function, "(", ")"] => match function.to_ascii_lowercase().as_str() {
            "database" | "schema" => None,
            "user" | "current_user" | "session_user" => Some("admin".to_owned()),
            "version" => Some(super::SERVER_VERSION.to_owned()),
            _ => return None,
        },
        _ => return None,
    };
    let name = alias.map_or_else(|| expression.concat(), str::to_owned);
    Some((name, value))
}

fn variable_value(word: &str) -> Option<String> {
    let name = word.trim_start_matches('@').to_ascii_lowercase();
    let name =
        name.strip_prefix("session.").or_else(|| name.strip_prefix("global.")).unwrap_or(&name);
    let at = VARIABLES.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    VARIABLES.get(at).map(|(_, value)| (*value).to_owned())
}

fn show(words: &[&str]) -> Request {
    let words = match words {
        [scope, rest @ ..]
            if ["session", "global", "full"].iter().any(|s| scope.eq_ignore_ascii_case(s)) =>
        {
            rest
        }
        _ => words,
    };
    let Some((what, rest)) = words.split_first() else { return Request::Unknown };
    match what.to_ascii_lowercase().as_str() {
        "variables" => match rest {
            [] => Request::ShowVariables(None),
            [like, pattern] if like.eq_ignore_ascii_case("like") => {
                Request::ShowVariables(Some(pattern.trim_matches(['\'', '"']).to_owned()))
            }
            // A driver's list: WHERE Variable_name = … OR …
            [condition, ..] if condition.eq_ignore_ascii_case("where") => {
                Request::ShowVariables(None)
            }
            _ => Request::Unknown,
        },
        "tables" => Request::ShowTables,
        "databases" | "schemas" => Request::ShowDatabases,
        "warnings" | "errors" | "collation" | "engines" | "plugins" | "status" => Request::NoRows,
        _ => Request::Unknown,
    }
}

/// Accepts what drivers set: names of character sets and session variables of a server. Settings of
/// the proxy will have a form of their own.
fn set(words: &[&str]) -> Request {
    const HARMLESS: &[&str] = &[
        "autocommit",
        "character_set_results",
        "max_allowed_packet",
        "net_read_timeout",
        "net_write_timeout",
        "sql_mode",
        "sql_safe_updates",
        "sql_select_limit",
        "max_join_size",
        "time_zone",
        "wait_timeout",
        "sql_quote_show_create",
        "sql_auto_is_null",
        "session_track_schema",
        "character_set_client",
        "character_set_connection",
        "collation_connection",
    ];
    if starts(words, &["names"])
        || starts(words, &["character", "set"])
        || starts(words, &["charset"])
    {
        return Request::Nothing;
    }
    if starts(words, &["session", "transaction"]) || starts(words, &["transaction"]) {
        return Request::Nothing;
    }
    let harmless = |assignment: &[&str]| {
        let assignment = match assignment {
            [scope, rest @ ..] if scope.eq_ignore_ascii_case("session") => rest,
            _ => assignment,
        };
        let [name, equals, ..] = assignment else { return false };
        let name = name.trim_start_matches('@').to_ascii_lowercase();
        let name = name.strip_prefix("session.").unwrap_or(&name);
        (*equals == "=" || *equals == ":") && HARMLESS.contains(&name)
    };
    if items(words).into_iter().all(harmless) { Request::Nothing } else { Request::Unknown }
}

/// SQL's LIKE with `%`, `_` and `\`; both in lower case. Goes back to the last `%` only, so its time
/// is bounded by the product of the lengths.
fn like(text: &[u8], pattern: &[u8]) -> bool {
    let (mut t, mut p) = (0, 0);
    let mut last_any = None;
    while let Some(byte) = text.get(t) {
        let (fits, width) = match (pattern.get(p), pattern.get(p + 1)) {
            (Some(b'%'), _) => {
                last_any = Some((p + 1, t));
                p += 1;
                continue;
            }
            (Some(b'\\'), Some(wanted)) => (byte == wanted, 2),
            (Some(wanted), _) => (byte == wanted || *wanted == b'_', 1),
            (None, _) => (false, 0),
        };
        match last_any {
            _ if fits => {
                t += 1;
                p += width;
            }
            Some((after, from)) => {
                last_any = Some((after, from + 1));
                (t, p) = (from + 1, after);
            }
            None => return false,
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(sql: &str) -> Vec<(String, Option<String>)> {
        let request = parse(sql.as_bytes());
        let Request::Values(values) = request else { panic!("{sql}: {request:?}") };
        values
    }

    #[test]
    fn tables_in_any_spelling() {
        for sql in [
            "SELECT * FROM backends",
            "select * from backends;",
            "  Select  *\n from\tBACKENDS ; ",
            "select*from`backends`",
            "/* who */ SELECT * FROM backends",
        ] {
            assert_eq!(parse(sql.as_bytes()), Request::Rows(Table::Backends, vec![]), "{sql}");
        }
        for table in Table::ALL {
            let sql = format!("select * from {}", table.name());
            assert_eq!(parse(sql.as_bytes()), Request::Rows(table, vec![]));
        }
        let some = ["address".to_owned(), "STATE".to_owned()];
        let request = parse(b"SELECT address, `STATE` FROM backends");
        assert_eq!(request, Request::Rows(Table::Backends, some.to_vec()));
    }

    #[test]
    fn what_clients_send_when_they_connect() {
        for sql in [
            "SET NAMES utf8mb4",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'",
            "SET AUTOCOMMIT = 0",
            "SET @@session.autocommit = OFF",
            "set autocommit=1, sql_mode = concat(@@sql_mode,'')",
            "SET CHARACTER SET utf8",
            "SET character_set_results = NULL",
            "SET SQL_SAFE_UPDATES=1,SQL_SELECT_LIMIT=1000,MAX_JOIN_SIZE=1000000",
            "COMMIT",
            "rollback",
            "BEGIN",
            "START TRANSACTION",
            "USE lanewire",
            "",
            " ; ",
        ] {
            assert_eq!(parse(sql.as_bytes()), Request::Nothing, "{sql:?}");
        }
        assert_eq!(parse(b"SHOW WARNINGS"), Request::NoRows);
        assert_eq!(parse(b"show variables"), Request::ShowVariables(None));
        assert_eq!(
            parse(b"SHOW VARIABLES LIKE 'lower\\_case%'"),
            Request::ShowVariables(Some("lower\\_case%".into()))
        );
    }

    #[test]
    fn variables_and_functions() {
        assert_eq!(
            values("select @@version_comment limit 1"),
            [("@@version_comment".into(), Some(super::super::VERSION_COMMENT.into()))]
        );
        assert_eq!(
            values(
                "/* mysql-connector-j */SELECT @@session.auto_increment_increment AS auto_increment_increment, @@sql_mode AS sql_mode"
            ),
            [
                ("auto_increment_increment".into(), Some("1".into())),
                ("sql_mode".into(), Some(String::new())),
            ]
        );
        assert_eq!(
            values("SELECT DATABASE(), USER()"),
            [("DATABASE()".into(), None), ("USER()".into(), Some("admin".into()))]
        );
        assert_eq!(values("SELECT 1"), [("1".into(), Some("1".into()))]);
    }

    #[test]
    fn anything_else_is_refused() {
        for sql in [
            "SELECT * FROM mysql.user",
            "SELECT * FROM backends WHERE 1",
            "SELECT FROM backends",
            "SELECT address, FROM backends",
            "SELECT address state FROM backends",
            "SELECT COUNT(*) FROM backends",
            "SELECT 'address' FROM backends",
            "SELECT * FROM backends; SELECT * FROM help",
            "SELECT @@nosuch",
            "INSERT INTO backends VALUES (1)",
            "SET GLOBAL autocommit=1",
            "SET lanewire.pool=3",
            "DROP TABLE backends",
            "SELECT 'open",
            "/* open",
            "@",
            "SHOW PROCESSLIST",
            "SET",
        ] {
            assert_eq!(parse(sql.as_bytes()), Request::Unknown, "{sql}");
        }
        assert_eq!(parse(&[0xFF, 0xFE]), Request::Unknown);
    }

    #[test]
    fn like_patterns() {
        let names = |pattern| variables(Some(pattern)).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("lower_case_%"), ["lower_case_table_names"]);
        assert_eq!(names("VERSION"), ["version"]);
        assert_eq!(names("tx\\_%"), ["tx_isolation"]);
        assert!(VARIABLES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(variables(None).count(), VARIABLES.len());
    }
}
