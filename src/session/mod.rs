//! A client session's memory: what the client has set, what its last statement left, and why it
//! may have to keep its backend connection.
//!
//! Servers say most of it themselves in their OK packets ([`Session::note_change`]); what no
//! tracker names, the statement's traits and a look at its text must say ([`Session::begin`]).
//! After the reply, [`Session::after_reply`] decides whether the connection may serve others.

mod access;
mod changes;
mod counting;
mod difference;
mod exposure;
mod insert_text;
mod last;
mod memory;
mod opened;
mod pins;
mod plain;
mod prepared;
mod shown;
mod state;
mod text;
mod trackers;

pub use difference::{Preamble, difference};
pub use last::{FoundLate, InsertId, LastStatement};
pub use memory::{AtEnd, Hold, Keep, Left, ServerKind, Session, Unreachable};
pub use pins::Pins;
pub use prepared::{
    PREPARED_PINS, Prepared, PreparedStatements, PreparedText, TextInterner, stays_where_prepared,
};
pub use shown::{Shown, Visible};
pub use state::{ReplayState, StateInterner};
pub use trackers::{TrackerSettings, TransactionInfo};

#[cfg(test)]
mod walk_tests;
