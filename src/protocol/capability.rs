//! Capability flags: what client and server agreed on at login.

use bitflags::bitflags;

bitflags! {
    /// Capability flags. The low 32 bits are MySQL's, the high 32 bits MariaDB's extended ones.
    ///
    /// Unknown bits are kept: use [`Capabilities::from_bits_retain`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Capabilities: u64 {
        /// Long passwords. MariaDB calls it `CLIENT_MYSQL`: absent means "I am MariaDB", and
        /// extended flags are present.
        const LONG_PASSWORD = 1;
        /// Affected rows counts rows found, not rows changed.
        const FOUND_ROWS = 1 << 1;
        /// Long column flags.
        const LONG_FLAG = 1 << 2;
        /// The login names a schema.
        const CONNECT_WITH_DB = 1 << 3;
        /// `schema.table.column` is not allowed.
        const NO_SCHEMA = 1 << 4;
        /// The zlib compressed protocol.
        const COMPRESS = 1 << 5;
        /// ODBC client.
        const ODBC = 1 << 6;
        /// `LOAD DATA LOCAL` may be used.
        const LOCAL_FILES = 1 << 7;
        /// Spaces are allowed before `(`.
        const IGNORE_SPACE = 1 << 8;
        /// The protocol of MySQL 4.1 and later; required.
        const PROTOCOL_41 = 1 << 9;
        /// `interactive_timeout` rules, not `wait_timeout`.
        const INTERACTIVE = 1 << 10;
        /// TLS.
        const SSL = 1 << 11;
        /// The client library ignores SIGPIPE.
        const IGNORE_SIGPIPE = 1 << 12;
        /// The server reports the transaction in its status flags.
        const TRANSACTIONS = 1 << 13;
        /// Unused, was the 4.1 protocol.
        const RESERVED = 1 << 14;
        /// 4.1 authentication (MySQL: `RESERVED2`).
        const SECURE_CONNECTION = 1 << 15;
        /// Several statements in one COM_QUERY.
        const MULTI_STATEMENTS = 1 << 16;
        /// Several results of a COM_QUERY.
        const MULTI_RESULTS = 1 << 17;
        /// Several results of a COM_STMT_EXECUTE.
        const PS_MULTI_RESULTS = 1 << 18;
        /// Authentication plugins are named.
        const PLUGIN_AUTH = 1 << 19;
        /// Connection attributes follow the login.
        const CONNECT_ATTRS = 1 << 20;
        /// The authentication response has a length-encoded length.
        const PLUGIN_AUTH_LENENC_DATA = 1 << 21;
        /// The client can live with an expired password.
        const CAN_HANDLE_EXPIRED_PASSWORDS = 1 << 22;
        /// OK packets may carry session state changes.
        const SESSION_TRACK = 1 << 23;
        /// No EOF packets: rows end with an OK packet of header 0xFE.
        const DEPRECATE_EOF = 1 << 24;
        /// MySQL 8: column definitions may be left out.
        const OPTIONAL_RESULTSET_METADATA = 1 << 25;
        /// The zstd compressed protocol.
        const ZSTD_COMPRESSION = 1 << 26;
        /// COM_QUERY and COM_STMT_EXECUTE may carry query attributes.
        const QUERY_ATTRIBUTES = 1 << 27;
        /// Several authentication factors.
        const MULTI_FACTOR_AUTHENTICATION = 1 << 28;
        /// Reserved for more flags (MariaDB once used the bit for progress reports).
        const CAPABILITY_EXTENSION = 1 << 29;
        /// Client-side only: verify the server's certificate.
        const SSL_VERIFY_SERVER_CERT = 1 << 30;
        /// Client-side only: keep options after a failed connect.
        const REMEMBER_OPTIONS = 1 << 31;
        /// MariaDB: progress reports, as ERR packets of code 0xFFFF.
        const MARIADB_PROGRESS = 1 << 32;
        /// MariaDB: was COM_MULTI.
        const MARIADB_COM_MULTI = 1 << 33;
        /// MariaDB: COM_STMT_BULK_EXECUTE.
        const MARIADB_STMT_BULK_OPERATIONS = 1 << 34;
        /// MariaDB: column definitions carry extended type names.
        const MARIADB_EXTENDED_METADATA = 1 << 35;
        /// MariaDB: column definitions of prepared statements may be left out.
        const MARIADB_CACHE_METADATA = 1 << 36;
        /// MariaDB: a result for each unit of a bulk statement.
        const MARIADB_BULK_UNIT_RESULTS = 1 << 37;
    }
}

impl Capabilities {
    /// Joins MySQL's 32 bits and MariaDB's extended 32 bits.
    #[must_use]
    pub const fn from_halves(mysql: u32, mariadb: u32) -> Self {
        Self::from_bits_retain((mariadb as u64) << 32 | mysql as u64)
    }

    /// MySQL's 32 bits.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    pub const fn mysql(self) -> u32 {
        self.bits() as u32
    }

    /// MariaDB's extended 32 bits.
    #[must_use]
    pub const fn mariadb(self) -> u32 {
        (self.bits() >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_trip() {
        let caps = Capabilities::from_halves(0x8000_0200, 0x0000_0014);
        assert_eq!((caps.mysql(), caps.mariadb()), (0x8000_0200, 0x14));
        assert!(caps.contains(Capabilities::MARIADB_CACHE_METADATA));
        assert!(caps.contains(Capabilities::PROTOCOL_41 | Capabilities::REMEMBER_OPTIONS));
    }
}
