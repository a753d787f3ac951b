internal import BoxOffice
internal import HTTP

extension Operation {
    /// What the payment provider tells us.
    static let paymentCalls: [Operation] = [
        Operation(
            "paymentCallback",
            .post,
            "/v1/payments/callback",
            .paymentProvider,
            "A payment was decided. Signed; also answered 200 when it is known already.",
            body: "PaymentReport",
            success: (200, "CallbackResult"),
            problems: [.badSignature, .malformedJSON, .outcomeUnknown]
        ) { services, call in
            guard let callbacks = services.callbacks else { throw Problem.notFound }
            let signature = call.request.headers[WebhookSignature.header]
            return services.later {
                switch try await callbacks.handle(call.request.body, signature: signature) {
                case .forged: throw Problem.badSignature
                case .malformed: throw Problem.malformedJSON.with(detail: "the body is no payment report")
                case let outcome: return .json(JSONWriter.object { $0.field("result", outcome.rawValue) })
                }
            }
        }
    ]
}
