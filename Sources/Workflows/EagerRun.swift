public import Jobs
internal import Postgres

/// A run whose first activation has been committed together with its start.
public struct EagerRun: Sendable {
    /// The run's number.
    public let id: JobID
    let results: [String: JSONB]

    /// What a step of the first activation returned.
    ///
    /// - Returns: nil when the run did not get as far as that step.
    /// - Throws: ``JobsError`` (`undecodable`).
    public func result<Output: Decodable>(
        of step: String,
        as type: Output.Type = Output.self
    ) throws -> Output? {
        guard let json = results[step] else { return nil }
        return try JSONCoding.decode(type, from: json, what: "result of \(step)")
    }
}
