//! Servers that answer what no server answers.

use crate::support::fake::{framed, greeting};
use crate::support::{FakeServer, Script, Setup};
use crate::{Scene, client, start};

/// Each reply, to a SELECT that only the primary may answer, ends in an error or the connection's
/// end; the proxy lives, and other sessions do not notice.
#[test]
fn replies() {
    let scene = Scene::new(0, &[]);
    let spoiled: Vec<(&str, Vec<u8>)> = vec![
        ("a wrong number", framed(9, &[0, 0, 0, 2, 0, 0, 0])),
        ("an empty packet", framed(1, &[])),
        ("a short OK", framed(1, &[0, 0])),
        ("a short ERR", framed(1, &[0xFF])),
        ("no columns", framed(1, &[0xFC])),
        ("columns that are none", [framed(1, &[1]), framed(2, b"nonsense")].concat()),
        ("EOF before its time", [framed(1, &[2]), framed(2, &[0xFE, 0, 0, 2, 0])].concat()),
        ("an OK that ends in the middle", framed(1, &[0, 0xFE, 1, 2])),
    ];
    let mut witness = scene.client();
    for (what, bytes) in spoiled {
        scene.primary.set_script(Script::AnswerAndClose { on: "spoil", bytes });
        let mut victim = scene.client();
        let reply = victim.query("SELECT spoil()");
        let good = reply.as_ref().is_ok_and(|reply| reply.error().is_none());
        assert!(!good, "{what}: {reply:?}");
        assert_eq!(witness.must("SELECT f()").unwrap().first_cell().unwrap(), "fake", "{what}");
    }
}

/// Bytes behind a whole reply belong to nobody: the connection must not be used again.
#[test]
fn more_than_was_asked_for() {
    let scene = Scene::new(0, &[]);
    let twice = [framed(1, &[0, 0, 0, 2, 0, 0, 0]), framed(1, &[0, 7, 0, 2, 0, 0, 0])].concat();
    scene.primary.set_script(Script::Answer { on: "twice", bytes: twice });
    let mut rude = scene.client();
    let _ = rude.query("UPDATE twice SET a = 1");
    for _ in 0..10 {
        let mut other = scene.client();
        let reply = other.must("UPDATE t SET a = 1").unwrap();
        assert_eq!(reply.ok().unwrap().affected_rows, 1);
        assert_eq!(other.must("SELECT f()").unwrap().first_cell().unwrap(), "fake");
    }
}

/// A replica that does not greet as a server: reads go elsewhere.
#[test]
fn greetings() {
    let mut old = greeting(1);
    old[0] = 9;
    for (what, bytes) in [
        ("nothing", vec![]),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("an old protocol", framed(0, &old)),
        ("a wrong number", framed(4, &greeting(1))),
        ("a short greeting", framed(0, &greeting(1)[..20])),
        ("too many connections", framed(0, b"\xFF\x10\x04Too many connections")),
        ("host blocked", framed(0, b"\xFF\x69\x04Host is blocked")),
        ("16 MiB announced", vec![0xFF, 0xFF, 0xFF, 0, 10]),
    ] {
        let primary = FakeServer::start(Script::Polite);
        let odd = FakeServer::start(Script::GreetingBytes(bytes));
        let lanewire = start(&Setup::new(&primary.address(), &[&odd.address()]));
        let mut client = client(&lanewire);
        for _ in 0..3 {
            assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "fake", "{what}");
        }
    }
}

#[test]
fn refused_logins_at_the_backend() {
    let primary = FakeServer::start(Script::RefuseLogin(1045, "Access denied"));
    let lanewire = start(&Setup::new(&primary.address(), &[]));
    let options = lanewire_perf::client::Options::new(lanewire.address(), "app", "app");
    // Either the login tells, or the first statement does.
    let told = match lanewire_perf::client::Client::connect(&options) {
        Ok(mut client) => client.query("DELETE FROM t").unwrap().error().cloned(),
        Err(error) => {
            assert!(error.code().is_some(), "{error}");
            return;
        }
    };
    assert!(told.is_some());
}
