//! Rules between settings.

use std::net::SocketAddr;

use super::backends::address_entry;
use super::backends::too_few_connections;
use super::document::{Entry, Report, Section};
use super::error::{ConfigError, Origin};
use super::load::Written;
use super::settings::{Address, Listen, Role, Settings};

/// Checks what no single setting can break.
pub(super) fn validate(
    root: &Section<'_>,
    settings: &Settings,
    written: &Written,
    report: &Report,
) {
    // What is missing has no line; the file's name, or the command line, stands for it.
    let origin = Origin { line: None, ..root.origin.clone() };
    let missing = |key, rule: &str| report.add(Entry::absent(origin.clone(), key).error(rule));
    if settings.listen.is_empty() && report.is_empty() {
        missing("proxy.listen", "the proxy must listen somewhere");
    }
    if !settings.backends.iter().any(|backend| backend.role == Role::Primary) {
        missing(
            "backend",
            "there is no primary: give --proxy-backend-addresses host:port, or a [[backend]] \
             with role = \"primary\"",
        );
    }
    if settings.users.is_empty() {
        missing(
            "user",
            "nobody could log in: give --user name:password (or name:*HASH), or a [[user]] with \
             name and password",
        );
    }
    let cores = settings.cores.as_ref().map_or(usize::MAX, Vec::len);
    if let Some(entry) = written.shards.as_ref().filter(|_| settings.shards > Some(cores)) {
        report.add(entry.error(format!("must be at most the number of cores named, {cores}")));
    }
    for (index, (listen, entry)) in written.listen.iter().enumerate() {
        if !any_port(listen) && written.listen.iter().take(index).any(|(other, _)| other == listen)
        {
            report.add(entry.error("is given twice"));
        }
    }
    let admin = settings.admin.address.map(Listen::Tcp);
    if let Some(listen) = settings.listen.iter().find(|listen| Some(*listen) == admin.as_ref())
        && !any_port(listen)
    {
        let entry = written.listen.iter().find(|(other, _)| other == listen);
        let entry = entry.map_or_else(
            || Entry::absent(origin, "proxy.listen").with_text(&listen.to_string()),
            |(_, entry)| entry.clone(),
        );
        report.add(entry.error("is the admin port's address as well"));
    }
    for backend in &settings.backends {
        if settings.listen.iter().any(|listen| same_place(listen, &backend.address)) {
            report.add(address_entry(backend).error("the proxy itself listens there"));
        }
    }
}

/// Whether the kernel chooses the port.
fn any_port(listen: &Listen) -> bool {
    matches!(listen, Listen::Tcp(address) if address.port() == 0)
}

fn same_place(listen: &Listen, backend: &Address) -> bool {
    match (listen, backend) {
        (Listen::Unix(here), Address::Unix(there)) => here == there,
        (Listen::Tcp(here), Address::Tcp { host, port }) => {
            let host = if host == "localhost" { "127.0.0.1" } else { host.as_str() };
            host.parse().is_ok_and(|ip| *here == SocketAddr::new(ip, *port))
        }
        (Listen::Unix(_), Address::Tcp { .. }) | (Listen::Tcp(_), Address::Unix(_)) => false,
    }
}

impl Settings {
    /// Whether every shard can have a connection to every backend, once the number of shards is
    /// known.
    ///
    /// # Errors
    /// One for each backend whose `max-connections` is below `shards`.
    pub fn check_shards(&self, shards: usize) -> Result<(), Vec<ConfigError>> {
        let short = |max: u32| usize::try_from(max).is_ok_and(|max| max < shards);
        let errors: Vec<_> = self
            .backends
            .iter()
            .filter(|backend| short(backend.max_connections))
            .map(|backend| {
                Entry::absent(backend.origin.clone(), "backend.max-connections")
                    .with_text(&backend.max_connections.to_string())
                    .error(too_few_connections(shards))
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
