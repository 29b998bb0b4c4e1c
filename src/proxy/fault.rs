//! What can go wrong in a conversation, by the side at fault, and the ERR packet it becomes.

use thiserror::Error;

use crate::auth::AuthError;
use crate::net::StreamError;
use crate::protocol::{ErrPacket, Malformed};
use crate::route::Refusal;

/// An error with the side that caused it.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    /// The client's doing.
    #[error("client: {0}")]
    Client(#[from] ClientFault),
    /// A backend's doing.
    #[error("backend {backend}: {fault}")]
    Backend {
        /// Its name in the settings.
        backend: String,
        /// What it did.
        fault: BackendFault,
    },
    /// Ours, or the operator's limits.
    #[error("proxy: {0}")]
    Proxy(#[from] ProxyFault),
}

/// The client broke the protocol, is not allowed in, or went away.
#[derive(Debug, Error)]
pub(crate) enum ClientFault {
    #[error("it closed the connection")]
    Gone,
    #[error("socket: {0}")]
    Stream(StreamError),
    #[error("malformed packet: {0}")]
    Malformed(#[from] Malformed),
    #[error("malformed login: {0}")]
    Handshake(Malformed),
    #[error("packet with sequence number {found} instead of {expected}")]
    Sequence { expected: u8, found: u8 },
    #[error("packet of {len} bytes where at most {limit} are allowed")]
    TooLong { len: usize, limit: usize },
    #[error("it asked for TLS, which was not offered")]
    Tls,
    #[error("it asked for compression, which was not offered")]
    Compression,
    #[error("access denied for user '{user}'@'{host}'{}", if *.with_password { " (using password: YES)" } else { " (using password: NO)" })]
    Denied { user: String, host: String, with_password: bool },
    #[error("login: {0}")]
    Auth(#[from] AuthError),
}

/// A backend could not be reached, refused, or answered nonsense.
#[derive(Debug, Error)]
pub(crate) enum BackendFault {
    #[error("{0}")]
    Stream(StreamError),
    #[error("it closed the connection")]
    Closed,
    #[error("malformed packet: {0}")]
    Malformed(#[from] Malformed),
    #[error("login: {0}")]
    Auth(#[from] AuthError),
    #[error("it answered {code} ({sqlstate}): {message}")]
    Refused { code: u16, sqlstate: String, message: String },
    #[error("it ended the connection with {code}: {message}")]
    Parting { code: u16, message: String },
    #[error("it sent a packet that belongs to no command")]
    Unsolicited,
    /// It cannot keep what clients were offered in its name: others can.
    #[error("it lacks capabilities that its clients use: {0:#x}")]
    Lacks(u64),
    #[error("its address is not known yet")]
    Unresolved,
}

/// A limit of the proxy's or the state of the whole.
#[derive(Debug, Error)]
pub(crate) enum ProxyFault {
    #[error("no backend has answered yet")]
    NoBackendKnown,
    #[error("no primary is available: reads go on, this statement needs the primary")]
    NoPrimary,
    #[error("{0}")]
    Refused(Refusal),
    #[error("no backend connection became free within {waited_ms} ms")]
    QueueTimeout { waited_ms: u128 },
    #[error("too many sessions wait for a backend connection")]
    QueueFull,
    #[error("too many sessions")]
    TooManySessions,
    #[error("{0} is not supported through the proxy")]
    Unsupported(&'static str),
    #[error("unknown command")]
    UnknownCommand,
    #[error("you are not owner of thread {0}")]
    NotOwner(u32),
    #[error("the sessions of {} are others'", String::from_utf8_lossy(.0))]
    NotOwnerOf(Vec<u8>),
    #[error("the proxy is shutting down")]
    Draining,
    #[error("the session was killed")]
    Killed,
    #[error("the statement was killed by itself")]
    Interrupted,
}

impl BackendFault {
    /// A server's parting words: not an answer to the statement, which may run elsewhere.
    pub(crate) fn or_closed(self) -> Self {
        if let Self::Refused { code, message, .. } = self {
            Self::Parting { code, message }
        } else {
            self
        }
    }

    /// Whether a failed attempt to connect says that the server is down, and not that this user
    /// is unwelcome; `turned_away` are errors that concern everybody.
    pub(crate) fn says_down(&self, turned_away: &[u16]) -> bool {
        if let Self::Refused { code, .. } = self {
            turned_away.contains(code)
        } else {
            !matches!(self, Self::Auth(_) | Self::Lacks(_))
        }
    }
}

impl Fault {
    /// Whether the conversation with the client can go on after the ERR.
    pub(crate) fn session_survives(&self) -> bool {
        match self {
            Self::Client(_) => false,
            Self::Backend { .. } => true,
            Self::Proxy(fault) => match fault {
                ProxyFault::Killed | ProxyFault::Draining | ProxyFault::TooManySessions => false,
                ProxyFault::NoBackendKnown
                | ProxyFault::NoPrimary
                | ProxyFault::Refused(_)
                | ProxyFault::QueueTimeout { .. }
                | ProxyFault::QueueFull
                | ProxyFault::Unsupported(_)
                | ProxyFault::UnknownCommand
                | ProxyFault::Interrupted
                | ProxyFault::NotOwner(_)
                | ProxyFault::NotOwnerOf(_) => true,
            },
        }
    }

    /// Whether the client said what no client may say.
    pub(crate) fn breaks_protocol(&self) -> bool {
        let Self::Client(fault) = self else { return false };
        match fault {
            ClientFault::Malformed(_)
            | ClientFault::Handshake(_)
            | ClientFault::Sequence { .. }
            | ClientFault::TooLong { .. }
            | ClientFault::Tls
            | ClientFault::Compression => true,
            ClientFault::Gone
            | ClientFault::Stream(_)
            | ClientFault::Denied { .. }
            | ClientFault::Auth(_) => false,
        }
    }

    /// The error number that the client is told.
    pub(crate) fn code(&self) -> Option<u16> {
        let payload = self.packet()?;
        ErrPacket::decode(&payload).ok().map(|packet| packet.code)
    }

    /// The ERR payload; `None` when nobody is there to read.
    pub(crate) fn packet(&self) -> Option<Vec<u8>> {
        let (code, sqlstate): (u16, &[u8; 5]) = match self {
            Self::Client(fault) => match fault {
                ClientFault::Gone => return None,
                ClientFault::Stream(StreamError::TimedOut) => (4031, b"HY000"),
                ClientFault::Stream(_) => return None,
                ClientFault::Malformed(_) => (1835, b"HY000"),
                ClientFault::Sequence { .. } => (1156, b"08S01"),
                ClientFault::TooLong { .. } => (1153, b"08S01"),
                ClientFault::Tls | ClientFault::Compression | ClientFault::Handshake(_) => {
                    (1043, b"08S01")
                }
                ClientFault::Denied { .. } => (1045, b"28000"),
                ClientFault::Auth(_) => (1043, b"08S01"),
            },
            Self::Backend { fault, .. } => match fault {
                // The server's own refusal says best what is wrong (1040, 1203, 1049 …).
                BackendFault::Refused { code, sqlstate, .. } => {
                    let state = sqlstate.as_bytes().try_into().unwrap_or(b"HY000");
                    return Some(err(*code, state, &self.text()));
                }
                BackendFault::Stream(_) | BackendFault::Closed | BackendFault::Parting { .. } => {
                    (2013, b"HY000")
                }
                BackendFault::Unresolved => (2005, b"HY000"),
                BackendFault::Malformed(_)
                | BackendFault::Auth(_)
                | BackendFault::Unsolicited
                | BackendFault::Lacks(_) => (2027, b"HY000"),
            },
            Self::Proxy(fault) => match fault {
                ProxyFault::NoBackendKnown => (2003, b"HY000"),
                ProxyFault::NoPrimary => (1290, b"HY000"),
                ProxyFault::Refused(refusal) => {
                    return Some(err(refusal.code(), &refusal.sqlstate(), &refusal.to_string()));
                }
                ProxyFault::QueueTimeout { .. } => (1203, b"42000"),
                ProxyFault::QueueFull | ProxyFault::TooManySessions => (1040, b"08004"),
                ProxyFault::Unsupported(_) => (1235, b"42000"),
                ProxyFault::UnknownCommand => (1047, b"08S01"),
                ProxyFault::NotOwner(_) | ProxyFault::NotOwnerOf(_) => (1095, b"HY000"),
                ProxyFault::Draining => (1053, b"08S01"),
                ProxyFault::Killed => (1927, b"70100"),
                ProxyFault::Interrupted => (1317, b"70100"),
            },
        };
        Some(err(code, sqlstate, &self.text()))
    }

    /// What the client is told; the servers' own words where drivers look for them.
    fn text(&self) -> String {
        match self {
            Self::Client(ClientFault::Denied { user, host, with_password }) => {
                let using = if *with_password { "YES" } else { "NO" };
                format!("Access denied for user '{user}'@'{host}' (using password: {using})")
            }
            // Servers do not say what is wrong with it.
            Self::Client(ClientFault::Handshake(_)) => "Bad handshake".to_owned(),
            Self::Backend { fault: BackendFault::Refused { message, .. }, .. } => message.clone(),
            Self::Proxy(ProxyFault::NotOwner(id)) => format!("You are not owner of thread {id}"),
            Self::Proxy(ProxyFault::NotOwnerOf(name)) => {
                format!("Operation KILL USER failed for {}@%", String::from_utf8_lossy(name))
            }
            Self::Proxy(ProxyFault::Killed) => "Connection was killed".to_owned(),
            Self::Proxy(ProxyFault::Interrupted) => "Query execution was interrupted".to_owned(),
            Self::Proxy(ProxyFault::UnknownCommand) => "Unknown command".to_owned(),
            Self::Client(_) | Self::Backend { .. } | Self::Proxy(_) => format!("Lanewire: {self}"),
        }
    }
}

fn err(code: u16, sqlstate: &[u8; 5], message: &str) -> Vec<u8> {
    ErrPacket { code, sqlstate: *sqlstate, message: message.as_bytes() }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(fault: &Fault) -> (u16, String, String) {
        let payload = fault.packet().expect("an ERR");
        let packet = ErrPacket::decode(&payload).expect("decodes");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (packet.code, text(&packet.sqlstate), text(packet.message))
    }

    #[test]
    fn errors_speak_the_servers_language() {
        let (user, host) = ("app".into(), "10.0.0.1".into());
        let denied = ClientFault::Denied { user, host, with_password: true }.into();
        let (code, state, text) = decoded(&denied);
        assert_eq!((code, state.as_str()), (1045, "28000"));
        assert_eq!(text, "Access denied for user 'app'@'10.0.0.1' (using password: YES)");
        assert_eq!(decoded(&ProxyFault::NoPrimary.into()).0, 1290);
        assert_eq!(decoded(&ProxyFault::QueueFull.into()).0, 1040);
        assert_eq!(decoded(&ProxyFault::QueueTimeout { waited_ms: 5 }.into()).0, 1203);
    }

    #[test]
    fn a_servers_refusal_passes_through() {
        let fault = BackendFault::Refused {
            code: 1049,
            sqlstate: "42000".into(),
            message: "Unknown database 'x'".into(),
        };
        let fault = Fault::Backend { backend: "a".into(), fault };
        assert_eq!(decoded(&fault), (1049, "42000".into(), "Unknown database 'x'".into()));
        assert!(fault.session_survives());
    }

    #[test]
    fn nobody_is_told_when_nobody_is_there() {
        assert!(Fault::from(ClientFault::Gone).packet().is_none());
        assert!(!Fault::from(ClientFault::Gone).session_survives());
    }
}
