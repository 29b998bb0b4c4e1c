//! Floor 5: conversations with clients and backends.
//!
//! A session is one task that reads top to bottom: [`serve`] greets and authenticates
//! (`handshake`), then runs one command after the other (`conversation`): classify, route, check
//! out a connection (`checkout`), bring it to the session's state, send, forward the reply
//! (`forward`), remember what it said, give the connection back (`statement`). What the sessions
//! of a shard share is its [`Lane`].

mod cause;
mod checkout;
mod choose;
mod conversation;
mod dial;
mod exposure;
mod fault;
mod forward;
mod giveback;
mod handshake;
mod inbox;
mod kill;
mod lane;
mod lease;
mod light;
mod link;
mod metadata;
mod mutant;
mod preamble;
mod prepared;
mod reach;
mod ready;
mod request;
mod statement;
mod stock;
mod threads;
mod upkeep;
mod upload;
mod waiting;

pub(crate) use conversation::{Opening, serve};
pub(crate) use lane::{Lane, LaneParts};
