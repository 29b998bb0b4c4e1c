//! One connection's talk: bytes in, bytes out, no socket.

use super::Identity;
use super::counters::Counters;
use super::reply::{self, Replies};
use super::statement::Kind;
use crate::client::flags;
use crate::packets::{HEADER_LEN, front, put_packet};

const COM_QUIT: u8 = 0x01;
const COM_INIT_DB: u8 = 0x02;
const COM_QUERY: u8 = 0x03;
const COM_FIELD_LIST: u8 = 0x04;
const COM_STATISTICS: u8 = 0x09;
const COM_PING: u8 = 0x0E;
const COM_CHANGE_USER: u8 = 0x11;
const COM_SET_OPTION: u8 = 0x1B;
const COM_RESET_CONNECTION: u8 = 0x1F;

/// Filling the send buffer of a long result stops here, in bytes.
const OUT_LEN_MAX: usize = 256 * 1024;

/// MariaDB of a generation with every tracker: the dialect whose set-up is one short statement.
const VERSION: &[u8] = b"5.5.5-10.11.0-MariaDB-stub";

const OFFERED: u64 = flags::USUAL
    | flags::FOUND_ROWS
    | flags::CONNECT_WITH_DB
    | flags::IGNORE_SPACE
    | flags::INTERACTIVE
    | flags::CONNECT_ATTRS
    | flags::SESSION_TRACK
    | flags::DEPRECATE_EOF;

/// What all connections of a stub share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    replies: Replies,
    counters: &'a Counters,
}

impl<'a> Shared<'a> {
    pub(super) fn new(identity: &Identity, counters: &'a Counters) -> Self {
        Self { replies: Replies::new(identity), counters }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Login,
    Command,
    Closed,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Conversation {
    phase: Phase,
    deprecate_eof: bool,
    in_transaction: bool,
    /// Bytes still due of a `SELECT blob N`, and the next row's number.
    blob: Option<(u64, u8)>,
}

impl Conversation {
    /// A new connection; the greeting goes to `out`.
    pub(super) fn new(thread_id: u32, shared: &Shared<'_>, out: &mut Vec<u8>) -> Self {
        shared.counters.count_connection();
        put_packet(out, 0, &greeting(thread_id));
        Self { phase: Phase::Login, deprecate_eof: false, in_transaction: false, blob: None }
    }

    /// Whether the client has said goodbye.
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Takes whole packets from the front of `input` and answers them; returns the bytes used.
    /// While a long result is not sent, nothing more is taken.
    pub(super) fn take(&mut self, input: &[u8], shared: &Shared<'_>, out: &mut Vec<u8>) -> usize {
        let mut used = 0;
        while self.blob.is_none() && self.phase != Phase::Closed {
            let Some((seq, payload)) = front(&input[used..]) else { break };
            used += HEADER_LEN + payload.len();
            if self.phase == Phase::Login {
                let low = payload.first_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
                self.deprecate_eof = u64::from(low) & flags::DEPRECATE_EOF != 0;
                self.phase = Phase::Command;
                reply::put_ok(out, seq.wrapping_add(1), 0, false);
            } else if let Some((command, body)) = payload.split_first() {
                self.answer(*command, body, shared, out);
            }
        }
        used
    }

    /// Puts more of a long result, as much as a send buffer may hold; `false` when there is none.
    pub(super) fn continue_blob(&mut self, out: &mut Vec<u8>) -> bool {
        let Some((mut left, mut seq)) = self.blob else { return false };
        while left > 0 && out.len() < OUT_LEN_MAX {
            let len = left.min(reply::BLOB_ROW_LEN as u64);
            seq = reply::put_blob_row(out, seq, len);
            left -= len;
        }
        if left == 0 {
            reply::put_end(out, seq, self.deprecate_eof, self.in_transaction);
            self.blob = None;
        } else {
            self.blob = Some((left, seq));
        }
        true
    }

    fn answer(&mut self, command: u8, body: &[u8], shared: &Shared<'_>, out: &mut Vec<u8>) {
        match command {
            COM_QUERY => self.query(Kind::of(body), shared, out),
            COM_QUIT => self.phase = Phase::Closed,
            COM_INIT_DB | COM_PING => reply::put_ok(out, 1, 0, self.in_transaction),
            COM_RESET_CONNECTION | COM_CHANGE_USER => {
                self.in_transaction = false;
                reply::put_ok(out, 1, 0, false);
            }
            COM_FIELD_LIST | COM_SET_OPTION => {
                reply::put_eof(out, 1, self.in_transaction);
            }
            COM_STATISTICS => {
                put_packet(out, 1, b"Uptime: 1  Threads: 1");
            }
            _ => reply::put_err(out, 1, 1047, "08S01", "Unknown command"),
        }
    }

    fn query(&mut self, kind: Kind<'_>, shared: &Shared<'_>, out: &mut Vec<u8>) {
        shared.counters.count(kind);
        let (eof, trx) = (self.deprecate_eof, self.in_transaction);
        match kind {
            Kind::Read => shared.replies.put_point_select(out, eof, trx),
            Kind::Variable(name) => shared.replies.put_variable(out, name, eof, trx),
            Kind::Blob(len) => self.blob = Some((len, reply::put_blob_head(out, eof, trx))),
            Kind::Begin => {
                self.in_transaction = true;
                reply::put_ok(out, 1, 0, true);
            }
            Kind::Commit | Kind::Rollback => {
                self.in_transaction = false;
                reply::put_ok(out, 1, 0, false);
            }
            Kind::Insert | Kind::Update | Kind::Delete => reply::put_ok(out, 1, 1, trx),
            Kind::Other => reply::put_ok(out, 1, 0, trx),
        }
    }
}

fn greeting(thread_id: u32) -> Vec<u8> {
    let bits = OFFERED.to_le_bytes();
    let mut out = vec![10];
    out.extend_from_slice(VERSION);
    out.push(0);
    out.extend(thread_id.to_le_bytes());
    out.extend_from_slice(b"stubstub\0");
    out.extend_from_slice(&bits[..2]);
    out.push(45);
    out.extend(flags::STATUS_AUTOCOMMIT.to_le_bytes());
    out.extend_from_slice(&bits[2..4]);
    out.push(21);
    out.extend([0; 10]);
    out.extend_from_slice(b"stubstubstub\0mysql_native_password\0");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { name: "stub".into(), server_id: 1, read_only: false }
    }

    #[test]
    fn any_split_of_the_input_gets_the_same_answers() {
        let counters = Counters::default();
        let shared = Shared::new(&identity(), &counters);
        let mut input = Vec::new();
        put_packet(&mut input, 1, &[0; 40]);
        for sql in ["\x03BEGIN", "\x03SELECT 1", "\x03UPDATE t SET a=1", "\x03COMMIT"] {
            put_packet(&mut input, 0, sql.as_bytes());
        }
        let answers = |step: usize| {
            let mut out = Vec::new();
            let mut talk = Conversation::new(1, &shared, &mut out);
            let mut inbox = Vec::new();
            for part in input.chunks(step) {
                inbox.extend_from_slice(part);
                let used = talk.take(&inbox, &shared, &mut out);
                inbox.drain(..used);
            }
            assert!(inbox.is_empty());
            out
        };
        let whole = answers(input.len());
        assert!((1..input.len()).all(|step| answers(step) == whole));
        assert_eq!(counters.status()["Com_update"], input.len() as u64);
    }

    #[test]
    fn a_long_result_is_made_as_it_is_sent() {
        let counters = Counters::default();
        let shared = Shared::new(&identity(), &counters);
        let mut out = Vec::new();
        let mut talk = Conversation::new(1, &shared, &mut out);
        let mut input = Vec::new();
        put_packet(&mut input, 1, &[0; 40]);
        put_packet(&mut input, 0, b"\x03SELECT blob 10000000");
        put_packet(&mut input, 0, b"\x0E");
        let used = talk.take(&input, &shared, &mut out);
        assert!(used < input.len(), "the ping waits");
        let mut sent = 0;
        while talk.continue_blob(&mut out) {
            assert!(out.len() < 2 * OUT_LEN_MAX);
            sent += out.len();
            out.clear();
        }
        assert!(sent > 10_000_000);
        assert_eq!(talk.take(&input[used..], &shared, &mut out), input.len() - used);
    }
}
