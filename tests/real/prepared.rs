//! Binary prepared statements: where they run, and what they share.

use crate::transcript::{first_text, int, text};
use crate::{Context, Test};
use lanewire_perf::client::{Client, Param};
use lanewire_perf::process::which;
use std::process::Command;

pub(crate) const TESTS: &[Test] = &[
    ("prepared::reads_run_on_replicas", reads_run_on_replicas),
    ("prepared::sessions_share_connections", sessions_share_connections),
    ("prepared::types_belong_to_the_session", types_belong_to_the_session),
    ("prepared::inserts_draw_no_question", inserts_draw_no_question),
    ("prepared::few_per_connection", few_per_connection),
    ("prepared::lost_connections", lost_connections),
    ("prepared::over_16_mib", over_16_mib),
    ("prepared::too_many_for_the_server", too_many_for_the_server),
    ("prepared::many_in_one_write", many_in_one_write),
    ("prepared::sysbench", sysbench),
];

/// How often each server executed a prepared statement.
fn executions(context: &Context) -> [u64; 3] {
    [0, 1, 2].map(|number| context.cluster.status_counters(number).unwrap()["Com_stmt_execute"])
}

fn reads_run_on_replicas(context: &Context) {
    let lanewire = context.lanewire();
    let before = executions(context);
    let mut clients: Vec<Client> = (0..4).map(|_| lanewire.client()).collect();
    for client in &mut clients {
        let read = client.prepare("SELECT name FROM marker WHERE id = ?").unwrap();
        let write = client.prepare("UPDATE marker SET id = id WHERE id = ?").unwrap();
        for _ in 0..10 {
            let reply = client.execute(read.id, &[int(1)]).unwrap();
            assert!(first_text(&reply).starts_with("replica"), "{reply:?}");
            client.execute(write.id, &[int(1)]).unwrap().ok().unwrap();
        }
        client.must("BEGIN").unwrap();
        assert_eq!(first_text(&client.execute(read.id, &[int(1)]).unwrap()), "primary");
        client.must("COMMIT").unwrap();
    }
    let after = executions(context);
    assert_eq!(after[0] - before[0], 44, "{before:?} {after:?}");
    assert_eq!(after[1] + after[2] - before[1] - before[2], 40, "{before:?} {after:?}");
    assert!(after[1] > before[1] && after[2] > before[2], "{before:?} {after:?}");
}

fn sessions_share_connections(context: &Context) {
    let config = "[pool]\nmax-connections = 4\n";
    let lanewire = context.lanewire_as(config, &["--shards=1"]);
    let before = [1, 2].map(|n| context.cluster.status_counters(n).unwrap()["Com_stmt_prepare"]);
    let mut clients: Vec<(Client, u32)> = (0..60)
        .map(|_| {
            let mut client = lanewire.client();
            let id = client.prepare("SELECT ? + n FROM numbers WHERE n = ?").unwrap().id;
            (client, id)
        })
        .collect();
    let between = [1, 2].map(|n| context.cluster.status_counters(n).unwrap()["Com_stmt_prepare"]);
    assert_eq!(between.iter().sum::<u64>() - before.iter().sum::<u64>(), 60);
    for round in 0..5 {
        for (number, (client, id)) in (1..).zip(&mut clients) {
            let reply = client.execute_as(*id, &[int(1000), int(number)], round % 2 == 0).unwrap();
            let row = &reply.rows().unwrap().rows[0];
            assert_eq!(row[2..10], (1000 + number).to_le_bytes());
        }
    }
    let after = [1, 2].map(|n| context.cluster.status_counters(n).unwrap()["Com_stmt_prepare"]);
    let lazily = after.iter().sum::<u64>() - between.iter().sum::<u64>();
    assert!(lazily <= 8, "{lazily} preparations on 8 connections");
}

fn types_belong_to_the_session(context: &Context) {
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 2\n", &["--shards=1"]);
    let mut clients: Vec<(Client, u32)> = (0..9)
        .map(|_| {
            let mut client = lanewire.client();
            let id = client.prepare("SELECT CONCAT(?, '|', ?)").unwrap().id;
            (client, id)
        })
        .collect();
    for round in 0..6 {
        for (number, (client, id)) in clients.iter_mut().enumerate() {
            let params = match number % 3 {
                0 => [int(round), text("t")],
                1 => [text("u"), int(round)],
                _ => [Param::Double(0.5), text("v")],
            };
            let reply = client.execute_as(*id, &params, round == 0).unwrap();
            let expected = match number % 3 {
                0 => format!("{round}|t"),
                1 => format!("u|{round}"),
                _ => "0.5|v".to_owned(),
            };
            assert_eq!(first_text(&reply), expected, "round {round}, client {number}");
        }
    }
}

/// The id that a server chose for a row is told by its reply, unless a parameter may have given it.
fn inserts_draw_no_question(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS psi",
        "CREATE TABLE psi (id INT AUTO_INCREMENT PRIMARY KEY, v INT, w VARCHAR(9))",
    ]);
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let insert = client.prepare("INSERT INTO psi (v, w) VALUES (?, ?)").unwrap().id;
    let questions = || context.cluster.status_counters(0).unwrap()["Com_select"];
    let before = questions();
    for n in 0..50 {
        let reply = client.execute_as(insert, &[int(-n), text("x")], n == 0).unwrap();
        assert_eq!(reply.ok().unwrap().last_insert_id, n as u64 + 1);
    }
    let asked = questions() - before;
    assert!(asked < 10, "{asked} questions after 50 inserts");
    assert_eq!(client.must("SELECT LAST_INSERT_ID()").unwrap().first_cell().unwrap(), "50");
}

fn few_per_connection(context: &Context) {
    let config = "[pool]\nmax-connections = 2\n[sql]\nmax-prepared-per-connection = 3\n";
    let lanewire = context.lanewire_as(config, &["--shards=1"]);
    let mut client = lanewire.client();
    let ids: Vec<u32> =
        (0..20).map(|n| client.prepare(&format!("SELECT {n} + ?")).unwrap().id).collect();
    for _ in 0..3 {
        for (n, id) in (0i64..).zip(&ids) {
            let reply = client.execute(*id, &[int(100)]).unwrap();
            assert_eq!(reply.rows().unwrap().rows[0][2..10], (100 + n).to_le_bytes());
        }
    }
    let held: u64 =
        (0..3).map(|n| context.cluster.status_counters(n).unwrap()["Prepared_stmt_count"]).sum();
    assert!(held <= 2 * 2 * 3 + 3, "{held} statements on the servers");
}

fn lost_connections(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let read = client.prepare("SELECT name FROM marker WHERE id = ?").unwrap().id;
    let write = client.prepare("UPDATE marker SET id = id WHERE id = ?").unwrap().id;
    client.execute(write, &[int(1)]).unwrap().ok().unwrap();
    let idle = "SELECT id FROM information_schema.processlist \
                WHERE user = 'app' AND command = 'Sleep'";
    for round in 0..8 {
        let reply = client.execute_as(read, &[int(1)], round == 0).unwrap();
        assert!(first_text(&reply).starts_with("replica"), "{reply:?}");
        let server = &context.cluster.servers()[round % 3];
        for id in server.execute(&[idle]).unwrap().concat() {
            server.execute(&[&format!("KILL {id}")]).unwrap();
        }
    }
    let done = client.execute_as(write, &[int(1)], false).unwrap();
    assert!(done.ok().is_some(), "{done:?}");
}

fn over_16_mib(context: &Context) {
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 1\n", &["--shards=1"]);
    let sql = "SELECT LENGTH(?), ?";
    let mut clients = [lanewire.client(), lanewire.client()];
    let ids = clients.each_mut().map(|client| client.prepare(sql).unwrap().id);
    for round in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            // Packets of the greatest length, with the types put in before them, or not.
            for len in [3, 0xFF_FFFF - 40, 0xFF_FFFF, 0x1FF_FFFE - 30] {
                let value = Param::Bytes(vec![b'x'; len]);
                let other = if number == 0 { int(7) } else { text("seven") };
                let first = round == 0 && len == 3;
                let reply = client.execute_as(ids[number], &[value, other], first).unwrap();
                let row = &reply.rows().unwrap_or_else(|| panic!("{reply:?}")).rows[0];
                assert_eq!(row[2..6], u32::try_from(len).unwrap().to_le_bytes(), "{len}");
                // The next one needs the connection, which warnings would hold.
                client.must("SELECT 1").unwrap();
            }
        }
    }
    let long = format!("SELECT {}?", " ".repeat(0xFF_FFFF + 5));
    let client = &mut clients[0];
    let id = client.prepare(&long).unwrap().id;
    for _ in 0..2 {
        let reply = client.execute(id, &[text("long")]).unwrap();
        assert_eq!(first_text(&reply), "long");
        client.must("SELECT 1").unwrap();
    }
    client.close_statement(id).unwrap();
    assert_eq!(client.must("SELECT 1").unwrap().first_cell().unwrap(), "1");
}

/// A server's own limit, which other sessions' statements may have used up.
fn too_many_for_the_server(context: &Context) {
    let lanewire = context.lanewire_as("[pool]\nmax-connections = 1\n", &["--shards=1"]);
    let mut client = lanewire.client();
    let prepare = |client: &mut Client, n: i64| {
        client.prepare(&format!("SELECT {n} + ? FROM marker")).unwrap().id
    };
    let ids: Vec<u32> = (0..12).map(|n| prepare(&mut client, n)).collect();
    let limit = |to: &str| {
        let sql = format!("SET GLOBAL max_prepared_stmt_count={to}");
        for server in context.cluster.servers() {
            server.execute(&[&sql]).unwrap();
        }
    };
    limit("1");
    for (n, id) in (0i64..).zip(&ids) {
        let reply = client.execute(*id, &[int(100)]).unwrap();
        let row = &reply.rows().unwrap_or_else(|| panic!("{reply:?}")).rows[0];
        assert_eq!(row[2..10], (100 + n).to_le_bytes());
    }
    limit("16382");
}

fn many_in_one_write(context: &Context) {
    let lanewire = context.lanewire();
    let mut client = lanewire.client();
    let id = client.prepare("SELECT CONCAT(?, '!')").unwrap().id.to_le_bytes();
    let mut bytes = Vec::new();
    for (n, letter) in (0u8..).zip(b'a'..=b'z') {
        let mut body = vec![0x17];
        body.extend_from_slice(&id);
        body.extend_from_slice(&[0, 1, 0, 0, 0, 0, u8::from(n == 0)]);
        if n == 0 {
            body.extend_from_slice(&[0xFD, 0]);
        }
        body.extend_from_slice(&[1, letter]);
        bytes.extend_from_slice(&[u8::try_from(body.len()).unwrap(), 0, 0, 0]);
        bytes.extend_from_slice(&body);
    }
    client.wire().send_bytes(&bytes).unwrap();
    for letter in b'a'..=b'z' {
        client.wire().set_seq(1);
        let reply = client.read_query().unwrap();
        assert_eq!(first_text(&reply), format!("{}!", char::from(letter)));
    }
}

/// sysbench with prepared statements, where it is installed.
fn sysbench(context: &Context) {
    if which("sysbench").is_none() {
        println!("sysbench is not installed");
        return;
    }
    let lanewire = context.lanewire();
    let run = |load: &str, command: &str, more: &[&str]| {
        let output = Command::new("sysbench")
            .args([load, "--mysql-host=127.0.0.1", "--mysql-user=app", "--mysql-password=app"])
            .args(["--mysql-db=test", "--db-ps-mode=auto", "--tables=2", "--table-size=200"])
            .args(["--threads=8", "--time=2", "--mysql-ignore-errors=1213,1205"])
            .arg(format!("--mysql-port={}", lanewire.port()))
            .args(more)
            .arg(command)
            .output()
            .expect("sysbench runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{load} {command}: {text}\n{}", lanewire.log());
        text.lines().filter(|line| line.contains("per sec.")).collect::<Vec<_>>().join("\n")
    };
    run("oltp_read_write", "cleanup", &[]);
    run("oltp_read_write", "prepare", &[]);
    context.in_sync();
    let before = executions(context);
    let reads = run("oltp_read_only", "run", &["--skip-trx=on"]);
    let between = executions(context);
    assert_eq!(between[0], before[0], "reads on the primary\n{reads}");
    assert!(between[1] > before[1] + 100 && between[2] > before[2] + 100, "{reads}");
    let mixed = run("oltp_read_write", "run", &[]);
    let after = executions(context);
    assert!(after[0] > between[0] + 100, "{mixed}");
    assert_eq!(after[1..], between[1..], "a transaction's reads on a replica\n{mixed}");
    run("oltp_read_write", "cleanup", &[]);
}
