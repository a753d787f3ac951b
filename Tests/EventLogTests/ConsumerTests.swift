import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import EventLog

/// Who is told, how often, and in which order.
@Suite(.timeLimit(.minutes(5)))
struct ConsumerTests {
    /// Keeps what it is told: outside, where a crash makes it be told again, and in a table, where that must not be.
    private final class Oracle: FactConsumer {
        struct Failed: Error {}

        let name: String
        let parts = 3
        let delivered = Lock<[Int64: [Int64]]>([:])
        private let dice: Lock<TestDice>
        private let failures: Int
        private let poison: Lock<Int64?>

        /// Fails one time of so many; 0 is never.
        init(_ name: String, seed: UInt64 = 1, failures: Int = 0, poison: Int64? = nil) {
            self.name = name
            self.failures = failures
            self.poison = Lock(poison)
            dice = Lock(TestDice(seed: seed))
        }

        func heal() { poison.withLock { $0 = nil } }

        private func mayFail() throws {
            let fails = dice.withLock { failures > 0 && Int.random(in: 0..<failures, using: &$0) == 0 }
            if fails { throw Failed() }
        }

        func deliver(_ facts: [Fact]) async throws {
            if let bad = poison.withLock({ $0 }), facts.contains(where: { $0.seq == bad }) { throw Failed() }
            for fact in facts { delivered.withLock { $0[fact.onSale, default: []].append(fact.seq) } }
            try mayFail()
        }

        func apply(_ facts: [Fact], in transaction: inout Transaction) async throws {
            try await transaction.execute(
                Query(
                    "test.told",
                    """
                    INSERT INTO told (consumer, on_sale_id, seq)
                    SELECT \(name), f.on_sale_id, f.seq FROM unnest(\(facts.map(\.onSale)), \(facts.map(\.seq)))
                        AS f (on_sale_id, seq)
                    """
                )
            )
            try mayFail()
        }

        func reset(in transaction: inout Transaction) async throws {
            try await transaction.execute(Query("test.reset", "DELETE FROM told WHERE consumer = \(name)"))
        }
    }

    private static var quick: ConsumerRunner.Configuration {
        var configuration = ConsumerRunner.Configuration()
        configuration.lease = .milliseconds(600)
        configuration.pause = .milliseconds(5)
        configuration.longestPause = .milliseconds(20)
        configuration.batch = 7
        return configuration
    }

    private static func prepare(_ database: TestDatabase) async throws {
        // The order in which it was told is kept, too; no fact may be there twice.
        try await database.client.execute(
            Query(
                "test.table",
                """
                CREATE TABLE told (
                    n bigint GENERATED ALWAYS AS IDENTITY, consumer text, on_sale_id bigint, seq bigint,
                    PRIMARY KEY (consumer, seq))
                """
            )
        )
    }

    private static func write(_ count: Int, _ database: TestDatabase) async throws {
        for start in stride(from: 0, to: count, by: 10) {
            try await database.client.pipeline(
                FactDraft.append(
                    (start..<min(start + 10, count)).map { FactLogTests.draft(Int64($0 % 11), $0) }
                )
            )
        }
    }

    /// By on-sale, in the order in which they were told.
    private static func told(_ name: String, _ database: TestDatabase) async throws -> [Int64: [Int64]] {
        var told: [Int64: [Int64]] = [:]
        for row in try await database.client.query(
            Query("test.read", "SELECT on_sale_id, seq FROM told WHERE consumer = \(name) ORDER BY n")
        ) {
            told[try row[0], default: []].append(try row[1])
        }
        return told
    }

    private static func all(_ database: TestDatabase) async throws -> [Int64: [Int64]] {
        var all: [Int64: [Int64]] = [:]
        for row in try await database.client.query(
            Query("test.all", "SELECT on_sale_id, seq FROM facts ORDER BY seq")
        ) {
            all[try row[0], default: []].append(try row[1])
        }
        return all
    }

    private static func runner(
        _ consumers: [any FactConsumer],
        _ member: String,
        _ client: PostgresClient,
        _ bell: Bell
    ) -> ConsumerRunner {
        var configuration = quick
        configuration.whenMoved = { bell.ring() }
        return ConsumerRunner(
            postgres: client,
            consumers: consumers,
            member: member,
            configuration: configuration,
            logger: Logger(label: "test", level: .warning)
        )
    }

    @Test(arguments: [3, 4] as [UInt64])
    func `Members come, fail, die and go; each fact is applied once, in order, and none is left out`(
        seed: UInt64
    ) async throws {
        try await withDatabase { database in
            let bell = Bell()
            try await Self.prepare(database)
            var dice = TestDice(seed: seed)
            let oracle = Oracle("oracle", seed: seed, failures: 6)
            let client = database.makeClient(.init(maximum: 6))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.write(400, database) }
                for round in 0..<6 {
                    let member = Self.runner([oracle], "m\(round)", client, bell)
                    let life = Task { await member.run() }
                    let count = 40 * (round + 1)
                    try await bell.wait {
                        try await Self.told("oracle", database).values.reduce(0) { $0 + $1.count } >= count
                    }
                    // One that is cancelled says no goodbye: its lease must end by itself.
                    if Int.random(in: 0..<2, using: &dice) == 0 { member.stop() } else { life.cancel() }
                }
                try await group.waitForAll()
            }
            let last = Self.runner([oracle], "last", client, bell)
            let life = Task { await last.run() }
            let all = try await Self.all(database)
            try await bell.wait { try await Self.told("oracle", database) == all }
            last.stop()
            await life.value
            // Outside, all of it, in order but for what was told again.
            for (onSale, told) in oracle.delivered.withLock({ $0 }) {
                var seen: Set<Int64> = []
                #expect(told.filter { seen.insert($0).inserted } == all[onSale], "seed \(seed)")
            }
            await client.shutdown()
        }
    }

    @Test func `A replay from the beginning tells all anew, and one from a number what is behind it`()
        async throws
    {
        try await withDatabase { database in
            let bell = Bell()
            try await Self.prepare(database)
            try await Self.write(100, database)
            let oracle = Oracle("oracle")
            let cursors = FactCursors(postgres: database.client)
            await #expect(throws: FactCursors.Refusal.self) {
                try await cursors.replay(oracle, from: .beginning)
            }
            let runner = Self.runner([oracle], "m", database.client, bell)
            let life = Task { await runner.run() }
            let all = try await Self.all(database)
            try await bell.wait { try await Self.told("oracle", database) == all }
            _ = try await cursors.replay(oracle, from: .beginning)
            try await bell.wait {
                let again = oracle.delivered.withLock { $0.values.reduce(0) { $0 + $1.count } }
                let told = try await Self.told("oracle", database)
                return again == 200 && told == all
            }
            // What is told twice without a reset is the consumer's own affair; this one's key refuses it.
            _ = try await cursors.replay(oracle, from: .after(90))
            try await bell.wait {
                try await ConsumerView.all(in: database.client)[0].parts.contains { $0.problem != nil }
            }
            await #expect(throws: FactCursors.Refusal.self) {
                try await cursors.replay(oracle, from: .after(-7))
            }
            await #expect(throws: FactCursors.Refusal.self) {
                try await cursors.register("oracle", parts: 9)
            }
            runner.stop()
            await life.value
            let dropped = try await cursors.drop("oracle")
            #expect(dropped)
            let views = try await ConsumerView.all(in: database.client)
            #expect(views == [])
        }
    }

    @Test func `One that fails on a fact holds back its part alone, says why, and goes on when it can`()
        async throws
    {
        try await withDatabase { database in
            let bell = Bell()
            try await Self.prepare(database)
            try await Self.write(60, database)
            let oracle = Oracle("oracle", poison: 30)
            let other = Oracle("other")
            let runner = Self.runner([oracle, other], "m", database.client, bell)
            let life = Task { await runner.run() }
            let all = try await Self.all(database)
            let onSale = try #require(all.first { $0.value.contains(30) }?.key)
            try await bell.wait {
                let told = try await Self.told("oracle", database)
                let views = try await ConsumerView.all(in: database.client)
                let stuck = views.first { $0.name == "oracle" }?.parts.filter { $0.failures > 2 } ?? []
                let others = try await Self.told("other", database) == all
                return others && stuck.count == 1 && stuck[0].problem != nil && stuck[0].lag != nil
                    && told[onSale, default: []].allSatisfy { $0 < 30 }
            }
            oracle.heal()
            try await bell.wait { try await Self.told("oracle", database) == all }
            try await bell.wait {
                try await ConsumerView.all(in: database.client).allSatisfy { view in
                    view.parts.allSatisfy { $0.problem == nil && $0.behind == 0 }
                }
            }
            runner.stop()
            await life.value
            let views = try await ConsumerView.all(in: database.client)
            #expect(views.allSatisfy { view in view.parts.allSatisfy { $0.holder == nil } })
        }
    }

    @Test func `Facts that were dropped before they were told are said to be gone, not passed over`()
        async throws
    {
        try await withDatabase { database in
            let bell = Bell()
            try await Self.prepare(database)
            try await Self.write(20, database)
            let oracle = Oracle("oracle")
            try await FactCursors(postgres: database.client).register("oracle", parts: 3)
            try await database.client.execute(Query("test.gone", "DROP TABLE facts_0"))
            try await database.client.execute(Query("test.gone", "DELETE FROM fact_ranges WHERE ordinal = 0"))
            try await database.client.execute(
                Query("test.far", "SELECT setval('fact_ids', fact_range_size() + 5)")
            )
            try await Self.write(10, database)
            let runner = Self.runner([oracle], "m", database.client, bell)
            let life = Task { await runner.run() }
            try await bell.wait {
                try await ConsumerView.all(in: database.client).first?.parts.allSatisfy {
                    $0.problem?.contains("are gone by retention") == true
                } ?? false
            }
            _ = try await FactCursors(postgres: database.client).replay(oracle, from: .beginning)
            let all = try await Self.all(database)
            try await bell.wait { try await Self.told("oracle", database) == all }
            runner.stop()
            await life.value
        }
    }
}
