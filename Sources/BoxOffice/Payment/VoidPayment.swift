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
        let report = try await context.insist(
            "void",
            retry: RetryPolicy(maxAttempts: 40, maxDelay: .seconds(60))
        ) { key in try await payments.void(text, idempotencyKey: key) }
        let state: PaymentState =
            switch report?.state {
            case .voided: .voided
            case .declined: .declined
            default: .needsPerson
            }
        try await context.settle(reference, as: state, report)
        return state
    }
}
