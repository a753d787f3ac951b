public import Jobs
internal import Postgres
internal import Reactor

extension WorkflowClient {
    /// Asks something of a run, and waits for its answer.
    ///
    /// The request is durable before this waits: the run answers it when it comes to ask for updates of that kind,
    /// whether anybody still listens or not, and each in its turn.
    ///
    /// - Parameters:
    ///   - key: names the kind of update.
    ///   - payload: what is asked.
    ///   - run: the run.
    ///   - patience: how long to wait for the answer.
    /// - Returns: the run's reply.
    /// - Throws: ``UpdateRefused`` with the run's reason; ``WorkflowError`` (`timedOut` when no answer came in time,
    ///   though one may come yet; `ended` when the run is over or unknown); ``PostgresError``, `CancellationError`.
    public func update<Payload, Reply>(
        _ key: UpdateKey<Payload, Reply>,
        _ payload: Payload,
        of run: JobID,
        within patience: Duration = .seconds(30)
    ) async throws -> Reply {
        let plain = try JSONCoding.encode(payload)
        let (number, queue) = try await store.postgres.withTransaction { tx -> (Int, String?) in
            _ = try await tx.query(JobStatements.lock([run]))
            // Numbered in a statement of its own, so that it sees what was committed while this waited for the lock.
            let earlier: Int64 = try await tx.query(WorkflowStatements.countUpdates(key.name, of: run))[0][0]
            let number = Int(earlier) + 1
            let event = key.event(number)
            let json = try payloads.seal(plain, .event(event, of: run))
            let answer = try await tx.query(JobStatements.deliver([(run, event, json)]))
            guard let row = answer.first, try row[2] as Bool else { throw Self.over(run, key.name) }
            return (number, try row[4])
        }
        if let queue { store.wake([queue]) }

        let deadline = MonotonicTime.now + patience
        var pause = Duration.milliseconds(5)
        let name = UpdateNames.reply(key.name, number)
        while true {
            let rows = try await store.postgres.query(WorkflowStatements.reply(name, of: run))
            if let row = rows.first, let stored: JSONB = try row[0] {
                let json = try payloads.open(stored, .value(name, of: run))
                let answer = try JSONCoding.decode(UpdateReply<Reply>.self, from: json, what: name)
                if let reply = answer.reply { return reply }
                throw UpdateRefused(answer.refusal ?? "no reason given")
            }
            guard let row = rows.first, try row[1] as Bool else { throw Self.over(run, key.name) }
            guard MonotonicTime.now < deadline else {
                throw WorkflowError(
                    code: .timedOut,
                    message: "run \(run) did not answer update \(key.name) within \(patience.seconds) s"
                )
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(200))
        }
    }

    private static func over(_ run: JobID, _ name: String) -> WorkflowError {
        WorkflowError(
            code: .ended,
            message: "run \(run) takes no update \(name): it is over, or there is no such run"
        )
    }
}
