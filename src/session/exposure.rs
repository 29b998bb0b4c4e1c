//! Statements that are about the client's own trackers.
//!
//! A text that reads or sets `session_track_*`, or shows all variables, runs on a connection whose
//! trackers are given the client's values for that while: so it reads what the client has set,
//! and a value is computed and refused as the server does it. Behind a SET the server is asked
//! what the trackers, and the other variables of the same SET, are now; then the connection gets
//! the proxy's trackers again.
//!
//! The session keeps a connection of its own, with the client's trackers on it, where the proxy's
//! cannot produce what the client wants to see (GTIDs that the server does not report by default;
//! on MySQL `*` and names off the proxy's list), or where the text may do more than can be read.

use super::Pins;
use super::difference::literal;
use super::memory::Session;
use super::trackers::{TrackerSettings, TransactionInfo};
use crate::cluster::trackers::is_tracked;
use crate::protocol::Change;
use crate::sql::{Statement, Traits, Verb, assigned_variables};

/// What a statement has to do with the client's trackers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum TrackerUse {
    /// Nothing.
    #[default]
    None,
    /// Reads them.
    Reads,
    /// Sets them, and these other variables.
    Sets(Vec<Vec<u8>>),
}

impl Session {
    /// Looks at what `statement` has to do with the client's trackers; a text of which that cannot
    /// be said pins.
    pub(super) fn begin_trackers(&mut self, statement: &Statement, sql: &[u8]) -> Pins {
        if !statement.traits.contains(Traits::TRACKERS) || !self.server.trackers {
            return Pins::empty();
        }
        const OBSCURE: Traits = Traits::CALL
            .union(Traits::STORED_FUNCTION)
            .union(Traits::STORED_PROGRAM)
            .union(Traits::VERSION_COMMENT)
            .union(Traits::PINS);
        let single = statement.statements == 1 && !statement.traits.intersects(OBSCURE);
        let reads = matches!(statement.verb, Verb::Select | Verb::Show | Verb::Do);
        self.pending.trackers = TrackerUse::Reads;
        if single && reads {
            return Pins::empty();
        }
        let plain = single && statement.traits.contains(Traits::PLAIN_SET);
        match assigned_variables(sql, self.dialect()).filter(|_| plain) {
            Some(names) => {
                let others = names.into_iter().filter(|name| !name.starts_with(b"session_track_"));
                self.pending.trackers = TrackerUse::Sets(others.collect());
                Pins::empty()
            }
            None => Pins::SESSION_TRACK,
        }
    }

    /// Whether the statement under way must see the client's trackers on its connection.
    #[must_use]
    pub fn uses_trackers(&self) -> bool {
        self.pending.trackers != TrackerUse::None
    }

    /// Whether the connection held keeps the client's trackers, and has for some time.
    #[must_use]
    pub fn keeps_trackers(&self) -> bool {
        self.pins.difference(self.pending.brought).contains(Pins::SESSION_TRACK)
    }

    /// The SET that gives a connection the client's trackers. What is as the proxy has it is left alone: a transaction's tracker forgets when it is set.
    #[must_use]
    pub fn expose_sql(&self) -> Vec<u8> {
        let own = self.shown.settings();
        let switch = |on: bool| if on { "ON" } else { "OFF" };
        let mut sql = format!(
            "SET session_track_schema={}, session_track_state_change={}",
            switch(own.schema),
            switch(own.state_change)
        )
        .into_bytes();
        let info: &[u8] = match own.transaction_info {
            TransactionInfo::Off => b"OFF",
            TransactionInfo::State => b"STATE",
            TransactionInfo::Characteristics => b"",
        };
        for (name, value) in [
            (b"transaction_info".as_slice(), info),
            (b"gtids", if own.gtids == self.shown.login().gtids { b"" } else { &own.gtids }),
        ] {
            if !value.is_empty() {
                sql.extend_from_slice(&[b", session_track_", name, b"='", value, b"'"].concat());
            }
        }
        sql.extend_from_slice(b", session_track_system_variables=");
        let list = literal(b"session_track_system_variables", &own.system_variables);
        sql.extend_from_slice(&list);
        sql
    }

    /// What to ask the connection after the statement under way: what it set.
    #[must_use]
    pub fn learn_sql(&self) -> Option<Vec<u8>> {
        let TrackerUse::Sets(others) = &self.pending.trackers else { return None };
        let columns = TrackerSettings::columns(self.server.dialect.mariadb);
        let mut sql = format!("SELECT {columns}").into_bytes();
        for name in others {
            sql.extend_from_slice(b", @@session.");
            sql.extend_from_slice(name);
        }
        Some(sql)
    }

    /// The connection answered [`Self::learn_sql`]. Whether it may have the proxy's trackers
    /// again.
    pub fn learned(&mut self, row: Vec<Option<Vec<u8>>>) -> bool {
        let TrackerUse::Sets(others) = std::mem::take(&mut self.pending.trackers) else {
            return true;
        };
        let mut row = row.into_iter();
        let settings = TrackerSettings::from_row(&mut row);
        for (name, value) in others.iter().zip(row) {
            let value = value.unwrap_or_default();
            self.note_change(Change::SystemVariable { name, value: &value });
        }
        let derivable = self.is_derivable(&settings);
        self.shown.set(settings);
        // The question was a result set.
        self.counts_here = false;
        if !derivable {
            self.pins |= Pins::SESSION_TRACK;
        }
        derivable
    }

    /// Whether what `settings` show follows from what the proxy's trackers report.
    fn is_derivable(&self, settings: &TrackerSettings) -> bool {
        let mariadb = self.server.dialect.mariadb;
        let gtids = !settings.reports_gtids() || settings.gtids == self.shown.login().gtids;
        gtids && (mariadb || settings.named().all(is_tracked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ServerKind;
    use crate::sql::{Dialect, classify};
    use std::rc::Rc;

    fn session(mariadb: bool) -> Session {
        let dialect = Dialect { mariadb, ..Dialect::default() };
        let mut session = Session::new(Rc::default(), ServerKind { trackers: true, dialect });
        let login = [b"1".as_slice(), b"0", b"OFF", b"autocommit,time_zone", b"OFF"];
        let mut row = login.into_iter().map(|value| Some(value.to_vec()));
        session.reset(Rc::default(), Rc::new(TrackerSettings::from_row(&mut row)));
        session
    }

    fn begin(session: &mut Session, sql: &str) {
        let statement = classify(sql.as_bytes(), session.dialect());
        session.begin(&statement, sql.as_bytes(), false);
    }

    fn row(values: &[&str]) -> Vec<Option<Vec<u8>>> {
        values.iter().map(|value| Some(value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_connection_is_given_the_clients_trackers() {
        let session = session(false);
        let sql = String::from_utf8(session.expose_sql()).unwrap();
        assert_eq!(
            sql,
            "SET session_track_schema=ON, session_track_state_change=OFF, \
             session_track_transaction_info='OFF', \
             session_track_system_variables='autocommit,time_zone'"
        );
    }

    #[test]
    fn a_set_is_asked_after() {
        let mut session = session(false);
        begin(&mut session, "SET session_track_schema=OFF, sql_mode='ANSI'");
        let asked = String::from_utf8(session.learn_sql().unwrap()).unwrap();
        assert!(asked.ends_with("@@session_track_gtids, @@session.sql_mode"), "{asked}");
        assert!(session.pins().is_empty() && session.uses_trackers());
        assert!(session.learned(row(&["0", "1", "STATE", "sql_mode", "OFF", "ANSI_QUOTES"])));
        let own = session.shown().settings();
        assert_eq!((own.schema, own.state_change), (false, true));
        assert_eq!(own.transaction_info, TransactionInfo::State);
        assert!(own.names(b"sql_mode") && !own.names(b"autocommit"));
        assert_eq!(session.pending.variables, [(b"sql_mode".to_vec(), b"ANSI_QUOTES".to_vec())]);
    }

    #[test]
    fn what_the_proxys_trackers_do_not_report_pins() {
        for (mariadb, list, gtids, derivable) in [
            (false, "time_zone,SQL_MODE", "OFF", true),
            (false, "*", "OFF", false),
            (false, "statement_id", "OFF", false),
            (false, "", "OWN_GTID", false),
            (true, "*", "", true),
        ] {
            let mut session = session(mariadb);
            begin(&mut session, "SET session_track_schema=ON");
            assert_eq!(session.learned(row(&["1", "0", "OFF", list, gtids])), derivable, "{list}");
            assert_eq!(session.pins().contains(Pins::SESSION_TRACK), !derivable, "{list}");
        }
    }

    #[test]
    fn reads_ask_nothing_and_obscure_texts_pin() {
        for (sql, pins) in [
            ("SELECT @@session_track_schema", false),
            ("SHOW VARIABLES", false),
            ("SELECT f(@@session_track_schema)", true),
            ("SELECT 1; SET session_track_schema=1", true),
            ("SET @a=1, session_track_schema=1", true),
            ("INSERT INTO t VALUES (@@session_track_schema)", true),
        ] {
            let mut session = session(false);
            begin(&mut session, sql);
            assert!(session.uses_trackers(), "{sql}");
            assert_eq!(session.learn_sql(), None, "{sql}");
            assert_eq!(session.pins().contains(Pins::SESSION_TRACK), pins, "{sql}");
            assert!(!session.keeps_trackers(), "{sql}");
        }
        let mut session = session(false);
        begin(&mut session, "SELECT @@global.session_track_schema, @@sql_mode");
        assert!(!session.uses_trackers());
    }
}
