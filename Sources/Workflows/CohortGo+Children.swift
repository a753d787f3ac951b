internal import Jobs
internal import Postgres

// Children: how they are started, and what parents are told.
extension CohortGo {
    /// Children in one statement.
    private static let most = 2000

    /// Starts the children of a fan-out.
    ///
    /// - Returns: how many there are.
    func fanOut(
        _ children: [NewJob],
        of parent: JobID,
        as event: String,
        in tx: inout Transaction
    ) async throws -> Ask.Value {
        for start in stride(from: 0, to: children.count, by: Self.most) {
            let part = Array(children[start..<min(start + Self.most, children.count)])
            _ = try await JobStore.insert(part, codec: engine.registry.codec, in: &tx)
        }
        _ = try await tx.execute(JobStatements.openFanIn(parent, event, children: children.count))
        return Ask.Value(json: JSONB(text: "{\"started\":\(children.count)}"), value: children.count)
    }

    /// Starts runs, each for its ask.
    func start(_ jobs: [NewJob], in tx: inout Transaction) async throws -> [Ask.Value] {
        try await JobStore.insert(jobs, codec: engine.registry.codec, in: &tx).map {
            Ask.Value(json: try JSONCoding.encode($0.id), value: $0.id)
        }
    }

    /// What a parent is told of its child's end; nil while the child goes on, or when it has no parent.
    ///
    /// Messages are not encoded: operators read them.
    func end(of job: ClaimedJob, _ next: JobOutcome.Next) throws -> ChildEnd? {
        guard let parent = job.parent else { return nil }
        switch next {
        case .done(let output):
            do {
                let payloads = engine.registry.payloads
                let plain = try payloads.open(output, .output(of: job.name, job.id))
                return try ChildEnd(of: job.id, to: parent, output: plain).encoded(by: payloads)
            } catch {
                let message = "its output could not be passed on: \(error)"
                return try ChildEnd(
                    of: job.id,
                    to: parent,
                    kind: DeadLetter.Kind.failed.rawValue,
                    error: message
                )
            }
        case .failed(let error, let kind):
            return try ChildEnd(of: job.id, to: parent, kind: kind.rawValue, error: error)
        case .cancelled:
            return try ChildEnd(of: job.id, to: parent, kind: ChildEnd.cancelled, error: "cancelled")
        case .ready, .retry, .waiting, .paused, .again:
            return nil
        }
    }

    /// The runs that end and may leave children behind.
    static func bereaving(_ outcomes: [(run: Run, next: JobOutcome.Next)]) -> [JobID] {
        outcomes.compactMap { run, next in
            guard next.isEnd, run.activation?.mayHaveChildren ?? true else { return nil }
            return run.job?.id
        }
    }
}
