internal import Jobs
internal import Postgres
internal import Telemetry
internal import Workflows

/// What worker and scheduler do, at a word and on the rehearsal's clock: everything that is due is done, then it is quiet.
struct RehearsalEngine: Sendable {
    /// No worker has this number.
    private static let worker: Int64 = 0
    private static let batch = 500

    /// Starts runs as a gateway does.
    let starter: EagerStarter
    let client: WorkflowClient

    private let postgres: PostgresClient
    private let engine: CohortEngine
    private let settled: AsyncStream<JobID>
    private let leaves: [LaneLeaf]

    /// - Parameters:
    ///   - postgres: connections to a schema that nobody else works in.
    ///   - registry: the code, of workflows only.
    ///   - logger: hears of what is tried again.
    /// - Throws: what the database threw.
    init(_ postgres: PostgresClient, _ registry: WorkflowRegistry, logger: Logger) async throws {
        self.postgres = postgres
        client = WorkflowClient(postgres: postgres)
        for queue in registry.queues.sorted() { try await client.store.ensureQueue(queue) }
        let (settled, settle) = AsyncStream.makeStream(of: JobID.self)
        self.settled = settled
        // One transaction at a time: with two, chance would decide who comes first.
        var limits = CohortEngine.Limits()
        limits.committers = 1
        let queues = registry.queues.sorted()
        engine = CohortEngine(
            postgres: postgres,
            registry: registry,
            served: Set(queues),
            limits: limits,
            logger: logger
        ) { settle.yield($0.id) }
        starter = EagerStarter(postgres: postgres, registry: registry, committers: 1, logger: logger)
        leaves = try await postgres.query(WorkerStatements.lanes(of: queues)).flatMap { row in
            let (queue, first, count): (String, Int32, Int32) = (try row[0], try row[1], try row[2])
            return (first..<(first + 2 * count)).map { LaneLeaf(number: $0, queue: queue) }
        }
    }

    /// Works while `body` runs.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                await engine.run()
                return nil
            }
            group.addTask {
                try await starter.run()
                return nil
            }
            group.addTask { try await body() }
            defer {
                engine.close()
                starter.close()
                group.cancelAll()
            }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }

    /// Wakes what is due by the clock, and ends what ends by the clock alone.
    func wake() async throws {
        while try await postgres.query(JobStatements.promoteDue(limit: 1000))[0][1] as Int64 == 1000 {}
        let round = TransitionRound(postgres: postgres)
        var functions = try await round.due()
        while let function = functions.popLast() {
            if try await round.fire(function).hasMore { functions.append(function) }
        }
    }

    /// Drives runs until none is ready: those of one queue, or all.
    func drain(queue: String? = nil) async throws {
        let leaves = leaves.filter { queue == nil || $0.queue == queue }
        while true {
            let heads = try await postgres.query(JobStatements.look(at: leaves.map { ($0, nil) }))
            let filled = Set(try heads.map { try $0[0] as Int32 })
            guard !filled.isEmpty else { return }
            try await drive(leaves.filter { filled.contains($0.number) })
        }
    }

    private func drive(_ leaves: [LaneLeaf]) async throws {
        let claims = leaves.map { JobStatements.claim($0, limit: Self.batch, worker: Self.worker) }
        var runs: [ClaimedJob] = []
        for (leaf, rows) in zip(leaves, try await postgres.pipeline(claims)) {
            runs += try rows.map { try ClaimedJob(claim: $0, from: leaf.queue) }
        }
        runs.sort { ($0.rank, $0.id) < ($1.rank, $1.id) }
        engine.submit(runs)
        var left = runs.count
        if left > 0 {
            for await _ in settled {
                left -= 1
                if left == 0 { break }
            }
        }
        try Task.checkCancellation()
        _ = try await postgres.query(JobStatements.forget(batches: Set(runs.map(\.batch)).sorted()))
    }
}
