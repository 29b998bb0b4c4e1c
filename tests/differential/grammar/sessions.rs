//! What a session sets, holds and opens, and the commands that are not statements.

use super::Grammar;
use crate::step::Step;

/// Some statement must have been: MariaDB hands a new connection the FOUND_ROWS() of the thread's
/// last one.
pub(super) const FIRST: &str = "SELECT 'first'";

impl Grammar {
    /// A few statements of any simple kind.
    pub(super) fn some(&mut self, up_to: u64) {
        for _ in 0..=self.random.below(up_to) {
            match self.random.below(10) {
                0..=4 => self.read(),
                5..=7 => self.write(),
                8 => self.error(),
                _ => self.last_statement(),
            }
        }
    }

    pub(super) fn set_variable(&mut self) {
        let isolation = if self.mysql { "transaction_isolation" } else { "tx_isolation" };
        let sql = match self.random.below(28) {
            0 => "SET sql_mode='ANSI_QUOTES'".into(),
            1 => "SET sql_mode=''".into(),
            2 => "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'".into(),
            3 => "SET sql_mode=CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')".into(),
            4 | 5 => "SET sql_mode=DEFAULT".into(),
            6 => "SET time_zone='+03:00'".into(),
            7 => "SET time_zone=DEFAULT, @@session.group_concat_max_len=8".into(),
            8 => "SET NAMES latin1".into(),
            9 => "SET NAMES utf8mb4 COLLATE utf8mb4_bin".into(),
            10 => "SET NAMES utf8mb4".into(),
            11 => "SET CHARACTER SET latin1".into(),
            12 => "SET character_set_results=NULL".into(),
            13 => "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".into(),
            14 => format!("SET {isolation}='REPEATABLE-READ'"),
            15 => "SET SESSION TRANSACTION READ WRITE".into(),
            16 => "SET div_precision_increment=7, lc_time_names='de_DE'".into(),
            17 => "SET sql_select_limit=2".into(),
            18 => "SET sql_select_limit=DEFAULT, group_concat_max_len=DEFAULT".into(),
            19 => "SET SESSION default_week_format=3, unique_checks=0".into(),
            26 => "SET ROLE NONE".into(),
            27 => "SET SESSION sql_auto_is_null=1, sql_auto_is_null=0".into(),
            20 if !self.light => {
                "SET foreign_key_checks=0, @mixed=1, sql_mode='ANSI_QUOTES'".into()
            }
            21 => "SET collation_connection=utf8mb4_bin".into(),
            22 => "SET NAMES DEFAULT".into(),
            23 => "SET completion_type=0, LOCAL div_precision_increment=DEFAULT".into(),
            24 => "SET lc_time_names=DEFAULT, default_week_format=DEFAULT, unique_checks=1".into(),
            _ => "set session wait_timeout=3000".into(),
        };
        self.query(sql);
        match self.random.below(6) {
            0 => self.variables_shown(),
            1 => self.query("SELECT \"id\", 'a' || 'b', 'x\\'y' FROM t1 ORDER BY id"),
            2 => self.query("SELECT GROUP_CONCAT(word ORDER BY n), 1/7, 'é' FROM c1"),
            3 => self.query("SELECT word, ts, HEX(word) FROM c1, t2 ORDER BY n, id"),
            _ => self.read(),
        }
    }

    pub(super) fn change_schema(&mut self) {
        let (own, other) = (self.schema.clone(), format!("{}b", self.schema));
        match self.random.below(6) {
            0 => self.query(format!("USE {other}")),
            1 => self.query(format!("USE `{other}`")),
            2 => self.steps.push(Step::InitDb(other)),
            3 => self.steps.push(Step::InitDb("no_such_schema".into())),
            4 => self.query(format!("USE {own}; SELECT COUNT(*) FROM t1")),
            _ => self.query("USE information_schema"),
        }
        self.query("SELECT COUNT(*), DATABASE() FROM t1");
        self.some(2);
        if self.random.one_in(2) {
            self.query(format!("USE {own}"));
        } else {
            self.steps.push(Step::InitDb(own));
        }
    }

    /// DROP DATABASE of the schema that is selected.
    pub(super) fn drop_current_schema(&mut self) {
        let schema = format!("{}c", self.schema);
        self.query(format!("CREATE DATABASE {schema}; USE {schema}"));
        self.query("CREATE TABLE t1 (id INT PRIMARY KEY, k INT); INSERT INTO t1 VALUES (1, 2)");
        if self.random.one_in(2) {
            self.steps.push(Step::Prepare(0, "SELECT * FROM t1".into()));
        }
        self.read();
        self.query(format!("DROP DATABASE {schema}"));
        if self.random.one_in(2) {
            self.last_statement();
        }
        self.query("SELECT DATABASE()");
        self.query("SELECT * FROM t1");
        if self.random.one_in(3) {
            self.set_variable();
        }
        self.steps.push(Step::InitDb(self.schema.clone()));
        self.read();
    }

    pub(super) fn temporary_table(&mut self) {
        let name = self.random.pick(&["tmp", "t1", "c1", "tmp2"]);
        let create = match self.random.below(6) {
            4 if !self.mysql => format!(
                "CREATE OR REPLACE TEMPORARY TABLE {name} (id INT, k INT, v TEXT, n INT, word TEXT)"
            ),
            5 => format!(
                "DO 1; CREATE TEMPORARY TABLE {name} (id INT PRIMARY KEY, k INT, v TEXT); SELECT 'made'"
            ),
            0 => format!(
                "CREATE TEMPORARY TABLE {name} AS SELECT n AS id, n AS k, word AS v FROM c1"
            ),
            1 => format!(
                "CREATE TEMPORARY TABLE IF NOT EXISTS {name} (id INT, k INT, v TEXT, n INT, word TEXT)"
            ),
            2 => format!(
                "/* first */ create temporary table {name} (id INT, v TEXT); INSERT INTO {name} VALUES (1,'t')"
            ),
            _ => {
                format!("CREATE TEMPORARY TABLE {name} (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT)")
            }
        };
        self.query(create);
        for _ in 0..=self.random.below(3) {
            match self.random.below(8) {
                0 => self.query(format!("INSERT INTO {name} (v) VALUES ('in temporary')")),
                1 => self.read(),
                2 => self.query(format!("ALTER TABLE {name} ADD COLUMN z INT DEFAULT 4")),
                3 if !self.mysql => self.query(format!(
                    "CREATE OR REPLACE TEMPORARY TABLE {name} (id INT, v TEXT) SELECT 9 AS id"
                )),
                4 => self.binary(),
                _ => self.query(format!("SELECT * FROM {name} ORDER BY id")),
            }
        }
        let drop = self.random.pick(&[
            "DROP TEMPORARY TABLE",
            "DROP TABLE",
            "DROP TEMPORARY TABLE IF EXISTS",
        ]);
        // DROP TABLE of a name that was not shadowed after all would take the table itself: keep it.
        let drop = if name == "t1" || name == "c1" { "DROP TEMPORARY TABLE" } else { drop };
        self.query(format!("{drop} {name}"));
        self.query(format!("SELECT * FROM {name} ORDER BY 1"));
    }

    pub(super) fn user_variable(&mut self) {
        let n = self.random.below(100);
        let set = match self.random.below(9) {
            0 => format!("SET @a={n}"),
            1 => format!("SET @a:={n}, @b='text {n}'"),
            2 => format!("SELECT @a:={n}"),
            3 => format!("SELECT {n} INTO @a"),
            4 => "SELECT COUNT(*), MAX(id) FROM t1 INTO @a, @b".into(),
            5 => "SET @a=(SELECT SUM(n) FROM c1)".into(),
            6 => format!("SET @`a b`={n}, @a=@`a b`+1"),
            7 => "SELECT @a:=@a+1 FROM c1 ORDER BY n".into(),
            _ => format!("SET @a={n}, time_zone='+01:00'"),
        };
        self.query(set);
        for _ in 0..self.random.below(3) {
            self.read();
        }
        let get = self.random.pick(&[
            "SELECT @a",
            "SELECT @a, @b",
            "SELECT * FROM t1 WHERE k < @a ORDER BY id",
            "INSERT INTO t1 (k) VALUES (@a)",
            "SELECT @a+0 AS a, @never",
        ]);
        self.query(get);
    }

    pub(super) fn several_statements(&mut self) {
        let mut all = Vec::new();
        for _ in 0..2 + self.random.below(2) {
            let one = match self.random.below(10) {
                0..=5 => self.read_text(),
                6..=8 => self.write_text(),
                _ => "SELECT * FROM no_such_table".into(),
            };
            // A line comment would hide the rest.
            all.push(one.split(" -- ").next().unwrap_or_default().replace(" ;", ""));
        }
        let end = self.random.pick(&["", ";", " ; ; "]);
        self.query(all.join("; ") + end);
    }

    pub(super) fn named_lock(&mut self) {
        let name = format!("lock{}", self.client);
        self.query(format!("SELECT GET_LOCK('{name}', 0)"));
        self.some(2);
        self.query(format!("SELECT IS_FREE_LOCK('{name}')"));
        let release = self.random.pick(&["SELECT RELEASE_LOCK", "DO RELEASE_LOCK"]);
        self.query(format!("{release}('{name}')"));
        self.query(format!("SELECT IS_FREE_LOCK('{name}')"));
    }

    pub(super) fn lock_tables(&mut self) {
        let lock = self.random.pick(&[
            "LOCK TABLES t1 WRITE",
            "LOCK TABLES t1 READ, c1 READ",
            "LOCK TABLE t1 WRITE, t2 READ",
        ]);
        self.query(lock);
        self.some(3);
        let unlock = self.random.pick(&["UNLOCK TABLES", "UNLOCK TABLES", "START TRANSACTION"]);
        self.query(unlock);
        self.query("COMMIT");
    }

    pub(super) fn table_cursor(&mut self) {
        let table = self.random.pick(&["c1", "c1", "t1", "v1"]);
        self.query(format!("HANDLER {table} OPEN AS h"));
        for _ in 0..=self.random.below(3) {
            let read = self.random.pick(&[
                "HANDLER h READ `PRIMARY` NEXT",
                "HANDLER h READ FIRST",
                "HANDLER h READ `PRIMARY` = (2)",
                "HANDLER h READ NEXT LIMIT 2",
                "HANDLER h READ no_such_key NEXT",
            ]);
            self.query(read);
            self.read();
        }
        if self.random.one_in(3) {
            self.last_statement();
        }
        self.query("HANDLER h CLOSE");
    }

    pub(super) fn plain_command(&mut self) {
        match self.random.below(8) {
            0 | 1 => self.steps.push(Step::Ping),
            2 => self.steps.push(Step::FieldList("t1".into())),
            3 => self.steps.push(Step::FieldList("no_such_table".into())),
            4 => self.steps.push(Step::InitDb(self.schema.clone())),
            5 => {
                self.steps.push(Step::SetOption(1));
                self.query("SELECT 1; SELECT 2");
                self.read();
                self.steps.push(Step::SetOption(0));
                self.several_statements();
            }
            _ => self.query("DO 1"),
        }
    }

    pub(super) fn reset(&mut self) {
        if self.random.one_in(2) {
            self.set_variable();
            self.user_variable();
        }
        let own = self.schema.clone();
        match self.random.below(5) {
            0 => self.steps.push(Step::ChangeUser("app", None)),
            1 => self.steps.push(Step::ChangeUser("app", Some(own.clone()))),
            2 => self.steps.push(Step::ChangeUser("adm", Some(format!("{own}b")))),
            _ => self.steps.push(Step::ResetConnection),
        }
        self.query("SELECT DATABASE(), @a, @@sql_mode, @@time_zone, CURRENT_USER()");
        self.query("SELECT @@character_set_client, @@collation_connection, LAST_INSERT_ID()");
        self.query(FIRST);
        self.steps.push(Step::InitDb(own));
    }

    pub(super) fn reconnect(&mut self) {
        self.steps.push(Step::Reconnect);
        let first = self.random.pick(&[
            "SELECT DATABASE(), @a, @b, @@sql_mode, @@time_zone, @@autocommit",
            "SELECT LAST_INSERT_ID(), ROW_COUNT()",
            "SHOW WARNINGS",
            "SELECT 'ünï', @@character_set_client, @@character_set_results",
            "SELECT * FROM tmp",
        ]);
        self.query(first);
        self.query(FIRST);
    }

    pub(super) fn found_rows(&mut self) {
        self.query("SELECT SQL_CALC_FOUND_ROWS n FROM c1 ORDER BY n LIMIT 2");
        if self.random.one_in(3) {
            self.some(1);
        }
        self.query("SELECT FOUND_ROWS()");
    }

    /// LASTVAL belongs to the connection.
    pub(super) fn sequence(&mut self) {
        if self.mysql {
            return self.found_rows();
        }
        self.query("CREATE SEQUENCE IF NOT EXISTS sq NOCACHE");
        self.query("SELECT NEXTVAL(sq)");
        self.some(2);
        self.query("SELECT LASTVAL(sq), PREVIOUS VALUE FOR sq");
    }

    /// Variables whose value is an event: never replayed, so they hold the connection.
    pub(super) fn event_variable(&mut self) {
        let (set, then, end) = self.random.pick(&[
            ("SET timestamp=1000000", "SELECT NOW(), UNIX_TIMESTAMP()", "SET timestamp=DEFAULT"),
            ("SET rand_seed1=5, rand_seed2=7", "SELECT RAND()", "DO 1"),
            ("SET insert_id=500", "INSERT INTO t1 (k) VALUES (1)", "SELECT LAST_INSERT_ID()"),
        ]);
        self.query(set);
        if !set.contains("seed") {
            self.read();
        }
        self.query(then);
        self.query(end);
    }
}
