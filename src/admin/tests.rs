use std::sync::OnceLock;

use super::*;
use crate::auth::{BackendSecret, ClientSide, ClientStep};
use crate::cluster::{Backend, ClusterView, Role, Topology};
use crate::config::{self, Address, BackendSettings, Origin};
use crate::net::blocking::{BlockingLink, LinkError};
use crate::protocol::{
    Capabilities, EofPacket, ErrPacket, Greeting, Login, OkPacket, Reader, resultset,
};

const SECOND: Duration = Duration::from_secs(1);

fn backend(name: &str, host: &str, role: config::Role) -> BackendSettings {
    BackendSettings {
        name: name.into(),
        address: Address::Tcp { host: host.into(), port: 3306 },
        role,
        weight: 1,
        max_connections: 100,
        min_idle: 4,
        max_idle: 8,
        origin: Origin::default(),
    }
}

fn rsa() -> RsaKey {
    static KEY: OnceLock<RsaKey> = OnceLock::new();
    KEY.get_or_init(|| RsaKey::generate().unwrap()).clone()
}

/// A primary and a replica, two shards.
pub(super) fn sources() -> Sources {
    let backends = vec![
        backend("main", "10.0.0.1", config::Role::Primary),
        backend("copy", "10.0.0.2", config::Role::Replica),
    ];
    let mut settings = Settings { backends, ..Settings::default() };
    settings.admin.address = Some("127.0.0.1:0".parse().unwrap());
    settings.admin.password = "secret".into();
    let named = |name: &str, role| Backend { name: name.into(), role, weight: 1 };
    let topology =
        Topology::new(vec![named("main", Role::Primary), named("copy", Role::Replica)]).unwrap();
    let view = Arc::new(ClusterView::initial(&topology));
    Sources {
        settings: Arc::new(settings),
        registry: Arc::new(Registry::new(2, 2)),
        view: Arc::new(move || Arc::clone(&view)),
        rsa: rsa(),
        started: Instant::now(),
    }
}

fn spawn() -> Admin {
    let Sources { settings, registry, view, rsa, started: _ } = sources();
    Admin::spawn(settings, registry, view, rsa).unwrap().unwrap()
}

const CAPS: Capabilities = Capabilities::LONG_PASSWORD
    .union(Capabilities::PROTOCOL_41)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH);

/// Logs in as a client that prefers `plugin`, which may not be the greeting's.
fn log_in(
    admin: &Admin,
    user: &str,
    password: &str,
    plugin: &[u8],
) -> Result<BlockingLink, (u16, String)> {
    let mut link = BlockingLink::connect_tcp(admin.address(), 5 * SECOND, 1 << 20).unwrap();
    let greeting = Greeting::decode(&link.receive().unwrap()).unwrap();
    assert!(greeting.version.starts_with(b"8.0"));
    let secret = BackendSecret::Password(password.into());
    let (mut side, auth_response) = ClientSide::new(&secret, plugin, greeting.scramble, false);
    let login = Login {
        capabilities: CAPS,
        max_packet: 1 << 24,
        collation: 45,
        user: user.into(),
        auth_response,
        auth_plugin: Some(side.plugin().name().into()),
        ..Login::default()
    };
    link.send(&login.encode()).unwrap();
    loop {
        let payload = link.receive().unwrap();
        match side.drive(&payload) {
            ClientStep::Send(payload) => link.send(&payload).unwrap(),
            ClientStep::Wait => {}
            ClientStep::Authenticated => return Ok(link),
            ClientStep::Failed(_) => {
                let error = ErrPacket::decode(&payload).unwrap();
                return Err((error.code, String::from_utf8_lossy(error.message).into_owned()));
            }
        }
    }
}

type Rows = Vec<Vec<Option<String>>>;

/// Column names and rows, or the error.
fn query(link: &mut BlockingLink, sql: &str) -> Result<(Vec<String>, Rows), (u16, String)> {
    link.begin_command();
    link.send(format!("\x03{sql}").as_bytes()).unwrap();
    let first = link.receive().unwrap();
    match first[0] {
        0xFF => {
            let error = ErrPacket::decode(&first).unwrap();
            return Err((error.code, String::from_utf8_lossy(error.message).into_owned()));
        }
        0 => {
            OkPacket::decode(&first, CAPS).unwrap();
            return Ok((Vec::new(), Vec::new()));
        }
        _ => {}
    }
    let names = (0..Reader::new(&first).lenenc().unwrap()).map(|_| {
        let payload = link.receive().unwrap();
        let column = resultset::ColumnDefinition::decode(&payload, CAPS).unwrap();
        String::from_utf8_lossy(column.name).into_owned()
    });
    let names = names.collect();
    EofPacket::decode(&link.receive().unwrap()).unwrap();
    let mut rows = Vec::new();
    loop {
        let row = link.receive().unwrap();
        if row[0] == 0xFE {
            return Ok((names, rows));
        }
        let cell = |value: Option<&[u8]>| value.map(|text| String::from_utf8_lossy(text).into());
        rows.push(resultset::text_row(&row).map(|value| cell(value.unwrap())).collect());
    }
}

#[test]
fn a_client_logs_in_and_reads_the_tables() {
    let admin = spawn();
    for plugin in [&b"mysql_native_password"[..], b"caching_sha2_password"] {
        let mut link = log_in(&admin, "admin", "secret", plugin).unwrap();
        let (names, rows) = query(&mut link, "select * from BACKENDS;").unwrap();
        assert_eq!(names[0], "backend_ndx");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][2].as_deref(), Some("unknown"));
        let (names, rows) = query(&mut link, "SELECT state, TYPE FROM backends").unwrap();
        assert_eq!(names, ["state", "type"]);
        assert_eq!(rows[0], [Some("unknown".to_owned()), Some("rw".to_owned())]);
        let (code, message) = query(&mut link, "SELECT lag FROM backends").unwrap_err();
        assert_eq!(code, 1054);
        assert!(message.contains("'lag'") && message.ends_with("FROM backends'"), "{message}");
        assert_eq!(query(&mut link, "SET NAMES utf8mb4").unwrap().1.len(), 0);
        let (_, rows) = query(&mut link, "select @@version_comment limit 1").unwrap();
        assert_eq!(rows, [[Some(VERSION_COMMENT.to_owned())]]);
        let (code, message) = query(&mut link, "DROP TABLE backends").unwrap_err();
        assert_eq!(code, 1105);
        assert!(message.ends_with("use 'SELECT * FROM help'"), "{message}");
        let (_, rows) = query(&mut link, "SELECT * FROM help").unwrap();
        assert_eq!(rows.len(), 5);
    }
}

#[test]
fn every_other_command_is_answered() {
    let admin = spawn();
    let mut link = log_in(&admin, "admin", "secret", b"mysql_native_password").unwrap();
    let mut command = |payload: &[u8]| {
        link.begin_command();
        link.send(payload).unwrap();
        link.receive()
    };
    assert_eq!(command(b"\x0e").unwrap()[0], 0, "ping");
    assert_eq!(command(b"\x02lanewire").unwrap()[0], 0, "init db");
    assert!(command(b"\x09").unwrap().starts_with(b"Uptime: 0  Threads: 0"), "statistics");
    assert_eq!(command(b"\x1b\x00\x00").unwrap()[0], 0xFE, "set option");
    for refused in [&b"\x16SELECT 1"[..], b"\x11", b"\x12", b"\x77", b""] {
        assert_eq!(command(refused).unwrap()[..3], [0xFF, 0x17, 0x04], "{refused:?}");
    }
    assert!(matches!(command(b"\x01"), Err(LinkError::Closed)), "quit");
}

#[test]
fn a_wrong_password_or_user_is_denied() {
    let admin = spawn();
    for plugin in [&b"mysql_native_password"[..], b"caching_sha2_password"] {
        for (user, password) in [("admin", "wrong"), ("root", "secret"), ("admin", ""), ("", "")] {
            let (code, _) = log_in(&admin, user, password, plugin).unwrap_err();
            assert_eq!(code, 1045, "{user}/{password}");
        }
    }
}

#[test]
fn nonsense_and_silence_end_one_client_only() {
    let admin = spawn();
    let mut link = BlockingLink::connect_tcp(admin.address(), SECOND, 1 << 20).unwrap();
    link.receive().unwrap();
    link.send(b"\x00\x01GET / HTTP/1.1").unwrap();
    assert_eq!(ErrPacket::decode(&link.receive().unwrap()).unwrap().code, 1043);
    let mut link = BlockingLink::connect_tcp(admin.address(), SECOND, 1 << 20).unwrap();
    link.receive().unwrap();
    link.send_framed(&[0xFF, 0xFF, 0xFF, 1], 2).unwrap();
    assert!(link.receive().is_err(), "a packet beyond the limit");
    assert!(log_in(&admin, "admin", "secret", b"mysql_native_password").is_ok());
}

#[test]
fn a_seventeenth_client_is_told_so() {
    let admin = spawn();
    let clients: Vec<_> = (0..CLIENTS_MAX)
        .map(|_| log_in(&admin, "admin", "secret", b"mysql_native_password").unwrap())
        .collect();
    let mut late = BlockingLink::connect_tcp(admin.address(), SECOND, 1 << 20).unwrap();
    assert_eq!(ErrPacket::decode(&late.receive().unwrap()).unwrap().code, 1040);
    drop(clients);
    // The places are free as soon as their threads have seen the close.
    let again = (0..100).any(|_| {
        thread::sleep(SECOND / 100);
        let mut link = BlockingLink::connect_tcp(admin.address(), SECOND, 1 << 20).unwrap();
        link.receive().unwrap()[0] == 10
    });
    assert!(again);
}
