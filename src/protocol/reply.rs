//! OK, ERR and EOF packets.

use super::capability::Capabilities;
use super::status::StatusFlags;
use super::wire::{Malformed, Reader, put_lenenc, put_lenenc_str, put_u16};

/// First byte of an OK packet.
pub const OK_HEADER: u8 = 0x00;
/// First byte of an EOF packet, and of the OK packet that takes its place with `DEPRECATE_EOF`.
pub const EOF_HEADER: u8 = 0xFE;
/// First byte of an ERR packet.
pub const ERR_HEADER: u8 = 0xFF;
/// SQLSTATE of errors that have none of their own.
pub const SQLSTATE_GENERAL: [u8; 5] = *b"HY000";

/// OK: a statement succeeded, or rows ended where `DEPRECATE_EOF` was negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OkPacket<'a> {
    /// Rows changed, or found with `FOUND_ROWS`.
    pub affected_rows: u64,
    /// The first AUTO_INCREMENT value the statement made; 0 for none.
    pub last_insert_id: u64,
    /// The server's status after the statement.
    pub status: StatusFlags,
    /// Number of warnings.
    pub warnings: u16,
    /// Human-readable text such as `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: &'a [u8],
    /// Session state changes, for [`super::session_track::changes`]; empty without any.
    pub session_state: &'a [u8],
}

impl<'a> OkPacket<'a> {
    /// Decodes a payload with header 0x00 or 0xFE. `caps` are those of the connection it came on.
    ///
    /// # Errors
    /// [`Malformed`] when it is not an OK packet. (An EOF packet of the old form is
    /// [`EofPacket`]'s to decode.)
    pub fn decode(payload: &'a [u8], caps: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            OK_HEADER | EOF_HEADER => {}
            header => return Err(Malformed::Header(header)),
        }
        let mut ok = Self {
            affected_rows: reader.lenenc()?,
            last_insert_id: reader.lenenc()?,
            status: StatusFlags::from_bits_retain(reader.u16()?),
            warnings: reader.u16()?,
            info: &[],
            session_state: &[],
        };
        if caps.contains(Capabilities::SESSION_TRACK) {
            // Servers leave an empty info out unless session state follows it.
            if !reader.is_empty() {
                ok.info = reader.lenenc_str()?;
            }
            if ok.status.contains(StatusFlags::SESSION_STATE_CHANGED) && !reader.is_empty() {
                ok.session_state = reader.lenenc_str()?;
            }
            reader.finish()?;
        } else {
            ok.info = untracked_info(reader);
        }
        Ok(ok)
    }

    /// Encodes with header 0x00, for a client that negotiated `caps`.
    #[must_use]
    pub fn encode(&self, caps: Capabilities) -> Vec<u8> {
        self.encode_as(OK_HEADER, caps)
    }

    /// Encodes with header 0xFE: the end of rows under `DEPRECATE_EOF`.
    #[must_use]
    pub fn encode_as_eof(&self, caps: Capabilities) -> Vec<u8> {
        self.encode_as(EOF_HEADER, caps)
    }

    fn encode_as(&self, header: u8, caps: Capabilities) -> Vec<u8> {
        let mut status = self.status;
        status.set(
            StatusFlags::SESSION_STATE_CHANGED,
            caps.contains(Capabilities::SESSION_TRACK)
                && (status.contains(StatusFlags::SESSION_STATE_CHANGED)
                    || !self.session_state.is_empty()),
        );
        let tracked = status.contains(StatusFlags::SESSION_STATE_CHANGED);
        let mut out = Vec::with_capacity(32 + self.info.len() + self.session_state.len());
        out.push(header);
        put_lenenc(&mut out, self.affected_rows);
        put_lenenc(&mut out, self.last_insert_id);
        put_u16(&mut out, status.bits());
        put_u16(&mut out, self.warnings);
        if tracked || !self.info.is_empty() {
            put_lenenc_str(&mut out, self.info);
        }
        if tracked {
            put_lenenc_str(&mut out, self.session_state);
        }
        out
    }
}

/// Documented as `string<EOF>`, but every server sends `string<lenenc>`: take either.
fn untracked_info(reader: Reader<'_>) -> &[u8] {
    let mut lenenc = reader;
    match lenenc.lenenc_str() {
        Ok(info) if lenenc.is_empty() => info,
        _ => reader.peek(),
    }
}

/// The same OK for a client without `SESSION_TRACK`: the flag cleared, the state removed, an empty
/// info left out. The header byte stays.
///
/// # Errors
/// [`Malformed`] when `payload` is not an OK packet of a connection with `SESSION_TRACK`.
pub fn strip_session_state(payload: &[u8]) -> Result<Vec<u8>, Malformed> {
    let ok = OkPacket::decode(payload, Capabilities::SESSION_TRACK)?;
    let header = payload.first().copied().unwrap_or(OK_HEADER);
    Ok(ok.encode_as(header, Capabilities::empty()))
}

/// The same EOF without the flag that says the session's state changed: servers leave it in EOF
/// packets, which cannot carry the change. `None`: it has no such flag.
#[must_use]
pub fn strip_eof_flag(payload: &[u8]) -> Option<Vec<u8>> {
    let eof = EofPacket::decode(payload).ok()?;
    let mut status = eof.status;
    if !status.contains(StatusFlags::SESSION_STATE_CHANGED) {
        return None;
    }
    status.remove(StatusFlags::SESSION_STATE_CHANGED);
    Some(EofPacket { status, ..eof }.encode())
}

/// ERR: a statement, a login or a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrPacket<'a> {
    /// The server's error number.
    pub code: u16,
    /// Five characters; [`SQLSTATE_GENERAL`] when the packet has none.
    pub sqlstate: [u8; 5],
    /// Text, in the connection's character set.
    pub message: &'a [u8],
}

impl<'a> ErrPacket<'a> {
    /// Decodes a payload with or without `#` and SQLSTATE: a server that refuses a connection
    /// before the login sends none.
    ///
    /// # Errors
    /// [`Malformed`] when it is not an ERR packet.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            ERR_HEADER => {}
            header => return Err(Malformed::Header(header)),
        }
        let code = reader.u16()?;
        let mut sqlstate = SQLSTATE_GENERAL;
        if reader.peek().first() == Some(&b'#') {
            let mut with_state = reader;
            with_state.u8()?;
            if let Ok(state) = with_state.array() {
                sqlstate = state;
                reader = with_state;
            }
        }
        Ok(Self { code, sqlstate, message: reader.rest() })
    }

    /// Encodes with SQLSTATE, as `PROTOCOL_41` has it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(9 + self.message.len());
        out.push(ERR_HEADER);
        put_u16(&mut out, self.code);
        out.push(b'#');
        out.extend_from_slice(&self.sqlstate);
        out.extend_from_slice(self.message);
        out
    }
}

/// EOF, where `DEPRECATE_EOF` was not negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EofPacket {
    /// Number of warnings.
    pub warnings: u16,
    /// The server's status.
    pub status: StatusFlags,
}

impl EofPacket {
    /// Decodes the 5-byte payload.
    ///
    /// # Errors
    /// [`Malformed`] when it is not an EOF packet.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            EOF_HEADER => {}
            header => return Err(Malformed::Header(header)),
        }
        let warnings = reader.u16()?;
        let status = StatusFlags::from_bits_retain(reader.u16()?);
        reader.finish()?;
        Ok(Self { warnings, status })
    }

    /// Encodes the 5-byte payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(5);
        out.push(EOF_HEADER);
        put_u16(&mut out, self.warnings);
        put_u16(&mut out, self.status.bits());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACK: Capabilities = Capabilities::SESSION_TRACK;

    #[test]
    fn golden_ok() {
        // The documentation's example: OK with status AUTOCOMMIT, and no more.
        let ok = OkPacket::decode(&[0, 0, 0, 2, 0, 0, 0], Capabilities::empty()).unwrap();
        assert_eq!(ok, OkPacket { status: StatusFlags::AUTOCOMMIT, ..OkPacket::default() });
        // An UPDATE's info is length-encoded on the wire, documentation notwithstanding.
        let mut update = vec![0, 1, 0, 2, 0, 0, 0, 0x28];
        update.extend_from_slice(b"Rows matched: 1  Changed: 1  Warnings: 0");
        for caps in [Capabilities::empty(), TRACK] {
            let ok = OkPacket::decode(&update, caps).unwrap();
            assert_eq!(ok.info, b"Rows matched: 1  Changed: 1  Warnings: 0");
            assert_eq!(ok.encode(caps), update);
        }
        let plain = OkPacket::decode(b"\0\x01\0\x02\0\0\0Rows", Capabilities::empty()).unwrap();
        assert_eq!(plain.info, b"Rows");
    }

    #[test]
    fn golden_session_track() {
        // SET autocommit=0, from the documentation of session tracking.
        let payload = [
            0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x11, 0x00, 0x0f, 0x0a, 0x61, 0x75,
            0x74, 0x6f, 0x63, 0x6f, 0x6d, 0x6d, 0x69, 0x74, 0x03, 0x4f, 0x46, 0x46,
        ];
        let ok = OkPacket::decode(&payload, TRACK).unwrap();
        assert_eq!(ok.status, StatusFlags::SESSION_STATE_CHANGED);
        assert_eq!(ok.session_state.len(), 0x11);
        assert_eq!(ok.encode(TRACK), payload);
        assert_eq!(strip_session_state(&payload), Ok(vec![0; 7]));
    }

    #[test]
    fn stripping_keeps_the_rest() {
        let ok = OkPacket {
            affected_rows: 300,
            last_insert_id: 7,
            status: StatusFlags::AUTOCOMMIT | StatusFlags::SESSION_STATE_CHANGED,
            warnings: 3,
            info: b"info",
            session_state: b"\x01\x02\x01a",
        };
        for encoded in [ok.encode(TRACK), ok.encode_as_eof(TRACK)] {
            let stripped = strip_session_state(&encoded).unwrap();
            assert_eq!(stripped.first(), encoded.first());
            let plain = OkPacket::decode(&stripped, Capabilities::empty()).unwrap();
            let status = StatusFlags::AUTOCOMMIT;
            assert_eq!(plain, OkPacket { status, session_state: &[], ..ok });
        }
        assert_eq!(strip_session_state(&[0xFF, 0, 0]), Err(Malformed::Header(0xFF)));
        assert_eq!(strip_session_state(&[]), Err(Malformed::Truncated));
    }

    #[test]
    fn golden_err() {
        // The documentation's example.
        let payload = b"\xff\x48\x04#HY000No tables used";
        let err = ErrPacket::decode(payload).unwrap();
        assert_eq!(
            (err.code, err.sqlstate, err.message),
            (1096, *b"HY000", &b"No tables used"[..])
        );
        assert_eq!(err.encode(), payload);
        let early = ErrPacket::decode(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!((early.code, early.message), (1040, &b"Too many connections"[..]));
        assert_eq!(ErrPacket::decode(b"\xff\x10\x04#08").unwrap().message, b"#08");
        assert_eq!(ErrPacket::decode(b"\xff\x10"), Err(Malformed::Truncated));
    }

    #[test]
    fn golden_eof() {
        let eof = EofPacket::decode(&[0xFE, 0, 0, 2, 0]).unwrap();
        assert_eq!(eof, EofPacket { warnings: 0, status: StatusFlags::AUTOCOMMIT });
        assert_eq!(eof.encode(), [0xFE, 0, 0, 2, 0]);
        assert_eq!(EofPacket::decode(&[0xFE, 0, 0, 2, 0, 0]), Err(Malformed::TrailingBytes));
    }

    proptest! {
        #[test]
        fn ok_round_trips(
            affected_rows: u64, last_insert_id: u64, bits: u16, warnings: u16,
            info: Vec<u8>, state: Vec<u8>,
        ) {
            let mut status = StatusFlags::from_bits_retain(bits);
            if !state.is_empty() {
                // Servers also set it without an entry.
                status.insert(StatusFlags::SESSION_STATE_CHANGED);
            }
            let ok = OkPacket {
                affected_rows, last_insert_id, status, warnings, info: &info, session_state: &state,
            };
            for encoded in [ok.encode(TRACK), ok.encode_as_eof(TRACK)] {
                prop_assert_eq!(OkPacket::decode(&encoded, TRACK), Ok(ok));
            }
        }

        #[test]
        fn garbage_never_panics(payload: Vec<u8>) {
            for header in [0x00, 0xFE, 0xFF] {
                let mut payload = payload.clone();
                payload.insert(0, header);
                let _ = OkPacket::decode(&payload, TRACK);
                let _ = OkPacket::decode(&payload, Capabilities::empty());
                let _ = ErrPacket::decode(&payload);
                let _ = EofPacket::decode(&payload);
                let _ = strip_session_state(&payload);
            }
        }
    }
}
