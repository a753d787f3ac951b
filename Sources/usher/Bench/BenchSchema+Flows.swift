internal import Jobs
internal import Postgres
internal import Reactor
internal import Workflows

// What `usher bench workflow` does to the runs of a schema.
extension BenchSchema {
    /// Enqueues so many, a thousand in a call.
    ///
    /// - Returns: their numbers, in order.
    @discardableResult
    func preload(_ count: Int, _ make: @Sendable (Int) throws -> NewJob) async throws -> [JobID] {
        var ids: [JobID] = []
        for start in stride(from: 0, to: count, by: 1000) {
            ids += try await store.enqueue((start..<min(start + 1000, count)).map(make))
        }
        return ids
    }

    /// Sends each of these runs an event, some hundreds in a transaction.
    func send(_ event: String, to ids: [JobID]) async throws {
        for start in stride(from: 0, to: ids.count, by: 500) {
            let part = Array(ids[start..<min(start + 500, ids.count)])
            try await postgres.withTransaction { tx in
                _ = try await tx.query(JobStatements.lock(part))
                _ = try await tx.query(
                    JobStatements.deliver(part.map { (to: $0, name: event, payload: JSONB(text: "1")) })
                )
            }
            store.wake([BenchFlows.queue])
        }
    }

    /// The schema's time.
    func now() async throws -> PostgresTimestamp {
        try await postgres.query(Query("bench_now", "SELECT usher_now()"))[0][0]
    }

    /// Moves the schema's clock on.
    func moveClock(by duration: Duration) async throws {
        try await postgres.execute(
            Query(
                "bench_clock",
                "UPDATE clock SET shift = shift + make_interval(secs => \(duration.seconds))"
            )
        )
    }

    /// Makes a function that lets go of holds: one row of stock, and a row for each call.
    func makeRelease(_ function: String) async throws {
        try await postgres.simple(
            """
            CREATE TABLE bench_stock (free bigint NOT NULL);
            INSERT INTO bench_stock VALUES (0);
            CREATE FUNCTION \(function)(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
            LANGUAGE sql AS $$
                UPDATE bench_stock SET free = free + (SELECT sum((a->>'quantity')::int) FROM unnest(arguments) AS a);
                SELECT r, '0'::jsonb FROM unnest(runs) AS r
            $$
            """
        )
    }

    /// Waits until so many holds have been let go of by the function.
    func released(_ count: Int) async throws -> MonotonicTime {
        try await eventually {
            try await postgres.query(Query("bench_released", "SELECT free FROM bench_stock"))[0][0] as Int64
                >= Int64(count)
        }
    }

    /// Waits until these runs are done.
    func ended(_ ids: [JobID]) async throws -> MonotonicTime {
        try await eventually {
            let done: Int64 = try await postgres.query(
                Query(
                    "bench_ended",
                    "SELECT count(*) FROM jobs WHERE id = ANY(\(ids.map(\.rawValue))) AND state = 'done'"
                )
            )[0][0]
            return done == Int64(ids.count)
        }
    }

    private func eventually(_ holds: () async throws -> Bool) async throws -> MonotonicTime {
        let deadline = MonotonicTime.now + .seconds(300)
        while try await !holds() {
            guard MonotonicTime.now < deadline else { throw Failure("the bench's runs did not end in 300 s") }
            try await Task.sleep(for: .milliseconds(5))
        }
        return .now
    }
}
