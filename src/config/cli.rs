//! The command line: mysql-proxy's names where it had one.
#![expect(rustdoc::broken_intra_doc_links, reason = "the flags' docs are the text of --help")]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use super::replaced::replaced_flags;

/// What the command line asks for.
#[expect(clippy::large_enum_variant, reason = "there is one of them in a process")]
pub enum Invocation {
    /// Run the proxy with these flags.
    Run(Flags),
    /// Check the file or the machine, print the answer, exit with 0 or 1.
    Check(CheckFlags),
}

#[derive(Parser)]
#[command(
    name = "lanewire",
    version,
    about = "A read/write-splitting proxy for MySQL and MariaDB",
    long_about = ABOUT,
    after_long_help = AFTER,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Action {
    /// Say what is wrong with a configuration file, and where; exit 0 if nothing is. With --tuning,
    /// say what of the machine differs from tuning.md; exit 0 if Lanewire runs on it
    Check(CheckFlags),
}

/// What `lanewire check` is given.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckFlags {
    /// The file
    #[arg(long, visible_alias = "defaults-file", value_name = "FILE")]
    #[arg(required_unless_present = "tuning")]
    pub config: Option<PathBuf>,

    /// Read the machine, and compare it with tuning.md and with what the file needs, if one is given
    #[arg(long)]
    pub tuning: bool,

    /// Clients at the same time that the machine should be ready for [default: 10000]
    #[arg(long, value_name = "N", requires = "tuning")]
    #[arg(value_parser = clap::value_parser!(u64).range(..=100_000_000))]
    pub clients: Option<u64>,
}

/// The flags as given: text, checked together with the file by [`assemble`](super::assemble).
/// There is no `Debug` form, since it would show passwords.
#[derive(Args, Clone, Default)]
pub struct Flags {
    /// Read settings from this TOML file; flags win over it
    #[arg(long, visible_alias = "defaults-file", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Listen for clients here: IP:PORT, [IPv6]:PORT, :PORT or a Unix socket's path; may be
    /// repeated [default: 127.0.0.1:4040]
    #[arg(short = 'P', long, value_name = "ADDRESS", value_delimiter = ',')]
    #[arg(help_heading = CLIENTS)]
    pub proxy_address: Vec<String>,

    /// Let this account log in, with its password or the *HASH that SELECT PASSWORD('…') shows;
    /// may be repeated. Other users of the machine can see it in the process list: prefer the file
    #[arg(long, value_name = "NAME:PASSWORD", help_heading = CLIENTS)]
    pub user: Vec<String>,

    /// Primaries: servers that take writes; HOST[:PORT], [IPv6][:PORT] or a Unix socket's path,
    /// separated by commas or repeated; they replace the file's [port default: 3306]
    #[arg(short = 'b', long, value_name = "ADDRESS", value_delimiter = ',')]
    #[arg(help_heading = SERVERS)]
    pub proxy_backend_addresses: Vec<String>,

    /// Replicas: servers that take reads; written like the primaries
    #[arg(short = 'r', long, value_name = "ADDRESS", value_delimiter = ',')]
    #[arg(help_heading = SERVERS)]
    pub proxy_read_only_backend_addresses: Vec<String>,

    /// Give up connecting and logging in to a server after this time [default: 5s]
    #[arg(long, value_name = "DURATION", help_heading = SERVERS)]
    pub proxy_connect_timeout: Option<String>,

    /// Shards: executors with a core each [default: one per allowed core]
    #[arg(long, visible_alias = "event-threads", value_name = "N", help_heading = MACHINE)]
    pub shards: Option<String>,

    /// Cores to run on, such as 2-5,8 [default: all that the process may use]
    #[arg(long, value_name = "LIST", help_heading = MACHINE)]
    pub cores: Option<String>,

    /// After SIGTERM or SIGINT, let transactions end within this time [default: 30s]
    #[arg(long, value_name = "DURATION", help_heading = MACHINE)]
    pub drain_timeout: Option<String>,

    /// Listen for the admin here: IP:PORT, or off [default: 127.0.0.1:4041]
    #[arg(long, value_name = "ADDRESS", help_heading = ADMIN)]
    pub admin_address: Option<String>,

    /// Account of the admin port [default: admin]
    #[arg(long, value_name = "NAME", help_heading = ADMIN)]
    pub admin_username: Option<String>,

    /// Its password; needed unless the port is on a loopback address [default: none]
    #[arg(long, value_name = "PASSWORD", help_heading = ADMIN)]
    pub admin_password: Option<String>,

    /// Log this much: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", help_heading = LOG)]
    pub log_level: Option<String>,

    /// Append the log to this file [default: stderr]
    #[arg(long, value_name = "FILE", help_heading = LOG)]
    pub log_file: Option<String>,
}

const CLIENTS: &str = "Clients";
const SERVERS: &str = "Servers";
const MACHINE: &str = "Machine";
const ADMIN: &str = "Admin port";
const LOG: &str = "Log";

/// Reads a command line, the program's name first.
///
/// # Errors
/// A usage error, or `--help` and `--version` in clap's manner: print it and leave with its exit
/// code (`error.exit()`).
pub fn parse_args(
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<Invocation, clap::Error> {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let gone = replaced_flags(args.iter().filter_map(|arg| arg.to_str()));
    if !gone.is_empty() {
        let text =
            format!("mysql-proxy's flags that Lanewire does not have:\n  {}\n", gone.join("\n  "));
        return Err(Cli::command().error(ErrorKind::UnknownArgument, text));
    }
    let cli = Cli::try_parse_from(args)?;
    Ok(match cli.action {
        Some(Action::Check(flags)) => Invocation::Check(flags),
        None => Invocation::Run(cli.flags),
    })
}

const ABOUT: &str = "\
Lanewire speaks the MySQL protocol to clients at one address, sends reads to replicas and
everything else to the primary, and shares few server connections among many clients. Towards a
client it behaves as one server would: a session whose state cannot be moved stays on its
connection, a transaction on its server.

Durations are a number and ms, s, m, h or d, or a number of seconds. Flags win over the file.";

const AFTER: &str = "\
File:
  TOML; every key is optional but for a primary and a user. Defaults are shown.

  [proxy]
  listen = [\"127.0.0.1:4040\"]      # IP:PORT, [IPv6]:PORT, :PORT, /path
  shards = 4                        # default: one per core
  cores = \"2-5,8\"                   # default: all that are allowed
  drain-timeout = \"30s\"
  auth-plugin = \"caching_sha2_password\"   # or mysql_native_password; default: the servers' own
  server-version = \"8.0.36\"         # default: the servers' own

  [[backend]]                       # one for each server
  address = \"db1:3306\"              # HOST[:PORT], [IPv6][:PORT], /path
  name = \"db1\"                      # default: the address
  role = \"primary\"                  # default: replica
  weight = 1                        # share of reads, 0 (none) to 1000
                                    # and max-connections, min-idle, max-idle, else [pool]'s

  [pool]                            # totals per server, divided over the shards
  max-connections = 100
  min-idle = 4
  max-idle = 8
  queue-len-max = 1024              # sessions waiting for a server, per shard
  connection-max-lifetime = \"1h\"    # 0: no limit
  connection-idle = \"10m\"           # 0: no limit

  [[user]]                          # one for each account
  name = \"app\"
  password = \"secret\"               # or \"*\" and 40 hexadecimal digits
  backend-user = \"app\"              # default: the same name
  backend-password = \"secret\"       # default: the client's

  [timeouts]
  connect = \"5s\"                    # to a server, with its login
  login = \"10s\"                     # of a client
  queue = \"10s\"                     # waiting for a server connection
  client-idle = \"8h\"                # 0: no limit

  [admin]
  address = \"127.0.0.1:4041\"        # or off
  username = \"admin\"
  password = \"\"

  [log]
  level = \"info\"                    # error, warn, info, debug, trace
  file = \"/var/log/lanewire.log\"    # default: stderr

  [sql]
  pin-on-call = true                # CALL keeps the session on its connection
  max-prepared-per-connection = 100 # prepared statements kept on a server connection

Examples:
  A primary, two replicas and one account:
    lanewire -b db1 -r db2,db3 --user app:secret
  On four cores, reachable from other machines, settings from a file:
    lanewire --config /etc/lanewire.toml --cores 2-5 --proxy-address :4040
  Is the file sound?
    lanewire check --config /etc/lanewire.toml
  Is the machine?
    lanewire check --tuning --config /etc/lanewire.toml
  What is the proxy doing?
    mariadb -h 127.0.0.1 -P 4041 -u admin -e 'SELECT * FROM backends'

Signals:
  SIGTERM, SIGINT  take no new connections, let transactions end, leave

Exit status:
  0  stopped as asked, or the file is sound; with --tuning: Lanewire runs on this machine
  1  the settings are wrong, or the proxy could not start or go on
  2  the command line is wrong";

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> Flags {
        match parse_args(line.split(' ')).map_err(|error| error.to_string()) {
            Ok(Invocation::Run(flags)) => flags,
            Ok(Invocation::Check(flags)) => panic!("check {flags:?}"),
            Err(error) => panic!("{error}"),
        }
    }

    fn error(line: &str) -> clap::Error {
        let Err(error) = parse_args(line.split(' ')) else { panic!("{line} is accepted") };
        error
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mysql_proxys_names() {
        let flags = flags(
            "lanewire --proxy-address=:4040 -b db1,db2:3307 -r [::1]:3306 -r /run/db.sock \
             --proxy-connect-timeout 2.5 --admin-address :4041 --admin-username root \
             --admin-password s3 --event-threads 4 --log-level message --log-file /x \
             --defaults-file f.toml --user a:b,c --user d:*0",
        );
        assert_eq!(flags.proxy_address, [":4040"]);
        assert_eq!(flags.proxy_backend_addresses, ["db1", "db2:3307"]);
        assert_eq!(flags.proxy_read_only_backend_addresses, ["[::1]:3306", "/run/db.sock"]);
        assert_eq!(flags.proxy_connect_timeout.as_deref(), Some("2.5"));
        assert_eq!((flags.shards.as_deref(), flags.cores), (Some("4"), None));
        assert_eq!(flags.user, ["a:b,c", "d:*0"]);
        assert_eq!(flags.config, Some(PathBuf::from("f.toml")));
    }

    #[test]
    fn check_takes_a_file() {
        let args = ["lanewire", "check", "--config", "f.toml"];
        let Ok(Invocation::Check(flags)) = parse_args(args) else { panic!("no check") };
        assert_eq!((flags.config, flags.tuning), (Some(PathBuf::from("f.toml")), false));
        assert_eq!(error("lanewire check").exit_code(), 2);
    }

    #[test]
    fn check_looks_at_the_machine() {
        let args = ["lanewire", "check", "--tuning", "--clients", "200"];
        let Ok(Invocation::Check(flags)) = parse_args(args) else { panic!("no check") };
        assert_eq!(flags, CheckFlags { config: None, tuning: true, clients: Some(200) });
        assert_eq!(error("lanewire check --config f.toml --clients 200").exit_code(), 2);
    }

    #[test]
    fn gone_flags_say_what_takes_their_place() {
        let gone = error("lanewire --daemon --plugins=proxy --proxy-lua-script=rw.lua -b db1");
        assert_eq!(gone.exit_code(), 2);
        let text = gone.to_string();
        for part in ["--daemon: ", "--plugins: ", "--proxy-lua-script: read/write splitting is"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(error("lanewire --nonsense").to_string().contains("--nonsense"));
    }

    #[test]
    fn help_shows_the_file_and_examples() {
        let error = error("lanewire --help");
        assert_eq!((error.exit_code(), error.kind()), (0, ErrorKind::DisplayHelp));
        let text = error.to_string();
        for part in ["Servers:", "[[backend]]", "Examples:", "Exit status:", "[default: 5s]"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    /// The file shown in `--help` is what the loader reads, and its values are the defaults.
    #[test]
    fn the_file_in_the_help_is_sound() {
        let shown = AFTER.split("\n\n").skip(1).take_while(|part| part.starts_with("  ["));
        let text = shown.map(|part| part.replace("\n  ", "\n").trim_start().to_owned() + "\n");
        let text: String = text.collect();
        let settings = crate::config::load(std::path::Path::new("help"), &text);
        let settings = settings.unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
        let default = crate::config::Settings::default();
        assert_eq!(settings.listen, default.listen);
        assert_eq!(settings.timeouts, default.timeouts);
        assert_eq!(settings.admin, default.admin);
        assert_eq!(settings.sql, default.sql);
        assert_eq!(settings.queue_len_max, default.queue_len_max);
        // The default is the servers' own.
        assert!(settings.auth_plugin.is_some() && default.auth_plugin.is_none());
        let backend = &settings.backends[0];
        let limits = (backend.max_connections, backend.min_idle, backend.max_idle);
        assert_eq!((limits, backend.weight), ((100, 4, 8), 1));
    }
}
