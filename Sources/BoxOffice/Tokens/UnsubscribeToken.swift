/// Stands in the messages to a place's buyer and ends them, whoever follows it: it does nothing else.
///
/// It does not expire.
package struct UnsubscribeToken: Sendable, Equatable {
    package let onSale: OnSaleID
    package let arrival: Int64

    private static let prefix = "un_"
    private static let purpose = "usher.unsubscribe.v1"

    package init(onSale: OnSaleID, arrival: Int64) {
        self.onSale = onSale
        self.arrival = arrival
    }

    /// The text that stands in the message.
    package func signed(with keys: SigningKeys) -> String {
        Self.prefix + keys.sign(onSale.rawValue.bigEndianBytes + arrival.bigEndianBytes, for: Self.purpose)
    }

    /// Reads a token and checks that it is ours.
    package init(_ text: String, keys: SigningKeys) throws(TokenProblem) {
        guard text.hasPrefix(Self.prefix) else { throw .malformed }
        var reader = ByteReader(try keys.open(text.utf8.dropFirst(Self.prefix.utf8.count), for: Self.purpose))
        guard let onSale = reader.integer(Int64.self), let arrival = reader.integer(Int64.self),
            reader.isAtEnd
        else { throw .malformed }
        self.init(onSale: OnSaleID(rawValue: onSale), arrival: arrival)
    }
}
