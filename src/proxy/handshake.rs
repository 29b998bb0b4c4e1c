//! From the accepted socket to a logged-in client.

use std::time::SystemTime;

use crate::auth::{BackendSecret, Plugin, Secret, ServerSide, ServerStep};
use crate::cluster::{OfferedGreeting, offered_greeting};
use crate::metrics::SessionEntry;
use crate::net::{Chunk, Stream, StreamError};
use crate::protocol::{
    Attributes, Capabilities, ChangeUser, FirstPacket, Greeting, Login, StatusFlags,
    put_attributes, put_packet,
};

use super::fault::{ClientFault, Fault, ProxyFault};
use super::inbox::{Inbox, InboxError};
use super::lane::{BaseKey, Lane, UserIdx};

/// What the proxy can keep towards clients, if the backends can. Not NO_SCHEMA: by it MariaDB reads
/// qualified names without their schemas, those in the proxy's own questions too.
const OFFERED: Capabilities = Capabilities::LONG_PASSWORD
    .union(Capabilities::FOUND_ROWS)
    .union(Capabilities::LONG_FLAG)
    .union(Capabilities::CONNECT_WITH_DB)
    .union(Capabilities::ODBC)
    .union(Capabilities::LOCAL_FILES)
    .union(Capabilities::IGNORE_SPACE)
    .union(Capabilities::PROTOCOL_41)
    .union(Capabilities::INTERACTIVE)
    .union(Capabilities::IGNORE_SIGPIPE)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::RESERVED)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::MULTI_STATEMENTS)
    .union(Capabilities::MULTI_RESULTS)
    .union(Capabilities::PS_MULTI_RESULTS)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::CONNECT_ATTRS)
    .union(Capabilities::PLUGIN_AUTH_LENENC_DATA)
    .union(Capabilities::SESSION_TRACK)
    .union(Capabilities::DEPRECATE_EOF)
    .union(Capabilities::OPTIONAL_RESULTSET_METADATA)
    .union(Capabilities::QUERY_ATTRIBUTES)
    .union(Capabilities::MARIADB_PROGRESS)
    .union(Capabilities::MARIADB_STMT_BULK_OPERATIONS)
    .union(Capabilities::MARIADB_EXTENDED_METADATA)
    .union(Capabilities::MARIADB_CACHE_METADATA)
    .union(Capabilities::MARIADB_BULK_UNIT_RESULTS);

/// The flags that change how a server answers: connections that differ in one are not exchanged.
pub(super) const SHAPING: Capabilities = Capabilities::LONG_PASSWORD
    .union(Capabilities::FOUND_ROWS)
    .union(Capabilities::LONG_FLAG)
    .union(Capabilities::ODBC)
    .union(Capabilities::LOCAL_FILES)
    .union(Capabilities::IGNORE_SPACE)
    .union(Capabilities::INTERACTIVE)
    .union(Capabilities::MULTI_STATEMENTS)
    .union(Capabilities::MULTI_RESULTS)
    .union(Capabilities::PS_MULTI_RESULTS)
    .union(Capabilities::DEPRECATE_EOF)
    .union(Capabilities::OPTIONAL_RESULTSET_METADATA)
    .union(Capabilities::QUERY_ATTRIBUTES)
    .union(Capabilities::MARIADB_PROGRESS)
    .union(Capabilities::MARIADB_STMT_BULK_OPERATIONS)
    .union(Capabilities::MARIADB_EXTENDED_METADATA)
    .union(Capabilities::MARIADB_CACHE_METADATA)
    .union(Capabilities::MARIADB_BULK_UNIT_RESULTS);

/// A login packet: the schema, attributes and passwords of 64 KiB at the most.
const LOGIN_PACKET_MAX: usize = 192 * 1024;

/// A client whose password was right.
pub(super) struct Client {
    pub(super) inbox: Inbox,
    /// Negotiated: what it asked for of what was offered.
    pub(super) capabilities: Capabilities,
    pub(super) user: UserIdx,
    pub(super) secret: BackendSecret,
    pub(super) collation: u8,
    pub(super) schema: Option<Vec<u8>>,
    /// COM_CHANGE_USER has taken the place of the login.
    pub(super) changed: bool,
    /// The connection attributes that it gave, as they are sent.
    pub(super) attributes: Box<[u8]>,
    /// Number of the packet that answers the login.
    pub(super) sequence: u8,
    /// Whether it was greeted as by MariaDB.
    pub(super) mariadb: bool,
    offered_plugin: Plugin,
    scramble: [u8; 20],
}

impl Client {
    /// What of its login decides the state that it begins with.
    pub(super) const fn base_key(&self) -> BaseKey {
        let flags = Capabilities::IGNORE_SPACE.union(Capabilities::INTERACTIVE);
        BaseKey { collation: self.collation, flags: self.capabilities.intersection(flags) }
    }

    /// Sends one packet of a reply.
    pub(super) fn send(&self, sequence: u8, payload: &[u8]) -> u8 {
        send(&self.inbox, sequence, payload)
    }
}

fn send(inbox: &Inbox, sequence: u8, payload: &[u8]) -> u8 {
    let mut out = Vec::with_capacity(payload.len() + 4);
    let next = put_packet(&mut out, sequence, payload);
    inbox.stream.send(Chunk::from(out));
    next
}

/// Greets and authenticates. On failure the ERR has been sent already.
pub(super) async fn handshake(
    lane: &Lane,
    stream: Stream,
    entry: &SessionEntry,
) -> Result<Client, Fault> {
    stream.set_deadline(Some(lane.net.now() + lane.settings.timeouts.login));
    let mut inbox = Inbox::new(stream);
    let mut sequence = 0;
    match log_in(lane, &mut inbox, entry, &mut sequence).await {
        Ok(seed) => {
            inbox.stream.set_deadline(None);
            entry.set_user(&lane.user(seed.user).name);
            Ok(seed.client(inbox, sequence))
        }
        Err(fault) => {
            if let Some(payload) = fault.packet() {
                send(&inbox, sequence, &payload);
            }
            Err(fault)
        }
    }
}

/// What a login settles, before the inbox is handed over.
struct Seed {
    capabilities: Capabilities,
    user: UserIdx,
    secret: BackendSecret,
    collation: u8,
    schema: Option<Vec<u8>>,
    attributes: Box<[u8]>,
    mariadb: bool,
    offered_plugin: Plugin,
    scramble: [u8; 20],
}

impl Seed {
    fn client(self, inbox: Inbox, sequence: u8) -> Client {
        Client {
            inbox,
            capabilities: self.capabilities,
            user: self.user,
            secret: self.secret,
            collation: self.collation,
            schema: self.schema,
            changed: false,
            attributes: self.attributes,
            sequence,
            mariadb: self.mariadb,
            offered_plugin: self.offered_plugin,
            scramble: self.scramble,
        }
    }
}

async fn log_in(
    lane: &Lane,
    inbox: &mut Inbox,
    entry: &SessionEntry,
    sequence: &mut u8,
) -> Result<Seed, Fault> {
    let shared = lane.greeting().await.ok_or(ProxyFault::NoBackendKnown)?;
    let scramble = scramble()?;
    let offered = shared.capabilities & OFFERED;
    let offered_plugin = lane.offered_plugin(&shared);
    let greeting = Greeting {
        version: lane
            .settings
            .server_version
            .as_ref()
            .map_or_else(|| shared.version.clone(), |version| version.clone().into_bytes()),
        thread_id: entry.id(),
        scramble,
        capabilities: offered,
        collation: shared.collation,
        status: shared.status & !StatusFlags::IN_TRANS,
        auth_plugin: offered_plugin.name().as_bytes().to_vec(),
    };
    *sequence = send(inbox, 0, &greeting.encode());
    let (payload, next) =
        inbox.payload(LOGIN_PACKET_MAX, *sequence).await.map_err(ClientFault::from)?;
    *sequence = next;
    let login = match FirstPacket::decode(&payload).map_err(ClientFault::Handshake)? {
        FirstPacket::Login(login) => login,
        FirstPacket::SslRequest(_) => return Err(ClientFault::Tls.into()),
    };
    // Whoever says so compresses all that follows; drivers that ask first never do.
    let compressed = Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION;
    if login.capabilities.intersects(compressed) {
        return Err(ClientFault::Compression.into());
    }
    let (user, secret) = authenticate(
        lane,
        inbox,
        Attempt {
            user: &login.user,
            plugin: login.auth_plugin.as_deref(),
            response: &login.auth_response,
            offered_plugin,
        },
        scramble,
        sequence,
    )
    .await?;
    let Login { capabilities, collation, schema, attributes, .. } = login;
    let attributes = encoded(&attributes);
    // A client that speaks MySQL's dialect does not know of MariaDB's flags, and the other way.
    let capabilities = capabilities & (offered | Capabilities::LONG_PASSWORD);
    Ok(Seed {
        capabilities,
        user,
        secret,
        collation,
        schema,
        attributes,
        mariadb: shared.mariadb,
        offered_plugin,
        scramble,
    })
}

fn encoded(attributes: &Attributes) -> Box<[u8]> {
    let mut out = Vec::new();
    put_attributes(&mut out, attributes);
    out.into()
}

/// Who wants in.
struct Attempt<'a> {
    user: &'a [u8],
    plugin: Option<&'a [u8]>,
    response: &'a [u8],
    offered_plugin: Plugin,
}

/// Runs the authentication exchange to its end; `sequence` is that of the answer to come.
async fn authenticate(
    lane: &Lane,
    inbox: &mut Inbox,
    attempt: Attempt<'_>,
    scramble: [u8; 20],
    sequence: &mut u8,
) -> Result<(UserIdx, BackendSecret), Fault> {
    let known = lane.find_user(attempt.user);
    let random = scramble_bytes()?;
    let decoy = Secret::decoy(lane.any_secret(), &random);
    let secret = known.map_or(&decoy, |user| &lane.user(user).secret);
    let (mut side, mut step) = ServerSide::new(
        scramble,
        secret,
        attempt.plugin,
        attempt.response,
        attempt.offered_plugin,
        false,
        &lane.rsa,
    );
    // MySQL's clients send an absent password as a lone NUL.
    let given = |response: &[u8]| !matches!(response, [] | [0]);
    let mut with_password = given(attempt.response);
    loop {
        match (step, known) {
            (ServerStep::Send(payload), _) => {
                *sequence = send(inbox, *sequence, &payload);
                let answer = inbox.payload(LOGIN_PACKET_MAX, *sequence).await;
                let (answer, next) = answer.map_err(|error| {
                    // Asked for its password itself, a client may rather go.
                    lane.metrics.counters().logins_denied.bump();
                    ClientFault::from(error)
                })?;
                *sequence = next;
                with_password |= given(&answer);
                step = side.drive(&answer);
            }
            (ServerStep::SendThenGranted(payload, secret), Some(user)) => {
                *sequence = send(inbox, *sequence, &payload);
                return Ok((user, secret));
            }
            (ServerStep::Granted(secret), Some(user)) => return Ok((user, secret)),
            (ServerStep::Denied | ServerStep::SendThenGranted(..) | ServerStep::Granted(_), _) => {
                lane.metrics.counters().logins_denied.bump();
                let user = String::from_utf8_lossy(attempt.user).into_owned();
                let host = client_host(inbox);
                return Err(ClientFault::Denied { user, host, with_password }.into());
            }
        }
    }
}

/// Where the client is, as servers that look up no names say it in errors.
fn client_host(inbox: &Inbox) -> String {
    let address = inbox.stream.peer_name().parse::<std::net::SocketAddr>();
    address.map_or_else(|_| "localhost".into(), |address| address.ip().to_canonical().to_string())
}

/// Authenticates COM_CHANGE_USER with a new scramble where the client's response was not made
/// with the greeting's, as servers do.
pub(super) async fn change_user(
    lane: &Lane,
    client: &mut Client,
    request: &ChangeUser,
    sequence: &mut u8,
) -> Result<(), Fault> {
    let attempt = Attempt {
        user: &request.user,
        plugin: request.auth_plugin.as_deref(),
        response: &request.auth_response,
        offered_plugin: client.offered_plugin,
    };
    let scramble = client.scramble;
    let (user, secret) = authenticate(lane, &mut client.inbox, attempt, scramble, sequence).await?;
    client.user = user;
    client.secret = secret;
    client.schema.clone_from(&request.schema);
    client.changed = true;
    client.attributes = encoded(&request.attributes);
    if let Some(collation @ 1..) = request.collation.and_then(|id| u8::try_from(id).ok()) {
        client.collation = collation;
    }
    Ok(())
}

/// 20 random bytes for a greeting: neither NUL nor `$`, which clients take for an end.
fn scramble() -> Result<[u8; 20], Fault> {
    let mut bytes = scramble_bytes()?;
    for byte in &mut bytes {
        *byte &= 0x7f;
        if matches!(*byte, 0 | b'$') {
            *byte += 1;
        }
    }
    Ok(bytes)
}

fn scramble_bytes() -> Result<[u8; 20], Fault> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|_| ProxyFault::Unsupported("a login without entropy"))?;
    Ok(bytes)
}

/// Milliseconds since 1970, for the admin port.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl From<InboxError> for ClientFault {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::End | InboxError::Stream(StreamError::Closed) => Self::Gone,
            InboxError::Stream(error) => Self::Stream(error),
            InboxError::TooLong { len, limit } => Self::TooLong { len, limit },
            InboxError::Sequence { expected, found } => Self::Sequence { expected, found },
        }
    }
}

/// What the backends in service have in shared, from the lane's present view.
pub(super) fn greeting_of(lane: &Lane) -> Option<OfferedGreeting> {
    offered_greeting(&lane.view.borrow())
}
