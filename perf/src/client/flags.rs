//! Capability and status flags, by their names in the protocol's documentation.

/// `CLIENT_LONG_PASSWORD` (MySQL); absent: the peer may be MariaDB with extended flags.
pub const LONG_PASSWORD: u64 = 1;
/// `CLIENT_FOUND_ROWS`: affected rows are matched rows.
pub const FOUND_ROWS: u64 = 1 << 1;
/// `CLIENT_LONG_FLAG`.
pub const LONG_FLAG: u64 = 1 << 2;
/// `CLIENT_CONNECT_WITH_DB`.
pub const CONNECT_WITH_DB: u64 = 1 << 3;
/// `CLIENT_NO_SCHEMA`: `schema.table.column` is not allowed.
pub const NO_SCHEMA: u64 = 1 << 4;
/// `CLIENT_COMPRESS`: zlib.
pub const COMPRESS: u64 = 1 << 5;
/// `CLIENT_ODBC`.
pub const ODBC: u64 = 1 << 6;
/// `CLIENT_LOCAL_FILES`.
pub const LOCAL_FILES: u64 = 1 << 7;
/// `CLIENT_IGNORE_SPACE`.
pub const IGNORE_SPACE: u64 = 1 << 8;
/// `CLIENT_PROTOCOL_41`.
pub const PROTOCOL_41: u64 = 1 << 9;
/// `CLIENT_INTERACTIVE`.
pub const INTERACTIVE: u64 = 1 << 10;
/// `CLIENT_SSL`.
pub const SSL: u64 = 1 << 11;
/// `CLIENT_TRANSACTIONS`.
pub const TRANSACTIONS: u64 = 1 << 13;
/// `CLIENT_RESERVED2` (`CLIENT_SECURE_CONNECTION`).
pub const SECURE_CONNECTION: u64 = 1 << 15;
/// `CLIENT_MULTI_STATEMENTS`.
pub const MULTI_STATEMENTS: u64 = 1 << 16;
/// `CLIENT_MULTI_RESULTS`.
pub const MULTI_RESULTS: u64 = 1 << 17;
/// `CLIENT_PS_MULTI_RESULTS`.
pub const PS_MULTI_RESULTS: u64 = 1 << 18;
/// `CLIENT_PLUGIN_AUTH`.
pub const PLUGIN_AUTH: u64 = 1 << 19;
/// `CLIENT_CONNECT_ATTRS`.
pub const CONNECT_ATTRS: u64 = 1 << 20;
/// `CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA`.
pub const LENENC_AUTH: u64 = 1 << 21;
/// `CLIENT_SESSION_TRACK`.
pub const SESSION_TRACK: u64 = 1 << 23;
/// `CLIENT_DEPRECATE_EOF`.
pub const DEPRECATE_EOF: u64 = 1 << 24;
/// `CLIENT_OPTIONAL_RESULTSET_METADATA` (MySQL): definitions may be left out.
pub const OPTIONAL_METADATA: u64 = 1 << 25;
/// `CLIENT_ZSTD_COMPRESSION_ALGORITHM` (MySQL).
pub const ZSTD: u64 = 1 << 26;
/// `CLIENT_QUERY_ATTRIBUTES` (MySQL): COM_QUERY begins with parameter counts.
pub const QUERY_ATTRIBUTES: u64 = 1 << 27;
/// `MARIADB_CLIENT_PROGRESS`: reports of progress, as ERR packets of code 0xFFFF.
pub const MARIADB_PROGRESS: u64 = 1 << 32;
/// `MARIADB_CLIENT_STMT_BULK_OPERATIONS`.
pub const BULK_OPERATIONS: u64 = 1 << 34;
/// `MARIADB_CLIENT_EXTENDED_METADATA`: definitions carry the types' names.
pub const MARIADB_EXTENDED_METADATA: u64 = 1 << 35;
/// `MARIADB_CLIENT_CACHE_METADATA`: executions leave out definitions that have not changed.
pub const MARIADB_CACHE_METADATA: u64 = 1 << 36;
/// `MARIADB_CLIENT_BULK_UNIT_RESULTS`: a result for each row of a bulk execution.
pub const MARIADB_BULK_UNIT_RESULTS: u64 = 1 << 37;

/// What an ordinary client asks for: protocol 4.1 with several results, without
/// `DEPRECATE_EOF` and `SESSION_TRACK`.
pub const USUAL: u64 = LONG_PASSWORD
    | LONG_FLAG
    | LOCAL_FILES
    | PROTOCOL_41
    | TRANSACTIONS
    | SECURE_CONNECTION
    | MULTI_STATEMENTS
    | MULTI_RESULTS
    | PS_MULTI_RESULTS
    | PLUGIN_AUTH
    | LENENC_AUTH;

/// `SERVER_STATUS_IN_TRANS`.
pub const STATUS_IN_TRANS: u16 = 1;
/// `SERVER_STATUS_AUTOCOMMIT`.
pub const STATUS_AUTOCOMMIT: u16 = 2;
/// `SERVER_MORE_RESULTS_EXISTS`.
pub const STATUS_MORE_RESULTS: u16 = 8;
/// `SERVER_PS_OUT_PARAMS`.
pub const STATUS_PS_OUT_PARAMS: u16 = 0x1000;
/// `SERVER_STATUS_CURSOR_EXISTS`: rows are to be fetched.
pub const STATUS_CURSOR_EXISTS: u16 = 0x40;
/// `SERVER_SESSION_STATE_CHANGED`.
pub const STATUS_SESSION_STATE: u16 = 0x4000;
