//! The protocol's integers and strings.

use super::Error;

/// A cursor over a payload.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Words<'a> {
    /// Reads `payload`; `what` names it in errors.
    #[must_use]
    pub const fn new(payload: &'a [u8], what: &'static str) -> Self {
        Self { rest: payload, what }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] where fewer are left, as everywhere on this type.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Error::Malformed(self.what))?;
        self.rest = tail;
        Ok(head)
    }

    /// A little-endian integer of `n` (at most 8) bytes.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn int(&mut self, n: usize) -> Result<u64, Error> {
        Ok(self.bytes(n)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// One byte.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.bytes(1)?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn u16(&mut self) -> Result<u16, Error> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn u32(&mut self) -> Result<u32, Error> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A length-encoded integer; `None` for NULL (0xFB).
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn lenenc_or_null(&mut self) -> Result<Option<u64>, Error> {
        match self.u8()? {
            0xFB => Ok(None),
            0xFC => self.int(2).map(Some),
            0xFD => self.int(3).map(Some),
            0xFE => self.int(8).map(Some),
            0xFF => Err(Error::Malformed(self.what)),
            small => Ok(Some(u64::from(small))),
        }
    }

    /// A length-encoded integer.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn lenenc(&mut self) -> Result<u64, Error> {
        self.lenenc_or_null()?.ok_or(Error::Malformed(self.what))
    }

    /// A length-encoded string; `None` for NULL.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn string_or_null(&mut self) -> Result<Option<&'a [u8]>, Error> {
        match self.lenenc_or_null()? {
            None => Ok(None),
            Some(len) => {
                let len = usize::try_from(len).map_err(|_| Error::Malformed(self.what))?;
                self.bytes(len).map(Some)
            }
        }
    }

    /// A length-encoded string.
    ///
    /// # Errors
    /// See [`Self::bytes`].
    pub fn string(&mut self) -> Result<&'a [u8], Error> {
        self.string_or_null()?.ok_or(Error::Malformed(self.what))
    }

    /// A string up to a zero byte, which is consumed; up to the end where there is none.
    pub fn nul_string(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let head = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = &self.rest[end.map_or(self.rest.len(), |end| end + 1)..];
        head
    }

    /// Everything that is left.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all is read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Appends a length-encoded integer.
pub fn put_lenenc(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=250 => out.push(bytes[0]),
        251..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&bytes[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Appends a length-encoded string.
pub fn put_lenenc_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_lenenc(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
