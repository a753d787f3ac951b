internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry

/// One transaction of a cohort: fence, load, drive in rounds, write.
///
/// The run rows stay locked from the fence to the commit, so an event can't slip in between looking and parking.
struct CohortGo {
    /// What became of a run.
    struct Result {
        enum Disposition {
            /// Parked, ended, or lost to another claim: no longer this process's.
            case left
            /// Still claimed; its effects are in flight or about to start.
            case held
        }

        let run: Run
        var disposition = Disposition.left
        /// Queues that have got work by this commit.
        var woken: Set<String> = []
    }

    let engine: CohortEngine
    private let runs: [Run]
    private var live: [Run] = []
    private var results: [Result] = []
    private(set) var now = PostgresTimestamp(microseconds: 0)
    private var woken: Set<String> = []
    /// Runs that are started here and have no row yet.
    private var unborn: [JobStatements.EagerStart] = []

    init(engine: CohortEngine, runs: [Run]) {
        self.engine = engine
        self.runs = runs
    }

    mutating func drive(in tx: inout Transaction) async throws -> [Result] {
        try await startEager(in: &tx)
        try await fenceAndLoad(in: &tx)
        try await rounds(in: &tx)
        try await write(in: &tx)
        return results
    }

    // MARK: Fence and load

    /// Numbers the runs that are started here; their rows are written when it is known how they park.
    private mutating func startEager(in tx: inout Transaction) async throws {
        let eager = runs.filter(\.isEager)
        guard !eager.isEmpty else { return }
        let jobs = eager.compactMap { run in
            if case .eager(let job, _) = run.origin { job } else { nil }
        }
        for ((run, job), row) in zip(zip(eager, jobs), try await tx.query(JobStatements.number(jobs.count))) {
            let claimed = ClaimedJob(eager: JobID(rawValue: try row[0]), job)
            unborn.append(
                JobStatements.EagerStart(id: claimed.id, job: try job.encoded(by: engine.registry.codec))
            )
            let createdAt: PostgresTimestamp = try row[1]
            now = try row[2]
            run.fence = RunFence(eager: job, now: now, createdAt: createdAt)
            start(
                run,
                Activation(
                    job: claimed,
                    history: [],
                    events: [:],
                    now: now,
                    registry: engine.registry,
                    trace: trace(of: claimed, createdAt),
                    keepsAnswers: true
                )
            )
        }
    }

    private mutating func fenceAndLoad(in tx: inout Transaction) async throws {
        let claimed = runs.filter { !$0.isEager }
        let jobs = claimed.compactMap(\.job)
        guard !jobs.isEmpty else { return }
        let cold = claimed.filter { $0.activation == nil }.compactMap(\.job)
        // Parents are locked together with their children: all run rows first, in id order.
        let ids = Set(jobs.map(\.id) + jobs.compactMap { $0.parent?.id }).sorted()
        let answers = try await tx.pipeline([
            JobStatements.lock(ids),
            WorkflowStatements.checkpoints(of: cold),
            WorkflowStatements.events(of: jobs.map(\.id)),
        ])

        var fences: [JobID: RunFence] = [:]
        for row in answers[0] {
            fences[JobID(rawValue: try row[0])] = try RunFence(row: row)
            now = try row[4]
        }
        var histories: [JobID: [(key: String, checkpoint: Checkpoint)]] = [:]
        for row in answers[1] {
            guard let kind = Checkpoint.Kind(rawValue: try row[2]) else { continue }
            let id = JobID(rawValue: try row[0])
            histories[id, default: []].append((try row[1], Checkpoint(kind: kind, value: try row[3])))
        }
        var events: [JobID: [String: JSONB]] = [:]
        for row in answers[2] {
            events[JobID(rawValue: try row[0]), default: [:]][try row[1]] = try row[2]
        }

        for run in claimed {
            guard let job = run.job else { continue }
            guard let fence = fences[job.id], fence.epoch == job.epoch, fence.isRunning else {
                // Another claim has the run: nothing of this go is kept.
                results.append(Result(run: run))
                continue
            }
            run.fence = fence
            if let activation = run.activation {
                activation.refresh(events: events[job.id] ?? [:], now: now)
                live.append(run)
            } else {
                let history = histories[job.id] ?? []
                if fence.isCancelled, history.isEmpty {
                    // It has done nothing that it could clean up.
                    try await finish(run, .cancelled, in: &tx)
                    continue
                }
                if fence.isPaused, !fence.isCancelled {
                    try await finish(run, .paused(error: nil), in: &tx)
                    continue
                }
                start(
                    run,
                    Activation(
                        job: job,
                        history: history,
                        events: events[job.id] ?? [:],
                        now: now,
                        registry: engine.registry,
                        trace: trace(of: job, fence.createdAt)
                    )
                )
            }
            if fence.isCancelled {
                run.activation?.interrupt(.cancelled)
            } else if let deadline = fence.deadline, deadline <= now {
                run.activation?.interrupt(.timedOut)
            }
        }
    }

    private mutating func start(_ run: Run, _ activation: Activation) {
        let job = activation.job
        run.activation = activation
        run.divergence = nil
        run.code = engine.registry.code(of: job.name, version: run.fence?.codeVersion)
        for arrival in run.carried { activation.effectEnded(arrival) }
        if let code = run.code {
            // An eager run that fails in its first go is rolled back, and has nothing to undo.
            let mayUndo = !run.isEager
            activation.start(
                isFinal: { error in
                    mayUndo && code.retry.next(JobVerdict(of: error), failures: Int(job.failures)) == nil
                },
                { [given = run.given] context in
                    try await code.run(context, RunInput(stored: job.input, value: given))
                }
            )
        } else {
            let missing = engine.registry.missing(job.name, version: run.fence?.codeVersion)
            activation.start(isFinal: { _ in false }) { _ in
                throw JobsError(code: .unknownJob, message: missing)
            }
        }
        live.append(run)
    }

    // MARK: Rounds

    /// Lets the code of all runs go as far as it can, then does what they ask for, until nobody asks for more.
    private mutating func rounds(in tx: inout Transaction) async throws {
        for run in live {
            if engine.tracer != nil { run.goBegan = Tracer.now }
            for arrival in run.takeArrivals() {
                run.carried.append(arrival)
                run.activation?.effectEnded(arrival)
            }
        }
        var active = live
        while !active.isEmpty {
            var asked: [(run: Run, activation: Activation, ask: Ask)] = []
            for run in active {
                guard let activation = run.activation else { continue }
                activation.pump()
                run.divergence = run.divergence ?? activation.divergence
                guard run.divergence == nil else { continue }
                for ask in activation.takeTransactionalAsks() { asked.append((run, activation, ask)) }
            }
            guard !asked.isEmpty else { return }
            try await answer(asked, in: &tx)
            let busy = Set(asked.map { ObjectIdentifier($0.run) })
            active = active.filter { busy.contains(ObjectIdentifier($0)) }
        }
    }

    private mutating func answer(
        _ asked: [(run: Run, activation: Activation, ask: Ask)],
        in tx: inout Transaction
    ) async throws {
        var cohorts:
            [(
                type: ObjectIdentifier,
                members: [(run: Run, activation: Activation, ask: Ask, step: any CohortStep)]
            )] = []
        var starts: [(run: Run, activation: Activation, ask: Ask, job: NewJob)] = []
        if !unborn.isEmpty, asked.contains(where: \.ask.needsRow) {
            try await tx.execute(JobStatements.enqueueRunning(unborn))
            unborn = []
        }
        for (run, activation, ask) in asked {
            switch ask.kind {
            case .step(let timeout, let body):
                try await attempt(run, activation, [ask], in: &tx) { tx in
                    guard let timeout else { return [.success(try await body(&tx))] }
                    return [
                        .success(
                            try await tx.limitingStatements(to: timeout, what: ask.key) { tx in
                                try await body(&tx)
                            }
                        )
                    ]
                }
            case .expire where run.isPausing:
                activation.postpone(ask)
            case .cohort(let step), .expire(let step, _, _):
                let type = ObjectIdentifier(Swift.type(of: step))
                if let index = cohorts.firstIndex(where: { $0.type == type }) {
                    cohorts[index].members.append((run, activation, ask, step))
                } else {
                    cohorts.append((type, [(run, activation, ask, step)]))
                }
            case .start(let job):
                starts.append((run, activation, ask, placed(job, by: run, ask)))
            case .fanOut(let event, let children):
                try await attempt(run, activation, [ask], in: &tx) { tx in
                    [
                        .success(
                            try await fanOut(
                                children.map { placed($0, by: run, ask) },
                                of: activation.job.id,
                                as: event,
                                in: &tx
                            )
                        )
                    ]
                }
                woken.formUnion(children.prefix(1).map(\.queue))
            case .effect, .wait:
                break
            }
        }
        for (_, members) in cohorts {
            guard let first = members.first else { continue }
            let outputs: [Swift.Result<Ask.Value, any Error>]
            if members.count == 1 {
                try await attempt(first.run, first.activation, [first.ask], in: &tx) { tx in
                    try await perform(first.step, members, in: &tx)
                }
                continue
            }
            for member in members {
                try trip(member.run, member.ask) { try $0.willPerform($1, of: $2, isSeen: false) }
            }
            let began = Tracer.now
            outputs = try await perform(first.step, members, in: &tx)
            for member in members { note(member.run, member.ask, from: began, nil) }
            for member in members {
                try trip(member.run, member.ask) { try $0.didPerform($1, of: $2, isSeen: false) }
            }
            for (member, output) in zip(members, outputs) { member.activation.answer(member.ask, output) }
        }
        if let first = starts.first {
            woken.formUnion(starts.map(\.job.queue))
            if starts.allSatisfy({ $0.run === first.run }) {
                try await attempt(first.run, first.activation, starts.map(\.ask), in: &tx) { tx in
                    try await start(starts.map(\.job), in: &tx).map { .success($0) }
                }
            } else {
                let began = Tracer.now
                let values = try await start(starts.map(\.job), in: &tx)
                for start in starts { note(start.run, start.ask, from: began, nil) }
                for (start, value) in zip(starts, values) { start.activation.answer(start.ask, value) }
            }
        }
    }

    /// Performs one run's step.
    ///
    /// If it throws, the cohort is rolled back and the run comes again alone; then each step has a savepoint,
    /// and what it throws is thrown in the code's face.
    private func attempt(
        _ run: Run,
        _ activation: Activation,
        _ asks: [Ask],
        in tx: inout Transaction,
        _ body: (inout Transaction) async throws -> [Swift.Result<Ask.Value, any Error>]
    ) async throws {
        do {
            let values =
                run.isolated
                ? try await tx.savepoint { tx in
                    try await tripped(asks, of: run, activation, isSeen: true, in: &tx, body)
                }
                : try await tripped(asks, of: run, activation, isSeen: false, in: &tx, body)
            for (ask, value) in zip(asks, values) { activation.answer(ask, value) }
        } catch let crash as SimulatedCrash {
            throw crash
        } catch {
            if let error = error as? PostgresError, Self.belongsToTransaction(error),
                run.rollbacks < engine.limits.rollbacks
            {
                throw error
            }
            guard run.isolated else { throw StepThrew(run: run, error: error) }
            for ask in asks { activation.fail(ask, error) }
        }
    }

    /// Whether the whole transaction should be tried again, rather than the step be called failed.
    private static func belongsToTransaction(_ error: PostgresError) -> Bool {
        guard error.code == .server else { return true }
        return [.serializationFailure, .deadlockDetected, .lockNotAvailable].contains(error.sqlState)
    }

    private func perform<Step: CohortStep>(
        _ step: Step,
        _ members: [(run: Run, activation: Activation, ask: Ask, step: any CohortStep)],
        in tx: inout Transaction
    ) async throws -> [Swift.Result<Ask.Value, any Error>] {
        let batch = members.compactMap { member in
            (member.step as? Step).map { CohortMember(runID: member.activation.job.id, step: $0) }
        }
        let outputs = try await Step.attempts(batch, in: &tx)
        guard outputs.count == members.count else {
            throw WorkflowError(
                code: .misuse,
                message:
                    "cohort step \(Step.name) returned \(outputs.count) outputs for \(members.count) runs"
            )
        }
        return try zip(members, outputs).map { member, output in
            switch output {
            case .failure(let error): return .failure(error)
            case .success(let value):
                return .success(try kept(value, of: member, isAlone: members.count == 1))
            }
        }
    }

    /// A member's result; what can't be kept fails its run alone, where what the step did for it is undone.
    private func kept(
        _ value: some Encodable & Sendable,
        of member: (run: Run, activation: Activation, ask: Ask, step: any CohortStep),
        isAlone: Bool
    ) throws -> Ask.Value {
        do {
            return try member.activation.kept(value, as: member.ask.key)
        } catch {
            guard isAlone else { throw StepThrew(run: member.run, error: error) }
            throw error
        }
    }

    // MARK: Write

    private mutating func write(in tx: inout Transaction) async throws {
        var outcomes: [(run: Run, next: JobOutcome.Next)] = []
        var kept: [(job: ClaimedJob, key: String, checkpoint: Checkpoint)] = []
        var over: [ClaimedJob] = []
        var published: [(id: JobID, name: String, value: PublishedValue)] = []
        var cleaning: [JobID] = []
        var gathered: [(parent: JobID, name: String)] = []
        for run in live {
            guard let activation = run.activation else { continue }
            guard run.divergence == nil else {
                outcomes.append((run, next(for: run, activation) ?? .paused(error: run.divergence)))
                continue
            }
            published += activation.takePublished().map { (activation.job.id, $0.name, $0.value) }
            if run.isEager, case .failed(let error) = activation.ending {
                throw EagerFailed(run: run, error: error)
            }
            let fresh = activation.takeFresh()
            gathered += activation.takeGathered().map { (activation.job.id, $0) }
            run.committed = engine.probe == nil ? [] : fresh.map(\.key)
            let next = self.next(for: run, activation)
            if case .again = next {
                over.append(activation.job)
                if let received = activation.receivedUpdates {
                    kept.append((activation.job.continued(), UpdateNames.receivedKey, received))
                }
            } else {
                kept += fresh.map { (activation.job, $0.key, $0.checkpoint) }
            }
            if let next {
                outcomes.append((run, next))
            } else {
                results.append(Result(run: run, disposition: .held))
                if run.cleansUp, run.fence?.cleansUp == false {
                    cleaning.append(activation.job.id)
                    run.fence?.cleansUp = true
                }
            }
        }
        var rows = rows(of: outcomes)
        var last = bearing(&rows)
        if !kept.isEmpty {
            let areNew = live.allSatisfy(\.isEager)
            last.append(areNew ? WorkflowStatements.add(kept) : WorkflowStatements.keep(kept))
        }
        if !published.isEmpty { last += WorkflowStatements.publish(published) }
        if !cleaning.isEmpty { last.append(JobStatements.cleanUp(cleaning.sorted())) }
        if !over.isEmpty { last.append(WorkflowStatements.forget(over)) }
        if !gathered.isEmpty { last.append(JobStatements.closeFanIns(gathered)) }
        let told = try note(outcomes)
        if !rows.isEmpty { last.append(JobStatements.finish(rows)) }
        let bereaving = Self.bereaving(outcomes)
        if !bereaving.isEmpty { last.append(JobStatements.orphan(childrenOf: bereaving)) }
        if told.isEmpty {
            // With COMMIT in the same round trip: what steps have locked is held for no longer than it must be.
            if !last.isEmpty { try await tx.commit(after: last) }
        } else {
            _ = try await tx.pipeline(last)
            woken.formUnion(try await JobStore.tell(told, in: &tx))
        }
        if !results.isEmpty { results[0].woken = woken }
    }

    /// The statement that inserts the runs that have no row yet, with what takes them out of the outcomes that remain to
    /// be written.
    private func bearing(_ outcomes: inout [JobOutcome]) -> [Query] {
        guard !unborn.isEmpty else { return [] }
        var parks: [JobID: JobOutcome] = [:]
        for outcome in outcomes { if case .waiting = outcome.next { parks[outcome.id] = outcome } }
        let starts = unborn.map { JobStatements.EagerStart(id: $0.id, job: $0.job, park: parks[$0.id]) }
        let written = Set(starts.compactMap(\.park?.id))
        outcomes.removeAll { written.contains($0.id) }
        return [JobStatements.enqueueRunning(starts)]
    }

    /// Ends a run before any of its code was driven.
    private mutating func finish(_ run: Run, _ next: JobOutcome.Next, in tx: inout Transaction) async throws {
        let told = try note([(run, next)])
        _ = try await tx.query(JobStatements.finish(rows(of: [(run, next)])))
        let bereaving = Self.bereaving([(run, next)])
        if !bereaving.isEmpty { _ = try await tx.execute(JobStatements.orphan(childrenOf: bereaving)) }
        woken.formUnion(try await JobStore.tell(told, in: &tx))
    }

    private func rows(of outcomes: [(run: Run, next: JobOutcome.Next)]) -> [JobOutcome] {
        outcomes.compactMap { outcome in
            outcome.run.job.map {
                JobOutcome(
                    id: $0.id,
                    next: outcome.next,
                    cleansUp: outcome.run.cleansUp,
                    transition: outcome.run.activation?.transition(for: outcome.next)
                )
            }
        }
    }

    /// Notes what becomes of runs.
    ///
    /// - Returns: what parents must be told.
    private mutating func note(_ outcomes: [(run: Run, next: JobOutcome.Next)]) throws -> [ChildEnd] {
        var told: [ChildEnd] = []
        for (run, next) in outcomes {
            guard let job = run.job else { continue }
            results.append(Result(run: run))
            if case .ready(let queue) = next { woken.insert(queue) }
            noteEnd(run, next)
            if let end = try end(of: job, next) { told.append(end) }
        }
        return told
    }
}
