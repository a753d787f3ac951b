public import Jobs
public import Postgres
public import Telemetry

/// What became of an event that was sent.
public enum EventDelivery: Sendable, Hashable {
    /// It is recorded, and the run wakes if it waits for it.
    case delivered
    /// An event of that name was there first.
    case duplicate
    /// The run has ended.
    case ended
    /// There is no such run.
    case unknownRun
}

/// Starts runs, sends them events and ends them, from outside.
public struct WorkflowClient: Sendable {
    /// The jobs underneath.
    public let store: JobStore
    let payloads: Payloads

    /// Makes a client over a pool.
    ///
    /// Whoever works off the runs needs the same codec, in the registry. Events that are larger than the limit, and inputs,
    /// are refused.
    public init(
        postgres: PostgresClient,
        codec: (any PayloadCodec)? = nil,
        limits: WorkflowLimits = WorkflowLimits()
    ) {
        store = JobStore(postgres: postgres, codec: codec)
        payloads = Payloads(codec: codec, limit: limits.payloadBytes)
    }

    // MARK: Starting

    /// Starts a run in a transaction of its own.
    ///
    /// A second start under the same key finds the first run. It does not run before `instant`; nil is at once.
    /// It belongs to `trace`, if there is one.
    ///
    /// - Returns: the run's number.
    /// - Throws: ``PostgresError``.
    public func start<Code: Workflow>(
        _ workflow: Code.Type,
        _ input: Code.Input,
        key: String? = nil,
        at instant: PostgresTimestamp? = nil,
        trace: TraceContext? = TraceContext.current
    ) async throws -> JobID {
        let job = try job(workflow, input, key, instant, trace)
        do {
            return try await store.enqueue([job])[0]
        } catch let error as JobsError where error.code == .unknownQueue {
            // The type names its queue, so it is no slip of the pen: nobody has worked on it yet.
            try await store.ensureQueue(Code.queue)
            return try await store.enqueue([job])[0]
        }
    }

    /// Starts a run in the caller's transaction.
    ///
    /// It runs if, and only if, that commits.
    ///
    /// - Returns: the run's number.
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``.
    public func start<Code: Workflow>(
        _ workflow: Code.Type,
        _ input: Code.Input,
        key: String? = nil,
        at instant: PostgresTimestamp? = nil,
        trace: TraceContext? = TraceContext.current,
        in transaction: inout Transaction
    ) async throws -> JobID {
        try await store.enqueue([job(workflow, input, key, instant, trace)], in: &transaction)[0]
    }

    private func job<Code: Workflow>(
        _ workflow: Code.Type,
        _ input: Code.Input,
        _ key: String?,
        _ instant: PostgresTimestamp?,
        _ trace: TraceContext?
    ) throws -> NewJob {
        var job = try NewJob.run(workflow, input, runAt: instant, key: key)
        try payloads.check(job.input, .input(of: job.name))
        job.trace = trace
        return job
    }

    // MARK: Events

    /// Sends an event in a transaction of its own.
    ///
    /// - Throws: ``PayloadTooLarge``, ``PostgresError``.
    public func send<Payload>(
        _ key: EventKey<Payload>,
        _ payload: Payload,
        to run: JobID
    ) async throws -> EventDelivery {
        let (delivery, queue) = try await store.postgres.withTransaction { tx in
            try await deliver(key, payload, to: run, in: &tx)
        }
        if let queue { store.wake([queue]) }
        return delivery
    }

    /// Sends an event in the caller's transaction.
    ///
    /// It locks the run's row, so call it before you touch any other.
    ///
    /// - Throws: ``PayloadTooLarge``, ``PostgresError``.
    public func send<Payload>(
        _ key: EventKey<Payload>,
        _ payload: Payload,
        to run: JobID,
        in transaction: inout Transaction
    ) async throws -> EventDelivery {
        try await deliver(key, payload, to: run, in: &transaction).delivery
    }

    private func deliver<Payload>(
        _ key: EventKey<Payload>,
        _ payload: Payload,
        to run: JobID,
        in transaction: inout Transaction
    ) async throws -> (delivery: EventDelivery, woken: String?) {
        let json = try payloads.seal(try JSONCoding.encode(payload), .event(key.name, of: run))
        // Two statements: the second must see what was committed while the first waited for the lock.
        let answers = try await transaction.pipeline([
            JobStatements.lock([run]),
            JobStatements.deliver([(run, key.name, json)]),
        ])
        guard let row = answers[1].first, let state: String = try row[3] else { return (.unknownRun, nil) }
        let recorded: Bool = try row[2]
        let queue: String? = try row[4]
        if recorded { return (.delivered, queue) }
        return (JobState(rawValue: state)?.isTerminal == true ? .ended : .duplicate, nil)
    }

    // MARK: Ending

    /// Cancels a run: at once if nobody runs it, at its next commit otherwise, and at the deadline whatever it does.
    ///
    /// - Returns: whether there was a live run of that number.
    /// - Throws: ``PostgresError``.
    public func cancel(_ run: JobID, deadline: Duration = .seconds(30)) async throws -> Bool {
        try await store.cancel(run, deadline: deadline)
    }

    // MARK: Looking

    /// What a run returned.
    ///
    /// - Returns: nil while it lives, or when there is no such run.
    /// - Throws: ``WorkflowError`` (`childFailed`) when it failed or was cancelled; ``JobsError`` (`undecodable`).
    public func result<Code: Workflow>(of run: JobID, _ workflow: Code.Type) async throws -> Code.Output? {
        guard let job = try await store.job(run), job.state.isTerminal else { return nil }
        guard let output = try store.output(of: job) else {
            throw WorkflowError(
                code: .childFailed,
                message: "run \(run) \(job.state.rawValue): \(job.error ?? "")"
            )
        }
        return try JSONCoding.decode(Code.Output.self, from: output, what: "result of run \(run)")
    }
}
