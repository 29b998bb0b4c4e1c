//! The client's first packet: its login, or the wish for TLS before it.

use super::capability::Capabilities;
use super::wire::{Malformed, Reader, put_lenenc_str, put_nul_str, put_u32};

/// Bytes before the user name; an SSL request ends there.
const FIXED_LEN: usize = 32;

/// Longest connection attributes that servers take, all together, in bytes.
const ATTRIBUTES_LEN_MAX: usize = 65_535;

/// Connection attributes: names and values, in the client's order.
pub type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// What a client answers to the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstPacket {
    /// The client wants TLS before it logs in.
    SslRequest(SslRequest),
    /// The client logs in.
    Login(Login),
}

impl FirstPacket {
    /// Decodes the first packet's payload.
    ///
    /// # Errors
    /// As [`Login::decode`].
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (fixed, _) = SslRequest::read(payload)?;
        if payload.len() == FIXED_LEN && fixed.capabilities.contains(Capabilities::SSL) {
            return Ok(Self::SslRequest(fixed));
        }
        Login::decode(payload).map(Self::Login)
    }
}

/// The first 32 bytes of a login; alone, a request for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRequest {
    /// The client's capabilities.
    pub capabilities: Capabilities,
    /// The longest packet the client takes, in bytes.
    pub max_packet: u32,
    /// The client's collation id.
    pub collation: u8,
}

impl SslRequest {
    fn read(payload: &[u8]) -> Result<(Self, Reader<'_>), Malformed> {
        let mut reader = Reader::new(payload);
        let mut old = reader;
        // Before 4.1 the flags had 16 bits; the bit stands at the same place.
        let low = Capabilities::from_bits_retain(u64::from(old.u16()?));
        if !low.contains(Capabilities::PROTOCOL_41) {
            return Err(Malformed::NotProtocol41);
        }
        let mysql = reader.u32()?;
        let max_packet = reader.u32()?;
        let collation = reader.u8()?;
        reader.bytes(19)?;
        let last = reader.u32()?;
        let is_mariadb = !Capabilities::from_halves(mysql, 0).contains(Capabilities::LONG_PASSWORD);
        let capabilities = Capabilities::from_halves(mysql, if is_mariadb { last } else { 0 });
        Ok((Self { capabilities, max_packet, collation }, reader))
    }

    /// Encodes the 32-byte payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_LEN);
        put_u32(&mut out, self.capabilities.mysql());
        put_u32(&mut out, self.max_packet);
        out.push(self.collation);
        out.extend_from_slice(&[0; 19]);
        let is_mariadb = !self.capabilities.contains(Capabilities::LONG_PASSWORD);
        put_u32(&mut out, if is_mariadb { self.capabilities.mariadb() } else { 0 });
        out
    }
}

/// The login: `HandshakeResponse41`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The client's capabilities.
    pub capabilities: Capabilities,
    /// The longest packet the client takes, in bytes.
    pub max_packet: u32,
    /// The client's collation id.
    pub collation: u8,
    /// The user's name.
    pub user: Vec<u8>,
    /// The answer to the greeting's scramble.
    pub auth_response: Vec<u8>,
    /// The schema to begin in; `None` for none (an empty name is none).
    pub schema: Option<Vec<u8>>,
    /// The plugin that made the answer; `None` when the client does not say.
    pub auth_plugin: Option<Vec<u8>>,
    /// Connection attributes, such as `program_name`.
    pub attributes: Attributes,
}

impl Login {
    /// Decodes a login's payload, as tolerantly as the servers do: the last string may lack its
    /// NUL, and what is flagged may be absent at the end.
    ///
    /// # Errors
    /// [`Malformed::NotProtocol41`] for a client of before 4.1; otherwise where a field leaves the
    /// packet.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (fixed, mut reader) = SslRequest::read(payload)?;
        let SslRequest { capabilities, max_packet, collation } = fixed;
        let user = reader.nul_str()?.to_vec();
        let auth_response = if reader.is_empty() {
            &[][..]
        } else if capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_DATA) {
            reader.lenenc_str()?
        } else if capabilities.contains(Capabilities::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.bytes(usize::from(len))?
        } else {
            reader.nul_str_or_rest()
        };
        let auth_response = auth_response.to_vec();
        let schema = (capabilities.contains(Capabilities::CONNECT_WITH_DB))
            .then(|| reader.nul_str_or_rest().to_vec())
            .filter(|schema| !schema.is_empty());
        let auth_plugin = (capabilities.contains(Capabilities::PLUGIN_AUTH) && !reader.is_empty())
            .then(|| reader.nul_str_or_rest().to_vec());
        let attributes = if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            read_attributes(&mut reader)?
        } else {
            Vec::new()
        };
        Ok(Self {
            capabilities,
            max_packet,
            collation,
            user,
            auth_response,
            schema,
            auth_plugin,
            attributes,
        })
    }

    /// Encodes a login's payload. The flags that say which fields are there follow the fields:
    /// `PROTOCOL_41` and `SECURE_CONNECTION` are always set, `CONNECT_WITH_DB` and `PLUGIN_AUTH`
    /// where there is a schema and a plugin.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let capabilities = self.wire_capabilities();
        let fixed =
            SslRequest { capabilities, max_packet: self.max_packet, collation: self.collation };
        let mut out = fixed.encode();
        put_nul_str(&mut out, &self.user);
        match u8::try_from(self.auth_response.len()) {
            Ok(len) if !capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_DATA) => {
                out.push(len);
                out.extend_from_slice(&self.auth_response);
            }
            _ => put_lenenc_str(&mut out, &self.auth_response),
        }
        if let Some(schema) = &self.schema {
            put_nul_str(&mut out, schema);
        }
        if let Some(plugin) = &self.auth_plugin {
            put_nul_str(&mut out, plugin);
        }
        if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            put_attributes(&mut out, &self.attributes);
        }
        out
    }

    /// The capabilities that [`Self::encode`] writes.
    #[must_use]
    pub fn wire_capabilities(&self) -> Capabilities {
        let mut caps =
            self.capabilities | Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION;
        caps.set(Capabilities::CONNECT_WITH_DB, self.schema.is_some());
        caps.set(Capabilities::PLUGIN_AUTH, self.auth_plugin.is_some());
        if u8::try_from(self.auth_response.len()).is_err() {
            caps |= Capabilities::PLUGIN_AUTH_LENENC_DATA;
        }
        caps
    }
}

/// Reads connection attributes behind their total length; none at all is fine.
///
/// # Errors
/// [`Malformed::Truncated`] where one leaves the room that they have; [`Malformed::TooLong`] from
/// 64 KiB on, as servers have it.
pub fn read_attributes(reader: &mut Reader<'_>) -> Result<Attributes, Malformed> {
    let mut attributes = Vec::new();
    if reader.is_empty() {
        return Ok(attributes);
    }
    let all = reader.lenenc_str()?;
    if all.len() > ATTRIBUTES_LEN_MAX {
        return Err(Malformed::TooLong { len: all.len(), len_max: ATTRIBUTES_LEN_MAX });
    }
    let mut pairs = Reader::new(all);
    while !pairs.is_empty() {
        let name = pairs.lenenc_str()?.to_vec();
        attributes.push((name, pairs.lenenc_str()?.to_vec()));
    }
    Ok(attributes)
}

/// Appends connection attributes with their total length.
pub fn put_attributes(out: &mut Vec<u8>, attributes: &[(Vec<u8>, Vec<u8>)]) {
    let mut pairs = Vec::new();
    for (name, value) in attributes {
        put_lenenc_str(&mut pairs, name);
        put_lenenc_str(&mut pairs, value);
    }
    put_lenenc_str(out, &pairs);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A login with a schema, a plugin and attributes, from the documentation.
    const GOLDEN: &[u8] = &[
        0x8d, 0xa6, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x70, 0x61, 0x6d, 0x00, 0x14, 0xab, 0x09, 0xee, 0xf6, 0xbc, 0xb1, 0x32, 0x3e,
        0x61, 0x14, 0x38, 0x65, 0xc0, 0x99, 0x1d, 0x95, 0x7d, 0x75, 0xd4, 0x47, 0x74, 0x65, 0x73,
        0x74, 0x00, 0x6d, 0x79, 0x73, 0x71, 0x6c, 0x5f, 0x6e, 0x61, 0x74, 0x69, 0x76, 0x65, 0x5f,
        0x70, 0x61, 0x73, 0x73, 0x77, 0x6f, 0x72, 0x64, 0x00,
    ];

    fn fixed(capabilities: Capabilities) -> Vec<u8> {
        let capabilities = capabilities | Capabilities::PROTOCOL_41 | Capabilities::LONG_PASSWORD;
        SslRequest { capabilities, max_packet: 1 << 24, collation: 45 }.encode()
    }

    fn decode(capabilities: Capabilities, rest: &[u8]) -> Result<Login, Malformed> {
        Login::decode(&[&fixed(capabilities), rest].concat())
    }

    #[test]
    fn golden_login() {
        let login = Login::decode(GOLDEN).unwrap();
        assert_eq!((login.user.as_slice(), login.auth_response.len()), (&b"pam"[..], 20));
        assert_eq!(login.schema.as_deref(), Some(&b"test"[..]));
        assert_eq!(login.auth_plugin.as_deref(), Some(&b"mysql_native_password"[..]));
        assert_eq!((login.max_packet, login.collation), (1 << 24, 8));
        assert_eq!(login.encode(), GOLDEN);
        assert_eq!(FirstPacket::decode(GOLDEN), Ok(FirstPacket::Login(login)));
    }

    #[test]
    fn ssl_request() {
        let capabilities =
            Capabilities::PROTOCOL_41 | Capabilities::SSL | Capabilities::LONG_PASSWORD;
        let request = SslRequest { capabilities, max_packet: 5, collation: 45 };
        let payload = request.encode();
        assert_eq!(payload.len(), FIXED_LEN);
        assert_eq!(FirstPacket::decode(&payload), Ok(FirstPacket::SslRequest(request)));
        let plain = fixed(Capabilities::empty());
        assert_eq!(FirstPacket::decode(&plain), Err(Malformed::Truncated));
    }

    #[test]
    fn mariadb_client_has_extended_capabilities() {
        let login = Login {
            capabilities: Capabilities::MARIADB_STMT_BULK_OPERATIONS,
            user: b"me".to_vec(),
            ..Login::default()
        };
        let decoded = Login::decode(&login.encode()).unwrap();
        assert!(decoded.capabilities.contains(Capabilities::MARIADB_STMT_BULK_OPERATIONS));
        assert_eq!(decoded.capabilities, login.wire_capabilities());
    }

    #[test]
    fn old_clients() {
        assert_eq!(
            Login::decode(&[0x85, 0x24, 0, 0, 0, b'm', b'e', 0]),
            Err(Malformed::NotProtocol41)
        );
        // Without SECURE_CONNECTION the response ends with NUL, or with the packet.
        let login = decode(Capabilities::CONNECT_WITH_DB, b"me\0response\0db\0").unwrap();
        assert_eq!(login.auth_response, b"response");
        assert_eq!(login.schema.as_deref(), Some(&b"db"[..]));
        assert_eq!(login.auth_plugin, None);
        assert_eq!(decode(Capabilities::empty(), b"me\0resp").unwrap().auth_response, b"resp");
        assert!(decode(Capabilities::empty(), b"me\0").unwrap().auth_response.is_empty());
    }

    #[test]
    fn what_is_flagged_may_be_absent() {
        let all = Capabilities::SECURE_CONNECTION
            | Capabilities::CONNECT_WITH_DB
            | Capabilities::PLUGIN_AUTH
            | Capabilities::CONNECT_ATTRS;
        let bare = decode(all, b"me\0\0").unwrap();
        assert_eq!((bare.schema, bare.auth_plugin, bare.attributes), (None, None, vec![]));
        let login = decode(all, b"me\0\0\0mysql_native_password").unwrap();
        assert_eq!(login.schema, None);
        assert_eq!(login.auth_plugin.as_deref(), Some(&b"mysql_native_password"[..]));
        let login = decode(all, b"me\0\0db\0p\0\x04\x01a\x01b").unwrap();
        assert_eq!(login.attributes, [(b"a".to_vec(), b"b".to_vec())]);
    }

    #[test]
    fn bounds_are_strict() {
        let secure = Capabilities::SECURE_CONNECTION;
        assert_eq!(decode(secure, b"me"), Err(Malformed::Truncated));
        assert_eq!(decode(secure, b"me\0\x14short"), Err(Malformed::Truncated));
        let lenenc = Capabilities::PLUGIN_AUTH_LENENC_DATA;
        assert_eq!(decode(lenenc, b"me\0\xfc\xff\xffshort"), Err(Malformed::Truncated));
        let attributes = secure | Capabilities::CONNECT_ATTRS;
        assert_eq!(decode(attributes, b"me\0\0\x05\x01a"), Err(Malformed::Truncated));
        assert_eq!(decode(attributes, b"me\0\0\x02\x05a"), Err(Malformed::Truncated));
        for len in 0..FIXED_LEN {
            let short = GOLDEN.get(..len).unwrap();
            assert_eq!(FirstPacket::decode(short), Err(Malformed::Truncated));
        }
    }

    proptest! {
        #[test]
        fn round_trips(
            mysql: u32, mariadb: u32, max_packet: u32, collation: u8, user in "[a-z]{0,20}",
            auth_response in prop::collection::vec(any::<u8>(), 0..400),
            schema in prop::option::of("[a-z]{1,20}"), plugin in prop::option::of("[a-z_]{1,30}"),
            attributes: Attributes,
        ) {
            let mut capabilities = Capabilities::from_halves(mysql, mariadb);
            let is_mysql = capabilities.contains(Capabilities::LONG_PASSWORD);
            if is_mysql {
                capabilities = Capabilities::from_halves(mysql, 0);
            }
            let has_attributes = capabilities.contains(Capabilities::CONNECT_ATTRS);
            let mut login = Login {
                capabilities, max_packet, collation, user: user.into(), auth_response,
                schema: schema.map(Into::into), auth_plugin: plugin.map(Into::into),
                attributes: if has_attributes { attributes } else { Vec::new() },
            };
            login.capabilities = login.wire_capabilities();
            let encoded = login.encode();
            prop_assert_eq!(Login::decode(&encoded), Ok(login.clone()));
            prop_assert_eq!(FirstPacket::decode(&encoded), Ok(FirstPacket::Login(login)));
        }

        #[test]
        fn garbage_never_panics(bits: u64, rest: Vec<u8>) {
            let _ = decode(Capabilities::from_bits_retain(bits), &rest);
            let _ = FirstPacket::decode(&rest);
        }
    }
}
