//! Floor 6: what one core owns, from its first accept to its end.

mod control;
mod placement;

use std::future::Future;
use std::os::fd::OwnedFd;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::FutureExt;
use glommio::{LocalExecutorBuilder, Placement, Task};

use crate::auth::RsaKey;
use crate::config::Settings;
use crate::metrics::Registry;
use crate::monitor::Poker;
use crate::net::{Listener, Net, NetSettings, Stream, low_on_locked_memory};
use crate::proxy::{Lane, LaneParts, Opening, serve};

pub use control::Control;
pub use placement::{PlacementError, allowed_cores, place};

/// Memory that glommio locks for its own rings, in bytes: its I/O is not used.
const GLOMMIO_MEMORY: usize = 64 * 1024;

/// How long the last packets of a draining shard may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What a shard is given.
pub struct ShardParts {
    /// Its number, from 0.
    pub shard: usize,
    /// Its core.
    pub core: usize,
    /// All shards.
    pub shards: usize,
    /// What the operator asked for.
    pub settings: Arc<Settings>,
    /// All shards' counters.
    pub registry: Arc<Registry>,
    /// The proxy's key pair for `caching_sha2_password`.
    pub rsa: RsaKey,
    /// What the other threads say.
    pub control: Arc<Control>,
    /// Whom to tell of a server that is back: it may be another one now.
    pub poker: Poker,
    /// Its own listening sockets.
    pub listeners: Vec<OwnedFd>,
}

/// How a shard ended.
#[derive(Debug)]
pub enum ShardEnd {
    /// It was asked to.
    Drained,
    /// It cannot go on; the process must end, or a part of the traffic would hang.
    Died(String),
}

/// Hears how a shard ended.
pub type Ended = Box<dyn Fn(ShardEnd) + Send>;

/// Starts a shard on its own pinned thread; its end is told to `ended`.
///
/// # Errors
/// When glommio cannot make its rings or start the thread.
pub fn spawn(parts: ShardParts, ended: Ended) -> Result<(), String> {
    let shard = parts.shard;
    let obituary = Obituary { ended, end: None };
    LocalExecutorBuilder::new(Placement::Fixed(parts.core))
        .name(&format!("shard-{shard}"))
        .io_memory(GLOMMIO_MEMORY)
        .spawn(move || async move {
            let mut obituary = obituary;
            let end = AssertUnwindSafe(run(parts)).catch_unwind().await;
            obituary.end = Some(end.unwrap_or_else(|_| ShardEnd::Died("a panic".to_owned())));
        })
        .map(|_| ())
        .map_err(|error| format!("shard {shard}: {error}"))
}

/// Sends the shard's end, even when its thread unwinds.
struct Obituary {
    ended: Ended,
    end: Option<ShardEnd>,
}

impl Drop for Obituary {
    fn drop(&mut self) {
        let end = self.end.take().unwrap_or_else(|| {
            let why = low_on_locked_memory().map_or_else(String::new, |why| format!("; {why}"));
            ShardEnd::Died(format!("its thread ended{why}"))
        });
        (self.ended)(end);
    }
}

/// How long a shard may sleep by mistake: see [`stay_awake`].
const ASLEEP_MAX: Duration = Duration::from_millis(50);

async fn run(parts: ShardParts) -> ShardEnd {
    let Some(bell) = parts.control.bells().get(parts.shard).cloned() else {
        return ShardEnd::Died("it has no bell".to_owned());
    };
    let net = match Net::new(NetSettings::default(), bell) {
        Ok(net) => net,
        Err(error) => return ShardEnd::Died(format!("io_uring: {error}")),
    };
    let driver = net.clone();
    // Tasks of their own, so that a turn of the ring polls nothing else.
    let _awake = glommio::spawn_local(stay_awake());
    let ring =
        glommio::spawn_local(AssertUnwindSafe(async move { driver.drive().await }).catch_unwind());
    let ring = async move {
        match ring.await {
            Ok(error) => ShardEnd::Died(format!("io_uring: {error}")),
            Err(_) => ShardEnd::Died("a panic".to_owned()),
        }
    };
    live(net, parts).or(ring).await
}

/// glommio 0.12 takes a thread that was kept from its core for longer than a preemption timer,
/// just before it runs its tasks, for one that has none, and puts it to sleep until a timer of
/// its own ends: without this one, for ever (seen on a loaded machine; a debugger that holds the
/// thread for 0.4 s at `run_task_queues` shows it each time).
async fn stay_awake() {
    loop {
        glommio::timer::sleep(ASLEEP_MAX).await;
    }
}

/// Accepts, tends, and obeys until it has drained.
async fn live(net: Net, parts: ShardParts) -> ShardEnd {
    let Some(metrics) = parts.registry.shards.get(parts.shard).cloned() else {
        return ShardEnd::Died("it has no counters".to_owned());
    };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (spawning, poker) = (net.clone(), parts.poker.clone());
    let lane = Lane::new(LaneParts {
        net: net.clone(),
        settings: parts.settings.clone(),
        registry: parts.registry.clone(),
        metrics,
        view: parts.control.view(),
        rsa: parts.rsa,
        shard: number(parts.shard),
        shards: number(parts.shards),
        bells: parts.control.bells().to_vec(),
        returned: Box::new(move |backend| poker.poke(backend)),
        spawn: Box::new(move |task| start(&spawning, task)),
    });
    let accepting: Vec<Task<()>> = parts
        .listeners
        .into_iter()
        .map(|fd| {
            let listener = Listener::new(&net, fd);
            glommio::spawn_local(accept(net.clone(), lane.clone(), listener))
        })
        .collect();
    let tending = glommio::spawn_local(tend(net.clone(), lane.clone()));
    let deadline = obey(&net, &lane, &parts.control).await;
    for task in accepting {
        task.cancel().await;
    }
    drain(&net, &lane, deadline).await;
    tending.cancel().await;
    ShardEnd::Drained
}

fn start(net: &Net, task: impl Future<Output = ()> + 'static) {
    glommio::spawn_local(task).detach();
    net.mark_runnable();
}

async fn accept(net: Net, lane: Rc<Lane>, listener: Listener) {
    loop {
        let stream = listener.accept().await;
        if let Some(session) = session(lane.clone(), stream) {
            start(&net, session);
        }
    }
}

/// A session's edge: what goes wrong within ends here, and no other session notices. `None`: there
/// is no room for it.
fn session(lane: Rc<Lane>, stream: Stream) -> Option<impl Future<Output = ()>> {
    let peer = stream.peer_name().into_boxed_str();
    lane.metrics().counters().accepted.bump();
    let Some(entry) = lane.enter(peer.parse().ok()) else {
        lane.metrics().counters().refused.bump();
        lane.turn_away(&stream);
        return None;
    };
    let id = entry.id();
    let opening = Opening::new(lane.clone(), stream, entry);
    // Made within: what is awaited stands beside what it was made of, in each session's memory.
    Some(async move {
        let served = AssertUnwindSafe(serve(opening)).catch_unwind().await;
        lane.forget(id);
        match served {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                if fault.breaks_protocol() {
                    lane.metrics().counters().malformed.bump();
                }
                tracing::info!(session = id, %peer, "session ended: {fault}");
            }
            Err(_) => {
                lane.metrics().counters().panics.bump();
                tracing::error!(session = id, %peer, "a panic ended this session: please report it");
            }
        }
    })
}

async fn tend(net: Net, lane: Rc<Lane>) {
    loop {
        lane.tend();
        net.sleep_until(Instant::now() + Duration::from_secs(1)).elapsed().await;
    }
}

/// Does what the bell announces, until it is time to drain; returns until when that may last.
async fn obey(net: &Net, lane: &Rc<Lane>, control: &Control) -> Instant {
    loop {
        lane.set_view(control.view());
        lane.carry_out_kills();
        if let Some(deadline) = control.drain_deadline() {
            return deadline;
        }
        net.rung().await;
    }
}

/// Waits for the sessions to end: idle ones at once, the others with their transaction, all at
/// the deadline.
async fn drain(net: &Net, lane: &Rc<Lane>, deadline: Instant) {
    while lane.sessions_len() > 0 {
        let late = Instant::now() >= deadline;
        lane.drain(late);
        net.sleep_until(Instant::now() + Duration::from_millis(20)).elapsed().await;
        if late {
            tracing::warn!("the drain timeout ended {} sessions", lane.sessions_len());
            break;
        }
    }
    lane.drain(false);
    net.sleep_until(Instant::now() + LAST_WORDS).elapsed().await;
}
