//! What is sent in front of a command to bring its connection to the session's state.

use crate::protocol::{Command, ReplyKind};
use crate::session::{Preamble, Unreachable};
use crate::sql::{Statement, Traits};

use super::conversation::{COMMAND, Conversation};
use super::exposure::QUIET;
use super::fault::BackendFault;
use super::forward::Broken;
use super::lease::Lease;
use super::mutant::Mutant;

impl Conversation {
    pub(super) fn preamble(
        &self,
        statement: &Statement,
        lease: &Lease,
    ) -> Result<Preamble, Unreachable> {
        let link = lease.peek();
        let (mut asked, mut state) = (*statement, &link.state);
        if Mutant::SkipDifference.is_on() {
            state = self.session.state();
        }
        if Mutant::ForgetInsertId.is_on() {
            asked.traits.remove(Traits::READS_LAST_INSERT_ID);
        }
        let mut preamble = self.session.preamble_for(&asked, state, link.left)?;
        preamble.trackers_sql = self.trackers_to_bring(statement, link);
        if Mutant::SkipVariables.is_on() {
            preamble.set_sql.take_if(|_| preamble.insert_id.is_none());
        }
        Ok(preamble)
    }

    pub(super) async fn swallow_preamble(
        &mut self,
        lease: &mut Lease,
        replies: &[ReplyKind],
        preamble: &Preamble,
    ) -> Result<(), Broken> {
        let mut counted = preamble.count_sql.is_some();
        for (index, kind) in replies.iter().enumerate() {
            // The count goes last. MySQL before 8.0.4 has no JSON_TABLE, and the count is no
            // reason to refuse what the client asks.
            let counts = counted && index + 1 == replies.len();
            match lease.link().swallow(*kind, |_| ()).await {
                Ok(_) => {}
                Err(BackendFault::Refused { .. }) if counts => counted = false,
                Err(fault) => return Err(Broken::Backend { fault, untouched: true }),
            }
        }
        lease.link().state = self.session.state().clone();
        if preamble.insert_id.is_some() {
            lease.link().left.insert_id = preamble.insert_id;
        }
        if counted {
            lease.link().left.found_rows = self.session.own_count();
        } else if preamble.clear_sql.is_some() || preamble.count_sql.is_some() {
            lease.link().left.found_rows = None;
        }
        if preamble.trackers_sql.is_some() {
            lease.link().exposed = self.session.uses_trackers();
        }
        self.session.preamble_done(preamble, counted);
        Ok(())
    }

    /// Brings a connection to the session's state, for a command without a reply.
    pub(super) async fn catch_up(&mut self, lease: &mut Lease) -> Result<(), BackendFault> {
        let replay = std::mem::take(&mut self.replay);
        let elsewhere = replay && self.cause_ran_elsewhere();
        let result = async {
            if elsewhere {
                self.run_cause(lease).await?;
            }
            let preamble = self.preamble(&COMMAND, lease).unwrap_or_default();
            let replies = send_preamble(lease, &preamble);
            self.swallow_preamble(lease, &replies, &preamble).await?;
            if replay && !elsewhere { self.run_cause(lease).await } else { Ok(()) }
        };
        match result.await {
            Ok(()) => Ok(()),
            Err(Broken::Backend { fault, .. }) => Err(fault),
            Err(Broken::Client(_)) => Err(BackendFault::Closed),
        }
    }
}

/// Sends the preamble and says what replies it draws.
pub(super) fn send_preamble(lease: &Lease, preamble: &Preamble) -> Vec<ReplyKind> {
    let mut replies = Vec::new();
    let link = lease.peek();
    if let Some(schema) = &preamble.init_db {
        link.send_command(Command::InitDb, schema);
        replies.push(ReplyKind::Simple);
    }
    let texts = [
        preamble.trackers_sql.as_deref(),
        preamble.trackers_sql.as_ref().map(|_| QUIET),
        preamble.set_sql.as_deref(),
        preamble.clear_sql,
        preamble.count_sql.as_deref(),
    ];
    for sql in texts.into_iter().flatten() {
        link.send_command(Command::Query, sql);
        replies.push(ReplyKind::Query);
    }
    replies
}
