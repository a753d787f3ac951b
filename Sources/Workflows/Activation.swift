internal import Jobs
internal import Postgres
internal import Reactor

/// One go at a run: its checkpoints, the code that is being driven, and what that code asks for.
///
/// A pure state holder: the ``CohortEngine`` does the I/O. Everything is behind one lock, because a run's code is
/// free to use its context from tasks of its own.
final class Activation: Sendable {
    enum Ending: Sendable {
        case done(JSONB)
        case failed(any Error)
        case again(JSONB, after: Duration)
    }

    private struct State {
        var checkpoints: [String: Checkpoint]
        var events: [String: JSONB] = [:]
        var now: PostgresTimestamp
        var uses: [String: Int] = [:]
        var asks: [Ask] = []
        var fresh: [(key: String, checkpoint: Checkpoint)] = []
        var ending: Ending?
        var sealed = false
        /// Effects that were handed to the engine, by key.
        var inFlight: [String: Ask] = [:]
    }

    let job: ClaimedJob
    private let executor = ActivationExecutor()
    private let state: Lock<State>

    init(job: ClaimedJob, checkpoints: [String: Checkpoint], events: [String: JSONB], now: PostgresTimestamp)
    {
        self.job = job
        state = Lock(State(checkpoints: checkpoints, events: events, now: now))
    }

    // MARK: Driven by the engine

    /// Starts the code; it runs at the next pump.
    func start(_ body: @escaping @Sendable (WorkflowContext) async throws -> JSONB) {
        let context = WorkflowContext(activation: self)
        Task.detached(executorPreference: executor) { [self] in
            do {
                end(.done(try await body(context)))
            } catch let error as ContinueAsNew {
                do {
                    end(.again(try JSONCoding.encode(error.input), after: error.delay))
                } catch {
                    end(.failed(error))
                }
            } catch {
                end(.failed(error))
            }
        }
    }

    /// Runs the code until every path has finished or asked for something.
    func pump() {
        executor.pump()
    }

    /// Takes the asks that belong in the transaction, in the order they were made.
    func takeTransactionalAsks() -> [Ask] {
        state.withLock { state in
            let taken = state.asks.filter(\.isTransactional)
            if !taken.isEmpty { state.asks.removeAll(where: \.isTransactional) }
            return taken
        }
    }

    /// Takes the effects that are to start after the commit.
    func takeEffects() -> [(key: String, effect: Ask.Effect)] {
        state.withLock { state in
            var taken: [(Ask, Ask.Effect)] = []
            state.asks.removeAll { ask in
                guard case .effect(let effect) = ask.kind else { return false }
                taken.append((ask, effect))
                return true
            }
            for (ask, _) in taken { state.inFlight[ask.key] = ask }
            return taken.map { ($0.0.key, $0.1) }
        }
    }

    /// The effects that are asked for, left where they are.
    var pendingEffects: [Ask.Effect] {
        state.withLock { state in
            state.asks.compactMap { ask in
                guard case .effect(let effect) = ask.kind else { return nil }
                return effect
            }
        }
    }

    var hasEffectsInFlight: Bool { state.withLock { !$0.inFlight.isEmpty } }

    var ending: Ending? { state.withLock { $0.ending } }

    /// What the run waits for: the names of events and the earliest instant; nil if it asks for no wait.
    var waits: (events: [String], until: PostgresTimestamp?)? {
        state.withLock { state in
            var events: [String] = []
            var until: PostgresTimestamp?
            var found = false
            for case .wait(let conditions) in state.asks.map(\.kind) {
                found = true
                for condition in conditions {
                    if let event = condition.event { events.append(event) }
                    if let deadline = condition.deadline {
                        until = until.map { min($0, deadline) } ?? deadline
                    }
                }
            }
            return found ? (events, until) : nil
        }
    }

    /// Answers one ask and keeps its checkpoint for the next commit.
    func answer(_ ask: Ask, _ value: Ask.Value) {
        record(ask.key, .result(value.json))
        ask.continuation.resume(returning: .value(value.value))
    }

    /// Fails one ask in the code's face; the error is kept if the code goes on.
    func fail(_ ask: Ask, _ error: any Error) {
        record(ask.key, .error("\(error)"))
        ask.continuation.resume(throwing: error)
    }

    /// Takes in an effect that ended, in a later transaction than the one that launched it.
    ///
    /// If the code has not asked for it yet, because a rollback threw its activation away meanwhile, it will
    /// find the checkpoint.
    func effectEnded(_ arrival: EffectArrival) {
        let checkpoint = arrival.checkpoint(now: now)
        record(arrival.key, checkpoint)
        guard let ask = state.withLock({ $0.inFlight.removeValue(forKey: arrival.key) }) else { return }
        switch arrival.result {
        case .success(let value):
            ask.continuation.resume(returning: .value(value.value))
        case .failure(let error):
            guard let notBefore = checkpoint.retryTime else {
                ask.continuation.resume(throwing: error)
                return
            }
            // The path waits as if it had asked to; the retry itself is found by replay.
            let wait = Ask(key: ask.key, kind: .wait([(nil, notBefore)]), continuation: ask.continuation)
            state.withLock { $0.asks.append(wait) }
        }
    }

    /// Brings in what a new transaction sees, and answers the waits that are over.
    func refresh(events: [String: JSONB], now: PostgresTimestamp) {
        let over = state.withLock { state in
            state.events = events
            state.now = now
            var over: [(Ask, Ask.Answer)] = []
            state.asks.removeAll { ask in
                guard case .wait(let conditions) = ask.kind,
                    let answer = Self.decide(conditions, events: events, now: now),
                    state.checkpoints[ask.key]?.kind == .wait
                else { return false }
                over.append((ask, answer))
                return true
            }
            return over
        }
        for (ask, answer) in over {
            decideWait(ask.key, answer)
            ask.continuation.resume(returning: answer)
        }
    }

    /// The checkpoints to write in this transaction, the latest of each key.
    ///
    /// Errors of a failing go are left out, so that they are tried again with it.
    func takeFresh() -> [(key: String, checkpoint: Checkpoint)] {
        state.withLock { state in
            defer { state.fresh.removeAll() }
            var failing = false
            if case .failed = state.ending { failing = true }
            var seen: Set<String> = []
            return state.fresh.reversed().filter { entry in
                !(failing && entry.checkpoint.tentative) && seen.insert(entry.key).inserted
            }
        }
    }

    /// Unwinds the code: whatever it still asks for throws, and whatever it returns is ignored.
    func seal() {
        let asks = state.withLock { state in
            state.sealed = true
            defer {
                state.asks.removeAll()
                state.inFlight.removeAll()
            }
            return state.asks + state.inFlight.values
        }
        for ask in asks { ask.continuation.resume(throwing: WorkflowSuspended()) }
        executor.pump()
    }

    private func end(_ ending: Ending) {
        state.withLock { state in
            if !state.sealed, state.ending == nil { state.ending = ending }
        }
    }

    private func record(_ key: String, _ checkpoint: Checkpoint) {
        state.withLock { state in
            state.checkpoints[key] = checkpoint
            state.fresh.append((key, checkpoint))
        }
    }

    // MARK: Asked by the code

    var now: PostgresTimestamp { state.withLock { $0.now } }

    /// The key of this use of a name: the n-th use gets its own.
    func key(for name: String) -> String {
        state.withLock { state in
            let use = state.uses[name, default: 0] + 1
            state.uses[name] = use
            return use == 1 ? name : "\(name)#\(use)"
        }
    }

    func checkpoint(_ key: String) -> Checkpoint? {
        state.withLock { $0.checkpoints[key] }
    }

    /// Records a value that needs no transaction of its own, such as the time.
    func note(_ key: String, _ value: JSONB) {
        record(key, .result(value))
    }

    /// Hands an ask to the engine and waits for its answer.
    func ask(_ key: String, _ kind: Ask.Kind) async throws -> Ask.Answer {
        try await withCheckedThrowingContinuation { continuation in
            let sealed = state.withLock { state in
                if !state.sealed { state.asks.append(Ask(key: key, kind: kind, continuation: continuation)) }
                return state.sealed
            }
            if sealed { continuation.resume(throwing: WorkflowSuspended()) }
        }
    }

    /// Waits for the first of some conditions; the outcome is recorded, so that a replay decides the same.
    func wait(
        _ key: String,
        _ conditions: [(event: String?, deadline: PostgresTimestamp?)]
    ) async throws
        -> (index: Int, payload: JSONB)
    {
        var conditions = conditions
        if let known = checkpoint(key) {
            let record = try JSONCoding.decode(WaitRecord.self, from: known.value, what: "wait \(key)")
            if let won = record.won {
                let payload = conditions[won].event.flatMap { name in state.withLock { $0.events[name] } }
                return (won, payload ?? JSONB(text: "null"))
            }
            for (index, deadline) in record.deadlines.enumerated() where index < conditions.count {
                conditions[index].deadline = deadline.map(PostgresTimestamp.init(microseconds:))
            }
        } else {
            let record = WaitRecord(deadlines: conditions.map { $0.deadline?.microseconds })
            self.record(key, try .wait(record))
        }
        let decided = state.withLock { Self.decide(conditions, events: $0.events, now: $0.now) }
        let answer: Ask.Answer
        if let decided {
            decideWait(key, decided)
            answer = decided
        } else {
            answer = try await ask(key, .wait(conditions))
        }
        guard case .won(let index, let payload) = answer else { throw WorkflowSuspended() }
        return (index, payload)
    }

    private func decideWait(_ key: String, _ answer: Ask.Answer) {
        guard case .won(let index, _) = answer, let known = checkpoint(key),
            var record = try? JSONCoding.decode(WaitRecord.self, from: known.value, what: "wait \(key)")
        else { return }
        record.won = index
        if let checkpoint = try? Checkpoint.wait(record) { self.record(key, checkpoint) }
    }

    private static func decide(
        _ conditions: [(event: String?, deadline: PostgresTimestamp?)],
        events: [String: JSONB],
        now: PostgresTimestamp
    ) -> Ask.Answer? {
        for (index, condition) in conditions.enumerated() {
            if let event = condition.event, let payload = events[event] {
                return .won(index: index, payload: payload)
            }
        }
        let due = conditions.firstIndex { condition in condition.deadline.map { $0 <= now } ?? false }
        return due.map { .won(index: $0, payload: JSONB(text: "null")) }
    }
}
