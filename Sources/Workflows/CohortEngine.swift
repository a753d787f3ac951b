package import Jobs
package import Postgres
internal import Reactor
package import Telemetry

/// Runs cohorts: takes what has come in, drives it in one transaction, commits, and starts the effects.
///
/// Any number of runs share a transaction's statements and its fsync. If something in it fails, it is rolled back
/// and tried again by halves, so that one bad run costs its neighbours nothing but time.
package final class CohortEngine: Sendable {
    /// What bounds an engine.
    package struct Limits: Sendable {
        /// Transactions at a time.
        package var committers = 2
        /// Runs in one transaction.
        package var cohort = 200
        /// How long a statement may wait for a row lock.
        package var lockTimeout: Duration = .seconds(5)
        /// The longest time between two statements, after which the server ends the session.
        ///
        /// A process that is frozen in the middle of a transaction holds the rows of its runs: nobody could rescue them,
        /// nor what others held.
        package var idleTimeout: Duration = .seconds(10)
        /// Goes at a run that are rolled back for reasons outside it, before one counts as failed.
        package var rollbacks = 8

        package init() {}
    }

    let postgres: PostgresClient
    let registry: WorkflowRegistry
    /// The queues whose effects this process may run.
    let served: Set<String>
    let limits: Limits
    let logger: Logger
    let probe: (any EngineProbe)?
    let tracer: Tracer?
    private let store: JobStore
    private let inbox = Inbox()
    private let effects: AsyncStream<Launch>
    private let launcher: AsyncStream<Launch>.Continuation
    private let settled: @Sendable (ClaimedJob) -> Void
    /// Runs with effects in flight.
    private let held = Lock<[JobID: Run]>([:])

    private struct Launch: Sendable {
        let run: Run
        let job: ClaimedJob
        let key: String
        let effect: Ask.Effect
        /// How long the run may still take.
        let left: Duration?
        let trace: RunTrace?
    }

    /// Makes an engine.
    ///
    /// Effects run here only if their queue is `served`; `settled` is told of each claimed job this process no longer
    /// holds.
    package init(
        postgres: PostgresClient,
        registry: WorkflowRegistry,
        served: Set<String>,
        limits: Limits = Limits(),
        logger: Logger,
        tracer: Tracer? = nil,
        probe: (any EngineProbe)? = nil,
        settled: @escaping @Sendable (ClaimedJob) -> Void = { _ in }
    ) {
        self.postgres = postgres
        self.registry = registry
        self.served = served
        self.limits = limits
        self.logger = logger
        self.probe = probe
        self.tracer = tracer
        self.settled = settled
        store = JobStore(postgres: postgres)
        (effects, launcher) = AsyncStream.makeStream(of: Launch.self)
    }

    /// Takes in claimed jobs, all of them workflows.
    package func submit(_ jobs: [ClaimedJob]) {
        inbox.put(jobs.map { Run(.claimed($0)) })
    }

    /// Looks at once which of these runs are to end, instead of when an effect of theirs has ended.
    package func heedCancellation(of ids: some Sequence<JobID>) {
        let runs = held.withLock { held in ids.compactMap { held[$0] } }
        inbox.put(runs.filter { $0.poke() })
    }

    /// Inserts a run and drives its first activation in the same transaction, grouped with its neighbours'.
    ///
    /// The input is the one in the job, as it was before it was encoded.
    func startEagerly(_ job: NewJob, _ input: any Sendable) async throws -> EagerRun {
        try await withCheckedThrowingContinuation { continuation in
            inbox.put([Run(.eager(job, continuation), given: input)])
        }
    }

    /// Works until ``close()``, then until nothing is left.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                await withDiscardingTaskGroup { group in
                    for await launch in effects { group.addTask { [self] in await perform(launch) } }
                }
            }
            await withDiscardingTaskGroup { committers in
                for _ in 0..<limits.committers {
                    committers.addTask { [self] in
                        while let runs = await inbox.take(upTo: limits.cohort) { await commit(runs) }
                    }
                }
            }
            launcher.finish()
        }
    }

    /// Lets ``run()`` end once nothing is left to commit.
    ///
    /// Effects in flight are given up.
    package func close() {
        inbox.close()
    }

    // MARK: One commit

    private func commit(_ runs: [Run]) async {
        var pending = [runs]
        while let cohort = pending.popLast() {
            do {
                let options = TransactionOptions(
                    lockTimeout: limits.lockTimeout,
                    idleTimeout: limits.idleTimeout
                )
                let results = try await postgres.withTransaction(options) { tx in
                    var go = CohortGo(engine: self, runs: cohort)
                    return try await go.drive(in: &tx)
                }
                settle(results)
            } catch is SimulatedCrash {
                for run in cohort { drop(run) }
            } catch let thrown as StepThrew {
                for run in cohort { run.rewind() }
                thrown.run.isolated = true
                let rest = cohort.filter { $0 !== thrown.run }
                if !rest.isEmpty { pending.append(rest) }
                pending.append([thrown.run])
            } catch let failed as EagerFailed {
                for run in cohort { run.rewind() }
                if case .eager(_, let continuation) = failed.run.origin {
                    continuation.resume(throwing: failed.error)
                }
                let rest = cohort.filter { $0 !== failed.run }
                if !rest.isEmpty { pending.append(rest) }
            } catch {
                for run in cohort { run.rewind() }
                if cohort.count > 1, !Self.isConnectionLost(error) {
                    logger.debug("cohort rolled back", ["runs": cohort.count, "error": "\(error)"])
                    pending.append(Array(cohort[..<(cohort.count / 2)]))
                    pending.append(Array(cohort[(cohort.count / 2)...]))
                } else if let again = await afterRollback(cohort, error) {
                    pending.append(again)
                }
            }
        }
    }

    /// What to do with runs whose go was rolled back as a whole: those to drive again, or nil.
    private func afterRollback(_ cohort: [Run], _ error: any Error) async -> [Run]? {
        var again: [Run] = []
        for run in cohort {
            run.rollbacks += 1
            if case .eager(_, let continuation) = run.origin {
                // Its caller is waiting; what became of an unknown commit is for the caller to look up.
                if run.rollbacks < 3, !Self.isConnectionLost(error) {
                    again.append(run)
                } else {
                    continuation.resume(throwing: error)
                }
            } else {
                again.append(run)
            }
        }
        guard !Task.isCancelled, let most = again.map(\.rollbacks).max() else { return nil }
        logger.warning("a commit failed and is tried again", ["runs": again.count, "error": "\(error)"])
        // The claim stays valid as long as the heartbeat does, so giving up here would strand the run.
        try? await Task.sleep(for: .milliseconds(min(2000, 10 << min(most, 8)) + Int.random(in: 0..<20)))
        return again
    }

    private static func isConnectionLost(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return false }
        return error.code != .server
    }

    /// Forgets a run as if the process had died.
    private func drop(_ run: Run) {
        run.rewind()
        run.abandon()
        guard let job = run.job else { return }
        held.withLock { $0[job.id] = nil }
        settled(job)
    }

    private func settle(_ results: [CohortGo.Result]) {
        var woken: Set<String> = []
        for result in results {
            woken.formUnion(result.woken)
            let run = result.run
            run.rollbacks = 0
            if let tracer { tracer.record(run.takeSpans()) }
            if let probe, let id = run.job?.id {
                do { try probe.didCommit(run.committed, of: id) } catch {
                    drop(run)
                    continue
                }
            }
            switch result.disposition {
            case .left:
                run.activation?.seal()
                run.abandon()
                if let id = run.job?.id { held.withLock { $0[id] = $0[id] === run ? nil : $0[id] } }
                if case .eager(_, let continuation) = run.origin, let job = run.job {
                    continuation.resume(
                        returning: EagerRun(id: job.id, results: run.activation?.answers ?? [:])
                    )
                } else if case .claimed(let job) = run.origin {
                    settled(job)
                }
            case .held:
                guard let activation = run.activation else { continue }
                run.carried.removeAll()
                held.withLock { $0[activation.job.id] = run }
                run.abandon(activation.takeCut())
                let left = run.fence?.deadline.map { max(.milliseconds(1), $0 - activation.now) }
                for (key, effect) in run.isPausing ? [] : activation.takeEffects() where run.takeOff(key) {
                    launcher.yield(
                        Launch(
                            run: run,
                            job: activation.job,
                            key: key,
                            effect: effect,
                            left: activation.interruption == nil ? left : nil,
                            trace: activation.trace
                        )
                    )
                }
                if run.leaveCommit() { inbox.put([run]) }
            }
        }
        if !woken.isEmpty { store.wake(woken) }
    }

    // MARK: Effects

    private func perform(_ launch: Launch) async {
        let key = "\(launch.job.id)/\(launch.job.generation)/\(launch.key)"
        let result: Result<Ask.Value, any Error>
        do {
            let timeout = [launch.effect.timeout, launch.left].compactMap { $0 }.min()
            let work = Task { [probe, tracer] in
                try await RunTrace.effect(launch.key, launch.effect, of: launch.trace, tracer) {
                    try await withTimeout(timeout, what: launch.key) {
                        try probe?.willPerform(launch.key, of: launch.job.id, isSeen: true)
                        let value = try await launch.effect.perform(key)
                        try probe?.didPerform(launch.key, of: launch.job.id, isSeen: true)
                        return value
                    }
                }
            }
            launch.run.flies(launch.key) { work.cancel() }
            result = .success(
                try await withTaskCancellationHandler {
                    try await work.value
                } onCancel: {
                    work.cancel()
                }
            )
        } catch is SimulatedCrash {
            return drop(launch.run)
        } catch {
            logger.debug("an effect failed", ["key": key, "error": "\(error)"])
            result = .failure(error)
        }
        let arrival = EffectArrival(key: launch.key, effect: launch.effect, result: result)
        if launch.run.arrived(arrival) { inbox.put([launch.run]) }
    }
}

/// A step's closure threw; the transaction is rolled back and the run is driven alone.
struct StepThrew: Error {
    let run: Run
    let error: any Error
}

/// The code of an eager run threw in its first go: it is not started, and its caller hears why.
struct EagerFailed: Error {
    let run: Run
    let error: any Error
}

/// Runs `body`, and gives up on it after a time.
private func withTimeout<Output: Sendable>(
    _ timeout: Duration?,
    what: String,
    _ body: @escaping @Sendable () async throws -> Output
) async throws -> Output {
    guard let timeout else { return try await body() }
    return try await withThrowingTaskGroup(of: Output.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: timeout)
            throw WorkflowError(code: .timedOut, message: "\(what) took longer than \(timeout.seconds) s")
        }
        defer { group.cancelAll() }
        guard let output = try await group.next() else { throw CancellationError() }
        return output
    }
}
