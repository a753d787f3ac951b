/// Says of a server and the house on it what is well, what could be better, and what is wrong; without any I/O.
enum Doctor {
    /// The settings that are looked at.
    static let settings = [
        "fsync", "full_page_writes", "synchronous_commit", "autovacuum", "track_counts", "autovacuum_naptime",
        "autovacuum_vacuum_cost_delay", "max_connections", "idle_in_transaction_session_timeout", "wal_level",
        "max_slot_wal_keep_size", "max_wal_size", "shared_buffers", "random_page_cost", "jit",
        "data_checksums",
        "log_lock_waits", "server_encoding", "server_version",
    ]

    private static let megabyte: Int64 = 1_048_576

    /// Looks at everything.
    ///
    /// - Returns: What was found, in a fixed order.
    static func findings(_ reading: DoctorReading) -> [DoctorFinding] {
        let settings = reading.settings
        func number(_ name: String) -> Double { settings[name].flatMap(Double.init) ?? 0 }
        var findings: [DoctorFinding] = []
        func look(
            _ name: String,
            _ isWell: Bool,
            _ well: String,
            _ grade: DoctorFinding.Grade,
            _ says: String,
            _ remedy: String
        ) {
            findings.append(
                isWell
                    ? DoctorFinding(grade: .ok, name: name, says: well)
                    : DoctorFinding(grade: grade, name: name, says: says, remedy: remedy)
            )
        }
        func set(_ name: String, _ value: String) -> String {
            "ALTER SYSTEM SET \(name) = \(value); SELECT pg_reload_conf()"
        }

        // What was answered is kept.
        for name in ["fsync", "full_page_writes"] {
            look(
                name,
                settings[name] == "on",
                "on",
                .wrong,
                "off: when the machine loses power, the database is broken",
                set(name, "on")
            )
        }
        look(
            "synchronous_commit",
            settings["synchronous_commit"] != "off",
            settings["synchronous_commit"] ?? "on",
            .wrong,
            "off: what buyers were told is done may be lost with the server",
            set("synchronous_commit", "on")
        )
        look(
            "data_checksums",
            settings["data_checksums"] == "on",
            "on",
            .advice,
            "off: a disk that changes bytes is not noticed",
            "stop the server and run pg_checksums --enable"
        )
        look(
            "server_encoding",
            settings["server_encoding"] == "UTF8",
            "UTF8",
            .wrong,
            "\(settings["server_encoding"] ?? "unknown"): names that buyers see can't be kept",
            "make the database with ENCODING 'UTF8'"
        )

        // Queue tables turn over quickly.
        for name in ["autovacuum", "track_counts"] {
            look(
                name,
                settings[name] == "on",
                "on",
                .wrong,
                "off: nothing cleans the queues, which get slower by the hour",
                set(name, "on")
            )
        }
        look(
            "autovacuum_naptime",
            number("autovacuum_naptime") <= 15_000,
            "\(Int(number("autovacuum_naptime") / 1000)) s",
            .advice,
            "\(Int(number("autovacuum_naptime") / 1000)) s: between two looks a busy queue gathers a lot of dead rows",
            set("autovacuum_naptime", "'5s'")
        )
        look(
            "autovacuum_vacuum_cost_delay",
            number("autovacuum_vacuum_cost_delay") <= 2,
            "\(settings["autovacuum_vacuum_cost_delay"] ?? "") ms",
            .advice,
            "\(settings["autovacuum_vacuum_cost_delay"] ?? "") ms: cleaning may be slower than the queues",
            set("autovacuum_vacuum_cost_delay", "0")
        )
        look(
            "dead rows",
            reading.tables.isEmpty,
            "no table has more of them than rows",
            .advice,
            reading.tables.map { "\($0.name) has \($0.dead) beside \($0.rows) rows" }.joined(separator: ", "),
            "see what keeps them: old transactions and slots below"
        )
        look(
            "old transactions",
            reading.oldestTransaction < .seconds(300),
            "the oldest runs for \(reading.oldestTransaction.components.seconds) s",
            .wrong,
            "the oldest runs for \(reading.oldestTransaction.components.seconds) s: nothing that died since can be cleaned away, "
                + "and events may wait for it",
            "the board's snapshots name the session; SELECT pg_terminate_backend(PID) ends it"
        )
        look(
            "idle_in_transaction_session_timeout",
            number("idle_in_transaction_session_timeout") > 0,
            "\(Int(number("idle_in_transaction_session_timeout") / 1000)) s",
            .advice,
            "none: a client that forgets to commit keeps dead rows for as long as it lives",
            set("idle_in_transaction_session_timeout", "'60s'")
        )
        look(
            "prepared transactions",
            reading.prepared == 0,
            "none",
            .wrong,
            "\(reading.prepared): they keep dead rows and locks until somebody ends them",
            "SELECT gid FROM pg_prepared_xacts; ROLLBACK PREPARED 'GID'"
        )

        // Replicas, backups and change capture.
        look(
            "wal_level",
            settings["wal_level"] != "minimal",
            settings["wal_level"] ?? "replica",
            .wrong,
            "minimal: neither replicas nor backups to a point in time can be made",
            "ALTER SYSTEM SET wal_level = logical, and restart the server"
        )
        let idle = reading.slots.filter { !$0.isActive }
        look(
            "replication slots",
            idle.isEmpty,
            "\(reading.slots.count), all read",
            .wrong,
            idle.map { "nobody reads \($0.name), which keeps \($0.retained / Self.megabyte) MB of log" }
                .joined(separator: ", "),
            "start whoever reads it, or SELECT pg_drop_replication_slot('NAME')"
        )
        look(
            "max_slot_wal_keep_size",
            reading.slots.isEmpty || number("max_slot_wal_keep_size") >= 0,
            reading.slots.isEmpty ? "no slot needs it" : "a slot may keep so much and no more",
            .advice,
            "no limit: a slot that nobody reads fills the disk",
            set("max_slot_wal_keep_size", "'20GB'")
        )

        // What it costs.
        let most = Int(number("max_connections"))
        look(
            "max_connections",
            most == 0 || reading.connections * 5 < most * 4,
            "\(reading.connections) of \(most) are in use",
            .wrong,
            "\(reading.connections) of \(most) are in use: the next processes get none",
            "put a pooler in between (docs/poolers.md), or raise max_connections and restart"
        )
        look(
            "shared_buffers",
            number("shared_buffers") >= Double(128 * Self.megabyte),
            "\(Int64(number("shared_buffers")) / Self.megabyte) MB",
            .advice,
            "\(Int64(number("shared_buffers")) / Self.megabyte) MB: the tables of a sale don't fit",
            "a quarter of the machine's memory, and a restart"
        )
        look(
            "max_wal_size",
            number("max_wal_size") >= Double(1024 * Self.megabyte),
            "\(Int64(number("max_wal_size")) / Self.megabyte) MB",
            .advice,
            "\(Int64(number("max_wal_size")) / Self.megabyte) MB: checkpoints follow each other in an on-sale, and each makes writes dearer",
            set("max_wal_size", "'4GB'")
        )
        look(
            "random_page_cost",
            number("random_page_cost") < 3,
            settings["random_page_cost"] ?? "",
            .advice,
            "\(settings["random_page_cost"] ?? ""): that is a spinning disk's; indexes are passed over on others",
            set("random_page_cost", "1.1")
        )
        look(
            "jit",
            settings["jit"] == "off",
            "off",
            .advice,
            "on: it compiles statements that are over sooner",
            set("jit", "off")
        )
        look(
            "log_lock_waits",
            settings["log_lock_waits"] == "on",
            "on",
            .advice,
            "off: who waited for whom is not in the server's log",
            set("log_lock_waits", "on")
        )
        let skew = Int(reading.clockSkew / .milliseconds(1))
        look(
            "clock",
            abs(skew) < 1000,
            "the server's is \(skew) ms from this machine's",
            .wrong,
            "the server's is \(skew) ms from this machine's: sales start by the server's, logs are by ours",
            "have both follow a time server"
        )

        // The house.
        look(
            "scheduler",
            reading.hasScheduler,
            "one leads",
            .wrong,
            "none leads: nothing that is due becomes ready, and nobody notices dead workers",
            "usher scheduler"
        )
        let unserved = reading.queues.filter { $0.ready > 0 && !$0.isServed }
        look(
            "queues",
            unserved.isEmpty,
            "each that has something to do has workers",
            .wrong,
            "nobody serves \(unserved.map(\.name).joined(separator: ", ")), where jobs are ready",
            "usher worker --queues \(unserved.map(\.name).joined(separator: ","))"
        )
        let paused = reading.queues.filter(\.isPaused)
        look(
            "paused queues",
            paused.isEmpty,
            "none",
            .advice,
            paused.map(\.name).joined(separator: ", "),
            "resume them on the board, when whoever paused them agrees"
        )
        look(
            "consumers of events",
            reading.forsakenConsumers.isEmpty,
            "none is left alone",
            .wrong,
            "nobody works for \(reading.forsakenConsumers.joined(separator: ", "))",
            "usher events run"
        )
        return findings
    }
}
