//! Commands: the first byte of what a client sends in the command phase.

use super::capability::Capabilities;
use super::login::{Attributes, put_attributes, read_attributes};
use super::wire::{Malformed, Reader, put_nul_str, put_u16};

/// A command byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub enum Command {
    Sleep = 0x00,
    Quit = 0x01,
    InitDb = 0x02,
    Query = 0x03,
    FieldList = 0x04,
    CreateDb = 0x05,
    DropDb = 0x06,
    Refresh = 0x07,
    Shutdown = 0x08,
    Statistics = 0x09,
    ProcessInfo = 0x0A,
    Connect = 0x0B,
    ProcessKill = 0x0C,
    Debug = 0x0D,
    Ping = 0x0E,
    Time = 0x0F,
    DelayedInsert = 0x10,
    ChangeUser = 0x11,
    BinlogDump = 0x12,
    TableDump = 0x13,
    ConnectOut = 0x14,
    RegisterReplica = 0x15,
    StmtPrepare = 0x16,
    StmtExecute = 0x17,
    StmtSendLongData = 0x18,
    StmtClose = 0x19,
    StmtReset = 0x1A,
    SetOption = 0x1B,
    StmtFetch = 0x1C,
    Daemon = 0x1D,
    BinlogDumpGtid = 0x1E,
    ResetConnection = 0x1F,
    Clone = 0x20,
    SubscribeGroupReplicationStream = 0x21,
    /// MariaDB.
    StmtBulkExecute = 0xFA,
}

impl Command {
    const ALL: [Self; 35] = [
        Self::Sleep,
        Self::Quit,
        Self::InitDb,
        Self::Query,
        Self::FieldList,
        Self::CreateDb,
        Self::DropDb,
        Self::Refresh,
        Self::Shutdown,
        Self::Statistics,
        Self::ProcessInfo,
        Self::Connect,
        Self::ProcessKill,
        Self::Debug,
        Self::Ping,
        Self::Time,
        Self::DelayedInsert,
        Self::ChangeUser,
        Self::BinlogDump,
        Self::TableDump,
        Self::ConnectOut,
        Self::RegisterReplica,
        Self::StmtPrepare,
        Self::StmtExecute,
        Self::StmtSendLongData,
        Self::StmtClose,
        Self::StmtReset,
        Self::SetOption,
        Self::StmtFetch,
        Self::Daemon,
        Self::BinlogDumpGtid,
        Self::ResetConnection,
        Self::Clone,
        Self::SubscribeGroupReplicationStream,
        Self::StmtBulkExecute,
    ];

    /// The command of a payload's first byte; `None` when no server knows it.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        const BULK: u8 = Command::StmtBulkExecute as u8;
        match byte {
            BULK => Some(Self::StmtBulkExecute),
            _ => Self::ALL.get(usize::from(byte)).copied().filter(|c| *c as u8 == byte),
        }
    }

    /// The command byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Servers answer nothing to these.
    #[must_use]
    pub const fn is_unanswered(self) -> bool {
        matches!(self, Self::Quit | Self::StmtClose | Self::StmtSendLongData)
    }
}

/// The statement id of a COM_STMT_* command or of a prepare reply, both at bytes 1 to 4.
///
/// # Errors
/// [`Malformed::Truncated`] when the payload is shorter than 5 bytes.
pub fn statement_id(payload: &[u8]) -> Result<u32, Malformed> {
    let mut reader = Reader::new(payload);
    reader.u8()?;
    reader.u32()
}

/// Rewrites in place what [`statement_id`] reads.
///
/// # Errors
/// [`Malformed::Truncated`] when the payload is shorter than 5 bytes.
pub fn rewrite_statement_id(payload: &mut [u8], id: u32) -> Result<(), Malformed> {
    let place = payload.get_mut(1..5).ok_or(Malformed::Truncated)?;
    place.copy_from_slice(&id.to_le_bytes());
    Ok(())
}

/// COM_CHANGE_USER.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeUser {
    /// The new user.
    pub user: Vec<u8>,
    /// Its authentication response, to the connection's scramble.
    pub auth_response: Vec<u8>,
    /// The new schema; `None` for none.
    pub schema: Option<Vec<u8>>,
    /// The new connection collation; `None` when the client is too old to say.
    pub collation: Option<u16>,
    /// The plugin that made the response.
    pub auth_plugin: Option<Vec<u8>>,
    /// Connection attributes.
    pub attributes: Attributes,
}

impl ChangeUser {
    /// Decodes the command's payload, command byte included.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a COM_CHANGE_USER.
    pub fn decode(payload: &[u8], caps: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            byte if byte == Command::ChangeUser.byte() => {}
            byte => return Err(Malformed::Header(byte)),
        }
        let user = reader.nul_str()?.to_vec();
        let auth_response = if caps.contains(Capabilities::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.bytes(usize::from(len))?.to_vec()
        } else {
            reader.nul_str()?.to_vec()
        };
        let schema = reader.nul_str_or_rest();
        let schema = (!schema.is_empty()).then(|| schema.to_vec());
        let collation = if reader.is_empty() { None } else { Some(reader.u16()?) };
        let auth_plugin = (caps.contains(Capabilities::PLUGIN_AUTH) && !reader.is_empty())
            .then(|| reader.nul_str_or_rest().to_vec());
        let attributes = if caps.contains(Capabilities::CONNECT_ATTRS) {
            read_attributes(&mut reader)?
        } else {
            Vec::new()
        };
        Ok(Self { user, auth_response, schema, collation, auth_plugin, attributes })
    }

    /// Encodes the command's payload, command byte included. What comes after a missing
    /// `collation` cannot be said and is left out.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] when the authentication response exceeds 255 bytes.
    pub fn encode(&self, caps: Capabilities) -> Result<Vec<u8>, Malformed> {
        let mut out = vec![Command::ChangeUser.byte()];
        put_nul_str(&mut out, &self.user);
        if caps.contains(Capabilities::SECURE_CONNECTION) {
            let len = self.auth_response.len();
            out.push(u8::try_from(len).map_err(|_| Malformed::TooLong { len, len_max: 255 })?);
            out.extend_from_slice(&self.auth_response);
        } else {
            put_nul_str(&mut out, &self.auth_response);
        }
        put_nul_str(&mut out, self.schema.as_deref().unwrap_or_default());
        let Some(collation) = self.collation else { return Ok(out) };
        put_u16(&mut out, collation);
        if caps.contains(Capabilities::PLUGIN_AUTH) {
            put_nul_str(&mut out, self.auth_plugin.as_deref().unwrap_or_default());
        }
        if caps.contains(Capabilities::CONNECT_ATTRS) {
            put_attributes(&mut out, &self.attributes);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_maps_back() {
        let known: Vec<u8> = (0..=255).filter(|&b| Command::from_byte(b).is_some()).collect();
        assert_eq!(known.len(), 35);
        for byte in known {
            assert_eq!(Command::from_byte(byte).unwrap().byte(), byte);
        }
        assert_eq!(Command::from_byte(0x03), Some(Command::Query));
        assert_eq!(Command::from_byte(0x1F), Some(Command::ResetConnection));
        assert_eq!(Command::from_byte(0x22), None);
    }

    #[test]
    fn statement_ids_are_rewritten_in_place() {
        let mut execute = vec![0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(statement_id(&execute), Ok(1));
        rewrite_statement_id(&mut execute, 0x0403_0201).unwrap();
        assert_eq!(execute, [0x17, 1, 2, 3, 4, 0, 1, 0, 0, 0]);
        assert_eq!(rewrite_statement_id(&mut [0x17, 1], 3), Err(Malformed::Truncated));
        assert_eq!(statement_id(&[0x17, 1]), Err(Malformed::Truncated));
    }

    #[test]
    fn short_change_user() {
        let caps = Capabilities::SECURE_CONNECTION;
        let change = ChangeUser::decode(b"\x11me\0\x02abdb\0", caps).unwrap();
        assert_eq!((change.schema.as_deref(), change.collation), (Some(&b"db"[..]), None));
        assert_eq!(change.encode(caps).unwrap(), b"\x11me\0\x02abdb\0");
        assert_eq!(ChangeUser::decode(b"\x11me\0\x05ab", caps), Err(Malformed::Truncated));
    }

    proptest! {
        #[test]
        fn change_user_round_trips(
            user in "[a-z]{0,20}", response in prop::collection::vec(1u8.., 0..40),
            schema in prop::option::of("[a-z]{1,20}"), collation: u16,
            plugin in "[a-z_]{1,30}", attributes: Vec<(Vec<u8>, Vec<u8>)>, secure: bool,
        ) {
            let mut caps = Capabilities::PLUGIN_AUTH | Capabilities::CONNECT_ATTRS;
            caps.set(Capabilities::SECURE_CONNECTION, secure);
            let change = ChangeUser {
                user: user.into(), auth_response: response, schema: schema.map(Into::into),
                collation: Some(collation), auth_plugin: Some(plugin.into()), attributes,
            };
            let encoded = change.encode(caps).unwrap();
            prop_assert_eq!(ChangeUser::decode(&encoded, caps), Ok(change));
        }

        #[test]
        fn garbage_never_panics(bits: u64, mut payload: Vec<u8>) {
            payload.insert(0, 0x11);
            let _ = ChangeUser::decode(&payload, Capabilities::from_bits_retain(bits));
        }
    }
}
