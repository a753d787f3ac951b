import Jobs
import Postgres
import TestSupport
import Testing

/// Rivals that claim, end, fail, hand back and die by chance: a key never has more than its limit, and nothing is stuck.
@Suite(.timeLimit(.minutes(5)))
struct KeyExactnessTests {
    private static let limits: [String: Int64] = ["a": 1, "b": 2, "c": 3, "d": 3]

    /// Jobs of a key in lanes and claims at one instant, where they are more than the key may have.
    private func excess(_ database: TestDatabase) async throws -> [String] {
        let rows = try await database.client.query(
            Query(
                "t_excess",
                """
                SELECT j.limit_key, count(*)
                FROM (SELECT job_id AS id FROM ready UNION ALL SELECT unnest(job_ids) FROM claims) AS held
                    JOIN jobs j ON j.id = held.id
                GROUP BY j.limit_key
                """
            )
        )
        return try rows.compactMap { row in
            let key: String = try row[0]
            let count: Int64 = try row[1]
            return count > Self.limits[key, default: 0] ? "\(count) of key \(key)" : nil
        }
    }

    private func isOver(_ database: TestDatabase) async throws -> Bool {
        try await database.client.query(
            Query(
                "t_over",
                """
                SELECT NOT EXISTS (SELECT FROM blocked) AND NOT EXISTS (SELECT FROM ready)
                    AND NOT EXISTS (SELECT FROM claims) AND NOT EXISTS (SELECT FROM timers)
                """
            )
        )[0][0]
    }

    private func rival(_ worker: Int64, _ seed: UInt64, _ desk: LimitDesk) async throws -> [String] {
        var random = SeededRandom(seed: seed &* 31 &+ UInt64(worker))
        var excess: [String] = []
        while try await !isOver(desk.database) {
            try await desk.dispatch(most: Int.random(in: 1...4, using: &random))
            let dies = Int.random(in: 0..<10, using: &random) == 0
            let jobs = try await desk.claim(Int.random(in: 1...4, using: &random), worker: dies ? 99 : worker)
            excess += try await self.excess(desk.database)
            guard !dies else { continue }
            for job in jobs {
                switch Int.random(in: 0..<10, using: &random) {
                case 0: try await desk.settle(job, .handedBack)
                case 1, 2: try await desk.settle(job, .retry(after: .zero, failures: 1, error: "by chance"))
                case 3: try await desk.settle(job, .failed(failures: 1, error: "by chance"))
                case 4: try await desk.settle(job, .cancelled(reason: "by chance"))
                default: try await desk.settle(job, .done(output: nil))
                }
                // Nothing comes of saying it twice.
                if Int.random(in: 0..<4, using: &random) == 0 { try await desk.settle(job, .handedBack) }
                excess += try await self.excess(desk.database)
            }
        }
        return excess
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [nil, 1])
    func `No key ever has more than its limit, and everything ends`(
        _ seed: UInt64,
        _ window: Int?
    ) async throws {
        try await withDatabase(pool: .init(maximum: 10)) { database in
            let desk = try await LimitDesk(database)
            let limits = QueueLimits(perKey: KeyLimit(maxRunning: 3), fairWindow: window)
            try await desk.store.setLimits(limits, queue: "q")
            for key in ["a", "b"] {
                try await desk.store.setKeyLimit(
                    KeyLimit(maxRunning: key == "a" ? 1 : 2),
                    queue: "q",
                    key: key
                )
            }
            try await database.client.execute(
                Query(
                    "t",
                    """
                    INSERT INTO workers (id, pool, queues, host, process_id, capacity) OVERRIDING SYSTEM VALUE
                    SELECT n, 'p', '{}', 'h', 1, 1 FROM generate_series(1, 8) n
                    """
                )
            )
            for _ in 0..<10 { for key in Self.limits.keys.sorted() { _ = try await desk.enqueue(4, key) } }
            let excess = try await withThrowingTaskGroup(of: [String].self) { group in
                for worker in Int64(1)...8 { group.addTask { try await rival(worker, seed, desk) } }
                group.addTask {
                    // What a scheduler does; not the sweep, because no signal may be lost.
                    while try await !isOver(database) {
                        _ = try await desk.rescue(maxFailures: 50)
                        _ = try await database.client.query(JobStatements.promoteDue(limit: 10))
                    }
                    return []
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(excess.isEmpty, "seed \(seed): \(excess)")
            #expect(try await desk.count("admitted") == 0, "seed \(seed)")
            try await desk.expectSound()
        }
    }
}
