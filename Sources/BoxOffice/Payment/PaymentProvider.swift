/// Whoever takes the buyers' money: authorises, captures, voids and refunds.
///
/// A payment is named by our own `reference`, which the provider keeps, so that a question whose answer was lost can
/// be put again. Every call that changes something carries an idempotency key: the same key never acts twice.
///
/// A method that throws says nothing about what the provider did; ask with ``status(of:)``.
package protocol PaymentProvider: Sendable {
    /// Sets the amount aside on the buyer's account.
    func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport

    /// Takes the amount that was authorised.
    func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport

    /// Gives an authorisation back. A reference the provider has not heard of yet is refused from then on.
    func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport

    /// Gives captured money back.
    func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport

    /// What the provider knows of a payment; nil when it never heard of it.
    func status(of reference: String) async throws -> PaymentReport?
}

/// What a provider is asked to authorise.
package struct PaymentRequest: Sendable, Hashable, Codable {
    /// Our name for the attempt.
    package var reference: String
    /// In minor units of ``currency``.
    package var amount: Int64
    /// An ISO 4217 code.
    package var currency: String
    /// What the buyer pays with: the provider's own token for it.
    package var method: String

    /// Makes a request.
    package init(reference: String, amount: Int64, currency: String, method: String) {
        self.reference = reference
        self.amount = amount
        self.currency = currency
        self.method = method
    }

    enum CodingKeys: String, CodingKey {
        case reference, amount, currency
        case method = "payment_method"
    }
}

/// What a provider says of a payment.
package struct PaymentReport: Sendable, Hashable, Codable {
    /// Where a payment stands with the provider.
    package enum State: String, Sendable, Hashable, Codable {
        /// Not decided yet; a callback will say.
        case pending
        /// The amount is set aside.
        case authorised
        /// The buyer's bank or the provider said no.
        case declined
        /// The money was taken.
        case captured
        /// The authorisation was given back, or never will be given.
        case voided
        /// The captured money was given back.
        case refunded
    }

    /// Our name for the attempt.
    package var reference: String
    /// The provider's name for it.
    package var providerReference: String
    /// Where it stands.
    package var state: State
    /// Why, for a person; absent when there is nothing to say.
    package var detail: String?
    /// Where the buyer has to go on, such as the bank's page.
    package var nextAction: String?

    /// Makes a report.
    package init(
        reference: String,
        providerReference: String,
        state: State,
        detail: String? = nil,
        nextAction: String? = nil
    ) {
        self.reference = reference
        self.providerReference = providerReference
        self.state = state
        self.detail = detail
        self.nextAction = nextAction
    }

    enum CodingKeys: String, CodingKey {
        case reference, state, detail
        case providerReference = "id"
        case nextAction = "next_action"
    }
}
