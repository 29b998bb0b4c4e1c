//! Getting a backend connection for a session, and giving it back.

use std::rc::Rc;

use crate::cluster::BackendIdx;
use crate::metrics::SessionState;
use crate::net::Chunk;
use crate::pool::{ConnId, Plan, PoolKey, Refusal, Release};
use crate::protocol::Capabilities;
use crate::session::ReplayState;

use super::conversation::Conversation;
use super::dial::{self, Identity};
use super::fault::{BackendFault, Fault, ProxyFault};
use super::handshake::SHAPING;
use super::lane::Lane;
use super::lease::Lease;
use super::link::Link;

/// Server errors that say "not now" or "not you" of the whole server, not of one statement:
/// too many connections, shutting down, host blocked, host not allowed.
const TURNED_AWAY: [u16; 4] = [1040, 1053, 1129, 1130];

/// What the login's flags IGNORE_SPACE and INTERACTIVE set.
pub(super) const FLAGGED: [&[u8]; 2] = [b"sql_mode", b"wait_timeout"];

impl Conversation {
    /// A connection to `backend`: idle, new, or waited for. `fresh`: one just logged in.
    pub(super) async fn acquire(
        &mut self,
        backend: BackendIdx,
        fresh: bool,
    ) -> Result<Lease, Fault> {
        let lane = self.lane.clone();
        loop {
            let mut plan = self.plan(&lane, backend)?;
            if plan == Plan::Wait {
                plan = self.wait(&lane, backend).await?;
            }
            match plan {
                Plan::Reuse(conn) if fresh => {
                    drop(lane.take_link(backend, conn));
                    lane.forget_connection(backend, conn);
                }
                Plan::Reuse(conn) => {
                    if let Some(lease) = lane.lease_idle(backend, conn) {
                        return Ok(lease);
                    }
                }
                Plan::Replace(conn) | Plan::Dial(conn) => {
                    drop(lane.take_link(backend, conn));
                    return Box::pin(self.dial(&lane, backend, conn)).await;
                }
                Plan::Refuse(Refusal::QueueFull) => {
                    lane.metrics.counters().queue_refusals.bump();
                    return Err(ProxyFault::QueueFull.into());
                }
                Plan::Refuse(Refusal::NoShare) | Plan::Wait => {
                    return Err(ProxyFault::QueueFull.into());
                }
            }
        }
    }

    fn plan(&self, lane: &Lane, backend: BackendIdx) -> Result<Plan, Fault> {
        let mut pools = lane.pools.borrow_mut();
        let pool = pools.get_mut(usize::from(backend.0)).ok_or(ProxyFault::NoPrimary)?;
        let key = pool.key(self.pool_key());
        Ok(pool.acquire(key, self.session.state(), u64::from(self.entry.id()), lane.net.now()))
    }

    /// An idle connection in the session's state, if one is at hand.
    pub(super) fn idle_lease(&self, backend: BackendIdx) -> Option<Lease> {
        let conn = {
            let mut pools = self.lane.pools.borrow_mut();
            let pool = pools.get_mut(usize::from(backend.0))?;
            let key = pool.key(self.pool_key());
            pool.acquire_alike(key, self.session.state(), self.lane.net.now())?
        };
        self.lane.lease_idle(backend, conn)
    }

    fn pool_key(&self) -> PoolKey {
        PoolKey { user: self.client.user.0, capabilities: self.client.capabilities & SHAPING }
    }

    /// Waits in the backend's line.
    async fn wait(&mut self, lane: &Rc<Lane>, backend: BackendIdx) -> Result<Plan, Fault> {
        let counters = lane.metrics.counters();
        counters.queue_waits.bump();
        counters.queue_len.raise();
        self.entry.set_state(SessionState::Queued);
        // A waiting session holds no receive buffer: those with a connection need them.
        self.client.inbox.detach();
        self.outbox = self.outbox.take().map(Chunk::detached);
        let owner = u64::from(self.entry.id());
        let started = lane.net.now();
        let mut place = Place { lane: lane.clone(), backend, owner, served: false };
        let deadline = started + lane.settings.timeouts.queue;
        let seat = self.seat.get_or_insert_default();
        let plan = lane.waiting.plan(&lane.net, owner, seat, deadline).await;
        place.served = plan.is_some();
        counters.queue_len.lower();
        self.entry.set_state(SessionState::Busy);
        plan.ok_or_else(|| {
            counters.queue_timeouts.bump();
            let waited = lane.net.now().saturating_duration_since(started);
            ProxyFault::QueueTimeout { waited_ms: waited.as_millis() }.into()
        })
    }

    async fn dial(
        &mut self,
        lane: &Rc<Lane>,
        backend: BackendIdx,
        conn: ConnId,
    ) -> Result<Lease, Fault> {
        let link = lane.dial(backend, conn, &self.identity()).await?;
        Ok(Lease::new(lane.clone(), link, conn))
    }

    /// As whom the session goes to the backends.
    pub(super) fn identity(&self) -> Identity<'_> {
        let user = self.lane.user(self.client.user);
        Identity {
            user: &user.backend_name,
            secret: user.backend_secret.as_ref().unwrap_or(&self.client.secret),
            capabilities: self.client.capabilities & (SHAPING | Capabilities::LONG_PASSWORD),
            collation: self.client.collation,
            attributes: &self.client.attributes,
        }
    }

    /// Finds the state that the login gave the session, and checks the schema that it names.
    pub(super) async fn first_state(&mut self) -> Result<(), Fault> {
        let lane = self.lane.clone();
        let (user, collation) = (self.client.user, self.client.collation);
        lane.user(user).last_login.replace(Some((self.client.secret.clone(), collation)));
        let schema = self.client.schema.clone();
        let login = self.client.base_key();
        let base = lane.base(login);
        let named = schema.as_deref().filter(|schema| !lane.knows_schema(user, schema));
        if base.is_none() || named.is_some() {
            let mut lease = self.first_lease(base.is_none()).await?;
            if base.is_none() {
                lane.learn_base(login, lease.peek().base());
            }
            if let Some(schema) = named {
                let backend = lease.peek().backend;
                let entered = lease.enter(schema).await;
                entered.map_err(|fault| lane.backend_fault(backend, fault))?;
                let mut state = ReplayState::clone(lease.state());
                state.set_schema(Some(schema));
                lease.link().state = lane.intern(state);
                lane.learn_schema(user, schema);
            }
            lane.release(lease);
        }
        let base = lane.base(login);
        let trackers = base.as_ref().map(|base| base.trackers.clone()).unwrap_or_default();
        let mut state = base.map(|base| (*base.state).clone()).unwrap_or_default();
        if self.client.changed && self.client.mariadb {
            // MariaDB looks at the flags that set variables in a login alone.
            state = state.without(&FLAGGED);
        }
        state.set_schema(schema.as_deref());
        self.session.reset(lane.intern(state), trackers);
        Ok(())
    }

    /// A connection to any backend that will have us, the primary first.
    async fn first_lease(&mut self, fresh: bool) -> Result<Lease, Fault> {
        let candidates: Vec<BackendIdx> = {
            let view = self.lane.view.borrow();
            let primary = view.primary();
            let others = view.iter().map(|(idx, _)| idx).filter(|idx| Some(*idx) != primary);
            primary.into_iter().chain(others).collect()
        };
        let now = self.lane.net.now();
        let mut first = None;
        for backend in candidates {
            if !self.lane.balancer.borrow().may_try(backend, now) {
                continue;
            }
            match self.acquire(backend, fresh).await {
                Ok(lease) => return Ok(lease),
                Err(fault @ Fault::Backend { fault: BackendFault::Refused { .. }, .. }) => {
                    return Err(fault);
                }
                Err(fault) => _ = first.get_or_insert(fault),
            }
        }
        Err(first.unwrap_or_else(|| ProxyFault::NoBackendKnown.into()))
    }
}

/// A place in the line: given up when the session goes away while it waits.
struct Place {
    lane: Rc<Lane>,
    backend: BackendIdx,
    owner: u64,
    /// A plan came: the pool has taken it out of the line.
    served: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.served {
            return;
        }
        if let Some(pool) = self.lane.pools.borrow_mut().get_mut(usize::from(self.backend.0)) {
            pool.cancel_wait(self.owner);
        }
    }
}

/// A dial under way: its slot is freed when it fails or is given up.
struct Dialing<'a> {
    lane: &'a Lane,
    backend: BackendIdx,
    conn: ConnId,
    done: bool,
}

impl Drop for Dialing<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.lane.forget_connection(self.backend, self.conn);
        }
    }
}

impl Lane {
    /// Dials under a slot that a pool has planned.
    pub(super) async fn dial(
        self: &Rc<Self>,
        backend: BackendIdx,
        conn: ConnId,
        identity: &Identity<'_>,
    ) -> Result<Box<Link>, Fault> {
        let mut dialing = Dialing { lane: self, backend, conn, done: false };
        let counters = self.metrics.backend(usize::from(backend.0));
        counters.dials.bump();
        let now = self.net.now();
        self.balancer.borrow_mut().begin_try(backend, now);
        let deadline = now + self.settings.timeouts.connect;
        match dial::dial(self, backend, identity, deadline).await {
            Ok(link) => {
                dialing.done = true;
                self.alive(backend);
                if let Some(pool) = self.pools.borrow_mut().get_mut(usize::from(backend.0)) {
                    pool.dialed(conn, link.state.clone(), link.thread_id, self.net.now());
                }
                self.show_pool(backend);
                Ok(link)
            }
            Err(fault) => {
                counters.dial_failures.bump();
                if fault.says_down(&TURNED_AWAY) {
                    self.failed(backend, &fault);
                }
                Err(self.backend_fault(backend, fault))
            }
        }
    }

    /// Gives a connection back to its pool, in the state its link says.
    pub(super) fn release(&self, lease: Lease) {
        if !lease.is_reusable() {
            drop(lease);
            return;
        }
        let (link, conn) = lease.dissolve();
        let backend = link.backend;
        let kept = {
            let mut pools = self.pools.borrow_mut();
            let pool = pools.get_mut(usize::from(backend.0));
            pool.map(|pool| pool.release(conn, link.state.clone(), self.net.now()))
        };
        match kept {
            Some(Release::Keep) => self.put_link(link, conn),
            Some(Release::Close) | None => link.quit(),
        }
        self.after_return(backend);
    }

    /// The idle connection that a pool gave out, unless it has gone in the meantime.
    fn lease_idle(self: &Rc<Self>, backend: BackendIdx, conn: ConnId) -> Option<Lease> {
        match self.take_link(backend, conn).filter(|link| link.inbox.is_quiet()) {
            Some(link) => Some(Lease::new(self.clone(), link, conn)),
            None => {
                self.forget_connection(backend, conn);
                None
            }
        }
    }

    /// A lease ended without giving its connection back.
    pub(super) fn discard(&self, link: &Link, conn: ConnId) {
        self.forget_connection(link.backend, conn);
    }

    /// Tells the pool that a connection is gone.
    pub(super) fn forget_connection(&self, backend: BackendIdx, conn: ConnId) {
        if let Some(pool) = self.pools.borrow_mut().get_mut(usize::from(backend.0)) {
            pool.discard(conn);
        }
        self.after_return(backend);
    }

    pub(super) fn after_return(&self, backend: BackendIdx) {
        if self.waiting.is_empty() {
            return;
        }
        self.serve_waiters(backend);
    }

    /// Shows a pool's counts to the admin port.
    pub(super) fn show_pool(&self, backend: BackendIdx) {
        if let Some(pool) = self.pools.borrow().get(usize::from(backend.0)) {
            let counts = pool.counts();
            let shown = self.metrics.backend(usize::from(backend.0));
            shown.connections_used.set(u64::from(counts.used + counts.dialing));
            shown.connections_idle.set(u64::from(counts.idle));
            shown.connected_clients.set(u64::from(counts.used));
        }
    }
}
