import EventLog
import Postgres
import TestSupport
import Testing

@testable import usher

/// `usher events bridge kafka` as a process that is killed, against what stands in for Kafka.
@Suite("The bridge as a program", .timeLimit(.minutes(5)))
struct BridgeProgramTests {
    private static let schema = "sale"

    private func words(_ cluster: TestCluster, _ kafka: KafkaStandIn) -> [String] {
        [
            "events", "bridge", "kafka", "--database-url", cluster.url("facts"), "--schema", Self.schema,
            "--proxy",
            "http://127.0.0.1:\(kafka.port)", "--topic", "facts",
        ]
    }

    private func with(_ body: (TestCluster, KafkaStandIn, PostgresClient) async throws -> Void) async throws {
        try await TestCluster.with(settings: ["wal_level = 'logical'"]) { cluster in
            try await cluster.makeTemplate("facts", schema: Self.schema)
            let client = try cluster.client("facts", schema: Self.schema)
            try await KafkaStandIn.with { kafka in try await body(cluster, kafka, client) }
            await client.shutdown()
        }
    }

    /// Writes facts of five on-sales, some transactions beside each other.
    private func write(_ count: Int, _ client: PostgresClient) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in Int64(0)..<2 {
                group.addTask {
                    for _ in 0..<count / 20 {
                        try await client.execute(
                            Query(
                                "test.facts",
                                """
                                INSERT INTO facts (on_sale_id, recorded_at, version, kind, data)
                                SELECT 1 + (n + \(writer)) % 5, usher_now(), 1, 'test.counted', '{}'
                                FROM generate_series(1::bigint, 10) AS n
                                """
                            )
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func table(_ client: PostgresClient) async throws -> [String: [Int64]] {
        var table: [String: [Int64]] = [:]
        for row in try await client.query(
            Query("test.table", "SELECT on_sale_id, seq FROM facts ORDER BY seq")
        ) {
            let onSale: Int64 = try row[0]
            table["os_\(onSale)", default: []].append(try row[1])
        }
        return table
    }

    @Test
    func `killed in mid-stream again and again, it misses nothing, and repeats only what was on its way`()
        async throws
    {
        try await with { cluster, kafka, client in
            var kills: [Int] = []
            var total = 0
            for _ in 0..<4 {
                let bridge = try ChildProgram("usher", words(cluster, kafka), environment: [:])
                let had = kafka.topics.records.count
                try await write(600, client)
                total += 600
                // In mid-stream: some of these are there, and most are not.
                await kafka.topics.wait { $0.count >= had + 40 }
                bridge.kill()
                kills.append(kafka.topics.records.count)
            }
            let bridge = try ChildProgram("usher", words(cluster, kafka), environment: [:])
            let wanted = total
            await kafka.topics.wait { Set($0.map(\.id)).count >= wanted }
            bridge.ask()
            try await bridge.end()
            #expect(bridge.status == 0, "\(bridge.lines)")
            #expect(kafka.topics.complaints.isEmpty)
            #expect(kafka.topics.firsts == (try await table(client)))
            // A repeat was first written before a process was killed, and comes again within the next one's first batch.
            var firstAt: [Int64: Int] = [:]
            for (place, record) in kafka.topics.records.enumerated() {
                guard let first = firstAt[record.id] else {
                    firstAt[record.id] = place
                    continue
                }
                #expect(
                    kills.contains { first <= $0 + 5 && place >= $0 - 5 && place <= $0 + 505 },
                    "\(record.id) at \(first) and \(place), killed at \(kills)"
                )
            }
        }
    }

    @Test func `two on one slot take turns, a lost slot is told of in a line, and a resync goes on`()
        async throws
    {
        try await with { cluster, kafka, client in
            let first = try ChildProgram("usher", words(cluster, kafka), environment: [:])
            try await write(40, client)
            await kafka.topics.wait { $0.count == 40 }
            let second = try ChildProgram("usher", words(cluster, kafka), environment: [:])
            // What another process writes is looked at: it tells nobody that it has.
            while !second.lines.contains(where: { $0.contains("begins anew") && $0.contains("is active") }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            first.kill()
            try await write(40, client)
            await kafka.topics.wait { $0.count >= 80 }
            second.kill()
            #expect(kafka.topics.firsts == (try await table(client)))
            let drop = Query(
                "test.drop",
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
            )
            while try await client.query(drop).isEmpty { await Task.yield() }
            let lost = try await BuiltProgram.run(words(cluster, kafka))
            #expect(lost.status == 1)
            let lines = lost.errors.split(separator: "\n").filter { $0.contains("--resync") }
            #expect(lines.count == 1, "\(lost.errors)")
            #expect(
                lines.first?.contains("the replication slot usher_facts_sale_kafka is gone") == true,
                "\(lost.errors)"
            )
            try await write(40, client)
            let third = try ChildProgram("usher", words(cluster, kafka) + ["--resync"], environment: [:])
            await kafka.topics.wait { Set($0.map(\.id)).count == 120 }
            #expect(kafka.topics.firsts == (try await table(client)))
            third.kill()
            while try await client.query(Query("active", "SELECT FROM pg_replication_slots WHERE active"))
                .count > 0
            {
                await Task.yield()
            }
            let removed = try await BuiltProgram.run(words(cluster, kafka) + ["--remove"])
            #expect(removed.status == 0, "\(removed.errors)")
            let left = Query(
                "left",
                """
                SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication)
                    + (SELECT count(*) FROM fact_cursors WHERE consumer = 'kafka')
                """
            )
            #expect(try await client.first(left)?[0] == 0)
        }
    }

    @Test(
        arguments: [
            ([], "--proxy URL is missing"),
            (["--proxy", "http://127.0.0.1:1"], "--topic NAME is missing"),
            (
                ["--proxy", "https://kafka", "--topic", "t"],
                "--proxy takes a URL such as http://127.0.0.1:8082, not \"https://kafka\""
            ),
            (
                ["--proxy", "http://127.0.0.1:1", "--topic", "a b"],
                "--topic takes letters, digits, dots, underscores and hyphens, not \"a b\""
            ),
            (
                ["--proxy", "http://127.0.0.1:1", "--topic", "t", "--most-retained", "10"],
                "--most-retained takes a size such as 500MB or 10GB, not \"10\""
            ),
            (
                ["--proxy", "http://127.0.0.1:1", "--topic", "t", "--records-per-key", "0"],
                "--records-per-key takes a whole number from 1 to 10000, not \"0\""
            ),
        ] as [([String], String)]
    )
    func `what can't be is refused in one line`(_ words: [String], _ line: String) async throws {
        let result = try await BuiltProgram.run(["events", "bridge", "kafka"] + words)
        #expect(result.status == 2)
        #expect(result.errors == "usher events bridge kafka: \(line)\n")
    }

    @Test func `sizes are read as Postgres has them`() {
        #expect(ByteSize.bytes("10GB") == 10 << 30)
        #expect(ByteSize.bytes("1kB") == 1024)
        #expect(ByteSize.bytes("500MB") == 500 << 20)
        #expect(ByteSize.bytes("7B") == 7)
        for text in ["", "GB", "-1GB", "+1GB", "1 GB", "0MB", "1.5GB", "1KB", "99999999999TB", "10"] {
            #expect(ByteSize.bytes(text) == nil, "\(text)")
        }
    }
}
