//! What Lanewire's tests, demo and measurements run against and with.
//!
//! - [`client`]: a raw MySQL client, the witness of the tests.
//! - [`servers`]: real MariaDB and MySQL servers as child processes.
//! - [`stub`]: a server that answers canned replies at wire speed.
//! - [`load`]: workloads over many connections, in a closed or an open loop.
//! - [`plot`]: charts as SVG.
//! - [`lanewire`]: the proxy itself as a child process.
//! - [`demo`]: `make demo`.
//! - [`compare`]: Lanewire, HAProxy and others beside each other.
//!
//! Nothing here uses the library under test: what judges shares no code with what is judged.

pub mod client;
pub mod compare;
pub mod demo;
pub mod lanewire;
pub mod load;
mod packets;
pub mod plot;
pub mod process;
pub mod servers;
pub mod stub;
pub mod table;
