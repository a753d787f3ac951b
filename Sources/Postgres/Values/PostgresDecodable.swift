/// A value that can be read from a column.
///
/// Columns arrive in the server's binary form.
public protocol PostgresDecodable: Sendable {
    /// Reads a value that is not NULL.
    ///
    /// - Parameters:
    ///   - bytes: the column in the server's binary form.
    ///   - type: the column's type.
    /// - Returns: the value.
    /// - Throws: ``DecodingFailure`` when the type doesn't fit or the value is out of range.
    static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self

    /// What a NULL becomes.
    ///
    /// - Throws: ``DecodingFailure`` unless the type can hold one.
    static func decodeNull() throws(DecodingFailure) -> Self

    /// Reads an array of such values.
    ///
    /// - Throws: ``DecodingFailure`` when the type doesn't fit or a value is out of range.
    static func decodeArray(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> [Self]
}

/// Why a column could not be read; a row turns it into a ``PostgresError`` that names column and statement.
public struct DecodingFailure: Error, Sendable, Hashable {
    /// What is wrong, as the end of a sentence that begins with the column's name.
    public let reason: String

    /// Makes a failure from its reason.
    public init(_ reason: String) {
        self.reason = reason
    }

    static func mismatch(_ type: PostgresType, _ swift: Any.Type) -> Self {
        Self("is \(type), which can't be read as \(swift)")
    }

    static func malformed(_ type: PostgresType) -> Self {
        Self("is not a well-formed \(type)")
    }
}

extension PostgresDecodable {
    /// By default, a NULL can't be read.
    public static func decodeNull() throws(DecodingFailure) -> Self {
        throw DecodingFailure("is NULL, which can't be read as \(Self.self)")
    }

    /// By default, a one-dimensional array, each element with its length in front.
    public static func decodeArray(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> [Self] {
        try ArrayWire.decode(bytes, as: type)
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    /// Reads the raw value.
    ///
    /// - Throws: ``DecodingFailure`` when the raw value can't be read or means nothing.
    public static func decode(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> Self {
        let raw = try RawValue.decode(bytes, as: type)
        guard let value = Self(rawValue: raw) else {
            throw DecodingFailure("is '\(raw)', which is no \(Self.self)")
        }
        return value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Reads the wrapped value.
    ///
    /// - Throws: ``DecodingFailure`` when it can't be read.
    public static func decode(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> Self {
        try Wrapped.decode(bytes, as: type)
    }

    /// No value.
    public static func decodeNull() -> Self {
        nil
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// Reads the whole array.
    ///
    /// - Throws: ``DecodingFailure`` when an element can't be read.
    public static func decode(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> Self {
        try Element.decodeArray(bytes, as: type)
    }
}
