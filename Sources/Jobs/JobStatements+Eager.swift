package import Postgres
internal import Reactor
internal import Telemetry

// Runs whose first go is driven by whoever starts them, in the transaction that makes them.
extension JobStatements {
    /// A run that is driven before it has a row.
    package struct EagerStart: Sendable {
        package let id: JobID
        package let job: NewJob
        /// How its first go ended, if it parks.
        package var park: JobOutcome?

        package init(id: JobID, job: NewJob, park: JobOutcome? = nil) {
            self.id = id
            self.job = job
            self.park = park
        }
    }

    /// Numbers for runs, when they are made, and what time it is.
    package static func number(_ count: Int) -> Query {
        Query(
            "jobs_number",
            "SELECT nextval('job_ids'), now(), (SELECT usher_now()) FROM generate_series(1, \(Int64(count)))"
        )
    }

    /// Inserts runs that are driven in the same transaction: those that park as they are parked, so that their rows are
    /// written once, and the others as running.
    package static func enqueueRunning(_ starts: [EagerStart]) -> Query {
        let jobs = starts.map(\.job)
        let parks = starts.map { start -> (events: [String], until: PostgresTimestamp?)? in
            guard case .waiting(let events, let until) = start.park?.next else { return nil }
            return (events, until)
        }
        return Query(
            "jobs_enqueue_running",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    \(starts.map(\.id.rawValue)), \(jobs.map(\.name)), \(jobs.map(\.queue)), \(jobs.map(\.priority)),
                    \(jobs.map(\.input)), \(jobs.map { $0.codeVersion.map(Int32.init(clamping:)) }),
                    \(jobs.map { $0.timeout?.seconds }), \(jobs.map { $0.trace?.description }),
                    \(parks.map { $0?.events.joined(separator: FinishRow.separator) }), \(parks.map { $0?.until }),
                    \(starts.map { $0.park?.cleansUp ?? false }), \(starts.map { $0.park?.transition?.function }),
                    \(starts.map { $0.park?.transition?.argument })
                ) AS g (
                    id, name, queue, priority, input, code_version, allowed, trace, waiting_for, wake_at, cleans_up,
                    transition, transition_input
                )
            ), made AS (
                INSERT INTO jobs (
                    id, name, home_queue, queue, priority, is_run, state, rank, epoch, input, code_version, run_until,
                    trace, waiting_for, wake_at, cleans_up, transition, transition_input
                )
                SELECT g.id, g.name, g.queue, g.queue, g.priority, true,
                    CASE WHEN g.waiting_for IS NULL THEN 'running' ELSE 'waiting' END::job_state,
                    rank_of(g.priority, q.ageing_ms, (SELECT usher_now())), 1, g.input, g.code_version,
                    (SELECT usher_now()) + make_interval(secs => g.allowed), g.trace,
                    string_to_array(g.waiting_for, \(FinishRow.separator)), g.wake_at, g.cleans_up, g.transition,
                    g.transition_input
                FROM given g LEFT JOIN queues q ON q.name = g.queue
            ), timed AS (
                INSERT INTO timers (wake_at, job_id)
                SELECT wake_at, id FROM given WHERE wake_at IS NOT NULL AND transition IS NULL
            ), expiring AS (
                INSERT INTO transition_timers (function, wake_at, job_id)
                SELECT transition, wake_at, id FROM given WHERE transition IS NOT NULL
            )
            SELECT count(*) FROM given
            """
        )
    }
}
