//! What a client saw of prepared statements, packet by packet, to be compared with what another
//! saw.

use lanewire_perf::client::{Client, ErrReply, Error, Outcome, Param, Reply, RowsEnd, flags};

const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_SEND_LONG_DATA: u8 = 0x18;
const COM_STMT_FETCH: u8 = 0x1C;
const COM_STMT_BULK_EXECUTE: u8 = 0xFA;
/// `CURSOR_TYPE_READ_ONLY`.
const READ_ONLY_CURSOR: u8 = 1;
/// NO_INDEX_USED, NO_GOOD_INDEX_USED, QUERY_WAS_SLOW; and METADATA_CHANGED, which tells that the
/// connection has prepared the statement again, once for each connection.
const BY_CHANCE: u16 = 0xC30;

/// A client whose answers are written down.
pub(crate) struct Transcript {
    pub(crate) client: Client,
    pub(crate) lines: Vec<String>,
    /// Of what was prepared.
    ids: Vec<u32>,
}

impl Transcript {
    pub(crate) fn new(client: Client) -> Self {
        assert_ne!(
            client.capabilities() & flags::DEPRECATE_EOF,
            0,
            "a cursor's reply ends with OK"
        );
        Self { client, lines: Vec::new(), ids: Vec::new() }
    }

    /// Ids are the server's choice: a message that has one names the statement by its place.
    fn note(&mut self, what: &str, mut line: String) {
        for (place, id) in self.ids.iter().enumerate() {
            line = line.replace(&format!("({id})"), &format!("(#{place})"));
        }
        self.lines.push(format!("{what}: {line}"));
    }

    fn note_reply(&mut self, what: &str, reply: Result<Reply, Error>) -> Reply {
        let reply = reply.unwrap_or_else(|error| panic!("{what}: {error}\n{:#?}", self.lines));
        let seen: Vec<String> = reply.outcomes.iter().map(shown).collect();
        self.note(what, seen.join(" | "));
        reply
    }

    pub(crate) fn query(&mut self, sql: &str) {
        let reply = self.client.query(sql);
        self.note_reply(sql, reply);
    }

    pub(crate) fn use_schema(&mut self, schema: &str) {
        let reply = self.client.init_db(schema);
        self.note_reply(schema, reply);
    }

    pub(crate) fn reset_connection(&mut self) {
        let reply = self.client.reset_connection();
        self.note_reply("reset connection", reply);
    }

    /// Prepares and returns the id; 0 after an ERR.
    pub(crate) fn prepare(&mut self, sql: &str) -> u32 {
        match self.client.prepare(sql) {
            Ok(prepared) => {
                let columns: Vec<_> =
                    prepared.columns.iter().map(|column| column.name.clone()).collect();
                let told = (prepared.params.len(), columns, prepared.warnings);
                self.note(sql, format!("prepared {told:?}"));
                self.ids.push(prepared.id);
                prepared.id
            }
            Err(Error::Refused(ErrReply { code, message, .. })) => {
                self.note(sql, format!("refused {code} {message}"));
                0
            }
            Err(error) => panic!("{sql}: {error}\n{:#?}", self.lines),
        }
    }

    pub(crate) fn execute(&mut self, id: u32, params: &[Param]) -> Reply {
        let reply = self.client.execute(id, params);
        self.note_reply(&format!("execute {params:?}"), reply)
    }

    /// Executes without the parameters' types.
    pub(crate) fn execute_again(&mut self, id: u32, params: &[Param]) {
        let reply = self.client.execute_as(id, params, false);
        self.note_reply(&format!("execute again {params:?}"), reply);
    }

    /// An execution of exactly these bytes behind the id.
    pub(crate) fn execute_bytes(&mut self, id: u32, body: &[u8]) {
        let whole = [&id.to_le_bytes(), body].concat();
        let reply = self.client.simple(COM_STMT_EXECUTE, &whole);
        self.note_reply(&format!("execute {body:?}"), reply);
    }

    pub(crate) fn bulk(&mut self, id: u32, body: &[u8]) {
        let whole = [&id.to_le_bytes(), body].concat();
        let reply = self.client.simple(COM_STMT_BULK_EXECUTE, &whole);
        self.note_reply(&format!("bulk {body:?}"), reply);
    }

    /// Opens a cursor for a statement without parameters.
    pub(crate) fn open_cursor(&mut self, id: u32) {
        self.execute_bytes(id, &[READ_ONLY_CURSOR, 1, 0, 0, 0]);
    }

    pub(crate) fn fetch(&mut self, id: u32, rows: u32) {
        let body = [id.to_le_bytes(), rows.to_le_bytes()].concat();
        self.client.send_command(COM_STMT_FETCH, &body).unwrap();
        let mut seen = Vec::new();
        loop {
            let packet = self.client.wire().receive().expect("a packet of a fetch");
            let is_end = matches!(packet.payload[0], 0xFE | 0xFF);
            let mut payload = packet.payload;
            if payload[0] == 0xFE {
                payload[3] &= !0x30;
            }
            seen.push(format!("{:?}", String::from_utf8_lossy(&payload)));
            if is_end {
                break;
            }
        }
        self.note("fetch", seen.join(" "));
    }

    pub(crate) fn long_data(&mut self, id: u32, param: u16, data: &[u8]) {
        let body = [&id.to_le_bytes()[..], &param.to_le_bytes(), data].concat();
        self.client.send_command(COM_STMT_SEND_LONG_DATA, &body).unwrap();
    }

    pub(crate) fn reset(&mut self, id: u32) {
        let reply = self.client.reset_statement(id);
        self.note_reply("reset", reply);
    }

    pub(crate) fn close(&mut self, id: u32) {
        self.client.close_statement(id).unwrap();
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok(ok) => {
            let told = (ok.affected_rows, ok.last_insert_id, ok.status & !BY_CHANCE, ok.warnings);
            format!("ok {told:?}")
        }
        Outcome::Err(err) => format!("err {} {}", err.code, err.message),
        Outcome::Rows(rows) => {
            let names: Vec<_> =
                rows.columns.iter().map(|column| (&column.name, column.kind)).collect();
            let end = match &rows.end {
                RowsEnd::Ok(ok) => format!("{:?}", (ok.status & !BY_CHANCE, ok.warnings)),
                end => format!("{end:?}"),
            };
            format!("{names:?} {:?} {end}", rows.rows)
        }
        Outcome::Text(_) | Outcome::LocalInfile(_) => format!("{outcome:?}"),
    }
}

pub(crate) fn int(value: i64) -> Param {
    Param::Int(value)
}

pub(crate) fn text(value: &str) -> Param {
    Param::Bytes(value.into())
}

/// The text of a row's first column.
pub(crate) fn first_text(reply: &Reply) -> String {
    let row = &reply.rows().unwrap_or_else(|| panic!("{reply:?}")).rows[0];
    // Header, the NULLs, the length.
    String::from_utf8_lossy(&row[3..3 + usize::from(row[2])]).into_owned()
}
