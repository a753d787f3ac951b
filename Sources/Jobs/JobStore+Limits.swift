package import Postgres

// Limits, and holding a queue: changed live, told to the workers at the commit.
extension JobStore {
    /// Limits a queue and its keys from now on, in place of what limited them before.
    ///
    /// What runs already is not stopped; it counts. Keys with a limit of their own keep it. Workers learn of it at once
    /// by a notification, or else by their next heartbeat.
    ///
    /// - Throws: ``JobsError`` (`invalidLimit`, `unknownQueue`), ``PostgresError``.
    public func setLimits(_ limits: QueueLimits, queue: String) async throws {
        try limits.check()
        try await postgres.withTransaction { tx in
            let isLimited = limits.maxRunning != nil || limits.rate != nil
            try await mark(queue, isLimited: isLimited, in: &tx)
            try await tx.execute(LimitStatements.set(limits, queue: queue))
            _ = try await tx.pipeline([
                LimitStatements.signalAll(queue: queue), LimitStatements.tellWorkers(of: queue),
            ])
        }
        wake([queue])
    }

    /// What limits a queue; nothing does unless ``setLimits(_:queue:)`` was called.
    ///
    /// - Throws: ``PostgresError``.
    public func limits(queue: String) async throws -> QueueLimits {
        guard let row = try await postgres.query(LimitStatements.get(queue: queue)).first else {
            return QueueLimits()
        }
        return QueueLimits(
            maxRunning: try row[0],
            rate: try Self.rate(try row[1], try row[2]),
            perKey: KeyLimit(maxRunning: try row[3], rate: try Self.rate(try row[4], try row[5])),
            fairWindow: try row[6]
        )
    }

    /// Gives a key a limit of its own, in place of the queue's for its keys; nil takes it away again.
    ///
    /// - Throws: ``JobsError`` (`invalidLimit`, `unknownQueue`), ``PostgresError``.
    public func setKeyLimit(_ limit: KeyLimit?, queue: String, key: String) async throws {
        try limit?.check()
        try await postgres.withTransaction { tx in
            try await mark(queue, isLimited: nil, in: &tx)
            _ = try await tx.pipeline([
                LimitStatements.set(limit, queue: queue, key: key), LimitStatements.tellWorkers(of: queue),
            ])
        }
        wake([queue])
    }

    /// Holds a queue: nothing more is claimed from it until ``resume(queue:)``.
    ///
    /// What runs goes on. Workers learn of it at once by a notification, or else by their next heartbeat.
    ///
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``.
    public func pause(queue: String) async throws {
        try await postgres.withTransaction { tx in try await setPaused(true, queue: queue, in: &tx) }
    }

    /// Lets a queue go on that was held.
    ///
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``.
    public func resume(queue: String) async throws {
        try await postgres.withTransaction { tx in try await setPaused(false, queue: queue, in: &tx) }
    }

    /// Holds a queue or lets it go on, in the caller's transaction.
    ///
    /// - Returns: whether that changed anything.
    /// - Throws: ``JobsError`` (`unknownQueue`), ``PostgresError``.
    @discardableResult
    package func setPaused(_ isPaused: Bool, queue: String, in tx: inout Transaction) async throws -> Bool {
        guard let row = try await tx.first(LimitStatements.pause(queue: queue, isPaused)) else {
            throw Self.unknown(queue)
        }
        _ = try await tx.query(LimitStatements.tellWorkers(of: queue))
        return try row[0]
    }

    private func mark(_ queue: String, isLimited: Bool?, in tx: inout Transaction) async throws {
        let known = try await tx.execute(LimitStatements.flag(queue: queue, isLimited: isLimited))
        if known == 0 { throw Self.unknown(queue) }
        _ = try await tx.query(LimitStatements.markKeyed([queue]))
    }

    private static func unknown(_ queue: String) -> JobsError {
        JobsError(
            code: .unknownQueue,
            message: "queue \(queue) does not exist; start a worker for it or call ensureQueue first"
        )
    }

    private static func rate(_ perSecond: Double?, _ burst: Int?) throws -> RateLimit? {
        guard let perSecond, let burst else { return nil }
        return RateLimit(perSecond: perSecond, burst: burst)
    }
}
