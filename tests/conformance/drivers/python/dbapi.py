"""The drivers with Python's DB-API: pymysql, MySQLdb, mysql.connector (pure and C), mariadb."""

import sys
from importlib.metadata import version
from play import HOST, LOCAL_FILE, MARIADB, PORT, case, play, settle, shown


class PyMySQL:
    def __init__(self):
        import pymysql
        import pymysql.constants.CLIENT as client
        import pymysql.cursors

        self.module, self.streaming = pymysql, pymysql.cursors.SSCursor
        self.flags = {"multi": client.MULTI_STATEMENTS, "found": client.FOUND_ROWS}
        self.title = f"PyMySQL {version('pymysql')}"

    def connect(self, multi=False, found_rows=False, autocommit=True, **more):
        options = dict(host=HOST, port=PORT, user="app", password="app", database="conformance")
        options |= dict(charset="utf8mb4", local_infile=True, autocommit=autocommit)
        options["client_flag"] = self.flags["multi"] * multi | self.flags["found"] * found_rows
        if self.module.__name__ == "pymysql":
            options["ssl_disabled"] = True
        return self.module.connect(**(options | more))

    def stream(self, connection):
        return connection.cursor(self.streaming)

    def info(self, cursor):
        return [cursor.lastrowid, getattr(cursor, "warning_count", None)]

    def select_schema(self, connection, name):
        connection.select_db(name)

    def extras(self, connection):
        yield "kill own", lambda: self.kill(connection)

    def kill(self, connection):
        other = self.connect()
        connection.kill(other.thread_id())
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT 1")
        except self.module.Error as error:
            print(type(error).__name__, error.args[0])

    def prepared(self, connection):
        return None


class MySQLdb(PyMySQL):
    def __init__(self):
        import MySQLdb
        import MySQLdb.constants.CLIENT as client
        import MySQLdb.cursors

        self.module, self.streaming = MySQLdb, MySQLdb.cursors.SSCursor
        self.flags = {"multi": client.MULTI_STATEMENTS, "found": client.FOUND_ROWS}
        self.title = f"mysqlclient {version('mysqlclient')}"

    def connect(self, **more):
        return super().connect(**({"ssl_mode": "DISABLED"} | more))

    def extras(self, connection):
        yield from super().extras(connection)
        yield "change user", lambda: connection.change_user("app", "app", "conformance2")
        yield "after change user", lambda: run(self, connection, "SELECT DATABASE(), @a")
        yield "change user back", lambda: connection.change_user("app", "app", "conformance")
        yield "stat", lambda: print("Uptime" in connection.stat())


class Connector(PyMySQL):
    def __init__(self, pure):
        import mysql.connector
        import mysql.connector.constants as constants

        self.module, self.pure, self.constants = mysql.connector, pure, constants
        kind = "pure" if pure else "C"
        self.title = f"mysql-connector-python {version('mysql-connector-python')} ({kind})"
        if not pure and not mysql.connector.HAVE_CEXT:
            print("!! the C extension is not installed")

    def connect(self, multi=False, found_rows=False, autocommit=True, **more):
        options = dict(host=HOST, port=PORT, user="app", password="app", database="conformance")
        options |= dict(charset="utf8mb4", allow_local_infile=True, autocommit=autocommit)
        options |= dict(use_pure=self.pure, ssl_disabled=True, collation="utf8mb4_general_ci")
        flags = self.constants.ClientFlag
        options["client_flags"] = [flags.FOUND_ROWS if found_rows else -flags.FOUND_ROWS]
        return self.module.connect(**(options | more))

    def stream(self, connection):
        return connection.cursor(buffered=False)

    def select_schema(self, connection, name):
        connection.database = name

    def prepared(self, connection):
        return connection.cursor(prepared=True)

    def extras(self, connection):
        def reset():
            run(self, connection, "SET @a = 1, sql_mode = ''")
            connection.reset_session(session_variables={"sql_mode": "ANSI_QUOTES"})
            run(self, connection, "SELECT @a, @@sql_mode, DATABASE()")
            connection.cmd_reset_connection()
            run(self, connection, "SELECT @a, @@sql_mode = @@global.sql_mode, DATABASE()")

        def change_user():
            run(self, connection, "SET @a = 1")
            connection.cmd_change_user("app", "app", "conformance2")
            run(self, connection, "SELECT @a, DATABASE()")
            connection.cmd_change_user("app", "app", "conformance")

        def pool():
            names = dict(pool_name="conformance", pool_size=2)
            for _ in range(3):
                one, two = self.connect(**names), self.connect(**names)
                run(self, one, "SELECT @p, @@sql_mode = @@global.sql_mode")
                run(self, one, "SET @p = 1, sql_mode = ''")
                run(self, two, "SELECT @p")
                one.close()
                two.close()

        def call():
            cursor = connection.cursor()
            print(shown(cursor.callproc("add_out", (2, 3, 0, 4))))
            cursor.callproc("two_sets")
            for result in cursor.stored_results():
                print(result.column_names, shown(result.fetchall()))

        def warnings():
            cursor = self.connect(get_warnings=True).cursor()
            cursor.execute("SELECT 1/0, CAST('x' AS SIGNED)")
            print(shown(cursor.fetchall()), shown(cursor.warnings))

        yield "reset", reset
        yield "change user", change_user
        yield "pool", pool
        yield "callproc", call
        yield "fetched warnings", warnings
        yield "statistics", lambda: print("Uptime" in str(connection.cmd_statistics()))


class MariaDB(PyMySQL):
    def __init__(self):
        import mariadb

        self.module = mariadb
        self.title = f"MariaDB Connector/Python {version('mariadb')}"

    def connect(self, multi=False, found_rows=False, autocommit=True, charset=None, **more):
        options = dict(host=HOST, port=PORT, user="app", password="app", database="conformance")
        options |= dict(local_infile=True, autocommit=autocommit)
        options["client_flag"] = 65536 * multi | 2 * found_rows
        return self.module.connect(**(options | more))

    def stream(self, connection):
        return connection.cursor(buffered=False)

    def select_schema(self, connection, name):
        connection.database = name

    def prepared(self, connection):
        return connection.cursor(binary=True)

    def extras(self, connection):
        def reset():
            run(self, connection, "SET @a = 1, sql_mode = ''")
            connection.reset()
            run(self, connection, "SELECT @a, @@sql_mode = @@global.sql_mode, DATABASE()")

        def change_user():
            connection.change_user("app", "app", "conformance2")
            run(self, connection, "SELECT @a, DATABASE()")
            connection.change_user("app", "app", "conformance")

        def pool():
            kept = self.module.ConnectionPool(
                pool_name="conformance", pool_size=1, host=HOST, port=PORT, user="app", password="app"
            )
            for _ in range(3):
                one = kept.get_connection()
                run(self, one, "SELECT @p, @@autocommit, DATABASE()")
                run(self, one, "SET @p = 1")
                run(self, one, "USE conformance")
                one.close()
            kept.close()

        def call():
            cursor = connection.cursor()
            cursor.callproc("add_out", (2, 3, 0, 4))
            print(cursor.sp_outparams, shown(cursor.fetchone()))
            cursor.callproc("two_sets")
            print(shown(cursor.fetchall()))
            while cursor.nextset():
                if cursor.description:
                    print(shown(cursor.fetchall()))

        def bulk():
            cursor = connection.cursor()
            rows = [(100 + n, f"bulk {n}" if n % 3 else None) for n in range(50)]
            cursor.executemany("INSERT INTO loaded (id, name) VALUES (?, ?)", rows)
            print(cursor.rowcount)
            settle()
            cursor.execute("SELECT id, name FROM loaded WHERE id >= 100 ORDER BY id")
            print(shown(cursor.fetchall()))
            cursor.execute("DELETE FROM loaded WHERE id >= 100")
            settle()

        yield "reset", reset
        yield "change user", change_user
        yield "pool", pool
        yield "callproc", call
        yield "bulk", bulk
        yield "server", lambda: print(connection.server_info, connection.server_version)


DRIVERS = {
    "pymysql": PyMySQL,
    "mysqlclient": MySQLdb,
    "connector-pure": lambda: Connector(True),
    "connector-c": lambda: Connector(False),
    "mariadb": MariaDB,
}


def results(driver, cursor):
    """Prints all results of what a cursor has run."""
    while True:
        if cursor.description:
            print("  columns", [(column[0], column[1]) for column in cursor.description])
            for row in cursor.fetchall():
                print("  row", shown(row))
        print("  rows", cursor.rowcount, *driver.info(cursor))
        if not getattr(cursor, "nextset", None) or not cursor.nextset():
            return


def failed(error):
    numbers = [getattr(error, name, None) for name in ("errno", "sqlstate")]
    print(" ", type(error).__name__, *numbers, error.args)


def run(driver, connection, sql, *parameters):
    cursor = connection.cursor()
    try:
        cursor.execute(sql, *parameters)
        results(driver, cursor)
    except Exception as error:
        failed(error)
    finally:
        cursor.close()


def default_connection(driver):
    """As it comes: most turn autocommit off, so all is in transactions."""
    connection = driver.connect(autocommit=False)
    run(driver, connection, "SELECT @@autocommit, DATABASE(), @@sql_mode")
    run(driver, connection, "INSERT INTO loaded (id, name) VALUES (900, 'by default')")
    run(driver, connection, "SELECT name FROM loaded WHERE name = 'by default'")
    connection.rollback()
    run(driver, connection, "SELECT name FROM loaded WHERE name = 'by default'")
    run(driver, connection, "INSERT INTO loaded (id, name) VALUES (900, 'by default')")
    connection.commit()
    run(driver, connection, "DELETE FROM loaded WHERE name = 'by default'")
    connection.autocommit(True) if callable(connection.autocommit) else setattr(connection, "autocommit", True)
    run(driver, connection, "SELECT @@autocommit")
    connection.close()


BLOB = bytes(n * 7 % 256 for n in range(1 << 20))
VALUES = [
    (1, -5, 2**64 - 1, "123.456", 1.25, "Grüße 🐬 'quoted' \\ \n", BLOB, "2024-02-29", "2024-02-29 12:00:00.000123", "-11:22:33.5", '{"a": 1}'),
    (2,) + (None,) * 10,
    (3, 2**63 - 1, 0, "-0.000001", -1e100, "", b"", "1000-01-01", "9999-12-31 23:59:59.999999", "838:59:59", "[]"),
]


def parametrised(driver, connection, make, mark):
    """Bound values in and out, with the texts or the server's prepared statements."""
    run(driver, connection, "DELETE FROM bound")
    insert = f"INSERT INTO bound VALUES ({', '.join([mark] * 11)})"
    try:
        cursor = make()
        for row in VALUES:
            cursor.execute(insert, row)
            print("  inserted", cursor.rowcount)
        cursor.execute(insert, VALUES[1])
    except Exception as error:
        failed(error)
    settle()
    selects = [
        (f"SELECT * FROM bound WHERE id >= {mark} ORDER BY id", (1,)),
        (f"SELECT id, t FROM bound WHERE t = {mark} OR b IS NULL ORDER BY id", (VALUES[0][5],)),
        (f"SELECT {mark} AS a, {mark} AS b", (None, "ü")),
        (f"SELECT id FROM bound WHERE id = {mark}", (3,)),
        (f"SELECT * FROM types WHERE id = {mark}", (1,)),
        (f"SELECT * FROM types WHERE id = {mark}", (2,)),
        (f"SELECT * FROM types WHERE id = {mark}", (3,)),
        (f"UPDATE bound SET i = i + {mark} WHERE id = {mark}", (1, 1)),
        (f"SELECT nothing_here FROM bound WHERE id = {mark}", (3,)),
        (f"SELEC {mark}", (3,)),
    ]
    for sql, values in selects:
        print(">", sql)
        try:
            cursor = make()
            cursor.execute(sql, values)
            results(driver, cursor)
            cursor.close()
        except Exception as error:
            failed(error)
    try:
        cursor = make()
        for number in (1, 3, 2, 1):
            cursor.execute(f"SELECT id, de FROM bound WHERE id = {mark}", (number,))
            print("  again", shown(cursor.fetchall()))
        cursor.close()
        cursor = make()
        rows = [(n, f"m{n}") for n in range(1000, 1020)]
        cursor.executemany(f"INSERT INTO bound (id, t) VALUES ({mark}, {mark})", rows)
        print("  many", cursor.rowcount)
        cursor.close()
    except Exception as error:
        failed(error)
    settle()
    run(driver, connection, "SELECT COUNT(*), MIN(t), MAX(t) FROM bound")


def streaming(driver, connection):
    cursor = driver.stream(connection)
    cursor.execute("SELECT id, pad FROM stream ORDER BY id")
    print(shown(cursor.fetchone()), shown(cursor.fetchmany(3)))
    rest = cursor.fetchall()
    print(len(rest), shown(rest[-1]))
    cursor.close()
    run(driver, connection, "SELECT 'usable'")


def multi(driver, connection):
    for sql in [
        "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
        "INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; DELETE FROM people WHERE name = 'multi'",
        "SELECT 1; SELECT nothing_here; SELECT 3",
        "SET @m = 4; SELECT @m",
        "BEGIN; INSERT INTO people (name) VALUES ('multi'); ROLLBACK; SELECT COUNT(*) FROM people WHERE name = 'multi'",
        "CALL two_sets(); SELECT 'after'",
        "USE conformance2; SELECT DATABASE()",
        "SELECT DATABASE(); USE conformance",
    ]:
        print(">", sql)
        run(driver, connection, sql)


def load(driver, connection):
    sql = f"LOAD DATA LOCAL INFILE '{LOCAL_FILE}' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
    run(driver, connection, sql)
    run(driver, connection, sql)
    run(driver, connection, "SHOW WARNINGS")
    settle()
    run(driver, connection, "SELECT * FROM loaded ORDER BY id")
    run(driver, connection, sql.replace("local.csv", "no-such-file"))
    run(driver, connection, "SELECT 'usable'")


def refused(driver):
    for more in [{"password": "wrong"}, {"user": "mon"}, {"database": "nothing_here"}, {"password": ""}]:
        try:
            driver.connect(**more)
            print("connected")
        except Exception as error:
            failed(error)


def found_rows(driver):
    connection = driver.connect(found_rows=True)
    for _ in range(2):
        run(driver, connection, "UPDATE people SET note = 'found' WHERE id <= 2")
    connection.close()


def main():
    driver = DRIVERS[sys.argv[1]]()
    print(driver.title)
    case("default connection")
    default_connection(driver)
    connections = [driver.connect(), driver.connect()]
    play(lambda number, sql: run(driver, connections[number - 1], sql))
    one = connections[0]
    cases = [
        ("parameters", lambda: parametrised(driver, one, one.cursor, "%s")),
        ("streaming", lambda: streaming(driver, one)),
        ("multi-statements", lambda: multi(driver, driver.connect(multi=True))),
        ("load data local", lambda: load(driver, one)),
        ("refused", lambda: refused(driver)),
        ("found rows flag", lambda: found_rows(driver)),
        ("ping", lambda: print(one.ping())),
        ("select schema", lambda: driver.select_schema(one, "conformance2")),
        ("in the other schema", lambda: run(driver, one, "SELECT DATABASE(), COUNT(*) FROM elsewhere")),
        ("select schema back", lambda: driver.select_schema(one, "conformance")),
        ("isolation", lambda: run(driver, connections[1], "SELECT DATABASE(), @a, @@sql_mode = @@global.sql_mode")),
    ]
    if driver.prepared(one):
        cases.insert(1, ("prepared", lambda: parametrised(driver, one, lambda: driver.prepared(one), "?")))
    for name, steps in cases + list(driver.extras(one)):
        case(name)
        try:
            steps()
        except Exception as error:
            failed(error)
    for connection in connections:
        connection.close()
    case("end")


main()
