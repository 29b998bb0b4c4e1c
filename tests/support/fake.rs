//! A scripted MySQL server: it greets, lets clients in, and answers as told, rightly or not.

use lanewire_perf::client::{Wire, flags, put_lenenc, put_lenenc_bytes};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a fake server does.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// Answers a packet to every query: `SELECT` with one cell, all else with OK.
    Polite,
    /// Sends these bytes instead of a greeting, then closes.
    GreetingBytes(Vec<u8>),
    /// Accepts and says nothing.
    Silent,
    /// Refuses every login with this error.
    RefuseLogin(u16, &'static str),
    /// Polite until a statement contains `on`; that one is answered with these raw bytes.
    Answer { on: &'static str, bytes: Vec<u8> },
    /// As [`Self::Answer`], and then the connection is closed.
    AnswerAndClose { on: &'static str, bytes: Vec<u8> },
    /// Polite, but for the first statement that contains `on`: it closes the connection.
    CloseOnce { on: &'static str },
    /// Polite, but a statement that contains `on` waits so long before its answer.
    Delay { on: &'static str, delay: Duration },
    /// Polite, and after the first `SELECT` an ERR comes unasked on the idle connection, which is
    /// then closed: what a server does before it shuts down.
    ErrWhenIdle,
}

/// Counts of what came.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    commands: AtomicU64,
    statements: Mutex<Vec<String>>,
    logins: Mutex<Vec<Vec<u8>>>,
}

/// A listening fake; dropped, it accepts no more. Its conversations end with their peers.
#[derive(Debug)]
pub(crate) struct FakeServer {
    port: u16,
    script: Arc<Mutex<Script>>,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeServer {
    /// Listens on a free port and does as `script` says.
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let (script, seen) = (Arc::new(Mutex::new(script)), Arc::new(Seen::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let shared = (Arc::clone(&script), Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (script, seen, stop) = shared;
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let id = seen.connections.fetch_add(1, Ordering::Relaxed) + 1;
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                std::thread::spawn(move || converse(stream, id, &script, &seen));
            }
        });
        Self { port, script, seen, stop, thread: Some(thread) }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Does otherwise from now on, on new connections and for new statements.
    pub(crate) fn set_script(&self, script: Script) {
        *self.script.lock().expect("no panic holds it") = script;
    }

    /// Connections accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// Commands read.
    pub(crate) fn commands(&self) -> u64 {
        self.seen.commands.load(Ordering::Relaxed)
    }

    /// The payloads of all logins, in order of their coming.
    pub(crate) fn logins(&self) -> Vec<Vec<u8>> {
        self.seen.logins.lock().expect("no panic holds it").clone()
    }

    /// The statements that contain `part`, in order of their coming.
    pub(crate) fn statements(&self, part: &str) -> Vec<String> {
        let all = self.seen.statements.lock().expect("no panic holds it");
        all.iter().filter(|sql| sql.contains(part)).cloned().collect()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const OFFERED: u64 = flags::USUAL
    | flags::CONNECT_WITH_DB
    | flags::FOUND_ROWS
    | flags::CONNECT_ATTRS
    | flags::SESSION_TRACK
    | flags::DEPRECATE_EOF;

/// The greeting of a MySQL 8.0 with `mysql_native_password`.
pub(crate) fn greeting(id: u64) -> Vec<u8> {
    let bits = OFFERED.to_le_bytes();
    let mut out = vec![10];
    out.extend_from_slice(b"8.0.99-fake\0");
    out.extend_from_slice(&id.to_le_bytes()[..4]);
    out.extend_from_slice(b"abcdefgh\0");
    out.extend_from_slice(&bits[..2]);
    out.push(45);
    out.extend_from_slice(&[2, 0]);
    out.extend_from_slice(&bits[2..4]);
    out.push(21);
    out.extend_from_slice(&[0; 10]);
    out.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
    out
}

/// An OK packet's payload.
pub(crate) fn ok() -> Vec<u8> {
    vec![0, 0, 0, 2, 0, 0, 0]
}

/// An ERR packet's payload.
pub(crate) fn err(code: u16, text: &str) -> Vec<u8> {
    let mut out = vec![0xFF];
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(b"#HY000");
    out.extend_from_slice(text.as_bytes());
    out
}

/// A packet with its header.
pub(crate) fn framed(seq: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = payload.len().to_le_bytes()[..3].to_vec();
    out.push(seq);
    out.extend_from_slice(payload);
    out
}

/// A result set of one column and these rows, numbered from 1; `end` closes it.
pub(crate) fn result_set(rows: &[&str], deprecate_eof: bool) -> Vec<u8> {
    let mut column = Vec::new();
    for text in ["def", "", "", "", "a", ""] {
        put_lenenc_bytes(&mut column, text.as_bytes());
    }
    put_lenenc(&mut column, 12);
    column.extend_from_slice(&[45, 0, 0, 1, 0, 0, 0xFD, 0, 0, 0, 0, 0]);
    let eof: &[u8] = &[0xFE, 0, 0, 2, 0];
    let mut payloads = vec![vec![1], column];
    if !deprecate_eof {
        payloads.push(eof.to_vec());
    }
    for row in rows {
        let mut payload = Vec::new();
        put_lenenc_bytes(&mut payload, row.as_bytes());
        payloads.push(payload);
    }
    let end = if deprecate_eof { vec![0xFE, 0, 0, 2, 0, 0, 0] } else { eof.to_vec() };
    payloads.push(end);
    (0..=u8::MAX)
        .cycle()
        .skip(1)
        .zip(&payloads)
        .flat_map(|(seq, payload)| framed(seq, payload))
        .collect()
}

fn converse(stream: TcpStream, id: u64, script: &Mutex<Script>, seen: &Seen) {
    let now = || script.lock().map_or(Script::Silent, |script| script.clone());
    let mut wire = Wire::accepted(stream);
    let _ = wire.set_timeout(Duration::from_secs(120));
    match now() {
        Script::GreetingBytes(bytes) => {
            let _ = wire.send_bytes(&bytes);
            return;
        }
        Script::Silent => {
            let _ = wire.read_to_close();
            return;
        }
        Script::Polite
        | Script::RefuseLogin(..)
        | Script::Answer { .. }
        | Script::AnswerAndClose { .. }
        | Script::CloseOnce { .. }
        | Script::Delay { .. }
        | Script::ErrWhenIdle => {}
    }
    if wire.send(&greeting(id)).is_err() {
        return;
    }
    let Ok(login) = wire.receive() else { return };
    if let Ok(mut logins) = seen.logins.lock() {
        logins.push(login.payload.clone());
    }
    if let Script::RefuseLogin(code, text) = now() {
        let _ = wire.send(&err(code, text));
        return;
    }
    if wire.send(&ok()).is_err() {
        return;
    }
    let deprecate_eof =
        login.payload.get(3).is_some_and(|bits| u64::from(*bits) << 24 & flags::DEPRECATE_EOF != 0);
    loop {
        wire.set_seq(0);
        let Ok(command) = wire.receive() else { return };
        seen.commands.fetch_add(1, Ordering::Relaxed);
        let sql = match command.payload.split_first() {
            Some((0x03, sql)) => String::from_utf8_lossy(sql).into_owned(),
            Some((0x01, _)) | None => return,
            Some((0x1F, _)) => "COM_RESET_CONNECTION".to_owned(),
            Some(_) => String::new(),
        };
        if let Ok(mut statements) = seen.statements.lock() {
            statements.push(sql.clone());
        }
        if closes_once(&sql, script) || !answer(&mut wire, &sql, &now(), deprecate_eof) {
            return;
        }
    }
}

/// Whether the script is to close the connection at this statement; from now on it is not.
fn closes_once(sql: &str, script: &Mutex<Script>) -> bool {
    let Ok(mut script) = script.lock() else { return true };
    let closes = matches!(&*script, Script::CloseOnce { on } if sql.contains(on));
    if closes {
        *script = Script::Polite;
    }
    closes
}

/// Answers one command; false to close.
fn answer(wire: &mut Wire, sql: &str, script: &Script, deprecate_eof: bool) -> bool {
    match script {
        Script::Answer { on, bytes } if sql.contains(on) => return wire.send_bytes(bytes).is_ok(),
        Script::AnswerAndClose { on, bytes } if sql.contains(on) => {
            let _ = wire.send_bytes(bytes);
            return false;
        }
        Script::Delay { on, delay } if sql.contains(on) => std::thread::sleep(*delay),
        Script::Polite
        | Script::GreetingBytes(_)
        | Script::Silent
        | Script::RefuseLogin(..)
        | Script::Answer { .. }
        | Script::AnswerAndClose { .. }
        | Script::CloseOnce { .. }
        | Script::Delay { .. }
        | Script::ErrWhenIdle => {}
    }
    if sql.starts_with("UPDATE") {
        // One row.
        return wire.send(&[0, 1, 0, 2, 0, 0, 0]).is_ok();
    }
    if !sql.starts_with("SELECT") {
        return wire.send(&ok()).is_ok();
    }
    if wire.send_bytes(&result_set(&["fake"], deprecate_eof)).is_err() {
        return false;
    }
    if matches!(script, Script::ErrWhenIdle) {
        std::thread::sleep(Duration::from_millis(50));
        let _ = wire.send_bytes(&framed(0, &err(1053, "Server shutdown in progress")));
        return false;
    }
    true
}
