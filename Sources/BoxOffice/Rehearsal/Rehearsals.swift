package import Jobs
package import Postgres

/// Rehearsals that promoters order: each is a job, played by whichever worker serves their queue, one at a time.
package struct Rehearsals: Sendable {
    /// Where one stands.
    package struct Status: Sendable {
        package let id: JobID
        package let state: JobState
        /// How far it is, in words; nil before it says anything.
        package let progress: String?
        /// A JSON object, as `usher rehearse --json` prints it; nil until it is done.
        package let report: JSONB?
        /// Why it failed, or was called off.
        package let problem: String?
        package let orderedAt: PostgresTimestamp
        package let endedAt: PostgresTimestamp?
    }

    /// So many wait that another would have to wait for too long.
    package struct TooMany: Error, Sendable {}

    private let store: JobStore

    package init(store: JobStore) {
        self.store = store
    }

    /// Has one played when its turn comes.
    ///
    /// - Throws: ``TooMany``, `JobsError` or `PostgresError`.
    package func order(_ order: RehearsalOrder) async throws -> JobID {
        let queue = RehearsalOrder.queue
        try await store.ensureQueue(queue, lanes: 1)
        // They make a machine work as hard as it can; an operator who wants more of them at a time says so.
        if try await store.limits(queue: queue) == QueueLimits() {
            try await store.setLimits(QueueLimits(maxRunning: 1), queue: queue)
        }
        var waiting = EngineView.JobFilter()
        waiting.queue = queue
        waiting.state = JobState.ready.rawValue
        waiting.limit = RehearsalOrder.mostWaiting
        guard try await store.postgres.query(EngineView.jobs(waiting)).count < RehearsalOrder.mostWaiting
        else {
            throw TooMany()
        }
        let job = NewJob(name: RehearsalOrder.name, queue: queue, input: try JSONCoding.encode(order))
        return try await store.enqueue([job])[0]
    }

    /// Where one stands; nil for a number that is no rehearsal's, or of one that is long over.
    ///
    /// - Throws: `PostgresError`.
    package func status(_ id: JobID) async throws -> Status? {
        guard let job = try await store.job(id), job.name == RehearsalOrder.name else { return nil }
        let result = try store.output(of: job).map {
            try JSONCoding.decode(RehearsalResult.self, from: $0, what: "the report of \(id)")
        }
        return Status(
            id: id,
            state: job.state,
            progress: try await store.progress(of: id)?.message,
            report: result.map { JSONB(text: $0.report) },
            problem: job.error,
            orderedAt: job.createdAt,
            endedAt: job.finishedAt
        )
    }

    /// Calls one off; what it has made in the database goes with it.
    ///
    /// - Returns: Whether there is one.
    /// - Throws: `PostgresError`.
    package func cancel(_ id: JobID) async throws -> Bool {
        guard let job = try await store.job(id), job.name == RehearsalOrder.name else { return false }
        try await store.cancel(id, reason: "called off")
        return true
    }
}
