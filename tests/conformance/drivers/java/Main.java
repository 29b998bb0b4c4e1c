// MariaDB Connector/J.

import java.io.ByteArrayInputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import java.util.HexFormat;

final class Main {
    interface Steps {
        void run() throws Exception;
    }

    static String setting(String name) {
        return System.getenv("CONFORM_" + name);
    }

    /** Waits until the replicas have what the primary has. */
    static void settle() throws Exception {
        try (Socket door = new Socket(setting("HOST"), Integer.parseInt(setting("SETTLE")))) {
            if (!new String(door.getInputStream().readAllBytes()).equals("ok\n")) {
                System.out.println("!! the replicas do not catch up");
            }
        }
    }

    static Connection open(String more) throws SQLException {
        return open("app", "app", "conformance", more);
    }

    static Connection open(String user, String password, String schema, String more) throws SQLException {
        String url = "jdbc:mariadb://" + setting("HOST") + ":" + setting("PORT") + "/" + schema
            + "?allowLocalInfile=true&allowPublicKeyRetrieval=true" + more;
        return DriverManager.getConnection(url, user, password);
    }

    static String shown(byte[] bytes, String text) throws Exception {
        if (bytes == null) {
            return "NULL";
        }
        if (bytes.length > 2000) {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
            return "[" + bytes.length + "] " + HexFormat.of().formatHex(digest).substring(0, 16);
        }
        return text;
    }

    static void failed(SQLException error) {
        System.out.println("  error " + error.getErrorCode() + " " + error.getSQLState() + " "
            + error.getMessage().replaceAll("\\(conn=\\d+\\)", "(conn=N)").replaceAll("\\s*\\n\\s*", " "));
    }

    static void print(ResultSet rows) throws Exception {
        ResultSetMetaData meta = rows.getMetaData();
        for (int at = 1; at <= meta.getColumnCount(); at++) {
            System.out.println("  column " + meta.getColumnLabel(at) + " " + meta.getColumnName(at) + " " + meta.getTableName(at)
                + " " + meta.getColumnTypeName(at) + " " + meta.getPrecision(at) + " " + meta.getScale(at) + " "
                + meta.isNullable(at) + " " + meta.isAutoIncrement(at) + " " + meta.isSigned(at));
        }
        while (rows.next()) {
            StringBuilder line = new StringBuilder("  row");
            for (int at = 1; at <= meta.getColumnCount(); at++) {
                Object value = rows.getObject(at);
                String text = value instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : rows.getString(at);
                line.append(at == 1 ? " " : ", ").append(shown(text == null ? null : text.getBytes(StandardCharsets.UTF_8), text));
            }
            System.out.println(line);
        }
    }

    static void results(Statement statement, boolean rows) throws Exception {
        while (true) {
            if (rows) {
                print(statement.getResultSet());
            } else {
                long count = statement.getLargeUpdateCount();
                if (count < 0) {
                    break;
                }
                System.out.println("  rows " + count);
            }
            rows = statement.getMoreResults();
        }
        for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
            System.out.println("  warning " + warning.getErrorCode() + " " + warning.getMessage());
        }
    }

    static void run(Connection connection, String sql) throws Exception {
        try (Statement statement = connection.createStatement()) {
            results(statement, statement.execute(sql));
        } catch (SQLException error) {
            failed(error);
        }
    }

    static void execute(Connection connection, String sql, Object... values) throws Exception {
        System.out.println("> " + sql);
        try (PreparedStatement statement = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
            for (int at = 0; at < values.length; at++) {
                statement.setObject(at + 1, values[at]);
            }
            results(statement, statement.execute());
        } catch (SQLException error) {
            failed(error);
        }
    }

    static void prepared(Connection connection) throws Exception {
        run(connection, "DELETE FROM bound");
        String insert = "INSERT INTO bound VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        byte[] blob = new byte[1 << 20];
        for (int at = 0; at < blob.length; at++) {
            blob[at] = (byte) (at * 7 % 256);
        }
        execute(connection, insert, 1, -5L, "18446744073709551615", new java.math.BigDecimal("123.456"), 1.25,
            "Grüße 🐬 'quoted' \\ \n", blob, java.sql.Date.valueOf("2024-02-29"),
            java.sql.Timestamp.valueOf("2024-02-29 12:00:00.000123"), "-11:22:33.5", "{\"a\": 1}");
        Object[] empty = new Object[11];
        empty[0] = 2;
        execute(connection, insert, empty);
        execute(connection, insert, empty);
        settle();
        execute(connection, "SELECT * FROM bound WHERE id >= ? ORDER BY id", 1);
        execute(connection, "SELECT ? AS a, ? AS b", null, "ü");
        execute(connection, "SELECT ? AS a, ? AS b", 1, 2.5);
        for (int id = 1; id <= 3; id++) {
            execute(connection, "SELECT * FROM types WHERE id = ?", id);
        }
        execute(connection, "UPDATE bound SET i = i + ? WHERE id = ?", 1, 1);
        execute(connection, "SELECT nothing_here FROM bound WHERE id = ?", 3);
        execute(connection, "SELEC ?", 3);
        execute(connection, "SELECT 1 / ?", 0);
        try (PreparedStatement again = connection.prepareStatement("SELECT id, de FROM bound WHERE id = ?")) {
            for (int id : new int[] {1, 3, 2, 1}) {
                again.setInt(1, id);
                print(again.executeQuery());
            }
        }
        try (PreparedStatement many = connection.prepareStatement("INSERT INTO bound (id, t) VALUES (?, ?)")) {
            for (int id = 1000; id < 1030; id++) {
                many.setInt(1, id);
                many.setString(2, id % 3 == 0 ? null : "m" + id);
                many.addBatch();
            }
            System.out.println(Arrays.toString(many.executeBatch()));
        }
        try (PreparedStatement stream = connection.prepareStatement("UPDATE bound SET b = ? WHERE id = 2")) {
            stream.setBinaryStream(1, new ByteArrayInputStream(blob, 0, 500_000));
            System.out.println(stream.executeUpdate());
        }
        settle();
        run(connection, "SELECT COUNT(*), MIN(t), MAX(t), MAX(LENGTH(b)) FROM bound");
        run(connection, "DELETE FROM bound WHERE id >= 1000");
    }

    static void called(Connection connection) throws Exception {
        try (CallableStatement call = connection.prepareCall("{CALL add_out(?, ?, ?, ?)}")) {
            call.setInt(1, 2);
            call.setInt(2, 3);
            call.setInt(4, 21);
            call.registerOutParameter(3, Types.INTEGER);
            call.registerOutParameter(4, Types.INTEGER);
            call.execute();
            System.out.println(call.getInt(3) + " " + call.getInt(4));
        }
        try (CallableStatement call = connection.prepareCall("{? = CALL twice(?)}")) {
            call.registerOutParameter(1, Types.INTEGER);
            call.setInt(2, 4);
            call.execute();
            System.out.println(call.getInt(1));
        }
        try (CallableStatement call = connection.prepareCall("{CALL two_sets()}")) {
            results(call, call.execute());
        }
    }

    static void transactions(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        for (boolean commit : new boolean[] {false, true}) {
            run(connection, "INSERT INTO people (name) VALUES ('by method')");
            Savepoint savepoint = connection.setSavepoint("here");
            run(connection, "INSERT INTO people (name) VALUES ('behind')");
            connection.rollback(savepoint);
            run(connection, "SELECT name FROM people WHERE name IN ('by method', 'behind')");
            if (commit) {
                connection.commit();
            } else {
                connection.rollback();
            }
        }
        connection.setAutoCommit(true);
        settle();
        run(connection, "SELECT name, @@autocommit FROM people WHERE name IN ('by method', 'behind')");
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        System.out.println(connection.getTransactionIsolation());
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        connection.setReadOnly(true);
        run(connection, "SELECT COUNT(*) FROM types");
        run(connection, "DELETE FROM types WHERE id = 99");
        connection.setReadOnly(false);
        connection.setCatalog("conformance2");
        run(connection, "SELECT DATABASE(), COUNT(*) FROM elsewhere");
        connection.setCatalog("conformance");
        System.out.println(connection.isValid(1) + " " + connection.getCatalog());
    }

    static void keys(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("INSERT INTO people (name) VALUES ('k1'), ('k2')", Statement.RETURN_GENERATED_KEYS);
            ResultSet keys = statement.getGeneratedKeys();
            int count = 0;
            while (keys.next()) {
                count++;
            }
            System.out.println(count);
            statement.addBatch("UPDATE people SET note = 'batch' WHERE name = 'k1'");
            statement.addBatch("DELETE FROM people WHERE name = 'k2'");
            System.out.println(Arrays.toString(statement.executeBatch()));
        }
    }

    static void described(Connection connection) throws Exception {
        DatabaseMetaData meta = connection.getMetaData();
        System.out.println(meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion() + " " + meta.getUserName());
        print(meta.getTables("conformance", null, "%e%", null));
        print(meta.getColumns("conformance", null, "people", "%"));
        print(meta.getPrimaryKeys("conformance", null, "people"));
    }

    static void streamed(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
            statement.setFetchSize(10);
            ResultSet rows = statement.executeQuery("SELECT id, pad FROM stream ORDER BY id");
            int sum = 0;
            while (rows.next()) {
                sum += rows.getInt(1);
            }
            System.out.println(sum);
        }
        try (Statement statement = connection.createStatement()) {
            statement.setMaxRows(3);
            print(statement.executeQuery("SELECT id FROM stream ORDER BY id"));
            statement.setMaxRows(0);
            statement.setQueryTimeout(1);
            statement.executeQuery("SELECT SLEEP(3)");
            System.out.println("not stopped");
        } catch (SQLException error) {
            failed(error);
        }
    }

    static void multi() throws Exception {
        try (Connection connection = open("&allowMultiQueries=true")) {
            for (String sql : new String[] {
                "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
                "INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; DELETE FROM people WHERE name = 'multi'",
                "SELECT 1; SELECT nothing_here; SELECT 3",
                "SET @m = 4; SELECT @m",
                "CALL two_sets(); SELECT 'after'",
                "USE conformance2; SELECT DATABASE()",
                "SELECT DATABASE(); USE conformance",
            }) {
                System.out.println("> " + sql);
                run(connection, sql);
            }
        }
    }

    static void refused() {
        String[][] tries = {{"app", "wrong", "conformance"}, {"mon", "app", "conformance"}, {"app", "app", "nothing_here"}, {"app", "", "conformance"}};
        for (String[] words : tries) {
            try (Connection connection = open(words[0], words[1], words[2], "")) {
                System.out.println("connected");
            } catch (SQLException error) {
                failed(error);
            }
        }
    }

    static void loaded(Connection connection) throws Exception {
        String sql = "LOAD DATA LOCAL INFILE '" + setting("LOCAL_FILE") + "' INTO TABLE loaded CHARACTER SET utf8mb4"
            + " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'";
        run(connection, sql);
        run(connection, sql);
        settle();
        run(connection, "SELECT * FROM loaded ORDER BY id");
    }

    static void affected() throws Exception {
        for (boolean flag : new boolean[] {true, false}) {
            try (Connection connection = open("&useAffectedRows=" + flag)) {
                run(connection, "UPDATE people SET note = 'found " + flag + "' WHERE id <= 2");
                run(connection, "UPDATE people SET note = 'found " + flag + "' WHERE id <= 2");
            }
        }
    }

    static void begin(String name, Steps steps) throws Exception {
        System.out.println("== " + name);
        try {
            steps.run();
        } catch (SQLException error) {
            failed(error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(System.out, true, StandardCharsets.UTF_8));
        Connection one = open("");
        Connection two = open("");
        System.out.println("MariaDB Connector/J " + one.getMetaData().getDriverVersion());
        for (String line : Files.readAllLines(Path.of(setting("SCRIPT")))) {
            if (line.startsWith("== ")) {
                System.out.println(line);
            } else if (line.equals("settle")) {
                settle();
            } else {
                System.out.println("> " + line);
                boolean second = line.startsWith("2> ");
                run(second ? two : one, second ? line.substring(3) : line);
            }
        }
        begin("parameters", () -> prepared(one));
        begin("prepared", () -> {
            try (Connection connection = open("&useServerPrepStmts=true")) {
                prepared(connection);
            }
        });
        begin("callable", () -> called(one));
        begin("streaming, limits", () -> streamed(one));
        begin("multi-statements", Main::multi);
        begin("load data local", () -> loaded(one));
        begin("transactions by method", () -> transactions(one));
        begin("generated keys", () -> keys(one));
        begin("described", () -> described(one));
        begin("settings in the name", () -> {
            try (Connection connection = open("&sessionVariables=sql_mode='ANSI_QUOTES',time_zone='%2B05:00'&autocommit=false")) {
                run(connection, "SELECT @@sql_mode, @@autocommit");
            }
        });
        begin("refused", Main::refused);
        begin("found rows flag", Main::affected);
        begin("isolation", () -> run(two, "SELECT DATABASE(), @a"));
        one.close();
        two.close();
        System.out.println("== end");
    }
}
