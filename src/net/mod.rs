//! Floor 4: the kernel. One `io_uring` a shard, its buffers, sockets, listeners and deadlines.
//!
//! Nothing here knows the MySQL protocol. A [`Net`] is a shard's own ring and every socket on it;
//! it is driven by one task ([`Net::drive`]) and used by the sessions' tasks through [`Stream`]:
//! they take received [`Chunk`]s out, put chunks to be sent in, and await readiness. The driver
//! submits and reaps in one `io_uring_enter` a turn; a client that is alone is sent to without the
//! ring.
//!
//! All `unsafe` code of the program lives in this folder, each block with its reason.

mod addr;
pub mod blocking;
mod buffers;
mod driver;
mod listener;
mod notify;
mod probe;
mod queue;
mod ring;
mod sending;
mod socket;
mod splice;
mod stream;
mod table;
mod timers;

pub use addr::PeerAddress;
pub use buffers::Chunk;
pub use driver::{Net, NetSettings, Sleep};
pub use listener::{Listener, bind_tcp, bind_unix, check_free};
pub use notify::{Doorbell, Notify};
pub use probe::{Missing, low_on_locked_memory, probe, raise_file_limit};
pub use splice::splice;
pub use stream::{Aborter, Received, Stream, StreamError};
pub use table::Traffic;

#[cfg(test)]
mod tests;
