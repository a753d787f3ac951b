package import Postgres

/// Lets its holder in: holds and checkout are bound to the session it names.
///
/// The session's row decides whether buying is still allowed; the token outlives it, so that a buyer can read
/// the reservation afterwards. It is made from the row alone, so asking again gives the same text.
package struct AdmissionToken: Sendable, Equatable {
    package let onSale: OnSaleID
    package let admission: AdmissionID
    package let arrival: Int64
    package let place: PlaceID
    /// On a whole second.
    package let expiresAt: PostgresTimestamp

    private static let prefix = "at_"
    private static let purpose = "usher.admission.v1"

    package init(
        onSale: OnSaleID,
        admission: AdmissionID,
        arrival: Int64,
        place: PlaceID,
        expiresAt: PostgresTimestamp
    ) {
        self.onSale = onSale
        self.admission = admission
        self.arrival = arrival
        self.place = place
        self.expiresAt = TokenTime.wholeSecond(expiresAt)
    }

    /// The text that the buyer keeps.
    package func signed(with keys: SigningKeys) -> String {
        let payload =
            onSale.rawValue.bigEndianBytes + admission.rawValue.bigEndianBytes + arrival.bigEndianBytes
            + place.bytes + TokenTime.bytes(expiresAt)
        return Self.prefix + keys.sign(payload, for: Self.purpose)
    }

    /// Reads a token and checks that it is ours and still good.
    package init(_ text: String, keys: SigningKeys, now: PostgresTimestamp) throws(TokenProblem) {
        guard text.hasPrefix(Self.prefix) else { throw .malformed }
        var reader = ByteReader(try keys.open(text.utf8.dropFirst(Self.prefix.utf8.count), for: Self.purpose))
        guard let onSale = reader.integer(Int64.self), let admission = reader.integer(Int64.self),
            let arrival = reader.integer(Int64.self), let bytes = reader.bytes(16),
            let place = PlaceID(bytes: bytes), let expiresAt = TokenTime.read(&reader), reader.isAtEnd
        else { throw .malformed }
        guard now < expiresAt else { throw .expired }
        self.init(
            onSale: OnSaleID(rawValue: onSale),
            admission: AdmissionID(rawValue: admission),
            arrival: arrival,
            place: place,
            expiresAt: expiresAt
        )
    }
}
