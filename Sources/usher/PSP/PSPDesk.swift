internal import HTTP

/// The stand-in payment server without its sockets: a request in; a response, and what follows later, out.
struct PSPDesk: Sendable {
    /// What a request leads to.
    struct Answer: Sendable {
        var response: HTTPResponse
        /// The response is held back so long, in seconds.
        var delay = 0.0
        /// When to call back about the payment of the reference, in seconds from now.
        var callbacks: [Callback] = []
    }

    struct Callback: Sendable, Equatable {
        var reference: String
        var after: Double
    }

    private(set) var ledger = PSPLedger()
    let behaviour: PSPBehaviour
    let apiKey: String

    init(behaviour: PSPBehaviour, apiKey: String) {
        self.behaviour = behaviour
        self.apiKey = apiKey
    }

    /// `GET /healthz`, `GET /ledger`, `POST /payments`, `GET /payments/{reference}`, and
    /// `POST /payments/{reference}/capture`, `/void`, `/refund`.
    mutating func handle(_ request: HTTPRequest) -> Answer {
        do {
            return try route(request)
        } catch {
            let problem = Problem(status: error.status, code: "refused", title: error.reason)
            return Answer(response: .problem(problem))
        }
    }

    /// The body of a callback about a payment, which decides it if it was pending.
    mutating func callback(for reference: String) -> [UInt8]? {
        ledger.settle(reference)
        return (try? ledger.known(reference)).map { Self.body($0) }
    }

    private mutating func route(_ request: HTTPRequest) throws(PSPLedger.Refusal) -> Answer {
        let path = request.path.split(separator: "/").map(String.init)
        if request.method == .get, path == ["healthz"] { return Answer(response: .text("ok")) }
        if request.method == .get, path == ["ledger"] { return Answer(response: .json(books())) }
        guard request.headers["Authorization"] == "Bearer \(apiKey)" else {
            throw PSPLedger.Refusal(status: 401, reason: "this needs 'Authorization: Bearer' and the API key")
        }
        switch (request.method, path.first, path.count) {
        case (.post, "payments", 1): return try authorise(request)
        case (.get, "payments", 2): return Answer(response: .json(Self.body(try ledger.known(path[1]))))
        case (.post, "payments", 3): return try change(path[1], path[2], request)
        default: throw PSPLedger.Refusal(status: 404, reason: "there is nothing at \(request.path)")
        }
    }

    private mutating func authorise(_ request: HTTPRequest) throws(PSPLedger.Refusal) -> Answer {
        let body: JSONValue
        do {
            body = try JSONValue(parsing: request.body)
        } catch {
            throw PSPLedger.Refusal(status: 400, reason: "the body is not JSON: \(error)")
        }
        guard let reference = body["reference"]?.string, let amount = body["amount"]?.int, amount >= 0,
            let currency = body["currency"]?.string, let method = body["payment_method"]?.string
        else {
            throw PSPLedger.Refusal(
                status: 422,
                reason: "needs reference, amount, currency and payment_method"
            )
        }
        try ledger.claim(Self.key(request), for: "authorise", on: reference)
        let fate = behaviour.fate(of: reference, method: method)
        let made = try ledger.authorise(reference, amount: amount, currency: currency, fate: fate)
        var answer = Answer(response: .json(Self.body(made.payment), status: made.isNew ? 201 : 200))
        guard made.isNew else { return answer }
        if fate.isSilent { answer.delay = behaviour.silenceSeconds }
        let first = fate.isLate ? behaviour.lateSeconds : 0.1
        answer.callbacks = [Callback(reference: reference, after: first)]
        if fate.isDuplicated { answer.callbacks.append(Callback(reference: reference, after: first + 0.5)) }
        return answer
    }

    private mutating func change(
        _ reference: String,
        _ operation: String,
        _ request: HTTPRequest
    ) throws(PSPLedger.Refusal) -> Answer {
        try ledger.claim(Self.key(request), for: operation, on: reference)
        let payment =
            switch operation {
            case "capture": try ledger.capture(reference)
            case "void": try ledger.void(reference)
            case "refund": try ledger.refund(reference)
            default: throw PSPLedger.Refusal(status: 404, reason: "accepted: capture, void, refund")
            }
        return Answer(response: .json(Self.body(payment)))
    }

    private static func key(_ request: HTTPRequest) throws(PSPLedger.Refusal) -> String {
        guard let key = request.headers["Idempotency-Key"], !key.isEmpty else {
            throw PSPLedger.Refusal(status: 400, reason: "this needs an Idempotency-Key")
        }
        return key
    }

    private static func body(_ payment: PSPLedger.Payment) -> [UInt8] {
        JSONWriter.object { write(payment, to: &$0) }
    }

    private static func write(_ payment: PSPLedger.Payment, to json: inout JSONWriter) {
        json.field("id", payment.id)
        json.field("reference", payment.reference)
        json.field("state", payment.state.rawValue)
        json.field("amount", payment.amount)
        json.field("currency", payment.currency)
        if let detail = payment.detail { json.field("detail", detail) }
    }

    /// Every payment, and sums by state.
    private func books() -> [UInt8] {
        let all = ledger.order.compactMap { ledger.payments[$0] }
        return JSONWriter.object { json in
            json.object("totals") { json in
                for state in [PSPLedger.State.pending, .authorised, .declined, .captured, .voided, .refunded]
                {
                    json.field(state.rawValue, all.count { $0.state == state })
                }
            }
            json.array("payments") { json in
                for payment in all {
                    json.object { json in
                        Self.write(payment, to: &json)
                        json.field("captures", payment.captures)
                        json.field("refunds", payment.refunds)
                    }
                }
            }
        }
    }
}
