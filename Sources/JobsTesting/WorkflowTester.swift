public import Jobs
public import Postgres
internal import Reactor
internal import Telemetry
public import Workflows

/// Drives workflows in a test, without workers and schedulers, and without waiting: time skips to what is next.
///
/// ```swift
/// let tester = WorkflowTester(postgres: postgres, registry: registry)
/// let run = try await tester.client.start(Trial.self, customer)          // asks again after 14 days
/// try await tester.drain()                                               // until everything waits
/// try await tester.advance(by: .seconds(14 * 86_400))
/// #expect(try await tester.finish(run).state == .done)                   // whatever else it waits for
/// ```
/// Runs are claimed, driven and committed by the engine that workers have, so what they leave in the database is what
/// they leave in earnest. Don't run workers or schedulers on the same schema beside it.
public struct WorkflowTester: Sendable {
    /// Starts runs and sends them events.
    public let client: WorkflowClient
    /// What goes wrong.
    public let failures: ScriptedFailures

    private let postgres: PostgresClient
    private let registry: WorkflowRegistry
    private let jobs: JobTester

    /// Makes a tester over a pool, for what is registered.
    public init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        failures: ScriptedFailures = ScriptedFailures()
    ) {
        self.postgres = postgres
        self.registry = registry
        self.failures = failures
        client = WorkflowClient(postgres: postgres)
        jobs = JobTester(postgres: postgres, registry: registry)
    }

    // MARK: Driving

    /// Drives runs and performs jobs of all queues until none is ready: all have ended, or wait for something.
    ///
    /// - Parameter limit: so many goes are a run that never comes to rest; more throw.
    /// - Throws: ``WorkflowError`` (`misuse`) beyond the limit; ``PostgresError``. What code throws is in its run.
    public func drain(limit: Int = 10_000) async throws {
        for queue in registry.queues.sorted() { try await client.store.ensureQueue(queue) }
        let (settled, settle) = AsyncStream.makeStream(of: JobID.self)
        let queues: [String] = try await postgres.query(
            Query("test_queues", "SELECT name FROM queues ORDER BY name")
        ).map { try $0[0] }
        let engine = CohortEngine(
            postgres: postgres,
            registry: registry,
            served: Set(queues),
            logger: Logger(label: "test", level: .error),
            probe: failures
        ) { settle.yield($0.id) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            defer { engine.close() }
            var goes = 0
            while true {
                let (runs, plain) = try await claim(from: queues)
                goes += runs.count + plain.count
                guard goes <= limit else {
                    throw WorkflowError(code: .misuse, message: "something is ready still after \(goes) goes")
                }
                for job in plain { _ = try await jobs.perform([job]) }
                engine.submit(runs)
                var left = runs.count
                if left > 0 {
                    for await _ in settled {
                        left -= 1
                        if left == 0 { break }
                    }
                }
                let rescued = try await takeUpTheDead()
                if runs.isEmpty, plain.isEmpty, !rescued { break }
            }
        }
    }

    /// Drives a run to its end, and everything else as far as it comes meanwhile; skips the time it waits.
    ///
    /// - Returns: how it ended.
    /// - Throws: ``WorkflowError`` (`misuse`) when it waits for something that no clock brings; ``PostgresError``.
    @discardableResult
    public func finish(_ run: JobID) async throws -> JobRecord {
        while true {
            try await drain()
            guard let job = try await client.store.job(run) else {
                throw WorkflowError(code: .ended, message: "there is no run \(run)")
            }
            if job.state.isTerminal { return job }
            guard try await skip() != nil else {
                let events = try await waits(of: run)
                throw WorkflowError(
                    code: .misuse,
                    message: """
                        run \(run) (\(job.name)) is \(job.state.rawValue) and no clock ends that; \
                        it waits for: \(events.isEmpty ? "nothing" : events.joined(separator: ", "))
                        """
                )
            }
        }
    }

    /// Starts a run and drives it to its end, skipping the time it waits.
    ///
    /// - Returns: its output.
    /// - Throws: ``WorkflowError`` (`childFailed`) when it failed; what ``finish(_:)`` throws.
    public func run<Code: Workflow>(_ workflow: Code.Type, _ input: Code.Input) async throws -> Code.Output {
        let run = try await client.start(workflow, input)
        try await finish(run)
        guard let output = try await client.result(of: run, workflow) else {
            throw WorkflowError(code: .childFailed, message: "run \(run) has no output")
        }
        return output
    }

    // MARK: Time

    /// Moves the database's clock on, and makes ready what is due by then.
    ///
    /// - Throws: ``PostgresError``.
    public func advance(by duration: Duration) async throws {
        try await jobs.advance(by: duration)
    }

    /// Moves the database's clock to the next instant at which something wakes, and makes that ready.
    ///
    /// - Returns: how far it was; nil if nothing waits for the clock.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func skip() async throws -> Duration? {
        let rows = try await postgres.query(
            Query(
                "test_next_wake",
                """
                SELECT extract(epoch FROM t.wake_at - usher_now())::double precision
                FROM (SELECT wake_at, job_id FROM timers UNION ALL SELECT wake_at, job_id FROM transition_timers) AS t
                    JOIN jobs j ON j.id = t.job_id AND j.wake_at = t.wake_at
                WHERE j.state IN ('scheduled', 'waiting') ORDER BY t.wake_at LIMIT 1
                """
            )
        )
        guard let seconds: Double = try rows.first.map({ try $0[0] }) else { return nil }
        // A little more, for what is lost on the way from microseconds.
        let distance = Duration.seconds(max(0, seconds)) + .milliseconds(1)
        try await advance(by: distance)
        return distance
    }

    // MARK: Underneath

    private func claim(from queues: [String]) async throws -> (runs: [ClaimedJob], plain: [ClaimedJob]) {
        var claimed: [ClaimedJob] = []
        for queue in queues {
            for leaf in try await jobs.leaves(of: queue) {
                let rows = try await postgres.query(
                    JobStatements.claim(leaf, limit: 500, worker: JobTester.worker)
                )
                claimed += try rows.map { try ClaimedJob(claim: $0, from: leaf.queue) }
            }
        }
        return (claimed.filter(\.isRun), claimed.filter { !$0.isRun })
    }

    /// Forgets finished claims, and gives back what a worker that was made to die still had.
    private func takeUpTheDead() async throws -> Bool {
        let row = try await postgres.query(
            WorkerStatements.rescueOrphans(limit: 1000, maxFailures: .max)
        )[0]
        return try row[1] as Int64 > 0
    }

    private func waits(of run: JobID) async throws -> [String] {
        let rows = try await postgres.query(
            Query("test_waits", "SELECT unnest(waiting_for) FROM jobs WHERE id = \(run.rawValue)")
        )
        return try rows.map { try $0[0] }
    }
}
