//! Stored programs, statements in texts, and statements in other statements.

use super::Grammar;

impl Grammar {
    pub(super) fn text_prepare(&mut self) {
        let sql = self.random.pick(&[
            "SELECT * FROM t1 WHERE id = ?",
            "SELECT ? + 1 AS x",
            "INSERT INTO t1 (k) VALUES (?)",
        ]);
        self.query(format!("PREPARE st FROM '{sql}'"));
        self.query("SET @p = 2");
        self.some(1);
        self.query("EXECUTE st USING @p");
        self.last_statement();
        if self.random.one_in(3) {
            let (prepare, execute) = self.random.pick(&[
                ("PREPARE st FROM 'SELECT DATABASE(), @p'", "EXECUTE st"),
                ("SET @sql = 'SELECT COUNT(*) FROM c1'; PREPARE st FROM @sql", "EXECUTE st"),
                ("PREPARE st FROM 'SELEC'", "EXECUTE st"),
                ("PREPARE st FROM 'SET time_zone = ?'", "SET @p = '+06:00'; EXECUTE st USING @p"),
                ("PREPARE st FROM 'SELECT 1/0, ?'", "EXECUTE st"),
                ("PREPARE st FROM 'CREATE TEMPORARY TABLE tmp4 (a INT)'", "EXECUTE st"),
                ("PREPARE st FROM 'DROP TEMPORARY TABLE IF EXISTS tmp4'", "EXECUTE st"),
                ("PREPARE st FROM 'SELECT SQL_CALC_FOUND_ROWS n FROM c1 LIMIT 1'", "EXECUTE st"),
            ]);
            self.query(prepare);
            self.query(execute);
            self.last_statement();
        }
        let end = self.random.pick(&["DEALLOCATE PREPARE st", "DROP PREPARE st"]);
        self.query(end);
    }

    /// A statement in a text, at once (MariaDB).
    pub(super) fn immediate(&mut self) {
        if self.mysql {
            return self.text_prepare();
        }
        let sql = self.random.pick(&[
            "EXECUTE IMMEDIATE 'SELECT * FROM t1 WHERE id = ?' USING 2",
            "EXECUTE IMMEDIATE 'SELECT n, word FROM c1 ORDER BY n'",
            "EXECUTE IMMEDIATE 'INSERT INTO t1 (k) VALUES (?)' USING 8",
            "EXECUTE IMMEDIATE CONCAT('SELECT ', 1 + 1)",
            "EXECUTE IMMEDIATE 'SET @a = 12'",
            "EXECUTE IMMEDIATE 'SET sql_mode = ?' USING 'ANSI_QUOTES'",
            "EXECUTE IMMEDIATE 'SELEC'",
            "EXECUTE IMMEDIATE 'SELECT 1/0'",
        ]);
        self.query(sql);
        self.last_statement();
        self.query("SELECT @a, @@sql_mode");
    }

    /// Variables for one statement. Of one that trackers report by default, an EOF packet would
    /// have a flag that says so, which the proxy takes out: what it stands for is in no EOF.
    pub(super) fn set_statement(&mut self) {
        let sql = if self.mysql {
            self.random.pick(&[
                "SELECT /*+ SET_VAR(group_concat_max_len = 5) */ GROUP_CONCAT(word ORDER BY n) FROM c1",
                "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ \"id\" FROM t1 ORDER BY id",
                "INSERT /*+ SET_VAR(foreign_key_checks = OFF) */ INTO t1 (k) VALUES (6)",
                "SELECT /*+ SET_VAR(no_such_variable = 1) */ 1",
            ])
        } else {
            self.random.pick(&[
                "SET STATEMENT group_concat_max_len = 5 FOR SELECT GROUP_CONCAT(word ORDER BY n) FROM c1",
                "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT \"id\" FROM t1 ORDER BY id",
                "SET STATEMENT max_statement_time = 10, div_precision_increment = 9 FOR SELECT 1/7",
                "SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO t1 (k) VALUES (6)",
                "SET STATEMENT default_week_format = 4 FOR SELECT WEEK('2024-03-01')",
                "SET STATEMENT no_such_variable = 1 FOR SELECT 1",
                "SET STATEMENT sql_mode = '' FOR SELECT * FROM no_such_table",
                "SET STATEMENT sql_select_limit = 2 FOR SELECT n FROM c1 ORDER BY n",
                "SET STATEMENT lock_wait_timeout = 5 FOR UPDATE t1 SET k = 4 WHERE id = 1",
            ])
        };
        self.query(sql);
        if self.random.one_in(2) {
            self.last_statement();
        }
        self.variables_shown();
    }

    pub(super) fn routine(&mut self) {
        let call = self.random.pick(&[
            "CALL p_rows()",
            "CALL p_state()",
            "SELECT w_add(3)",
            "SELECT w_read(n) FROM c1 ORDER BY n",
            "DO w_add(4)",
            "CALL p_variables()",
            "CALL p_temporary()",
            "CALL p_begin()",
            "CALL p_warns()",
            "CALL p_fails()",
            "CALL p_insert_id()",
            "CALL p_out(@from_procedure)",
            "CALL p_prepares()",
            "CALL p_rows(1)",
        ]);
        self.query(call);
        if self.random.one_in(2) {
            self.last_statement();
        }
        self.some(1);
        match call {
            "CALL p_state()" | "CALL p_out(@from_procedure)" => {
                self.query("SELECT @from_procedure");
            }
            "CALL p_variables()" => {
                self.query("SELECT @@sql_mode, @@time_zone, @@div_precision_increment, 1/3");
                self.query("SET time_zone=DEFAULT, div_precision_increment=DEFAULT");
            }
            "CALL p_temporary()" => {
                self.query("SELECT * FROM tmp_p ORDER BY 1");
                self.query("DROP TEMPORARY TABLE tmp_p");
            }
            "CALL p_begin()" => self.query("ROLLBACK"),
            "CALL p_prepares()" => {
                self.query("EXECUTE in_procedure");
                self.query("DEALLOCATE PREPARE in_procedure");
            }
            _ => {}
        }
    }

    /// Several statements as one (MariaDB).
    pub(super) fn compound(&mut self) {
        if self.mysql {
            return self.routine();
        }
        let sql = self.random.pick(&[
            "BEGIN NOT ATOMIC DECLARE x INT DEFAULT 3; SET @a = x; SELECT x, @a; END",
            "IF (SELECT COUNT(*) FROM t1) > 2 THEN SELECT 'many'; ELSE SELECT 'few'; END IF",
            "BEGIN NOT ATOMIC INSERT INTO t1 (k) VALUES (55); SELECT LAST_INSERT_ID() > 0; END",
            "BEGIN NOT ATOMIC SET default_week_format = 2; SELECT n FROM c1; SELECT * FROM nowhere; END",
            "FOR i IN 1..3 DO INSERT INTO t1 (k) VALUES (i); END FOR",
        ]);
        self.query(sql);
        self.last_statement();
        self.query("SELECT @a, @@default_week_format");
    }

    /// What the statement before says of itself.
    pub(super) fn diagnostics(&mut self) {
        match self.random.below(4) {
            0 => self.write(),
            1 => self.error(),
            2 => self.query("SELECT CAST('12abc' AS SIGNED), 1/0"),
            _ => self.query("INSERT IGNORE INTO t1 (id) VALUES (1)"),
        }
        let (get, show) = self.random.pick(&[
            ("GET DIAGNOSTICS @n = NUMBER", "SELECT @n"),
            (
                "GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @m = MESSAGE_TEXT",
                "SELECT @s, @m",
            ),
            ("GET DIAGNOSTICS CONDITION 9 @m = MESSAGE_TEXT", "SHOW WARNINGS"),
        ]);
        self.query(get);
        self.query(show);
    }
}
