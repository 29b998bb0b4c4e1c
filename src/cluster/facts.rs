//! What a server said of itself.

use crate::protocol::{Capabilities, Greeting, StatusFlags};

/// What is known of one server once it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The version text of its greeting, as sent.
    pub version: Vec<u8>,
    /// Whether it is MariaDB; else it is taken for MySQL.
    pub mariadb: bool,
    /// major × 10000 + minor × 100 + patch: 101119 is MariaDB 10.11.19, 90704 is MySQL 9.7.4;
    /// 0 where the text could not be read.
    pub version_number: u32,
    /// What its greeting offered.
    pub capabilities: Capabilities,
    /// Its default collation's id (low byte), as in the greeting.
    pub collation: u8,
    /// Its status flags, as in the greeting.
    pub status: StatusFlags,
    /// The authentication plugin that its greeting named.
    pub auth_plugin: Vec<u8>,
    /// `@@wait_timeout` in seconds; 28,800 until it was asked.
    pub wait_timeout_s: u32,
    /// `@@max_connections`; 0 until it was asked.
    pub max_connections: u32,
    /// `@@server_uuid`, or `@@server_uid` on MariaDB; empty until it was asked.
    pub uuid: String,
    /// `@@server_id`; 0 until it was asked.
    pub server_id: u32,
    /// `@@read_only`; `None` until it was asked.
    pub read_only: Option<bool>,
}

/// The servers' own default for `wait_timeout`, in seconds.
const WAIT_TIMEOUT_DEFAULT_S: u32 = 28_800;

impl ServerFacts {
    /// What a greeting alone tells.
    #[must_use]
    pub fn from_greeting(greeting: &Greeting) -> Self {
        let (mariadb, version_number) = read_version(&greeting.version);
        Self {
            version: greeting.version.clone(),
            mariadb,
            version_number,
            capabilities: greeting.capabilities,
            collation: greeting.collation,
            status: greeting.status,
            auth_plugin: greeting.auth_plugin.clone(),
            wait_timeout_s: WAIT_TIMEOUT_DEFAULT_S,
            max_connections: 0,
            uuid: String::new(),
            server_id: 0,
            read_only: None,
        }
    }

    /// Whether its OK packets can report session changes: MySQL since 5.7, MariaDB since 10.2.
    #[must_use]
    pub fn has_trackers(&self) -> bool {
        self.version_number >= if self.mariadb { 100_200 } else { 50_700 }
    }
}

/// Reads a greeting's version text: whether it names MariaDB, and the version as one number.
/// MariaDB up to 10.x puts `5.5.5-` in front, for old replicas' sake.
fn read_version(text: &[u8]) -> (bool, u32) {
    let lower = text.to_ascii_lowercase();
    let mariadb = memchr::memmem::find(&lower, b"mariadb").is_some();
    let plain = match text.strip_prefix(b"5.5.5-") {
        Some(rest) if rest.first().is_some_and(u8::is_ascii_digit) => rest,
        _ => text,
    };
    let mut parts = [0u32; 3];
    let mut digits = plain.split(|byte| !byte.is_ascii_digit());
    for part in &mut parts {
        // Three digits a part are plenty; a longer one is no version of a server.
        let Some(read) = digits.next().and_then(small_number) else { break };
        *part = read;
    }
    (mariadb, parts[0] * 10_000 + parts[1] * 100 + parts[2])
}

fn small_number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_write_them() {
        for (text, mariadb, number) in [
            (&b"5.5.5-10.11.19-MariaDB-0+deb12u1-log"[..], true, 101_119),
            (b"11.8.3-MariaDB-ubu2404", true, 110_803),
            (b"9.7.4", false, 90_704),
            (b"8.0.36-28", false, 80_036),
            (b"5.6.24-log", false, 50_624),
            (b"5.7", false, 50_700),
            (b"", false, 0),
            (b"nonsense", false, 0),
            (b"99999999999.1", false, 0),
        ] {
            assert_eq!(read_version(text), (mariadb, number), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn trackers_begin_with_a_generation() {
        for (version, expected) in [
            (&b"5.6.24"[..], false),
            (b"5.7.0", true),
            (b"9.7.4", true),
            (b"5.5.5-10.1.48-MariaDB", false),
            (b"5.5.5-10.2.1-MariaDB", true),
        ] {
            let facts = super::super::view::tests::facts(version);
            assert_eq!(facts.has_trackers(), expected, "{}", version.escape_ascii());
        }
    }
}
