//! An answer in a form that can be compared.

use lanewire_perf::client::{
    Column, ErrReply, OkReply, Outcome, Packet, Prepared, Reply, RowsEnd, flags,
};

/// Whether two answers differ only in how many warnings they count.
pub(crate) fn same_but_for_warnings(one: &Answer, other: &Answer) -> bool {
    let without = |answer: &Answer| {
        let mut answer = answer.clone();
        let Answer::Reply { outcomes, eofs } = &mut answer else { return answer };
        eofs.iter_mut().for_each(|(warnings, _)| *warnings = 0);
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

/// Whether something is listed for SHOW WARNINGS after it.
pub(crate) fn leaves_messages(answer: &Answer) -> bool {
    let Answer::Reply { outcomes, .. } = answer else { return false };
    outcomes.last().is_some_and(|outcome| match outcome {
        Outcome::Err(_) => true,
        Outcome::Ok(ok) => ok.warnings > 0,
        Outcome::Text(_) | Outcome::LocalInfile(_) => false,
        Outcome::Rows(rows) => match &rows.end {
            RowsEnd::Err(_) => true,
            RowsEnd::Ok(ok) => ok.warnings > 0,
        },
    })
}

/// Whether it is this error.
pub(crate) fn failed_with(answer: &Answer, code: u16) -> bool {
    let Answer::Reply { outcomes, .. } = answer else { return false };
    match &outcomes[..] {
        [Outcome::Err(err)] => err.code == code,
        [Outcome::Rows(rows)] => matches!(&rows.end, RowsEnd::Err(err) if err.code == code),
        _ => false,
    }
}

/// What came back, without what may rightly differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Reply {
        outcomes: Vec<Outcome>,
        /// Warnings and status of the EOF packets, also of those behind column definitions.
        eofs: Vec<(u16, u16)>,
    },
    Prepared {
        params: Vec<Column>,
        columns: Vec<Column>,
        warnings: u16,
        eofs: Vec<(u16, u16)>,
    },
    Done,
    /// The conversation ended.
    Broken(String),
}

/// Depends on speed and statistics: NO_GOOD_INDEX_USED, NO_INDEX_USED, QUERY_WAS_SLOW. And
/// METADATA_CHANGED, which comes once for each statement of a server's connection.
const STATUS_LOOSE: u16 = 0x10 | 0x20 | 0x400 | 0x800;

/// In an EOF packet no change follows the flag SESSION_STATE_CHANGED, and it may only say that the
/// connection has prepared the statement again, in another schema: the proxy takes it out.
const STATUS_LOOSE_EOF: u16 = STATUS_LOOSE | flags::STATUS_SESSION_STATE;

/// Of a join's columns, or a semijoin's: whether they are keys shows only where the plan needs no temporary table.
const KEY_FLAGS: u16 = 0x2 | 0x4 | 0x8 | 0x200 | 0x1000 | 0x4000;

/// Whether the columns of a statement's rows may or may not be keys.
fn may_join(sql: &str) -> bool {
    let sql = sql.to_ascii_uppercase();
    ["JOIN", "C1, T2", "IN (SELECT"].iter().any(|part| sql.contains(part))
}

fn comparable_columns(columns: &mut [Column], sql: &str) {
    if may_join(sql) {
        columns.iter_mut().for_each(|column| column.flags &= !KEY_FLAGS);
    }
}

fn comparable_eofs(packets: &[Packet]) -> Vec<(u16, u16)> {
    let eofs = packets.iter().filter_map(|packet| match packet.payload[..] {
        [0xFE, a, b, c, d] => Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))),
        _ => None,
    });
    eofs.map(|(warnings, status)| (warnings, status & !STATUS_LOOSE_EOF)).collect()
}

/// Ids of statements are the server's choice: blanks the one in a message among the warnings, with
/// the length of the message.
fn blank_id(row: &mut Vec<u8>) {
    for words in [&b"Unknown prepared statement handler ("[..], b"The statement ("] {
        let Some(at) = row.windows(words.len()).position(|part| part == words) else { continue };
        let from = at + words.len();
        let digits = row[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        row.splice(from..from + digits, *b"#");
        if let Some(len) = at.checked_sub(1) {
            row[len] = 0;
        }
    }
}

/// The answer to `sql`; `id` is the server's of the prepared statement that the command named.
pub(crate) fn of_reply(reply: Reply, sql: &str, id: Option<u32>) -> Answer {
    let eofs = comparable_eofs(&reply.packets);
    let mut outcomes = reply.outcomes;
    let loose = if eofs.is_empty() { STATUS_LOOSE } else { STATUS_LOOSE_EOF };
    let loosen = |ok: &mut OkReply, loose: u16| ok.status &= !loose;
    // Ids are the server's choice.
    let unnamed = |err: &mut ErrReply| {
        if let Some(id) = id {
            err.message = err.message.replace(&format!("({id})"), "(#)");
        }
    };
    for outcome in &mut outcomes {
        match outcome {
            Outcome::Ok(ok) => loosen(ok, STATUS_LOOSE),
            Outcome::Rows(rows) => {
                comparable_columns(&mut rows.columns, sql);
                rows.rows.iter_mut().for_each(|row| blank_id(row));
                match &mut rows.end {
                    RowsEnd::Ok(ok) => loosen(ok, loose),
                    RowsEnd::Err(err) => unnamed(err),
                }
            }
            // Of information_schema: MySQL 9.7 says 1109, and 1146 where the statement before
            // failed as well.
            Outcome::Err(err) if err.code == 1109 && sql.contains("SHOW CREATE ") => {
                err.code = 1146;
                let name = err.message.split('\'').nth(1).unwrap_or_default();
                err.message = format!("Table 'information_schema.{name}' doesn't exist");
            }
            Outcome::Err(err) => unnamed(err),
            Outcome::Text(_) | Outcome::LocalInfile(_) => {}
        }
    }
    Answer::Reply { outcomes, eofs }
}

/// The answer to COM_STMT_PREPARE of `sql`.
pub(crate) fn of_prepared(prepared: Prepared, sql: &str) -> Answer {
    let Prepared { params, mut columns, warnings, packets, .. } = prepared;
    comparable_columns(&mut columns, sql);
    Answer::Prepared { params, columns, warnings, eofs: comparable_eofs(&packets) }
}

/// A short text of an answer for the report.
pub(crate) fn describe(answer: &Answer, capabilities: u64) -> String {
    let (mut out, outcomes, eofs) = match answer {
        Answer::Reply { outcomes, eofs } => (String::new(), &outcomes[..], eofs),
        Answer::Prepared { params, columns, warnings, eofs } => {
            let (params, columns) = (shown_columns(params), shown_columns(columns));
            let head = format!("prepared params=[{params}] columns=[{columns}] {warnings} | ");
            (head, &[][..], eofs)
        }
        Answer::Done => return "done".into(),
        Answer::Broken(error) => return format!("broken: {error}"),
    };
    let track = capabilities & flags::SESSION_TRACK != 0;
    for outcome in outcomes {
        out.push_str(&describe_outcome(outcome, track));
        out.push_str(" | ");
    }
    if !eofs.is_empty() {
        out.push_str(&format!("EOFs (warnings, status) {eofs:?}"));
    }
    out
}

fn shown_columns(columns: &[Column]) -> String {
    let shown = columns.iter().map(|c| {
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
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn describe_outcome(outcome: &Outcome, track: bool) -> String {
    let ok_text = |ok: &OkReply| {
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
            let columns = shown_columns(&rows.columns);
            let mut text = format!("{} rows of [{columns}]", rows.rows.len());
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
