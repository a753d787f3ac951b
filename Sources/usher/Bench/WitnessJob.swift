internal import Glibc
internal import Jobs
internal import Postgres

/// A job that leaves a row each time it is begun, so that a test can tell which were lost and which ran twice.
struct WitnessJob: Job {
    static let name = "bench.witness"
    static let queue = "bench"
    static let retry = RetryPolicy.fixed(.milliseconds(100), max: 1000)

    struct Input: Codable, Sendable {
        /// How long it takes after it has said that it begins.
        let milliseconds: Int
    }

    let postgres: PostgresClient

    func perform(_ context: JobContext, _ input: Input) async throws {
        try await postgres.execute(
            Query(
                "bench_witness",
                """
                INSERT INTO witness (job_id, attempt, process)
                VALUES (\(context.id.rawValue), \(Int32(context.attempt)), \(getpid()))
                """
            )
        )
        try await Task.sleep(for: .milliseconds(input.milliseconds))
    }
}
