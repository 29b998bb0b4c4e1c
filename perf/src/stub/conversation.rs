//! One connection's talk: bytes in, bytes out, no socket.

use super::Identity;
use super::counters::Counters;
use super::faults::{Fate, Faults};
use super::reply::{self, Form, Replies};
use super::statement::Kind;
use crate::client::flags;
use crate::packets::{HEADER_LEN, front, put_packet};
use fastrand::Rng;
use std::time::Duration;

const COM_QUIT: u8 = 0x01;
const COM_INIT_DB: u8 = 0x02;
const COM_QUERY: u8 = 0x03;
const COM_FIELD_LIST: u8 = 0x04;
const COM_STATISTICS: u8 = 0x09;
const COM_PING: u8 = 0x0E;
const COM_CHANGE_USER: u8 = 0x11;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_SEND_LONG_DATA: u8 = 0x18;
const COM_STMT_CLOSE: u8 = 0x19;
const COM_STMT_RESET: u8 = 0x1A;
const COM_SET_OPTION: u8 = 0x1B;
const COM_RESET_CONNECTION: u8 = 0x1F;

/// Filling the send buffer of a long result stops here, in bytes.
const OUT_LEN_MAX: usize = 256 * 1024;

/// A connection's prepared statements, as many as a server's default allows.
const PREPARED_MAX: usize = 16_382;

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
    faults: &'a Faults,
    counters: &'a Counters,
}

impl<'a> Shared<'a> {
    pub(super) fn new(identity: &Identity, faults: &'a Faults, counters: &'a Counters) -> Self {
        Self { replies: Replies::new(identity), faults, counters }
    }

    /// How long a delayed answer waits.
    pub(super) const fn delay(&self) -> Duration {
        self.faults.delay
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Login,
    Command,
    Closed,
}

/// The rest of a long result.
#[derive(Debug, Clone, Copy)]
struct Blob {
    /// Bytes still due.
    left: u64,
    /// The next row's number.
    seq: u8,
    binary: bool,
    /// It has no end: the connection is closed there.
    cut: bool,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Conversation {
    phase: Phase,
    form: Form,
    blob: Option<Blob>,
    /// By their ids, from 1.
    prepared: Vec<Option<Vec<u8>>>,
    /// Statements of a load that it has had.
    statements: u64,
    random: Rng,
    /// The last answer has to wait, and with it all behind it.
    delayed: bool,
}

impl Conversation {
    /// A new connection; the greeting goes to `out`.
    pub(super) fn new(thread_id: u32, shared: &Shared<'_>, out: &mut Vec<u8>) -> Self {
        shared.counters.count_connection();
        put_packet(out, 0, &greeting(thread_id));
        Self {
            phase: Phase::Login,
            form: Form::default(),
            blob: None,
            prepared: Vec::new(),
            statements: 0,
            random: Rng::with_seed(shared.faults.seed ^ u64::from(thread_id)),
            delayed: false,
        }
    }

    /// Whether what has been answered must wait before it is sent.
    pub(super) const fn is_delayed(&self) -> bool {
        self.delayed
    }

    /// The wait is over.
    pub(super) const fn end_delay(&mut self) {
        self.delayed = false;
    }

    /// Whether it is over: the client has said goodbye, or a fault ends it.
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Takes whole packets from the front of `input` and answers them; returns the bytes used.
    /// While a long result is not sent, or a delay not over, nothing more is taken.
    pub(super) fn take(&mut self, input: &[u8], shared: &Shared<'_>, out: &mut Vec<u8>) -> usize {
        let mut used = 0;
        while self.blob.is_none() && !self.delayed && self.phase != Phase::Closed {
            let Some((seq, payload)) = front(&input[used..]) else { break };
            used += HEADER_LEN + payload.len();
            if self.phase == Phase::Login {
                let low = payload.first_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
                self.form.deprecate_eof = u64::from(low) & flags::DEPRECATE_EOF != 0;
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
        let Some(blob) = &mut self.blob else { return false };
        while blob.left > 0 && out.len() < OUT_LEN_MAX {
            let len = blob.left.min(reply::BLOB_ROW_LEN as u64);
            blob.seq = reply::put_blob_row(out, blob.seq, len, blob.binary);
            blob.left -= len;
        }
        if blob.left == 0 {
            if blob.cut {
                self.phase = Phase::Closed;
            } else {
                reply::put_end(out, blob.seq, self.form);
            }
            self.blob = None;
        }
        true
    }

    fn answer(&mut self, command: u8, body: &[u8], shared: &Shared<'_>, out: &mut Vec<u8>) {
        let in_transaction = self.form.in_transaction;
        match command {
            COM_QUERY => self.query(body, false, shared, out),
            COM_STMT_EXECUTE => self.execute(body, shared, out),
            COM_STMT_PREPARE => self.prepare(body, shared, out),
            COM_STMT_CLOSE => {
                if let Some(slot) = self.statement_mut(body) {
                    *slot = None;
                }
            }
            COM_STMT_SEND_LONG_DATA => {}
            COM_QUIT => self.phase = Phase::Closed,
            COM_INIT_DB | COM_PING | COM_STMT_RESET => reply::put_ok(out, 1, 0, in_transaction),
            COM_RESET_CONNECTION | COM_CHANGE_USER => {
                self.form.in_transaction = false;
                self.prepared.clear();
                reply::put_ok(out, 1, 0, false);
            }
            COM_FIELD_LIST | COM_SET_OPTION => {
                reply::put_eof(out, 1, in_transaction);
            }
            COM_STATISTICS => {
                put_packet(out, 1, b"Uptime: 1  Threads: 1");
            }
            _ => reply::put_err(out, 1, 1047, "08S01", "Unknown command"),
        }
    }

    fn statement_mut(&mut self, body: &[u8]) -> Option<&mut Option<Vec<u8>>> {
        let id = body.first_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
        self.prepared.get_mut(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    fn prepare(&mut self, sql: &[u8], shared: &Shared<'_>, out: &mut Vec<u8>) {
        let free = self.prepared.iter().position(Option::is_none);
        let at = free.unwrap_or(self.prepared.len());
        let Some(id) = u32::try_from(at + 1).ok().filter(|_| at < PREPARED_MAX) else {
            reply::put_err(out, 1, 1461, "42000", "Can't create more prepared statements");
            return;
        };
        if at == self.prepared.len() {
            self.prepared.push(None);
        }
        self.prepared[at] = Some(sql.to_vec());
        shared.replies.put_prepared(out, id, sql, self.form);
    }

    fn execute(&mut self, body: &[u8], shared: &Shared<'_>, out: &mut Vec<u8>) {
        // Taken out and put back: no copy.
        let Some(sql) = self.statement_mut(body).and_then(Option::take) else {
            reply::put_err(out, 1, 1243, "HY000", "Unknown prepared statement handler");
            return;
        };
        self.query(&sql, true, shared, out);
        if let Some(slot) = self.statement_mut(body) {
            *slot = Some(sql);
        }
    }

    fn query(&mut self, sql: &[u8], binary: bool, shared: &Shared<'_>, out: &mut Vec<u8>) {
        let kind = Kind::of(sql);
        shared.counters.count(kind);
        let start = out.len();
        self.put_reply(kind, sql, binary, shared, out);
        if kind.is_load() {
            let fate = shared.faults.fate(self.statements, &mut self.random);
            self.statements += 1;
            self.delayed = !shared.faults.delay.is_zero();
            self.meet(fate, start, out);
        }
    }

    fn put_reply(
        &mut self,
        kind: Kind,
        sql: &[u8],
        binary: bool,
        shared: &Shared<'_>,
        out: &mut Vec<u8>,
    ) {
        let form = Form { binary, ..self.form };
        match kind {
            Kind::Read => shared.replies.put_point_select(out, form),
            Kind::Variables => shared.replies.put_variables(out, sql, form),
            Kind::ShowVariables => shared.replies.put_show_variables(out, sql, form),
            Kind::ShowReplication => shared.replies.put_replication(out, form),
            Kind::Blob(left) => {
                let seq = reply::put_blob_head(out, form);
                self.blob = Some(Blob { left, seq, binary, cut: false });
            }
            Kind::Begin => {
                self.form.in_transaction = true;
                reply::put_ok(out, 1, 0, true);
            }
            Kind::Commit | Kind::Rollback => {
                self.form.in_transaction = false;
                reply::put_ok(out, 1, 0, false);
            }
            Kind::Insert | Kind::Update | Kind::Delete => {
                reply::put_ok(out, 1, 1, form.in_transaction);
            }
            Kind::Other => reply::put_ok(out, 1, 0, form.in_transaction),
        }
    }

    /// Lets a fault happen to the reply that begins at `start`.
    fn meet(&mut self, fate: Fate, start: usize, out: &mut Vec<u8>) {
        match (fate, &mut self.blob) {
            (Fate::Whole, _) => {}
            (Fate::Halved, Some(blob)) => {
                blob.left /= 2;
                blob.cut = true;
            }
            (Fate::Halved, None) => {
                out.truncate(usize::midpoint(start, out.len()));
                self.phase = Phase::Closed;
            }
            (Fate::Dropped, _) => {
                out.truncate(start);
                self.blob = None;
                self.phase = Phase::Closed;
            }
            (Fate::Error, _) => {
                out.truncate(start);
                self.blob = None;
                reply::put_err(
                    out,
                    1,
                    1205,
                    "HY000",
                    "Lock wait timeout exceeded; so says a fault",
                );
            }
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
        let faults = Faults::default();
        let shared = Shared::new(&identity(), &faults, &counters);
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

    /// All that is answered to a login and these commands.
    fn answers(faults: &Faults, commands: &[&[u8]]) -> (Vec<u8>, Conversation) {
        let counters = Counters::default();
        let shared = Shared::new(&identity(), faults, &counters);
        let mut out = Vec::new();
        let mut talk = Conversation::new(1, &shared, &mut out);
        let mut input = Vec::new();
        put_packet(&mut input, 1, &[0; 40]);
        for command in commands {
            put_packet(&mut input, 0, command);
        }
        talk.take(&input, &shared, &mut out);
        (out, talk)
    }

    #[test]
    fn a_prepared_statement_is_executed_until_it_is_closed() {
        let faults = Faults::default();
        let execute = b"\x17\x01\0\0\0\0\x01\0\0\0";
        let prepare = b"\x16SELECT c FROM t WHERE id=?";
        let (out, _) = answers(&faults, &[prepare, execute]);
        // A binary row: no NULLs, 7 in eight bytes, a text of 100.
        let row = [0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 100, b'x'];
        assert!(out.windows(row.len()).any(|part| part == row));
        let (out, _) = answers(&faults, &[prepare, b"\x19\x01\0\0\0", execute]);
        assert!(out.ends_with(b"Unknown prepared statement handler"));
    }

    #[test]
    fn a_fault_hits_the_load_and_not_the_probes() {
        let half = Faults { half_reply_rate: 1.0, ..Faults::default() };
        let (whole, _) = answers(&Faults::default(), &[b"\x03SELECT 1"]);
        let (greeted, _) = answers(&half, &[]);
        let (out, talk) = answers(&half, &[b"\x03SELECT 1", b"\x03SELECT 1"]);
        assert!(talk.is_closed());
        assert_eq!(out.len() - greeted.len(), (whole.len() - greeted.len()) / 2);
        let dropped = Faults { drop_rate: 1.0, ..Faults::default() };
        assert_eq!(answers(&dropped, &[b"\x03SELECT 1"]).0, greeted);
        let (out, talk) = answers(&dropped, &[b"\x03SELECT @@global.read_only"]);
        assert!(!talk.is_closed() && out.len() > greeted.len());
        let late = Faults { delay: Duration::from_millis(1), ..Faults::default() };
        let (out, mut talk) = answers(&late, &[b"\x03SELECT 1", b"\x03SELECT 1"]);
        assert!(talk.is_delayed() && out.len() == whole.len());
        talk.end_delay();
        assert!(!talk.is_delayed());
    }

    #[test]
    fn a_long_result_is_made_as_it_is_sent() {
        let counters = Counters::default();
        let faults = Faults::default();
        let shared = Shared::new(&identity(), &faults, &counters);
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
