internal import Jobs
internal import Postgres

extension WorkflowContext {
    /// Shows a value to the outside with the run's next commit, without anybody having to wake it.
    ///
    /// The last value of a name is kept. Read it with ``WorkflowClient/value(of:named:as:)``.
    ///
    /// - Throws: an encoding error; ``PayloadTooLarge``.
    public func publish(_ name: String, _ value: some Encodable & Sendable) throws {
        try publish(json: try JSONCoding.encode(value), name)
    }

    /// Shows what has been encoded as JSON.
    func publish(json: JSONB, _ name: String) throws {
        let sealed = try activation.payloads.seal(json, .value(name, of: runID))
        activation.publish(name, PublishedValue(json: sealed, isAttribute: false))
    }

    /// Gives the run an attribute that runs can be searched for by, with its next commit.
    ///
    /// Attributes go through no codec: they are there to be searched.
    ///
    /// - Throws: an encoding error.
    public func tag(_ name: String, _ value: some Encodable & Sendable) throws {
        activation.publish(name, PublishedValue(json: try JSONCoding.encode(value), isAttribute: true))
    }
}
