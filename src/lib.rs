//! Lanewire: a read/write-splitting proxy for MySQL and MariaDB. This page is its architecture.
//!
//! # The problem
//!
//! An application knows one database address; the database is a primary and some replicas.
//! Reads could run on any of them, writes only on one, and the difference is hidden in SQL texts.
//! What a session has set (schema, variables, transaction, locks) lives on one server connection.
//! Servers bear hundreds of connections, applications open thousands.
//! And whatever stands between is paid for by each query.
//!
//! Three promises; where they pull apart, the earlier one wins:
//!
//! 1. **Right.** But for its speed, no client can tell the proxy from one server. In doubt the
//!    session keeps its connection, else the primary is asked, else a replica: a wrong guess may
//!    cost speed, never an answer.
//! 2. **Close to the wire.** A query costs the kernel's four messages, and hardly more.
//! 3. **Operable.** A person on call sees what it does.
//!
//! # Floors
//!
//! A module imports only from floors below its own; `tests/tidy.rs` checks that and prints this
//! table with its figures.
//!
//! | floor | modules | knows | must not know |
//! | --- | --- | --- | --- |
//! | 0 bytes | [`protocol`] | packets, and where a reply ends | clocks, sockets, settings, logs |
//! | 1 meaning | [`sql`], [`auth`], [`cluster`], [`config`], [`metrics`], [`tuning`] | one subject each | each other, sockets |
//! | 2 memory | [`session`], [`pool`]; the pool knows a connection's state only by what it can reach | what a client has set; which connection serves it | sockets |
//! | 3 decision | [`route`] | statement × session × cluster → where | sockets |
//! | 4 I/O | [`net`] | the kernel | what the bytes mean |
//! | 5 conversations | `proxy`, [`monitor`], [`admin`] | all below | each other |
//! | 6 shard | [`shard`], `main.rs`, `check.rs` | everything | |
//!
//! Floors 0 to 3 are pure: bytes and the time go in, values come out (in [`metrics`], atomics
//! are written). So they are tested and fuzzed without a socket: any split of a byte stream gives
//! the same result, the client's half of a login plays against the server's half, a pool walks
//! through random histories in virtual time.
//!
//! # The way of a packet
//!
//! 1. [`net::Listener`] accepts on the shard's own ring; [`shard`] makes a task of it, and a row
//!    in the session table. A panic in that task ends that session alone.
//! 2. `proxy/handshake.rs` greets with what all known servers have in common
//!    ([`cluster::offered_greeting`]) and drives [`auth::ServerSide`]. `proxy/checkout.rs` finds
//!    the state that the login gives the session.
//! 3. `proxy/conversation.rs` takes a command's packet out of its `proxy/inbox.rs`: a whole packet
//!    stays in the receive buffer it came in. The command runs in a future from `proxy/stock.rs`:
//!    a session that waits for its client holds none.
//! 4. [`sql::classify`] says what a text may do. [`session::Session::begin`] adds the pins that it
//!    will bring, before it runs. `proxy/statement.rs` puts the session's own answers into a text
//!    that asks for them ([`sql::substitute_functions`]).
//! 5. [`route::decide`] names the target: the connection held, the primary, a replica
//!    ([`cluster::Balancer`] chooses which), or nobody.
//! 6. `proxy/checkout.rs` asks [`pool::BackendPool::acquire`]: reuse, dial, wait or refuse;
//!    `proxy/dial.rs` logs in with [`auth::ClientSide`] and turns the session trackers on. The
//!    session holds the connection as a `proxy/lease.rs`.
//! 7. [`session::Session::preamble_for`] is the difference between the connection's state and
//!    the session's: at most a COM_INIT_DB, a SET, and a statement that empties the warnings.
//!    A binary prepared statement that the connection does not have is prepared there first
//!    (`proxy/ready.rs`), and executed under the server's id of it.
//! 8. `proxy/forward.rs` passes the reply on, chunk by chunk as received, while a
//!    [`protocol::ReplyTracker`] hops from header to header to its end. Of the bytes only a final
//!    OK or EOF may change: it loses what the proxy asked the trackers for and the client did not.
//! 9. [`session::Session::note_change`] and [`session::Session::after_reply`] remember what that
//!    OK said, and decide: release, hold, or close. [`pool::BackendPool::release`] keeps the
//!    connection or retires it, and the first session in the line gets what became free.
//!
//! Most statements are plain reads of a session that holds nothing, and an idle connection is in
//! its state: `proxy/light.rs` asks for all that at once and skips 5 to 7 and most of 9. What turns
//! out otherwise goes on here, at whatever point that shows.
//!
//! # What a shard owns, and what crosses cores
//!
//! A [`shard`] is one executor pinned to one core. It owns its listening sockets (of a Unix socket
//! all shards have a copy), its ring with all sockets and receive buffers ([`net::Net`]), its
//! sessions, its share of each server's connections ([`pool::share`]), its own sight of which
//! servers answer, and its interned states. A query is accepted, routed, forwarded and answered
//! there; nothing of it is `Send`. The [`monitor`] and the [`admin`] port are ordinary threads with
//! blocking sockets. Between threads there is only this:
//!
//! | what | written by | read by | when |
//! | --- | --- | --- | --- |
//! | [`shard::Control`]: the newest [`cluster::ClusterView`], and whether to drain; behind a mutex | monitor, signals | shards | when their bell rang |
//! | [`net::Doorbell`]: an eventfd that each ring reads | monitor, signals, a KILL | its shard | it ends the wait for the kernel |
//! | counters ([`metrics::ShardMetrics`]): relaxed stores, cache lines of their own | their shard alone | admin port | when asked |
//! | session table ([`metrics::SessionTable`]): who holds which server connection | its shard; the KILL flag: anyone | admin port, a KILL | when asked |
//!
//! Settings and the RSA key are shared and never change. A shard's end is told to the main thread:
//! one that dies takes the process down, or a part of the traffic would hang.
//!
//! # A client's session
//!
//! The states are those of the `sessions` table ([`metrics::SessionState`]).
//!
//! ```text
//!  Login ────────────────────── denied, late, malformed ────────────────┐
//!    │ granted, first state found                                       │
//!    ▼                                                                  │
//!  Idle ─────────────────────── leaves, idle too long, killed, drain ───┤
//!  │  ▲                                                                 │
//!  │  │ reply done and nothing left behind, or an ERR                   │
//!  ▼  │                                                                 │
//!  Busy ─── share used up ────► Queued                                  ├─► Closing
//!  │  ▲ ◄── a plan, or ERR ───────┘                                     │
//!  │  │                                                                 │
//!  │  ├──────────────────────── protocol broken, state lost, killed ────┤
//!  │  │ next command                                                    │
//!  ▼  │                                                                 │
//!  Held ─────────────────────── leaves, idle too long, killed, drained ─┘
//!                               too late
//! ```
//!
//! [`session::Hold`] says why a session is held. `Pinned` and `Transaction` hold firmly: the next
//! statement runs there. `LastStatement` holds softly: only what asks for the warnings or counts
//! of the statement before runs there; anything else gives the connection back first.
//!
//! # A backend connection
//!
//! ```text
//!  Free ── planned ──► Dialing ── refused, late, malformed ──────────────┐
//!                         │ logged in, trackers on, character sets known │
//!                         ▼                                              │
//!  ┌── reused ─────────► Used ──── broken, spoiled, too old ─────────────┤
//!  │                      │ ▲ │                                          ├─► Free
//!  │                      │ └─┘ was pinned: reset, trackers on again     │
//!  │  released, its state │                                              │
//!  │             is known ▼                                              │
//!  └──────────────────── Idle ──── too old, unused too long, too many, ──┘
//!                         │ ▲      closed by its server
//!                         └─┘ silent for a minute: ping (counted as Used)
//! ```
//!
//! A [`pool`] counts `Dialing`, `Used` and `Idle` against its share. Its key is the user and the
//! capabilities that shape replies; schema and variables are no part of it.
//!
//! # Invariants
//!
//! * **One hand.** A connection is idle in its pool, or in one lease; a lease that is dropped
//!   closes it and tells the pool.
//! * **Quiet return.** No connection is given to another session while a byte of a reply is
//!   outstanding, unread or unasked for.
//! * **Known state.** A pooled connection's state is known and can be brought to another by a
//!   difference, but that a selected schema cannot be unselected: such a one is passed over. What a
//!   difference cannot carry pins the session; after a pin comes a reset.
//! * **Pins before the run.** What leaves state on a connection is pinned before it is sent, and
//!   has then lost its class of a read, so pins land on the primary.
//! * **Fail safe.** A text is a read only if its first keyword can start one and nothing in it could
//!   write, lock or depend on a connection. A hint never sends a write to a replica.
//! * **Explained change.** A reported change counts as explained only where the scanner sees a
//!   statement that can do nothing else; else it pins.
//! * **Written once.** A write is never sent again. A read outside a transaction is tried once on
//!   each server, and only until the first byte of a reply is passed on.
//! * **Same dialect.** Frontend and backend agree in every flag that shapes replies, so replies are
//!   forwarded as bytes.
//! * **Bounded.** Per shard: connections, waiting sessions and their time, sessions. Per socket:
//!   received and unread bytes (256 KiB), unsent bytes (256 KiB to a client, 1 MiB to a server)
//!   at which the other side is no longer read.
//! * **Buffer ownership.** A receive buffer belongs to the kernel or to the [`net::Chunk`]s that
//!   refer to it. A socket's slot outlives the kernel's operations on it; a generation in
//!   `user_data` tells late completions of a former owner.
//! * **No borrow across an await.** A shard is one thread: `RefCell` instead of locks.
//! * **No panic on a peer's bytes.** They return errors, tagged by the side at fault.
//!
//! # What one query may cost
//!
//! A read outside a transaction on a connection that is idle in the session's state:
//!
//! | what | budget |
//! | --- | --- |
//! | messages | 4, the kernel's own: in, on, back, out |
//! | round trips of our own | 0 |
//! | system calls | a share of one `io_uring_enter` a turn of the driver, which serves all sockets that are ready; far below one when busy. A client that is alone: its two sends are calls of their own |
//! | copies in user space | 0 of the reply; the command's bytes once, up to 64 KiB, in case it must be tried elsewhere |
//! | heap allocations | 0 once the buffers have grown |
//! | locks; cache lines written by two cores | 0; 0 |
//! | work per byte | the scanner reads the command once; of a reply only headers and its last packet are read |
//!
//! What costs more, and when:
//!
//! * Another state on the connection: a preamble in the same write. For a write it is a round trip
//!   of its own, see below.
//! * An OK with session state that the client did not ask for is built anew: after SET, USE,
//!   and on MariaDB after each write that is in the binary log.
//! * An INSERT that may have given its id itself, and LOAD DATA: one `SELECT LAST_INSERT_ID()`
//!   before the connection goes back.
//! * The end of a pin: a COM_RESET_CONNECTION.
//! * The first execution of a prepared statement on a connection: a COM_STMT_PREPARE.
//! * The first client of a collation on a shard: a dial. The first of a schema: a COM_INIT_DB.
//!
//! # Decisions
//!
//! **An own ring.** The executor's own sockets took three times the CPU of HAProxy per request:
//! its rings are interrupted by each completion that another CPU triggers, and every turn of its
//! reactor enters three of them. One ring per shard (single issuer, deferred task work, multishot
//! receive into provided buffers, sends straight out of them) took 0.77 to 0.82 of HAProxy's CPU,
//! with 0.07 system calls per request at 256 connections. So glommio pins the shard and runs its
//! tasks, and touches no data socket; it is named in [`net`] and [`shard`] alone. Deadlines are the
//! ring's own, since the executor's timers run only between its waits.
//!
//! **Provided buffers that grow only under pressure.** 256 buffers of 32 KiB stay in cache; with
//! 1,024 in circulation large replies ran at half the speed, and 64 starved 256 connections. So
//! more come, 64 at a time up to 1,024, only when the kernel finds none. A session that waits for a
//! connection copies its command out and holds none; a socket whose bytes nobody reads stops
//! receiving.
//!
//! **A write waits for a fallible preamble.** The preamble travels in front of the command in the
//! same write, which costs no round trip. But a server runs the next command whether or not the one
//! before failed: a write behind a failed COM_INIT_DB or SET would run in the wrong schema or
//! `sql_mode`. So a write is sent only after its preamble's replies; a read is sent with it and its
//! reply is thrown away with the connection if the preamble failed. It is rare: a released connection
//! is in its last session's state, and sessions of one application want the same one.
//!
//! **Trackers, not a parser.** Servers report in their OK packets what a statement changed
//! (`CLIENT_SESSION_TRACK`), with its value, whatever the text looked like and whatever a procedure
//! did. What they do not report (user variables by name, GET_LOCK, SQL_CALC_FOUND_ROWS) the scanner
//! sees, and pins. MySQL is asked for a list of variables, because `'*'` would add `statement_id` to
//! every OK; MariaDB only takes `'*'` ([`cluster::trackers`]). MySQL before 5.7.8 reports
//! nothing: there each SET that is not understood pins.
//!
//! **`FOUND_ROWS()`, `ROW_COUNT()` and `CONNECTION_ID()` are put into the text.** After a
//! release, the connection that knows the first two may have served others. The reply tracker
//! counted rows and knows what was affected, so the text says `IF(1,n,ROW_COUNT())`, of the same type
//! and with the column's name kept. Where only the connection knows, it is held. The third is the
//! proxy's own id, the one that KILL takes here. `LAST_INSERT_ID()` may stand where no literal can, so
//! it is set on the connection by the preamble instead. Warnings cannot be made up: a reply that
//! had some holds its connection until the session's next statement; if that one needs the primary
//! and a replica has the warnings, the read that left them is run again on the primary first.
//!
//! **Prepared statements belong to the session, their copies to connections.** A client's ids are
//! the proxy's own. A server reads a text in the schema, `sql_mode` and character sets in which it
//! is prepared, so those are part of what a connection remembers it by
//! ([`session::PreparedText`]); where they are not the session's present ones, the connection is
//! brought there and back. A text is prepared on a connection when an execution needs it there, and
//! the least recently used is closed when there are too many ([`pool::StatementCache`]). The types
//! of parameters that a client sends only once are put in where a connection has not had them, or
//! has had another session's. What a reply cannot carry away holds the connection: an open cursor,
//! long data. What a text substitution answers for COM_QUERY (`ROW_COUNT()`, `FOUND_ROWS()`) cannot
//! be put into what is prepared once: such statements keep the connection they are prepared on.
//!
//! **The base state is learned by a fresh dial per collation.** What variables a login begins with
//! follows from the collation in it and the server's settings, and no tracker reports it. A pooled
//! connection no longer shows it. So the first login with a collation on a shard dials, asks for the
//! three character set variables, and all later ones begin there.
//!
//! **Views, not messages.** The monitor publishes a whole new view; a shard that missed two takes
//! the third. What a shard sees itself (a refused dial, a broken reply) it uses at once and keeps to
//! itself: shards agree soon enough without talking.
//!
//! **A share of the connections per shard.** A pool over all cores would be a lock in the way of
//! each query. The price: a shard can queue while another has a connection to spare.
//!
//! # Non-goals
//!
//! * Promotion and failover of a primary: another's task, to be followed, not made.
//! * Sharding, caching of results, rewriting of queries for speed, a SQL parser.
//! * Passing accounts through: who may log in is in the settings.
//! * Kernels without `io_uring`, systems other than Linux.
//! * Replication streams through the proxy.

// Each module's own page says what it is; the order is the alphabet's, the floors are above.

pub mod admin;
pub mod auth;
pub mod cluster;
pub mod config;
pub mod metrics;
pub mod monitor;
pub mod net;
pub mod pool;
pub mod protocol;
mod proxy;
pub mod route;
pub mod session;
pub mod shard;
pub mod sql;
pub mod tuning;
