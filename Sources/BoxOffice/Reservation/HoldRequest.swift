/// What a buyer asks to hold: the input of a reservation's run.
package struct HoldRequest: Sendable, Hashable, Codable {
    /// Which tickets.
    package enum Choice: Sendable, Hashable, Codable {
        /// So many of a tier, the best there are.
        case best(tier: String, quantity: Int)
        /// These seats, by label; all of them or none.
        case seats([String])
    }

    package var onSale: OnSaleID
    /// The session that the buyer's admission token names.
    package var admission: AdmissionID
    package var choice: Choice
    /// The client's Idempotency-Key and the fingerprint of the body that came with it.
    package var idempotency: IdempotencyKey?

    package init(onSale: OnSaleID, admission: AdmissionID, choice: Choice, idempotency: IdempotencyKey? = nil)
    {
        self.onSale = onSale
        self.admission = admission
        self.choice = choice
        self.idempotency = idempotency
    }

    /// How many tickets.
    package var quantity: Int {
        switch choice {
        case .best(_, let quantity): quantity
        case .seats(let labels): labels.count
        }
    }
}

/// A client's name for one request, so that sending it again does nothing again.
package struct IdempotencyKey: Sendable, Hashable, Codable {
    /// As the client sent it.
    package var key: String
    /// A fingerprint of the body: another body under the same key is an error of the client.
    package var bodyHash: String

    package init(key: String, body: [UInt8]) {
        self.key = key
        bodyHash = Base64URL.encode(Digest.sha256(body))
    }
}
