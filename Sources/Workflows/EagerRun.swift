public import Jobs
internal import Postgres

/// A run whose first activation has been committed together with its start.
public struct EagerRun: Sendable {
    /// The run's number.
    public let id: JobID
    let results: [String: any Sendable]

    /// What a step of the first activation returned.
    ///
    /// - Returns: nil when the run did not get as far as that step.
    /// - Throws: ``JobsError`` (`undecodable`).
    public func result<Output: Decodable>(
        of step: String,
        as type: Output.Type = Output.self
    ) throws -> Output? {
        guard let result = results[step] else { return nil }
        if let output = result as? Output { return output }
        guard let result = result as? any Encodable else { return nil }
        return try JSONCoding.decode(type, from: JSONCoding.encode(result), what: "result of \(step)")
    }
}
