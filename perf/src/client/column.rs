//! Column definitions.

use super::words::Words;
use super::{Error, flags};

/// A column's description in a result set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The schema.
    pub schema: String,
    /// The table's alias.
    pub table: String,
    /// The table's own name.
    pub org_table: String,
    /// The column's alias.
    pub name: String,
    /// The column's own name.
    pub org_name: String,
    /// The collation's number.
    pub collation: u16,
    /// The display width.
    pub length: u32,
    /// The type's number.
    pub kind: u8,
    /// `NOT_NULL`, `UNSIGNED` and so on.
    pub flags: u16,
    /// Decimals.
    pub decimals: u8,
}

impl Column {
    /// Decodes a `ColumnDefinition41` of a connection with these `capabilities`.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn decode(payload: &[u8], capabilities: u64) -> Result<Self, Error> {
        let mut words = Words::new(payload, "column definition");
        if words.string()? != b"def" {
            return Err(Error::Malformed("column definition: catalog"));
        }
        let mut text = || words.string().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (schema, table, org_table) = (text()?, text()?, text()?);
        let (name, org_name) = (text()?, text()?);
        if capabilities & flags::MARIADB_EXTENDED_METADATA != 0 {
            words.string()?;
        }
        let fixed = words.string()?;
        let mut words = Words::new(fixed, "column definition");
        Ok(Self {
            schema,
            table,
            org_table,
            name,
            org_name,
            collation: words.u16()?,
            length: words.u32()?,
            kind: words.u8()?,
            flags: words.u16()?,
            decimals: words.u8()?,
        })
    }
}
