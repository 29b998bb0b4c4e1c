//! The settings as plain data, with their defaults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::error::Origin;

/// Everything the file and the command line can say, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where clients connect. Default `127.0.0.1:4040`.
    pub listen: Vec<Listen>,
    /// The servers behind the proxy; at least one is a primary.
    pub backends: Vec<BackendSettings>,
    /// Who may log in; never empty.
    pub users: Vec<UserSettings>,
    /// Number of shards; `None`: one per allowed core.
    pub shards: Option<usize>,
    /// The cores to use, ascending; `None`: all that the process may use. The caller intersects
    /// them with the cores the process is allowed.
    pub cores: Option<Vec<usize>>,
    /// Sessions that may wait for a connection to one backend, per shard. Default 1024.
    pub queue_len_max: u32,
    /// The plugin that the greeting offers; `None`: the one that the backends offer.
    pub auth_plugin: Option<AuthPlugin>,
    /// The server version to show in the greeting; `None`: the backends' own.
    pub server_version: Option<String>,
    /// Every time limit.
    pub timeouts: Timeouts,
    /// The admin port.
    pub admin: AdminSettings,
    /// Where the log goes, and how much of it.
    pub log: LogSettings,
    /// How statements are treated where there is a choice.
    pub sql: SqlSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4040))],
            backends: Vec::new(),
            users: Vec::new(),
            shards: None,
            cores: None,
            queue_len_max: 1024,
            auth_plugin: None,
            server_version: None,
            timeouts: Timeouts::default(),
            admin: AdminSettings::default(),
            log: LogSettings::default(),
            sql: SqlSettings::default(),
        }
    }
}

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and port; port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where a backend is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host name or IP address (IPv6 without its brackets) and a port other than 0.
    Tcp {
        /// Name or address, to be resolved off the data cores.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What a backend is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes writes, and everything that is not a plain read.
    Primary,
    /// Takes reads.
    Replica,
}

/// One server behind the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSettings {
    /// Its name in tables and logs. Default: its address.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// What it is there for. Default: replica.
    pub role: Role,
    /// Its share of the reads against the others', 0 to 1000; 0: none. Default 1.
    pub weight: u32,
    /// Connections to it, all shards together. Default 100: two thirds of the servers' own
    /// default of 151 for `max_connections`.
    pub max_connections: u32,
    /// Idle connections kept ready, all shards together. Default 4, mysql-proxy's.
    pub min_idle: u32,
    /// Idle connections above which a released one is closed, all shards together. Default 8,
    /// mysql-proxy's.
    pub max_idle: u32,
    /// Where it was declared.
    pub origin: Origin,
}

/// Default of [`BackendSettings::max_connections`].
pub(super) const MAX_CONNECTIONS_DEFAULT: u32 = 100;
/// Default of [`BackendSettings::min_idle`].
pub(super) const MIN_IDLE_DEFAULT: u32 = 4;
/// Default of [`BackendSettings::max_idle`].
pub(super) const MAX_IDLE_DEFAULT: u32 = 8;

/// One account that may log in to the proxy; the same name is used on the backends unless
/// `backend_user` says otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct UserSettings {
    /// The account's name.
    pub name: String,
    /// What is known of its password.
    pub secret: PasswordSetting,
    /// The account on the backends; `None`: the same name.
    pub backend_user: Option<String>,
    /// The password on the backends; `None`: the client's.
    pub backend_password: Option<String>,
}

impl fmt::Debug for UserSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSettings")
            .field("name", &self.name)
            .field("secret", &self.secret)
            .field("backend_user", &self.backend_user)
            .field("backend_password", &self.backend_password.as_ref().map(|_| Hidden))
            .finish()
    }
}

/// What the settings know of a password. Its `Debug` form never shows it.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordSetting {
    /// The password itself; empty: none.
    Plain(String),
    /// `SHA1(SHA1(password))`, written `*` and 40 hexadecimal digits, as `SELECT PASSWORD('…')`
    /// gives it.
    Hash([u8; 20]),
}

impl fmt::Debug for PasswordSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.debug_tuple("Plain").field(&Hidden).finish(),
            Self::Hash(_) => f.debug_tuple("Hash").field(&Hidden).finish(),
        }
    }
}

/// Stands for a secret in `Debug` forms.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// An authentication plugin that the greeting can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthPlugin {
    /// `mysql_native_password`: every MariaDB client, and MySQL clients to version 8.
    MysqlNativePassword,
    /// `caching_sha2_password`: MySQL clients from 8 on.
    CachingSha2Password,
}

impl AuthPlugin {
    /// The plugin's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MysqlNativePassword => "mysql_native_password",
            Self::CachingSha2Password => "caching_sha2_password",
        }
    }
}

/// Time limits. `None` stands for "no limit" (`0` in the file).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a TCP or Unix connection to a backend, and its login. Default 5 s, mysql-proxy's.
    pub connect: Duration,
    /// For a client to log in, from accept on. Default 10 s.
    pub login: Duration,
    /// For a session to wait for a backend connection. Default 10 s.
    pub queue: Duration,
    /// For a client to send its next command. Default 8 h, the servers' `wait_timeout`.
    pub client_idle: Option<Duration>,
    /// For transactions to end after SIGTERM. Default 30 s.
    pub drain: Duration,
    /// A backend connection's age at which it is replaced once free. Default 1 h.
    pub connection_max_lifetime: Option<Duration>,
    /// After which an idle backend connection above `min-idle` is closed. Default 10 min.
    pub connection_idle: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            login: Duration::from_secs(10),
            queue: Duration::from_secs(10),
            client_idle: Some(Duration::from_secs(8 * 3600)),
            drain: Duration::from_secs(30),
            connection_max_lifetime: Some(Duration::from_secs(3600)),
            connection_idle: Some(Duration::from_secs(600)),
        }
    }
}

/// The admin port.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where it listens; `None`: nowhere. Default `127.0.0.1:4041`.
    pub address: Option<SocketAddr>,
    /// Who may log in. Default `admin`.
    pub username: String,
    /// Its password; empty: none, which is allowed on a loopback address only.
    pub password: String,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            address: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4041)),
            username: "admin".to_owned(),
            password: String::new(),
        }
    }
}

impl fmt::Debug for AdminSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminSettings")
            .field("address", &self.address)
            .field("username", &self.username)
            .field("password", &Hidden)
            .finish()
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What an operator must act upon.
    Error,
    /// And what may become that.
    Warn,
    /// And what changed: starts, stops, backends going up and down.
    Info,
    /// And every session's beginning and end.
    Debug,
    /// And every decision.
    Trace,
}

impl LogLevel {
    /// The level's name, as the file and tracing spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Where the log goes, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Default: info.
    pub level: LogLevel,
    /// The file to append to; `None`: stderr.
    pub file: Option<PathBuf>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: LogLevel::Info, file: None }
    }
}

/// How statements are treated where there is a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlSettings {
    /// Whether CALL pins the session to its connection, since no tracker reports locks and user
    /// variables that a procedure leaves behind. Default true.
    pub pin_on_call: bool,
    /// Prepared statements that a server connection keeps for the sessions to come; the least
    /// recently used is closed first. 1 to 10,000; default 100.
    pub max_prepared_per_connection: usize,
}

impl Default for SqlSettings {
    fn default() -> Self {
        Self { pin_on_call: true, max_prepared_per_connection: 100 }
    }
}
