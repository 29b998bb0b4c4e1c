//! What a session sets and leaves, while others use the same few connections and leave theirs: each
//! statement's answer is the one that a server alone gives.

use crate::replies::strict;
use crate::support::Lanewire;
use crate::{Context, Test};
use lanewire_perf::client::{Client, Error, Options, Outcome, RowsEnd, flags};
use std::collections::HashMap;

pub(crate) const TESTS: &[Test] = &[
    ("state::character_sets", character_sets),
    ("state::variables", variables),
    ("state::transactions", transactions),
    ("state::last_statement", last_statement),
    ("state::on_the_connection", on_the_connection),
    ("state::programs_and_schemas", programs_and_schemas),
    ("state::reset_and_change_user", reset_and_change_user),
    ("state::completion_type_release", completion_type_release),
    ("state::savepoint_before_its_transaction", savepoint_before_its_transaction),
];

/// Three connections to each server for all.
const FEW: &str = "[pool]\nmax-connections = 3\nmin-idle = 0\nmax-idle = 2\n";

/// What others do between any two statements.
const POISON: [&[&str]; 4] = [
    &[
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES', time_zone='-07:00'",
        "SELECT 1/0, 'poison'",
        "INSERT INTO poison (a) VALUES (1),(2),(3)",
    ],
    &[
        "SET autocommit=0, lc_time_names='de_DE', sql_select_limit=1",
        "UPDATE poison SET a=a+1 WHERE id <= 5",
        "ROLLBACK",
        "SELECT a FROM poison",
    ],
    &[
        "USE information_schema",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET character_set_results=latin1, group_concat_max_len=7",
        "SELECT nothing FROM nowhere",
    ],
    &[
        "SET completion_type=1",
        "INSERT INTO poison (a) VALUES (99)",
        "SELECT SLEEP(0) FROM poison LIMIT 2",
    ],
];

/// Sessions beside the one that is looked at.
struct Others(Vec<Client>);

impl Others {
    fn new(lanewire: &Lanewire) -> Self {
        Self(POISON.iter().map(|_| lanewire.client()).collect())
    }

    fn poison(&mut self) {
        for (client, statements) in self.0.iter_mut().zip(POISON) {
            for sql in statements {
                let code = client.query(sql).unwrap().error().map(|err| err.code);
                assert_ne!(code, Some(1203), "{sql}: the pool is too small");
            }
            // What failed or warned keeps its connection until the next statement.
            client.query("DO 0").unwrap();
            client.query("SELECT 1 FROM test.poison LIMIT 1").unwrap();
            client.query("COMMIT").unwrap();
            client.query("SELECT 1 FROM test.poison LIMIT 1").unwrap();
            client.query("COMMIT").unwrap();
        }
    }
}

/// The sessions of one chapter of the file.
fn cases(chapter: &str) -> Vec<Vec<&'static str>> {
    let text = include_str!("state.txt");
    let (_, rest) = text.split_once(&format!("[{chapter}]\n")).expect("a chapter of that name");
    let text = rest.split_once("\n[").map_or(rest, |(text, _)| text);
    let mut names = HashMap::new();
    let mut cases = Vec::new();
    for paragraph in text.split("\n\n") {
        let mut case = Vec::new();
        for line in paragraph.trim().lines() {
            let name = line.strip_prefix('$');
            match (name, name.and_then(|it| it.split_once(" = "))) {
                (_, Some((name, statement))) => _ = names.insert(name, statement),
                (Some(name), None) => case.push(names[name]),
                (None, None) => case.push(line),
            }
        }
        cases.push(case);
    }
    cases.retain(|case| !case.is_empty());
    cases
}

fn compare(context: &Context, chapter: &str) {
    let lanewire = context.lanewire_as(FEW, &["--shards=1"]);
    for case in &cases(chapter) {
        let expected = {
            lay_out(context);
            let mut client = context.direct();
            play(context, &mut client, case, || {})
        };
        lay_out(context);
        let mut others = Others::new(&lanewire);
        let mut client = lanewire.client();
        let got = play(context, &mut client, case, || others.poison());
        for (at, (expected, got)) in expected.into_iter().zip(got).enumerate() {
            assert_eq!(expected, got, "statement {at}, {:?}, of {case:#?}", case[at]);
        }
    }
}

fn lay_out(context: &Context) {
    context.lay_out(&[
        "DROP TABLE IF EXISTS st, poison, made",
        "CREATE TABLE st (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(20))",
        "INSERT INTO st (a, b) VALUES (1,'x'),(2,'y'),(3,'z')",
        "CREATE TABLE poison (id INT AUTO_INCREMENT PRIMARY KEY, a INT) AUTO_INCREMENT=5000",
        "DROP DATABASE IF EXISTS doomed",
    ]);
}

fn play(
    context: &Context,
    client: &mut Client,
    case: &[&'static str],
    mut between: impl FnMut(),
) -> Vec<Vec<Outcome>> {
    let mut seen = Vec::new();
    // MariaDB hands a new connection the FOUND_ROWS() of its thread's last one.
    client.must("SELECT 'first'").unwrap();
    for sql in case {
        let (own, sql) = match sql.split_at_checked(2) {
            Some(("m:", sql)) => (context.is_mariadb(), sql),
            Some(("o:", sql)) => (!context.is_mariadb(), sql),
            _ => (true, *sql),
        };
        if !own {
            seen.push(Vec::new());
            continue;
        }
        let reply = match sql {
            "!reset" => client.reset_connection(),
            "!user" => {
                client.change_user("app", "app", Some("test")).unwrap();
                client.ping()
            }
            sql => client.query(sql),
        };
        let mut outcomes = strict(reply.unwrap_or_else(|error| panic!("{sql}: {error}")));
        // In an EOF that a client without session tracking gets: it means nothing there.
        for outcome in &mut outcomes {
            if let Outcome::Rows(rows) = outcome
                && let RowsEnd::Ok(ok) = &mut rows.end
            {
                ok.status &= !flags::STATUS_SESSION_STATE;
            }
        }
        seen.push(outcomes);
        context.in_sync();
        between();
    }
    seen
}

fn character_sets(context: &Context) {
    compare(context, "character_sets");
}

fn variables(context: &Context) {
    compare(context, "variables");
}

fn transactions(context: &Context) {
    compare(context, "transactions");
}

fn last_statement(context: &Context) {
    compare(context, "last_statement");
}

fn on_the_connection(context: &Context) {
    compare(context, "on_the_connection");
}

fn programs_and_schemas(context: &Context) {
    context.lay_out(&[
        "DROP PROCEDURE IF EXISTS changes",
        "CREATE PROCEDURE changes() BEGIN SET @zz=5; SET time_zone='+02:00'; \
         SET sql_mode='ANSI_QUOTES'; CREATE TEMPORARY TABLE inner_made AS SELECT 6 AS a; \
         DO GET_LOCK('inner', 0); SELECT 'out'; END",
        "DROP PROCEDURE IF EXISTS opens",
        "CREATE PROCEDURE opens() BEGIN START TRANSACTION; INSERT INTO st (a) VALUES (60); END",
        "DROP PROCEDURE IF EXISTS gives",
        "CREATE PROCEDURE gives(OUT x INT) SELECT MAX(a) INTO x FROM st",
    ]);
    compare(context, "programs_and_schemas");
}

fn reset_and_change_user(context: &Context) {
    compare(context, "reset_and_change_user");
}

/// The server closes the connection behind the COMMIT.
fn completion_type_release(context: &Context) {
    let lanewire = context.lanewire_as(FEW, &["--shards=1"]);
    let ends = |options: &Options| {
        let mut client = Client::connect(options).unwrap();
        client.must("SET completion_type=2").unwrap();
        client.must("BEGIN").unwrap();
        client.must("COMMIT").unwrap();
        matches!(client.query("SELECT 1"), Err(Error::Closed | Error::Io(_)))
    };
    assert!(ends(&context.direct_options(0)));
    assert!(ends(&lanewire.options()));
    let mut other = lanewire.client();
    assert_eq!(
        other.must("SELECT @@completion_type FROM marker").unwrap().first_cell().unwrap(),
        "NO_CHAIN"
    );
}

/// With autocommit off a savepoint may stand where no flag tells of a transaction.
fn savepoint_before_its_transaction(context: &Context) {
    let narrow = "[pool]\nmax-connections = 2\nmin-idle = 0\nmax-idle = 1\n";
    let lanewire = context.lanewire_as(narrow, &["--shards=1"]);
    let (mut client, mut other) = (lanewire.client(), lanewire.client());
    client.must("SET autocommit=0").unwrap();
    for end in ["COMMIT", "ROLLBACK"] {
        client.must("SAVEPOINT a").unwrap();
        client.must("SELECT 1").unwrap();
        other.must("DO 1").unwrap();
        client.must("ROLLBACK TO a").unwrap();
        client.must("RELEASE SAVEPOINT a").unwrap();
        client.must(end).unwrap();
        let gone = client.query("ROLLBACK TO a").unwrap();
        assert_eq!(gone.error().map(|err| err.code), Some(1305));
        client.must("ROLLBACK").unwrap();
    }
}
