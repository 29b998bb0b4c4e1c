//! A MySQL server that is none: any user and password, canned replies, at wire speed on one core.
//!
//! | statement | reply |
//! | --- | --- |
//! | `/* blob N */ …`, `SELECT blob N` | N bytes of rows of 16 KiB |
//! | `SELECT @@a, @@global.b` | variables that drivers and proxies ask for, else ERR 1193 |
//! | `SHOW VARIABLES LIKE 'a'` | the same |
//! | `SHOW SLAVE STATUS` and its other names | a healthy replica where the stub is read-only |
//! | other reads | one row: `id`, `c` (100 bytes), `server` (the stub's name) |
//! | BEGIN, COMMIT, ROLLBACK | OK with the transaction's status flag |
//! | everything else | OK |
//!
//! Prepared statements are answered likewise, in the binary form. [`Faults`] make it slow or rude.
//! It counts what reaches it under the names of a server's own status counters.

mod conversation;
mod counters;
mod engine;
mod faults;
mod reply;
mod statement;
mod variables;

pub use counters::Counters;
pub use faults::Faults;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// What a stub says of itself.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The last column of every row.
    pub name: String,
    /// `@@server_id`.
    pub server_id: u32,
    /// `@@read_only`.
    pub read_only: bool,
}

/// A bound stub that does not serve yet.
#[derive(Debug)]
pub struct Stub {
    listener: TcpListener,
    identity: Identity,
    faults: Faults,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
}

impl Stub {
    /// Listens at `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// The address is taken.
    pub fn bind(address: SocketAddr, identity: Identity) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let (counters, stop) = (Arc::default(), Arc::default());
        Ok(Self { listener, identity, faults: Faults::default(), counters, stop })
    }

    /// Makes it faulty.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The socket's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What it counts, for any thread to read.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The flag that ends [`Self::serve`] within 0.1 s.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Serves on this thread until the stop flag is set.
    ///
    /// # Errors
    /// epoll's or the listener's; a connection's errors end only that connection.
    pub fn serve(self) -> io::Result<()> {
        engine::serve(self.listener, &self.identity, &self.faults, &self.counters, &self.stop)
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn(self) -> io::Result<RunningStub> {
        let (address, counters, stop) = (self.address()?, self.counters(), self.stop_flag());
        let name = format!("stub-{}", self.identity.name);
        let thread = std::thread::Builder::new().name(name).spawn(|| self.serve())?;
        Ok(RunningStub { address, counters, stop, thread: Some(thread) })
    }
}

/// A stub on its own thread; dropped, it ends.
#[derive(Debug)]
pub struct RunningStub {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it counts.
    pub counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Drop for RunningStub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("stub {}: {error}", self.address);
        }
    }
}
