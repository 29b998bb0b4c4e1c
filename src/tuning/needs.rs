//! What a configuration asks of the machine.

/// Descriptors that a shard and its share of the process have for themselves.
const FILES_OWN_PER_SHARD: u64 = 16;
/// Clients that the start makes room for: a small site's.
const CLIENTS_AT_START: u64 = 512;

/// The sizes of a configuration, as far as the machine must bear them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The shards' cores, one each.
    pub cores: Vec<usize>,
    /// The cores that the process may use.
    pub cores_allowed: usize,
    /// Clients at the same time, all shards together.
    pub clients: u64,
    /// Each server's connections, all shards together.
    pub servers: Vec<ServerNeeds>,
}

/// What a server's pools ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerNeeds {
    /// The server's name in the settings.
    pub name: String,
    /// Its `max-connections`.
    pub connections: u64,
    /// Whether it runs on this machine, as its address tells.
    pub local: bool,
    /// Whether it is reached by TCP.
    pub tcp: bool,
}

impl Needs {
    /// One a core.
    #[must_use]
    pub fn shards(&self) -> u64 {
        self.cores.len() as u64
    }

    /// Connections to all servers together.
    #[must_use]
    pub fn server_connections(&self) -> u64 {
        self.servers.iter().map(|server| server.connections).sum()
    }

    /// Open files without which Lanewire does not start.
    #[must_use]
    pub fn files_at_start(&self) -> u64 {
        self.server_connections() + CLIENTS_AT_START + FILES_OWN_PER_SHARD * self.shards()
    }

    /// Open files for all clients.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.server_connections() + self.clients + FILES_OWN_PER_SHARD * self.shards()
    }
}
