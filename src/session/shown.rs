//! What a client with `SESSION_TRACK` sees of the session-track entries: those that its own
//! trackers would have produced. The proxy's connections report all there is.
//!
//! The rule was found by running the same 160 statements with the client's trackers and with the
//! proxy's, on MariaDB 10.11.19 and MySQL 9.7.4, under nine settings each (a part of them is in
//! `tests/wire/captures/trackers-*.txt`):
//!
//! - variables, schema, state change and GTIDs are entries that are there or not, independent of
//!   one another;
//! - with `transaction_info=STATE` the characteristics' entry goes, but the flag in the status says
//!   that there was one;
//! - with `OFF` MariaDB reports nothing, but MySQL still has entries where an explicit transaction
//!   begins (`T_______`, or `T_R_____` with a consistent snapshot) or ends (`________`), and sets
//!   the flag, without an entry, where one begins in another or is over within its statement.

use std::rc::Rc;

use super::trackers::{TrackerSettings, TransactionInfo};
use crate::protocol::{Change, OkPacket, StatusFlags, changes, put_change};

/// What trackers that are off know of explicit transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Explicit {
    #[default]
    None,
    Plain,
    Snapshot,
}

impl Explicit {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::None => b"________",
            Self::Plain => b"T_______",
            Self::Snapshot => b"T_R_____",
        }
    }
}

/// What is left of an OK packet's session state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The entries.
    pub entries: Vec<u8>,
    /// Whether the status says that something changed, be there entries or not.
    pub flagged: bool,
}

impl Visible {
    /// `ok` as the client is to see it.
    #[must_use]
    pub fn in_place_of<'a>(&'a self, ok: &OkPacket<'a>) -> OkPacket<'a> {
        let mut status = ok.status;
        status.set(StatusFlags::SESSION_STATE_CHANGED, self.flagged);
        OkPacket { status, session_state: &self.entries, ..*ok }
    }
}

/// A client's trackers, and what they have reported of transactions.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    settings: Rc<TrackerSettings>,
    /// What the login gave.
    login: Rc<TrackerSettings>,
    /// The connection has the client's trackers on it.
    raw: bool,
    mariadb: bool,
    /// As last reported to the client.
    explicit: Explicit,
    /// `SET TRANSACTION` waits for the next transaction.
    one_shot: bool,
}

/// The entries of one OK packet that are about transactions.
#[derive(Clone, Copy, Default)]
struct OfTransaction<'a> {
    state: Option<&'a [u8]>,
    characteristics: Option<&'a [u8]>,
}

impl OfTransaction<'_> {
    fn holds(&self, text: &[u8]) -> bool {
        let all = self.characteristics.unwrap_or_default();
        all.windows(text.len()).any(|part| part == text)
    }

    /// A transaction begins, or `XA START` does; `SET TRANSACTION` alone does not.
    fn begins(&self) -> bool {
        self.holds(b"START ")
    }

    /// What follows where it was `before`.
    fn explicit(&self, before: Explicit) -> Explicit {
        let ended = self.state.is_some_and(|state| state.first() != Some(&b'T'));
        if ended {
            Explicit::None
        } else if self.begins() {
            let snapshot = self.holds(b"WITH CONSISTENT SNAPSHOT");
            if snapshot { Explicit::Snapshot } else { Explicit::Plain }
        } else if self.state.is_some() && before == Explicit::None {
            Explicit::Plain
        } else {
            before
        }
    }
}

impl Shown {
    /// Trackers that have reported nothing yet.
    #[must_use]
    pub fn new(settings: Rc<TrackerSettings>, mariadb: bool) -> Self {
        Self { login: settings.clone(), settings, mariadb, ..Self::default() }
    }

    /// The client's trackers.
    #[must_use]
    pub const fn settings(&self) -> &Rc<TrackerSettings> {
        &self.settings
    }

    /// What the login gave them.
    pub(super) const fn login(&self) -> &Rc<TrackerSettings> {
        &self.login
    }

    /// The client has set them.
    pub(super) fn set(&mut self, settings: TrackerSettings) {
        if settings.transaction_info != self.settings.transaction_info {
            // As a server's own tracker does.
            self.explicit = Explicit::None;
        }
        self.settings = Rc::new(settings);
    }

    /// Says whether the next reply comes from a connection with the client's trackers on it.
    pub(super) const fn set_raw(&mut self, raw: bool) {
        self.raw = raw;
    }

    /// What the client is to see in place of `ok`, an OK packet of a connection with the proxy's
    /// trackers; `None`: as it is.
    pub fn see(&mut self, ok: &OkPacket<'_>) -> Option<Visible> {
        let flagged = ok.status.contains(StatusFlags::SESSION_STATE_CHANGED);
        if !flagged && (self.explicit == Explicit::None || in_transaction(ok)) {
            return None;
        }
        let mut entries = Vec::new();
        let mut told = OfTransaction::default();
        for change in changes(ok.session_state).flatten() {
            let shown = match change {
                Change::SystemVariable { .. }
                | Change::Schema(_)
                | Change::StateChanged(_)
                | Change::Gtids(_)
                    if self.raw =>
                {
                    true
                }
                Change::SystemVariable { name, .. } => self.settings.names(name),
                Change::Schema(_) => self.settings.schema,
                Change::StateChanged(_) => self.settings.state_change,
                Change::Gtids(_) => self.settings.reports_gtids(),
                Change::TransactionState(state) => {
                    told.state = Some(state);
                    false
                }
                Change::TransactionCharacteristics(text) => {
                    told.characteristics = Some(text);
                    false
                }
                Change::Unknown(_) => false,
            };
            if shown {
                put_change(&mut entries, change);
            }
        }
        let marked = self.see_transaction(ok, told, &mut entries);
        let visible = Visible { flagged: marked || !entries.is_empty(), entries };
        let same = visible.entries == ok.session_state && visible.flagged == flagged;
        (!same).then_some(visible)
    }

    /// Adds what is shown of transactions; whether the flag is set for their sake.
    fn see_transaction(
        &mut self,
        ok: &OkPacket<'_>,
        told: OfTransaction<'_>,
        entries: &mut Vec<u8>,
    ) -> bool {
        let info = self.settings.transaction_info;
        let info = if self.raw { TransactionInfo::Characteristics } else { info };
        let over = told.characteristics == Some(b"") && told.state.is_none() && !self.one_shot;
        if let Some(text) = told.characteristics {
            self.one_shot = !text.is_empty() && !told.begins();
        }
        let off = self.settings.transaction_info == TransactionInfo::Off;
        let silent = off && (self.mariadb || !self.settings.any());
        if silent && !self.raw {
            return false;
        }
        let before = self.explicit;
        self.explicit = told.explicit(before);
        // The connection's trackers forget a transaction when they are set within it.
        if !in_transaction(ok) {
            self.explicit = Explicit::None;
        }
        let changed = before != self.explicit;
        if info == TransactionInfo::Off {
            if changed {
                let state = Change::TransactionState(self.explicit.text());
                put_change(entries, state);
            }
            return changed || told.begins() || over;
        }
        let forgotten = (changed && self.explicit == Explicit::None).then(|| self.explicit.text());
        if let Some(state) = told.state.or(forgotten) {
            put_change(entries, Change::TransactionState(state));
        }
        if let Some(text) = told.characteristics
            && info == TransactionInfo::Characteristics
        {
            put_change(entries, Change::TransactionCharacteristics(text));
        }
        let nothing = ok.session_state.is_empty();
        told.state.or(forgotten).is_some() || told.characteristics.is_some() || nothing
    }
}

fn in_transaction(ok: &OkPacket<'_>) -> bool {
    ok.status.contains(StatusFlags::IN_TRANS)
}

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
