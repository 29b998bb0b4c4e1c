//! What of the session-track entries a client with `SESSION_TRACK` would see of a server whose
//! trackers nobody has touched: the proxy asks its connections for more than that.

use crate::protocol::{Reader, put_lenenc_str};

/// Types of entries, from MySQL's `enum_session_state_type`.
const SYSTEM_VARIABLES: u8 = 0;
const SCHEMA: u8 = 1;
const GTIDS: u8 = 3;

/// The default of `session_track_system_variables`, on MySQL 5.7 to 9.7 and MariaDB 10.2 to 11.8
/// (which adds the last of them from 11.5 on, as `redirect_url`).
const DEFAULT_VARIABLES: [&[u8]; 5] = [
    b"autocommit",
    b"character_set_client",
    b"character_set_connection",
    b"character_set_results",
    b"time_zone",
];

/// The entries of `state` that a session with default trackers gets.
pub(super) fn default_entries(state: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(state.len());
    let mut reader = Reader::new(state);
    while let (Ok(kind), Ok(data)) = (reader.u8(), reader.lenenc_str()) {
        match kind {
            // The proxy asks for no GTIDs: these the server's settings, or the client, asked for.
            SCHEMA | GTIDS => {
                out.push(kind);
                put_lenenc_str(&mut out, data);
            }
            SYSTEM_VARIABLES => put_default_variables(&mut out, data),
            _ => {}
        }
    }
    out
}

/// One entry holds one name and value, or, on MariaDB, several.
fn put_default_variables(out: &mut Vec<u8>, data: &[u8]) {
    let mut pairs = Reader::new(data);
    while let (Ok(name), Ok(value)) = (pairs.lenenc_str(), pairs.lenenc_str()) {
        if DEFAULT_VARIABLES.contains(&name) {
            let mut pair = Vec::with_capacity(name.len() + value.len() + 2);
            put_lenenc_str(&mut pair, name);
            put_lenenc_str(&mut pair, value);
            out.push(SYSTEM_VARIABLES);
            put_lenenc_str(out, &pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: u8, strings: &[&[u8]]) -> Vec<u8> {
        let mut data = Vec::new();
        strings.iter().for_each(|s| put_lenenc_str(&mut data, s));
        let mut out = vec![kind];
        put_lenenc_str(&mut out, &data);
        out
    }

    #[test]
    fn only_what_the_default_trackers_show() {
        let schema = entry(SCHEMA, &[b"test"]);
        let autocommit = entry(SYSTEM_VARIABLES, &[b"autocommit", b"OFF"]);
        let gtids = entry(GTIDS, &[b"\0", b"uuid:7"]);
        let mut state = entry(SYSTEM_VARIABLES, &[b"sql_mode", b"", b"autocommit", b"OFF"]);
        state.extend(entry(2, &[b"1"]));
        state.extend(&schema);
        state.extend(&gtids);
        state.extend(entry(5, &[b"T_______"]));
        assert_eq!(default_entries(&state), [autocommit, schema, gtids].concat());
    }

    #[test]
    fn garbage_ends_it() {
        assert!(default_entries(&[0, 250, 1, 2]).is_empty());
        assert!(default_entries(&[9]).is_empty());
    }
}
