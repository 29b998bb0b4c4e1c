//! Against what both servers sent to a client, and to the proxy, for the same statements.

use super::*;
use crate::protocol::Capabilities;
use proptest::prelude::*;

const CAPTURES: [(bool, &str); 2] = [
    (true, include_str!("../../tests/wire/captures/trackers-mariadb-10.11.txt")),
    (false, include_str!("../../tests/wire/captures/trackers-mysql-9.7.txt")),
];

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn settings(line: &str) -> TrackerSettings {
    let mut values = line.split('\t').skip(1).map(|value| Some(value.as_bytes().to_vec()));
    TrackerSettings::from_row(&mut values)
}

fn seen(shown: &mut Shown, payload: &[u8]) -> Vec<u8> {
    let ok = OkPacket::decode(payload, Capabilities::SESSION_TRACK).unwrap();
    let Some(visible) = shown.see(&ok) else { return payload.to_vec() };
    let ok = visible.in_place_of(&ok);
    if payload[0] == 0xFE {
        ok.encode_as_eof(Capabilities::SESSION_TRACK)
    } else {
        ok.encode(Capabilities::SESSION_TRACK)
    }
}

#[test]
fn as_the_servers_have_it() {
    for (mariadb, capture) in CAPTURES {
        let mut shown = Shown::default();
        let mut packets = 0;
        for line in capture.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with("settings\t") {
                shown = Shown::new(Rc::new(settings(line)), mariadb);
                continue;
            }
            let [sql, ours, theirs] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let ours = bytes(ours);
            let theirs = if theirs == "=" { ours.clone() } else { bytes(theirs) };
            let shown_now = seen(&mut shown, &ours);
            assert_eq!(shown_now, theirs, "{sql:?} with {:?}", shown.settings());
            packets += 1;
        }
        assert!(packets > 150, "{packets}");
    }
}

fn ok(status: StatusFlags, entries: &[u8]) -> Vec<u8> {
    OkPacket { status, session_state: entries, ..OkPacket::default() }
        .encode(Capabilities::SESSION_TRACK)
}

/// The connection's trackers forget a transaction when they are set anew within it.
#[test]
fn the_end_of_a_forgotten_transaction_is_told() {
    let system_variables = b"autocommit".as_slice().into();
    let trackers = TrackerSettings { system_variables, ..TrackerSettings::default() };
    let mut shown = Shown::new(Rc::new(trackers), false);
    let mut begins = Vec::new();
    put_change(&mut begins, Change::TransactionState(b"T_______"));
    seen(&mut shown, &ok(StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS, &begins));
    let still = ok(StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS, b"");
    assert_eq!(seen(&mut shown, &still), still);
    let mut ends = Vec::new();
    put_change(&mut ends, Change::TransactionState(b"________"));
    let over = ok(StatusFlags::AUTOCOMMIT, b"");
    assert_eq!(seen(&mut shown, &over), ok(StatusFlags::AUTOCOMMIT, &ends));
    assert_eq!(seen(&mut shown, &over), over);
}

#[test]
fn a_login_reports_its_schema() {
    let mut trackers = TrackerSettings { schema: true, ..TrackerSettings::default() };
    assert_eq!(trackers.login_entries(Some(b"test")), b"\x01\x05\x04test");
    assert!(trackers.login_entries(None).is_empty());
    trackers.schema = false;
    assert!(trackers.login_entries(Some(b"test")).is_empty());
}

proptest! {
    #[test]
    fn garbage_is_dropped(entries: Vec<u8>, mariadb: bool) {
        let mut shown = Shown::new(Rc::default(), mariadb);
        let ok = OkPacket {
            status: StatusFlags::SESSION_STATE_CHANGED,
            session_state: &entries,
            ..OkPacket::default()
        };
        let _ = shown.see(&ok);
    }
}
