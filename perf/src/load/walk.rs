//! Finds the end of a reply in a stream of bytes, header to header, without keeping any.

use crate::client::{ErrReply, flags};
use crate::packets::{HEADER_LEN, payload_len};

/// The longest payload of one packet; one of this length is continued in the next.
const FULL: usize = 0xFF_FFFF;
/// Without `DEPRECATE_EOF` an EOF packet is shorter than this; a longer one that begins with 0xFE
/// is a row.
const EOF_LEN_MAX: usize = 9;
/// So much of an OK, EOF or ERR is looked at: an OK's status flags, an ERR's text.
const SEEN_LEN: usize = 124;

/// How a reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// OK or the last EOF.
    Ok,
    /// ERR.
    Err(ErrReply),
    /// Nothing that a query may be answered with.
    Malformed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first packet of a result.
    Head,
    /// So many column definitions are due.
    Columns(u64),
    /// The EOF between definitions and rows is due.
    ColumnsEnd,
    Rows,
}

/// Follows the replies of one connection.
#[derive(Debug)]
pub(super) struct Walk {
    deprecate_eof: bool,
    state: State,
    /// The beginning of a packet that came in parts.
    head: [u8; HEADER_LEN + SEEN_LEN],
    head_len: usize,
    /// Payload bytes of the present packet that are still to come.
    skip: usize,
    /// The next packet is the rest of this one.
    continued: bool,
    /// What the present packet ends.
    ends: Option<End>,
    /// Rows seen since the count was taken.
    rows: u64,
}

impl Walk {
    pub(super) const fn new(deprecate_eof: bool) -> Self {
        Self {
            deprecate_eof,
            state: State::Head,
            head: [0; HEADER_LEN + SEEN_LEN],
            head_len: 0,
            skip: 0,
            continued: false,
            ends: None,
            rows: 0,
        }
    }

    /// The rows that were seen since this was last asked.
    pub(super) const fn take_rows(&mut self) -> u64 {
        std::mem::replace(&mut self.rows, 0)
    }

    /// Takes bytes up to the end of a reply; returns how many, and the end if it was reached.
    pub(super) fn take(&mut self, input: &[u8]) -> (usize, Option<End>) {
        let mut used = 0;
        loop {
            let step = self.skip.min(input.len() - used);
            self.skip -= step;
            used += step;
            if self.skip > 0 {
                return (used, None);
            }
            if let Some(end) = self.ends.take() {
                return (used, Some(end));
            }
            let rest = &input[used..];
            match self.wanted(rest) {
                // The usual case: the packet's beginning is here in one piece.
                Some(wanted) if self.head_len == 0 && rest.len() >= wanted => {
                    self.enter(&rest[..wanted]);
                    used += wanted;
                }
                Some(wanted) if self.head_len == wanted => {
                    let head = self.head;
                    self.head_len = 0;
                    self.enter(&head[..wanted]);
                }
                Some(_) | None => {
                    let Some(byte) = rest.first() else { return (used, None) };
                    self.head[self.head_len] = *byte;
                    self.head_len += 1;
                    used += 1;
                }
            }
        }
    }

    /// How much of the packet in front must be seen, its header included; `None` while too little
    /// is there to say that.
    fn wanted(&self, rest: &[u8]) -> Option<usize> {
        let here = if self.head_len == 0 { rest } else { &self.head[..self.head_len] };
        let header = here.first_chunk::<HEADER_LEN>()?;
        let len = payload_len(*header);
        if len == 0 || self.continued {
            return Some(HEADER_LEN);
        }
        let first = *here.get(HEADER_LEN)?;
        let whole = match self.state {
            State::Head => true,
            State::Columns(_) => false,
            State::ColumnsEnd | State::Rows => first >= 0xFE,
        };
        Some(HEADER_LEN + if whole { len.min(SEEN_LEN) } else { 1 })
    }

    /// Enters a packet whose beginning is `head`.
    #[inline]
    fn enter(&mut self, head: &[u8]) {
        let (header, seen) = head.split_at(HEADER_LEN);
        let len = payload_len([header[0], header[1], header[2], header[3]]);
        self.skip = len - seen.len();
        if std::mem::replace(&mut self.continued, len == FULL) {
            return;
        }
        let Some(first) = seen.first() else {
            self.ends = Some(End::Malformed);
            return;
        };
        match (self.state, first) {
            (_, 0xFF) => self.end(ErrReply::decode(seen).map_or(End::Malformed, End::Err)),
            (State::Head, 0x00) => self.end_unless_more(status_of_ok(seen)),
            (State::Head, 0xFB | 0xFE) => self.end(End::Malformed),
            (State::Head, _) => {
                self.state = column_count(seen).map_or(State::Rows, State::Columns);
            }
            (State::Columns(left), _) => self.state = self.after_column(left),
            (State::ColumnsEnd, _) => self.state = State::Rows,
            (State::Rows, 0xFE) if self.ends_rows(len) => {
                let status = if self.deprecate_eof { status_of_ok(seen) } else { eof_status(seen) };
                self.end_unless_more(status);
            }
            (State::Rows, _) => self.rows += 1,
        }
    }

    const fn after_column(&self, left: u64) -> State {
        match left {
            0 | 1 if self.deprecate_eof => State::Rows,
            0 | 1 => State::ColumnsEnd,
            _ => State::Columns(left - 1),
        }
    }

    const fn ends_rows(&self, len: usize) -> bool {
        if self.deprecate_eof { len < FULL } else { len < EOF_LEN_MAX }
    }

    fn end_unless_more(&mut self, status: Option<u16>) {
        match status {
            Some(status) if status & flags::STATUS_MORE_RESULTS != 0 => self.state = State::Head,
            Some(_) => self.end(End::Ok),
            None => self.end(End::Malformed),
        }
    }

    fn end(&mut self, end: End) {
        self.state = State::Head;
        self.ends = Some(end);
    }
}

/// The first payload byte, two length-encoded integers, the status flags.
fn status_of_ok(payload: &[u8]) -> Option<u16> {
    let at = lenenc_end(payload, lenenc_end(payload, 1)?)?;
    Some(u16::from_le_bytes([*payload.get(at)?, *payload.get(at + 1)?]))
}

fn eof_status(payload: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes([*payload.get(3)?, *payload.get(4)?]))
}

fn lenenc_end(payload: &[u8], at: usize) -> Option<usize> {
    Some(match payload.get(at)? {
        0xFC => at + 3,
        0xFD => at + 4,
        0xFE => at + 9,
        _ => at + 1,
    })
}

fn column_count(payload: &[u8]) -> Option<u64> {
    match payload {
        [small @ 0..=0xFA] => Some(u64::from(*small)),
        [0xFC, low, high] => Some(u64::from(u16::from_le_bytes([*low, *high]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::put_packet;

    fn err() -> End {
        End::Err(ErrReply { code: 1040, state: "08004".into(), message: "no".into() })
    }

    /// Rows, OK, two results in one reply, ERR.
    fn replies(deprecate_eof: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rows = |status: u8| {
            put_packet(&mut out, 1, &[2]);
            put_packet(&mut out, 2, b"\x03def and so on");
            put_packet(&mut out, 3, b"\x03def");
            let end: &[u8] = if deprecate_eof {
                &[0xFE, 0, 0, status, 0, 0, 0]
            } else {
                put_packet(&mut out, 4, &[0xFE, 0, 0, status, 0]);
                &[0xFE, 0, 0, status, 0]
            };
            put_packet(&mut out, 5, b"\x05hello\x01x");
            put_packet(&mut out, 6, b"\x00");
            put_packet(&mut out, 7, end);
        };
        rows(2);
        rows(2 | 8);
        put_packet(&mut out, 8, &[0, 0xFC, 1, 1, 0, 2, 0, 0, 0]);
        put_packet(&mut out, 1, b"\xFF\x10\x04#08004no");
        out
    }

    #[test]
    fn any_split_finds_the_same_ends() {
        for deprecate_eof in [false, true] {
            let bytes = replies(deprecate_eof);
            for step in 1..=bytes.len() {
                let (mut walk, mut ends) = (Walk::new(deprecate_eof), Vec::new());
                for mut part in bytes.chunks(step) {
                    loop {
                        let (used, end) = walk.take(part);
                        part = &part[used..];
                        match end {
                            Some(end) => ends.push(end),
                            None => break,
                        }
                    }
                    assert!(part.is_empty());
                }
                assert_eq!(ends, [End::Ok, End::Ok, err()], "step {step}");
                assert_eq!((walk.take_rows(), walk.take_rows()), (4, 0));
            }
        }
    }

    #[test]
    fn the_rest_of_a_long_row_is_no_packet_of_its_own() {
        let mut bytes = Vec::new();
        put_packet(&mut bytes, 1, &[1]);
        put_packet(&mut bytes, 2, b"\x03def");
        put_packet(&mut bytes, 3, &[0xFE, 0, 0, 2, 0]);
        put_packet(&mut bytes, 4, &vec![0xFA; FULL + 3]);
        put_packet(&mut bytes, 6, &vec![0xFA; FULL]);
        put_packet(&mut bytes, 8, &[0xFE, 0, 0, 2, 0]);
        let mut walk = Walk::new(false);
        assert_eq!(walk.take(&bytes), (bytes.len(), Some(End::Ok)));
        assert_eq!(walk.take_rows(), 2);
    }

    #[test]
    fn what_answers_no_query_is_malformed() {
        for payload in [&b""[..], b"\xFBfile", b"\x00", b"\xFF"] {
            let mut bytes = Vec::new();
            put_packet(&mut bytes, 1, payload);
            assert_eq!(Walk::new(true).take(&bytes), (bytes.len(), Some(End::Malformed)));
        }
    }
}
