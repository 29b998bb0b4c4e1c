//! Replies of real servers under the tracker, and their packets decoded and encoded again.

use std::collections::BTreeSet;

use lanewire::protocol::{
    Capabilities, Change, ColumnDefinition, EofPacket, ErrPacket, Event, HEADER_LEN, Malformed,
    OkPacket, PrepareOk, ReplyKind, ReplyTracker, StatusFlags, Summary, Terminal, TerminalKind,
    changes, put_packet, put_text_value, strip_session_state, text_row,
};

use crate::capture::{Capture, File, MARIADB, MYSQL, Side};
use crate::oracle::{Role, Whole, roles, wholes};
use crate::scenario::{DIALECTS, Dialect, Part, SCENARIOS, Scenario, is_recorded};

/// Streams longer than this are cut near their packets' edges only.
const CUT_EVERYWHERE_MAX: usize = 4096;

/// A captured reply and all that is known of it.
struct Reply {
    place: String,
    capture: Capture,
    dialect: Dialect,
    scenario: &'static Scenario,
    wholes: Vec<Whole>,
    roles: Vec<Role>,
}

/// What a capture's name stands for; `None` for what is not the reply to a scenario.
fn known(name: &str) -> Option<(Dialect, &'static Scenario)> {
    let (dialect, name) = name.split_once('/')?;
    let dialect = DIALECTS.into_iter().find(|known| known.name == dialect)?;
    Some((dialect, SCENARIOS.iter().find(|known| known.name == name)?))
}

fn replies_of(file: File) -> impl Iterator<Item = Reply> {
    file.captures().filter_map(move |capture| {
        let (dialect, scenario) = known(&capture.name)?;
        let place = format!("{}: {}", file.name, capture.name);
        let wholes = wholes(&capture);
        let roles = roles(scenario.reply, &dialect, wholes.len());
        assert_eq!(roles.len(), wholes.len(), "{place}: {roles:?}");
        Some(Reply { place, capture, dialect, scenario, wholes, roles })
    })
}

fn replies() -> impl Iterator<Item = Reply> {
    [MARIADB, MYSQL].into_iter().flat_map(replies_of)
}

/// A terminal packet: where it ends in the stream, what it is, what was known then.
type Seen = Vec<(usize, Terminal, Summary)>;

fn follow(tracker: &mut ReplyTracker, stream: &[u8], parts: [&[u8]; 2]) -> Result<Seen, Malformed> {
    let mut seen = Vec::new();
    let mut at = 0;
    let mut keep = |bytes: &[u8]| {
        assert_eq!(Some(bytes), stream.get(at..at + bytes.len()), "bytes lost or changed at {at}");
        at += bytes.len();
        at
    };
    for mut part in parts {
        while !part.is_empty() {
            let progress = tracker.feed(part)?;
            keep(&part[..progress.forward]);
            match progress.event {
                Event::More => assert_eq!(progress.used, part.len()),
                Event::Held => {
                    keep(tracker.held());
                }
                Event::Terminal(terminal) => {
                    let end = keep(tracker.terminal_packet(part, &progress));
                    seen.push((end, terminal, *tracker.summary()));
                    tracker.resume_after_infile();
                }
            }
            part = &part[progress.used..];
        }
    }
    Ok(seen)
}

impl Reply {
    fn tracker(&self) -> ReplyTracker {
        ReplyTracker::new(self.scenario.kind, self.capture.caps)
    }

    fn follow_whole(&self, stream: &[u8]) -> Result<Seen, Malformed> {
        follow(&mut self.tracker(), stream, [stream, &[]])
    }

    /// Payloads with their role.
    fn packets(&self) -> impl Iterator<Item = (Role, &[u8])> {
        self.roles.iter().copied().zip(self.wholes.iter().map(|whole| &whole.payload[..]))
    }
}

fn check_summary(place: &str, part: Part, summary: &Summary) {
    let Summary { rows, affected_rows, last_insert_id, warnings, error, sqlstate, .. } = *summary;
    let state = |text: &str| text.as_bytes() == sqlstate;
    match part {
        Part::Ok(affected, _, warned) => {
            assert_eq!((affected_rows, warnings, error), (affected, warned, None), "{place}");
            assert!(!summary.had_resultset, "{place}");
        }
        Part::Rows(_, count, warned) | Part::RowsAgain(_, count, warned) => {
            assert_eq!((rows, warnings, error), (count, warned, None), "{place}");
            assert!(summary.had_resultset, "{place}");
        }
        Part::RowsThenErr(_, count, code, text) => {
            assert_eq!((rows, error), (count, Some(code)), "{place}");
            assert!(state(text), "{place}");
        }
        Part::Err(code, text) => assert!(error == Some(code) && state(text), "{place}"),
        Part::Fetched(count) | Part::Definitions(count) => {
            let defines = !place.contains("lean-mysql") || matches!(part, Part::Fetched(_));
            assert_eq!(rows, if defines { count } else { 0 }, "{place}");
        }
        Part::Cursor(_) => {
            assert!(summary.status.contains(StatusFlags::CURSOR_EXISTS), "{place}");
        }
        Part::Infile | Part::Prepared(..) | Part::Text | Part::End => {}
    }
    if let Part::Ok(_, id, _) = part
        && id != 0
    {
        assert_eq!(last_insert_id, id, "{place}");
    }
}

#[test]
fn every_scenario_is_captured() {
    for (file, is_mariadb) in [(MARIADB, true), (MYSQL, false)] {
        let names: BTreeSet<_> = file.names().collect();
        for dialect in &DIALECTS {
            for scenario in SCENARIOS {
                let name = format!("{}/{}", dialect.name, scenario.name);
                let expected = is_recorded(is_mariadb, dialect, scenario);
                assert_eq!(names.contains(&name[..]), expected, "{}: {name}", file.name);
            }
        }
        for name in names {
            let used = known(name).is_some() || name.starts_with("login/") || name == "idle";
            assert!(used, "{}: {name} is not tested", file.name);
        }
    }
}

#[test]
fn the_tracker_finds_every_end() {
    for reply in replies() {
        let stream = reply.capture.stream();
        let seen = reply.follow_whole(&stream);
        let seen = seen.unwrap_or_else(|error| panic!("{}: {error}", reply.place));
        let found: Vec<_> =
            seen.iter().map(|(end, terminal, _)| (*end, terminal.kind, terminal.done)).collect();
        let ends = reply.wholes.iter().map(|whole| whole.end);
        let expected: Vec<_> = ends
            .zip(&reply.roles)
            .filter_map(|(end, role)| match role {
                Role::Terminal(kind, done) => Some((end, *kind, *done)),
                Role::Count | Role::Definition | Role::Eof | Role::Row => None,
            })
            .collect();
        assert_eq!(found, expected, "{}", reply.place);
        let parts = reply.scenario.reply;
        if let [Part::Prepared(..)] = parts {
            continue;
        }
        let ends = || seen.iter().filter(|(_, it, _)| it.kind != TerminalKind::Abridged);
        assert_eq!(ends().count(), parts.len(), "{}", reply.place);
        for (part, (_, _, summary)) in parts.iter().zip(ends()) {
            check_summary(&reply.place, *part, summary);
        }
    }
}

/// Places to cut at: everywhere, or near the edges of packets.
fn cuts(reply: &Reply, len: usize) -> Vec<usize> {
    if len <= CUT_EVERYWHERE_MAX {
        return (0..=len).collect();
    }
    let mut edge = 0;
    let mut cuts = BTreeSet::from([len / 2]);
    for packet in reply.capture.from(Side::Server) {
        cuts.extend([edge, edge + 1, edge + 3, edge + HEADER_LEN, edge + 5, edge + 13]);
        edge += HEADER_LEN + packet.payload.len();
        cuts.extend([edge - 1, edge]);
    }
    cuts.into_iter().filter(|cut| *cut <= len).collect()
}

#[test]
fn every_cut_gives_the_same() {
    for reply in replies() {
        let stream = reply.capture.stream();
        let Ok(expected) = reply.follow_whole(&stream) else { continue };
        let mut tracker = reply.tracker();
        for cut in cuts(&reply, stream.len()) {
            tracker.reset(reply.scenario.kind, reply.capture.caps);
            let (head, tail) = stream.split_at(cut);
            let seen = follow(&mut tracker, &stream, [head, tail]);
            assert_eq!(seen.as_ref(), Ok(&expected), "{} cut at {cut}", reply.place);
            tracker.reset(reply.scenario.kind, reply.capture.caps);
            follow(&mut tracker, &stream, [head, &[]]).expect("the whole is sound");
            assert_eq!(tracker.is_done(), cut == stream.len(), "{} to {cut}", reply.place);
        }
    }
}

#[test]
fn a_missing_or_repeated_packet_is_noticed() {
    for reply in replies().filter(|reply| reply.wholes.len() > 1) {
        // The packet behind a local file may have any number.
        if reply.scenario.name == "infile" {
            continue;
        }
        for (index, whole) in reply.wholes.iter().enumerate().skip(1) {
            let stream = reply.capture.stream();
            let start = reply.wholes[index - 1].end;
            let without = [&stream[..start], &stream[whole.end..]].concat();
            let mut tracker = reply.tracker();
            let told = follow(&mut tracker, &without, [&without, &[]]).is_err();
            assert!(told || !tracker.is_done(), "{} without packet {index}", reply.place);
            let twice = [&stream[..whole.end], &stream[start..]].concat();
            assert!(reply.follow_whole(&twice).is_err(), "{} with {index} twice", reply.place);
        }
    }
}

fn check_ok(reply: &Reply, payload: &[u8]) {
    let (place, caps) = (&reply.place, reply.capture.caps);
    let ok = OkPacket::decode(payload, caps).unwrap_or_else(|error| panic!("{place}: {error}"));
    let encoded = if payload[0] == 0xFE { ok.encode_as_eof(caps) } else { ok.encode(caps) };
    assert_eq!(encoded, payload, "{place}");
    if caps.contains(Capabilities::SESSION_TRACK) {
        let bare = strip_session_state(payload).expect("it was decoded");
        let without = OkPacket::decode(&bare, Capabilities::empty()).expect("it is an OK");
        let mut status = ok.status;
        status.remove(StatusFlags::SESSION_STATE_CHANGED);
        assert_eq!(without, OkPacket { status, session_state: &[], ..ok }, "{place}");
    }
}

fn check_row(reply: &Reply, payload: &[u8]) {
    let place = &reply.place;
    if reply.scenario.kind != ReplyKind::Query {
        assert_eq!(payload[0], 0, "{place}: a binary row");
        return;
    }
    let values: Result<Vec<_>, _> = text_row(payload).collect();
    let values = values.unwrap_or_else(|error| panic!("{place}: {error}"));
    let columns = reply.scenario.reply.iter().find_map(|part| {
        let (Part::Rows(columns, ..) | Part::RowsThenErr(columns, ..)) = part else { return None };
        Some(*columns)
    });
    assert_eq!(Some(values.len()), columns, "{place}");
    let mut encoded = Vec::new();
    for value in values {
        put_text_value(&mut encoded, value);
    }
    assert!(encoded == payload, "{place}: row");
}

fn check_definition(reply: &Reply, payload: &[u8]) {
    let (place, caps) = (&reply.place, reply.capture.caps);
    let column = ColumnDefinition::decode(payload, caps);
    let column = column.unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(column.catalog, b"def", "{place}");
    let encoded = column.encode();
    // COM_FIELD_LIST appends a default value.
    let same = if reply.scenario.kind == ReplyKind::FieldList {
        payload.starts_with(&encoded)
    } else {
        payload == encoded
    };
    assert!(same, "{place}: {column:?}");
}

#[test]
fn packets_survive_decoding_and_encoding() {
    for reply in replies() {
        let place = &reply.place;
        for (role, payload) in reply.packets() {
            match role {
                Role::Count
                | Role::Terminal(
                    TerminalKind::LocalInfile | TerminalKind::Abridged | TerminalKind::Other,
                    _,
                ) => {}
                Role::Definition => check_definition(&reply, payload),
                Role::Row => check_row(&reply, payload),
                Role::Eof | Role::Terminal(TerminalKind::Eof, _) => {
                    let eof = EofPacket::decode(payload).expect("an EOF");
                    assert_eq!(eof.encode(), payload, "{place}");
                }
                Role::Terminal(TerminalKind::Ok, _) => check_ok(&reply, payload),
                Role::Terminal(TerminalKind::Err, _) => {
                    let error = ErrPacket::decode(payload).expect("an ERR");
                    assert_eq!(error.encode(), payload, "{place}");
                }
                Role::Terminal(TerminalKind::Prepare, _) => {
                    let ok = PrepareOk::decode(payload).expect("a prepare reply");
                    assert!(payload.starts_with(&ok.encode()), "{place}");
                    let [Part::Prepared(params, columns)] = *reply.scenario.reply else {
                        panic!("{place} is no prepare reply");
                    };
                    assert_eq!((ok.params, ok.columns), (params, columns), "{place}");
                    let follow = reply.dialect.name != "lean-mysql";
                    assert_eq!(ok.metadata_follows, follow, "{place}");
                }
            }
        }
    }
}

#[test]
fn payloads_are_framed_as_the_servers_frame_them() {
    for reply in replies().filter(|reply| reply.scenario.name != "infile") {
        let mut framed = Vec::new();
        let mut seq = 1;
        for whole in &reply.wholes {
            seq = put_packet(&mut framed, seq, &whole.payload);
        }
        assert!(framed == reply.capture.stream(), "{}", reply.place);
    }
}

fn told(change: Change<'_>) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match change {
        Change::SystemVariable { name: b"last_gtid", .. } | Change::Gtids(_) => "gtid".to_owned(),
        Change::SystemVariable { name, value } => format!("{}={}", text(name), text(value)),
        Change::Schema(name) => format!("schema={}", text(name)),
        Change::StateChanged(_) => "state".to_owned(),
        Change::TransactionCharacteristics(sql) => format!("characteristics={}", text(sql)),
        Change::TransactionState(state) => format!("transaction={}", text(state)),
        Change::Unknown(kind) => format!("unknown={kind}"),
    }
}

#[test]
fn session_state_is_told() {
    let mut checked = 0;
    for reply in replies().filter(|reply| reply.dialect.is_tracked) {
        let mut heard = BTreeSet::new();
        for (role, payload) in reply.packets() {
            if !matches!(role, Role::Terminal(TerminalKind::Ok, _)) {
                continue;
            }
            let ok = OkPacket::decode(payload, reply.capture.caps).expect("an OK");
            for change in changes(ok.session_state) {
                heard.insert(told(change.expect("a sound entry")));
            }
        }
        for change in reply.scenario.changes {
            assert!(heard.contains(*change), "{}: {change} is not in {heard:?}", reply.place);
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked} changes only");
}

#[test]
fn a_server_that_hangs_up_says_so_out_of_order() {
    let idle = MYSQL.capture("idle");
    let stream = idle.stream();
    let mut tracker = ReplyTracker::new(ReplyKind::Query, idle.caps);
    let seen = follow(&mut tracker, &stream, [&stream, &[]]).expect("it is an ERR");
    assert!(tracker.summary().unsolicited);
    assert_eq!(seen.last().map(|(_, _, summary)| summary.error), Some(Some(4031)));
}
