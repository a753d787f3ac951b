@testable import BoxOffice
import Postgres
import Testing

/// The statements that run for every buyer must find their rows by an index, in the one partition of their on-sale.
@Suite(.timeLimit(.minutes(5)))
struct HotStatementTests {
    @Test func `no hot statement reads a whole table`() async throws {
        try await RoomFixture.with(["active_limit": "1000"]) { room in
            try await room.open()
            let joined = try await room.join((0..<2000).map { "buyer \($0)" })
            try await room.start()
            for _ in 0..<30 { try await room.tick() }
            _ = try await room.admissions.commit(joined)
            try await room.postgres.execute(Query("test.analyze", "ANALYZE"))
            let known = JoinBatch((0..<20).map { room.request("buyer \($0)") })
            var fresh = JoinBatch((0..<20).map { room.request("late \($0)") })
            try fresh.learn(try await room.postgres.query(fresh.lookups[0]))
            let now = PostgresTimestamp.now
            let statements =
                known.lookups + fresh.inserts.map(\.query) + [
                    TickStatements.numbers(room.onSale), TickStatements.settle(room.onSale, now, all: false),
                    TickStatements.gone(room.onSale, [1, 2, 3]),
                    Places.turn(room.onSale, number: 3),
                    Places.read(room.onSale, arrival: 3, place: joined[0].place),
                    Admissions.read(room.onSale, Array(joined.prefix(3)), [1, 2, 3]),
                ]
            for statement in statements {
                let plan = try await room.plan(of: statement)
                #expect(!plan.contains("Seq Scan on places"), "\(statement.name): \(plan)")
                let partitions = Set(plan.matches(of: /on (places_\d)/).map(\.output.1))
                #expect(partitions.count <= 1, "\(statement.name): \(plan)")
            }
        }
    }
}

extension RoomFixture {
    /// How the server runs a statement when it may not read whole tables unless there is no other way.
    fileprivate func plan(of query: Query) async throws -> String {
        try await postgres.withTransaction { tx in
            try await tx.execute(Query("test.indexes", "SET LOCAL enable_seqscan = off"))
            return try await tx.query(query.explained()).map { try $0[0] as String }.joined(separator: "\n")
        }
    }
}
