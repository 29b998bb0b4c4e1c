//! A client's session, from its login to its end: one command after the other.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crate::cluster::BackendIdx;
use crate::metrics::{SessionEntry, SessionState};
use crate::net::{Chunk, Stream, StreamError};
use crate::protocol::{
    Capabilities, ChangeUser, Command, HEADER_LEN, Header, MAX_PAYLOAD, OkPacket, ReplyKind,
    query_text_at, statement_id,
};
use crate::session::{PreparedStatements, ReplayState, Session};
use crate::sql::{Access, Statement, Traits, Verb, classify, names_threads};

use super::cause::Cause;
use super::checkout::FLAGGED;
use super::fault::{ClientFault, Fault, ProxyFault};
use super::handshake::{self, Client, handshake};
use super::inbox::InboxError;
use super::lane::{Lane, SessionHandle};
use super::lease::Lease;
use super::request::Request;
use super::stock::{Outcome, Running};
use super::waiting::Seat;

/// What a command other than a statement amounts to: the primary's affair, without effects.
pub(super) const COMMAND: Statement = Statement {
    verb: Verb::Admin,
    access: Access::Write,
    traits: Traits::empty(),
    hint: None,
    statements: 1,
};

/// Any connection will do.
const PING: Statement = Statement { verb: Verb::Empty, ..COMMAND };

/// Everything a session owns.
pub(super) struct Conversation {
    pub(super) lane: Rc<Lane>,
    pub(super) client: Client,
    pub(super) session: Session,
    pub(super) entry: SessionEntry,
    pub(super) handle: Rc<SessionHandle>,
    /// The backend connection that must not go to another session now.
    pub(super) held: Option<Lease>,
    pub(super) prepared: PreparedStatements,
    /// The command's packet until it has a connection: a waiting session holds no receive buffer.
    pub(super) outbox: Option<Chunk>,
    /// A read's packet, kept until its reply begins, to be sent again elsewhere.
    pub(super) spare: Vec<u8>,
    /// The read that left the warnings or the error that a client may still ask for.
    pub(super) cause: Option<Box<Cause>>,
    /// The next connection is to run `cause` first, for what it leaves there.
    pub(super) replay: bool,
    /// The next connection is to open the read-only transaction that was begun on a replica.
    pub(super) reopen: bool,
    /// The balancer's choice for the statement under way, made already.
    pub(super) chosen: Option<BackendIdx>,
    /// Where it waited for a connection.
    pub(super) seat: Option<Rc<Seat>>,
}

/// A client's login. Boxed: what only the login needs must not stay for the session.
pub(crate) struct Opening(Pin<Box<dyn Future<Output = Result<Box<Conversation>, Fault>>>>);

impl Opening {
    /// Of the client that has just connected.
    pub(crate) fn new(lane: Rc<Lane>, stream: Stream, entry: SessionEntry) -> Self {
        Self(Box::pin(async move {
            let handle = lane.register(&stream, entry.id());
            let client = handshake(&lane, stream, &entry).await?;
            Conversation::open(lane, client, entry, handle).await
        }))
    }
}

/// Serves a client to its end. What goes wrong is told to the client, and returned for the log.
pub(crate) async fn serve(opening: Opening) -> Result<(), Fault> {
    let conversation = opening.0.await?;
    let (conversation, result) = run(conversation).await;
    Box::pin(conversation.end()).await;
    match result {
        Ok(()) | Err(Fault::Client(ClientFault::Gone)) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Runs one command after the other. What stands here stands in each session's memory while it
/// waits for its client: hence a command's own future elsewhere ([`Running`]).
async fn run(mut conversation: Box<Conversation>) -> (Box<Conversation>, Result<(), Fault>) {
    loop {
        conversation.rest();
        if conversation.lane.draining.get() && !conversation.is_bound() {
            return (conversation, Ok(()));
        }
        if let Err(error) = conversation.client.inbox.ready().await {
            let fault = conversation.no_command(error);
            return (conversation, Err(fault));
        }
        let (back, next) = Running::new(conversation).await;
        conversation = back;
        match next {
            Ok(Next::Go) => {}
            Ok(Next::End) => return (conversation, Ok(())),
            Err(fault) => return (conversation, Err(fault)),
        }
    }
}

/// Runs the command that has begun to come in. An error ends the session.
pub(super) async fn one_command(mut conversation: Box<Conversation>) -> Outcome {
    let next = conversation.next_command().await;
    (conversation, next)
}

impl Conversation {
    /// Gives the client its first state and answers the login.
    async fn open(
        lane: Rc<Lane>,
        client: Client,
        entry: SessionEntry,
        handle: Rc<SessionHandle>,
    ) -> Result<Box<Self>, Fault> {
        let session = Session::new(Rc::default(), lane.server_kind(client.mariadb));
        let mut this = Box::new(Self {
            lane,
            client,
            session,
            entry,
            handle,
            held: None,
            prepared: PreparedStatements::default(),
            outbox: None,
            spare: Vec::new(),
            cause: None,
            replay: false,
            reopen: false,
            chosen: None,
            seat: None,
        });
        let sequence = this.client.sequence;
        match this.first_state().await {
            Ok(()) => {
                this.greet(sequence);
                Ok(this)
            }
            Err(fault) => {
                this.refuse(sequence, &fault);
                Err(fault)
            }
        }
    }

    fn greet(&mut self, sequence: u8) {
        let trackers = self.session.shown().settings();
        let entries = trackers.login_entries(self.client.schema.as_deref());
        let ok = OkPacket {
            status: self.session.status(),
            session_state: &entries,
            ..OkPacket::default()
        };
        self.client.send(sequence, &ok.encode(self.client.capabilities));
    }

    async fn next_command(&mut self) -> Result<Next, Fault> {
        let packet = match self.client.inbox.packet(MAX_PAYLOAD).await {
            Ok(packet) => packet,
            Err(error) => return Err(self.no_command(error)),
        };
        self.handle.idle.set(false);
        self.entry.set_state(SessionState::Busy);
        self.entry.count_command();
        self.lane.metrics.counters().commands.bump();
        let next = match self.command(packet).await {
            Ok(Next::End) => return Ok(Next::End),
            Ok(Next::Go) => Next::Go,
            Err(fault) => {
                self.refuse(1, &fault);
                if !fault.session_survives() {
                    return Err(fault);
                }
                tracing::info!(session = self.entry.id(), "{fault}");
                Next::Go
            }
        };
        if self.is_killed() { Err(ProxyFault::Killed.into()) } else { Ok(next) }
    }

    /// The client sent no command: tells it why, if it can still be told.
    #[cold]
    fn no_command(&self, error: InboxError) -> Fault {
        let fault = self.interrupted(ClientFault::from(error));
        self.refuse(0, &fault);
        fault
    }

    /// Marks the session as waiting for its client.
    fn rest(&mut self) {
        self.handle.bound.set(self.is_bound());
        self.handle.idle.set(true);
        let held = self.held.is_some();
        self.entry.set_state(if held { SessionState::Held } else { SessionState::Idle });
        let idle = self.lane.settings.timeouts.client_idle;
        if idle.is_some() {
            let deadline = idle.map(|idle| self.lane.net.now() + idle);
            self.client.inbox.stream.set_deadline(deadline);
        }
    }

    /// Whether ending the session now would lose something of the client's.
    pub(super) fn is_bound(&self) -> bool {
        self.held.is_some() && (self.session.in_transaction() || !self.session.pins().is_empty())
    }

    /// Why a wait for the client ended: it may have been our own doing.
    fn interrupted(&self, fault: ClientFault) -> Fault {
        if !matches!(fault, ClientFault::Stream(StreamError::Aborted)) {
            return fault.into();
        }
        let draining = self.lane.draining.get();
        if draining { ProxyFault::Draining.into() } else { ProxyFault::Killed.into() }
    }

    /// Tells the client, if it can still be told.
    pub(super) fn refuse(&self, sequence: u8, fault: &Fault) {
        if let Some(payload) = fault.packet() {
            self.client.send(sequence, &payload);
        }
    }

    /// Runs one command to the end of its reply.
    async fn command(&mut self, packet: Chunk) -> Result<Next, Fault> {
        let Some(header) = Header::decode(packet.as_slice()) else { return Ok(Next::End) };
        if header.seq != 0 {
            let fault = ClientFault::Sequence { expected: 0, found: header.seq };
            return Err(fault.into());
        }
        let payload = packet.as_slice().get(HEADER_LEN..).unwrap_or_default();
        let (&byte, argument) = payload.split_first().ok_or(ProxyFault::UnknownCommand)?;
        let command = Command::from_byte(byte).ok_or(ProxyFault::UnknownCommand)?;
        match command {
            Command::Query => {
                let (at, statement) = self.read_query(payload);
                self.query(packet, at, statement).await
            }
            Command::Quit => Ok(Next::End),
            Command::Ping => Box::pin(self.ping(packet)).await,
            Command::InitDb => {
                self.session.begin_init_db(argument);
                self.run_request(Request::new(packet, Session::INIT_DB, ReplyKind::Simple)).await
            }
            Command::StmtPrepare => {
                let statement = self.classify(payload, 1);
                Box::pin(self.prepare(packet, statement)).await
            }
            Command::StmtExecute | Command::StmtBulkExecute => {
                let id = statement_id(payload).map_err(ClientFault::from)?;
                self.execute(packet, id).await
            }
            Command::StmtFetch
            | Command::StmtReset
            | Command::StmtSendLongData
            | Command::StmtClose => {
                let id = statement_id(payload).map_err(ClientFault::from)?;
                self.about_statement(command, packet, id).await
            }
            Command::FieldList => self.plain(packet, ReplyKind::FieldList).await,
            Command::Statistics => self.plain(packet, ReplyKind::Statistics).await,
            Command::ProcessInfo => self.plain(packet, ReplyKind::Query).await,
            Command::Refresh | Command::Debug | Command::CreateDb | Command::DropDb => {
                self.plain(packet, ReplyKind::Simple).await
            }
            Command::SetOption => {
                let option = argument.first().copied();
                Box::pin(self.set_option(packet, option)).await
            }
            Command::ResetConnection => Box::pin(self.reset_connection()).await,
            Command::ChangeUser => {
                let request = ChangeUser::decode(payload, self.client.capabilities)
                    .map_err(ClientFault::from)?;
                Box::pin(self.change_user(&request)).await
            }
            Command::ProcessKill => {
                let id = statement_id(payload).map_err(ClientFault::from)?;
                Box::pin(self.process_kill(packet, id)).await
            }
            Command::BinlogDump | Command::BinlogDumpGtid => {
                unsupported("replication (binlog dump)")
            }
            Command::RegisterReplica => unsupported("replication (registering a replica)"),
            Command::TableDump | Command::ConnectOut => unsupported("replication (table dump)"),
            Command::SubscribeGroupReplicationStream => unsupported("group replication"),
            Command::Clone => unsupported("COM_CLONE"),
            Command::Shutdown => unsupported("COM_SHUTDOWN"),
            Command::Sleep
            | Command::Connect
            | Command::Time
            | Command::DelayedInsert
            | Command::Daemon => Err(ProxyFault::UnknownCommand.into()),
        }
    }

    /// Where a COM_QUERY's text begins in its payload, and what it is.
    fn read_query(&self, payload: &[u8]) -> (usize, Statement) {
        match query_text_at(payload, self.client.capabilities) {
            Ok(at) => (at, self.classify(payload, at)),
            // Attributes that no server takes: one is to say so.
            Err(_) => (payload.len(), Statement::OPAQUE),
        }
    }

    /// What the text from `at` on is, in this session's dialect and character set.
    fn classify(&self, payload: &[u8], at: usize) -> Statement {
        let sql = payload.get(at..).unwrap_or_default();
        let charset = self.session.charset().unwrap_or_default();
        // A text of 16 MiB and more is only partly here.
        if payload.len() >= MAX_PAYLOAD || crate::sql::charset_hides(sql, charset) {
            return Statement::OPAQUE;
        }
        let mut statement = classify(sql, self.session.dialect());
        if self.session.in_server_schema() && names_threads(sql) {
            statement.traits |= Traits::SERVER_STATE | Traits::SHOWS_THREADS;
            statement.access = Access::Write;
        }
        statement
    }

    /// COM_PING is the proxy's to answer, unless there is a connection to ask after.
    async fn ping(&mut self, packet: Chunk) -> Result<Next, Fault> {
        // MySQL's answer counts the warnings there are.
        let counts = self.session.answers_here() && !self.client.mariadb;
        if (self.session.held_firmly() || counts) && self.held.is_some() {
            self.session.begin_command();
            return self.run_request(Request::new(packet, PING, ReplyKind::Simple)).await;
        }
        self.session.begin_command();
        self.session.abandon(None);
        self.ok(1);
        Ok(Next::Go)
    }

    pub(super) fn ok(&self, sequence: u8) {
        let ok = OkPacket { status: self.session.status(), ..OkPacket::default() };
        self.client.send(sequence, &ok.encode(self.client.capabilities));
    }

    /// COM_CHANGE_USER: as a new login on the same socket.
    async fn change_user(&mut self, request: &ChangeUser) -> Result<Next, Fault> {
        self.let_go().await;
        let mut sequence = 1;
        let done = handshake::change_user(&self.lane, &mut self.client, request, &mut sequence);
        let result = match done.await {
            Ok(()) => {
                self.entry.set_user(&self.lane.user(self.client.user).name);
                self.session =
                    Session::new(Rc::default(), self.lane.server_kind(self.client.mariadb));
                self.first_state().await
            }
            Err(fault) => Err(fault),
        };
        match result {
            Ok(()) => {
                self.greet(sequence);
                Ok(Next::Go)
            }
            Err(fault) => {
                self.refuse(sequence, &fault);
                // As servers do: who fails to become another user is nobody.
                tracing::info!(session = self.entry.id(), "{fault}");
                Ok(Next::End)
            }
        }
    }

    /// COM_RESET_CONNECTION: done on a real connection, so that what is true afterwards is what
    /// a server says it is.
    async fn reset_connection(&mut self) -> Result<Next, Fault> {
        let lease = match self.held.take() {
            Some(lease) => lease,
            None => {
                self.session.begin_command();
                self.primary_lease().await?
            }
        };
        let lease = self.reset_one(lease).await?;
        let schema = self.session.state().schema().map(<[u8]>::to_vec);
        self.forget_statements();
        // MariaDB goes back to the character sets of the connection's login, which need not be
        // this session's; MySQL to its global ones.
        let base = self.lane.base(self.client.base_key()).filter(|_| self.client.mariadb);
        let mut state = ReplayState::clone(base.as_ref().map_or(lease.state(), |base| &base.state));
        state.set_schema(schema.as_deref());
        // What the login's flags set need not outlive the reset: the connection says.
        for name in FLAGGED {
            if let Some(value) = lease.state().variable(name) {
                state.set_variable(name, value);
            }
        }
        let trackers = lease.peek().login_trackers.clone();
        self.session.reset(self.lane.intern(state), trackers);
        self.set_held(None);
        self.release(lease);
        self.ok(1);
        Ok(Next::Go)
    }

    /// Resets `lease`, or if that breaks another connection: what was on it is gone then too.
    async fn reset_one(&mut self, mut lease: Lease) -> Result<Lease, Fault> {
        const TRIES: u32 = 3;
        let mut tries = 1;
        loop {
            let backend = lease.peek().backend;
            let Err(fault) = lease.reset(&self.lane).await else { return Ok(lease) };
            drop(lease);
            let fault = self.lane.backend_fault(backend, fault);
            if tries == TRIES {
                return Err(fault);
            }
            tracing::info!(session = self.entry.id(), "{fault}; resetting another connection");
            self.let_go().await;
            lease = self.primary_lease().await?;
            tries += 1;
        }
    }

    /// COM_SET_OPTION switches several statements in a text on and off: from now on the session
    /// uses connections that were opened that way.
    async fn set_option(&mut self, packet: Chunk, option: Option<u8>) -> Result<Next, Fault> {
        self.session.begin_command();
        let mut request = Request::new(packet, COMMAND, ReplyKind::Simple);
        request.on_held = true;
        request.spoils = true;
        let next = self.run_request(request).await?;
        match option {
            Some(0) => self.client.capabilities.insert(Capabilities::MULTI_STATEMENTS),
            Some(1) => self.client.capabilities.remove(Capabilities::MULTI_STATEMENTS),
            _ => {}
        }
        Ok(next)
    }

    pub(super) fn forget_statements(&mut self) {
        self.prepared.clear();
    }

    /// A command that is passed to the connection held, else to the primary.
    pub(super) async fn plain(&mut self, packet: Chunk, kind: ReplyKind) -> Result<Next, Fault> {
        self.session.begin_command();
        let mut request = Request::new(packet, COMMAND, kind);
        request.on_held = true;
        self.run_request(request).await
    }
}

/// Whether the session goes on after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    End,
}

fn unsupported(what: &'static str) -> Result<Next, Fault> {
    Err(ProxyFault::Unsupported(what).into())
}
