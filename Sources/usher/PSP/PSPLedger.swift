/// What the stand-in payment server knows: every payment and what was done with its money.
///
/// Pure state, no I/O.
///
/// Each operation may be repeated: what has been done is not done again, and the answer is the same.
struct PSPLedger: Sendable {
    /// Where a payment stands.
    enum State: String, Sendable {
        case pending, authorised, declined, captured, voided, refunded
    }

    struct Payment: Sendable, Equatable {
        var id: String
        var reference: String
        var amount: Int64
        var currency: String
        var state: State
        var detail: String?
        /// What a pending payment will turn into.
        var decision: State
        /// How often money moved: a second capture or refund of one payment would show here.
        var captures = 0
        var refunds = 0
    }

    /// Why something is not done.
    struct Refusal: Error, Sendable, Equatable {
        var status: Int
        var reason: String
    }

    private(set) var payments: [String: Payment] = [:]
    /// The references in the order in which they were first heard of.
    private(set) var order: [String] = []
    private var keys: [String: String] = [:]

    /// Binds an idempotency key to one operation on one payment.
    ///
    /// - Throws: when the key was used for another one.
    mutating func claim(_ key: String, for operation: String, on reference: String) throws(Refusal) {
        let use = "\(operation) \(reference)"
        if let earlier = keys[key], earlier != use {
            throw Refusal(status: 422, reason: "the idempotency key was used for '\(earlier)'")
        }
        keys[key] = use
    }

    /// Makes a payment, or finds the one that was made before.
    ///
    /// - Returns: the payment, and whether this call made it.
    mutating func authorise(
        _ reference: String,
        amount: Int64,
        currency: String,
        fate: PSPFate
    ) throws(Refusal) -> (payment: Payment, isNew: Bool) {
        if let known = payments[reference] {
            guard known.currency.isEmpty || (known.amount == amount && known.currency == currency) else {
                throw Refusal(status: 409, reason: "'\(reference)' is for another amount")
            }
            return (known, false)
        }
        let decision: State = fate.declines ? .declined : .authorised
        let payment = Payment(
            id: "psp_\(order.count + 1)",
            reference: reference,
            amount: amount,
            currency: currency,
            state: fate.isLate ? .pending : decision,
            detail: fate.declines ? "insufficient_funds" : nil,
            decision: decision
        )
        payments[reference] = payment
        order.append(reference)
        return (payment, true)
    }

    /// Decides a pending payment; nothing happens to others.
    mutating func settle(_ reference: String) {
        guard let payment = payments[reference], payment.state == .pending else { return }
        payments[reference]?.state = payment.decision
    }

    mutating func capture(_ reference: String) throws(Refusal) -> Payment {
        let payment = try known(reference)
        if payment.state == .captured { return payment }
        guard payment.state == .authorised else {
            throw Refusal(status: 409, reason: "a payment that is \(payment.state) can't be captured")
        }
        payments[reference]?.state = .captured
        payments[reference]?.captures += 1
        return try known(reference)
    }

    /// Gives an authorisation back.
    ///
    /// A payment nobody has asked for yet is refused from then on.
    mutating func void(_ reference: String) throws(Refusal) -> Payment {
        guard let payment = payments[reference] else {
            let tombstone = Payment(
                id: "psp_\(order.count + 1)",
                reference: reference,
                amount: 0,
                currency: "",
                state: .voided,
                decision: .voided
            )
            payments[reference] = tombstone
            order.append(reference)
            return tombstone
        }
        switch payment.state {
        case .voided, .declined: return payment
        case .pending, .authorised:
            payments[reference]?.state = .voided
            payments[reference]?.decision = .voided
            return try known(reference)
        case .captured, .refunded:
            throw Refusal(status: 409, reason: "a payment that is \(payment.state) can't be voided")
        }
    }

    mutating func refund(_ reference: String) throws(Refusal) -> Payment {
        let payment = try known(reference)
        if payment.state == .refunded { return payment }
        guard payment.state == .captured else {
            throw Refusal(status: 409, reason: "a payment that is \(payment.state) can't be refunded")
        }
        payments[reference]?.state = .refunded
        payments[reference]?.refunds += 1
        return try known(reference)
    }

    func known(_ reference: String) throws(Refusal) -> Payment {
        guard let payment = payments[reference] else {
            throw Refusal(status: 404, reason: "there is no payment '\(reference)'")
        }
        return payment
    }
}
