//! What becomes of a connection after a reply, and at the session's end.

use crate::metrics::SessionState;
use crate::session::{Left, Pins};

use super::conversation::Conversation;
use super::lease::Lease;

impl Conversation {
    /// Shows the connection held, and why, in the session table.
    pub(super) fn set_held(&self, lease: Option<&Lease>) {
        self.entry.set_pins(self.session.pins().bits());
        self.entry.set_backend(lease.map(|lease| {
            let link = lease.peek();
            (usize::from(link.backend.0), link.thread_id)
        }));
    }

    /// Re-examines a hold whose reason may be gone.
    pub(super) async fn settle(&mut self) {
        if !self.held_for_good()
            && !self.session.answers_here()
            && let Some(lease) = self.held.take()
        {
            self.set_held(None);
            self.give_back(lease).await;
        }
    }

    /// Gives a connection to its pool in the state the session left it in.
    pub(super) async fn give_back(&mut self, mut lease: Lease) {
        if self.session.insert_id_in_doubt() {
            Box::pin(self.ask_counts(&mut lease)).await;
        }
        if lease.peek().pinned {
            // What nothing could replay may still be on it.
            _ = Box::pin(lease.reset(&self.lane)).await;
            lease.link().pinned = false;
        } else if lease.peek().exposed {
            _ = Box::pin(lease.restore_trackers()).await;
        }
        self.session.left_connection();
        self.release(lease);
    }

    /// Gives a connection to its pool, unless a KILL may still come for it.
    pub(super) fn release(&self, mut lease: Lease) {
        if self.entry.is_aimed_at() {
            lease.spoil();
        }
        self.lane.release(lease);
    }

    /// Only this connection can say whether an INSERT gave its id itself, or how many rows were
    /// found. No warning is left on it.
    pub(super) async fn ask_counts(&mut self, lease: &mut Lease) {
        if self.try_counts(lease).await.is_none() {
            lease.spoil();
        }
    }

    async fn try_counts(&mut self, lease: &mut Lease) -> Option<()> {
        let counts = self.session.last().found_rows.is_none();
        let (insert_id, found_rows) = if counts {
            let sql = b"SELECT LAST_INSERT_ID(), FOUND_ROWS()";
            let [insert_id, found_rows] = lease.link().query_numbers(sql).await.ok()?;
            // MySQL warns that the function is old.
            lease.run(b"DO 0").await.ok()?;
            (insert_id?, Some(found_rows?))
        } else {
            let [insert_id] = lease.link().query_numbers(b"SELECT LAST_INSERT_ID()").await.ok()?;
            (insert_id?, None)
        };
        self.session.resolve_insert_id(insert_id);
        self.session.resolve_found_rows(found_rows);
        // The question itself changes the count.
        let left = if counts { None } else { Some(1) };
        lease.link().left = Left { insert_id: Some(insert_id), found_rows: left };
        Some(())
    }

    /// Ends what the session holds on a backend: a transaction is rolled back.
    pub(super) async fn let_go(&mut self) {
        self.forget_statements();
        if let Some(mut lease) = self.held.take() {
            if self.is_bound_to(&lease) {
                _ = lease.reset(&self.lane).await;
            }
            self.set_held(None);
            self.release(lease);
        }
        self.session.unpin(Pins::all());
        self.session.left_connection();
        self.set_held(None);
    }

    pub(super) fn is_bound_to(&self, lease: &Lease) -> bool {
        lease.peek().pinned || lease.peek().exposed || self.held_for_good()
    }

    /// The session's end.
    pub(super) async fn end(mut self: Box<Self>) {
        self.entry.set_state(SessionState::Closing);
        self.let_go().await;
    }
}
