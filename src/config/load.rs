//! From the file and the flags to the settings: section by section, the flags over the file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::backends::read_backends;
use super::cli::Flags;
use super::document::{Entry, Kind, Report, Section, Source};
use super::duration::{parse_duration, parse_limit, parse_timeout};
use super::error::ConfigError;
use super::parse::{name, number, one_of, parse_cores, parse_listen, parse_socket_address};
use super::settings::{
    AdminSettings, AuthPlugin, Listen, LogLevel, LogSettings, Settings, SqlSettings, Timeouts,
};
use super::users::read_users;
use super::validate::validate;

/// Shards that session ids have room for.
pub(super) const SHARDS_MAX: usize = 256;
/// Prepared statements on one server connection: MySQL's own limit for a whole server is 16,382.
const PREPARED_MAX: usize = 10_000;
/// What a duration may be written as.
const DURATION: &[Kind] = &[Kind::Text, Kind::Integer, Kind::Float];

/// The settings of the file `path`, whose text is given.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines.
pub fn load(path: &Path, text: &str) -> Result<Settings, Vec<ConfigError>> {
    assemble(Some((path, text)), &Flags::default())
}

/// `lanewire check`: `F: ok` and a line feed, or the errors, one a line.
///
/// # Errors
/// The text of the errors.
pub fn check(path: &Path, text: &str) -> Result<String, String> {
    match load(path, text) {
        Ok(_) => Ok(format!("{}: ok\n", path.display())),
        Err(errors) => Err(errors.iter().fold(String::new(), |mut all, error| {
            // Writing to a String cannot fail.
            let _ = writeln!(all, "{error}");
            all
        })),
    }
}

/// The settings of a file, if there is one, and the flags, which win.
///
/// # Errors
/// Everything that is wrong: first the file in the order of its lines, then the flags.
pub fn assemble(file: Option<(&Path, &str)>, flags: &Flags) -> Result<Settings, Vec<ConfigError>> {
    let report = Report::default();
    let (path, text) = file.unwrap_or((Path::new("command line"), ""));
    let source = Source::new(path, text);
    let settings = source.parse(&report).map(|document| {
        let root = Section::new(source, "", Some(document.get_ref()), &(0..0));
        read_root(root, flags, &report)
    });
    let errors = report.into_errors();
    match settings {
        Some(settings) if errors.is_empty() => Ok(settings),
        _ => Err(errors),
    }
}

fn read_root(root: Section<'_>, flags: &Flags, report: &Report) -> Settings {
    let mut settings = Settings::default();
    let written = read_proxy(root.table("proxy", report), flags, report, &mut settings);
    let pool = root.table("pool", report);
    read_pool_times(&pool, report, &mut settings);
    settings.backends = read_backends(&root, pool, flags, settings.shards, report);
    settings.users = read_users(&root, flags, report);
    read_timeouts(root.table("timeouts", report), flags, report, &mut settings.timeouts);
    read_admin(root.table("admin", report), flags, report, &mut settings.admin);
    read_log(root.table("log", report), flags, report, &mut settings.log);
    read_sql(root.table("sql", report), report, &mut settings.sql);
    validate(&root, &settings, &written, report);
    root.finish(report);
    settings
}

/// Sets `slot` where there is a sound value.
pub(super) fn put<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

/// The flag if it is given, else the file's value.
pub(super) fn over(flag: Option<&String>, name: &str, file: Option<Entry>) -> Option<Entry> {
    flag.map(|text| Entry::flag(name, text)).or(file)
}

/// What of `[proxy]` is checked against other settings, as it was written.
pub(super) struct Written {
    pub(super) listen: Vec<(Listen, Entry)>,
    pub(super) shards: Option<Entry>,
}

fn read_proxy(
    section: Section<'_>,
    flags: &Flags,
    report: &Report,
    settings: &mut Settings,
) -> Written {
    let mut listen_written = Vec::new();
    let listen = section.list("listen");
    let given = flags.proxy_address.iter().map(|text| Entry::flag("proxy-address", text));
    let given: Vec<_> = given.collect();
    if let Some(entries) = (!given.is_empty()).then_some(given).or(listen) {
        let read = |entry: Entry| Some((report.read(&entry, &[Kind::Text], parse_listen)?, entry));
        listen_written = entries.into_iter().filter_map(read).collect();
        settings.listen = listen_written.iter().map(|(listen, _)| listen.clone()).collect();
    }
    let shards = over(flags.shards.as_ref(), "shards", section.get("shards"));
    settings.shards = shards
        .as_ref()
        .and_then(|entry| report.read(entry, &[Kind::Integer], number(1, SHARDS_MAX)));
    settings.cores = over(flags.cores.as_ref(), "cores", section.get("cores"))
        .and_then(|entry| report.read(&entry, &[Kind::Text, Kind::Integer], parse_cores));
    let drain = over(flags.drain_timeout.as_ref(), "drain-timeout", section.get("drain-timeout"));
    let drain = drain.and_then(|entry| report.read(&entry, DURATION, parse_duration));
    put(&mut settings.timeouts.drain, drain);
    let plugins = [AuthPlugin::MysqlNativePassword, AuthPlugin::CachingSha2Password];
    let plugins = plugins.map(|plugin| (plugin.name(), plugin));
    let plugin = section.get("auth-plugin");
    settings.auth_plugin =
        plugin.and_then(|entry| report.read(&entry, &[Kind::Text], one_of(&plugins)));
    settings.server_version = section
        .get("server-version")
        .and_then(|entry| report.read(&entry, &[Kind::Text], name(60)));
    section.finish(report);
    Written { listen: listen_written, shards }
}

fn read_pool_times(section: &Section<'_>, report: &Report, settings: &mut Settings) {
    let queue_len_max = section
        .get("queue-len-max")
        .and_then(|entry| report.read(&entry, &[Kind::Integer], number(0, 1_000_000)));
    put(&mut settings.queue_len_max, queue_len_max);
    let limit = |key| section.get(key).and_then(|entry| report.read(&entry, DURATION, parse_limit));
    put(&mut settings.timeouts.connection_max_lifetime, limit("connection-max-lifetime"));
    put(&mut settings.timeouts.connection_idle, limit("connection-idle"));
}

fn read_timeouts(section: Section<'_>, flags: &Flags, report: &Report, timeouts: &mut Timeouts) {
    let read =
        |entry: Option<Entry>| entry.and_then(|entry| report.read(&entry, DURATION, parse_timeout));
    let flag = flags.proxy_connect_timeout.as_ref();
    let connect = over(flag, "proxy-connect-timeout", section.get("connect"));
    put(&mut timeouts.connect, read(connect));
    put(&mut timeouts.login, read(section.get("login")));
    put(&mut timeouts.queue, read(section.get("queue")));
    let idle = section.get("client-idle");
    let idle = idle.and_then(|entry| report.read(&entry, DURATION, parse_limit));
    put(&mut timeouts.client_idle, idle);
    section.finish(report);
}

fn read_admin(section: Section<'_>, flags: &Flags, report: &Report, admin: &mut AdminSettings) {
    let parse = |text: &str| match text {
        "off" => Ok(None),
        _ => parse_socket_address(text).map(Some).map_err(|rule| format!("{rule}; off: none")),
    };
    let address = over(flags.admin_address.as_ref(), "admin-address", section.get("address"));
    let address_read = address.as_ref().and_then(|entry| report.read(entry, &[Kind::Text], parse));
    put(&mut admin.address, address_read);
    let username = over(flags.admin_username.as_ref(), "admin-username", section.get("username"));
    let username = username.and_then(|entry| report.read(&entry, &[Kind::Text], name(80)));
    put(&mut admin.username, username);
    let password = over(flags.admin_password.as_ref(), "admin-password", section.get("password"));
    let password = password.and_then(|entry| report.text(&entry.secret()));
    put(&mut admin.password, password);
    let open = admin.address.is_some_and(|address| !address.ip().is_loopback());
    if let Some(entry) = address.filter(|_| open && admin.password.is_empty()) {
        report.add(entry.error(
            "an admin port that other machines reach needs a password: set admin.password or \
             --admin-password, or listen at 127.0.0.1",
        ));
    }
    section.finish(report);
}

fn read_log(section: Section<'_>, flags: &Flags, report: &Report, log: &mut LogSettings) {
    // The last ones are mysql-proxy's words.
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
        ("critical", LogLevel::Error),
        ("warning", LogLevel::Warn),
        ("message", LogLevel::Info),
    ];
    let level = over(flags.log_level.as_ref(), "log-level", section.get("level"));
    let level = level.and_then(|entry| report.read(&entry, &[Kind::Text], one_of(&levels)));
    put(&mut log.level, level);
    let file = over(flags.log_file.as_ref(), "log-file", section.get("file"));
    log.file =
        file.and_then(|entry| report.read(&entry, &[Kind::Text], name(4095))).map(PathBuf::from);
    section.finish(report);
}

fn read_sql(section: Section<'_>, report: &Report, sql: &mut SqlSettings) {
    let switches = [("true", true), ("false", false)];
    let pin = section.get("pin-on-call");
    let pin = pin.and_then(|entry| report.read(&entry, &[Kind::Boolean], one_of(&switches)));
    put(&mut sql.pin_on_call, pin);
    let prepared = section.get("max-prepared-per-connection");
    let prepared =
        prepared.and_then(|entry| report.read(&entry, &[Kind::Integer], number(1, PREPARED_MAX)));
    put(&mut sql.max_prepared_per_connection, prepared);
    section.finish(report);
}

#[cfg(test)]
mod tests;
