internal import Jobs
internal import Postgres
internal import Workflows

/// One attempt to pay, inside a reservation's run: authorise → confirm in our books → capture.
///
/// In this order a race that is lost costs a void and never a refund. What the provider did is never guessed: when an
/// answer is lost, it is asked again by our reference, and what can't be found out by the deadline is voided.
struct Purchase: Sendable {
    static let queue = "payments"

    enum Ending: Sendable {
        case sold
        /// The buyer may try again until then.
        case declined(PostgresTimestamp)
        /// The reservation has ended without a sale.
        case ended
    }

    private enum Wake: Sendable {
        case decided(PaymentReport)
        case ask
        case giveUp
    }

    let context: WorkflowContext
    let payments: any PaymentProvider
    let patience: Duration
    let checkout: Checkout

    private var reservation: ReservationID { ReservationID(rawValue: context.runID.rawValue) }
    private var reference: String { checkout.request.reference }

    func run() async throws -> Ending {
        guard let report = try await decision() else { return try await giveUp() }
        return report.state == .declined ? try await decline(report) : try await confirm(report)
    }

    // MARK: Until the provider has decided

    /// The provider's decision, or nil when there was none by the deadline.
    private func decision() async throws -> PaymentReport? {
        var report = try await authorise()
        if let report, report.state == .pending {
            _ = try await context.step(
                SettlePayment(
                    reservation: reservation,
                    attempt: checkout.attempt,
                    state: .unknown,
                    report: report
                )
            )
        }
        var delay = patience
        while true {
            if let report, report.state != .pending { return report }
            let wake: Wake = try await context.first(
                on(Reservation.payment.numbered(checkout.attempt)) { .decided($0) },
                after(delay) { .ask },
                until(checkout.deadline) { .giveUp }
            )
            switch wake {
            case .decided(let decided): return decided
            case .giveUp: return nil
            case .ask: report = try await ask()
            }
            delay = min(delay * 2, .seconds(30))
        }
    }

    /// - Returns: nil when nobody can say what the provider did.
    private func authorise() async throws -> PaymentReport? {
        let (payments, request) = (payments, checkout.request)
        return try await WorkflowContext.answer {
            try await context.effect(
                "authorise",
                queue: Self.queue,
                retry: .exponential(max: 3),
                timeout: .seconds(10)
            ) { _ in
                do {
                    return try await payments.authorise(request, idempotencyKey: request.reference)
                } catch let error as PaymentError where error.code == .refused {
                    return PaymentReport(
                        reference: request.reference,
                        providerReference: "",
                        state: .declined,
                        detail: error.message
                    )
                }
            }
        }
    }

    /// Asks where the payment stands; a provider that never heard of it is told again.
    private func ask() async throws -> PaymentReport? {
        let (payments, reference) = (payments, reference)
        let known = try await WorkflowContext.answer {
            try await context.effect("status", queue: Self.queue, retry: .never, timeout: .seconds(10)) { _ in
                ProviderAnswer(report: try await payments.status(of: reference))
            }
        }
        guard let known else { return nil }
        return if let report = known.report { report } else { try await authorise() }
    }

    // MARK: Once it has

    private func confirm(_ report: PaymentReport) async throws -> Ending {
        // Voided or refunded without our doing: there is nothing to confirm with.
        guard report.state == .authorised || report.state == .captured else { return try await giveUp() }
        guard try await context.step(ConfirmSale(attempt: checkout.attempt, report: report)) else {
            try await void()
            return .ended
        }
        _ = try await context.start(Notify.self, NotificationDraft.key(.sold, reservation))
        try await capture()
        return .sold
    }

    private func capture() async throws {
        let (payments, reference) = (payments, reference)
        let captured = try await context.insist("capture", retry: .exponential(max: 8)) { key in
            try await payments.capture(reference, idempotencyKey: key)
        }
        try await context.settle(
            PaymentReference(reservation: reservation, attempt: checkout.attempt),
            as: captured?.state == .captured ? .captured : .needsPerson,
            captured
        )
    }

    private func decline(_ report: PaymentReport) async throws -> Ending {
        let step = ReturnToHeld(attempt: checkout.attempt, report: report)
        guard let holdUntil = try await context.step(step) else { return .ended }
        _ = try await context.start(
            Notify.self,
            NotificationDraft.key(.paymentDeclined, reservation, epoch: checkout.attempt)
        )
        return .declined(holdUntil)
    }

    /// Frees the tickets first and voids then: what is not confirmed is never captured.
    private func giveUp() async throws -> Ending {
        if try await context.step(GiveUpPayment(attempt: checkout.attempt)) {
            _ = try await context.start(Notify.self, NotificationDraft.key(.expired, reservation))
        }
        try await void()
        return .ended
    }

    private func void() async throws {
        let reference = PaymentReference(reservation: reservation, attempt: checkout.attempt)
        _ = try await context.start(VoidPayment.self, reference.text, key: VoidPayment.key(reference))
    }
}

/// What the provider knows of a payment; without a report, it never heard of it.
private struct ProviderAnswer: Sendable, Codable {
    var report: PaymentReport?
}
