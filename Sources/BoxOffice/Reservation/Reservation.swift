package import Jobs
package import Postgres
package import Workflows

/// A reservation from the first hold to its end: one durable run, whose number is the reservation's.
///
/// The rows change only by conditional transitions; the run is what makes sure that each of them happens. It is told
/// of what the buyer does by events, sent in the transaction that does it.
package struct Reservation: Workflow {
    package static let name = "reservation"
    package static let queue = "reservations"
    package static let retry = RetryPolicy(maxAttempts: 30, maxDelay: .seconds(30))

    /// The buyer pays; numbered by attempt.
    package static let checkout = EventKey<Checkout>("checkout")
    /// The tickets were let go of; the rows say so already.
    package static let released = EventKey<Bool>("released")
    /// The provider's decision, from its callback; numbered by attempt.
    package static let payment = EventKey<PaymentReport>("payment")

    /// How a run ended.
    package enum Outcome: String, Sendable, Codable {
        case refused, sold, expired, released
    }

    let payments: any PaymentProvider
    /// How long a pending payment waits for its callback before the provider is asked, the first time.
    let patience: Duration

    package init(payments: any PaymentProvider, patience: Duration = .seconds(5)) {
        self.payments = payments
        self.patience = patience
    }

    private enum Wake: Sendable {
        case checkout(Checkout)
        case released
        case deadline
    }

    package func run(_ context: WorkflowContext, _ request: HoldRequest) async throws -> Outcome {
        guard case .held(let hold) = try await context.step(HoldSeats(request: request)) else {
            return .refused
        }
        var deadline = hold.expiresAt
        var attempt = 1
        while true {
            let wake: Wake = try await context.first(
                on(Self.checkout.numbered(attempt)) { .checkout($0) },
                on(Self.released) { _ in .released },
                expires(
                    at: deadline,
                    by: ExpireHolds(hold.reservation, of: request.admission),
                    otherwise: { .deadline }
                )
            )
            switch wake {
            case .released:
                return .released
            case .checkout(let checkout):
                let purchase = Purchase(
                    context: context,
                    payments: payments,
                    patience: patience,
                    checkout: checkout
                )
                switch try await purchase.run() {
                case .sold: return .sold
                case .ended: return .expired
                case .declined(let holdUntil):
                    deadline = holdUntil
                    attempt += 1
                }
            case .deadline:
                // It was not so simple as to be done without this code: see why.
                switch try await context.step(ExpireHold()) {
                case .expired:
                    _ = try await context.start(
                        Notify.self,
                        NotificationDraft.key(.expired, hold.reservation)
                    )
                    return .expired
                case .notYet(let later), .paying(let later): deadline = later
                case .over(let state): return state == .expired ? .expired : .released
                }
            }
        }
    }
}

/// The buyer's decision to pay, as the run is told of it.
package struct Checkout: Sendable, Hashable, Codable {
    package var attempt: Int
    package var request: PaymentRequest
    /// When an undecided payment is given up.
    package var deadline: PostgresTimestamp
}
