internal import BoxOffice
internal import Postgres

/// An on-sale made for a bench, moved along by hand: no worker runs, so nothing but the bench takes time.
struct BenchRoom: Sendable {
    let onSale: OnSaleID
    private let postgres: PostgresClient

    /// Schedules an on-sale and opens its room.
    static func open(in postgres: PostgresClient) async throws -> Self {
        let clock = try await postgres.query(Query("bench_room_now", "SELECT usher_now()"))
        let now: PostgresTimestamp = try clock[0][0]
        let record = try await OnSales(postgres: postgres).schedule(json: Array(plan(now).utf8), by: "bench")
        let room = Self(onSale: record.id, postgres: postgres)
        try await postgres.withTransaction { tx in
            try await tx.pipeline([
                Query(
                    "bench_room_open",
                    """
                    UPDATE on_sales SET state = 'prequeue', seq = seq + 1
                    WHERE on_sale_id = \(record.id.rawValue)
                    """
                ),
                Query(
                    "bench_room_door",
                    "UPDATE arrivals SET door = 'open' WHERE on_sale_id = \(record.id.rawValue)"
                ),
            ])
        }
        return room
    }

    private static func plan(_ now: PostgresTimestamp) -> String {
        """
        {"title": "Bench", "venue": "Hall", "city": "Bremen", "currency": "EUR", "opens_at": "\(now)",
         "starts_at": "\(now + .seconds(3600))", "closes_at": "\(now + .seconds(86_400))",
         "rate_per_minute": 1200, "active_limit": 50, "capacity": 1000,
         "tiers": [{"id": "floor", "name": "Floor", "price": 3000}],
         "sections": [{"id": "F", "name": "Floor", "tier": "floor", "standing": 1000}]}
        """
    }

    /// Draws everyone who has joined, in an order as good as any, so that each has a number.
    func draw() async throws {
        try await postgres.execute(
            Query(
                "bench_room_draw",
                """
                UPDATE on_sales o SET entries = a.issued, sealed_at = usher_now(), drawn_at = usher_now(),
                    root = sha256('root'), draw_key = sha256('key'), state = 'admitting', ticked_at = usher_now(),
                    seq = seq + 1
                FROM arrivals a WHERE a.on_sale_id = o.on_sale_id AND o.on_sale_id = \(onSale.rawValue)
                """
            )
        )
    }

    /// Tells everyone something, which is a change that every gateway has to pass on.
    func say(_ message: String) async throws {
        try await postgres.execute(
            Query(
                "bench_room_say",
                """
                UPDATE on_sales SET message = \(message), seq = seq + 1 WHERE on_sale_id = \(onSale.rawValue)
                """
            )
        )
    }

    /// How many have joined, counted in the places themselves.
    func joined() async throws -> Int {
        let rows = try await postgres.query(
            Query(
                "bench_room_joined",
                """
                SELECT count(*), coalesce(max(arrival), 0) FROM places WHERE on_sale_id = \(onSale.rawValue)
                """
            )
        )
        let (count, last): (Int64, Int64) = (try rows[0][0], try rows[0][1])
        guard count == last else { throw Failure("\(count) places have numbers up to \(last)") }
        return Int(count)
    }
}
