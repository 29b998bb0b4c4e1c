//! Canned replies.

use super::Identity;
use crate::client::{flags, put_lenenc, put_lenenc_bytes};
use crate::packets::put_packet;

/// Text of one row of a `SELECT blob N`, in bytes.
pub(super) const BLOB_ROW_LEN: usize = 16 * 1024;

const VAR_STRING: u8 = 0xFD;
const LONG_LONG: u8 = 0x08;
const BLOB: u8 = 0xFC;
const BINARY: u16 = 63;
const UTF8MB4: u16 = 45;

/// The replies of one stub, ready to be copied.
#[derive(Debug)]
pub(super) struct Replies {
    /// By DEPRECATE_EOF and "in a transaction".
    point_select: [[Vec<u8>; 2]; 2],
    variables: Vec<(&'static str, String)>,
}

impl Replies {
    pub(super) fn new(identity: &Identity) -> Self {
        let select = |deprecate_eof, in_transaction| {
            let mut out = Vec::new();
            let columns = [("id", LONG_LONG), ("c", VAR_STRING), ("server", VAR_STRING)];
            let mut row = Vec::new();
            put_lenenc_bytes(&mut row, b"7");
            put_lenenc_bytes(&mut row, &[b'x'; 100]);
            put_lenenc_bytes(&mut row, identity.name.as_bytes());
            let seq = put_columns(&mut out, &columns, deprecate_eof, in_transaction);
            let seq = put_packet(&mut out, seq, &row);
            put_end(&mut out, seq, deprecate_eof, in_transaction);
            out
        };
        let variables = vec![
            ("wait_timeout", "28800".into()),
            ("max_connections", "100000".into()),
            ("server_id", identity.server_id.to_string()),
            ("read_only", u8::from(identity.read_only).to_string()),
        ];
        Self {
            point_select: [false, true].map(|eof| [false, true].map(|trx| select(eof, trx))),
            variables,
        }
    }

    pub(super) fn put_point_select(&self, out: &mut Vec<u8>, eof: bool, in_transaction: bool) {
        let [[a, b], [c, d]] = &self.point_select;
        out.extend_from_slice(match (eof, in_transaction) {
            (false, false) => a,
            (false, true) => b,
            (true, false) => c,
            (true, true) => d,
        });
    }

    pub(super) fn put_variable(&self, out: &mut Vec<u8>, name: &[u8], eof: bool, trx: bool) {
        let known = self.variables.iter().find(|(known, _)| name == known.as_bytes());
        let Some((name, value)) = known else {
            put_err(out, 1, 1193, "HY000", "Unknown system variable");
            return;
        };
        let mut row = Vec::new();
        put_lenenc_bytes(&mut row, value.as_bytes());
        let seq = put_columns(out, &[(name, VAR_STRING)], eof, trx);
        let seq = put_packet(out, seq, &row);
        put_end(out, seq, eof, trx);
    }
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
pub(super) fn put_end(out: &mut Vec<u8>, seq: u8, deprecate_eof: bool, in_transaction: bool) {
    if deprecate_eof {
        let [low, high] = status(in_transaction).to_le_bytes();
        put_packet(out, seq, &[0xFE, 0, 0, low, high, 0, 0]);
    } else {
        put_eof(out, seq, in_transaction);
    }
}

/// The column count, the definitions and what follows them; returns the next packet's number.
fn put_columns(out: &mut Vec<u8>, columns: &[(&str, u8)], deprecate_eof: bool, trx: bool) -> u8 {
    let mut count = Vec::new();
    put_lenenc(&mut count, columns.len() as u64);
    let mut seq = put_packet(out, 1, &count);
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
    if deprecate_eof { seq } else { put_eof(out, seq, trx) }
}

/// The head of a `SELECT blob N`; returns the first row's number.
pub(super) fn put_blob_head(out: &mut Vec<u8>, deprecate_eof: bool, in_transaction: bool) -> u8 {
    put_columns(out, &[("blob", BLOB)], deprecate_eof, in_transaction)
}

/// One row of `len` bytes of text.
pub(super) fn put_blob_row(out: &mut Vec<u8>, seq: u8, len: u64) -> u8 {
    const TEXT: [u8; BLOB_ROW_LEN] = [b'b'; BLOB_ROW_LEN];
    let text = usize::try_from(len).map_or(&TEXT[..], |len| &TEXT[..len.min(TEXT.len())]);
    let mut row = Vec::with_capacity(text.len() + 9);
    put_lenenc_bytes(&mut row, text);
    put_packet(out, seq, &row)
}
