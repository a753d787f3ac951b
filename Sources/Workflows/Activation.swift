internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry

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

    struct State {
        var checkpoints: [String: Checkpoint]
        var events: [String: JSONB] = [:]
        var now: PostgresTimestamp
        var uses: [String: Int] = [:]
        var asks: [Ask] = []
        /// Asks that are being answered in the transaction, by key; a rollback answers none of them.
        var taken: [String: Ask] = [:]
        var fresh: [(key: String, checkpoint: Checkpoint)] = []
        var ending: Ending?
        var sealed = false
        /// The function of SQL that has ended the run.
        var endedBy: String?
        /// Effects that were handed to the engine, by key.
        var inFlight: [String: Ask] = [:]
        var reading: HistoryReading
        var interruption: Interruption?
        /// Whether the code is still to be told of it.
        var mustInterrupt = false
        /// Effects in flight that were cut short.
        var cut: [String] = []
        var compensations: [Compensation] = []
        var unwinding: UnwindRecord?
        /// Whether the compensations have begun; before that, a run that is unwinding asks for nothing new.
        var isUndoing = false
        /// How many checkpoints were fresh by then.
        var undoneFrom = 0
        /// Values to publish, by name.
        var published: [PublishedName: PublishedValue] = [:]
        /// Updates received, by name.
        var received: [String: Int] = [:]
        /// Fan-ins that have become checkpoints.
        var gathered: [String] = []
        /// Waits that are over.
        var spans: [TraceSpan] = []
        /// What steps have returned, where somebody wants to know.
        var answers: [String: any Sendable] = [:]
    }

    /// What undoes a part of what the run did.
    struct Compensation: Sendable {
        let name: String
        let body: @Sendable (WorkflowContext) async throws -> Void
    }

    let job: ClaimedJob
    let payloads: Payloads
    /// Where the run is in a trace, if it is in one.
    let trace: RunTrace?
    let historyLength: Int
    private let keepsAnswers: Bool
    private let executor = ActivationExecutor()
    let state: Lock<State>

    /// Makes one from what is kept of the run, in the order in which it was recorded.
    init(
        job: ClaimedJob,
        history: [(key: String, checkpoint: Checkpoint)],
        events: [String: JSONB],
        now: PostgresTimestamp,
        registry: WorkflowRegistry,
        trace: RunTrace? = nil,
        keepsAnswers: Bool = false
    ) {
        self.job = job
        self.trace = trace
        self.keepsAnswers = keepsAnswers
        payloads = registry.payloads
        historyLength = registry.limits.historyLength
        let checkpoints = Dictionary(history.map { ($0.key, $0.checkpoint) }) { $1 }
        var initial = State(
            checkpoints: checkpoints,
            events: events,
            now: now,
            reading: HistoryReading(of: history.filter { $0.checkpoint.kind.isAskedFor }.map(\.key))
        )
        if let known = checkpoints[Interruption.key] {
            let reason = try? JSONCoding.decode(String.self, from: known.value, what: Interruption.key)
            initial.interruption = reason.flatMap(Interruption.init(rawValue:)) ?? .cancelled
        }
        if let known = checkpoints[Unwinding.key] {
            initial.unwinding =
                (try? JSONCoding.decode(UnwindRecord.self, from: known.value, what: Unwinding.key))
                ?? UnwindRecord(error: "failed", failures: 0)
        }
        if let known = checkpoints[UpdateNames.receivedKey] {
            initial.received =
                (try? JSONCoding.decode([String: Int].self, from: known.value, what: UpdateNames.receivedKey))
                ?? [:]
        }
        state = Lock(initial)
    }

    // MARK: Driven by the engine

    /// Starts the code; it runs at the next pump.
    ///
    /// `isFinal` tells whether an error is the last one, after which nothing is tried again.
    func start(
        isFinal: @escaping @Sendable (any Error) -> Bool,
        _ body: @escaping @Sendable (WorkflowContext) async throws -> JSONB
    ) {
        let context = WorkflowContext(activation: self)
        Task.detached(executorPreference: executor) { [self] in
            do {
                let output = try await body(context)
                // Whatever it would do now, it has failed.
                if let record = unwinding { throw AlreadyFailed(record: record) }
                end(.done(output))
            } catch let error as ContinueAsNew {
                do {
                    end(.again(try JSONCoding.encode(error.input), after: error.delay))
                } catch {
                    end(.failed(error))
                }
            } catch {
                await unwind(error, isFinal: isFinal, context)
            }
        }
    }

    /// Runs the code until every path has finished or asked for something; tells it of an interruption, once.
    func pump() {
        executor.pump()
        let cut = state.withLock { state -> [Ask] in
            guard state.mustInterrupt, let reason = state.interruption else { return [] }
            state.mustInterrupt = false
            let cut = state.asks + state.inFlight.values
            state.asks = []
            state.cut += state.inFlight.keys
            state.inFlight = [:]
            let told = [Interruption.key] + cut.map(\.key).sorted()
            for key in told {
                state.checkpoints[key] = .interrupted(reason)
                state.fresh.append((key, .interrupted(reason)))
            }
            return cut
        }
        guard let reason = state.withLock({ $0.interruption }), !cut.isEmpty else { return }
        for ask in cut { ask.continuation.resume(throwing: WorkflowCancelled(reason)) }
        executor.pump()
    }

    /// Has the code end at its next ask, unless it has been told already.
    func interrupt(_ reason: Interruption) {
        state.withLock { state in
            // One that undoes what it did comes to its end anyway.
            guard state.interruption == nil, state.unwinding == nil else { return }
            state.interruption = reason
            state.mustInterrupt = true
        }
    }

    /// Takes the keys of effects in flight that nobody waits for any more.
    func takeCut() -> [String] {
        state.withLock { state in
            defer { state.cut = [] }
            return state.cut
        }
    }

    /// Why the run is to end early, if it is.
    var interruption: Interruption? { state.withLock { $0.interruption } }

    /// Takes the asks that belong in the transaction, in the order they were made.
    func takeTransactionalAsks() -> [Ask] {
        state.withLock { state in
            let taken = state.asks.filter(\.isTransactional)
            if !taken.isEmpty { state.asks.removeAll(where: \.isTransactional) }
            for ask in taken { state.taken[ask.key] = ask }
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

    /// What the run waits for: the names of events and the earliest instant, and what ends it then; nil if it asks for
    /// no wait.
    var waits: (events: [String], until: PostgresTimestamp?, expiry: Expiry?)? {
        state.withLock { state in
            var events: [String] = []
            var until: PostgresTimestamp?
            var expiry: Expiry?
            var found = false
            for case .wait(let conditions) in state.asks.map(\.kind) {
                found = true
                for condition in conditions {
                    if let event = condition.event { events.append(event) }
                    if let deadline = condition.deadline, until.map({ deadline < $0 }) ?? true {
                        (until, expiry) = (deadline, condition.expiry)
                    }
                }
            }
            return found ? (events, until, expiry) : nil
        }
    }

    /// Answers one ask of a batch, well or badly.
    func answer(_ ask: Ask, _ result: Result<Ask.Value, any Error>) {
        switch result {
        case .success(let value): answer(ask, value)
        case .failure(let error): fail(ask, error)
        }
    }

    /// Answers one ask and keeps its checkpoint for the next commit.
    func answer(_ ask: Ask, _ value: Ask.Value) {
        if case .expire(_, let wait, _) = ask.kind { return expired(ask, wait, value) }
        if keepsAnswers { state.withLock { $0.answers[ask.key] = value.value } }
        record(ask.key, ask.startsChildren ? .child(value.json) : .result(value.json))
        ask.continuation.resume(returning: .value(value.value))
    }

    /// What steps have returned, by key, if it was made to keep that.
    var answers: [String: any Sendable] { state.withLock { $0.answers } }

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
        // The code has been told that this was cut short.
        if state.withLock({ $0.checkpoints[arrival.key]?.kind == .interrupted }) { return }
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
            let wait = Ask(
                key: ask.key,
                kind: .wait([WaitCondition(deadline: notBefore)]),
                continuation: ask.continuation
            )
            state.withLock { $0.asks.append(wait) }
        }
    }

    /// Brings in what a new transaction sees, and answers the waits that are over.
    func refresh(events: [String: JSONB], now: PostgresTimestamp) {
        let over = state.withLock { state in
            state.events = events
            state.now = now
            var over: [(Ask, Ask.Answer)] = []
            var due: [Ask] = []
            state.asks.removeAll { ask in
                guard case .wait(let conditions) = ask.kind,
                    let answer = Self.decide(conditions, events: events, now: now),
                    state.checkpoints[ask.key]?.kind == .wait
                else { return false }
                if let kind = Self.expiry(answer, of: conditions) {
                    due.append(Ask(key: ask.key, kind: kind, continuation: ask.continuation))
                } else {
                    over.append((ask, answer))
                }
                return true
            }
            state.asks += due
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
            // A run that undoes what it did finds its way back there by what was thrown before.
            var firstTentative = 0
            if case .failed(let error) = state.ending {
                failing = state.unwinding == nil || error is CompensationFailed
                firstTentative = state.unwinding == nil ? 0 : state.undoneFrom
            }
            var seen: Set<String> = []
            return state.fresh.enumerated().reversed().filter { index, entry in
                !(failing && entry.checkpoint.tentative && index >= firstTentative)
                    && seen.insert(entry.key).inserted
            }.reversed().map(\.element)
        }
    }

    /// Unwinds the code: whatever it still asks for throws, and whatever it returns is ignored.
    func seal() {
        let asks = state.withLock { state in
            state.sealed = true
            defer {
                state.asks.removeAll()
                state.taken.removeAll()
                state.inFlight.removeAll()
            }
            return state.asks + state.taken.values + state.inFlight.values
        }
        for ask in asks { ask.continuation.resume(throwing: WorkflowSuspended()) }
        executor.pump()
    }

    func end(_ ending: Ending) {
        state.withLock { state in
            if !state.sealed, state.ending == nil { state.ending = ending }
        }
    }

    func record(_ key: String, _ checkpoint: Checkpoint) {
        state.withLock { state in
            state.checkpoints[key] = checkpoint
            state.taken[key] = nil
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

    /// What is recorded under a key; from now on the code has asked for it.
    func checkpoint(_ key: String) -> Checkpoint? {
        state.withLock { state in
            state.reading.asked(for: key)
            return state.checkpoints[key]
        }
    }

    /// The first recorded key that the code has not asked for.
    var firstUnread: String? { state.withLock { $0.reading.first } }

    /// The keys of what the code asks for now.
    var openKeys: [String] { state.withLock { $0.asks.map(\.key).sorted() } }

    /// Whether there is more in the history than the code has asked for.
    var isReplaying: Bool { state.withLock { !$0.reading.isThrough } }

    /// Why this code can't have made this history; nil if it can.
    ///
    /// To be asked once the code has come to rest.
    var divergence: String? {
        state.withLock { state in
            if let difference = state.reading.difference { return difference }
            // Code that failed on its way has a better story to tell.
            if case .failed = state.ending { return nil }
            return state.reading.missing(asking: state.asks.map(\.key), hasEnded: state.ending != nil)
        }
    }

    /// Notes that what is recorded is not what the code expects.
    func diverge(_ difference: String) {
        state.withLock { $0.reading.difference = $0.reading.difference ?? difference }
    }

    /// Records a value that needs no transaction of its own, such as the time.
    func note(_ key: String, _ value: JSONB) {
        record(key, .result(value))
    }

    /// Records what the code was told of itself.
    func mark(_ key: String, _ value: JSONB) {
        record(key, Checkpoint(kind: .marker, value: value))
    }

    /// Hands an ask to the engine and waits for its answer.
    func ask(_ key: String, _ kind: Ask.Kind) async throws -> Ask.Answer {
        try await withCheckedThrowingContinuation { continuation in
            let refusal = state.withLock { state -> (any Error)? in
                if state.sealed { return WorkflowSuspended() }
                if let record = state.unwinding, !state.isUndoing { return AlreadyFailed(record: record) }
                if let full = overflow(of: key, state) { return full }
                state.asks.append(Ask(key: key, kind: kind, continuation: continuation))
                return nil
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }
}
