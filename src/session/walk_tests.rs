//! A random walk: clients that share connections see what each would see on a server of its own.

use super::memory::Left;
use std::rc::Rc;

use proptest::prelude::*;

use super::{Keep, Preamble, ReplayState, ServerKind, Session, StateInterner};
use crate::protocol::{Change, StatusFlags, Summary};
use crate::sql::{Access, Dialect, Statement, Traits, Verb};

const TRACKED: ServerKind = ServerKind {
    trackers: true,
    dialect: Dialect { mariadb: true, ansi_quotes: false, no_backslash_escapes: false },
};
const MARK: Change<'_> = Change::StateChanged(true);

fn statement(verb: Verb, traits: Traits) -> Statement {
    Statement { verb, access: Access::Write, traits, hint: None, statements: 1 }
}

fn ok() -> Summary {
    Summary { results: 1, has_status: true, status: StatusFlags::AUTOCOMMIT, ..Summary::default() }
}

fn variable<'a>(name: &'a str, value: &'a str) -> Change<'a> {
    Change::SystemVariable { name: name.as_bytes(), value: value.as_bytes() }
}

/// What one statement of the walk does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Set(usize, u8),
    Default(usize),
    Use(u8),
    Insert,
    UserVariable(u8),
    Begin,
    Commit,
    Warn,
    Check,
}

const NAMES: [&str; 3] = ["sql_mode", "time_zone", "wait_timeout"];

/// What a connection of a real server would know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Server {
    variables: [Option<u8>; 3],
    schema: Option<u8>,
    user_variable: Option<u8>,
    insert_id: u64,
    in_transaction: bool,
    warnings: u16,
}

/// A pooled connection: a server's side, and what the pool believes of it.
struct Pooled {
    server: Server,
    believed: Rc<ReplayState>,
    /// What the pool takes `LAST_INSERT_ID()` to be on it, where it knows.
    insert_id: Option<u64>,
}

impl Server {
    fn apply(&mut self, preamble: &Preamble) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if let Some(schema) = &preamble.init_db {
            self.schema = Some(text(schema).parse().unwrap());
        }
        for part in preamble.set_sql.iter().flat_map(|sql| {
            text(sql)
                .strip_prefix("SET ")
                .unwrap()
                .split(',')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }) {
            let (name, value) = part.split_once('=').unwrap();
            if name == "last_insert_id" {
                self.insert_id = value.parse().unwrap();
            } else {
                let at = NAMES.iter().position(|known| *known == name).unwrap();
                self.variables[at] = value.parse().ok();
            }
        }
        if preamble.clear_sql.is_some() {
            self.warnings = 0;
        }
    }

    /// Runs a step; the reply's summary, with the entries noted in `session`.
    fn run(&mut self, step: Step, next_id: u64, session: Option<&mut Session>) -> Summary {
        let note = change_into;
        let mut entries = Vec::new();
        self.warnings = 0;
        let mut summary = ok();
        match step {
            Step::Set(at, value) => {
                self.variables[at] = Some(value);
                entries.push(note(variable(NAMES[at], &value.to_string())));
                entries.push(note(MARK));
            }
            Step::Default(at) => {
                self.variables[at] = Some(0);
                entries.push(note(variable(NAMES[at], "0")));
                entries.push(note(MARK));
            }
            Step::Use(schema) => {
                self.schema = Some(schema);
                entries.push(note(Change::Schema(schema.to_string().as_bytes())));
                entries.push(note(MARK));
            }
            Step::Insert => {
                self.insert_id = next_id;
                summary.last_insert_id = next_id;
                summary.affected_rows = 1;
            }
            Step::UserVariable(value) => {
                self.user_variable = Some(value);
                entries.push(note(MARK));
            }
            Step::Begin => self.in_transaction = true,
            Step::Commit => self.in_transaction = false,
            Step::Warn => self.warnings = 1,
            Step::Check => {}
        }
        summary.warnings = self.warnings;
        if self.in_transaction {
            summary.status |= StatusFlags::IN_TRANS;
        }
        if let Some(session) = session {
            for entry in &entries {
                session.note_change(entry.borrow());
            }
        }
        summary
    }
}

/// A change that owns its bytes.
enum Owned {
    Variable(Vec<u8>, Vec<u8>),
    Schema(Vec<u8>),
    Mark,
}

fn change_into(change: Change<'_>) -> Owned {
    match change {
        Change::SystemVariable { name, value } => Owned::Variable(name.to_vec(), value.to_vec()),
        Change::Schema(name) => Owned::Schema(name.to_vec()),
        Change::StateChanged(_)
        | Change::Gtids(_)
        | Change::TransactionCharacteristics(_)
        | Change::TransactionState(_)
        | Change::Unknown(_) => Owned::Mark,
    }
}

impl Owned {
    fn borrow(&self) -> Change<'_> {
        match self {
            Self::Variable(name, value) => Change::SystemVariable { name, value },
            Self::Schema(name) => Change::Schema(name),
            Self::Mark => MARK,
        }
    }
}

fn what(step: Step) -> (Statement, &'static str) {
    let (verb, traits, sql) = match step {
        Step::Set(..) | Step::Default(_) => (Verb::Set, Traits::PLAIN_SET, "SET x=1"),
        Step::Use(_) => (Verb::Use, Traits::USE, "use a"),
        Step::Insert => (Verb::Insert, Traits::empty(), "insert into t(v) values ('a')"),
        Step::UserVariable(_) => {
            let traits = Traits::UNKNOWN_SET | Traits::USER_VARIABLE_WRITE;
            (Verb::Set, traits, "SET @a=1")
        }
        Step::Begin => (Verb::Begin, Traits::BEGIN, "begin"),
        Step::Commit => (Verb::Commit, Traits::COMMIT, "commit"),
        Step::Warn => (Verb::Update, Traits::empty(), "update t set v=1/0"),
        Step::Check => (Verb::Select, Traits::READS_SESSION, "select last_insert_id() from t"),
    };
    (statement(verb, traits), sql)
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => (0usize..3, 1u8..4).prop_map(|(at, value)| Step::Set(at, value)),
        1 => (0usize..3).prop_map(Step::Default),
        2 => (0u8..3).prop_map(Step::Use),
        3 => Just(Step::Insert),
        1 => (0u8..3).prop_map(Step::UserVariable),
        1 => Just(Step::Begin),
        2 => Just(Step::Commit),
        2 => Just(Step::Warn),
        6 => Just(Step::Check),
    ];
    prop::collection::vec((0usize..3, step), 1..80)
}

/// One client: its session, the connection it holds, and a server of its own to compare with.
struct Client {
    session: Session,
    held: Option<Pooled>,
    direct: Server,
}

fn left(insert_id: Option<u64>) -> Left {
    Left { insert_id, found_rows: None }
}

/// Three clients over shared connections see what each would see on a server of its own.
fn walk(steps: &[(usize, Step)]) {
    let mut states = StateInterner::default();
    let fresh = states.intern(ReplayState::default());
    let mut idle: Vec<Pooled> = Vec::new();
    let mut clients = [0; 3].map(|_| Client {
        session: Session::new(Rc::clone(&fresh), ServerKind { trackers: true, ..TRACKED }),
        held: None,
        direct: Server::default(),
    });
    for (n, &(who, step)) in steps.iter().enumerate() {
        let next_id = n as u64 + 1;
        let Client { session, held, direct } = &mut clients[who];
        let (statement, sql) = what(step);
        session.begin(&statement, sql.as_bytes(), false);
        if let Some(soft) = held.take_if(|_| !session.needs_connection(&statement)) {
            session.left_connection();
            idle.insert(0, soft);
        }
        let reachable = |pooled: &Pooled| {
            session.preamble_for(&statement, &pooled.believed, left(pooled.insert_id)).is_ok()
        };
        let mut conn = held.take().unwrap_or_else(|| {
            let known = idle.iter().position(reachable).map(|at| idle.remove(at));
            let believed = Rc::clone(&fresh);
            known.unwrap_or_else(|| Pooled {
                server: Server::default(),
                believed,
                insert_id: Some(0),
            })
        });
        let preamble = session
            .preamble_for(&statement, &conn.believed, left(conn.insert_id))
            .expect("reachable");
        conn.server.apply(&preamble);
        conn.insert_id = preamble.insert_id.or(conn.insert_id);
        session.preamble_done(&preamble, preamble.count_sql.is_some());
        if let Some(believed) = conn.insert_id {
            assert_eq!(believed, conn.server.insert_id, "step {n}");
        }
        if matches!(step, Step::Check) {
            let warnings = (conn.server.warnings, direct.warnings);
            assert_eq!(warnings.0, warnings.1, "warnings");
            let seen = |server: &Server| {
                let variables = server.variables.map(|value| value.unwrap_or(0));
                (variables, server.schema, server.user_variable, server.insert_id)
            };
            assert_eq!(seen(&conn.server), seen(direct), "step {n}");
            assert_eq!(conn.server.in_transaction, direct.in_transaction);
        }
        let summary = conn.server.run(step, next_id, Some(session));
        direct.run(step, next_id, None);
        let keep = session.after_reply(&statement, &summary, &mut states);
        if session.insert_id_in_doubt() {
            conn.insert_id = None;
        } else if summary.last_insert_id != 0 {
            conn.insert_id = Some(summary.last_insert_id);
        }
        match keep {
            Keep::Release { state } => idle.push(Pooled { believed: state, ..conn }),
            Keep::Hold(_) => {
                *held = Some(Pooled { believed: Rc::clone(session.state()), ..conn });
            }
            Keep::Close => {}
        }
    }
}

proptest! {
    #[test]
    fn sharing_connections_is_not_noticed(steps in steps()) {
        walk(&steps);
    }
}
