public import Postgres
internal import Reactor

/// The jobs of one schema: making them, looking them up, ending them.
public struct JobStore: Sendable {
    /// The connections it works on.
    public let postgres: PostgresClient
    /// What payloads go through on their way into the tables.
    public let codec: (any PayloadCodec)?
    let notifier: ReadyNotifier

    /// Makes a store over a pool.
    ///
    /// Whoever works off the jobs needs the same codec, in the registry.
    public init(postgres: PostgresClient, codec: (any PayloadCodec)? = nil) {
        self.postgres = postgres
        self.codec = codec
        notifier = ReadyNotifier(postgres: postgres)
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
                SELECT id, name, queue, standing, epoch, failures, input, output, error, created_at,
                    coalesce(finished_at,
                        CASE WHEN state = 'queued' AND standing = 'done' THEN closed_at(id, created_at) END)
                FROM (
                    SELECT *, standing(id, state, queue, rank) FROM jobs WHERE id = \(id.rawValue) OFFSET 0
                ) AS j
                """
            )
        ).first.map(JobRecord.init(row:))
    }

    /// What a job returned, as its code said it.
    ///
    /// - Returns: nil if nothing is kept.
    /// - Throws: ``JobsError`` (`undecodable`).
    public func output(of job: JobRecord) throws -> JSONB? {
        guard let codec, let stored = job.output else { return job.output }
        return try codec.decode(stored, of: .output(of: job.name, job.id))
    }
}
