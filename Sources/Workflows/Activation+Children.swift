internal import Jobs
internal import Postgres
internal import Reactor

// What a go knows of the run's children.
extension Activation {
    /// What the run hears of a child's end by.
    ///
    /// Keys start anew when a run continues as new, and its events stay.
    func eventName(of key: String) -> String {
        job.generation == 0 ? key : "\(key)@\(job.generation)"
    }

    /// Puts the ends of a fan-out's children into its checkpoint; their events can be dropped then.
    ///
    /// - Returns: the checkpoint's value.
    func gather(_ event: String, _ children: Int, key: String) throws -> JSONB {
        let ends = try state.withLock { state in
            let ends = try (0..<children).map { ordinal in
                let name = ChildEnd.event(of: event, ordinal: ordinal)
                guard let end = state.events[name] else {
                    throw WorkflowError(
                        code: .misuse,
                        message: "run \(job.id) was never told of the end of child \(ordinal) of \(key)"
                    )
                }
                return try payloads.open(end, .event(name, of: job.id)).text
            }
            state.gathered.append(event)
            return ends
        }
        let value = JSONB(text: "{\"started\":\(children),\"results\":[\(ends.joined(separator: ","))]}")
        record(key, .child(try payloads.seal(value, .checkpoint(key, of: job.name, job.id))))
        return value
    }

    /// Takes the fan-ins that are in checkpoints of this transaction.
    func takeGathered() -> [String] {
        state.withLock { state in
            defer { state.gathered = [] }
            return state.gathered
        }
    }

    /// Whether the run may have children that have not ended.
    var mayHaveChildren: Bool {
        // Those of earlier goes are nowhere in its checkpoints.
        if job.generation > 0 { return true }
        return state.withLock { state in
            state.checkpoints.contains { key, checkpoint in
                checkpoint.kind == .child && state.events[eventName(of: key)] == nil
            }
        }
    }
}
