/// What a join answers so that the buyer can prove later what went into the draw: we signed that this place
/// arrived with this number, before the seal.
package struct JoinReceipt: Sendable, Equatable {
    package let entry: DrawEntry
    /// Opens the entry's leaf in the seal.
    package let blinding: [UInt8]

    private static let prefix = "rc_"
    private static let purpose = "usher.receipt.v1"

    package init(entry: DrawEntry, blinding: [UInt8]) {
        self.entry = entry
        self.blinding = blinding
    }

    /// The text that the buyer keeps.
    package func signed(with keys: SigningKeys) -> String {
        let payload =
            entry.onSale.rawValue.bigEndianBytes + entry.arrival.bigEndianBytes + entry.place.bytes + blinding
        return Self.prefix + keys.sign(payload, for: Self.purpose)
    }

    /// Reads a receipt and checks that it is ours.
    ///
    /// Receipts don't expire.
    package init(_ text: String, keys: SigningKeys) throws(TokenProblem) {
        guard text.hasPrefix(Self.prefix) else { throw .malformed }
        try self.init(
            payload: try keys.open(text.utf8.dropFirst(Self.prefix.utf8.count), for: Self.purpose)
        )
    }

    /// Reads a receipt without the key: what it says, whoever made it.
    ///
    /// Enough to look for its entry among the published ones.
    package init(unchecked text: String) throws(TokenProblem) {
        guard text.hasPrefix(Self.prefix) else { throw .malformed }
        try self.init(payload: try SigningKeys.payload(text.utf8.dropFirst(Self.prefix.utf8.count)))
    }

    private init(payload: [UInt8]) throws(TokenProblem) {
        var reader = ByteReader(payload)
        guard let onSale = reader.integer(Int64.self), let arrival = reader.integer(Int64.self),
            let bytes = reader.bytes(16), let place = PlaceID(bytes: bytes), let blinding = reader.bytes(16),
            reader.isAtEnd
        else { throw .malformed }
        self.init(
            entry: DrawEntry(onSale: OnSaleID(rawValue: onSale), arrival: arrival, place: place),
            blinding: blinding
        )
    }
}
