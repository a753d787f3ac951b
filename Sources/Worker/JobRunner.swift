import Jobs
import Postgres
import Reactor
import Telemetry
import Workflows

/// Runs plain jobs side by side and writes how they ended, many in one commit.
final class JobRunner: Sendable {
    private let postgres: PostgresClient
    private let registry: WorkflowRegistry
    private let logger: Logger
    private let settled: @Sendable (ClaimedJob) -> Void
    private let work: AsyncStream<ClaimedJob>
    private let feed: AsyncStream<ClaimedJob>.Continuation
    private let ends: AsyncStream<Void>
    private let ended: AsyncStream<Void>.Continuation
    private let buffer = Lock<[(job: ClaimedJob, error: (any Error)?)]>([])

    init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        logger: Logger,
        settled: @escaping @Sendable (ClaimedJob) -> Void
    ) {
        self.postgres = postgres
        self.registry = registry
        self.logger = logger
        self.settled = settled
        (work, feed) = AsyncStream.makeStream()
        // One pending signal is enough: whoever takes it takes the whole buffer.
        (ends, ended) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func submit(_ jobs: [ClaimedJob]) {
        for job in jobs { feed.yield(job) }
    }

    func close() {
        feed.finish()
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                await withDiscardingTaskGroup { group in
                    for await job in work { group.addTask { [self] in await perform(job) } }
                }
                ended.finish()
            }
            for await _ in ends { await flush() }
            await flush()
        }
    }

    private func perform(_ job: ClaimedJob) async {
        var failure: (any Error)?
        do {
            guard let code = registry.jobs[job.name] else {
                throw JobsError(code: .unknownJob, message: "no job \(job.name) is registered in this worker")
            }
            try await code.perform(JobContext(id: job.id, attempt: Int(job.failures) + 1), job.input)
        } catch {
            failure = error
        }
        buffer.withLock { $0.append((job, failure)) }
        ended.yield()
    }

    private func flush() async {
        let ends = buffer.withLock { buffer in
            defer { buffer.removeAll() }
            return buffer
        }
        guard !ends.isEmpty else { return }
        var delay = Duration.milliseconds(20)
        while true {
            do {
                try await postgres.withTransaction { tx in try await self.write(ends, in: &tx) }
                break
            } catch {
                // The claims hold as long as the heartbeat does; an unknown commit is found out by the fence.
                logger.warning(
                    "ends of jobs could not be written yet",
                    ["jobs": ends.count, "error": "\(error)"]
                )
                if Task.isCancelled { return }
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(2))
            }
        }
        for end in ends { settled(end.job) }
    }

    private func write(
        _ ends: [(job: ClaimedJob, error: (any Error)?)],
        in tx: inout Transaction
    ) async throws {
        var fence: [JobID: (epoch: Int32, running: Bool)] = [:]
        var now = PostgresTimestamp(microseconds: 0)
        let parents = ends.compactMap { $0.job.parent?.id }
        for row in try await tx.query(JobStatements.lock(Array(Set(ends.map(\.job.id) + parents)).sorted())) {
            let state: String = try row[2]
            fence[JobID(rawValue: try row[0])] = (try row[1], state == JobState.running.rawValue)
            now = try row[4]
        }
        var outcomes: [JobOutcome] = []
        for (job, error) in ends {
            guard let known = fence[job.id], known.running, known.epoch == job.epoch else { continue }
            guard let error else {
                outcomes.append(JobOutcome(id: job.id, next: .done(output: JSONB(text: "null"))))
                continue
            }
            let message = String("\(error)".prefix(4000))
            let retry = registry.jobs[job.name]?.retry ?? .default
            let failures = job.failures == .max ? .max : job.failures + 1
            if !(error is DoNotRetry), let delay = retry.delay(afterFailures: Int(failures)) {
                let at = now + delay
                outcomes.append(
                    JobOutcome(id: job.id, next: .retry(at: at, failures: failures, error: message))
                )
            } else {
                outcomes.append(JobOutcome(id: job.id, next: .failed(error: message)))
            }
        }
        if !outcomes.isEmpty { _ = try await tx.query(JobStatements.finish(outcomes)) }
    }
}
