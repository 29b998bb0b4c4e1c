//! Replies made by a model, cut at random, whole or spoilt, under the tracker and the reader.

use lanewire::protocol::{
    Capabilities, Column, ErrPacket, Event, Malformed, OkPacket, PacketReader, ReplyKind,
    ReplyTracker, StatusFlags, Summary, Terminal, TerminalKind, put_packet, put_resultset,
};

use crate::run::{Random, fuzz};

const KINDS: [ReplyKind; 7] = [
    ReplyKind::Query,
    ReplyKind::Execute,
    ReplyKind::Fetch,
    ReplyKind::Prepare,
    ReplyKind::FieldList,
    ReplyKind::Statistics,
    ReplyKind::Simple,
];

/// Terminal packets, how many bytes stood before each, and the last word.
#[derive(Debug, PartialEq)]
struct Seen {
    terminals: Vec<(usize, Terminal)>,
    summary: Summary,
    rest_is_whole: bool,
}

fn follow(tracker: &mut ReplyTracker, stream: &[u8], pieces: &[&[u8]]) -> Result<Seen, Malformed> {
    let mut terminals = Vec::new();
    let mut at = 0;
    for piece in pieces {
        let mut left = *piece;
        while !left.is_empty() {
            let progress = tracker.feed(left)?;
            assert!(progress.forward <= progress.used && progress.used <= left.len());
            assert_eq!(left[..progress.forward], stream[at..at + progress.forward]);
            at += progress.forward;
            match progress.event {
                Event::More => assert_eq!(progress.used, left.len(), "More takes everything"),
                Event::Held => {
                    assert!(stream[at..].starts_with(tracker.held()));
                    at += tracker.held().len();
                }
                Event::Terminal(terminal) => {
                    terminals.push((at, terminal));
                    let packet = tracker.terminal_packet(left, &progress);
                    assert!(stream[at..].starts_with(packet), "the packet is the server's");
                    at += packet.len();
                    tracker.resume_after_infile();
                }
            }
            left = &left[progress.used..];
        }
    }
    let rest_is_whole = at + tracker.held().len() >= stream.len();
    Ok(Seen { terminals, summary: *tracker.summary(), rest_is_whole })
}

fn capabilities(random: &mut Random) -> Capabilities {
    let mut caps = Capabilities::PROTOCOL_41;
    caps.set(Capabilities::DEPRECATE_EOF, random.one_in(2));
    caps.set(Capabilities::SESSION_TRACK, random.one_in(2));
    caps.set(Capabilities::MARIADB_EXTENDED_METADATA, random.one_in(4));
    match random.below(4) {
        0 => caps |= Capabilities::OPTIONAL_RESULTSET_METADATA,
        1 => caps |= Capabilities::MARIADB_CACHE_METADATA,
        _ => {}
    }
    caps
}

/// What the model says of a reply.
#[derive(Debug, Default)]
struct Model {
    ends: Vec<(TerminalKind, bool)>,
    rows: Option<u64>,
    affected_rows: u64,
    error: Option<u16>,
}

fn put_ok(random: &mut Random, out: &mut Vec<u8>, seq: u8, caps: Capabilities, more: bool) -> u8 {
    let (info, state) = (random.bytes(30), random.bytes(30));
    let ok = OkPacket {
        affected_rows: random.next() >> random.below(60),
        last_insert_id: random.next() >> random.below(64),
        status: status(more),
        warnings: 0,
        info: &info,
        session_state: &state,
    };
    put_packet(out, seq, &ok.encode(caps))
}

fn status(more: bool) -> StatusFlags {
    let mut status = StatusFlags::AUTOCOMMIT;
    status.set(StatusFlags::MORE_RESULTS, more);
    status
}

fn reply(random: &mut Random, caps: Capabilities) -> (Vec<u8>, Model) {
    let (mut out, mut model, mut seq) = (Vec::new(), Model::default(), 1);
    let results = 1 + random.below(4);
    for index in 0..results {
        let more = index + 1 < results;
        match random.below(6) {
            0 => {
                seq = put_packet(&mut out, seq, &[&[0xFB], &random.bytes(20)[..]].concat());
                model.ends.push((TerminalKind::LocalInfile, false));
                seq = seq.wrapping_add(random.byte());
                seq = put_ok(random, &mut out, seq, caps, more);
                model.ends.push((TerminalKind::Ok, !more));
            }
            1 => {
                let message = random.bytes(60);
                let error = ErrPacket { code: 1146, sqlstate: *b"42S02", message: &message };
                put_packet(&mut out, seq, &error.encode());
                model.ends.push((TerminalKind::Err, true));
                model.error = Some(1146);
                return (out, model);
            }
            2 | 3 => {
                seq = put_ok(random, &mut out, seq, caps, more);
                model.ends.push((TerminalKind::Ok, !more));
            }
            _ => {
                let columns = vec![Column::Text("c"); 1 + random.below(5)];
                let longest = random.pick(&[0, 3, 300, 70_000]);
                let rows: Vec<Vec<_>> = (0..random.below(6))
                    .map(|_| columns.iter().map(|_| Some(random.bytes(longest))).collect())
                    .collect();
                model.rows = Some(rows.len() as u64);
                seq = put_resultset(&mut out, seq, caps, &columns, rows, status(more));
                let lean = caps.contains(Capabilities::DEPRECATE_EOF);
                let kind = if lean { TerminalKind::Ok } else { TerminalKind::Eof };
                model.ends.push((kind, !more));
            }
        }
    }
    (out, model)
}

#[test]
fn replies_end_where_the_model_says() {
    let mut tracker = ReplyTracker::new(ReplyKind::Query, Capabilities::empty());
    fuzz("replies_end_where_the_model_says", |random| {
        let caps = capabilities(random);
        let (stream, model) = reply(random, caps);
        tracker.reset(ReplyKind::Query, caps);
        let pieces = random.cut(&stream);
        let seen = follow(&mut tracker, &stream, &pieces).expect("the reply is sound");
        let ends: Vec<_> =
            seen.terminals.iter().map(|(_, terminal)| (terminal.kind, terminal.done)).collect();
        assert_eq!(ends, model.ends);
        assert!(tracker.is_done() && seen.rest_is_whole);
        assert_eq!(seen.summary.found_rows(), model.rows);
        assert_eq!(seen.summary.error, model.error);
        if model.error.is_none() && seen.summary.had_resultset {
            assert_eq!(seen.summary.affected_rows, model.affected_rows);
        }
        // Nothing may follow.
        assert_eq!(tracker.feed(&[1, 0, 0, 0, 0]), Err(Malformed::Unsolicited));
    });
}

#[test]
fn spoilt_replies_read_the_same_however_cut() {
    fuzz("spoilt_replies_read_the_same_however_cut", |random| {
        let caps = if random.one_in(3) {
            Capabilities::from_bits_retain(random.next())
        } else {
            capabilities(random)
        };
        let mut stream = if random.one_in(4) { random.bytes(200) } else { reply(random, caps).0 };
        random.spoil(&mut stream);
        let kind = random.pick(&KINDS);
        let one = follow(&mut ReplyTracker::new(kind, caps), &stream, &[&stream]);
        let pieces = random.cut(&stream);
        let many = follow(&mut ReplyTracker::new(kind, caps), &stream, &pieces);
        assert_eq!(one, many, "{kind:?} {caps:?}");
    });
}

/// Reads all packets, or as many as come before an error.
fn read(reader: &mut PacketReader, pieces: &[&[u8]]) -> (Vec<(u8, Vec<u8>)>, Option<Malformed>) {
    let mut packets = Vec::new();
    for piece in pieces {
        let mut left = *piece;
        while !left.is_empty() {
            match reader.feed(left) {
                Ok(used) => left = &left[used..],
                Err(error) => return (packets, Some(error)),
            }
            packets.extend(reader.take());
        }
    }
    (packets, None)
}

#[test]
fn packets_are_read_however_cut() {
    const LEN_MAX: usize = 3000;
    fuzz("packets_are_read_however_cut", |random| {
        let (mut stream, mut expected, mut seq) = (Vec::new(), Vec::new(), random.byte());
        for _ in 0..random.below(8) {
            let payload = random.bytes(LEN_MAX);
            expected.push((seq, payload.clone()));
            seq = put_packet(&mut stream, seq, &payload);
        }
        let pieces = random.cut(&stream);
        let read_all = read(&mut PacketReader::new(LEN_MAX), &pieces);
        assert_eq!(read_all, (expected, None));
        random.spoil(&mut stream);
        let one = read(&mut PacketReader::new(LEN_MAX), &[&stream]);
        let pieces = random.cut(&stream);
        assert_eq!(read(&mut PacketReader::new(LEN_MAX), &pieces), one);
        assert!(one.0.iter().all(|(_, payload)| payload.len() <= LEN_MAX));
    });
}
