//! Binary prepared statements.

use super::Grammar;
use crate::step::{Execution, NEWEST, Step};
use lanewire_perf::client::{Param, flags};

/// A statement and what its parameters are like.
type Shape = (String, Vec<Param>);

impl Grammar {
    /// Prepares, executes once and closes.
    pub(super) fn binary(&mut self) {
        let number = self.statement_number();
        let (sql, params) = match self.random.below(10) {
            0..=4 => self.with_params(),
            5 | 6 => (self.read_text(), Vec::new()),
            7 => (self.write_text(), Vec::new()),
            _ => (self.plain_text(), Vec::new()),
        };
        self.steps.push(Step::Prepare(number, sql.clone()));
        self.execute(number, &sql, params);
        self.steps.push(Step::Close(number));
    }

    fn statement_number(&mut self) -> u8 {
        u8::try_from(self.random.below(4)).unwrap_or(0)
    }

    fn execute(&mut self, number: u8, sql: &str, params: Vec<Param>) {
        let sql = sql.into();
        let execution = Execution { number, sql, params, types: true, cursor: false };
        self.steps.push(Step::Execute(execution));
    }

    /// Statements without parameters that are more often sent as texts.
    fn plain_text(&mut self) -> String {
        let sql = self.random.pick(&[
            "SET sql_mode='ANSI_QUOTES'",
            "SET sql_mode=DEFAULT",
            "SET time_zone='+02:00'",
            "SET time_zone=DEFAULT",
            "SET NAMES utf8mb4",
            "COMMIT",
            "ROLLBACK",
            "SHOW WARNINGS",
            "SELECT LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS()",
            "SELECT ROW_COUNT()",
            "SELECT FOUND_ROWS() + 1 AS more, DATABASE()",
            "SELECT @@sql_mode, @@time_zone, DATABASE()",
            "SHOW COLUMNS FROM t1",
            "SELECT 1/0",
            "INSERT INTO t1 (id) VALUES (1)",
            "DO 1",
            "CALL p_rows()",
            "USE information_schema",
            "SELEC",
        ]);
        let tying = self.random.pick(&["SET @a=5", "CALL p_state()", "SELECT @a", "BEGIN"]);
        if !self.light && self.random.one_in(3) { tying.into() } else { sql.into() }
    }

    /// Statements that stay prepared while other things are done.
    pub(super) fn kept_statement(&mut self) {
        let number = self.statement_number();
        let (sql, params) = self.with_params();
        self.steps.push(Step::Prepare(number, sql.clone()));
        let mut bound: Option<Vec<u8>> = None;
        for _ in 0..self.random.below(6) {
            // Another of the same kinds may leave the types out.
            // The type of a bare parameter that is NULL is what it was when last it was not, and
            // MySQL keeps that with its copy of the statement, which sessions share.
            let nullable = !sql.starts_with("SELECT ?");
            let params: Vec<_> = params.iter().map(|param| self.like(param, nullable)).collect();
            let kinds: Vec<_> = params.iter().map(Param::kind).collect();
            let whole = !params.contains(&Param::Null);
            let types = bound.as_ref() != Some(&kinds) || self.random.one_in(2);
            bound = whole.then_some(kinds);
            let execution = Execution { number, sql: sql.clone(), params, types, cursor: false };
            self.steps.push(Step::Execute(execution));
            match self.random.below(8) {
                0 => self.change_schema(),
                1 => {
                    self.set_variable();
                    // The character set of the moment is bound with the types, and without
                    // them cannot be bound again elsewhere.
                    bound = None;
                }
                2 => self.write(),
                3 => self.read(),
                4 => self.last_statement(),
                5 => self.steps.push(Step::ResetStatement(number)),
                _ => {}
            }
        }
        if self.random.one_in(3) {
            self.steps.push(Step::Close(number));
        }
    }

    fn like(&mut self, param: &Param, nullable: bool) -> Param {
        match param {
            Param::Null | Param::Long => param.clone(),
            Param::Int(_) if nullable && self.random.one_in(12) => Param::Null,
            Param::Int(_) => self.int(),
            Param::Double(value) => Param::Double(value + 1.0),
            Param::Bytes(bytes) => Param::Bytes(bytes.clone()),
        }
    }

    fn with_params(&mut self) -> Shape {
        let (sql, params) = match self.random.below(15) {
            0..=3 => ("SELECT * FROM t1 WHERE id = ?", vec![self.int()]),
            4 => (
                "SELECT id, v, d FROM t1 WHERE k > ? AND v LIKE ? ORDER BY id",
                vec![self.int(), Param::Bytes(b"%o%".to_vec())],
            ),
            5 => ("SELECT * FROM t2 ORDER BY id", vec![]),
            6 => (
                "INSERT INTO t1 (k, v, d) VALUES (?, ?, ?)",
                vec![self.int(), Param::Bytes("binär".into()), Param::Double(2.5)],
            ),
            7 => ("UPDATE t1 SET v = ? WHERE id = ?", vec![Param::Null, self.int()]),
            8 => ("SELECT ? AS a, ? AS b", vec![self.int(), Param::Double(1.0)]),
            9 => ("SELECT n, word FROM c1 WHERE n < ? ORDER BY n", vec![self.int()]),
            10 => ("DELETE FROM t1 WHERE id = ? AND k = ?", vec![self.int(), self.int()]),
            11 => ("SELECT DATABASE(), @@sql_mode, CONCAT('a', ?)", vec![Param::Bytes("é".into())]),
            12 => ("REPLACE INTO t1 (id, k) VALUES (?, ?)", vec![self.int(), self.int()]),
            13 => {
                ("SELECT id FROM t1 WHERE id > ? ORDER BY id LIMIT ?", vec![self.int(), self.int()])
            }
            _ => ("SELECT nothing FROM t1 WHERE id = ?", vec![self.int()]),
        };
        (sql.into(), params)
    }

    fn int(&mut self) -> Param {
        Param::Int(i64::try_from(self.random.below(9)).unwrap_or(0))
    }

    /// Ids that are nobody's, and cursors that are not open.
    pub(super) fn unknown_statement(&mut self) {
        // MySQL adds the error to the warnings there are; the proxy's list begins with it.
        if self.mysql {
            self.query("SELECT COUNT(*) FROM c1");
        }
        let number = self.statement_number();
        let sql = "SELECT * FROM t1 WHERE id = ?";
        self.steps.push(Step::Prepare(number, sql.into()));
        match self.random.below(6) {
            0 => self.steps.push(Step::Fetch(number, 2)),
            1 => {
                self.steps.push(Step::Close(number));
                self.steps.push(Step::ResetStatement(number));
            }
            2 => {
                self.steps.push(Step::Close(number));
                self.steps.push(Step::Fetch(number, 1));
            }
            3 => {
                self.steps.push(Step::ResetConnection);
                self.query(super::sessions::FIRST);
                self.steps.push(Step::InitDb(self.schema.clone()));
                self.steps.push(Step::LongData(number, 0, b"nobody's".to_vec()));
                self.execute(number, sql, vec![Param::Int(1)]);
            }
            4 => {
                self.steps.push(Step::Close(number));
                self.steps.push(Step::Close(number));
            }
            _ => {
                self.steps.push(Step::Close(number));
                self.execute(number, sql, vec![Param::Int(1)]);
            }
        }
        self.last_statement();
    }

    /// The id -1, which MariaDB takes for the statement prepared last.
    pub(super) fn newest_statement(&mut self) {
        let number = self.statement_number();
        let (sql, params) = self.with_params();
        self.steps.push(Step::Prepare(number, sql.clone()));
        if self.random.one_in(3) {
            self.some(1);
        }
        if self.mysql {
            self.query("SELECT COUNT(*) FROM c1");
        }
        self.execute(NEWEST, &sql, params.clone());
        if !self.mysql && self.random.one_in(3) {
            let refused = "SELECT no_such_column FROM t1 WHERE id = ?";
            self.steps.push(Step::Prepare((number + 1) % 4, refused.into()));
            self.execute(NEWEST, &sql, params);
            self.last_statement();
        }
    }

    /// Rows in pieces, other things between.
    pub(super) fn cursor(&mut self) {
        let number = self.statement_number();
        let (sql, params) = match self.random.below(8) {
            0 => ("SELECT * FROM t1 ORDER BY id", vec![]),
            1 => ("SELECT id, v FROM t1 WHERE k > ? ORDER BY id", vec![self.int()]),
            2 => ("SELECT n, word FROM c1 WHERE n < ? ORDER BY n", vec![self.int()]),
            3 => ("SELECT * FROM t2 ORDER BY id", vec![]),
            4 => ("UPDATE t1 SET k = k + 1 WHERE id = ?", vec![self.int()]),
            5 => ("SELECT n FROM c1 WHERE n < 0", vec![]),
            _ => ("SELECT word FROM c1 ORDER BY n", vec![]),
        };
        self.steps.push(Step::Prepare(number, sql.into()));
        let open = Execution { number, sql: sql.into(), params, types: true, cursor: true };
        self.steps.push(Step::Execute(open.clone()));
        for _ in 0..self.random.below(5) {
            let rows = 1 + u32::try_from(self.random.below(4)).unwrap_or(0);
            match self.random.below(10) {
                0..=4 => self.steps.push(Step::Fetch(number, rows)),
                5 => self.read(),
                6 => self.write(),
                7 => self.last_statement(),
                8 => self.twin(&open),
                _ => self.plain_command(),
            }
        }
        match self.random.below(6) {
            0 | 1 => self.steps.push(Step::Fetch(number, 100)),
            2 => self.steps.push(Step::ResetStatement(number)),
            3 => self.steps.push(Step::Close(number)),
            4 => {
                // MySQL 9.7 answers an execution over an open cursor with half a result set.
                if self.mysql {
                    self.steps.push(Step::ResetStatement(number));
                }
                self.steps.push(Step::Execute(open.clone()));
                self.steps.push(Step::Fetch(number, 2));
                self.steps.push(Step::Close(number));
            }
            _ => self.steps.push(Step::ResetConnection),
        }
        self.query(super::sessions::FIRST);
        self.steps.push(Step::InitDb(self.schema.clone()));
    }

    /// Another statement of the same text, with a cursor of its own.
    fn twin(&mut self, open: &Execution) {
        let number = (open.number + 1) % 4;
        self.steps.push(Step::Prepare(number, open.sql.clone()));
        let cursor = self.random.one_in(2);
        self.steps.push(Step::Execute(Execution { number, cursor, ..open.clone() }));
        if cursor && !open.sql.starts_with("UPDATE") {
            self.steps.push(Step::Fetch(number, 2));
        }
        self.steps.push(Step::Close(number));
    }

    /// Parameters in pieces, in front of their execution.
    pub(super) fn long_data(&mut self) {
        let number = self.statement_number();
        let sql = self.random.pick(&[
            "SELECT CONCAT(?, '!') AS a, LENGTH(?) AS b",
            "INSERT INTO t1 (v, k) VALUES (LEFT(?, 30), LENGTH(?))",
            "SELECT id FROM t1 WHERE v = ? OR v = ? ORDER BY id",
        ]);
        self.steps.push(Step::Prepare(number, sql.into()));
        let mut bound = None;
        for _ in 0..=self.random.below(3) {
            let mut long = [false; 2];
            for _ in 0..self.random.below(5) {
                match self.random.below(8) {
                    0 => {
                        self.steps.push(Step::ResetStatement(number));
                        long = [false; 2];
                    }
                    1 => self.some(1),
                    2 => self.last_statement(),
                    _ => {
                        let param = self.random.below(2);
                        let data = self.random.pick(&["one", "pi", "é", "", "it's"]);
                        let param = u16::try_from(param).unwrap_or(0);
                        long[usize::from(param)] = true;
                        self.steps.push(Step::LongData(number, param, data.into()));
                    }
                }
            }
            let short = || Param::Bytes(b"one".to_vec());
            let params: Vec<_> =
                long.into_iter().map(|long| if long { Param::Long } else { short() }).collect();
            let types = bound.as_ref() != Some(&params) || self.random.one_in(2);
            bound = Some(params.clone());
            let execution = Execution { number, sql: sql.into(), params, types, cursor: false };
            self.steps.push(Step::Execute(execution));
        }
        match self.random.below(4) {
            0 => self.steps.push(Step::LongData(number, 1, b"left behind".to_vec())),
            1 => self.steps.push(Step::Close(number)),
            _ => {}
        }
    }

    /// Many rows of parameters at once (MariaDB).
    pub(super) fn bulk(&mut self) {
        if self.capabilities & flags::BULK_OPERATIONS == 0 {
            return self.binary();
        }
        let number = self.statement_number();
        let sql = self.random.pick(&[
            "INSERT INTO t1 (k, v) VALUES (?, ?)",
            "INSERT IGNORE INTO t1 (id, v) VALUES (?, ?)",
            "UPDATE t1 SET k = ? WHERE v = ?",
            "DELETE FROM t1 WHERE id = ? AND v = ?",
            "REPLACE INTO t1 (id, v) VALUES (?, ?)",
            "INSERT INTO t1 (id, v) VALUES (?, ?)",
            "SELECT ? + 1, ?",
        ]);
        self.steps.push(Step::Prepare(number, sql.into()));
        for round in 0..=self.random.below(3) {
            let mut rows = Vec::new();
            for _ in 0..=self.random.below(3) {
                let null = !rows.is_empty() && self.random.one_in(5);
                let text = self.random.pick(&["one", "two", "é"]);
                let first = if null { Param::Null } else { self.int() };
                rows.push(vec![first, Param::Bytes(text.into())]);
            }
            let types = round == 0 || self.random.one_in(2);
            self.steps.push(Step::Bulk { number, sql: sql.into(), rows, types });
            if self.random.one_in(2) {
                self.last_statement();
            }
        }
        self.query("SELECT COUNT(*), SUM(k), MAX(v) FROM t1");
    }
}
