//! The captures' text form.
//!
//! A block per conversation: `== name`, `caps` (hexadecimal, as negotiated), then a line per
//! packet: `<` from the server, `>` from the client, sequence number, payload as hexadecimal words,
//! of which `61*300` stands for 300 times the byte 61. `#` begins a comment.

use std::fmt::Write;

use lanewire::protocol::{Capabilities, Header};

/// The captures of one server or of several clients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
    /// Name below `captures/`.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

pub(crate) const MARIADB: File =
    File { name: "mariadb-10.11.txt", text: include_str!("captures/mariadb-10.11.txt") };
pub(crate) const MYSQL: File =
    File { name: "mysql-9.7.txt", text: include_str!("captures/mysql-9.7.txt") };
pub(crate) const CLIENTS: File =
    File { name: "clients.txt", text: include_str!("captures/clients.txt") };

/// Runs of a byte at least this long are written short.
const RUN_LEN_MIN: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// One packet as it was on the wire; a long payload is several of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) side: Side,
    pub(crate) seq: u8,
    pub(crate) payload: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) caps: Capabilities,
    pub(crate) packets: Vec<Packet>,
}

impl Capture {
    pub(crate) fn from(&self, side: Side) -> impl Iterator<Item = &Packet> {
        self.packets.iter().filter(move |packet| packet.side == side)
    }

    /// The server's bytes, headers included.
    pub(crate) fn stream(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for packet in self.from(Side::Server) {
            let len = u32::try_from(packet.payload.len()).expect("a packet's length has 3 bytes");
            out.extend_from_slice(&Header { len, seq: packet.seq }.encode());
            out.extend_from_slice(&packet.payload);
        }
        out
    }

    pub(crate) fn print(&self) -> String {
        let mut out = format!("== {}\ncaps {:x}\n", self.name, self.caps.bits());
        for packet in &self.packets {
            let side = if packet.side == Side::Server { '<' } else { '>' };
            let _ = writeln!(out, "{side} {}{}", packet.seq, words(&packet.payload));
        }
        out.push('\n');
        out
    }
}

fn words(payload: &[u8]) -> String {
    let mut out = String::new();
    let mut glued = false;
    for run in payload.chunk_by(|a, b| a == b) {
        let byte = run.first().copied().unwrap_or_default();
        if run.len() >= RUN_LEN_MIN {
            let _ = write!(out, " {byte:02x}*{}", run.len());
            glued = false;
            continue;
        }
        for _ in run {
            let _ = write!(out, "{}{byte:02x}", if glued { "" } else { " " });
            glued = true;
        }
    }
    out
}

fn parse_word(word: &str, payload: &mut Vec<u8>) -> Option<()> {
    if let Some((byte, count)) = word.split_once('*') {
        let byte = u8::from_str_radix(byte, 16).ok()?;
        payload.resize(payload.len() + count.parse::<usize>().ok()?, byte);
        return Some(());
    }
    let (pairs, rest) = word.as_bytes().as_chunks::<2>();
    for pair in pairs {
        payload.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
    }
    rest.is_empty().then_some(())
}

fn parse_packet(side: Side, line: &str) -> Option<Packet> {
    let mut parts = line.split_ascii_whitespace();
    let seq = parts.next()?.parse().ok()?;
    let mut payload = Vec::new();
    for word in parts {
        parse_word(word, &mut payload)?;
    }
    Some(Packet { side, seq, payload })
}

fn parse_line(line: &str, captures: &mut Vec<Capture>) -> Option<()> {
    if line.is_empty() || line.starts_with('#') {
        return Some(());
    }
    let (sign, rest) = line.split_once(' ')?;
    if sign == "==" {
        captures.push(Capture { name: rest.to_owned(), ..Capture::default() });
        return Some(());
    }
    let capture = captures.last_mut()?;
    match sign {
        "caps" => {
            let bits = u64::from_str_radix(rest, 16).ok()?;
            capture.caps = Capabilities::from_bits_retain(bits);
        }
        "<" => capture.packets.push(parse_packet(Side::Server, rest)?),
        ">" => capture.packets.push(parse_packet(Side::Client, rest)?),
        _ => return None,
    }
    Some(())
}

impl File {
    /// The blocks, one at a time: some replies have 16 MiB.
    fn blocks(self) -> impl Iterator<Item = &'static str> {
        self.text.split("\n== ").skip(1)
    }

    fn read(self, block: &str) -> Capture {
        let mut captures = Vec::new();
        for (number, line) in format!("== {block}").lines().enumerate() {
            let read = parse_line(line.trim(), &mut captures);
            assert!(read.is_some(), "{}: {line} (line {number} of its block)", self.name);
        }
        captures.pop().expect("a block begins with its name")
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.blocks().map(|block| block.lines().next().unwrap_or_default())
    }

    pub(crate) fn captures(self) -> impl Iterator<Item = Capture> {
        self.blocks().map(move |block| self.read(block))
    }

    /// The capture of that name; it must be there.
    pub(crate) fn capture(self, name: &str) -> Capture {
        let mut blocks = self.blocks();
        let block = blocks.find(|block| block.lines().next() == Some(name));
        self.read(block.unwrap_or_else(|| panic!("{} has no {name}", self.name)))
    }
}
