//! The `lanewire` command: reads the settings, starts the threads, waits for the end.

mod check;

use std::fs::OpenOptions;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use lanewire::admin::Admin;
use lanewire::auth::RsaKey;
use lanewire::cluster::{Backend, ClusterView, Role, Topology};
use lanewire::config::{self, Flags, Invocation, Listen, LogSettings, Settings};
use lanewire::metrics::Registry;
use lanewire::monitor::Monitor;
use lanewire::net::{bind_tcp, bind_unix, check_free, probe, raise_file_limit};
use lanewire::shard::{self, Control, ShardEnd, ShardParts, allowed_cores, place};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::EnvFilter;

/// What the main thread waits for.
enum Event {
    Stop(i32),
    Ended(usize, ShardEnd),
}

fn main() -> ExitCode {
    let invocation = match config::parse_args(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => error.exit(),
    };
    let result = match invocation {
        Invocation::Check(flags) => check::check(&flags),
        Invocation::Run(flags) => run(&flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{}", text.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Runs the proxy until it is told to stop.
fn run(flags: &Flags) -> Result<(), String> {
    let settings = Arc::new(settings(flags)?);
    start_logging(&settings.log)?;
    probe().map_err(|missing| missing.to_string())?;
    let cores = place(&allowed_cores(), settings.cores.as_deref(), settings.shards)
        .map_err(|error| error.to_string())?;
    let shards = cores.len();
    settings.check_shards(shards).map_err(|errors| lines(&errors))?;
    raise_file_limit(check::needs(&settings, cores.clone()).files_at_start())
        .map_err(|missing| missing.to_string())?;
    let topology = topology(&settings)?;
    let registry = Arc::new(Registry::new(shards, settings.backends.len()));
    let control = Control::new(shards, ClusterView::initial(&topology)).map_err(text)?;
    let listeners = listen(&settings, shards)?;
    let rsa = RsaKey::generate().map_err(text)?;

    let publishing = control.clone();
    let publish = Box::new(move |view| publishing.publish(view));
    let monitor = Monitor::spawn(settings.clone(), &topology, publish).map_err(text)?;
    let viewing = control.clone();
    let view = Arc::new(move || viewing.view());
    let _admin = Admin::spawn(settings.clone(), registry.clone(), view, rsa.clone())
        .map_err(|error| format!("admin port: {error}"))?;

    let (events, inbox) = mpsc::channel();
    watch_signals(&events)?;
    for ((shard, core), listeners) in cores.iter().copied().enumerate().zip(listeners) {
        let parts = ShardParts {
            shard,
            core,
            shards,
            settings: settings.clone(),
            registry: registry.clone(),
            rsa: rsa.clone(),
            control: control.clone(),
            poker: monitor.poker(),
            listeners,
        };
        let events = events.clone();
        let ended = move |end| _ = events.send(Event::Ended(shard, end));
        shard::spawn(parts, Box::new(ended))?;
    }
    tracing::info!(shards, ?cores, "ready on {}", addresses(&settings));
    wait(&inbox, &control, &settings, shards)
}

fn settings(flags: &Flags) -> Result<Settings, String> {
    let loaded = match &flags.config {
        None => config::assemble(None, flags),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| config::ConfigError::unreadable(path, &error).to_string())?;
            config::assemble(Some((path, &text)), flags)
        }
    };
    loaded.map_err(|errors| lines(&errors))
}

fn lines(errors: &[config::ConfigError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn start_logging(log: &LogSettings) -> Result<(), String> {
    let filter = EnvFilter::new(log.level.name());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    match &log.file {
        None => builder.with_writer(std::io::stderr).with_ansi(false).init(),
        Some(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| format!("--log-file {}: {error}", path.display()))?;
            builder.with_writer(file).with_ansi(false).init();
        }
    }
    Ok(())
}

fn topology(settings: &Settings) -> Result<Topology, String> {
    let backends = settings.backends.iter().map(|backend| Backend {
        name: backend.name.clone(),
        role: match backend.role {
            config::Role::Primary => Role::Primary,
            config::Role::Replica => Role::Replica,
        },
        weight: backend.weight,
    });
    Topology::new(backends.collect()).map_err(text)
}

/// Listening sockets, by shard.
fn listen(settings: &Settings, shards: usize) -> Result<Vec<Vec<std::os::fd::OwnedFd>>, String> {
    let mut all: Vec<Vec<_>> = (0..shards).map(|_| Vec::new()).collect();
    for listen in &settings.listen {
        match listen {
            Listen::Tcp(address) => {
                check_free(*address).map_err(text)?;
                for listeners in &mut all {
                    listeners.push(bind_tcp(*address).map_err(text)?);
                }
            }
            Listen::Unix(path) => {
                let one = bind_unix(path).map_err(text)?;
                for listeners in &mut all {
                    listeners.push(one.try_clone().map_err(text)?);
                }
            }
        }
    }
    Ok(all)
}

fn addresses(settings: &Settings) -> String {
    settings.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn watch_signals(events: &mpsc::Sender<Event>) -> Result<(), String> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(text)?;
    let events = events.clone();
    let watch = move || {
        for signal in signals.forever() {
            if events.send(Event::Stop(signal)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(watch).map_err(text)?;
    Ok(())
}

/// Waits for a signal and the shards' orderly end, or for a shard that ends without being asked.
fn wait(
    inbox: &Receiver<Event>,
    control: &Control,
    settings: &Settings,
    shards: usize,
) -> Result<(), String> {
    let mut running = shards;
    let mut stopping = false;
    for event in inbox {
        match event {
            Event::Stop(SIGINT) if stopping => {
                return Err("interrupted again: ended without draining".to_owned());
            }
            Event::Stop(_) if stopping => {}
            Event::Stop(signal) => {
                stopping = true;
                let patience = settings.timeouts.drain;
                tracing::info!("signal {signal}: draining for at most {patience:?}");
                control.drain(patience);
            }
            Event::Ended(shard, ShardEnd::Died(why)) => {
                return Err(format!("shard {shard} died: {why}; the process ends with it"));
            }
            Event::Ended(_, ShardEnd::Drained) => {
                running -= 1;
                if running == 0 {
                    break;
                }
            }
        }
    }
    for listen in &settings.listen {
        if let Listen::Unix(path) = listen {
            _ = std::fs::remove_file(path);
        }
    }
    tracing::info!("drained");
    Ok(())
}
