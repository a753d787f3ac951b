@testable import BoxOffice
import Jobs
import Postgres
import Testing
import TestSupport

/// One small on-sale whose lifecycle and ticks a test makes by hand: nothing happens unless the test asks for it.
struct RoomFixture {
    let postgres: PostgresClient
    let orders = DrawOrders()
    let onSale: OnSaleID

    var onSales: OnSales { OnSales(postgres: postgres) }
    var joins: Joins { Joins(postgres: postgres) }
    var places: Places { Places(postgres: postgres, orders: orders) }
    var admissions: Admissions { Admissions(postgres: postgres, orders: orders) }

    /// Schedules an on-sale that opens in an hour, on a schema of its own.
    static func with(
        _ fields: [String: String] = [:],
        _ body: (RoomFixture) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.client.stopClock()
            let now = try await database.client.first(Query("test.now", "SELECT usher_now()"))
            let start: PostgresTimestamp = try #require(try now?[0])
            try await with(in: database, opening: start + .seconds(3600), fields, body)
        }
    }

    /// Schedules an on-sale that opens at a given time, on a given schema.
    static func with(
        in database: TestDatabase,
        opening: PostgresTimestamp,
        _ fields: [String: String],
        _ body: (RoomFixture) async throws -> Void
    ) async throws {
        try await JobStore(postgres: database.client).ensureQueue("default")
        let record = try await OnSales(postgres: database.client)
            .schedule(json: plan(opening: opening, fields), by: "test")
        try await body(RoomFixture(postgres: database.client, onSale: record.id))
    }

    static func plan(opening: PostgresTimestamp, _ fields: [String: String] = [:]) -> [UInt8] {
        var all = [
            "title": #""Evening""#, "venue": #""Hall""#, "city": #""Bremen""#, "currency": #""EUR""#,
            "opens_at": "\"\(opening)\"", "starts_at": "\"\(opening + .seconds(1800))\"",
            "closes_at": "\"\(opening + .seconds(7200))\"", "rate_per_minute": "600", "active_limit": "50",
            "turn_seconds": "20", "session_seconds": "40", "capacity": "112",
            "tiers":
                #"[{"id": "floor", "name": "Standing", "price": 3000}, {"id": "seats", "name": "S", "price": 4500}]"#,
            "sections": """
            [{"id": "F", "name": "Floor", "tier": "floor", "standing": 100},
             {"id": "S", "tier": "seats", "rows": [{"row": "A-C", "seats": "1-4"}]}]
            """,
        ]
        all.merge(fields) { $1 }
        return Array("{\(all.map { "\"\($0)\": \($1)" }.joined(separator: ", "))}".utf8)
    }

    /// Moves the database's clock.
    func pass(_ duration: Duration) async throws {
        try await postgres.execute(
            Query(
                "test.pass",
                "UPDATE clock SET shift = shift + make_interval(secs => \(Double(duration.components.seconds)))"
            )
        )
    }

    /// Makes one step of the lifecycle.
    @discardableResult
    func advance() async throws -> OnSaleProgress {
        try await postgres.withTransaction { tx in try await OnSaleProgress.advance(onSale, in: &tx) }
    }

    func open() async throws {
        try await pass(.seconds(3600))
        #expect(try await advance().state == .prequeue)
    }

    /// From the open room to admission.
    func start() async throws {
        try await pass(.seconds(1800))
        // The seal, and then its root.
        for _ in 0..<2 { #expect(try await advance().state == .prequeue) }
        let drawn = try await advance()
        #expect(drawn.state == .admitting)
        #expect(drawn.drawn)
    }

    @discardableResult
    func tick(after seconds: Int = 1) async throws -> TickReport {
        try await pass(.seconds(seconds))
        return try await postgres.withTransaction { tx in
            try await TickTransaction(onSale: onSale, orders: orders).run(in: &tx)
        }
    }

    /// Ticks through a longer time, in steps too short to count as an outage.
    func tick(through seconds: Int) async throws {
        for _ in 0..<seconds / 5 { try await tick(after: 5) }
    }

    func request(_ name: String) -> JoinRequest {
        JoinRequest(onSale: onSale, buyer: Buyer.proven(name).fingerprint(under: [1]))
    }

    /// Joins as so many buyers, and returns their places in the order of their names.
    func join(_ names: [String]) async throws -> [AdmissionRequest] {
        try await joins.commit(names.map(request)).map { outcome in
            guard case .joined(let place, let arrival, _) = outcome else { throw NotJoined(outcome: outcome) }
            return AdmissionRequest(onSale: onSale, arrival: arrival, place: place)
        }
    }

    func status() async throws -> OnSaleStatus {
        try #require(try await OnSaleStatus.all(in: postgres).first { $0.id == onSale })
    }

    /// Those places sorted by number.
    func inOrder(_ places: [AdmissionRequest]) async throws -> [AdmissionRequest] {
        let status = try await status()
        return places.sorted {
            status.number(ofArrival: $0.arrival, orders: orders) ?? 0
                < status.number(ofArrival: $1.arrival, orders: orders) ?? 0
        }
    }

    func view(_ place: AdmissionRequest) async throws -> PlaceView {
        try #require(try await places.view(onSale, arrival: place.arrival, place: place.place))
    }

    func enter(_ place: AdmissionRequest) async throws -> AdmissionOutcome {
        try #require(try await admissions.commit([place]).first)
    }

    /// Everything that breaks a promise about room and admission.
    func offenders() async throws -> [String] {
        var offenders: [String] = []
        for check in RoomAudit.checks { offenders += try await check.offenders(in: postgres) }
        return offenders + (try await DrawAudit.offenders(in: postgres))
    }
}

struct NotJoined: Error {
    let outcome: JoinOutcome
}

extension AdmissionOutcome {
    var session: AdmissionSession? {
        if case .admitted(let session) = self { session } else { nil }
    }
}
