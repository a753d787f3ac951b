public import Postgres

/// Jobs that somebody wants to hear of when all have ended.
///
/// ```swift
/// let batch = try await store.openBatch("import 7", whenDone: NewJob(name: "import.report", input: input))
/// try await store.enqueue(jobs.map { $0.in(batch) })          // in as many transactions as it takes
/// try await store.seal(batch)
/// ```
/// When it is sealed and every job of it has ended, its callback is enqueued, once, with a ``JobBatchReport``.
public struct JobBatch: RawRepresentable, Sendable, Hashable, Codable {
    /// The number in the table `job_batches`.
    public let rawValue: Int64

    /// Makes a batch's name from its number.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }
}

/// How a batch stands, and what its callback is given.
///
/// The callback's own input is beside these fields, under `input`.
public struct JobBatchReport: Sendable, Hashable, Codable {
    /// The batch's number.
    public var batch: Int64
    /// What it was opened as.
    public var name: String
    /// Jobs that were added.
    public var added: Int64
    /// Jobs that ended well.
    public var done: Int64
    /// Jobs that failed for good.
    public var failed: Int64
    /// Jobs that were cancelled.
    public var cancelled: Int64
    /// Jobs that nobody started by their deadline.
    public var expired: Int64

    /// Jobs that have not ended.
    public var left: Int64 { added - done - failed - cancelled - expired }
}

extension NewJob {
    /// The same job, as one of a batch.
    public func `in`(_ batch: JobBatch) -> NewJob {
        var job = self
        job.batch = batch
        return job
    }
}

// Batches of jobs.
extension JobStore {
    /// Opens a batch in a transaction of its own.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - callback: what is enqueued when all is done; its run time and key are not used.
    /// - Returns: the batch.
    /// - Throws: ``PostgresError``.
    public func openBatch(_ name: String, whenDone callback: NewJob) async throws -> JobBatch {
        try await postgres.withTransaction { tx in try await openBatch(name, whenDone: callback, in: &tx) }
    }

    /// Opens a batch in the caller's transaction.
    ///
    /// - Returns: the batch.
    /// - Throws: ``PostgresError``.
    public func openBatch(
        _ name: String,
        whenDone callback: NewJob,
        in transaction: inout Transaction
    ) async throws -> JobBatch {
        let row = try await transaction.query(
            Query(
                "batches_open",
                """
                INSERT INTO job_batches (name, job_name, is_run, queue, priority, input)
                VALUES (\(name), \(callback.name), \(callback.isRun), \(callback.queue), \(callback.priority),
                    \(callback.input))
                RETURNING id
                """
            )
        )[0]
        return JobBatch(rawValue: try row[0])
    }

    /// Says that no more jobs come, in a transaction of its own.
    ///
    /// It waits for transactions that are adding jobs this moment.
    ///
    /// - Throws: ``JobsError`` (`unknownBatch`), ``PostgresError``.
    public func seal(_ batch: JobBatch) async throws {
        try await postgres.withTransaction { tx in try await seal(batch, in: &tx) }
    }

    /// Says that no more jobs come, in the caller's transaction.
    ///
    /// - Throws: ``JobsError`` (`unknownBatch`), ``PostgresError``.
    public func seal(_ batch: JobBatch, in transaction: inout Transaction) async throws {
        // FOR UPDATE meets the FOR KEY SHARE of those who add; the scheduler's fold meets neither.
        let rows = try await transaction.query(
            Query(
                "batches_lock",
                "SELECT sealed_at IS NOT NULL FROM job_batches WHERE id = \(batch.rawValue) FOR UPDATE"
            )
        )
        guard let row = rows.first else {
            throw JobsError(code: .unknownBatch, message: "there is no batch \(batch.rawValue)")
        }
        let isSealed: Bool = try row[0]
        guard !isSealed else { return }
        try await transaction.pipeline([
            Query(
                "batches_seal",
                "UPDATE job_batches SET sealed_at = (SELECT usher_now()) WHERE id = \(batch.rawValue)"
            ),
            Query(
                "batches_seal_tally",
                "INSERT INTO batch_tallies (batch_id, seals) VALUES (\(batch.rawValue), true)"
            ),
        ])
    }

    /// How a batch stands, tallies that are not folded yet included.
    ///
    /// - Returns: nil if there is no such batch any more.
    /// - Throws: ``PostgresError``.
    public func report(on batch: JobBatch) async throws -> JobBatchReport? {
        try await postgres.query(
            Query(
                "batches_report",
                """
                SELECT b.id, b.name, b.added + coalesce(t.added, 0), b.done + coalesce(t.done, 0),
                    b.failed + coalesce(t.failed, 0), b.cancelled + coalesce(t.cancelled, 0),
                    b.expired + coalesce(t.expired, 0)
                FROM job_batches b, LATERAL (
                    SELECT sum(added)::bigint AS added, sum(done)::bigint AS done, sum(failed)::bigint AS failed,
                        sum(cancelled)::bigint AS cancelled, sum(expired)::bigint AS expired
                    FROM batch_tallies WHERE batch_id = b.id
                ) t
                WHERE b.id = \(batch.rawValue)
                """
            )
        ).first.map(JobBatchReport.init(row:))
    }

    /// Holds batches open until the transaction ends.
    static func enter(_ batches: Set<JobBatch>, in transaction: inout Transaction) async throws {
        let ids = batches.map(\.rawValue)
        let open = try await transaction.query(
            Query(
                "batches_enter",
                """
                SELECT id FROM job_batches WHERE id = ANY(\(ids)) AND sealed_at IS NULL ORDER BY id FOR KEY SHARE
                """
            )
        )
        let missing = Set(ids).subtracting(try open.map { try $0[0] as Int64 })
        guard let first = missing.min() else { return }
        throw JobsError(
            code: .unknownBatch,
            message: "batch \(first) is not open: it was sealed, or there is none of that number"
        )
    }
}

extension JobBatchReport {
    init(row: Row) throws {
        batch = try row[0]
        name = try row[1]
        added = try row[2]
        done = try row[3]
        failed = try row[4]
        cancelled = try row[5]
        expired = try row[6]
    }
}
