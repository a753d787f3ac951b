import Jobs
import Postgres
import Reactor
import TestSupport
import Workflows

@testable import BoxOffice

/// An on-sale with standing room and numbered seats, and admitted buyers, for tests that need no waiting room.
struct House: Sendable {
    static let onSale = OnSaleID(rawValue: 1)

    let client: PostgresClient
    private let runs = Counter()

    /// `standing`: how many tickets the tier `floor` has.
    ///
    /// `rows`: the rows of the tier `seated`, by how many seats each has.
    static func install(
        in client: PostgresClient,
        standing: Int = 100,
        rows: [Int] = [10, 10],
        buyers: Int = 50,
        rules: (inout Plan.ReservationRules) -> Void = { _ in },
        seats change: (inout Plan.Section) -> Void = { _ in }
    ) async throws -> House {
        var reservations = Plan.ReservationRules(
            maxPerBuyer: 4,
            holdSeconds: 300,
            extensionSeconds: 60,
            extensionLimit: 1,
            paymentSeconds: 120,
            graceSeconds: 90,
            paymentLimit: 3
        )
        rules(&reservations)
        let seated = rows.enumerated().map { index, count in
            Plan.Row(label: "R\(index)", seats: (1...count).map { Plan.Seat(number: $0, accessible: false) })
        }
        var section = Plan.Section(id: "S", name: "Seats", tier: "seated", room: .seated(seated))
        change(&section)
        let plan = Plan(
            title: "A concert",
            venue: "Hall",
            city: "Town",
            currency: "EUR",
            schedule: .init(opensAt: .distantPast, startsAt: .distantPast, closesAt: .distantFuture),
            rules: .init(ratePerMinute: 60, activeLimit: 10, turnSeconds: 60, sessionSeconds: 60),
            reservations: reservations,
            tiers: [
                .init(id: "floor", name: "Floor", price: 3_000, numbered: false),
                .init(id: "seated", name: "Seated", price: 5_000, numbered: true),
            ],
            sections: [
                .init(id: "FLOOR", name: "Floor", tier: "floor", room: .standing(standing)),
                section,
            ]
        )
        try await client.withTransaction { transaction in
            try await Stock.install(plan, for: onSale, in: &transaction)
            _ = try await transaction.execute(
                Query(
                    "test.admissions",
                    """
                    INSERT INTO admissions (admission_id, on_sale_id, arrival, number, admitted_at, expires_at)
                    OVERRIDING SYSTEM VALUE
                    SELECT n, \(onSale.rawValue), n, n, usher_now(), usher_now() + interval '1 hour'
                    FROM generate_series(1, \(buyers)) AS n
                    """
                )
            )
        }
        return House(client: client)
    }

    func request(
        _ buyer: Int64,
        _ quantity: Int = 1,
        of tier: String = "floor",
        accessible: Int? = nil,
        together: Together? = nil,
        key: String? = nil,
        body: String = ""
    ) -> HoldRequest {
        HoldRequest(
            onSale: Self.onSale,
            admission: AdmissionID(rawValue: buyer),
            choice: .best(tier: tier, quantity: quantity),
            accessible: accessible,
            together: together,
            idempotency: key.map { IdempotencyKey(key: $0, body: Array(body.utf8)) }
        )
    }

    func request(_ buyer: Int64, seats: [String]) -> HoldRequest {
        HoldRequest(onSale: Self.onSale, admission: AdmissionID(rawValue: buyer), choice: .seats(seats))
    }

    /// Performs the step that holds, for all requests in one transaction, as the engine would.
    @discardableResult
    func hold(_ requests: [HoldRequest], runs ids: [JobID]? = nil) async throws -> [HoldOutcome] {
        let ids = ids ?? requests.map { _ in JobID(rawValue: runs.next()) }
        let batch = zip(ids, requests).map { CohortMember(runID: $0, step: HoldSeats(request: $1)) }
        return try await client.withTransaction { try await HoldSeats.perform(batch, in: &$0) }
    }

    /// Moves the database's clock.
    func advance(seconds: Int) async throws {
        _ = try await client.execute(
            Query("test.clock", "UPDATE clock SET shift = shift + make_interval(secs => \(Double(seconds)))")
        )
    }

    func state(_ id: ReservationID) async throws -> ReservationState? {
        try await ReservationView.read(id, from: client)?.state
    }

    func tier(_ id: String) async throws -> TierStock? {
        try await Stock.tiers(of: Self.onSale, from: client).first { $0.id == id }
    }

    func count(_ sql: SQL) async throws -> Int {
        let rows = try await client.query(Query("test.count", sql))
        return try rows[0][0]
    }
}

/// Runs `body` with a house in a schema of its own.
///
/// `connections`: how many transactions can race. `seats`: what is different about the section with seats.
func withHouse<Value>(
    standing: Int = 100,
    rows: [Int] = [10, 10],
    buyers: Int = 50,
    connections: Int = 8,
    rules: (inout Plan.ReservationRules) -> Void = { _ in },
    seats: (inout Plan.Section) -> Void = { _ in },
    _ body: (House) async throws -> Value
) async throws -> Value {
    try await withDatabase(pool: .init(maximum: connections)) { database in
        try await database.client.stopClock()
        return try await body(
            House.install(
                in: database.client,
                standing: standing,
                rows: rows,
                buyers: buyers,
                rules: rules,
                seats: seats
            )
        )
    }
}

extension HoldOutcome {
    /// The tickets, if any were held.
    var hold: Hold? {
        if case .held(let hold) = self { hold } else { nil }
    }
}

/// Numbers for runs, where no engine gives them.
final class Counter: Sendable {
    private let last = Lock<Int64>(1_000)

    func next() -> Int64 {
        last.withLock { last in
            last += 1
            return last
        }
    }
}
