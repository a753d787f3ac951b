import Jobs
import Postgres
import TestSupport

@testable import BoxOffice

/// An on-sale in its busiest hour among three hundred that are over, and a client that keeps the plans of all it does.
///
/// 30,000 places, of which 6,000 were called; 11,700 seats; 5,200 reservations in all states with their runs.
struct SeededSale {
    /// How many places there are.
    static let places = 30_000
    /// Numbers up to this one have had their turn.
    static let called: Int64 = 6_000
    /// Numbers up to this one came in; those after it and up to `called` may come in now.
    static let entered: Int64 = 5_900
    /// Sessions up to this one are over; those after it are live, and the later half of them holds nothing.
    static let ended: Int64 = 5_500

    /// Its statements are kept.
    let room: RoomFixture
    /// Its statements are not.
    let quiet: PostgresClient
    let log: PlanLog
    let order: DrawOrder

    /// The tables that grow without end, or by the size of an on-sale.
    ///
    /// `reservation_rules` and `draws` are not among them: a short row per on-sale, all three hundred on a few pages.
    static let growing: Set<String> = [
        "on_sales", "arrivals", "places", "turns", "admissions", "tiers", "sections",
        "seats", "reoffers",
        "reservations", "idempotency_keys", "payments", "notifications", "notification_keys", "contacts",
        "presale_codes",
        "invitations", "audit_entries", "jobs",
        "checkpoints", "run_values",
        "events", "job_keys", "facts", "sale_minutes", "page_renderings",
        "rendered_pages", "page_purges",
    ]

    /// Schedules, opens, fills and draws the on-sale, the last three already before the log's eyes.
    static func with(_ body: (SeededSale) async throws -> Void) async throws {
        let rows = #"[{"row": "A-Z", "seats": "1-150"}]"#
        let fields = [
            "active_limit": "1000", "rate_per_minute": "6000", "turn_seconds": "120",
            "session_seconds": "600",
            "capacity": "20000",
            "tiers": """
            [{"id": "floor", "name": "F", "price": 3000}, {"id": "s1", "name": "1", "price": 4000},
             {"id": "s2", "name": "2", "price": 4500}, {"id": "s3", "name": "3", "price": 5000}]
            """,
            "sections": """
            [{"id": "F", "tier": "floor", "standing": 8300}, {"id": "S1", "tier": "s1", "rows": \(rows)},
             {"id": "S2", "tier": "s2", "rows": \(rows)}, {"id": "S3", "tier": "s3", "rows": \(rows)}]
            """,
        ]
        try await RoomFixture.with(fields) { quiet in
            let log = PlanLog()
            var configuration = quiet.postgres.configuration
            configuration.plans = log
            let client = PostgresClient(
                configuration,
                loops: try TestLoops.shared.get(),
                pool: .init(maximum: 8)
            )
            do {
                let room = RoomFixture(postgres: client, onSale: quiet.onSale)
                try await seed(SeedStatements.past, quiet)
                try await turn(quiet)
                try await room.open()
                _ = try await room.join((0..<20).map { "early \($0)" })
                try await seed(SeedStatements.crowd(places), quiet)
                try await room.start()
                let order = try await order(quiet)
                try await seed(SeedStatements.called(order), quiet)
                try await seed(SeedStatements.bought, quiet)
                try await body(SeededSale(room: room, quiet: quiet.postgres, log: log, order: order))
                await client.shutdown()
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    private static func seed(_ statements: [Query], _ room: RoomFixture) async throws {
        for statement in statements { try await room.postgres.execute(statement) }
        try await room.postgres.execute(Query("seed.analyze", "ANALYZE"))
    }

    /// Goes on to the next part of all that is cut by time: what is past lies in another one.
    private static func turn(_ room: RoomFixture) async throws {
        try await room.postgres.simple(
            """
            SELECT turn_job_range('1 day'), turn_sequence('notification_ids', notification_range_size(), '1 day');
            UPDATE sequence_spans SET began_at = began_at - interval '2 days';
            SELECT turn_job_range('1 day'), turn_sequence('notification_ids', notification_range_size(), '1 day'),
                extend_order_ranges(), extend_notification_ranges();
            """
        )
    }

    private static func order(_ room: RoomFixture) async throws -> DrawOrder {
        let rows = try await room.postgres.query(
            Query(
                "seed.key",
                "SELECT draw_key, entries FROM on_sales WHERE on_sale_id = \(room.onSale.rawValue)"
            )
        )
        let count: Int = try rows[0][1]
        return room.orders.order(of: room.onSale, key: try rows[0][0], count: count)
    }

    /// The places that have these numbers.
    func places(_ numbers: some Sequence<Int64>) async throws -> [AdmissionRequest] {
        let rows = try await quiet.query(
            Query(
                "seed.places",
                """
                SELECT p.arrival, p.id
                FROM unnest(\(numbers.map { order.arrival(ofNumber: $0) })) WITH ORDINALITY AS k (arrival, n)
                JOIN places p ON p.on_sale_id = \(room.onSale.rawValue) AND p.arrival = k.arrival ORDER BY k.n
                """
            )
        )
        return try rows.compactMap { row in
            let (arrival, id): (Int64, [UInt8]) = (try row[0], try row[1])
            return PlaceID(bytes: id).map {
                AdmissionRequest(onSale: room.onSale, arrival: arrival, place: $0)
            }
        }
    }
}
