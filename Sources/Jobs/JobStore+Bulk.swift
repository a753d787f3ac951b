public import Postgres

// Making very many jobs at once.
extension JobStore {
    /// Enqueues any number of jobs by COPY, in one transaction of their own, and wakes the workers of their queues.
    ///
    /// Jobs are read from the sequence as they are sent, so it may be longer than memory. For fewer than about a hundred
    /// `enqueue` is as good.
    ///
    /// - Returns: how many jobs were made; one that was there already, see ``Uniqueness``, is not.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``, what the sequence throws; then nothing
    ///   is enqueued.
    public func enqueueAll<Jobs: AsyncSequence>(_ jobs: Jobs) async throws -> Int
    where Jobs.Element == NewJob {
        let (made, queues) = try await postgres.withTransaction { tx in try await copy(jobs, in: &tx) }
        wake(queues)
        return made
    }

    /// Enqueues any number of jobs by COPY, in one transaction of their own, and wakes the workers of their queues.
    ///
    /// - Returns: how many jobs were made; one that was there already, see ``Uniqueness``, is not.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``; then nothing is enqueued.
    public func enqueueAll(_ jobs: some Sequence<NewJob>) async throws -> Int {
        let (made, queues) = try await postgres.withTransaction { tx in try await copy(jobs, in: &tx) }
        wake(queues)
        return made
    }

    /// Enqueues any number of jobs by COPY in the caller's transaction.
    ///
    /// - Returns: how many jobs were made; one that was there already, see ``Uniqueness``, is not.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``, what the sequence throws.
    public func enqueueAll<Jobs: AsyncSequence>(
        _ jobs: Jobs,
        in transaction: inout Transaction
    ) async throws -> Int
    where Jobs.Element == NewJob {
        try await copy(jobs, in: &transaction).made
    }

    /// Enqueues any number of jobs by COPY in the caller's transaction.
    ///
    /// - Returns: how many jobs were made; one that was there already, see ``Uniqueness``, is not.
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidJob`), ``PostgresError``.
    public func enqueueAll(
        _ jobs: some Sequence<NewJob>,
        in transaction: inout Transaction
    ) async throws -> Int {
        try await copy(jobs, in: &transaction).made
    }

    private func copy<Jobs: AsyncSequence>(
        _ jobs: Jobs,
        in transaction: inout Transaction
    ) async throws -> (made: Int, queues: Set<String>) where Jobs.Element == NewJob {
        var load = BulkLoad(codec: codec)
        for try await job in jobs where try load.add(job) { try await load.send(in: &transaction) }
        try await load.send(in: &transaction)
        return (load.made, load.queues)
    }

    private func copy(
        _ jobs: some Sequence<NewJob>,
        in transaction: inout Transaction
    ) async throws -> (made: Int, queues: Set<String>) {
        var load = BulkLoad(codec: codec)
        for job in jobs where try load.add(job) { try await load.send(in: &transaction) }
        try await load.send(in: &transaction)
        return (load.made, load.queues)
    }
}
