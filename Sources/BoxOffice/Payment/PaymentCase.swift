package import Postgres

/// A payment that we can't bring to its end by ourselves: a person has to look into it.
package struct PaymentCase: Sendable, Equatable {
    package var reservation: ReservationID
    package var onSale: OnSaleID
    /// Our name for the payment, which the provider knows.
    package var reference: String
    /// The provider's name for it, as far as we learnt it.
    package var providerReference: String?
    package var amount: Int64
    package var currency: String
    /// What the provider said.
    package var detail: String?
    package var since: PostgresTimestamp

    /// The open cases, the oldest first; at most a hundred.
    ///
    /// Uses `payments_for_people`.
    package static func open(from postgres: PostgresClient) async throws -> [PaymentCase] {
        let rows = try await postgres.query(
            Query(
                "payments.cases",
                """
                SELECT reservation_id, on_sale_id, reference, provider_reference, amount, currency, detail, updated_at
                FROM payments WHERE state = 'needs_person' ORDER BY updated_at LIMIT 100
                """
            )
        )
        return try rows.map { row in
            PaymentCase(
                reservation: ReservationID(rawValue: try row[0]),
                onSale: OnSaleID(rawValue: try row[1]),
                reference: try row[2],
                providerReference: try row[3],
                amount: try row[4],
                currency: try row[5],
                detail: try row[6],
                since: try row[7]
            )
        }
    }
}
