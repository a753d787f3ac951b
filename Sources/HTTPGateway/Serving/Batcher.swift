internal import HTTP
internal import Reactor

/// Gathers requests that arrive at the same time, so that they share statements and one commit.
///
/// A request that finds a free committer starts at once; while all are busy, requests gather and go together. So a
/// quiet gateway adds no delay, and a busy one fills its batches.
final class Batcher<Request: Sendable, Response: Sendable>: Sendable {
    private struct Waiting: Sendable {
        var request: Request
        var continuation: CheckedContinuation<Response, any Error>
    }

    private struct State {
        var waiting: [Waiting] = []
        var idle: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    private let state = Lock(State())
    private let limit: Int
    private let backlog: Int
    private let committers: Int
    private let commit: @Sendable ([Request]) async throws -> [Response]

    /// Makes a batcher; ``run(on:)`` must run for it to do anything.
    ///
    /// - Parameters:
    ///   - limit: requests in one batch.
    ///   - backlog: requests that may wait; one more is refused.
    ///   - committers: batches at one time.
    ///   - commit: answers a batch, one response for each request in order.
    init(
        limit: Int = 500,
        backlog: Int = 20_000,
        committers: Int = 2,
        commit: @escaping @Sendable ([Request]) async throws -> [Response]
    ) {
        self.limit = limit
        self.backlog = backlog
        self.committers = committers
        self.commit = commit
    }

    /// Has a request answered with its neighbours.
    ///
    /// - Returns: its response.
    /// - Throws: ``Problem`` when too many wait; what the batch's commit threw.
    func submit(_ request: Request) async throws -> Response {
        try await withCheckedThrowingContinuation { continuation in
            let waiting = Waiting(request: request, continuation: continuation)
            let (isAccepted, committer) = state.withLock { state in
                guard !state.isClosed, state.waiting.count < backlog else {
                    return (false, CheckedContinuation<Void, Never>?.none)
                }
                state.waiting.append(waiting)
                return (true, state.idle.popLast())
            }
            if !isAccepted { continuation.resume(throwing: Problem.overloaded) }
            committer?.resume()
        }
    }

    /// Requests that no committer has taken yet.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Answers batches until ``close()``, and what was accepted before it.
    func run(on loops: EventLoopGroup) async {
        await withTaskGroup { group in
            for _ in 0..<committers {
                group.addTask(executorPreference: loops.next()) { await self.commitBatches() }
            }
        }
    }

    /// Refuses further requests and lets ``run(on:)`` end.
    func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [] }
            return state.idle
        }
        for committer in idle { committer.resume() }
    }

    private func commitBatches() async {
        while let batch = await next() {
            do {
                let responses = try await commit(batch.map(\.request))
                precondition(responses.count == batch.count, "a batch needs one response for each request")
                for (waiting, response) in zip(batch, responses) {
                    waiting.continuation.resume(returning: response)
                }
            } catch {
                for waiting in batch { waiting.continuation.resume(throwing: error) }
            }
        }
    }

    private func next() async -> [Waiting]? {
        while true {
            let (batch, isClosed) = state.withLock { state in
                let batch = Array(state.waiting.prefix(limit))
                state.waiting.removeFirst(batch.count)
                return (batch, state.isClosed)
            }
            if !batch.isEmpty { return batch }
            if isClosed { return nil }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.waiting.isEmpty, !state.isClosed else { return false }
                    state.idle.append(continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }
}
