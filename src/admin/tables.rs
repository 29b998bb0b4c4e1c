//! The rows of the admin port's tables, out of the settings, the shards' counters and the cluster's
//! view. Nothing is sent to a shard for them.

use std::sync::Arc;

use super::request::Table;
use super::{Sources, request};
use crate::cluster::{BackendView, Role};
use crate::config::{self, BackendSettings};
use crate::metrics::{BackendSnapshot, SessionSnapshot, ShardCounts};
use crate::protocol::Column;
use crate::session::Pins;

/// A column's type in an answer.
type MakeColumn = fn(&'static str) -> Column<'static>;
const TEXT: MakeColumn = Column::Text;
const INT: MakeColumn = Column::Int;

/// A result set.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) columns: Vec<Column<'static>>,
    pub(super) rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    pub(super) fn new(columns: &[(&'static str, MakeColumn)]) -> Self {
        let columns = columns.iter().map(|(name, make)| make(name)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// The columns of these names in their order, all for none; the first name that is not one.
    pub(super) fn pick(self, names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Ok(self);
        }
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let is_it = |column: &Column<'_>| column.name().eq_ignore_ascii_case(&name);
            places.push(self.columns.iter().position(is_it).ok_or(name)?);
        }
        let pick = |row: &Vec<Option<String>>| places.iter().map(|at| row[*at].clone()).collect();
        let columns = places.iter().map(|at| self.columns[*at]).collect();
        Ok(Self { columns, rows: self.rows.iter().map(pick).collect() })
    }

    /// One text column.
    pub(super) fn list(name: &'static str, values: impl IntoIterator<Item = &'static str>) -> Self {
        let mut answer = Self::new(&[(name, TEXT)]);
        answer.rows = values.into_iter().map(|value| vec![text(value)]).collect();
        answer
    }
}

fn text(value: impl Into<String>) -> Option<String> {
    Some(value.into())
}

fn number(value: impl Into<u64>) -> Option<String> {
    Some(value.into().to_string())
}

/// All rows of `table`; `now_ms` is milliseconds since 1970.
pub(super) fn rows(table: Table, sources: &Sources, now_ms: u64) -> Answer {
    match table {
        Table::Backends => backends(sources),
        Table::Pools => pools(sources),
        Table::Shards => shards(sources),
        Table::Sessions => sessions(sources, now_ms),
        Table::Help => help(),
    }
}

/// The rows of `SHOW VARIABLES`.
pub(super) fn variables(pattern: Option<&str>) -> Answer {
    let mut answer = Answer::new(&[("Variable_name", TEXT), ("Value", TEXT)]);
    answer.rows =
        request::variables(pattern).map(|(name, value)| vec![text(name), text(value)]).collect();
    answer
}

fn backends(sources: &Sources) -> Answer {
    let mut answer = Answer::new(&[
        ("backend_ndx", INT),
        ("address", TEXT),
        ("state", TEXT),
        ("type", TEXT),
        ("uuid", TEXT),
        ("connected_clients", INT),
        ("weight", INT),
        ("idle_connections", INT),
        ("used_connections", INT),
        ("queries", INT),
        ("reads", INT),
        ("writes", INT),
        ("errors", INT),
    ]);
    let view = (sources.view)();
    let counted = sources.registry.backends();
    let settings = sources.settings.backends.iter();
    answer.rows = settings
        .enumerate()
        .map(|(at, backend)| {
            let snapshot = counted.get(at).copied().unwrap_or_default();
            backend_row(at + 1, backend, view.backends.get(at), &snapshot)
        })
        .collect();
    answer
}

fn backend_row(
    ndx: usize,
    settings: &BackendSettings,
    view: Option<&BackendView>,
    snapshot: &BackendSnapshot,
) -> Vec<Option<String>> {
    let takes_writes =
        view.map_or(settings.role == config::Role::Primary, |view| view.role == Role::Primary);
    let facts = view.and_then(|view| view.facts.as_deref());
    let counts = &snapshot.counts;
    vec![
        Some(ndx.to_string()),
        text(settings.address.to_string()),
        text(snapshot.health.name()),
        text(if takes_writes { "rw" } else { "ro" }),
        facts.map(|facts| facts.uuid.clone()).filter(|uuid| !uuid.is_empty()),
        number(counts.connected_clients),
        number(view.map_or(settings.weight, |view| view.weight)),
        number(counts.connections_idle),
        number(counts.connections_used),
        number(counts.queries),
        number(counts.reads),
        number(counts.writes),
        number(counts.errors),
    ]
}

fn pools(sources: &Sources) -> Answer {
    let mut answer = Answer::new(&[
        ("shard", INT),
        ("backend", TEXT),
        ("used", INT),
        ("idle", INT),
        ("waiting", INT),
        ("max", INT),
        ("state", TEXT),
        ("dials", INT),
        ("dial_failures", INT),
        ("bytes_in", INT),
        ("bytes_out", INT),
    ]);
    let shards = sources.registry.shards();
    for shard in &shards {
        for (at, backend) in sources.settings.backends.iter().enumerate() {
            let own = shard.backends.get(at).copied().unwrap_or_default();
            answer.rows.push(vec![
                Some(shard.shard.to_string()),
                text(&backend.name),
                number(own.counts.connections_used),
                number(own.counts.connections_idle),
                // The shard has one waiting line for all backends.
                number(shard.counts.queue_len),
                number(share(backend.max_connections, shards.len(), shard.shard)),
                text(own.health.name()),
                number(own.counts.dials),
                number(own.counts.dial_failures),
                number(own.counts.bytes_in),
                number(own.counts.bytes_out),
            ]);
        }
    }
    answer
}

/// What each shard counts of itself, by the names that it has in the program.
fn shards(sources: &Sources) -> Answer {
    let names = ShardCounts::default().named().into_iter().map(|(name, _)| (name, INT));
    let mut answer = Answer::new(&[("shard", INT)].into_iter().chain(names).collect::<Vec<_>>());
    answer.rows = sources
        .registry
        .shards()
        .iter()
        .map(|shard| {
            let counts = shard.counts.named().into_iter().map(|(_, count)| number(count));
            [Some(shard.shard.to_string())].into_iter().chain(counts).collect()
        })
        .collect();
    answer
}

/// A shard's part of a total that is divided over all shards, the first ones taking the rest.
fn share(total: u32, shards: usize, shard: usize) -> u32 {
    let shards = u32::try_from(shards.max(1)).unwrap_or(u32::MAX);
    let takes_one_more = u32::try_from(shard).is_ok_and(|shard| shard < total % shards);
    total / shards + u32::from(takes_one_more)
}

fn sessions(sources: &Sources, now_ms: u64) -> Answer {
    let mut answer = Answer::new(&[
        ("id", INT),
        ("user", TEXT),
        ("shard", INT),
        ("backend", TEXT),
        ("backend_thread", INT),
        ("state", TEXT),
        ("pins", TEXT),
        ("queries", INT),
        ("age_s", INT),
        ("client", TEXT),
    ]);
    answer.rows = sources
        .registry
        .sessions()
        .iter()
        .map(|session| session_row(session, &sources.settings.backends, now_ms))
        .collect();
    answer
}

fn session_row(
    session: &SessionSnapshot,
    backends: &[BackendSettings],
    now_ms: u64,
) -> Vec<Option<String>> {
    let held = session.backend.and_then(|at| backends.get(at));
    let pins = Pins::from_bits_truncate(session.pins);
    vec![
        number(session.id),
        text(String::from_utf8_lossy(&session.user)),
        Some(crate::metrics::shard_of(session.id).to_string()),
        held.map(|backend| backend.name.clone()),
        held.and_then(|_| number(session.backend_thread)),
        text(session.state.name()),
        text(pins.names().collect::<Vec<_>>().join(",")),
        number(session.commands),
        number(now_ms.saturating_sub(session.connected_at_ms) / 1000),
        text(session.peer.map_or_else(|| "unix".to_owned(), |peer| peer.to_string())),
    ]
}

fn help() -> Answer {
    let mut answer = Answer::new(&[("command", TEXT), ("description", TEXT)]);
    answer.rows = Table::ALL
        .into_iter()
        .map(|table| {
            let description = match table {
                Table::Backends => "the servers: address, state, type, load",
                Table::Pools => "connections per shard and server",
                Table::Shards => "what each shard counts: logins, commands, waits, bytes",
                Table::Sessions => "the clients' sessions, and what pins one to its connection",
                Table::Help => "this table",
            };
            vec![text(format!("SELECT * FROM {}", table.name())), text(description)]
        })
        .collect();
    answer
}

/// Where the view comes from: the newest that the monitor published.
pub type ViewSource = Arc<dyn Fn() -> Arc<crate::cluster::ClusterView> + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::super::tests::sources;
    use super::*;
    use crate::metrics::{BackendHealth, SessionRegistrar, SessionState};

    fn names(answer: &Answer) -> Vec<&str> {
        answer.columns.iter().map(|(Column::Text(name) | Column::Int(name))| *name).collect()
    }

    #[test]
    fn backends_begin_as_mysql_proxy_had_them() {
        let sources = sources();
        let fresh = rows(Table::Backends, &sources, 0);
        assert_eq!(
            names(&fresh)[..6],
            ["backend_ndx", "address", "state", "type", "uuid", "connected_clients"]
        );
        assert_eq!(
            fresh.rows[0][..6],
            [number(1u32), text("10.0.0.1:3306"), text("unknown"), text("rw"), None, number(0u32)]
        );
        assert_eq!(fresh.rows[1][3], text("ro"));
        let shards = &sources.registry.shards;
        shards[0].backend(1).set_health(BackendHealth::Up, 10);
        shards[1].backend(1).set_health(BackendHealth::Down, 20);
        shards[0].backend(1).reads.add(2);
        shards[1].backend(1).reads.add(3);
        let later = rows(Table::Backends, &sources, 0);
        assert_eq!(later.rows[1][2], text("down"), "the newest state wins");
        assert_eq!(later.rows[1][10], number(5u32));
        assert_eq!(later.rows[0].len(), later.columns.len());
    }

    #[test]
    fn pools_have_a_row_per_shard_and_backend() {
        let sources = sources();
        sources.registry.shards[1].backend(0).connections_used.raise();
        let answer = rows(Table::Pools, &sources, 0);
        assert_eq!(answer.rows.len(), 4);
        let row = &answer.rows[2];
        assert_eq!(row.len(), answer.columns.len());
        assert_eq!(row[..4], [number(1u32), text("main"), number(1u32), number(0u32)]);
        assert_eq!((share(101, 2, 0), share(101, 2, 1), share(1, 4, 3)), (51, 50, 0));
    }

    #[test]
    fn shards_show_all_that_they_count() {
        let sources = sources();
        sources.registry.shards[1].counters().client_bytes_out.add(7);
        let answer = rows(Table::Shards, &sources, 0);
        assert_eq!(names(&answer)[..3], ["shard", "sessions", "accepted"]);
        assert_eq!(names(&answer).last(), Some(&"client_bytes_out"));
        assert_eq!(answer.rows[1].len(), answer.columns.len());
        let [first, second] = &answer.rows[..] else { panic!("{answer:?}") };
        assert_eq!((&first[0], first.last()), (&number(0u32), Some(&number(0u32))));
        assert_eq!((&second[0], second.last()), (&number(1u32), Some(&number(7u32))));
    }

    #[test]
    fn a_session_names_its_pins() {
        let sources = sources();
        let registrar = SessionRegistrar::new(Arc::clone(&sources.registry.shards[1]));
        let peer = "192.0.2.7:5000".parse().unwrap();
        let entry = registrar.open(Some(peer), 1_000).unwrap();
        entry.set_user(b"app");
        entry.set_state(SessionState::Held);
        entry.set_backend(Some((0, 77)));
        entry.set_pins((Pins::USER_VARIABLE | Pins::TABLE_LOCK).bits());
        let answer = rows(Table::Sessions, &sources, 61_500);
        assert_eq!(
            answer.rows,
            [vec![
                number(entry.id()),
                text("app"),
                number(1u32),
                text("main"),
                number(77u32),
                text("held"),
                text("user-variable,table-lock"),
                number(0u32),
                number(60u32),
                text("192.0.2.7:5000"),
            ]]
        );
    }

    #[test]
    fn help_names_every_table() {
        let answer = rows(Table::Help, &sources(), 0);
        assert_eq!(names(&answer), ["command", "description"]);
        assert_eq!(answer.rows.len(), Table::ALL.len());
    }
}
