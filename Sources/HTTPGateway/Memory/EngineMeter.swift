internal import Foundation
internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry

/// Says how queues, workers and the server are, for whoever watches the metrics: the figures that scaling and alerts go by.
///
/// Every gateway has the same ones, so a rule takes the greatest of them.
final class EngineMeter: DatabaseMeter {
    static let pause = Duration.seconds(10)
    static let failure = "could not see how the engine is"

    private let postgres: PostgresClient
    private let metrics: MetricsRegistry
    let logger: Logger
    /// What had a figure once: one that is gone is 0 from then on, and not what it was.
    private let seen = Lock(Set<Series>())

    private struct Series: Hashable {
        let name: String
        let help: String
        let label: String
        let value: String
    }

    init(postgres: PostgresClient, metrics: MetricsRegistry, logger: Logger) {
        self.postgres = postgres
        self.metrics = metrics
        self.logger = logger
    }

    /// Looks once.
    ///
    /// - Throws: `PostgresError`.
    func refresh() async throws {
        var gone = seen.withLock { $0 }
        func tell(_ name: String, _ help: String, _ label: String, _ value: String, _ number: Double) {
            let series = Series(name: name, help: help, label: label, value: value)
            gone.remove(series)
            _ = seen.withLock { $0.insert(series) }
            metrics.gauge(name, help: help, labels: [label: value]).set(number)
        }
        for queue in try await rows(EngineView.queues(), as: EngineView.QueueRow.self) {
            func tellOf(_ what: String, _ help: String, _ number: Double) {
                tell("usher_queue_\(what)", help, "queue", queue.name, number)
            }
            tellOf(
                "ready_jobs",
                "Jobs and runs that can be claimed, by the server's statistics.",
                Double(queue.ready)
            )
            tellOf("held_jobs", "Jobs and runs that workers hold.", Double(queue.held))
            tellOf("blocked_jobs", "Jobs that wait for their key to have room.", Double(queue.blocked))
            tellOf(
                "oldest_ready_seconds",
                "How old the first job is that can be claimed.",
                queue.oldest_seconds ?? 0
            )
            tellOf(
                "dead_letters",
                "Jobs and runs that failed for good and are kept.",
                Double(queue.dead_letters)
            )
            tellOf("paused", "1 while nothing is claimed from the queue.", queue.paused ? 1 : 0)
            tellOf(
                "ended_last_minute",
                "Jobs and runs that ended within a minute.",
                Double(queue.done_last_minute)
            )
            tellOf(
                "failed_last_minute",
                "Jobs and runs that failed for good within a minute.",
                Double(queue.failed_last_minute)
            )
        }
        var pools: [String: (workers: Double, running: Double, capacity: Double, silent: Double)] = [:]
        for worker in try await rows(EngineView.workers(), as: EngineView.WorkerRow.self) {
            var pool = pools[worker.pool] ?? (0, 0, 0, 0)
            pool.workers += 1
            pool.running += Double(worker.running)
            pool.capacity += Double(worker.capacity)
            pool.silent = max(pool.silent, worker.silent_seconds)
            pools[worker.pool] = pool
        }
        for (name, pool) in pools {
            tell("usher_pool_workers", "Worker processes on the list.", "pool", name, pool.workers)
            tell("usher_pool_running_jobs", "Jobs and runs that they hold.", "pool", name, pool.running)
            tell("usher_pool_capacity_jobs", "Jobs and runs that they may hold.", "pool", name, pool.capacity)
            tell(
                "usher_pool_silent_seconds",
                "Since the quietest worker said anything.",
                "pool",
                name,
                pool.silent
            )
        }
        let wanted = try await postgres.query(Query("meter.pools", "SELECT name, wanted::float8 FROM pools"))
        for row in wanted {
            tell(
                "usher_pool_wanted_workers",
                "Worker processes that operators want.",
                "pool",
                try row[0],
                try row[1]
            )
        }
        let snapshot = try await rows(ServerView.snapshots(), as: Snapshot.self).compactMap(\.seconds).max()
        metrics.gauge(
            "usher_oldest_snapshot_seconds",
            help: "How long the oldest transaction runs: what died since can't be cleaned away."
        ).set(snapshot ?? 0)
        for retainer in try await rows(ServerView.retainers(), as: Retainer.self)
        where retainer.kind == "slot" {
            tell(
                "usher_replication_slot_retained_bytes",
                "Bytes of its log that the server keeps because of a replication slot.",
                "slot",
                retainer.name,
                retainer.bytes ?? 0
            )
        }
        for replica in try await rows(ServerView.replicas(), as: Replica.self) {
            tell(
                "usher_replica_behind_bytes",
                "How far a replica is behind.",
                "replica",
                replica.name,
                replica.bytes_behind ?? 0
            )
        }
        for series in gone {
            metrics.gauge(series.name, help: series.help, labels: [series.label: series.value]).set(0)
        }
    }

    // MARK: What the views say

    private struct Snapshot: Decodable {
        let seconds: Double?
    }

    private struct Retainer: Decodable {
        let kind: String
        let name: String
        let bytes: Double?
    }

    private struct Replica: Decodable {
        let name: String
        let bytes_behind: Double?
    }

    private func rows<View: Decodable>(_ query: Query, as view: View.Type) async throws -> [View] {
        let decoder = JSONDecoder()
        return try await postgres.query(query).map { row in
            try decoder.decode(view, from: Data((try row[0] as JSONB).bytes))
        }
    }
}
