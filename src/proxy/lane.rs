//! What the sessions of one shard share: its pools, its view of the cluster, its counters.
//!
//! A lane belongs to its core: nothing in it is locked, and no borrow is held across an await.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::auth::{BackendSecret, Plugin, RsaKey, Secret};
use crate::cluster::{BackendIdx, Balancer, ClusterView, OfferedGreeting};
use crate::config::{PasswordSetting, Settings};
use crate::metrics::{BackendHealth, KillKind, Registry, SessionRegistrar, ShardMetrics, shard_of};
use crate::net::{Aborter, Doorbell, Net, PeerAddress, Stream};
use crate::pool::{BackendPool, ConnId, Plan};
use crate::protocol::{Capabilities, put_packet};
use crate::session::{ReplayState, ServerKind, StateInterner, TextInterner, TrackerSettings};
use crate::sql::Dialect;

use super::fault::{BackendFault, Fault};
use super::handshake::{greeting_of, unix_ms};
use super::link::Link;
use super::mutant::Mutant;
use super::stock::Stock;
use super::upkeep::limits;
use super::waiting::Waiting;

/// What decides the state that a login gives: beside the collation the flags that set variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BaseKey {
    pub(super) collation: u8,
    pub(super) flags: Capabilities,
}

/// What a login gives a session.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) state: Rc<ReplayState>,
    pub(super) trackers: Rc<TrackerSettings>,
}

/// A user's place in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct UserIdx(pub(super) u16);

/// One user of the settings.
pub(super) struct User {
    pub(super) name: Vec<u8>,
    pub(super) secret: Secret,
    /// The name to use at the backends.
    pub(super) backend_name: Vec<u8>,
    /// The password to use there, where the settings have one of its own.
    pub(super) backend_secret: Option<BackendSecret>,
    /// What the last client's login taught, with its collation: for connections to spare.
    pub(super) last_login: RefCell<Option<(BackendSecret, u8)>>,
}

impl User {
    /// The name as the session table shows it.
    pub(super) fn shown_name(&self) -> &[u8] {
        self.name.get(..32).unwrap_or(&self.name)
    }
}

/// What the shard must know of a session to end it.
pub(super) struct SessionHandle {
    client: Aborter,
    /// Waits for its client's next command.
    pub(super) idle: Cell<bool>,
    /// Holds something of its client's.
    pub(super) bound: Cell<bool>,
}

/// What a shard hands to its lane.
pub(crate) struct LaneParts {
    pub(crate) net: Net,
    pub(crate) settings: Arc<Settings>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: Arc<ShardMetrics>,
    pub(crate) view: Arc<ClusterView>,
    pub(crate) rsa: RsaKey,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    pub(crate) bells: Vec<Doorbell>,
    /// Hears of a server that answers again.
    pub(crate) returned: Box<dyn Fn(BackendIdx)>,
    /// Runs a task on the shard.
    pub(crate) spawn: Spawn,
}

/// Starts a task on the lane's shard.
pub(crate) type Spawn = Box<dyn Fn(Pin<Box<dyn Future<Output = ()>>>)>;

/// One backend's connections, each in a state that a session left it in.
type Pool = BackendPool<ReplayState>;

/// See the module.
pub(crate) struct Lane {
    pub(super) net: Net,
    pub(super) settings: Arc<Settings>,
    pub(super) registry: Arc<Registry>,
    pub(super) metrics: Arc<ShardMetrics>,
    pub(super) registrar: SessionRegistrar,
    pub(super) view: RefCell<Arc<ClusterView>>,
    pub(super) balancer: RefCell<Balancer>,
    /// Requests under way at each backend.
    pub(super) outstanding: RefCell<Vec<u32>>,
    pub(super) pools: RefCell<Vec<Pool>>,
    /// Idle connections, by backend and the pool's slot.
    links: RefCell<Vec<Vec<Option<Box<Link>>>>>,
    pub(super) waiting: Waiting,
    pub(super) commands: Stock,
    pub(super) interner: RefCell<StateInterner>,
    pub(super) texts: RefCell<TextInterner>,
    pub(super) users: Vec<User>,
    user_places: HashMap<Vec<u8>, UserIdx>,
    /// The state that a login gives.
    bases: RefCell<HashMap<BaseKey, Base>>,
    /// What the last login or reset gave the trackers: mostly the same for all.
    trackers: RefCell<Rc<TrackerSettings>>,
    /// Schemas that a user was let into.
    schemas: RefCell<HashSet<(u16, Vec<u8>)>>,
    pub(super) rsa: RsaKey,
    pub(super) draining: Cell<bool>,
    sessions: RefCell<FxHashMap<u32, Rc<SessionHandle>>>,
    bells: Vec<Doorbell>,
    returned: Box<dyn Fn(BackendIdx)>,
    pub(super) spawn: Spawn,
}

impl Lane {
    /// A lane without connections or sessions.
    pub(crate) fn new(parts: LaneParts) -> Rc<Self> {
        let settings = &parts.settings;
        let pools: Vec<_> = settings
            .backends
            .iter()
            .map(|backend| Pool::new(limits(settings, backend, parts.shard, parts.shards)))
            .collect();
        let users: Vec<User> = settings.users.iter().map(user).collect();
        let user_places = users
            .iter()
            .enumerate()
            .filter_map(|(i, user)| Some((user.name.clone(), UserIdx(u16::try_from(i).ok()?))))
            .collect();
        let backends = pools.len();
        Rc::new(Self {
            registrar: SessionRegistrar::new(parts.metrics.clone()),
            view: RefCell::new(parts.view),
            balancer: RefCell::new(Balancer::new(backends)),
            outstanding: RefCell::new(vec![0; backends]),
            pools: RefCell::new(pools),
            links: RefCell::new((0..backends).map(|_| Vec::new()).collect()),
            waiting: Waiting::default(),
            commands: Stock::default(),
            interner: RefCell::default(),
            texts: RefCell::default(),
            users,
            user_places,
            bases: RefCell::default(),
            trackers: RefCell::default(),
            schemas: RefCell::default(),
            draining: Cell::new(false),
            sessions: RefCell::default(),
            net: parts.net,
            settings: parts.settings,
            registry: parts.registry,
            metrics: parts.metrics,
            rsa: parts.rsa,
            bells: parts.bells,
            returned: parts.returned,
            spawn: parts.spawn,
        })
    }

    pub(super) fn user(&self, idx: UserIdx) -> &User {
        &self.users[usize::from(idx.0)]
    }

    pub(super) fn find_user(&self, name: &[u8]) -> Option<UserIdx> {
        self.user_places.get(name).copied()
    }

    /// A secret that decoys are made to look like.
    pub(super) fn any_secret(&self) -> Option<&Secret> {
        self.users.first().map(|user| &user.secret)
    }

    /// The plugin of the greeting: the servers' own, unless the settings name one.
    pub(super) fn offered_plugin(&self, greeting: &OfferedGreeting) -> Plugin {
        let name = self.settings.auth_plugin.map(|plugin| plugin.name().as_bytes());
        Plugin::from_name(name.unwrap_or(&greeting.auth_plugin))
            .unwrap_or(Plugin::MysqlNativePassword)
    }

    /// What the backends have in common; waits for the first to be known.
    pub(super) async fn greeting(&self) -> Option<OfferedGreeting> {
        let deadline = self.net.now() + self.settings.timeouts.connect;
        loop {
            let greeting = greeting_of(self);
            if greeting.is_some() || Instant::now() >= deadline {
                return greeting;
            }
            self.net.sleep_until(Instant::now() + Duration::from_millis(20)).elapsed().await;
        }
    }

    pub(super) fn server_kind(&self, mariadb: bool) -> ServerKind {
        let view = self.view.borrow();
        let mut known = view.iter().filter_map(|(_, backend)| backend.facts.as_ref());
        ServerKind {
            trackers: known.all(|facts| facts.has_trackers()),
            dialect: Dialect { mariadb, ..Dialect::default() },
        }
    }

    /// The present address of a backend, unless its name has not been resolved yet.
    pub(super) fn address(&self, backend: BackendIdx) -> Option<PeerAddress> {
        let settings = self.settings.backends.get(usize::from(backend.0))?;
        if let crate::config::Address::Unix(path) = &settings.address {
            return Some(PeerAddress::Unix(path.clone()));
        }
        let view = self.view.borrow();
        view.backend(backend)?.addresses.first().copied().map(PeerAddress::Tcp)
    }

    pub(super) fn backend_name(&self, backend: BackendIdx) -> &str {
        self.settings.backends.get(usize::from(backend.0)).map_or("?", |known| &known.name)
    }

    pub(super) fn backend_fault(&self, backend: BackendIdx, fault: BackendFault) -> Fault {
        Fault::Backend { backend: self.backend_name(backend).to_owned(), fault }
    }

    pub(super) fn intern(&self, state: ReplayState) -> Rc<ReplayState> {
        self.interner.borrow_mut().intern(state)
    }

    pub(super) fn base(&self, login: BaseKey) -> Option<Base> {
        self.bases.borrow().get(&login).cloned()
    }

    pub(super) fn learn_base(&self, login: BaseKey, base: Base) {
        self.bases.borrow_mut().insert(login, base);
    }

    /// A shared copy of `settings`.
    pub(super) fn trackers(&self, settings: TrackerSettings) -> Rc<TrackerSettings> {
        let mut last = self.trackers.borrow_mut();
        if **last != settings {
            *last = Rc::new(settings);
        }
        last.clone()
    }

    pub(super) fn knows_schema(&self, user: UserIdx, schema: &[u8]) -> bool {
        self.schemas.borrow().contains(&(user.0, schema.to_vec()))
    }

    pub(super) fn learn_schema(&self, user: UserIdx, schema: &[u8]) {
        let mut schemas = self.schemas.borrow_mut();
        // Bounded: whoever has more schemas than this asks the server again.
        if schemas.len() >= 4096 {
            schemas.clear();
        }
        schemas.insert((user.0, schema.to_vec()));
    }

    /// A backend answered.
    pub(super) fn alive(&self, backend: BackendIdx) {
        self.balancer.borrow_mut().on_success(backend);
        let counters = self.metrics.backend(usize::from(backend.0));
        let before = counters.health();
        if before != BackendHealth::Up {
            tracing::info!(backend = self.backend_name(backend), "up");
            counters.set_health(BackendHealth::Up, unix_ms());
        }
        if before == BackendHealth::Down {
            (self.returned)(backend);
        }
    }

    /// A backend could not be reached, or turned us away.
    pub(super) fn failed(&self, backend: BackendIdx, fault: &BackendFault) {
        let mut random = [0; 4];
        _ = getrandom::fill(&mut random);
        let jitter = u32::from_ne_bytes(random);
        self.balancer.borrow_mut().on_failure(backend, self.net.now(), jitter);
        let counters = self.metrics.backend(usize::from(backend.0));
        if counters.health() != BackendHealth::Down {
            tracing::warn!(backend = self.backend_name(backend), "down: {fault}");
            counters.set_health(BackendHealth::Down, unix_ms());
        }
    }

    /// Counts a request under way, until the guard is dropped.
    pub(super) fn outstanding_guard(self: &Rc<Self>, backend: BackendIdx) -> Outstanding {
        if let Some(count) = self.outstanding.borrow_mut().get_mut(usize::from(backend.0)) {
            *count += 1;
        }
        Outstanding { lane: self.clone(), backend }
    }

    /// Takes an idle connection's link out of its slot.
    pub(super) fn take_link(&self, backend: BackendIdx, conn: ConnId) -> Option<Box<Link>> {
        let mut links = self.links.borrow_mut();
        links.get_mut(usize::from(backend.0))?.get_mut(conn.0 as usize)?.take()
    }

    pub(super) fn put_link(&self, mut link: Box<Link>, conn: ConnId) {
        let mut links = self.links.borrow_mut();
        let Some(of_backend) = links.get_mut(usize::from(link.backend.0)) else { return };
        let slot = conn.0 as usize;
        if of_backend.len() <= slot {
            of_backend.resize_with(slot + 1, || None);
        }
        if Mutant::SwapConnections.is_on() {
            Mutant::mix_up(&mut link, of_backend);
        }
        of_backend[slot] = Some(link);
    }

    /// Idle connections whose server closed them, or spoke unasked.
    pub(super) fn dead_links(&self) -> Vec<(BackendIdx, ConnId)> {
        let mut dead = Vec::new();
        for of_backend in self.links.borrow().iter() {
            for (slot, link) in (0u32..).zip(of_backend) {
                if let Some(link) = link.as_ref().filter(|link| !link.inbox.is_quiet()) {
                    dead.push((link.backend, ConnId(slot)));
                }
            }
        }
        dead
    }

    /// Remembers a session, so that it can be ended.
    pub(super) fn register(&self, stream: &Stream, id: u32) -> Rc<SessionHandle> {
        let handle = Rc::new(SessionHandle {
            client: stream.aborter(),
            idle: Cell::new(false),
            bound: Cell::new(false),
        });
        self.sessions.borrow_mut().insert(id, handle.clone());
        handle
    }

    /// The shard's counters.
    pub(crate) fn metrics(&self) -> &Arc<ShardMetrics> {
        &self.metrics
    }

    /// Tells a client for whom there is no room.
    pub(crate) fn turn_away(&self, stream: &Stream) {
        let fault = Fault::from(super::fault::ProxyFault::TooManySessions);
        let mut out = Vec::new();
        put_packet(&mut out, 0, &fault.packet().unwrap_or_default());
        stream.send(out.into());
    }

    /// Opens a row for a new session.
    pub(crate) fn enter(
        &self,
        peer: Option<std::net::SocketAddr>,
    ) -> Option<crate::metrics::SessionEntry> {
        self.registrar.open(peer, unix_ms())
    }

    /// Forgets a session that has ended.
    pub(crate) fn forget(&self, id: u32) {
        self.sessions.borrow_mut().remove(&id);
    }

    /// Sessions that have not ended.
    pub(crate) fn sessions_len(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// Asks session `id`, wherever it is, to end.
    pub(super) fn request_kill(&self, id: u32, kind: KillKind) {
        if self.registry.request_kill(id, kind)
            && let Some(bell) = self.bells.get(shard_of(id))
        {
            bell.ring();
        }
    }

    /// Ends the sessions of this lane that were killed from anywhere.
    pub(crate) fn carry_out_kills(&self) {
        let sessions = self.sessions.borrow();
        let condemned: Vec<_> = self
            .metrics
            .sessions()
            .kills_pending()
            .into_iter()
            .filter(|(_, kind)| *kind == KillKind::Connection)
            .filter_map(|(id, _)| sessions.get(&id).cloned())
            .collect();
        drop(sessions);
        condemned.iter().for_each(|handle| handle.client.abort());
    }

    /// Ends every session that holds nothing of its client's; the others end when they do not.
    pub(crate) fn drain(&self, all: bool) {
        self.draining.set(true);
        let ending: Vec<_> = self
            .sessions
            .borrow()
            .values()
            .filter(|handle| all || (handle.idle.get() && !handle.bound.get()))
            .cloned()
            .collect();
        ending.iter().for_each(|handle| handle.client.abort());
    }

    /// Tells the pools' sessions what was planned for them.
    pub(super) fn serve_waiters(&self, backend: BackendIdx) {
        loop {
            let served = {
                let mut pools = self.pools.borrow_mut();
                let Some(pool) = pools.get_mut(usize::from(backend.0)) else { return };
                pool.serve_waiter(self.net.now())
            };
            let Some((owner, plan)) = served else { return };
            if !self.waiting.answer(&self.net, owner, plan) {
                self.undo(backend, plan);
            }
        }
    }

    /// Takes back a plan that nobody carries out.
    pub(super) fn undo(&self, backend: BackendIdx, plan: Plan) {
        if let Plan::Reuse(conn) | Plan::Dial(conn) | Plan::Replace(conn) = plan {
            drop(self.take_link(backend, conn));
            if let Some(pool) = self.pools.borrow_mut().get_mut(usize::from(backend.0)) {
                pool.discard(conn);
            }
        }
    }
}

/// A request under way; see [`Lane::outstanding_guard`].
pub(super) struct Outstanding {
    lane: Rc<Lane>,
    backend: BackendIdx,
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        let mut all = self.lane.outstanding.borrow_mut();
        if let Some(count) = all.get_mut(usize::from(self.backend.0)) {
            *count -= 1;
        }
    }
}

fn user(settings: &crate::config::UserSettings) -> User {
    let name = settings.name.clone().into_bytes();
    let backend_name = settings.backend_user.clone().map(String::into_bytes);
    User {
        backend_name: backend_name.unwrap_or_else(|| name.clone()),
        name,
        secret: match &settings.secret {
            PasswordSetting::Plain(password) => Secret::Password(password.clone().into_bytes()),
            PasswordSetting::Hash(hash) => Secret::NativeHash(*hash),
        },
        backend_secret: settings
            .backend_password
            .clone()
            .map(|password| BackendSecret::Password(password.into_bytes())),
        last_login: RefCell::new(None),
    }
}
