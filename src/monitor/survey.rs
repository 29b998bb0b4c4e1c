//! One look at one server: connect, read the greeting, log in, ask a few variables, quit.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use thiserror::Error;

use crate::auth::{BackendSecret, ClientSide, ClientStep};
use crate::cluster::ServerFacts;
use crate::config::{Address, PasswordSetting, Settings};
use crate::net::blocking::{BlockingLink, LinkError};
use crate::protocol::{
    Capabilities, Command, EofPacket, ErrPacket, Greeting, Login, Malformed, Reader, resultset,
};

/// The longest packet a survey takes, in bytes.
const PACKET_LEN_MAX: usize = 64 * 1024;
/// The most packets a login may take.
const LOGIN_PACKETS_MAX: usize = 16;
/// The most rows and columns an answer may have.
const ROWS_MAX: usize = 16;
const ERR: u8 = 0xFF;
const EOF: u8 = 0xFE;
const OK: u8 = 0x00;
const WANTED: Capabilities = Capabilities::LONG_PASSWORD
    .union(Capabilities::LONG_FLAG)
    .union(Capabilities::PROTOCOL_41)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH);

/// The account that the monitor uses.
#[derive(Debug)]
pub(super) struct Credentials {
    user: String,
    secret: BackendSecret,
}

/// What a survey learned.
#[derive(Debug)]
pub(super) struct Survey {
    /// All that was asked, or the greeting's part where the login failed.
    pub(super) facts: ServerFacts,
    /// Why there is only the greeting's part.
    pub(super) login_error: Option<String>,
}

/// Why a survey learned nothing.
#[derive(Debug, Error)]
pub(super) enum SurveyError {
    #[error("its name has no address")]
    NoAddress,
    #[error("cannot be reached: {0}")]
    Link(#[from] LinkError),
    #[error("refuses connections: {code} {message}")]
    Refused { code: u16, message: String },
    #[error("its greeting is malformed: {0}")]
    Greeting(Malformed),
}

/// The first user whose password on the backends is known; a hash alone can log in nowhere.
pub(super) fn credentials(settings: &Settings) -> Option<Credentials> {
    settings.users.iter().find_map(|user| {
        let password = match (&user.backend_password, &user.secret) {
            (Some(password), _) | (None, PasswordSetting::Plain(password)) => password,
            (None, PasswordSetting::Hash(_)) => return None,
        };
        Some(Credentials {
            user: user.backend_user.as_ref().unwrap_or(&user.name).clone(),
            secret: BackendSecret::Password(password.clone().into_bytes()),
        })
    })
}

/// The addresses behind a backend's name; none for a Unix socket.
pub(super) fn resolve(address: &Address) -> Result<Vec<SocketAddr>, String> {
    match address {
        Address::Unix(_) => Ok(Vec::new()),
        Address::Tcp { host, port } => {
            if let Ok(ip) = host.parse::<IpAddr>() {
                return Ok(vec![SocketAddr::new(ip, *port)]);
            }
            let found = (host.as_str(), *port).to_socket_addrs();
            let mut addresses: Vec<_> =
                found.map_err(|error| format!("cannot resolve {host:?}: {error}"))?.collect();
            // The name service may shuffle them; a view changes only when they do.
            addresses.sort_unstable();
            addresses.dedup();
            Ok(addresses)
        }
    }
}

/// Surveys the server at the first of `addresses` that takes a connection. `timeout` is for the
/// connection, then again for all the rest.
pub(super) fn survey(
    address: &Address,
    addresses: &[SocketAddr],
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> Result<Survey, SurveyError> {
    let mut link = connect(address, addresses, timeout)?;
    link.allow(timeout);
    let payload = link.receive()?;
    if payload.first() == Some(&ERR) {
        let error = ErrPacket::decode(&payload).map_err(SurveyError::Greeting)?;
        let message = String::from_utf8_lossy(error.message).into_owned();
        return Err(SurveyError::Refused { code: error.code, message });
    }
    let greeting = Greeting::decode(&payload).map_err(SurveyError::Greeting)?;
    let mut facts = ServerFacts::from_greeting(&greeting);
    let asked = match credentials {
        None => Err("no user in the settings has a password to log in with".to_owned()),
        Some(credentials) => log_in(&mut link, &greeting, credentials)
            .and_then(|()| ask(&mut link, &mut facts).map_err(|error| error.to_string())),
    };
    link.begin_command();
    let _ = link.send(&[Command::Quit as u8]);
    Ok(Survey { facts, login_error: asked.err() })
}

fn connect(
    address: &Address,
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Result<BlockingLink, SurveyError> {
    if let Address::Unix(path) = address {
        return Ok(BlockingLink::connect_unix(path, timeout, PACKET_LEN_MAX)?);
    }
    let mut error = SurveyError::NoAddress;
    for address in addresses {
        match BlockingLink::connect_tcp(*address, timeout, PACKET_LEN_MAX) {
            Ok(link) => return Ok(link),
            Err(failed) => error = failed.into(),
        }
    }
    Err(error)
}

fn log_in(
    link: &mut BlockingLink,
    greeting: &Greeting,
    credentials: &Credentials,
) -> Result<(), String> {
    let (mut side, auth_response) = ClientSide::new(
        &credentials.secret,
        &greeting.auth_plugin,
        greeting.scramble,
        link.is_unix(),
    );
    let capabilities = WANTED & (greeting.capabilities | Capabilities::LONG_PASSWORD);
    let login = Login {
        capabilities,
        max_packet: 1 << 24,
        collation: greeting.collation,
        user: credentials.user.clone().into_bytes(),
        auth_response,
        schema: None,
        auth_plugin: Some(side.plugin().name().into()),
        attributes: Vec::new(),
    };
    link.send(&login.encode()).map_err(|error| error.to_string())?;
    for _ in 0..LOGIN_PACKETS_MAX {
        let payload = link.receive().map_err(|error| error.to_string())?;
        match side.drive(&payload) {
            ClientStep::Send(payload) => {
                link.send(&payload).map_err(|error| error.to_string())?;
            }
            ClientStep::Wait => {}
            ClientStep::Authenticated => return Ok(()),
            ClientStep::Failed(error) => {
                return Err(format!("cannot log in as {:?}: {error}", credentials.user));
            }
        }
    }
    Err("the login never ends".into())
}

#[derive(Debug, Error)]
enum AskError {
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("malformed answer: {0}")]
    Malformed(#[from] Malformed),
    #[error("the answer has no end")]
    TooLong,
}

/// Asks each thing by itself: a server that does not know one still answers the others.
fn ask(link: &mut BlockingLink, facts: &mut ServerFacts) -> Result<(), AskError> {
    let mut number = |name: &str| -> Result<Option<u32>, AskError> {
        let value = variable(link, name)?;
        Ok(value
            .map(|text| text.parse::<u64>().map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX))))
    };
    if let Some(seconds) = number("wait_timeout")? {
        facts.wait_timeout_s = seconds;
    }
    if let Some(count) = number("max_connections")? {
        facts.max_connections = count;
    }
    if let Some(id) = number("server_id")? {
        facts.server_id = id;
    }
    facts.read_only = number("read_only")?.map(|on| on != 0);
    // Older MariaDB has no server_uid: such a server is known by its server_id.
    let name = if facts.mariadb { "server_uid" } else { "server_uuid" };
    facts.uuid = match variable(link, name)? {
        Some(uuid) => uuid,
        None => facts.server_id.to_string(),
    };
    Ok(())
}

/// A global variable's value; `None` where the server does not know it, or it is NULL.
fn variable(link: &mut BlockingLink, name: &str) -> Result<Option<String>, AskError> {
    link.begin_command();
    let mut command = vec![Command::Query as u8];
    command.extend_from_slice(format!("SELECT @@global.{name}").as_bytes());
    link.send(&command)?;
    let first = link.receive()?;
    if matches!(first.first(), Some(&ERR | &OK)) {
        return Ok(None);
    }
    let columns = Reader::new(&first).lenenc()?;
    if columns > ROWS_MAX as u64 {
        return Err(AskError::TooLong);
    }
    for _ in 0..columns {
        link.receive()?;
    }
    EofPacket::decode(&link.receive()?)?;
    let mut value = None;
    for _ in 0..ROWS_MAX {
        let row = link.receive()?;
        match row.first() {
            Some(&EOF) if row.len() < 9 => return Ok(value),
            Some(&ERR) => return Ok(None),
            _ => {
                if let Some(cell) = resultset::text_row(&row).next() {
                    value = cell?.map(|text| String::from_utf8_lossy(text).into_owned());
                }
            }
        }
    }
    Err(AskError::TooLong)
}
