//! One step of a session, and its answer in a form that can be compared.

use lanewire_perf::client::{Client, Column, Error, Outcome, Param, RowsEnd, flags};
use std::collections::HashMap;
use std::fmt;

/// What a client does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Query(String),
    /// Prepare, execute, close.
    Prepared(String, Vec<Param>),
    /// COM_STMT_PREPARE of what the number stands for from now on.
    Prepare(u8, String),
    /// COM_STMT_EXECUTE, with the parameters' types or without.
    Execute {
        number: u8,
        sql: String,
        params: Vec<Param>,
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
    ChangeUser(Option<String>),
    /// A new connection in the session's first schema.
    Reconnect,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(sql) if sql.len() > 2000 => {
                write!(f, "{}… ({} bytes)", &sql[..200], sql.len())
            }
            Self::Query(sql) => write!(f, "{sql};"),
            Self::Prepared(sql, params) => write!(f, "-- binary: {sql}; {params:?}"),
            Self::Prepare(number, sql) => write!(f, "-- prepare {number}: {sql}"),
            Self::Execute { number, sql, params, types } => {
                let types = if *types { "" } else { " without types" };
                write!(f, "-- execute {number}: {sql}; {params:?}{types}")
            }
            Self::ResetStatement(number) => write!(f, "-- reset {number}"),
            Self::Close(number) => write!(f, "-- close {number}"),
            Self::InitDb(schema) => write!(f, "-- COM_INIT_DB {schema}"),
            Self::Ping => f.write_str("-- COM_PING"),
            Self::FieldList(table) => write!(f, "-- COM_FIELD_LIST {table}"),
            Self::SetOption(option) => write!(f, "-- COM_SET_OPTION {option}"),
            Self::ResetConnection => f.write_str("-- COM_RESET_CONNECTION"),
            Self::ChangeUser(schema) => write!(f, "-- COM_CHANGE_USER {schema:?}"),
            Self::Reconnect => f.write_str("-- reconnect"),
        }
    }
}

impl Step {
    /// Whether a replica might answer it: then the replicas must have caught up first.
    pub(crate) fn may_read(&self) -> bool {
        let sql = match self {
            Self::Query(sql) | Self::Prepared(sql, _) | Self::Execute { sql, .. } => sql,
            Self::FieldList(_) | Self::Prepare(..) => return true,
            Self::ResetStatement(_)
            | Self::Close(_)
            | Self::InitDb(_)
            | Self::Ping
            | Self::SetOption(_)
            | Self::ResetConnection
            | Self::ChangeUser(_)
            | Self::Reconnect => return false,
        };
        const NEVER: &[&str] = &["INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT", "ROLLBACK"];
        !NEVER.iter().any(|word| sql.starts_with(word)) || sql.contains(';')
    }

    /// Whether it may have changed what a replica would answer.
    /// Reads rows under a condition.
    pub(crate) fn is_filtered(&self) -> bool {
        let (Self::Query(sql) | Self::Prepared(sql, _) | Self::Execute { sql, .. }) = self else {
            return false;
        };
        sql.to_ascii_uppercase().contains("WHERE")
    }

    pub(crate) fn may_write(&self) -> bool {
        let sql = match self {
            Self::Query(sql) | Self::Prepared(sql, _) | Self::Execute { sql, .. } => sql,
            Self::Prepare(..) | Self::ResetStatement(_) | Self::Close(_) => return false,
            Self::ResetConnection | Self::ChangeUser(_) | Self::Reconnect => return true,
            Self::InitDb(_) | Self::Ping | Self::FieldList(_) | Self::SetOption(_) => return false,
        };
        const NEVER: &[&str] = &["SELECT", "SHOW", "DESCRIBE", "WITH", "USE", "SAVEPOINT"];
        !NEVER.iter().any(|word| sql.starts_with(word))
            || sql.contains(';')
            || sql.contains("w_add")
    }
}

/// Whether two answers differ only in how many warnings they count.
pub(crate) fn same_but_for_warnings(one: &Answer, other: &Answer) -> bool {
    let without = |answer: &Answer| {
        let mut answer = answer.clone();
        let (Answer::Reply(outcomes) | Answer::Prepared { outcomes, .. }) = &mut answer else {
            return answer;
        };
        for outcome in outcomes {
            if let Outcome::Rows(rows) = outcome
                && let RowsEnd::Ok(ok) = &mut rows.end
            {
                ok.warnings = 0;
            }
        }
        answer
    };
    without(one) == without(other)
}

/// What came back, without what may rightly differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Reply(Vec<Outcome>),
    Prepared {
        params: Vec<Column>,
        columns: Vec<Column>,
        warnings: u16,
        outcomes: Vec<Outcome>,
    },
    Done,
    /// The conversation ended.
    Broken(String),
}

/// Depends on speed and statistics: NO_GOOD_INDEX_USED, NO_INDEX_USED, QUERY_WAS_SLOW. And
/// METADATA_CHANGED, which comes once for each statement of a server's connection.
const STATUS_LOOSE: u16 = 0x10 | 0x20 | 0x400 | 0x800;

/// Of a join's columns, or a semijoin's: whether they are keys shows only where the plan needs no temporary table.
const KEY_FLAGS: u16 = 0x2 | 0x4 | 0x8 | 0x200 | 0x1000 | 0x4000;

fn comparable(mut outcomes: Vec<Outcome>, sql: &str) -> Vec<Outcome> {
    let sql = sql.to_ascii_uppercase();
    let join = ["JOIN", "C1, T2", "IN (SELECT"].iter().any(|part| sql.contains(part));
    for outcome in &mut outcomes {
        match outcome {
            Outcome::Ok(ok) => ok.status &= !STATUS_LOOSE,
            Outcome::Rows(rows) => {
                for column in rows.columns.iter_mut().filter(|_| join) {
                    column.flags &= !KEY_FLAGS;
                }
                if let RowsEnd::Ok(ok) = &mut rows.end {
                    ok.status &= !STATUS_LOOSE;
                }
            }
            // Of information_schema: MySQL 9.7 says 1109, and 1146 where the statement before
            // failed as well.
            Outcome::Err(err) if sql.starts_with("SHOW CREATE VIEW") && err.code == 1109 => {
                err.code = 1146;
                let name = err.message.split('\'').nth(1).unwrap_or_default();
                err.message = format!("Table 'information_schema.{name}' doesn't exist");
            }
            Outcome::Err(_) | Outcome::Text(_) | Outcome::LocalInfile(_) => {}
        }
    }
    outcomes
}

/// The server's ids of a client's prepared statements.
pub(crate) type Statements = HashMap<u8, u32>;

/// Does `step` and takes the answer.
pub(crate) fn perform(client: &mut Client, statements: &mut Statements, step: &Step) -> Answer {
    if let Step::ResetConnection | Step::ChangeUser(_) | Step::Reconnect = step {
        statements.clear();
    }
    let reply = match step {
        Step::Query(sql) => client.query(sql),
        Step::Prepared(sql, params) => return prepared(client, sql, params),
        Step::Prepare(number, sql) => return prepare(client, statements, *number, sql),
        Step::Execute { number, params, types, .. } => match statements.get(number) {
            Some(id) => client.execute_as(*id, params, *types),
            None => return Answer::Done,
        },
        Step::ResetStatement(number) => match statements.get(number) {
            Some(id) => client.reset_statement(*id),
            None => return Answer::Done,
        },
        Step::Close(number) => {
            let closed = statements.remove(number).map(|id| client.close_statement(id));
            return match closed {
                Some(Err(error)) => Answer::Broken(error.to_string()),
                Some(Ok(())) | None => Answer::Done,
            };
        }
        Step::InitDb(schema) => client.init_db(schema),
        Step::Ping => client.ping(),
        Step::FieldList(table) => client.field_list(table, ""),
        Step::SetOption(option) => client.set_option(*option),
        Step::ResetConnection => client.reset_connection(),
        Step::ChangeUser(schema) => {
            return match client.change_user("app", "app", schema.as_deref()) {
                Ok(()) => Answer::Done,
                Err(error) => Answer::Broken(error.to_string()),
            };
        }
        Step::Reconnect => return Answer::Done,
    };
    match reply {
        Ok(reply) => {
            let sql = match step {
                Step::Query(sql) | Step::Execute { sql, .. } => sql.as_str(),
                _ => "",
            };
            Answer::Reply(comparable(reply.outcomes, sql))
        }
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
            Answer::Prepared {
                params: statement.params,
                columns: statement.columns,
                warnings: statement.warnings,
                outcomes: Vec::new(),
            }
        }
        Err(Error::Refused(err)) => Answer::Reply(vec![Outcome::Err(err)]),
        Err(error) => Answer::Broken(error.to_string()),
    }
}

fn prepared(client: &mut Client, sql: &str, params: &[Param]) -> Answer {
    let statement = match client.prepare(sql) {
        Ok(statement) => statement,
        Err(Error::Refused(err)) => return Answer::Reply(vec![Outcome::Err(err)]),
        Err(error) => return Answer::Broken(error.to_string()),
    };
    let reply = client.execute(statement.id, params);
    let closed = client.close_statement(statement.id);
    match (reply, closed) {
        (Ok(reply), Ok(())) => Answer::Prepared {
            params: statement.params,
            columns: statement.columns,
            warnings: statement.warnings,
            outcomes: comparable(reply.outcomes, sql),
        },
        (Err(error), _) | (_, Err(error)) => Answer::Broken(error.to_string()),
    }
}

/// A short text of an answer for the report.
pub(crate) fn describe(answer: &Answer, capabilities: u64) -> String {
    let (head, outcomes) = match answer {
        Answer::Reply(outcomes) => (String::new(), outcomes),
        Answer::Prepared { params, columns, warnings, outcomes } => {
            let head = format!(
                "prepared params={} columns={} warnings={warnings} ",
                params.len(),
                columns.len()
            );
            (head, outcomes)
        }
        Answer::Done => return "done".into(),
        Answer::Broken(error) => return format!("broken: {error}"),
    };
    let track = capabilities & flags::SESSION_TRACK != 0;
    let mut out = head;
    for outcome in outcomes {
        out.push_str(&describe_outcome(outcome, track));
        out.push_str(" | ");
    }
    out
}

fn describe_outcome(outcome: &Outcome, track: bool) -> String {
    let ok_text = |ok: &lanewire_perf::client::OkReply| {
        let mut text = format!(
            "affected={} insert_id={} status={:#06x} warnings={}",
            ok.affected_rows, ok.last_insert_id, ok.status, ok.warnings
        );
        if !ok.info.is_empty() {
            text.push_str(&format!(" info={:?}", String::from_utf8_lossy(&ok.info)));
        }
        if track {
            text.push_str(&format!(" state={:?}", String::from_utf8_lossy(&ok.session_state)));
        }
        text
    };
    match outcome {
        Outcome::Ok(ok) => format!("OK {}", ok_text(ok)),
        Outcome::Err(err) => err.to_string(),
        Outcome::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Outcome::LocalInfile(name) => format!("infile {}", String::from_utf8_lossy(name)),
        Outcome::Rows(rows) => {
            let columns: Vec<String> = rows
                .columns
                .iter()
                .map(|c| {
                    format!(
                        "{}.{}.{}={}/{} type={} cs={} len={} flags={:#x} dec={}",
                        c.schema,
                        c.table,
                        c.org_table,
                        c.name,
                        c.org_name,
                        c.kind,
                        c.collation,
                        c.length,
                        c.flags,
                        c.decimals
                    )
                })
                .collect();
            let mut text = format!("{} rows of [{}]", rows.rows.len(), columns.join(", "));
            for row in rows.rows.iter().take(6) {
                let shown = &row[..row.len().min(160)];
                text.push_str(&format!(" <{}>", String::from_utf8_lossy(shown).escape_debug()));
            }
            match &rows.end {
                RowsEnd::Ok(ok) => text.push_str(&format!(" end {}", ok_text(ok))),
                RowsEnd::Err(err) => text.push_str(&format!(" end {err}")),
            }
            text
        }
    }
}
