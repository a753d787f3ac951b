internal import Jobs
package import Postgres

/// An order as it is exported: a reservation, however it ended, with its last payment.
package struct OrderRecord: Sendable, Encodable {
    package let reservation: String
    package let state: String
    package let tier: String
    package let quantity: Int
    /// The labels of numbered seats.
    package let seats: [String]
    /// In minor units of the currency.
    package let total: Int64
    package let currency: String
    package let held_at: String
    package let ended_at: String?
    /// What the payment provider knows it by.
    package let payment: String?
    package let payment_state: String?
    /// Whether it is in the archive.
    package let archived: Bool

    private init(_ row: Row) throws {
        let id: Int64 = try row[0]
        reservation = ReservationID(rawValue: id).publicID
        state = try row[1]
        tier = try row[2]
        quantity = try row[3]
        seats = try row[4]
        total = try row[5]
        currency = try row[6]
        let (held, ended): (PostgresTimestamp, PostgresTimestamp?) = (try row[7], try row[8])
        held_at = "\(held)"
        ended_at = ended.map { "\($0)" }
        payment = try row[9]
        payment_state = try row[10]
        archived = try row[11]
    }

    /// Hands over all orders of an on-sale in the order in which they were made, live and archived, a page at a time.
    ///
    /// All are from one snapshot, and no more than a page is held in memory.
    ///
    /// - Parameters:
    ///   - onSale: whose.
    ///   - postgres: where.
    ///   - body: is given one page after the other.
    /// - Throws: what `body` throws, `PostgresError`.
    package static func each(
        of onSale: OnSaleID,
        in postgres: PostgresClient,
        _ body: ([OrderRecord]) async throws -> Void
    ) async throws {
        try await postgres.withTransaction { tx in
            _ = try await tx.execute(declare(onSale))
            while true {
                let rows = try await tx.query(Query("orders.fetch", "FETCH 1000 FROM orders"))
                if rows.isEmpty { return }
                try await body(rows.map(OrderRecord.init))
            }
        }
    }

    /// Uses `reservations_by_admission` of each live range, and the BRIN of each archived one.
    static func declare(_ onSale: OnSaleID) -> Query {
        Query(
            "orders.export",
            """
            DECLARE orders NO SCROLL CURSOR FOR
            SELECT r.id, r.state, r.tier, r.quantity,
                ARRAY (SELECT s.label FROM seats s
                    WHERE s.on_sale_id = r.on_sale_id AND s.seat = ANY (r.seats) ORDER BY s.seat),
                r.total, r.currency, r.held_at, r.ended_at, coalesce(p.provider_reference, p.reference), p.state,
                r.archived
            FROM (
                SELECT *, false AS archived FROM reservations WHERE on_sale_id = \(onSale.rawValue)
                UNION ALL
                SELECT *, true FROM archived_reservations WHERE on_sale_id = \(onSale.rawValue)
            ) AS r
            LEFT JOIN all_payments p ON p.reservation_id = r.id AND p.attempt = r.attempt
            ORDER BY r.id
            """
        )
    }
}
