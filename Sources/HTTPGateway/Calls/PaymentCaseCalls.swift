internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Telemetry

extension Operation {
    /// What operators do with payments that nobody else can settle.
    static let paymentCaseCalls: [Operation] = [
        Operation(
            "listPaymentCases",
            .get,
            "/v1/operator/payments",
            .operator,
            "Payments that only a person can settle, the oldest first.",
            success: (200, "PaymentCaseList"),
            problems: [.badParameter]
        ) { services, call, _ in
            let cases = try await PaymentCase.open(limit: try call.limit(), in: services.postgres)
            return .json(
                JSONWriter.object { json in
                    json.array("payments") { list in
                        for found in cases { list.object { write(found, to: &$0) } }
                    }
                }
            )
        },
        Operation(
            "settlePaymentCase",
            .post,
            "/v1/operator/payments/{reference}/settle",
            .operator,
            "Closes the case of a payment with what was found out at the provider. `captured` and `refunded` are for tickets "
                + "that are sold, which after `refunded` come back; `voided` is for money that belongs to no tickets. "
                + "Asking again changes nothing.",
            body: "PaymentFinding",
            success: (200, "SettledPayment"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .unknownPayment, .wrongState, .outcomeUnknown,
            ],
            settle
        ),
    ]

    @Sendable private static func settle(
        _ services: Services,
        _ call: Call,
        _ holder: APIKeys.Holder
    ) async throws -> HTTPResponse {
        guard let payment = PaymentReference(call.parameters["reference"]) else {
            throw Problem.unknownPayment
        }
        var fields = try RequestFields(call.request)
        let text = fields.string("found")
        let note = fields.string("note", maxLength: 1000)
        let finding = PaymentCases.Finding(rawValue: text)
        if !text.isEmpty, finding == nil {
            let names = PaymentCases.Finding.allCases.map(\.rawValue).joined(separator: ", ")
            fields.refuse("found", "must be one of \(names)")
        }
        try fields.check()
        guard let finding else { throw Problem.invalidFields }
        let settled = try await services.cases.settle(payment, as: finding, note: note, by: holder)
        services.logger.info(
            "payment case settled",
            ["payment": payment.text, "found": finding.rawValue, "by": holder.actor]
        )
        return .json(
            JSONWriter.object { json in
                json.field("reference", payment.text)
                json.field("state", settled.payment.rawValue)
                json.field("reservation", payment.reservation.publicID)
                json.field("reservation_state", settled.reservation.rawValue)
            }
        )
    }

    private static func write(_ found: PaymentCase, to json: inout JSONWriter) {
        json.field("reference", found.reference)
        json.field("reservation", found.reservation.publicID)
        json.field("on_sale", found.onSale.publicID)
        json.field("method", found.method)
        json.money("amount", found.amount, found.currency)
        json.field("detail", found.detail)
        json.field("since", "\(found.since)")
    }
}
