internal import Jobs
internal import Postgres

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
        /// The results kept in this commit, for the caller of an eager start.
        var kept: [String: JSONB] = [:]
    }

    private let engine: CohortEngine
    private let runs: [Run]
    private var live: [Run] = []
    private var results: [Result] = []
    private var now = PostgresTimestamp(microseconds: 0)
    private var woken: Set<String> = []

    init(engine: CohortEngine, runs: [Run]) {
        self.engine = engine
        self.runs = runs
    }

    mutating func drive(in tx: inout Transaction) async throws -> [Result] {
        try await insertEager(in: &tx)
        try await fenceAndLoad(in: &tx)
        try await rounds(in: &tx)
        try await write(in: &tx)
        return results
    }

    // MARK: Fence and load

    private mutating func insertEager(in tx: inout Transaction) async throws {
        let eager = runs.filter(\.isEager)
        guard !eager.isEmpty else { return }
        let jobs = eager.compactMap { run in
            if case .eager(let job, _) = run.origin { job } else { nil }
        }
        let answers = try await tx.pipeline([
            JobStatements.enqueueRunning(
                try jobs.map { try $0.encoded(by: engine.registry.codec) },
                worker: nil
            ),
            Query("usher_now", "SELECT usher_now()"),
        ])
        now = try answers[1][0][0]
        for ((run, job), row) in zip(zip(eager, jobs), answers[0]) {
            let claimed = ClaimedJob(eager: JobID(rawValue: try row[0]), job)
            try start(run, Activation(job: claimed, checkpoints: [:], events: [:], now: now))
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

        var fence: [JobID: (epoch: Int32, state: String, cancelled: Bool)] = [:]
        for row in answers[0] {
            fence[JobID(rawValue: try row[0])] = (try row[1], try row[2], try row[3])
            now = try row[4]
        }
        var checkpoints: [JobID: [String: Checkpoint]] = [:]
        for row in answers[1] {
            guard let kind = Checkpoint.Kind(rawValue: try row[2]) else { continue }
            let id = JobID(rawValue: try row[0])
            checkpoints[id, default: [:]][try row[1]] = Checkpoint(kind: kind, value: try row[3])
        }
        var events: [JobID: [String: JSONB]] = [:]
        for row in answers[2] {
            events[JobID(rawValue: try row[0]), default: [:]][try row[1]] = try row[2]
        }

        for run in claimed {
            guard let job = run.job else { continue }
            guard let known = fence[job.id], known.epoch == job.epoch, known.state == "running" else {
                // Another claim has the run: nothing of this go is kept.
                results.append(Result(run: run))
                continue
            }
            if known.cancelled {
                try await finish(run, .cancelled, in: &tx)
                continue
            }
            if let activation = run.activation {
                activation.refresh(events: events[job.id] ?? [:], now: now)
                live.append(run)
            } else {
                let activation = Activation(
                    job: job,
                    checkpoints: checkpoints[job.id] ?? [:],
                    events: events[job.id] ?? [:],
                    now: now
                )
                try start(run, activation)
            }
        }
    }

    private mutating func start(_ run: Run, _ activation: Activation) throws {
        let job = activation.job
        run.activation = activation
        for arrival in run.carried { activation.effectEnded(arrival) }
        if let workflow = engine.registry.workflows[job.name] {
            activation.start { context in try await workflow.run(context, job.input) }
        } else {
            let names = engine.registry.workflows.keys.sorted().joined(separator: ", ")
            activation.start { _ in
                throw JobsError(
                    code: .unknownJob,
                    message: "no workflow \(job.name) is registered in this worker; it has: \(names)"
                )
            }
        }
        live.append(run)
    }

    // MARK: Rounds

    /// Lets the code of all runs go as far as it can, then does what they ask for, until nobody asks for more.
    private mutating func rounds(in tx: inout Transaction) async throws {
        for run in live {
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
        var starts: [(activation: Activation, ask: Ask, job: NewJob)] = []
        for (run, activation, ask) in asked {
            switch ask.kind {
            case .step(let body):
                try await attempt(run, activation, [ask], in: &tx) { tx in [try await body(&tx)] }
            case .cohort(let step):
                let type = ObjectIdentifier(Swift.type(of: step))
                if let index = cohorts.firstIndex(where: { $0.type == type }) {
                    cohorts[index].members.append((run, activation, ask, step))
                } else {
                    cohorts.append((type, [(run, activation, ask, step)]))
                }
            case .start(let job):
                starts.append((activation, ask, job))
            case .effect, .wait:
                break
            }
        }
        for (_, members) in cohorts {
            guard let first = members.first else { continue }
            let outputs: [Ask.Value]
            if members.count == 1 {
                try await attempt(first.run, first.activation, [first.ask], in: &tx) { tx in
                    try await perform(first.step, members.map { ($0.activation.job.id, $0.step) }, in: &tx)
                }
                continue
            }
            outputs = try await perform(first.step, members.map { ($0.activation.job.id, $0.step) }, in: &tx)
            for (member, output) in zip(members, outputs) { member.activation.answer(member.ask, output) }
        }
        if !starts.isEmpty {
            let ids = try await JobStore.insert(
                starts.map(\.job),
                codec: engine.registry.codec,
                in: &tx
            ).map(\.id)
            woken.formUnion(starts.map(\.job.queue))
            for (start, id) in zip(starts, ids) {
                start.activation.answer(start.ask, Ask.Value(json: try JSONCoding.encode(id), value: id))
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
        _ body: (inout Transaction) async throws -> [Ask.Value]
    ) async throws {
        do {
            let values = run.isolated ? try await tx.savepoint(body) : try await body(&tx)
            for (ask, value) in zip(asks, values) { activation.answer(ask, value) }
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
        _ members: [(id: JobID, step: any CohortStep)],
        in tx: inout Transaction
    ) async throws -> [Ask.Value] {
        let batch = members.compactMap { member in
            (member.step as? Step).map { CohortMember(runID: member.id, step: $0) }
        }
        let outputs = try await Step.perform(batch, in: &tx)
        guard outputs.count == members.count else {
            throw WorkflowError(
                code: .misuse,
                message:
                    "cohort step \(Step.name) returned \(outputs.count) outputs for \(members.count) runs"
            )
        }
        return try outputs.map { Ask.Value(json: try JSONCoding.encode($0), value: $0) }
    }

    // MARK: Write

    private mutating func write(in tx: inout Transaction) async throws {
        var outcomes: [(run: Run, next: JobOutcome.Next)] = []
        var kept: [(job: ClaimedJob, key: String, checkpoint: Checkpoint)] = []
        var keptByRun: [ObjectIdentifier: [String: JSONB]] = [:]
        var over: [ClaimedJob] = []
        for run in live {
            guard let activation = run.activation else { continue }
            if run.isEager, case .failed(let error) = activation.ending {
                throw EagerFailed(run: run, error: error)
            }
            let fresh = activation.takeFresh()
            let next = self.next(for: run, activation)
            if case .again = next {
                over.append(activation.job)
            } else {
                kept += fresh.map { (activation.job, $0.key, $0.checkpoint) }
            }
            if run.isEager {
                keptByRun[ObjectIdentifier(run)] = Dictionary(
                    uniqueKeysWithValues: fresh.map { ($0.key, $0.checkpoint.value) }
                )
            }
            if let next {
                outcomes.append((run, next))
            } else {
                results.append(Result(run: run, disposition: .held))
            }
        }
        var last: [Query] = []
        if !kept.isEmpty { last.append(WorkflowStatements.keep(kept)) }
        if !over.isEmpty { last.append(WorkflowStatements.forget(over)) }
        let told = note(outcomes)
        if !outcomes.isEmpty { last.append(JobStatements.finish(rows(of: outcomes))) }
        if told.isEmpty {
            // With COMMIT in the same round trip: what steps have locked is held for no longer than it must be.
            if !last.isEmpty { try await tx.commit(after: last) }
        } else {
            _ = try await tx.pipeline(last)
            try await tell(told, in: &tx)
        }
        for index in results.indices {
            results[index].kept = keptByRun[ObjectIdentifier(results[index].run)] ?? [:]
        }
        if !results.isEmpty { results[0].woken = woken }
    }

    /// Where a run goes next; nil while it has effects to run here.
    private func next(for run: Run, _ activation: Activation) -> JobOutcome.Next? {
        let job = activation.job
        if let ending = activation.ending {
            switch ending {
            case .done(let output):
                return .done(output: output)
            case .again(let input, let delay):
                do {
                    let stored = try engine.registry.codec?.encode(input, of: job.name) ?? input
                    return .again(input: stored, at: now + delay)
                } catch {
                    return failure(job, error)
                }
            case .failed(let error):
                return failure(job, error)
            }
        }
        let effects = activation.pendingEffects
        if activation.hasEffectsInFlight { return nil }
        // An eager run has no claim to hold while an effect runs: a worker takes it from here.
        if run.isEager, let effect = effects.first { return .ready(queue: effect.queue ?? job.homeQueue) }
        if let foreign = effects.compactMap(\.queue).first(where: { !engine.served.contains($0) }) {
            return .ready(queue: foreign)
        }
        if !effects.isEmpty { return nil }
        if let waits = activation.waits { return .waiting(events: waits.events, until: waits.until) }
        return failure(
            job,
            WorkflowError(
                code: .undeclaredWait,
                message:
                    "run \(job.id) (\(job.name)) awaits something other than its context; put it in an effect"
            )
        )
    }

    private func failure(_ job: ClaimedJob, _ error: any Error) -> JobOutcome.Next {
        let message = String("\(error)".prefix(4000))
        guard let workflow = engine.registry.workflows[job.name] else {
            // While a new version rolls out some workers don't know a name that others do.
            guard engine.registry.unknownNames.isTemporary(job.name) else {
                return .failed(error: message, kind: .unknown)
            }
            return .retry(at: now + UnknownNames.delay, failures: job.failures, error: message)
        }
        let verdict = error as? JobVerdict
        guard let again = workflow.retry.next(verdict, failures: Int(job.failures)) else {
            if case .discard = verdict { return .failed(error: message, kind: .discarded) }
            return .failed(error: message)
        }
        return .retry(at: now + again.delay, failures: Int16(clamping: again.failures), error: message)
    }

    /// Ends a run before any of its code was driven.
    private mutating func finish(_ run: Run, _ next: JobOutcome.Next, in tx: inout Transaction) async throws {
        let told = note([(run, next)])
        _ = try await tx.query(JobStatements.finish(rows(of: [(run, next)])))
        if !told.isEmpty { try await tell(told, in: &tx) }
    }

    private func rows(of outcomes: [(run: Run, next: JobOutcome.Next)]) -> [JobOutcome] {
        outcomes.compactMap { outcome in outcome.run.job.map { JobOutcome(id: $0.id, next: outcome.next) } }
    }

    /// Notes what becomes of runs.
    ///
    /// - Returns: what parents must be told.
    private mutating func note(
        _ outcomes: [(run: Run, next: JobOutcome.Next)]
    ) -> [(to: JobID, name: String, payload: JSONB)] {
        var told: [(to: JobID, name: String, payload: JSONB)] = []
        for (run, next) in outcomes {
            guard let job = run.job else { continue }
            results.append(Result(run: run))
            if case .ready(let queue) = next { woken.insert(queue) }
            guard let parent = job.parent, let payload = Self.ending(next) else { continue }
            told.append((parent.id, parent.event, payload))
        }
        return told
    }

    private mutating func tell(
        _ told: [(to: JobID, name: String, payload: JSONB)],
        in tx: inout Transaction
    ) async throws {
        for row in try await tx.query(JobStatements.deliver(told)) {
            if let queue: String = try row[4] { woken.insert(queue) }
        }
    }

    /// What a parent is told of its child's end; nil while the child goes on.
    private static func ending(_ next: JobOutcome.Next) -> JSONB? {
        switch next {
        case .done(let output): JSONB(text: "{\"output\":\(output.text)}")
        case .failed(let error, _): try? JSONCoding.encode(ChildEnding<String>(error: error))
        case .cancelled: JSONB(text: "{\"error\":\"cancelled\"}")
        case .ready, .retry, .waiting, .again: nil
        }
    }
}
