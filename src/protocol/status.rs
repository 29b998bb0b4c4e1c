//! Server status flags, as OK and EOF packets carry them.

use bitflags::bitflags;

bitflags! {
    /// The server's status after a result. Unknown bits are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct StatusFlags: u16 {
        /// A transaction is open.
        const IN_TRANS = 0x0001;
        /// Autocommit is on.
        const AUTOCOMMIT = 0x0002;
        /// Another result follows this one.
        const MORE_RESULTS = 0x0008;
        /// No good index was used.
        const NO_GOOD_INDEX_USED = 0x0010;
        /// No index was used.
        const NO_INDEX_USED = 0x0020;
        /// A cursor is open; its rows come by COM_STMT_FETCH.
        const CURSOR_EXISTS = 0x0040;
        /// The cursor's last row was sent.
        const LAST_ROW_SENT = 0x0080;
        /// A schema was dropped.
        const DB_DROPPED = 0x0100;
        /// `sql_mode` has NO_BACKSLASH_ESCAPES.
        const NO_BACKSLASH_ESCAPES = 0x0200;
        /// The prepared statement's columns changed since it was prepared.
        const METADATA_CHANGED = 0x0400;
        /// The statement went into the slow log.
        const QUERY_WAS_SLOW = 0x0800;
        /// This result set holds a procedure's OUT parameters.
        const PS_OUT_PARAMS = 0x1000;
        /// The open transaction is read-only.
        const IN_TRANS_READONLY = 0x2000;
        /// The OK packet carries session state changes.
        const SESSION_STATE_CHANGED = 0x4000;
        /// MariaDB: `sql_mode` has ANSI_QUOTES.
        const ANSI_QUOTES = 0x8000;
    }
}

impl StatusFlags {
    /// Those that speak of the session; the others speak of one reply.
    pub const OF_SESSION: Self = Self::IN_TRANS
        .union(Self::AUTOCOMMIT)
        .union(Self::NO_BACKSLASH_ESCAPES)
        .union(Self::IN_TRANS_READONLY)
        .union(Self::ANSI_QUOTES);
}
