//! The forms of reading statements in the MySQL and MariaDB manuals.

use super::*;
use crate::sql::Verb;

#[test]
fn select_clauses() {
    assert_reads(&[
        "SELECT * FROM t",
        "select id, c from sbtest1 where id between 5 and 104 order by c",
        "SELECT ALL a FROM t",
        "SELECT DISTINCT a, b FROM t",
        "SELECT DISTINCT (a) FROM t",
        "SELECT DISTINCTROW a FROM t",
        "SELECT HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BIG_RESULT SQL_BUFFER_RESULT a FROM t",
        "SELECT SQL_CACHE a FROM t",
        "SELECT SQL_NO_CACHE (a) FROM t",
        "SELECT a AS b, c d, e 'f', g `h` FROM t AS u",
        "SELECT t.*, u.a FROM t, u WHERE t.id = u.id",
        "SELECT 1+1 FROM DUAL",
        "SELECT a FROM t WHERE (a) AND (b) OR (c) XOR (d) AND NOT (e)",
        "SELECT a FROM t WHERE a IN (1,2,3) AND b NOT IN (SELECT b FROM u)",
        "SELECT a FROM t WHERE a = ANY (SELECT b FROM u) OR a > ALL (SELECT b FROM u)",
        "SELECT a FROM t WHERE a = SOME (SELECT 1)",
        "SELECT a FROM t WHERE EXISTS (SELECT * FROM u) AND NOT EXISTS (SELECT 1)",
        "SELECT a FROM t WHERE (a, b) = (SELECT 1, 2) AND ROW(a, b) = ROW(1, 2)",
        "SELECT a FROM t WHERE a LIKE ('x') OR a RLIKE ('x') OR a REGEXP ('x')",
        "SELECT a FROM t WHERE a LIKE 'x|%' ESCAPE '|' AND a SOUNDS LIKE 'y'",
        "SELECT a FROM t WHERE a BETWEEN (1) AND (2)",
        "SELECT a DIV (b), a MOD (b), a % (b), - (b), ! (b), ~ (b), BINARY (a) FROM t",
        "SELECT CASE (a) WHEN (1) THEN (2) ELSE (3) END FROM t",
        "SELECT CASE WHEN a THEN b END FROM t",
        "SELECT IF(a, b, c), IFNULL(a, b), NULLIF(a, b) FROM t",
        "SELECT a FROM t GROUP BY (a), b HAVING (COUNT(*) > 1) ORDER BY (a) DESC LIMIT 1 OFFSET 2",
        "SELECT a FROM t GROUP BY a WITH ROLLUP",
        "SELECT a FROM t ORDER BY FIELD(a, 1, 2) LIMIT 5, 10",
        "SELECT a FROM t PARTITION (p0, p1) WHERE a = 1",
        "SELECT 'it''s', 'it\\'s', \"say \"\"x\"\"\", N'x', _utf8mb4'x' COLLATE utf8mb4_bin, x'4D', 0x4D, b'01'",
        "SELECT 'a' 'b', DATE '2020-01-01', TIME'10:00:00', TIMESTAMP '2020-01-01 00:00:00'",
        "SELECT \\N, NULL, TRUE, FALSE, -1.5e-10, .5, 5., 1.5E+3",
        "SELECT {d '2020-01-01'}, {fn NOW()}, {ts '2020-01-01 00:00:00'}",
        "SELECT ? FROM t WHERE a = ?",
        "SELECT a->'$.b', a->>'$.b' FROM t",
        "SELECT 17 MEMBER OF ('[17]'), 1 MEMBER OF(a) FROM t",
        "SELECT a + INTERVAL 1 DAY, a - INTERVAL (b) MONTH, INTERVAL(5, 1, 10) FROM t",
        "SELECT t.update, t.delete, t.`into`, db.t.lock FROM t",
        "SELECT `update`, `for update`, `get_lock` FROM t",
        "SELECT a AS nextval, share, `lock` FROM t",
        "SELECT a.share FROM t a",
    ]);
}

#[test]
fn joins_and_derived_tables() {
    assert_reads(&[
        "SELECT * FROM t JOIN u ON (t.a = u.a)",
        "SELECT * FROM t JOIN u USING (a, b)",
        "SELECT * FROM t INNER JOIN (u, v) ON t.a = u.a",
        "SELECT * FROM t LEFT OUTER JOIN (u CROSS JOIN v) ON (u.a = t.a AND v.b = t.b)",
        "SELECT * FROM t NATURAL RIGHT JOIN u",
        "SELECT * FROM t STRAIGHT_JOIN (u)",
        "SELECT * FROM (t, u)",
        "SELECT * FROM (SELECT 1) d",
        "SELECT * FROM (SELECT 1, 2) AS d (a, b)",
        "SELECT * FROM (SELECT 1, 2) d (a, b)",
        "SELECT * FROM (SELECT 1, 2) `d` (a, b)",
        "SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.a = t.a) AS d",
        "SELECT * FROM t JOIN LATERAL (SELECT 1) d ON TRUE",
        "SELECT * FROM (VALUES ROW(1,2), ROW(3,4)) AS v (a, b)",
        "SELECT * FROM t USE INDEX (i) WHERE a = 1",
        "SELECT * FROM t FORCE INDEX FOR JOIN (i), u IGNORE KEY FOR ORDER BY (j)",
        "SELECT * FROM t IGNORE INDEX FOR GROUP BY (i)",
        "SELECT * FROM { OJ t LEFT JOIN u ON t.a = u.a }",
        "SELECT * FROM db.t, `db`.`t` x, db . u",
        "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP('2016-10-09 08:07:06')",
        "SELECT * FROM t FOR SYSTEM_TIME BETWEEN (NOW() - INTERVAL 1 YEAR) AND NOW()",
        "SELECT * FROM t FOR SYSTEM_TIME ALL",
        "SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (id FOR ORDINALITY, a INT(10) PATH '$.a', \
         b VARCHAR(100) PATH '$.b' DEFAULT '1' ON EMPTY, c INT EXISTS PATH '$.c', \
         NESTED PATH '$.d[*]' COLUMNS (e DECIMAL(10,2) PATH '$', f CHAR(3) PATH '$.f'))) AS j",
    ]);
}

#[test]
fn sets_of_rows() {
    assert_reads(&[
        "SELECT 1 UNION SELECT 2",
        "SELECT 1 UNION ALL (SELECT 2) UNION DISTINCT (SELECT 3) ORDER BY 1",
        "(SELECT 1) UNION (SELECT 2) LIMIT 1",
        "((SELECT 1))",
        "(((SELECT 1) UNION (SELECT 2)) EXCEPT (SELECT 3)) INTERSECT ALL (SELECT 4)",
        "(WITH c AS (SELECT 1) SELECT * FROM c)",
        "TABLE t ORDER BY a LIMIT 1",
        "TABLE t UNION TABLE u",
        "VALUES ROW(1), ROW(2) ORDER BY column_0 LIMIT 1",
        "VALUES (1,2),(3,4)",
        "(VALUES ROW(1)) UNION (TABLE t)",
        "SELECT 1 UNION VALUES ROW(2)",
    ]);
}

#[test]
fn with_clauses() {
    assert_reads(&[
        "WITH c AS (SELECT 1), d AS (SELECT 2) SELECT * FROM c, d",
        "WITH c (a) AS (SELECT 1) SELECT a FROM c",
        "WITH c(a, b) AS (SELECT 1, 2), d (x) AS (SELECT a FROM c) SELECT * FROM d",
        "WITH `c`(a) AS (SELECT 1) SELECT a FROM `c`",
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT * FROM c",
        "WITH RECURSIVE t AS (SELECT 1 AS a UNION SELECT a + 1 FROM t) CYCLE a RESTRICT SELECT * FROM t",
        "WITH c AS (WITH d (x) AS (SELECT 1) SELECT * FROM d) SELECT * FROM c",
        "SELECT * FROM (WITH c(a) AS (SELECT 1), d(b) AS (SELECT 2) SELECT * FROM c, d) e",
        "WITH c AS (SELECT 1) TABLE c",
        "WITH c AS (SELECT 1) (SELECT * FROM c)",
    ]);
    assert_writes(
        Traits::STORED_FUNCTION,
        &[
            "WITH c(a) AS (SELECT 1) SELECT f(a) FROM c",
            "WITH c(a) AS (SELECT f(1)) SELECT * FROM c",
            "WITH c AS (SELECT 1) SELECT a, f(b), d FROM c",
        ],
    );
    assert_eq!(of("WITH c AS (SELECT 1) SELECT * FROM c").verb, Verb::With);
}

#[test]
fn windows_and_aggregates() {
    assert_reads(&[
        "SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS UNBOUNDED PRECEDING) FROM t",
        "SELECT ROW_NUMBER() OVER w, RANK() OVER (w ORDER BY a) FROM t WINDOW w AS (PARTITION BY b)",
        "SELECT 1 FROM t WINDOW w AS (ORDER BY a), v AS (w)",
        "SELECT FIRST_VALUE(a) IGNORE NULLS OVER (ORDER BY b RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM t",
        "SELECT LAG(a, 1, 0) RESPECT NULLS OVER (ORDER BY b), NTH_VALUE(a, 2) FROM FIRST OVER (ORDER BY b) FROM t",
        "SELECT COUNT(*), COUNT(DISTINCT a, b), SUM(DISTINCT a), MIN(a), MAX(a), AVG(a) FROM t",
        "SELECT GROUP_CONCAT(DISTINCT a ORDER BY b DESC SEPARATOR ', ') FROM t",
        "SELECT STD(a), STDDEV_POP(a), VAR_SAMP(a), BIT_AND(a), BIT_OR(a), BIT_XOR(a) FROM t",
        "SELECT JSON_ARRAYAGG(a), JSON_OBJECTAGG(a, b) FROM t",
    ]);
    assert_reads_on(
        MARIADB,
        &[
            "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) OVER (PARTITION BY b) FROM t",
            "SELECT MEDIAN(a) OVER (PARTITION BY b) FROM t",
        ],
    );
}

#[test]
fn special_call_syntax() {
    assert_reads(&[
        "SELECT CAST(a AS CHAR(10) CHARACTER SET utf8mb4), CAST(a AS UNSIGNED), CAST(a AS DECIMAL(10,2))",
        "SELECT CAST(a AS BINARY(10)), CAST(a AS DATETIME(6)), CAST(a AS TIME(3)), CAST(a AS NCHAR(5)), CAST(a AS VECTOR(3))",
        "SELECT CONVERT(a, CHAR(10)), CONVERT(a, DECIMAL(5,1)), CONVERT(a USING utf8mb4), CONVERT(a, BINARY(3))",
        "SELECT TRIM(BOTH 'x' FROM a), TRIM(LEADING FROM a), SUBSTRING(a FROM 1 FOR 2), POSITION('x' IN a)",
        "SELECT EXTRACT(YEAR FROM a), DATE_ADD(a, INTERVAL 1 DAY), TIMESTAMPDIFF(MONTH, a, b), GET_FORMAT(DATE, 'ISO')",
        "SELECT CHAR(77, 121 USING utf8mb4), WEIGHT_STRING(a AS CHAR(4)), DEFAULT(a), VALUES(a) FROM t",
        "SELECT MATCH (a, b) AGAINST ('x' IN BOOLEAN MODE), MATCH(a) AGAINST ('y' WITH QUERY EXPANSION) FROM t",
        "SELECT JSON_VALUE(a, '$.b' RETURNING DECIMAL(4,2) DEFAULT 1 ON EMPTY), JSON_EXTRACT(a, '$')",
        "SELECT CURRENT_USER, CURRENT_USER(), CURRENT_TIMESTAMP(6), LOCALTIME, UTC_DATE(), USER()",
        "SELECT DATABASE(), SCHEMA(), VERSION(), CHARSET(a), BENCHMARK(10, MD5('x'))",
        "SELECT REPLACE(a, 'b', 'c'), INSERT(a, 1, 2, 'x'), REPEAT('a', 3), LEFT(a, 1), RIGHT(a, 1), TRUNCATE(a, 1)",
        "SELECT REPLACE (a, 'b', 'c'), ABS (a), LEFT (a, 1)",
        "SELECT YEAR(a), MONTH(a), DAY(a), HOUR(a), MINUTE(a), SECOND(a), WEEK(a), QUARTER(a), DATE(a), TIME(a)",
    ]);
}

#[test]
fn explain() {
    assert_reads(&[
        "EXPLAIN t",
        "DESCRIBE t a",
        "DESC db.t '%x%'",
        "EXPLAIN SELECT * FROM t WHERE a IN (1)",
        "EXPLAIN (SELECT 1) UNION (SELECT 2)",
        "EXPLAIN EXTENDED SELECT 1",
        "EXPLAIN PARTITIONS SELECT 1",
        "EXPLAIN FORMAT=JSON SELECT 1",
        "EXPLAIN FORMAT = TREE SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN ANALYZE FORMAT=TREE SELECT 1",
        "DESC SELECT 1",
        "EXPLAIN WITH c AS (SELECT 1) SELECT * FROM c",
        "EXPLAIN TABLE t",
        "EXPLAIN FORMAT=JSON FOR SCHEMA s SELECT 1",
        "ANALYZE SELECT 1",
        "ANALYZE (SELECT 1)",
        "ANALYZE FORMAT=JSON SELECT 1",
        "ANALYZE WITH c AS (SELECT 1) SELECT * FROM c",
    ]);
    assert_writes(
        Traits::empty(),
        &[
            "EXPLAIN UPDATE t SET a = 1",
            "EXPLAIN INSERT INTO t VALUES (1)",
            "EXPLAIN REPLACE INTO t VALUES (1)",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN ANALYZE UPDATE t SET a = 1",
        ],
    );
    assert_writes(
        Traits::SERVER_STATE,
        &["EXPLAIN FOR CONNECTION 5", "EXPLAIN FORMAT=JSON FOR CONNECTION 5"],
    );
    assert_writes(
        Traits::USER_VARIABLE_WRITE | Traits::READS_USER_VARIABLE,
        &["EXPLAIN FORMAT=JSON INTO @v SELECT 1"],
    );
    assert_writes(Traits::STORED_FUNCTION, &["EXPLAIN SELECT f(1)", "ANALYZE SELECT f(1)"]);
    assert_writes(Traits::LOCKING_READ, &["EXPLAIN SELECT 1 FROM t FOR UPDATE"]);
}

#[test]
fn system_variables() {
    assert_reads(&[
        "SELECT @@sql_mode, @@session.autocommit, @@local.time_zone, @@`version`",
        "SELECT @@version_comment LIMIT 1",
        "SELECT @@session.tx_isolation, @@transaction_isolation",
        "SELECT @@session.auto_increment_increment AS auto_increment_increment, \
         @@character_set_client AS character_set_client, @@collation_server AS c, @@init_connect, \
         @@interactive_timeout, @@license, @@lower_case_table_names, @@max_allowed_packet, \
         @@net_write_timeout, @@performance_schema, @@sql_mode, @@system_time_zone, @@wait_timeout",
    ]);
    assert_writes(
        Traits::READS_VARIABLE | Traits::SERVER_STATE,
        &[
            "SELECT @@global.sql_mode",
            "SELECT @@server_id",
            "SELECT @@hostname",
            "SELECT @@read_only",
            "SELECT @@GLOBAL.read_only, @@super_read_only",
            "SELECT @@gtid_executed",
            "SELECT @@persist.x",
            "SELECT @@last_gtid",
            "SELECT @@in_transaction",
            "SELECT 1 FROM t WHERE @@port = 3306",
        ],
    );
    let seen = Traits::READS_VARIABLE;
    assert_writes(
        seen | Traits::READS_LAST_INSERT_ID,
        &["SELECT @@identity", "SELECT @@session.last_insert_id"],
    );
    assert_writes(
        seen | Traits::READS_DIAGNOSTICS,
        &["SELECT @@warning_count", "SELECT @@error_count"],
    );
    assert_writes(seen | Traits::READS_CONNECTION_ID, &["SELECT @@pseudo_thread_id"]);
}

#[test]
fn schemas_of_the_server() {
    assert_reads(&[
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM INFORMATION_SCHEMA.`COLUMNS` WHERE table_name = 'x'",
        "SELECT * FROM `information_schema`.`KEY_COLUMN_USAGE`, information_schema.schemata",
        "SELECT mysql FROM t",
        "SELECT information_schema FROM t",
    ]);
    assert_writes(
        Traits::SERVER_STATE,
        &[
            "SELECT * FROM information_schema.global_status",
            "SELECT * FROM information_schema.tables JOIN information_schema.session_variables",
            "SELECT user, host FROM mysql.user",
        ],
    );
    assert_writes(
        Traits::SERVER_STATE | Traits::SHOWS_THREADS,
        &[
            "SELECT * FROM information_schema.processlist",
            "SELECT * FROM `INFORMATION_SCHEMA` . `PROCESSLIST`",
            "SELECT * FROM information_schema.innodb_trx",
            "SELECT * FROM performance_schema.threads",
            "SELECT * FROM `performance_schema`.`session_status`",
            "SELECT * FROM sys.session",
        ],
    );
}
