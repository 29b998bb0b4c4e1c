//! Replies: every packet, and what they mean.

use super::words::Words;
use super::{Client, Column, Error, flags};

/// One logical packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The number of its last part.
    pub seq: u8,
    /// The payload, in one piece however many parts it came in.
    pub payload: Vec<u8>,
}

/// An OK packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OkReply {
    /// Affected rows.
    pub affected_rows: u64,
    /// The insert id.
    pub last_insert_id: u64,
    /// Status flags.
    pub status: u16,
    /// Warnings.
    pub warnings: u16,
    /// The human-readable text.
    pub info: Vec<u8>,
    /// Session-track entries, undecoded; empty where not negotiated.
    pub session_state: Vec<u8>,
}

impl OkReply {
    /// Decodes an OK packet under the connection's `capabilities`.
    ///
    /// # Errors
    /// [`Error::Malformed`]; also where bytes are left over.
    pub fn decode(payload: &[u8], capabilities: u64) -> Result<Self, Error> {
        let mut words = Words::new(payload, "OK packet");
        words.u8()?;
        let affected_rows = words.lenenc()?;
        let last_insert_id = words.lenenc()?;
        let (status, warnings) = (words.u16()?, words.u16()?);
        let (mut info, mut session_state) = (Vec::new(), Vec::new());
        if capabilities & flags::SESSION_TRACK == 0 {
            info = words.rest().to_vec();
        } else {
            if !words.is_empty() {
                info = words.string()?.to_vec();
            }
            if status & flags::STATUS_SESSION_STATE != 0 {
                session_state = words.string()?.to_vec();
            }
            if !words.is_empty() {
                return Err(Error::Malformed("OK packet: bytes left over"));
            }
        }
        Ok(Self { affected_rows, last_insert_id, status, warnings, info, session_state })
    }

    fn from_eof(payload: &[u8], capabilities: u64) -> Result<Self, Error> {
        if capabilities & flags::DEPRECATE_EOF != 0 && payload.len() > 5 {
            return Self::decode(payload, capabilities);
        }
        let mut words = Words::new(payload, "EOF packet");
        words.u8()?;
        let (warnings, status) = (words.u16()?, words.u16()?);
        Ok(Self { status, warnings, ..Self::default() })
    }
}

/// An ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrReply {
    /// The error's number.
    pub code: u16,
    /// The SQLSTATE; empty where the packet has none.
    pub state: String,
    /// The text.
    pub message: String,
}

impl ErrReply {
    /// Decodes an ERR packet, with or without a SQLSTATE.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut words = Words::new(payload, "ERR packet");
        words.u8()?;
        let code = words.u16()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (state, message) = match words.rest() {
            [b'#', rest @ ..] if rest.len() >= 5 => (text(&rest[..5]), text(&rest[5..])),
            rest => (String::new(), text(rest)),
        };
        Ok(Self { code, state, message })
    }
}

impl std::fmt::Display for ErrReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ERROR {} ({}): {}", self.code, self.state, self.message)
    }
}

/// How a result set ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsEnd {
    /// EOF, or the OK that replaces it.
    Ok(OkReply),
    /// An ERR in the middle of the rows.
    Err(ErrReply),
}

/// A result set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The columns; none where the server left their definitions out.
    pub columns: Vec<Column>,
    /// Each row's payload, undecoded.
    pub rows: Vec<Vec<u8>>,
    /// How it ended.
    pub end: RowsEnd,
}

impl Rows {
    /// The cells of row `at`, text protocol. `None` is NULL.
    ///
    /// # Errors
    /// [`Error::Malformed`]; also where there is no such row.
    pub fn cells(&self, at: usize) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let row = self.rows.get(at).ok_or(Error::Malformed("no such row"))?;
        let mut words = Words::new(row, "row");
        let cells = self.columns.iter().map(|_| Ok(words.string_or_null()?.map(<[u8]>::to_vec)));
        let cells = cells.collect::<Result<_, Error>>()?;
        if words.is_empty() { Ok(cells) } else { Err(Error::Malformed("row: bytes left over")) }
    }
}

/// One of the results in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An OK packet.
    Ok(OkReply),
    /// An ERR packet.
    Err(ErrReply),
    /// A result set.
    Rows(Rows),
    /// The string of COM_STATISTICS.
    Text(Vec<u8>),
    /// The server asked for this file and got the bytes of [`Client::set_infile`].
    LocalInfile(Vec<u8>),
}

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Every packet, in order.
    pub packets: Vec<Packet>,
    /// What they mean.
    pub outcomes: Vec<Outcome>,
}

impl Reply {
    /// The ERR that ended it, if one did.
    #[must_use]
    pub fn error(&self) -> Option<&ErrReply> {
        match self.outcomes.last()? {
            Outcome::Err(err) | Outcome::Rows(Rows { end: RowsEnd::Err(err), .. }) => Some(err),
            Outcome::Ok(_) | Outcome::Rows(_) | Outcome::Text(_) | Outcome::LocalInfile(_) => None,
        }
    }

    /// The last OK, or the OK or EOF at the end of the last result set.
    #[must_use]
    pub fn ok(&self) -> Option<&OkReply> {
        match self.outcomes.last()? {
            Outcome::Ok(ok) | Outcome::Rows(Rows { end: RowsEnd::Ok(ok), .. }) => Some(ok),
            Outcome::Err(_) | Outcome::Rows(_) | Outcome::Text(_) | Outcome::LocalInfile(_) => None,
        }
    }

    /// The first result set.
    #[must_use]
    pub fn rows(&self) -> Option<&Rows> {
        self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Rows(rows) => Some(rows),
            Outcome::Ok(_) | Outcome::Err(_) | Outcome::Text(_) | Outcome::LocalInfile(_) => None,
        })
    }

    /// The first cell of the first row as text; `None` without a row or for NULL.
    #[must_use]
    pub fn first_cell(&self) -> Option<String> {
        let cell = self.rows()?.cells(0).ok()?.into_iter().next()??;
        Some(String::from_utf8_lossy(&cell).into_owned())
    }

    /// All rows as text, for tables that hold text only; NULL is `NULL`.
    #[must_use]
    pub fn table(&self) -> Vec<Vec<String>> {
        let Some(rows) = self.rows() else { return Vec::new() };
        let text = |cell: Option<Vec<u8>>| {
            cell.map_or_else(|| "NULL".into(), |cell| String::from_utf8_lossy(&cell).into_owned())
        };
        (0..rows.rows.len())
            .filter_map(|at| rows.cells(at).ok())
            .map(|cells| cells.into_iter().map(text).collect())
            .collect()
    }
}

/// What [`Client::query_streamed`] counted instead of keeping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Streamed {
    /// Rows of all result sets.
    pub rows: u64,
    /// Payload bytes of all packets.
    pub bytes: u64,
    /// The ERR that ended it, if one did.
    pub error: Option<ErrReply>,
}

/// Where the packets of a reply go.
enum Sink {
    Keep(Vec<Packet>),
    Count(Streamed),
}

impl Client {
    pub(super) fn read_reply(&mut self) -> Result<Reply, Error> {
        let mut sink = Sink::Keep(Vec::new());
        let mut outcomes = Vec::new();
        self.read_results(&mut sink, &mut outcomes)?;
        let Sink::Keep(packets) = sink else { return Err(Error::Malformed("sink")) };
        Ok(Reply { packets, outcomes })
    }

    pub(super) fn read_counted(&mut self) -> Result<Streamed, Error> {
        let mut sink = Sink::Count(Streamed::default());
        let mut outcomes = Vec::new();
        self.read_results(&mut sink, &mut outcomes)?;
        let Sink::Count(mut counted) = sink else { return Err(Error::Malformed("sink")) };
        counted.error = Reply { packets: Vec::new(), outcomes }.error().cloned();
        Ok(counted)
    }

    /// A packet that means something beyond its row: kept for the caller too.
    fn next_packet(&mut self, sink: &mut Sink) -> Result<Vec<u8>, Error> {
        let mut packet = self.wire.receive()?;
        while packet.payload.starts_with(&[0xFF, 0xFF, 0xFF]) {
            self.progress_reports += 1;
            packet = self.wire.receive()?;
        }
        let payload = packet.payload.clone();
        match sink {
            Sink::Keep(packets) => packets.push(packet),
            Sink::Count(counted) => counted.bytes += packet.payload.len() as u64,
        }
        Ok(payload)
    }

    fn read_results(&mut self, sink: &mut Sink, outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
        loop {
            let head = self.next_packet(sink)?;
            let mut more = false;
            let outcome = match head.first() {
                Some(0x00) => Outcome::Ok(OkReply::decode(&head, self.capabilities)?),
                Some(0xFF) => Outcome::Err(ErrReply::decode(&head)?),
                // EOF as an answer of its own: COM_SET_OPTION.
                Some(0xFE) => Outcome::Ok(OkReply::from_eof(&head, self.capabilities)?),
                Some(0xFB) => {
                    let data = self.infile.clone().unwrap_or_default();
                    for chunk in data.chunks(1 << 20) {
                        self.wire.send(chunk)?;
                    }
                    self.wire.send(&[])?;
                    outcomes.push(Outcome::LocalInfile(head[1..].to_vec()));
                    continue;
                }
                _ => {
                    let mut words = Words::new(&head, "column count");
                    let columns = words.lenenc()?;
                    let flagged = flags::OPTIONAL_METADATA | flags::MARIADB_CACHE_METADATA;
                    let omitted = self.capabilities & flagged != 0 && words.u8()? == 0;
                    let rows = self.read_rows(if omitted { 0 } else { columns }, sink)?;
                    more = rows.1;
                    Outcome::Rows(rows.0)
                }
            };
            more |= match &outcome {
                Outcome::Ok(ok) | Outcome::Rows(Rows { end: RowsEnd::Ok(ok), .. }) => {
                    ok.status & flags::STATUS_MORE_RESULTS != 0
                }
                Outcome::Err(_) | Outcome::Rows(_) => false,
                Outcome::Text(_) | Outcome::LocalInfile(_) => false,
            };
            outcomes.push(outcome);
            if !more {
                return Ok(());
            }
        }
    }

    /// The rows, and whether another result follows, whatever their end says: of OUT parameters
    /// MySQL says so in the EOF before them alone.
    fn read_rows(&mut self, count: u64, sink: &mut Sink) -> Result<(Rows, bool), Error> {
        let mut columns = Vec::new();
        let mut out_params = false;
        for _ in 0..count {
            columns.push(Column::decode(&self.next_packet(sink)?, self.capabilities)?);
        }
        if self.capabilities & flags::DEPRECATE_EOF == 0 {
            let eof = self.next_packet(sink)?;
            if eof.first() != Some(&0xFE) {
                return Err(Error::Malformed("EOF after the columns"));
            }
            let ok = OkReply::from_eof(&eof, self.capabilities)?;
            out_params = ok.status & flags::STATUS_PS_OUT_PARAMS != 0;
            if ok.status & flags::STATUS_CURSOR_EXISTS != 0 {
                let end = RowsEnd::Ok(ok);
                return Ok((Rows { columns, rows: Vec::new(), end }, false));
            }
        }
        let rows = self.read_rows_of(columns, sink)?;
        let more = out_params && matches!(rows.end, RowsEnd::Ok(_));
        Ok((rows, more))
    }

    /// Rows up to their end: also what answers COM_STMT_FETCH.
    fn read_rows_of(&mut self, columns: Vec<Column>, sink: &mut Sink) -> Result<Rows, Error> {
        let mut rows = Vec::new();
        loop {
            let row = self.next_packet(sink)?;
            let end = match row.first() {
                Some(0xFF) => RowsEnd::Err(ErrReply::decode(&row)?),
                Some(0xFE) if self.ends_rows(&row) => {
                    RowsEnd::Ok(OkReply::from_eof(&row, self.capabilities)?)
                }
                _ => {
                    match sink {
                        Sink::Keep(_) => rows.push(row),
                        Sink::Count(counted) => counted.rows += 1,
                    }
                    continue;
                }
            };
            return Ok(Rows { columns, rows, end });
        }
    }

    const fn ends_rows(&self, payload: &[u8]) -> bool {
        if self.capabilities & flags::DEPRECATE_EOF == 0 {
            payload.len() < 9
        } else {
            payload.len() < 0xFF_FFFF
        }
    }

    /// Rows without their columns: COM_STMT_FETCH.
    pub(super) fn read_fetched(&mut self) -> Result<Reply, Error> {
        let mut sink = Sink::Keep(Vec::new());
        let outcome = Outcome::Rows(self.read_rows_of(Vec::new(), &mut sink)?);
        let Sink::Keep(packets) = sink else { return Err(Error::Malformed("sink")) };
        Ok(Reply { packets, outcomes: vec![outcome] })
    }

    /// Column definitions up to EOF: COM_FIELD_LIST.
    pub(super) fn read_field_list(&mut self) -> Result<Reply, Error> {
        let mut sink = Sink::Keep(Vec::new());
        let mut columns = Vec::new();
        let outcome = loop {
            let packet = self.next_packet(&mut sink)?;
            match packet.first() {
                Some(0xFF) => break Outcome::Err(ErrReply::decode(&packet)?),
                Some(0xFE) => {
                    let end = RowsEnd::Ok(OkReply::from_eof(&packet, self.capabilities)?);
                    break Outcome::Rows(Rows { columns, rows: Vec::new(), end });
                }
                _ => columns.push(Column::decode(&packet, self.capabilities)?),
            }
        };
        let Sink::Keep(packets) = sink else { return Err(Error::Malformed("sink")) };
        Ok(Reply { packets, outcomes: vec![outcome] })
    }
}
