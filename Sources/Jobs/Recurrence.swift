public import Postgres
internal import Reactor

/// A recurring job: enqueued again and again at a fixed interval by whichever scheduler leads.
public struct Recurrence: Sendable {
    /// Unique in the schema.
    public var name: String
    /// The name its code is registered under.
    public var jobName: String
    /// The queue of each firing.
    public var queue: String
    /// What each firing is given.
    public var input: JSONB
    /// From one firing to the next, at least a second.
    ///
    /// Firings missed while no scheduler led are made up by one.
    public var every: Duration

    /// Whether each firing is a workflow's run.
    package var isRun = false

    /// Describes a recurring job.
    public init(name: String, jobName: String, queue: String = "default", input: JSONB, every: Duration) {
        self.name = name
        self.jobName = jobName
        self.queue = queue
        self.input = input
        self.every = every
    }

    /// Stores the schedule, or changes it; the next firing stays when the interval does.
    ///
    /// - Throws: ``PostgresError``.
    public func save(on postgres: PostgresClient) async throws {
        _ = try await postgres.execute(
            Query(
                "schedules_save",
                """
                INSERT INTO schedules AS s (name, job_name, is_run, queue, input, every, next_at)
                VALUES (\(name), \(jobName), \(isRun), \(queue), \(input), make_interval(secs => \(every.seconds)),
                    usher_now() + make_interval(secs => \(every.seconds)))
                ON CONFLICT (name) DO UPDATE SET
                    job_name = excluded.job_name, is_run = excluded.is_run, queue = excluded.queue, input = excluded.input,
                    every = excluded.every,
                    next_at = CASE WHEN s.every = excluded.every THEN s.next_at ELSE excluded.next_at END
                """
            )
        )
    }

    /// Enqueues each schedule that is due once, and moves it past now.
    ///
    /// - Returns: the queues that got work.
    package static func fireDue(in transaction: inout Transaction) async throws -> Set<String> {
        let rows = try await transaction.query(
            Query(
                "schedules_fire",
                """
                WITH due AS MATERIALIZED (
                    SELECT name, next_at FROM schedules
                    WHERE next_at <= (SELECT usher_now()) AND NOT paused ORDER BY name FOR UPDATE SKIP LOCKED
                )
                UPDATE schedules s SET next_at = d.next_at + s.every
                    * (1 + floor(extract(epoch FROM (SELECT usher_now()) - d.next_at) / extract(epoch FROM s.every)))
                FROM due d WHERE s.name = d.name
                RETURNING s.job_name, s.queue, s.input, 'schedule:' || s.name || ':' || d.next_at, s.is_run
                """
            )
        )
        let jobs = try rows.map { row in
            var job = NewJob(name: try row[0], queue: try row[1], input: try row[2], key: try row[3])
            job.isRun = try row[4]
            return job
        }
        _ = try await JobStore.insert(jobs, in: &transaction)
        return Set(jobs.map(\.queue))
    }
}
