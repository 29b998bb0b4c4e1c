//! A backend connection in a session's hands: it goes back to its pool, or it is closed and the
//! pool is told, whatever happens to the session.

use std::rc::Rc;

use crate::net::Stream;
use crate::protocol::{Command, ReplyKind, Summary};
use crate::session::ReplayState;

use super::dial;
use super::fault::BackendFault;
use super::lane::Lane;
use super::link::Link;

/// See the module. Dropping it closes the connection.
pub(super) struct Lease {
    lane: Rc<Lane>,
    /// `None` once it went back.
    link: Option<Box<Link>>,
    pub(super) conn: crate::pool::ConnId,
    /// Not to be given to another session.
    spoiled: bool,
}

impl Lease {
    pub(super) fn new(lane: Rc<Lane>, link: Box<Link>, conn: crate::pool::ConnId) -> Self {
        Self { lane, link: Some(link), conn, spoiled: false }
    }

    pub(super) fn link(&mut self) -> &mut Link {
        self.link.as_deref_mut().expect("a lease has its link until it is dissolved")
    }

    pub(super) fn peek(&self) -> &Link {
        self.link.as_deref().expect("a lease has its link until it is dissolved")
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.peek().inbox.stream
    }

    pub(super) fn state(&self) -> &Rc<ReplayState> {
        &self.peek().state
    }

    pub(super) fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// Whether it may serve others as it is.
    pub(super) fn is_reusable(&self) -> bool {
        !self.spoiled && !self.peek().exposed && self.peek().inbox.is_quiet()
    }

    /// See [`dial::reset`].
    pub(super) async fn reset(&mut self, lane: &Lane) -> Result<(), BackendFault> {
        let reset = dial::reset(lane, self.link()).await;
        if reset.is_err() {
            self.spoil();
        }
        reset
    }

    /// Runs a statement of our own.
    pub(super) async fn run(&mut self, sql: &[u8]) -> Result<Summary, BackendFault> {
        let link = self.link();
        link.send_command(Command::Query, sql);
        link.swallow(ReplyKind::Query, |_| ()).await
    }

    /// Selects a schema on the connection.
    pub(super) async fn enter(&mut self, schema: &[u8]) -> Result<(), BackendFault> {
        let link = self.link();
        link.send_command(Command::InitDb, schema);
        link.swallow(ReplyKind::Simple, |_| ()).await.map(|_| ())
    }

    /// Takes the link out, for the pool.
    pub(super) fn dissolve(mut self) -> (Box<Link>, crate::pool::ConnId) {
        let link = self.link.take().expect("a lease is dissolved once");
        (link, self.conn)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            self.lane.discard(&link, self.conn);
        }
    }
}
