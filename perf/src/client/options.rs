//! How to connect.

use super::flags;
use std::path::PathBuf;
use std::time::Duration;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `host:port`.
    Tcp(String),
    /// A unix socket.
    Unix(PathBuf),
}

impl Address {
    /// A port of this machine.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self::Tcp(format!("127.0.0.1:{port}"))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(host) => f.write_str(host),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The authentication plugin that the client names and answers with first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// The one that the server's greeting names, where it is one of these two.
    Offered,
    /// `mysql_native_password`.
    Native,
    /// `caching_sha2_password`.
    CachingSha2,
}

/// Everything that a login needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub address: Address,
    /// The user's name.
    pub user: String,
    /// The password; empty for none.
    pub password: String,
    /// The schema to begin in.
    pub schema: Option<String>,
    /// Capability flags to ask for ([`flags`]); those that the server does not offer are dropped.
    pub capabilities: u64,
    /// The plugin to begin with.
    pub plugin: Plugin,
    /// The collation's number; 45 is `utf8mb4_general_ci` everywhere.
    pub collation: u8,
    /// The timeout of the dial and of each read and write.
    pub timeout: Duration,
    /// Connection attributes, sent where [`flags::CONNECT_ATTRS`] is asked for.
    pub attributes: Vec<(String, String)>,
}

impl Options {
    /// `user` with `password` at `address`; the usual flags, no schema, 30 s timeouts.
    #[must_use]
    pub fn new(address: Address, user: &str, password: &str) -> Self {
        Self {
            address,
            user: user.into(),
            password: password.into(),
            schema: None,
            capabilities: flags::USUAL,
            plugin: Plugin::Offered,
            collation: 45,
            timeout: Duration::from_secs(30),
            attributes: Vec::new(),
        }
    }

    /// Begins in `schema`.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Asks for `flags` besides.
    #[must_use]
    pub const fn with(mut self, flags: u64) -> Self {
        self.capabilities |= flags;
        self
    }

    /// Does not ask for `flags`.
    #[must_use]
    pub const fn without(mut self, flags: u64) -> Self {
        self.capabilities &= !flags;
        self
    }

    /// Begins with `plugin`.
    #[must_use]
    pub const fn plugin(mut self, plugin: Plugin) -> Self {
        self.plugin = plugin;
        self
    }

    /// Sets the timeout of the dial and of each read and write.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
