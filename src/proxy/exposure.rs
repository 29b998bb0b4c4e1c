//! Connections that have the client's own session trackers on them for a while: see
//! `session/exposure.rs` for why.

use crate::session::Pins;
use crate::sql::{Statement, Traits};

use super::conversation::Conversation;
use super::fault::{BackendFault, ClientFault, Fault};
use super::forward::Reply;
use super::lease::Lease;
use super::link::Link;

impl Conversation {
    /// The SET in front of `statement` that gives the connection the trackers that it needs.
    pub(super) fn trackers_to_bring(&self, statement: &Statement, link: &Link) -> Option<Vec<u8>> {
        if !(link.exposed || self.session.uses_trackers()) || self.session.keeps_trackers() {
            return None;
        }
        if self.session.uses_trackers() {
            return (!link.exposed).then(|| self.session.expose_sql());
        }
        // Messages are waited for, and on MySQL a SET would empty their list.
        let asks = statement.traits.contains(Traits::READS_DIAGNOSTICS);
        let own = link.trackers.as_ref().filter(|_| !asks);
        own.map(|trackers| trackers.statement.clone().into_bytes())
    }

    /// Behind a statement that used the client's trackers: learns what it set, and gives the
    /// connection the proxy's again, where that can be.
    pub(super) async fn settle_trackers(
        &mut self,
        lease: &mut Lease,
        reply: &Reply,
    ) -> Result<(), Fault> {
        if self.session.pins().contains(Pins::SESSION_TRACK) {
            return Ok(());
        }
        let failed = reply.summary.error.is_some();
        let learn = self.session.learn_sql().filter(|_| !failed);
        // Of messages and counts that only the connection knows, our questions would leave
        // nothing: a connection that must not be asked stays with the session.
        let asked_for = failed || reply.summary.warned;
        if learn.is_some() && (asked_for || self.session.last().found_rows.is_none()) {
            self.session.pin(Pins::SESSION_TRACK);
            return Ok(());
        }
        if asked_for {
            return Ok(());
        }
        let settled = self.learn_and_restore(lease, learn).await;
        settled.map_err(|fault| {
            let fault = self.lane.backend_fault(lease.peek().backend, fault);
            tracing::info!(session = self.entry.id(), "{fault}, after a reply");
            // Its answer was sent; what the session is now, nobody knows.
            ClientFault::Gone.into()
        })
    }

    async fn learn_and_restore(
        &mut self,
        lease: &mut Lease,
        learn: Option<Vec<u8>>,
    ) -> Result<(), BackendFault> {
        if let Some(sql) = learn {
            let row = lease.link().query_row(&sql).await?;
            lease.link().left.found_rows = Some(1);
            if !self.session.learned(row) {
                return Ok(());
            }
        }
        lease.restore_trackers().await
    }
}

impl Lease {
    /// Gives the connection the proxy's trackers again.
    pub(super) async fn restore_trackers(&mut self) -> Result<(), BackendFault> {
        let Some(trackers) = self.peek().trackers.clone() else { return Ok(()) };
        let restored = self.run(trackers.statement.as_bytes()).await;
        self.link().exposed = restored.is_err();
        restored?;
        self.run(QUIET).await.map(drop)
    }
}

/// Changes nothing, and leaves no warning: on MySQL the trackers' own SET warns of variables that
/// the version does not have, which COM_PING would count.
pub(super) const QUIET: &[u8] = b"SET sql_notes=@@sql_notes";
