//! Connections that end, or speak, while nobody uses them, or while they are cleaned.

use crate::Scene;
use crate::support::{Script, eventually};
use std::time::Duration;

/// What a server says before it shuts down comes unasked: it must reach no session.
#[test]
fn an_error_on_an_idle_connection() {
    let scene = Scene::new(2, &[]);
    let mut client = scene.client();
    for replica in &scene.replicas {
        replica.set_script(Script::ErrWhenIdle);
    }
    for round in 0..12 {
        let reply = client.must("SELECT 1").unwrap_or_else(|error| {
            panic!("{round}: {error}\n{}", scene.lanewire.log());
        });
        assert_eq!(reply.first_cell().unwrap(), "fake");
        std::thread::sleep(Duration::from_millis(20 * (round % 5)));
    }
}

/// A replica closes its idle connections: the next reads do not fail.
#[test]
fn closed_while_idle() {
    let scene = Scene::new(1, &[]);
    let mut clients: Vec<_> = (0..4).map(|_| scene.client()).collect();
    let replica = &scene.replicas[0];
    for round in 0..5 {
        for client in &mut clients {
            assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "fake", "{round}");
        }
        replica.set_script(Script::AnswerAndClose { on: "SELECT 2", bytes: Vec::new() });
        // No byte of a reply came: the read is done again elsewhere.
        assert_eq!(clients[0].must("SELECT 2").unwrap().first_cell().unwrap(), "fake");
        replica.set_script(Script::Polite);
    }
    eventually("the replica is used again", || {
        let before = replica.commands();
        clients[1].must("SELECT 3").unwrap();
        replica.commands() > before
    });
}

/// A connection breaks as it is reset: what the client asked for is done on another one.
#[test]
fn closed_in_a_reset() {
    const RESET: &str = "COM_RESET_CONNECTION";
    let scene = Scene::new(1, &[]);
    let mut client = scene.client();
    client.must("UPDATE t SET a = 1").unwrap();
    let before = scene.primary.statements(RESET).len();
    scene.primary.set_script(Script::CloseOnce { on: RESET });
    assert!(client.reset_connection().unwrap().error().is_none(), "{}", scene.lanewire.log());
    assert_eq!(scene.primary.statements(RESET).len() - before, 2);
    // Where none can be reset the client is told so, and may go on.
    scene.primary.set_script(Script::AnswerAndClose { on: RESET, bytes: Vec::new() });
    assert!(client.reset_connection().unwrap().error().is_some(), "{}", scene.lanewire.log());
    scene.primary.set_script(Script::Polite);
    assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "fake");
    assert!(client.reset_connection().unwrap().error().is_none());
}
