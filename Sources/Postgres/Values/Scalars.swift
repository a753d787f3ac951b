public import struct FoundationEssentials.UUID

extension Bool: PostgresEncodable, PostgresDecodable {
    /// `bool`.
    public static var postgresType: PostgresType { .bool }

    /// Appends one byte.
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(self ? 1 : 0)
    }

    /// Reads a `bool`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        guard type == .bool, bytes.count == 1 else { throw .mismatch(type, Self.self) }
        return bytes[0] != 0
    }
}

extension Float: PostgresEncodable, PostgresDecodable {
    /// `float4`.
    public static var postgresType: PostgresType { .float4 }

    /// Appends four bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(bitPattern)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array.lazy.map(\.bitPattern), count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads a `float4`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        guard type == .float4, bytes.count == 4 else { throw .mismatch(type, Self.self) }
        return Self(bitPattern: bytes.bigEndian(UInt32.self, at: 0))
    }
}

extension Double: PostgresEncodable, PostgresDecodable {
    /// `float8`.
    public static var postgresType: PostgresType { .float8 }

    /// Appends eight bytes.
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(bitPattern)
    }

    /// Appends an array of numbers of one size.
    public static func encode(array: [Self], into bytes: inout [UInt8]) {
        ArrayWire.append(array.lazy.map(\.bitPattern), count: array.count, of: postgresType, to: &bytes)
    }

    /// Reads a `float8` or a `float4`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        switch (type, bytes.count) {
        case (.float8, 8): return Self(bitPattern: bytes.bigEndian(UInt64.self, at: 0))
        case (.float4, 4): return Self(Float(bitPattern: bytes.bigEndian(UInt32.self, at: 0)))
        default: throw .mismatch(type, Self.self)
        }
    }
}

extension String: PostgresEncodable, PostgresDecodable {
    /// `text`; other types that are written as text need a cast in the statement, as in `\(state)::job_state`.
    public static var postgresType: PostgresType { .text }

    /// Appends the string as UTF-8.
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: utf8)
    }

    /// Reads anything that arrives as text: `text`, `varchar`, `name`, `json`, `jsonb`, enumerations.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type, or is not UTF-8.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        if type == .jsonb { return try JSONB.decode(bytes, as: type).text }
        guard type.isTextual else { throw .mismatch(type, Self.self) }
        let string = unsafe bytes.withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
        guard let string else { throw DecodingFailure("is not UTF-8") }
        return string
    }
}

extension UUID: PostgresEncodable, PostgresDecodable {
    /// `uuid`.
    public static var postgresType: PostgresType { .uuid }

    /// Appends sixteen bytes.
    public func encode(into bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: uuid) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Reads a `uuid`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        guard type == .uuid, bytes.count == 16 else { throw .mismatch(type, Self.self) }
        return Self(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8],
                bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            )
        )
    }
}
