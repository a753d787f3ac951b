import BoxOffice
import Postgres

/// A payment provider whose books are a table, which outlives whoever asks it.
///
/// The payment method says what it does: `good`, `declined`, `pending` (and never decided), `uncapturable`.
struct BookedProvider: PaymentProvider {
    /// A script that makes the books.
    static let books = """
        CREATE TABLE provider (reference text PRIMARY KEY, method text NOT NULL, state text NOT NULL,
            authorisations integer NOT NULL DEFAULT 0, captures integer NOT NULL DEFAULT 0,
            voids integer NOT NULL DEFAULT 0, refunds integer NOT NULL DEFAULT 0);
        """

    /// The world outside.
    let outside: PostgresClient

    func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport {
        let state = ["declined", "pending"].contains(request.method) ? request.method : "authorised"
        return try await report(
            request.reference,
            Query(
                "provider.authorise",
                """
                INSERT INTO provider (reference, method, state, authorisations)
                VALUES (\(request.reference), \(request.method), \(state), 1)
                ON CONFLICT (reference) DO UPDATE SET authorisations = provider.authorisations + 1 RETURNING state
                """
            )
        )
    }

    func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try await report(
            reference,
            Query(
                "provider.capture",
                """
                UPDATE provider SET captures = captures + (state <> 'captured')::integer, state = 'captured'
                WHERE reference = \(reference) AND state IN ('authorised', 'captured') AND method <> 'uncapturable'
                RETURNING state
                """
            )
        )
    }

    func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try await report(
            reference,
            Query(
                "provider.void",
                """
                INSERT INTO provider (reference, method, state, voids) VALUES (\(reference), '', 'voided', 1)
                ON CONFLICT (reference) DO UPDATE
                SET voids = provider.voids + (provider.state <> 'voided')::integer, state = 'voided'
                WHERE provider.state NOT IN ('captured', 'refunded') RETURNING state
                """
            )
        )
    }

    func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try await report(
            reference,
            Query(
                "provider.refund",
                """
                UPDATE provider SET refunds = refunds + (state <> 'refunded')::integer, state = 'refunded'
                WHERE reference = \(reference) AND state IN ('captured', 'refunded') RETURNING state
                """
            )
        )
    }

    func status(of reference: String) async throws -> PaymentReport? {
        let row = try await outside.first(
            Query("provider.status", "SELECT state FROM provider WHERE reference = \(reference)")
        )
        return try row.map { try Self.report(reference, state: try $0[0]) }
    }

    /// What a change comes to; one that changes nothing was refused.
    private func report(_ reference: String, _ change: Query) async throws -> PaymentReport {
        guard let row = try await outside.first(change) else {
            throw PaymentError(code: .refused, message: "not this one")
        }
        return try Self.report(reference, state: try row[0])
    }

    private static func report(_ reference: String, state: String) throws -> PaymentReport {
        guard let state = PaymentReport.State(rawValue: state) else {
            throw PaymentError(code: .malformed, message: state)
        }
        return PaymentReport(reference: reference, providerReference: "p-\(reference)", state: state)
    }
}

/// Delivers into a table.
struct BookedMailbox: NotificationChannel {
    /// A script that makes the books.
    static let books = "CREATE TABLE delivered (id bigint NOT NULL, kind text NOT NULL);"

    /// The world outside.
    let outside: PostgresClient

    func deliver(_ message: OutgoingMessage) async throws {
        try await outside.execute(
            Query("mailbox.deliver", "INSERT INTO delivered VALUES (\(message.id), \(message.kind))")
        )
    }
}
