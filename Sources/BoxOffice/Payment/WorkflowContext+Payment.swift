internal import Jobs
internal import Workflows

extension WorkflowContext {
    /// Asks the payment provider for what has to happen, until it says something final.
    ///
    /// `ask` is given an idempotency key that is the same in each attempt. The result is nil when the provider
    /// refused or stayed silent, so that only a person can go on.
    func insist(
        _ name: String,
        retry: RetryPolicy,
        _ ask: @escaping @Sendable (_ key: String) async throws -> PaymentReport
    ) async throws -> PaymentReport? {
        try await Self.answer {
            try await effect(name, queue: "payments", retry: retry, timeout: .seconds(10)) { key in
                do {
                    return try await ask(key)
                } catch let error as PaymentError where error.code == .refused {
                    throw JobVerdict.discard(error.message)
                }
            }
        }
    }

    /// Notes how a payment ended, and calls a person where it takes one.
    func settle(_ payment: PaymentReference, as state: PaymentState, _ report: PaymentReport?) async throws {
        let (reservation, attempt) = (payment.reservation, payment.attempt)
        _ = try await step(
            SettlePayment(reservation: reservation, attempt: attempt, state: state, report: report)
        )
        guard state == .needsPerson else { return }
        _ = try await start(
            Notify.self,
            NotificationDraft.key(.needsPerson, reservation, epoch: attempt)
        )
    }

    /// The value of an effect, or nil when it failed for good.
    static func answer<Value: Sendable>(of effect: () async throws -> Value) async throws -> Value? {
        do {
            return try await effect()
        } catch let suspended as WorkflowSuspended {
            throw suspended
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            return nil
        }
    }
}
