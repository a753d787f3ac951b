internal import Glibc
internal import Reactor

/// An instant, in microseconds since 1970, UTC: what `timestamptz` holds.
public struct PostgresTimestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var microseconds: Int64

    /// Makes an instant from microseconds since 1970, UTC.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Reads the number of microseconds.
    ///
    /// - Throws: what the decoder throws.
    public init(from decoder: any Decoder) throws {
        microseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Writes the number of microseconds.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }

    /// Later than every other instant: the server's `infinity`.
    public static let distantFuture = Self(microseconds: .max)
    /// Earlier than every other instant: the server's `-infinity`.
    public static let distantPast = Self(microseconds: .min)

    /// This moment by the machine's clock.
    ///
    /// Where the database's time is meant, ask the database.
    public static var now: Self {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Self(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// The instant `duration` later.
    public static func + (left: Self, right: Duration) -> Self {
        Self(microseconds: left.microseconds + right.microseconds)
    }

    /// The instant `duration` earlier.
    public static func - (left: Self, right: Duration) -> Self {
        Self(microseconds: left.microseconds - right.microseconds)
    }

    /// How much later `left` is than `right`.
    public static func - (left: Self, right: Self) -> Duration {
        .microseconds(left.microseconds - right.microseconds)
    }

    /// Earlier instants come first.
    public static func < (left: Self, right: Self) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The instant as RFC 3339 in UTC, with as many decimals of a second as it needs.
    public var description: String {
        if self == .distantFuture { return "infinity" }
        if self == .distantPast { return "-infinity" }
        return RFC3339.text(self)
    }
}

extension PostgresTimestamp {
    /// Reads an instant written as RFC 3339, such as `2026-11-22T19:00:00Z` or `2026-11-22T20:00:00.5+01:00`.
    ///
    /// - Returns: nil when the text is not of that form.
    public init?(rfc3339 text: String) {
        guard let timestamp = RFC3339.parse(text) else { return nil }
        self = timestamp
    }
}

extension PostgresTimestamp: PostgresEncodable, PostgresDecodable {
    /// The server counts from 2000-01-01, UTC.
    static let epochOffset: Int64 = 946_684_800_000_000

    /// `timestamptz`.
    public static var postgresType: PostgresType { .timestamptz }

    private var wire: Int64 {
        self == .distantFuture || self == .distantPast ? microseconds : microseconds - Self.epochOffset
    }

    /// Appends eight bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(wire)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array.lazy.map(\.wire), count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads a `timestamptz`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        guard type == .timestamptz, bytes.count == 8 else { throw .mismatch(type, Self.self) }
        let wire = bytes.bigEndian(Int64.self, at: 0)
        let isFinite = wire != .max && wire != .min
        return Self(microseconds: isFinite ? wire + epochOffset : wire)
    }
}
