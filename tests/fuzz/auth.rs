//! Random logins against the server side: nobody gets in who does not know the password, and
//! everybody who does.

use std::sync::LazyLock;

use lanewire::auth::{
    BackendSecret, ClientSide, ClientStep, Plugin, RsaKey, Secret, ServerSide, ServerStep,
    native_stage1, native_stage2,
};

use crate::run::{Random, fuzz};

static RSA: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::generate().expect("random bytes exist"));

const PLUGINS: [Plugin; 2] = [Plugin::MysqlNativePassword, Plugin::CachingSha2Password];

struct Scene {
    scramble: [u8; 20],
    password: Vec<u8>,
    secret: Secret,
    named: Plugin,
    offered: Plugin,
    secure: bool,
}

fn scene(random: &mut Random) -> Scene {
    // A scramble has no NUL: it goes as a string.
    let mut scramble = [0; 20];
    scramble.fill_with(|| random.byte().max(1));
    let mut password = random.text(40);
    password.truncate(19);
    let hash = native_stage2(&native_stage1(&password));
    let secret = if random.one_in(3) && !password.is_empty() {
        Secret::NativeHash(hash)
    } else {
        Secret::Password(password.clone())
    };
    let (named, offered) = (random.pick(&PLUGINS), random.pick(&PLUGINS));
    Scene { scramble, password, secret, named, offered, secure: random.one_in(2) }
}

/// Plays both sides, each client packet passed through `wire`; what the server side came to.
fn play(
    scene: &Scene,
    password: &[u8],
    mut wire: impl FnMut(Vec<u8>) -> Vec<u8>,
) -> Option<BackendSecret> {
    let known = BackendSecret::Password(password.to_vec());
    let plugin = scene.named.name().as_bytes();
    let (mut client, response) = ClientSide::new(&known, plugin, scene.scramble, scene.secure);
    let named = client.plugin().name().as_bytes();
    let response = wire(response);
    let Scene { scramble, ref secret, offered, secure, .. } = *scene;
    let (mut server, mut step) =
        ServerSide::new(scramble, secret, Some(named), &response, offered, secure, &RSA);
    for _ in 0..10 {
        let asked = match step {
            ServerStep::Granted(secret) | ServerStep::SendThenGranted(_, secret) => {
                return Some(secret);
            }
            ServerStep::Denied => return None,
            ServerStep::Send(asked) => asked,
        };
        let ClientStep::Send(answer) = client.drive(&asked) else { return None };
        step = server.drive(&wire(answer));
    }
    panic!("the server side never comes to an end");
}

#[test]
fn who_knows_the_password_gets_in() {
    fuzz("who_knows_the_password_gets_in", |random| {
        let scene = scene(random);
        let secret = play(&scene, &scene.password, |packet| packet);
        let expected = match scene.secret {
            Secret::Password(ref password) => BackendSecret::Password(password.clone()),
            Secret::NativeHash(_) => BackendSecret::NativeStage1(native_stage1(&scene.password)),
        };
        assert_eq!(secret, Some(expected));
    });
}

#[test]
fn who_does_not_stays_out() {
    fuzz("who_does_not_stays_out", |random| {
        let scene = scene(random);
        let mut wrong = scene.password.clone();
        random.spoil(&mut wrong);
        wrong.retain(|byte| *byte != 0);
        if wrong != scene.password {
            assert_eq!(play(&scene, &wrong, |packet| packet), None);
        }
        if scene.password.is_empty() {
            return;
        }
        let Scene { scramble, ref secret, named, offered, secure, .. } = scene;
        let name = named.name().as_bytes();
        let response = random.bytes(40);
        let (mut side, mut step) =
            ServerSide::new(scramble, secret, Some(name), &response, offered, secure, &RSA);
        for _ in 0..6 {
            assert!(
                matches!(step, ServerStep::Send(_) | ServerStep::Denied),
                "noise was let in: {step:?}"
            );
            step = side.drive(&random.bytes(300));
        }
    });
}

#[test]
fn spoilt_packets_never_help() {
    fuzz("spoilt_packets_never_help", |random| {
        let mut scene = scene(random);
        scene.password.push(b'x');
        scene.secret = Secret::Password(scene.password.clone());
        let mut spoilt = false;
        let wrong = [&scene.password[..], b"y"].concat();
        let secret = play(&scene, &wrong, |mut packet| {
            spoilt = true;
            random.spoil(&mut packet);
            packet
        });
        assert!(spoilt && secret.is_none());
    });
}
