//! A relay that spoils the conversation: slow, cut, in crumbs, or stalled.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the link does to the bytes of the server, or of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Passes so many bytes at a time, in both directions.
    Crumbs(usize),
    /// Cuts both directions after so many bytes of the server.
    CutAfter(u64),
    /// Waits before each piece of the server.
    Delay(Duration),
    /// Passes nothing more of the server, and stays open.
    Stall,
}

/// A listening relay; dropped, it accepts no more.
#[derive(Debug)]
pub(crate) struct Link {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Link {
    /// Relays a free port to `target`.
    pub(crate) fn start(target: &str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let (fault, stop) = (Arc::new(Mutex::new(fault)), Arc::new(AtomicBool::new(false)));
        let (shared, ends, target) = (Arc::clone(&fault), Arc::clone(&stop), target.to_owned());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = stream else { continue };
                let Ok(server) = TcpStream::connect(&target) else { continue };
                relay(client, server, &shared);
            }
        });
        Self { port, fault, stop, thread: Some(thread) }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Changes the fault, also of open connections.
    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.fault.lock().expect("no panic holds it") = fault;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn relay(client: TcpStream, server: TcpStream, fault: &Arc<Mutex<Fault>>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(client2), Ok(server2)) = (client.try_clone(), server.try_clone()) else { return };
    let (up, down) = (Arc::clone(fault), Arc::clone(fault));
    std::thread::spawn(move || pump(client, server, &up, false));
    std::thread::spawn(move || pump(server2, client2, &down, true));
}

fn pump(mut from: TcpStream, mut to: TcpStream, fault: &Mutex<Fault>, is_server: bool) {
    let mut buffer = vec![0; 64 * 1024];
    let mut passed = 0_u64;
    while let Ok(got) = from.read(&mut buffer) {
        if got == 0 {
            break;
        }
        let now = || fault.lock().map_or(Fault::None, |fault| *fault);
        let mut piece = got;
        let mut end = got;
        match now() {
            Fault::Crumbs(size) => piece = size.max(1),
            Fault::CutAfter(limit) if is_server => {
                let left = usize::try_from(limit.saturating_sub(passed)).unwrap_or(usize::MAX);
                end = got.min(left);
            }
            Fault::Delay(delay) if is_server => std::thread::sleep(delay),
            Fault::Stall if is_server => {
                while now() == Fault::Stall {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            Fault::None | Fault::CutAfter(_) | Fault::Delay(_) | Fault::Stall => {}
        }
        if buffer[..end].chunks(piece).any(|piece| to.write_all(piece).is_err()) || end < got {
            break;
        }
        passed += got as u64;
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
