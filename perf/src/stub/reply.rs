//! Canned replies.

use super::Identity;
use super::statement::{self, Kind};
use super::variables::{self, REPLICATION};
use crate::client::{flags, put_lenenc, put_lenenc_bytes};
use crate::packets::put_packet;

/// Text of one row of a `SELECT blob N`, in bytes.
pub(super) const BLOB_ROW_LEN: usize = 16 * 1024;

const VAR_STRING: u8 = 0xFD;
const LONG_LONG: u8 = 0x08;
const BLOB: u8 = 0xFC;
const BINARY: u16 = 63;
const UTF8MB4: u16 = 45;

/// The columns of a canned row.
const POINT_SELECT: [(&str, u8); 3] =
    [("id", LONG_LONG), ("c", VAR_STRING), ("server", VAR_STRING)];

/// How a reply is to be put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// Without EOF packets.
    pub(super) deprecate_eof: bool,
    pub(super) in_transaction: bool,
    /// Rows as COM_STMT_EXECUTE gets them.
    pub(super) binary: bool,
}

impl Form {
    const fn index(self) -> usize {
        self.deprecate_eof as usize
            | (self.in_transaction as usize) << 1
            | (self.binary as usize) << 2
    }
}

/// The replies of one stub, ready to be copied.
#[derive(Debug)]
pub(super) struct Replies {
    /// By [`Form::index`].
    point_select: [Vec<u8>; 8],
    variables: Vec<(&'static str, String)>,
    is_replica: bool,
}

impl Replies {
    pub(super) fn new(identity: &Identity) -> Self {
        let mut point_select: [Vec<u8>; 8] = Default::default();
        for deprecate_eof in [false, true] {
            for in_transaction in [false, true] {
                for binary in [false, true] {
                    let form = Form { deprecate_eof, in_transaction, binary };
                    point_select[form.index()] = canned_row(identity.name.as_bytes(), form);
                }
            }
        }
        let variables = variables::variables(identity);
        Self { point_select, variables, is_replica: identity.read_only }
    }

    pub(super) fn put_point_select(&self, out: &mut Vec<u8>, form: Form) {
        out.extend_from_slice(&self.point_select[form.index()]);
    }

    /// The reply to SELECT @@a, @@b.
    pub(super) fn put_variables(&self, out: &mut Vec<u8>, sql: &[u8], form: Form) {
        let (mut columns, mut row) = (Vec::new(), Vec::new());
        for (name, column) in statement::variables(sql) {
            let Some((_, value)) = self.variables.iter().find(|(known, _)| *known == name) else {
                let text = format!("Unknown system variable '{name}'");
                put_err(out, 1, 1193, "HY000", &text);
                return;
            };
            columns.push(column);
            row.push(value.as_str());
        }
        put_texts(out, &columns, &[row], form);
    }

    /// The reply to SHOW VARIABLES: those that the statement names; all where it names none.
    pub(super) fn put_show_variables(&self, out: &mut Vec<u8>, sql: &[u8], form: Form) {
        let sql = String::from_utf8_lossy(sql).to_ascii_lowercase();
        let named = |name: &str| sql.contains(&format!("'{name}'"));
        let all = !sql.contains('\'');
        let known = self.variables.iter().filter(|(name, _)| all || named(name));
        let rows: Vec<Vec<&str>> = known.map(|(name, value)| vec![*name, value.as_str()]).collect();
        put_texts(out, &["Variable_name".into(), "Value".into()], &rows, form);
    }

    /// The reply to SHOW SLAVE STATUS: no row on a primary.
    pub(super) fn put_replication(&self, out: &mut Vec<u8>, form: Form) {
        let columns = REPLICATION.map(|(name, _)| name.to_owned());
        let row = REPLICATION.map(|(_, value)| value).to_vec();
        put_texts(
            out,
            &columns,
            if self.is_replica { std::slice::from_ref(&row) } else { &[] },
            form,
        );
    }

    /// The reply to a COM_STMT_PREPARE.
    pub(super) fn put_prepared(&self, out: &mut Vec<u8>, id: u32, sql: &[u8], form: Form) {
        let texts = |names: Vec<String>| names.into_iter().map(|name| (name, VAR_STRING)).collect();
        let columns: Vec<(String, u8)> = match Kind::of(sql) {
            Kind::Read => POINT_SELECT.map(|(name, kind)| (name.to_owned(), kind)).to_vec(),
            Kind::Blob(_) => vec![("blob".into(), BLOB)],
            Kind::Variables => {
                texts(statement::variables(sql).into_iter().map(|(_, c)| c).collect())
            }
            Kind::ShowVariables => texts(vec!["Variable_name".into(), "Value".into()]),
            Kind::ShowReplication => texts(REPLICATION.map(|(name, _)| name.to_owned()).to_vec()),
            Kind::Insert | Kind::Update | Kind::Delete => Vec::new(),
            Kind::Begin | Kind::Commit | Kind::Rollback | Kind::Other => Vec::new(),
        };
        let params = statement::count_params(sql);
        let mut head = vec![0x00];
        head.extend(id.to_le_bytes());
        head.extend(u16::try_from(columns.len()).unwrap_or(u16::MAX).to_le_bytes());
        head.extend(params.to_le_bytes());
        head.extend([0; 3]);
        let mut seq = put_packet(out, 1, &head);
        let params: Vec<(String, u8)> = (0..params).map(|_| ("?".into(), VAR_STRING)).collect();
        for definitions in [params, columns] {
            if !definitions.is_empty() {
                seq = put_definitions(out, seq, &definitions, form);
            }
        }
    }
}

fn canned_row(name: &[u8], form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    let mut row = Vec::new();
    if form.binary {
        row.extend([0x00, 0x00]);
        row.extend(7_u64.to_le_bytes());
    } else {
        put_lenenc_bytes(&mut row, b"7");
    }
    put_lenenc_bytes(&mut row, &[b'x'; 100]);
    put_lenenc_bytes(&mut row, name);
    let seq =
        put_columns(&mut out, &POINT_SELECT.map(|(name, kind)| (name.to_owned(), kind)), form);
    let seq = put_packet(&mut out, seq, &row);
    put_end(&mut out, seq, form);
    out
}

/// A result set of text.
fn put_texts(out: &mut Vec<u8>, columns: &[String], rows: &[Vec<&str>], form: Form) {
    let columns: Vec<(String, u8)> =
        columns.iter().map(|name| (name.clone(), VAR_STRING)).collect();
    let mut seq = put_columns(out, &columns, form);
    for row in rows {
        let mut payload = Vec::new();
        if form.binary {
            put_binary_head(&mut payload, columns.len());
        }
        row.iter().for_each(|cell| put_lenenc_bytes(&mut payload, cell.as_bytes()));
        seq = put_packet(out, seq, &payload);
    }
    put_end(out, seq, form);
}

/// The front of a binary row without NULLs.
fn put_binary_head(row: &mut Vec<u8>, columns: usize) {
    row.push(0x00);
    row.resize(row.len() + (columns + 9) / 8, 0);
}

const fn status(in_transaction: bool) -> u16 {
    flags::STATUS_AUTOCOMMIT | if in_transaction { flags::STATUS_IN_TRANS } else { 0 }
}

pub(super) fn put_ok(out: &mut Vec<u8>, seq: u8, affected_rows: u64, in_transaction: bool) {
    let mut payload = vec![0x00];
    put_lenenc(&mut payload, affected_rows);
    put_lenenc(&mut payload, 0);
    payload.extend(status(in_transaction).to_le_bytes());
    payload.extend([0, 0]);
    put_packet(out, seq, &payload);
}

pub(super) fn put_err(out: &mut Vec<u8>, seq: u8, code: u16, state: &str, message: &str) {
    let mut payload = vec![0xFF];
    payload.extend(code.to_le_bytes());
    payload.push(b'#');
    payload.extend(state.as_bytes());
    payload.extend(message.as_bytes());
    put_packet(out, seq, &payload);
}

pub(super) fn put_eof(out: &mut Vec<u8>, seq: u8, in_transaction: bool) -> u8 {
    let [low, high] = status(in_transaction).to_le_bytes();
    put_packet(out, seq, &[0xFE, 0, 0, low, high])
}

/// The end of a result set: EOF, or the OK that replaces it.
pub(super) fn put_end(out: &mut Vec<u8>, seq: u8, form: Form) {
    if form.deprecate_eof {
        let [low, high] = status(form.in_transaction).to_le_bytes();
        put_packet(out, seq, &[0xFE, 0, 0, low, high, 0, 0]);
    } else {
        put_eof(out, seq, form.in_transaction);
    }
}

/// The column count, the definitions and what follows them; returns the next packet's number.
fn put_columns(out: &mut Vec<u8>, columns: &[(String, u8)], form: Form) -> u8 {
    let mut count = Vec::new();
    put_lenenc(&mut count, columns.len() as u64);
    let seq = put_packet(out, 1, &count);
    put_definitions(out, seq, columns, form)
}

fn put_definitions(out: &mut Vec<u8>, mut seq: u8, columns: &[(String, u8)], form: Form) -> u8 {
    for (name, kind) in columns {
        let mut definition = Vec::new();
        for text in ["def", "", "", "", name, ""] {
            put_lenenc_bytes(&mut definition, text.as_bytes());
        }
        let collation = if *kind == VAR_STRING { UTF8MB4 } else { BINARY };
        definition.push(0x0C);
        definition.extend(collation.to_le_bytes());
        definition.extend(1024_u32.to_le_bytes());
        definition.push(*kind);
        definition.extend([0; 5]);
        seq = put_packet(out, seq, &definition);
    }
    if form.deprecate_eof { seq } else { put_eof(out, seq, form.in_transaction) }
}

/// The head of a blob; returns the first row's number.
pub(super) fn put_blob_head(out: &mut Vec<u8>, form: Form) -> u8 {
    put_columns(out, &[("blob".into(), BLOB)], form)
}

/// One row of `len` bytes of text.
pub(super) fn put_blob_row(out: &mut Vec<u8>, seq: u8, len: u64, binary: bool) -> u8 {
    const TEXT: [u8; BLOB_ROW_LEN] = [b'b'; BLOB_ROW_LEN];
    let text = usize::try_from(len).map_or(&TEXT[..], |len| &TEXT[..len.min(TEXT.len())]);
    let mut row = Vec::with_capacity(text.len() + 12);
    if binary {
        put_binary_head(&mut row, 1);
    }
    put_lenenc_bytes(&mut row, text);
    put_packet(out, seq, &row)
}
