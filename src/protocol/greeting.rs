//! The server's first packet: protocol version 10's `Initial Handshake Packet`.

use super::capability::Capabilities;
use super::status::StatusFlags;
use super::wire::{Malformed, Reader, put_nul_str, put_u16, put_u32};

const PROTOCOL_VERSION: u8 = 10;
/// Bytes of a scramble, without the NUL that ends it.
const SCRAMBLE_LEN: usize = 20;
const SCRAMBLE_HEAD_LEN: usize = 8;

/// Who the server is, what it can do, and the scramble a login answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Greeting {
    /// The version as sent; MariaDB's may begin with `5.5.5-`.
    pub version: Vec<u8>,
    /// The connection's id on the server, what `CONNECTION_ID()` says.
    pub thread_id: u32,
    /// Random bytes for the login's proof.
    pub scramble: [u8; SCRAMBLE_LEN],
    /// What the server can do.
    pub capabilities: Capabilities,
    /// The server's default collation id, its low 8 bits.
    pub collation: u8,
    /// The server's status.
    pub status: StatusFlags,
    /// The default authentication plugin; empty when the server names none.
    pub auth_plugin: Vec<u8>,
}

impl Greeting {
    /// Decodes the payload. A server may refuse with an ERR packet instead: look for
    /// [`Malformed::Header`]`(0xFF)`, or at the first byte before.
    ///
    /// # Errors
    /// [`Malformed`]; [`Malformed::NotProtocol41`] for servers of before 4.1.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            PROTOCOL_VERSION => {}
            0xFF => return Err(Malformed::Header(0xFF)),
            version => return Err(Malformed::ProtocolVersion(version)),
        }
        let version = reader.nul_str()?.to_vec();
        let thread_id = reader.u32()?;
        let head: [u8; SCRAMBLE_HEAD_LEN] = reader.array()?;
        reader.u8()?;
        let caps_low = reader.u16()?;
        let collation = reader.u8()?;
        let status = StatusFlags::from_bits_retain(reader.u16()?);
        let caps_high = reader.u16()?;
        let scramble_len = usize::from(reader.u8()?);
        reader.bytes(6)?;
        let extended = reader.u32()?;
        let mysql = u32::from(caps_high) << 16 | u32::from(caps_low);
        let mut capabilities = Capabilities::from_halves(mysql, 0);
        if !capabilities.contains(Capabilities::LONG_PASSWORD) {
            capabilities = Capabilities::from_halves(mysql, extended);
        }
        if !capabilities.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(Malformed::NotProtocol41);
        }
        let tail: [u8; SCRAMBLE_LEN - SCRAMBLE_HEAD_LEN] = reader.array()?;
        // The rest of the scramble's field: its NUL, and what a longer one may have.
        let field_len = scramble_len.saturating_sub(SCRAMBLE_HEAD_LEN).max(tail.len() + 1);
        reader.bytes((field_len - tail.len()).min(reader.remaining()))?;
        let mut scramble = [0; SCRAMBLE_LEN];
        for (to, from) in scramble.iter_mut().zip(head.iter().chain(&tail)) {
            *to = *from;
        }
        // MySQL 5.5.7 to 5.5.9 leave the plugin's NUL out.
        let auth_plugin = if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            reader.nul_str_or_rest().to_vec()
        } else {
            Vec::new()
        };
        Ok(Self { version, thread_id, scramble, capabilities, collation, status, auth_plugin })
    }

    /// Encodes the payload. MariaDB's extended capabilities are written only where
    /// `LONG_PASSWORD` is absent, as they would not be read otherwise.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let caps = self.capabilities;
        let [low_a, low_b, high_a, high_b] = caps.mysql().to_le_bytes();
        let (head, tail) = self.scramble.split_at(SCRAMBLE_HEAD_LEN);
        let names_plugin = caps.contains(Capabilities::PLUGIN_AUTH);
        let is_mariadb = !caps.contains(Capabilities::LONG_PASSWORD);
        let mut out = vec![PROTOCOL_VERSION];
        put_nul_str(&mut out, &self.version);
        put_u32(&mut out, self.thread_id);
        out.extend_from_slice(head);
        out.push(0);
        out.extend_from_slice(&[low_a, low_b, self.collation]);
        put_u16(&mut out, self.status.bits());
        out.extend_from_slice(&[high_a, high_b]);
        out.push(if names_plugin { 21 } else { 0 });
        out.extend_from_slice(&[0; 6]);
        put_u32(&mut out, if is_mariadb { caps.mariadb() } else { 0 });
        out.extend_from_slice(tail);
        out.push(0);
        if names_plugin {
            put_nul_str(&mut out, &self.auth_plugin);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// MySQL 5.6's greeting, from the documentation.
    const MYSQL_56: &[u8] = &[
        0x0a, 0x35, 0x2e, 0x36, 0x2e, 0x34, 0x2d, 0x6d, 0x37, 0x2d, 0x6c, 0x6f, 0x67, 0x00, 0x56,
        0x0a, 0x00, 0x00, 0x52, 0x42, 0x33, 0x76, 0x7a, 0x26, 0x47, 0x72, 0x00, 0xff, 0xff, 0x08,
        0x02, 0x00, 0x0f, 0xc0, 0x15, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x2b, 0x79, 0x44, 0x26, 0x2f, 0x5a, 0x5a, 0x33, 0x30, 0x35, 0x5a, 0x47, 0x00, 0x6d, 0x79,
        0x73, 0x71, 0x6c, 0x5f, 0x6e, 0x61, 0x74, 0x69, 0x76, 0x65, 0x5f, 0x70, 0x61, 0x73, 0x73,
        0x77, 0x6f, 0x72, 0x64, 0x00,
    ];

    #[test]
    fn golden_mysql() {
        let greeting = Greeting::decode(MYSQL_56).unwrap();
        assert_eq!(greeting.version, b"5.6.4-m7-log");
        assert_eq!(greeting.thread_id, 2646);
        assert_eq!(&greeting.scramble, b"RB3vz&Gr+yD&/ZZ305ZG");
        assert_eq!(greeting.capabilities.bits(), 0xC00F_FFFF);
        assert_eq!((greeting.collation, greeting.status), (8, StatusFlags::AUTOCOMMIT));
        assert_eq!(greeting.auth_plugin, b"mysql_native_password");
        assert_eq!(greeting.encode(), MYSQL_56);
    }

    #[test]
    fn mariadb_has_extended_capabilities() {
        let greeting = Greeting {
            version: b"5.5.5-10.11.19-MariaDB".to_vec(),
            thread_id: 7,
            scramble: *b"01234567890123456789",
            capabilities: Capabilities::from_halves(0x81BF_F7FE, 0x1D),
            collation: 45,
            status: StatusFlags::AUTOCOMMIT,
            auth_plugin: b"mysql_native_password".to_vec(),
        };
        let decoded = Greeting::decode(&greeting.encode()).unwrap();
        assert_eq!(decoded, greeting);
        assert!(decoded.capabilities.contains(Capabilities::MARIADB_CACHE_METADATA));
        // With LONG_PASSWORD the same bytes mean nothing.
        let mut mysql = greeting;
        mysql.capabilities |= Capabilities::LONG_PASSWORD;
        let decoded = Greeting::decode(&mysql.encode()).unwrap();
        assert_eq!(decoded.capabilities.mariadb(), 0);
    }

    #[test]
    fn refusals_and_oddities() {
        let error = b"\xff\x10\x04Too many connections";
        assert_eq!(Greeting::decode(error), Err(Malformed::Header(0xFF)));
        assert_eq!(Greeting::decode(&[9]), Err(Malformed::ProtocolVersion(9)));
        for len in 0..MYSQL_56.len() - 23 {
            assert_eq!(Greeting::decode(MYSQL_56.get(..len).unwrap()), Err(Malformed::Truncated));
        }
        let (_, without_nul) = MYSQL_56.split_last().unwrap();
        let greeting = Greeting::decode(without_nul).unwrap();
        assert_eq!(greeting.auth_plugin, b"mysql_native_password");
    }

    proptest! {
        #[test]
        fn round_trips(
            version in "[0-9a-z.-]{0,30}", thread_id: u32, scramble: [u8; 20], mysql: u32,
            mariadb: u32, collation: u8, status: u16, plugin in "[a-z_]{0,30}",
        ) {
            let mut capabilities = Capabilities::from_halves(mysql, mariadb)
                | Capabilities::PROTOCOL_41
                | Capabilities::SECURE_CONNECTION
                | Capabilities::PLUGIN_AUTH;
            if capabilities.contains(Capabilities::LONG_PASSWORD) {
                capabilities = Capabilities::from_halves(capabilities.mysql(), 0);
            }
            let greeting = Greeting {
                version: version.into(), thread_id, scramble, capabilities, collation,
                status: StatusFlags::from_bits_retain(status), auth_plugin: plugin.into(),
            };
            prop_assert_eq!(Greeting::decode(&greeting.encode()), Ok(greeting));
        }

        #[test]
        fn garbage_never_panics(mut payload: Vec<u8>) {
            payload.insert(0, 10);
            let _ = Greeting::decode(&payload);
        }
    }
}
