//! Makes the captures; not a test. See `captures/README.md`.
//!
//! Where a reply ends is found by silence, so that nothing here rests on the code that the
//! captures test.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use lanewire::auth::{BackendSecret, ClientSide, ClientStep};
use lanewire::protocol::{
    AuthSwitch, Capabilities, ChangeUser, Command, ErrPacket, Greeting, HEADER_LEN, Header, Login,
    PrepareOk, put_packet,
};

use crate::capture::{Capture, Packet, Side};
use crate::scenario::{DIALECTS, Dialect, INFILE, PASSWORD, SCENARIOS, SETUP, Send, is_recorded};

/// No byte for this long ends a reply.
const SILENCE: Duration = Duration::from_millis(400);
/// A reply's first byte comes within this.
const PATIENCE: Duration = Duration::from_secs(20);

struct Wire {
    socket: TcpStream,
    packets: Vec<Packet>,
    greeting: Greeting,
    caps: Capabilities,
    seq: u8,
}

impl Wire {
    fn dial(address: &str) -> Self {
        let socket = TcpStream::connect(address).expect("the server listens");
        let mut wire = Self {
            socket,
            packets: Vec::new(),
            greeting: Greeting::default(),
            caps: Capabilities::empty(),
            seq: 0,
        };
        if let Some(first) = wire.read(PATIENCE) {
            wire.greeting = Greeting::decode(&first).unwrap_or_default();
        }
        wire
    }

    /// One packet; `None` after silence or at the end.
    fn read(&mut self, patience: Duration) -> Option<Vec<u8>> {
        self.socket.set_read_timeout(Some(patience)).expect("not zero");
        let mut header = [0; HEADER_LEN];
        match self.socket.read_exact(&mut header) {
            Ok(()) => {}
            Err(error)
                if [
                    ErrorKind::WouldBlock,
                    ErrorKind::TimedOut,
                    ErrorKind::UnexpectedEof,
                    ErrorKind::ConnectionReset,
                ]
                .contains(&error.kind()) =>
            {
                return None;
            }
            Err(error) => panic!("{error}"),
        }
        let header = Header::decode(&header).expect("four bytes are there");
        let mut payload = vec![0; header.payload_len()];
        self.socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
        self.socket.read_exact(&mut payload).expect("a packet does not stop in the middle");
        self.seq = header.seq.wrapping_add(1);
        let packet = Packet { side: Side::Server, seq: header.seq, payload: payload.clone() };
        self.packets.push(packet);
        Some(payload)
    }

    fn send(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        let next = put_packet(&mut out, self.seq, payload);
        let packet = Packet { side: Side::Client, seq: self.seq, payload: payload.to_vec() };
        self.packets.push(packet);
        self.seq = next;
        self.socket.write_all(&out).expect("the server reads");
    }

    fn capture(&mut self, name: String) -> Capture {
        Capture { name, caps: self.caps, packets: std::mem::take(&mut self.packets) }
    }

    /// Logs in, naming `plugin` or the greeting's own, and says whether it worked.
    fn login(&mut self, caps: Capabilities, password: &[u8], plugin: Option<&[u8]>) -> bool {
        self.caps = caps & self.greeting.capabilities;
        if self.greeting.capabilities.contains(Capabilities::LONG_PASSWORD) {
            self.caps |= caps & Capabilities::LONG_PASSWORD;
        } else {
            self.caps |= caps & (Capabilities::LONG_PASSWORD | Capabilities::MULTI_STATEMENTS);
        }
        let plugin = plugin.unwrap_or(&self.greeting.auth_plugin).to_vec();
        let secret = BackendSecret::Password(password.to_vec());
        let (side, auth_response) =
            ClientSide::new(&secret, &plugin, self.greeting.scramble, false);
        let login = Login {
            capabilities: self.caps,
            max_packet: 1 << 30,
            collation: 45,
            user: b"wire".to_vec(),
            auth_response,
            auth_plugin: Some(plugin),
            ..Login::default()
        };
        self.caps = login.wire_capabilities();
        self.send(&login.encode());
        self.authenticate(side)
    }

    fn authenticate(&mut self, mut side: ClientSide) -> bool {
        while let Some(payload) = self.read(PATIENCE) {
            match side.drive(&payload) {
                ClientStep::Send(answer) => self.send(&answer),
                ClientStep::Wait => {}
                ClientStep::Authenticated => return true,
                ClientStep::Failed(_) => return false,
            }
        }
        false
    }

    fn change_user(&mut self) -> bool {
        let secret = BackendSecret::Password(PASSWORD.to_vec());
        let plugin = self.greeting.auth_plugin.clone();
        let (side, auth_response) =
            ClientSide::new(&secret, &plugin, self.greeting.scramble, false);
        let change = ChangeUser {
            user: b"wire".to_vec(),
            auth_response,
            schema: Some(b"wire".to_vec()),
            collation: Some(45),
            auth_plugin: Some(plugin),
            attributes: Vec::new(),
        };
        self.seq = 0;
        self.send(&change.encode(self.caps).expect("the response is short"));
        self.authenticate(side)
    }

    /// Sends a command and reads until nothing more comes.
    fn converse(&mut self, payload: &[u8]) {
        self.seq = 0;
        if !payload.is_empty() {
            self.send(payload);
        }
        let mut patience = PATIENCE;
        while let Some(reply) = self.read(patience) {
            patience = SILENCE;
            if reply.first() == Some(&0xFB) && self.packets.len() == 2 {
                self.send(INFILE);
                self.send(b"");
                patience = PATIENCE;
            }
        }
    }

    fn prepared_id(&self) -> Option<u32> {
        let reply = self.packets.get(1)?;
        PrepareOk::decode(&reply.payload).ok().map(|ok| ok.statement_id)
    }
}

fn query(sql: &str) -> Vec<u8> {
    [&[Command::Query.byte()], sql.as_bytes()].concat()
}

fn record_dialect(address: &str, is_mariadb: bool, dialect: &Dialect, out: &mut String) {
    let mut wire = Wire::dial(address);
    assert!(wire.login(dialect.caps, PASSWORD, None), "{:?}", wire.packets);
    for sql in SETUP.iter().chain(dialect.setup) {
        wire.converse(&query(sql));
    }
    wire.packets.clear();
    let mut statement = 0;
    for scenario in SCENARIOS.iter().filter(|it| is_recorded(is_mariadb, dialect, it)) {
        let payload = match scenario.send {
            Send::Query(sql) => query(sql),
            Send::Bare(command, rest) => [&[command.byte()], rest].concat(),
            Send::Statement(command, rest) => {
                [&[command.byte()], &u32::to_le_bytes(statement)[..], rest].concat()
            }
        };
        wire.converse(&payload);
        statement = wire.prepared_id().filter(|_| scenario.name == "prepare").unwrap_or(statement);
        out.push_str(&wire.capture(format!("{}/{}", dialect.name, scenario.name)).print());
    }
}

fn record_logins(address: &str, is_mariadb: bool, out: &mut String) {
    let caps = DIALECTS[1].caps;
    let other: &[u8] = if is_mariadb { b"caching_sha2_password" } else { b"mysql_native_password" };
    let mut keep = |wire: &mut Wire, name: &str| {
        out.push_str(&wire.capture(name.to_owned()).print());
    };
    for (name, password, plugin, right) in [
        ("login/first", PASSWORD, None, true),
        ("login/second", PASSWORD, None, true),
        ("login/switch", PASSWORD, Some(other), true),
        ("login/wrong", &b"wrong"[..], None, false),
    ] {
        let mut wire = Wire::dial(address);
        assert_eq!(wire.login(caps, password, plugin), right, "{name}: {:?}", wire.packets);
        keep(&mut wire, name);
        if name == "login/second" {
            assert!(wire.change_user(), "{:?}", wire.packets);
            keep(&mut wire, "login/change-user");
        }
    }
    // Too many connections: refused in the greeting's place.
    let mut first = Wire::dial(address);
    assert!(first.login(caps, PASSWORD, None));
    first.converse(&query("SET GLOBAL max_connections=10"));
    let mut all: Vec<_> = (0..12).map(|_| Wire::dial(address)).collect();
    first.converse(&query("SET GLOBAL max_connections=151"));
    let mut refused = all.pop().expect("twelve were dialled");
    keep(&mut refused, "login/refused");
    // A server that closes an idle connection may say so first.
    let mut idle = Wire::dial(address);
    assert!(idle.login(caps, PASSWORD, None));
    idle.converse(&query("SET wait_timeout=1"));
    idle.packets.clear();
    idle.converse(b"");
    if !idle.packets.is_empty() {
        keep(&mut idle, "idle");
    }
}

fn write(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/captures").join(name);
    std::fs::write(path, text).expect("the folder can be written");
}

#[test]
#[ignore = "makes the captures anew: needs LANEWIRE_CAPTURE=address of a server"]
fn record_server() {
    let address = std::env::var("LANEWIRE_CAPTURE").expect("LANEWIRE_CAPTURE is host:port");
    let greeting = Wire::dial(&address).greeting;
    let version = String::from_utf8_lossy(&greeting.version).into_owned();
    let is_mariadb = version.contains("MariaDB");
    let mut out = format!("# {version}\n\n");
    record_logins(&address, is_mariadb, &mut out);
    for dialect in &DIALECTS {
        if is_recorded(is_mariadb, dialect, &SCENARIOS[0]) {
            record_dialect(&address, is_mariadb, dialect, &mut out);
        }
    }
    write(if is_mariadb { "mariadb-10.11.txt" } else { "mysql-9.7.txt" }, &out);
}

/// Greets every client in `LANEWIRE_CAPTURE_CLIENTS` (`name=command`, one a line; `PORT` stands
/// for the port) as the captured MariaDB server does, and keeps its answers.
#[test]
#[ignore = "makes the captures anew: needs LANEWIRE_CAPTURE_CLIENTS"]
fn record_clients() {
    let clients = std::env::var("LANEWIRE_CAPTURE_CLIENTS").expect("name=command, one a line");
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let mut greeting = crate::logins::greeting(crate::capture::MARIADB);
    greeting.capabilities.remove(Capabilities::SSL);
    let mut out =
        "# First packets of clients, to a greeting of MariaDB 10.11 without TLS.\n\n".to_owned();
    for line in clients.lines() {
        let (name, shell) = line.split_once('=').expect("name=command");
        let mut child = Process::new("sh")
            .args(["-c", &shell.replace("PORT", &port)])
            .stdin(Stdio::null())
            .spawn()
            .expect("there is a shell");
        let (socket, _) = listener.accept().expect("the client dials");
        let caps = Capabilities::empty();
        let mut wire =
            Wire { socket, packets: Vec::new(), greeting: greeting.clone(), caps, seq: 0 };
        wire.serve();
        // What the client says is the client's here.
        for packet in &mut wire.packets {
            packet.side = match packet.side {
                Side::Server => Side::Client,
                Side::Client => Side::Server,
            };
        }
        out.push_str(&wire.capture(name.to_owned()).print());
        child.wait().expect("the client ends");
    }
    write("clients.txt", &out);
}

impl Wire {
    /// Greets, reads the login, switches the plugin, refuses.
    fn serve(&mut self) {
        self.send(&self.greeting.encode());
        self.read(PATIENCE).expect("the client logs in");
        let data = &self.greeting.scramble.clone();
        self.send(&AuthSwitch { plugin: b"mysql_native_password", data }.encode());
        self.read(PATIENCE);
        let refusal =
            ErrPacket { code: 1045, sqlstate: *b"28000", message: b"Access denied" }.encode();
        self.send(&refusal);
    }
}
