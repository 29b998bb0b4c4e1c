//! What was asked, and what the answer must say: by what the statements mean, not by what any
//! code read out of the answer.

use lanewire::protocol::{Capabilities, Command, ReplyKind};

pub(crate) const PASSWORD: &[u8] = b"secret";

/// How a connection was opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) name: &'static str,
    pub(crate) caps: Capabilities,
    /// Session trackers were on.
    pub(crate) is_tracked: bool,
    /// Statements in front, on either server (errors ignored: they are for one of the two).
    pub(crate) setup: &'static [&'static str],
}

const BASE: Capabilities = Capabilities::LONG_PASSWORD
    .union(Capabilities::PROTOCOL_41)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::LOCAL_FILES)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::MULTI_STATEMENTS)
    .union(Capabilities::MULTI_RESULTS)
    .union(Capabilities::PS_MULTI_RESULTS);

const LEAN: Capabilities = BASE
    .difference(Capabilities::LONG_PASSWORD)
    .union(Capabilities::DEPRECATE_EOF)
    .union(Capabilities::MARIADB_EXTENDED_METADATA)
    .union(Capabilities::MARIADB_CACHE_METADATA);

const OPTIONAL: Capabilities =
    BASE.union(Capabilities::DEPRECATE_EOF).union(Capabilities::OPTIONAL_RESULTSET_METADATA);

pub(crate) const DIALECTS: [Dialect; 5] = [
    Dialect { name: "eof", caps: BASE, is_tracked: false, setup: &[] },
    Dialect {
        name: "tracked",
        caps: BASE.union(Capabilities::DEPRECATE_EOF).union(Capabilities::SESSION_TRACK),
        is_tracked: true,
        setup: &[
            "SET session_track_schema=ON, session_track_state_change=ON, \
             session_track_transaction_info='CHARACTERISTICS', \
             session_track_system_variables='autocommit,sql_mode,time_zone,last_gtid,\
             character_set_client,character_set_results,character_set_connection'",
            "SET session_track_gtids='OWN_GTID'",
        ],
    },
    // MariaDB: extended types, definitions of prepared statements once only.
    Dialect { name: "lean-mariadb", caps: LEAN, is_tracked: false, setup: &[] },
    // MySQL: definitions may be left out, but are not.
    Dialect { name: "flagged-mysql", caps: OPTIONAL, is_tracked: false, setup: &[] },
    // MySQL: no definitions.
    Dialect {
        name: "lean-mysql",
        caps: OPTIONAL,
        is_tracked: false,
        setup: &["SET resultset_metadata='NONE'"],
    },
];

/// One result of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Affected rows, last insert id (0: not looked at), warnings.
    Ok(u64, u64, u16),
    /// Columns, rows, warnings.
    Rows(usize, u64, u16),
    /// Columns, and rows before the error.
    RowsThenErr(usize, u64, u16, &'static str),
    /// As rows, without their definitions where the server knows that the client has them.
    RowsAgain(usize, u64, u16),
    /// Columns of a result that is fetched later.
    Cursor(usize),
    /// Code and SQLSTATE.
    Err(u16, &'static str),
    Infile,
    /// Parameters and columns.
    Prepared(u16, u16),
    /// Rows by COM_STMT_FETCH.
    Fetched(u64),
    /// Column definitions by COM_FIELD_LIST.
    Definitions(u64),
    /// COM_STATISTICS.
    Text,
    /// EOF, or OK in its place.
    End,
}

/// What the client sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Send {
    Query(&'static str),
    Bare(Command, &'static [u8]),
    /// A command on the statement prepared last: what follows its id.
    Statement(Command, &'static [u8]),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: ReplyKind,
    pub(crate) send: Send,
    pub(crate) reply: &'static [Part],
    /// Session state changes that a tracked connection must be told of, in order.
    pub(crate) changes: &'static [&'static str],
}

const fn query(name: &'static str, sql: &'static str, reply: &'static [Part]) -> Scenario {
    Scenario { name, kind: ReplyKind::Query, send: Send::Query(sql), reply, changes: &[] }
}

const fn told(
    name: &'static str,
    sql: &'static str,
    reply: &'static [Part],
    changes: &'static [&'static str],
) -> Scenario {
    Scenario { name, kind: ReplyKind::Query, send: Send::Query(sql), reply, changes }
}

const fn command(
    name: &'static str,
    kind: ReplyKind,
    send: Send,
    reply: &'static [Part],
) -> Scenario {
    Scenario { name, kind, send, reply, changes: &[] }
}

/// Statements in front of every dialect's scenarios.
pub(crate) const SETUP: [&str; 8] = [
    "DROP DATABASE IF EXISTS wire",
    "CREATE DATABASE wire",
    "CREATE DATABASE IF NOT EXISTS wire_gone",
    "USE wire",
    "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))",
    "CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2 UNION SELECT 3; END",
    "SET GLOBAL local_infile=1",
    "SET net_write_timeout=600",
];

/// The file that the client sends when asked.
pub(crate) const INFILE: &[u8] = b"five\nsix\n";

const OK: &[Part] = &[Part::Ok(0, 0, 0)];
const FROM_ZERO: &[u8] = b"\0\x01\0\0\0\0\x01\x03\0\0\0\0\0";
const CURSOR_FROM_ZERO: &[u8] = b"\x01\x01\0\0\0\0\x01\x03\0\0\0\0\0";

pub(crate) const SCENARIOS: &[Scenario] = &[
    command("ping", ReplyKind::Simple, Send::Bare(Command::Ping, b""), OK),
    Scenario {
        name: "init-db",
        kind: ReplyKind::Simple,
        send: Send::Bare(Command::InitDb, b"wire"),
        reply: OK,
        changes: &["schema=wire"],
    },
    command(
        "statistics",
        ReplyKind::Statistics,
        Send::Bare(Command::Statistics, b""),
        &[Part::Text],
    ),
    query("ok", "DO 1", OK),
    query("insert", "INSERT INTO t (v) VALUES ('one'),('two'),(NULL)", &[Part::Ok(3, 1, 0)]),
    query("update", "UPDATE t SET v='deux' WHERE id=2", &[Part::Ok(1, 0, 0)]),
    query("one-row", "SELECT 1", &[Part::Rows(1, 1, 0)]),
    query("rows", "SELECT id, v FROM t ORDER BY id", &[Part::Rows(2, 3, 0)]),
    query("no-rows", "SELECT id FROM t WHERE id < 0", &[Part::Rows(1, 0, 0)]),
    query("warning", "SELECT CAST('x' AS SIGNED)", &[Part::Rows(1, 1, 1)]),
    query("error", "SELECT * FROM missing", &[Part::Err(1146, "42S02")]),
    query("syntax-error", "SELEKT", &[Part::Err(1064, "42000")]),
    query(
        "several",
        "SELECT 1; INSERT INTO t (v) VALUES ('four'); SELECT 2 UNION SELECT 3",
        &[Part::Rows(1, 1, 0), Part::Ok(1, 4, 0), Part::Rows(1, 2, 0)],
    ),
    query(
        "several-then-error",
        "SELECT 1; SELECT * FROM missing",
        &[Part::Rows(1, 1, 0), Part::Err(1146, "42S02")],
    ),
    query("call", "CALL two()", &[Part::Rows(1, 1, 0), Part::Rows(1, 2, 0), Part::Ok(0, 0, 0)]),
    query(
        "error-in-rows",
        "SELECT id, (SELECT x.id FROM t x WHERE x.id < t.id) FROM t ORDER BY id",
        &[Part::RowsThenErr(2, 2, 1242, "21000")],
    ),
    query(
        "infile",
        "LOAD DATA LOCAL INFILE 'five' INTO TABLE t (v)",
        &[Part::Infile, Part::Ok(2, 0, 0)],
    ),
    told("set-mode", "SET sql_mode='ANSI_QUOTES'", OK, &["sql_mode=ANSI_QUOTES"]),
    told(
        "set-names",
        "SET NAMES latin1",
        OK,
        &[
            "character_set_client=latin1",
            "character_set_connection=latin1",
            "character_set_results=latin1",
        ],
    ),
    told("user-variable", "SET @a=1", OK, &["state"]),
    told("autocommit-off", "SET autocommit=0", OK, &["autocommit=OFF"]),
    told("autocommit-on", "SET autocommit=1", OK, &["autocommit=ON"]),
    told(
        "begin",
        "START TRANSACTION READ WRITE",
        OK,
        &["characteristics=START TRANSACTION READ WRITE;", "transaction=T_______"],
    ),
    told(
        "write",
        "INSERT INTO t (v) VALUES ('seven')",
        &[Part::Ok(1, 8, 0)],
        &["transaction=T___W___"],
    ),
    told("commit", "COMMIT", OK, &["gtid", "transaction=________"]),
    told("lock", "LOCK TABLES t WRITE", OK, &["transaction=_______L"]),
    told("unlock", "UNLOCK TABLES", OK, &["transaction=________"]),
    told("use", "USE wire_gone", OK, &["schema=wire_gone"]),
    told("drop-schema", "DROP DATABASE wire_gone", OK, &["schema="]),
    told("use-back", "USE wire", OK, &["schema=wire"]),
    command(
        "prepare",
        ReplyKind::Prepare,
        Send::Bare(Command::StmtPrepare, b"SELECT id, v FROM t WHERE id > ? ORDER BY id LIMIT 3"),
        &[Part::Prepared(1, 2)],
    ),
    command(
        "execute",
        ReplyKind::Execute,
        Send::Statement(Command::StmtExecute, FROM_ZERO),
        &[Part::RowsAgain(2, 3, 0)],
    ),
    command(
        "execute-again",
        ReplyKind::Execute,
        Send::Statement(Command::StmtExecute, FROM_ZERO),
        &[Part::RowsAgain(2, 3, 0)],
    ),
    command(
        "cursor",
        ReplyKind::Execute,
        Send::Statement(Command::StmtExecute, CURSOR_FROM_ZERO),
        &[Part::Cursor(2)],
    ),
    command(
        "fetch",
        ReplyKind::Fetch,
        Send::Statement(Command::StmtFetch, b"\x02\0\0\0"),
        &[Part::Fetched(2)],
    ),
    command(
        "fetch-last",
        ReplyKind::Fetch,
        Send::Statement(Command::StmtFetch, b"\x09\0\0\0"),
        &[Part::Fetched(1)],
    ),
    command("statement-reset", ReplyKind::Simple, Send::Statement(Command::StmtReset, b""), OK),
    command(
        "prepare-plain",
        ReplyKind::Prepare,
        Send::Bare(Command::StmtPrepare, b"DO 1"),
        &[Part::Prepared(0, 0)],
    ),
    command(
        "prepare-insert",
        ReplyKind::Prepare,
        Send::Bare(Command::StmtPrepare, b"INSERT INTO t VALUES (?, ?)"),
        &[Part::Prepared(2, 0)],
    ),
    command(
        "prepare-error",
        ReplyKind::Prepare,
        Send::Bare(Command::StmtPrepare, b"SELEKT"),
        &[Part::Err(1064, "42000")],
    ),
    command(
        "field-list",
        ReplyKind::FieldList,
        Send::Bare(Command::FieldList, b"t\0"),
        &[Part::Definitions(2)],
    ),
    command("set-option", ReplyKind::Simple, Send::Bare(Command::SetOption, b"\0\0"), &[Part::End]),
    query("long-value", "SELECT REPEAT('a', 300), NULL, ''", &[Part::Rows(3, 1, 0)]),
    query("row-of-16-mib-less-one", "SELECT REPEAT('a', 16777211)", &[Part::Rows(1, 1, 0)]),
    query("value-over-16-mib", "SELECT REPEAT('a', 16777216), 'b'", &[Part::Rows(2, 1, 0)]),
    command("reset", ReplyKind::Simple, Send::Bare(Command::ResetConnection, b""), OK),
];

/// Whether a server's captures have the scenario in the dialect. Of replies of 16 MiB two
/// dialects are enough.
pub(crate) fn is_recorded(is_mariadb: bool, dialect: &Dialect, scenario: &Scenario) -> bool {
    match dialect.name.split_once('-') {
        Some((_, server)) => {
            (server == "mariadb") == is_mariadb && !scenario.name.contains("16-mib")
        }
        None => true,
    }
}
