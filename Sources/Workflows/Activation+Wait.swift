internal import Jobs
internal import Postgres
internal import Reactor

// How a run waits.
extension Activation {
    /// Waits for the first of some conditions; the outcome is recorded, so that a replay decides the same.
    func wait(
        _ key: String,
        _ conditions: [WaitCondition]
    ) async throws
        -> (index: Int, payload: JSONB)
    {
        var conditions = conditions
        if let known = checkpoint(key) {
            if known.kind == .interrupted { throw WorkflowCancelled(interruption ?? .cancelled) }
            if known.kind == .error {
                let message = try JSONCoding.decode(String.self, from: known.value, what: "wait \(key)")
                throw WorkflowError(code: .stepFailed, message: message)
            }
            guard known.kind == .wait else {
                diverge("\(key) was recorded as a step, and the code waits there")
                throw WorkflowSuspended()
            }
            let record = try JSONCoding.decode(WaitRecord.self, from: known.value, what: "wait \(key)")
            if let won = record.won {
                guard conditions.indices.contains(won) else {
                    diverge(
                        "\(key) was ended by wait number \(won + 1), and the code names \(conditions.count)"
                    )
                    throw WorkflowSuspended()
                }
                let payload = conditions[won].event.flatMap { name in state.withLock { $0.events[name] } }
                return (won, payload ?? JSONB(text: "null"))
            }
            for (index, deadline) in record.deadlines.enumerated() where index < conditions.count {
                conditions[index].deadline = deadline.map(PostgresTimestamp.init(microseconds:))
            }
        } else {
            if let full = state.withLock({ overflow(of: key, $0) }) { throw full }
            var record = WaitRecord(deadlines: conditions.map { $0.deadline?.microseconds })
            if trace?.isRecorded == true { record.since = now.microseconds }
            self.record(key, try .wait(record))
        }
        let decided = state.withLock { Self.decide(conditions, events: $0.events, now: $0.now) }
        let answer: Ask.Answer
        if let decided, let expiry = Self.expiry(decided, of: conditions) {
            answer = try await ask(key, expiry)
        } else if let decided {
            decideWait(key, decided)
            answer = decided
        } else {
            answer = try await ask(key, .wait(conditions))
        }
        guard case .won(let index, let payload) = answer else { throw WorkflowSuspended() }
        return (index, payload)
    }

    func decideWait(_ key: String, _ answer: Ask.Answer) {
        guard case .won(let index, _) = answer, let known = checkpoint(key),
            var record = try? JSONCoding.decode(WaitRecord.self, from: known.value, what: "wait \(key)")
        else { return }
        record.won = index
        noteWait(key, since: record.since)
        if let checkpoint = try? Checkpoint.wait(record) { self.record(key, checkpoint) }
    }

    static func decide(
        _ conditions: [WaitCondition],
        events: [String: JSONB],
        now: PostgresTimestamp
    ) -> Ask.Answer? {
        for (index, condition) in conditions.enumerated() {
            if let event = condition.event, let payload = events[event] {
                return .won(index: index, payload: payload)
            }
        }
        let due = conditions.firstIndex { condition in condition.deadline.map { $0 <= now } ?? false }
        return due.map { .won(index: $0, payload: JSONB(text: "null")) }
    }
}
