//! Writes, DDL, errors, and what a statement leaves behind.

use super::Grammar;
use crate::step::Step;

impl Grammar {
    pub(super) fn write(&mut self) {
        let sql = self.write_text();
        self.query(sql);
    }

    pub(super) fn write_text(&mut self) -> String {
        let (n, m) = (self.random.below(40), self.random.below(6));
        match self.random.below(16) {
            0..=3 => {
                let text = self.text();
                format!("INSERT INTO t1 (k, v, d, u) VALUES ({m}, {text}, {n}.5, NULL)")
            }
            4 => format!("INSERT INTO t1 (k, v) VALUES ({m}, 'p'), ({n}, 'q'), (NULL, 'r')"),
            5 => format!("INSERT IGNORE INTO t1 (k, u) VALUES ({m}, {})", 10 + m),
            6 => format!(
                "INSERT INTO t1 (k, u) VALUES ({m}, {}) ON DUPLICATE KEY UPDATE k = k + 1",
                10 + m
            ),
            7 => format!("REPLACE INTO t1 (id, k, v) VALUES ({}, {m}, 'replaced')", 1 + m),
            8 | 9 => {
                let value = self.expression(1);
                format!(
                    "UPDATE t1 SET k = {m}, d = {n} WHERE id = {} AND ({value}) IS NOT NULL",
                    1 + m
                )
            }
            10 => "UPDATE t1 SET k = k + 1 ORDER BY id LIMIT 2".into(),
            11 => format!("DELETE FROM t1 WHERE id = {n}"),
            12 => format!("DELETE FROM t1 WHERE id > {} ORDER BY id DESC LIMIT 2", 4 + m),
            13 => "INSERT INTO t1 (k, v) SELECT n, word FROM c1 WHERE n < 3 ORDER BY n".into(),
            14 if self.mysql => "UPDATE t1 JOIN c1 ON c1.n = t1.k SET t1.v = c1.word".into(),
            14 => format!("INSERT INTO t1 (k) VALUES ({m}) RETURNING id, k"),
            _ => "UPDATE t1 JOIN c1 ON c1.n = t1.k SET t1.v = c1.word".into(),
        }
    }

    pub(super) fn error(&mut self) {
        let sql = self.error_text();
        self.query(sql);
        if self.random.one_in(3) {
            self.last_statement();
        }
    }

    fn error_text(&mut self) -> String {
        let m = self.random.below(4);
        self.random
            .pick(&[
                "SELEC 1",
                "SELECT * FROM no_such_table",
                "SELECT no_such_column FROM t1",
                "INSERT INTO t1 (id) VALUES (1)",
                "INSERT INTO t1 (u) VALUES (11)",
                "SELECT no_such_function(1)",
                "INSERT INTO t1 (k) VALUES ('abc')",
                "INSERT INTO t2 (id, w) VALUES (1, REPEAT('x', 99))",
                "UPDATE t1 SET id = NULL",
                "SELECT (SELECT n FROM c1)",
                "DROP TABLE no_such_table",
                "USE no_such_schema",
                "SELECT 1 FROM",
                "",
                ";",
                "SELECT * FROM t1 WHERE",
                "CALL no_such_procedure()",
                "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'raised', MYSQL_ERRNO = 31000",
                "SET sql_mode = 'NO_SUCH_MODE'",
                "SET no_such_variable = 1",
                "ROLLBACK TO nowhere",
                "CREATE TABLE t1 (a INT)",
                "INSERT INTO c1 VALUES (1, 'again')",
                "KILL 4294967290",
                "SELECT id, (SELECT x.n FROM c1 AS x WHERE x.n <= t1.id) FROM t1 ORDER BY id",
                "SET NAMES no_such_charset",
                "EXECUTE no_such_statement",
                "SELECT 'unterminated",
                "SELECT EXP(1000)",
                "DEALLOCATE PREPARE no_such_statement",
                "/* only a comment */",
            ])
            .replace("(1)", &format!("({})", 1 + m))
    }

    /// What is asked about the statement before: answers that belong to one connection.
    pub(super) fn last_statement(&mut self) {
        let sql = self.random.pick(&[
            "SHOW WARNINGS",
            "SHOW ERRORS",
            "SHOW COUNT(*) WARNINGS",
            "SELECT @@warning_count",
            "SELECT @@error_count",
            "SELECT ROW_COUNT()",
            "SELECT FOUND_ROWS()",
            "SELECT LAST_INSERT_ID()",
            "SELECT ROW_COUNT(), LAST_INSERT_ID() AS l, FOUND_ROWS() f",
            "SELECT @@identity",
            "SELECT @@last_insert_id",
            "SHOW WARNINGS LIMIT 1",
            "SELECT id FROM t1 WHERE id = LAST_INSERT_ID()",
            "SELECT ROW_COUNT() + 1",
        ]);
        self.query(sql);
    }

    pub(super) fn insert_id(&mut self) {
        match self.random.below(6) {
            0 => {
                let id = self.random.below(99);
                self.query(format!("SET last_insert_id = {id}"));
            }
            1 => self.query("SELECT LAST_INSERT_ID(41)"),
            2 => self.query("UPDATE t1 SET k = LAST_INSERT_ID(k + 1) ORDER BY id LIMIT 1"),
            _ => self.query("INSERT INTO t1 (k, v) VALUES (5, 'for its id')"),
        }
        for _ in 0..self.random.below(3) {
            self.read();
        }
        let last = self.random.pick(&[
            "SELECT LAST_INSERT_ID()",
            "SELECT @@identity, LAST_INSERT_ID()",
            "INSERT INTO t2 (id, t1_id) VALUES (LAST_INSERT_ID() + 1000, LAST_INSERT_ID())",
            "SELECT * FROM t1 WHERE id = LAST_INSERT_ID()",
            "UPDATE t1 SET v = 'mine' WHERE id = LAST_INSERT_ID()",
        ]);
        self.query(last);
    }

    pub(super) fn warnings(&mut self) {
        let sql = self.random.pick(&[
            "SELECT 1/0",
            "SELECT CAST('12abc' AS SIGNED)",
            "SELECT '1x' + 1",
            "SELECT DATE('nonsense')",
            "INSERT IGNORE INTO t1 (id) VALUES (1)",
            "DROP TABLE IF EXISTS no_such_table",
            "CREATE TABLE IF NOT EXISTS t1 (a INT)",
            "INSERT IGNORE INTO t1 (v) VALUES (REPEAT('v', 90))",
            "SELECT CAST('x' AS DECIMAL), CAST('y' AS DECIMAL)",
            "UPDATE IGNORE t1 SET k = 'abc'",
        ]);
        self.query(sql);
        match self.random.below(8) {
            0 => self.steps.push(Step::Ping),
            1 => self.read(),
            2 => self.query("SELECT @@warning_count"),
            3 => self.query("SHOW COUNT(*) WARNINGS"),
            4 => self.steps.push(Step::InitDb(self.schema.clone())),
            _ => {}
        }
        self.query("SHOW WARNINGS");
        if !self.light && self.random.one_in(3) {
            self.query("GET DIAGNOSTICS CONDITION 1 @code = MYSQL_ERRNO, @text = MESSAGE_TEXT");
            self.query("SELECT @code, @text");
        }
    }

    pub(super) fn ddl(&mut self) {
        let n = self.random.below(3);
        let sql = match self.random.below(9) {
            0 => format!("CREATE TABLE n{n} (a INT PRIMARY KEY, b TEXT)"),
            1 => format!("DROP TABLE IF EXISTS n{n}"),
            2 => format!("ALTER TABLE t1 ADD COLUMN x{n} INT DEFAULT {n}"),
            3 => format!("ALTER TABLE t1 DROP COLUMN x{n}"),
            4 => "TRUNCATE TABLE t2".into(),
            5 => format!("CREATE TABLE n{n} AS SELECT * FROM c1"),
            6 => format!("RENAME TABLE n{n} TO n{}", (n + 1) % 3),
            7 => format!("CREATE OR REPLACE VIEW v1 AS SELECT id, v, k + {n} AS k FROM t1"),
            _ => format!("INSERT INTO n{n} VALUES ({}, 'n')", self.random.below(50)),
        };
        self.query(sql);
        self.query(format!("SELECT * FROM n{n} ORDER BY 1"));
    }

    pub(super) fn infile(&mut self) {
        self.query("LOAD DATA LOCAL INFILE 'rows.tsv' INTO TABLE t1 (k, v)");
        self.last_statement();
    }
}
