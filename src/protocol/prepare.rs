//! The first packet of the reply to COM_STMT_PREPARE.

use super::wire::{Malformed, Reader, put_u16, put_u32};

/// `COM_STMT_PREPARE_OK`. Definitions of `params` parameters and `columns` columns follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrepareOk {
    /// The statement's id on this connection.
    pub statement_id: u32,
    /// Columns of its result set; 0 when it has none.
    pub columns: u16,
    /// Parameters it takes.
    pub params: u16,
    /// Number of warnings.
    pub warnings: u16,
    /// The definitions follow. Always so, but where `OPTIONAL_RESULTSET_METADATA` was negotiated.
    pub metadata_follows: bool,
}

impl PrepareOk {
    /// Decodes the payload.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a `COM_STMT_PREPARE_OK`.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            0x00 => {}
            header => return Err(Malformed::Header(header)),
        }
        let statement_id = reader.u32()?;
        let columns = reader.u16()?;
        let params = reader.u16()?;
        // One byte of filler and the warnings are missing from servers older than 5.0.
        let mut warnings = 0;
        if !reader.is_empty() {
            reader.u8()?;
            warnings = reader.u16()?;
        }
        let metadata_follows = reader.is_empty() || reader.u8()? != 0;
        Ok(Self { statement_id, columns, params, warnings, metadata_follows })
    }

    /// Encodes the 12-byte payload, without the flag of `OPTIONAL_RESULTSET_METADATA`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12);
        out.push(0);
        put_u32(&mut out, self.statement_id);
        put_u16(&mut out, self.columns);
        put_u16(&mut out, self.params);
        out.push(0);
        put_u16(&mut out, self.warnings);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_prepare_ok() {
        // SELECT CONCAT(?, ?) AS col1, from the documentation.
        let payload = [0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0];
        let ok = PrepareOk::decode(&payload).unwrap();
        let expected = PrepareOk {
            statement_id: 1,
            columns: 1,
            params: 2,
            warnings: 0,
            metadata_follows: true,
        };
        assert_eq!(ok, expected);
        assert_eq!(ok.encode(), payload);
    }

    #[test]
    fn metadata_flag() {
        let mut payload = vec![0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 3, 0, 0];
        assert!(!PrepareOk::decode(&payload).unwrap().metadata_follows);
        if let Some(flag) = payload.last_mut() {
            *flag = 1;
        }
        let ok = PrepareOk::decode(&payload).unwrap();
        assert_eq!((ok.warnings, ok.metadata_follows), (3, true));
        for len in 0..9 {
            let short = payload.get(..len).unwrap();
            assert_eq!(PrepareOk::decode(short), Err(Malformed::Truncated));
        }
    }
}
