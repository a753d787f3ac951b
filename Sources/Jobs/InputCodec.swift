public import Postgres

/// Changes documents on their way into the tables and back, such as by encrypting them.
///
/// A store encodes the inputs of what it enqueues; a registry decodes them before its code is called.
public protocol InputCodec: Sendable {
    /// What is stored.
    ///
    /// - Throws: anything; the job is not enqueued.
    func encode(_ input: JSONB, of job: String) throws -> JSONB
    /// What the code is given.
    ///
    /// - Throws: ``JobsError`` (`undecodable`): the job is kept as unreadable.
    func decode(_ stored: JSONB, of job: String) throws -> JSONB
}
