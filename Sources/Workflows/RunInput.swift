internal import Jobs
internal import Postgres

/// What a run's code is given: as it is stored, and as the value itself where the run has just been started here.
struct RunInput: Sendable {
    let stored: JSONB
    var value: (any Sendable)?

    /// The value, decoded only if it is not at hand.
    func read<Input: Decodable>(
        as type: Input.Type,
        through payloads: Payloads,
        of workflow: String,
        _ id: JobID
    ) throws -> Input {
        if let value = value as? Input { return value }
        return try JSONCoding.decode(
            type,
            from: payloads.open(stored, .input(of: workflow)),
            what: "input of \(workflow) \(id)"
        )
    }
}
