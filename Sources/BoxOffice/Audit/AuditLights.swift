internal import Jobs
package import Postgres
internal import Reactor

/// The promises as lights: what the last look at each found, and when that was.
///
/// Looking costs the database something, so a look is made at most once a minute for each promise, whoever asks and however
/// many gateways there are; it takes one connection and a bounded time.
package struct AuditLights: Sendable {
    /// One promise's check.
    package struct Light: Sendable, Equatable {
        package let promise: Int
        package let name: String
        /// When the last look ended; nil when there was none yet.
        package var lookedAt: PostgresTimestamp?
        package var took: Duration?
        /// What broke it; nil when the last look came to no end.
        package var offenders: [String]?
        /// Why it came to none.
        package var problem: String?
    }

    private let postgres: PostgresClient
    private let interval: Duration
    private let limit: Duration
    private let entries: Int64

    /// - Parameters:
    ///   - postgres: where the tables are.
    ///   - interval: how often a promise is looked at, at the most.
    ///   - limit: how long a statement may take.
    ///   - entries: how many entries all draws may have to be computed again here.
    package init(
        postgres: PostgresClient,
        interval: Duration = .seconds(60),
        limit: Duration = .seconds(20),
        entries: Int64 = 200_000
    ) {
        self.postgres = postgres
        self.interval = interval
        self.limit = limit
        self.entries = entries
    }

    /// All lights as they are, by promise.
    ///
    /// - Throws: `PostgresError`.
    package func read() async throws -> [Light] {
        let rows = try await postgres.query(
            Query("lights.read", "SELECT name, looked_at, took_ms, offenders, problem FROM audit_lights")
        )
        var known: [String: Row] = [:]
        for row in rows { known[try row[0]] = row }
        return try PromiseChecks.names.map { promise, name in
            var light = Light(promise: promise, name: name)
            if let row = known[name] {
                light.lookedAt = try row[1]
                light.took = (try row[2] as Int64?).map { .milliseconds($0) }
                light.offenders = try row[3]
                light.problem = try row[4]
            }
            return light
        }
    }

    /// Looks at each promise whose last look began long enough ago, one after another.
    ///
    /// - Throws: `PostgresError` when the server can't be asked; a check that fails is noted.
    package func look() async throws {
        for check in PromiseChecks.statements {
            try await look(check.name) {
                try await postgres.withTransaction(.init(readOnly: true, statementTimeout: limit)) { tx in
                    try await check.offenders(in: tx)
                }
            }
        }
        try await look(PromiseChecks.draws.name) {
            let drawn: Int64 = try await postgres.query(
                Query(
                    "lights.entries",
                    "SELECT coalesce(sum(entries), 0)::bigint FROM on_sales WHERE drawn_at IS NOT NULL"
                )
            )[0][0]
            guard drawn <= entries else { throw TooMuch(entries: drawn) }
            return try await DrawAudit.offenders(in: postgres)
        }
    }

    private struct TooMuch: Error { let entries: Int64 }

    private func look(_ name: String, _ find: () async throws -> [String]) async throws {
        try Task.checkCancellation()
        let isMine = try await postgres.execute(
            Query(
                "lights.begin",
                """
                INSERT INTO audit_lights AS l (name, began_at) VALUES (\(name), clock_timestamp())
                ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at
                    WHERE l.began_at <= excluded.began_at - make_interval(secs => \(interval.seconds))
                """
            )
        )
        guard isMine == 1 else { return }
        let clock = ContinuousClock()
        let began = clock.now
        var offenders: [String]?
        var problem: String?
        do {
            offenders = try await find()
        } catch let error as PostgresError where error.code == .server {
            problem =
                error.sqlState == .queryCanceled
                ? "the check takes longer than \(Int(limit.seconds)) s; usher audit takes its time"
                : error.message
        } catch let error as TooMuch {
            problem = "the draws have \(error.entries) entries, too many to compute here; usher audit does"
        }
        let took = Int64((clock.now - began).seconds * 1000)
        try await postgres.execute(
            Query(
                "lights.end",
                """
                UPDATE audit_lights SET looked_at = clock_timestamp(), took_ms = \(took), offenders = \(offenders),
                    problem = \(problem)
                WHERE name = \(name)
                """
            )
        )
    }
}
