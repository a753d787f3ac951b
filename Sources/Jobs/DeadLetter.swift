public import Postgres

/// A job that failed for good and is kept, so that somebody can look at it and have it done after all.
public struct DeadLetter: Sendable {
    /// Why a job is a dead letter.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Its last attempt failed.
        case failed
        /// Its code said that trying again is useless.
        case discarded
        /// Its last attempt took longer than it may.
        case timedOut = "timed_out"
        /// Its workers died, again and again.
        case crashed
        /// No worker could read its input; nothing was tried.
        case unreadable
        /// No worker knew its name for long; nothing was tried.
        case unknown
    }

    /// The job's number.
    public let id: JobID
    /// The name its code is registered under.
    public let name: String
    /// The queue it belongs to.
    public let queue: String
    /// Why it is here.
    public let kind: Kind
    /// What went wrong last, in one line.
    public let reason: String
    /// Attempts that failed.
    public let failures: Int16
    /// When it failed for good.
    public let failedAt: PostgresTimestamp

    init(row: Row) throws {
        id = JobID(rawValue: try row[0])
        name = try row[1]
        queue = try row[2]
        kind = Kind(rawValue: try row[3]) ?? .failed
        reason = try row[4]
        failures = try row[5]
        failedAt = try row[6]
    }
}

/// Which dead letters are meant; what is nil matches all.
public struct DeadLetterFilter: Sendable, Hashable {
    /// Of jobs with this name.
    public var name: String?
    /// Of this queue.
    public var queue: String?
    /// For this reason.
    public var kind: DeadLetter.Kind?
    /// Failed for good at or after this instant.
    public var since: PostgresTimestamp?
    /// Failed for good before this instant.
    public var before: PostgresTimestamp?

    /// Makes a filter.
    public init(
        name: String? = nil,
        queue: String? = nil,
        kind: DeadLetter.Kind? = nil,
        since: PostgresTimestamp? = nil,
        before: PostgresTimestamp? = nil
    ) {
        self.name = name
        self.queue = queue
        self.kind = kind
        self.since = since
        self.before = before
    }

    /// Every dead letter.
    public static let all = DeadLetterFilter()

    /// The conditions on a row `d` but its place in the order; only what was asked for, so that each kind of question
    /// has a plan of its own.
    private var condition: SQL {
        var parts: [SQL] = ["true"]
        if let name { parts.append("d.name = \(name)") }
        if let kind { parts.append("d.kind = \(kind.rawValue)") }
        if let since { parts.append("d.failed_at >= \(since)") }
        if let before { parts.append("d.failed_at < \(before)") }
        return .joined(parts, separator: " AND ")
    }

    /// The jobs that come after `id` in ascending order, `limit` at the most: a SELECT of their numbers.
    func ids(after id: JobID, limit: Int) -> SQL {
        ids(
            id,
            limit,
            queue.map { "(d.queue, d.job_id) > (\($0), \(id.rawValue)) AND d.queue <= \($0)" },
            ">",
            ""
        )
    }

    /// The jobs that come before `id` in descending order, `limit` at the most: a SELECT of their numbers.
    func ids(before id: JobID, limit: Int) -> SQL {
        ids(
            id,
            limit,
            queue.map { "(d.queue, d.job_id) < (\($0), \(id.rawValue)) AND d.queue >= \($0)" },
            "<",
            "DESC"
        )
    }

    /// A queue is asked for as a stretch of `dead_letters_by_queue`, not by `=`: of one among few queues the planner
    /// takes the primary key for as good, which then reads all letters of the others.
    private func ids(_ id: JobID, _ limit: Int, _ stretch: SQL?, _ beyond: SQL, _ direction: SQL) -> SQL {
        let range = stretch ?? "d.job_id \(fragment: beyond) \(id.rawValue)"
        let order: SQL =
            stretch == nil
            ? "d.job_id \(fragment: direction)"
            : "d.queue \(fragment: direction), d.job_id \(fragment: direction)"
        return """
            SELECT d.job_id FROM dead_letters d WHERE \(fragment: range) AND \(fragment: condition)
            ORDER BY \(fragment: order) LIMIT \(Int64(limit))
            """
    }
}
