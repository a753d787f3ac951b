internal import Postgres
internal import Reactor

/// Gathers single enqueues of many callers, so that they share statements and commits.
///
/// ```swift
/// let enqueuer = Enqueuer(store: store)
/// group.addTask { await enqueuer.run() }
/// let answer = try await enqueuer.enqueue(NewJob(SendMail.self, mail))      // durable when it returns
/// ```
/// A call that finds nothing under way goes at once; while others are being committed, calls gather until there are
/// enough of them, or until the first has waited for the linger. Each caller hears of its own job only: one that can't
/// be enqueued does not fail its neighbours.
public final class Enqueuer: Sendable {
    /// How calls are gathered.
    public struct Limits: Sendable {
        /// Jobs in one transaction.
        public var batch: Int
        /// Calls that may wait; one more is refused.
        public var backlog: Int
        /// Transactions at one time.
        public var committers: Int
        /// How long a call waits for company while others are being committed.
        public var linger: Duration

        /// Makes limits; see the properties.
        public init(
            batch: Int = 500,
            backlog: Int = 20_000,
            committers: Int = 2,
            linger: Duration = .milliseconds(2)
        ) {
            self.batch = max(1, batch)
            self.backlog = max(1, backlog)
            self.committers = max(1, committers)
            self.linger = linger
        }
    }

    private struct Call: Sendable {
        let number: Int
        let job: NewJob
        let answer: CheckedContinuation<Enqueued, any Error>
    }

    private struct State {
        var waiting: [Call] = []
        var nextNumber = 0
        var underWay = 0
        /// Whether the oldest call has waited long enough.
        var isDue = false
        var isLingering = false
        var isClosed = false
    }

    private enum Bell: Sendable { case commit, linger }

    private let store: JobStore
    private let limits: Limits
    private let state = Lock(State())
    private let bells: AsyncStream<Bell>
    private let bell: AsyncStream<Bell>.Continuation

    /// Makes an enqueuer; ``run()`` must run for it to do anything.
    public init(store: JobStore, limits: Limits = Limits()) {
        self.store = store
        self.limits = limits
        (bells, bell) = AsyncStream.makeStream()
    }

    /// Calls that no transaction has taken yet.
    public var backlog: Int { state.withLock { $0.waiting.count } }

    /// Enqueues a job together with others', and returns when it is committed.
    ///
    /// A caller that is cancelled before its job was taken leaves nothing; afterwards it hears what became of it.
    ///
    /// - Returns: the job's number, and whether it was there already.
    /// - Throws: ``JobsError`` (`pressure` when too many wait or the enqueuer has been closed, `unknownQueue`,
    ///   `invalidJob`), ``PostgresError``, `CancellationError`.
    public func enqueue(_ job: NewJob) async throws -> Enqueued {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { answer in
                accept(Call(number: number, job: job, answer: answer))
            }
        } onCancel: {
            let call = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
            }
            call?.answer.resume(throwing: CancellationError())
        }
    }

    /// Commits batches until ``close()``, and what was accepted before it.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await ring in bells {
                switch ring {
                case .commit:
                    while let batch = take() {
                        group.addTask { [self] in
                            await commit(batch)
                            state.withLock { $0.underWay -= 1 }
                            bell.yield(.commit)
                        }
                    }
                    if state.withLock({ $0.isClosed && $0.waiting.isEmpty }) { bell.finish() }
                case .linger:
                    group.addTask { [self] in
                        try? await Task.sleep(for: limits.linger)
                        state.withLock { state in
                            state.isDue = true
                            state.isLingering = false
                        }
                        bell.yield(.commit)
                    }
                }
            }
        }
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for call in left { call.answer.resume(throwing: CancellationError()) }
    }

    /// Refuses further calls and lets ``run()`` end.
    public func close() {
        state.withLock { $0.isClosed = true }
        bell.yield(.commit)
    }

    // MARK: Gathering

    private func accept(_ call: Call) {
        enum Fate { case refused(String), gone, kept(Bell?) }
        let fate = state.withLock { state -> Fate in
            if state.isClosed { return .refused("the enqueuer has been closed") }
            guard state.waiting.count < limits.backlog else {
                return .refused("\(limits.backlog) jobs wait to be enqueued already; try again later")
            }
            // The handler may have run before there was anything to take away.
            if Task.isCancelled { return .gone }
            state.waiting.append(call)
            if state.underWay == 0 || state.waiting.count >= limits.batch { return .kept(.commit) }
            if state.isLingering { return .kept(nil) }
            state.isLingering = true
            return .kept(.linger)
        }
        switch fate {
        case .refused(let why): call.answer.resume(throwing: JobsError(code: .pressure, message: why))
        case .gone: call.answer.resume(throwing: CancellationError())
        case .kept(let ring): if let ring { bell.yield(ring) }
        }
    }

    /// The next batch, if there is one and a committer is free.
    private func take() -> [Call]? {
        state.withLock { state in
            guard !state.waiting.isEmpty, state.underWay < limits.committers,
                state.underWay == 0 || state.isDue || state.isClosed || state.waiting.count >= limits.batch
            else { return nil }
            let batch = Array(state.waiting.prefix(limits.batch))
            state.waiting.removeFirst(batch.count)
            state.underWay += 1
            state.isDue = false
            return batch
        }
    }

    // MARK: Committing

    /// Commits a batch; if it is refused, its halves, so that only those hear of it who are to blame.
    private func commit(_ batch: [Call]) async {
        do {
            let answers = try await store.offer(batch.map(\.job))
            for (call, answer) in zip(batch, answers) { call.answer.resume(returning: answer) }
        } catch {
            guard batch.count > 1, Self.isSomeonesFault(error) else {
                for call in batch { call.answer.resume(throwing: error) }
                return
            }
            let middle = batch.count / 2
            await commit(Array(batch[..<middle]))
            await commit(Array(batch[middle...]))
        }
    }

    /// Whether nothing was enqueued, and one of the jobs may be the reason.
    private static func isSomeonesFault(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return error is JobsError }
        return error.code == .server || error.code == .rolledBack
    }
}
