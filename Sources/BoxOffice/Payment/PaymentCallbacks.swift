internal import Foundation
internal import Jobs
package import Postgres
package import Workflows

/// Takes the payment provider's callbacks.
///
/// They come late, twice, in any order, or never; all of that is fine.
package struct PaymentCallbacks: Sendable {
    /// What became of a callback.
    package enum Outcome: String, Sendable, Hashable {
        /// The run was told.
        case told
        /// It changes nothing: told before, or about what is settled.
        case known
        /// The reservation has ended without it: the authorisation is being voided.
        case voiding
        /// We never heard of this payment.
        case unknown
        /// The signature does not fit, or is too old.
        case forged
        /// It is not what a provider sends.
        case malformed
    }

    private let postgres: PostgresClient
    private let workflows: WorkflowClient
    private let signature: WebhookSignature

    package init(postgres: PostgresClient, workflows: WorkflowClient, secret: String) {
        self.postgres = postgres
        self.workflows = workflows
        signature = WebhookSignature(secret: secret)
    }

    /// Handles one callback; all but `forged` and `malformed` are answered 200, so that the provider stops.
    ///
    /// `body`: the bytes as they came.
    /// `header`: the value of the `Usher-Signature` header.
    package func handle(_ body: [UInt8], signature header: String?) async throws -> Outcome {
        // Callbacks are proven fresh by this machine's clock: the sender can't read the database's.
        let now = PostgresTimestamp.now.microseconds / 1_000_000
        guard let header, signature.verify(header, body, at: now) else { return .forged }
        guard let report = try? JSONDecoder().decode(PaymentReport.self, from: Data(body)) else {
            return .malformed
        }
        guard let reference = PaymentReference(report.reference) else { return .unknown }
        guard report.state == .authorised || report.state == .declined else { return .known }
        let outcome = try await postgres.withTransaction { transaction in
            try await tell(report, reference, in: &transaction)
        }
        switch outcome {
        case .told: workflows.store.wake([Reservation.queue])
        case .voiding: workflows.store.wake([VoidPayment.queue])
        default: break
        }
        return outcome
    }

    private func tell(
        _ report: PaymentReport,
        _ reference: PaymentReference,
        in transaction: inout Transaction
    ) async throws -> Outcome {
        let event = Reservation.payment.numbered(reference.attempt)
        let run = JobID(rawValue: reference.reservation.rawValue)
        let delivery = try await workflows.send(event, report, to: run, in: &transaction)
        let rows = try await transaction.query(
            Query(
                "payments.lock",
                """
                SELECT p.state, r.state, r.attempt
                FROM reservations AS r
                JOIN payments AS p ON p.reservation_id = r.id
                WHERE r.id = \(reference.reservation.rawValue) AND p.attempt = \(reference.attempt)
                FOR NO KEY UPDATE OF r
                """
            )
        )
        guard let row = rows.first else { return .unknown }
        let (payment, reservation): (String, String) = (try row[0], try row[1])
        let attempt: Int = try row[2]
        if report.state == .authorised,
            Self.isOrphan(payment, reservation, isLast: attempt == reference.attempt)
        {
            let key = VoidPayment.key(reference)
            _ = try await workflows.start(VoidPayment.self, reference.text, key: key, in: &transaction)
            return .voiding
        }
        if case .delivered = delivery { return .told }
        return .known
    }

    /// Whether nobody will use or void an authorisation any more.
    private static func isOrphan(_ payment: String, _ reservation: String, isLast: Bool) -> Bool {
        guard payment == "unknown" || payment == "declined" || payment == "authorised" else { return false }
        switch reservation {
        case "paying", "sold": return !isLast
        default: return true
        }
    }
}
