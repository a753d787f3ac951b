public import Postgres
internal import Reactor

/// The jobs of one schema: making them, looking them up, ending them.
public struct JobStore: Sendable {
    /// The connections it works on.
    public let postgres: PostgresClient
    private let notifier: ReadyNotifier

    /// Makes a store over a pool.
    public init(postgres: PostgresClient) {
        self.postgres = postgres
        notifier = ReadyNotifier(postgres: postgres)
    }

    /// Makes a queue unless it exists.
    ///
    /// The number of lanes is fixed by whoever comes first.
    ///
    /// - Throws: ``PostgresError``.
    public func ensureQueue(_ name: String, lanes: Int = 4) async throws {
        _ = try await postgres.query(
            Query("queues_ensure", "SELECT ensure_queue(\(name), \(Int32(lanes)))")
        )
    }

    /// Enqueues jobs in a transaction of their own and wakes the workers of their queues.
    ///
    /// - Returns: one id per job, in order; for a key that was taken, the id of the job that has it.
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``.
    public func enqueue(_ jobs: [NewJob]) async throws -> [JobID] {
        let ids = try await postgres.withTransaction { tx in try await enqueue(jobs, in: &tx) }
        wake(Set(jobs.filter { $0.runAt == nil }.map(\.queue)))
        return ids
    }

    /// Enqueues jobs in the caller's transaction.
    ///
    /// Workers notice within their polling interval, or at once if the caller calls ``wake(_:)`` after its
    /// commit.
    ///
    /// - Returns: one id per job, in order; for a key that was taken, the id of the job that has it.
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``.
    public func enqueue(_ jobs: [NewJob], in transaction: inout Transaction) async throws -> [JobID] {
        try await Self.insert(jobs, in: &transaction)
    }

    package static func insert(_ jobs: [NewJob], in transaction: inout Transaction) async throws -> [JobID] {
        guard !jobs.isEmpty else { return [] }
        let rows: [Row]
        do {
            rows = try await transaction.query(JobStatements.enqueue(jobs))
        } catch let error as PostgresError where error.sqlState == .notNullViolation || error.table == "ready"
        {
            let queues = Set(jobs.map(\.queue)).sorted().joined(separator: ", ")
            throw JobsError(
                code: .unknownQueue,
                message:
                    "a queue among [\(queues)] does not exist; start a worker for it or call ensureQueue first"
            )
        }
        var ids = try rows.map { row in (try row[0] as Int64?).map(JobID.init(rawValue:)) }
        let taken = zip(jobs, ids).compactMap { job, id in id == nil ? job.key : nil }
        if !taken.isEmpty {
            // A new statement, so that it sees what a concurrent holder of the key has committed by now.
            var holders: [String: JobID] = [:]
            for row in try await transaction.query(JobStatements.byKeys(taken)) {
                holders[try row[0]] = JobID(rawValue: try row[1])
            }
            for (index, job) in jobs.enumerated() where ids[index] == nil {
                ids[index] = job.key.flatMap { holders[$0] }
            }
        }
        return try ids.map { id in
            guard let id else {
                throw JobsError(code: .unknownJob, message: "a dedupe key vanished during enqueue")
            }
            return id
        }
    }

    /// Tells the workers of these queues that there is work.
    ///
    /// Coalesced; call it after a commit.
    public func wake(_ queues: some Sequence<String>) {
        notifier.wake(queues)
    }

    /// What the table knows of a job.
    ///
    /// - Returns: the job, or nil if there is none of that id.
    /// - Throws: ``PostgresError``.
    public func job(_ id: JobID) async throws -> JobRecord? {
        try await postgres.query(
            Query(
                "jobs_get",
                """
                SELECT id, name, queue, standing(id, state, queue, rank), epoch, failures, input, output, error,
                    created_at, coalesce(finished_at,
                        CASE WHEN state = 'queued' THEN closed_at(id, created_at) END)
                FROM jobs WHERE id = \(id.rawValue)
                """
            )
        ).first.map(JobRecord.init(row:))
    }
}
