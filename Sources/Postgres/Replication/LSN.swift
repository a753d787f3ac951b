/// A place in the server's log (WAL): how many bytes came before it.
///
/// Source: PostgreSQL 15, "pg_lsn Type".
public struct LSN: RawRepresentable, Sendable, Hashable, Comparable, CustomStringConvertible {
    /// How many bytes of the log came before.
    public let rawValue: UInt64

    /// Makes a place from the number of bytes before it.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// No place: the server's `0/0`.
    public static let none = Self(rawValue: 0)

    /// Reads a place as the server writes it, such as `16/B374D848`.
    ///
    /// - Returns: nil when the text is not of that form.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let high = Self.half(halves[0]), let low = Self.half(halves[1]) else {
            return nil
        }
        rawValue = UInt64(high) << 32 | UInt64(low)
    }

    private static func half(_ text: some StringProtocol) -> UInt32? {
        // The initialiser would take a sign.
        guard (1...8).contains(text.utf8.count), text.utf8.allSatisfy({ $0 != 43 && $0 != 45 }) else {
            return nil
        }
        return UInt32(text, radix: 16)
    }

    /// Earlier places come first.
    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }

    /// How many bytes of the log lie between; negative when `left` comes first.
    public static func - (left: Self, right: Self) -> Int64 {
        Int64(truncatingIfNeeded: left.rawValue &- right.rawValue)
    }

    /// The place as the server writes it.
    public var description: String {
        let high = String(rawValue >> 32, radix: 16, uppercase: true)
        return high + "/" + String(rawValue & 0xFFFF_FFFF, radix: 16, uppercase: true)
    }
}
