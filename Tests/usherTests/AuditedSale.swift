import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// A small on-sale under way, and jobs in every state: something for the audit to find in order.
///
/// Nothing runs in it; every step is made by hand.
struct AuditedSale: Sendable {
    let database: TestDatabase
    let onSale: OnSaleID
    private let orders = DrawOrders()

    /// Ten buyers were drawn and five came late; two are in, one holds standing room and one holds seats.
    static func seeded(in database: TestDatabase) async throws -> AuditedSale {
        try await JobStore(postgres: database.client).ensureQueue("default", lanes: 1)
        let now = try await database.client.first(Query("test.now", "SELECT usher_now()"))
        let opening = try #require(try now?[0] as PostgresTimestamp?) + .seconds(3600)
        let record = try await OnSales(postgres: database.client)
            .schedule(json: Array(plan(opening: opening).utf8), by: "test")
        let sale = AuditedSale(database: database, onSale: record.id)
        // The lifecycle's run stands still, as one does between two dates.
        try await sale.run("UPDATE jobs SET state = 'waiting', waiting_for = '{changed}'; DELETE FROM ready")
        try await sale.pass(3600)
        let early = try await sale.join((0..<10).map { "early \($0)" })
        try await sale.pass(1800)
        for _ in 0..<2 { try await sale.advance() }
        _ = try await sale.join((0..<5).map { "late \($0)" })
        try await sale.tick()
        try await sale.hold(for: early.prefix(2))
        try await sale.makeJobs()
        return sale
    }

    /// Runs a script.
    func run(_ script: String) async throws { try await database.client.simple(script) }

    private static func plan(opening: PostgresTimestamp) -> String {
        """
        {"title": "Evening", "venue": "Hall", "city": "Bremen", "currency": "EUR", "opens_at": "\(opening)",
         "starts_at": "\(opening + .seconds(1800))", "closes_at": "\(opening + .seconds(7200))",
         "rate_per_minute": 1200, "active_limit": 50, "capacity": 112,
         "tiers": [{"id": "floor", "name": "Floor", "price": 3000}, {"id": "seated", "name": "S", "price": 4500}],
         "sections": [{"id": "F", "name": "Floor", "tier": "floor", "standing": 100},
                      {"id": "S", "tier": "seated", "rows": [{"row": "A-C", "seats": "1-4"}]}]}
        """
    }

    private func pass(_ seconds: Int) async throws {
        try await run("UPDATE clock SET shift = shift + interval '\(seconds) s'")
        try await advance()
    }

    private func advance() async throws {
        try await database.client.withTransaction { tx in
            _ = try await OnSaleProgress.advance(onSale, in: &tx)
        }
    }

    private func join(_ names: [String]) async throws -> [AdmissionRequest] {
        let requests = names.map {
            JoinRequest(onSale: onSale, buyer: Buyer.proven($0).fingerprint(under: [1]))
        }
        return try await Joins(postgres: database.client).commit(requests).compactMap { outcome in
            guard case .joined(let place, let arrival, _) = outcome else { return nil }
            return AdmissionRequest(onSale: onSale, arrival: arrival, place: place)
        }
    }

    /// Calls everybody.
    private func tick() async throws {
        try await run("UPDATE on_sales SET carry = 15; UPDATE clock SET shift = shift + interval '1 s'")
        try await database.client.withTransaction { tx in
            _ = try await TickTransaction(onSale: onSale, orders: orders).run(in: &tx)
        }
    }

    private func hold(for places: ArraySlice<AdmissionRequest>) async throws {
        let outcomes = try await Admissions(postgres: database.client, orders: orders).commit(Array(places))
        let sessions = outcomes.compactMap { outcome in
            if case .admitted(let session) = outcome { session } else { nil }
        }
        try #require(sessions.count == 2)
        let batch = zip(sessions, ["floor", "seated"]).enumerated().map { index, wish in
            CohortMember(
                runID: JobID(rawValue: 1_000 + Int64(index)),
                step: HoldSeats(
                    request: HoldRequest(
                        onSale: onSale,
                        admission: wish.0.id,
                        choice: .best(tier: wish.1, quantity: 2),
                        idempotency: nil
                    )
                )
            )
        }
        try await run(
            """
            INSERT INTO jobs (id, name, home_queue, queue, state, input, waiting_for)
            SELECT id, 'reservation', 'default', 'default', 'waiting', '{}', '{checkout}'
            FROM generate_series(1000, 1001) AS id
            """
        )
        let outcomesOfHolds = try await database.client.withTransaction { tx in
            try await HoldSeats.perform(batch, in: &tx)
        }
        for outcome in outcomesOfHolds {
            guard case .held = outcome else { throw NotHeld(outcome: outcome) }
        }
    }

    struct NotHeld: Error {
        let outcome: HoldOutcome
    }

    /// Runs: one ready, one running, one done, one failed, one to be tried again, and one that waits.
    private func makeJobs() async throws {
        let store = JobStore(postgres: database.client)
        let input = JSONB(text: "0")
        let ids = try await store.enqueue(
            (0..<6).map { _ in NewJob.run(name: "x", queue: "default", input: input) }
        )
        let leaf = LaneLeaf(number: try await lane(), queue: "default")
        _ = try await database.client.query(JobStatements.claim(leaf, limit: 5, worker: 1))
        _ = try await database.client.query(
            JobStatements.finish([
                JobOutcome(id: ids[0], next: .done(output: input)),
                JobOutcome(id: ids[1], next: .failed(error: "no")),
                JobOutcome(
                    id: ids[2],
                    next: .retry(at: .now + .seconds(86_400), failures: 1, error: "not yet")
                ),
                JobOutcome(id: ids[3], next: .waiting(events: ["poked"], until: nil)),
            ])
        )
        // Plain jobs: one closed, one ready.
        _ = try await store.enqueue((0..<2).map { _ in NewJob(name: "y", input: input, priority: -1) })
        let claimed = try await database.client.query(JobStatements.claim(leaf, limit: 1, worker: 1))
            .map { try ClaimedJob(claim: $0, from: leaf.queue) }
        _ = try await database.client.query(JobStatements.close(batches: claimed.map(\.batch)))
    }

    private func lane() async throws -> Int32 {
        let rows = try await database.client.query(
            Query("test.lane", "SELECT first_lane FROM queues WHERE name = 'default'")
        )
        return try rows[0][0]
    }
}
