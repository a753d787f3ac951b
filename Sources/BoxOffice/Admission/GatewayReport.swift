package import Postgres
internal import Reactor

/// What one gateway measured in its last few seconds; the admission tick goes by all of them.
package struct GatewayReport: Sendable, Equatable {
    /// Requests to hold tickets that were answered.
    package var holds: Int
    /// Nineteen of twenty of them took at most so long.
    package var holdP95: Duration
    /// Answers of every kind.
    package var answers: Int
    /// Those with a status of 500 or more.
    package var failures: Int
    /// How long the gateway waited for its database.
    package var poolWait: Duration

    package init(holds: Int, holdP95: Duration, answers: Int, failures: Int, poolWait: Duration) {
        self.holds = holds
        self.holdP95 = holdP95
        self.answers = answers
        self.failures = failures
        self.poolWait = poolWait
    }

    /// A report that is older than this says nothing any more.
    static let validFor = Duration.seconds(15)

    /// Fewer holds or answers than this in a report are no measure of how it goes.
    static let least = 20

    /// Takes the place of what the gateway reported before.
    ///
    /// - Parameters:
    ///   - gateway: Who reports; unique to a process.
    ///   - database: Where.
    /// - Throws: `PostgresError`.
    package func write(
        from gateway: String,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws {
        try await database.execute(
            Query(
                "gateway.report",
                """
                INSERT INTO gateway_reports (gateway, reported_at, holds, hold_p95_ms, answers, failures, pool_wait_ms)
                VALUES (\(gateway), usher_now(), \(holds), \(Self.milliseconds(holdP95)), \(answers), \(failures),
                    \(Self.milliseconds(poolWait)))
                ON CONFLICT (gateway) DO UPDATE SET reported_at = excluded.reported_at, holds = excluded.holds,
                    hold_p95_ms = excluded.hold_p95_ms, answers = excluded.answers, failures = excluded.failures,
                    pool_wait_ms = excluded.pool_wait_ms
                """
            )
        )
    }

    /// What the gateways report now: the slowest of them counts for time, and all together for failures.
    ///
    /// Reads a row for each gateway of the last hour.
    static func signals(
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [AdmissionPressure.Signal: Double] {
        let seconds = validFor.seconds
        let row = try await database.first(
            Query(
                "gateway.signals",
                """
                SELECT max(hold_p95_ms) FILTER (WHERE holds >= \(least)), max(pool_wait_ms),
                    coalesce(sum(answers), 0)::bigint, coalesce(sum(failures), 0)::bigint
                FROM gateway_reports WHERE reported_at > usher_now() - make_interval(secs => \(seconds))
                """
            )
        )
        guard let row else { return [:] }
        var signals: [AdmissionPressure.Signal: Double] = [:]
        if let milliseconds: Int = try row[0] { signals[.holdLatency] = Double(milliseconds) / 1000 }
        if let milliseconds: Int = try row[1] { signals[.poolWait] = Double(milliseconds) / 1000 }
        let answers: Int = try row[2]
        let failures: Int = try row[3]
        if answers >= least { signals[.errors] = Double(failures) / Double(answers) }
        return signals
    }

    private static func milliseconds(_ duration: Duration) -> Int { Int(duration.milliseconds.rounded()) }
}
