internal import Foundation
package import Postgres
internal import Reactor

/// What is enqueued when schedules are due.
package enum RecurrenceFiring {
    /// What a round of firing did.
    package struct Result: Sendable {
        /// The queues that got work.
        package var queues: Set<String> = []
        /// Schedules that could not fire, and why.
        package var problems: [String] = []
    }

    /// Later than this, a time counts as missed.
    private static let grace = Duration.seconds(60)

    fileprivate struct Due {
        let name: String
        let rhythm: Recurrence.Rhythm
        let missed: Recurrence.Missed
        let overlaps: Bool
        let instantField: String?
        let nextAt: PostgresTimestamp
        let job: NewJob
    }

    /// Enqueues what is due, and moves each schedule past now.
    ///
    /// The rows are locked meanwhile, so of many schedulers one fires. A schedule that can't fire does not keep others
    /// from it: it is left as it is, and named in the result.
    package static func fireDue(on postgres: PostgresClient) async throws -> Result {
        do {
            return try await postgres.withTransaction { tx in try await fire(only: nil, in: &tx) }
        } catch let error as JobsError {
            var result = Result(problems: [error.message])
            let names = try await postgres.query(
                Query(
                    "schedules_due",
                    "SELECT name FROM schedules WHERE next_at <= usher_now() AND NOT paused"
                )
            )
            for row in names {
                let name: String = try row[0]
                do {
                    let fired = try await postgres.withTransaction { tx in try await fire(only: name, in: &tx)
                    }
                    result.queues.formUnion(fired.queues)
                } catch let error as JobsError {
                    result.problems.append("schedule \(name): \(error.message)")
                }
            }
            return result
        }
    }

    private static func fire(only name: String?, in transaction: inout Transaction) async throws -> Result {
        let rows = try await transaction.query(
            Query(
                "schedules_fire",
                """
                SELECT name, job_name, is_run, queue, input, extract(epoch FROM every)::float8, cron, time_zone, missed,
                    missed_limit, may_overlap, instant_field, next_at, (SELECT usher_now()),
                    code_version, extract(epoch FROM run_timeout)::float8
                FROM schedules
                WHERE next_at <= (SELECT usher_now()) AND NOT paused AND (\(name)::text IS NULL OR name = \(name))
                ORDER BY name FOR UPDATE SKIP LOCKED
                """
            )
        )
        guard let first = rows.first else { return Result() }
        let now: PostgresTimestamp = try first[13]
        let due = try rows.map(Due.init(row:))
        let jobs = try due.flatMap { schedule in
            try times(of: schedule, now).map { try job(of: schedule, at: $0) }
        }
        let made = try await JobStore.insert(jobs, in: &transaction)
        try await transaction.execute(
            Query(
                "schedules_move",
                """
                UPDATE schedules s SET next_at = g.next_at
                FROM unnest(\(due.map(\.name)), \(due.map { next(of: $0, now) })) AS g (name, next_at)
                WHERE s.name = g.name
                """
            )
        )
        return Result(queues: Set(zip(jobs, made).filter { !$1.isDuplicate }.map(\.0.queue)))
    }

    private static func times(of due: Due, _ now: PostgresTimestamp) -> [PostgresTimestamp] {
        let limit = if case .all(let limit) = due.missed { limit } else { 1 }
        let past = due.rhythm.past(from: due.nextAt, through: now, limit: limit)
        return due.missed == .skip ? past.filter { now - $0 <= grace } : past
    }

    private static func next(of due: Due, _ now: PostgresTimestamp) -> PostgresTimestamp {
        guard case .every(let interval) = due.rhythm else { return due.rhythm.next(after: now) }
        let last = due.rhythm.past(from: due.nextAt, through: now, limit: 1)[0]
        return last + interval
    }

    private static func job(of due: Due, at instant: PostgresTimestamp) throws -> NewJob {
        var job = due.job
        if due.overlaps {
            job.key = "schedule:\(due.name):\(instant)"
        } else {
            job.key = "schedule:\(due.name)"
            job.unique = Uniqueness(by: .key, while: .unfinished)
        }
        if let field = due.instantField {
            let object = try JSONSerialization.jsonObject(
                with: Data(job.input.bytes),
                options: .fragmentsAllowed
            )
            guard var object = object as? [String: Any] else {
                throw JobsError(
                    code: .invalidSchedule,
                    message:
                        "schedule \(due.name): its input is no object that field \(field) could be set in"
                )
            }
            object[field] = instant.description
            job.input = JSONB(bytes: Array(try JSONSerialization.data(withJSONObject: object)))
        }
        return job
    }
}

extension RecurrenceFiring.Due {
    init(row: Row) throws {
        name = try row[0]
        var job = NewJob(name: try row[1], queue: try row[3], input: try row[4])
        job.isRun = try row[2]
        job.codeVersion = (try row[14] as Int32?).map(Int.init)
        job.timeout = (try row[15] as Double?).map { .seconds($0) }
        self.job = job
        if let cron: String = try row[6] {
            rhythm = .cron(try CronExpression(cron, timeZone: try row[7]))
        } else {
            let seconds: Double? = try row[5]
            rhythm = .every(.seconds(seconds ?? 60))
        }
        let limit: Int32 = try row[9]
        missed =
            switch try row[8] as String {
            case "skip": .skip
            case "all": .all(limit: Int(limit))
            default: .once
            }
        overlaps = try row[10]
        instantField = try row[11]
        nextAt = try row[12]
    }
}
