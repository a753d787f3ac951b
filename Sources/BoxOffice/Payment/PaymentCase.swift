package import Postgres

/// A payment that only a person can settle: the provider will neither take nor give the money.
package struct PaymentCase: Sendable {
    /// What the provider knows it by.
    package let reference: String
    package let reservation: ReservationID
    package let onSale: OnSaleID
    package let method: String
    /// In minor units.
    package let amount: Int64
    package let currency: String
    /// What the provider said.
    package let detail: String?
    package let since: PostgresTimestamp

    /// The cases that are open, the oldest first.
    ///
    /// Uses `payments_for_people`.
    ///
    /// - Throws: `PostgresError`.
    package static func open(
        limit: Int,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [PaymentCase] {
        try await database.query(
            Query(
                "payments.for_people",
                """
                SELECT reference, reservation_id, on_sale_id, method, amount, currency, detail, updated_at
                FROM payments WHERE state = 'needs_person' ORDER BY updated_at LIMIT \(limit)
                """
            )
        ).map { row in
            PaymentCase(
                reference: try row[0],
                reservation: ReservationID(rawValue: try row[1]),
                onSale: OnSaleID(rawValue: try row[2]),
                method: try row[3],
                amount: try row[4],
                currency: try row[5],
                detail: try row[6],
                since: try row[7]
            )
        }
    }

    /// How many cases are open, and for how long the oldest of them.
    package struct Backlog: Sendable, Equatable {
        package var count = 0
        package var oldest = Duration.zero
    }

    /// Counts the open cases.
    ///
    /// Uses `payments_for_people`.
    ///
    /// - Throws: `PostgresError`.
    package static func backlog(
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> Backlog {
        let row = try await database.first(
            Query(
                "payments.backlog",
                """
                SELECT count(*), coalesce(extract(epoch FROM (SELECT usher_now()) - min(updated_at))::float8, 0)
                FROM payments WHERE state = 'needs_person'
                """
            )
        )
        guard let row else { return Backlog() }
        let seconds: Double = try row[1]
        return Backlog(count: try row[0], oldest: .seconds(max(0, seconds)))
    }
}
