//! System variables: which may be read anywhere, which must not be moved.
//!
//! Source: the system variable pages of the MySQL and MariaDB manuals.

use super::statement::Traits;

/// Session variables that the session's state carries from connection to connection, and
/// facts that the servers behind one proxy share. Sorted.
const READ_ANYWHERE: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "big_tables",
    "character_set_client",
    "character_set_connection",
    "character_set_database",
    "character_set_filesystem",
    "character_set_results",
    "character_set_server",
    "collation_connection",
    "collation_database",
    "collation_server",
    "completion_type",
    "default_storage_engine",
    "default_week_format",
    "div_precision_increment",
    "explicit_defaults_for_timestamp",
    "foreign_key_checks",
    "group_concat_max_len",
    "have_profiling",
    "have_ssl",
    "init_connect",
    "innodb_lock_wait_timeout",
    "innodb_strict_mode",
    "interactive_timeout",
    "join_buffer_size",
    "language",
    "lc_messages",
    "lc_time_names",
    "license",
    "lock_wait_timeout",
    "lower_case_file_system",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_execution_time",
    "max_heap_table_size",
    "max_join_size",
    "max_sort_length",
    "max_sp_recursion_depth",
    "max_statement_time",
    "net_buffer_length",
    "net_read_timeout",
    "net_retry_count",
    "net_write_timeout",
    "optimizer_switch",
    "performance_schema",
    "protocol_version",
    "query_cache_size",
    "query_cache_type",
    "sort_buffer_size",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_mode",
    "sql_notes",
    "sql_quote_show_create",
    "sql_safe_updates",
    "sql_select_limit",
    "sql_warnings",
    "storage_engine",
    "system_time_zone",
    "time_format",
    "time_zone",
    "tmp_table_size",
    "transaction_isolation",
    "transaction_read_only",
    "tx_isolation",
    "tx_read_only",
    "unique_checks",
    "updatable_views_with_limit",
    "version",
    "version_comment",
    "version_compile_machine",
    "version_compile_os",
    "wait_timeout",
];

/// Session variables whose value is an event, or which steer how this connection's events are
/// numbered, logged or counted: they cannot be carried to another connection. Sorted.
const EVENTS: &[&str] = &[
    "binlog_format",
    "debug_sync",
    "gtid_domain_id",
    "gtid_next",
    "gtid_next_list",
    "gtid_seq_no",
    "identity",
    "immediate_server_version",
    "insert_id",
    "last_insert_id",
    "original_commit_timestamp",
    "original_server_version",
    "profiling",
    "profiling_history_size",
    "pseudo_replica_mode",
    "pseudo_slave_mode",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "server_id",
    "skip_parallel_replication",
    "skip_replication",
    "sql_log_bin",
    "timestamp",
    "wsrep_on",
];

/// A variable's name as the text has it: `sql_mode`, `session.sql_mode`, `` `sql_mode` ``.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variable<'a> {
    /// The scope in front of the name, in the text's own letters.
    pub(super) scope: Option<&'a [u8]>,
    pub(super) name: &'a [u8],
}

/// The name in backquotes, or in the quotes of `ANSI_QUOTES`.
fn unquoted(name: &[u8]) -> &[u8] {
    match name {
        [b'`', inner @ .., b'`'] | [b'"', inner @ .., b'"'] => inner,
        _ => name,
    }
}

impl<'a> Variable<'a> {
    /// Reads what stands behind `@@`, or the target of a SET.
    pub(super) fn parse(text: &'a [u8]) -> Self {
        let text = text.strip_prefix(b"@@").unwrap_or(text);
        match memchr::memchr(b'.', text).and_then(|dot| text.split_at_checked(dot)) {
            Some((scope, rest)) => Self {
                scope: Some(unquoted(scope)),
                name: unquoted(rest.get(1..).unwrap_or_default()),
            },
            None => Self { scope: None, name: unquoted(text) },
        }
    }

    /// Named `name`, in any case of letters.
    pub(super) fn is(self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The scope is the session's, said or meant.
    pub(super) fn in_session(self) -> bool {
        self.scope.is_none_or(|scope| {
            scope.eq_ignore_ascii_case(b"session") || scope.eq_ignore_ascii_case(b"local")
        })
    }

    fn is_in(self, table: &[&str]) -> bool {
        let name = self.name.to_ascii_lowercase();
        table.binary_search_by(|known| known.as_bytes().cmp(name.as_slice())).is_ok()
    }

    /// Cannot be carried to another connection.
    pub(super) fn is_event(self) -> bool {
        self.is_in(EVENTS)
            || self.name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"pseudo_"))
    }

    /// Decides what a connection reports.
    pub(super) fn is_tracker(self) -> bool {
        self.name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case(b"session_track_"))
    }

    /// The characteristics of transactions.
    pub(super) fn is_transaction_characteristic(self) -> bool {
        ["transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only"]
            .into_iter()
            .any(|name| self.is(name))
    }

    /// What reading it depends on.
    pub(super) fn read(self) -> Traits {
        let seen = Traits::READS_VARIABLE;
        if !self.in_session() {
            return seen | Traits::SERVER_STATE;
        }
        if self.is_in(READ_ANYWHERE) {
            return seen;
        }
        if self.is_tracker() {
            return seen | Traits::SERVER_STATE | Traits::TRACKERS;
        }
        let memory = if self.is("warning_count") || self.is("error_count") {
            Traits::READS_DIAGNOSTICS
        } else if self.is("identity") || self.is("last_insert_id") {
            Traits::READS_LAST_INSERT_ID
        } else if self.is("pseudo_thread_id") {
            Traits::READS_CONNECTION_ID
        } else {
            Traits::SERVER_STATE
        };
        seen | memory
    }
}

/// The tables of `information_schema` that describe schemas and not a server. Sorted.
const SCHEMA_TABLES: &[&str] = &[
    "character_sets",
    "check_constraints",
    "collation_character_set_applicability",
    "collations",
    "columns",
    "columns_extensions",
    "events",
    "geometry_columns",
    "key_column_usage",
    "keywords",
    "libraries",
    "parameters",
    "partitions",
    "referential_constraints",
    "routine_libraries",
    "routines",
    "schemata",
    "schemata_extensions",
    "spatial_ref_sys",
    "st_geometry_columns",
    "st_spatial_reference_systems",
    "st_units_of_measure",
    "statistics",
    "table_constraints",
    "table_constraints_extensions",
    "tables",
    "tables_extensions",
    "triggers",
    "view_routine_usage",
    "view_table_usage",
    "views",
];

/// Whether `table` of `information_schema`, perhaps in backquotes, describes schemas.
pub(super) fn is_schema_table(table: &[u8]) -> bool {
    Variable { scope: None, name: unquoted(table) }.is_in(SCHEMA_TABLES)
}

/// Whether a name or a text may be of a table that tells connections apart by the server's ids.
pub fn names_threads(text: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] =
        [b"processlist", b"innodb_trx", b"innodb_lock", b"metadata_lock", b"threads"];
    let has = |name: &&[u8]| text.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    NAMES.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        for table in [READ_ANYWHERE, EVENTS, SCHEMA_TABLES] {
            assert!(table.is_sorted_by(|a, b| a < b), "{table:?}");
        }
    }

    #[test]
    fn names_and_scopes() {
        let cases: &[(&str, Traits)] = &[
            ("@@sql_mode", Traits::READS_VARIABLE),
            ("@@SESSION.Sql_Mode", Traits::READS_VARIABLE),
            ("@@`local`.`sql_mode`", Traits::READS_VARIABLE),
            ("@@global.sql_mode", Traits::READS_VARIABLE.union(Traits::SERVER_STATE)),
            ("@@hostname", Traits::READS_VARIABLE.union(Traits::SERVER_STATE)),
            ("@@session_track_schema", {
                Traits::READS_VARIABLE.union(Traits::SERVER_STATE).union(Traits::TRACKERS)
            }),
            ("@@global.session_track_schema", Traits::READS_VARIABLE.union(Traits::SERVER_STATE)),
            ("@@identity", Traits::READS_VARIABLE.union(Traits::READS_LAST_INSERT_ID)),
            ("@@session.warning_count", Traits::READS_VARIABLE.union(Traits::READS_DIAGNOSTICS)),
            ("@@", Traits::READS_VARIABLE.union(Traits::SERVER_STATE)),
            ("@@.", Traits::READS_VARIABLE.union(Traits::SERVER_STATE)),
        ];
        for &(text, traits) in cases {
            assert_eq!(Variable::parse(text.as_bytes()).read(), traits, "{text}");
        }
        assert!(Variable::parse(b"PSEUDO_x").is_event());
        assert!(Variable::parse(b"Timestamp").is_event());
        assert!(!Variable::parse(b"time_zone").is_event());
        assert!(Variable::parse(b"session_track_schema").is_tracker());
        assert!(is_schema_table(b"`Tables`") && !is_schema_table(b"processlist"));
    }
}
