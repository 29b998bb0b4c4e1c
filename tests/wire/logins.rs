//! Greetings and logins: real servers' conversations, and real clients' first packets.

use std::sync::LazyLock;

use lanewire::auth::{
    BackendSecret, ClientSide, ClientStep, Plugin, RsaKey, Secret, ServerSide, ServerStep,
};
use lanewire::protocol::{
    AuthMoreData, AuthSwitch, Capabilities, ChangeUser, ErrPacket, FirstPacket, Greeting, Login,
    Malformed, OkPacket,
};

use crate::capture::{CLIENTS, Capture, File, MARIADB, MYSQL, Packet, Side};
use crate::scenario::PASSWORD;

static RSA: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::generate().expect("random bytes exist"));

const LOGINS: [&str; 4] = ["login/first", "login/second", "login/switch", "login/wrong"];

pub(crate) fn greeting(file: File) -> Greeting {
    greeting_of(&file.capture("login/first"))
}

fn greeting_of(capture: &Capture) -> Greeting {
    let first = capture.packets.first().expect("a conversation begins with a greeting");
    Greeting::decode(&first.payload).expect("a greeting")
}

fn login_of(capture: &Capture) -> Login {
    let first = capture.from(Side::Client).next().expect("the client logs in");
    match FirstPacket::decode(&first.payload).expect("a login") {
        FirstPacket::Login(login) => login,
        FirstPacket::SslRequest(_) => panic!("{} asks for TLS", capture.name),
    }
}

#[test]
fn greetings() {
    for (file, version, plugin) in [
        (MARIADB, &b"10.11."[..], &b"mysql_native_password"[..]),
        (MYSQL, b"9.7.", b"caching_sha2_password"),
    ] {
        let capture = file.capture("login/first");
        let payload = &capture.packets[0].payload;
        let greeting = Greeting::decode(payload).expect("a greeting");
        let text = greeting.version.strip_prefix(b"5.5.5-").unwrap_or(&greeting.version);
        assert!(text.starts_with(version), "{}", file.name);
        assert_eq!(greeting.auth_plugin, plugin, "{}", file.name);
        let is_mariadb = file.name.starts_with("mariadb");
        let caps = greeting.capabilities;
        assert_eq!(caps.contains(Capabilities::LONG_PASSWORD), !is_mariadb, "{}", file.name);
        assert_eq!(caps.mariadb() != 0, is_mariadb, "{}", file.name);
        assert_eq!(caps.contains(Capabilities::OPTIONAL_RESULTSET_METADATA), !is_mariadb);
        assert!(caps.contains(Capabilities::SESSION_TRACK | Capabilities::DEPRECATE_EOF));
        assert_eq!(&greeting.encode(), payload, "{}", file.name);
        for len in 0..payload.len() - plugin.len() - 2 {
            assert!(Greeting::decode(&payload[..len]).is_err(), "{} to {len}", file.name);
        }
    }
}

#[test]
fn a_refusal_in_the_greetings_place() {
    for file in [MARIADB, MYSQL] {
        let capture = file.capture("login/refused");
        let payload = &capture.packets[0].payload;
        assert_eq!(Greeting::decode(payload), Err(Malformed::Header(0xFF)), "{}", file.name);
        let error = ErrPacket::decode(payload).expect("an ERR");
        assert_eq!((error.code, error.message), (1040, &b"Too many connections"[..]));
    }
}

/// What each packet of a login after the first two is, encoded again.
fn encoded_again(packet: &Packet, caps: Capabilities) -> Vec<u8> {
    let payload = &packet.payload;
    match (packet.side, payload.first()) {
        (Side::Server, Some(0x00)) => OkPacket::decode(payload, caps).expect("an OK").encode(caps),
        (Side::Server, Some(0x01)) => AuthMoreData::decode(payload).expect("data").encode(),
        (Side::Server, Some(0xFE)) => AuthSwitch::decode(payload).expect("a switch").encode(),
        (Side::Server, Some(0xFF)) => ErrPacket::decode(payload).expect("an ERR").encode(),
        (Side::Server, first) => panic!("{first:?} has no place in a login"),
        (Side::Client, _) => payload.clone(),
    }
}

#[test]
fn logins_survive_decoding_and_encoding() {
    for (file, name) in [MARIADB, MYSQL].iter().flat_map(|file| LOGINS.map(|name| (file, name))) {
        let capture = file.capture(name);
        for packet in capture.packets.iter().skip(2) {
            assert_eq!(encoded_again(packet, capture.caps), packet.payload, "{name}");
        }
        let login = login_of(&capture);
        assert_eq!(login.encode(), capture.packets[1].payload, "{name}");
        assert_eq!(login.user, b"wire", "{name}");
    }
}

/// Plays the captured server against our client side; sealed passwords are random, so only their
/// length can be compared.
fn replay(capture: &Capture, mut side: ClientSide, from: usize) -> ClientStep {
    let mut rest = capture.packets[from..].iter();
    while let Some(packet) = rest.next() {
        assert_eq!(packet.side, Side::Server, "{}", capture.name);
        match side.drive(&packet.payload) {
            ClientStep::Send(answer) => {
                let sent = rest.next().expect("the captured client answered");
                let same =
                    answer == sent.payload || (answer.len() == 256 && sent.payload.len() == 256);
                assert!(same, "{}: {answer:x?}", capture.name);
            }
            ClientStep::Wait => {}
            end @ (ClientStep::Authenticated | ClientStep::Failed(_)) => {
                assert!(rest.next().is_none(), "{}", capture.name);
                return end;
            }
        }
    }
    panic!("{} ends before the login does", capture.name);
}

#[test]
fn our_client_side_says_what_the_servers_took() {
    for (file, name) in [MARIADB, MYSQL].iter().flat_map(|file| LOGINS.map(|name| (file, name))) {
        let capture = file.capture(name);
        let (greeting, login) = (greeting_of(&capture), login_of(&capture));
        let password = if name == "login/wrong" { b"wrong" } else { PASSWORD };
        let secret = BackendSecret::Password(password.to_vec());
        let plugin = login.auth_plugin.expect("it names one");
        let (side, response) = ClientSide::new(&secret, &plugin, greeting.scramble, false);
        assert_eq!(response, login.auth_response, "{}: {name}", file.name);
        let end = replay(&capture, side, 2);
        if name == "login/wrong" {
            let ClientStep::Failed(error) = end else { panic!("{}: {end:?}", file.name) };
            assert!(error.to_string().contains("1045"), "{error}");
        } else {
            assert_eq!(end, ClientStep::Authenticated, "{}: {name}", file.name);
        }
    }
}

#[test]
fn our_server_side_takes_what_the_servers_took() {
    for (file, name) in [MARIADB, MYSQL].iter().flat_map(|file| LOGINS.map(|name| (file, name))) {
        let capture = file.capture(name);
        let (greeting, login) = (greeting_of(&capture), login_of(&capture));
        let offered = Plugin::from_name(&greeting.auth_plugin).expect("we do both");
        let (_, step) = ServerSide::new(
            greeting.scramble,
            &Secret::Password(PASSWORD.to_vec()),
            login.auth_plugin.as_deref(),
            &login.auth_response,
            offered,
            false,
            &RSA,
        );
        let secret = BackendSecret::Password(PASSWORD.to_vec());
        let is_native = login.auth_plugin.as_deref() == Some(b"mysql_native_password");
        let expected = match name {
            "login/wrong" if is_native => ServerStep::Denied,
            "login/wrong" => ServerStep::Send(capture.packets[2].payload.clone()),
            _ if is_native => ServerStep::Granted(secret),
            _ => ServerStep::SendThenGranted(vec![1, 3], secret),
        };
        assert_eq!(step, expected, "{}: {name}", file.name);
    }
}

#[test]
fn change_user() {
    for file in [MARIADB, MYSQL] {
        let login = file.capture("login/second");
        let capture = file.capture("login/change-user");
        let payload = &capture.packets[0].payload;
        let change = ChangeUser::decode(payload, capture.caps).expect("COM_CHANGE_USER");
        assert_eq!((change.user.as_slice(), change.collation), (&b"wire"[..], Some(45)));
        assert_eq!(change.schema.as_deref(), Some(&b"wire"[..]));
        assert_eq!(change.encode(capture.caps).as_ref(), Ok(payload), "{}", file.name);
        let secret = BackendSecret::Password(PASSWORD.to_vec());
        let plugin = change.auth_plugin.expect("it names one");
        let scramble = greeting_of(&login).scramble;
        let (side, response) = ClientSide::new(&secret, &plugin, scramble, false);
        assert_eq!(response, change.auth_response, "{}", file.name);
        assert_eq!(replay(&capture, side, 1), ClientStep::Authenticated, "{}", file.name);
    }
}

#[test]
fn real_clients_log_in() {
    let captures: Vec<_> = CLIENTS.captures().collect();
    assert!(captures.len() >= 2, "{} clients", captures.len());
    for capture in captures {
        let name = &capture.name;
        let first = capture.from(Side::Client).next().expect("the client logs in");
        let greeting = greeting_of(&capture);
        let login = login_of(&capture);
        assert_eq!(login.user, b"wire", "{name}");
        assert_eq!(login.schema.as_deref(), Some(&b"wire"[..]), "{name}");
        assert!(!login.attributes.is_empty(), "{name}");
        assert_eq!(login.encode(), first.payload, "{name}");
        for len in 0..first.payload.len() {
            // Some prefixes are logins too; none may be mistaken for the whole.
            assert_ne!(Login::decode(&first.payload[..len]).as_ref(), Ok(&login), "{name}");
        }
        let native: &[u8] = b"mysql_native_password";
        let answers: Vec<_> = capture.from(Side::Client).skip(1).collect();
        let response = match answers.first() {
            Some(answer) => &answer.payload,
            None => &login.auth_response,
        };
        let (_, step) = ServerSide::new(
            greeting.scramble,
            &Secret::Password(PASSWORD.to_vec()),
            Some(native),
            response,
            Plugin::MysqlNativePassword,
            false,
            &RSA,
        );
        let secret = BackendSecret::Password(PASSWORD.to_vec());
        assert_eq!(step, ServerStep::Granted(secret), "{name}");
    }
}
