//! What a stub answers to questions after itself: the drivers' and the proxies' probes.

use super::Identity;

/// Name and value of the system variables that a stub has.
pub(super) fn variables(identity: &Identity) -> Vec<(&'static str, String)> {
    let read_only = u8::from(identity.read_only).to_string();
    let server_id = identity.server_id.to_string();
    let own = [
        ("server_id", server_id),
        ("read_only", read_only.clone()),
        ("super_read_only", read_only),
        ("hostname", identity.name.clone()),
    ];
    let fixed = [
        ("auto_increment_increment", "1"),
        ("autocommit", "1"),
        ("character_set_client", "utf8mb4"),
        ("character_set_connection", "utf8mb4"),
        ("character_set_results", "utf8mb4"),
        ("character_set_server", "utf8mb4"),
        ("collation_connection", "utf8mb4_general_ci"),
        ("collation_server", "utf8mb4_general_ci"),
        ("gtid_binlog_pos", ""),
        ("gtid_current_pos", ""),
        ("gtid_domain_id", "0"),
        ("gtid_mode", "OFF"),
        ("init_connect", ""),
        ("innodb_read_only", "0"),
        ("interactive_timeout", "28800"),
        ("license", "GPL"),
        ("log_bin", "1"),
        ("log_slave_updates", "1"),
        ("lower_case_table_names", "0"),
        ("max_allowed_packet", "67108864"),
        ("max_connections", "100000"),
        ("net_write_timeout", "60"),
        ("rpl_semi_sync_master_enabled", "0"),
        ("rpl_semi_sync_slave_enabled", "0"),
        ("sql_mode", ""),
        ("system_time_zone", "UTC"),
        ("time_zone", "SYSTEM"),
        ("transaction_isolation", "REPEATABLE-READ"),
        ("tx_isolation", "REPEATABLE-READ"),
        ("version", "10.11.0-MariaDB-stub"),
        ("version_comment", "lanewire-perf backend"),
        ("wait_timeout", "28800"),
    ];
    own.into_iter().chain(fixed.map(|(name, value)| (name, value.to_owned()))).collect()
}

/// The columns of SHOW SLAVE STATUS that proxies read, and a healthy replica's values.
pub(super) const REPLICATION: [(&str, &str); 23] = [
    ("Connection_name", ""),
    ("Slave_heartbeat_period", "1.000"),
    ("Slave_received_heartbeats", "1"),
    ("Slave_IO_State", "Waiting for master to send event"),
    ("Master_Host", "127.0.0.1"),
    ("Master_User", "repl"),
    ("Master_Port", "3306"),
    ("Connect_Retry", "60"),
    ("Master_Log_File", "bin.000001"),
    ("Read_Master_Log_Pos", "4"),
    ("Relay_Log_File", "relay.000001"),
    ("Relay_Log_Pos", "4"),
    ("Relay_Master_Log_File", "bin.000001"),
    ("Slave_IO_Running", "Yes"),
    ("Slave_SQL_Running", "Yes"),
    ("Last_Errno", "0"),
    ("Last_Error", ""),
    ("Exec_Master_Log_Pos", "4"),
    ("Seconds_Behind_Master", "0"),
    ("Master_Server_Id", "1"),
    ("Using_Gtid", "No"),
    ("Gtid_IO_Pos", ""),
    ("Slave_SQL_Running_State", "Slave has read all relay log; waiting for more updates"),
];
