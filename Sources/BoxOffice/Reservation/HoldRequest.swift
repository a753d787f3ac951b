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
    /// How many of the buyer's party need an accessible seat; the others are their companions.
    ///
    /// For the best of a tier with seats.
    package var accessible: Int?
    /// How far apart the party would sit, at most; nil is however it comes.
    ///
    /// For the best of a tier with seats.
    package var together: Together?
    /// The client's Idempotency-Key and the fingerprint of the body that came with it.
    package var idempotency: IdempotencyKey?

    package init(
        onSale: OnSaleID,
        admission: AdmissionID,
        choice: Choice,
        accessible: Int? = nil,
        together: Together? = nil,
        idempotency: IdempotencyKey? = nil
    ) {
        self.onSale = onSale
        self.admission = admission
        self.choice = choice
        self.accessible = accessible
        self.together = together
        self.idempotency = idempotency
    }

    /// What of it only seats can meet, by the names of the fields.
    var wishesForSeats: [String] {
        var names: [String] = []
        if let accessible, accessible > 0 { names.append("accessible") }
        if let together, together != .apart { names.append("together") }
        return names
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
