//! The way of most statements, made short: a plain read of a session that holds nothing, on an
//! idle connection that needs no preamble. Nothing is decided here that the long way
//! (`statement.rs`) would decide otherwise, and what turns out not to be so plain goes on there,
//! at whatever point that shows.

use crate::cluster::BackendSet;
use crate::net::Chunk;
use crate::protocol::{Capabilities, Command, HEADER_LEN, ReplyKind};
use crate::session::Prepared;
use crate::sql::Statement;

use super::conversation::{Conversation, Next};
use super::fault::Fault;
use super::forward::{Broken, Forward, Reply};
use super::lease::Lease;
use super::mutant::Mutant;
use super::ready::{address, note_charsets, server_side_as_is};
use super::request::Request;
use super::statement::SPARE_MAX;

impl Conversation {
    /// Sends a COM_QUERY, which the session has begun; gives it back where it is not for here.
    pub(super) fn send_light(
        &mut self,
        packet: Chunk,
        statement: &Statement,
    ) -> Result<Lease, Chunk> {
        let Some(lease) = self.lease_light(&packet, statement) else { return Err(packet) };
        self.note_light(&lease, &packet);
        lease.stream().send(packet);
        Ok(lease)
    }

    /// The same of a COM_STMT_EXECUTE of the prepared statement `id`, whose connection has it and
    /// its types.
    pub(super) fn execute_light(
        &mut self,
        mut packet: Chunk,
        id: u32,
        statement: &Statement,
    ) -> Result<Lease, Chunk> {
        let alone = |it: &Prepared| !(it.bound || it.refused || it.is_under_way());
        if packet.as_slice().get(HEADER_LEN) != Some(&Command::StmtExecute.byte())
            || !self.prepared.find(id).is_some_and(alone)
        {
            return Err(packet);
        }
        let Some(mut lease) = self.lease_light(&packet, statement) else { return Err(packet) };
        note_charsets(lease.link(), self.session.state());
        let caches = Capabilities::MARIADB_CACHE_METADATA;
        let server_id = self
            .prepared
            .find(id)
            .filter(|_| {
                !lease.peek().capabilities.contains(caches) && self.is_ready(&mut lease, id)
            })
            .and_then(|prepared| server_side_as_is(lease.link(), prepared, &packet));
        let Some(server_id) = server_id else {
            self.chosen = Some(lease.peek().backend);
            self.release(lease);
            return Err(packet);
        };
        self.note_light(&lease, &packet);
        address(lease.stream(), &mut packet, server_id);
        lease.stream().send(packet);
        Ok(lease)
    }

    /// A connection for what may go the short way.
    fn lease_light(&mut self, packet: &Chunk, statement: &Statement) -> Option<Lease> {
        let free = self.held.is_none() && self.session.is_at_rest();
        let light = statement.is_plain_read()
            && (free || Mutant::ShortCut.is_on())
            && !(self.replay || self.reopen || Mutant::is_on_long_way())
            && packet.len() <= SPARE_MAX;
        if !light {
            return None;
        }
        let backend = self.replica(&BackendSet::EMPTY)?;
        let lease = self.idle_lease(backend);
        if lease.is_none() {
            self.chosen = Some(backend);
        }
        lease
    }

    fn note_light(&mut self, lease: &Lease, packet: &Chunk) {
        self.spare.clear();
        self.spare.extend_from_slice(packet.as_slice());
        self.note_command(lease, true);
    }

    /// Forwards the reply to what was sent so; `executed` is a prepared statement's id.
    pub(super) async fn finish_light(
        &mut self,
        mut lease: Lease,
        statement: Statement,
        executed: Option<u32>,
    ) -> Result<Next, Fault> {
        let kind = if executed.is_some() { ReplyKind::Execute } else { ReplyKind::Query };
        let busy = self.lane.outstanding_guard(lease.peek().backend);
        let tracks = self.client.capabilities.contains(Capabilities::SESSION_TRACK);
        let shown = tracks.then(|| self.session.shown_through(false));
        let inbox = &mut self.client.inbox;
        let mut forward = Forward::new(inbox, lease.link(), kind, shown, 1);
        let result = forward.run().await;
        drop(busy);
        match result {
            Ok(reply) => {
                if reply.changes.is_empty() && self.session.end_plain_read(&reply.summary) {
                    self.lane.alive(lease.peek().backend);
                    self.cause = None;
                    lease.link().left.found_rows = Some(reply.summary.rows);
                    self.entry.set_backend(None);
                    self.release(lease);
                    return Ok(Next::Go);
                }
                let request = again(Vec::new(), statement, executed);
                Box::pin(self.end_long(lease, reply, request)).await
            }
            Err(broken) => {
                let request = again(self.spare.clone(), statement, executed);
                Box::pin(self.run_elsewhere(lease, broken, request)).await
            }
        }
    }

    #[cold]
    async fn end_long(
        &mut self,
        lease: Lease,
        reply: Reply,
        request: Request,
    ) -> Result<Next, Fault> {
        if reply.summary.error.is_some() {
            let backend = usize::from(lease.peek().backend.0);
            self.lane.metrics.backend(backend).errors.bump();
        }
        self.remember(lease, &reply, &request).await
    }

    #[cold]
    async fn run_elsewhere(
        &mut self,
        lease: Lease,
        broken: Broken,
        request: Request,
    ) -> Result<Next, Fault> {
        let backend = lease.peek().backend;
        let unfinished = self.unfinished(&lease, broken, true);
        drop(lease);
        let fault = self.moves_on(unfinished, true, false)?;
        let mut tried = BackendSet::EMPTY;
        tried.insert(backend);
        self.run_request_from(request, tried, Some(fault)).await
    }
}

/// What was sent the short way, as the long one has it.
fn again(packet: Vec<u8>, statement: Statement, executed: Option<u32>) -> Request {
    let kind = if executed.is_some() { ReplyKind::Execute } else { ReplyKind::Query };
    let mut request = Request::new(Chunk::from(packet), statement, kind);
    request.of_statement = executed;
    request
}
