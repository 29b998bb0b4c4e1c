//! Result sets: column definitions, text rows, and whole replies of our own making.

use super::capability::Capabilities;
use super::frame::put_packet;
use super::reply::{EofPacket, OkPacket};
use super::status::StatusFlags;
use super::wire::{Malformed, Reader, put_lenenc, put_lenenc_str, put_u16, put_u32};

const NULL: u8 = 0xFB;
/// `utf8mb4_general_ci`, which every server has.
const COLLATION_TEXT: u16 = 45;
const COLLATION_BINARY: u16 = 63;
const TYPE_LONGLONG: u8 = 0x08;
const TYPE_VAR_STRING: u8 = 0xFD;
const FLAG_BINARY_NUMBER: u16 = 0x8080;

/// `ColumnDefinition41`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnDefinition<'a> {
    /// Always `def`.
    pub catalog: &'a [u8],
    /// Schema.
    pub schema: &'a [u8],
    /// Table, or its alias.
    pub table: &'a [u8],
    /// Table.
    pub org_table: &'a [u8],
    /// Column, or its alias.
    pub name: &'a [u8],
    /// Column.
    pub org_name: &'a [u8],
    /// MariaDB's extended type information, where negotiated; else `None`.
    pub extended: Option<&'a [u8]>,
    /// Collation id.
    pub collation: u16,
    /// Longest value, in bytes.
    pub length: u32,
    /// Type code.
    pub column_type: u8,
    /// Flags.
    pub flags: u16,
    /// Decimals to show.
    pub decimals: u8,
}

impl<'a> ColumnDefinition<'a> {
    /// Decodes the payload. A default value, which COM_FIELD_LIST appends, is left out.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(payload: &'a [u8], caps: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let mut column = Self {
            catalog: reader.lenenc_str()?,
            schema: reader.lenenc_str()?,
            table: reader.lenenc_str()?,
            org_table: reader.lenenc_str()?,
            name: reader.lenenc_str()?,
            org_name: reader.lenenc_str()?,
            ..Self::default()
        };
        if caps.contains(Capabilities::MARIADB_EXTENDED_METADATA) {
            column.extended = Some(reader.lenenc_str()?);
        }
        let mut fixed = Reader::new(reader.lenenc_str()?);
        column.collation = fixed.u16()?;
        column.length = fixed.u32()?;
        column.column_type = fixed.u8()?;
        column.flags = fixed.u16()?;
        column.decimals = fixed.u8()?;
        Ok(column)
    }

    /// Encodes the payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let names =
            [self.catalog, self.schema, self.table, self.org_table, self.name, self.org_name];
        for name in names.into_iter().chain(self.extended) {
            put_lenenc_str(&mut out, name);
        }
        put_lenenc(&mut out, 12);
        put_u16(&mut out, self.collation);
        put_u32(&mut out, self.length);
        out.push(self.column_type);
        put_u16(&mut out, self.flags);
        out.push(self.decimals);
        put_u16(&mut out, 0);
        out
    }
}

/// A column of a reply of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column<'a> {
    /// Text, in `utf8mb4`.
    Text(&'a str),
    /// A signed 64-bit number.
    Int(&'a str),
}

impl<'a> Column<'a> {
    /// The column's name.
    #[must_use]
    pub const fn name(self) -> &'a str {
        match self {
            Self::Text(name) | Self::Int(name) => name,
        }
    }

    /// The column's definition.
    #[must_use]
    pub const fn definition(self) -> ColumnDefinition<'a> {
        let (name, collation, length, column_type, flags) = match self {
            Self::Text(name) => (name, COLLATION_TEXT, 1 << 16, TYPE_VAR_STRING, 0),
            Self::Int(name) => (name, COLLATION_BINARY, 21, TYPE_LONGLONG, FLAG_BINARY_NUMBER),
        };
        ColumnDefinition {
            catalog: b"def",
            schema: b"",
            table: b"",
            org_table: b"",
            name: name.as_bytes(),
            org_name: b"",
            extended: None,
            collation,
            length,
            column_type,
            flags,
            decimals: 0,
        }
    }
}

/// The values of a text row; `None` is NULL. After an error the iterator ends.
pub fn text_row(payload: &[u8]) -> impl Iterator<Item = Result<Option<&[u8]>, Malformed>> {
    let mut reader = Reader::new(payload);
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        if reader.peek().first() == Some(&NULL) {
            return Some(reader.u8().map(|_| None));
        }
        let value = reader.lenenc_str();
        if value.is_err() {
            reader = Reader::new(&[]);
        }
        Some(value.map(Some))
    })
}

/// Appends one value of a text row; `None` is NULL.
pub fn put_text_value(row: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => row.push(NULL),
        Some(value) => put_lenenc_str(row, value),
    }
}

/// Appends a whole text result set, packets numbered from `seq`, and returns the sequence number
/// after it.
pub fn put_resultset<R, V>(
    out: &mut Vec<u8>,
    seq: u8,
    caps: Capabilities,
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = R>,
    status: StatusFlags,
) -> u8
where
    R: IntoIterator<Item = Option<V>>,
    V: AsRef<[u8]>,
{
    let deprecate_eof = caps.contains(Capabilities::DEPRECATE_EOF);
    let mut count = Vec::new();
    put_lenenc(&mut count, columns.len() as u64);
    let flagged = Capabilities::MARIADB_CACHE_METADATA | Capabilities::OPTIONAL_RESULTSET_METADATA;
    if caps.intersects(flagged) {
        count.push(1);
    }
    let mut seq = put_packet(out, seq, &count);
    for column in columns {
        let mut definition = column.definition();
        if caps.contains(Capabilities::MARIADB_EXTENDED_METADATA) {
            definition.extended = Some(b"");
        }
        seq = put_packet(out, seq, &definition.encode());
    }
    let eof = EofPacket { warnings: 0, status };
    if !deprecate_eof {
        seq = put_packet(out, seq, &eof.encode());
    }
    let mut payload = Vec::new();
    for row in rows {
        payload.clear();
        for value in row {
            put_text_value(&mut payload, value.as_ref().map(AsRef::as_ref));
        }
        seq = put_packet(out, seq, &payload);
    }
    if deprecate_eof {
        let ok = OkPacket { status, ..OkPacket::default() };
        return put_packet(out, seq, &ok.encode_as_eof(caps));
    }
    put_packet(out, seq, &eof.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::frame::PacketReader;
    use proptest::prelude::*;

    #[test]
    fn golden_definition() {
        // SELECT @@version_comment, from the documentation.
        let payload = b"\x03def\0\0\0\x11@@version_comment\0\x0c\x08\x00\x1c\0\0\0\xfd\0\0\x1f\0\0";
        let column = ColumnDefinition::decode(payload, Capabilities::empty()).unwrap();
        assert_eq!((column.catalog, column.name), (&b"def"[..], &b"@@version_comment"[..]));
        assert_eq!((column.collation, column.length, column.decimals), (8, 28, 31));
        assert_eq!(column.encode(), payload);
        for len in 0..payload.len() - 2 {
            let short = payload.get(..len).unwrap();
            assert!(ColumnDefinition::decode(short, Capabilities::empty()).is_err());
        }
    }

    #[test]
    fn text_rows() {
        let mut row = Vec::new();
        put_text_value(&mut row, Some(b"one"));
        put_text_value(&mut row, None);
        put_text_value(&mut row, Some(b""));
        assert_eq!(row, b"\x03one\xfb\0");
        let values: Vec<_> = text_row(&row).map(Result::unwrap).collect();
        assert_eq!(values, [Some(&b"one"[..]), None, Some(&b""[..])]);
        let broken: Vec<_> = text_row(b"\xfb\x05abc").collect();
        assert_eq!(broken, [Ok(None), Err(Malformed::Truncated)]);
    }

    #[test]
    fn golden_resultset() {
        let mut out = Vec::new();
        let columns = [Column::Int("id"), Column::Text("name")];
        let rows = [[Some("1"), Some("ann")], [Some("2"), None]];
        let status = StatusFlags::AUTOCOMMIT;
        let seq = put_resultset(&mut out, 1, Capabilities::DEPRECATE_EOF, &columns, rows, status);
        assert_eq!(seq, 7);
        let mut payloads = Vec::new();
        let mut reader = PacketReader::new(1000);
        let mut left = &out[..];
        while !left.is_empty() {
            let used = reader.feed(left).unwrap();
            left = left.get(used..).unwrap();
            payloads.push(reader.take().unwrap().1);
        }
        let id = b"\x03def\0\0\0\x02id\0\x0c\x3f\0\x15\0\0\0\x08\x80\x80\0\0\0";
        let name = b"\x03def\0\0\0\x04name\0\x0c\x2d\0\0\0\x01\0\xfd\0\0\0\0\0";
        let expected: [&[u8]; 6] =
            [&[2], id, name, b"\x011\x03ann", b"\x012\xfb", &[0xFE, 0, 0, 2, 0, 0, 0]];
        assert_eq!(payloads, expected);
    }

    proptest! {
        #[test]
        fn definitions_round_trip(
            names: [Vec<u8>; 6], extended in prop::option::of(any::<Vec<u8>>()), collation: u16,
            length: u32, column_type: u8, flags: u16, decimals: u8,
        ) {
            let [catalog, schema, table, org_table, name, org_name] = names.each_ref().map(Vec::as_slice);
            let column = ColumnDefinition {
                catalog, schema, table, org_table, name, org_name, extended: extended.as_deref(),
                collation, length, column_type, flags, decimals,
            };
            let mut caps = Capabilities::empty();
            caps.set(Capabilities::MARIADB_EXTENDED_METADATA, extended.is_some());
            let encoded = column.encode();
            prop_assert_eq!(ColumnDefinition::decode(&encoded, caps), Ok(column));
        }

        #[test]
        fn rows_round_trip(values: Vec<Option<Vec<u8>>>) {
            let mut row = Vec::new();
            for value in &values {
                put_text_value(&mut row, value.as_deref());
            }
            let read: Result<Vec<_>, _> = text_row(&row).collect();
            let expected: Vec<_> = values.iter().map(Option::as_deref).collect();
            prop_assert_eq!(read, Ok(expected));
        }

        #[test]
        fn garbage_never_panics(payload: Vec<u8>) {
            let _ = ColumnDefinition::decode(&payload, Capabilities::all());
            prop_assert!(text_row(&payload).count() <= payload.len());
        }
    }
}
