//! COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE: where the parameters' types are, and putting them
//! in where a client left them out because the server has them from an earlier execution.
//!
//! `QUERY_ATTRIBUTES`, which would put a parameter count into the packet, is not negotiated.

use super::command::Command;
use super::wire::{Malformed, Reader};

/// Command, statement id, flags (1 byte), iteration count (4 bytes).
const EXECUTE_HEAD_LEN: usize = 10;
/// Command and statement id.
const ID_END: usize = 5;
/// Command, statement id, flags (2 bytes).
const BULK_HEAD_LEN: usize = 7;
/// COM_STMT_BULK_EXECUTE: the types follow its flags. In the low byte.
const BULK_SENDS_TYPES: u8 = 128;
/// `CURSOR_TYPE_READ_ONLY`, `CURSOR_TYPE_FOR_UPDATE`, `CURSOR_TYPE_SCROLLABLE`.
const CURSOR_TYPES: u8 = 7;
/// The sign's bit that says that there is none.
const UNSIGNED: u8 = 0x80;
/// Type and sign of one parameter.
const TYPE_LEN: usize = 2;

/// What an execution says of its parameters' types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamTypes<'a> {
    /// The statement takes no parameters.
    NoParams,
    /// Two bytes for each parameter: its type and its sign.
    Sent(&'a [u8]),
    /// As in the execution before.
    Omitted,
}

/// Whether an execution asks for a cursor: its flags are the byte behind the id
/// (`CURSOR_TYPE_NO_CURSOR` is 0; of a bulk execution the byte says other things).
#[must_use]
pub fn opens_cursor(payload: &[u8]) -> bool {
    !is_bulk(payload) && payload.get(ID_END).is_some_and(|flags| flags & CURSOR_TYPES != 0)
}

/// Finds the types in the first packet's payload of an execution with `params` parameters.
///
/// # Errors
/// [`Malformed::Truncated`] when the payload ends before them.
pub fn param_types(payload: &[u8], params: u16) -> Result<ParamTypes<'_>, Malformed> {
    let at = types_flag(payload, params)?;
    if params == 0 {
        return Ok(ParamTypes::NoParams);
    }
    let flag = *payload.get(at).ok_or(Malformed::Truncated)?;
    let (sent, begin) = if is_bulk(payload) {
        (flag & BULK_SENDS_TYPES != 0, BULK_HEAD_LEN)
    } else {
        (flag != 0, at + 1)
    };
    if !sent {
        return Ok(ParamTypes::Omitted);
    }
    let end = begin + usize::from(params) * TYPE_LEN;
    payload.get(begin..end).map(ParamTypes::Sent).ok_or(Malformed::Truncated)
}

/// Appends to `out` what stands before the values of an execution that left its `types` out, with
/// these put in. Returns the length of what it replaces at the payload's front.
///
/// # Errors
/// [`Malformed::Truncated`] when the payload ends before the place of the types.
pub fn put_param_types(
    out: &mut Vec<u8>,
    payload: &[u8],
    params: u16,
    types: &[u8],
) -> Result<usize, Malformed> {
    let at = types_flag(payload, params)?;
    let flag = *payload.get(at).ok_or(Malformed::Truncated)?;
    out.extend_from_slice(payload.get(..at).ok_or(Malformed::Truncated)?);
    let used = if is_bulk(payload) {
        out.push(flag | BULK_SENDS_TYPES);
        out.push(*payload.get(at + 1).ok_or(Malformed::Truncated)?);
        BULK_HEAD_LEN
    } else {
        out.push(1);
        at + 1
    };
    out.extend_from_slice(types);
    Ok(used)
}

/// Shows `note` each integer that a parameter of a COM_STMT_EXECUTE gives, or that its text begins
/// with; `types` are those of the last execution. `false`: there may be others.
pub fn given_integers(payload: &[u8], params: u16, types: &[u8], note: impl FnMut(u64)) -> bool {
    !is_bulk(payload) && integers(payload, params, types, note).unwrap_or(false)
}

fn integers(
    payload: &[u8],
    params: u16,
    types: &[u8],
    mut note: impl FnMut(u64),
) -> Result<bool, Malformed> {
    let flag = types_flag(payload, params)?;
    let (types, begin) = match param_types(payload, params)? {
        ParamTypes::NoParams => return Ok(true),
        ParamTypes::Sent(types) => (types, flag + 1 + types.len()),
        ParamTypes::Omitted => (types, flag + 1),
    };
    let mut values = Reader::new(payload.get(begin..).ok_or(Malformed::Truncated)?);
    let nulls = payload.get(EXECUTE_HEAD_LEN..flag).ok_or(Malformed::Truncated)?;
    if types.len() != usize::from(params) * TYPE_LEN {
        return Ok(false);
    }
    for (index, kind) in types.chunks_exact(TYPE_LEN).enumerate() {
        let is_null = nulls.get(index / 8).is_some_and(|bits| bits >> (index % 8) & 1 != 0);
        if is_null {
            continue;
        }
        let &[kind, sign] = kind else { return Ok(false) };
        let signed = sign & UNSIGNED == 0;
        let (value, bits) = match kind {
            0x01 => (u64::from(values.u8()?), 8),
            0x02 | 0x0D => (u64::from(values.u16()?), 16),
            0x03 | 0x09 => (u64::from(values.u32()?), 32),
            0x08 => (values.u64()?, 64),
            0x06 => continue,
            // Texts, binary or not; decimals are sent as such.
            0x00 | 0x0F | 0xF6 | 0xFC..=0xFE => match leading_integer(values.lenenc_str()?) {
                Some(value) => (value, 64),
                None => return Ok(false),
            },
            _ => return Ok(false),
        };
        let shift = 64 - bits;
        note(if signed {
            ((value << shift).cast_signed() >> shift).cast_unsigned()
        } else {
            value
        });
    }
    Ok(true)
}

/// The integer that servers take a text for; `None` where it is no plain one.
fn leading_integer(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(digits.get(len), Some(b'.' | b'e' | b'E')) {
        return None;
    }
    let add = |value: u64, digit: &u8| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
    let value = digits.get(..len)?.iter().fold(0, add);
    Some(if negative { value.wrapping_neg() } else { value })
}

fn is_bulk(payload: &[u8]) -> bool {
    payload.first() == Some(&Command::StmtBulkExecute.byte())
}

/// Where the byte is that tells whether types follow: behind the bits of the NULLs, or, in a bulk
/// execution, in its flags.
fn types_flag(payload: &[u8], params: u16) -> Result<usize, Malformed> {
    let (head, at) = if is_bulk(payload) {
        (BULK_HEAD_LEN, ID_END)
    } else {
        (EXECUTE_HEAD_LEN, EXECUTE_HEAD_LEN + usize::from(params).div_ceil(8))
    };
    if payload.len() < head { Err(Malformed::Truncated) } else { Ok(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_execute() {
        // One parameter of type VAR_STRING, 'foo', from the documentation.
        let sent = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x0F, 0, 3, b'f', b'o', b'o'];
        assert_eq!(param_types(&sent, 1), Ok(ParamTypes::Sent(&[0x0F, 0])));
        let omitted = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, b'f', b'o', b'o'];
        assert_eq!(param_types(&omitted, 1), Ok(ParamTypes::Omitted));
        let mut out = Vec::new();
        let used = put_param_types(&mut out, &omitted, 1, &[0x0F, 0]).unwrap();
        out.extend_from_slice(omitted.get(used..).unwrap());
        assert_eq!(out, sent);
    }

    #[test]
    fn cursors() {
        assert!(opens_cursor(&[0x17, 1, 0, 0, 0, 1, 1, 0, 0, 0]));
        assert!(!opens_cursor(&[0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0]));
        assert!(!opens_cursor(&[0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0]), "PARAMETER_COUNT_AVAILABLE");
        assert!(!opens_cursor(&[0xFA, 1, 0, 0, 0, 129, 0]));
        assert!(!opens_cursor(&[0x17, 1]));
    }

    #[test]
    fn golden_bulk() {
        let sent = [0xFA, 1, 0, 0, 0, 128, 0, 3, 0, 0, 7, 0, 0, 0];
        assert_eq!(param_types(&sent, 1), Ok(ParamTypes::Sent(&[3, 0])));
        let omitted = [0xFA, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0];
        assert_eq!(param_types(&omitted, 1), Ok(ParamTypes::Omitted));
        let mut out = Vec::new();
        let used = put_param_types(&mut out, &omitted, 1, &[3, 0]).unwrap();
        out.extend_from_slice(omitted.get(used..).unwrap());
        assert_eq!(out, sent);
    }

    #[test]
    fn without_parameters() {
        let execute = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(param_types(&execute, 0), Ok(ParamTypes::NoParams));
        assert_eq!(param_types(&execute, 1), Err(Malformed::Truncated));
        assert_eq!(param_types(&[0x17, 1, 0, 0, 0], 0), Err(Malformed::Truncated));
    }

    #[test]
    fn integers_that_parameters_give() {
        let given = |types: &[u8], nulls: u8, values: &[u8]| {
            let params = u16::try_from(types.len() / 2).unwrap();
            let mut all = Vec::new();
            let head = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, nulls];
            let sent = [&head, &[1][..], types, values].concat();
            let whole = given_integers(&sent, params, &[], |value| all.push(value));
            let omitted = [&head, &[0][..], values].concat();
            let mut again = Vec::new();
            assert_eq!(given_integers(&omitted, params, types, |v| again.push(v)), whole);
            assert_eq!(again, all);
            whole.then_some(all)
        };
        assert_eq!(given(&[1, 0, 1, 0x80], 0, &[255, 255]), Some(vec![u64::MAX, 255]));
        assert_eq!(given(&[3, 0, 8, 0], 1, &[7, 0, 0, 0, 0, 0, 0, 0]), Some(vec![7]));
        assert_eq!(given(&[0xFD, 0], 0, b"\x06 12-34"), Some(vec![12]));
        assert_eq!(given(&[0xFD, 0], 0, b"\x03abc"), Some(vec![0]));
        assert_eq!(given(&[0xFD, 0], 0, b"\x031e3"), None);
        assert_eq!(given(&[0xF6, 0], 0, b"\x0312."), None);
        assert_eq!(given(&[5, 0], 0, &[0; 8]), None);
        assert_eq!(given(&[8, 0], 0, &[0; 7]), None, "too short");
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_found(
            params in 1u16..300, bulk: bool, values in prop::collection::vec(any::<u8>(), 0..60),
            seed: u8,
        ) {
            let types: Vec<u8> = vec![seed; usize::from(params) * 2];
            let mut payload = if bulk {
                vec![0xFA, 1, 0, 0, 0, 64, 0]
            } else {
                let mut head = vec![0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0];
                head.extend(vec![seed; usize::from(params).div_ceil(8)]);
                head.push(0);
                head
            };
            payload.extend_from_slice(&values);
            prop_assert_eq!(param_types(&payload, params), Ok(ParamTypes::Omitted));
            let mut out = Vec::new();
            let used = put_param_types(&mut out, &payload, params, &types).unwrap();
            prop_assert_eq!(payload.get(used..).unwrap(), &values[..]);
            out.extend_from_slice(&values);
            prop_assert_eq!(param_types(&out, params), Ok(ParamTypes::Sent(&types)));
        }

        #[test]
        fn garbage_never_panics(payload: Vec<u8>, params: u16, types: Vec<u8>) {
            let _ = param_types(&payload, params);
            let _ = given_integers(&payload, params, &types, |_| ());
            let _ = put_param_types(&mut Vec::new(), &payload, params, &types);
        }
    }
}
