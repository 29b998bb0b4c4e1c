//! Every form of reply, through the proxy and on the primary itself, under several flags.

use crate::{Context, Test};
use lanewire_perf::client::{Client, Options, Outcome, Param, Reply, RowsEnd, Words, flags};
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("replies::statements", statements),
    ("replies::commands", commands),
    ("replies::local_infile", local_infile),
    ("replies::error_in_the_middle_of_rows", error_in_the_middle_of_rows),
    ("replies::over_16_mib", over_16_mib),
    ("replies::session_track_stays_inside", session_track_stays_inside),
    ("replies::change_user_and_reset", change_user_and_reset),
    ("replies::replication_commands_are_refused", replication_commands_are_refused),
    ("replies::many_commands_in_one_write", many_commands_in_one_write),
];

/// Flags that shape replies.
const FLAGS: &[(u64, u64)] = &[
    (0, 0),
    (flags::DEPRECATE_EOF, 0),
    (flags::FOUND_ROWS, 0),
    (0, flags::MULTI_STATEMENTS),
    (flags::DEPRECATE_EOF | flags::CONNECT_ATTRS | flags::INTERACTIVE, flags::LOCAL_FILES),
];

/// Runs `check` with the same flags on the primary and through the proxy.
fn under_flags(context: &Context, check: impl Fn(&mut Client, &mut Client)) {
    let lanewire = context.lanewire();
    for (with, without) in FLAGS {
        let open = |options: Options| {
            let mut options = options.with(*with).without(*without);
            options.attributes = vec![("program".into(), "real tests".into())];
            Client::connect(&options).unwrap_or_else(|error| panic!("{with:#x}: {error}"))
        };
        check(&mut open(context.direct_options(0)), &mut open(lanewire.options()));
    }
}

/// NO_INDEX_USED and QUERY_WAS_SLOW.
pub(crate) fn strict(reply: Reply) -> Vec<Outcome> {
    let mut outcomes = reply.outcomes;
    for outcome in &mut outcomes {
        match outcome {
            Outcome::Ok(ok) => ok.status &= !0x830,
            Outcome::Rows(rows) => {
                if let RowsEnd::Ok(ok) = &mut rows.end {
                    ok.status &= !0x830;
                }
            }
            Outcome::Err(_) | Outcome::Text(_) | Outcome::LocalInfile(_) => {}
        }
    }
    outcomes
}

fn statements(context: &Context) {
    context.lay_out(&[
        "DROP PROCEDURE IF EXISTS two",
        "CREATE PROCEDURE two() BEGIN SELECT 1 AS a; SELECT n FROM numbers WHERE n < 4; END",
        "DROP TABLE IF EXISTS forms",
        "CREATE TABLE forms (a INT PRIMARY KEY, b VARCHAR(9))",
    ]);
    let all = [
        "SELECT 1",
        "SELECT NULL, '', 'x'",
        "SELECT * FROM numbers WHERE n < 0",
        "SELECT * FROM numbers ORDER BY n",
        "DO 1",
        "CALL two()",
        "SELECT 1; SELECT 2; DO 3",
        "DELETE FROM forms; INSERT INTO forms VALUES (1,'a'),(2,'b'); SELECT * FROM forms",
        "UPDATE forms SET b = 'a'",
        "UPDATE forms SET b = 'x' WHERE a > 1",
        "INSERT INTO forms VALUES (1,'again')",
        "INSERT IGNORE INTO forms VALUES (1,'again')",
        "SHOW WARNINGS",
        "SELECT 1; SELEC 2; SELECT 3",
        "SELECT 1/0",
        "SHOW WARNINGS",
        "SELECT nothing",
        "",
        ";",
        "/* nothing */",
        "SHOW TABLES",
        "DESCRIBE forms",
        "EXPLAIN SELECT 1",
        "USE test",
        "SET @a = 1",
        "SET NAMES latin1",
        "SELECT 'ü'",
        "DELETE FROM forms",
        "SELECT REPEAT('x', 70000), REPEAT('y', 300)",
    ];
    under_flags(context, |direct, through| {
        let run = |client: &mut Client| {
            client.must("DELETE FROM forms").unwrap();
            let answer = |sql: &&str| {
                context.in_sync();
                strict(client.query(sql).unwrap())
            };
            all.iter().map(answer).collect::<Vec<_>>()
        };
        let expected = run(direct);
        for ((sql, expected), got) in all.iter().zip(expected).zip(run(through)) {
            assert_eq!(expected, got, "{sql}");
        }
    });
}

fn commands(context: &Context) {
    under_flags(context, |direct, through| {
        let expected = strict(direct.ping().unwrap());
        assert_eq!(expected, strict(through.ping().unwrap()));
        for schema in ["test", "no_such_schema", "information_schema", "test"] {
            let expected = strict(direct.init_db(schema).unwrap());
            assert_eq!(expected, strict(through.init_db(schema).unwrap()), "{schema}");
        }
        for (table, wildcard) in [("numbers", ""), ("numbers", "p%"), ("no_such_table", "")] {
            let expected = strict(direct.field_list(table, wildcard).unwrap());
            assert_eq!(expected, strict(through.field_list(table, wildcard).unwrap()), "{table}");
        }
        let Outcome::Text(text) = &through.statistics().unwrap().outcomes[0] else { panic!() };
        assert!(text.starts_with(b"Uptime: "), "{}", String::from_utf8_lossy(text));
        for option in [1, 0] {
            let expected = strict(direct.set_option(option).unwrap());
            assert_eq!(expected, strict(through.set_option(option).unwrap()));
            for _ in 0..3 {
                let expected = strict(direct.query("SELECT 1; SELECT 2").unwrap());
                assert_eq!(expected, strict(through.query("SELECT 1; SELECT 2").unwrap()));
            }
        }
        // Not a command of any server.
        let expected = direct.simple(0x77, b"?").unwrap();
        let got = through.simple(0x77, b"?").unwrap();
        assert_eq!(expected.error().map(|e| e.code), got.error().map(|e| e.code));
        through.ping().unwrap().ok().unwrap();
        let sql = "SELECT n, pad FROM numbers WHERE n < ? ORDER BY n";
        let expected = strict(direct.run_prepared(sql, &[Param::Int(4)]).unwrap());
        assert_eq!(expected, strict(through.run_prepared(sql, &[Param::Int(4)]).unwrap()));
    });
}

fn local_infile(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS loaded",
        "CREATE TABLE loaded (a INT PRIMARY KEY, b VARCHAR(30))",
    ]);
    let lanewire = context.lanewire();
    for flag in [0, flags::DEPRECATE_EOF] {
        let mut client = Client::connect(&lanewire.options().with(flag)).unwrap();
        let load = "LOAD DATA LOCAL INFILE 'a file.tsv' INTO TABLE loaded";
        for rows in [0_usize, 1, 3000, 60_000] {
            client.must("DELETE FROM loaded").unwrap();
            let text: String = (0..rows).map(|n| format!("{n}\tline number {n}\n")).collect();
            client.set_infile(text.into_bytes());
            let reply = client.must(load).unwrap();
            assert_eq!(reply.outcomes[0], Outcome::LocalInfile(b"a file.tsv".to_vec()));
            assert_eq!(reply.ok().unwrap().affected_rows, rows as u64);
        }
        // In the middle of several statements, and one that fails after the data.
        client.set_infile(b"1\tx\n".to_vec());
        let reply = client.must(&format!("SELECT 1; {load}; SELECT 2")).unwrap();
        assert_eq!(reply.outcomes.len(), 4);
        let failed = client.query("LOAD DATA LOCAL INFILE 'f' INTO TABLE no_such_table").unwrap();
        assert_eq!(failed.error().map(|err| err.code), Some(1146));
        assert_eq!(client.must("SELECT 5").unwrap().first_cell().unwrap(), "5");
    }
}

fn error_in_the_middle_of_rows(context: &Context) {
    let sql = "SELECT n, (SELECT m.n FROM numbers AS m WHERE m.n BETWEEN 300 AND numbers.n) \
               FROM numbers ORDER BY n";
    under_flags(context, |direct, through| {
        let expected = direct.query(sql).unwrap();
        let got = through.query(sql).unwrap();
        let rows = got.rows().expect("rows first").rows.len();
        assert_eq!(got.error().map(|err| err.code), Some(1242));
        assert!(rows > 200, "{rows} rows before the error");
        assert_eq!(strict(expected), strict(got));
        assert_eq!(through.must("SELECT 3").unwrap().first_cell().unwrap(), "3");
    });
}

fn over_16_mib(context: &Context) {
    let lanewire = context.lanewire();
    for flag in [0, flags::DEPRECATE_EOF] {
        let mut client = Client::connect(&lanewire.options().with(flag)).unwrap();
        // One byte around the border, and well beyond it.
        for len in [0xFF_FFFF - 10, 0xFF_FFFF - 9, 0xFF_FFFF - 8, 0xFF_FFFF, 2 * 0xFF_FFFF + 5] {
            let sql = format!("SELECT '{}'", "x".repeat(len));
            let reply = client.must(&sql).unwrap();
            let rows = reply.rows().unwrap();
            let mut words = Words::new(&rows.rows[0], "row");
            assert_eq!(words.string().unwrap().len(), len);
            let sql = format!("SELECT LENGTH('{}')", "y".repeat(len));
            assert_eq!(client.must(&sql).unwrap().first_cell().unwrap(), len.to_string());
        }
        // A row whose payload is just as long as a full packet: an empty one follows.
        let full = 0xFF_FFFF - 4;
        let reply =
            client.must(&format!("SELECT REPEAT('z', {full}) UNION ALL SELECT 'end'")).unwrap();
        assert_eq!(reply.rows().unwrap().rows.len(), 2);
        assert_eq!(reply.rows().unwrap().rows[0].len(), 0xFF_FFFF);
    }
}

fn session_track_stays_inside(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    for sql in [
        "SET sql_mode=''",
        "SET NAMES latin1",
        "USE test",
        "SET autocommit=0",
        "BEGIN",
        "COMMIT",
        "SET autocommit=1",
        "SET @a=1",
        "CREATE TEMPORARY TABLE tracked (a INT)",
    ] {
        let reply = client.must(sql).unwrap();
        let ok = reply.ok().unwrap();
        assert_eq!(ok.status & flags::STATUS_SESSION_STATE, 0, "{sql}");
        assert_eq!((ok.info.len(), reply.packets[0].payload.len()), (0, 7), "{sql}");
    }
}

fn change_user_and_reset(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let state = "SELECT DATABASE(), @a, @@sql_mode, @@autocommit, LAST_INSERT_ID()";
    let fresh = client.must(state).unwrap().table();
    for round in 0..4 {
        client.must("SET @a=5, sql_mode='ANSI_QUOTES', autocommit=0").unwrap();
        client.must("CREATE TEMPORARY TABLE left_over (a INT)").unwrap();
        client.must("SELECT LAST_INSERT_ID(77)").unwrap();
        assert_ne!(client.must(state).unwrap().table(), fresh);
        if round % 2 == 0 {
            client.reset_connection().unwrap().ok().unwrap();
        } else {
            client.change_user("app", "app", Some("test")).unwrap();
        }
        assert_eq!(client.must(state).unwrap().table(), fresh, "round {round}");
        let gone = client.query("SELECT * FROM left_over").unwrap();
        assert_eq!(gone.error().map(|err| err.code), Some(1146));
    }
    client.change_user("adm", "adm", None).unwrap();
    let reply = client.must("SELECT DATABASE(), SUBSTRING_INDEX(USER(), '@', 1)").unwrap();
    assert_eq!(reply.table()[0], ["NULL", "adm"]);
    assert_eq!(client.change_user("adm", "wrong", None).unwrap_err().code(), Some(1045));
}

fn replication_commands_are_refused(context: &Context) {
    let lanewire = context.lanewire();
    // COM_BINLOG_DUMP, COM_TABLE_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID.
    for command in [0x12, 0x13, 0x15, 0x1E] {
        let mut client = lanewire.client();
        client.set_timeout(Duration::from_secs(5)).unwrap();
        let reply = client.simple(command, &[4, 0, 0, 0, 0, 0, 9, 0, 0, 0]).unwrap();
        assert!(reply.error().is_some(), "{command:#x}: {reply:?}");
        assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "1");
    }
}

fn many_commands_in_one_write(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let statements =
        ["SELECT 1", "SET @a=4", "SELECT @a", "SELECT name FROM marker", "DO 1", "SELECT 6"];
    let mut bytes = Vec::new();
    for sql in statements {
        bytes.extend_from_slice(&(sql.len() + 1).to_le_bytes()[..3]);
        bytes.extend_from_slice(&[0, 3]);
        bytes.extend_from_slice(sql.as_bytes());
    }
    for _ in 0..50 {
        client.wire().send_bytes(&bytes).unwrap();
        for (at, sql) in statements.iter().enumerate() {
            client.wire().set_seq(1);
            let reply = client.read_query().unwrap();
            assert!(reply.error().is_none(), "{sql}");
            match at {
                0 => assert_eq!(reply.first_cell().unwrap(), "1"),
                2 => assert_eq!(reply.first_cell().unwrap(), "4"),
                5 => assert_eq!(reply.first_cell().unwrap(), "6"),
                _ => {}
            }
        }
    }
}
