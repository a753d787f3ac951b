import Postgres
import Reactor
import TestSupport
import Testing

@testable import BoxOffice

/// Arrival numbers without gap or double, whatever becomes of the batches that took them.
///
/// `USHER_TEST_SEED` repeats a run.
@Suite("The proof of joining", .timeLimit(.minutes(3)))
struct JoinProofTests {
    private struct Aborted: Error {}

    @Test func `Batches that are aborted after taking their numbers leave no gap`() async throws {
        let seed = testSetting("USHER_TEST_SEED") ?? .random(in: 0...999_999)
        print("seed \(seed)")
        try await RoomFixture.with { room in
            try await room.open()
            let aborted = try await withThrowingTaskGroup(of: Int.self) { group in
                for gateway in 0..<4 {
                    group.addTask {
                        var dice = TestDice(seed: seed, stream: gateway)
                        var aborted = 0
                        for batch in 0..<12 {
                            // Some buyers are another gateway's, too.
                            let names = (0..<Int.random(in: 1...9, using: &dice)).map {
                                "\((gateway + $0 % 2) % 4) \(batch) \($0)"
                            }
                            if Int.random(in: 0..<3, using: &dice) == 0 {
                                aborted += try await abort(names, in: room)
                            } else {
                                _ = try await room.joins.commit(names.map(room.request))
                            }
                        }
                        return aborted
                    }
                }
                return try await group.reduce(0, +)
            }
            let issued = try await room.status().last
            let numbers = try await room.postgres.query(
                Query("test.numbers", "SELECT arrival FROM places ORDER BY arrival")
            ).map { row in try row[0] as Int64 }
            #expect(numbers == Array(1...issued), "seed \(seed)")
            #expect(try await room.offenders() == [], "seed \(seed)")
            print("\(issued) places, \(aborted) batches aborted")
        }
    }

    /// Takes numbers and inserts places, and then doesn't commit; returns whether it got as far.
    private func abort(_ names: [String], in room: RoomFixture) async throws -> Int {
        do {
            try await room.postgres.withTransaction { tx in
                try await take(names, in: room, &tx)
                throw Aborted()
            }
        } catch is Aborted {
            return 1
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            // Another gateway was faster with one of the buyers: aborted as well, by the server.
            return 1
        } catch let error as PostgresError where error.sqlState == .deadlockDetected {
            return 1
        }
        return 0
    }

    private func take(_ names: [String], in room: RoomFixture, _ tx: inout Transaction) async throws {
        var batch = JoinBatch(names.map(room.request))
        for rows in try await tx.pipeline(batch.lookups) { try batch.learn(rows) }
        _ = try await tx.pipeline(batch.inserts.map(\.query))
    }

    @Test func `The seal waits for a slow join that has its numbers, and draws it`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            _ = try await room.join(["a", "b"])
            try await room.pass(.seconds(1800))
            let (taken, hasTaken) = AsyncStream<Void>.makeStream()
            let (go, goes) = AsyncStream<Void>.makeStream()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await room.postgres.withTransaction { tx in
                        try await take(["slow 1", "slow 2", "slow 3"], in: room, &tx)
                        hasTaken.finish()
                        for await _ in go {}
                    }
                }
                group.addTask {
                    for await _ in taken {}
                    try await room.advance()
                }
                group.addTask {
                    var isWaiting = false
                    // The server does the waiting: until somebody waits for a lock, which can only be the seal.
                    for _ in 0..<2000 {
                        let waits: Bool = try await room.postgres.query(
                            Query(
                                "test.waits",
                                """
                                SELECT EXISTS (SELECT FROM pg_stat_activity
                                    WHERE datname = current_database() AND wait_event_type = 'Lock'
                                        AND query LIKE '%arrivals%'), pg_sleep(0.005)
                                """
                            )
                        )[0][0]
                        isWaiting = waits
                        if waits { break }
                    }
                    #expect(isWaiting, "the seal does not wait")
                    goes.finish()
                }
                try await group.waitForAll()
            }
            #expect(try await room.status().entries == 5)
            // Who joins between the seal and the draw comes after the drawn.
            _ = try await room.join(["late"])
            while try await !room.advance().drawn {}
            let status = try await room.status()
            #expect(status.entries == 5)
            #expect(status.number(ofArrival: 6, orders: room.orders) == 6)
            #expect(try await room.offenders() == [])
        }
    }
}
