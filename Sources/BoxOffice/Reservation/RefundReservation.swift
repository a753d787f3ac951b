internal import Jobs
package import Postgres
package import Workflows

/// Gives the money for a sold reservation back, once.
///
/// While the on-sale goes on, what comes back is for the next in line or on the waitlist.
package struct RefundReservation: Workflow {
    package static let name = "refund"
    package static let queue = "payments"

    /// How it ended.
    package enum Outcome: String, Sendable, Codable {
        case refunded
        /// The provider will not, or the capture is a person's case already.
        case needsPerson
        case notSold
    }

    let payments: any PaymentProvider
    private let postgres: PostgresClient

    package init(payments: any PaymentProvider, postgres: PostgresClient) {
        self.payments = payments
        self.postgres = postgres
    }

    /// One run per reservation, however often the on-sale's cancellation is gone through.
    package static func key(_ id: ReservationID) -> String { "refund:\(id.publicID)" }

    package func run(_ context: WorkflowContext, _ id: ReservationID) async throws -> Outcome {
        let attempt: Int
        while true {
            // A sale that is not captured yet is about to be: then there is something to refund.
            switch try await context.step(LookAtSale(reservation: id)) {
            case .captured(let number):
                attempt = number
            case .capturing:
                try await context.sleep(for: .seconds(2))
                continue
            case .needsPerson: return .needsPerson
            case .notSold: return .notSold
            }
            break
        }
        let (payments, reference) = (payments, PaymentReference(reservation: id, attempt: attempt))
        let report = try await context.insist(
            "refund",
            retry: RetryPolicy(maxAttempts: 40, maxDelay: .seconds(60))
        ) { key in try await payments.refund(reference.text, idempotencyKey: key) }
        guard let report, report.state == .refunded else {
            try await context.settle(reference, as: .needsPerson, report)
            return .needsPerson
        }
        guard try await context.step(RecordRefund(reservation: id, attempt: attempt, report: report)) else {
            return .notSold
        }
        _ = try await context.start(Notify.self, NotificationDraft.key(.refunded, id))
        if try await context.version(of: "what comes back wakes the tick") == 1 {
            let postgres = postgres
            try await context.effect("wake the tick") { _ in try await Self.wakeTick(for: id, in: postgres) }
        }
        return .refunded
    }
}

extension RefundReservation {
    /// Uses the primary key.
    package static func find(_ id: ReservationID) -> Query {
        Query("refunds.find", "SELECT on_sale_id, state FROM reservations WHERE id = \(id.rawValue)")
    }

    /// What came back may be for somebody on the waitlist.
    private static func wakeTick(for id: ReservationID, in postgres: PostgresClient) async throws {
        guard let found = try await postgres.first(find(id)) else { return }
        try await SleepingTick.wake(OnSaleID(rawValue: try found[0]), in: postgres)
    }
}

/// Reads whether a sold reservation's money is there to be refunded.
struct LookAtSale: CohortStep {
    static let name = "look"

    enum Sale: Sendable, Codable {
        case captured(attempt: Int)
        case capturing
        case needsPerson
        case notSold
    }

    let reservation: ReservationID

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Sale] {
        let rows = try await transaction.query(
            Query(
                "refunds.look",
                """
                SELECT r.id, r.attempt, p.state
                FROM reservations AS r
                JOIN payments AS p ON p.reservation_id = r.id AND p.attempt = r.attempt
                WHERE r.id = ANY (\(batch.map(\.step.reservation.rawValue))) AND r.state = 'sold'
                """
            )
        )
        var sales: [Int64: Sale] = [:]
        for row in rows {
            let payment: String = try row[2]
            sales[try row[0]] =
                switch payment {
                case "captured": .captured(attempt: try row[1])
                case "needs_person": .needsPerson
                default: .capturing
                }
        }
        return batch.map { sales[$0.step.reservation.rawValue] ?? .notSold }
    }
}

/// Turns sold reservations into refunded ones.
struct RecordRefund: CohortStep {
    static let name = "refunded"

    let reservation: ReservationID
    let attempt: Int
    let report: PaymentReport

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Bool] {
        let rows = try await ReservationBook.lock(batch.map(\.step.reservation.rawValue), in: &transaction)
        let refunds = try batch.map { member -> Refund? in
            let step = member.step
            guard let row = rows[step.reservation.rawValue] else {
                // Never said to be done: somebody has to look at it.
                throw WorkflowError(
                    code: .stepFailed,
                    message: "reservation \(step.reservation.publicID) was archived while it was refunded"
                )
            }
            return row.state == .sold ? Refund(row: row, attempt: step.attempt, report: step.report) : nil
        }
        try await record(refunds.compactMap(\.self), in: &transaction)
        return refunds.map { $0 != nil }
    }

    /// A sold reservation, locked, whose money went back.
    struct Refund {
        let row: ReservationRow
        let attempt: Int
        /// What the provider said; nil where a person found it out.
        let report: PaymentReport?
    }

    /// Writes refunds and gives the tickets back: to the next, where the on-sale goes on.
    static func record(_ refunds: [Refund], in transaction: inout Transaction) async throws {
        let running = try await running(Set(refunds.map(\.row.onSale)).sorted(), in: transaction)
        let changes = refunds.map { refund in
            var change = ReservationBook.Change(refund.row, to: .refunded)
            if running.contains(refund.row.onSale) { change.column = .free }
            return change
        }
        let records = refunds.map {
            PaymentRecord(JobID(rawValue: $0.row.id), $0.attempt, .refunded, $0.report)
        }
        let told = changes.map { NotificationDraft.refunded($0.row) }
        let more = PaymentRecord.update(records) + NotificationDraft.insert(told)
        try await ReservationBook.apply(changes, and: more, in: &transaction)
    }

    /// Which of these on-sales still sell.
    ///
    /// Uses the primary key.
    private static func running(
        _ onSales: [Int64],
        in transaction: borrowing Transaction
    ) async throws -> Set<Int64> {
        let rows = try await transaction.query(
            Query(
                "refunds.running",
                """
                SELECT on_sale_id FROM on_sales
                WHERE on_sale_id = ANY (\(onSales)) AND state IN ('admitting', 'sold_out')
                """
            )
        )
        return Set(try rows.map { try $0[0] })
    }
}
