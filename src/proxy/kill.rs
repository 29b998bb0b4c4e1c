//! KILL: the ids that clients know are the proxy's; the servers know their own.

use crate::cluster::BackendIdx;
use crate::metrics::KillKind;

use super::conversation::{COMMAND, Conversation, Next};
use super::fault::{Fault, ProxyFault};
use super::statement::Request;

impl Conversation {
    /// Kills session `id`, of whatever shard, or only its statement. An id that is no session's
    /// may be a server's own, as SHOW PROCESSLIST shows them: the primary judges it.
    pub(super) async fn kill(&mut self, id: u64, query_only: bool) -> Result<Next, Fault> {
        if id == u64::from(self.entry.id()) {
            let fault = if query_only { ProxyFault::Interrupted } else { ProxyFault::Killed };
            return Err(fault.into());
        }
        let session = u32::try_from(id).ok().and_then(|id| self.lane.registry.find(id));
        let Some(target) = session else {
            return self.kill_on_server(None, id, query_only).await;
        };
        if target.user != self.lane.user(self.client.user).shown_name() {
            return Err(ProxyFault::NotOwner(id).into());
        }
        if !query_only {
            self.lane.request_kill(target.id, KillKind::Connection);
        }
        match target.backend.and_then(|index| u16::try_from(index).ok()) {
            Some(backend) => {
                let thread = u64::from(target.backend_thread);
                self.kill_on_server(Some(BackendIdx(backend)), thread, query_only).await
            }
            None => {
                self.ok(1);
                Ok(Next::Go)
            }
        }
    }

    async fn kill_on_server(
        &mut self,
        backend: Option<BackendIdx>,
        thread: u64,
        query_only: bool,
    ) -> Result<Next, Fault> {
        let what = if query_only { "QUERY" } else { "CONNECTION" };
        let sql = format!("KILL {what} {thread}");
        let backend = backend.or_else(|| self.lane.view.borrow().primary());
        let backend = backend.ok_or(ProxyFault::NoPrimary)?;
        self.run_apart(backend, Request::text(sql.as_bytes(), COMMAND)).await
    }
}
