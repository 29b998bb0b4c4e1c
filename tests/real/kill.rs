//! KILL by the ids that the proxy gave out, and by those that a server did.

use crate::support::Lanewire;
use crate::{Context, Test};
use lanewire_perf::client::{Client, Error, Options};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("kill::connection_id_is_the_greetings", connection_id_is_the_greetings),
    ("kill::query", query),
    ("kill::connection", connection),
    ("kill::process_kill", process_kill),
    ("kill::with_all_connections_busy", with_all_connections_busy),
    ("kill::nobody", nobody),
    ("kill::own", own),
    ("kill::of_others_needs_a_privilege", of_others_needs_a_privilege),
    ("kill::user", user),
    ("kill::by_the_servers_id", by_the_servers_id),
    ("kill::interrupt_in_the_command_line", interrupt_in_the_command_line),
    ("kill::hits_nobody_else", hits_nobody_else),
];

/// Sessions on both shards.
fn two_shards(context: &Context) -> (Lanewire, [Client; 2]) {
    let lanewire = context.lanewire_with(&["--shards=2"]);
    let shard = |client: &Client| client.greeting().thread_id >> 22 & 0xFF;
    let first = lanewire.client();
    // The kernel spreads connections by their ports.
    for _ in 0..200 {
        let second = lanewire.client();
        if shard(&second) != shard(&first) {
            return (lanewire, [first, second]);
        }
    }
    panic!("all connections on one shard");
}

fn id_of(client: &Client) -> u32 {
    client.greeting().thread_id
}

fn code(reply: Result<lanewire_perf::client::Reply, Error>) -> Option<u16> {
    reply.unwrap().error().map(|err| err.code)
}

fn connection_id_is_the_greetings(context: &Context) {
    let lanewire = context.lanewire();
    let mut direct = context.direct();
    for _ in 0..10 {
        let mut client = lanewire.client();
        let id = id_of(&client).to_string();
        assert!(id_of(&client) >> 30 == 1, "{id}");
        let reply = client.must("SELECT CONNECTION_ID()").unwrap();
        assert_eq!(reply.first_cell().unwrap(), id);
        let expected = direct.must("SELECT CONNECTION_ID()").unwrap();
        assert_eq!(reply.rows().unwrap().columns, expected.rows().unwrap().columns);
        let sql = "SELECT name, connection_id() + 0 AS c FROM marker";
        assert_eq!(client.must(sql).unwrap().table()[0][1], id);
    }
}

/// Sends a statement that takes long, and waits until a server runs it.
fn begin_long(victim: &mut Client, sql: &str) {
    victim.send_query(sql).unwrap();
    std::thread::sleep(Duration::from_millis(300));
}

#[track_caller]
fn assert_interrupted(victim: &mut Client, began: Instant, what: &str) {
    let reply = victim.read_query().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{what}: {:?}", began.elapsed());
    // MariaDB ends it with an error, MySQL lets SLEEP return 1.
    let code = reply.error().map(|err| err.code);
    assert!(code == Some(1317) || reply.first_cell().as_deref() == Some("1"), "{reply:?}");
    assert_eq!(victim.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
}

fn query(context: &Context) {
    let (_lanewire, [mut one, mut two]) = two_shards(context);
    for _ in 0..2 {
        // On a replica, on the primary, and in a transaction.
        for prologue in ["DO 1", "SET @pinned=1", "BEGIN"] {
            two.must(prologue).unwrap();
            begin_long(&mut two, "SELECT SLEEP(30), name FROM marker");
            let began = Instant::now();
            one.must(&format!("KILL QUERY {}", id_of(&two))).unwrap();
            assert_interrupted(&mut two, began, prologue);
            two.must("ROLLBACK").unwrap();
        }
        std::mem::swap(&mut one, &mut two);
    }
    // An idle session has nothing to kill.
    assert_eq!(code(one.query(&format!("KILL QUERY {}", id_of(&two)))), None);
    assert_eq!(two.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
}

#[track_caller]
fn assert_closed(victim: &mut Client, what: &str) {
    let began = Instant::now();
    let (_, closed) = victim.wire().read_to_close();
    assert!(closed && began.elapsed() < Duration::from_secs(5), "{what}: still there");
}

fn connection(context: &Context) {
    for (form, busy) in [("KILL", " FOR UPDATE"), ("KILL CONNECTION", " "), ("kill connection", "")]
    {
        let (lanewire, [mut killer, mut victim]) = two_shards(context);
        let mut bystander = lanewire.client();
        bystander.must("SET @mine=1").unwrap();
        let id = id_of(&victim);
        if !busy.is_empty() {
            begin_long(&mut victim, &format!("SELECT SLEEP(30), name FROM marker{busy}"));
        }
        killer.must(&format!("{form} {id}")).unwrap();
        assert_closed(&mut victim, form);
        assert_eq!(bystander.must("SELECT @mine").unwrap().first_cell().unwrap(), "1");
        // Nobody runs what it ran.
        let sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(30%' \
                   AND info NOT LIKE '%processlist%'";
        for server in 0..3 {
            let mut direct = Client::connect(&context.direct_options(server)).unwrap();
            let running = direct.must(sql).unwrap().first_cell().unwrap();
            assert_eq!(running, "0", "{form} on server {server}");
        }
        assert_eq!(code(killer.query(&format!("{form} {id}"))), Some(1094));
    }
}

fn process_kill(context: &Context) {
    const COM_PROCESS_KILL: u8 = 0x0C;
    let (_lanewire, [mut killer, mut victim]) = two_shards(context);
    let id = id_of(&victim);
    begin_long(&mut victim, "SELECT SLEEP(30), name FROM marker");
    // MySQL 9 knows it no longer; here it works in front of every server.
    let kill = |killer: &mut Client| killer.simple(COM_PROCESS_KILL, &id.to_le_bytes());
    assert_eq!(code(kill(&mut killer)), None);
    assert_closed(&mut victim, "COM_PROCESS_KILL");
    let expected = code(context.direct().simple(COM_PROCESS_KILL, &id.to_le_bytes()));
    assert!(matches!(expected, Some(1094 | 1047)), "{expected:?}");
    assert_eq!(code(kill(&mut killer)), expected);
}

/// The pool is full of what is to be killed.
fn with_all_connections_busy(context: &Context) {
    let narrow = "[pool]\nmax-connections = 1\nmin-idle = 0\nmax-idle = 1\n\
                  [timeouts]\nqueue = \"20s\"\n";
    let lanewire = context.lanewire_as(narrow, &["--shards=1"]);
    let (mut killer, mut victim) = (lanewire.client(), lanewire.client());
    begin_long(&mut victim, "SELECT SLEEP(30), name FROM marker FOR UPDATE");
    let began = Instant::now();
    killer.must(&format!("KILL QUERY {}", id_of(&victim))).unwrap();
    assert_interrupted(&mut victim, began, "full pool");
}

fn nobody(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let mut direct = context.direct();
    for id in [2_000_000_000_u64, 4_294_967_290, 999_999, 1 << 40, u64::MAX] {
        for kill in ["KILL", "KILL QUERY", "KILL CONNECTION"] {
            let sql = format!("{kill} {id}");
            let (expected, got) = (direct.query(&sql).unwrap(), client.query(&sql).unwrap());
            assert!(expected.error().is_some(), "{sql}");
            assert_eq!(expected.outcomes, got.outcomes, "{sql}");
        }
    }
}

/// Itself: the error, and, without QUERY, the end.
fn own(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    for whom in [id_of(&client).to_string(), "CONNECTION_ID()".into()] {
        assert_eq!(code(client.query(&format!("KILL QUERY {whom}"))), Some(1317), "{whom}");
        assert_eq!(client.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
    }
    for form in ["KILL CONNECTION_ID()", "KILL {id}", "KILL CONNECTION connection_id();"] {
        let mut client = lanewire.client();
        let reply = client.query(&form.replace("{id}", &id_of(&client).to_string()));
        let ended = match &reply {
            Ok(reply) => reply.error().is_some_and(|err| err.code == 1317 || err.code == 1927),
            Err(error) => matches!(error, Error::Closed),
        };
        assert!(ended, "{reply:?}");
        assert!(client.query("SELECT 1").is_err());
    }
}

/// An account without privileges, and one with all.
fn of_others_needs_a_privilege(context: &Context) {
    make_low(context);
    let lanewire = context.lanewire_with(&["--user", "low:low", "--shards=2"]);
    let open = |user: &str| {
        Client::connect(&Options::new(lanewire.address(), user, user).schema("test")).unwrap()
    };
    let (mut low, mut app, mut adm) = (open("low"), open("app"), open("adm"));
    for kill in ["KILL QUERY", "KILL"] {
        for busy in [false, true] {
            if busy {
                begin_long(&mut app, "SELECT SLEEP(30), name FROM marker");
            }
            let id = id_of(&app);
            let refused = low.query(&format!("{kill} {id}")).unwrap();
            let message = format!("You are not owner of thread {id}");
            let err = refused.error().map(|err| (err.code, err.state.clone(), err.message.clone()));
            assert_eq!(err, Some((1095, "HY000".into(), message)), "{kill} {busy}");
            if busy {
                let began = Instant::now();
                adm.must(&format!("KILL QUERY {id}")).unwrap();
                assert_interrupted(&mut app, began, kill);
            }
            assert_eq!(app.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
        }
    }
    // Its own it may.
    let mut other = open("low");
    assert_eq!(code(low.query(&format!("KILL {}", id_of(&other)))), None);
    assert_closed(&mut other, "one's own");
    adm.must(&format!("KILL {}", id_of(&app))).unwrap();
    assert_closed(&mut app, "by adm");
}

fn make_low(context: &Context) {
    let mut adm = Client::connect(&Options {
        user: "adm".into(),
        password: "adm".into(),
        ..context.direct_options(0)
    })
    .unwrap();
    adm.must("CREATE USER IF NOT EXISTS low@'%' IDENTIFIED BY 'low'").unwrap();
    adm.must("GRANT SELECT ON test.* TO low@'%'").unwrap();
    context.in_sync();
}

/// MariaDB's KILL USER.
fn user(context: &Context) {
    if !context.is_mariadb() {
        let lanewire = context.lanewire();
        assert_eq!(code(lanewire.client().query("KILL USER app")), Some(1064));
        return;
    }
    make_low(context);
    let lanewire = context.lanewire_with(&["--user", "low:low", "--shards=2"]);
    let open = |user: &str| {
        Client::connect(&Options::new(lanewire.address(), user, user).schema("test")).unwrap()
    };
    let (mut low, mut app) = (open("low"), open("app"));
    let refused = low.query("KILL USER app").unwrap();
    let message = refused.error().map(|err| err.message.clone());
    assert_eq!(message.as_deref(), Some("Operation KILL USER failed for app@%"));
    let (mut adm, mut second) = (open("adm"), open("low"));
    begin_long(&mut second, "SELECT SLEEP(30), name FROM marker");
    let began = Instant::now();
    let reply = adm.must("KILL QUERY USER low").unwrap();
    assert_eq!(reply.ok().unwrap().affected_rows, 2);
    assert_interrupted(&mut second, began, "KILL QUERY USER");
    begin_long(&mut second, "SELECT SLEEP(30), name FROM marker");
    assert_eq!(adm.must("KILL USER low").unwrap().ok().unwrap().affected_rows, 2);
    assert_closed(&mut low, "idle");
    assert_closed(&mut second, "busy");
    assert_eq!(adm.must("KILL USER low").unwrap().ok().unwrap().affected_rows, 0);
    assert_eq!(app.must("SELECT 8").unwrap().first_cell().unwrap(), "8");
    // One's own name: the answer still comes.
    assert_eq!(adm.must("KILL USER adm").unwrap().ok().unwrap().affected_rows, 1);
    assert_closed(&mut adm, "own");
}

/// As a tool sees it in a list of the server's.
fn by_the_servers_id(context: &Context) {
    let (_lanewire, [mut killer, mut victim]) = two_shards(context);
    victim.must("SET @pinned=1").unwrap();
    begin_long(&mut victim, "SELECT SLEEP(30) AS unmistakable");
    let sql = "SELECT CAST(id AS CHAR) FROM information_schema.processlist \
               WHERE info LIKE '%AS unmistakable' AND info NOT LIKE '%LIKE%'";
    let id = killer.must(sql).unwrap().first_cell().unwrap();
    assert_ne!(id, id_of(&victim).to_string());
    let began = Instant::now();
    killer.must(&format!("KILL QUERY {id}")).unwrap();
    assert_interrupted(&mut victim, began, "by the server's id");
    killer.must(&format!("KILL {id}")).unwrap();
    assert_closed(&mut victim, "by the server's id");
}

/// Ctrl-C: the client opens a second connection and kills the query.
fn interrupt_in_the_command_line(context: &Context) {
    let lanewire = context.lanewire_with(&["--shards=2"]);
    for _ in 0..4 {
        let mut child = Command::new("mariadb")
            .args(["--no-defaults", "-h127.0.0.1", "-uapp", "-papp", "--skip-ssl", "test"])
            .args(["--unbuffered", "--skip-column-names", "--force"])
            .arg(format!("-P{}", lanewire.port()))
            .args(["-e", "SELECT SLEEP(30), name FROM marker"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let began = Instant::now();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        eventually_ends(&mut child);
        let output = child.wait_with_output().unwrap();
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(text.contains("1317") || text.contains("1\t"), "{text}");
        assert!(text.contains("query killed") && !text.contains("KILL"), "{text}");
    }
}

fn eventually_ends(child: &mut std::process::Child) {
    crate::support::eventually("the command line ends", || child.try_wait().unwrap().is_some());
}

/// KILL QUERY races with the end of what it is to kill: whoever has the connection next must not
/// feel it. All take turns on one connection to the primary.
fn hits_nobody_else(context: &Context) {
    // MariaDB takes two seconds for a KILL that comes at a bad moment, during which nobody gets on.
    const ONE: &str = "[pool]\nmax-connections = 1\nmin-idle = 0\nmax-idle = 1\n\
                       [timeouts]\nqueue = \"60s\"\n";
    let lanewire = context.lanewire_as(ONE, &["--shards=1"]);
    let options = lanewire.options();
    let mut victim = lanewire.client();
    let id = id_of(&victim);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let ordered = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = Client::connect(&options).unwrap();
                while !stop.load(ordered) {
                    let reply =
                        client.query("SELECT SLEEP(0.002) FROM numbers WHERE n=1 FOR UPDATE");
                    let reply = reply.unwrap();
                    let cell = reply.first_cell();
                    assert_eq!(cell.as_deref(), Some("0"), "another's KILL: {:?}", reply.outcomes);
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                let mut killer = Client::connect(&options).unwrap();
                while !stop.load(ordered) {
                    let reply = killer.query(&format!("KILL QUERY {id}")).unwrap();
                    let code = reply.error().map(|err| err.code);
                    assert!(matches!(code, None | Some(1094)), "{:?}", reply.outcomes);
                }
            });
        }
        let mut interrupted = 0;
        let began = Instant::now();
        for _ in 0..500 {
            if interrupted > 20 && began.elapsed() > Duration::from_secs(10) {
                break;
            }
            let reply = victim.query("SELECT SLEEP(0.001) FROM numbers WHERE n=1 FOR UPDATE");
            interrupted += u32::from(reply.unwrap().first_cell().as_deref() != Some("0"));
        }
        // An error holds the connection until the next statement.
        drop(victim);
        stop.store(true, ordered);
        assert!(interrupted > 0, "no KILL hit");
    });
}
