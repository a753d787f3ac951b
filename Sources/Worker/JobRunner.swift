import Jobs
import Postgres
import Reactor
import Telemetry
import Workflows

/// Runs plain jobs side by side and writes how they ended, many in one commit.
///
/// A batch of which every job ended well is closed by its number alone. The others are settled job by job, and wait
/// a few milliseconds for company before they are.
final class JobRunner: Sendable {
    private struct State {
        /// What has ended and is not written yet, by batch.
        var ended: [Int64: [(job: ClaimedJob, end: JobEnd.Next)]] = [:]
        /// Jobs of each batch whose end is not written yet.
        var open: [Int64: Int] = [:]
        /// Batches of which all has ended.
        var complete: [Int64] = []
        var isLingering = false
        var hasLingered = false
    }

    /// How long an end waits for those of its batch.
    private static let linger = Duration.milliseconds(4)

    private let postgres: PostgresClient
    private let registry: WorkflowRegistry
    private let logger: Logger
    private let settled: @Sendable ([ClaimedJob]) -> Void
    private let work: AsyncStream<[ClaimedJob]>
    private let feed: AsyncStream<[ClaimedJob]>.Continuation
    private let ends: AsyncStream<Void>
    private let ended: AsyncStream<Void>.Continuation
    private let state = Lock(State())

    init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        logger: Logger,
        settled: @escaping @Sendable ([ClaimedJob]) -> Void
    ) {
        self.postgres = postgres
        self.registry = registry
        self.logger = logger
        self.settled = settled
        (work, feed) = AsyncStream.makeStream()
        // One pending signal is enough: whoever takes it takes everything.
        (ends, ended) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes claimed jobs, whole batches of them.
    func submit(_ jobs: [ClaimedJob]) {
        guard !jobs.isEmpty else { return }
        state.withLock { state in for job in jobs { state.open[job.batch, default: 0] += 1 } }
        feed.yield(jobs)
    }

    func close() {
        feed.finish()
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                await withDiscardingTaskGroup { group in
                    for await jobs in work {
                        for job in jobs { group.addTask { [self] in note(job, await perform(job)) } }
                    }
                }
                state.withLock { $0.hasLingered = true }
                ended.finish()
            }
            for await _ in ends { await write() }
            await write()
        }
    }

    // MARK: Running

    private func perform(_ job: ClaimedJob) async -> JobEnd.Next {
        let failures = job.failures == .max ? .max : job.failures + 1
        do {
            guard let code = registry.jobs[job.name] else {
                throw JobsError(code: .unknownJob, message: "no job \(job.name) is registered in this worker")
            }
            try await code.perform(JobContext(id: job.id, attempt: Int(failures)), job.input)
            return .done(output: nil)
        } catch {
            let message = String("\(error)".prefix(4000))
            let retry = registry.jobs[job.name]?.retry ?? .default
            guard !(error is DoNotRetry), let delay = retry.delay(afterFailures: Int(failures)) else {
                return .failed(failures: failures, error: message)
            }
            return .retry(after: delay, failures: failures, error: message)
        }
    }

    /// Keeps an end to be written.
    private func note(_ job: ClaimedJob, _ end: JobEnd.Next) {
        let (mustWrite, mustLinger) = state.withLock { state in
            state.ended[job.batch, default: []].append((job, end))
            guard state.ended[job.batch]?.count == state.open[job.batch] else {
                defer { state.isLingering = true }
                return (false, !state.isLingering)
            }
            state.complete.append(job.batch)
            return (true, false)
        }
        if mustWrite { ended.yield() }
        if mustLinger {
            Task { [self] in
                try? await Task.sleep(for: Self.linger)
                state.withLock { state in
                    state.isLingering = false
                    state.hasLingered = true
                }
                ended.yield()
            }
        }
    }

    // MARK: Writing

    private func write() async {
        let (whole, parts) = state.withLock {
            state -> ([[ClaimedJob]], [(job: ClaimedJob, end: JobEnd.Next)]) in
            var whole: [[ClaimedJob]] = []
            var parts: [(job: ClaimedJob, end: JobEnd.Next)] = []
            let taken = state.hasLingered ? Array(state.ended.keys) : state.complete
            state.hasLingered = false
            state.complete.removeAll()
            for batch in taken {
                guard let ends = state.ended.removeValue(forKey: batch) else { continue }
                let left = state.open[batch, default: ends.count] - ends.count
                state.open[batch] = left == 0 ? nil : left
                if left == 0, ends.allSatisfy({ Self.leavesNothing($0.end) && !$0.job.owesMore }) {
                    whole.append(ends.map(\.job))
                } else {
                    parts += ends
                }
            }
            return (whole, parts)
        }
        guard !whole.isEmpty || !parts.isEmpty else { return }
        var statements: [Query] = []
        if !whole.isEmpty {
            statements.append(JobStatements.close(batches: whole.compactMap(\.first?.batch)))
        }
        if !parts.isEmpty {
            statements.append(
                JobStatements.settle(
                    parts.map { JobEnd($0.job, $0.end) }
                )
            )
        }
        let jobs = whole.flatMap { $0 } + parts.map(\.job)
        var delay = Duration.milliseconds(20)
        while true {
            do {
                let answers = try await postgres.pipeline(statements)
                let lost = whole.count + parts.count - answers.reduce(0) { $0 + $1.count }
                if lost > 0 { logger.warning("ends came after the claim was taken away", ["ends": lost]) }
                break
            } catch {
                // The claims hold as long as the heartbeat does; after an unknown commit the fence tells.
                logger.warning("ends could not be written yet", ["jobs": jobs.count, "error": "\(error)"])
                if Task.isCancelled { return }
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(2))
            }
        }
        settled(jobs)
    }

    /// Whether an end is told by the closure alone.
    private static func leavesNothing(_ end: JobEnd.Next) -> Bool {
        if case .done(output: nil) = end { true } else { false }
    }
}
