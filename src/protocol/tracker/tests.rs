//! Replies of every shape, whole and cut in all ways.

mod generated;

use super::*;
use crate::protocol::frame::put_packet;
use crate::protocol::status::StatusFlags;

const EOFS: Capabilities = Capabilities::PROTOCOL_41;
const NO_EOFS: Capabilities = Capabilities::DEPRECATE_EOF;

/// What a proxy would do with a stream, in order.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    forwarded: Vec<u8>,
    /// Where in `forwarded` it stood, the packet, what it was.
    terminals: Vec<(usize, Vec<u8>, Terminal)>,
    summary: Summary,
    next_sequence: u8,
}

fn follow(tracker: &mut ReplyTracker, stream: &[u8], cuts: &[usize]) -> Result<Seen, Malformed> {
    let mut seen = Seen::default();
    let mut cuts = cuts.iter().copied().cycle();
    let mut left = stream;
    while !left.is_empty() {
        let cut = cuts.next().unwrap_or(left.len()).clamp(1, left.len());
        let (mut part, rest) = left.split_at(cut);
        left = rest;
        while !part.is_empty() {
            let progress = tracker.feed(part)?;
            assert!(progress.forward <= progress.used && progress.used <= part.len());
            seen.forwarded.extend_from_slice(part.get(..progress.forward).unwrap());
            match progress.event {
                Event::More => assert_eq!(progress.used, part.len()),
                Event::Held => {
                    assert_eq!(progress.forward, 0);
                    seen.forwarded.extend_from_slice(tracker.held());
                }
                Event::Terminal(terminal) => {
                    let packet = tracker.terminal_packet(part, &progress).to_vec();
                    assert_eq!(Header::decode(&packet).unwrap().packet_len(), packet.len());
                    assert_eq!(tracker.is_done(), terminal.done);
                    seen.terminals.push((seen.forwarded.len(), packet, terminal));
                    tracker.resume_after_infile();
                }
            }
            part = part.get(progress.used..).unwrap();
        }
    }
    seen.summary = *tracker.summary();
    seen.next_sequence = tracker.next_sequence();
    Ok(seen)
}

fn whole(kind: ReplyKind, caps: Capabilities, stream: &[u8]) -> Seen {
    follow(&mut ReplyTracker::new(kind, caps), stream, &[]).unwrap()
}

fn stream_of(payloads: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut seq = 1;
    for payload in payloads {
        seq = put_packet(&mut out, seq, payload);
    }
    out
}

fn kinds(seen: &Seen) -> Vec<(TerminalKind, bool)> {
    seen.terminals.iter().map(|(_, _, terminal)| (terminal.kind, terminal.done)).collect()
}

const OK: &[u8] = &[0, 3, 7, 2, 0, 1, 0];
const OK_MORE: &[u8] = &[0, 1, 0, 10, 0, 0, 0];
const EOF: &[u8] = &[0xFE, 0, 0, 2, 0];
const EOF_MORE: &[u8] = &[0xFE, 0, 0, 10, 0];
const EOF_CURSOR: &[u8] = &[0xFE, 0, 0, 0x42, 0];
const OK_EOF: &[u8] = &[0xFE, 0, 0, 2, 0, 4, 0];
const OK_EOF_CURSOR: &[u8] = &[0xFE, 0, 0, 0x42, 0, 0, 0];
const ERR: &[u8] = b"\xff\x7a\x04#42S02no such table";
const DEFINITION: &[u8] = b"\x03def\0\0\0\x01a\0\x0c\x3f\0\x15\0\0\0\x08\x81\0\0\0\0";
const INFILE: &[u8] = b"\xfb/tmp/x";

#[test]
fn golden_one_row() {
    // SELECT 1, as the documentation captured it.
    let stream = [
        &[1, 0, 0, 1, 1][..],
        &[0x17, 0, 0, 2, 3, b'd', b'e', b'f', 0, 0, 0, 1, b'1', 0, 0x0c, 0x3f, 0, 1, 0, 0, 0],
        &[8, 0x81, 0, 0, 0, 0],
        &[5, 0, 0, 3, 0xFE, 0, 0, 2, 0, 2, 0, 0, 4, 1, b'1', 5, 0, 0, 5, 0xFE, 0, 0, 2, 0],
    ]
    .concat();
    let seen = whole(ReplyKind::Query, EOFS, &stream);
    assert_eq!(kinds(&seen), [(TerminalKind::Eof, true)]);
    assert_eq!(seen.forwarded.len() + 9, stream.len());
    assert_eq!((seen.summary.rows, seen.summary.results, seen.next_sequence), (1, 1, 6));
    assert!(seen.summary.had_resultset && seen.summary.has_status);
    assert_eq!((seen.summary.row_count(), seen.summary.found_rows()), (-1, Some(1)));
}

#[test]
fn ok_and_err() {
    let seen = whole(ReplyKind::Query, EOFS, &stream_of(&[OK]));
    assert_eq!(kinds(&seen), [(TerminalKind::Ok, true)]);
    let summary = seen.summary;
    assert_eq!((summary.affected_rows, summary.last_insert_id, summary.warnings), (3, 7, 1));
    assert_eq!((summary.row_count(), summary.found_rows()), (3, None));
    assert!(!summary.had_resultset);

    let seen = whole(ReplyKind::Query, EOFS, &stream_of(&[ERR]));
    assert_eq!(kinds(&seen), [(TerminalKind::Err, true)]);
    assert_eq!((seen.summary.error, seen.summary.sqlstate), (Some(1146), *b"42S02"));
    assert!(!seen.summary.has_status && !seen.summary.unsolicited);
    assert_eq!(seen.summary.row_count(), -1);
}

#[test]
fn rows_without_eof() {
    let stream = stream_of(&[&[1], DEFINITION, b"\x011", &[0xFB], b"\0", OK_EOF]);
    let seen = whole(ReplyKind::Query, NO_EOFS, &stream);
    assert_eq!(kinds(&seen), [(TerminalKind::Ok, true)]);
    assert_eq!((seen.summary.rows, seen.summary.warnings), (3, 4));
}

#[test]
fn an_error_ends_rows_and_everything() {
    for stream in [
        stream_of(&[&[1], DEFINITION, EOF, b"\x011", ERR]),
        stream_of(&[&[2], DEFINITION, ERR]),
        stream_of(&[&[1], DEFINITION, ERR]),
        stream_of(&[OK_MORE, &[1], DEFINITION, EOF, ERR]),
    ] {
        let seen = whole(ReplyKind::Query, EOFS, &stream);
        assert_eq!(kinds(&seen).last(), Some(&(TerminalKind::Err, true)));
        assert!(!seen.summary.status.contains(StatusFlags::MORE_RESULTS));
    }
}

#[test]
fn out_parameters_are_followed_by_an_ok() {
    // As MySQL 9.7 answers EXECUTE of CALL with an OUT parameter where autocommit is off.
    let stream =
        stream_of(&[&[1], DEFINITION, &[0xFE, 0, 0, 8, 0x10], b"\0\x01", &[0xFE, 0, 0, 0, 0], OK]);
    let seen = whole(ReplyKind::Execute, EOFS, &stream);
    assert_eq!(kinds(&seen), [(TerminalKind::Eof, false), (TerminalKind::Ok, true)]);
}

#[test]
fn several_results() {
    let stream = stream_of(&[
        OK_MORE,
        &[1],
        DEFINITION,
        EOF,
        b"\x011",
        b"\x012",
        EOF_MORE,
        &[1],
        DEFINITION,
        EOF,
        EOF_MORE,
        OK,
    ]);
    let seen = whole(ReplyKind::Query, EOFS, &stream);
    let more = |kind| (kind, false);
    use TerminalKind::{Eof, Ok};
    assert_eq!(kinds(&seen), [more(Ok), more(Eof), more(Eof), (Ok, true)]);
    assert_eq!((seen.summary.results, seen.summary.resultsets), (4, 2));
    assert_eq!((seen.summary.row_count(), seen.summary.found_rows()), (3, Some(0)));
}

#[test]
fn cursors() {
    let open = stream_of(&[&[1], DEFINITION, EOF_CURSOR]);
    let seen = whole(ReplyKind::Execute, EOFS, &open);
    assert_eq!(kinds(&seen), [(TerminalKind::Eof, true)]);
    assert!(seen.summary.status.contains(StatusFlags::CURSOR_EXISTS));
    let open = stream_of(&[&[1], DEFINITION, OK_EOF_CURSOR]);
    assert_eq!(kinds(&whole(ReplyKind::Execute, NO_EOFS, &open)), [(TerminalKind::Ok, true)]);

    let rows = stream_of(&[b"\0\0\x01", b"\0\0\x02", &[0xFE, 0, 0, 0x82, 0]]);
    let seen = whole(ReplyKind::Fetch, EOFS, &rows);
    assert_eq!((seen.summary.rows, kinds(&seen)), (2, vec![(TerminalKind::Eof, true)]));
    assert!(seen.summary.status.contains(StatusFlags::LAST_ROW_SENT));
}

#[test]
fn prepare() {
    let ok = |columns, params| [0, 9, 0, 0, 0, columns, 0, params, 0, 0, 0, 0];
    use TerminalKind::{Err, Other, Prepare};
    let run = |caps, payloads: &[&[u8]]| {
        let seen = whole(ReplyKind::Prepare, caps, &stream_of(payloads));
        assert_eq!(seen.terminals.first().unwrap().0, 0);
        kinds(&seen)
    };
    assert_eq!(run(EOFS, &[&ok(0, 0)]), [(Prepare, true)]);
    let both = [(Prepare, false), (Other, true)];
    assert_eq!(run(EOFS, &[&ok(0, 1), DEFINITION, EOF]), both);
    assert_eq!(run(EOFS, &[&ok(1, 1), DEFINITION, EOF, DEFINITION, EOF]), both);
    assert_eq!(run(NO_EOFS, &[&ok(2, 1), DEFINITION, DEFINITION, DEFINITION]), both);
    assert_eq!(run(EOFS, &[ERR]), [(Err, true)]);
    let optional = Capabilities::OPTIONAL_RESULTSET_METADATA;
    let bare = [0, 9, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    assert_eq!(run(optional | NO_EOFS, &[&bare]), [(Prepare, true)]);
    assert_eq!(run(optional, &[&bare, EOF, EOF]), both);
}

#[test]
fn one_packet_replies() {
    use TerminalKind::{Eof, Err, Ok, Other};
    let first = |kind, caps, payload| kinds(&whole(kind, caps, &stream_of(&[payload])));
    assert_eq!(first(ReplyKind::Simple, EOFS, OK), [(Ok, true)]);
    assert_eq!(first(ReplyKind::Simple, EOFS, OK_MORE), [(Ok, true)]);
    assert_eq!(first(ReplyKind::Simple, EOFS, EOF), [(Eof, true)]);
    assert_eq!(first(ReplyKind::Simple, NO_EOFS, OK_EOF), [(Ok, true)]);
    assert_eq!(first(ReplyKind::Statistics, EOFS, b"Uptime: 1"), [(Other, true)]);
    assert_eq!(first(ReplyKind::Statistics, EOFS, b""), [(Other, true)]);
    assert_eq!(first(ReplyKind::Statistics, EOFS, ERR), [(Err, true)]);
    let list = stream_of(&[DEFINITION, DEFINITION, EOF]);
    assert_eq!(kinds(&whole(ReplyKind::FieldList, EOFS, &list)), [(Eof, true)]);
}

#[test]
fn local_infile() {
    let mut stream = stream_of(&[INFILE]);
    // The client sent packets 2 to 4.
    put_packet(&mut stream, 5, OK_MORE);
    put_packet(&mut stream, 6, OK);
    let seen = whole(ReplyKind::Query, EOFS, &stream);
    let end = [(TerminalKind::Ok, false), (TerminalKind::Ok, true)];
    assert_eq!(kinds(&seen), [&[(TerminalKind::LocalInfile, false)], &end[..]].concat());

    let mut tracker = ReplyTracker::new(ReplyKind::Query, EOFS);
    tracker.feed(&stream_of(&[INFILE])).unwrap();
    assert_eq!(tracker.next_sequence(), 2);
    assert_eq!(tracker.feed(&stream), Err(Malformed::Unsolicited));
}

/// In whatever pieces they come.
#[test]
fn definitions_that_servers_may_leave_out_are_kept() {
    let kept = |kind, caps, payloads: &[&[u8]], piece: usize| {
        let mut tracker = ReplyTracker::new(kind, caps);
        for part in stream_of(payloads).chunks(piece) {
            let mut rest = part;
            while !rest.is_empty() {
                let used = tracker.feed(rest).unwrap().used;
                rest = rest.get(used..).unwrap();
            }
        }
        assert!(tracker.is_done());
        tracker.definitions().to_vec()
    };
    let mut two = Vec::new();
    put_packet(&mut two, 0, DEFINITION);
    put_packet(&mut two, 0, b"\x03second");
    let cached = Capabilities::MARIADB_CACHE_METADATA;
    let ok = [0, 9, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0];
    for piece in 1..60 {
        let rows: [&[u8]; 6] = [&[2, 1], DEFINITION, b"\x03second", EOF, b"\0\0\x01", EOF];
        assert_eq!(kept(ReplyKind::Execute, cached, &rows, piece), two);
        let rows = [&rows[..3], &[OK_EOF]].concat();
        assert_eq!(kept(ReplyKind::Execute, cached | NO_EOFS, &rows, piece), two);
        let prepared: [&[u8]; 6] = [&ok, b"\x03param", EOF, DEFINITION, b"\x03second", EOF];
        assert_eq!(kept(ReplyKind::Prepare, cached, &prepared, piece), two);
        let prepared: [&[u8]; 4] = [&ok, b"\x03param", DEFINITION, b"\x03second"];
        assert_eq!(kept(ReplyKind::Prepare, cached | NO_EOFS, &prepared, piece), two);
        assert_eq!(kept(ReplyKind::Prepare, NO_EOFS, &prepared, piece), b"");
    }
}

#[test]
fn left_out_metadata() {
    let mysql = Capabilities::OPTIONAL_RESULTSET_METADATA | NO_EOFS;
    let mariadb = Capabilities::MARIADB_CACHE_METADATA;
    for (caps, payloads, abridged) in [
        (mysql, vec![&[1, 0][..], b"\x011", OK_EOF], false),
        (mysql, vec![&[1, 1], DEFINITION, b"\x011", OK_EOF], false),
        (mariadb, vec![&[1, 0], EOF, b"\x011", EOF], true),
        (mariadb | NO_EOFS, vec![&[1, 1], DEFINITION, b"\x011", OK_EOF], false),
    ] {
        let seen = whole(ReplyKind::Execute, caps, &stream_of(&payloads));
        assert_eq!(seen.summary.rows, 1);
        assert_eq!(seen.summary.abridged, abridged);
        let first = if abridged { Some((TerminalKind::Abridged, false)) } else { None };
        let end = if caps.contains(NO_EOFS) { TerminalKind::Ok } else { TerminalKind::Eof };
        let expected: Vec<_> = first.into_iter().chain([(end, true)]).collect();
        assert_eq!(kinds(&seen), expected);
    }
    let seen = whole(ReplyKind::Query, mysql, &stream_of(&[OK]));
    assert_eq!(kinds(&seen), [(TerminalKind::Ok, true)]);
}

#[test]
fn progress_reports_end_nothing() {
    let progress = b"\xff\xff\xff\x01\x01\x02\x10\x27\0\x05stage";
    let stream = stream_of(&[progress, progress, OK]);
    for cut in 1..stream.len() {
        let seen = follow(&mut ReplyTracker::new(ReplyKind::Query, EOFS), &stream, &[cut]);
        let seen = seen.unwrap();
        assert_eq!(kinds(&seen), [(TerminalKind::Ok, true)]);
        assert_eq!(seen.forwarded.len(), 2 * (progress.len() + HEADER_LEN));
    }
}

#[test]
fn long_rows_are_not_mistaken_for_ends() {
    for caps in [EOFS, NO_EOFS] {
        for extra in [9, MAX_PAYLOAD, MAX_PAYLOAD + 1] {
            // A value of 16 MiB and more: 0xFE and eight bytes of length.
            let mut row = vec![0xFE; MAX_PAYLOAD - 9 + extra];
            let len = row.len() as u64 - 9;
            row.splice(1..9, len.to_le_bytes());
            let mut payloads = vec![&[1][..], DEFINITION];
            payloads.extend((caps == EOFS).then_some(EOF));
            payloads.extend([&row[..], b"\x011", &row]);
            payloads.push(if caps == EOFS { EOF } else { OK_EOF });
            let stream = stream_of(&payloads);
            let seen = whole(ReplyKind::Query, caps, &stream);
            assert_eq!((seen.summary.rows, seen.terminals.len()), (3, 1));
            for cut in [MAX_PAYLOAD, MAX_PAYLOAD - 40, 1 << 20] {
                let mut tracker = ReplyTracker::new(ReplyKind::Query, caps);
                assert_eq!(follow(&mut tracker, &stream, &[cut]).unwrap(), seen);
            }
        }
    }
    // Without DEPRECATE_EOF clients take 0xFE in nine bytes or more for a row.
    let row = [&[0xFE, 1, 0, 0, 0, 0, 0, 0, 0][..], b"x"].concat();
    let stream = stream_of(&[&[1], DEFINITION, EOF, &row, EOF]);
    assert_eq!(whole(ReplyKind::Query, EOFS, &stream).summary.rows, 1);
}

#[test]
fn broken_replies_are_refused() {
    let feed = |kind, caps, stream: &[u8]| {
        follow(&mut ReplyTracker::new(kind, caps), stream, &[]).map(|seen| kinds(&seen))
    };
    let mut skipped = stream_of(&[&[1], DEFINITION, EOF, b"\x011", EOF]);
    if let Some(seq) = skipped.iter_mut().rev().nth(5) {
        *seq += 1;
    }
    let wrong = Err(Malformed::Sequence { expected: 5, found: 6 });
    assert_eq!(feed(ReplyKind::Query, EOFS, &skipped), wrong);
    let query = |payloads: &[&[u8]]| feed(ReplyKind::Query, EOFS, &stream_of(payloads));
    assert_eq!(query(&[OK, OK]), Err(Malformed::Unsolicited));
    assert_eq!(query(&[b""]), Err(Malformed::Empty));
    assert_eq!(query(&[EOF]), Err(Malformed::Header(0xFE)));
    assert_eq!(query(&[&[2], DEFINITION, EOF]), Err(Malformed::Header(0xFE)));
    assert_eq!(query(&[&[1, 1]]), Err(Malformed::TrailingBytes));
    assert_eq!(query(&[&[0, 0]]), Err(Malformed::Truncated));
    assert_eq!(query(&[&[1], DEFINITION, b"\x011"]), Err(Malformed::Header(1)));
    let simple = feed(ReplyKind::Simple, EOFS, &stream_of(&[&[1]]));
    assert_eq!(simple, Err(Malformed::Header(1)));
    let huge = Header { len: 0xFF_FFFF, seq: 1 }.encode();
    let huge = [&huge[..], &[0]].concat();
    assert!(matches!(feed(ReplyKind::Query, EOFS, &huge), Err(Malformed::TooLong { .. })));
}

#[test]
fn an_error_out_of_order_is_told_apart() {
    let mut stream = Vec::new();
    put_packet(&mut stream, 0, ERR);
    let seen = whole(ReplyKind::Query, EOFS, &stream);
    assert!(seen.summary.unsolicited);

    let mut late = stream_of(&[DEFINITION]);
    put_packet(&mut late, 9, ERR);
    for cuts in [&[][..], &[3]] {
        let broken = follow(&mut ReplyTracker::new(ReplyKind::FieldList, EOFS), &late, cuts);
        assert_eq!(broken.err(), Some(Malformed::Sequence { expected: 2, found: 9 }), "{cuts:?}");
    }
    assert_eq!(kinds(&seen), [(TerminalKind::Err, true)]);
}

#[test]
fn long_commands_shift_the_sequence() {
    let mut stream = Vec::new();
    put_packet(&mut stream, 3, OK);
    let mut tracker = ReplyTracker::new(ReplyKind::Query, EOFS);
    assert!(tracker.feed(&stream).is_err());
    tracker.reset(ReplyKind::Query, EOFS);
    tracker.expect_sequence(3);
    assert!(tracker.feed(&stream).is_ok());
}

#[test]
fn memory_is_kept_but_not_all_of_it() {
    let mut tracker = ReplyTracker::new(ReplyKind::Query, EOFS);
    follow(&mut tracker, &stream_of(&[OK]), &[3]).unwrap();
    let (capacity, place) = (tracker.held.capacity(), tracker.held.as_ptr());
    tracker.reset(ReplyKind::Query, EOFS);
    follow(&mut tracker, &stream_of(&[OK]), &[3]).unwrap();
    assert_eq!((tracker.held.capacity(), tracker.held.as_ptr()), (capacity, place));
    tracker.reset(ReplyKind::Query, EOFS);
    let ok = [OK, &vec![b'i'; 1 << 20]].concat();
    follow(&mut tracker, &stream_of(&[&ok]), &[1000]).unwrap();
    tracker.reset(ReplyKind::Query, EOFS);
    assert!(tracker.held.capacity() <= HELD_KEPT_MAX);
    assert!(tracker.held().is_empty());
}

#[test]
fn boundaries() {
    let stream = stream_of(&[&[1], DEFINITION, EOF, b"\x05hello", EOF]);
    let mut tracker = ReplyTracker::new(ReplyKind::Query, EOFS);
    let row = stream.len() - 9 - 10;
    tracker.feed(stream.get(..row).unwrap()).unwrap();
    assert!(tracker.is_at_boundary());
    tracker.feed(stream.get(row..row + 3).unwrap()).unwrap();
    assert!(tracker.is_at_boundary(), "a split header is held back");
    tracker.feed(stream.get(row + 3..row + 6).unwrap()).unwrap();
    assert!(!tracker.is_at_boundary());
}
