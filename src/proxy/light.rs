//! The way of most statements, made short: a plain read of a session that holds nothing, on an
//! idle connection that needs no preamble. Nothing is decided here that the long way
//! (`statement.rs`) would decide otherwise, and what turns out not to be so plain goes on there,
//! at whatever point that shows.

use crate::cluster::{BackendIdx, BackendSet};
use crate::net::Chunk;
use crate::pool::PoolKey;
use crate::protocol::{Capabilities, ReplyKind};
use crate::sql::Statement;

use super::conversation::{Conversation, Next};
use super::fault::Fault;
use super::forward::{Broken, Forward, Reply};
use super::handshake::SHAPING;
use super::lease::Lease;
use super::mutant::Mutant;
use super::request::Request;
use super::statement::SPARE_MAX;

impl Conversation {
    /// Sends a COM_QUERY, which the session has begun; gives it back where it is not for here.
    pub(super) fn send_light(
        &mut self,
        packet: Chunk,
        statement: &Statement,
    ) -> Result<Lease, Chunk> {
        let light = statement.is_plain_read()
            && self.held.is_none()
            && self.session.is_at_rest()
            && !(self.replay || self.reopen || Mutant::is_any())
            && packet.len() <= SPARE_MAX;
        if !light {
            return Err(packet);
        }
        let Some(backend) = self.replica(&BackendSet::EMPTY) else { return Err(packet) };
        let Some(lease) = self.idle_lease(backend) else {
            self.chosen = Some(backend);
            return Err(packet);
        };
        self.spare.clear();
        self.spare.extend_from_slice(packet.as_slice());
        let counters = self.lane.metrics.backend(usize::from(backend.0));
        counters.queries.bump();
        counters.reads.bump();
        self.entry.begin_command();
        self.entry.set_backend(Some((usize::from(backend.0), lease.peek().thread_id)));
        lease.stream().send(packet);
        Ok(lease)
    }

    /// An idle connection in the session's state, if one is at hand.
    fn idle_lease(&self, backend: BackendIdx) -> Option<Lease> {
        let lane = &self.lane;
        let conn = {
            let mut pools = lane.pools.borrow_mut();
            let pool = pools.get_mut(usize::from(backend.0))?;
            let key = pool.key(PoolKey {
                user: self.client.user.0,
                capabilities: self.client.capabilities & SHAPING,
            });
            let owner = u64::from(self.entry.id());
            pool.acquire_alike(key, self.session.state(), owner, lane.net.now())?
        };
        match lane.take_link(backend, conn).filter(|link| link.inbox.is_quiet()) {
            Some(link) => Some(Lease::new(lane.clone(), link, conn)),
            None => {
                lane.forget_connection(backend, conn);
                None
            }
        }
    }

    /// Forwards the reply to what [`Conversation::send_light`] sent.
    pub(super) async fn finish_light(
        &mut self,
        mut lease: Lease,
        statement: Statement,
    ) -> Result<Next, Fault> {
        let busy = self.lane.outstanding_guard(lease.peek().backend);
        let tracks = self.client.capabilities.contains(Capabilities::SESSION_TRACK);
        let shown = tracks.then(|| self.session.shown_through(false));
        let inbox = &mut self.client.inbox;
        let mut forward = Forward::new(inbox, lease.link(), ReplyKind::Query, shown, 1);
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
                Box::pin(self.end_long(lease, reply, statement)).await
            }
            Err(broken) => Box::pin(self.run_elsewhere(lease, broken, statement)).await,
        }
    }

    #[cold]
    async fn end_long(
        &mut self,
        lease: Lease,
        reply: Reply,
        statement: Statement,
    ) -> Result<Next, Fault> {
        if reply.summary.error.is_some() {
            let backend = usize::from(lease.peek().backend.0);
            self.lane.metrics.backend(backend).errors.bump();
        }
        let request = Request::new(Chunk::from(Vec::new()), statement, ReplyKind::Query);
        self.remember(lease, &reply, &request).await
    }

    #[cold]
    async fn run_elsewhere(
        &mut self,
        lease: Lease,
        broken: Broken,
        statement: Statement,
    ) -> Result<Next, Fault> {
        let backend = lease.peek().backend;
        let unfinished = self.unfinished(&lease, broken, true);
        drop(lease);
        let fault = self.moves_on(unfinished, true, false)?;
        let mut tried = BackendSet::EMPTY;
        tried.insert(backend);
        let packet = Chunk::from(self.spare.clone());
        let request = Request::new(packet, statement, ReplyKind::Query);
        self.run_request_from(request, tried, Some(fault)).await
    }
}
