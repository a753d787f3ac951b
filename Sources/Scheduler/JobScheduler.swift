internal import Jobs
public import Postgres
internal import Reactor
internal import Synchronization
public import Telemetry

/// Wakes what is due, rescues what the dead held, fires recurring jobs, makes and drops ranges.
///
/// Any number may run; the one with the lease works. Everything it does is safe to do twice, so a leader that has
/// not noticed yet that it was replaced does no harm.
public final class JobScheduler: Sendable {
    private let postgres: PostgresClient
    private let configuration: SchedulerConfiguration
    private let chores: [Chore]
    private let logger: Logger
    private let leadership: Leadership
    private let store: JobStore
    private let stopping = Atomic<Bool>(false)
    private let leadingUntil = Atomic<UInt64>(0)
    /// The key that the sweep of blocked jobs came to last.
    private let swept = Lock((queue: "", key: ""))

    /// Makes a scheduler.
    ///
    /// Nothing happens until ``run()``.
    ///
    /// The name is unique among the schedulers of a schema. The chores are done beside the scheduler's own.
    public init(
        postgres: PostgresClient,
        name: String,
        configuration: SchedulerConfiguration = SchedulerConfiguration(),
        chores: [Chore] = [],
        logger: Logger
    ) {
        self.postgres = postgres
        self.configuration = configuration
        self.chores = chores
        self.logger = logger
        leadership = Leadership(
            name: "scheduler",
            holder: name,
            lease: configuration.leaderLease,
            postgres: postgres
        )
        store = JobStore(postgres: postgres)
    }

    /// Whether this scheduler holds the lease by its own clock.
    public var isLeading: Bool {
        MonotonicTime.now.nanoseconds < leadingUntil.load(ordering: .relaxed)
    }

    /// Campaigns, and works while it leads, until ``stop()`` or cancellation.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in await campaign() }
            group.addTask { [self] in
                await repeatWhileLeading(every: configuration.promoteInterval, "promote") {
                    try await self.promote()
                }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: configuration.promoteInterval, "expire") {
                    try await self.expire()
                }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .milliseconds(500), "rescue") { try await self.rescue() }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .milliseconds(500), "cancel") {
                    _ = try await self.store.sweepCancellations()
                    while self.isLeading, !self.isOver, try await self.store.sweepOrphans() > 0 {}
                }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .milliseconds(500), "recur") {
                    try await self.fireSchedules()
                }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .seconds(1), "rotate") { try await self.rotate() }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .seconds(1), "sweep") { try await self.sweep() }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .seconds(30), "maintain") { try await self.maintain() }
            }
            group.addTask { [self] in
                await repeatWhileLeading(every: .milliseconds(200), "fold") { try await self.fold() }
            }
            for chore in chores {
                group.addTask { [self] in
                    await repeatWhileLeading(every: .seconds(30), chore.name) {
                        while isLeading, !isOver, try await chore.batch(postgres) {}
                    }
                }
            }
        }
        if isLeading { try? await leadership.resign() }
    }

    /// Ends ``run()`` and gives up the lease.
    public func stop() {
        stopping.store(true, ordering: .relaxed)
    }

    private var isOver: Bool { stopping.load(ordering: .relaxed) || Task.isCancelled }

    private func campaign() async {
        var led = false
        while !isOver {
            let asked = MonotonicTime.now
            do {
                let epoch = try await leadership.campaign()
                let until = epoch == nil ? 0 : (asked + configuration.leaderLease).nanoseconds
                leadingUntil.store(until, ordering: .relaxed)
                if let epoch, !led { logger.info("leading", ["epoch": epoch]) }
                led = epoch != nil
            } catch {
                logger.warning("campaign failed", ["error": "\(error)"])
            }
            await pause(configuration.leaderLease / 4)
        }
    }

    /// Sleeps, but notices a stop within a tenth of a second.
    private func pause(_ duration: Duration) async {
        let end = MonotonicTime.now + duration
        while !isOver, MonotonicTime.now < end {
            try? await Task.sleep(for: min(.milliseconds(100), end - .now))
        }
    }

    private func repeatWhileLeading(
        every interval: Duration,
        _ what: String,
        _ body: @Sendable () async throws -> Void
    ) async {
        while !isOver {
            guard isLeading else {
                await pause(.milliseconds(50))
                continue
            }
            do {
                try await body()
            } catch {
                logger.warning("a round failed and comes again", ["round": what, "error": "\(error)"])
            }
            await pause(interval)
        }
    }

    // MARK: The rounds

    private func promote() async throws {
        while isLeading, !isOver {
            let row = try await postgres.query(JobStatements.promoteDue(limit: configuration.promoteBatch))[0]
            let removed: Int64 = try row[1]
            let queues: [String] = try row[2]
            if !queues.isEmpty { store.wake(queues) }
            if removed < Int64(configuration.promoteBatch) { return }
        }
    }

    /// Ends runs by their functions, some batches of each function in turn, until nothing is due.
    private func expire() async throws {
        let round = TransitionRound(
            postgres: postgres,
            batch: configuration.expireBatch,
            lanes: configuration.expireLanes
        )
        var hasMore = true
        while hasMore, isLeading, !isOver {
            hasMore = false
            for function in try await round.due() where isLeading && !isOver {
                let outcome = try await round.fire(function)
                if !outcome.woken.isEmpty { store.wake(outcome.woken) }
                hasMore = hasMore || outcome.hasMore
                guard let failure = outcome.failure else { continue }
                logger.warning(
                    "a transition failed, and runs are handed to their code",
                    ["function": function, "runs": outcome.handedOver, "error": failure]
                )
            }
        }
    }

    private func rescue() async throws {
        let dead = try await postgres.query(
            WorkerStatements.buryDead(leaseSeconds: configuration.workerLease.seconds)
        )
        if !dead.isEmpty { logger.warning("workers died", ["workers": dead.count]) }
        while isLeading, !isOver {
            let row = try await postgres.query(
                WorkerStatements.rescueOrphans(
                    limit: 100,
                    maxFailures: Int16(clamping: configuration.maxWorkerDeaths)
                )
            )[0]
            let batches: Int64 = try row[0]
            let jobs: Int64 = try row[1]
            let queues: [String] = try row[2]
            if jobs > 0 { logger.warning("rescued what dead workers held", ["jobs": jobs]) }
            if !queues.isEmpty { store.wake(queues) }
            if batches < 100 { return }
        }
    }

    private func fold() async throws {
        while isLeading, !isOver {
            let (tallies, queues) = try await BatchFold.fold(store)
            if !queues.isEmpty { store.wake(queues) }
            if tallies < 10_000 { return }
        }
    }

    /// Signals a part of the keys with blocked jobs that have room and nobody was told of, and notes where it stopped.
    private func sweep() async throws {
        let row = try await postgres.query(
            LimitStatements.sweep(after: swept.withLock { $0 }, most: 1000)
        )[0]
        let queue: String? = try row[0]
        let key: String? = try row[1]
        swept.withLock { $0 = (queue ?? "", key ?? "") }
        let queues: [String] = try row[2]
        if !queues.isEmpty { store.wake(queues) }
    }

    private func fireSchedules() async throws {
        let fired = try await RecurrenceFiring.fireDue(on: postgres)
        if !fired.queues.isEmpty { store.wake(fired.queues) }
        for problem in fired.problems { logger.warning("a schedule can't fire", ["problem": problem]) }
    }

    private func rotate() async throws {
        let row = try await postgres.query(
            Query("lanes_rotate", "SELECT * FROM rotate_lanes(\(Int64(configuration.deadRowLimit)))")
        )[0]
        let truncated: Int32 = try row[0]
        let turned: Int32 = try row[1]
        guard truncated + turned > 0 else { return }
        logger.debug("lanes changed sides", ["queues": turned, "truncated": truncated])
    }

    private func maintain() async throws {
        let span = configuration.rangeSpan.seconds
        let turned: Bool = try await postgres.query(
            Query("job_ranges_turn", "SELECT turn_job_range(make_interval(secs => \(span)))")
        )[0][0]
        if turned { logger.info("began a new range of jobs") }
        let keep = configuration.retention.seconds
        let dropped: Int32 = try await postgres.query(
            Query("job_ranges_drop", "SELECT drop_job_ranges(make_interval(secs => \(keep)))")
        )[0][0]
        _ = try await postgres.query(Query("journal_ranges_drop", "SELECT drop_journal_ranges()"))
        if dropped > 0 { logger.info("dropped ended ranges", ["ranges": dropped]) }
        _ = try await postgres.execute(JobStatements.dropOrphanTimers())
        _ = try await postgres.execute(JobStatements.forgetFanIns())
        _ = try await postgres.execute(BatchFold.forget(olderThan: keep))
        _ = try await postgres.query(LimitStatements.forgetKeys(most: 10_000))
    }
}
