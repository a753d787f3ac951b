internal import Jobs
internal import Postgres

// What a run keeps, and how much of it.
extension Activation {
    /// What there is to say against another key; a run that undoes what it did may finish.
    func overflow(of key: String, _ state: State) -> HistoryTooLong? {
        guard state.checkpoints.count >= historyLength, state.checkpoints[key] == nil, !state.isUndoing else {
            return nil
        }
        return HistoryTooLong(run: "\(job.id) (\(job.name))", key: key, limit: historyLength)
    }

    /// The result of a step or an effect, as the code gets it and as it is kept.
    func kept(_ output: some Encodable & Sendable, as key: String) throws -> Ask.Value {
        let json = try payloads.seal(try JSONCoding.encode(output), .checkpoint(key, of: job.name, job.id))
        return Ask.Value(json: json, value: output)
    }

    /// What a checkpoint holds, as the code said it; what the engine keeps for itself was never encoded.
    func opened(_ checkpoint: Checkpoint, _ key: String) throws -> JSONB {
        guard checkpoint.kind == .result || checkpoint.kind == .child else { return checkpoint.value }
        return try payloads.open(checkpoint.value, .checkpoint(key, of: job.name, job.id))
    }
}
