public import Jobs
public import Postgres
internal import Reactor

/// What a run's code asks for its steps, its waits and the time.
///
/// Steps are found again by name. The same name may be used several times: the n-th use has a checkpoint of its
/// own. Paths that run side by side (`async let`) should use names of their own.
public final class WorkflowContext: Sendable {
    /// The run's number.
    public var runID: JobID { activation.job.id }

    let activation: Activation
    /// What the keys of this branch begin with.
    private let prefix: String

    init(activation: Activation, prefix: String = "") {
        self.activation = activation
        self.prefix = prefix
    }

    /// The same run with names of its own.
    func scoped(_ name: String) -> WorkflowContext {
        WorkflowContext(activation: activation, prefix: "\(prefix)\(name)/")
    }

    /// The key of this use of a name.
    func key(for name: String) -> String {
        activation.key(for: prefix + name)
    }

    // MARK: Steps

    /// Performs a transactional step: its effect and its checkpoint commit together, exactly once.
    ///
    /// - Parameters:
    ///   - name: of the step; part of its checkpoint's key.
    ///   - timeout: how long each of its statements may take.
    ///   - body: does its work in the transaction and nothing else. It may be rolled back and run again.
    /// - Returns: what `body` returned, now or when the step was recorded.
    /// - Throws: what `body` threw; ``WorkflowError`` (`timedOut`); ``WorkflowCancelled`` when the run is to end;
    ///   ``WorkflowSuspended`` when it must unwind.
    @discardableResult
    public func step<Output: Codable & Sendable>(
        _ name: String,
        timeout: Duration? = nil,
        _ body: @escaping @Sendable (inout Transaction) async throws -> Output
    ) async throws -> Output {
        let key = key(for: name)
        if let known: Output = try recorded(key) { return known }
        return try value(
            try await activation.ask(
                key,
                .step(timeout) { transaction in
                    try self.activation.kept(try await body(&transaction), as: key)
                }
            ),
            of: key
        )
    }

    /// Performs a transactional step that returns nothing; see ``step(_:_:)-(_,(Transaction)->Output)``.
    public func step(
        _ name: String,
        timeout: Duration? = nil,
        _ body: @escaping @Sendable (inout Transaction) async throws -> Void
    ) async throws {
        let _: Nothing = try await step(name, timeout: timeout) { transaction in
            try await body(&transaction)
            return Nothing()
        }
    }

    /// Performs a step together with all runs of the cohort that reached the same one.
    ///
    /// - Returns: this run's output.
    /// - Throws: what the step threw; ``WorkflowSuspended`` when the run must unwind.
    @discardableResult
    public func step<Step: CohortStep>(_ step: Step) async throws -> Step.Output {
        let key = key(for: Step.name)
        if let known: Step.Output = try recorded(key) { return known }
        return try value(try await activation.ask(key, .cohort(step)), of: key)
    }

    /// Reaches outside, after everything before it is committed.
    ///
    /// It may run more than once, when a worker dies before the result is kept: hand the key on.
    ///
    /// - Parameters:
    ///   - name: of the effect; part of its checkpoint's key.
    ///   - queue: the pool that must run it; nil is any worker that has the run.
    ///   - retry: how often and when a failure is tried again. A ``JobVerdict`` says otherwise.
    ///   - timeout: how long one attempt may take.
    ///   - body: given an idempotency key that is the same in each attempt.
    /// - Returns: what `body` returned, now or when the effect was recorded.
    /// - Throws: what the last attempt threw; ``WorkflowError`` (`stepFailed`) when a recorded failure is replayed.
    @discardableResult
    public func effect<Output: Codable & Sendable>(
        _ name: String,
        queue: String? = nil,
        retry: RetryPolicy = .default,
        timeout: Duration? = nil,
        _ body: @escaping @Sendable (_ idempotencyKey: String) async throws -> Output
    ) async throws -> Output {
        let key = key(for: name)
        var failures = 0
        if let known = activation.checkpoint(key), known.kind == .retry {
            let record = try JSONCoding.decode(RetryRecord.self, from: known.value, what: "retry of \(key)")
            failures = record.failures
            let notBefore = PostgresTimestamp(microseconds: record.notBefore)
            if notBefore > activation.now {
                _ = try await activation.ask(key, .wait([WaitCondition(deadline: notBefore)]))
            }
        } else if let known: Output = try recorded(key) {
            return known
        }
        let effect = Ask.Effect(queue: queue, retry: retry, timeout: timeout, failures: failures) {
            [activation] idempotencyKey in
            try activation.kept(try await body(idempotencyKey), as: key)
        }
        return try value(try await activation.ask(key, .effect(effect)), of: key)
    }

    /// Reaches outside for nothing in return; see the other `effect`.
    public func effect(
        _ name: String,
        queue: String? = nil,
        retry: RetryPolicy = .default,
        timeout: Duration? = nil,
        _ body: @escaping @Sendable (_ idempotencyKey: String) async throws -> Void
    ) async throws {
        let _: Nothing = try await effect(name, queue: queue, retry: retry, timeout: timeout) { key in
            try await body(key)
            return Nothing()
        }
    }

    // MARK: Waiting

    /// Parks the run for a time, counted from when it first gets here.
    ///
    /// A parked run is rows, no memory.
    public func sleep(for duration: Duration) async throws {
        try await first(after(duration) {})
    }

    /// Parks the run until an instant of the database's clock.
    public func sleep(until instant: PostgresTimestamp) async throws {
        try await first(until(instant) {})
    }

    /// Parks the run until the first of several things happens.
    ///
    /// An event that has arrived already counts at once; of several, the one named first here. Which came first is
    /// recorded with the run's next commit.
    ///
    /// ```swift
    /// let paid = try await context.first(on(Self.paid) { $0 }, after(.seconds(600)) { nil })
    /// ```
    ///
    /// - Returns: what the wait that came first makes of it.
    /// - Throws: ``JobsError`` (`undecodable`) for an event of another shape; ``WorkflowSuspended`` to park.
    @discardableResult
    public func first<Wake: Sendable>(_ waits: Wait<Wake>...) async throws -> Wake {
        guard !waits.isEmpty else {
            throw WorkflowError(code: .misuse, message: "first() needs something to wait for")
        }
        let now = activation.now
        let conditions = try waits.map { wait in
            let expiry = try wait.expiry?(activation)
            return switch wait.condition {
            case .event(let name): WaitCondition(event: name)
            case .after(let delay): WaitCondition(deadline: now + delay, expiry: expiry)
            case .until(let instant): WaitCondition(deadline: instant, expiry: expiry)
            }
        }
        let won = try await activation.wait(key(for: "wait"), conditions)
        do {
            guard let event = conditions[won.index].event else {
                return try waits[won.index].wake(won.payload)
            }
            return try waits[won.index].wake(
                try activation.payloads.open(won.payload, .event(event, of: runID))
            )
        } catch let error as JobsError where error.code == .undecodable {
            activation.diverge(error.message)
            throw WorkflowSuspended()
        }
    }

    // MARK: Other runs

    /// Starts a run of its own life, enqueued with this run's next commit.
    ///
    /// A dedupe key makes a second start under it find the first run.
    ///
    /// - Returns: the run's number.
    /// - Throws: ``JobsError`` (`unknownQueue`); ``WorkflowSuspended``.
    @discardableResult
    public func start<Child: Workflow>(
        _ workflow: Child.Type,
        _ input: Child.Input,
        key dedupeKey: String? = nil
    ) async throws -> JobID {
        let key = key(for: "start:\(Child.name)")
        if let known: JobID = try recorded(key) { return known }
        let job = try admitted(NewJob.run(workflow, input, key: dedupeKey))
        return try value(try await activation.ask(key, .start(job)), of: key)
    }

    /// The database's time when the run first got here.
    public func now() async throws -> PostgresTimestamp {
        let key = key(for: "now")
        if let known: Int64 = try recorded(key) { return PostgresTimestamp(microseconds: known) }
        let now = activation.now
        activation.note(key, try JSONCoding.encode(now.microseconds))
        return now
    }

    /// Ends this go and starts the run over with a new input and no checkpoints: for loops that would
    /// otherwise grow without end.
    ///
    /// Events stay.
    ///
    /// The new go begins after the delay.
    ///
    /// - Throws: always, to leave the code; let it pass.
    public func continueAsNew(_ input: some Codable & Sendable, after delay: Duration = .zero) throws -> Never
    {
        throw ContinueAsNew(input: input, delay: delay)
    }

    /// A run that is about to be started, unless its input is too large.
    func admitted(_ job: NewJob) throws -> NewJob {
        try activation.payloads.check(job.input, .input(of: job.name))
        return job
    }

    // MARK: Replay

    /// What a key's checkpoint holds, as a value of the type the code expects now.
    func recorded<Output: Decodable>(_ key: String) throws -> Output? {
        guard let known = activation.checkpoint(key) else { return nil }
        let what = "checkpoint \(key) of run \(runID)"
        switch known.kind {
        case .result, .child, .marker: break
        case .error:
            let message = try JSONCoding.decode(String.self, from: known.value, what: what)
            throw WorkflowError(code: .stepFailed, message: message)
        case .interrupted: throw WorkflowCancelled(activation.interruption ?? .cancelled)
        case .wait, .retry, .unwinding:
            let was = known.kind == .retry ? "an effect that is to be tried again" : "a wait"
            activation.diverge("\"\(key)\" was recorded as \(was), and the code asks for a result")
            throw WorkflowSuspended()
        }
        do {
            return try JSONCoding.decode(Output.self, from: try activation.opened(known, key), what: what)
        } catch let error as JobsError where error.code == .undecodable {
            // No attempt of this code can do better; another version may.
            activation.diverge(error.message)
            throw WorkflowSuspended()
        }
    }

    func value<Output>(_ answer: Ask.Answer, of key: String) throws -> Output {
        guard case .value(let value) = answer, let output = value as? Output else {
            throw WorkflowError(
                code: .misuse,
                message: "\(key) of run \(runID) was answered with another type"
            )
        }
        return output
    }
}

/// The value of a step that returns nothing.
private struct Nothing: Codable, Sendable {}
