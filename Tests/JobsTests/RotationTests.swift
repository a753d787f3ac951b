import Jobs
import Postgres
import Testing
import TestSupport

/// Lanes change sides, so that dead rows go without vacuum.
@Suite(.timeLimit(.minutes(5)))
struct RotationTests {
    private let leaves = [LaneLeaf(number: 0, queue: "default"), LaneLeaf(number: 1, queue: "default")]

    private func enqueue(_ count: Int, _ database: TestDatabase) async throws -> [JobID] {
        try await JobStore(postgres: database.client).enqueue(
            (0..<count).map { _ in NewJob(name: "x", input: JSONB(text: "{}")) }
        )
    }

    private func work(_ side: Int, _ database: TestDatabase, floor: LaneFloor? = nil) async throws -> [JobID]
    {
        let rows = try await database.client.query(
            JobStatements.claim(leaves[side], limit: 500, worker: 1, floor: floor)
        )
        let jobs = try rows.map { try ClaimedJob(claim: $0, from: "default") }
        _ = try await database.client.query(JobStatements.close(batches: jobs.map(\.batch)))
        return jobs.map(\.id).sorted()
    }

    /// What the leading scheduler does each second, once the server has counted what was done.
    private func rotate(_ database: TestDatabase) async throws -> (truncated: Int32, turned: Int32) {
        _ = try await database.client.query(Query("t_flush", "SELECT pg_stat_force_next_flush()"))
        _ = try await database.client.query(Query("t_flushed", "SELECT 1"))
        let row = try await database.client.query(Query("t_rotate", "SELECT * FROM rotate_lanes(100)"))[0]
        return (try row[0], try row[1])
    }

    private func size(_ leaf: Int32, _ database: TestDatabase) async throws -> Int64 {
        try await database.client.query(
            Query("t_size", "SELECT pg_relation_size(\("ready_\(leaf)")::regclass)")
        )[0][0]
    }

    @Test func `A side full of dead rows hands over, runs dry and is truncated under an old snapshot`()
        async throws
    {
        try await withDatabase(pool: .init(maximum: 1)) { database in
            try await JobStore(postgres: database.client).ensureQueue("default", lanes: 1)
            let reader = database.makeClient()
            try await reader.withTransaction(TransactionOptions(isolation: .repeatableRead)) { tx in
                // An old snapshot, of somebody who reads other tables.
                _ = try await tx.query(Query("t_old", "SELECT count(*) FROM clock"))
                _ = try await enqueue(200, database)
                #expect(try await work(0, database).count == 200)
                #expect(try await rotate(database) == (0, 1))
                // The last of the old side: committed late, it is found there.
                try await database.client.execute(
                    Query("t_late", "INSERT INTO ready (rank, job_id, lane, is_run) VALUES (0, 1, 0, false)")
                )
                let fresh = try await enqueue(3, database)
                #expect(try await rotate(database) == (0, 0))
                #expect(try await work(1, database) == fresh)
                #expect(try await work(0, database) == [JobID(rawValue: 1)])
                #expect(try await size(0, database) > 0)
                #expect(try await rotate(database) == (1, 0))
                #expect(try await size(0, database) == 0)
            }
            await reader.shutdown()
        }
    }

    @Test func `A leaf that somebody reads is left for the next time`() async throws {
        try await withDatabase(pool: .init(maximum: 1)) { database in
            try await JobStore(postgres: database.client).ensureQueue("default", lanes: 1)
            _ = try await enqueue(200, database)
            _ = try await work(0, database)
            #expect(try await rotate(database) == (0, 1))
            let reader = database.makeClient()
            try await reader.withTransaction { tx in
                _ = try await tx.query(Query("t_read", "SELECT count(*) FROM ready_0"))
                #expect(try await rotate(database) == (0, 0))
            }
            #expect(try await rotate(database) == (1, 0))
            await reader.shutdown()
        }
    }

    @Test func `A claim with a floor takes nothing from before it`() async throws {
        try await withDatabase { database in
            try await JobStore(postgres: database.client).ensureQueue("default", lanes: 1)
            let ids = try await enqueue(5, database)
            #expect(
                try await work(0, database, floor: LaneFloor(rank: 0, id: ids[3])) == [ids[3], ids[4]]
            )
            #expect(try await work(0, database) == Array(ids[0..<3]))
        }
    }
}
