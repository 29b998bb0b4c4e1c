//! What to ask of a server's session trackers on a new backend connection.
//!
//! A tracker names what a statement changed in the session, in the OK packet of that statement, so
//! nothing has to be parsed out of SQL. Which trackers exist, and what they cost, differs between
//! servers (seen on MariaDB 10.11.19 and MySQL 9.7.4, with the trackers that [`Trackers`] asks for):
//!
//! - an autocommit read carries nothing on either server; nor does an autocommit write on MySQL.
//!   MariaDB's `'*'` adds `last_gtid` to each write.
//! - MySQL's `'*'` adds `statement_id` to **every** statement: a list without it is needed. Unknown
//!   names in the list are ignored there with a warning; a name given twice is an error (3026).
//! - MariaDB refuses a list with an unknown name (1193), so only `'*'` fits all its versions.
//! - Without `session_track_transaction_info`, `LOCK TABLES` and a one-shot `SET TRANSACTION` are
//!   reported by nothing.
//!
//! `COM_RESET_CONNECTION` and `COM_CHANGE_USER` put the trackers back to the server's defaults: the
//! same statement must follow them.

/// The first MySQL version with every tracker asked for here (5.7.8 brought transaction info).
const MYSQL_FIRST: u32 = 50_708;
/// The first MariaDB version with session trackers.
const MARIADB_FIRST: u32 = 100_202;

/// Which trackers a connection asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trackers {
    /// Also report the GTIDs of own writes, for reading one's own writes on a replica. On MySQL this
    /// adds an entry to each write; MariaDB's `last_gtid` comes with the variables either way.
    pub gtids: bool,
}

/// The statement that turns the trackers on, or `None` where the server has none (MySQL before
/// 5.7.8, MariaDB before 10.2.2) and the scanner alone must decide.
///
/// `version_number` is `major * 10000 + minor * 100 + patch`.
#[must_use]
pub fn setup_statement(mariadb: bool, version_number: u32, trackers: Trackers) -> Option<String> {
    let first = if mariadb { MARIADB_FIRST } else { MYSQL_FIRST };
    if version_number < first {
        return None;
    }
    let variables = if mariadb { "*".to_owned() } else { MYSQL_VARIABLES.join(",") };
    let gtids = if trackers.gtids && !mariadb { ", session_track_gtids='OWN_GTID'" } else { "" };
    Some(format!(
        "SET session_track_schema=ON, session_track_state_change=ON, \
         session_track_transaction_info='CHARACTERISTICS'{gtids}, \
         session_track_system_variables='{variables}'"
    ))
}

/// Whether the statement for MySQL names the variable `name`.
#[must_use]
pub fn is_tracked(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    MYSQL_VARIABLES.binary_search_by(|known| known.as_bytes().cmp(&name)).is_ok()
}

/// The session variables that a MySQL client can set, from 5.7 to 9.7, without `statement_id` and
/// the trackers' own settings. Source: every variable of a 9.7.4 server that `SET SESSION` accepts,
/// and those of the 5.7 and 8.0 manuals that are gone since. Sorted.
const MYSQL_VARIABLES: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "big_tables",
    "binlog_direct_non_transactional_updates",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_value_options",
    "binlog_rows_query_log_events",
    "binlog_transaction_compression",
    "binlog_transaction_compression_level_zstd",
    "block_encryption_mode",
    "bulk_insert_buffer_size",
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
    "connection_memory_chunk_size",
    "connection_memory_limit",
    "cte_max_recursion_depth",
    "default_collation_for_utf8mb4",
    "default_storage_engine",
    "default_table_encryption",
    "default_tmp_storage_engine",
    "default_week_format",
    "div_precision_increment",
    "enable_cascade_triggers",
    "enable_secondary_engine_statistics",
    "end_markers_in_json",
    "eq_range_index_dive_limit",
    "explain_format",
    "explain_json_format_version",
    "explicit_defaults_for_timestamp",
    "external_table_secondary_storage_engine",
    "external_table_storage_engine",
    "foreign_key_checks",
    "generated_random_password_length",
    "global_connection_memory_tracking",
    "group_concat_max_len",
    "group_replication_consistency",
    "gtid_next",
    "histogram_generation_max_mem_size",
    "identity",
    "immediate_server_version",
    "information_schema_stats_expiry",
    "innodb_ddl_buffer_size",
    "innodb_ddl_threads",
    "innodb_ft_enable_stopword",
    "innodb_ft_user_stopword_table",
    "innodb_lock_wait_timeout",
    "innodb_parallel_read_threads",
    "innodb_strict_mode",
    "innodb_support_xa",
    "innodb_table_locks",
    "innodb_tmpdir",
    "insert_id",
    "interactive_timeout",
    "internal_tmp_mem_storage_engine",
    "join_buffer_size",
    "keep_files_on_create",
    "last_insert_id",
    "lc_messages",
    "lc_time_names",
    "lock_wait_timeout",
    "long_query_time",
    "low_priority_updates",
    "max_delayed_threads",
    "max_error_count",
    "max_execution_time",
    "max_heap_table_size",
    "max_insert_delayed_threads",
    "max_join_size",
    "max_length_for_sort_data",
    "max_points_in_geometry",
    "max_seeks_for_key",
    "max_sort_length",
    "max_sp_recursion_depth",
    "max_tmp_tables",
    "min_examined_row_limit",
    "multi_range_count",
    "myisam_sort_buffer_size",
    "myisam_stats_method",
    "net_read_timeout",
    "net_retry_count",
    "net_write_timeout",
    "new",
    "old_alter_table",
    "old_passwords",
    "optimizer_max_subgraph_pairs",
    "optimizer_prune_level",
    "optimizer_search_depth",
    "optimizer_switch",
    "optimizer_trace",
    "optimizer_trace_features",
    "optimizer_trace_limit",
    "optimizer_trace_max_mem_size",
    "optimizer_trace_offset",
    "original_commit_timestamp",
    "original_server_version",
    "parser_max_mem_size",
    "preload_buffer_size",
    "print_identified_with_as_hex",
    "profiling",
    "profiling_history_size",
    "pseudo_replica_mode",
    "pseudo_slave_mode",
    "pseudo_thread_id",
    "query_alloc_block_size",
    "query_cache_type",
    "query_cache_wlock_invalidate",
    "query_prealloc_size",
    "rand_seed1",
    "rand_seed2",
    "range_alloc_block_size",
    "range_optimizer_max_mem_size",
    "rbr_exec_mode",
    "read_buffer_size",
    "read_rnd_buffer_size",
    "require_row_format",
    "restrict_fk_on_non_standard_key",
    "resultset_metadata",
    "secondary_engine_cost_threshold",
    "select_into_buffer_size",
    "select_into_disk_sync",
    "select_into_disk_sync_delay",
    "session_track_system_variables",
    "set_operations_buffer_size",
    "show_create_table_skip_secondary_engine",
    "show_create_table_verbosity",
    "show_gipk_in_create_table_and_information_schema",
    "show_old_temporals",
    "sort_buffer_size",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_buffer_result",
    "sql_generate_invisible_primary_key",
    "sql_log_bin",
    "sql_log_off",
    "sql_mode",
    "sql_notes",
    "sql_quote_show_create",
    "sql_require_primary_key",
    "sql_safe_updates",
    "sql_select_limit",
    "sql_warnings",
    "terminology_use_previous",
    "time_zone",
    "timestamp",
    "tmp_table_size",
    "transaction_alloc_block_size",
    "transaction_allow_batching",
    "transaction_isolation",
    "transaction_prealloc_size",
    "transaction_read_only",
    "transaction_write_set_extraction",
    "tx_isolation",
    "tx_read_only",
    "unique_checks",
    "updatable_views_with_limit",
    "use_secondary_engine",
    "wait_timeout",
    "windowing_use_high_precision",
    "xa_detach_on_prepare",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mariadb_tracks_everything() {
        let sql = setup_statement(true, 101_119, Trackers { gtids: true }).unwrap();
        assert!(sql.ends_with("session_track_system_variables='*'"), "{sql}");
        assert!(!sql.contains("session_track_gtids"), "MariaDB has no such variable");
    }

    #[test]
    fn mysql_tracks_a_list_without_statement_id() {
        let sql = setup_statement(false, 90_704, Trackers::default()).unwrap();
        assert!(sql.contains("autocommit,") && sql.contains("sql_mode,"));
        assert!(!sql.contains("statement_id") && !sql.contains('*'));
        assert!(!sql.contains("session_track_gtids"));
        let with = setup_statement(false, 90_704, Trackers { gtids: true }).unwrap();
        assert!(with.contains("session_track_gtids='OWN_GTID'"));
    }

    #[test]
    fn old_servers_have_none() {
        assert_eq!(setup_statement(false, 50_624, Trackers::default()), None);
        assert_eq!(setup_statement(true, 100_138, Trackers::default()), None);
    }

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(MYSQL_VARIABLES.is_sorted_by(|a, b| a < b));
    }
}
