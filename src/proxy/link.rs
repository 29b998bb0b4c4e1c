//! A backend connection that is logged in.

use std::rc::Rc;

use crate::cluster::BackendIdx;
use crate::net::Chunk;
use crate::pool::StatementCache;
use crate::protocol::{
    Capabilities, Command, ErrPacket, Event, Malformed, OkPacket, ReplyKind, ReplyTracker, Summary,
    TerminalKind, put_packet, query_command, text_row,
};
use crate::session::{Left, ReplayState, TrackerSettings};

use super::fault::BackendFault;
use super::inbox::{Inbox, InboxError};
use super::lane::Base;

/// Asks for what a login decides and no tracker reports: its collation governs what `SET NAMES`
/// does, its flags IGNORE_SPACE and INTERACTIVE the other two.
pub(super) const LOGIN_STATE_QUERY: &str = "SELECT @@character_set_client, \
    @@character_set_results, @@collation_connection, @@sql_mode, @@wait_timeout";

/// What is done about the session trackers of a connection.
pub(super) struct TrackerSetup {
    /// Turns them on.
    pub(super) statement: String,
    /// [`LOGIN_STATE_QUERY`], and what the login gave the trackers.
    pub(super) question: String,
}

/// The longest packet of a reply to a query of our own.
const OWN_PACKET_MAX: usize = 64 * 1024;

/// One connection to a backend and what is known of its state.
pub(crate) struct Link {
    pub(super) inbox: Inbox,
    pub(super) backend: BackendIdx,
    pub(super) capabilities: Capabilities,
    /// The server's id of the connection, for KILL.
    pub(super) thread_id: u32,
    pub(super) state: Rc<ReplayState>,
    /// State that nothing can replay may be on it: to be reset before others use it.
    pub(super) pinned: bool,
    /// What earlier statements left on it.
    pub(super) left: Left,
    /// What is prepared on it.
    pub(super) statements: StatementCache,
    /// A state with the character sets that the types of parameters were last given in.
    pub(super) typed_in: Rc<ReplayState>,
    pub(super) tracker: ReplyTracker,
    /// Where the server has session trackers.
    pub(super) trackers: Option<Rc<TrackerSetup>>,
    /// The trackers on it are a client's own.
    pub(super) exposed: bool,
    /// What a login, or a reset, gives the trackers.
    pub(super) login_trackers: Rc<TrackerSettings>,
}

impl Link {
    /// What it gives a session, while it is as its login left it.
    pub(super) fn base(&self) -> Base {
        Base { state: self.state.clone(), trackers: self.login_trackers.clone() }
    }

    /// Sends a command of its own packet.
    pub(super) fn send_command(&self, command: Command, argument: &[u8]) {
        let payload = if command == Command::Query {
            query_command(argument, self.capabilities)
        } else {
            [&[command.byte()], argument].concat()
        };
        let mut out = Vec::with_capacity(payload.len() + 4);
        put_packet(&mut out, 0, &payload);
        self.inbox.stream.send(Chunk::from(out));
    }

    /// Says goodbye: a server counts a connection that just ends as aborted.
    pub(super) fn quit(self) {
        self.send_command(Command::Quit, b"");
    }

    /// Sends a query of our own and reads the first row of its answer.
    pub(super) async fn query_row(
        &mut self,
        sql: &[u8],
    ) -> Result<Vec<Option<Vec<u8>>>, BackendFault> {
        self.send_command(Command::Query, sql);
        self.read_row().await
    }

    /// The first columns of [`Link::query_row`] as numbers.
    pub(super) async fn query_numbers<const N: usize>(
        &mut self,
        sql: &[u8],
    ) -> Result<[Option<u64>; N], BackendFault> {
        let mut row = self.query_row(sql).await?.into_iter();
        Ok(std::array::from_fn(|_| {
            let text = String::from_utf8(row.next()??).ok();
            text.and_then(|text| text.parse().ok())
        }))
    }

    /// Reads a reply of one small result set.
    pub(super) async fn read_row(&mut self) -> Result<Vec<Option<Vec<u8>>>, BackendFault> {
        let mut sequence = 1;
        let mut packets = Vec::new();
        let old = !self.capabilities.contains(Capabilities::DEPRECATE_EOF);
        let mut ends = 0;
        loop {
            let (payload, next) = self.inbox.payload(OWN_PACKET_MAX, sequence).await?;
            sequence = next;
            match payload.first() {
                Some(0xFF) => return Err(refusal(&payload)),
                Some(0xFE) => ends += 1,
                _ => packets.push(payload),
            }
            if ends == 1 + usize::from(old) {
                break;
            }
        }
        // Column count, column definitions, rows. A count of two bytes may say that none follow.
        let columns = match packets.first().map(Vec::as_slice) {
            Some([_, 0]) | None | Some([]) => 0,
            Some([columns, ..]) => *columns,
        };
        let row = packets.into_iter().nth(1 + usize::from(columns)).unwrap_or_default();
        let values = text_row(&row).map(|value| value.map(|text| text.map(<[u8]>::to_vec)));
        values.collect::<Result<_, _>>().map_err(BackendFault::Malformed)
    }

    /// Reads the reply to a command of our own; nothing of it reaches a client. `state` gets the
    /// session-track bytes of each OK.
    pub(super) async fn swallow(
        &mut self,
        kind: ReplyKind,
        mut state: impl FnMut(&[u8]),
    ) -> Result<Summary, BackendFault> {
        let capabilities = self.capabilities;
        self.take_reply(kind, |kind, payload, _| {
            match kind {
                TerminalKind::Ok => state(OkPacket::decode(payload, capabilities)?.session_state),
                TerminalKind::Err => return Err(refusal(payload)),
                TerminalKind::LocalInfile => return Err(BackendFault::Unsolicited),
                TerminalKind::Eof
                | TerminalKind::Prepare
                | TerminalKind::Abridged
                | TerminalKind::Other => {}
            }
            Ok(())
        })
        .await
    }

    /// As [`Link::swallow`], with all packets that end something shown to `take`.
    pub(super) async fn take_reply(
        &mut self,
        kind: ReplyKind,
        mut take: impl FnMut(TerminalKind, &[u8], &Summary) -> Result<(), BackendFault>,
    ) -> Result<Summary, BackendFault> {
        self.tracker.reset(kind, self.capabilities);
        loop {
            let mut chunk = self.inbox.chunk().await.map_err(BackendFault::from)?;
            loop {
                let input = chunk.as_slice();
                let progress = self.tracker.feed(input)?;
                let (mut done, mut taken) = (false, Ok(()));
                if let Event::Terminal(terminal) = progress.event {
                    let payload = self.tracker.terminal_payload(input, &progress);
                    taken = take(terminal.kind, payload, self.tracker.summary());
                    done = terminal.done || taken.is_err();
                }
                chunk.advance(progress.used);
                if done {
                    // The reply to the next command may be in it.
                    self.inbox.put_back(chunk);
                    return taken.map(|()| *self.tracker.summary());
                }
                if chunk.is_empty() {
                    break;
                }
            }
        }
    }
}

/// A server's ERR as our fault.
pub(super) fn refusal(payload: &[u8]) -> BackendFault {
    match ErrPacket::decode(payload) {
        Ok(packet) => BackendFault::Refused {
            code: packet.code,
            sqlstate: String::from_utf8_lossy(&packet.sqlstate).into_owned(),
            message: String::from_utf8_lossy(packet.message).into_owned(),
        },
        Err(malformed) => BackendFault::Malformed(malformed),
    }
}

impl From<InboxError> for BackendFault {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::End => Self::Closed,
            InboxError::Stream(error) => Self::Stream(error),
            InboxError::TooLong { .. } => Self::Malformed(Malformed::Truncated),
            InboxError::Sequence { .. } => Self::Unsolicited,
        }
    }
}
