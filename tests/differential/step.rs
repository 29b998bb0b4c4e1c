//! One step of a session, and its answer in a form that can be compared.

use lanewire_perf::client::{Client, Column, Error, Outcome, Param, RowsEnd, flags};
use std::fmt;

/// What a client does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Query(String),
    /// Prepare, execute, close.
    Prepared(String, Vec<Param>),
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
            Self::Query(sql) | Self::Prepared(sql, _) => sql,
            Self::FieldList(_) => return true,
            Self::InitDb(_)
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
    pub(crate) fn may_write(&self) -> bool {
        let sql = match self {
            Self::Query(sql) | Self::Prepared(sql, _) => sql,
            Self::ResetConnection | Self::ChangeUser(_) | Self::Reconnect => return true,
            Self::InitDb(_) | Self::Ping | Self::FieldList(_) | Self::SetOption(_) => return false,
        };
        const NEVER: &[&str] = &["SELECT", "SHOW", "DESCRIBE", "WITH", "USE", "SAVEPOINT"];
        !NEVER.iter().any(|word| sql.starts_with(word))
            || sql.contains(';')
            || sql.contains("w_add")
    }
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

/// Depends on speed and statistics: NO_GOOD_INDEX_USED, NO_INDEX_USED, QUERY_WAS_SLOW.
const STATUS_LOOSE: u16 = 0x10 | 0x20 | 0x800;

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
            Outcome::Err(_) | Outcome::Text(_) | Outcome::LocalInfile(_) => {}
        }
    }
    outcomes
}

/// Does `step` and takes the answer.
pub(crate) fn perform(client: &mut Client, step: &Step) -> Answer {
    let reply = match step {
        Step::Query(sql) => client.query(sql),
        Step::Prepared(sql, params) => return prepared(client, sql, params),
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
            let sql = if let Step::Query(sql) = step { sql.as_str() } else { "" };
            Answer::Reply(comparable(reply.outcomes, sql))
        }
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
