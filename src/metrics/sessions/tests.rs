use std::collections::HashSet;
use std::thread;

use super::*;

fn registrar(shard: usize) -> SessionRegistrar {
    SessionRegistrar::new(Arc::new(ShardMetrics::new(shard, 2)))
}

#[test]
fn an_id_finds_its_session_on_its_shard_only() {
    let (one, two) = (registrar(1), registrar(2));
    let entry = one.open(None, 5).unwrap();
    entry.set_user(b"app");
    assert_eq!(shard_of(entry.id()), 1);
    assert_eq!(one.metrics.sessions().find(entry.id()).unwrap().user, b"app");
    assert_eq!(two.metrics.sessions().find(entry.id()), None);
    assert_eq!(one.metrics.counters().sessions.value(), 1);
    let id = entry.id();
    drop(entry);
    assert_eq!(one.metrics.sessions().find(id), None);
    assert_eq!(one.metrics.counters().sessions.value(), 0);
}

#[test]
fn a_session_counts_as_pinned_once_and_until_its_end() {
    let registrar = registrar(0);
    let pinned = || registrar.metrics.counters().pinned.value();
    let (one, two) = (registrar.open(None, 0).unwrap(), registrar.open(None, 0).unwrap());
    one.set_pins(0b100);
    one.set_pins(0b101);
    two.set_pins(0b1);
    assert_eq!(pinned(), 2);
    two.set_pins(0);
    two.set_pins(0);
    assert_eq!(pinned(), 1);
    drop(one);
    assert_eq!(pinned(), 0);
}

#[test]
fn ids_come_back_late() {
    let registrar = registrar(0);
    let mut seen = HashSet::new();
    for _ in 0..200_000 {
        assert!(seen.insert(registrar.open(None, 0).unwrap().id()));
    }
    assert!(seen.iter().all(|id| id >> 30 == 1), "servers have other ids, drivers 31 bits");
}

#[test]
fn the_last_shards_ids_are_its_own() {
    let (first, last) = (registrar(0), registrar(255));
    let ids = [first.open(None, 0).unwrap(), last.open(None, 0).unwrap()].map(|entry| entry.id());
    assert_eq!(ids, [0x4000_0000, 0x7FC0_0000]);
    assert_eq!(ids.map(shard_of), [0, 255]);
}

#[test]
fn who_aims_is_seen_until_the_next_command() {
    let registrar = registrar(0);
    let entry = registrar.open(None, 0).unwrap();
    let table = registrar.metrics.sessions();
    assert!(!entry.is_aimed_at());
    let (one, two) = (table.aim(entry.id()).unwrap(), table.aim(entry.id()).unwrap());
    drop(one);
    entry.begin_command();
    assert!(entry.is_aimed_at());
    drop(two);
    assert!(entry.is_aimed_at());
    entry.begin_command();
    assert!(!entry.is_aimed_at());
}

#[test]
fn a_full_table_says_so_and_recovers() {
    let registrar = registrar(255);
    let mut open: Vec<_> = (0..SESSION_SLOTS).map(|_| registrar.open(None, 0).unwrap()).collect();
    assert!(registrar.open(None, 0).is_none());
    assert_eq!(registrar.metrics.sessions().snapshot().len(), SESSION_SLOTS);
    open.pop();
    assert!(registrar.open(None, 0).is_some());
}

#[test]
fn an_idle_table_is_small() {
    let registrar = registrar(0);
    let _entry = registrar.open(None, 0);
    let made = registrar.metrics.sessions().chunks.iter().filter(|chunk| chunk.get().is_some());
    assert_eq!(made.count(), 1);
}

#[test]
fn kill_query_is_heard_once_and_kill_connection_for_ever() {
    let registrar = registrar(0);
    let entry = registrar.open(None, 0).unwrap();
    let table = registrar.metrics.sessions();
    assert_eq!(entry.take_kill(), None);
    assert!(table.request_kill(entry.id(), KillKind::Query));
    assert_eq!(table.kills_pending(), [(entry.id(), KillKind::Query)]);
    assert_eq!(entry.take_kill(), Some(KillKind::Query));
    assert_eq!(entry.take_kill(), None);
    assert!(table.request_kill(entry.id(), KillKind::Connection));
    assert!(table.request_kill(entry.id(), KillKind::Query));
    assert_eq!(entry.take_kill(), Some(KillKind::Connection));
    assert_eq!(entry.take_kill(), Some(KillKind::Connection));
    assert_eq!(table.kill_requests(), 3);
}

#[test]
fn a_kill_does_not_hit_the_next_session_in_the_slot() {
    let registrar = registrar(0);
    let entry = registrar.open(None, 0).unwrap();
    let (id, slot) = (entry.id(), entry.slot);
    let table = registrar.metrics.sessions();
    assert!(table.request_kill(id, KillKind::Connection));
    drop(entry);
    assert!(!table.request_kill(id, KillKind::Connection));
    registrar.free.borrow_mut().fresh_spent = true;
    let next = registrar.open(None, 0).unwrap();
    assert_eq!(next.slot, slot);
    assert_eq!(next.take_kill(), None);
    assert!(table.kills_pending().is_empty());
    assert!(!table.request_kill(id, KillKind::Query));
}

#[test]
fn a_reader_never_pairs_two_sessions() {
    let registrar = registrar(0);
    registrar.free.borrow_mut().fresh_spent = true;
    registrar.free.borrow_mut().used.push_back((0, 0));
    let metrics = Arc::clone(&registrar.metrics);
    // The id's low half is the slot, so the generation tells the sessions apart.
    let reader = thread::spawn(move || {
        let mut rows = 0;
        while metrics.counters().panics.value() == 0 {
            for row in metrics.sessions().snapshot() {
                let generation = u64::from(row.id >> 16 & 63);
                assert_eq!(row.connected_at_ms % 64, generation);
                rows += 1;
            }
        }
        rows
    });
    for n in 1..=200_000_u64 {
        drop(registrar.open(None, n).unwrap());
    }
    registrar.metrics.counters().panics.bump();
    reader.join().unwrap();
}
