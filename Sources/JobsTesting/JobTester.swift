public import Jobs
public import Postgres
internal import Reactor
internal import Telemetry
internal import Worker
public import Workflows

/// Performs plain jobs in a test, on the test's own task: no worker, no scheduler, no waiting.
///
/// ```swift
/// let tester = JobTester(postgres: postgres, registry: registry)
/// try await store.enqueue([NewJob(SendMail.self, mail)])
/// let goes = try await tester.drain()
/// #expect(goes.map(\.outcome) == [.done(output: nil)])
/// ```
/// Jobs are claimed, performed and ended by the same statements as a worker's, so what they leave in the database is what
/// they leave in earnest. Timeouts are not kept. Don't run workers or schedulers on the same schema beside it.
public struct JobTester: Sendable {
    /// No worker has this number.
    static let worker: Int64 = 0

    private let postgres: PostgresClient
    private let registry: WorkflowRegistry
    private let store: JobStore

    /// Makes a tester over a pool, for the jobs that are registered.
    public init(postgres: PostgresClient, registry: WorkflowRegistry) {
        self.postgres = postgres
        self.registry = registry
        store = JobStore(postgres: postgres)
    }

    // MARK: Inline

    /// Enqueues jobs and performs them at once, in the caller's transaction.
    ///
    /// Jobs for later, and those whose key was taken, are only enqueued. What a transactional job or a batch does is done in
    /// the same transaction, each in a savepoint.
    ///
    /// - Returns: how the goes ended, in the order given.
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``; what jobs throw is in their outcomes.
    @discardableResult
    public func performInline(
        _ jobs: [NewJob],
        in transaction: inout Transaction
    ) async throws -> [PerformedJob] {
        let last: Int64 = try await transaction.query(
            Query("test_last_id", "SELECT nextval('job_ids')")
        )[0][0]
        let ids = try await store.enqueue(jobs, in: &transaction).map(\.rawValue).filter { $0 > last }
        for queue in Set(jobs.filter { $0.limitKey != nil }.map(\.queue)).sorted() {
            _ = try await transaction.query(LimitStatements.dispatch(queue: queue, most: 1000))
        }
        let places = try await transaction.query(
            Query(
                "test_places",
                """
                SELECT r.lane, r.rank, r.job_id, j.queue FROM ready r JOIN jobs j ON j.id = r.job_id
                WHERE r.job_id = ANY(\(ids)) AND NOT r.is_run ORDER BY r.job_id
                """
            )
        )
        let performer = JobPerformer(registry: registry, journal: nil)
        var performed: [PerformedJob] = []
        for place in places {
            let leaf = LaneLeaf(number: try place[0], queue: try place[3])
            // From the job's own place on, the first job is the job.
            let floor = LaneFloor(rank: try place[1], id: JobID(rawValue: try place[2]))
            let claim = JobStatements.claim(leaf, limit: 1, worker: Self.worker, floor: floor)
            for row in try await transaction.query(claim) {
                let job = try ClaimedJob(claim: row, from: leaf.queue)
                let end = try await perform(job, performer, in: &transaction)
                _ = try await transaction.query(
                    JobStatements.settle([JobEnd(job, end)])
                )
                performed.append(PerformedJob(job, end))
            }
        }
        return performed
    }

    private func perform(
        _ job: ClaimedJob,
        _ performer: JobPerformer,
        in transaction: inout Transaction
    ) async throws -> JobEnd.Next {
        guard let code = performer.code(of: job), case .together = code.code else {
            return await performer.perform(job, performer.code(of: job))
        }
        do {
            let member = try BatchTransaction.Member(job, code, performer)
            let batch = BatchTransaction(batch: job.batch, code: code, performer: performer)
            let ends = try await transaction.savepoint { tx in try await batch.perform([member], in: &tx) }
            return ends[0].next
        } catch let error as BatchTransaction.Threw {
            return performer.end(of: job, code, after: error.error)
        } catch {
            return performer.end(of: job, code, after: error)
        }
    }

    // MARK: Drain

    /// Performs jobs of a queue one after the other until none is ready, also those that come up on the way.
    ///
    /// Code for batches gets all jobs that are claimed with it. What is to come back later stays for ``advance(by:)``.
    ///
    /// - Parameters:
    ///   - queue: an existing queue.
    ///   - limit: so many goes are one job that enqueues itself for ever; more throw.
    /// - Returns: how the goes ended, in the order in which they did.
    /// - Throws: ``JobsError`` for a run, which takes a worker, and beyond the limit; ``PostgresError``.
    @discardableResult
    public func drain(_ queue: String = "default", limit: Int = 10_000) async throws -> [PerformedJob] {
        var performed: [PerformedJob] = []
        while true {
            var claimed: [ClaimedJob] = []
            for leaf in try await leaves(of: queue) { claimed += try await claim(500, from: leaf) }
            guard !claimed.isEmpty else { return performed }
            claimed.sort { ($0.rank, $0.id) < ($1.rank, $1.id) }
            while let first = claimed.first {
                let isTogether = registry.jobs[first.name].map {
                    if case .together = $0.code { true } else { false }
                }
                let part =
                    isTogether == true
                    ? claimed.filter { $0.batch == first.batch && $0.name == first.name } : [first]
                let taken = Set(part.map(\.id))
                claimed.removeAll { taken.contains($0.id) }
                performed += try await perform(part)
                guard performed.count <= limit else {
                    throw JobsError(
                        code: .unknownJob,
                        message:
                            "queue \(queue) is not empty after \(limit) goes, the last at \(first.name) \(first.id)"
                    )
                }
            }
        }
    }

    // MARK: By hand

    /// Claims the next job of a queue, as a worker would.
    ///
    /// - Returns: nil if none is ready.
    /// - Throws: ``JobsError`` for a run, which takes a worker; ``PostgresError``.
    public func claim(from queue: String = "default") async throws -> HeldJob? {
        let leaves = try await leaves(of: queue)
        let heads = try await postgres.query(
            Query(
                "test_head",
                """
                SELECT lane FROM ready WHERE lane = ANY(\(leaves.map(\.number))) ORDER BY rank, job_id LIMIT 1
                """
            )
        )
        guard let number: Int32 = try heads.first.map({ try $0[0] }) else { return nil }
        return try await claim(1, from: LaneLeaf(number: number, queue: queue)).first.map(HeldJob.init(job:))
    }

    /// Performs a claimed job and writes its end.
    ///
    /// - Returns: how it ended; nil if the claim had been taken away meanwhile, so that nothing of it is kept.
    /// - Throws: ``PostgresError``; what the job throws is in its outcome.
    @discardableResult
    public func perform(_ held: HeldJob) async throws -> PerformedJob? {
        try await perform([held.job]).first
    }

    /// Moves the database's clock on, and makes ready or ends what is due by then.
    ///
    /// - Throws: ``PostgresError``.
    public func advance(by duration: Duration) async throws {
        try await postgres.execute(
            Query(
                "test_advance",
                "UPDATE clock SET shift = shift + make_interval(secs => \(duration.seconds))"
            )
        )
        while try await postgres.query(JobStatements.promoteDue(limit: 1000))[0][1] as Int64 == 1000 {}
        let round = TransitionRound(postgres: postgres)
        var functions = try await round.due()
        while let function = functions.popLast() {
            if try await round.fire(function).hasMore { functions.append(function) }
        }
        _ = try await store.sweepCancellations()
    }

    // MARK: Underneath

    func leaves(of queue: String) async throws -> [LaneLeaf] {
        guard let row = try await postgres.query(WorkerStatements.lanes(of: [queue])).first else { return [] }
        let first: Int32 = try row[1]
        let count: Int32 = try row[2]
        let isKeyed: Bool = try row[4]
        let isLimited: Bool = try row[5]
        if isKeyed { _ = try await postgres.query(LimitStatements.dispatch(queue: queue, most: 1000)) }
        return (first..<(first + 2 * count)).map {
            LaneLeaf(number: $0, queue: queue, isKeyed: isKeyed, isLimited: isLimited)
        }
    }

    private func claim(_ limit: Int, from leaf: LaneLeaf) async throws -> [ClaimedJob] {
        let jobs = try await postgres.query(JobStatements.claim(leaf, limit: limit, worker: Self.worker))
            .map { try ClaimedJob(claim: $0, from: leaf.queue) }
        let runs = jobs.filter(\.isRun)
        guard let run = runs.first else { return jobs }
        _ = try await postgres.pipeline([
            WorkerStatements.release(runs), JobStatements.forget(batches: Set(runs.map(\.batch)).sorted()),
        ])
        throw JobsError(
            code: .unknownJob,
            message:
                "\(run.name) \(run.id) is a workflow's run; a JobTester performs plain jobs, a worker both"
        )
    }

    /// Performs claimed jobs of one claim and one name, of which there is one unless its code takes batches.
    func perform(_ jobs: [ClaimedJob]) async throws -> [PerformedJob] {
        guard let first = jobs.first else { return [] }
        let journal = JobJournal {}
        let performer = JobPerformer(registry: registry, journal: journal)
        var performed: [PerformedJob] = []
        var ends: [(job: ClaimedJob, next: JobEnd.Next)] = []
        if let code = performer.code(of: first), case .together = code.code {
            await BatchTransaction(batch: first.batch, code: code, performer: performer).performAll(
                jobs,
                on: postgres,
                logger: Logger(label: "test"),
                wrote: { jobs, written in
                    for end in written {
                        guard let job = jobs.first(where: { $0.id == end.id }) else { continue }
                        performed.append(PerformedJob(job, end.next))
                    }
                },
                failed: { ends.append(($0, $1)) }
            )
        } else {
            ends.append((first, await performer.perform(first, performer.code(of: first))))
        }
        _ = try await journal.write(on: postgres)
        guard !ends.isEmpty else { return performed }
        let written = try await postgres.query(
            JobStatements.settle(ends.map { JobEnd($0.job, $0.next) })
        ).map { try $0[0] as Int64 }
        for end in ends where written.contains(end.job.id.rawValue) {
            performed.append(PerformedJob(end.job, end.next))
        }
        return performed
    }
}
