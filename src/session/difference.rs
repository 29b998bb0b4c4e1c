//! What brings a connection from one state to another, as commands that can travel in front of
//! the query in the same write.

use super::ReplayState;
use super::state::NAMES_COLLATION;

/// Commands to send in front of a query, each answered by one reply: first `init_db` as
/// COM_INIT_DB, then `trackers_sql`, `set_sql`, `clear_sql` and `count_sql` as COM_QUERY.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preamble {
    /// The schema to select.
    pub init_db: Option<Vec<u8>>,
    /// A SET of the trackers: the client's own, or the proxy's again.
    pub trackers_sql: Option<Vec<u8>>,
    /// One SET of all that differs.
    pub set_sql: Option<Vec<u8>>,
    /// It may fail, and what follows would then run in another state than it should.
    pub fallible: bool,
    /// What the SET makes `LAST_INSERT_ID()`.
    pub insert_id: Option<u64>,
    /// A statement that empties the list of warnings.
    pub clear_sql: Option<&'static [u8]>,
    /// A query that makes `FOUND_ROWS()` what it is in the session.
    pub count_sql: Option<Vec<u8>>,
}

impl Preamble {
    /// Whether there is nothing to send.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.init_db.is_none()
            && self.trackers_sql.is_none()
            && self.set_sql.is_none()
            && self.clear_sql.is_none()
            && self.count_sql.is_none()
    }

    /// Adds an assignment to the SET.
    pub(super) fn assign(&mut self, name: &[u8], value: &[u8]) {
        let sql = self.next_assignment();
        sql.extend_from_slice(name);
        sql.push(b'=');
        sql.extend_from_slice(value);
    }

    fn next_assignment(&mut self) -> &mut Vec<u8> {
        match &mut self.set_sql {
            Some(sql) => sql.push(b','),
            none => *none = Some(b"SET ".to_vec()),
        }
        self.set_sql.get_or_insert_default()
    }
}

/// The variables that decide how texts are read and answered go first, as one group; `sql_mode`
/// goes last: no literal here reads differently under another mode, and nothing that follows in
/// the SET may depend on it.
const CLIENT: &[u8] = b"character_set_client";
const RESULTS: &[u8] = b"character_set_results";
const CONNECTION: &[u8] = b"character_set_connection";
const COLLATION: &[u8] = b"collation_connection";
const SQL_MODE: &[u8] = b"sql_mode";

/// What brings a connection from `from` to `to`; `None` if nothing does, since a selected schema
/// cannot be unselected.
#[must_use]
pub fn difference(from: &ReplayState, to: &ReplayState) -> Option<Preamble> {
    let mut preamble = Preamble::default();
    if std::ptr::eq(from, to) {
        return Some(preamble);
    }
    match (from.schema(), to.schema()) {
        (Some(_), None) => return None,
        (old, Some(new)) if old != Some(new) => preamble.init_db = Some(new.to_vec()),
        (None, None) | (_, Some(_)) => {}
    }
    put_character_sets(&mut preamble, from, to);
    for (name, value) in to.variables() {
        if !is_first_or_last(name) && from.variable(name) != Some(value) {
            preamble.assign(name, &literal(name, value));
        }
    }
    for (name, _) in from.variables() {
        if !is_first_or_last(name) && to.variable(name).is_none() && !renamed(to, name) {
            preamble.assign(name, &default_of(name));
        }
    }
    put_if_different(&mut preamble, from, to, SQL_MODE);
    preamble.fallible = !preamble.is_empty();
    Some(preamble)
}

fn is_first_or_last(name: &[u8]) -> bool {
    [CLIENT, RESULTS, CONNECTION, COLLATION, NAMES_COLLATION, SQL_MODE].contains(&name)
}

/// Whether `to` sets the variable under another of its names.
fn renamed(to: &ReplayState, name: &[u8]) -> bool {
    super::state::synonyms(name).any(|other| to.variable(other).is_some())
}

fn put_if_different(
    preamble: &mut Preamble,
    from: &ReplayState,
    to: &ReplayState,
    name: &'static [u8],
) {
    match (from.variable(name), to.variable(name)) {
        (old, new) if old == new => {}
        (_, Some(new)) => preamble.assign(name, &literal(name, new)),
        (_, None) => preamble.assign(name, b"DEFAULT"),
    }
}

/// Puts what `SET NAMES` governs, all of it or nothing. Either of `character_set_connection` and
/// `collation_connection` decides both, so a state holds one of them.
fn put_character_sets(preamble: &mut Preamble, from: &ReplayState, to: &ReplayState) {
    let all = [CLIENT, RESULTS, CONNECTION, COLLATION, NAMES_COLLATION];
    if all.iter().all(|name| from.variable(name) == to.variable(name)) {
        return;
    }
    let mut have = [None; 3];
    if let Some(collation) = to.variable(NAMES_COLLATION) {
        let set = collation.split(|byte| *byte == b'_').next().unwrap_or(collation);
        let sql = preamble.next_assignment();
        sql.extend_from_slice(b"NAMES ");
        sql.extend_from_slice(&literal(CLIENT, set));
        sql.extend_from_slice(b" COLLATE ");
        sql.extend_from_slice(&literal(COLLATION, collation));
        have = [Some(set), Some(set), Some(collation)];
    }
    // The collation's DEFAULT brings back its set too; the set's would forget the collation.
    let connection = if to.variable(CONNECTION).is_some() { CONNECTION } else { COLLATION };
    for (name, have) in [CLIENT, RESULTS, connection].into_iter().zip(have) {
        match to.variable(name) {
            value if value == have && have.is_some() => {}
            Some(value) => preamble.assign(name, &literal(name, value)),
            None if [CONNECTION, COLLATION, name].iter().all(|n| from.variable(n).is_none()) => {}
            None => preamble.assign(name, b"DEFAULT"),
        }
    }
}

/// MySQL 9 takes DEFAULT for OFF where these are concerned.
const DEFAULT_TRAPS: [&[u8]; 2] = [b"foreign_key_checks", b"unique_checks"];

/// What brings a variable back to what a login gives.
fn default_of(name: &[u8]) -> Vec<u8> {
    if DEFAULT_TRAPS.contains(&name) { [b"@@global.", name].concat() } else { b"DEFAULT".to_vec() }
}

/// Variables for which an empty value stands for NULL.
const NULLABLE: [&[u8]; 7] = [
    RESULTS,
    b"default_tmp_storage_engine",
    b"enforce_storage_engine",
    b"external_table_secondary_storage_engine",
    b"external_table_storage_engine",
    b"innodb_ft_user_stopword_table",
    b"innodb_tmpdir",
];

/// A variable of type text whose value may look like a number.
const ALWAYS_TEXT: [&[u8]; 1] = [b"default_master_connection"];

/// `value` as a literal that means the same under every `sql_mode` and client character set.
pub(super) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    if value.is_empty() && NULLABLE.contains(&name) {
        return b"NULL".to_vec();
    }
    if is_number(value) && !ALWAYS_TEXT.contains(&name) {
        return value.to_vec();
    }
    // A backslash depends on NO_BACKSLASH_ESCAPES, other bytes on the client's character set.
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
    let mut out = Vec::with_capacity(value.len() * 2 + 12);
    if value.iter().all(plain) {
        out.push(b'\'');
        for &byte in value {
            if byte == b'\'' {
                out.push(byte);
            }
            out.push(byte);
        }
        out.push(b'\'');
    } else {
        out.extend_from_slice(b"_utf8mb4 x'");
        for byte in value {
            out.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        out.push(b'\'');
    }
    out
}

/// Whether `value` reads as an integer or a decimal number.
fn is_number(value: &[u8]) -> bool {
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = unsigned.splitn(2, |byte| *byte == b'.');
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    parts.next().is_some_and(digits) && parts.next().is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn state(schema: Option<&str>, variables: &[(&str, &str)]) -> ReplayState {
        let mut state = ReplayState::with_schema(schema.map(str::as_bytes));
        for (name, value) in variables {
            state.set_variable(name.as_bytes(), value.as_bytes());
        }
        state
    }

    fn set_sql(from: &[(&str, &str)], to: &[(&str, &str)]) -> String {
        let preamble = difference(&state(None, from), &state(None, to)).unwrap();
        assert_eq!(preamble.init_db, None);
        String::from_utf8(preamble.set_sql.unwrap_or_default()).unwrap()
    }

    #[test]
    fn schemas() {
        let (none, a, b) = (state(None, &[]), state(Some("a"), &[]), state(Some("b"), &[]));
        assert_eq!(difference(&none, &a).unwrap().init_db, Some(b"a".to_vec()));
        assert_eq!(difference(&a, &b).unwrap().init_db, Some(b"b".to_vec()));
        assert!(difference(&a, &a.clone()).unwrap().is_empty());
        assert!(difference(&none, &none.clone()).unwrap().is_empty());
        assert_eq!(difference(&a, &none), None);
    }

    #[test]
    fn sets() {
        let mode = ("sql_mode", "ANSI_QUOTES");
        for (from, to, sql) in [
            (
                &[][..],
                &[("autocommit", "OFF"), mode][..],
                "SET autocommit='OFF',sql_mode='ANSI_QUOTES'",
            ),
            (&[mode], &[("wait_timeout", "7")], "SET wait_timeout=7,sql_mode=DEFAULT"),
            (&[], &[("long_query_time", "10.5")], "SET long_query_time=10.5"),
            (&[], &[("lc_time_names", "it's")], "SET lc_time_names='it''s'"),
            (&[], &[("debug", "a\\b")], "SET debug=_utf8mb4 x'615c62'"),
            (&[], &[("default_master_connection", "7")], "SET default_master_connection='7'"),
            (
                &[("foreign_key_checks", "OFF"), ("unique_checks", "OFF")],
                &[],
                "SET foreign_key_checks=@@global.foreign_key_checks,\
                 unique_checks=@@global.unique_checks",
            ),
            (
                &[("tx_isolation", "A")],
                &[("transaction_isolation", "A")],
                "SET transaction_isolation='A'",
            ),
        ] {
            assert_eq!(set_sql(from, to), sql);
        }
    }

    #[test]
    fn character_sets() {
        let names = |set| {
            [
                ("character_set_client", set),
                ("character_set_connection", set),
                ("character_set_results", set),
            ]
        };
        let (utf8, latin1) = (names("utf8mb4"), names("latin1"));
        let all_utf8 = "SET character_set_client='utf8mb4',character_set_results='utf8mb4',\
                        character_set_connection='utf8mb4'";
        assert_eq!(set_sql(&[], &utf8), all_utf8);
        assert_eq!(set_sql(&latin1, &utf8), all_utf8);
        assert_eq!(set_sql(&utf8, &utf8), "");
        let bin = ("collation_connection", "utf8mb4_bin");
        let with_bin = [utf8[0], utf8[2], bin];
        let all_bin = "SET character_set_client='utf8mb4',character_set_results='utf8mb4',\
                       collation_connection='utf8mb4_bin'";
        assert_eq!(set_sql(&utf8, &with_bin), all_bin);
        assert_eq!(set_sql(&with_bin, &utf8), all_utf8);
        assert_eq!(
            set_sql(&[], &[utf8[0], ("character_set_results", ""), bin]),
            "SET character_set_client='utf8mb4',character_set_results=NULL,\
             collation_connection='utf8mb4_bin'"
        );
        assert_eq!(
            set_sql(&with_bin, &[]),
            "SET character_set_client=DEFAULT,character_set_results=DEFAULT,\
             collation_connection=DEFAULT"
        );
        assert_eq!(set_sql(&utf8[..1], &[]), "SET character_set_client=DEFAULT");
    }

    #[test]
    fn a_collation_of_names_decides_all() {
        let names = |collation| {
            [
                ("character_set_client", "utf8mb4"),
                ("character_set_results", "utf8mb4"),
                ("collation_connection", collation),
                ("names collation", collation),
            ]
        };
        let (bin, german) = (names("utf8mb4_bin"), names("utf8mb4_german2_ci"));
        let to_bin = "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'";
        assert_eq!(set_sql(&[], &bin), to_bin);
        assert_eq!(set_sql(&german, &bin), to_bin);
        assert_eq!(set_sql(&bin[..3], &bin), to_bin, "only the results' collation differs");
        assert_eq!(set_sql(&bin, &bin), "");
        assert_eq!(
            set_sql(&bin, &bin[..3]),
            "SET character_set_client='utf8mb4',character_set_results='utf8mb4',\
             collation_connection='utf8mb4_bin'"
        );
        let other = [("character_set_client", "latin1"), bin[1], german[2], bin[3]];
        assert_eq!(
            set_sql(&[], &other),
            format!(
                "{to_bin},character_set_client='latin1',collation_connection='utf8mb4_german2_ci'"
            )
        );
    }

    #[test]
    fn what_may_fail() {
        let (none, a) = (state(None, &[]), state(Some("a"), &[]));
        assert!(difference(&none, &a).unwrap().fallible);
        assert!(difference(&none, &state(None, &[("sql_mode", "")])).unwrap().fallible);
        assert!(!difference(&a, &a.clone()).unwrap().fallible);
    }

    /// A connection that understands the SETs made here.
    fn apply(variables: &mut BTreeMap<String, String>, preamble: &Preamble) {
        let Some(sql) = &preamble.set_sql else { return };
        let sql = String::from_utf8(sql.clone()).unwrap();
        for assignment in sql.strip_prefix("SET ").unwrap().split(',') {
            let mut put = |name: &str, value: &str| {
                variables.insert(name.into(), value.trim_matches('\'').into());
            };
            if let Some(names) = assignment.strip_prefix("NAMES ") {
                let (set, collation) = names.split_once(" COLLATE ").unwrap();
                put("character_set_client", set);
                put("character_set_results", set);
                put("connection", collation);
                put("names collation", collation);
            } else {
                let (name, value) = assignment.split_once('=').unwrap();
                let name = if name == "character_set_connection" || name == "collation_connection" {
                    "connection"
                } else {
                    name
                };
                put(name, value);
                if name == "character_set_results" {
                    variables.remove("names collation");
                }
            }
        }
        variables.retain(|_, value| value != "DEFAULT");
    }

    fn model(state: &ReplayState) -> BTreeMap<String, String> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        state
            .variables()
            .map(|(name, value)| match &text(name)[..] {
                "character_set_connection" | "collation_connection" => {
                    ("connection".into(), text(value))
                }
                name => (name.into(), text(value)),
            })
            .collect()
    }

    fn states() -> impl Strategy<Value = ReplayState> {
        let names = prop::sample::select(vec![
            "character_set_client",
            "character_set_results",
            "character_set_connection",
            "collation_connection",
            "names collation",
            "sql_mode",
            "autocommit",
            "time_zone",
            "wait_timeout",
        ]);
        prop::collection::vec((names, prop::sample::select(vec!["a", "b", "7"])), 0..8).prop_map(
            |all| {
                let mut state = ReplayState::default();
                for (name, value) in all {
                    if name == "names collation" {
                        let collation = format!("{value}_bin");
                        state.set_variable(b"character_set_client", value.as_bytes());
                        state.set_variable(b"character_set_results", value.as_bytes());
                        state.set_variable(b"collation_connection", collation.as_bytes());
                        state.set_names_collation(collation.as_bytes());
                        continue;
                    }
                    state.set_variable(name.as_bytes(), value.as_bytes());
                }
                state
            },
        )
    }

    proptest! {
        #[test]
        fn a_difference_leads_there(from in states(), to in states()) {
            let mut variables = model(&from);
            apply(&mut variables, &difference(&from, &to).unwrap());
            prop_assert_eq!(variables, model(&to));
        }

        #[test]
        fn a_literal_is_printable(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = literal(b"x", &value);
            prop_assert!(text.iter().all(|b| (b' '..=b'~').contains(b) && *b != b'\\'));
        }
    }
}
