//! The client half against the server half, without a socket.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::protocol::{AuthSwitch, ErrPacket};

const SCRAMBLE: [u8; 20] = *b"0123456789abcdefghij";
const NATIVE: &[u8] = b"mysql_native_password";
const SHA2: &[u8] = b"caching_sha2_password";
const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

fn key() -> &'static RsaKey {
    static KEY: OnceLock<RsaKey> = OnceLock::new();
    KEY.get_or_init(|| RsaKey::generate_bits(1024).unwrap())
}

fn hash(password: &[u8]) -> Secret {
    Secret::NativeHash(native_stage2(&native_stage1(password)))
}

fn password(password: &[u8]) -> Secret {
    Secret::Password(password.to_vec())
}

fn known(password: &[u8]) -> BackendSecret {
    BackendSecret::Password(password.to_vec())
}

fn first(
    secret: &Secret,
    plugin: &[u8],
    response: &[u8],
    offered: Plugin,
) -> (ServerSide, ServerStep) {
    ServerSide::new(SCRAMBLE, secret, Some(plugin), response, offered, false, key())
}

/// Plays a whole login; what the server keeps, or why it failed, and the packets it took.
fn play(
    client: &BackendSecret,
    server: &Secret,
    offered: Plugin,
    secure: bool,
) -> (Result<BackendSecret, AuthError>, usize) {
    let (mut client, response) =
        ClientSide::new(client, offered.name().as_bytes(), SCRAMBLE, secure);
    let named = client.plugin().name().as_bytes();
    let (mut server, mut step) =
        ServerSide::new(SCRAMBLE, server, Some(named), &response, offered, secure, key());
    for packets in 0..10 {
        let (payload, granted) = match step {
            ServerStep::Send(payload) => (payload, None),
            ServerStep::SendThenGranted(payload, secret) => {
                assert_eq!(client.drive(&payload), ClientStep::Wait);
                (OK.to_vec(), Some(secret))
            }
            ServerStep::Granted(secret) => (OK.to_vec(), Some(secret)),
            ServerStep::Denied => (b"\xFF\x15\x04#28000Access denied".to_vec(), None),
        };
        match client.drive(&payload) {
            ClientStep::Send(answer) => step = server.drive(&answer),
            ClientStep::Authenticated => return (Ok(granted.unwrap()), packets),
            ClientStep::Failed(error) => return (Err(error), packets),
            ClientStep::Wait => panic!("nothing to wait for"),
        }
    }
    panic!("the login does not end");
}

#[test]
fn every_combination_that_can_succeed_does() {
    for offered in [Plugin::MysqlNativePassword, Plugin::CachingSha2Password] {
        for secure in [false, true] {
            for text in [&b"secret"[..], b"", "pässwörd".as_bytes(), &[b'x'; 60]] {
                let (outcome, packets) = play(&known(text), &password(text), offered, secure);
                assert_eq!((outcome, packets), (Ok(known(text)), 0), "{offered:?} {secure}");
            }
            let stage1 = BackendSecret::NativeStage1(native_stage1(b"secret"));
            // A hash on our side: stage 1 is recovered from either kind of client.
            for client in [&stage1, &known(b"secret")] {
                let (outcome, _) = play(client, &hash(b"secret"), offered, secure);
                assert_eq!(outcome, Ok(stage1.clone()), "{offered:?} {secure}");
            }
            let (outcome, _) = play(&stage1, &password(b"secret"), offered, secure);
            assert_eq!(outcome, Ok(known(b"secret")), "{offered:?} {secure}");
        }
    }
}

#[test]
fn every_wrong_password_fails() {
    let stage1 = BackendSecret::NativeStage1(native_stage1(b"wrong"));
    let decoy = Secret::decoy(None, &[9; 20]);
    for offered in [Plugin::MysqlNativePassword, Plugin::CachingSha2Password] {
        for client in [&known(b"wrong"), &known(b""), &stage1] {
            for server in [&password(b"secret"), &hash(b"secret"), &password(b""), &decoy] {
                if (client, server) == (&known(b""), &password(b"")) {
                    continue;
                }
                let (outcome, _) = play(client, server, offered, false);
                let refused = AuthError::Refused { code: 1045, message: b"Access denied".to_vec() };
                assert_eq!(outcome, Err(refused), "{offered:?} {client:?} {server:?}");
            }
        }
    }
}

#[test]
fn a_decoy_is_of_the_known_users_kind() {
    let random = [3; 20];
    assert_eq!(Secret::decoy(Some(&hash(b"x")), &random), Secret::NativeHash(random));
    assert_eq!(Secret::decoy(Some(&password(b"x")), &random), password(&random));
}

#[test]
fn a_mysql_9_client_is_switched_to_its_own_plugin() {
    // It has no native plugin: it names caching_sha2 and sends nothing for our greeting.
    let (mut server, step) = first(&password(b"pw"), SHA2, b"", Plugin::MysqlNativePassword);
    let ServerStep::Send(switch) = step else { panic!("{step:?}") };
    let switch = AuthSwitch::decode(&switch).unwrap();
    assert_eq!((switch.plugin, switch.data), (SHA2, &SCRAMBLE[..]));
    let step = server.drive(&caching_sha2_response(b"pw", &SCRAMBLE));
    assert_eq!(step, ServerStep::SendThenGranted(vec![1, 3], known(b"pw")));
    assert_eq!(server.drive(b"more"), ServerStep::Denied);
}

#[test]
fn a_response_for_the_named_plugin_needs_no_switch() {
    let response = caching_sha2_response(b"pw", &SCRAMBLE);
    let (_, step) = first(&password(b"pw"), SHA2, &response, Plugin::MysqlNativePassword);
    assert_eq!(step, ServerStep::SendThenGranted(vec![1, 3], known(b"pw")));
    // Wrong for the greeting's scramble: it may be for nothing at all, so it is asked for.
    let (mut server, step) = first(&password(b"pw"), SHA2, &[1; 32], Plugin::MysqlNativePassword);
    assert!(matches!(step, ServerStep::Send(_)));
    // As MySQL does, which may only not have it in its cache.
    assert_eq!(server.drive(&[1; 32]), ServerStep::Send(vec![1, 4]));
    assert_eq!(server.drive(&[1; 32]), ServerStep::Denied);
}

#[test]
fn unknown_plugins_are_switched_to_one_that_serves() {
    for (secret, offered, expected) in [
        (password(b"pw"), Plugin::MysqlNativePassword, NATIVE),
        (password(b"pw"), Plugin::CachingSha2Password, SHA2),
        (hash(b"pw"), Plugin::CachingSha2Password, NATIVE),
    ] {
        for named in [&b"client_ed25519"[..], b"mysql_clear_password", b"", b"\xFF"] {
            let (_, step) = first(&secret, named, b"whatever", offered);
            let ServerStep::Send(switch) = step else { panic!("{step:?}") };
            assert_eq!(AuthSwitch::decode(&switch).unwrap().plugin, expected);
        }
    }
}

#[test]
fn a_client_without_plugins_is_judged_at_once() {
    let native = native_response(&native_stage1(b"pw"), &SCRAMBLE);
    for (secret, response, granted) in [
        (password(b"pw"), &native[..], true),
        (hash(b"pw"), &native, true),
        (password(b""), b"", true),
        (password(b"pw"), b"", false),
        (hash(b"pw"), b"short", false),
    ] {
        let offered = Plugin::CachingSha2Password;
        let (_, step) = ServerSide::new(SCRAMBLE, &secret, None, response, offered, false, key());
        assert_eq!(matches!(step, ServerStep::Granted(_)), granted, "{secret:?} {response:?}");
    }
}

#[test]
fn mysqls_lone_nul_is_no_password() {
    let (_, step) = first(&password(b""), SHA2, &[0], Plugin::CachingSha2Password);
    assert_eq!(step, ServerStep::Granted(known(b"")));
    let (_, step) = first(&password(b"pw"), SHA2, &[0], Plugin::CachingSha2Password);
    assert_eq!(step, ServerStep::Denied);
}

/// Logs in with a server that knows no fast response, whatever it is sent.
fn full_exchange(client_password: &[u8], secure: bool) -> (ClientStep, ServerStep) {
    let (mut client, _) = ClientSide::new(&known(client_password), SHA2, SCRAMBLE, secure);
    let offered = Plugin::CachingSha2Password;
    let secret = password(b"a password longer than the scramble is");
    let (mut server, mut step) =
        ServerSide::new(SCRAMBLE, &secret, Some(SHA2), b"full", offered, secure, key());
    loop {
        let ServerStep::Send(payload) = step else {
            return (client.drive(OK), step);
        };
        let ClientStep::Send(answer) = client.drive(&payload) else { panic!("no answer") };
        step = server.drive(&answer);
    }
}

#[test]
fn the_full_exchange_on_both_sides() {
    let right = b"a password longer than the scramble is";
    for secure in [false, true] {
        let (client, server) = full_exchange(right, secure);
        assert_eq!(
            (client, server),
            (ClientStep::Authenticated, ServerStep::Granted(known(right)))
        );
        assert_eq!(full_exchange(b"wrong", secure).1, ServerStep::Denied);
    }
}

#[test]
fn a_client_that_has_our_key_sends_the_password_at_once() {
    let offered = Plugin::CachingSha2Password;
    let (mut server, step) = first(&password(b"pw"), SHA2, b"full", offered);
    assert_eq!(step, ServerStep::Send(vec![1, 4]));
    let pem = key().public_pem().as_bytes();
    let sealed = rsa_key::seal_password(pem, b"pw", &SCRAMBLE).unwrap();
    assert_eq!(server.drive(&sealed), ServerStep::Granted(known(b"pw")));
    // Clear text over TCP is not taken for a password.
    let (mut server, _) = first(&password(b"pw"), SHA2, b"full", offered);
    assert_eq!(server.drive(b"pw\0"), ServerStep::Denied);
}

fn client(secret: &BackendSecret, secure: bool) -> ClientSide {
    ClientSide::new(secret, NATIVE, SCRAMBLE, secure).0
}

fn switch_to(plugin: &[u8]) -> Vec<u8> {
    AuthSwitch { plugin, data: b"jihgfedcba9876543210" }.encode()
}

#[test]
fn the_client_answers_a_switch_with_the_new_scramble() {
    let mut side = client(&known(b"pw"), false);
    let expected = caching_sha2_response(b"pw", b"jihgfedcba9876543210");
    assert_eq!(side.drive(&switch_to(SHA2)), ClientStep::Send(expected.to_vec()));
    assert_eq!(side.plugin(), Plugin::CachingSha2Password);
    let expected = native_response(&native_stage1(b"pw"), b"jihgfedcba9876543210");
    assert_eq!(side.drive(&switch_to(NATIVE)), ClientStep::Send(expected.to_vec()));
    assert_eq!(side.drive(OK), ClientStep::Authenticated);
}

#[test]
fn the_client_names_what_it_cannot_do() {
    let stage1 = BackendSecret::NativeStage1([1; 20]);
    let failed = |mut side: ClientSide, payload: &[u8]| {
        let step = side.drive(payload);
        let ClientStep::Failed(error) = step else { panic!("{step:?}") };
        error
    };
    assert_eq!(
        failed(client(&known(b"pw"), false), &switch_to(b"client_ed25519")).to_string(),
        "the server asks for the authentication plugin client_ed25519, which is not supported"
    );
    assert_eq!(
        failed(client(&known(b"pw"), false), &[0xFE]),
        AuthError::PluginUnsupported(b"mysql_old_password".to_vec())
    );
    let error = failed(client(&stage1, false), &switch_to(SHA2));
    assert_eq!(error, AuthError::PasswordUnknown("caching_sha2_password"));
    let clear = switch_to(b"mysql_clear_password");
    assert_eq!(failed(client(&known(b"pw"), false), &clear), AuthError::ClearTextRefused);
    let error = failed(client(&stage1, true), &clear);
    assert_eq!(error, AuthError::PasswordUnknown("mysql_clear_password"));
    assert_eq!(client(&known(b"pw"), true).drive(&clear), ClientStep::Send(b"pw\0".to_vec()));
}

#[test]
fn the_client_takes_an_error_as_it_comes() {
    let err = ErrPacket { code: 1040, sqlstate: *b"08004", message: b"Too many connections" };
    let refused = AuthError::Refused { code: 1040, message: b"Too many connections".to_vec() };
    assert_eq!(
        client(&known(b""), false).drive(&err.encode()),
        ClientStep::Failed(refused.clone())
    );
    assert_eq!(refused.to_string(), "refused with error 1040: Too many connections");
}

#[test]
fn the_client_leaves_a_server_that_runs_in_circles() {
    let mut side = client(&known(b"pw"), false);
    let last = (0..20)
        .map(|_| side.drive(&switch_to(NATIVE)))
        .find(|step| !matches!(step, ClientStep::Send(_)));
    assert_eq!(last, Some(ClientStep::Failed(AuthError::TooManySteps)));
}

#[test]
fn nothing_shows_a_secret() {
    let (server, _) = first(&password(b"hunter2"), SHA2, b"full", Plugin::CachingSha2Password);
    let shown = format!("{server:?} {:?} {:?}", client(&known(b"hunter2"), true), hash(b"hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

proptest! {
    #[test]
    fn no_bytes_make_either_side_panic(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..6),
        headers in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 0xFE, 0xFF]), 6),
        response in prop::collection::vec(any::<u8>(), 0..40),
        secure: bool,
        hashed: bool,
    ) {
        let secret = if hashed { hash(b"pw") } else { password(b"pw") };
        let offered = Plugin::CachingSha2Password;
        let (mut server, _) =
            ServerSide::new(SCRAMBLE, &secret, Some(SHA2), &response, offered, secure, key());
        let (mut client, _) = ClientSide::new(&known(b"pw"), SHA2, SCRAMBLE, secure);
        for (payload, header) in payloads.into_iter().zip(headers) {
            let granted = matches!(server.drive(&payload), ServerStep::Granted(_));
            prop_assert!(!granted || (secure && payload == b"pw\0"));
            let payload = [&[header], payload.as_slice()].concat();
            let _ = client.drive(&payload);
        }
    }
}
