internal import Jobs
package import Workflows

/// Gives back an authorisation that no reservation can use any more, and does not stop before the provider says so.
package struct VoidPayment: Workflow {
    package static let name = "void_payment"
    package static let queue = "payments"

    let payments: any PaymentProvider

    package init(payments: any PaymentProvider) {
        self.payments = payments
    }

    /// One run per attempt to pay, however many find out that it is needed.
    package static func key(_ reference: PaymentReference) -> String { "void:\(reference.text)" }

    /// `text`: the payment's reference.
    package func run(_ context: WorkflowContext, _ text: String) async throws -> PaymentState {
        guard let reference = PaymentReference(text) else { return .unknown }
        let payments = payments
        let report: PaymentReport?
        do {
            report = try await context.effect(
                "void",
                queue: Self.queue,
                retry: RetryPolicy(maxAttempts: 40, maxDelay: .seconds(60)),
                timeout: .seconds(10)
            ) { key in
                do {
                    return try await payments.void(text, idempotencyKey: key)
                } catch let error as PaymentError where error.code == .refused {
                    throw DoNotRetry(error.message)
                }
            }
        } catch let suspended as WorkflowSuspended {
            throw suspended
        } catch {
            report = nil
        }
        let state: PaymentState =
            switch report?.state {
            case .voided: .voided
            case .declined: .declined
            default: .needsPerson
            }
        _ = try await context.step(
            SettlePayment(
                reservation: reference.reservation,
                attempt: reference.attempt,
                state: state,
                report: report
            )
        )
        if state == .needsPerson {
            let (reservation, attempt) = (reference.reservation, reference.attempt)
            _ = try await context.start(
                Notify.self,
                NotificationDraft.key(.needsPerson, reservation, epoch: attempt)
            )
        }
        return state
    }
}
