internal import Glibc
internal import Jobs
public import Postgres
internal import Reactor
internal import Synchronization
public import Telemetry
public import Workflows

/// A worker: claims jobs of some queues, runs their code, and writes how they ended.
///
/// Any number of them may serve the same queues, in one process or in many.
public final class JobWorker: Sendable {
    private let postgres: PostgresClient
    private let registry: WorkflowRegistry
    private let configuration: WorkerConfiguration
    private let logger: Logger
    private let holdings = Holdings()
    private let engine: CohortEngine
    private let runner: JobRunner
    private let wake = WakeSignal()
    private let stopping = Atomic<Bool>(false)
    private let identity = Atomic<Int64>(0)
    private let lanes = Lock<[Int32]>([])

    /// Makes a worker.
    ///
    /// Nothing happens until ``run()``.
    public init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        configuration: WorkerConfiguration,
        logger: Logger
    ) {
        self.postgres = postgres
        self.registry = registry
        self.configuration = configuration
        self.logger = logger
        let settled: @Sendable (ClaimedJob) -> Void = { [holdings, wake] job in
            holdings.remove(job)
            wake.raise()
        }
        engine = CohortEngine(
            postgres: postgres,
            registry: registry,
            served: Set(configuration.queues),
            logger: logger,
            settled: settled
        )
        runner = JobRunner(postgres: postgres, registry: registry, logger: logger, settled: settled)
    }

    /// Jobs and runs held right now.
    public var running: Int { holdings.count }

    /// Goes at jobs and runs whose end this worker has written, since it was made.
    public var settled: Int { holdings.settled }

    /// Works until ``stop()``, then finishes or hands back what it holds.
    ///
    /// - Throws: ``PostgresError`` when the worker can't register; later failures are waited out.
    public func run() async throws {
        let store = JobStore(postgres: postgres)
        for queue in Set(configuration.queues).union(registry.queues).sorted() {
            try await store.ensureQueue(queue)
        }
        try await register()
        try await refreshLanes()
        await withTaskGroup { group in
            group.addTask { [self] in await engine.run() }
            group.addTask { [self] in await runner.run() }
            await withTaskGroup { watch in
                watch.addTask { [self] in await listen() }
                watch.addTask { [self] in await beat() }
                await claimUntilStopped()
                await drain()
                watch.cancelAll()
            }
            engine.close()
            runner.close()
            group.cancelAll()
        }
        let worker = identity.load(ordering: .relaxed)
        _ = try? await postgres.execute(WorkerStatements.deregister(worker: worker))
    }

    /// Begins a graceful stop: no more claims; what runs is finished, or handed back uncounted at the deadline.
    public func stop() {
        stopping.store(true, ordering: .relaxed)
        wake.raise()
    }

    // MARK: Being alive

    private func register() async throws {
        var host = [CChar](repeating: 0, count: 256)
        unsafe gethostname(&host, 255)
        let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let rows = try await postgres.query(
            WorkerStatements.register(
                pool: configuration.pool,
                queues: configuration.queues,
                host: name,
                processID: getpid(),
                capacity: Int32(configuration.capacity)
            )
        )
        identity.store(try rows[0][0], ordering: .relaxed)
    }

    private func refreshLanes() async throws {
        let rows = try await postgres.query(WorkerStatements.lanes(of: configuration.queues))
        var known: [Int32] = []
        for row in rows {
            let first: Int32 = try row[1]
            let count: Int32 = try row[2]
            known += (first..<(first + count))
        }
        lanes.withLock { $0 = known }
    }

    private func beat() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.heartbeatInterval)
            do {
                let worker = identity.load(ordering: .relaxed)
                let finished = holdings.takeFinished()
                if !finished.isEmpty {
                    _ = try await postgres.execute(JobStatements.forget(batches: finished, worker: worker))
                }
                let alive = try await postgres.query(
                    WorkerStatements.heartbeat(
                        worker: worker,
                        running: Int32(holdings.count),
                        draining: stopping.load(ordering: .relaxed)
                    )
                )
                if alive.isEmpty {
                    // Declared dead: the claims are someone else's, and the epochs keep this process from writing.
                    logger.warning("this worker was declared dead and registers anew", ["worker": worker])
                    try await register()
                }
                try await refreshLanes()
            } catch {
                // The worker is stopping; the database says `cancelled` in words of its own.
                if Task.isCancelled { return }
                logger.warning("the heartbeat could not be written", ["error": "\(error)"])
            }
        }
    }

    private func listen() async {
        let schema: String
        do {
            schema = try await postgres.query(Query("current_schema", "SELECT current_schema()::text"))[0][0]
        } catch {
            // Polling goes on without.
            return
        }
        for await _ in postgres.listen([ReadyNotifier.channelPrefix + schema]) { wake.raise() }
    }

    // MARK: Claiming

    private func claimUntilStopped() async {
        var turn = 0
        var isSuspect = false
        while !stopping.load(ordering: .relaxed) {
            let free = configuration.capacity - holdings.count
            var claimed = 0
            // Refilling by dribs and drabs would make small cohorts.
            if free >= min(configuration.capacity / 4, 16) || holdings.count == 0 {
                turn += 1
                do {
                    if isSuspect { try await register() }
                    isSuspect = false
                    claimed = try await claim(upTo: max(1, free), turn: turn)
                } catch {
                    // It may have been committed and only its answer lost. Under a new identity the old one falls
                    // silent, and what it was given and never heard of is rescued; what it holds still ends well,
                    // because writes are fenced by the epoch.
                    isSuspect = true
                    logger.warning("claiming failed", ["error": "\(error)"])
                    try? await Task.sleep(for: configuration.pollInterval)
                }
            }
            if claimed < max(1, free / 2) { await wake.wait(atMost: configuration.pollInterval) }
        }
    }

    /// Claims from all lanes in one round trip, a different lane first each time.
    private func claim(upTo limit: Int, turn: Int) async throws -> Int {
        let all = lanes.withLock { $0 }
        guard !all.isEmpty else { return 0 }
        let start = turn % all.count
        let order = all[start...] + all[..<start]
        let share = max(1, min(100, (limit + all.count - 1) / all.count))
        let worker = identity.load(ordering: .relaxed)
        let answers = try await postgres.pipeline(
            order.prefix(limit).map { JobStatements.claim(lane: $0, limit: share, worker: worker) }
        )
        var claimed: [(job: ClaimedJob, batch: Int64)] = []
        for rows in answers {
            for row in rows { claimed.append((try ClaimedJob(claim: row), try row[10])) }
        }
        guard !claimed.isEmpty else { return 0 }
        holdings.add(claimed)
        let jobs = claimed.map(\.job)
        runner.submit(jobs.filter { registry.jobs[$0.name] != nil })
        engine.submit(jobs.filter { registry.jobs[$0.name] == nil })
        return claimed.count
    }

    private func drain() async {
        let deadline = MonotonicTime.now + configuration.drainDeadline
        while holdings.count > 0, MonotonicTime.now < deadline { await wake.wait(atMost: .milliseconds(100)) }
        let left = holdings.takeAll()
        guard !left.isEmpty else { return }
        logger.info("handing back what is not finished", ["jobs": left.count])
        do {
            _ = try await postgres.query(WorkerStatements.release(left))
        } catch {
            logger.warning("claims could not be handed back; they will be rescued", ["error": "\(error)"])
        }
    }
}
