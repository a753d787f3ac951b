extension FixedWidthInteger where Self: PostgresDecodable {
    /// Reads any of the server's integers that fits.
    static func decodeInteger(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> Self {
        let wide: Int64
        switch (type, bytes.count) {
        case (.int8, 8): wide = bytes.bigEndian(Int64.self, at: 0)
        case (.int4, 4): wide = Int64(bytes.bigEndian(Int32.self, at: 0))
        case (.int2, 2): wide = Int64(bytes.bigEndian(Int16.self, at: 0))
        case (.oid, 4): wide = Int64(bytes.bigEndian(UInt32.self, at: 0))
        default: throw .mismatch(type, Self.self)
        }
        guard let value = Self(exactly: wide) else {
            throw DecodingFailure("is \(wide), too large for \(Self.self)")
        }
        return value
    }
}

extension Int16: PostgresEncodable, PostgresDecodable {
    /// `int2`.
    public static var postgresType: PostgresType { .int2 }

    /// Appends two bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(self)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array, count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads any integer that fits.
    ///
    /// - Throws: ``DecodingFailure`` when it doesn't, or the column holds no integer.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        try decodeInteger(bytes, as: type)
    }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    /// `int4`.
    public static var postgresType: PostgresType { .int4 }

    /// Appends four bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(self)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array, count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads any integer that fits.
    ///
    /// - Throws: ``DecodingFailure`` when it doesn't, or the column holds no integer.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        try decodeInteger(bytes, as: type)
    }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    /// `int8`.
    public static var postgresType: PostgresType { .int8 }

    /// Appends eight bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(self)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array, count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads any integer.
    ///
    /// - Throws: ``DecodingFailure`` when the column holds no integer.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        try decodeInteger(bytes, as: type)
    }
}

extension Int: PostgresEncodable, PostgresDecodable {
    /// `int8`.
    public static var postgresType: PostgresType { .int8 }

    /// Appends eight bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(self)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array, count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads any integer.
    ///
    /// - Throws: ``DecodingFailure`` when the column holds no integer.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        try decodeInteger(bytes, as: type)
    }
}

/// A byte alone is an `int2`; an array of bytes is one `bytea`, not an array.
extension UInt8: PostgresEncodable, PostgresDecodable {
    /// `int2`.
    public static var postgresType: PostgresType { .int2 }

    /// `bytea`.
    public static var postgresArrayType: PostgresType { .bytea }

    /// Appends two bytes, as `int2` wants.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int16(self))
    }

    /// Appends the bytes as they are.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        bytes.append(contentsOf: array)
    }

    /// Reads any integer that fits.
    ///
    /// - Throws: ``DecodingFailure`` when it doesn't, or the column holds no integer.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        try decodeInteger(bytes, as: type)
    }

    /// Reads a `bytea`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decodeArray(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> [Self] {
        guard type == .bytea else { throw .mismatch(type, [UInt8].self) }
        return bytes.copied
    }
}
