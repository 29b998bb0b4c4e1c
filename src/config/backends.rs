//! `[[backend]]`, what `[pool]` says for all of them, and the backends of the command line.

use super::cli::Flags;
use super::document::{Entry, Kind, Report, Section};
use super::error::Origin;
use super::parse::{name, number, one_of, parse_address};
use super::settings::{
    Address, BackendSettings, MAX_CONNECTIONS_DEFAULT, MAX_IDLE_DEFAULT, MIN_IDLE_DEFAULT, Role,
};

/// Connections that one server may be asked to bear: MySQL's own limit.
const CONNECTIONS_MAX: u32 = 100_000;
/// Highest weight.
const WEIGHT_MAX: u32 = 1000;

/// The flags that name backends.
const PRIMARIES: &str = "proxy-backend-addresses";
const REPLICAS: &str = "proxy-read-only-backend-addresses";

/// The three limits of a backend's connections, as far as they are written down.
#[derive(Clone, Debug)]
struct Limits {
    max_connections: Option<(u32, Entry)>,
    min_idle: Option<(u32, Entry)>,
    max_idle: Option<(u32, Entry)>,
}

impl Limits {
    fn read(section: &Section<'_>, report: &Report) -> Self {
        let read = |key, min| {
            let entry = section.get(key)?;
            let value = report.read(&entry, &[Kind::Integer], number(min, CONNECTIONS_MAX))?;
            Some((value, entry))
        };
        Self {
            max_connections: read("max-connections", 1),
            min_idle: read("min-idle", 0),
            max_idle: read("max-idle", 0),
        }
    }

    fn or(self, defaults: &Self) -> Self {
        Self {
            max_connections: self.max_connections.or_else(|| defaults.max_connections.clone()),
            min_idle: self.min_idle.or_else(|| defaults.min_idle.clone()),
            max_idle: self.max_idle.or_else(|| defaults.max_idle.clone()),
        }
    }

    /// `max_connections`, `min_idle` and `max_idle`: what is not written gives way to what is.
    fn settle(&self, shards: Option<usize>, report: &Report) -> [u32; 3] {
        let written = |limit: &Option<(u32, Entry)>| limit.as_ref().map(|(value, _)| *value);
        let max = written(&self.max_connections).unwrap_or_else(|| {
            let idle = written(&self.max_idle).max(written(&self.min_idle)).unwrap_or(0);
            MAX_CONNECTIONS_DEFAULT.max(idle)
        });
        let max_idle = written(&self.max_idle)
            .unwrap_or_else(|| MAX_IDLE_DEFAULT.max(written(&self.min_idle).unwrap_or(0)).min(max));
        let min_idle = written(&self.min_idle).unwrap_or(MIN_IDLE_DEFAULT.min(max_idle));
        if let Some((_, entry)) = self.max_idle.as_ref().filter(|_| max_idle > max) {
            report.add(entry.error(format!("must be at most max-connections, which is {max}")));
        }
        if let Some((_, entry)) = self.min_idle.as_ref().filter(|_| min_idle > max_idle) {
            report.add(entry.error(format!("must be at most max-idle, which is {max_idle}")));
        }
        let needed = shards.unwrap_or(1);
        let short = usize::try_from(max).is_ok_and(|max| max < needed);
        if let Some((_, entry)) = self.max_connections.as_ref().filter(|_| short) {
            report.add(entry.error(too_few_connections(needed)));
        }
        [max, min_idle, max_idle]
    }
}

/// The rule that a backend's share per shard must be at least one connection.
pub(super) fn too_few_connections(shards: usize) -> String {
    format!("must be at least the number of shards, {shards}: raise it, or run fewer shards")
}

/// The backends in the file's order, then the command line's. Those of the command line take the
/// place of the file's in the same role.
pub(super) fn read_backends(
    root: &Section<'_>,
    pool: Section<'_>,
    flags: &Flags,
    shards: Option<usize>,
    report: &Report,
) -> Vec<BackendSettings> {
    let defaults = Limits::read(&pool, report);
    pool.finish(report);
    let sections = root.tables("backend", report);
    let mut backends: Vec<_> = sections
        .into_iter()
        .filter_map(|section| read_backend(section, &defaults, shards, report))
        .collect();
    for (texts, flag, role) in [
        (&flags.proxy_backend_addresses, PRIMARIES, Role::Primary),
        (&flags.proxy_read_only_backend_addresses, REPLICAS, Role::Replica),
    ] {
        if !texts.is_empty() {
            backends.retain(|backend| backend.role != role);
        }
        for text in texts {
            let entry = Entry::flag(flag, text);
            if let Some(address) = report.read(&entry, &[Kind::Text], parse_address) {
                let [max_connections, min_idle, max_idle] = defaults.settle(shards, report);
                backends.push(BackendSettings {
                    name: address.to_string(),
                    address,
                    role,
                    weight: 1,
                    max_connections,
                    min_idle,
                    max_idle,
                    origin: Origin::command_line(),
                });
            }
        }
    }
    report_duplicates(&backends, report);
    backends
}

fn read_backend(
    section: Section<'_>,
    defaults: &Limits,
    shards: Option<usize>,
    report: &Report,
) -> Option<BackendSettings> {
    let address_entry = section.get("address");
    if address_entry.is_none() {
        let entry = Entry::absent(section.origin.clone(), "backend.address");
        report.add(entry.error("every [[backend]] needs its address"));
    }
    let roles = [
        ("primary", Role::Primary),
        ("replica", Role::Replica),
        ("rw", Role::Primary),
        ("ro", Role::Replica),
    ];
    let role_entry = section.get("role");
    let role = role_entry
        .map_or(Some(Role::Replica), |entry| report.read(&entry, &[Kind::Text], one_of(&roles)));
    let weight = section
        .get("weight")
        .map_or(Some(1), |entry| report.read(&entry, &[Kind::Integer], number(0, WEIGHT_MAX)));
    let given_name = section.get("name");
    let given_name = given_name.and_then(|entry| report.read(&entry, &[Kind::Text], name(64)));
    let limits = Limits::read(&section, report).or(defaults);
    let [max_connections, min_idle, max_idle] = limits.settle(shards, report);
    let origin = address_entry.as_ref().map_or(&section.origin, |entry| &entry.origin).clone();
    section.finish(report);
    let address: Address = report.read(&address_entry?, &[Kind::Text], parse_address)?;
    Some(BackendSettings {
        name: given_name.unwrap_or_else(|| address.to_string()),
        address,
        // With a bad role or weight there are errors, and no settings.
        role: role.unwrap_or(Role::Replica),
        weight: weight.unwrap_or(1),
        max_connections,
        min_idle,
        max_idle,
        origin,
    })
}

/// The backend's address as written, for messages.
pub(super) fn address_entry(backend: &BackendSettings) -> Entry {
    let text = backend.address.to_string();
    match (backend.origin.line, backend.role) {
        (Some(_), _) => Entry::absent(backend.origin.clone(), "backend.address").with_text(&text),
        (None, Role::Primary) => Entry::flag(PRIMARIES, &text),
        (None, Role::Replica) => Entry::flag(REPLICAS, &text),
    }
}

fn report_duplicates(backends: &[BackendSettings], report: &Report) {
    for (index, backend) in backends.iter().enumerate() {
        let mut earlier = backends.iter().take(index);
        if let Some(other) = earlier.clone().find(|other| other.address == backend.address) {
            let rule = format!("another backend has the same address ({})", other.origin);
            report.add(address_entry(backend).error(rule));
        } else if let Some(other) = earlier.find(|other| other.name == backend.name) {
            let entry =
                Entry::absent(backend.origin.clone(), "backend.name").with_text(&backend.name);
            let rule = format!("another backend has the same name ({})", other.origin);
            report.add(entry.error(rule));
        }
    }
}
