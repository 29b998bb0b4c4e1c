//! What left the warnings, the error or the counts that a client may still ask for: a read is run
//! again where the next statement has to run, so that they are there as well.

use std::rc::Rc;

use crate::net::Chunk;
use crate::protocol::{
    Command, HEADER_LEN, ParamTypes, PrepareOk, ReplyKind, opens_cursor, param_types, put_packet,
    put_param_types, rewrite_statement_id,
};
use crate::session::{FoundLate, PreparedText, ReplayState};

use super::conversation::Conversation;
use super::fault::BackendFault;
use super::forward::{Broken, Reply};
use super::lease::Lease;
use super::request::Request;

/// More questions after one statement are not remembered.
const ASKED_MAX: usize = 8;

/// Errors of a statement that was interrupted or waited too long: ER_QUERY_INTERRUPTED,
/// ER_QUERY_TIMEOUT, ER_STATEMENT_TIMEOUT, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK.
const LATE: [u16; 5] = [1317, 3024, 1969, 1205, 1213];

/// A read that left warnings, an error or counts on its connection, to be run again elsewhere.
#[derive(Clone)]
pub(super) struct Cause {
    packet: Vec<u8>,
    /// What `packet` executes, with all types in it.
    executes: Option<Rc<PreparedText>>,
    /// The session's state when it ran.
    state: Rc<ReplayState>,
    /// What ran since, and left it as it was.
    asked: Vec<Vec<u8>>,
}

impl Conversation {
    /// Whether what is to be run again ran in another state than the session's.
    pub(super) fn cause_ran_elsewhere(&self) -> bool {
        let state = self.session.state();
        self.cause.as_ref().is_some_and(|cause| !Rc::ptr_eq(&cause.state, state))
    }

    /// Remembers which read left the warnings that the server still has.
    pub(super) fn note_cause(&mut self, reply: &Reply, request: &Request) {
        let keeps = self.session.needs_warnings(&request.statement);
        let error = reply.summary.error;
        let left_some = reply.summary.warned || error.is_some();
        // What took too long once is not to be run again.
        let repeats = !self.spare.is_empty() && !error.is_some_and(|code| LATE.contains(&code));
        let executes = request.kind == ReplyKind::Execute;
        // The SELECT that failed may have to count again.
        let late = self.session.last().found_late == FoundLate::OnConnection;
        let counts_late = late && !left_some;
        // A PREPARE that fails, fails elsewhere as well.
        let refused = request.kind == ReplyKind::Prepare && error.is_some();
        let repeats_text = repeats && (refused || request.kind == ReplyKind::Query);
        if left_some && repeats_text {
            self.cause = Some(Box::new(self.cause_of(self.spare.clone(), None)));
        } else if left_some && repeats && executes {
            let whole = self.whole_execution(request.of_statement);
            self.cause = whole.map(|(packet, text)| Box::new(self.cause_of(packet, Some(text))));
        } else if error.is_some() || !(keeps || counts_late) || (left_some && executes) {
            self.cause = None;
        } else if let Some(cause) = &mut self.cause
            && keeps
            && repeats_text
            && cause.asked.len() < ASKED_MAX
        {
            cause.asked.push(self.spare.clone());
        }
    }

    fn cause_of(&self, packet: Vec<u8>, executes: Option<Rc<PreparedText>>) -> Cause {
        Cause { packet, executes, state: self.session.state().clone(), asked: Vec::new() }
    }

    /// The execution kept, as a packet that needs nothing but the prepared statement; `None` where
    /// it had more than that: long data, or a cursor.
    fn whole_execution(&self, id: Option<u32>) -> Option<(Vec<u8>, Rc<PreparedText>)> {
        let prepared = self.prepared.find(id?)?;
        let payload = self.spare.get(HEADER_LEN..)?;
        let bulk = payload.first() == Some(&Command::StmtBulkExecute.byte());
        if bulk || prepared.is_under_way() || prepared.bound || opens_cursor(payload) {
            return None;
        }
        let mut head = Vec::new();
        let used = match param_types(payload, prepared.layout).ok()? {
            ParamTypes::NoParams | ParamTypes::Sent(_) => 0,
            ParamTypes::Refused => return None,
            ParamTypes::Omitted => {
                put_param_types(&mut head, payload, prepared.layout, &prepared.types).ok()?
            }
        };
        head.extend_from_slice(payload.get(used..)?);
        let mut packet = Vec::with_capacity(head.len() + HEADER_LEN);
        put_packet(&mut packet, 0, &head);
        Some((packet, prepared.text.clone()))
    }

    /// Runs the session's last read again, for what it leaves on the connection, in the state
    /// that the session was in.
    pub(super) async fn run_cause(&mut self, lease: &mut Lease) -> Result<(), Broken> {
        let Some(mut cause) = self.cause.clone() else { return Ok(()) };
        let backend = |fault| Broken::Backend { fault, untouched: true };
        let mut prepared = None;
        if let Some(text) = &cause.executes {
            let Some(ok) = self.prepare_again(lease, &cause, text).await.map_err(backend)? else {
                return Ok(());
            };
            let payload = cause.packet.get_mut(HEADER_LEN..).unwrap_or_default();
            _ = rewrite_statement_id(payload, ok.statement_id);
            prepared = Some(ok.statement_id);
        }
        if !Rc::ptr_eq(&cause.state, lease.state()) {
            let brought = self.bring(lease, ReplayState::clone(&cause.state)).await;
            if brought.map_err(backend)?.is_some() {
                // Its schema is gone, and elsewhere it would be another statement.
                return Ok(());
            }
        }
        lease.link().left.found_rows = None;
        // MySQL counts warnings in its next OK, by how they were asked for.
        for packet in std::iter::once(cause.packet).chain(cause.asked) {
            let kind = kind_of(&packet);
            lease.stream().send(Chunk::from(packet));
            match lease.link().swallow(kind, |_| ()).await {
                // What is prepared here after all is nobody's.
                Ok(_) if kind == ReplyKind::Prepare => lease.spoil(),
                Ok(_) | Err(BackendFault::Refused { .. }) => self.session.answers_moved(),
                Err(fault) => return Err(backend(fault)),
            }
        }
        if let Some(id) = prepared {
            lease.link().send_command(Command::StmtClose, &id.to_le_bytes());
        }
        if self.session.autocommit() || self.session.in_transaction() {
            return Ok(());
        }
        // It may have opened a transaction, which the session has not.
        let ended = lease.run(b"COMMIT").await;
        ended.map(drop).map_err(backend)
    }

    /// Prepares statement `id` on the connection held, and sees to it that the last statement's
    /// messages are there, as on a server that has long had the statement: PREPARE empties the
    /// list, MariaDB's where the text names tables. What left them is to be run again; a write
    /// cannot be, but its error can be raised.
    pub(super) async fn ready_beside_error(
        &mut self,
        lease: &mut Lease,
        id: u32,
    ) -> Result<Option<Vec<u8>>, BackendFault> {
        let listed = self.session.answers_here();
        self.replay |= listed && self.cause.is_some();
        let again = if listed && !self.replay && self.session.last().error.is_some() {
            error_again(lease).await?
        } else {
            None
        };
        let ready = self.ready_statement(lease, id).await;
        if let Some(sql) = again {
            match lease.run(&sql).await {
                Ok(_) | Err(BackendFault::Refused { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        ready
    }

    /// Prepares what `cause` executes; `None` where that cannot be.
    async fn prepare_again(
        &self,
        lease: &mut Lease,
        cause: &Cause,
        text: &PreparedText,
    ) -> Result<Option<PrepareOk>, BackendFault> {
        if self.bring(lease, cause.state.prepared_in(text.state())).await?.is_some() {
            return Ok(None);
        }
        Ok(lease.link().prepare(text.sql()).await?.ok())
    }
}

/// What raises the error again that the last statement left, if that is all it left.
async fn error_again(lease: &mut Lease) -> Result<Option<Vec<u8>>, BackendFault> {
    /// Of a MESSAGE_TEXT.
    const CHARACTERS_MAX: usize = 128;
    let link = lease.link();
    let [messages] = link.query_numbers(b"SHOW COUNT(*) WARNINGS").await?;
    if messages != Some(1) {
        return Ok(None);
    }
    let row = link.query_row(b"SHOW WARNINGS").await?;
    let [_, Some(code), Some(message)] = &row[..] else { return Ok(None) };
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
    if message.len() > CHARACTERS_MAX || !message.iter().all(plain) {
        return Ok(None);
    }
    let message = String::from_utf8_lossy(message).replace('\'', "''");
    let code = String::from_utf8_lossy(code);
    let sql =
        format!("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = '{message}'");
    Ok(Some(sql.into_bytes()))
}

fn kind_of(packet: &[u8]) -> ReplyKind {
    match packet.get(HEADER_LEN) {
        Some(&byte) if byte == Command::StmtPrepare.byte() => ReplyKind::Prepare,
        Some(&byte) if byte == Command::StmtExecute.byte() => ReplyKind::Execute,
        _ => ReplyKind::Query,
    }
}
