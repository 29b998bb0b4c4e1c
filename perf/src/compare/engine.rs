//! The engines that are compared: what `perf/engines/*.toml` says of each, and how it is started.

use crate::client::{Address, Client, Options};
use crate::process::{Process, which};
use crate::servers::{free_ports, tools_folder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/engines");
/// How long an engine may take until reads are answered by the replica.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// A definition file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Engine {
    #[serde(skip)]
    pub(super) name: String,
    /// One sentence.
    pub(super) about: String,
    /// Its place in the tables.
    rank: u32,
    /// Its program: on the PATH, among the tools or beside this one. None: nothing is started and
    /// the load speaks to the replica.
    program: Option<String>,
    /// How to get the program.
    #[serde(default)]
    missing: String,
    /// Arguments with which the program prints its version.
    #[serde(default)]
    version: Vec<String>,
    /// Its arguments.
    #[serde(default)]
    arguments: Vec<String>,
    /// Files that are written before it starts, by name.
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// What the `{words}` in a definition stand for.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `host:port` of the primary and of the replica.
    pub(super) primary: String,
    pub(super) replica: String,
    /// Backend connections, at the most and kept.
    pub(super) connections: usize,
    pub(super) shards: usize,
    /// The cores of the engine, as `taskset` takes them.
    pub(super) cores: String,
}

/// An engine that answers; dropped, it is stopped.
#[derive(Debug)]
pub(super) struct Running {
    /// Where clients connect.
    pub(super) address: String,
    /// Where the admin port is, if it has one.
    pub(super) admin: String,
    process: Option<Process>,
}

impl Running {
    /// The process; none where there is no proxy.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.process.iter().map(Process::id).collect()
    }
}

/// All definitions, in the order of their ranks.
///
/// # Errors
/// A file cannot be read or is no definition.
pub(super) fn load() -> Result<Vec<Engine>, Box<dyn Error>> {
    let mut engines = Vec::new();
    for entry in std::fs::read_dir(FOLDER).map_err(|error| format!("{FOLDER}: {error}"))? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let parsed: Result<Engine, _> = toml::from_str(&text);
        let mut engine = parsed.map_err(|error| format!("{}: {error}", path.display()))?;
        engine.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        engines.push(engine);
    }
    engines.sort_by_key(|engine| engine.rank);
    Ok(engines)
}

impl Engine {
    /// Why it cannot run here, if it cannot.
    pub(super) fn absent(&self) -> Option<String> {
        let program = self.program.as_ref()?;
        let here = self.path().is_none();
        here.then(|| format!("{program} is not installed ({})", self.missing))
    }

    /// The first line of what its program prints when asked for its version.
    pub(super) fn version(&self) -> Option<String> {
        if self.version.is_empty() {
            return None;
        }
        let output = Command::new(self.path()?).args(&self.version).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }

    fn path(&self) -> Option<PathBuf> {
        let program = self.program.as_deref()?;
        if let (Some(named), "lanewire") = (std::env::var_os("LANEWIRE_BINARY"), program) {
            return Some(named.into());
        }
        let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name(program));
        let tool = tools_folder().join("bin").join(program);
        beside.into_iter().chain([tool]).find(|path| path.is_file()).or_else(|| which(program))
    }

    /// Starts it in front of the two servers and waits until a read is answered by the replica.
    ///
    /// # Errors
    /// It is not installed, does not start, or does not do that.
    pub(super) fn start(&self, place: &Place, folder: &Path) -> Result<Running, Box<dyn Error>> {
        if self.program.is_none() {
            let address = place.replica.clone();
            return Ok(Running { address, admin: String::new(), process: None });
        }
        let path = self.path().ok_or_else(|| self.absent().unwrap_or_default())?;
        let folder = tempfile::Builder::new().prefix(&self.name).tempdir_in(folder)?.keep();
        let ports = free_ports(2)?;
        let words = Words { place, folder: &folder, ports: [ports[0], ports[1]] };
        for (name, text) in &self.files {
            std::fs::write(folder.join(name), words.put_into(text))?;
        }
        let mut command = Command::new("taskset");
        command.args(["-c", &place.cores]).arg(path);
        command.args(self.arguments.iter().map(|argument| words.put_into(argument)));
        let process = Process::start(command, &folder.join("log"))?;
        let (address, admin) = (words.address(0), words.address(1));
        let mut running = Running { address, admin, process: Some(process) };
        running.wait_until_it_splits().map_err(|why| format!("{}: {why}", self.name))?;
        Ok(running)
    }
}

impl Running {
    fn wait_until_it_splits(&mut self) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let answer = server_id(&self.address);
            if matches!(&answer, Ok(Some(id)) if id == "2") {
                return Ok(());
            }
            let Some(process) = &mut self.process else { return Ok(()) };
            let ended = process.ended()?.is_some();
            if ended || Instant::now() > deadline {
                let what = match answer {
                    Ok(_) => "reads are not answered by the replica".into(),
                    Err(error) => format!("does not answer: {error}"),
                };
                return Err(format!("{what}\n{}", process.log_tail()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The table by which a server of a database says who it is; a stub answers any read with its name
/// in the last column.
pub(super) const WHO: &str = "test.compare_who";

/// The id of the server that a read is answered by: 1 is the primary, 2 the replica.
fn server_id(address: &str) -> Result<Option<String>, crate::client::Error> {
    let options = Options::new(Address::Tcp(address.into()), "app", "app");
    let mut client = Client::connect(&options.timeout(Duration::from_secs(2)))?;
    let rows = client.must(&format!("SELECT id FROM {WHO}"))?.table();
    client.quit()?;
    Ok(rows.into_iter().next().and_then(|mut row| row.pop()))
}

/// Puts values for the words in braces.
struct Words<'a> {
    place: &'a Place,
    folder: &'a Path,
    ports: [u16; 2],
}

impl Words<'_> {
    fn address(&self, at: usize) -> String {
        format!("127.0.0.1:{}", self.ports[at])
    }

    fn put_into(&self, text: &str) -> String {
        let Place { primary, replica, connections, shards, .. } = self.place;
        let port_of = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        [
            ("{port}", self.ports[0].to_string()),
            ("{admin_port}", self.ports[1].to_string()),
            ("{primary}", primary.clone()),
            ("{replica}", replica.clone()),
            ("{primary_port}", port_of(primary)),
            ("{replica_port}", port_of(replica)),
            ("{connections}", connections.to_string()),
            ("{shards}", shards.to_string()),
            ("{folder}", self.folder.display().to_string()),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (word, value)| text.replace(word, &value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            primary: "127.0.0.1:1001".into(),
            replica: "127.0.0.1:1002".into(),
            connections: 40,
            shards: 1,
            cores: "0".into(),
        }
    }

    #[test]
    fn definitions_are_right_and_every_word_has_a_value() {
        let engines = load().unwrap();
        let names: Vec<&str> = engines.iter().map(|engine| engine.name.as_str()).collect();
        assert_eq!(names[..4], ["direct", "splice", "lanewire", "haproxy"]);
        let place = place();
        let words = Words { place: &place, folder: Path::new("/f"), ports: [1, 2] };
        for engine in engines {
            assert!(!engine.about.is_empty());
            assert!(engine.program.is_none() || !engine.missing.is_empty(), "{}", engine.name);
            for text in engine.files.values().chain(&engine.arguments) {
                let text = words.put_into(text);
                let word = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
                let left = word.map(|(word, _)| word).find(|word| {
                    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                });
                assert_eq!(left, None, "{}: {text}", engine.name);
            }
        }
    }

    #[test]
    fn an_engine_that_is_not_here_says_how_to_get_it() {
        let text = "about='x'\nrank=1\nprogram='no-such-program'\nmissing='buy it'";
        let engine: Engine = toml::from_str(text).unwrap();
        assert!(engine.absent().unwrap().contains("buy it"));
        assert!(engine.start(&place(), Path::new("/tmp")).is_err());
    }
}
