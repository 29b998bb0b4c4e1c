//! Opening a backend connection: connect, log in, turn the trackers on, learn the state.

use std::rc::Rc;
use std::time::Instant;

use crate::auth::{BackendSecret, ClientSide, ClientStep};
use crate::cluster::trackers::{Trackers, setup_statement};
use crate::cluster::{BackendIdx, ServerFacts};
use crate::net::{Chunk, PeerAddress};
use crate::pool::StatementCache;
use crate::protocol::{
    Attributes, Capabilities, Command, Greeting, Login, OkPacket, Reader, ReplyKind, ReplyTracker,
    put_packet, read_attributes,
};
use crate::session::{Left, ReplayState, TrackerSettings};

use super::fault::BackendFault;
use super::inbox::Inbox;
use super::lane::Lane;
use super::link::{LOGIN_STATE_QUERY, Link, TrackerSetup, refusal};
use super::upkeep::account;

/// After a login or a reset; our own questions have changed the count since.
const FRESH: Left = Left { insert_id: Some(0), found_rows: None };

/// A packet of a login: greetings, keys and errors are far smaller.
const LOGIN_PACKET_MAX: usize = 64 * 1024;

/// Who logs in, and how the connection is to speak.
pub(super) struct Identity<'a> {
    pub(super) user: &'a [u8],
    pub(super) secret: &'a BackendSecret,
    /// What shapes replies, as the client negotiated it.
    pub(super) capabilities: Capabilities,
    pub(super) collation: u8,
    /// The connection attributes of the client that it is opened for, as they were sent.
    pub(super) attributes: &'a [u8],
}

/// Attributes beyond this, in bytes, get none of ours besides: servers refuse 64 KiB.
const ATTRIBUTES_LEN_MAX: usize = 60 * 1024;

/// Flags that a backend connection needs whatever the client asked for.
const ALWAYS: Capabilities = Capabilities::PROTOCOL_41
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::SESSION_TRACK);

/// Flags that change how packets are read.
const UNLIKE: Capabilities = Capabilities::DEPRECATE_EOF
    .union(Capabilities::QUERY_ATTRIBUTES)
    .union(Capabilities::OPTIONAL_RESULTSET_METADATA)
    .union(Capabilities::MARIADB_EXTENDED_METADATA)
    .union(Capabilities::MARIADB_CACHE_METADATA);

/// Connects and logs in. The connection's state is known afterwards.
pub(super) async fn dial(
    lane: &Lane,
    backend: BackendIdx,
    identity: &Identity<'_>,
    deadline: Instant,
) -> Result<Box<Link>, BackendFault> {
    let address = lane.address(backend).ok_or(BackendFault::Unresolved)?;
    let stream = lane.net.connect(&address, deadline).await.map_err(BackendFault::Stream)?;
    stream.set_account(account(usize::from(backend.0)));
    stream.set_deadline(Some(deadline));
    let mut inbox = Inbox::new(stream);
    let (payload, _) = inbox.payload(LOGIN_PACKET_MAX, 0).await?;
    if payload.first() == Some(&0xFF) {
        return Err(refusal(&payload));
    }
    let greeting = Greeting::decode(&payload)?;
    let secure = matches!(address, PeerAddress::Unix(_));
    let capabilities = log_in(&mut inbox, &greeting, identity, secure).await?;
    let facts = ServerFacts::from_greeting(&greeting);
    let statement = setup_statement(facts.mariadb, facts.version_number, Trackers::default());
    let trackers = statement.map(|statement| TrackerSetup {
        statement,
        question: format!("{LOGIN_STATE_QUERY}, {}", TrackerSettings::columns(facts.mariadb)),
    });
    let mut link = Box::new(Link {
        inbox,
        backend,
        capabilities,
        thread_id: greeting.thread_id,
        state: Rc::new(ReplayState::default()),
        pinned: false,
        left: FRESH,
        statements: StatementCache::default(),
        typed_in: Rc::default(),
        tracker: ReplyTracker::new(ReplyKind::Simple, capabilities),
        trackers: trackers.map(Rc::new),
        exposed: false,
        login_trackers: Rc::default(),
    });
    prepare(lane, &mut link).await?;
    link.inbox.stream.set_deadline(None);
    Ok(link)
}

async fn log_in(
    inbox: &mut Inbox,
    greeting: &Greeting,
    identity: &Identity<'_>,
    secure: bool,
) -> Result<Capabilities, BackendFault> {
    let capabilities = (identity.capabilities | ALWAYS) & greeting.capabilities
        | (identity.capabilities & Capabilities::INTERACTIVE);
    // The same packets would mean something else to it.
    let lacking = identity.capabilities & UNLIKE & !greeting.capabilities;
    if !lacking.is_empty() {
        return Err(BackendFault::Lacks(lacking.bits()));
    }
    let (mut auth, response) =
        ClientSide::new(identity.secret, &greeting.auth_plugin, greeting.scramble, secure);
    let login = Login {
        capabilities: capabilities | Capabilities::CONNECT_ATTRS & greeting.capabilities,
        max_packet: 1 << 30,
        collation: identity.collation,
        user: identity.user.to_vec(),
        auth_response: response,
        schema: None,
        auth_plugin: Some(auth.plugin().name().as_bytes().to_vec()),
        attributes: attributes(identity.attributes),
    };
    let mut sequence = send(inbox, 1, &login.encode());
    loop {
        let (payload, next) = inbox.payload(LOGIN_PACKET_MAX, sequence).await?;
        sequence = next;
        match auth.drive(&payload) {
            ClientStep::Send(answer) => sequence = send(inbox, sequence, &answer),
            ClientStep::Wait => {}
            ClientStep::Authenticated => {
                // Negotiated as it is: what the OK reports is of no use before the trackers run.
                OkPacket::decode(&payload, capabilities)?;
                return Ok(capabilities);
            }
            ClientStep::Failed(_) if payload.first() == Some(&0xFF) => {
                return Err(refusal(&payload));
            }
            ClientStep::Failed(error) => return Err(error.into()),
        }
    }
}

/// The client's attributes and our own. The connection may go on to others of the same user: the
/// attributes stay those of the first, as servers know no way to change them.
fn attributes(clients: &[u8]) -> Attributes {
    let mut all = read_attributes(&mut Reader::new(clients)).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let own =
        [("program_name", "lanewire"), ("proxy_name", "lanewire"), ("proxy_version", version)];
    for (name, value) in own {
        let len: usize = all.iter().map(|(name, value)| name.len() + value.len() + 18).sum();
        let known = all.iter().any(|(known, _)| known == name.as_bytes());
        if !known && len < ATTRIBUTES_LEN_MAX {
            all.push((name.into(), value.into()));
        }
    }
    all
}

fn send(inbox: &Inbox, sequence: u8, payload: &[u8]) -> u8 {
    let mut out = Vec::with_capacity(payload.len() + 4);
    let next = put_packet(&mut out, sequence, payload);
    inbox.stream.send(Chunk::from(out));
    next
}

/// Learns what the login decided and turns the trackers on, in one round trip.
async fn prepare(lane: &Lane, link: &mut Link) -> Result<(), BackendFault> {
    send_trackers(link);
    read_trackers(lane, link, ReplayState::default()).await
}

fn send_trackers(link: &Link) {
    let Some(trackers) = &link.trackers else {
        link.send_command(Command::Query, LOGIN_STATE_QUERY.as_bytes());
        return;
    };
    link.send_command(Command::Query, trackers.question.as_bytes());
    link.send_command(Command::Query, trackers.statement.as_bytes());
}

/// Takes the replies to [`send_trackers`] and makes `state`, with what they say, the link's.
async fn read_trackers(
    lane: &Lane,
    link: &mut Link,
    mut state: ReplayState,
) -> Result<(), BackendFault> {
    let mut row = link.read_row().await?.into_iter();
    if link.trackers.is_some() {
        link.swallow(ReplyKind::Query, |_| ()).await?;
    }
    let flag = |flag| link.capabilities.contains(flag);
    let names: [(&[u8], bool); 5] = [
        (b"character_set_client", true),
        (b"character_set_results", true),
        (b"collation_connection", true),
        // Where a login's flag gives another value than DEFAULT does.
        (b"sql_mode", flag(Capabilities::IGNORE_SPACE)),
        (b"wait_timeout", flag(Capabilities::INTERACTIVE)),
    ];
    for ((name, _), value) in names.into_iter().zip(row.by_ref()).filter(|((_, wanted), _)| *wanted)
    {
        state.set_variable(name, value.as_deref().unwrap_or_default());
        if name == b"collation_connection"
            && let Some(collation) = value
        {
            state.set_names_collation(&collation);
        }
    }
    link.state = lane.intern(state);
    link.login_trackers = lane.trackers(TrackerSettings::from_row(&mut row));
    Ok(())
}

/// Undoes everything a session left: COM_RESET_CONNECTION with the trackers and the character
/// sets behind it, all in one write. The schema stays.
pub(super) async fn reset(lane: &Lane, link: &mut Link) -> Result<(), BackendFault> {
    let deadline = lane.net.now() + lane.settings.timeouts.connect;
    link.inbox.stream.set_deadline(Some(deadline));
    let schema = link.state.schema().map(<[u8]>::to_vec);
    // The server forgets its prepared statements.
    link.statements.clear();
    link.send_command(Command::ResetConnection, b"");
    // The schema stays selected, but MariaDB forgets its character set.
    if let Some(schema) = &schema {
        link.send_command(Command::InitDb, schema);
    }
    send_trackers(link);
    link.swallow(ReplyKind::Simple, |_| ()).await?;
    if schema.is_some() {
        link.swallow(ReplyKind::Simple, |_| ()).await?;
    }
    read_trackers(lane, link, ReplayState::with_schema(schema.as_deref())).await?;
    link.pinned = false;
    link.exposed = false;
    link.left = FRESH;
    link.inbox.stream.set_deadline(None);
    Ok(())
}

/// Asks whether the server is still there.
pub(super) async fn ping(lane: &Lane, link: &mut Link) -> Result<(), BackendFault> {
    let deadline = lane.net.now() + lane.settings.timeouts.connect;
    link.inbox.stream.set_deadline(Some(deadline));
    link.send_command(Command::Ping, b"");
    link.swallow(ReplyKind::Simple, |_| ()).await?;
    link.inbox.stream.set_deadline(None);
    Ok(())
}
