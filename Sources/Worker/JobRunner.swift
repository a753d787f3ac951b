import Glibc
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
    typealias Slot = (batch: RunningBatch, index: Int)

    private struct State {
        var running: [Int64: RunningBatch] = [:]
        /// Batches of which something has ended that is not written yet.
        var waiting: [RunningBatch] = []
        /// Batches of which all that is left has ended.
        var complete: [RunningBatch] = []
        var isLingering = false
        var hasLingered = false
        /// The tasks that work on whole batches.
        var transactions: [Task<Void, Never>] = []
    }

    /// How long an end waits for those of its batch.
    private static let linger = Duration.milliseconds(4)
    /// How long a stopping worker waits for code that was cancelled.
    private static let lastGrace = Duration.seconds(5)
    /// Jobs that are started one after the other before another of the worker's tasks may have the thread.
    private static let handful = 16
    /// Tasks that start jobs; more than there are threads would only get in each other's way.
    private static let starters = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// Transactions of whole batches at a time; each needs a connection.
    private static let transactions = 2

    let postgres: PostgresClient
    let performer: JobPerformer
    let logger: Logger
    private let writer: EndWriter
    private let journal: JobJournal
    private let settled: @Sendable (_ batch: Int64, _ count: Int) -> Void
    private let work: AsyncStream<[Slot]>
    private let feed: AsyncStream<[Slot]>.Continuation
    private let wholes: AsyncStream<WholeBatch>
    private let wholeFeed: AsyncStream<WholeBatch>.Continuation
    private let ends: AsyncStream<Void>
    private let ended: AsyncStream<Void>.Continuation
    private let said: AsyncStream<Void>
    private let say: AsyncStream<Void>.Continuation
    private let state = Lock(State())

    init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        logger: Logger,
        tracer: Tracer?,
        settled: @escaping @Sendable (_ batch: Int64, _ count: Int) -> Void
    ) {
        self.postgres = postgres
        self.logger = logger
        self.settled = settled
        writer = EndWriter(postgres: postgres, logger: logger)
        (work, feed) = AsyncStream.makeStream()
        (wholes, wholeFeed) = AsyncStream.makeStream()
        // One pending signal is enough: whoever takes it takes everything.
        (ends, ended) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (said, say) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        journal = JobJournal { [say] in say.yield() }
        performer = JobPerformer(registry: registry, journal: journal, tracer: tracer)
    }

    /// Takes claimed batches of plain jobs, and starts their jobs by rank.
    func submit(_ claimed: [ClaimedBatch]) {
        guard !claimed.isEmpty else { return }
        let batches = claimed.map { RunningBatch($0.jobs, number: $0.number) }
        state.withLock { state in for batch in batches { state.running[batch.number] = batch } }
        var places = claimed.inOrder
        if performer.hasBatchCode { places = startTogether(places, of: batches) }
        var start = 0
        while start < places.count {
            let end = min(start + Self.handful, places.count)
            feed.yield(places[start..<end].map { (batches[$0.batch], $0.index) })
            start = end
        }
    }

    func close() {
        feed.finish()
    }

    func run() async {
        let transactions = (0..<Self.transactions).map { _ in
            Task { [self] in for await whole in wholes { await perform(whole) } }
        }
        state.withLock { $0.transactions = transactions }
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                await withDiscardingTaskGroup { starters in
                    for _ in 0..<Self.starters { starters.addTask { [self] in await start() } }
                }
                await endAll()
                state.withLock { $0.hasLingered = true }
                ended.finish()
            }
            group.addTask { [self] in
                for await _ in said {
                    try? await Task.sleep(for: .milliseconds(100))
                    await writeJournal()
                }
            }
            for await _ in ends { await write() }
            await write()
            say.finish()
        }
        // The worker's task may be cancelled by now, and what its last jobs said is still to be kept.
        await Task { [self] in await writeJournal() }.value
    }

    /// Starts jobs, each in a task of its own that begins right here: code that never waits costs no switch.
    private func start() async {
        for await slots in work {
            for (batch, index) in slots {
                batch.started(index, Task.immediate { [self] in await perform(batch, index) })
            }
            await Task.yield()
        }
    }

    /// The jobs whose code has not ended.
    var unfinished: [ClaimedJob] {
        state.withLock { Array($0.running.values) }.flatMap(\.unfinished)
    }

    /// Cancels what still runs, which has been handed back by now, and waits for it as long as the last grace.
    private func endAll() async {
        wholeFeed.finish()
        let batches = state.withLock { Array($0.running.values) }
        let transactions = state.withLock { $0.transactions }
        let tasks = batches.flatMap { $0.cancelAll() } + transactions
        let over = WakeSignal()
        // On its own, because this task is cancelled, and a task that ignores its cancellation can't be waited for.
        await Task {
            let waiting = Task {
                for task in tasks { await task.value }
                over.raise()
            }
            await over.wait(atMost: Self.lastGrace, on: postgres.loops.next())
            waiting.cancel()
        }.value
    }

    /// Rolls back the transactions of whole batches, so that their claims can be handed back.
    func rollBackTransactions() async {
        wholeFeed.finish()
        let tasks = state.withLock { $0.transactions }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    private func writeJournal() async {
        do {
            let dropped = try await journal.write(on: postgres)
            if dropped > 0 { logger.warning("records of jobs' logs were dropped", ["records": dropped]) }
        } catch {
            logger.warning("what jobs said could not be written yet", ["error": "\(error)"])
            Task { [say] in
                try? await Task.sleep(for: .seconds(1))
                say.yield()
            }
        }
    }

    // MARK: Running

    private func perform(_ batch: RunningBatch, _ index: Int) async {
        let job = batch.jobs[index]
        let code = performer.code(of: job)
        if let code, case .alone(_, let timeout?, let grace) = code.code {
            let alarm = Task { [self] in
                try await Task.sleep(for: timeout)
                let end = performer.end(of: job, code, after: JobTimedOut(timeout: timeout))
                interrupt(batch, index, end, grace: grace)
            }
            defer { alarm.cancel() }
            note(batch, index, await performer.perform(job, code))
        } else {
            note(batch, index, await performer.perform(job, code))
        }
    }

    /// Cancels jobs that somebody wants to end, each with the time it may take.
    func cancel(_ wanted: [JobID: (reason: String, grace: Duration)]) {
        for batch in state.withLock({ Array($0.running.values) }) {
            for (index, job) in batch.jobs.enumerated() {
                guard let (reason, grace) = wanted[job.id] else { continue }
                interrupt(batch, index, .cancelled(reason: reason), grace: grace)
            }
        }
    }

    private func interrupt(_ batch: RunningBatch, _ index: Int, _ end: JobEnd.Next, grace: Duration) {
        guard batch.interrupt(index, end) else { return }
        Task { [self] in
            if grace > .zero { try? await Task.sleep(for: grace) }
            guard let arrival = batch.giveUp(index) else { return }
            let job = batch.jobs[index]
            logger.warning(
                "a job that ignores its cancellation was given up",
                ["job": job.id, "name": job.name]
            )
            arrived(arrival, in: batch)
        }
    }

    /// Keeps an end to be written.
    func note(_ batch: RunningBatch, _ index: Int, _ end: JobEnd.Next) {
        if let arrival = batch.ended(index, end) { arrived(arrival, in: batch) }
    }

    /// Notes that somebody else has written the ends of jobs of a batch.
    func wrote(_ batch: RunningBatch, _ indices: [Int]) {
        let (isComplete, isEmpty) = batch.written(indices)
        if isEmpty {
            state.withLock { $0.running[batch.number] = nil }
        } else if isComplete {
            arrived(.complete, in: batch)
        }
        settled(batch.number, indices.count)
    }

    private func arrived(_ arrival: RunningBatch.Arrival, in batch: RunningBatch) {
        switch arrival {
        case .one:
            return
        case .complete:
            state.withLock { $0.complete.append(batch) }
            ended.yield()
        case .first:
            let mustLinger = state.withLock { state in
                state.waiting.append(batch)
                defer { state.isLingering = true }
                return !state.isLingering
            }
            guard mustLinger else { return }
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
        let taken = state.withLock { state in
            var taken = state.complete
            state.complete.removeAll()
            if state.hasLingered {
                taken += state.waiting
                state.waiting.removeAll()
            }
            state.hasLingered = false
            return taken
        }
        var whole: [Int64] = []
        var parts: [EndWriter.End] = []
        var counts: [(batch: Int64, jobs: Int)] = []
        var gone: [Int64] = []
        for batch in taken {
            switch batch.take() {
            case .whole(let count):
                whole.append(batch.number)
                counts.append((batch.number, count))
                gone.append(batch.number)
            case .some(let ends, let isLast):
                parts += ends
                if !ends.isEmpty { counts.append((batch.number, ends.count)) }
                if isLast { gone.append(batch.number) }
            }
        }
        if !gone.isEmpty { state.withLock { state in for batch in gone { state.running[batch] = nil } } }
        guard !whole.isEmpty || !parts.isEmpty else { return }
        if await writer.write(closing: whole, settling: parts) {
            for (batch, count) in counts { settled(batch, count) }
        }
    }

    // MARK: Whole batches

    /// Takes out the jobs whose code wants all of a claim at once.
    ///
    /// - Returns: the places of the others.
    private func startTogether(
        _ places: [(batch: Int, index: Int)],
        of batches: [RunningBatch]
    ) -> [(batch: Int, index: Int)] {
        var wholes: [WholeBatch] = []
        var others: [(batch: Int, index: Int)] = []
        for place in places {
            let batch = batches[place.batch]
            let job = batch.jobs[place.index]
            guard let code = performer.code(of: job), case .together = code.code else {
                others.append(place)
                continue
            }
            if let known = wholes.firstIndex(where: { $0.batch === batch && $0.name == job.name }) {
                wholes[known].indices.append(place.index)
            } else {
                wholes.append(WholeBatch(batch: batch, name: job.name, code: code, indices: [place.index]))
            }
        }
        for whole in wholes { wholeFeed.yield(whole) }
        return others
    }
}
