//! One client's way through the admin port: greeting, login, statements, goodbye.

use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::{self, Request, Table};
use super::tables::{self, Answer};
use super::{SERVER_VERSION, Sources};
use crate::auth::{Plugin, RsaKey, Secret, ServerSide, ServerStep};
use crate::net::blocking::{BlockingLink, LinkError};
use crate::protocol::{
    Capabilities, Column, Command, EofPacket, ErrPacket, FirstPacket, Greeting, Login, Malformed,
    OkPacket, StatusFlags, put_resultset,
};

/// Longest packet from a client, in bytes.
const PACKET_LEN_MAX: usize = 1 << 20;
/// For a client that waits between statements; the servers' default.
const IDLE_TIMEOUT: Duration = Duration::from_secs(8 * 3600);
/// For an answer to be taken.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Between a refusal and the close.
const REFUSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The most packets a login may take.
const LOGIN_PACKETS_MAX: usize = 16;
/// Every client starts with it or can be switched away from it.
const OFFERED_PLUGIN: Plugin = Plugin::MysqlNativePassword;
const STATUS: StatusFlags = StatusFlags::AUTOCOMMIT;
const OFFERED: Capabilities = Capabilities::LONG_PASSWORD
    .union(Capabilities::FOUND_ROWS)
    .union(Capabilities::LONG_FLAG)
    .union(Capabilities::CONNECT_WITH_DB)
    .union(Capabilities::IGNORE_SPACE)
    .union(Capabilities::PROTOCOL_41)
    .union(Capabilities::INTERACTIVE)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::MULTI_STATEMENTS)
    .union(Capabilities::MULTI_RESULTS)
    .union(Capabilities::PS_MULTI_RESULTS)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::CONNECT_ATTRS)
    .union(Capabilities::PLUGIN_AUTH_LENENC_DATA)
    .union(Capabilities::DEPRECATE_EOF);

/// Why a conversation ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndError {
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("malformed packet: {0}")]
    Malformed(#[from] Malformed),
    #[error("wrong user or password for {0:?}")]
    Denied(String),
    #[error("no random bytes: {0}")]
    Random(String),
    #[error("asks for TLS, which was not offered")]
    Tls,
}

/// Tells a client that there is no place for it.
pub(super) fn refuse(stream: TcpStream) {
    if let Ok(mut link) = BlockingLink::accepted(stream, REFUSE_TIMEOUT, PACKET_LEN_MAX) {
        let _ = link.send(&err(1040, b"08004", "Too many connections"));
    }
}

/// Talks to a client until it leaves; `id` is its connection id.
pub(super) fn run(stream: TcpStream, id: u32, sources: &Sources) -> Result<(), EndError> {
    let timeout = sources.settings.timeouts.login;
    let mut link = BlockingLink::accepted(stream, timeout, PACKET_LEN_MAX)?;
    let capabilities = match log_in(&mut link, id, sources) {
        Ok(capabilities) => capabilities,
        Err(EndError::Denied(user)) => {
            let message = format!("Access denied for user '{user}' to the admin port");
            link.send(&err(1045, b"28000", &message))?;
            return Err(EndError::Denied(user));
        }
        Err(EndError::Malformed(error)) => {
            link.send(&err(1043, b"08S01", "Bad handshake"))?;
            return Err(error.into());
        }
        Err(error) => return Err(error),
    };
    loop {
        link.allow(IDLE_TIMEOUT);
        link.begin_command();
        let payload = match link.receive() {
            Ok(payload) => payload,
            Err(LinkError::Closed | LinkError::TimedOut) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        link.allow(ANSWER_TIMEOUT);
        match answer(&payload, sources) {
            Reply::Goodbye => return Ok(()),
            Reply::Silence => {}
            Reply::Payload(payload) => link.send(&payload)?,
            Reply::Ok => {
                let ok = OkPacket { status: STATUS, ..OkPacket::default() };
                link.send(&ok.encode(capabilities))?;
            }
            Reply::Rows(answer) => send_rows(&mut link, capabilities, &answer)?,
            Reply::Named(values) => send_values(&mut link, capabilities, &values)?,
        }
    }
}

fn log_in(link: &mut BlockingLink, id: u32, sources: &Sources) -> Result<Capabilities, EndError> {
    let admin = &sources.settings.admin;
    let greeting = greeting(id)?;
    link.send(&greeting.encode())?;
    let login = match FirstPacket::decode(&link.receive()?)? {
        FirstPacket::Login(login) => login,
        FirstPacket::SslRequest(_) => return Err(EndError::Tls),
    };
    let password = Secret::Password(admin.password.clone().into_bytes());
    let known = login.user == admin.username.as_bytes();
    // An unknown user is asked for a password as a known one is, and then denied.
    let secret = if known { password } else { Secret::decoy(Some(&password), &random()?) };
    if !prove(link, &greeting, &login, &secret, &sources.rsa)? || !known {
        return Err(EndError::Denied(String::from_utf8_lossy(&login.user).into_owned()));
    }
    let capabilities = login.capabilities & OFFERED;
    let ok = OkPacket { status: STATUS, ..OkPacket::default() };
    link.send(&ok.encode(capabilities))?;
    Ok(capabilities)
}

fn prove(
    link: &mut BlockingLink,
    greeting: &Greeting,
    login: &Login,
    secret: &Secret,
    rsa: &RsaKey,
) -> Result<bool, EndError> {
    let (mut side, mut step) = ServerSide::new(
        greeting.scramble,
        secret,
        login.auth_plugin.as_deref(),
        &login.auth_response,
        OFFERED_PLUGIN,
        false,
        rsa,
    );
    for _ in 0..LOGIN_PACKETS_MAX {
        match step {
            ServerStep::Granted(_) => return Ok(true),
            ServerStep::SendThenGranted(payload, _) => {
                link.send(&payload)?;
                return Ok(true);
            }
            ServerStep::Denied => return Ok(false),
            ServerStep::Send(payload) => link.send(&payload)?,
        }
        step = side.drive(&link.receive()?);
    }
    Ok(false)
}

fn greeting(id: u32) -> Result<Greeting, EndError> {
    let mut scramble = random()?;
    // Old clients read it as a C string, and some mind a '$' at its head.
    for byte in &mut scramble {
        *byte = b'a' + *byte % 26;
    }
    Ok(Greeting {
        version: SERVER_VERSION.into(),
        thread_id: id,
        scramble,
        capabilities: OFFERED,
        collation: 45,
        status: STATUS,
        auth_plugin: OFFERED_PLUGIN.name().into(),
    })
}

fn random() -> Result<[u8; 20], EndError> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|error| EndError::Random(error.to_string()))?;
    Ok(bytes)
}

enum Reply {
    Goodbye,
    /// The command has no reply.
    Silence,
    Payload(Vec<u8>),
    Ok,
    Rows(Answer),
    Named(Vec<(String, Option<String>)>),
}

fn answer(payload: &[u8], sources: &Sources) -> Reply {
    let Some((command, body)) = payload.split_first() else {
        return Reply::Payload(err(1047, b"08S01", "Unknown command"));
    };
    match Command::from_byte(*command) {
        Some(Command::Quit) => Reply::Goodbye,
        Some(Command::Query) => statement(body, sources),
        Some(Command::InitDb | Command::Ping | Command::ResetConnection) => Reply::Ok,
        Some(Command::SetOption) => {
            Reply::Payload(EofPacket { warnings: 0, status: STATUS }.encode())
        }
        Some(Command::Statistics) => Reply::Payload(statistics(sources)),
        Some(Command::StmtClose | Command::StmtSendLongData) => Reply::Silence,
        _ => Reply::Payload(err(1047, b"08S01", "Unknown command")),
    }
}

fn statement(sql: &[u8], sources: &Sources) -> Reply {
    match request::parse(sql) {
        Request::Rows(table, columns) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            match tables::rows(table, sources, now_ms).pick(columns) {
                Ok(answer) => Reply::Rows(answer),
                Err(unknown) => {
                    let table = table.name();
                    let message = format!(
                        "Unknown column '{unknown}' in '{table}', see 'SELECT * FROM {table}'"
                    );
                    Reply::Payload(err(1054, b"42S22", &message))
                }
            }
        }
        Request::Values(values) => Reply::Named(values),
        Request::ShowVariables(pattern) => Reply::Rows(tables::variables(pattern.as_deref())),
        Request::ShowTables => {
            Reply::Rows(Answer::list("Tables_in_lanewire", Table::ALL.map(Table::name)))
        }
        Request::ShowDatabases => Reply::Rows(Answer::list("Database", ["lanewire"])),
        Request::NoRows => {
            Reply::Rows(Answer::new(&[("Level", Column::Text), ("Message", Column::Text)]))
        }
        Request::Nothing => Reply::Ok,
        Request::Unknown => {
            let begin = String::from_utf8_lossy(sql.get(..sql.len().min(64)).unwrap_or_default());
            let message = format!("unknown statement '{begin}', use 'SELECT * FROM help'");
            Reply::Payload(err(1105, b"HY000", &message))
        }
    }
}

fn statistics(sources: &Sources) -> Vec<u8> {
    let totals = sources.registry.totals();
    let uptime_s = sources.started.elapsed().as_secs();
    let (sessions, commands) = (totals.sessions, totals.commands);
    format!("Uptime: {uptime_s}  Threads: {sessions}  Questions: {commands}").into_bytes()
}

fn send_rows(
    link: &mut BlockingLink,
    caps: Capabilities,
    answer: &Answer,
) -> Result<(), LinkError> {
    let rows = answer.rows.iter().map(|row| row.iter().map(Option::as_ref));
    let mut out = Vec::new();
    let seq = put_resultset(&mut out, link.seq(), caps, &answer.columns, rows, STATUS);
    link.send_framed(&out, seq)
}

fn send_values(
    link: &mut BlockingLink,
    caps: Capabilities,
    values: &[(String, Option<String>)],
) -> Result<(), LinkError> {
    let columns: Vec<_> = values.iter().map(|(name, _)| Column::Text(name)).collect();
    let row = values.iter().map(|(_, value)| value.as_ref());
    let mut out = Vec::new();
    let seq = put_resultset(&mut out, link.seq(), caps, &columns, [row], STATUS);
    link.send_framed(&out, seq)
}

fn err(code: u16, sqlstate: &[u8; 5], message: &str) -> Vec<u8> {
    ErrPacket { code, sqlstate: *sqlstate, message: message.as_bytes() }.encode()
}
