//! What a server asks for in the middle of a login.

use super::wire::{Malformed, Reader, put_nul_str};

/// First byte of [`AuthSwitch`].
pub const AUTH_SWITCH_HEADER: u8 = 0xFE;
/// First byte of [`AuthMoreData`].
pub const AUTH_MORE_DATA_HEADER: u8 = 0x01;

/// `AuthSwitchRequest`: answer with another plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSwitch<'a> {
    /// The plugin to answer with.
    pub plugin: &'a [u8],
    /// Its data, usually a new scramble; the NUL that servers put behind it is not part of it.
    pub data: &'a [u8],
}

impl<'a> AuthSwitch<'a> {
    /// Decodes the payload.
    ///
    /// # Errors
    /// [`Malformed`] when it is not an `AuthSwitchRequest`; see also [`is_old_auth_switch`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            AUTH_SWITCH_HEADER => {}
            header => return Err(Malformed::Header(header)),
        }
        let plugin = reader.nul_str()?;
        let data = reader.rest();
        Ok(Self { plugin, data: data.strip_suffix(&[0]).unwrap_or(data) })
    }

    /// Encodes the payload, the data with a NUL behind it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![AUTH_SWITCH_HEADER];
        put_nul_str(&mut out, self.plugin);
        out.extend_from_slice(self.data);
        out.push(0);
        out
    }
}

/// The lone 0xFE by which a server asks for the password hash of before 4.1. It is not secure and
/// must be refused.
#[must_use]
pub fn is_old_auth_switch(payload: &[u8]) -> bool {
    payload == [AUTH_SWITCH_HEADER]
}

/// `AuthMoreData`: the next message of the plugin's own conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthMoreData<'a> {
    /// What the plugin says.
    pub data: &'a [u8],
}

impl<'a> AuthMoreData<'a> {
    /// Decodes the payload.
    ///
    /// # Errors
    /// [`Malformed`] when it is not an `AuthMoreData`.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            AUTH_MORE_DATA_HEADER => Ok(Self { data: reader.rest() }),
            header => Err(Malformed::Header(header)),
        }
    }

    /// Encodes the payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![AUTH_MORE_DATA_HEADER];
        out.extend_from_slice(self.data);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_switch() {
        let payload = b"\xfemysql_native_password\0zQg4i6oNy6=rHN/>-b)A\0";
        let switch = AuthSwitch::decode(payload).unwrap();
        assert_eq!(switch.plugin, b"mysql_native_password");
        assert_eq!(switch.data, b"zQg4i6oNy6=rHN/>-b)A");
        assert_eq!(switch.encode(), payload);
        let bare = AuthSwitch::decode(b"\xfemysql_clear_password\0").unwrap();
        assert!(bare.data.is_empty());
    }

    #[test]
    fn old_switch_is_told_apart() {
        assert!(is_old_auth_switch(&[0xFE]));
        assert!(!is_old_auth_switch(b"\xfemysql_native_password\0"));
        assert_eq!(AuthSwitch::decode(&[0xFE]), Err(Malformed::Truncated));
        assert_eq!(AuthSwitch::decode(&[0x00]), Err(Malformed::Header(0)));
    }

    #[test]
    fn more_data_round_trips() {
        let fast_ok = AuthMoreData::decode(&[1, 3]).unwrap();
        assert_eq!(fast_ok.data, [3]);
        assert_eq!(fast_ok.encode(), [1, 3]);
        assert_eq!(AuthMoreData::decode(&[0]), Err(Malformed::Header(0)));
    }
}
