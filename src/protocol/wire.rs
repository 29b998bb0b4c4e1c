//! The protocol's integers and strings, read with bounds checked and written to a `Vec<u8>`.

/// What a peer sent is not the protocol. The connection it came from is beyond use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The packet ends before its last field does.
    #[error("the packet ends too early")]
    Truncated,
    /// Bytes follow the packet's last field.
    #[error("the packet has bytes after its last field")]
    TrailingBytes,
    /// 0xFB or 0xFF where a length-encoded integer was due.
    #[error("a length-encoded integer begins with {0:#04x}")]
    LengthEncoding(u8),
    /// A first byte that cannot stand where it does.
    #[error("a packet begins with {0:#04x}, which cannot be here")]
    Header(u8),
    /// A packet of no bytes where it must have some.
    #[error("an empty packet")]
    Empty,
    /// Packets out of order.
    #[error("packet number {found} where {expected} was due")]
    Sequence {
        /// The sequence number that was due.
        expected: u8,
        /// The one that came.
        found: u8,
    },
    /// A packet longer than the limit set for it.
    #[error("a packet of {len} bytes, at most {len_max} are allowed")]
    TooLong {
        /// The packet's length, in bytes, as far as it is known.
        len: usize,
        /// The limit, in bytes.
        len_max: usize,
    },
    /// A greeting of another protocol than version 10.
    #[error("protocol version {0}, only 10 is known")]
    ProtocolVersion(u8),
    /// A client or server without the protocol of MySQL 4.1.
    #[error("the peer does not speak the protocol of MySQL 4.1")]
    NotProtocol41,
    /// An unknown command byte.
    #[error("unknown command {0:#04x}")]
    UnknownCommand(u8),
    /// Bytes where the reply had ended, or before the client's file was sent.
    #[error("bytes that no command asked for")]
    Unsolicited,
}

/// Reads fields from the front of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the payload's first byte.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { left: payload }
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left.
    #[inline]
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, left) = self.left.split_at_checked(len).ok_or(Malformed::Truncated)?;
        self.left = left;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, left) = self.left.split_first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.left = left;
        Ok(*taken)
    }

    /// `int<1>`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// `int<2>`, little-endian as all are.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// `int<3>`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    #[inline]
    pub fn u24(&mut self) -> Result<u32, Malformed> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    /// `int<4>`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// `int<8>`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    #[inline]
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// `int<lenenc>`: 1, 3, 4 or 9 bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`]; [`Malformed::LengthEncoding`] for 0xFB (NULL) and 0xFF.
    #[inline]
    pub fn lenenc(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            0xFC => self.u16().map(u64::from),
            0xFD => self.u24().map(u64::from),
            0xFE => self.u64(),
            byte @ (0xFB | 0xFF) => Err(Malformed::LengthEncoding(byte)),
            byte => Ok(u64::from(byte)),
        }
    }

    /// `string<lenenc>`.
    ///
    /// # Errors
    /// As [`Self::lenenc`], and [`Malformed::Truncated`] when the string is not all there.
    #[inline]
    pub fn lenenc_str(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.lenenc()?).map_err(|_| Malformed::Truncated)?;
        self.bytes(len)
    }

    /// `string<NUL>`, without its NUL.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when no NUL follows.
    pub fn nul_str(&mut self) -> Result<&'a [u8], Malformed> {
        let len = memchr::memchr(0, self.left).ok_or(Malformed::Truncated)?;
        let text = self.bytes(len)?;
        self.u8()?;
        Ok(text)
    }

    /// `string<NUL>` whose NUL may be missing at the payload's end, as real peers have it.
    #[must_use]
    pub fn nul_str_or_rest(&mut self) -> &'a [u8] {
        self.nul_str().unwrap_or_else(|_| self.rest())
    }

    /// `string<EOF>`: all that is left.
    #[must_use]
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.left;
        self.left = &[];
        rest
    }

    /// What [`Self::rest`] would take, not taken.
    #[must_use]
    pub const fn peek(&self) -> &'a [u8] {
        self.left
    }

    /// Bytes left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.left.len()
    }

    /// Nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The payload must end here.
    ///
    /// # Errors
    /// [`Malformed::TrailingBytes`].
    pub const fn finish(self) -> Result<(), Malformed> {
        if self.left.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes) }
    }
}

/// Appends `int<2>`.
pub fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends `int<3>`; the value's top byte is dropped.
pub fn put_u24(out: &mut Vec<u8>, value: u32) {
    let [a, b, c, _] = value.to_le_bytes();
    out.extend_from_slice(&[a, b, c]);
}

/// Appends `int<4>`.
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends `int<8>`.
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends `int<lenenc>` in its shortest form.
#[expect(clippy::cast_possible_truncation, reason = "each arm's range fits its type")]
pub fn put_lenenc(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0xFA => out.push(value as u8),
        0xFB..=0xFFFF => {
            out.push(0xFC);
            put_u16(out, value as u16);
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            put_u24(out, value as u32);
        }
        _ => {
            out.push(0xFE);
            put_u64(out, value);
        }
    }
}

/// Appends `string<lenenc>`.
pub fn put_lenenc_str(out: &mut Vec<u8>, text: &[u8]) {
    put_lenenc(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Appends `string<NUL>`. The text is cut at its first NUL, or the reader would misread the rest.
pub fn put_nul_str(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().take_while(|&&byte| byte != 0));
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_length_encodings() {
        for (value, bytes) in [
            (0u64, vec![0]),
            (250, vec![0xFA]),
            (251, vec![0xFC, 0xFB, 0]),
            (0xFFFF, vec![0xFC, 0xFF, 0xFF]),
            (0x1_0000, vec![0xFD, 0, 0, 1]),
            (0xFF_FFFF, vec![0xFD, 0xFF, 0xFF, 0xFF]),
            (0x100_0000, vec![0xFE, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_lenenc(&mut out, value);
            assert_eq!(out, bytes);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.lenenc(), Ok(value));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn null_and_error_are_not_lengths() {
        assert_eq!(Reader::new(&[0xFB]).lenenc(), Err(Malformed::LengthEncoding(0xFB)));
        assert_eq!(Reader::new(&[0xFF]).lenenc(), Err(Malformed::LengthEncoding(0xFF)));
        assert_eq!(Reader::new(&[0xFD, 1, 2]).lenenc(), Err(Malformed::Truncated));
        assert_eq!(Reader::new(&[]).lenenc(), Err(Malformed::Truncated));
    }

    #[test]
    fn strings_stay_in_bounds() {
        assert_eq!(Reader::new(&[5, b'a']).lenenc_str(), Err(Malformed::Truncated));
        let huge = [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert_eq!(Reader::new(&huge).lenenc_str(), Err(Malformed::Truncated));
        assert_eq!(Reader::new(b"abc").nul_str(), Err(Malformed::Truncated));
        assert_eq!(Reader::new(b"abc").nul_str_or_rest(), b"abc");
        let mut reader = Reader::new(b"abc\0d");
        assert_eq!(reader.nul_str(), Ok(&b"abc"[..]));
        assert_eq!(reader.finish(), Err(Malformed::TrailingBytes));
        assert_eq!(reader.rest(), b"d");
    }

    proptest! {
        #[test]
        fn fields_round_trip(a: u16, b in 0u32..=0xFF_FFFF, c: u32, d: u64, e: u64, s: Vec<u8>) {
            let mut out = Vec::new();
            put_u16(&mut out, a);
            put_u24(&mut out, b);
            put_u32(&mut out, c);
            put_u64(&mut out, d);
            put_lenenc(&mut out, e);
            put_lenenc_str(&mut out, &s);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.u16(), Ok(a));
            prop_assert_eq!(reader.u24(), Ok(b));
            prop_assert_eq!(reader.u32(), Ok(c));
            prop_assert_eq!(reader.u64(), Ok(d));
            prop_assert_eq!(reader.lenenc(), Ok(e));
            prop_assert_eq!(reader.lenenc_str(), Ok(&s[..]));
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
