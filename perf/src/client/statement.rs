//! Prepared statements of the binary protocol.

use super::commands::{
    COM_STMT_BULK_EXECUTE, COM_STMT_CLOSE, COM_STMT_EXECUTE, COM_STMT_FETCH, COM_STMT_PREPARE,
    COM_STMT_RESET, COM_STMT_SEND_LONG_DATA,
};
use super::words::{Words, put_lenenc_bytes};
use super::{Client, Column, ErrReply, Error, Outcome, Packet, Reply, flags};

/// The flag of an execution that says how many parameters and attributes it has.
const PARAMETER_COUNT_AVAILABLE: u8 = 8;
/// `CURSOR_TYPE_READ_ONLY`.
const READ_ONLY_CURSOR: u8 = 1;
/// Of a bulk execution: the types come along.
const SENDS_TYPES: u8 = 128;

/// A parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// DOUBLE.
    Double(f64),
    /// VAR_STRING.
    Bytes(Vec<u8>),
    /// BLOB, sent by [`Client::send_long_data`].
    Long,
}

impl Param {
    /// The type's number in the protocol.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Null => 0x06,
            Self::Int(_) => 0x08,
            Self::Double(_) => 0x05,
            Self::Bytes(_) => 0xFD,
            Self::Long => 0xFC,
        }
    }

    fn put(&self, body: &mut Vec<u8>) {
        match self {
            Self::Null | Self::Long => {}
            Self::Int(value) => body.extend_from_slice(&value.to_le_bytes()),
            Self::Double(value) => body.extend_from_slice(&value.to_le_bytes()),
            Self::Bytes(value) => put_lenenc_bytes(body, value),
        }
    }
}

/// A prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The server's id of it.
    pub id: u32,
    /// Warnings while preparing.
    pub warnings: u16,
    /// The parameters' definitions.
    pub params: Vec<Column>,
    /// The columns' definitions.
    pub columns: Vec<Column>,
    /// Every packet of the reply.
    pub packets: Vec<Packet>,
}

impl Client {
    /// COM_STMT_PREPARE.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's ERR, and those of [`Client::query`].
    pub fn prepare(&mut self, sql: &str) -> Result<Prepared, Error> {
        self.send_command(COM_STMT_PREPARE, sql.as_bytes())?;
        let head = self.wire.receive()?;
        if head.payload.first() == Some(&0xFF) {
            return Err(Error::Refused(ErrReply::decode(&head.payload)?));
        }
        let mut words = Words::new(&head.payload, "prepare reply");
        words.u8()?;
        let id = words.u32()?;
        let (columns, params) = (words.u16()?, words.u16()?);
        words.u8()?;
        let warnings = words.u16()?;
        let optional = self.capabilities & flags::OPTIONAL_METADATA != 0;
        let omitted = optional && words.u8()? == 0;
        let mut packets = vec![head];
        let params = self.definitions(params, omitted, &mut packets)?;
        let columns = self.definitions(columns, omitted, &mut packets)?;
        Ok(Prepared { id, warnings, params, columns, packets })
    }

    /// Of `n` columns, with the EOF behind them, which comes even where they are `omitted`.
    fn definitions(
        &mut self,
        n: u16,
        omitted: bool,
        packets: &mut Vec<Packet>,
    ) -> Result<Vec<Column>, Error> {
        let mut columns = Vec::new();
        for _ in 0..if omitted { 0 } else { n } {
            let packet = self.wire.receive()?;
            columns.push(Column::decode(&packet.payload, self.capabilities)?);
            packets.push(packet);
        }
        if n > 0 && self.capabilities & flags::DEPRECATE_EOF == 0 {
            packets.push(self.wire.receive()?);
        }
        Ok(columns)
    }

    /// COM_STMT_EXECUTE with the types of `params` sent along; rows come in the binary form.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn execute(&mut self, id: u32, params: &[Param]) -> Result<Reply, Error> {
        self.execute_as(id, params, true)
    }

    /// COM_STMT_EXECUTE; without `types` the server uses those of the last execute.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn execute_as(&mut self, id: u32, params: &[Param], types: bool) -> Result<Reply, Error> {
        self.execute_with(id, params, types, 0)
    }

    /// COM_STMT_EXECUTE that opens a cursor, where the statement has rows: they come by
    /// [`Client::fetch`].
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn open_cursor(&mut self, id: u32, params: &[Param], types: bool) -> Result<Reply, Error> {
        self.execute_with(id, params, types, READ_ONLY_CURSOR)
    }

    fn execute_with(
        &mut self,
        id: u32,
        params: &[Param],
        types: bool,
        cursor: u8,
    ) -> Result<Reply, Error> {
        let mut body = id.to_le_bytes().to_vec();
        let named = self.capabilities & flags::QUERY_ATTRIBUTES != 0;
        let mut all: Vec<(&str, &Param)> = params.iter().map(|param| ("", param)).collect();
        let counted = named && !self.attributes.is_empty();
        body.push(cursor | if counted { PARAMETER_COUNT_AVAILABLE } else { 0 });
        body.extend_from_slice(&[1, 0, 0, 0]);
        if counted {
            all.extend(self.attributes.iter().map(|(name, value)| (name.as_str(), value)));
        }
        if named && !all.is_empty() {
            body.push(u8::try_from(all.len()).unwrap_or(0));
        }
        put_params(&mut body, &all, types, named);
        self.simple(COM_STMT_EXECUTE, &body)
    }

    /// COM_STMT_FETCH of so many rows; the reply's result set has no columns.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn fetch(&mut self, id: u32, rows: u32) -> Result<Reply, Error> {
        let body = [id.to_le_bytes(), rows.to_le_bytes()].concat();
        self.send_command(COM_STMT_FETCH, &body)?;
        self.read_fetched()
    }

    /// COM_STMT_SEND_LONG_DATA, which has no answer: a piece of parameter `param`, from 0.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_long_data(&mut self, id: u32, param: u16, data: &[u8]) -> Result<(), Error> {
        let body = [&id.to_le_bytes()[..], &param.to_le_bytes(), data].concat();
        self.send_command(COM_STMT_SEND_LONG_DATA, &body)
    }

    /// COM_STMT_BULK_EXECUTE (MariaDB) of these rows of parameters, whose types are the first's.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn bulk_execute(
        &mut self,
        id: u32,
        rows: &[Vec<Param>],
        types: bool,
    ) -> Result<Reply, Error> {
        const NULL: u8 = 1;
        let mut body = id.to_le_bytes().to_vec();
        body.extend_from_slice(&[if types { SENDS_TYPES } else { 0 }, 0]);
        for param in rows.first().into_iter().flatten().filter(|_| types) {
            body.extend_from_slice(&[param.kind(), 0]);
        }
        for param in rows.iter().flatten() {
            body.push(if *param == Param::Null { NULL } else { 0 });
            param.put(&mut body);
        }
        self.simple(COM_STMT_BULK_EXECUTE, &body)
    }

    /// COM_STMT_CLOSE, which has no answer.
    ///
    /// # Errors
    /// The socket's.
    pub fn close_statement(&mut self, id: u32) -> Result<(), Error> {
        self.send_command(COM_STMT_CLOSE, &id.to_le_bytes())
    }

    /// COM_STMT_RESET.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn reset_statement(&mut self, id: u32) -> Result<Reply, Error> {
        self.simple(COM_STMT_RESET, &id.to_le_bytes())
    }

    /// Prepares, executes once and closes; an ERR while preparing is the reply's outcome.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn run_prepared(&mut self, sql: &str, params: &[Param]) -> Result<Reply, Error> {
        match self.prepare(sql) {
            Ok(statement) => {
                let reply = self.execute(statement.id, params)?;
                self.close_statement(statement.id)?;
                Ok(reply)
            }
            Err(Error::Refused(err)) => {
                Ok(Reply { packets: Vec::new(), outcomes: vec![Outcome::Err(err)] })
            }
            Err(error) => Err(error),
        }
    }
}

/// Appends the NULLs, the types, with names where those are `named`, and the values.
pub(super) fn put_params(body: &mut Vec<u8>, params: &[(&str, &Param)], types: bool, named: bool) {
    if params.is_empty() {
        return;
    }
    let mut nulls = vec![0_u8; params.len().div_ceil(8)];
    for (at, _) in params.iter().enumerate().filter(|(_, (_, p))| **p == Param::Null) {
        nulls[at / 8] |= 1 << (at % 8);
    }
    body.extend_from_slice(&nulls);
    body.push(u8::from(types));
    for (name, param) in params.iter().filter(|_| types) {
        body.extend_from_slice(&[param.kind(), 0]);
        if named {
            put_lenenc_bytes(body, name.as_bytes());
        }
    }
    for (_, param) in params {
        param.put(body);
    }
}
