//! Bringing a prepared statement to a connection, and the commands that name it.

use std::rc::Rc;

use crate::net::{Chunk, Stream};
use crate::protocol::{
    Command, ErrPacket, HEADER_LEN, Header, MAX_PAYLOAD, ParamTypes, PrepareOk, ReplyKind, Summary,
    TerminalKind, param_types, put_param_types, rewrite_statement_id,
};
use crate::session::{Prepared, ReplayState, difference};

use super::conversation::Conversation;
use super::fault::BackendFault;
use super::forward::{Broken, Reply};
use super::lease::Lease;
use super::link::{Link, refusal};
use super::mutant::Mutant;

/// ER_MAX_PREPARED_STMT_COUNT_REACHED, of the server as a whole.
const TOO_MANY_STATEMENTS: u16 = 1461;
/// Command byte and statement id.
const ID_END: usize = 5;

impl Conversation {
    /// Whether statement `id` is prepared on the connection. Types that this client never gave
    /// must not be another's.
    pub(super) fn is_ready(&self, lease: &mut Lease, id: u32) -> bool {
        let Some(prepared) = self.prepared.find(id) else { return true };
        let known = lease.link().statements.use_it(prepared.text.key());
        known.is_some_and(|known| known.types.is_empty() || !prepared.types.is_empty())
    }

    /// Prepares statement `id` on the connection, where it is not (see [`Self::is_ready`]). The connection may
    /// be in another state afterwards. `Some`: the ERR with which the server refused, as it would
    /// have refused to prepare again what has changed.
    pub(super) async fn ready_statement(
        &mut self,
        lease: &mut Lease,
        id: u32,
    ) -> Result<Option<Vec<u8>>, BackendFault> {
        let Some(prepared) = self.prepared.find(id) else { return Ok(None) };
        let key = prepared.text.key();
        // What is there has another's types.
        lease.link().close_statement(key);
        let (text, fixed) = (prepared.text.clone(), prepared.bound);
        let target = self.session.state().prepared_in(text.state());
        if let Some(err) = self.bring(lease, target).await? {
            return Ok(Some(err));
        }
        let link = lease.link();
        let mut answer = link.prepare(text.sql()).await?;
        if let Err(err) = &answer
            && ErrPacket::decode(err).is_ok_and(|err| err.code == TOO_MANY_STATEMENTS)
            && link.close_statements()
        {
            answer = link.prepare(text.sql()).await?;
        }
        match answer {
            Ok(ok) => {
                let limit = self.lane.settings.sql.max_prepared_per_connection;
                lease.link().keep_statement(key, ok.statement_id, fixed, limit);
                Ok(None)
            }
            Err(err) => Ok(Some(err)),
        }
    }

    /// Brings a connection to an earlier state, such as the one that a text was prepared in.
    /// `Some`: its schema is gone.
    pub(super) async fn bring(
        &self,
        lease: &mut Lease,
        mut target: ReplayState,
    ) -> Result<Option<Vec<u8>>, BackendFault> {
        if target.schema().is_none() {
            // A selected schema cannot be unselected; where one was chosen, see `may_prepare`.
            target.set_schema(lease.state().schema());
        }
        let target = self.lane.intern(target);
        let Some(preamble) = difference(lease.state(), &target) else { return Ok(None) };
        if let Some(schema) = &preamble.init_db {
            match lease.enter(schema).await {
                Ok(()) => {
                    let mut state = ReplayState::clone(lease.state());
                    state.set_schema(Some(schema));
                    lease.link().state = self.lane.intern(state);
                }
                Err(fault @ BackendFault::Refused { .. }) => {
                    let fault = self.lane.backend_fault(lease.peek().backend, fault);
                    return Ok(fault.packet());
                }
                Err(fault) => return Err(fault),
            }
        }
        if let Some(sql) = &preamble.set_sql {
            lease.run(sql).await?;
        }
        lease.link().state = target;
        Ok(None)
    }

    /// Whether a connection from a pool can prepare statement `id`, if it must: what was prepared
    /// while no schema was selected needs one where none is.
    pub(super) fn may_prepare(&self, lease: &mut Lease, id: Option<u32>) -> bool {
        let Some(prepared) = id.and_then(|id| self.prepared.find(id)) else { return true };
        prepared.text.state().schema().is_some()
            || lease.state().schema().is_none()
            || lease.link().statements.use_it(prepared.text.key()).is_some()
    }

    /// Answers an execution with the ERR that met its preparation.
    pub(super) async fn refuse_execution(
        &mut self,
        packet: Chunk,
        err: &[u8],
    ) -> Result<Reply, Broken> {
        let sequence = self.client.skip_command(packet).await.map_err(Broken::Client)?;
        self.client.send(sequence, err);
        let mut summary = Summary::default();
        if let Ok(err) = ErrPacket::decode(err) {
            summary.error = Some(err.code);
            summary.sqlstate = err.sqlstate;
        }
        Ok(Reply { summary, changes: Vec::new(), prepared: None })
    }

    /// Sends the whole of a command; what is about a prepared statement goes under the server's
    /// own id, and an execution (`executes`) with the parameters' types where the server does not
    /// have them. Returns the number of the packet that follows the command's last.
    pub(super) async fn send_command(
        &mut self,
        lease: &mut Lease,
        mut packet: Chunk,
        statement: Option<u32>,
        executes: bool,
    ) -> Result<u8, Broken> {
        let len = Header::decode(packet.as_slice()).map_or(0, |header| header.len as usize);
        if let Some(id) = statement {
            let known = self.prepared.find(id);
            if executes {
                note_charsets(lease.link(), self.session.state());
            }
            let side = known.and_then(|it| server_side(lease.link(), it, &packet, executes));
            let gone = Broken::Backend { fault: BackendFault::Unsolicited, untouched: true };
            let Some((server_id, put_in)) = side else { return Err(gone) };
            if let Some((mut head, used)) = put_in {
                _ = rewrite_statement_id(&mut head, server_id);
                packet.advance(HEADER_LEN + used);
                let (stream, long) = (lease.stream(), len == MAX_PAYLOAD);
                let sent = self.client.forward_command_anew(stream, head, packet, long);
                return Box::pin(sent).await.map_err(Broken::Client);
            }
            address(lease.stream(), &mut packet, server_id);
        }
        let stream = lease.stream();
        stream.send(packet);
        if len < MAX_PAYLOAD {
            return Ok(1);
        }
        Box::pin(self.client.forward_command_rest(stream, 1)).await.map_err(Broken::Client)
    }
}

/// Puts the server's id into a command: in its place, where nobody else has the buffer, else by
/// sending its beginning apart.
pub(super) fn address(stream: &Stream, packet: &mut Chunk, id: u32) {
    if let Some(bytes) = packet.as_mut_slice() {
        _ = rewrite_statement_id(bytes.get_mut(HEADER_LEN..).unwrap_or_default(), id);
        return;
    }
    let mut head = packet.as_slice().get(..HEADER_LEN + ID_END).unwrap_or_default().to_vec();
    _ = rewrite_statement_id(head.get_mut(HEADER_LEN..).unwrap_or_default(), id);
    packet.advance(head.len());
    stream.send(Chunk::from(head));
}

/// What stands in front of an execution's values, with the types in it, and how much of the
/// packet's payload it replaces.
type PutIn = (Vec<u8>, usize);

/// The server's id of a statement, and what is to be put into its execution. Takes note of the
/// types that the server will have then.
fn server_side(
    link: &mut Link,
    prepared: &Prepared,
    packet: &Chunk,
    with_types: bool,
) -> Option<(u32, Option<PutIn>)> {
    let as_is = with_types.then(|| server_side_as_is(link, prepared, packet)).flatten();
    if let Some(id) = as_is {
        return Some((id, None));
    }
    let known = link.statements.use_it(prepared.text.key())?;
    if !with_types {
        return Some((known.id, None));
    }
    known.types.clone_from(&prepared.types);
    known.outdated = false;
    let payload = packet.as_slice().get(HEADER_LEN..).unwrap_or_default();
    let mut head = Vec::with_capacity(ID_END + 8 + prepared.types.len());
    let used = put_param_types(&mut head, payload, prepared.layout, &prepared.types).ok()?;
    Some((known.id, Some((head, used))))
}

/// The server's id of a statement, where an execution can go to it as it is: with the types in it,
/// or since the server has them. Takes note of the former.
pub(super) fn server_side_as_is(
    link: &mut Link,
    prepared: &Prepared,
    packet: &Chunk,
) -> Option<u32> {
    let known = link.statements.use_it(prepared.text.key())?;
    let payload = packet.as_slice().get(HEADER_LEN..).unwrap_or_default();
    // What cannot be read, the server may refuse.
    let Ok(types) = param_types(payload, prepared.layout) else { return Some(known.id) };
    let told = types != ParamTypes::Omitted || prepared.types.is_empty();
    if known.types == prepared.types && (told || !known.outdated) {
        known.outdated &= !told;
        return Some(known.id);
    }
    if !told && !Mutant::ForgetTypes.is_on() {
        return None;
    }
    known.types.clone_from(&prepared.types);
    known.outdated = false;
    Some(known.id)
}

/// An execution is about to be sent in the state `state`. MySQL reads parameters in the character
/// set in which it was told their types: what was told in another does not count.
pub(super) fn note_charsets(link: &mut Link, state: &Rc<ReplayState>) {
    if Rc::ptr_eq(&link.typed_in, state) {
        return;
    }
    if !link.typed_in.reads_like(state) {
        link.statements.outdate_types();
    }
    link.typed_in = state.clone();
}

impl Link {
    /// Prepares a statement for ourselves; the inner `Err` is the server's ERR packet.
    pub(super) async fn prepare(
        &mut self,
        sql: &[u8],
    ) -> Result<Result<PrepareOk, Vec<u8>>, BackendFault> {
        self.send_command(Command::StmtPrepare, sql);
        let mut answer = Err(Vec::new());
        let mut unsolicited = None;
        self.take_reply(ReplyKind::Prepare, |kind, payload, summary| {
            match kind {
                TerminalKind::Prepare => answer = Ok(PrepareOk::decode(payload)?),
                TerminalKind::Err if summary.unsolicited => {
                    unsolicited = Some(refusal(payload).or_closed());
                }
                TerminalKind::Err => answer = Err(payload.to_vec()),
                TerminalKind::Ok
                | TerminalKind::Eof
                | TerminalKind::LocalInfile
                | TerminalKind::Abridged
                | TerminalKind::Other => {}
            }
            Ok(())
        })
        .await?;
        unsolicited.map_or(Ok(answer), Err)
    }

    /// Remembers what the last reply says was prepared; what it replaces is closed with the next write.
    pub(super) fn keep_statement(&mut self, key: u64, id: u32, fixed: bool, limit: usize) {
        for closed in self.statements.insert(key, id, fixed, limit) {
            self.send_command(Command::StmtClose, &closed.to_le_bytes());
        }
        let metadata = self.tracker.definitions();
        if !metadata.is_empty()
            && let Some(known) = self.statements.use_it(key)
        {
            known.metadata = Some(metadata.into());
        }
    }

    /// Closes all statements that can be prepared again; whether there were any.
    fn close_statements(&mut self) -> bool {
        let closed = self.statements.evict_all();
        for id in &closed {
            self.send_command(Command::StmtClose, &id.to_le_bytes());
        }
        !closed.is_empty()
    }

    /// Closes a statement with the next write.
    pub(super) fn close_statement(&mut self, key: u64) {
        if let Some(closed) = self.statements.remove(key) {
            self.send_command(Command::StmtClose, &closed.to_le_bytes());
        }
    }
}
