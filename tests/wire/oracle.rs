//! What each packet of a captured reply is, told from the question alone: a naive walk that knows
//! how many rows and columns must come, and never looks for an end.

use lanewire::protocol::{Capabilities, HEADER_LEN, MAX_PAYLOAD, TerminalKind};

use crate::capture::{Capture, Side};
use crate::scenario::{Dialect, Part};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Count,
    Definition,
    /// An EOF that ends definitions only.
    Eof,
    Row,
    /// It ends something; the whole reply with `true`.
    Terminal(TerminalKind, bool),
}

/// A payload put together again, and where its last packet ends in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) payload: Vec<u8>,
    pub(crate) end: usize,
}

/// The server's payloads.
pub(crate) fn wholes(capture: &Capture) -> Vec<Whole> {
    let mut wholes = Vec::new();
    let (mut payload, mut end) = (Vec::new(), 0);
    for packet in capture.from(Side::Server) {
        payload.extend_from_slice(&packet.payload);
        end += HEADER_LEN + packet.payload.len();
        if packet.payload.len() < MAX_PAYLOAD {
            wholes.push(Whole { payload: std::mem::take(&mut payload), end });
        }
    }
    assert!(payload.is_empty(), "{} stops in the middle", capture.name);
    wholes
}

struct Walk {
    roles: Vec<Role>,
    deprecate_eof: bool,
    /// The server sends definitions with rows.
    defines: bool,
    /// It leaves out those that it has sent.
    caches: bool,
}

impl Walk {
    fn put(&mut self, role: Role, count: u64) {
        for _ in 0..count {
            self.roles.push(role);
        }
    }

    fn terminal(&mut self, kind: TerminalKind) {
        self.roles.push(Role::Terminal(kind, false));
    }

    fn end_of_rows(&mut self) {
        let kind = if self.deprecate_eof { TerminalKind::Ok } else { TerminalKind::Eof };
        self.terminal(kind);
    }

    fn definitions(&mut self, columns: u64) {
        if self.defines && columns > 0 {
            self.put(Role::Definition, columns);
        }
    }

    fn count(&mut self, columns: u64) {
        if self.caches && columns == 0 {
            self.terminal(TerminalKind::Abridged);
        } else {
            self.put(Role::Count, 1);
        }
    }

    fn head(&mut self, columns: u64) {
        self.count(columns);
        self.definitions(columns);
        self.put(Role::Eof, u64::from(!self.deprecate_eof));
    }

    fn prepared(&mut self, counts: [u16; 2]) {
        self.terminal(TerminalKind::Prepare);
        if !self.defines {
            return;
        }
        for count in counts.into_iter().filter(|count| *count > 0) {
            self.put(Role::Definition, u64::from(count));
            self.put(Role::Eof, u64::from(!self.deprecate_eof));
        }
        if counts != [0, 0] {
            self.roles.pop();
            self.terminal(TerminalKind::Other);
        }
    }

    fn part(&mut self, part: Part, left: usize) {
        match part {
            Part::Ok(..) => self.terminal(TerminalKind::Ok),
            Part::Err(..) => self.terminal(TerminalKind::Err),
            Part::Infile => self.terminal(TerminalKind::LocalInfile),
            Part::Text => self.terminal(TerminalKind::Other),
            Part::End => self.end_of_rows(),
            Part::Prepared(params, columns) => self.prepared([params, columns]),
            Part::Rows(columns, rows, _) => {
                self.head(columns as u64);
                self.put(Role::Row, rows);
                self.end_of_rows();
            }
            Part::RowsThenErr(columns, rows, ..) => {
                self.head(columns as u64);
                self.put(Role::Row, rows);
                self.terminal(TerminalKind::Err);
            }
            Part::RowsAgain(columns, rows, _) => {
                let without = 2 + u64::from(!self.deprecate_eof) + rows;
                self.head(if left as u64 > without { columns as u64 } else { 0 });
                self.put(Role::Row, rows);
                self.end_of_rows();
            }
            Part::Cursor(columns) => {
                let columns = if left == 2 { 0 } else { columns as u64 };
                self.count(columns);
                self.definitions(columns);
                self.end_of_rows();
            }
            Part::Fetched(rows) => {
                self.put(Role::Row, rows);
                self.end_of_rows();
            }
            Part::Definitions(columns) => {
                self.definitions(columns);
                self.end_of_rows();
            }
        }
    }
}

/// What each of `packets` server payloads is in the reply that `parts` expects.
pub(crate) fn roles(parts: &[Part], dialect: &Dialect, packets: usize) -> Vec<Role> {
    let mut walk = Walk {
        roles: Vec::new(),
        deprecate_eof: dialect.caps.contains(Capabilities::DEPRECATE_EOF),
        defines: dialect.name != "lean-mysql",
        caches: dialect.caps.contains(Capabilities::MARIADB_CACHE_METADATA),
    };
    for part in parts {
        walk.part(*part, packets - walk.roles.len());
    }
    if let Some(Role::Terminal(_, done)) = walk.roles.last_mut() {
        *done = true;
    }
    walk.roles
}
