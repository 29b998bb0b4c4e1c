//! Which connection a statement runs on: the one held, or one to a backend of the router's choice.

use crate::cluster::{BackendIdx, BackendSet};
use crate::route::{ClusterInput, Decision, Leave, RouteInput, Target, decide, decide_opaque};
use crate::session::Pins;
use crate::sql::Statement;

use super::conversation::Conversation;
use super::fault::{BackendFault, ClientFault, Fault, ProxyFault};
use super::lease::Lease;
use super::request::Request;

impl Conversation {
    /// The connection held where the statement belongs there, else one from a pool.
    pub(super) async fn connection_for(
        &mut self,
        request: &Request,
        tried: &BackendSet,
    ) -> Result<Lease, NoLease> {
        let decision = self.route(request, tried);
        let chosen = self.chosen.take();
        if let Some(refusal) = decision.refuse {
            return Err(Fault::from(ProxyFault::Refused(refusal)).into());
        }
        let read_only = self.session.transaction_read_only();
        if let Some(lease) = self.held.take() {
            if decision.target == Target::Held {
                self.replay = self.replays_late_count(&request.statement);
                let mut lease = self.still_held(lease)?;
                if self.session.may_ask_insert_id()
                    && !self.session.needs_warnings(&request.statement)
                {
                    Box::pin(self.ask_counts(&mut lease)).await;
                }
                return Ok(lease);
            }
            // A replica's warnings, wanted where the primary is: the read is run again there.
            let mut lease = lease;
            if self.session.count_unknown() {
                self.ask_counts(&mut lease).await;
            }
            self.replay = self.cause.is_some() && self.session.needs_connection(&request.statement);
            Box::pin(self.leave(lease, decision.leave)).await;
            if !self.replay {
                self.session.answers_stayed();
            }
        }
        self.replay |= self.replays_late_count(&request.statement);
        let backend = match decision.target {
            Target::Replica => {
                chosen.or_else(|| self.replica(tried)).or_else(|| self.primary(tried))
            }
            Target::Primary | Target::Held | Target::Proxy(_) => self.primary(tried),
        };
        let backend = backend.ok_or_else(|| Fault::from(ProxyFault::NoPrimary))?;
        let lease = self.lease_at(backend, request.of_statement).await;
        // With autocommit off the statement opens the like of any other by itself.
        self.reopen = decision.leave == Leave::Reopen && read_only;
        lease.map_err(|fault| {
            let moves = matches!(fault, Fault::Backend { .. });
            NoLease { fault, backend: moves.then_some(backend) }
        })
    }

    /// Whether a SELECT that failed must fail again where the statement runs, for what it counts.
    fn replays_late_count(&mut self, statement: &Statement) -> bool {
        // It would be the one transaction that SET TRANSACTION is about.
        let waits = self.session.pins().contains(Pins::ONE_SHOT_TRANSACTION);
        let again = self.cause.is_some() && !waits && !self.cause_ran_elsewhere();
        let can = again || self.session.counts_here();
        can && self.session.wants_late_count(statement) && self.session.take_late_count()
    }

    pub(super) fn route(&self, request: &Request, tried: &BackendSet) -> Decision {
        let held = self.held.as_ref().map(|lease| lease.peek().backend);
        let view = self.lane.view.borrow();
        let cluster = ClusterInput {
            primary_up: self.primary(tried).is_some(),
            replica_available: self.chosen.is_some()
                || self.lane.balancer.borrow().has_replica(&view, self.lane.net.now()),
            pin_on_call: self.lane.settings.sql.pin_on_call,
        };
        let role = held.and_then(|held| view.backend(held)).map(|backend| backend.role);
        let input = RouteInput::new(&self.session, &request.statement, role, cluster);
        if request.on_held {
            decide_opaque(self.session.pins() | request.pins(), &input)
        } else {
            decide(&request.statement, &input)
        }
    }

    pub(super) fn primary(&self, tried: &BackendSet) -> Option<BackendIdx> {
        let primary = self.lane.view.borrow().primary()?;
        let now = self.lane.net.now();
        let may = !tried.contains(primary) && self.lane.balancer.borrow().may_try(primary, now);
        may.then_some(primary)
    }

    pub(super) fn replica(&self, tried: &BackendSet) -> Option<BackendIdx> {
        let lane = &self.lane;
        let (view, outstanding) = (lane.view.borrow(), lane.outstanding.borrow());
        lane.balancer.borrow_mut().pick_replica(&view, &outstanding, tried, lane.net.now())
    }

    /// The connection held, if it is still there.
    pub(super) fn still_held(&mut self, lease: Lease) -> Result<Lease, Fault> {
        if lease.peek().inbox.is_quiet() {
            return Ok(lease);
        }
        let fault = self.lane.backend_fault(lease.peek().backend, BackendFault::Closed);
        drop(lease);
        // Warnings and counts are a loss that a client can bear; a transaction is not.
        let firmly = self.session.held_firmly();
        Err(self.without_connection(fault, firmly))
    }

    /// The session lost its connection and whatever was on it.
    pub(super) fn without_connection(&mut self, fault: Fault, firmly: bool) -> Fault {
        self.session.abandon(fault.code());
        self.session.left_connection();
        self.set_held(None);
        if firmly { self.lost_state(fault) } else { fault }
    }

    /// A held connection broke: a transaction or other state went with it, so after the ERR only
    /// a new login makes clear what is.
    pub(super) fn lost_state(&self, fault: Fault) -> Fault {
        self.refuse(1, &fault);
        tracing::info!(session = self.entry.id(), "{fault}");
        ClientFault::Gone.into()
    }

    /// Lets the connection held go before the statement runs elsewhere.
    pub(super) async fn leave(&mut self, mut lease: Lease, leave: Leave) {
        if leave != Leave::Nothing && lease.run(b"COMMIT").await.is_err() {
            lease.spoil();
        }
        self.set_held(None);
        self.give_back(lease).await;
    }

    pub(super) fn held_for_good(&self) -> bool {
        self.session.in_transaction() || !self.session.pins().is_empty()
    }

    /// A connection to the primary, as if nothing were held.
    pub(super) async fn primary_lease(&mut self) -> Result<Lease, Fault> {
        let backend = self.primary(&BackendSet::EMPTY).ok_or(ProxyFault::NoPrimary)?;
        self.lease_at(backend, None).await
    }

    /// A connection that can be brought to the session's state; `prepared` is the id of the
    /// statement that it is to execute.
    pub(super) async fn lease_at(
        &mut self,
        backend: BackendIdx,
        prepared: Option<u32>,
    ) -> Result<Lease, Fault> {
        loop {
            let mut lease = self.acquire(backend, false).await?;
            if self.session.reaches(lease.state()) && self.may_prepare(&mut lease, prepared) {
                return Ok(lease);
            }
            // It has a schema selected, which cannot be unselected.
            drop(lease);
        }
    }
}

/// Why a statement has no connection.
pub(super) struct NoLease {
    pub(super) fault: Fault,
    /// The backend at fault: another may do.
    pub(super) backend: Option<BackendIdx>,
}

impl From<Fault> for NoLease {
    fn from(fault: Fault) -> Self {
        Self { fault, backend: None }
    }
}
