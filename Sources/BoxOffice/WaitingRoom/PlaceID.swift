/// Names one place: 128 random bits, so that nobody finds another's place by counting.
package struct PlaceID: Hashable, Sendable {
    /// The first eight bytes, big-endian.
    package let high: UInt64
    /// The last eight bytes, big-endian.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh id from the system's secure generator.
    package static func random() -> PlaceID {
        var generator = SystemRandomNumberGenerator()
        return PlaceID(high: generator.next(), low: generator.next())
    }

    /// The id that a client named (`pl_…`), or nil.
    package init?(publicID: String) {
        guard let bits = PublicID.decodeWide("pl", publicID) else { return nil }
        self.init(high: bits.high, low: bits.low)
    }

    /// The id in its sixteen bytes, or nil when `bytes` has another length.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: UInt64(bigEndianBytes: bytes.prefix(8)),
            low: UInt64(bigEndianBytes: bytes.dropFirst(8))
        )
    }

    /// The form that clients see.
    package var publicID: String { PublicID.encode("pl", high: high, low: low) }

    /// The sixteen bytes, most significant first.
    package var bytes: [UInt8] { high.bigEndianBytes + low.bigEndianBytes }
}

extension PlaceID: CustomStringConvertible {
    package var description: String { publicID }
}

extension PlaceID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = PlaceID(publicID: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a place id")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(publicID)
    }
}
