/// JSON as the server stores it.
///
/// What is inside is for the caller to encode and decode.
public struct JSONB: Sendable, Hashable, PostgresEncodable, PostgresDecodable {
    /// The document, as UTF-8.
    public let bytes: [UInt8]

    /// Makes a value from a document that is UTF-8 already.
    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Makes a value from a document.
    public init(text: String) {
        bytes = Array(text.utf8)
    }

    /// The document as a string.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// `jsonb`.
    public static var postgresType: PostgresType { .jsonb }

    /// Appends the version of the form, which is 1, and the document.
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(1)
        bytes.append(contentsOf: self.bytes)
    }

    /// Reads a `jsonb` or a `json`.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        if type == .json { return Self(bytes: bytes.copied) }
        guard type == .jsonb, bytes.count > 1, bytes[0] == 1 else { throw .mismatch(type, Self.self) }
        return Self(bytes: bytes.extracting(1..<bytes.count).copied)
    }
}
