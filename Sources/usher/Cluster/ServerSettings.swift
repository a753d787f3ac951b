/// What a private server is tuned to: an on-sale's many short transactions, on a machine it shares with us.
struct ServerSettings: Sendable {
    /// Where the one socket lies.
    let socketDirectory: String
    /// The machine's memory in bytes.
    let memory: Int64

    /// The text of the settings file.
    var text: String {
        let megabytes = memory / 1_048_576
        let shared = min(2048, max(128, megabytes / 8))
        let settings: [(String, String)] = [
            ("listen_addresses", "''"),
            ("unix_socket_directories", "'\(socketDirectory)'"),
            ("unix_socket_permissions", "0700"),
            ("max_connections", "200"),
            ("shared_buffers", "'\(shared)MB'"),
            ("effective_cache_size", "'\(max(256, megabytes / 2))MB'"),
            ("wal_buffers", "'16MB'"),
            ("max_wal_size", "'2GB'"),
            ("checkpoint_timeout", "'15min'"),
            ("random_page_cost", "1.1"),
            ("jit", "off"),
            // What is answered 2xx is on disk.
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),
            // Queue tables turn over quickly: clean them often and without pausing.
            ("autovacuum_naptime", "'5s'"),
            ("autovacuum_vacuum_cost_delay", "0"),
            ("idle_in_transaction_session_timeout", "'60s'"),
            ("restart_after_crash", "on"),
            ("timezone", "'UTC'"),
            ("log_timezone", "'UTC'"),
            ("log_line_prefix", "'%m [%p] '"),
        ]
        return settings.map { "\($0.0) = \($0.1)\n" }.joined()
    }
}
