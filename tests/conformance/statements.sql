-- What every program plays as text, one statement in each line. `== NAME` begins a case, `2> ` runs
-- a statement on the second connection, `settle` waits for the replicas, `mariadb: ` and `mysql: `
-- are for one make of server. Each `AS plain_read` is counted where it runs.

== plain reads
SELECT id AS plain_read FROM types WHERE id = 1
2> SELECT id AS plain_read FROM types WHERE id = 2
SELECT v AS plain_read FROM types WHERE id = 1
BEGIN
SELECT id FROM types WHERE id = 3
COMMIT
SELECT COUNT(*) AS plain_read FROM stream
SELECT @@autocommit AS plain_read

== versions
SELECT VERSION(), @@version
SELECT DATABASE(), SCHEMA(), CURRENT_USER(), SESSION_USER() = USER()
SELECT @@autocommit, @@sql_mode, @@time_zone
mariadb: SELECT @@tx_isolation, @@tx_read_only
mysql: SELECT @@transaction_isolation, @@transaction_read_only

== characters
SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection
SHOW VARIABLES LIKE 'character_set_c%'
SELECT 'Grüße, 世界 🐬' AS `Grüße`, HEX('ü') AS h, CHAR_LENGTH('世界') AS n
SELECT _latin1 x'fc' AS l, x'00ff' AS b, N'national' AS n, _utf8mb4 'ü' COLLATE utf8mb4_bin AS c

== types
SELECT * FROM types WHERE id = 1
SELECT * FROM types WHERE id = 2
SELECT * FROM types WHERE id = 3
SELECT i8, u64, de FROM types WHERE id = 77

== metadata
SELECT t.id AS alias, t.v, 1 + 1, NULL, 'x', 1.5, 1e3, CAST('2024-01-02' AS DATE) AS da, TRUE, i8 + u64 FROM types AS t WHERE id = 1
SELECT COUNT(*), MAX(v), SUM(i32), AVG(i16) FROM types
SHOW COLUMNS FROM types
SHOW CREATE TABLE people
SHOW TABLES
SHOW FULL TABLES LIKE 'e%'
DESCRIBE people
SHOW DATABASES LIKE 'conformance%'
SHOW COLLATION LIKE 'utf8mb4_bin'
SELECT table_name AS t, column_name AS c, data_type AS d FROM information_schema.columns WHERE table_schema = 'conformance' AND table_name <> 'types' ORDER BY 1, 2
SELECT * FROM everybody
TABLE people
(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT * FROM n

== inserts
INSERT INTO people (name, note) VALUES ('ann', 'first')
SELECT LAST_INSERT_ID(), ROW_COUNT()
INSERT INTO people (name) VALUES ('bob'), ('cat')
SELECT ROW_COUNT()
SELECT LAST_INSERT_ID(), @@identity
2> SELECT LAST_INSERT_ID()
settle
SELECT id, name, note FROM people ORDER BY id
UPDATE people SET note = 'same' WHERE id <= 2
UPDATE people SET note = 'same' WHERE id <= 2
INSERT INTO people (name, note) VALUES ('ann', 'again') ON DUPLICATE KEY UPDATE note = VALUES(note)
SHOW COUNT(*) WARNINGS
REPLACE INTO people (id, name) VALUES (3, 'cat'), (9, 'dan')
INSERT INTO people (id, name) VALUES (LAST_INSERT_ID(20), 'eve')
SELECT LAST_INSERT_ID()
INSERT INTO people (name) SELECT CONCAT(name, '2') FROM people WHERE id < 3 ORDER BY id
SELECT LAST_INSERT_ID(), ROW_COUNT()
DELETE FROM people WHERE id > 20
SELECT ROW_COUNT()
settle
SELECT id, name, note FROM people ORDER BY id
SELECT writes('from a function')
SELECT LAST_INSERT_ID()
DELETE FROM people WHERE name = 'from a function'
mariadb: INSERT INTO people (name) VALUES ('ret') RETURNING name, note
mariadb: DELETE FROM people WHERE name = 'ret' RETURNING name

== transactions
BEGIN
INSERT INTO people (name) VALUES ('in transaction')
SELECT name, note FROM people WHERE name LIKE 'in%'
2> SELECT name FROM people WHERE name LIKE 'in%'
ROLLBACK
SELECT name FROM people WHERE name LIKE 'in%'
START TRANSACTION
UPDATE people SET note = 'committed' WHERE id = 1
SELECT note FROM people WHERE id = 1
COMMIT
settle
2> SELECT note FROM people WHERE id = 1
START TRANSACTION READ ONLY
SELECT note FROM people WHERE id = 1
UPDATE people SET note = 'no' WHERE id = 1
COMMIT
START TRANSACTION WITH CONSISTENT SNAPSHOT
SELECT COUNT(*) FROM stream
2> INSERT INTO stream VALUES (5001, 'late')
SELECT COUNT(*) FROM stream
COMMIT
settle
SELECT COUNT(*) FROM stream
DELETE FROM stream WHERE id = 5001
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
BEGIN
SELECT COUNT(*) FROM people
SET TRANSACTION ISOLATION LEVEL READ COMMITTED
ROLLBACK AND CHAIN
INSERT INTO people (name) VALUES ('chained')
ROLLBACK AND NO CHAIN NO RELEASE
SELECT COUNT(*) FROM people WHERE name = 'chained'

== savepoints
BEGIN
INSERT INTO people (name) VALUES ('kept')
SAVEPOINT a
INSERT INTO people (name) VALUES ('dropped')
ROLLBACK TO SAVEPOINT a
RELEASE SAVEPOINT a
ROLLBACK TO SAVEPOINT a
COMMIT
settle
SELECT name FROM people WHERE name IN ('kept', 'dropped')

== autocommit off
SET autocommit = 0
SELECT @@autocommit
INSERT INTO people (name) VALUES ('pending')
SELECT name FROM people WHERE name = 'pending'
2> SELECT name FROM people WHERE name = 'pending'
ROLLBACK
INSERT INTO people (name) VALUES ('pending')
SET autocommit = 1
settle
2> SELECT name FROM people WHERE name = 'pending'
SELECT @@autocommit
SET @@session.autocommit = OFF
DELETE FROM people WHERE name = 'pending'
CREATE TABLE commits_implicitly (id INT)
ROLLBACK
SET autocommit = ON
settle
SELECT name FROM people WHERE name = 'pending'
DROP TABLE commits_implicitly

== settings
SET NAMES latin1
SELECT @@character_set_client, @@character_set_results, @@collation_connection
SELECT HEX(CONVERT('ü' USING utf8mb4)) AS h
SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci
SELECT @@collation_connection, HEX('ü') AS h
2> SELECT @@character_set_client
SET time_zone = '+03:00'
SELECT @@time_zone, FROM_UNIXTIME(0), ts FROM types WHERE id = 1
2> SELECT @@time_zone, ts FROM types WHERE id = 1
SET SESSION time_zone = '+00:00'
SELECT ts FROM types WHERE id = 1
SET sql_mode = 'ANSI_QUOTES'
SELECT "v" AS "a b" FROM types WHERE id = 1
2> SELECT "v" AS "a b" FROM types WHERE id = 1
SET sql_mode = 'NO_BACKSLASH_ESCAPES'
SELECT '\' AS s, LENGTH('\n') AS n
SET sql_mode = 'PIPES_AS_CONCAT'
SELECT 'a' || 'b'
SET sql_mode = ''
SELECT 'a' || 'b'
INSERT INTO people (name) VALUES (REPEAT('x', 41))
SHOW WARNINGS
DELETE FROM people WHERE name LIKE 'xxx%'
SET sql_mode = 'STRICT_ALL_TABLES'
INSERT INTO people (name) VALUES (REPEAT('x', 41))
SHOW WARNINGS
SET sql_mode = DEFAULT
SELECT @@sql_mode
SET SESSION group_concat_max_len = 4
SELECT GROUP_CONCAT(word ORDER BY word) FROM (SELECT 'aaa' AS word UNION SELECT 'bbb') AS w
SET SESSION group_concat_max_len = DEFAULT
SET sql_select_limit = 1
SELECT id FROM types
SET sql_select_limit = DEFAULT
SELECT id FROM types
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
mariadb: SELECT @@tx_isolation
mysql: SELECT @@transaction_isolation
2> SELECT @@sql_mode = @@global.sql_mode
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
SET nothing_such = 1
SET sql_mode = 'NO_SUCH_MODE'
SELECT @@nothing_such
mariadb: SET STATEMENT group_concat_max_len = 4 FOR SELECT GROUP_CONCAT('aaa', 'bbb')
mariadb: SELECT @@group_concat_max_len
mysql: SELECT /*+ SET_VAR(group_concat_max_len = 4) */ GROUP_CONCAT('aaa', 'bbb')
SET lc_time_names = 'de_DE'
SELECT DATE_FORMAT('2024-03-01', '%M')
SET lc_time_names = DEFAULT
SET timestamp = 1000000000
SELECT NOW(), UNIX_TIMESTAMP()
SET timestamp = DEFAULT
SELECT NOW() > '2024-01-01'
SET foreign_key_checks = 0, unique_checks = 0
SELECT @@foreign_key_checks, @@unique_checks
SET foreign_key_checks = 1, unique_checks = 1

== user variables
SET @a = 5, @b = 'text', @c := NULL
SELECT @a, @b, @c
SELECT @a := @a + 1
SELECT @a
2> SELECT @a
SELECT 7 INTO @d
SELECT @d
SET @n = (SELECT COUNT(*) FROM types)
SELECT @n, @unset
SET @a = 9, group_concat_max_len = 2000
SELECT @a, @@group_concat_max_len

== temporary tables
CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY, v VARCHAR(10))
INSERT INTO tmp VALUES (1, 'one'), (2, 'two')
SELECT * FROM tmp ORDER BY id
SELECT t.v, y.i8 FROM tmp AS t JOIN types AS y ON y.id = t.id ORDER BY 1
2> SELECT * FROM tmp
CREATE TEMPORARY TABLE people (id INT)
SELECT * FROM people
DROP TEMPORARY TABLE people
SELECT COUNT(*) FROM people WHERE id = 1
DROP TEMPORARY TABLE tmp
SELECT * FROM tmp

== locks
SELECT GET_LOCK('conformance', 0)
2> SELECT GET_LOCK('conformance', 0)
SELECT RELEASE_LOCK('conformance')
2> SELECT IS_FREE_LOCK('conformance')
LOCK TABLES people WRITE, types READ
INSERT INTO people (name) VALUES ('locked')
SELECT COUNT(*) FROM people WHERE name = 'locked'
SELECT COUNT(*) FROM stream
UNLOCK TABLES
SELECT COUNT(*) FROM stream
BEGIN
SELECT name FROM people WHERE id = 1 FOR UPDATE
2> SELECT name FROM people WHERE id = 1
COMMIT
SELECT name FROM people WHERE id = 1 LOCK IN SHARE MODE
HANDLER types OPEN
HANDLER types READ FIRST
HANDLER types CLOSE

== text prepare
PREPARE s FROM 'SELECT ? + ? AS total, (SELECT v FROM types WHERE id = 1) AS v'
SET @x = 1, @y = 2
EXECUTE s USING @x, @y
2> EXECUTE s USING @x, @y
EXECUTE s
DEALLOCATE PREPARE s
EXECUTE s USING @x, @y
mariadb: EXECUTE IMMEDIATE 'SELECT 3'

== warnings
SELECT 1 / 0
SHOW WARNINGS
SHOW WARNINGS
SELECT CAST('abc' AS SIGNED), CAST('12x' AS SIGNED)
SHOW COUNT(*) WARNINGS
SHOW WARNINGS LIMIT 1
SELECT @@warning_count, @@error_count
SELECT 1
SHOW WARNINGS
DROP TABLE IF EXISTS nothing_here
SHOW WARNINGS
INSERT IGNORE INTO people (id, name) VALUES (1, 'ann')
2> SHOW WARNINGS
SHOW WARNINGS
SELECT CAST('abc' AS SIGNED)
GET DIAGNOSTICS @count = NUMBER
GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO, @message = MESSAGE_TEXT
SELECT @count, @number, @message

== errors
SELEC 1
SHOW WARNINGS
SHOW ERRORS
SELECT @@error_count
SELECT * FROM nothing_here
SELECT nothing_here FROM people
INSERT INTO people (id, name) VALUES (1, 'ann')
SHOW ERRORS
INSERT INTO people (name) VALUES (NULL)
INSERT INTO people (name, name) VALUES ('a', 'b')
SELECT (SELECT id FROM types)
CALL nothing_here()
SELECT nothing_here(1)
USE nothing_here
SELECT DATABASE()
DROP TABLE nothing_here
CREATE TABLE people (id INT)
SELECT * FROM nothing_here.nothing_here
SELECT 'Grüße' FROM nothing_ü
KILL 4000000000
SELECT 1 FROM types WHERE id = 1
SELECT 18446744073709551615 + 1
SET autocommit = 'perhaps'
SELECT 1 AS still_here

== schemas
USE conformance2
SELECT DATABASE()
SELECT * FROM elsewhere
SELECT * FROM types
2> SELECT DATABASE()
SELECT COUNT(*) FROM conformance.types
USE conformance
SELECT DATABASE()
SELECT COUNT(*) FROM types
CREATE DATABASE conformance3
USE conformance3
CREATE TABLE t (id INT)
INSERT INTO t VALUES (1)
settle
SELECT * FROM t
DROP DATABASE conformance3
SELECT DATABASE()
SELECT * FROM t
USE conformance
SELECT DATABASE()

== found rows
SELECT SQL_CALC_FOUND_ROWS id FROM types ORDER BY id LIMIT 1
SELECT FOUND_ROWS()
SELECT id FROM types ORDER BY id LIMIT 2
SELECT FOUND_ROWS()
SELECT FOUND_ROWS() AS n, ROW_COUNT() AS r

== procedures
CALL two_sets()
SET @d = 21
CALL add_out(2, 3, @c, @d)
SELECT @c, @d
CALL put('by procedure')
SELECT ROW_COUNT()
settle
SELECT name FROM people WHERE name = 'by procedure'
CALL fails(1)
CALL fails(2)
SELECT twice(4)
CALL changes()
SELECT @from_procedure, @@max_sort_length
SELECT * FROM from_procedure
2> SELECT @from_procedure, @@max_sort_length
DROP TEMPORARY TABLE from_procedure
SET max_sort_length = DEFAULT
CREATE PROCEDURE made_here() SELECT 'made here' AS word
CALL made_here()
DROP PROCEDURE made_here
SHOW CREATE PROCEDURE put

== definitions
CREATE TABLE fresh (id INT PRIMARY KEY, v VARCHAR(10) DEFAULT 'x')
INSERT INTO fresh (id) VALUES (1), (2)
settle
SELECT * FROM fresh ORDER BY id
ALTER TABLE fresh ADD COLUMN w INT NULL, ADD INDEX by_w (w)
settle
SELECT * FROM fresh ORDER BY id
SHOW COLUMNS FROM fresh
TRUNCATE TABLE fresh
settle
SELECT COUNT(*) FROM fresh
CREATE TABLE IF NOT EXISTS fresh (id INT)
SHOW WARNINGS
RENAME TABLE fresh TO stale
ANALYZE TABLE stale
DROP TABLE stale

== distributed transactions
XA START 'conformance'
INSERT INTO people (name) VALUES ('by xa')
SELECT name FROM people WHERE name = 'by xa'
XA END 'conformance'
SELECT 1
XA PREPARE 'conformance'
XA COMMIT 'conformance'
settle
SELECT name FROM people WHERE name = 'by xa'

== large and odd
SELECT REPEAT('x', 100000) AS wide
SELECT id, pad FROM stream WHERE id <= 200 ORDER BY id
/* a comment */ SELECT /* another */ 1 -- and one
SELECT 1;
SELECT ';' AS semicolon, '--' AS dashes, '/*' AS opening
/*! SELECT 'executable' */
/* lanewire:primary */ SELECT COUNT(*) FROM types
DO 1
DO SLEEP(0), 1
FLUSH TABLES
SELECT SLEEP(0), BENCHMARK(1, 1)
SELECT LENGTH(UUID()), RAND(1)
SELECT CONNECTION_ID() = CONNECTION_ID() AS same, CONNECTION_ID() > 0 AS positive
SHOW STATUS LIKE 'Nothing%'
SELECT * FROM types WHERE id IN (SELECT id FROM types WHERE i8 > 0) AND v LIKE 'Gr%' LIMIT 1
