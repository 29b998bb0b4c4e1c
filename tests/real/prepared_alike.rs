//! Binary prepared statements: nothing tells the proxy from one server.

use crate::transcript::{Transcript, first_text, int, text};
use crate::{Context, Test};
use lanewire_perf::client::{Client, Options, Param, flags};

pub(crate) const TESTS: &[Test] = &[
    ("prepared_alike::as_one_server", as_one_server),
    ("prepared_alike::last_statement", last_statement),
    ("prepared_alike::messages_follow", messages_follow),
    ("prepared_alike::cursors", cursors),
    ("prepared_alike::state_of_the_preparation", state_of_the_preparation),
    ("prepared_alike::changed_tables", changed_tables),
    ("prepared_alike::transactions", transactions),
    ("prepared_alike::bulk_and_the_newest", bulk_and_the_newest),
];

/// Runs `script` on the primary and through the proxy, several sessions of it one after the other,
/// and compares what they saw.
pub(crate) fn compare(context: &Context, script: impl Fn(&mut Transcript)) {
    compare_with(context, |options| options, script);
}

fn compare_with(
    context: &Context,
    with: impl Fn(Options) -> Options,
    script: impl Fn(&mut Transcript),
) {
    let lanewire = context.lanewire();
    let run = |options: Options| {
        let options = with(options.with(flags::DEPRECATE_EOF));
        let client = Client::connect(&options).unwrap_or_else(|error| panic!("{error}"));
        let mut transcript = Transcript::new(client);
        script(&mut transcript);
        transcript.lines
    };
    let expected = run(context.direct_options(0));
    for _ in 0..4 {
        let got = run(lanewire.options());
        for (expected, got) in expected.iter().zip(&got) {
            assert_eq!(expected, got);
        }
        assert_eq!(expected.len(), got.len());
    }
}

fn as_one_server(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS ps",
        "CREATE TABLE ps (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(30), d DOUBLE)",
    ]);
    compare(context, |session| {
        session.query("TRUNCATE ps");
        let insert = session.prepare("INSERT INTO ps (v, d) VALUES (?, ?)");
        for n in 0..3 {
            session.execute(insert, &[text("v"), Param::Double(f64::from(n))]);
            session.execute_again(insert, &[Param::Null, Param::Double(0.25)]);
        }
        context.in_sync();
        let select = session.prepare("SELECT * FROM ps WHERE id <= ? ORDER BY id");
        session.execute(select, &[int(2)]);
        session.execute(select, &[text("4")]);
        session.execute_again(select, &[text("5")]);
        session.prepare("SELECT * FROM no_such_table WHERE id = ?");
        session.prepare("SELEC ?");
        session.prepare("SELECT 1; SELECT 2");
        session.prepare("");
        session.execute(select, &[Param::Null]);
        session.execute(4_000_000, &[int(1)]);
        session.reset(4_000_000);
        session.fetch(4_000_000, 1);
        session.fetch(insert, 1);
        session.reset(insert);
        session.close(insert);
        session.close(insert);
        session.execute(insert, &[text("v"), Param::Double(1.0)]);
        // Too short, and a type that is none.
        session.execute_bytes(select, &[0, 1, 0, 0, 0]);
        session.execute(select, &[int(1)]);
        let none = session.prepare("SELECT COUNT(*), LAST_INSERT_ID() FROM ps");
        session.execute(none, &[]);
        session.execute(none, &[]);
        let mode = session.prepare("SET sql_mode=?");
        session.execute(mode, &[text("ANSI_QUOTES")]);
        session.query("SELECT \"v\" FROM ps LIMIT 1");
        let mode = session.prepare("SET sql_mode=DEFAULT");
        session.execute(mode, &[]);
        session.query("SELECT \"v\" FROM ps LIMIT 1");
        session.reset_connection();
        session.execute(select, &[int(1)]);
        session.query("SELECT 1");
    });
}

fn last_statement(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS psl",
        "CREATE TABLE psl (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
    ]);
    compare(context, |session| {
        session.query("TRUNCATE psl");
        session.query("INSERT INTO psl (v) VALUES (1),(2),(3)");
        let insert = session.prepare("INSERT INTO psl (v) VALUES (?)");
        session.query("SELECT ROW_COUNT(), LAST_INSERT_ID()");
        session.execute(insert, &[int(9)]);
        session.query("SELECT ROW_COUNT(), LAST_INSERT_ID()");
        let update = session.prepare("UPDATE psl SET v = v + 1 WHERE id <= ?");
        session.execute(update, &[int(2)]);
        session.query("SELECT ROW_COUNT(), LAST_INSERT_ID()");
        let given = session.prepare("INSERT INTO psl (id, v) VALUES (?, ?)");
        session.execute(given, &[int(50), int(1)]);
        session.query("SELECT LAST_INSERT_ID()");
        session.execute(given, &[Param::Null, int(1)]);
        session.query("SELECT LAST_INSERT_ID()");
        context.in_sync();
        let select = session.prepare("SELECT v FROM psl WHERE v > ? ORDER BY id");
        session.execute(select, &[int(0)]);
        session.query("SELECT FOUND_ROWS()");
        session.query("SELECT 1/0");
        let ignored = session.prepare("INSERT IGNORE INTO psl (id, v) VALUES (1, ?)");
        session.query("SHOW WARNINGS");
        session.execute(ignored, &[int(1)]);
        session.query("SHOW WARNINGS");
        session.execute(ignored, &[int(1)]);
        session.reset(ignored);
        session.query("SHOW WARNINGS");
        session.query("SELECT nothing");
        session.prepare("SELECT nothing2");
        session.query("SHOW WARNINGS");
        session.prepare("SELECT nothing3");
        session.query("SELECT ROW_COUNT()");
        session.execute(update, &[int(2)]);
        session.reset(update);
        session.query("SELECT ROW_COUNT()");
        session.execute(update, &[int(2)]);
        session.execute(4_000_000, &[]);
        session.query("SELECT ROW_COUNT()");
        context.in_sync();
        for sql in ["SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS", "SELECT @a"] {
            session.execute(ignored, &[int(1)]);
            let asks = session.prepare(sql);
            session.execute(asks, &[]);
            session.execute(asks, &[]);
            session.execute(select, &[int(0)]);
            session.execute(asks, &[]);
            session.close(asks);
        }
        let set = session.prepare("SET @a = ?");
        session.execute(set, &[int(5)]);
        session.query("SELECT @a");
        let select = session.prepare("SELECT @a + ?");
        session.execute(select, &[int(5)]);
    });
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let id = client.greeting().thread_id;
    let asks = client.prepare("SELECT CONCAT(CONNECTION_ID())").unwrap();
    assert_eq!(asks.columns[0].name, "CONCAT(CONNECTION_ID())");
    assert_eq!(first_text(&client.execute(asks.id, &[]).unwrap()), id.to_string());
}

/// What a read on a replica warned of is there after a statement on the primary that leaves it.
fn messages_follow(context: &Context) {
    for server in context.cluster.servers() {
        server.execute(&["SET GLOBAL log_bin_trust_function_creators=1"]).unwrap();
    }
    context.lay_out(&[
        "DROP TABLE IF EXISTS psw",
        "DROP FUNCTION IF EXISTS psf",
        "CREATE TABLE psw (id INT PRIMARY KEY, a INT, b LONGBLOB)",
        "INSERT INTO psw VALUES (1, 1, ''), (2, 2, '')",
        "CREATE FUNCTION psf(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
    ]);
    compare(context, |session| {
        let warns = session.prepare("SELECT a + ? FROM psw ORDER BY id");
        session.execute(warns, &[text("1x")]);
        session.query("SELECT psf(7000)");
        session.query("SHOW WARNINGS");
        session.execute_again(warns, &[text("1x")]);
        session.query("SELECT psf(7000)");
        session.close(warns);
        session.query("SELECT psf(8000)");
        session.query("SHOW COUNT(*) WARNINGS");
        // (Small numbers would be taken for ids of statements.)
        // One with tables empties MariaDB's list, one without does not.
        for sql in ["SELECT * FROM psw", "SELECT 1"] {
            session.query("SELECT a + '1x' FROM psw ORDER BY id");
            session.prepare(sql);
            session.query("SELECT psf(7000)");
            session.query("SHOW WARNINGS");
        }
        let update = session.prepare("UPDATE psw SET b = ? WHERE id = 99");
        session.query("SELECT EXP(1000)");
        session.long_data(update, 0, b"long");
        session.query("SHOW WARNINGS");
    });
}

fn cursors(context: &Context) {
    compare(context, |session| {
        let select = session.prepare("SELECT n FROM numbers WHERE n <= 7 ORDER BY n");
        session.open_cursor(select);
        session.fetch(select, 3);
        session.query("SELECT 5");
        session.query("UPDATE numbers SET n = n WHERE n = 1");
        session.fetch(select, 3);
        session.fetch(select, 3);
        session.fetch(select, 3);
        // MySQL 9.7 answers such an execution with half a result set.
        if context.is_mariadb() {
            session.open_cursor(select);
            session.fetch(select, 2);
            session.execute(select, &[]);
            session.fetch(select, 2);
        }
        session.open_cursor(select);
        session.fetch(select, 2);
        session.reset(select);
        session.fetch(select, 2);
        session.open_cursor(select);
        session.close(select);
        session.fetch(select, 1);
        let twins = [(); 3].map(|()| session.prepare("SELECT n FROM numbers WHERE n <= 5"));
        for round in 0..2 {
            session.open_cursor(twins[0]);
            session.open_cursor(twins[1]);
            session.fetch(twins[0], 2 + round);
            session.execute(twins[2], &[]);
            session.prepare("SELECT n FROM numbers WHERE n <= 5");
            session.fetch(twins[1], 1 + round);
            session.fetch(twins[0], 9);
            session.fetch(twins[1], 9);
        }
        let empty = session.prepare("SELECT n FROM numbers WHERE n < 0");
        session.open_cursor(empty);
        session.fetch(empty, 2);
        let update = session.prepare("UPDATE numbers SET n = n WHERE n = 1");
        session.open_cursor(update);
        session.fetch(update, 2);
        session.query("SELECT 6");
    });
    // With nothing left open, the session holds nothing.
    let lanewire = context.lanewire();
    let mut session =
        Transcript::new(Client::connect(&lanewire.options().with(flags::DEPRECATE_EOF)).unwrap());
    let select = session.prepare("SELECT n FROM numbers WHERE n <= 7");
    session.open_cursor(select);
    let pins = || {
        let sessions = lanewire.admin_table("SELECT * FROM sessions");
        let mine = sessions.iter().flatten().filter(|(name, _)| name == "pins");
        mine.map(|(_, pins)| pins.clone()).collect::<Vec<_>>().join(",")
    };
    assert!(pins().contains("cursor"), "{}", pins());
    session.fetch(select, 100);
    assert!(!pins().contains("cursor"), "{}", pins());
}

fn state_of_the_preparation(context: &Context) {
    context.lay_out(&[
        "CREATE DATABASE IF NOT EXISTS ps_a",
        "CREATE DATABASE IF NOT EXISTS ps_b",
        "CREATE OR REPLACE VIEW ps_a.here AS SELECT 'a' AS name",
        "CREATE OR REPLACE VIEW ps_b.here AS SELECT 'b' AS name",
    ]);
    let grant = ["GRANT ALL ON `ps_%`.* TO app@'%'"];
    context.cluster.servers()[0].execute(&grant).unwrap();
    context.in_sync();
    compare(context, |session| {
        session.use_schema("ps_a");
        let a = session.prepare("SELECT name, DATABASE() FROM here");
        session.execute(a, &[]);
        session.use_schema("ps_b");
        let b = session.prepare("SELECT name, DATABASE() FROM here");
        for _ in 0..6 {
            session.execute(a, &[]);
            session.execute(b, &[]);
            session.query("SELECT DATABASE()");
        }
        session.query("SET sql_mode='ANSI_QUOTES'");
        let quoted = session.prepare("SELECT \"name\" FROM here");
        session.query("SET sql_mode='', autocommit=0");
        let plain = session.prepare("SELECT \"name\" FROM here");
        for _ in 0..4 {
            session.execute(quoted, &[]);
            session.execute(plain, &[]);
            session.execute(a, &[]);
            session.query("SELECT @@sql_mode, DATABASE(), @@autocommit");
        }
        session.query("COMMIT");
        session.query("SET autocommit=1");
        session.query("SET NAMES latin1");
        let latin1 = session.prepare("SELECT CHARSET('x'), COLLATION('x')");
        session.query("SET NAMES utf8mb4");
        for _ in 0..4 {
            session.execute(latin1, &[]);
            session.execute(a, &[]);
        }
    });
}

fn changed_tables(context: &Context) {
    context.lay_out(&["DROP TABLE IF EXISTS psc"]);
    compare(context, |session| {
        session.query("CREATE TABLE psc (id INT)");
        session.query("INSERT INTO psc VALUES (1)");
        context.in_sync();
        let select = session.prepare("SELECT * FROM psc");
        for _ in 0..4 {
            session.execute(select, &[]);
        }
        session.query("ALTER TABLE psc ADD b INT DEFAULT 5");
        context.in_sync();
        for _ in 0..4 {
            session.execute(select, &[]);
        }
        session.query("DROP TABLE psc");
        context.in_sync();
        for _ in 0..4 {
            session.execute(select, &[]);
        }
        session.query("BEGIN");
        session.execute(select, &[]);
        session.query("SELECT 4");
        session.query("COMMIT");
        session.query("CREATE TABLE psc (c VARCHAR(5))");
        context.in_sync();
        for _ in 0..4 {
            session.execute(select, &[]);
        }
        session.query("DROP TABLE psc");
        context.in_sync();
    });
}

fn transactions(context: &Context) {
    context.lay_out(&["DROP TABLE IF EXISTS pst", "CREATE TABLE pst (id INT PRIMARY KEY)"]);
    compare(context, |session| {
        session.query("TRUNCATE pst");
        context.in_sync();
        let insert = session.prepare("INSERT INTO pst VALUES (?)");
        let count = session.prepare("SELECT COUNT(*) FROM pst");
        session.query("BEGIN");
        session.execute(insert, &[int(1)]);
        session.execute(count, &[]);
        let sum = session.prepare("SELECT SUM(id) FROM pst");
        session.execute(sum, &[]);
        session.query("ROLLBACK");
        context.in_sync();
        session.execute(count, &[]);
        session.query("START TRANSACTION READ ONLY");
        let max = session.prepare("SELECT MAX(id) FROM pst");
        let other = session.prepare("INSERT INTO pst VALUES (? + 1)");
        session.execute(max, &[]);
        session.execute(count, &[]);
        session.execute(other, &[int(1)]);
        session.query("COMMIT");
        session.query("SET autocommit=0");
        session.execute(insert, &[int(1)]);
        session.execute(insert, &[int(1)]);
        session.execute(count, &[]);
        session.query("ROLLBACK");
        session.query("SET autocommit=1");
        let begin = session.prepare("CREATE TEMPORARY TABLE mine (a INT)");
        session.execute(begin, &[]);
        let mine = session.prepare("SELECT * FROM mine");
        session.execute(mine, &[]);
        session.execute(count, &[]);
        session.query("DROP TEMPORARY TABLE mine");
    });
}

fn bulk_and_the_newest(context: &Context) {
    context.lay_out(&["DROP TABLE IF EXISTS psb", "CREATE TABLE psb (id INT, v VARCHAR(9))"]);
    let bulk_flag = 1 << 34;
    compare_with(
        context,
        |options| options.with(bulk_flag),
        |session| {
            session.query("TRUNCATE psb");
            session.execute_bytes(u32::MAX, &[0, 1, 0, 0, 0]);
            let count = session.prepare("SELECT COUNT(*), SUM(id), MAX(v) FROM psb");
            session.execute_bytes(u32::MAX, &[0, 1, 0, 0, 0]);
            session.prepare("SELEC");
            session.execute_bytes(u32::MAX, &[0, 1, 0, 0, 0]);
            if !context.is_mariadb() {
                return;
            }
            let insert = session.prepare("INSERT INTO psb VALUES (?, ?)");
            let with_types = [128, 0, 3, 0, 0xFD, 0, 0, 1, 0, 0, 0, 0, 1, b'a'];
            session.bulk(insert, &[&with_types[..], &[0, 2, 0, 0, 0, 0, 1, b'b']].concat());
            for n in 3..9 {
                session.bulk(insert, &[0, 0, 0, n, 0, 0, 0, 0, 1, b'c', 0, n, 0, 0, 0, 1]);
            }
            session.bulk(4_000_000, &with_types);
            let update = session.prepare("UPDATE psb SET v = ? WHERE id = ?");
            let one = [0, 1, b'z', 0, 2, 0, 0, 0];
            session.bulk(update, &[&[128, 0, 0xFD, 0, 3, 0], &one[..], &one[..]].concat());
            session.query("SELECT ROW_COUNT(), LAST_INSERT_ID()");
            context.in_sync();
            session.execute(count, &[]);
        },
    );
}
