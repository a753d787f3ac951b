package import Postgres

/// What becomes of payloads on their way into the tables and back: the limit on their size, and the codec.
package struct Payloads: Sendable {
    package let codec: (any PayloadCodec)?
    /// Bytes of JSON, before the codec.
    package let limit: Int

    package init(codec: (any PayloadCodec)?, limit: Int) {
        self.codec = codec
        self.limit = limit
    }

    /// A payload as it is stored.
    ///
    /// - Throws: ``PayloadTooLarge``; what the codec throws.
    package func seal(_ payload: JSONB, _ subject: @autoclosure () -> PayloadSubject) throws -> JSONB {
        try check(payload, subject())
        return try encode(payload, subject())
    }

    /// Refuses a payload that is too large.
    ///
    /// - Throws: ``PayloadTooLarge``.
    package func check(_ payload: JSONB, _ subject: @autoclosure () -> PayloadSubject) throws {
        guard payload.bytes.count <= limit else {
            throw PayloadTooLarge(subject: subject(), bytes: payload.bytes.count, limit: limit)
        }
    }

    /// A payload as it is stored, whatever its size.
    package func encode(_ payload: JSONB, _ subject: @autoclosure () -> PayloadSubject) throws -> JSONB {
        guard let codec else { return payload }
        return try codec.encode(payload, of: subject())
    }

    /// A payload as the code sees it.
    ///
    /// - Throws: ``JobsError`` (`undecodable`).
    package func open(_ stored: JSONB, _ subject: @autoclosure () -> PayloadSubject) throws -> JSONB {
        guard let codec else { return stored }
        return try codec.decode(stored, of: subject())
    }
}
