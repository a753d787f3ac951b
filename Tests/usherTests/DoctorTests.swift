import HTTP
import Jobs
import Postgres
import TestSupport
import Testing

@testable import usher

/// What the doctor says, of servers on paper and of a real one.
@Suite(.timeLimit(.minutes(5)))
struct DoctorTests {
    /// A server that is well.
    private static let well = DoctorReading(
        settings: [
            "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on",
            "track_counts": "on", "autovacuum_naptime": "5000", "autovacuum_vacuum_cost_delay": "0",
            "max_connections": "200", "idle_in_transaction_session_timeout": "60000", "wal_level": "replica",
            "max_slot_wal_keep_size": "-1", "max_wal_size": "2147483648", "shared_buffers": "268435456",
            "random_page_cost": "1.1", "jit": "off", "data_checksums": "on", "log_lock_waits": "on",
            "server_encoding": "UTF8", "server_version": "15.18",
        ],
        connections: 12,
        queues: [.init(name: "default", ready: 1)]
    )

    private static func complaints(_ change: (inout DoctorReading) -> Void) -> [DoctorFinding] {
        var reading = well
        change(&reading)
        return Doctor.findings(reading).filter { $0.grade != .ok }
    }

    @Test func `Of what is well nothing is said, and each setting is looked at`() {
        #expect(Self.complaints { _ in } == [])
        #expect(Set(Self.well.settings.keys) == Set(Doctor.settings))
    }

    @Test(arguments: [
        ("fsync", "off", "wrong"), ("full_page_writes", "off", "wrong"),
        ("synchronous_commit", "off", "wrong"),
        ("autovacuum", "off", "wrong"), ("track_counts", "off", "wrong"), ("wal_level", "minimal", "wrong"),
        ("server_encoding", "LATIN1", "wrong"), ("max_connections", "14", "wrong"),
        ("autovacuum_naptime", "60000", "advice"), ("autovacuum_vacuum_cost_delay", "20", "advice"),
        ("idle_in_transaction_session_timeout", "0", "advice"), ("max_wal_size", "104857600", "advice"),
        ("shared_buffers", "16777216", "advice"), ("random_page_cost", "4", "advice"),
        ("jit", "on", "advice"),
        ("data_checksums", "off", "advice"), ("log_lock_waits", "off", "advice"),
    ])
    func `A setting that is not well is named, with what to do`(name: String, value: String, grade: String) {
        let found = Self.complaints { $0.settings[name] = value }
        #expect(found.map(\.name) == [name] && found.map(\.grade.rawValue) == [grade], "\(found)")
        #expect(found.allSatisfy { $0.remedy?.isEmpty == false })
    }

    @Test func `So is what is not well with the house`() {
        func names(_ change: (inout DoctorReading) -> Void) -> [String] {
            Self.complaints(change).map(\.name)
        }
        #expect(names { $0.clockSkew = .seconds(-3) } == ["clock"])
        #expect(names { $0.hasScheduler = false } == ["scheduler"])
        #expect(names { $0.prepared = 2 } == ["prepared transactions"])
        #expect(names { $0.oldestTransaction = .seconds(900) } == ["old transactions"])
        #expect(names { $0.forsakenConsumers = ["search"] } == ["consumers of events"])
        #expect(names { $0.tables = [.init(name: "ready_3", rows: 10, dead: 200_000)] } == ["dead rows"])
        #expect(names { $0.queues = [.init(name: "payments", ready: 1, isServed: false)] } == ["queues"])
        #expect(names { $0.queues = [.init(name: "payments", isPaused: true)] } == ["paused queues"])
        // One that has nothing to do needs nobody.
        #expect(names { $0.queues = [.init(name: "payments", isServed: false)] } == [])
        let slots = Self.complaints {
            $0.slots = [.init(name: "kafka", isActive: false, retained: 7_340_032)]
        }
        #expect(slots.map(\.name) == ["replication slots", "max_slot_wal_keep_size"])
        #expect(slots.first?.says == "nobody reads kafka, which keeps 7 MB of log")
    }

    @Test func `A real server is looked at, and its ill are named`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("forgotten", lanes: 1)
            _ = try await store.enqueue([NewJob(name: "thing", queue: "forgotten", input: JSONB(text: "{}"))])
            let words = ["doctor", "--json", "--database-url", database.url, "--schema", database.schema]
            let result = try await BuiltProgram.run(words)
            #expect(result.status == 1, "\(result)")
            let found = try result.output.split(separator: "\n").map {
                try JSONValue(parsing: Array($0.utf8))
            }
            func grade(_ name: String) -> String? {
                found.first { $0["name"]?.string == name }?["grade"]?.string
            }
            // Nobody leads here, and nobody serves that queue; the encoding and the clock are what they should be.
            #expect(grade("scheduler") == "wrong" && grade("queues") == "wrong", "\(result.output)")
            #expect(grade("server_encoding") == "ok" && grade("clock") == "ok" && grade("wal_level") == "ok")
            #expect(found.count == Doctor.findings(Self.well).count)
            let text = try await BuiltProgram.run([
                "doctor", "--database-url", database.url, "--schema", database.schema,
            ])
            #expect(
                text.output.contains(
                    "nobody serves forgotten, where jobs are ready\n       usher worker --queues forgotten\n"
                )
            )
            #expect(text.errors.contains("things are wrong"), "\(text.errors)")
        }
    }
}
