public import Postgres

// Making jobs.
extension JobStore {
    /// Enqueues jobs in a transaction of their own and wakes the workers of their queues.
    ///
    /// - Returns: one id per job, in order; for a job that was there already, that one's id.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``.
    public func enqueue(_ jobs: [NewJob]) async throws -> [JobID] {
        try await offer(jobs).map(\.id)
    }

    /// Enqueues jobs in the caller's transaction.
    ///
    /// Workers notice within their polling interval, or at once if the caller calls ``wake(_:)`` after its
    /// commit.
    ///
    /// - Returns: one id per job, in order; for a job that was there already, that one's id.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``.
    public func enqueue(_ jobs: [NewJob], in transaction: inout Transaction) async throws -> [JobID] {
        try await offer(jobs, in: &transaction).map(\.id)
    }

    /// Enqueues jobs in a transaction of their own, wakes the workers of their queues, and tells new jobs from those
    /// that were there.
    ///
    /// - Returns: one answer per job, in order.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``.
    public func offer(_ jobs: [NewJob]) async throws -> [Enqueued] {
        guard !jobs.isEmpty, jobs.allSatisfy(\.isPlain) else {
            let answers = try await postgres.withTransaction { tx in try await offer(jobs, in: &tx) }
            wake(Set(zip(jobs, answers).filter { $0.runAt == nil && $1.outcome != .found }.map(\.0.queue)))
            return answers
        }
        // One statement makes them, and BEGIN and COMMIT go with it.
        let encoded = try jobs.map { try $0.encoded(by: codec) }
        let rows = try await postgres.withTransaction { tx in
            try await Self.tellingUnknownQueues(of: jobs) {
                try await tx.commit(after: [JobStatements.enqueue(encoded, keys: encoded.map { _ in nil })])[
                    0
                ]
            }
        }
        if jobs.count == 1, let leaf: Int32 = try rows[0][2] {
            notifier.wake(jobs[0].queue, leaf: leaf)
        } else {
            wake(Set(jobs.filter { $0.runAt == nil }.map(\.queue)))
        }
        return try rows.map { Enqueued(id: JobID(rawValue: try $0[0]), outcome: .made) }
    }

    /// Enqueues jobs in the caller's transaction, and tells new jobs from those that were there.
    ///
    /// A job that was found may start before the caller commits; one that was replaced does not.
    ///
    /// - Returns: one answer per job, in order.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``.
    public func offer(_ jobs: [NewJob], in transaction: inout Transaction) async throws -> [Enqueued] {
        try await Self.insert(jobs, codec: codec, in: &transaction)
    }

    package static func insert(
        _ jobs: [NewJob],
        codec: (any PayloadCodec)? = nil,
        in transaction: inout Transaction
    ) async throws -> [Enqueued] {
        // What makes jobs the same is in the input as it was given.
        let keys = try jobs.map { try JobKey(of: $0) }
        let jobs = try jobs.map { try $0.encoded(by: codec) }
        let batches = Set(jobs.compactMap(\.batch))
        if !batches.isEmpty { try await enter(batches, in: &transaction) }
        var answers = [Enqueued?](repeating: nil, count: jobs.count)
        var left = Array(jobs.indices)
        var rounds = 0
        while !left.isEmpty {
            rounds += 1
            guard rounds <= 100 else {
                let names = Set(left.map { jobs[$0].name }).sorted().joined(separator: ", ")
                throw JobsError(
                    code: .contention,
                    message:
                        "the keys of jobs \(names) changed hands a hundred times while they were asked for"
                )
            }
            let rows = try await insertOnce(left.map { jobs[$0] }, left.map { keys[$0] }, in: &transaction)
            for (index, row) in zip(left, rows) {
                if let id: Int64 = try row[0] {
                    answers[index] = Enqueued(id: JobID(rawValue: id), outcome: .made)
                } else if let holder: Int64 = try row[1] {
                    answers[index] = Enqueued(id: JobID(rawValue: holder), outcome: .found)
                }
            }
            // Whoever took the key in this very moment is seen by the next statement, unless it let go meanwhile.
            left.removeAll { answers[$0] != nil }
        }
        return try await replace(jobs, keys, answers.compactMap { $0 }, in: &transaction)
    }

    private static func insertOnce(
        _ jobs: [NewJob],
        _ keys: [JobKey?],
        in transaction: inout Transaction
    ) async throws -> [Row] {
        try await tellingUnknownQueues(of: jobs) {
            let rows = try await transaction.query(JobStatements.enqueue(jobs, keys: keys))
            let limited = try zip(jobs, rows).compactMap { job, row in
                job.limitKey == nil ? nil : try row[0] as Int64?
            }
            if !limited.isEmpty {
                let ids = limited.map(JobID.init(rawValue:))
                _ = try await transaction.query(LimitStatements.block(ids))
            }
            return rows
        }
    }

    private static func tellingUnknownQueues(
        of jobs: [NewJob],
        _ body: () async throws -> [Row]
    ) async throws -> [Row] {
        do {
            return try await body()
        } catch let error as PostgresError where error.sqlState == .notNullViolation || error.table == "ready"
        {
            throw JobsError.unknownQueues(Set(jobs.map(\.queue)))
        }
    }

    private static func replace(
        _ jobs: [NewJob],
        _ keys: [JobKey?],
        _ answers: [Enqueued],
        in transaction: inout Transaction
    ) async throws -> [Enqueued] {
        let wanted = jobs.indices.filter {
            answers[$0].outcome == .found && keys[$0]?.uniqueness.conflict == .replace
        }
        guard !wanted.isEmpty else { return answers }
        let rows = try await transaction.query(
            JobStatements.replace(wanted.map { (answers[$0].id, jobs[$0]) })
        )
        let replaced = Set(try rows.map { JobID(rawValue: try $0[0]) })
        var answers = answers
        for index in wanted where replaced.contains(answers[index].id) {
            answers[index] = Enqueued(id: answers[index].id, outcome: .replaced)
        }
        return answers
    }
}
