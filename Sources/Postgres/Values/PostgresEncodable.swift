/// A value that can be a parameter of a statement.
///
/// It travels in the server's binary form.
///
/// Enumerations and wrappers with a raw value get this for free:
/// ```swift
/// struct SeatID: RawRepresentable, PostgresEncodable, PostgresDecodable { var rawValue: Int64 }
/// ```
public protocol PostgresEncodable: Sendable {
    /// The type the parameter is declared as.
    static var postgresType: PostgresType { get }

    /// The type an array of such values is declared as.
    static var postgresArrayType: PostgresType { get }

    /// Whether this value is NULL; then it is not encoded.
    var isPostgresNull: Bool { get }

    /// Appends the value in the server's binary form.
    func encode(into bytes: inout [UInt8])

    /// Appends an array of such values in the server's binary form.
    static func encode(array: [Self], into bytes: inout [UInt8])
}

extension PostgresEncodable {
    /// By default, the server's array type of the value's type.
    public static var postgresArrayType: PostgresType { postgresType.array }

    /// By default, a value is not NULL.
    public var isPostgresNull: Bool { false }

    /// By default, a one-dimensional array, each element with its length in front.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.appendHeader(count: array.count, of: postgresType, hasNulls: true, to: &bytes)
        for element in array {
            guard !element.isPostgresNull else {
                bytes.appendBigEndian(Int32(-1))
                continue
            }
            bytes.appendWithLength { element.encode(into: &$0) }
        }
    }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    /// The type of the raw value.
    public static var postgresType: PostgresType { RawValue.postgresType }

    /// Whether the raw value is NULL.
    public var isPostgresNull: Bool { rawValue.isPostgresNull }

    /// Appends the raw value.
    public func encode(into bytes: inout [UInt8]) {
        rawValue.encode(into: &bytes)
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The type of the wrapped value: a NULL has a type, too.
    public static var postgresType: PostgresType { Wrapped.postgresType }

    /// Whether there is no value, or one that is itself NULL.
    public var isPostgresNull: Bool { self?.isPostgresNull ?? true }

    /// Appends the wrapped value.
    public func encode(into bytes: inout [UInt8]) {
        self?.encode(into: &bytes)
    }
}

extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// The element's array type; `[UInt8]` is `bytea`.
    public static var postgresType: PostgresType { Element.postgresArrayType }

    /// Appends the whole array.
    public func encode(into bytes: inout [UInt8]) {
        Element.encode(array: self, into: &bytes)
    }
}
