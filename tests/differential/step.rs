//! One step of a session.

use crate::answer::{Answer, of_prepared, of_reply};
use lanewire_perf::client::{Client, Error, Outcome, Param, Reply};
use std::collections::HashMap;
use std::fmt;

/// What a client does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Query(String),
    /// COM_STMT_PREPARE of what the number stands for from now on.
    Prepare(u8, String),
    /// COM_STMT_EXECUTE.
    Execute(Execution),
    /// COM_STMT_FETCH of so many rows.
    Fetch(u8, u32),
    /// COM_STMT_SEND_LONG_DATA: a piece of a parameter.
    LongData(u8, u16, Vec<u8>),
    /// COM_STMT_BULK_EXECUTE, with the parameters' types or without.
    Bulk {
        number: u8,
        sql: String,
        rows: Vec<Vec<Param>>,
        types: bool,
    },
    /// COM_STMT_RESET.
    ResetStatement(u8),
    /// COM_STMT_CLOSE.
    Close(u8),
    InitDb(String),
    Ping,
    FieldList(String),
    /// COM_SET_OPTION: 0 turns several statements on, 1 off.
    SetOption(u16),
    ResetConnection,
    /// COM_CHANGE_USER to a user whose password is its name, in a schema or none.
    ChangeUser(&'static str, Option<String>),
    /// A new connection in the session's first schema.
    Reconnect,
}

/// An execution of a prepared statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Execution {
    pub(crate) number: u8,
    /// What is executed.
    pub(crate) sql: String,
    pub(crate) params: Vec<Param>,
    /// The parameters' types go along.
    pub(crate) types: bool,
    /// Rows stay for COM_STMT_FETCH.
    pub(crate) cursor: bool,
}

/// The number of the statement prepared last (MariaDB's id -1).
pub(crate) const NEWEST: u8 = u8::MAX;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = |types: bool| if types { "" } else { " without types" };
        match self {
            Self::Query(sql) if sql.len() > 2000 => {
                write!(f, "{}… ({} bytes)", &sql[..200], sql.len())
            }
            Self::Query(sql) => write!(f, "{sql};"),
            Self::Prepare(number, sql) => write!(f, "-- prepare {number}: {sql}"),
            Self::Execute(Execution { number, sql, params, types, cursor }) => {
                let cursor = if *cursor { " with a cursor" } else { "" };
                write!(f, "-- execute {number}: {sql}; {params:?}{}{cursor}", typed(*types))
            }
            Self::Fetch(number, rows) => write!(f, "-- fetch {number}: {rows} rows"),
            Self::LongData(number, param, data) => {
                write!(f, "-- long data {number}: parameter {param}, {} bytes", data.len())
            }
            Self::Bulk { number, sql, rows, types } => {
                write!(f, "-- bulk {number}: {sql}; {rows:?}{}", typed(*types))
            }
            Self::ResetStatement(number) => write!(f, "-- reset {number}"),
            Self::Close(number) => write!(f, "-- close {number}"),
            Self::InitDb(schema) => write!(f, "-- COM_INIT_DB {schema}"),
            Self::Ping => f.write_str("-- COM_PING"),
            Self::FieldList(table) => write!(f, "-- COM_FIELD_LIST {table}"),
            Self::SetOption(option) => write!(f, "-- COM_SET_OPTION {option}"),
            Self::ResetConnection => f.write_str("-- COM_RESET_CONNECTION"),
            Self::ChangeUser(user, schema) => write!(f, "-- COM_CHANGE_USER {user} {schema:?}"),
            Self::Reconnect => f.write_str("-- reconnect"),
        }
    }
}

impl Step {
    /// Whether it may leave the list of SHOW WARNINGS as it is: all but most texts.
    pub(crate) fn may_keep_messages(&self) -> bool {
        let Some(sql) = self.sql() else { return !matches!(self, Self::Prepare(..)) };
        let sql = sql.to_ascii_lowercase();
        let shows = ["warning", "error", "diagnostics"].iter().any(|word| sql.contains(word));
        shows && matches!(self, Self::Query(_))
    }

    /// The text that it runs.
    fn sql(&self) -> Option<&str> {
        match self {
            Self::Query(sql) | Self::Bulk { sql, .. } => Some(sql),
            Self::Execute(execution) => Some(&execution.sql),
            Self::Prepare(..)
            | Self::Fetch(..)
            | Self::LongData(..)
            | Self::ResetStatement(_)
            | Self::Close(_)
            | Self::InitDb(_)
            | Self::Ping
            | Self::FieldList(_)
            | Self::SetOption(_)
            | Self::ResetConnection
            | Self::ChangeUser(..)
            | Self::Reconnect => None,
        }
    }

    /// The prepared statement that it names.
    fn number(&self) -> Option<u8> {
        match self {
            Self::Execute(Execution { number, .. })
            | Self::Bulk { number, .. }
            | Self::Fetch(number, _)
            | Self::ResetStatement(number) => Some(*number).filter(|number| *number != NEWEST),
            Self::Query(_)
            | Self::Prepare(..)
            | Self::LongData(..)
            | Self::Close(_)
            | Self::InitDb(_)
            | Self::Ping
            | Self::FieldList(_)
            | Self::SetOption(_)
            | Self::ResetConnection
            | Self::ChangeUser(..)
            | Self::Reconnect => None,
        }
    }

    /// Whether a replica might answer it: then the replicas must have caught up first.
    pub(crate) fn may_read(&self) -> bool {
        const NEVER: &[&str] = &["INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT", "ROLLBACK"];
        match self.sql() {
            Some(sql) => !NEVER.iter().any(|word| sql.starts_with(word)) || sql.contains(';'),
            None => matches!(self, Self::FieldList(_) | Self::Prepare(..)),
        }
    }

    /// Reads rows under a condition.
    pub(crate) fn is_filtered(&self) -> bool {
        self.sql().is_some_and(|sql| sql.to_ascii_uppercase().contains("WHERE"))
    }

    /// Whether it may have changed what a replica would answer.
    pub(crate) fn may_write(&self) -> bool {
        const NEVER: &[&str] = &["SELECT", "SHOW", "DESCRIBE", "WITH", "USE", "SAVEPOINT"];
        match self.sql() {
            Some(sql) => {
                !NEVER.iter().any(|word| sql.starts_with(word))
                    || sql.contains(';')
                    || sql.contains("w_add")
            }
            None => matches!(self, Self::ResetConnection | Self::ChangeUser(..) | Self::Reconnect),
        }
    }
}

/// The server's ids of a client's prepared statements; those closed stay.
pub(crate) type Statements = HashMap<u8, u32>;

/// An id that no server gives.
const NOBODYS: u32 = 4_000_000_000;

/// Does `step` and takes the answer.
pub(crate) fn perform(client: &mut Client, statements: &mut Statements, step: &Step) -> Answer {
    // MySQL adds the error of an unknown statement to the list that the refused PREPARE left, the
    // proxy's list begins with it.
    let refused = step.number().is_some_and(|number| !statements.contains_key(&number));
    if refused && !client.greeting().is_mariadb() {
        return Answer::Done;
    }
    let id_of = |number: &u8| match *number {
        NEWEST => u32::MAX,
        number => statements.get(&number).copied().unwrap_or(NOBODYS),
    };
    let mut id = None;
    let mut named = |number: &u8| *id.insert(id_of(number));
    let reply = match step {
        Step::Query(sql) => client.query(sql),
        Step::Prepare(number, sql) => return prepare(client, statements, *number, sql),
        Step::Execute(Execution { number, params, types, cursor, .. }) => {
            let id = named(number);
            if *cursor {
                client.open_cursor(id, params, *types)
            } else {
                client.execute_as(id, params, *types)
            }
        }
        Step::Fetch(number, rows) => client.fetch(named(number), *rows),
        Step::LongData(number, param, data) => {
            return of_silent(client.send_long_data(id_of(number), *param, data));
        }
        Step::Bulk { number, rows, types, .. } => client.bulk_execute(named(number), rows, *types),
        Step::ResetStatement(number) => client.reset_statement(named(number)),
        Step::Close(number) => return of_silent(client.close_statement(id_of(number))),
        Step::InitDb(schema) => client.init_db(schema),
        Step::Ping => client.ping(),
        Step::FieldList(table) => client.field_list(table, ""),
        Step::SetOption(option) => client.set_option(*option),
        Step::ResetConnection => {
            statements.clear();
            client.reset_connection()
        }
        Step::ChangeUser(user, schema) => {
            statements.clear();
            return of_silent(client.change_user(user, user, schema.as_deref()));
        }
        Step::Reconnect => {
            statements.clear();
            return Answer::Done;
        }
    };
    of_result(reply, step.sql().unwrap_or_default(), id)
}

fn of_result(reply: Result<Reply, Error>, sql: &str, id: Option<u32>) -> Answer {
    match reply {
        Ok(reply) => of_reply(reply, sql, id),
        Err(error) => Answer::Broken(error.to_string()),
    }
}

fn of_silent(result: Result<(), Error>) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Broken(error.to_string()),
    }
}

fn prepare(client: &mut Client, statements: &mut Statements, number: u8, sql: &str) -> Answer {
    if let Some(Err(error)) = statements.remove(&number).map(|id| client.close_statement(id)) {
        return Answer::Broken(error.to_string());
    }
    match client.prepare(sql) {
        Ok(statement) => {
            statements.insert(number, statement.id);
            of_prepared(statement, sql)
        }
        Err(Error::Refused(err)) => {
            Answer::Reply { outcomes: vec![Outcome::Err(err)], eofs: Vec::new() }
        }
        Err(error) => Answer::Broken(error.to_string()),
    }
}
