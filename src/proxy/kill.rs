//! KILL: the ids that clients know are the proxy's; the servers know their own.
//!
//! A statement is killed on its server, over a connection opened for that alone: the pools may be
//! full of what is to be killed. Between the look at whose connection it is and the KILL the
//! statement may end, so its session is told first ([`Aim`](crate::metrics::Aim)): then it does
//! not give that connection to others.

use crate::cluster::{BackendIdx, BackendSet};
use crate::metrics::{KillKind, SessionSnapshot};
use crate::net::Chunk;
use crate::protocol::{OkPacket, ReplyKind};
use crate::sql::{KillTarget, KillWhom, Statement, kill_target};

use super::conversation::{Conversation, Next};
use super::dial;
use super::fault::{BackendFault, Fault, ProxyFault};
use super::link::Link;
use super::request::{Request, text_of};

/// ER_NO_SUCH_THREAD.
const NO_SUCH_THREAD: u16 = 1094;
/// ER_KILL_DENIED_ERROR.
const KILL_DENIED: u16 = 1095;

/// Whether the account may kill what is not its own. Of privileges that a role gives it says
/// nothing.
const MAY_KILL_OTHERS: &[u8] = b"SELECT COUNT(*) FROM information_schema.user_privileges \
    WHERE privilege_type IN ('SUPER', 'CONNECTION_ADMIN', 'CONNECTION ADMIN') \
    AND grantee = CONCAT('''', SUBSTRING(CURRENT_USER(), 1, CHAR_LENGTH(CURRENT_USER()) - 1 \
    - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))), '''@''', \
    SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')";

/// How to kill.
#[derive(Clone, Copy)]
struct Manner {
    query_only: bool,
    soft: bool,
}

impl Conversation {
    /// KILL in a text, which begins at this byte of the payload: of sessions here, or, where it
    /// names none, the primary's affair.
    pub(super) async fn kill_statement(
        &mut self,
        packet: Chunk,
        at: usize,
        statement: Statement,
    ) -> Result<Next, Fault> {
        let target = kill_target(text_of(&packet, at), self.session.dialect());
        if let Some(KillTarget { whom, query_only, soft }) = target
            && statement.statements == 1
        {
            let manner = Manner { query_only, soft };
            match whom {
                KillWhom::Own => return self.kill_own(query_only),
                KillWhom::Connection(id) => {
                    if let Some(session) = self.whose(id) {
                        return self.kill(&session, manner).await;
                    }
                }
                KillWhom::User(name) if self.client.mariadb => {
                    return self.kill_user(&name, manner).await;
                }
                KillWhom::User(_) | KillWhom::QueryId(_) => {}
            }
        }
        self.session.begin(&statement, text_of(&packet, at), self.lane.settings.sql.pin_on_call);
        let mut request = Request::new(packet, statement, ReplyKind::Query);
        request.on_held = true;
        self.run_request(request).await
    }

    /// Whether some KILL is to end this session.
    pub(super) fn is_killed(&self) -> bool {
        self.entry.take_kill() == Some(KillKind::Connection)
    }

    /// COM_PROCESS_KILL.
    pub(super) async fn process_kill(&mut self, packet: Chunk, id: u32) -> Result<Next, Fault> {
        match self.whose(u64::from(id)) {
            Some(session) => self.kill(&session, Manner { query_only: false, soft: false }).await,
            None => self.plain(packet, ReplyKind::Simple).await,
        }
    }

    /// The session that a client means by `id`: its own id, or that of the connection that it
    /// holds on the primary, where the client has seen that in a list of the server's.
    fn whose(&self, id: u64) -> Option<SessionSnapshot> {
        let id = u32::try_from(id).ok()?;
        let registry = &self.lane.registry;
        registry.find(id).or_else(|| {
            let primary = usize::from(self.primary(&BackendSet::EMPTY)?.0);
            let holders = registry.holders(primary);
            let (_, session) = holders.into_iter().find(|(thread, _)| *thread == id)?;
            registry.find(session)
        })
    }

    async fn kill(&mut self, target: &SessionSnapshot, manner: Manner) -> Result<Next, Fault> {
        if target.id == self.entry.id() {
            return self.kill_own(manner.query_only);
        }
        self.kill_other(target, manner).await?;
        self.answer_killed(0);
        Ok(Next::Go)
    }

    fn kill_own(&mut self, query_only: bool) -> Result<Next, Fault> {
        Err(if query_only { ProxyFault::Interrupted } else { ProxyFault::Killed }.into())
    }

    /// MariaDB's KILL USER: of all sessions of that name; the own one comes last.
    async fn kill_user(&mut self, name: &[u8], manner: Manner) -> Result<Next, Fault> {
        let shown = name.get(..32).unwrap_or(name);
        let own = self.entry.id();
        let all = self.lane.registry.sessions().into_iter().filter(|row| row.user == shown);
        let (mine, others): (Vec<_>, Vec<_>) = all.partition(|row| row.id == own);
        for target in &others {
            match self.kill_other(target, manner).await {
                Err(Fault::Proxy(ProxyFault::NotOwner(_))) => {
                    return Err(ProxyFault::NotOwnerOf(name.to_vec()).into());
                }
                result => result?,
            }
        }
        self.answer_killed((others.len() + mine.len()) as u64);
        Ok(if mine.is_empty() || manner.query_only { Next::Go } else { Next::End })
    }

    fn answer_killed(&mut self, affected_rows: u64) {
        self.session.begin_command();
        self.session.abandon(None);
        let status = self.session.status();
        let ok = OkPacket { status, affected_rows, ..OkPacket::default() };
        self.client.send(1, &ok.encode(self.client.capabilities));
    }

    /// Kills another session, of whatever shard, or only its statement.
    async fn kill_other(&mut self, target: &SessionSnapshot, manner: Manner) -> Result<(), Fault> {
        let lane = self.lane.clone();
        let Some(_aim) = lane.registry.aim(target.id) else { return Ok(()) };
        let mut link = None;
        if target.user != lane.user(self.client.user).shown_name() {
            let primary = self.primary(&BackendSet::EMPTY).ok_or(ProxyFault::NoPrimary)?;
            let mut asked = self.dial_apart(primary).await?;
            let [privileges] = asked
                .query_numbers(MAY_KILL_OTHERS)
                .await
                .map_err(|fault| lane.backend_fault(primary, fault))?;
            if privileges.is_none_or(|count| count == 0) {
                asked.quit();
                return Err(ProxyFault::NotOwner(target.id).into());
            }
            link = Some(asked);
        }
        if !manner.query_only {
            lane.request_kill(target.id, KillKind::Connection);
        }
        let result = self.kill_on_server(target.id, manner, &mut link).await;
        if let Some(link) = link {
            link.quit();
        }
        result
    }

    /// Kills what session `id` runs on a server, if anything, over `link`, which is replaced if it
    /// leads to another server.
    async fn kill_on_server(
        &mut self,
        id: u32,
        manner: Manner,
        link: &mut Option<Box<Link>>,
    ) -> Result<(), Fault> {
        loop {
            // Only now: the dial took its time.
            let Some((backend, thread)) = self.lane.registry.find(id).and_then(holding) else {
                return Ok(());
            };
            if link.as_ref().is_none_or(|link| link.backend != backend) {
                let dialed = self.dial_apart(backend).await?;
                if let Some(other) = link.replace(dialed) {
                    other.quit();
                }
                continue;
            }
            let Some(link) = link else { return Ok(()) };
            let soft = if manner.soft { "SOFT " } else { "" };
            let what = if manner.query_only { "QUERY" } else { "CONNECTION" };
            let sql = format!("KILL {soft}{what} {thread}");
            link.send_command(crate::protocol::Command::Query, sql.as_bytes());
            return match link.swallow(ReplyKind::Query, |_| ()).await {
                // It ended by itself, or by the proxy's own doing.
                Ok(_) | Err(BackendFault::Refused { code: NO_SUCH_THREAD, .. }) => Ok(()),
                Err(BackendFault::Refused { code: KILL_DENIED, .. }) => {
                    Err(ProxyFault::NotOwner(id).into())
                }
                Err(fault) => Err(self.lane.backend_fault(backend, fault)),
            };
        }
    }

    /// A connection that no pool knows of. It has no deadline once it is open: a MariaDB may take
    /// two seconds for a KILL, and those of one thread wait for each other.
    async fn dial_apart(&self, backend: BackendIdx) -> Result<Box<Link>, Fault> {
        let deadline = self.lane.net.now() + self.lane.settings.timeouts.connect;
        let link = dial::dial(&self.lane, backend, &self.identity(), deadline).await;
        link.map_err(|fault| self.lane.backend_fault(backend, fault))
    }
}

/// The connection that a session holds.
fn holding(session: SessionSnapshot) -> Option<(BackendIdx, u32)> {
    let backend = u16::try_from(session.backend?).ok()?;
    Some((BackendIdx(backend), session.backend_thread))
}
