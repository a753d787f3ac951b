internal import Foundation
package import Postgres

/// JSON at the edges of the engine: inputs, results and payloads.
package enum JSONCoding {
    /// Encodes a value; a bare number or string is a document, too.
    package static func encode(_ value: some Encodable) throws -> JSONB {
        if let bytes = PayloadEncoder.bytes(of: value) { return JSONB(bytes: bytes) }
        return JSONB(bytes: Array(try encoder.encode(value)))
    }

    // Kept, because making one costs as much as a small document does; they are never changed.
    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }()

    private static let decoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }()

    /// Decodes a value.
    ///
    /// `what` names the document in the error, such as `checkpoint hold of run 12`.
    ///
    /// - Returns: the value.
    /// - Throws: ``JobsError`` (`undecodable`) that says what does not fit.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from json: JSONB,
        what: @autoclosure () -> String
    ) throws -> Value {
        do {
            return try decoder.decode(type, from: Data(json.bytes))
        } catch {
            throw JobsError(code: .undecodable, message: "\(what()) is not a \(type): \(Self.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        let (context, problem): (DecodingError.Context, String) =
            switch error {
            case .keyNotFound(let key, let context): (context, "\(key.stringValue) is missing")
            case .typeMismatch(let type, let context): (context, "expected \(type)")
            case .valueNotFound(let type, let context): (context, "expected \(type), found null")
            case .dataCorrupted(let context): (context, context.debugDescription)
            @unknown default: (DecodingError.Context(codingPath: [], debugDescription: ""), "\(error)")
            }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? problem : "at \(path): \(problem)"
    }
}
