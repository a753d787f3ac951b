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
    private let leaves = Lock<[LaneLeaf]>([])
    /// Leaves of which somebody has said that they have jobs.
    private let hints = Lock<Set<Int32>>([])

    /// Makes a worker.
    ///
    /// Nothing happens until ``run()``. With a tracer, what it does is recorded there.
    public init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        configuration: WorkerConfiguration,
        logger: Logger,
        tracer: Tracer? = nil
    ) {
        self.postgres = postgres
        self.registry = registry
        self.configuration = configuration
        self.logger = logger
        engine = CohortEngine(
            postgres: postgres,
            registry: registry,
            served: Set(configuration.queues),
            logger: logger,
            tracer: tracer,
            settled: { [holdings, wake] run in
                holdings.remove(run)
                wake.madeRoom()
            }
        )
        runner = JobRunner(postgres: postgres, registry: registry, logger: logger, tracer: tracer) {
            [holdings, wake] batch, count in
            holdings.remove(count, ofBatch: batch)
            wake.madeRoom()
        }
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
        try await refreshLeaves()
        await withTaskGroup { group in
            group.addTask { [self] in await engine.run() }
            group.addTask { [self] in await runner.run() }
            await withTaskGroup { watch in
                // Where the connections are, so that news and claims change threads as little as can be.
                let loop = postgres.loops.next()
                watch.addTask(executorPreference: loop) { [self] in await listen() }
                watch.addTask { [self] in await beat() }
                await withTaskExecutorPreference(loop) { await claimUntilStopped() }
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

    /// Learns which leaves to claim from: of each queue first the side that is to run dry, then the other.
    private func refreshLeaves() async throws {
        let rows = try await postgres.query(WorkerStatements.lanes(of: configuration.queues))
        var known: [LaneLeaf] = []
        for row in rows {
            let queue: String = try row[0]
            let first: Int32 = try row[1]
            let count: Int32 = try row[2]
            let side: Int16 = try row[3]
            let isKeyed: Bool = try row[4]
            let isLimited: Bool = try row[5]
            let workers: Int = try row[6]
            for side in [1 - side, side] {
                let start = first + Int32(side) * count
                known += (start..<(start + count)).map {
                    LaneLeaf(
                        number: $0,
                        queue: queue,
                        isKeyed: isKeyed,
                        isLimited: isLimited,
                        workers: workers
                    )
                }
            }
        }
        leaves.withLock { $0 = known }
    }

    private func beat() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.heartbeatInterval)
            do {
                let worker = identity.load(ordering: .relaxed)
                let finished = holdings.finishedBatches()
                if !finished.isEmpty {
                    _ = try await postgres.execute(JobStatements.forget(batches: finished))
                    holdings.forget(finished)
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
                try await refreshLeaves()
                try await heedCancellations()
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
        let changes = LimitStatements.channelPrefix + schema
        let queues = Set(configuration.queues)
        // Should what follows fail, the heartbeat looks again.
        for await event in postgres.listen([ReadyNotifier.channelPrefix + schema, changes]) {
            switch event {
            case .notification(_, ReadyNotifier.cancellations):
                try? await heedCancellations()
                continue
            case .reconnected, .notification(channel: changes, payload: _): try? await refreshLeaves()
            case .notification(_, let payload):
                let (queue, leaf) = ReadyNotifier.read(payload)
                guard queues.contains(queue) else { continue }
                if let leaf { _ = hints.withLock { $0.insert(leaf) } }
            }
            wake.raise()
        }
    }

    /// Looks which of the jobs held here somebody wants to end.
    private func heedCancellations() async throws {
        guard holdings.count > 0 else { return }
        var wanted: [JobID: (reason: String, grace: Duration)] = [:]
        for row in try await postgres.query(JobStatements.cancellations()) {
            wanted[JobID(rawValue: try row[0])] = (try row[1], .seconds(max(0, try row[2] as Double)))
        }
        guard !wanted.isEmpty else { return }
        runner.cancel(wanted)
        engine.heedCancellation(of: wanted.keys)
    }

    // MARK: Claiming

    private func claimUntilStopped() async {
        var claimer = Claimer(postgres: postgres)
        // Two claims fill it, so that the database claims the second while this process works on the first.
        let most = max(1, configuration.capacity / 2)
        while !stopping.load(ordering: .relaxed) {
            // Before the count, so that room made after it wakes this loop.
            wake.wantsRoom(true)
            let free = configuration.capacity - holdings.count
            // Refilling by dribs and drabs would make small batches.
            if free >= max(1, configuration.capacity / 4) || holdings.count == 0 {
                do {
                    let worker = identity.load(ordering: .relaxed)
                    try await claimer.giveUpUnknown(worker: worker, knowing: holdings.batches)
                    take(
                        try await claimer.claim(
                            upTo: min(free, most),
                            from: leaves.withLock { $0 },
                            hints: hints.withLock { hints in
                                defer { hints.removeAll() }
                                return hints
                            },
                            worker: worker
                        )
                    )
                    if claimer.hasMore { continue }
                    // There is nothing to be had, with or without room.
                    wake.wantsRoom(false)
                } catch {
                    logger.warning("claiming failed", ["error": "\(error)"])
                    claimer.isSuspect(for: .seconds(60))
                    try? await Task.sleep(for: configuration.pollInterval)
                }
            }
            await wake.wait(atMost: configuration.pollInterval, on: postgres.loops.next())
        }
    }

    private func take(_ batches: [ClaimedBatch]) {
        guard !batches.isEmpty else { return }
        holdings.add(batches)
        runner.submit(batches.filter { !$0.isRun })
        engine.submit(batches.filter(\.isRun).flatMap(\.jobs))
    }

    private func drain() async {
        wake.wantsRoom(true)
        let deadline = MonotonicTime.now + configuration.drainDeadline
        while holdings.count > 0, MonotonicTime.now < deadline {
            await wake.wait(atMost: .milliseconds(100), on: postgres.loops.next())
        }
        guard holdings.count > 0 else { return }
        await runner.rollBackTransactions()
        let runs = holdings.takeRuns()
        // What has ended is being written, and not handed back.
        let plain = runner.unfinished
        let left = runs + plain
        guard !left.isEmpty else { return }
        logger.info("handing back what is not finished", ["jobs": left.count])
        do {
            _ = try await postgres.pipeline([
                WorkerStatements.release(runs),
                JobStatements.settle(plain.map { JobEnd(batch: $0.batch, id: $0.id, next: .handedBack) }),
            ])
        } catch {
            logger.warning("claims could not be handed back; they will be rescued", ["error": "\(error)"])
        }
    }
}
