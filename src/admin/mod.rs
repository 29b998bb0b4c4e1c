//! The admin port: SQL for the person on call, spoken to any MySQL client.
//!
//! It runs in threads of its own, off the data cores, and reads what the shards count without
//! sending them anything. Statements that change something, metrics over HTTP and reloading will
//! join here: a statement becomes a `request::Request`, its answer is made in `tables`, and a
//! `conversation` is one client's way through both.

mod conversation;
mod request;
mod tables;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::auth::RsaKey;
use crate::config::Settings;
use crate::metrics::Registry;
pub use tables::ViewSource;

/// Clients at a time; one more is told 1040.
const CLIENTS_MAX: usize = 16;
/// Pause after a failed accept: out of file descriptors, for one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
const VERSION_COMMENT: &str = concat!("Lanewire ", env!("CARGO_PKG_VERSION"), " admin");
/// Clients take a server of version 8 to know all that they ask for.
const SERVER_VERSION: &str = concat!("8.0.99-lanewire-", env!("CARGO_PKG_VERSION"), "-admin");

/// All that answers are made of.
pub(crate) struct Sources {
    pub(crate) settings: Arc<Settings>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) view: ViewSource,
    /// For a client that sends its password sealed.
    pub(crate) rsa: RsaKey,
    /// When the port was opened.
    pub(crate) started: Instant,
}

/// The admin port, listening. Dropping it closes the port; clients that are connected may go on
/// until they idle out.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Listens at the settings' admin address; `None` where there is none.
    ///
    /// # Errors
    /// The address cannot be listened at, or the thread cannot be started.
    pub fn spawn(
        settings: Arc<Settings>,
        registry: Arc<Registry>,
        view: ViewSource,
        rsa: RsaKey,
    ) -> io::Result<Option<Self>> {
        let Some(address) = settings.admin.address else { return Ok(None) };
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let port = Port {
            listener,
            sources: Arc::new(Sources { settings, registry, view, rsa, started: Instant::now() }),
            clients: Arc::new(AtomicUsize::new(0)),
            last_id: AtomicU32::new(0),
            stopping: Arc::clone(&stopping),
        };
        let thread =
            thread::Builder::new().name("lanewire-admin".into()).spawn(move || port.run())?;
        Ok(Some(Self { address, stopping, thread: Some(thread) }))
    }

    /// The address it listens at, with the port that the kernel chose for port 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stopping.store(true, SeqCst);
        // The thread waits in accept: this connection ends the wait.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

struct Port {
    listener: TcpListener,
    sources: Arc<Sources>,
    clients: Arc<AtomicUsize>,
    last_id: AtomicU32,
    stopping: Arc<AtomicBool>,
}

impl Port {
    fn run(&self) {
        loop {
            let accepted = self.listener.accept();
            if self.stopping.load(SeqCst) {
                return;
            }
            match accepted {
                Ok((stream, peer)) => self.begin(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "admin: cannot accept");
                    thread::sleep(ACCEPT_AGAIN);
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = Place::take(&self.clients) else {
            conversation::refuse(stream);
            return;
        };
        let sources = Arc::clone(&self.sources);
        let id = self.last_id.fetch_add(1, SeqCst).wrapping_add(1);
        let talk = move || {
            let _place = place;
            if let Err(error) = conversation::run(stream, id, &sources) {
                tracing::info!(%peer, "admin: {error}");
            }
        };
        if let Err(error) = thread::Builder::new().name("lanewire-admin-client".into()).spawn(talk)
        {
            tracing::warn!(%peer, %error, "admin: cannot start a thread");
        }
    }
}

/// One of the places for clients; free again when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    /// Only the accepting thread takes places, so none is given twice.
    fn take(clients: &Arc<AtomicUsize>) -> Option<Self> {
        if clients.load(SeqCst) >= CLIENTS_MAX {
            return None;
        }
        clients.fetch_add(1, SeqCst);
        Some(Self(Arc::clone(clients)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests;
