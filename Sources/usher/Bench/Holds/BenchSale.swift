internal import BoxOffice
internal import Jobs
internal import Postgres
internal import Workflows

/// An on-sale with stock and admitted buyers, made for a bench: nobody waited for it, and no worker runs it.
struct BenchSale: Sendable {
    /// The tiers of a hall, all of one size.
    static let hallTiers = 10
    private static let seatsInRow = 50

    let onSale: OnSaleID
    /// The tiers that buyers choose from, in turn.
    let tiers: [String]
    private let postgres: PostgresClient

    /// Standing room for so many.
    static func standing(_ capacity: Int, in schema: BenchSchema) async throws -> Self {
        try await schedule(
            capacity,
            tiers: ["floor"],
            sections: [#"{"id": "F", "tier": "floor", "standing": \#(capacity)}"#],
            in: schema
        )
    }

    /// A hall of ten tiers with about so many seats, nine in ten of them sold: what is free are threes, here and there,
    /// and a few longer runs.
    static func hall(_ seats: Int, in schema: BenchSchema) async throws -> Self {
        let rows = max(1, seats / hallTiers / seatsInRow)
        let tiers = (0..<hallTiers).map { "t\($0)" }
        let sale = try await schedule(
            hallTiers * rows * seatsInRow,
            tiers: tiers,
            sections: tiers.map { tier in
                let labels = rows == 1 ? "1" : "1-\(rows)"
                let row = #"{"row": "\#(labels)", "seats": \#(seatsInRow)}"#
                return #"{"id": "S\#(tier)", "tier": "\#(tier)", "rows": [\#(row)]}"#
            },
            in: schema
        )
        try await sale.sellMost()
        return sale
    }

    /// An arena of 12,000 seats in 24 sections and four tiers, all of them free.
    static func arena(in schema: BenchSchema) async throws -> Self {
        let tiers = (0..<4).map { "t\($0)" }
        return try await schedule(
            12_000,
            tiers: tiers,
            sections: (0..<24).map { number in
                let row = #"{"row": "1-10", "seats": \#(seatsInRow)}"#
                return #"{"id": "A\#(number)", "tier": "t\#(number % 4)", "rows": [\#(row)]}"#
            },
            in: schema
        )
    }

    private static func schedule(
        _ capacity: Int,
        tiers: [String],
        sections: [String],
        in schema: BenchSchema
    ) async throws -> Self {
        // The lifecycle waits there for a worker that never comes.
        try await schema.store.ensureQueue(OnSaleLifecycle.queue)
        let now = try await schema.now()
        let prices = tiers.map { #"{"id": "\#($0)", "name": "\#($0)", "price": 3000}"# }
        let plan = """
            {"title": "Bench", "venue": "Hall", "city": "Bremen", "currency": "EUR", "opens_at": "\(now)",
             "starts_at": "\(now + .seconds(3600))", "closes_at": "\(now + .seconds(86_400))",
             "rate_per_minute": 1200, "active_limit": 100000, "hold_seconds": 3600, "capacity": \(capacity),
             "tiers": [\(prices.joined(separator: ", "))], "sections": [\(sections.joined(separator: ", "))]}
            """
        let onSales = OnSales(postgres: schema.postgres)
        let record = try await onSales.schedule(json: Array(plan.utf8), by: "bench")
        return Self(onSale: record.id, tiers: tiers, postgres: schema.postgres)
    }

    private func sellMost() async throws {
        try await postgres.withTransaction { tx in
            try await tx.pipeline([
                Query(
                    "bench_sale_seats",
                    """
                    UPDATE seats SET state = 'sold', reservation_id = 0
                    WHERE on_sale_id = \(onSale.rawValue)
                        AND hashint4(section * 1000000 + row_number * 1000 + (position - 1) / 3) & 1023 >= 102
                    """
                ),
                Query(
                    "bench_sale_books",
                    """
                    UPDATE tiers t SET free = s.free, sold = t.capacity - s.free
                    FROM (
                        SELECT tier, count(*) FILTER (WHERE state = 'free') AS free FROM seats
                        WHERE on_sale_id = \(onSale.rawValue) GROUP BY tier
                    ) s
                    WHERE t.on_sale_id = \(onSale.rawValue) AND t.id = s.tier
                    """
                ),
            ])
        }
    }

    /// Lets in so many buyers, with the numbers from 1 on.
    func admit(_ buyers: Int) async throws {
        try await postgres.execute(
            Query(
                "bench_sale_admit",
                """
                INSERT INTO admissions (admission_id, on_sale_id, arrival, number, admitted_at, expires_at)
                OVERRIDING SYSTEM VALUE
                SELECT n, \(onSale.rawValue), n, n, usher_now(), usher_now() + interval '1 day'
                FROM generate_series(1, \(buyers)) AS n
                """
            )
        )
    }

    /// Fills the line with so many who were drawn and wait, in a sale that is admitting, as fast as the bench wants.
    func fill(_ places: Int) async throws {
        let id = onSale.rawValue
        let key = SecureBytes.random(32)
        let statements = [
            Query(
                "bench_sale_places",
                """
                INSERT INTO places (on_sale_id, arrival, id, buyer, joined_at)
                SELECT \(id), n, decode(md5('p' || n), 'hex'), decode(md5('b' || n), 'hex'), usher_now()
                FROM generate_series(1, \(places)) AS n
                """
            ),
            Query(
                "bench_sale_issued",
                "UPDATE arrivals SET issued = \(places), door = 'open' WHERE on_sale_id = \(id)"
            ),
            Query(
                "bench_sale_drawn",
                """
                UPDATE on_sales SET state = 'admitting', entries = \(places), sealed_at = usher_now(), root = \(key),
                    draw_key = \(key), drawn_at = usher_now(), ticked_at = usher_now()
                WHERE on_sale_id = \(id)
                """
            ),
        ]
        try await postgres.withTransaction { tx in try await tx.pipeline(statements) }
    }

    /// What a buyer wants: one ticket of standing room, or two seats side by side.
    func request(_ buyer: Int, isKeyed: Bool) -> HoldRequest {
        let tier = tiers[buyer % tiers.count]
        let isSeated = tiers.count > 1
        return HoldRequest(
            onSale: onSale,
            admission: AdmissionID(rawValue: Int64(buyer)),
            choice: .best(tier: tier, quantity: isSeated ? 2 : 1),
            together: isSeated ? .adjacent : nil,
            idempotency: isKeyed ? IdempotencyKey(key: "k\(buyer)", body: Array(tier.utf8)) : nil
        )
    }

    /// The same for a load process: each buyer's admission token and body, a line each.
    func lines(_ buyers: Range<Int>) async throws -> String {
        let keys = try await SigningKeys.load(from: postgres)
        let end = PostgresTimestamp.now + .seconds(86_400)
        return buyers.map { buyer in
            let token = AdmissionToken(
                onSale: onSale,
                admission: AdmissionID(rawValue: Int64(buyer)),
                arrival: Int64(buyer),
                place: PlaceID(high: 0, low: UInt64(buyer)),
                expiresAt: end
            )
            let tier = tiers[buyer % tiers.count]
            let wish = tiers.count > 1 ? #""quantity":2,"together":"adjacent""# : #""quantity":1"#
            return "\(token.signed(with: keys)) {\"tier\":\"\(tier)\",\(wish)}\n"
        }.joined()
    }

    /// Those whom ``fill(_:)`` put in line, for a load process: a line each with a place and its token.
    ///
    /// While they wait nobody looks for their places, so any will do.
    func placeLines(_ places: Int) async throws -> String {
        let keys = try await SigningKeys.load(from: postgres)
        let end = PostgresTimestamp.now + .seconds(86_400)
        return (1...places).map { arrival in
            let place = PlaceID(high: 0, low: UInt64(arrival))
            let token = PlaceToken(onSale: onSale, arrival: Int64(arrival), place: place, expiresAt: end)
            return "\(place.publicID) \(token.signed(with: keys))\n"
        }.joined()
    }

    /// How many tickets are held, by the books.
    func held() async throws -> Int {
        try await postgres.query(
            Query(
                "bench_sale_held",
                "SELECT sum(held)::bigint FROM tiers WHERE on_sale_id = \(onSale.rawValue)"
            )
        )[0][0]
    }
}
