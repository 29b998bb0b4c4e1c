//! From the dial to the command phase.

use super::auth::{self, CACHING_SHA2, NATIVE};
use super::words::{Words, put_lenenc, put_lenenc_bytes};
use super::{Client, ErrReply, Error, OkReply, Options, Plugin, Wire, flags};

/// What a server says first.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// The server's version.
    pub version: String,
    /// The connection's id.
    pub thread_id: u32,
    /// 20 random bytes for the password.
    pub scramble: Vec<u8>,
    /// Offered flags; the upper half holds MariaDB's extended ones.
    pub capabilities: u64,
    /// The default collation's number.
    pub collation: u8,
    /// Status flags.
    pub status: u16,
    /// The default authentication plugin.
    pub plugin: Vec<u8>,
}

impl Greeting {
    /// Decodes a protocol 10 greeting.
    ///
    /// # Errors
    /// [`Error::Refused`] for an ERR in its place, [`Error::Malformed`].
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        if payload.first() == Some(&0xFF) {
            return Err(Error::Refused(ErrReply::decode(payload)?));
        }
        let mut words = Words::new(payload, "greeting");
        if words.u8()? != 10 {
            return Err(Error::Malformed("greeting: not protocol 10"));
        }
        let version = String::from_utf8_lossy(words.nul_string()).into_owned();
        let thread_id = words.u32()?;
        let mut scramble = words.bytes(8)?.to_vec();
        words.bytes(1)?;
        let low = words.int(2)?;
        let collation = words.u8()?;
        let status = words.u16()?;
        let high = words.int(2)?;
        words.bytes(7)?;
        let extended = words.int(4)?;
        let mut capabilities = low | high << 16;
        if capabilities & flags::LONG_PASSWORD == 0 {
            capabilities |= extended << 32;
        }
        scramble.extend_from_slice(words.bytes(12)?);
        words.bytes(1)?;
        let plugin = words.nul_string().to_vec();
        Ok(Self { version, thread_id, scramble, capabilities, collation, status, plugin })
    }

    /// Whether the server is a MariaDB.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }
}

/// What the server's payload asks of a client that logs in.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Send this payload.
    Send(Vec<u8>),
    /// Wait for the next one.
    Wait,
    /// The login is done.
    Done(OkReply),
}

/// The client's half of a login behind the greeting, payload by payload: no socket.
#[derive(Debug)]
pub(crate) struct Login {
    pub(super) greeting: Greeting,
    /// The flags in force.
    pub(crate) capabilities: u64,
    scramble: Vec<u8>,
    /// Whether a password may travel in clear.
    private: bool,
}

impl Login {
    /// Takes the greeting; returns the login request too.
    ///
    /// # Errors
    /// [`Error::Refused`] for an ERR in the greeting's place, [`Error::Malformed`].
    pub(crate) fn begin(
        options: &Options,
        greeting: &[u8],
        private: bool,
    ) -> Result<(Self, Vec<u8>), Error> {
        let greeting = Greeting::decode(greeting)?;
        let mut wanted = options.capabilities;
        if options.schema.is_some() {
            wanted |= flags::CONNECT_WITH_DB;
        }
        if wanted >> 32 != 0 && greeting.capabilities >> 32 != 0 {
            // A MariaDB reads the extended flags only from a client that is not "MySQL".
            wanted &= !flags::LONG_PASSWORD;
        }
        let capabilities = wanted & (greeting.capabilities | flags::LONG_PASSWORD);
        let login = Self::again(greeting, capabilities, private);
        let request = login.request(options)?;
        Ok((login, request))
    }

    /// The exchange of a COM_CHANGE_USER.
    pub(super) fn again(greeting: Greeting, capabilities: u64, private: bool) -> Self {
        let scramble = greeting.scramble.clone();
        Self { greeting, capabilities, scramble, private }
    }

    fn request(&self, options: &Options) -> Result<Vec<u8>, Error> {
        let plugin = options.first_plugin(&self.greeting);
        let mut out = Vec::with_capacity(128);
        let bits = self.capabilities.to_le_bytes();
        out.extend_from_slice(&bits[..4]);
        out.extend_from_slice(&0x4000_0000_u32.to_le_bytes());
        out.push(options.collation);
        out.extend_from_slice(&[0; 19]);
        out.extend_from_slice(&bits[4..]);
        out.extend_from_slice(options.user.as_bytes());
        out.push(0);
        let password = options.password.as_bytes();
        put_lenenc_bytes(&mut out, &auth::response(plugin, password, &self.scramble)?);
        if self.capabilities & flags::CONNECT_WITH_DB != 0 {
            out.extend_from_slice(options.schema.as_deref().unwrap_or("").as_bytes());
            out.push(0);
        }
        if self.capabilities & flags::PLUGIN_AUTH != 0 {
            out.extend_from_slice(plugin);
            out.push(0);
        }
        options.put_attributes(self.capabilities, &mut out);
        Ok(out)
    }

    /// Takes the server's next payload.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's ERR, [`Error::Malformed`].
    pub(crate) fn take(&mut self, options: &Options, payload: &[u8]) -> Result<Answer, Error> {
        let password = options.password.as_bytes();
        Ok(match payload {
            [0x00, ..] => Answer::Done(OkReply::decode(payload, self.capabilities)?),
            [0xFF, ..] => return Err(Error::Refused(ErrReply::decode(payload)?)),
            [0xFE, switch @ ..] => {
                let mut words = Words::new(switch, "auth switch");
                let plugin = words.nul_string();
                self.scramble = words.rest().strip_suffix(&[0]).unwrap_or(words.rest()).to_vec();
                Answer::Send(auth::response(plugin, password, &self.scramble)?)
            }
            [0x01, 0x03] => Answer::Wait,
            [0x01, 0x04] if self.private => Answer::Send([password, &[0]].concat()),
            [0x01, 0x04] => Answer::Send(vec![0x02]),
            [0x01, pem @ ..] => Answer::Send(auth::encrypted(pem, password, &self.scramble)?),
            _ => return Err(Error::Malformed("login reply")),
        })
    }
}

impl Options {
    pub(super) fn first_plugin(&self, greeting: &Greeting) -> &'static [u8] {
        match self.plugin {
            Plugin::Native => NATIVE,
            Plugin::CachingSha2 => CACHING_SHA2,
            Plugin::Offered if greeting.plugin == CACHING_SHA2 => CACHING_SHA2,
            Plugin::Offered => NATIVE,
        }
    }

    pub(super) fn put_attributes(&self, capabilities: u64, out: &mut Vec<u8>) {
        if capabilities & flags::CONNECT_ATTRS == 0 {
            return;
        }
        let mut all = Vec::new();
        for (name, value) in &self.attributes {
            put_lenenc_bytes(&mut all, name.as_bytes());
            put_lenenc_bytes(&mut all, value.as_bytes());
        }
        put_lenenc(out, all.len() as u64);
        out.extend_from_slice(&all);
    }
}

impl Client {
    /// Dials and logs in.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's ERR, and everything below it.
    pub fn connect(options: &Options) -> Result<Self, Error> {
        let mut wire = Wire::connect(&options.address, options.timeout)?;
        let first = wire.receive()?;
        let (login, request) = Login::begin(options, &first.payload, wire.is_unix())?;
        wire.send(&request)?;
        let (greeting, capabilities) = (login.greeting.clone(), login.capabilities);
        let mut client = Self {
            wire,
            options: options.clone(),
            greeting,
            capabilities,
            infile: None,
            attributes: Vec::new(),
            progress_reports: 0,
        };
        client.authenticate(login)?;
        Ok(client)
    }

    /// The exchange after the first answer, up to the server's OK.
    pub(super) fn authenticate(&mut self, mut login: Login) -> Result<OkReply, Error> {
        loop {
            let packet = self.wire.receive()?;
            match login.take(&self.options, &packet.payload)? {
                Answer::Send(payload) => self.wire.send(&payload)?,
                Answer::Wait => {}
                Answer::Done(ok) => return Ok(ok),
            }
        }
    }
}
