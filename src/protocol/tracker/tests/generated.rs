//! Generated replies, and noise: every cut gives the same, nothing panics, nothing is lost.

use proptest::prelude::*;

use super::*;
use crate::protocol::reply::OkPacket;
use crate::protocol::resultset::{Column, put_resultset};

const KINDS: [ReplyKind; 7] = [
    ReplyKind::Query,
    ReplyKind::Execute,
    ReplyKind::Fetch,
    ReplyKind::Prepare,
    ReplyKind::FieldList,
    ReplyKind::Statistics,
    ReplyKind::Simple,
];

/// One result of a generated reply.
#[derive(Debug, Clone)]
enum Part {
    Ok(OkFields),
    Rows { columns: usize, rows: Vec<Vec<Option<Vec<u8>>>> },
    Infile,
    Progress,
}

#[derive(Debug, Clone)]
struct OkFields {
    affected_rows: u64,
    info: Vec<u8>,
    state: Vec<u8>,
}

fn part() -> impl Strategy<Value = Part> {
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..300));
    let rows = (1usize..4).prop_flat_map(move |columns| {
        let row = prop::collection::vec(value.clone(), columns);
        prop::collection::vec(row, 0..6).prop_map(move |rows| Part::Rows { columns, rows })
    });
    let ok = any::<(u64, Vec<u8>, Vec<u8>)>()
        .prop_map(|(affected_rows, info, state)| Part::Ok(OkFields { affected_rows, info, state }));
    prop_oneof![ok, rows, Just(Part::Infile), Just(Part::Progress)]
}

/// The reply's bytes, and its rows in the last result set.
fn encode(parts: &[Part], caps: Capabilities, error: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut seq = 1;
    for (index, part) in parts.iter().enumerate() {
        let mut status = StatusFlags::AUTOCOMMIT;
        status.set(StatusFlags::MORE_RESULTS, error || index + 1 < parts.len());
        match part {
            Part::Ok(fields) => {
                let OkFields { affected_rows, info, state } = fields;
                let affected_rows = *affected_rows;
                let ok = OkPacket {
                    affected_rows,
                    status,
                    info,
                    session_state: state,
                    ..OkPacket::default()
                };
                seq = put_packet(&mut out, seq, &ok.encode(caps));
            }
            Part::Rows { columns, rows } => {
                let columns = vec![Column::Text("c"); *columns];
                let rows = rows.iter().map(|row| row.iter().map(Option::as_ref));
                seq = put_resultset(&mut out, seq, caps, &columns, rows, status);
            }
            Part::Infile => {
                seq = put_packet(&mut out, seq, INFILE).wrapping_add(100);
                let ok = OkPacket { status, ..OkPacket::default() };
                seq = put_packet(&mut out, seq, &ok.encode(caps));
            }
            Part::Progress => {
                seq = put_packet(&mut out, seq, b"\xff\xff\xff\x01\x01\x02\x10\x27\0\x05stage");
                let ok = OkPacket { status, ..OkPacket::default() };
                seq = put_packet(&mut out, seq, &ok.encode(caps));
            }
        }
    }
    if error {
        put_packet(&mut out, seq, ERR);
    }
    out
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(
        parts in prop::collection::vec(part(), 1..5),
        flags in any::<[bool; 4]>(), error: bool,
        cuts in prop::collection::vec(1usize..60, 1..8),
    ) {
        let [deprecate_eof, session_track, optional, cached] = flags;
        let mut caps = Capabilities::PROTOCOL_41;
        caps.set(Capabilities::DEPRECATE_EOF, deprecate_eof);
        caps.set(Capabilities::SESSION_TRACK, session_track);
        caps.set(Capabilities::OPTIONAL_RESULTSET_METADATA, optional);
        caps.set(Capabilities::MARIADB_CACHE_METADATA, cached && !optional);
        let stream = encode(&parts, caps, error);
        let mut tracker = ReplyTracker::new(ReplyKind::Query, caps);
        let expected = follow(&mut tracker, &stream, &[]).unwrap();
        prop_assert!(tracker.is_done());

        // Nothing is lost: the forwarded bytes and the terminal packets make up the stream.
        let mut rebuilt = expected.forwarded.clone();
        for (place, packet, _) in expected.terminals.iter().rev() {
            rebuilt.splice(place..place, packet.iter().copied());
        }
        prop_assert_eq!(&rebuilt, &stream);

        let last = parts.iter().rev().find_map(|part| match part {
            Part::Rows { rows, .. } => Some(rows.len() as u64),
            Part::Ok(_) | Part::Infile | Part::Progress => None,
        });
        prop_assert_eq!(expected.summary.found_rows(), last);
        prop_assert_eq!(expected.summary.results as usize, parts.len());
        prop_assert_eq!(expected.summary.error.is_some(), error);

        for cuts in [&cuts[..], &[1]] {
            tracker.reset(ReplyKind::Query, caps);
            prop_assert_eq!(&follow(&mut tracker, &stream, cuts).unwrap(), &expected);
        }
    }

    #[test]
    fn garbage_never_panics_and_cuts_agree(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 1..8),
        kind in prop::sample::select(&KINDS[..]), bits: u64, cuts in prop::collection::vec(1usize..10, 1..4),
    ) {
        let caps = Capabilities::from_bits_retain(bits);
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let stream = stream_of(&payloads);
        let one = follow(&mut ReplyTracker::new(kind, caps), &stream, &[]);
        let many = follow(&mut ReplyTracker::new(kind, caps), &stream, &cuts);
        prop_assert_eq!(one, many);
    }

    #[test]
    fn noise_never_panics(stream: Vec<u8>, bits: u64, cut in 1usize..9) {
        for kind in [ReplyKind::Query, ReplyKind::Prepare, ReplyKind::Fetch] {
            let caps = Capabilities::from_bits_retain(bits);
            let _ = follow(&mut ReplyTracker::new(kind, caps), &stream, &[cut]);
        }
    }
}
