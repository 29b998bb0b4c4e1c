//! COM_QUERY: its text, and the query attributes in front of it where `QUERY_ATTRIBUTES` was
//! negotiated: two counts, of the attributes and of their sets (1), then, if there are any, the
//! bits of the NULLs, types with names, and values.

use super::capability::Capabilities;
use super::command::Command;
use super::wire::{Malformed, Reader};

/// What stands in front of a text without attributes.
const NO_ATTRIBUTES: [u8; 2] = [0, 1];

/// Where the text begins in a COM_QUERY's first packet's payload.
///
/// # Errors
/// [`Malformed`] where the attributes leave the payload, or are none that MySQL takes.
#[inline]
pub fn query_text_at(payload: &[u8], caps: Capabilities) -> Result<usize, Malformed> {
    if !caps.contains(Capabilities::QUERY_ATTRIBUTES) {
        return Ok(1);
    }
    if payload.get(1..3) == Some(&NO_ATTRIBUTES) {
        return Ok(3);
    }
    behind_attributes(payload)
}

fn behind_attributes(payload: &[u8]) -> Result<usize, Malformed> {
    let mut reader = Reader::new(payload);
    reader.u8()?;
    let count = reader.lenenc()?;
    if reader.lenenc()? != 1 {
        return Err(Malformed::Header(0));
    }
    let count = usize::from(u16::try_from(count).map_err(|_| Malformed::Truncated)?);
    if count > 0 {
        let nulls = reader.bytes(count.div_ceil(8))?;
        if reader.u8()? == 0 {
            // There is no earlier statement whose types would be meant.
            return Err(Malformed::Header(0));
        }
        let mut types = reader;
        for _ in 0..count {
            reader.bytes(2)?;
            reader.lenenc_str()?;
        }
        for index in 0..count {
            let [kind, _] = types.array()?;
            types.lenenc_str()?;
            if nulls.get(index / 8).is_some_and(|bits| bits >> (index % 8) & 1 != 0) {
                continue;
            }
            match kind {
                0x01 => _ = reader.bytes(1)?,
                0x02 => _ = reader.bytes(2)?,
                0x03 | 0x04 => _ = reader.bytes(4)?,
                0x05 | 0x08 => _ = reader.bytes(8)?,
                _ => _ = reader.lenenc_str()?,
            }
        }
    }
    Ok(payload.len() - reader.remaining())
}

/// The payload of a COM_QUERY without attributes, on a connection with `caps`.
#[must_use]
pub fn query_command(sql: &[u8], caps: Capabilities) -> Vec<u8> {
    let mut payload = Vec::with_capacity(sql.len() + 3);
    payload.push(Command::Query.byte());
    if caps.contains(Capabilities::QUERY_ATTRIBUTES) {
        payload.extend_from_slice(&NO_ATTRIBUTES);
    }
    payload.extend_from_slice(sql);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMED: Capabilities = Capabilities::QUERY_ATTRIBUTES;

    fn text(payload: &[u8], caps: Capabilities) -> Result<&[u8], Malformed> {
        query_text_at(payload, caps).map(|at| payload.get(at..).unwrap())
    }

    #[test]
    fn golden_attributes() {
        // From the documentation: name1 = "val1".
        let head =
            [3, 1, 1, 0, 1, 0xFE, 0, 5, b'n', b'a', b'm', b'e', b'1', 4, b'v', b'a', b'l', b'1'];
        let payload = [&head[..], b"SELECT 1"].concat();
        assert_eq!(text(&payload, NAMED), Ok(&b"SELECT 1"[..]));
        assert_eq!(text(b"\x03SELECT 1", Capabilities::empty()), Ok(&b"SELECT 1"[..]));
        let all = [
            &[3, 9, 1, 0b1000_0000, 0, 1][..],
            &[
                1, 0, 0, 2, 0, 1, b'a', 3, 0x80, 0, 4, 0, 0, 5, 0, 0, 8, 0, 0, 12, 0, 0, 6, 0, 0,
                13, 0, 0,
            ],
            &[1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 8, 8, 8, 8, 8, 8, 8, 8],
            &[4, 0xE4, 7, 1, 2, 1, 7],
            b"DO 1",
        ]
        .concat();
        assert_eq!(text(&all, NAMED), Ok(&b"DO 1"[..]));
        for len in 1..all.len() - 4 {
            let part = all.get(..len).unwrap();
            assert_eq!(text(part, NAMED), Err(Malformed::Truncated), "{len}");
        }
        assert!(text(&[3, 0, 2, b'x'], NAMED).is_err(), "two sets");
        assert!(text(&[3, 1, 1, 0, 0, b'x'], NAMED).is_err(), "no types");
    }

    proptest! {
        #[test]
        fn own_commands_are_read(sql: Vec<u8>, named: bool) {
            let caps = if named { NAMED } else { Capabilities::empty() };
            let payload = query_command(&sql, caps);
            prop_assert_eq!(text(&payload, caps), Ok(&sql[..]));
        }

        #[test]
        fn garbage_never_panics(payload: Vec<u8>) {
            let at = query_text_at(&payload, NAMED);
            prop_assert!(at.is_err() || at.is_ok_and(|at| at <= payload.len()));
        }
    }
}
