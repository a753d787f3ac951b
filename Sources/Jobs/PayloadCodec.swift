public import Postgres

/// Changes documents on their way into the tables and back, such as by encrypting or compressing them.
///
/// It is given everything that users say: inputs and outputs, results of steps, events, published values. What was
/// stored before there was a codec comes to ``decode(_:of:)`` as well, and has to be returned as it is; so mark what
/// you encode. Several are put one after the other by ``ChainedCodec``.
public protocol PayloadCodec: Sendable {
    /// What is stored: a JSON document.
    ///
    /// - Throws: anything; it is not stored, and whoever said it hears of it.
    func encode(_ payload: JSONB, of subject: PayloadSubject) throws -> JSONB
    /// What the code is given.
    ///
    /// - Throws: ``JobsError`` (`undecodable`): a job is then kept as unreadable, a run is paused.
    func decode(_ stored: JSONB, of subject: PayloadSubject) throws -> JSONB
}

/// Several codecs in a row: the first is nearest to the code, the last to the tables.
///
/// ```swift
/// let codec = ChainedCodec([compression, try EncryptedPayloads(keys: keys, current: "2026")])
/// ```
/// Compress first: what is encrypted has no patterns left.
public struct ChainedCodec: PayloadCodec {
    private let codecs: [any PayloadCodec]

    /// Makes one of these, in the order in which they encode.
    public init(_ codecs: [any PayloadCodec]) {
        self.codecs = codecs
    }

    /// What the last of them makes of what those before it made.
    public func encode(_ payload: JSONB, of subject: PayloadSubject) throws -> JSONB {
        try codecs.reduce(payload) { try $1.encode($0, of: subject) }
    }

    /// Undoes them from the last to the first.
    public func decode(_ stored: JSONB, of subject: PayloadSubject) throws -> JSONB {
        try codecs.reversed().reduce(stored) { try $1.decode($0, of: subject) }
    }
}
