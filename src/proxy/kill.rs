//! KILL: the ids that clients know are the proxy's; the servers know their own.

use crate::cluster::BackendIdx;
use crate::metrics::{KillKind, SessionSnapshot};
use crate::net::Chunk;
use crate::protocol::ReplyKind;

use super::conversation::{COMMAND, Conversation, Next};
use super::fault::{Fault, ProxyFault};
use super::request::Request;

impl Conversation {
    /// Kills another session, of whatever shard, or only its statement.
    pub(super) async fn kill(
        &mut self,
        target: &SessionSnapshot,
        query_only: bool,
    ) -> Result<Next, Fault> {
        if target.id == self.entry.id() {
            let fault = if query_only { ProxyFault::Interrupted } else { ProxyFault::Killed };
            return Err(fault.into());
        }
        if target.user != self.lane.user(self.client.user).shown_name() {
            return Err(ProxyFault::NotOwner(u64::from(target.id)).into());
        }
        if !query_only {
            self.lane.request_kill(target.id, KillKind::Connection);
        }
        let backend = target.backend.and_then(|index| u16::try_from(index).ok());
        let Some(backend) = backend else {
            self.ok(1);
            return Ok(Next::Go);
        };
        let what = if query_only { "QUERY" } else { "CONNECTION" };
        let sql = format!("KILL {what} {}", target.backend_thread);
        let request = Request::text(sql.as_bytes(), COMMAND, self.client.capabilities);
        self.run_apart(BackendIdx(backend), request).await
    }

    /// COM_PROCESS_KILL. An id that is no session's may be a server's own, as SHOW PROCESSLIST
    /// shows them: the primary judges it, as it does a KILL in text.
    pub(super) async fn process_kill(&mut self, packet: Chunk, id: u32) -> Result<Next, Fault> {
        match self.lane.find_session(u64::from(id)) {
            Some(session) => self.kill(&session, false).await,
            None => self.plain(packet, ReplyKind::Simple).await,
        }
    }
}
