package import Postgres

/// A reservation as its buyer sees it.
package struct ReservationView: Sendable, Equatable {
    package var id: ReservationID
    package var onSale: OnSaleID
    package var admission: AdmissionID
    package var state: ReservationState
    package var tier: String
    package var quantity: Int
    /// The labels of the seats; empty for standing room.
    package var seats: [String]
    package var total: Int64
    package var currency: String
    /// When the present state ends by itself; means nothing once the reservation has ended.
    package var expiresAt: PostgresTimestamp
    package var extensionsLeft: Int
    package var paymentsLeft: Int
    /// Why the last thing went wrong, such as `payment_declined`.
    package var problem: String?
    /// Where the buyer must go to finish paying.
    package var nextAction: String?

    /// What is read of `r`, `c` and `p`.
    private static let columns: SQL = """
        r.on_sale_id, r.admission_id, r.state, r.tier, r.quantity,
            ARRAY (
                SELECT s.label FROM seats AS s
                WHERE s.on_sale_id = r.on_sale_id AND s.seat = ANY (r.seats) ORDER BY s.seat
            ),
            r.total, r.currency, r.expires_at, greatest(c.extension_limit - r.extended, 0),
            greatest(c.payment_limit - r.attempt, 0), r.problem, p.next_action, r.id
        """

    /// Reads one reservation by the primary key; nil when there is none.
    static func read(
        _ id: ReservationID,
        from executor: some PostgresExecutor
    ) async throws -> ReservationView? {
        let rows = try await executor.query(
            Query(
                "reservations.view",
                """
                SELECT \(fragment: columns)
                FROM reservations AS r
                JOIN reservation_rules AS c ON c.on_sale_id = r.on_sale_id
                LEFT JOIN payments AS p ON p.reservation_id = r.id AND p.attempt = r.attempt AND r.state = 'paying'
                WHERE r.id = \(id.rawValue)
                """
            )
        )
        return try rows.first.flatMap { try Self($0) }
    }

    /// Reads many reservations, each by the primary key; those that are not there are left out.
    package static func read(
        _ ids: [ReservationID],
        from executor: some PostgresExecutor
    ) async throws -> [ReservationView] {
        try await executor.query(
            Query(
                "reservations.watch",
                """
                SELECT \(fragment: columns)
                FROM unnest(\(ids.map(\.rawValue))::bigint[]) AS wanted (id)
                CROSS JOIN LATERAL (SELECT * FROM reservations WHERE id = wanted.id OFFSET 0) AS r
                JOIN reservation_rules AS c ON c.on_sale_id = r.on_sale_id
                LEFT JOIN LATERAL (
                    SELECT next_action FROM payments
                    WHERE reservation_id = r.id AND attempt = r.attempt AND r.state = 'paying' OFFSET 0
                ) AS p ON true
                """
            )
        ).compactMap { try Self($0) }
    }

    /// Nil for a state that a newer program has written.
    private init?(_ row: Row) throws {
        let name: String = try row[2]
        guard let state = ReservationState(rawValue: name) else { return nil }
        id = ReservationID(rawValue: try row[13])
        onSale = OnSaleID(rawValue: try row[0])
        admission = AdmissionID(rawValue: try row[1])
        self.state = state
        tier = try row[3]
        quantity = try row[4]
        seats = try row[5]
        total = try row[6]
        currency = try row[7]
        expiresAt = try row[8]
        extensionsLeft = try row[9]
        paymentsLeft = try row[10]
        problem = try row[11]
        nextAction = try row[12]
    }
}
