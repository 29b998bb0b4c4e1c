//! The drivers, their programs, and how those are run.

use crate::compare::Output;
use crate::servers::World;
use lanewire_perf::process::{describe, which};
use lanewire_perf::servers::tools_folder;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take.
const PLAY_TIMEOUT: Duration = Duration::from_secs(180);

/// A driver and its program.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) name: &'static str,
    language: Language,
    /// The program's argument, where one program plays several drivers.
    argument: &'static str,
    /// What must be there: a module of the language, as its check takes it.
    module: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Language {
    Python(&'static str),
    Node,
    /// A program that the installer has built.
    Built,
    Java,
    Php(&'static str),
    Perl,
    Ruby,
    Shell(&'static str),
}

const fn driver(
    name: &'static str,
    language: Language,
    argument: &'static str,
    module: &'static str,
) -> Driver {
    Driver { name, language, argument, module }
}

const DRIVERS: &[Driver] = &[
    driver("PyMySQL", Language::Python("dbapi.py"), "pymysql", "pymysql"),
    driver("mysqlclient", Language::Python("dbapi.py"), "mysqlclient", "MySQLdb"),
    driver(
        "mysql-connector-pure",
        Language::Python("dbapi.py"),
        "connector-pure",
        "mysql.connector",
    ),
    driver("mysql-connector-c", Language::Python("dbapi.py"), "connector-c", "_mysql_connector"),
    driver("mariadb-connector-python", Language::Python("dbapi.py"), "mariadb", "mariadb"),
    driver("SQLAlchemy", Language::Python("alchemy.py"), "", "sqlalchemy"),
    driver("Django", Language::Python("models.py"), "", "django"),
    driver("node-mysql2", Language::Node, "mysql2", "mysql2"),
    driver("node-mariadb", Language::Node, "mariadb", "mariadb"),
    driver("mysql_async", Language::Built, "", "target/debug/mysql_async"),
    driver("sqlx", Language::Built, "", "target/debug/sqlx"),
    driver("go-sql-driver", Language::Built, "", "go-sql-driver"),
    driver("mariadb-connector-j", Language::Java, "", "/usr/share/java/mariadb-java-client.jar"),
    driver("php-pdo", Language::Php("pdo.php"), "", "pdo_mysql"),
    driver("php-mysqli", Language::Php("mysqli.php"), "", "mysqli"),
    driver("perl-dbd-mysql", Language::Perl, "mysql", "DBD::mysql"),
    driver("perl-dbd-mariadb", Language::Perl, "MariaDB", "DBD::MariaDB"),
    driver("ruby-mysql2", Language::Ruby, "", "mysql2"),
    driver("mariadb-cli", Language::Shell("cli.sh"), "mariadb", ""),
    driver("mysql-cli", Language::Shell("cli.sh"), "mysql", ""),
    driver("mariadb-dump", Language::Shell("dump.sh"), "mariadb-dump mariadb", ""),
    driver("mysqldump", Language::Shell("dump.sh"), "mysqldump mysql", ""),
];

/// All of them, in the table's order.
pub(crate) const fn all() -> &'static [Driver] {
    DRIVERS
}

/// Where programs and installed drivers lie.
fn installed() -> PathBuf {
    tools_folder().join("conformance")
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/drivers")
}

/// Where transcripts go.
pub(crate) fn output_folder(flavor: &str) -> PathBuf {
    installed().join("out").join(flavor)
}

impl Driver {
    /// Why it cannot be played on this machine.
    pub(crate) fn missing(&self) -> Option<String> {
        let module = self.module;
        let not_here = |file: &Path| {
            let installed = file.exists();
            (!installed).then(|| format!("{} is not installed", file.display()))
        };
        match self.language {
            Language::Python(_) => lacks(python(), &["-c", &format!("import {module}")]),
            Language::Node => not_here(&node_modules().join(module)),
            Language::Built => not_here(&installed().join(module)),
            Language::Java => {
                let jar = Path::new(module);
                not_here(jar).or_else(|| not_here(&installed().join("java/Main.class")))
            }
            Language::Php(_) => {
                let check = format!("exit(extension_loaded('{module}') ? 0 : 1);");
                lacks("php", &["-r", &check])
            }
            Language::Perl => lacks("perl", &["-e", &format!("use DBI; use {module};")]),
            Language::Ruby => lacks("ruby", &["-e", &format!("require '{module}'")]),
            Language::Shell(_) => {
                self.argument.split(' ').find_map(|name| client_program(name).err())
            }
        }
    }

    /// Runs the program against a port.
    pub(crate) fn play(&self, world: &World, port: u16) -> Result<Output, String> {
        let mut command = self.command();
        command
            .env("CONFORM_HOST", "127.0.0.1")
            .env("CONFORM_PORT", port.to_string())
            .env("CONFORM_SERVER", world.flavor_name())
            .env("CONFORM_SETTLE", world.settle_port().to_string())
            .env("CONFORM_SCRIPT", world.script())
            .env("CONFORM_LOCAL_FILE", world.local_file())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(world.folder());
        finish(command).map_err(|error| format!("{}: {error}", self.name))
    }

    fn command(&self) -> Command {
        let sources = sources();
        let mut command;
        match self.language {
            Language::Python(file) => {
                command = Command::new(python());
                command.arg(sources.join("python").join(file));
            }
            Language::Node => {
                command = Command::new("node");
                command.arg(sources.join("node/main.js"));
                command.env("CONFORM_MODULES", node_modules());
            }
            Language::Built => command = Command::new(installed().join(self.module)),
            Language::Java => {
                let classes = installed().join("java");
                command = Command::new("java");
                command.arg("-cp").arg(format!("{}:{}", self.module, classes.display()));
                command.arg("Main");
            }
            Language::Php(file) => {
                command = Command::new("php");
                command.args(["-d", "mysqli.allow_local_infile=1"]);
                command.arg(sources.join("php").join(file));
            }
            Language::Perl => {
                command = Command::new("perl");
                command.arg(sources.join("perl/dbi.pl"));
            }
            Language::Ruby => {
                command = Command::new("ruby");
                command.arg(sources.join("ruby/main.rb"));
            }
            Language::Shell(file) => {
                let (dump, client) = self.argument.split_once(' ').unwrap_or(("", self.argument));
                command = Command::new("bash");
                command.arg(sources.join("shell").join(file));
                command.env("CONFORM_CLIENT", client_program(client).unwrap_or_default());
                command.env("CONFORM_DUMP", client_program(dump).unwrap_or_default());
                command.env("CONFORM_OPTIONS", client_options(client));
            }
        }
        command.arg(self.argument);
        command
    }
}

fn python() -> PathBuf {
    installed().join("venv/bin/python")
}

fn node_modules() -> PathBuf {
    installed().join("node/node_modules")
}

/// Why a language does not have a driver, as its own interpreter says.
fn lacks(program: impl AsRef<OsStr>, check: &[&str]) -> Option<String> {
    let program = program.as_ref();
    let output = Command::new(program).args(check).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = words.lines().rev().find(|line| !line.trim().is_empty());
            Some(last.unwrap_or("the driver is not installed").to_owned())
        }
        Err(error) => Some(format!("{}: {error}", program.display())),
    }
}

/// The words that start a client program: the system's, and MySQL's own out of the tools folder
/// with their own loader, since they are built for a newer system than this one may be.
fn client_program(name: &str) -> Result<OsString, String> {
    let root = installed().join("mysql-client");
    let program = root.join("usr/bin").join(name);
    if name.starts_with("mariadb") {
        return which(name)
            .map(PathBuf::into_os_string)
            .ok_or_else(|| format!("{name} is not installed"));
    }
    if !program.is_file() {
        return Err(format!("{name} of MySQL's is not installed"));
    }
    let loader = root.join("usr/lib64/ld-linux-x86-64.so.2");
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let words = [
        loader.as_os_str(),
        OsStr::new("--argv0"),
        OsStr::new(name),
        OsStr::new("--library-path"),
        libraries.as_os_str(),
        program.as_os_str(),
    ];
    Ok(words.join(OsStr::new(" ")))
}

/// Without TLS, which Lanewire does not speak, in each client's own words.
fn client_options(name: &str) -> String {
    if name.starts_with("mariadb") {
        return "--skip-ssl".into();
    }
    let plugins = installed().join("mysql-client/usr/lib/mysql/plugin");
    format!("--ssl-mode=DISABLED --plugin-dir={}", plugins.display())
}

/// Runs a program to its end, at most [`PLAY_TIMEOUT`].
fn finish(mut command: Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let text = drained(child.stdout.take());
    let complaints = drained(child.stderr.take());
    let end = end_of(&mut child)?;
    let join = |reader: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    };
    let (text, complaints) = (join(text), join(complaints));
    let end = end.map(|end| {
        let last = complaints.lines().rev().find(|line| !line.trim().is_empty());
        format!("{end}: {}", last.unwrap_or_default())
    });
    Ok(Output { text, end })
}

fn drained(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Waits for a program; says how it ended where that was not exit code 0.
fn end_of(child: &mut Child) -> std::io::Result<Option<String>> {
    let deadline = Instant::now() + PLAY_TIMEOUT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((!status.success()).then(|| describe(status)));
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(Some(format!("no end within {} s", PLAY_TIMEOUT.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
