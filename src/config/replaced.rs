//! mysql-proxy's flags that Lanewire does not have, and what takes their place.

/// Flag names without their dashes, and what to do instead.
const REPLACED: &[(&str, &str)] = &[
    ("admin-lua-script", "the admin port is built in: drop the flag"),
    ("basedir", "give --log-file and --config whole paths"),
    ("daemon", "Lanewire stays in the foreground: let systemd or another supervisor run it"),
    ("keepalive", "let the supervisor restart it: Restart=always in the systemd unit"),
    ("log-backtrace-on-crash", "a panic is always logged: drop the flag"),
    ("log-use-syslog", "it logs to stderr: systemd's journal takes that"),
    ("lua-cpath", "there is no Lua: settings take its place, see --help"),
    ("lua-path", "there is no Lua: settings take its place, see --help"),
    ("max-open-files", "set LimitNOFILE= in the systemd unit, or ulimit -n"),
    ("no-proxy", "the proxy is what there is: drop the flag"),
    ("pid-file", "stays in the foreground: the supervisor knows its pid"),
    ("plugin-dir", "proxy and admin port are built in: drop the flag"),
    (
        "plugins",
        "proxy and admin port are built in: drop the flag; --admin-address off for no admin port",
    ),
    ("proxy-fix-bug-25371", "no server of today needs it: drop the flag"),
    ("proxy-lua-script", "read/write splitting is built in: drop the flag"),
    ("proxy-pool-no-change-user", "sessions are reset only where they must be: drop the flag"),
    (
        "proxy-read-timeout",
        "there is no limit on a statement's time; an idle client's is timeouts.client-idle in the file",
    ),
    ("proxy-skip-profiling", "it does no profiling: drop the flag"),
    ("proxy-write-timeout", "a client that does not read holds only itself up: drop the flag"),
    ("verbose-shutdown", "the log says how it ended: drop the flag"),
];

/// One message per flag of mysql-proxy's that has gone, in the order of the command line.
pub(super) fn replaced_flags<'a>(args: impl Iterator<Item = &'a str>) -> Vec<String> {
    let flags = args.take_while(|arg| *arg != "--").filter_map(|arg| arg.strip_prefix("--"));
    let names = flags.map(|flag| flag.split_once('=').map_or(flag, |(name, _)| name));
    let messages = names.filter_map(|name| {
        let (_, instead) = REPLACED.iter().find(|(replaced, _)| *replaced == name)?;
        Some(format!("--{name}: {instead}"))
    });
    messages.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gone_flag_is_named() {
        let args =
            ["-P", ":4040", "--daemon", "--plugins=proxy", "--shards=2", "--", "--keepalive"];
        let messages = replaced_flags(args.into_iter());
        assert_eq!(messages.len(), 2);
        assert!(messages[0].starts_with("--daemon: "), "{messages:?}");
        assert!(messages[1].starts_with("--plugins: "), "{messages:?}");
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(REPLACED.is_sorted());
    }
}
