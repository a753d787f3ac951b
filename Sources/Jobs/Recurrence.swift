public import Postgres
internal import Reactor

/// A recurring job: enqueued again and again by whichever scheduler leads, once for each time that comes.
public struct Recurrence: Sendable {
    /// When it comes.
    public enum Rhythm: Sendable, Hashable {
        /// At a fixed interval of at least a second, from when it was saved.
        case every(Duration)
        /// By the clock on the wall.
        case cron(CronExpression)
    }

    /// What becomes of times that came while no scheduler led, or while the schedule was behind.
    public enum Missed: Sendable, Hashable {
        /// They are left out: a time that is more than a minute past is not made up.
        case skip
        /// All are made up by one job, for the last of them.
        case once
        /// Each gets its job, but no more than so many of the last.
        case all(limit: Int)
    }

    /// Unique in the schema.
    public var name: String
    /// The name its code is registered under.
    public var jobName: String
    /// The queue of each firing.
    public var queue: String
    /// What each firing is given.
    public var input: JSONB
    /// When it comes.
    public var rhythm: Rhythm
    /// What becomes of times that were missed.
    public var missed = Missed.once
    /// Whether a firing comes while an earlier one is unfinished; if not, it is left out.
    public var overlaps = true
    /// A field of the input that is set to the time the firing is for, as RFC 3339; nil is none.
    public var instantField: String?

    /// Whether each firing is a workflow's run.
    package var isRun = false
    /// The version of its code that each of those runs is pinned to; nil is any.
    package var codeVersion: Int?
    /// How long each of those runs may take.
    package var timeout: Duration?

    /// Describes a job that comes at a fixed interval.
    public init(name: String, jobName: String, queue: String = "default", input: JSONB, every: Duration) {
        self.init(name: name, jobName: jobName, queue: queue, input: input, rhythm: .every(every))
    }

    /// Describes a recurring job.
    public init(name: String, jobName: String, queue: String = "default", input: JSONB, rhythm: Rhythm) {
        self.name = name
        self.jobName = jobName
        self.queue = queue
        self.input = input
        self.rhythm = rhythm
    }

    // MARK: Keeping

    /// Stores the schedule, or changes it; the next firing stays when the rhythm does.
    ///
    /// - Throws: ``JobsError`` (`invalidSchedule`), ``PostgresError``.
    public func save(on postgres: PostgresClient) async throws {
        if case .every(let interval) = rhythm, interval < .seconds(1) {
            throw JobsError(
                code: .invalidSchedule,
                message: "schedule \(name): the interval must be at least a second, not \(interval)"
            )
        }
        try await postgres.withTransaction { tx in
            let now: PostgresTimestamp = try await tx.query(Query("usher_now", "SELECT usher_now()"))[0][0]
            var every: Double?
            var cron: CronExpression?
            switch rhythm {
            case .every(let interval): every = interval.seconds
            case .cron(let expression): cron = expression
            }
            let (policy, limit): (String, Int32) =
                switch missed {
                case .skip: ("skip", 1)
                case .once: ("once", 1)
                case .all(let limit): ("all", Int32(clamping: max(1, limit)))
                }
            try await tx.execute(
                Query(
                    "schedules_save",
                    """
                    INSERT INTO schedules AS s (name, job_name, is_run, queue, input, every, cron, time_zone, missed,
                        missed_limit, may_overlap, instant_field, code_version, run_timeout, next_at)
                    VALUES (\(name), \(jobName), \(isRun), \(queue), \(input), make_interval(secs => \(every)),
                        \(cron?.text), \(cron?.timeZone ?? "UTC"), \(policy), \(limit), \(overlaps), \(instantField),
                        \(codeVersion.map(Int32.init(clamping:))), make_interval(secs => \(timeout?.seconds)),
                        \(rhythm.next(after: now)))
                    ON CONFLICT (name) DO UPDATE SET
                        job_name = excluded.job_name, is_run = excluded.is_run, queue = excluded.queue,
                        input = excluded.input, every = excluded.every, cron = excluded.cron,
                        time_zone = excluded.time_zone, missed = excluded.missed,
                        missed_limit = excluded.missed_limit, may_overlap = excluded.may_overlap,
                        instant_field = excluded.instant_field,
                        code_version = excluded.code_version, run_timeout = excluded.run_timeout,
                        next_at = CASE WHEN (s.every, s.cron, s.time_zone)
                            IS NOT DISTINCT FROM (excluded.every, excluded.cron, excluded.time_zone)
                            THEN s.next_at ELSE excluded.next_at END
                    """
                )
            )
        }
    }

    /// Forgets a schedule; what it has enqueued stays.
    ///
    /// - Returns: whether there was one.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public static func remove(_ name: String, on postgres: PostgresClient) async throws -> Bool {
        try await postgres.execute(Query("schedules_remove", "DELETE FROM schedules WHERE name = \(name)"))
            > 0
    }

    /// Holds a schedule back, or lets it go on; times that come meanwhile are missed ones.
    ///
    /// - Returns: whether there is one.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public static func setPaused(
        _ isPaused: Bool,
        _ name: String,
        on postgres: PostgresClient
    ) async throws -> Bool {
        try await setPaused(isPaused, name, in: postgres)
    }

    /// Holds a schedule back, or lets it go on, in the caller's transaction.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    package static func setPaused(
        _ isPaused: Bool,
        _ name: String,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> Bool {
        try await database.execute(
            Query("schedules_pause", "UPDATE schedules SET paused = \(isPaused) WHERE name = \(name)")
        ) > 0
    }
}

extension Recurrence.Rhythm {
    func next(after instant: PostgresTimestamp) -> PostgresTimestamp {
        switch self {
        case .every(let interval): instant + interval
        case .cron(let expression): expression.next(after: instant)
        }
    }

    /// The last times that have come since the first that is due, at most so many.
    func past(
        from first: PostgresTimestamp,
        through now: PostgresTimestamp,
        limit: Int
    ) -> [PostgresTimestamp] {
        switch self {
        case .every(let interval):
            let step = max(1, interval.microseconds)
            let last = (now.microseconds - first.microseconds) / step
            return (max(0, last - Int64(limit) + 1)...last).map {
                PostgresTimestamp(microseconds: first.microseconds + $0 * step)
            }
        case .cron(let expression):
            // From ever further back, so that a schedule of every second that was down for a month is not walked whole.
            for window in [
                Duration.seconds(60), .seconds(3600), .seconds(86_400), .seconds(40 * 86_400), .zero,
            ] {
                let isWhole = window == .zero || now - window <= first
                var times = isWhole ? [first] : []
                var time = isWhole ? first : now - window
                while true {
                    time = expression.next(after: time)
                    guard time <= now else { break }
                    times.append(time)
                }
                if isWhole || times.count >= limit { return times.suffix(limit) }
            }
            return []
        }
    }
}
