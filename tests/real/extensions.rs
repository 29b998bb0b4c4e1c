//! What only one make of server has: query attributes, definitions that are left out.

use crate::capabilities::shape;
use crate::{Context, Test};
use lanewire_perf::client::{Client, Column, Options, Packet, Param, Reply, flags};

pub(crate) const TESTS: &[Test] = &[
    ("extensions::query_attributes", query_attributes),
    ("extensions::cached_metadata", cached_metadata),
    ("extensions::optional_metadata", optional_metadata),
];

/// What MySQL's component of that name shows of a statement's attributes.
const SHOW_ATTRIBUTES: &str = "SELECT mysql_query_attribute_string('traceparent') AS t, \
                               mysql_query_attribute_string('n') AS n";

fn query_attributes(context: &Context) {
    if context.is_mariadb() {
        return;
    }
    let install = "INSTALL COMPONENT 'file://component_query_attributes'";
    context.cluster.servers()[0].execute(&[install]).unwrap();
    let sets: [Vec<(String, Param)>; 4] = [
        vec![],
        vec![("traceparent".into(), Param::Bytes(b"00-11-01".to_vec()))],
        vec![("n".into(), Param::Int(-7)), ("traceparent".into(), Param::Bytes(vec![b't'; 300]))],
        vec![("none".into(), Param::Null), ("n".into(), Param::Double(0.5))],
    ];
    let script = |options: Options| {
        let mut client = Client::connect(&options.with(flags::QUERY_ATTRIBUTES)).unwrap();
        assert_ne!(client.capabilities() & flags::QUERY_ATTRIBUTES, 0, "offered");
        let mut lines = Vec::new();
        let mut note =
            |what: &str, reply: Reply| lines.push(format!("{what}: {:?}", reply.outcomes));
        let select = client.prepare("SELECT n, ? FROM numbers WHERE n = ?").unwrap().id;
        let shows = client.prepare(SHOW_ATTRIBUTES).unwrap().id;
        let shows_too = client.prepare(&format!("{SHOW_ATTRIBUTES}, ? AS p, ? AS q")).unwrap().id;
        for (round, attributes) in sets.iter().chain(&sets).enumerate() {
            client.set_attributes(attributes.clone());
            for sql in [
                SHOW_ATTRIBUTES,
                "SELECT n FROM numbers WHERE n = 4",
                "SET sql_mode='ANSI'",
                "SELECT n FROM numbers WHERE n = 5",
                "SELECT ROW_COUNT(), mysql_query_attribute_string('n'), CONNECTION_ID() > 0",
                "SET sql_mode=DEFAULT; SELECT mysql_query_attribute_string('traceparent')",
                "DO 1",
                "SELECT 1/0",
                "SHOW WARNINGS",
                "SELECT nothing",
            ] {
                note(sql, client.query(sql).unwrap());
            }
            let two = [Param::Int(4), Param::Int(9)];
            for (what, id, params) in
                [("shows", shows, &[][..]), ("too", shows_too, &two[..]), ("select", select, &two)]
            {
                note(what, client.execute(id, params).unwrap());
                note("SELECT", client.query("SELECT n FROM numbers WHERE n = 6").unwrap());
                note(what, client.execute_as(id, params, false).unwrap());
            }
            note(&round.to_string(), client.query("SELECT 1").unwrap());
        }
        lines
    };
    let expected = script(context.direct_options(0));
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 2\n", &["--shards=1"]);
    for _ in 0..3 {
        for (expected, got) in expected.iter().zip(script(lanewire.options())) {
            assert_eq!(*expected, got);
        }
    }
}

/// A client that keeps a statement's columns, as drivers do, and how often it was sent none.
struct Caching {
    client: Client,
    statements: Vec<(u32, Vec<Column>)>,
    abridged: u32,
}

impl Caching {
    fn new(options: &Options, texts: &[&str]) -> Self {
        let mut client = Client::connect(options).unwrap();
        let prepare = |sql: &&str| {
            let prepared = client.prepare(sql).unwrap();
            (prepared.id, prepared.columns)
        };
        let statements = texts.iter().map(prepare).collect();
        Self { client, statements, abridged: 0 }
    }

    /// The columns that it takes the rows for, and the rows.
    fn execute(&mut self, which: usize, params: &[Param]) -> (Vec<Column>, Vec<Vec<u8>>) {
        let (id, known) = &mut self.statements[which];
        let reply = self.client.execute(*id, params).unwrap();
        let rows = reply.rows().unwrap_or_else(|| panic!("{reply:?}"));
        if rows.columns.is_empty() {
            self.abridged += 1;
        } else {
            known.clone_from(&rows.columns);
        }
        (known.clone(), rows.rows.clone())
    }
}

/// MariaDB leaves out definitions that it sent before on the same connection: whoever had that
/// before, each client knows the columns of what it gets.
fn cached_metadata(context: &Context) {
    if !context.is_mariadb() {
        return;
    }
    context.lay_out(&[
        "DROP TABLE IF EXISTS cached",
        "CREATE TABLE cached (a INT, b VARCHAR(20))",
        "INSERT INTO cached VALUES (1, 'x')",
    ]);
    let lists = "SHOW PROCESSLIST";
    let texts = ["SELECT * FROM cached", "SELECT ? AS p, b FROM cached WHERE a = ?", lists];
    let changes = [
        "ALTER TABLE cached ADD c BIGINT DEFAULT 7",
        "ALTER TABLE cached MODIFY b CHAR(9)",
        "ALTER TABLE cached DROP c",
        "ALTER TABLE cached MODIFY b TEXT",
    ];
    let given = [Param::Int(5), Param::Bytes(b"five".to_vec()), Param::Double(0.5)];
    for deprecate_eof in [0, flags::DEPRECATE_EOF] {
        let lanewire = context.lanewire_as("[pool]\nmax-connections = 2\n", &["--shards=1"]);
        let with = flags::MARIADB_CACHE_METADATA | deprecate_eof;
        let open = || Caching::new(&lanewire.options().with(with), &texts);
        let mut clients: Vec<Caching> = (0..4).map(|_| open()).collect();
        let mut plain = Caching::new(&context.direct_options(0), &texts);
        for round in 0..48_usize {
            if round % 12 == 11 {
                context.lay_out(&[changes[round / 12]]);
            }
            let names = if round % 5 == 0 { "SET NAMES latin1" } else { "SET NAMES utf8mb4" };
            let (first, second) = (round % 4, (round + round / 4) % 4);
            let params = [given[round % 3].clone(), Param::Int(1)];
            plain.client.must(names).unwrap();
            let all = plain.execute(0, &[]);
            let some = plain.execute(1, &params);
            for client in [first, second] {
                clients[client].client.must(names).unwrap();
                assert_eq!(clients[client].execute(0, &[]), all, "round {round}");
                assert_eq!(clients[client].execute(1, &params), some, "round {round}");
            }
        }
        plain.client.must("SET NAMES utf8mb4").unwrap();
        let (columns, _) = plain.execute(2, &[]);
        for client in &mut clients {
            client.client.must("SET NAMES utf8mb4").unwrap();
            for _ in 0..3 {
                assert_eq!(client.execute(2, &[]).0, columns);
            }
        }
        let abridged: u32 = clients.iter().map(|client| client.abridged).sum();
        assert!(abridged > 40, "{abridged} of 192 without definitions");
    }
}

/// MySQL sends no definitions at all where a client wants none.
fn optional_metadata(context: &Context) {
    if context.is_mariadb() {
        return;
    }
    let script = |options: Options| {
        let mut client = Client::connect(&options).unwrap();
        let mut seen = Vec::new();
        for wish in ["NONE", "FULL", "NONE"] {
            client.must(&format!("SET resultset_metadata={wish}")).unwrap();
            for sql in ["SELECT n FROM numbers WHERE n < 3", "INSERT INTO marker VALUES (1, '')"] {
                seen.push(client.query(sql).unwrap().packets);
            }
            seen.push(
                client.query("SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID()").unwrap().packets,
            );
            let mut prepared = client.prepare("SELECT n, pad FROM numbers WHERE n = ?").unwrap();
            for _ in 0..3 {
                seen.push(client.execute(prepared.id, &[Param::Int(3)]).unwrap().packets);
                seen.push(client.query("SELECT 1/0").unwrap().packets);
            }
            prepared.packets[0].payload[1..5].fill(0);
            seen.push(prepared.packets);
        }
        seen
    };
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 2\n", &["--shards=1"]);
    for deprecate_eof in [0, flags::DEPRECATE_EOF] {
        let flags = flags::OPTIONAL_METADATA | deprecate_eof;
        let expected = script(context.direct_options(0).with(flags));
        let mut other = Client::connect(&lanewire.options().with(flags)).unwrap();
        for _ in 0..3 {
            for (expected, got) in expected.iter().zip(script(lanewire.options().with(flags))) {
                let shapes = |packets: &[Packet]| -> Vec<String> {
                    packets.iter().map(|packet| shape(packet, flags)).collect()
                };
                assert_eq!(shapes(expected), shapes(&got));
            }
            let rows = other.must("SELECT n FROM numbers WHERE n < 3").unwrap();
            assert_eq!(rows.rows().unwrap().columns.len(), 1);
        }
    }
}
