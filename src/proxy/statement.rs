//! One statement's way: route, check out, prepare the connection, send, forward, remember.

use crate::cluster::{BackendSet, Role};
use crate::net::Chunk;
use crate::protocol::{Capabilities, ReplyKind, changes};
use crate::route::Target;
use crate::session::{Hold, Keep, PREPARED_PINS, Pins, Preamble};
use crate::sql::{Access, Statement, Traits, Values, substitute_functions};

use super::choose::NoLease;
use super::conversation::{Conversation, Next};
use super::fault::{ClientFault, Fault, ProxyFault};
use super::forward::{Broken, Forward, Reply};
use super::lease::Lease;
use super::link::Link;
use super::mutant::Mutant;
use super::preamble::send_preamble;
use super::request::{Request, text_of, with_text};

/// Longest read that is kept to be sent again: a longer one is not worth its copy.
pub(super) const SPARE_MAX: usize = 64 * 1024;

impl Conversation {
    /// COM_QUERY, whose text begins `at` this byte of its payload.
    pub(super) async fn query(
        &mut self,
        mut packet: Chunk,
        at: usize,
        statement: Statement,
    ) -> Result<Next, Fault> {
        if statement.traits.contains(Traits::KILL) {
            return Box::pin(self.kill_statement(packet, at, statement)).await;
        }
        let text = text_of(&packet, at);
        self.session.begin(&statement, text, self.lane.settings.sql.pin_on_call);
        if statement.traits.contains(Traits::READS_FOUND_ROWS) && self.session.count_unknown() {
            Box::pin(self.ask_before_leaving(&statement)).await;
        }
        let text = text_of(&packet, at);
        if let Some(rewritten) = self.substitute(&statement, text) {
            packet = with_text(&packet, at, &rewritten);
        }
        match self.send_light(packet, &statement) {
            Ok(lease) => self.finish_light(lease, statement, None).await,
            Err(packet) => {
                self.run_request(Request::new(packet, statement, ReplyKind::Query)).await
            }
        }
    }

    /// Asks the connection held for the count that it alone knows, where a statement that wants it
    /// is to run elsewhere.
    pub(super) async fn ask_before_leaving(&mut self, statement: &Statement) {
        let request = Request::new(Chunk::from(Vec::new()), *statement, ReplyKind::Query);
        let leaves = self.route(&request, &BackendSet::EMPTY).target != Target::Held;
        // The question would be the end of a ROW_COUNT() that is not known either.
        if leaves
            && self.session.last().row_count.is_some()
            && let Some(mut lease) = self.held.take()
        {
            self.ask_counts(&mut lease).await;
            self.held = Some(lease);
        }
    }

    /// The text with the session's own answers in it, where a function asks the connection for
    /// what only the session knows.
    fn substitute(&self, statement: &Statement, sql: &[u8]) -> Option<Vec<u8>> {
        const ASKS: Traits = Traits::READS_CONNECTION_ID
            .union(Traits::READS_ROW_COUNT)
            .union(Traits::READS_FOUND_ROWS);
        if !statement.traits.intersects(ASKS) {
            return None;
        }
        let last = self.session.last();
        let values = Values {
            connection_id: self.id_for(statement),
            // What is not known here is asked of the connection, which is held for that.
            row_count: last.row_count,
            found_rows: last.found_rows,
        };
        substitute_functions(sql, self.session.dialect(), &values)
    }

    /// What `CONNECTION_ID()` is in a statement: beside the server's own ids, the server's, and its
    /// columns are translated as theirs are.
    pub(super) fn id_for(&self, statement: &Statement) -> Option<u64> {
        let id = u64::from(self.entry.id());
        (!statement.traits.contains(Traits::SHOWS_THREADS)).then_some(id)
    }

    /// Runs a command; a read whose connection cannot be had, or breaks before its reply begins,
    /// is tried once on every backend that may serve it.
    pub(super) async fn run_request(&mut self, request: Request) -> Result<Next, Fault> {
        self.run_request_from(request, BackendSet::EMPTY, None).await
    }

    /// The same, after the backends in `tried`, of which the first failed with `first`.
    pub(super) async fn run_request_from(
        &mut self,
        mut request: Request,
        mut tried: BackendSet,
        mut first: Option<Fault>,
    ) -> Result<Next, Fault> {
        self.outbox = request.packet.take();
        loop {
            let lease = match self.connection_for(&request, &tried).await {
                Ok(lease) => lease,
                Err(NoLease { fault, backend }) => {
                    let backend = backend.filter(|_| request.may_move());
                    let Some(backend) = backend else {
                        self.replay = false;
                        let fault = first.unwrap_or(fault);
                        self.session.abandon(fault.code());
                        return Err(fault);
                    };
                    tracing::info!(session = self.entry.id(), "{fault}; trying another backend");
                    tried.insert(backend);
                    first.get_or_insert(fault);
                    continue;
                }
            };
            let backend = lease.peek().backend;
            let firmly = self.session.needs_connection(&request.statement) || request.on_held;
            let on_replica = self.primary(&BackendSet::EMPTY) != Some(backend);
            let retry = self.keep_spare(&request, on_replica) && !firmly && !self.replay;
            let packet = self.outbox.take().unwrap_or_else(|| Chunk::from(Vec::new()));
            match self.exchange(lease, packet, &request).await {
                Ok((lease, reply)) => return self.remember(lease, &reply, &request).await,
                Err(unfinished) => {
                    let fault = self.moves_on(unfinished, retry, firmly)?;
                    tried.insert(backend);
                    first.get_or_insert(fault);
                    self.outbox = Some(Chunk::from(self.spare.clone()));
                }
            }
        }
    }

    /// After a statement without a whole reply: the fault to go on with elsewhere, or the one to
    /// end it with.
    pub(super) fn moves_on(
        &mut self,
        Unfinished { fault, again }: Unfinished,
        retry: bool,
        firmly: bool,
    ) -> Result<Fault, Fault> {
        if self.is_killed() {
            return Err(ProxyFault::Killed.into());
        }
        if !(again && retry) {
            return Err(self.without_connection(fault, firmly));
        }
        self.session.left_connection();
        self.set_held(None);
        tracing::info!(session = self.entry.id(), "{fault}; trying another backend");
        self.lane.metrics.counters().retries.bump();
        Ok(fault)
    }

    /// Copies a packet that may have to be sent again: a read's, and whatever else changes nothing,
    /// for the warnings that it leaves. Says whether it may be tried elsewhere.
    fn keep_spare(&mut self, request: &Request, on_replica: bool) -> bool {
        let is_read = request.statement.access == Access::Read;
        let prepared = [ReplyKind::Prepare, ReplyKind::Execute].contains(&request.kind);
        let is_query = request.kind == ReplyKind::Query;
        let harmless = is_read || on_replica || request.statement.only_asks();
        let keeps = (is_read && prepared) || (harmless && is_query);
        let packet = self.outbox.as_ref().filter(|packet| keeps && packet.len() <= SPARE_MAX);
        self.spare.clear();
        if let Some(packet) = packet {
            self.spare.extend_from_slice(packet.as_slice());
        }
        is_read && packet.is_some()
    }

    /// Sends a command with its preamble and forwards the reply.
    async fn exchange(
        &mut self,
        mut lease: Lease,
        packet: Chunk,
        request: &Request,
    ) -> Result<(Lease, Reply), Unfinished> {
        let backend = lease.peek().backend;
        let lane = self.lane.clone();
        let counters = lane.metrics.backend(usize::from(backend.0));
        let is_read = request.statement.access == Access::Read;
        self.note_command(&lease, is_read);
        let _busy = self.lane.outstanding_guard(backend);
        let sent = lease.stream().sent_bytes();
        let result = self.converse(&mut lease, packet, request, is_read).await;
        match result {
            Ok(reply) => {
                if reply.summary.error.is_some() {
                    counters.errors.bump();
                }
                Ok((lease, reply))
            }
            Err(broken) => {
                let never_left = lease.stream().sent_bytes() == sent;
                Err(self.unfinished(&lease, broken, is_read || never_left))
            }
        }
    }

    /// Counts a command that goes to `lease`, and shows it in the session table.
    pub(super) fn note_command(&self, lease: &Lease, is_read: bool) {
        let link = lease.peek();
        let backend = usize::from(link.backend.0);
        let counters = self.lane.metrics.backend(backend);
        counters.queries.bump();
        if is_read {
            counters.reads.bump()
        } else {
            counters.writes.bump()
        }
        self.entry.begin_command();
        self.entry.set_backend(Some((backend, link.thread_id)));
    }

    /// What to make of a reply that broke; `again`: the command may run once more if nothing of it
    /// was seen.
    pub(super) fn unfinished(&self, lease: &Lease, broken: Broken, again: bool) -> Unfinished {
        match broken {
            Broken::Client(fault) => Unfinished { fault: fault.into(), again: false },
            Broken::Backend { fault, untouched } => {
                let backend = lease.peek().backend;
                self.lane.metrics.backend(usize::from(backend.0)).errors.bump();
                let fault = self.lane.backend_fault(backend, fault);
                if untouched {
                    return Unfinished { fault, again };
                }
                tracing::warn!(session = self.entry.id(), "{fault}, in the middle of a reply");
                // Nothing can be said in the middle of a packet.
                Unfinished { fault: ClientFault::Gone.into(), again: false }
            }
        }
    }

    async fn converse(
        &mut self,
        lease: &mut Lease,
        packet: Chunk,
        request: &Request,
        is_read: bool,
    ) -> Result<Reply, Broken> {
        // The connection may be in another state behind it.
        let executed = request.of_statement.filter(|_| request.kind == ReplyKind::Execute);
        let refusal = match executed {
            Some(id) if !self.is_ready(lease, id) => {
                let ready = Box::pin(self.ready_statement(lease, id)).await;
                ready.map_err(|fault| Broken::Backend { fault, untouched: true })?
            }
            _ => None,
        };
        let replay = std::mem::take(&mut self.replay);
        let elsewhere = replay && self.cause_ran_elsewhere();
        if elsewhere {
            Box::pin(self.run_cause(lease)).await?;
        }
        let preamble = self.preamble(&request.statement, lease).unwrap_or_else(|_| {
            // Its state will not be what is believed.
            lease.spoil();
            Preamble::default()
        });
        let replies = send_preamble(lease, &preamble);
        // A write must not run where the preamble failed: the wrong schema or sql_mode would be
        // worse than a round trip. States converge, so this is rare.
        let reopen = std::mem::take(&mut self.reopen);
        let first = replay || reopen || refusal.is_some() || (!is_read && preamble.fallible);
        if first && !replies.is_empty() {
            Box::pin(self.swallow_preamble(lease, &replies, &preamble)).await?;
        }
        if reopen {
            // After the preamble, which may end a transaction by setting autocommit.
            let begun = Box::pin(lease.run(b"START TRANSACTION READ ONLY")).await;
            let summary = begun.map_err(|fault| Broken::Backend { fault, untouched: true })?;
            self.session.set_status(summary.status);
        }
        if replay && !elsewhere {
            Box::pin(self.run_cause(lease)).await?;
        }
        if let Some(err) = refusal {
            return Box::pin(self.refuse_execution(packet, &err)).await;
        }
        let executes = request.kind == ReplyKind::Execute;
        let sequence = self.send_command(lease, packet, request.of_statement, executes).await?;
        if !first && !replies.is_empty() {
            Box::pin(self.swallow_preamble(lease, &replies, &preamble)).await?;
        }
        let tracks = self.client.capabilities.contains(Capabilities::SESSION_TRACK);
        let statement_id = self.prepared.next_id();
        let left_out = self.left_out(lease.link(), executed);
        let inbox = &mut self.client.inbox;
        let raw = lease.peek().exposed || self.session.keeps_trackers();
        let shown = tracks.then(|| self.session.shown_through(raw));
        let mut forward = Forward::new(inbox, lease.link(), request.kind, shown, sequence);
        forward.statement_id = statement_id;
        forward.left_out = left_out;
        if request.statement.traits.contains(Traits::SHOWS_THREADS) {
            let holders = self.lane.registry.holders(usize::from(forward.link.backend.0));
            return Box::pin(forward.run_translated(&holders)).await;
        }
        forward.run().await
    }

    /// Whether something on a replica changed that must not tie the session to it.
    fn excuses(&mut self, lease: &Lease, statement: &Statement) -> bool {
        let view = self.lane.view.borrow();
        let backend = view.backend(lease.peek().backend);
        statement.access == Access::Write
            && backend.is_some_and(|backend| backend.role == Role::Replica)
            && self.session.excuse_change(statement)
    }

    /// Notes what the connection answers now to `LAST_INSERT_ID()` and `FOUND_ROWS()`.
    fn note_left(&self, link: &mut Link, reported: u64) {
        if self.session.insert_id_in_doubt() {
            link.left.insert_id = None;
        } else if reported != 0 {
            link.left.insert_id = Some(reported);
        }
        if let Some(found_rows) = self.session.counted() {
            link.left.found_rows = found_rows;
        }
    }

    /// Takes in what the reply said and decides whether the connection stays.
    pub(super) async fn remember(
        &mut self,
        mut lease: Lease,
        reply: &Reply,
        request: &Request,
    ) -> Result<Next, Fault> {
        self.lane.alive(lease.peek().backend);
        self.note_cause(reply, request);
        for change in changes(&reply.changes).flatten() {
            self.session.note_change(change);
        }
        if self.session.uses_trackers() {
            Box::pin(self.settle_trackers(&mut lease, reply)).await?;
        }
        self.note_statement(&mut lease, reply, request);
        if request.spoils {
            lease.spoil();
        }
        if Mutant::IgnorePins.is_on() {
            self.session.unpin(Pins::all());
        }
        let mut summary = reply.summary;
        // A list of columns and fetched rows count as a result set where ROW_COUNT() is asked.
        summary.had_resultset |= request.kind == ReplyKind::Fetch;
        if request.kind == ReplyKind::FieldList {
            summary.had_resultset = true;
            // MySQL warns that the command is old, and does not count it.
            summary.warnings = summary.warnings.max(u16::from(!self.client.mariadb));
        }
        let excused = self.excuses(&lease, &request.statement);
        let keep = self.session.after_reply(
            &request.statement,
            &summary,
            &mut self.lane.interner.borrow_mut(),
        );
        lease.link().state = self.session.state().clone();
        let unexplained = self.session.left_unexplained(&request.statement);
        lease.link().pinned |= excused || (unexplained && !has_set_var(&self.spare));
        self.note_left(lease.link(), reply.summary.last_insert_id);
        match keep {
            Keep::Release { .. } => {
                self.set_held(None);
                self.give_back(lease).await;
            }
            Keep::Hold(hold) => {
                // Whatever it is held for: its next statement may ask for the id. Warnings would
                // be lost to the question, which then waits for that statement.
                let warned =
                    summary.warnings > 0 || self.session.needs_warnings(&request.statement);
                if !warned && self.session.may_ask_insert_id() {
                    Box::pin(self.ask_counts(&mut lease)).await;
                }
                self.set_held(Some(&lease));
                // What prepared statements hold it for is gone with its reason.
                if hold == Hold::Pinned && !PREPARED_PINS.contains(self.session.pins()) {
                    lease.link().pinned = true;
                }
                self.held = Some(lease);
            }
            Keep::Close => {
                drop(lease);
                self.set_held(None);
                return Ok(Next::End);
            }
        }
        Ok(Next::Go)
    }
}

/// Whether MySQL's hint may be in a read: the server takes back what it changes.
fn has_set_var(packet: &[u8]) -> bool {
    packet.windows(7).any(|word| word.eq_ignore_ascii_case(b"SET_VAR"))
}

/// A statement without a whole reply.
pub(super) struct Unfinished {
    fault: Fault,
    /// Nothing of it was seen by anyone: it may run elsewhere.
    again: bool,
}
