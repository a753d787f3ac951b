import BoxOffice
import Jobs
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import HTTPGateway

/// Reading from a real streaming replica, while it is fresh.
@Suite(.timeLimit(.minutes(5)))
struct SharedReadTests {
    private func client(_ cluster: TestCluster, schema: String = "public") throws -> PostgresClient {
        var configuration = try PostgresConfiguration(
            url: "postgresql://usher@127.0.0.1:\(cluster.port)/postgres"
        )
        configuration.schema = schema
        return PostgresClient(configuration, loops: try TestLoops.shared.get(), pool: .init(maximum: 3))
    }

    private func withPair(
        bound: Duration,
        _ body: (SharedReads, _ primary: PostgresClient, _ replica: PostgresClient, TestCluster) async throws
            -> Void
    ) async throws {
        try await TestCluster.with { cluster in
            try await cluster.withStandby { standby in
                let (primary, replica) = (try client(cluster), try client(standby))
                let reads = SharedReads(
                    primary: primary,
                    replica: replica,
                    bound: bound,
                    metrics: MetricsRegistry(),
                    logger: Logger(label: "test", level: .error)
                )
                let running = Task { await reads.run() }
                let outcome: Result<Void, any Error>
                do {
                    outcome = .success(try await body(reads, primary, replica, standby))
                } catch {
                    outcome = .failure(error)
                }
                running.cancel()
                await running.value
                await primary.shutdown()
                await replica.shutdown()
                try outcome.get()
            }
        }
    }

    /// Reads once, and tells whether the replica answered.
    private func isAnsweredByReplica(_ reads: SharedReads) async throws -> Bool {
        try await reads.read { client in
            try await client.query(Query("test.where", "SELECT pg_is_in_recovery()"))[0][0] as Bool
        }.value
    }

    private func until(_ reads: SharedReads, replica wanted: Bool) async throws {
        while try await isAnsweredByReplica(reads) != wanted { await Task.yield() }
    }

    @Test func `A replica is read while it is fresh, and the primary while it is not or is gone`()
        async throws
    {
        try await withPair(bound: .seconds(2)) { reads, primary, replica, standby in
            var isReplica = try await isAnsweredByReplica(reads)
            #expect(!isReplica)
            try await until(reads, replica: true)
            let staleness = try #require(reads.staleness)
            #expect(staleness >= .zero)

            // What it hasn't replayed, it doesn't know, however well it answers.
            try await replica.execute(Query("test.pause", "SELECT pg_wal_replay_pause()"))
            try await primary.execute(Query("test.write", "CREATE TABLE later AS SELECT 7 AS answer"))
            try await until(reads, replica: false)
            #expect(try #require(reads.staleness) > .seconds(2))
            try await replica.execute(Query("test.resume", "SELECT pg_wal_replay_resume()"))
            try await until(reads, replica: true)
            let dated = try await reads.read { client in
                try await client.query(Query("test.read", "SELECT answer FROM later"))[0][0] as Int32
            }
            #expect(dated.value == 7)

            // A replica that is gone costs its readers nothing but the time to notice.
            try await standby.stop()
            isReplica = try await isAnsweredByReplica(reads)
            #expect(!isReplica)
            try await standby.start()
            try await until(reads, replica: true)

            // One that was promoted is no replica any more.
            try await standby.promote()
            try await until(reads, replica: false)
            while reads.staleness != nil { await Task.yield() }
        }
    }

    @Test func `A read that the replica can't serve is served by the primary`() async throws {
        try await withPair(bound: .seconds(60)) { reads, _, _, _ in
            try await until(reads, replica: true)
            // Nothing can be written there.
            let made = try await reads.read { client in
                try await client.execute(Query("test.make", "CREATE TABLE made AS SELECT 1 AS one"))
                return true
            }
            #expect(made.value && made.staleness == .zero)
        }
    }

    @Test func `Without a replica the primary is read`() async throws {
        try await withDatabase { database in
            let reads = SharedReads(
                primary: database.client,
                replica: nil,
                bound: .seconds(1),
                metrics: MetricsRegistry(),
                logger: Logger(label: "test")
            )
            await reads.run()
            #expect(reads.staleness == nil)
            let isReplica = try await isAnsweredByReplica(reads)
            #expect(!isReplica)
        }
    }

    @Test func `On-sales are told as old as the replica may make them`() async throws {
        try await withDatabase { database in
            let reads = SharedReads(
                primary: database.client,
                replica: nil,
                bound: .seconds(1),
                metrics: MetricsRegistry(),
                logger: Logger(label: "test")
            )
            let board = OnSaleBoard(reads: reads, orders: DrawOrders(), logger: Logger(label: "test"))
            let asked = MonotonicTime.now
            try await board.take([], askedAt: asked, staleness: .seconds(3))
            #expect(try #require(board.age) >= .seconds(3))
            try await board.take([], askedAt: asked)
            #expect(try #require(board.age) < .seconds(3_000))
        }
    }
}
