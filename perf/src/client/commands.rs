//! The commands of the text protocol.

use super::login::Login;
use super::statement::put_params;
use super::{Client, Error, Greeting, Outcome, Param, Reply, Streamed, Wire, auth, flags};
use std::time::Duration;

pub(super) const COM_STMT_PREPARE: u8 = 0x16;
pub(super) const COM_STMT_EXECUTE: u8 = 0x17;
pub(super) const COM_STMT_SEND_LONG_DATA: u8 = 0x18;
pub(super) const COM_STMT_CLOSE: u8 = 0x19;
pub(super) const COM_STMT_RESET: u8 = 0x1A;
pub(super) const COM_STMT_FETCH: u8 = 0x1C;
pub(super) const COM_STMT_BULK_EXECUTE: u8 = 0xFA;
const COM_QUIT: u8 = 0x01;
const COM_INIT_DB: u8 = 0x02;
const COM_QUERY: u8 = 0x03;
const COM_FIELD_LIST: u8 = 0x04;
const COM_STATISTICS: u8 = 0x09;
const COM_PING: u8 = 0x0E;
const COM_CHANGE_USER: u8 = 0x11;
const COM_SET_OPTION: u8 = 0x1B;
const COM_RESET_CONNECTION: u8 = 0x1F;

impl Client {
    /// What the server said first.
    #[must_use]
    pub const fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The flags in force.
    #[must_use]
    pub const fn capabilities(&self) -> u64 {
        self.capabilities
    }

    /// The socket, for bytes that this client would not send.
    pub const fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// The bytes that answer LOAD DATA LOCAL INFILE, whatever file the server names.
    pub fn set_infile(&mut self, bytes: Vec<u8>) {
        self.infile = Some(bytes);
    }

    /// The query attributes of all that follows, where `QUERY_ATTRIBUTES` is in force.
    pub fn set_attributes(&mut self, attributes: Vec<(String, Param)>) {
        self.attributes = attributes;
    }

    /// How many reports of progress (MariaDB) came so far.
    #[must_use]
    pub const fn progress_reports(&self) -> u64 {
        self.progress_reports
    }

    /// Changes the timeout of each read and write.
    ///
    /// # Errors
    /// The socket's.
    pub fn set_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        self.wire.set_timeout(timeout)
    }

    /// Sends a command and does not wait.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_command(&mut self, command: u8, body: &[u8]) -> Result<(), Error> {
        self.wire.set_seq(0);
        let mut payload = Vec::with_capacity(1 + body.len());
        payload.push(command);
        payload.extend_from_slice(body);
        self.wire.send(&payload)
    }

    /// COM_QUERY; the whole reply is kept.
    ///
    /// # Errors
    /// Those of the socket and the protocol; an ERR packet is in the reply.
    pub fn query(&mut self, sql: &str) -> Result<Reply, Error> {
        self.query_bytes(sql.as_bytes())
    }

    /// COM_QUERY with any bytes.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_bytes(&mut self, sql: &[u8]) -> Result<Reply, Error> {
        self.send_text(sql)?;
        self.read_reply()
    }

    /// COM_QUERY whose rows are counted, not kept.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_streamed(&mut self, sql: &str) -> Result<Streamed, Error> {
        self.send_text(sql.as_bytes())?;
        self.read_counted()
    }

    /// COM_QUERY without reading the reply: [`Self::read_query`] does that later.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_query(&mut self, sql: &str) -> Result<(), Error> {
        self.send_text(sql.as_bytes())
    }

    /// COM_QUERY, with the attributes in front where they are in force.
    fn send_text(&mut self, sql: &[u8]) -> Result<(), Error> {
        let mut body = Vec::with_capacity(sql.len() + 2);
        if self.capabilities & flags::QUERY_ATTRIBUTES != 0 {
            body.extend_from_slice(&[u8::try_from(self.attributes.len()).unwrap_or(0), 1]);
            let all: Vec<_> = self.attributes.iter().map(|(n, p)| (n.as_str(), p)).collect();
            put_params(&mut body, &all, true, true);
        }
        body.extend_from_slice(sql);
        self.send_command(COM_QUERY, &body)
    }

    /// The reply to [`Self::send_query`].
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn read_query(&mut self) -> Result<Reply, Error> {
        self.read_reply()
    }

    /// COM_QUERY that must succeed.
    ///
    /// # Errors
    /// [`Error::Refused`] for an ERR, besides those of [`Self::query`].
    pub fn must(&mut self, sql: &str) -> Result<Reply, Error> {
        let reply = self.query(sql)?;
        match reply.error() {
            Some(err) => Err(Error::Refused(err.clone())),
            None => Ok(reply),
        }
    }

    /// COM_INIT_DB.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn init_db(&mut self, schema: &str) -> Result<Reply, Error> {
        self.simple(COM_INIT_DB, schema.as_bytes())
    }

    /// COM_PING.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn ping(&mut self) -> Result<Reply, Error> {
        self.simple(COM_PING, &[])
    }

    /// COM_RESET_CONNECTION.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn reset_connection(&mut self) -> Result<Reply, Error> {
        self.simple(COM_RESET_CONNECTION, &[])
    }

    /// COM_SET_OPTION: 0 turns several statements on, 1 off.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn set_option(&mut self, option: u16) -> Result<Reply, Error> {
        self.simple(COM_SET_OPTION, &option.to_le_bytes())
    }

    /// COM_FIELD_LIST.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn field_list(&mut self, table: &str, wildcard: &str) -> Result<Reply, Error> {
        let body = [table.as_bytes(), &[0], wildcard.as_bytes()].concat();
        self.send_command(COM_FIELD_LIST, &body)?;
        self.read_field_list()
    }

    /// COM_STATISTICS: one packet of text.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn statistics(&mut self) -> Result<Reply, Error> {
        self.send_command(COM_STATISTICS, &[])?;
        let packet = self.wire.receive()?;
        let outcomes = vec![Outcome::Text(packet.payload.clone())];
        Ok(Reply { packets: vec![packet], outcomes })
    }

    /// COM_CHANGE_USER, with what the server asks for on the way.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's ERR; the connection is usually closed then.
    pub fn change_user(
        &mut self,
        user: &str,
        password: &str,
        schema: Option<&str>,
    ) -> Result<(), Error> {
        self.options.user = user.into();
        self.options.password = password.into();
        self.options.schema = schema.map(Into::into);
        let plugin = self.options.first_plugin(&self.greeting);
        let response = auth::response(plugin, password.as_bytes(), &self.greeting.scramble)?;
        let mut body = user.as_bytes().to_vec();
        body.push(0);
        body.push(u8::try_from(response.len()).unwrap_or(0));
        body.extend_from_slice(&response);
        body.extend_from_slice(schema.unwrap_or("").as_bytes());
        body.push(0);
        body.extend_from_slice(&u16::from(self.options.collation).to_le_bytes());
        body.extend_from_slice(plugin);
        body.push(0);
        self.options.put_attributes(self.capabilities, &mut body);
        self.send_command(COM_CHANGE_USER, &body)?;
        let private = self.wire.is_unix();
        self.authenticate(Login::again(self.greeting.clone(), self.capabilities, private))?;
        Ok(())
    }

    /// COM_QUIT; the server closes.
    ///
    /// # Errors
    /// The socket's.
    pub fn quit(mut self) -> Result<(), Error> {
        self.send_command(COM_QUIT, &[])
    }

    /// A command that is answered by one OK, EOF or ERR.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn simple(&mut self, command: u8, body: &[u8]) -> Result<Reply, Error> {
        self.send_command(command, body)?;
        self.read_reply()
    }
}
