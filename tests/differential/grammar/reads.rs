//! Reads: most of them may be answered by a replica.

use super::Grammar;

impl Grammar {
    pub(super) fn read(&mut self) {
        let sql = self.read_text();
        self.query(sql);
    }

    pub(super) fn read_text(&mut self) -> String {
        let sql = match self.random.below(34) {
            0..=6 => format!("SELECT * FROM t1 WHERE id = {}", self.random.below(9)),
            7 => format!("SELECT id, v FROM t1 WHERE {} ORDER BY id", self.condition()),
            8 => {
                let (a, b) = (self.expression(2), self.expression(1));
                format!("SELECT id, {a} AS a, {b} FROM t1 ORDER BY id")
            }
            9 => format!("SELECT {}", self.expression(2).replace("t1.", "").replace('`', "")),
            10 => "SELECT t1.id, t2.id, w, f, b, e, dt, ts, bits FROM t1 JOIN t2 ON t2.t1_id = t1.id \
                   ORDER BY t1.id, t2.id"
                .into(),
            11 => "SELECT t1.*, t2.* FROM t1 LEFT JOIN t2 ON t2.t1_id = t1.k ORDER BY t1.id, t2.id".into(),
            12 => "SELECT k, COUNT(*), SUM(d), MIN(v), AVG(u) FROM t1 GROUP BY k ORDER BY k".into(),
            13 => "SELECT COUNT(*) FROM t1".into(),
            14 => "SELECT GROUP_CONCAT(word ORDER BY n SEPARATOR '-') FROM c1".into(),
            15 => format!("SELECT n, word FROM c1 WHERE n <= {} ORDER BY n", self.random.below(6)),
            16 => "SELECT DISTINCT k FROM t1 ORDER BY k LIMIT 3".into(),
            17 => "(SELECT 1 AS a) UNION ALL (SELECT n FROM c1) ORDER BY a".into(),
            18 => "WITH r AS (SELECT n FROM c1 WHERE n > 2) SELECT * FROM r ORDER BY n".into(),
            19 => "WITH RECURSIVE s(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM s WHERE x < 40) SELECT x FROM s".into(),
            20 => "SELECT id FROM t1 WHERE id IN (SELECT t1_id FROM t2) ORDER BY id".into(),
            21 => "SELECT * FROM v1 ORDER BY id".into(),
            22 => format!("SHOW {}", self.random.pick(&[
                "TABLES", "COLUMNS FROM t1", "CREATE TABLE t2", "FULL TABLES", "DATABASES LIKE 'OWNb'",
                "CREATE VIEW v1", "FULL COLUMNS FROM c1", "TRIGGERS", "CHARACTER SET LIKE 'latin1'",
                "COLLATION LIKE 'latin1_bin'", "CREATE PROCEDURE p_rows",
            ])),
            23 => self.random.pick(&["DESCRIBE t1", "DESC t2", "SHOW COLUMNS FROM v1 LIKE 'v'"]).into(),
            24 => "SELECT DATABASE(), SCHEMA(), USER(), CURRENT_USER()".into(),
            25 => format!(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}' ORDER BY 1",
                self.schema
            ),
            26 => "SELECT * FROM t1 ORDER BY id LIMIT 2 FOR UPDATE".into(),
            27 => "SELECT id FROM t1 WHERE id = 1 LOCK IN SHARE MODE".into(),
            28 => format!("SELECT w_read({})", self.random.below(5)),
            29 => "SELECT FROM_UNIXTIME(0), RAND(3), VERSION(), CONVERT_TZ('2024-01-01 00:00:00','+00:00','+05:00')".into(),
            30 => "SELECT 1/3, '5'+'5', 1 = '1', 'A' = 'a', 'a' || 'b', CHAR(65 USING latin1)".into(),
            31 => format!("SELECT COUNT(*), SUM(x.k), MAX(y.v) FROM {0}.t1 AS x JOIN {0}b.t1 AS y ON x.id = y.id", self.schema),
            32 => "SELECT id, (SELECT word FROM c1 WHERE n = t1.k) AS word FROM t1 ORDER BY id".into(),
            _ => "SELECT ts, UNIX_TIMESTAMP(ts), dt FROM t2 ORDER BY id".into(),
        };
        self.dressed(sql.replace("OWN", &self.schema))
    }

    /// The same statement as people and programs write it.
    fn dressed(&mut self, sql: String) -> String {
        match self.random.below(24) {
            0 => format!("/* app: {} */ {sql}", self.random.below(100)),
            1 => format!("{sql} -- trailing; 'quote"),
            2 => format!("\n\t{}", sql.replace("FROM", "from").replace("SELECT", "select")),
            3 => format!("# hash ' comment\n{sql}"),
            4 => sql.replacen("SELECT ", "SELECT/**/", 1),
            5 => sql.replacen("SELECT ", "SELECT /*!40001 SQL_NO_CACHE */ ", 1),
            6 => format!("/* lanewire:primary */ {sql}"),
            7 => format!("{sql} ;"),
            _ => sql,
        }
    }

    pub(super) fn variables_shown(&mut self) {
        let isolation = if self.mysql { "@@transaction_isolation" } else { "@@tx_isolation" };
        let sql = match self.random.below(10) {
            0 => "SELECT @@sql_mode, @@time_zone, @@autocommit".into(),
            1 => "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection".into(),
            2 => format!("SELECT {isolation}, @@session.sql_select_limit, @@group_concat_max_len"),
            3 => "SHOW VARIABLES LIKE 'sql_mode'".into(),
            4 => "SHOW SESSION VARIABLES WHERE variable_name IN ('time_zone','character_set_results')".into(),
            5 => "SELECT @@read_only, @@global.read_only".into(),
            6 => "SHOW VARIABLES LIKE 'read_only'".into(),
            7 => "SELECT @@foreign_key_checks, @@unique_checks, @@div_precision_increment".into(),
            8 => "SELECT @@session.character_set_database, DATABASE()".into(),
            _ => "SELECT @@lc_time_names, DATE_FORMAT('2024-03-01', '%M %W'), @@default_week_format".into(),
        };
        self.query(sql);
    }

    pub(super) fn large(&mut self) {
        match self.random.below(30) {
            0 => self.query("SELECT REPEAT('w', 17000000) AS big"),
            1 => self.query(format!("SELECT LENGTH('{}')", "q".repeat(17_000_000))),
            2..=9 => self.query("SELECT REPEAT('x', 200000) AS a, REPEAT('y', 70000) AS b FROM c1"),
            10..=19 => self.query(format!("SELECT LENGTH('{}') AS len", "z".repeat(90_000))),
            _ => self.query(
                "WITH RECURSIVE s(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM s WHERE x < 900) \
                 SELECT x, REPEAT('r', 100) FROM s",
            ),
        }
    }
}
