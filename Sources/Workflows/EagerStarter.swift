internal import Jobs
public import Postgres
internal import Reactor
public import Telemetry

/// Starts runs for callers that keep a request open: start, first steps and park are one commit, shared with the
/// runs that are started at the same moment.
///
/// An eager run is a durable run from its first byte: any worker goes on with it after the first park.
public final class EagerStarter: Sendable {
    private let engine: CohortEngine

    /// Makes a starter.
    ///
    /// ``run()`` must run for it to do anything.
    ///
    /// The registry has the code of what is started; `committers` is how many transactions there are at a time and
    /// `cohort` how many runs share one.
    public init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        committers: Int = 2,
        cohort: Int = 200,
        logger: Logger,
        tracer: Tracer? = nil
    ) {
        var limits = CohortEngine.Limits()
        limits.committers = committers
        limits.cohort = cohort
        engine = CohortEngine(
            postgres: postgres,
            registry: registry,
            served: [],
            limits: limits,
            logger: logger,
            tracer: tracer
        )
    }

    /// Makes the queues of the registry, then starts runs until ``close()``.
    ///
    /// - Throws: ``PostgresError`` when the queues can't be made.
    public func run() async throws {
        let store = JobStore(postgres: engine.postgres)
        for queue in engine.registry.queues.sorted() { try await store.ensureQueue(queue) }
        await engine.run()
    }

    /// Lets ``run()`` end once what was asked for is committed.
    public func close() {
        engine.close()
    }

    /// Starts a run and waits for the commit of its first activation.
    ///
    /// - Returns: the run, with the results of the steps it has done.
    /// - Throws: what the run's code threw, and then it was not started; ``PostgresError``. After `commitUnknown` it
    ///   may have been started all the same.
    public func start<Code: Workflow>(_ workflow: Code.Type, _ input: Code.Input) async throws -> EagerRun {
        try await engine.startEagerly(NewJob.run(workflow, input), input)
    }
}
