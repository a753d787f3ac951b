import Postgres
import TestSupport
import Testing

@testable import EventLog

/// The log on a real server.
@Suite(.timeLimit(.minutes(5)))
struct FactLogTests {
    static func draft(_ onSale: Int64, _ number: Int, kind: String = "test.counted") -> FactDraft {
        FactDraft(onSale: onSale, kind: kind, data: JSONB(text: #"{"n": \#(number)}"#))
    }

    @Test func `A reader doesn't pass a number whose writer is still under way`() async throws {
        try await withDatabase { database in
            let log = FactLog(postgres: database.client)
            let slow = database.makeClient()
            var horizon = FactHorizon()
            try await slow.withTransaction { tx in
                try await tx.pipeline(FactDraft.append([Self.draft(1, 1)]))
                try await database.client.pipeline(FactDraft.append([Self.draft(1, 2), Self.draft(2, 3)]))
                horizon.take(try await log.sample())
                horizon.take(try await log.sample())
                #expect(horizon.final < 1 && horizon.isBehind)
            }
            while horizon.isBehind { horizon.take(try await log.sample()) }
            let facts = try await log.page(after: 0, through: horizon.final, limit: 10)
            #expect(facts.map(\.data.text) == [#"{"n": 1}"#, #"{"n": 2}"#, #"{"n": 3}"#])
            #expect(facts.map(\.onSale) == [1, 1, 2] && facts.allSatisfy { $0.kind == "test.counted" })
            #expect(try await log.page(after: 0, through: 9, onSales: [2], limit: 10).map(\.seq) == [3])
            #expect(try await log.page(after: 1, through: 3, limit: 1).map(\.seq) == [2])
            await slow.shutdown()
        }
    }

    /// What an outbox that is read by number alone gets wrong: the late commit is jumped over.
    @Test func `Beside many writers, some of which give up, a reader misses nothing and reads nothing twice`()
        async throws
    {
        try await withDatabase { database in
            let (writers, each) = (6, 60)
            let log = FactLog(postgres: database.client)
            let clients = (0..<writers).map { _ in database.makeClient(.init(maximum: 1)) }
            var seen: [Int64: [Int]] = [:]
            var numbers: [Int64] = []
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (writer, client) in clients.enumerated() {
                    group.addTask {
                        var dice = TestDice(seed: UInt64(writer))
                        var committed = 0
                        while committed < each {
                            do {
                                try await client.withTransaction { tx in
                                    try await tx.pipeline(
                                        FactDraft.append([Self.draft(Int64(writer), committed)])
                                    )
                                    // Between its number and its end a transaction does other things.
                                    for _ in 0..<Int.random(in: 0..<4, using: &dice) {
                                        _ = try await tx.query(
                                            Query("test.work", "SELECT count(*) FROM pg_class")
                                        )
                                    }
                                    if Int.random(in: 0..<5, using: &dice) == 0 { throw GaveUp() }
                                }
                                committed += 1
                            } catch is GaveUp {
                                // As it was to: rolled back, it takes another number.
                                continue
                            }
                        }
                    }
                }
                var horizon = FactHorizon()
                var position: Int64 = 0
                while true {
                    let count: Int = try await database.client.query(
                        Query("test.count", "SELECT count(*) FROM facts")
                    )[0][0]
                    horizon.take(try await log.sample())
                    for fact in try await log.page(after: position, through: horizon.final, limit: 1_000) {
                        seen[fact.onSale, default: []].append(try #require(Self.number(fact)))
                        numbers.append(fact.seq)
                    }
                    position = horizon.final
                    if count == writers * each, !horizon.isBehind { break }
                }
                try await group.waitForAll()
            }
            for writer in 0..<writers { #expect(seen[Int64(writer)] == Array(0..<each), "writer \(writer)") }
            #expect(numbers == numbers.sorted())
            for client in clients { await client.shutdown() }
        }
    }

    private struct GaveUp: Error {}

    private static func number(_ fact: Fact) -> Int? {
        Int(fact.data.text.filter(\.isNumber))
    }

    @Test func `A replay from a time begins where that time is, and old parts go when nobody needs them`()
        async throws
    {
        try await withDatabase { database in
            let client = database.client
            let log = FactLog(postgres: client)
            try await client.pipeline(FactDraft.append((0..<50).map { Self.draft(1, $0) }))
            try await client.execute(Query("test.shift", "UPDATE clock SET shift = interval '1 hour'"))
            let later: PostgresTimestamp = try await client.query(Query("test.now", "SELECT usher_now()"))[0][
                0
            ]
            try await client.pipeline(FactDraft.append((0..<50).map { Self.draft(1, $0) }))
            #expect(try await log.position(before: later) == 50)
            #expect(try await log.position(before: later - .seconds(7200)) == -1)
            #expect(try await log.position(before: later + .seconds(7200)) == 100)

            func drop(_ keep: String, _ most: String) async throws -> Int64? {
                try await client.query(
                    Query(
                        "test.drop",
                        "SELECT drop_fact_range(\(keep)::text::interval, \(most)::text::interval)"
                    )
                )[0][0]
            }
            // The part that is being filled stays.
            #expect(try await drop("0", "0") == nil)
            try await client.execute(Query("test.far", "SELECT setval('fact_ids', fact_range_size() + 5)"))
            try await client.execute(Query("test.ahead", "SELECT extend_fact_ranges()"))
            try await client.pipeline(FactDraft.append([Self.draft(1, 100)]))
            #expect(try await drop("1 day", "2 days") == nil)
            try await client.execute(
                Query(
                    "test.behind",
                    """
                    WITH c AS (INSERT INTO fact_consumers VALUES ('slow', 1, now()) RETURNING name)
                    INSERT INTO fact_cursors (consumer, part, position) VALUES ('slow', 0, 70)
                    """
                )
            )
            try await client.execute(Query("test.shift", "UPDATE clock SET shift = interval '36 hours'"))
            #expect(try await drop("1 day", "2 days") == nil)
            try await client.execute(Query("test.shift", "UPDATE clock SET shift = interval '50 hours'"))
            #expect(try await drop("1 day", "2 days") == 0)
            #expect(try await log.start() == 999_999)
            #expect(try await log.page(after: 0, through: .max, limit: 10).count == 1)
        }
    }

    @Test func `The envelope is a CloudEvent`() throws {
        let fact = Fact(
            seq: 12,
            onSale: 7,
            kind: "reservation.held",
            version: 1,
            data: JSONB(text: #"{"quantity": 2}"#),
            recordedAt: PostgresTimestamp(microseconds: 0)
        )
        #expect(
            String(decoding: CloudEvent(fact, onSale: "os_7").bytes, as: UTF8.self) == """
                {"specversion":"1.0","id":"12","source":"/v1/on-sales/os_7","type":"usher.reservation.held.v1",\
                "time":"\(PostgresTimestamp(microseconds: 0))","partitionkey":"os_7",\
                "dataschema":"urn:usher:event:reservation.held.v1","datacontenttype":"application/json",\
                "data":{"quantity": 2}}
                """
        )
    }
}
