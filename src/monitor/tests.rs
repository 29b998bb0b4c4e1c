use std::net::TcpListener;
use std::sync::mpsc;

use super::*;
use crate::cluster::{Backend, Role, ServerFacts};
use crate::config::{self, Address, BackendSettings, Origin, PasswordSetting, UserSettings};
use crate::net::blocking::BlockingLink;
use crate::protocol::{
    Capabilities, Column, ErrPacket, FirstPacket, Greeting, OkPacket, StatusFlags, put_resultset,
};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn greeting(version: &str) -> Greeting {
    Greeting {
        version: version.into(),
        thread_id: 7,
        scramble: *b"abcdefghijklmnopqrst",
        capabilities: Capabilities::LONG_PASSWORD
            | Capabilities::PROTOCOL_41
            | Capabilities::SECURE_CONNECTION
            | Capabilities::PLUGIN_AUTH,
        collation: 8,
        status: StatusFlags::AUTOCOMMIT,
        auth_plugin: b"mysql_native_password".to_vec(),
    }
}

pub(super) fn facts() -> ServerFacts {
    ServerFacts::from_greeting(&greeting("9.7.4"))
}

fn settings(port: u16) -> (Arc<Settings>, Topology) {
    let backend = BackendSettings {
        name: "db".into(),
        address: Address::Tcp { host: "127.0.0.1".into(), port },
        role: config::Role::Primary,
        weight: 1,
        max_connections: 100,
        min_idle: 0,
        max_idle: 0,
        origin: Origin::default(),
    };
    let user = UserSettings {
        name: "app".into(),
        secret: PasswordSetting::Plain("app".into()),
        backend_user: None,
        backend_password: None,
    };
    let settings = Settings { backends: vec![backend], users: vec![user], ..Settings::default() };
    let backend = Backend { name: "db".into(), role: Role::Primary, weight: 1 };
    (Arc::new(settings), Topology::new(vec![backend]).unwrap())
}

fn start(port: u16) -> (Monitor, Receiver<Arc<ClusterView>>) {
    let (views, inbox) = mpsc::channel();
    let (settings, topology) = settings(port);
    let publish = Box::new(move |view| views.send(view).unwrap());
    (Monitor::spawn(settings, &topology, publish).unwrap(), inbox)
}

/// Plays a server for one survey: any login is granted, variables as `value_of` says.
fn serve(listener: &TcpListener, version: &str, value_of: impl Fn(&str) -> Option<&'static str>) {
    let (stream, _) = listener.accept().unwrap();
    let mut link = BlockingLink::accepted(stream, 5 * SECOND, 1 << 16).unwrap();
    link.send(&greeting(version).encode()).unwrap();
    let FirstPacket::Login(login) = FirstPacket::decode(&link.receive().unwrap()).unwrap() else {
        panic!("no login");
    };
    assert_eq!(login.user, b"app");
    assert_eq!(login.auth_response.len(), 20);
    link.send(&OkPacket::default().encode(login.capabilities)).unwrap();
    loop {
        link.begin_command();
        let command = link.receive().unwrap();
        if command == [1] {
            return;
        }
        let sql = String::from_utf8(command[1..].to_vec()).unwrap();
        let name = sql.strip_prefix("SELECT @@global.").unwrap();
        let Some(value) = value_of(name) else {
            let error = ErrPacket { code: 1193, sqlstate: *b"HY000", message: b"Unknown" };
            link.send(&error.encode()).unwrap();
            continue;
        };
        let mut out = Vec::new();
        let columns = [Column::Text(&sql)];
        let seq = put_resultset(
            &mut out,
            link.seq(),
            login.capabilities,
            &columns,
            [[Some(value)]],
            StatusFlags::AUTOCOMMIT,
        );
        link.send_framed(&out, seq).unwrap();
    }
}

#[test]
fn a_server_is_surveyed_and_published() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (monitor, views) = start(port);
    let first = views.recv_timeout(5 * SECOND).unwrap();
    assert_eq!(first.generation, 1);
    assert_eq!(first.backends[0].addresses, [listener.local_addr().unwrap()]);
    assert_eq!(first.backends[0].facts, None);
    serve(&listener, "5.5.5-10.11.19-MariaDB", |name| match name {
        "wait_timeout" => Some("600"),
        "max_connections" => Some("50"),
        "server_id" => Some("4294967295"),
        "read_only" => Some("1"),
        _ => None,
    });
    let second = views.recv_timeout(5 * SECOND).unwrap();
    assert_eq!(second.generation, 2);
    let facts = second.backends[0].facts.as_deref().unwrap();
    assert!(facts.mariadb);
    assert_eq!(
        (facts.version_number, facts.wait_timeout_s, facts.max_connections, facts.server_id),
        (101_119, 600, 50, u32::MAX)
    );
    assert_eq!(facts.read_only, Some(true));
    assert_eq!(facts.uuid, "4294967295", "no server_uid: known by its server_id");
    // Another version after a poke, and nothing new after a second one.
    let poker = monitor.poker();
    poker.poke(BackendIdx(0));
    poker.poke(BackendIdx(9));
    serve(&listener, "9.7.4", |name| (name == "server_uuid").then_some("u-1"));
    let third = views.recv_timeout(5 * SECOND).unwrap();
    assert_eq!(third.backends[0].facts.as_deref().unwrap().uuid, "u-1");
    monitor.stop();
    assert!(views.recv_timeout(SECOND / 10).is_err());
}

#[test]
fn a_refusal_and_nonsense_are_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (monitor, views) = start(listener.local_addr().unwrap().port());
    assert_eq!(views.recv_timeout(5 * SECOND).unwrap().generation, 1);
    let refuse = |payload: &[u8]| {
        let (stream, _) = listener.accept().unwrap();
        let mut link = BlockingLink::accepted(stream, SECOND, 1 << 16).unwrap();
        link.send(payload).unwrap();
    };
    let busy = ErrPacket { code: 1040, sqlstate: *b"08004", message: b"Too many connections" };
    refuse(&busy.encode());
    refuse(b"HTTP/1.1 400 Bad Request");
    serve(&listener, "9.7.4", |_| None);
    let view = views.recv_timeout(5 * SECOND).unwrap();
    assert_eq!(view.backends[0].facts.as_deref().unwrap().version, b"9.7.4");
    drop(monitor);
}
