//! The built-in functions that a replica may run, and those that need care.
//!
//! Source: the lists of built-in functions and operators in the MySQL manual (chapter
//! "Functions and Operators", releases 5.7 to 9) and in MariaDB's documentation ("Built-in
//! Functions"). A function that one of them lacks may be a stored function there, so it is on
//! the list of the other alone. Names that can be called with a space in front of the bracket
//! only under `IGNORE_SPACE` (MySQL manual, "Function Name Parsing and Resolution") are
//! otherwise stored functions: they stand apart.

use super::words::WordTable;

/// What calling a function means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// On no list: a stored function, a loadable one, or one that this table does not know.
    Unknown,
    /// Read-only, on both servers.
    Plain,
    /// Read-only, if the bracket follows at once.
    Adjacent,
    /// Read-only on MariaDB; on MySQL unknown.
    Mariadb,
    /// Read-only on MySQL; on MariaDB unknown.
    Mysql,
    /// Answers for a server, or waits for one.
    Server,
    Lock,
    ReleaseLock,
    LastInsertId,
    RowCount,
    FoundRows,
    ConnectionId,
    NextValue,
    LastValue,
}

/// Makes the sorted table of each kind, and one list of all.
macro_rules! functions {
    ($($kind:ident { $($name:tt)* })*) => {
        const NAMES: &[(&[u8], Function)] =
            &[$($((stringify!($name).as_bytes(), Function::$kind),)*)*];
        #[cfg(test)]
        const SORTED: &[&[&str]] = &[$(&[$(stringify!($name)),*]),*];
    };
}

functions! {
    Plain {
        abs acos addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg benchmark bin
        bit_count bit_length ceil ceiling char char_length character_length charset coalesce
        coercibility collation compress concat concat_ws conv convert convert_tz cos cot crc32
        cume_dist current_date current_role current_time current_timestamp current_user
        database date date_format datediff day dayname dayofmonth dayofweek dayofyear default
        degrees dense_rank elt exp export_set extractvalue field find_in_set first_value floor
        format format_pico_time from_base64 from_days from_unixtime geometrycollection
        get_format greatest hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert
        instr is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 isnull json_array
        json_array_append json_array_insert json_arrayagg json_contains json_contains_path
        json_depth json_extract json_insert json_keys json_length json_merge json_merge_patch
        json_merge_preserve json_object json_objectagg json_overlaps json_pretty json_quote
        json_remove json_replace json_schema_valid json_search json_set json_table json_type
        json_unquote json_valid json_value lag last_day last_value lcase lead least left length
        linestring ln localtime localtimestamp locate log log10 log2 lower lpad ltrim make_set
        makedate maketime mbrcontains mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps
        mbrtouches mbrwithin md5 microsecond minute mod month monthname multilinestring
        multipoint multipolygon name_const nth_value ntile nullif oct octet_length ord
        percent_rank period_add period_diff pi point polygon pow power quarter quote radians
        rand random_bytes rank regexp_instr regexp_replace regexp_substr repeat replace reverse
        right round row_number rpad rtrim schema sec_to_time second sha sha1 sha2 sign sin
        sleep soundex space sqrt st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt
        st_buffer st_centroid st_contains st_convexhull st_crosses st_difference st_dimension
        st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals
        st_exteriorring st_geohash st_geomcollfromtext st_geomcollfromwkb
        st_geometrycollectionfromtext st_geometrycollectionfromwkb st_geometryfromtext
        st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext
        st_geomfromwkb st_interiorringn st_intersection st_intersects st_isclosed st_isempty
        st_issimple st_isvalid st_latfromgeohash st_length st_linefromtext st_linefromwkb
        st_linestringfromtext st_linestringfromwkb st_longfromgeohash st_numgeometries
        st_numinteriorring st_numinteriorrings st_numpoints st_overlaps st_pointfromgeohash
        st_pointfromtext st_pointfromwkb st_pointn st_polyfromtext st_polyfromwkb
        st_polygonfromtext st_polygonfromwkb st_simplify st_srid st_startpoint st_symdifference
        st_touches st_union st_validate st_within st_x st_y str_to_date strcmp substring_index
        subtime tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff
        to_base64 to_days to_seconds truncate ucase uncompress uncompressed_length unhex
        unix_timestamp updatexml upper user utc_date utc_time utc_timestamp uuid uuid_short
        version week weekday weekofyear weight_string year yearweek
    }
    Adjacent {
        adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract
        group_concat max mid min now position session_user std stddev stddev_pop stddev_samp
        subdate substr substring sum sysdate system_user trim var_pop var_samp variance
    }
    Mariadb {
        add_months area asbinary astext aswkb aswkt boundary buffer centroid chr column_add
        column_check column_create column_delete column_exists column_get column_json
        column_list concat_operator_oracle contains convexhull crc32c crosses decode
        decode_histogram decode_oracle dimension disjoint encode encrypt endpoint envelope
        equals exteriorring geomcollfromtext geomcollfromwkb geometrycollectionfromtext
        geometrycollectionfromwkb geometryfromtext geometryfromwkb geometryn geometrytype
        geomfromtext geomfromwkb glength interiorringn intersects isclosed isempty isring
        issimple json_array_intersect json_compact json_detailed json_equals json_exists
        json_key_value json_loose json_normalize json_object_filter_keys json_object_to_array
        json_query kdf lengthb linefromtext linefromwkb linestringfromtext linestringfromwkb
        lpad_oracle ltrim_oracle median mlinefromtext mlinefromwkb mpointfromtext mpointfromwkb
        mpolyfromtext mpolyfromwkb multilinestringfromtext multilinestringfromwkb
        multipointfromtext multipointfromwkb multipolygonfromtext multipolygonfromwkb
        natural_sort_key numgeometries numinteriorrings numpoints nvl nvl2 old_password
        overlaps password percentile_cont percentile_disc pointfromtext pointfromwkb pointn
        pointonsurface polyfromtext polyfromwkb polygonfromtext polygonfromwkb replace_oracle
        rownum rpad_oracle rtrim_oracle sformat srid st_boundary st_isring st_pointonsurface
        st_relate startpoint substr_oracle sys_guid to_char touches trim_oracle uuid_v4 uuid_v7
        vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext within
        x y
    }
    Mysql {
        any_value bin_to_uuid format_bytes from_vector grouping gtid_subset gtid_subtract
        icu_version is_uuid json_schema_validation_report json_storage_free json_storage_size
        mbrcoveredby mbrcovers regexp_like st_collect st_frechetdistance st_geomcollfromtxt
        st_hausdorffdistance st_latitude st_lineinterpolatepoint st_lineinterpolatepoints
        st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb st_mpointfromtext
        st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext
        st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb
        st_multipolygonfromtext st_multipolygonfromwkb st_pointatdistance st_swapxy
        st_transform statement_digest statement_digest_text string_to_vector to_vector
        uuid_to_bin vector_dim vector_to_string
    }
    Server {
        binlog_gtid_pos is_free_lock is_used_lock load_file master_gtid_wait master_pos_wait
        ps_current_thread_id ps_thread_id source_pos_wait validate_password_strength
        wait_for_executed_gtid_set wait_until_sql_thread_after_gtids wsrep_last_seen_gtid
        wsrep_last_written_gtid wsrep_sync_wait_upto_gtid
    }
    Lock { get_lock service_get_read_locks service_get_write_locks }
    ReleaseLock { release_all_locks release_lock service_release_locks }
    LastInsertId { last_insert_id }
    RowCount { row_count }
    FoundRows { found_rows }
    ConnectionId { connection_id }
    NextValue { nextval setval }
    LastValue { currval lastval }
}

static TABLE: WordTable<Function, 2048> = WordTable::new(NAMES, Function::Unknown);

/// The function whose name is the bytes `start..end` of `text`.
pub(super) fn function(text: &[u8], start: usize, end: usize, mariadb: bool) -> Function {
    let found = TABLE.find(text, start, end);
    match found {
        Function::Mariadb | Function::NextValue | Function::LastValue if !mariadb => {
            Function::Unknown
        }
        Function::Mysql if mariadb => Function::Unknown,
        Function::Unknown
        | Function::Plain
        | Function::Adjacent
        | Function::Mariadb
        | Function::Mysql
        | Function::Server
        | Function::Lock
        | Function::ReleaseLock
        | Function::LastInsertId
        | Function::RowCount
        | Function::FoundRows
        | Function::ConnectionId
        | Function::NextValue
        | Function::LastValue => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_disjoint() {
        for table in SORTED {
            assert!(table.is_sorted_by(|a, b| a < b), "{table:?}");
        }
        let mut all: Vec<_> = SORTED.concat();
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    }

    #[test]
    fn each_server_has_its_own() {
        let of = |name: &str, mariadb| function(name.as_bytes(), 0, name.len(), mariadb);
        for (name, mysql, mariadb) in [
            ("abs", Function::Plain, Function::Plain),
            ("COUNT", Function::Adjacent, Function::Adjacent),
            ("Any_Value", Function::Mysql, Function::Unknown),
            ("nvl", Function::Unknown, Function::Mariadb),
            ("nextval", Function::Unknown, Function::NextValue),
            ("Wait_Until_SQL_Thread_After_GTIDs", Function::Server, Function::Server),
            ("my_function", Function::Unknown, Function::Unknown),
            ("", Function::Unknown, Function::Unknown),
        ] {
            assert_eq!(of(name, false), mysql, "{name}");
            assert_eq!(of(name, true), mariadb, "{name}");
        }
    }
}
