internal import BoxOffice
internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry
internal import Workflows

/// A rehearsal that was ordered at the promoter's desk.
///
/// It is played in a schema that has the job's number in its name, so whoever plays it again after a crash begins by dropping what
/// was left, and so does whoever plays the next.
struct RehearsalJob: Job {
    typealias Input = RehearsalOrder
    static let name = RehearsalOrder.name
    static let queue = RehearsalOrder.queue
    static let retry = RetryPolicy.fixed(.seconds(1), max: 3)
    static let timeout: Duration? = RehearsalOrder.longest
    /// Long enough to drop a schema of some hundred tables.
    static let grace = Duration.seconds(30)

    /// The real sales' schema.
    let postgres: PostgresClient
    let logger: Logger

    func perform(_ context: JobContext, _ order: RehearsalOrder) async throws -> RehearsalResult {
        let plan: RehearsalPlan
        do { plan = try RehearsalPlan(json: Array(order.plan.utf8), draw: order.draw) } catch {
            throw JobVerdict.discard("the plan is refused: \(OneLine.joined(error.description))")
        }
        try await dropLeftovers()
        let name = Self.schema(of: context.id, beside: postgres.configuration.schema)
        var configuration = postgres.configuration
        configuration.schema = name
        configuration.prefersIndexes = true
        let connections = PostgresClient(configuration, loops: postgres.loops, pool: PoolLimits(maximum: 4))
        let begun = MonotonicTime.now
        do {
            let report = try await RehearsalSchema.with(connections, name: name) { schema in
                let house = try await RehearsalHouse(schema.postgres, logger: logger)
                return try await house.engine.run {
                    try await RehearsalReport.playing(
                        plan,
                        order.crowd,
                        house,
                        in: schema,
                        pace: .milliseconds(500)
                    ) { line in
                        context.progress(0, line)
                    }
                }
            }
            await connections.shutdown()
            return RehearsalResult(report: report.json)
        } catch {
            await connections.shutdown()
            // Another go would take as long.
            guard MonotonicTime.now - begun < RehearsalOrder.longest else {
                throw JobVerdict.discard(
                    "it took longer than \(Int(RehearsalOrder.longest.seconds / 60)) minutes; let fewer buyers come, or "
                        + "play it with usher rehearse"
                )
            }
            throw error
        }
    }

    // MARK: Schemas

    private static func prefix(beside schema: String?) -> String {
        // Identifiers have 63 bytes, and a number has up to 19.
        String(decoding: (schema ?? "public").utf8.prefix(30), as: UTF8.self) + "_rehearsal_"
    }

    /// The schema in which a job plays.
    static func schema(of job: JobID, beside schema: String?) -> String { prefix(beside: schema) + "\(job)" }

    /// Drops schemas of jobs that don't run: their workers were killed.
    private func dropLeftovers() async throws {
        let prefix = Self.prefix(beside: postgres.configuration.schema)
        let left = try await postgres.query(
            Query(
                "rehearsal.leftovers",
                """
                SELECT nspname::text, substr(nspname, length(\(prefix)) + 1)::int8 FROM pg_namespace
                WHERE starts_with(nspname, \(prefix)) AND substr(nspname, length(\(prefix)) + 1) ~ '^[0-9]{1,18}$'
                """
            )
        )
        let store = JobStore(postgres: postgres)
        for row in left {
            let name: String = try row[0]
            guard try await store.job(JobID(rawValue: try row[1]))?.state != .running else { continue }
            try await RehearsalSchema(name: name, postgres: postgres).drop()
            logger.info("dropped what was left of a rehearsal", ["schema": name])
        }
    }
}
