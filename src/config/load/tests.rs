use std::time::Duration;

use super::*;
use crate::config::{Address, Listen, PasswordSetting, Role};

const BASE: &str = r#"
[[backend]]
address = "db1"
role = "primary"
[[user]]
name = "app"
password = "pw"
"#;

fn read(text: &str) -> Result<Settings, Vec<String>> {
    let read = load(Path::new("lanewire.toml"), text);
    read.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The errors of a file that has all it needs, and `text` below that; lines count from `text`.
fn errors(text: &str) -> Vec<String> {
    let text = format!("{text}\n{BASE}");
    read(&text).expect_err("a wrong setting is accepted")
}

fn flag_errors(flags: Flags) -> Vec<String> {
    let errors = assemble(Some((Path::new("f"), BASE)), &flags).expect_err("accepted");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn the_least_file_gives_the_defaults() {
    let settings = read(BASE).unwrap();
    let default = Settings::default();
    assert_eq!(settings.listen, default.listen);
    assert_eq!(settings.timeouts.connect, Duration::from_secs(5));
    assert_eq!(settings.timeouts.client_idle, Some(Duration::from_secs(28_800)));
    let backend = &settings.backends[0];
    assert_eq!((backend.name.as_str(), backend.role), ("db1:3306", Role::Primary));
    assert_eq!((backend.max_connections, backend.min_idle, backend.max_idle), (100, 4, 8));
    assert_eq!(backend.origin.to_string(), "lanewire.toml:3");
    assert_eq!(settings.users[0].secret, PasswordSetting::Plain("pw".to_owned()));
    assert!(!format!("{settings:?}").contains("pw"), "{settings:?}");
}

#[test]
fn a_full_file() {
    let settings = read(
        r#"
        [proxy]
        listen = [":4040", "[::1]:4040", "/run/lanewire.sock"]
        shards = 2
        cores = "2-5,8"
        drain-timeout = 0
        auth-plugin = "caching_sha2_password"
        server-version = "8.0.36"
        [pool]
        max-connections = 50
        queue-len-max = 10
        connection-idle = "off"
        [timeouts]
        connect = "200ms"
        login = 2.5
        client-idle = 0
        [[backend]]
        address = "unix:/run/db1.sock"
        name = "one"
        role = "rw"
        [[backend]]
        address = "[fd00::2]:3307"
        weight = 0
        max-connections = 6
        [[user]]
        name = "app"
        password = "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4"
        backend-user = "app2"
        [admin]
        address = "off"
        [log]
        level = "warning"
        file = "/tmp/log"
        [sql]
        pin-on-call = false
        max-prepared-per-connection = 7
        "#,
    )
    .unwrap();
    assert_eq!(settings.listen.len(), 3);
    assert_eq!(settings.listen[2], Listen::Unix("/run/lanewire.sock".into()));
    assert_eq!((settings.shards, settings.cores.as_deref()), (Some(2), Some(&[2, 3, 4, 5, 8][..])));
    assert_eq!(settings.timeouts.drain, Duration::ZERO);
    assert_eq!(settings.timeouts.login, Duration::from_millis(2500));
    assert_eq!((settings.timeouts.client_idle, settings.timeouts.connection_idle), (None, None));
    let [one, two] = settings.backends.as_slice() else { panic!("two backends") };
    assert_eq!((one.name.as_str(), one.max_connections, one.max_idle), ("one", 50, 8));
    assert_eq!(two.address, Address::Tcp { host: "fd00::2".to_owned(), port: 3307 });
    assert_eq!((two.max_connections, two.min_idle, two.max_idle, two.weight), (6, 4, 6, 0));
    assert_eq!(settings.users[0].backend_user.as_deref(), Some("app2"));
    assert_eq!(settings.admin.address, None);
    assert_eq!(settings.log.level, LogLevel::Warn);
    assert!(!settings.sql.pin_on_call);
    assert_eq!(settings.sql.max_prepared_per_connection, 7);
}

#[test]
fn every_error_names_file_line_key_value_and_rule() {
    let text = r#"[proxy]
shards = 0
cores = "5-2"
[timeouts]
connect = "fast"
[[backend]]
address = "db2:0"
weight = -3
max-conections = 5
role = "master"
[log]
level = 7
[sql]
pin-on-call = "yes"
max-prepared-per-connection = 0
[[user]]
name = "x"
password = "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEFG"
[backends]
"#;
    assert_eq!(
        errors(text),
        [
            "lanewire.toml:2: proxy.shards = 0: must be 1 to 256",
            "lanewire.toml:3: proxy.cores = \"5-2\": the range 5-2 runs backwards",
            "lanewire.toml:5: timeouts.connect = \"fast\": must be a duration such as 200ms, 5s, \
             10m, 1h or 1d, or a number of seconds",
            "lanewire.toml:7: backend.address = \"db2:0\": must be host:port, [IPv6]:port or a \
             Unix socket's path",
            "lanewire.toml:8: backend.weight = -3: must be 0 to 1000",
            "lanewire.toml:9: backend.max-conections: unknown key; did you mean max-connections?",
            "lanewire.toml:10: backend.role = \"master\": must be one of primary, replica, rw, ro",
            "lanewire.toml:12: log.level = 7: must be a string in quotes",
            "lanewire.toml:14: sql.pin-on-call = \"yes\": must be true or false",
            "lanewire.toml:15: sql.max-prepared-per-connection = 0: must be 1 to 10000",
            "lanewire.toml:18: user.password = (hidden): 41 characters with a * in front are a \
             hash: 40 hexadecimal digits, as SELECT PASSWORD('…') gives it",
            "lanewire.toml:19: backends: unknown key; did you mean backend?",
        ]
    );
}

#[test]
fn limits_must_fit_each_other() {
    let text = "[proxy]\nshards = 4\n[pool]\nmin-idle = 9\nmax-idle = 7\n\
        [[backend]]\naddress = \"b\"\nmax-connections = 3";
    assert_eq!(
        errors(text),
        [
            "lanewire.toml:4: pool.min-idle = 9: must be at most max-idle, which is 7",
            "lanewire.toml:5: pool.max-idle = 7: must be at most max-connections, which is 3",
            "lanewire.toml:8: backend.max-connections = 3: must be at least the number of shards, \
             4: raise it, or run fewer shards",
        ]
    );
    let settings = read(&format!("[pool]\nmin-idle = 20\n{BASE}")).unwrap();
    assert_eq!((settings.backends[0].min_idle, settings.backends[0].max_idle), (20, 20));
}

#[test]
fn shards_found_at_start_are_checked_then() {
    let settings = read(&format!("[pool]\nmax-connections = 8\n{BASE}")).unwrap();
    assert_eq!(settings.check_shards(8), Ok(()));
    let errors = settings.check_shards(9).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "lanewire.toml:5: backend.max-connections = 8: must be at least the number of shards, 9: \
         raise it, or run fewer shards"
    );
}

#[test]
fn what_must_not_be_missing() {
    let errors = read("[[backend]]\nrole = \"primary\"\n[[user]]\nname = \"x\"").unwrap_err();
    assert_eq!(errors.len(), 4, "{errors:#?}");
    assert!(errors[0].starts_with("lanewire.toml:1: backend.address: every"), "{errors:#?}");
    assert!(errors[1].starts_with("lanewire.toml:3: user.password: every"), "{errors:#?}");
    assert!(errors[2].starts_with("lanewire.toml: backend: there is no primary"), "{errors:#?}");
    assert!(errors[3].starts_with("lanewire.toml: user: nobody could log in"), "{errors:#?}");
    let errors = assemble(None, &Flags::default()).unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(errors[1].to_string().starts_with("command line: user: nobody"), "{errors:#?}");
}

#[test]
fn duplicates_and_loops() {
    let text = r#"
[proxy]
listen = ["127.0.0.1:4041", "127.0.0.1:4041"]
[[backend]]
address = "localhost:4041"
[[backend]]
address = "db1:3306"
[[user]]
name = "app"
password = ""
"#;
    let errors = errors(text);
    for expected in [
        "lanewire.toml:3: proxy.listen = \"127.0.0.1:4041\": is given twice",
        "lanewire.toml:3: proxy.listen = \"127.0.0.1:4041\": is the admin port's address as well",
        "lanewire.toml:5: backend.address = localhost:4041: the proxy itself listens there",
        "lanewire.toml:14: backend.address = db1:3306: another backend has the same address \
         (lanewire.toml:7)",
        "lanewire.toml:16: user.name = app: another user has the same name (lanewire.toml:8)",
    ] {
        assert!(errors.iter().any(|error| error == expected), "{expected}\n{errors:#?}");
    }
}

#[test]
fn an_open_admin_port_needs_a_password() {
    let errors = errors("[admin]\naddress = \":4041\"");
    let start = "lanewire.toml:2: admin.address = \":4041\": an admin port that other machines";
    assert!(errors[0].starts_with(start), "{errors:#?}");
    let text = format!("[admin]\naddress = \":4041\"\npassword = \"x\"\n{BASE}");
    assert!(read(&text).is_ok());
}

#[test]
fn wrong_shapes() {
    for (text, expected) in [
        ("pool = 5", "lanewire.toml:1: pool = 5: must be a table, [pool]"),
        ("[proxy]\nlisten = 5", "lanewire.toml:2: proxy.listen = 5: must be a string in quotes"),
        ("[proxy]\nlisten = []", "lanewire.toml: proxy.listen: the proxy must listen somewhere"),
        ("[proxy]\nshards = [1]", "lanewire.toml:2: proxy.shards = […]: must be a number"),
        (
            "[pool]\nmin-idle = 0x10000000",
            "lanewire.toml:2: pool.min-idle = 0x10000000: must be 0 \
          to 100000",
        ),
    ] {
        assert_eq!(errors(text), [expected]);
    }
    let errors = read("[backend]\naddress = \"db1\"").unwrap_err();
    assert!(errors[0].contains("must be written as [[backend]]"), "{errors:#?}");
    let errors = read("backend = [1]").unwrap_err();
    assert!(errors[0].contains("must be written as [[backend]]"), "{errors:#?}");
}

#[test]
fn broken_toml_has_its_lines() {
    let errors = read("[proxy]\nshards = \n\n[pool\n").unwrap_err();
    assert!(errors[0].starts_with("lanewire.toml:2: not TOML: "), "{errors:#?}");
    assert!(errors.iter().any(|error| error.starts_with("lanewire.toml:4: ")), "{errors:#?}");
    let errors = read("[mysql-proxy]\nproxy-address = :4040\n").unwrap_err();
    assert!(errors[0].starts_with("lanewire.toml:1: this is a mysql-proxy ini"), "{errors:#?}");
    assert_eq!(errors.len(), 1);
}

#[test]
fn flags_win_over_the_file() {
    let flags = Flags {
        proxy_address: vec![":5050".to_owned()],
        proxy_backend_addresses: vec!["p1".to_owned(), "p2".to_owned()],
        proxy_read_only_backend_addresses: vec!["[::1]:3306".to_owned()],
        proxy_connect_timeout: Some("1".to_owned()),
        shards: Some("3".to_owned()),
        user: vec!["app:a:b".to_owned(), "root:".to_owned()],
        ..Flags::default()
    };
    let text = format!("[proxy]\nlisten = \":1\"\nshards = 2\n[timeouts]\nconnect = 9\n{BASE}");
    let settings = assemble(Some((Path::new("f"), &text)), &flags).unwrap();
    assert_eq!(settings.listen[0].to_string(), "0.0.0.0:5050");
    let names: Vec<_> = settings.backends.iter().map(|b| (b.name.as_str(), b.role)).collect();
    let (primary, replica) = (Role::Primary, Role::Replica);
    assert_eq!(names, [("p1:3306", primary), ("p2:3306", primary), ("[::1]:3306", replica)]);
    assert_eq!((settings.timeouts.connect, settings.shards), (Duration::from_secs(1), Some(3)));
    assert_eq!(settings.users.len(), 2);
    assert_eq!(settings.users[0].secret, PasswordSetting::Plain("a:b".to_owned()));
    assert_eq!(settings.users[1].secret, PasswordSetting::Plain(String::new()));
}

#[test]
fn flags_alone_are_enough() {
    let flags = Flags {
        proxy_backend_addresses: vec!["127.0.0.1:3306".to_owned()],
        user: vec!["root:".to_owned()],
        ..Flags::default()
    };
    assert_eq!(assemble(None, &flags).unwrap().backends.len(), 1);
}

#[test]
fn flags_are_checked_against_each_other() {
    let flags = Flags {
        proxy_address: vec![":4040".to_owned()],
        proxy_read_only_backend_addresses: vec!["db1".to_owned(), "0.0.0.0:4040".to_owned()],
        shards: Some("3".to_owned()),
        cores: Some("0-1".to_owned()),
        ..Flags::default()
    };
    assert_eq!(
        flag_errors(flags),
        [
            "command line: --proxy-read-only-backend-addresses = db1:3306: another backend has \
             the same address (f:3)",
            "command line: --shards = 3: must be at most the number of cores named, 2",
            "command line: --proxy-read-only-backend-addresses = 0.0.0.0:4040: the proxy itself \
             listens there",
        ]
    );
}

#[test]
fn errors_of_flags_name_the_flag() {
    let flags = Flags {
        shards: Some("many".to_owned()),
        proxy_backend_addresses: vec!["db:x".to_owned(), "db1".to_owned()],
        user: vec!["mysql".to_owned(), ":secret".to_owned()],
        admin_password: Some("secret".to_owned()),
        ..Flags::default()
    };
    let errors = flag_errors(flags);
    for expected in [
        "command line: --shards = many: must be 1 to 256",
        "command line: --proxy-backend-addresses = db:x: must be host:port",
        "command line: --user = mysql: must be name:password or name:*HASH",
        "command line: --user: must be 1 to 128 bytes",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{errors:#?}");
    }
    assert!(errors.iter().all(|error| !error.contains("secret")), "{errors:#?}");
}

#[test]
fn checking_says_ok_or_everything() {
    assert_eq!(check(Path::new("f.toml"), BASE), Ok("f.toml: ok\n".to_owned()));
    let errors = check(Path::new("f.toml"), "").unwrap_err();
    assert_eq!(errors.lines().count(), 2);
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "([\\[\\]a-z\"=.,0-9\n -]|backend|user|proxy|listen){0,80}") {
        let _ = read(&text);
    }
}
