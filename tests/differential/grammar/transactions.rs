//! Transactions and what ends them.

use super::Grammar;
use crate::step::Step;

impl Grammar {
    pub(super) fn transaction(&mut self) {
        let begin = self.random.pick(&[
            "BEGIN",
            "START TRANSACTION",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            "BEGIN WORK",
            "START TRANSACTION READ WRITE",
            "begin /* work */",
        ]);
        self.query(begin);
        self.some(4);
        if self.random.one_in(4) {
            self.query("SAVEPOINT here");
            self.some(2);
            let end = self.random.pick(&[
                "ROLLBACK TO here",
                "RELEASE SAVEPOINT here",
                "ROLLBACK TO SAVEPOINT here",
            ]);
            self.query(end);
            self.some(2);
        }
        if self.random.one_in(12) {
            self.set_variable();
        }
        let end = self.random.pick(&[
            "COMMIT",
            "COMMIT",
            "COMMIT",
            "ROLLBACK",
            "ROLLBACK",
            "COMMIT AND CHAIN",
            "ROLLBACK AND CHAIN",
            "CREATE TABLE IF NOT EXISTS n0 (a INT PRIMARY KEY, b TEXT)",
            "BEGIN",
            "COMMIT WORK",
        ]);
        self.query(end);
        if end.contains("CHAIN") || end == "BEGIN" {
            self.some(2);
            self.query("COMMIT");
        }
    }

    pub(super) fn read_only_transaction(&mut self) {
        let begin = self.random.pick(&[
            "START TRANSACTION READ ONLY",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ]);
        self.query(begin);
        for _ in 0..self.random.below(5) {
            self.read();
        }
        if self.random.one_in(3) {
            self.write();
            self.last_statement();
        }
        let end = self.random.pick(&["COMMIT", "ROLLBACK"]);
        self.query(end);
    }

    pub(super) fn autocommit_off(&mut self) {
        let off = self.random.pick(&[
            "SET autocommit=0",
            "SET AUTOCOMMIT = OFF",
            "SET @@session.autocommit=0",
        ]);
        self.query(off);
        self.some(5);
        if self.random.one_in(2) {
            let end = self.random.pick(&["COMMIT", "ROLLBACK"]);
            self.query(end);
            self.some(3);
        }
        self.query("SET autocommit=1");
    }

    pub(super) fn one_shot(&mut self) {
        let (set, then) = self.random.pick(&[
            ("SET TRANSACTION READ ONLY", "INSERT INTO t1 (k) VALUES (3)"),
            ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT COUNT(*) FROM t1"),
            ("SET SESSION TRANSACTION READ ONLY", "INSERT INTO t1 (k) VALUES (4)"),
        ]);
        self.query(set);
        if self.random.one_in(2) {
            self.query("BEGIN");
        }
        self.query(then);
        self.query("COMMIT");
        self.write();
        self.query("SET SESSION TRANSACTION READ WRITE");
    }

    /// Savepoints, also where there is no transaction.
    pub(super) fn savepoints(&mut self) {
        let begin = self.random.pick(&["BEGIN", "DO 1", "SET autocommit=0"]);
        self.query(begin);
        for _ in 0..=self.random.below(5) {
            let sql = self.random.pick(&[
                "SAVEPOINT a",
                "SAVEPOINT a",
                "SAVEPOINT `b c`",
                "ROLLBACK TO a",
                "ROLLBACK WORK TO SAVEPOINT `b c`",
                "RELEASE SAVEPOINT a",
                "CREATE TABLE IF NOT EXISTS n1 (a INT PRIMARY KEY, b TEXT)",
            ]);
            self.query(sql);
            self.some(1);
        }
        let end = self.random.pick(&["COMMIT", "ROLLBACK", "ROLLBACK AND NO CHAIN"]);
        self.query(end);
        if begin.starts_with("SET") {
            self.query("SET autocommit=1");
        }
    }

    /// What commits without saying so.
    pub(super) fn implicit_commit(&mut self) {
        let begin = self.random.pick(&["BEGIN", "BEGIN", "SET autocommit=0"]);
        self.query(begin);
        self.write();
        self.some(1);
        let commits = self.random.pick(&[
            "CREATE TABLE IF NOT EXISTS n2 (a INT PRIMARY KEY, b TEXT)",
            "DROP TABLE IF EXISTS n2",
            "TRUNCATE TABLE t2",
            "BEGIN",
            "START TRANSACTION READ ONLY",
            "SET autocommit=1",
            "SET autocommit=0",
            "LOCK TABLES t1 WRITE, c1 READ",
            "ALTER TABLE t1 COMMENT = 'altered'",
            "CREATE INDEX by_v ON t1 (v)",
            "DROP INDEX by_v ON t1",
            "CREATE TEMPORARY TABLE tmp3 (a INT)",
            "DROP TEMPORARY TABLE IF EXISTS tmp3",
            "ANALYZE TABLE c1",
            "FLUSH TABLES t2",
            "ALTER TABLE no_such_table COMMENT = 'never'",
            "CREATE TABLE t1 (a INT)",
            "UNLOCK TABLES",
        ]);
        self.query(commits);
        self.some(1);
        self.query("ROLLBACK");
        self.query("SELECT COUNT(*), SUM(k) FROM t1");
        self.query("UNLOCK TABLES");
        self.query("SET autocommit=1");
    }

    /// COMMIT and ROLLBACK that begin anew, or end the connection.
    pub(super) fn completion_type(&mut self) {
        let set = self.random.pick(&[
            "SET completion_type=1",
            "SET completion_type='CHAIN'",
            "SET completion_type=2",
            "SET completion_type=RELEASE, time_zone='+04:00'",
            "DO 1",
        ]);
        self.query(set);
        self.some(1);
        let isolation = self.random.pick(&["DO 1", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"]);
        self.query(isolation);
        self.query("BEGIN");
        self.some(2);
        let ends = set == "DO 1" || set.contains('2') || set.contains("RELEASE");
        let end = if set == "DO 1" {
            self.random.pick(&["COMMIT RELEASE", "ROLLBACK AND NO CHAIN RELEASE"])
        } else if ends && self.random.one_in(2) {
            self.random.pick(&["COMMIT NO RELEASE", "ROLLBACK AND CHAIN"])
        } else {
            self.random.pick(&["COMMIT", "ROLLBACK"])
        };
        self.query(end);
        if ends && !end.contains("CHAIN") && !end.contains("NO RELEASE") || set == "DO 1" {
            self.steps.push(Step::Reconnect);
            return self.query(super::sessions::FIRST);
        }
        self.some(2);
        self.query("SET completion_type=DEFAULT");
        self.query("ROLLBACK");
        self.query("SET time_zone=DEFAULT");
    }

    pub(super) fn xa(&mut self) {
        let xid = format!("'x{}'", self.client);
        let begin = self.random.pick(&["XA START", "XA BEGIN"]);
        self.query(format!("{begin} {xid}"));
        self.some(3);
        if self.random.one_in(5) {
            let wrong = self.random.pick(&["COMMIT", "BEGIN", "SAVEPOINT a", "XA END 'wrong'"]);
            self.query(wrong);
        }
        self.query(format!("XA END {xid}"));
        if self.random.one_in(4) {
            self.some(1);
        }
        match self.random.below(4) {
            0 => self.query(format!("XA COMMIT {xid} ONE PHASE")),
            1 => self.query(format!("XA ROLLBACK {xid}")),
            end => {
                self.query(format!("XA PREPARE {xid}"));
                if self.random.one_in(3) {
                    self.some(1);
                }
                let end = if end == 2 { "XA COMMIT" } else { "XA ROLLBACK" };
                self.query(format!("{end} {xid}"));
            }
        }
        self.query(format!("XA ROLLBACK {xid}"));
        self.some(1);
    }
}
