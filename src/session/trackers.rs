//! A session's own trackers: what its `session_track_*` variables say.
//!
//! The proxy's connections report more than that ([`crate::cluster::trackers`]); what of it the
//! client sees follows from these ([`super::Shown`]).

use crate::protocol::{Change, put_change};

/// `session_track_transaction_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransactionInfo {
    /// Nothing is reported; on MySQL the state of explicit transactions all the same.
    #[default]
    Off,
    /// The state, and that characteristics changed.
    State,
    /// The state, and the statements that begin the like.
    Characteristics,
}

/// The values of all `session_track_*` variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrackerSettings {
    /// `session_track_schema`.
    pub schema: bool,
    /// `session_track_state_change`.
    pub state_change: bool,
    /// `session_track_transaction_info`.
    pub transaction_info: TransactionInfo,
    /// `session_track_system_variables`: names and commas, or `*`.
    pub system_variables: Box<[u8]>,
    /// `session_track_gtids`; empty on MariaDB, which has none.
    pub gtids: Box<[u8]>,
}

impl TrackerSettings {
    /// What to select for [`Self::from_row`].
    #[must_use]
    pub const fn columns(mariadb: bool) -> &'static str {
        if mariadb {
            "@@session_track_schema, @@session_track_state_change, \
             @@session_track_transaction_info, @@session_track_system_variables, ''"
        } else {
            "@@session_track_schema, @@session_track_state_change, \
             @@session_track_transaction_info, @@session_track_system_variables, \
             @@session_track_gtids"
        }
    }

    /// Reads the values of [`Self::columns`].
    pub fn from_row(row: &mut dyn Iterator<Item = Option<Vec<u8>>>) -> Self {
        let mut value = || row.next().flatten().unwrap_or_default().into_boxed_slice();
        Self {
            schema: *value() == *b"1",
            state_change: *value() == *b"1",
            transaction_info: match value().to_ascii_uppercase().as_slice() {
                b"STATE" => TransactionInfo::State,
                b"CHARACTERISTICS" => TransactionInfo::Characteristics,
                _ => TransactionInfo::Off,
            },
            system_variables: value(),
            gtids: value(),
        }
    }

    /// Whether `session_track_system_variables` names the variable `name`.
    pub(super) fn names(&self, name: &[u8]) -> bool {
        *self.system_variables == *b"*"
            || self.named().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The names in the list.
    pub(super) fn named(&self) -> impl Iterator<Item = &[u8]> {
        let names = self.system_variables.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        names.filter(|name| !name.is_empty())
    }

    /// Whether GTIDs of own writes are reported.
    pub(super) fn reports_gtids(&self) -> bool {
        !self.gtids.is_empty() && !self.gtids.eq_ignore_ascii_case(b"OFF")
    }

    /// Whether any tracker but that of transactions is on: MySQL reports nothing else at all.
    pub(super) fn any(&self) -> bool {
        self.schema
            || self.state_change
            || !self.system_variables.is_empty()
            || self.reports_gtids()
    }

    /// The session-track entries of a login's OK packet: the schema that the login named.
    #[must_use]
    pub fn login_entries(&self, schema: Option<&[u8]>) -> Vec<u8> {
        let mut entries = Vec::new();
        if let Some(schema) = schema.filter(|_| self.schema) {
            put_change(&mut entries, Change::Schema(schema));
        }
        entries
    }
}
