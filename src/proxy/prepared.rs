//! The commands of binary prepared statements: by the proxy's own ids, run on whatever connection
//! the statement belongs to (see [`super::ready`] for how it comes there).

use std::rc::Rc;

use crate::net::Chunk;
use crate::protocol::{
    Capabilities, Command, ErrPacket, HEADER_LEN, MAX_PAYLOAD, ParamLayout, ParamTypes, ReplyKind,
    StatusFlags, opens_cursor, param_types, query_command,
};
use crate::route::Leave;
use crate::session::{PREPARED_PINS, Prepared, PreparedText, Session, stays_where_prepared};
use crate::sql::{Access, Statement, Traits, Values, Verb, substitute_functions};

use super::conversation::{COMMAND, Conversation, Next};
use super::fault::Fault;
use super::forward::Reply;
use super::lane::Lane;
use super::lease::Lease;
use super::request::{Request, packet_of, text_of, with_text};

/// What COM_STMT_PREPARE prepares.
pub(super) struct Preparing {
    pub(super) text: Rc<PreparedText>,
    pub(super) statement: Statement,
    /// Its session keeps the connection that it is prepared on.
    pub(super) bound: bool,
}

/// ER_UNKNOWN_STMT_HANDLER.
const UNKNOWN_STATEMENT: u16 = 1243;
/// ER_STMT_HAS_NO_OPEN_CURSOR.
const NO_OPEN_CURSOR: u16 = 1421;

/// ER_MALFORMED_PACKET: the server took no types from it.
const MALFORMED_PACKET: u16 = 1835;

impl Conversation {
    /// COM_STMT_PREPARE: on a connection that the statement could run on.
    pub(super) async fn prepare(
        &mut self,
        mut packet: Chunk,
        statement: Statement,
    ) -> Result<Next, Fault> {
        let is_long = packet.len() - HEADER_LEN >= MAX_PAYLOAD;
        if statement.traits.contains(Traits::READS_CONNECTION_ID) && !is_long {
            let id = self.id_for(&statement);
            let values = Values { connection_id: id, ..Values::default() };
            let dialect = self.session.dialect();
            if let Some(sql) = substitute_functions(text_of(&packet, 1), dialect, &values) {
                packet = with_text(&packet, 1, &sql);
            }
        }
        let state = self.lane.intern(self.session.state().when_prepared());
        let text = {
            let mut texts = self.lane.texts.borrow_mut();
            // What is not whole in memory can be prepared only once.
            if is_long {
                texts.unshared(b"", state)
            } else {
                texts.intern(text_of(&packet, 1), state)
            }
        };
        self.session.begin_prepare(&statement, text_of(&packet, 1));
        let bound = is_long || stays_where_prepared(&statement);
        // To prepare is to read: a read-only transaction on a replica need not end for it.
        let reads = statement.access == Access::Read || self.session.transaction_read_only();
        let access = if reads { Access::Read } else { Access::Write };
        let command = Statement { verb: Verb::Prepare, access, hint: statement.hint, ..COMMAND };
        let mut request = Request::new(packet, command, ReplyKind::Prepare);
        request.on_held = bound;
        request.prepares = Some(Preparing { text, statement, bound });
        self.run_request(request).await
    }

    /// COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE.
    pub(super) async fn execute(&mut self, packet: Chunk, id: u32) -> Result<Next, Fault> {
        let id = self.prepared.meant(id, self.client.mariadb);
        if self.session.count_unknown() {
            let statement = self.prepared.find(id).map(|prepared| prepared.statement);
            if let Some(statement) = statement.filter(|it| it.traits.intersects(ASKS)) {
                Box::pin(self.ask_before_leaving(&statement)).await;
            }
        }
        let Some(prepared) = self.prepared.find_mut(id) else {
            return Box::pin(self.unknown_statement(packet, id, "mysqld_stmt_execute")).await;
        };
        if let Some(lost) = prepared.lost.take() {
            return Box::pin(self.answer_err(packet, &lost)).await;
        }
        if prepared.statement.traits.intersects(ASKS) && !prepared.is_under_way() {
            put_in_answers(prepared, &self.session, &self.lane, self.held.as_mut());
        }
        let payload = packet.as_slice().get(HEADER_LEN..).unwrap_or_default();
        let types = param_types(payload, prepared.layout);
        prepared.refused = types == Ok(ParamTypes::Refused);
        if let Ok(types) = types {
            types.keep(prepared.layout, &mut prepared.types);
        }
        let (mut statement, bound) = (prepared.statement, prepared.bound);
        // What holds its connection is no read: the session's writes must be possible there.
        if opens_cursor(payload) {
            statement.access = Access::Write;
        }
        self.session.begin_execution(prepared, payload, self.lane.settings.sql.pin_on_call);
        let packet = match self.execute_light(packet, id, &statement) {
            Ok(lease) => return self.finish_light(lease, statement, Some(id)).await,
            Err(packet) => packet,
        };
        let mut request = Request::new(packet, statement, ReplyKind::Execute);
        request.on_held = bound;
        request.of_statement = Some(id);
        self.run_request(request).await
    }

    /// The commands about a statement that neither prepare nor execute it.
    pub(super) async fn about_statement(
        &mut self,
        command: Command,
        packet: Chunk,
        id: u32,
    ) -> Result<Next, Fault> {
        if command == Command::StmtFetch {
            Box::pin(self.fetch(packet, id)).await
        } else if command == Command::StmtReset {
            Box::pin(self.reset_statement(packet, id)).await
        } else if command == Command::StmtSendLongData {
            Box::pin(self.long_data(packet, id)).await
        } else {
            self.close_statement(id).await
        }
    }

    /// COM_STMT_FETCH: the connection with the cursor is held.
    pub(super) async fn fetch(&mut self, packet: Chunk, id: u32) -> Result<Next, Fault> {
        let id = self.prepared.meant(id, self.client.mariadb);
        match self.prepared.find(id) {
            None => self.unknown_statement(packet, id, "mysqld_stmt_fetch").await,
            Some(prepared) if prepared.cursor => {
                self.on_held_statement(packet, id, ReplyKind::Fetch).await
            }
            Some(_) => {
                let dot = if self.client.mariadb { "" } else { "." };
                let message = format!("The statement ({id}) has no open cursor{dot}");
                self.raise(packet, NO_OPEN_CURSOR, &message).await
            }
        }
    }

    /// COM_STMT_RESET: of concern to a server that has something to forget.
    pub(super) async fn reset_statement(&mut self, packet: Chunk, id: u32) -> Result<Next, Fault> {
        let id = self.prepared.meant(id, self.client.mariadb);
        let Some(prepared) = self.prepared.find_mut(id) else {
            return self.unknown_statement(packet, id, "mysqld_stmt_reset").await;
        };
        prepared.lost = None;
        if prepared.is_under_way() && self.held.is_some() {
            return self.on_held_statement(packet, id, ReplyKind::Simple).await;
        }
        self.session.begin_command();
        self.session.abandon(None);
        self.ok(1);
        Ok(Next::Go)
    }

    async fn on_held_statement(
        &mut self,
        packet: Chunk,
        id: u32,
        kind: ReplyKind,
    ) -> Result<Next, Fault> {
        self.session.begin_command();
        let mut request = Request::new(packet, COMMAND, kind);
        request.on_held = true;
        request.of_statement = Some(id);
        self.run_request(request).await
    }

    /// COM_STMT_CLOSE has no reply. The server's copy stays, for whoever has the same text.
    pub(super) async fn close_statement(&mut self, id: u32) -> Result<Next, Fault> {
        let id = self.prepared.meant(id, self.client.mariadb);
        let Some(closed) = self.prepared.remove(id) else { return Ok(Next::Go) };
        if closed.bound || closed.is_under_way() {
            if let Some(lease) = &mut self.held {
                lease.link().close_statement(closed.text.key());
            }
            self.refresh_prepared_pins();
            Box::pin(self.settle()).await;
        }
        Ok(Next::Go)
    }

    /// COM_STMT_SEND_LONG_DATA has no reply: what goes wrong is told to the execution.
    pub(super) async fn long_data(&mut self, packet: Chunk, id: u32) -> Result<Next, Fault> {
        let id = self.prepared.meant(id, self.client.mariadb);
        if self.prepared.find(id).is_none_or(|prepared| prepared.lost.is_some()) {
            self.client.skip_command(packet).await?;
            return Ok(Next::Go);
        }
        self.session.begin_command();
        let ready = match self.long_data_lease().await {
            Ok(lease) => self.ready_for_long_data(lease, id).await,
            Err(fault) => Err(fault),
        };
        self.replay = false;
        let lost = match ready {
            Ok(None) => {
                let Some(mut lease) = self.held.take() else { return Ok(Next::Go) };
                self.make_own(&mut lease, id);
                let sent = self.send_command(&mut lease, packet, Some(id), false).await;
                self.held = Some(lease);
                let faulty = sent.is_err();
                if let Some(prepared) = self.prepared.find_mut(id) {
                    prepared.long_data = true;
                }
                self.refresh_prepared_pins();
                self.set_held(self.held.as_ref());
                return if faulty { Ok(Next::End) } else { Ok(Next::Go) };
            }
            Ok(Some(refusal)) => refusal,
            Err(fault) if !fault.session_survives() => return Err(fault),
            Err(fault) => fault.packet().unwrap_or_default(),
        };
        if let Some(prepared) = self.prepared.find_mut(id) {
            prepared.lost = Some(lost);
        }
        self.client.skip_command(packet).await?;
        self.settle().await;
        Ok(Next::Go)
    }

    /// The connection held, if the execution may run there too, else one to the primary.
    async fn long_data_lease(&mut self) -> Result<Lease, Fault> {
        let primary = self.lane.view.borrow().primary();
        if let Some(lease) = self.held.take() {
            if self.session.held_firmly() || Some(lease.peek().backend) == primary {
                return self.still_held(lease);
            }
            // A server keeps the messages that it has when long data comes.
            self.replay = self.cause.is_some() && self.session.answers_here();
            self.leave(lease, Leave::Nothing).await;
        }
        self.primary_lease().await
    }

    /// Brings a connection to where it can take long data, and holds it; or the server's ERR.
    async fn ready_for_long_data(
        &mut self,
        mut lease: Lease,
        id: u32,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let backend = lease.peek().backend;
        let ready = if self.is_ready(&mut lease, id) {
            Ok(None)
        } else {
            self.ready_beside_error(&mut lease, id).await
        };
        let refusal = match ready {
            Ok(refusal) => refusal,
            Err(fault) => {
                let firmly = self.session.held_firmly();
                let fault = self.lane.backend_fault(backend, fault);
                return Err(self.without_connection(fault, firmly));
            }
        };
        if let Err(fault) = self.catch_up(&mut lease).await {
            let firmly = self.session.held_firmly();
            let fault = self.lane.backend_fault(backend, fault);
            return Err(self.without_connection(fault, firmly));
        }
        self.set_held(Some(&lease));
        self.held = Some(lease);
        Ok(refusal)
    }

    /// A reply of a statement is complete: what it began or ended on its connection.
    pub(super) fn note_statement(&mut self, lease: &mut Lease, reply: &Reply, request: &Request) {
        let failed = reply.summary.error.is_some();
        let status = reply.summary.status;
        if let Some(preparing) = &request.prepares {
            let Some(ok) = reply.prepared.filter(|_| !failed) else {
                self.prepared.note_failure();
                return;
            };
            let Preparing { text, statement, bound } = preparing;
            let limit = self.lane.settings.sql.max_prepared_per_connection;
            lease.link().keep_statement(text.key(), ok.statement_id, *bound, limit);
            let named = self.client.capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
            let layout = ParamLayout { params: ok.params, named };
            let mut prepared = Prepared::new(text.clone(), *statement, layout, *bound);
            let known = lease.link().statements.use_it(text.key());
            prepared.metadata = known.and_then(|known| known.metadata.clone());
            self.prepared.insert(prepared);
            if *bound {
                self.refresh_prepared_pins();
            }
            return;
        }
        let Some(id) = request.of_statement else { return };
        if request.kind == ReplyKind::Execute {
            self.note_metadata(lease, reply, id);
        }
        let Some(prepared) = self.prepared.find_mut(id) else { return };
        let before = (prepared.long_data, prepared.cursor);
        if request.kind == ReplyKind::Execute {
            let unread = reply.summary.error == Some(MALFORMED_PACKET) && !prepared.refused;
            if unread {
                prepared.types.clear();
                if !prepared.bound && !prepared.own {
                    // The server's copy keeps the types it had, which may be another session's.
                    lease.link().close_statement(prepared.text.key());
                }
            }
            prepared.cursor = !failed && status.contains(StatusFlags::CURSOR_EXISTS);
            // Nothing was executed: MySQL still has the data.
            prepared.long_data &= unread && !self.client.mariadb;
        } else if request.kind == ReplyKind::Fetch {
            prepared.cursor &= failed || !status.contains(StatusFlags::LAST_ROW_SENT);
        } else {
            (prepared.cursor, prepared.long_data) = (false, false);
        }
        let after = (prepared.long_data, prepared.cursor);
        if failed && let Some(known) = lease.link().statements.use_it(prepared.text.key()) {
            // Whether the server took the types is not said.
            known.types.clear();
        }
        if before != after {
            if prepared.cursor {
                self.make_own(lease, id);
            }
            let Some(prepared) = self.prepared.find(id) else { return };
            let (key, fixed) = (prepared.text.key(), prepared.bound || prepared.is_under_way());
            if failed && before.0 && !prepared.bound {
                // Whether the server forgot the data is not worth finding out.
                lease.link().close_statement(key);
            } else if let Some(known) = lease.link().statements.use_it(key) {
                known.fixed = fixed;
            }
            self.refresh_prepared_pins();
        }
    }

    /// Keeps the server's copy of a statement from others that have the same text: it holds, or
    /// is to hold, what belongs to this one.
    fn make_own(&mut self, lease: &mut Lease, id: u32) {
        let Some(prepared) = self.prepared.find_mut(id).filter(|prepared| !prepared.own) else {
            return;
        };
        let text = &prepared.text;
        let own = self.lane.texts.borrow_mut().unshared(text.sql(), text.state().clone());
        lease.link().statements.rename(text.key(), own.key());
        prepared.text = own;
        prepared.own = true;
    }

    fn refresh_prepared_pins(&mut self) {
        self.session.unpin(PREPARED_PINS);
        self.session.pin(self.prepared.pins());
    }

    /// An id that is not the session's, in the servers' own words.
    async fn unknown_statement(&mut self, packet: Chunk, id: u32, by: &str) -> Result<Next, Fault> {
        let by = if self.client.mariadb { by } else { "mysql_stmt_precheck" };
        let message = format!("Unknown prepared statement handler ({id}) given to {by}");
        self.raise(packet, UNKNOWN_STATEMENT, &message).await
    }

    /// An error about an id of the proxy's own: a server raises it, for SHOW WARNINGS to find.
    async fn raise(&mut self, packet: Chunk, code: u16, message: &str) -> Result<Next, Fault> {
        if packet.len() - HEADER_LEN >= MAX_PAYLOAD {
            let err = ErrPacket { code, sqlstate: *b"HY000", message: message.as_bytes() };
            return self.answer_err(packet, &err.encode()).await;
        }
        self.session.begin_command();
        let sql =
            format!("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = '{message}'");
        let packet = packet_of(&query_command(sql.as_bytes(), self.client.capabilities));
        let mut request = Request::new(packet, COMMAND, ReplyKind::Query);
        request.on_held = true;
        self.run_request(request).await
    }

    /// Answers a command with an ERR of our own.
    async fn answer_err(&mut self, packet: Chunk, err: &[u8]) -> Result<Next, Fault> {
        self.session.begin_command();
        let code = ErrPacket::decode(err).ok().map(|err| err.code);
        self.session.abandon(code);
        let sequence = self.client.skip_command(packet).await?;
        self.client.send(sequence, err);
        Ok(Next::Go)
    }
}

/// What a statement asks for that only the session knows, and that changes with each statement.
const ASKS: Traits = Traits::READS_ROW_COUNT.union(Traits::READS_FOUND_ROWS);

/// Makes what is executed for a statement its text with the session's own answers in it, as a
/// query's would have.
#[cold]
fn put_in_answers(
    prepared: &mut Prepared,
    session: &Session,
    lane: &Lane,
    held: Option<&mut Lease>,
) {
    let last = session.last();
    let (row_count, found_rows) = (last.row_count, last.found_rows);
    let values = Values { row_count, found_rows, ..Values::default() };
    let asked = prepared.asked().clone();
    let text = match substitute_functions(asked.sql(), session.dialect(), &values) {
        Some(sql) => lane.texts.borrow_mut().intern(&sql, asked.state().clone()),
        None => asked.clone(),
    };
    let old = std::mem::replace(&mut prepared.text, text);
    prepared.asked = Some(asked);
    if let Some(lease) = held.filter(|_| prepared.bound && old.key() != prepared.text.key()) {
        // It would stay there as long as the connection.
        lease.link().close_statement(old.key());
    }
}
