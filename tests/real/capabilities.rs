//! Clients of many capabilities beside each other: each gets, packet by packet, what the server
//! itself would give it.

use crate::{Context, Test};
use lanewire_perf::client::{
    Client, ErrReply, OkReply, Options, Packet, Param, Wire, Words, flags, put_lenenc_bytes,
};
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("capabilities::matrix", matrix),
    ("capabilities::progress_reports", progress_reports),
    ("capabilities::attributes_of_any_length", attributes_of_any_length),
    ("capabilities::compression_is_not_offered", compression_is_not_offered),
];

const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_BULK_EXECUTE: u8 = 0xFA;
/// NO_INDEX_USED, NO_GOOD_INDEX_USED, QUERY_WAS_SLOW; and METADATA_CHANGED, which comes once for
/// each connection.
const BY_CHANCE: u16 = 0xC30;
/// Session-track entry of a GTID, whose number no two runs share.
const GTID: u8 = 3;

/// Flags that every server knows.
const SHARED: &[u64] = &[
    flags::DEPRECATE_EOF,
    flags::SESSION_TRACK,
    flags::MULTI_STATEMENTS,
    flags::MULTI_RESULTS,
    flags::PS_MULTI_RESULTS,
    flags::FOUND_ROWS,
    flags::LOCAL_FILES,
    flags::INTERACTIVE,
    flags::IGNORE_SPACE,
    flags::CONNECT_ATTRS,
    flags::TRANSACTIONS,
    flags::LONG_FLAG,
    flags::ODBC,
];
const MARIADB: &[u64] = &[
    flags::MARIADB_PROGRESS,
    flags::BULK_OPERATIONS,
    flags::MARIADB_EXTENDED_METADATA,
    flags::MARIADB_CACHE_METADATA,
];
const MYSQL: &[u64] = &[flags::OPTIONAL_METADATA, flags::QUERY_ATTRIBUTES];

/// None, all, each alone, all but each, and some at random.
fn combinations(known: &[u64]) -> Vec<u64> {
    let all = known.iter().fold(0, |all, flag| all | flag);
    let mut combinations = vec![0, all];
    combinations.extend(known);
    combinations.extend(known.iter().map(|flag| all & !flag));
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..16 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let picked = known.iter().enumerate().filter(|(at, _)| seed >> (at + 20) & 1 != 0);
        combinations.push(picked.fold(0, |all, (_, flag)| all | flag));
    }
    combinations
}

/// One step of the script; statements are named by the order of their preparation.
enum Step {
    Query(&'static str),
    /// With nobody between, for its locks.
    Transaction(&'static [&'static str]),
    Prepare(&'static str),
    Execute(usize, Vec<Param>),
    ExecuteAgain(usize, Vec<Param>),
    Bulk(usize, &'static [u8]),
    Schema(&'static str),
    Fields(&'static str),
    SetOption(u16),
    Ping,
    Reset,
    ChangeUser,
}

fn script() -> Vec<Step> {
    use Step::*;
    let int = Param::Int;
    vec![
        Query("SELECT 1, 'x' AS t, NULL, 1.5, NOW() IS NULL"),
        Query("SELECT n, pad FROM numbers WHERE n < 4 ORDER BY n"),
        Query("SELECT n FROM numbers WHERE n < 0"),
        Query("SELECT COUNT (*) FROM numbers"),
        Query("SELECT @@sql_mode, @@wait_timeout, @@autocommit, @@character_set_client"),
        Query("SELECT test.numbers.n FROM numbers WHERE n = 1"),
        Query("SELECT nothing"),
        Query("SELECT 1/0, CAST('x' AS SIGNED)"),
        Query("SHOW WARNINGS"),
        Query("SELECT 1; SELECT 2, 3; DO 4"),
        Query("SELECT 1; SELEC 2; SELECT 3"),
        Query("CALL caps_two()"),
        Query("SHOW COLUMNS FROM caps"),
        Fields("caps"),
        Transaction(&[
            "BEGIN",
            "REPLACE INTO caps VALUES (0, 'a', '1'), (0, 'b', '2')",
            "UPDATE caps SET v = 'a' WHERE who = 0",
            "UPDATE caps SET v = 'a' WHERE who = 0",
            "SELECT * FROM caps WHERE who = 0 ORDER BY v",
            "ROLLBACK",
        ]),
        Query("SET NAMES latin1"),
        Query("SELECT 'ü', _utf8mb4'ü' COLLATE utf8mb4_bin AS u"),
        Query("SET NAMES utf8mb4"),
        Query("SET sql_mode='ANSI_QUOTES', autocommit=0"),
        Query("SET autocommit=1, time_zone='+00:00'"),
        Query("SET sql_mode=DEFAULT"),
        Schema("information_schema"),
        Query("USE test"),
        Prepare("SELECT n, pad, ? FROM numbers WHERE n <= ? ORDER BY n"),
        Execute(0, vec![int(7), int(2)]),
        ExecuteAgain(0, vec![int(8), int(3)]),
        Query("SELECT 5"),
        ExecuteAgain(0, vec![int(9), int(1)]),
        Execute(0, vec![Param::Bytes(b"text".to_vec()), int(2)]),
        Execute(0, vec![Param::Null, Param::Null]),
        Prepare("CALL caps_two()"),
        Execute(1, vec![]),
        Execute(1, vec![]),
        Prepare("CALL caps_out(?, ?)"),
        Execute(2, vec![int(1), int(5)]),
        Prepare("DO ?"),
        Execute(3, vec![int(1)]),
        Prepare("SELEC"),
        Prepare("UPDATE caps SET v = v WHERE who < ?"),
        Execute(4, vec![int(0)]),
        Prepare("INSERT INTO caps_bulk VALUES (?)"),
        Bulk(5, &[128, 0, 3, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0]),
        Bulk(5, &[0, 0, 0, 3, 0, 0, 0]),
        Query("LOAD DATA LOCAL INFILE 'f' INTO TABLE caps_bulk"),
        SetOption(1),
        Query("SELECT 1; SELECT 2"),
        SetOption(0),
        Query("SELECT 1; SELECT 2"),
        Ping,
        Reset,
        Query("SELECT @@sql_mode, @@wait_timeout, @@time_zone, @@character_set_results"),
        ChangeUser,
        Query("SELECT @@sql_mode, @@wait_timeout, DATABASE()"),
        Query("SELECT 1; SELECT 2"),
        Query(""),
    ]
}

struct Player {
    client: Client,
    ids: Vec<u32>,
    seen: Vec<Vec<Packet>>,
}

/// What a client got.
struct Seen {
    capabilities: u64,
    replies: Vec<Vec<Packet>>,
}

impl Player {
    fn new(options: &Options, combination: u64) -> Self {
        let changeable = SHARED.iter().fold(0, |all, flag| all | flag);
        let mut options = options.clone().without(changeable).with(combination);
        options.attributes = vec![("program_name".into(), "matrix".into())];
        let mut client =
            Client::connect(&options).unwrap_or_else(|error| panic!("{combination:#x}: {error}"));
        client.set_infile(b"7\n".to_vec());
        if combination & flags::QUERY_ATTRIBUTES != 0 && combination & flags::FOUND_ROWS != 0 {
            client.set_attributes(vec![
                ("traceparent".into(), Param::Bytes(b"00-11-22-01".to_vec())),
                ("n".into(), Param::Int(5)),
                ("none".into(), Param::Null),
            ]);
        }
        Self { client, ids: Vec::new(), seen: Vec::new() }
    }

    fn leave(self) -> Seen {
        Seen { capabilities: self.client.capabilities(), replies: self.seen }
    }

    fn play(&mut self, step: &Step) {
        let client = &mut self.client;
        let reply = match step {
            Step::Query(sql) => client.query(sql),
            Step::Transaction(all) => {
                let packets = all.iter().flat_map(|sql| client.query(sql).unwrap().packets);
                self.seen.push(packets.collect());
                return;
            }
            Step::Prepare(sql) => {
                let packets = match client.prepare(sql) {
                    Ok(mut prepared) => {
                        self.ids.push(prepared.id);
                        prepared.packets[0].payload[1..5].fill(0);
                        prepared.packets
                    }
                    Err(error) => {
                        self.ids.push(u32::MAX - 1);
                        let payload = error.to_string().into_bytes();
                        vec![Packet { seq: 1, payload }]
                    }
                };
                self.seen.push(packets);
                return;
            }
            Step::Execute(at, params) => client.execute(self.ids[*at], params),
            Step::ExecuteAgain(at, params) => client.execute_as(self.ids[*at], params, false),
            Step::Bulk(at, body) => {
                let whole = [&self.ids[*at].to_le_bytes(), *body].concat();
                let is_mariadb = client.greeting().is_mariadb();
                let command = if is_mariadb { COM_STMT_BULK_EXECUTE } else { COM_STMT_EXECUTE };
                if is_mariadb { client.simple(command, &whole) } else { client.ping() }
            }
            Step::Schema(name) => client.init_db(name),
            Step::Fields(table) => client.field_list(table, ""),
            Step::SetOption(option) => client.set_option(*option),
            Step::Ping => client.ping(),
            Step::Reset => client.reset_connection(),
            Step::ChangeUser => {
                client.change_user("adm", "adm", Some("test")).unwrap();
                client.ping()
            }
        };
        let shown = self.seen.len();
        let reply = reply.unwrap_or_else(|error| panic!("step {shown}: {error}"));
        self.seen.push(reply.packets);
    }
}

/// The packet as it is but for what two runs need not share.
pub(crate) fn shape(packet: &Packet, capabilities: u64) -> String {
    let payload = packet.payload.as_slice();
    let ok = match payload.first() {
        Some(0x00) => OkReply::decode(payload, capabilities).ok(),
        Some(0xFE) if payload.len() == 5 => {
            let status = u16::from_le_bytes([payload[3], payload[4]]) & !BY_CHANCE;
            return format!("{} EOF {:?} {status:#x}", packet.seq, &payload[1..3]);
        }
        Some(0xFE) => OkReply::decode(payload, capabilities).ok(),
        _ => None,
    };
    match ok {
        Some(mut ok) => {
            ok.status &= !BY_CHANCE;
            let state = entries(&std::mem::take(&mut ok.session_state));
            if state.is_empty() {
                ok.status &= !flags::STATUS_SESSION_STATE;
            }
            format!("{} {:#x} {ok:?} {}", packet.seq, payload[0], state.escape_ascii())
        }
        None => format!("{} {}", packet.seq, payload.escape_ascii()),
    }
}

/// The entries in an order of their own: servers send them in that of a hash.
fn entries(state: &[u8]) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut words = Words::new(state, "session state");
    while let (Ok(kind), Ok(data)) = (words.u8(), words.string()) {
        let mut entry = vec![kind];
        if kind != GTID {
            put_lenenc_bytes(&mut entry, data);
        }
        entries.push(entry);
    }
    entries.sort();
    entries.concat()
}

fn matrix(context: &Context) {
    context.lay_out(&[
        "DROP PROCEDURE IF EXISTS caps_two",
        "CREATE PROCEDURE caps_two() BEGIN SELECT 1 AS a; SELECT n FROM numbers WHERE n < 4; END",
        "DROP PROCEDURE IF EXISTS caps_out",
        "CREATE PROCEDURE caps_out(OUT a INT, INOUT b INT) BEGIN SET a = b + 1, b = 9; SELECT 3; END",
        "DROP TABLE IF EXISTS caps, caps_bulk",
        "CREATE TABLE caps (who INT, v VARCHAR(9), j JSON, KEY (who))",
        "CREATE TABLE caps_bulk (a INT)",
    ]);
    for server in context.cluster.servers() {
        server.execute(&["SET GLOBAL interactive_timeout = 3600"]).unwrap();
    }
    let known = [SHARED, if context.is_mariadb() { MARIADB } else { MYSQL }].concat();
    let combinations = combinations(&known);
    let script = script();
    let direct: Vec<Seen> = combinations
        .iter()
        .map(|flags| {
            let mut player = Player::new(&context.direct_options(0), *flags);
            script.iter().for_each(|step| player.play(step));
            player.leave()
        })
        .collect();
    // Interleaved: connections go from one client to the next at every step.
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 200\n", &["--shards=1"]);
    let open = |flags: &u64| Player::new(&lanewire.options(), *flags);
    let mut players: Vec<Player> = combinations.iter().chain(&combinations).map(open).collect();
    for step in &script {
        players.iter_mut().for_each(|player| player.play(step));
    }
    let mut through: Vec<Seen> = players.into_iter().map(Player::leave).collect();
    // One after the other over two connections, each of which is closed for the next client's.
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 2\n", &["--shards=1"]);
    through.extend(combinations.iter().map(|flags| {
        let mut player = Player::new(&lanewire.options(), *flags);
        script.iter().for_each(|step| player.play(step));
        player.leave()
    }));
    let mut differences = Vec::new();
    for (got, expected) in through.iter().zip(direct.iter().cycle()) {
        let capabilities = expected.capabilities;
        let extra = capabilities ^ got.capabilities;
        if extra != 0 {
            differences.push(format!("{capabilities:#x}: not offered {extra:#x}"));
            continue;
        }
        for (at, (expected, got)) in expected.replies.iter().zip(&got.replies).enumerate() {
            let shapes = |packets: &[Packet]| -> Vec<String> {
                packets.iter().map(|packet| shape(packet, capabilities)).collect()
            };
            let (expected, got) = (shapes(expected), shapes(got));
            if expected != got {
                differences.push(format!(
                    "{capabilities:#x} step {at}:\n  {}\nthrough:\n  {}",
                    expected.join("\n  "),
                    got.join("\n  "),
                ));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// MariaDB reports how far a long statement has come, in packets before its answer.
fn progress_reports(context: &Context) {
    if !context.is_mariadb() {
        return;
    }
    context.lay_out(&[
        "DROP TABLE IF EXISTS long_one",
        "CREATE TABLE long_one (a INT) ENGINE=MyISAM",
        "INSERT INTO long_one SELECT a.n FROM numbers a JOIN numbers b WHERE b.n <= 100",
    ]);
    let lanewire = context.lanewire();
    for (options, expected) in [
        (context.direct_options(0).with(flags::MARIADB_PROGRESS), true),
        (lanewire.options().with(flags::MARIADB_PROGRESS), true),
        (lanewire.options(), false),
    ] {
        let mut client = Client::connect(&options).unwrap();
        client.must("ALTER TABLE long_one FORCE, ALGORITHM=COPY").unwrap();
        assert_eq!(client.progress_reports() > 0, expected);
        assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "1");
    }
}

/// Servers take 64 KiB of connection attributes.
fn attributes_of_any_length(context: &Context) {
    let lanewire = context.lanewire();
    for len in [0, 250, 251, 600, 32_000, 60_000, 65_525, 65_526, 65_527, 65_528, 66_000] {
        let answer = |options: Options| {
            let mut options = options.with(flags::CONNECT_ATTRS);
            options.attributes = vec![("name".into(), "x".repeat(len))];
            match Client::connect(&options) {
                Ok(mut client) => client.must("SELECT 1").unwrap().first_cell().unwrap(),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(answer(context.direct_options(0)), answer(lanewire.options()), "{len}");
    }
}

/// A client that wants compression, if it can be had, is served without. One that compresses
/// unasked is told so at once.
fn compression_is_not_offered(context: &Context) {
    let lanewire = context.lanewire();
    let wish = flags::COMPRESS | flags::ZSTD;
    let mut direct = Client::connect(&context.direct_options(0)).unwrap();
    assert_ne!(direct.greeting().capabilities & flags::COMPRESS, 0);
    direct.must("SELECT 1").unwrap();
    let mut client = Client::connect(&lanewire.options().with(wish)).unwrap();
    assert_eq!(client.greeting().capabilities & wish, 0);
    let sql = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS \
               WHERE VARIABLE_NAME = 'COMPRESSION'";
    if context.is_mariadb() {
        assert_eq!(client.must(sql).unwrap().first_cell().unwrap(), "OFF");
    }
    assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "1");
    for flag in [flags::COMPRESS, flags::ZSTD] {
        let mut wire = Wire::connect(&lanewire.address(), Duration::from_secs(5)).unwrap();
        wire.receive().unwrap();
        let mut login = (flags::USUAL | flag).to_le_bytes()[..4].to_vec();
        login.extend_from_slice(&[0, 0, 0, 1, 45]);
        login.extend_from_slice(&[0; 23]);
        login.extend_from_slice(b"app\0\0mysql_native_password\0");
        wire.send(&login).unwrap();
        let err = ErrReply::decode(&wire.receive().unwrap().payload).unwrap();
        assert_eq!(err.code, 1043, "{err}");
    }
}
