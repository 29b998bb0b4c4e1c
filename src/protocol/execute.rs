//! COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE: where the parameters' types are, and putting them
//! in where a client left them out because the server has them from an earlier execution.
//!
//! With `QUERY_ATTRIBUTES` an execution counts its parameters and attributes, in this order, and
//! each type has a name behind it. Types left out are those of the parameters alone: MySQL finds
//! such an execution with attributes malformed, which is its own affair.

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
/// COM_STMT_EXECUTE with `QUERY_ATTRIBUTES`: its flag for a count even without parameters.
const PARAMETER_COUNT_AVAILABLE: u8 = 8;
/// `CURSOR_TYPE_READ_ONLY`, `CURSOR_TYPE_FOR_UPDATE`, `CURSOR_TYPE_SCROLLABLE`.
const CURSOR_TYPES: u8 = 7;
/// The sign's bit that says that there is none.
const UNSIGNED: u8 = 0x80;
/// Type and sign of one parameter.
const TYPE_LEN: usize = 2;

/// How the executions of a statement are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamLayout {
    /// Parameters that the statement takes.
    pub params: u16,
    /// `QUERY_ATTRIBUTES` was negotiated.
    pub named: bool,
}

impl ParamLayout {
    /// Without `QUERY_ATTRIBUTES`.
    #[must_use]
    pub const fn plain(params: u16) -> Self {
        Self { params, named: false }
    }
}

/// What an execution says of its parameters' types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamTypes<'a> {
    /// The statement takes no parameters.
    NoParams,
    /// For each parameter two bytes, its type and its sign, and, where they are named, its name.
    Sent(&'a [u8]),
    /// As in the execution before.
    Omitted,
    /// Left out though attributes are given: MySQL refuses that, and keeps what it has.
    Refused,
}

impl ParamTypes<'_> {
    /// Puts types that were sent into `kept`, two bytes for each parameter; whether they were.
    pub fn keep(&self, layout: ParamLayout, kept: &mut Vec<u8>) -> bool {
        let Self::Sent(types) = self else { return false };
        kept.clear();
        if layout.named {
            kinds(types, true).for_each(|kind| kept.extend_from_slice(&kind));
        } else {
            kept.extend_from_slice(types);
        }
        true
    }
}

/// Type and sign of each of the `types`.
fn kinds(types: &[u8], named: bool) -> impl Iterator<Item = [u8; TYPE_LEN]> {
    let mut reader = Reader::new(types);
    std::iter::from_fn(move || {
        let kind = reader.array().ok()?;
        if named {
            reader.lenenc_str().ok()?;
        }
        Some(kind)
    })
}

/// The parts of an execution.
struct Parts<'a> {
    nulls: &'a [u8],
    /// Where the byte is that tells whether types follow: behind the bits of the NULLs, or, in a
    /// bulk execution, in its flags.
    flag_at: usize,
    types: ParamTypes<'a>,
    /// Where the values begin.
    values_at: usize,
}

fn parts(payload: &[u8], layout: ParamLayout) -> Result<Parts<'_>, Malformed> {
    let params = usize::from(layout.params);
    let mut reader = Reader::new(payload);
    let at = |reader: &Reader<'_>| payload.len() - reader.remaining();
    let mut parts =
        Parts { nulls: &[], flag_at: ID_END, types: ParamTypes::NoParams, values_at: 0 };
    if is_bulk(payload) {
        let head = reader.bytes(BULK_HEAD_LEN)?;
        if params > 0 && head.get(ID_END).is_some_and(|flag| flag & BULK_SENDS_TYPES == 0) {
            parts.types = ParamTypes::Omitted;
        } else if params > 0 {
            parts.types = ParamTypes::Sent(reader.bytes(params * TYPE_LEN)?);
        }
        parts.values_at = at(&reader);
        return Ok(parts);
    }
    let head = reader.bytes(EXECUTE_HEAD_LEN)?;
    let counted = head.get(ID_END).is_some_and(|flags| flags & PARAMETER_COUNT_AVAILABLE != 0);
    let mut count = params;
    if layout.named && (params > 0 || counted) {
        count = usize::from(u16::try_from(reader.lenenc()?).map_err(|_| Malformed::Truncated)?);
    }
    if count < params {
        return Err(Malformed::Truncated);
    }
    if count > 0 {
        parts.nulls = reader.bytes(count.div_ceil(8))?;
        parts.flag_at = at(&reader);
        let sent = reader.u8()? != 0;
        let begin = at(&reader);
        let mut end = begin;
        if sent && !layout.named {
            reader.bytes(count * TYPE_LEN)?;
            end = at(&reader);
        } else if sent {
            for index in 0..count {
                reader.bytes(TYPE_LEN)?;
                reader.lenenc_str()?;
                if index < params {
                    end = at(&reader);
                }
            }
        }
        if params > 0 {
            let types = payload.get(begin..end).ok_or(Malformed::Truncated)?;
            parts.types = if sent { ParamTypes::Sent(types) } else { ParamTypes::Omitted };
        }
    }
    if parts.types == ParamTypes::Omitted && count > params {
        parts.types = ParamTypes::Refused;
    }
    parts.values_at = at(&reader);
    Ok(parts)
}

/// Whether an execution asks for a cursor: its flags are the byte behind the id
/// (`CURSOR_TYPE_NO_CURSOR` is 0; of a bulk execution the byte says other things).
#[must_use]
pub fn opens_cursor(payload: &[u8]) -> bool {
    !is_bulk(payload) && payload.get(ID_END).is_some_and(|flags| flags & CURSOR_TYPES != 0)
}

/// Finds the types in the first packet's payload of an execution.
///
/// # Errors
/// [`Malformed::Truncated`] when the payload ends before them, or no server would take them.
pub fn param_types(payload: &[u8], layout: ParamLayout) -> Result<ParamTypes<'_>, Malformed> {
    parts(payload, layout).map(|parts| parts.types)
}

/// Appends to `out` what stands before the values of an execution that left its types out, with
/// `types`, two bytes for each parameter, put in. Returns the length of what it replaces at the
/// payload's front.
///
/// # Errors
/// [`Malformed::Truncated`] when the payload ends before the place of the types.
pub fn put_param_types(
    out: &mut Vec<u8>,
    payload: &[u8],
    layout: ParamLayout,
    types: &[u8],
) -> Result<usize, Malformed> {
    let Parts { flag_at, values_at, .. } = parts(payload, layout)?;
    out.extend_from_slice(payload.get(..flag_at).ok_or(Malformed::Truncated)?);
    if is_bulk(payload) {
        let flags = payload.get(flag_at..values_at).ok_or(Malformed::Truncated)?;
        out.extend_from_slice(flags);
        if let Some(flag) = out.get_mut(flag_at) {
            *flag |= BULK_SENDS_TYPES;
        }
        out.extend_from_slice(types);
        return Ok(values_at);
    }
    out.push(1);
    for kind in kinds(types, false) {
        out.extend_from_slice(&kind);
        if layout.named {
            // A name of no length.
            out.push(0);
        }
    }
    Ok(values_at)
}

/// Shows `note` each integer that a parameter of a COM_STMT_EXECUTE gives, or that its text begins
/// with; `types` are those of the last execution. `false`: there may be others.
pub fn given_integers(
    payload: &[u8],
    layout: ParamLayout,
    types: &[u8],
    note: impl FnMut(u64),
) -> bool {
    !is_bulk(payload) && integers(payload, layout, types, note).unwrap_or(false)
}

fn integers(
    payload: &[u8],
    layout: ParamLayout,
    types: &[u8],
    mut note: impl FnMut(u64),
) -> Result<bool, Malformed> {
    let Parts { nulls, types: found, values_at, .. } = parts(payload, layout)?;
    let (types, named) = match found {
        ParamTypes::NoParams => return Ok(true),
        ParamTypes::Sent(types) => (types, layout.named),
        ParamTypes::Omitted => (types, false),
        ParamTypes::Refused => return Ok(false),
    };
    let mut values = Reader::new(payload.get(values_at..).ok_or(Malformed::Truncated)?);
    let mut given = 0;
    for (index, kind) in kinds(types, named).enumerate() {
        given += 1;
        let is_null = nulls.get(index / 8).is_some_and(|bits| bits >> (index % 8) & 1 != 0);
        if is_null {
            continue;
        }
        let [kind, sign] = kind;
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
    Ok(given == usize::from(layout.params))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_execute() {
        // One parameter of type VAR_STRING, 'foo', from the documentation.
        let sent = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x0F, 0, 3, b'f', b'o', b'o'];
        assert_eq!(param_types(&sent, ParamLayout::plain(1)), Ok(ParamTypes::Sent(&[0x0F, 0])));
        let omitted = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, b'f', b'o', b'o'];
        assert_eq!(param_types(&omitted, ParamLayout::plain(1)), Ok(ParamTypes::Omitted));
        let mut out = Vec::new();
        let used = put_param_types(&mut out, &omitted, ParamLayout::plain(1), &[0x0F, 0]).unwrap();
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
        assert_eq!(param_types(&sent, ParamLayout::plain(1)), Ok(ParamTypes::Sent(&[3, 0])));
        let omitted = [0xFA, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0];
        assert_eq!(param_types(&omitted, ParamLayout::plain(1)), Ok(ParamTypes::Omitted));
        let mut out = Vec::new();
        let used = put_param_types(&mut out, &omitted, ParamLayout::plain(1), &[3, 0]).unwrap();
        out.extend_from_slice(omitted.get(used..).unwrap());
        assert_eq!(out, sent);
    }

    /// As MySQL 9.7 takes them.
    #[test]
    fn golden_attributes() {
        let named = |params| ParamLayout { params, named: true };
        let mut kept = vec![9];
        // Two parameters, without names, and an attribute n = 5.
        let sent =
            [
                &[
                    0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 8, 0, 0, 0xFD, 0, 1, b'p', 3, 0, 1,
                    b'n',
                ][..],
                &[7, 0, 0, 0, 0, 0, 0, 0, 1, b'2', 5, 0, 0, 0],
            ]
            .concat();
        assert!(param_types(&sent, named(2)).unwrap().keep(named(2), &mut kept));
        assert_eq!(kept, [8, 0, 0xFD, 0]);
        let mut all = Vec::new();
        assert!(given_integers(&sent, named(2), &[], |value| all.push(value)));
        assert_eq!(all, [7, 2]);
        let omitted = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(param_types(&omitted, named(1)), Ok(ParamTypes::Omitted));
        let mut out = Vec::new();
        let used = put_param_types(&mut out, &omitted, named(1), &[8, 0]).unwrap();
        out.extend_from_slice(omitted.get(used..).unwrap());
        let put = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 8, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(out, put);
        // Attributes alone; fewer than the parameters; attributes without types.
        let alone = [0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1, b'n', 5];
        assert_eq!(param_types(&alone, named(0)), Ok(ParamTypes::NoParams));
        assert_eq!(param_types(&alone, named(2)), Err(Malformed::Truncated));
        let untyped = [0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0, 2, 0, 0, 5, 6];
        assert_eq!(param_types(&untyped, named(1)), Ok(ParamTypes::Refused));
    }

    #[test]
    fn without_parameters() {
        let execute = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(param_types(&execute, ParamLayout::plain(0)), Ok(ParamTypes::NoParams));
        assert_eq!(param_types(&execute, ParamLayout::plain(1)), Err(Malformed::Truncated));
        assert_eq!(
            param_types(&[0x17, 1, 0, 0, 0], ParamLayout::plain(0)),
            Err(Malformed::Truncated)
        );
    }

    #[test]
    fn integers_that_parameters_give() {
        let given = |types: &[u8], nulls: u8, values: &[u8]| {
            let layout = ParamLayout::plain(u16::try_from(types.len() / 2).unwrap());
            let mut all = Vec::new();
            let head = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, nulls];
            let sent = [&head, &[1][..], types, values].concat();
            let whole = given_integers(&sent, layout, &[], |value| all.push(value));
            let omitted = [&head, &[0][..], values].concat();
            let mut again = Vec::new();
            assert_eq!(given_integers(&omitted, layout, types, |v| again.push(v)), whole);
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
            let layout = ParamLayout::plain(params);
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
            prop_assert_eq!(param_types(&payload, layout), Ok(ParamTypes::Omitted));
            let mut out = Vec::new();
            let used = put_param_types(&mut out, &payload, layout, &types).unwrap();
            prop_assert_eq!(payload.get(used..).unwrap(), &values[..]);
            out.extend_from_slice(&values);
            prop_assert_eq!(param_types(&out, layout), Ok(ParamTypes::Sent(&types)));
        }

        #[test]
        fn garbage_never_panics(payload: Vec<u8>, params: u16, named: bool, types: Vec<u8>) {
            let layout = ParamLayout { params, named };
            let _ = param_types(&payload, layout);
            let _ = given_integers(&payload, layout, &types, |_| ());
            let _ = put_param_types(&mut Vec::new(), &payload, layout, &types);
        }
    }
}
