//! Rude peers: each gets an error or is closed, and no other session notices.

use crate::{Context, Test};
use lanewire_perf::client::{Address, Client, Options, Wire};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("bad_input::before_login", before_login),
    ("bad_input::after_login", after_login),
    ("bad_input::wrong_logins", wrong_logins),
    ("bad_input::silent_client", silent_client),
    ("bad_input::vanishing_clients", vanishing_clients),
];

const PATIENCE: Duration = Duration::from_secs(8);

fn dial(address: &Address) -> Wire {
    let mut wire = Wire::connect(address, PATIENCE).unwrap();
    wire.receive().expect("a greeting");
    wire
}

/// The login packet of a 4.1 client, to be spoiled.
fn login() -> Vec<u8> {
    let mut out = vec![0x85, 0xA6, 0x0F, 0, 0, 0, 0, 1, 45];
    out.extend_from_slice(&[0; 23]);
    out.extend_from_slice(b"app\0");
    out.push(20);
    out.extend_from_slice(&[7; 20]);
    out.extend_from_slice(b"mysql_native_password\0");
    out
}

fn framed(seq: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = payload.len().to_le_bytes()[..3].to_vec();
    out.push(seq);
    out.extend_from_slice(payload);
    out
}

fn before_login(context: &Context) {
    let lanewire = context.lanewire();
    let mut witness = lanewire.client();
    let mut truncated = framed(1, &login());
    truncated.truncate(30);
    let mut lying = login();
    lying[36] = 250;
    let spoiled: Vec<(&str, Vec<u8>)> = vec![
        ("garbage", vec![0xA5; 600]),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a wrong number", framed(7, &login())),
        ("an empty packet", framed(1, &[])),
        ("a short packet", framed(1, &[0x85, 0xA6])),
        ("a truncated login", truncated),
        ("a response longer than the packet", framed(1, &lying)),
        ("16 MiB announced", vec![0xFF, 0xFF, 0xFF, 1, 0, 0]),
        ("no user's end", framed(1, &login()[..33])),
        ("a login of the 3.20 kind", framed(1, b"\x01\x00\x00\x00\x00app\0pw\0")),
    ];
    for (what, bytes) in spoiled {
        let mut wire = dial(&lanewire.address());
        wire.send_bytes(&bytes).unwrap();
        wire.shutdown_write().unwrap();
        let (_, closed) = wire.read_to_close();
        assert!(closed, "{what}: still open");
        assert_eq!(witness.must("SELECT 1").unwrap().first_cell().unwrap(), "1", "{what}");
    }
    let malformed = lanewire.admin_table("SELECT malformed FROM shards");
    assert!(malformed.iter().flatten().any(|(_, count)| count != "0"), "{malformed:?}");
    lanewire.client().must("SELECT 1").unwrap();
}

fn after_login(context: &Context) {
    let lanewire = context.lanewire();
    let mut witness = lanewire.client();
    witness.must("SET @witness=1").unwrap();
    let spoiled: Vec<(&str, Vec<u8>)> = vec![
        ("a wrong number", framed(5, b"\x03SELECT 1")),
        ("an empty command", framed(0, &[])),
        ("an unknown command", framed(0, &[0xF3, 1, 2])),
        ("half a header", vec![9, 0]),
        ("half a packet", vec![100, 0, 0, 0, 3, b'S']),
        ("full packets without end", vec![0xFF, 0xFF, 0xFF, 0, 3, b'S']),
        ("EXECUTE of nothing", framed(0, &[0x17])),
        ("EXECUTE of a statement that is not", framed(0, &[0x17, 9, 9, 9, 9, 0, 1, 0, 0, 0])),
        ("CLOSE of nothing", framed(0, &[0x19])),
        ("FETCH of nothing", framed(0, &[0x1C, 1])),
        ("a short SEND_LONG_DATA", framed(0, &[0x18, 1])),
        ("a malformed CHANGE_USER", framed(0, &[0x11, b'a'])),
        ("a CHANGE_USER that lies", framed(0, b"\x11app\0\xF0abc")),
        ("SET_OPTION of nothing", framed(0, &[0x1B])),
        ("an old process command", framed(0, &[0x0A])),
        ("a statement of NULs", framed(0, b"\x03\0\0\0\0")),
        ("unfinished SQL", framed(0, b"\x03SELECT '/* \" `")),
        ("not UTF-8", framed(0, b"\x03SELECT \xFF\xFE\x80")),
        ("an empty statement", framed(0, &[3])),
    ];
    for (what, bytes) in spoiled {
        let mut client = lanewire.client();
        client.wire().send_bytes(&bytes).unwrap();
        client.wire().shutdown_write().unwrap();
        let (_, closed) = client.wire().read_to_close();
        assert!(closed, "{what}: still open");
        let reply = witness.must("SELECT @witness").unwrap();
        assert_eq!(reply.first_cell().as_deref(), Some("1"), "{what}");
    }
    // Where the numbers are right, an error leaves the session usable.
    let mut client = lanewire.client();
    for body in [&[0xF3_u8][..], &[0x17, 9, 9, 9, 9, 0, 1, 0, 0, 0]] {
        let reply = client.simple(body[0], &body[1..]).unwrap();
        assert!(reply.error().is_some(), "{body:?}");
        client.must("SELECT 1").unwrap();
    }
}

fn wrong_logins(context: &Context) {
    let lanewire = context.lanewire();
    let with = |user: &str, password: &str| {
        Client::connect(&Options::new(lanewire.address(), user, password)).unwrap_err().code()
    };
    assert_eq!(with("app", "wrong"), Some(1045));
    assert_eq!(with("app", ""), Some(1045));
    assert_eq!(with("nobody", "app"), Some(1045));
    assert_eq!(with("", ""), Some(1045));
    assert_eq!(with(&"u".repeat(3000), "x"), Some(1045));
    let unknown = Client::connect(&lanewire.options().schema("no_such_schema"));
    assert_eq!(unknown.unwrap_err().code(), Some(1049));
    lanewire.client().must("SELECT 1").unwrap();
}

fn silent_client(context: &Context) {
    let lanewire = context.lanewire_as("[timeouts]\nlogin = \"1s\"\n", &[]);
    let mut wire = dial(&lanewire.address());
    let began = Instant::now();
    let (_, closed) = wire.read_to_close();
    assert!(closed, "a client that says nothing stays");
    assert!(began.elapsed() > Duration::from_millis(500), "{:?}", began.elapsed());
    lanewire.client().must("SELECT 1").unwrap();
}

fn vanishing_clients(context: &Context) {
    let lanewire = context.lanewire();
    let mut witness = lanewire.client();
    context.lay_out(&["DROP TABLE IF EXISTS vanish", "CREATE TABLE vanish (a INT)"]);
    for round in 0..60 {
        let mut client = lanewire.client();
        match round % 4 {
            0 => drop(client.must("BEGIN; INSERT INTO vanish VALUES (1)")),
            1 => client.send_query("SELECT SLEEP(0.1), name FROM marker").unwrap(),
            2 => {
                client.send_query("SELECT a.pad FROM numbers a JOIN numbers b LIMIT 50000").unwrap()
            }
            _ => drop(client.must("SET @a=1; LOCK TABLES vanish READ")),
        }
        drop(client);
        assert_eq!(witness.must("SELECT @a").unwrap().first_cell(), None, "round {round}");
    }
    // What they had open is rolled back, unlocked, and not seen by the next.
    let reply = lanewire.client().must("INSERT INTO vanish VALUES (2)").unwrap();
    assert_eq!(reply.ok().unwrap().affected_rows, 1);
    let rows = context.direct().must("SELECT * FROM vanish").unwrap();
    assert_eq!(rows.table(), [["2"]]);
}
