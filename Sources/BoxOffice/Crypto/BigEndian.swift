extension FixedWidthInteger {
    /// The bytes of the number, most significant first.
    package var bigEndianBytes: [UInt8] {
        (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> (Self.bitWidth - 8 - $0 * 8)) }
    }

    /// Reads as many bytes as the type has, most significant first; a shorter collection counts as padded in front.
    package init(bigEndianBytes bytes: some Collection<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self($1) }
    }
}

/// Reads fixed-width fields off the front of a byte string.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { rest = Array(bytes)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) -> T? {
        bytes(T.bitWidth / 8).map { T(bigEndianBytes: $0) }
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}
