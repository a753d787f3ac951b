import Postgres

@testable import Jobs
@testable import Workflows

/// A transaction of the engine, as its statements.
struct EngineTransaction: Sendable {
    typealias Step = @Sendable (inout Transaction, LockScene) async throws -> Void

    let name: String
    /// How rows must stand for it to lock all of them.
    let needs: LockScene.Standing
    let body: Body

    enum Body: Sendable {
        /// Statements one by one, then the commit.
        case steps([Step])
        /// A call that begins and commits for itself.
        case call(@Sendable (PostgresClient, LockScene) async throws -> Void)
    }

    init(_ name: String, needs: LockScene.Standing, _ steps: Step...) {
        self.name = name
        self.needs = needs
        body = .steps(steps)
    }

    init(
        _ name: String,
        needs: LockScene.Standing,
        call: @escaping @Sendable (PostgresClient, LockScene) async throws -> Void
    ) {
        self.name = name
        self.needs = needs
        body = .call(call)
    }

    /// Every transaction that locks runs, timers, claims or keys; add yours.
    static let all: [EngineTransaction] = [
        EngineTransaction(
            "claim",
            needs: .ready,
            { tx, scene in _ = try await tx.query(JobStatements.claim(scene.leaf, limit: 10, worker: 9)) }
        ),
        EngineTransaction(
            "go, parks",
            needs: .running,
            lockAndLoad,
            { tx, scene in
                try await tx.pipeline([
                    WorkflowStatements.keep(scene.runs.map { ($0, "s", .result(JSONB(text: "1"))) }),
                    JobStatements.finish(
                        scene.ids.map { id in
                            JobOutcome(id: id, next: .waiting(events: ["poked"], until: scene.past))
                        }
                    ),
                ])
            }
        ),
        EngineTransaction(
            "go, ends and tells the parent",
            needs: .running,
            lockAndLoad,
            { tx, scene in
                try await tx.pipeline([
                    WorkflowStatements.keep(scene.children.map { ($0, "s", .result(JSONB(text: "1"))) }),
                    JobStatements.finish(
                        scene.children.map { JobOutcome(id: $0.id, next: .done(output: JSONB(text: "1"))) }
                    ),
                ])
            },
            mourn
        ),
        EngineTransaction(
            "event",
            needs: .waiting,
            lock,
            { tx, scene in
                _ = try await tx.query(
                    JobStatements.deliver(scene.ids.map { ($0, "poked", JSONB(text: "1")) })
                )
            }
        ),
        EngineTransaction(
            "cancel",
            needs: .waiting,
            lock,
            { tx, scene in _ = try await tx.query(JobStatements.cancel(scene.ids)) },
            { tx, scene in _ = try await tx.query(JobStatements.ask(scene.ids, within: .seconds(9), "no")) },
            mourn
        ),
        EngineTransaction(
            "cancel by force",
            needs: .running,
            lock,
            { tx, scene in _ = try await tx.query(JobStatements.cancel(scene.ids, force: true)) },
            mourn
        ),
        EngineTransaction(
            "timers",
            needs: .waiting,
            { tx, _ in _ = try await tx.query(JobStatements.promoteDue(limit: 100)) }
        ),
        EngineTransaction(
            "rescue",
            needs: .running,
            { tx, _ in _ = try await tx.query(WorkerStatements.rescueOrphans(limit: 100, maxFailures: 10)) }
        ),
        EngineTransaction(
            "rescue for the last time",
            needs: .running,
            { tx, _ in _ = try await tx.query(WorkerStatements.rescueOrphans(limit: 100, maxFailures: 1)) }
        ),
        EngineTransaction(
            "release",
            needs: .running,
            { tx, scene in _ = try await tx.query(WorkerStatements.release(scene.runs)) }
        ),
        EngineTransaction(
            "forget claims",
            needs: .running,
            { tx, scene in try await tx.execute(JobStatements.forget(batches: scene.batches)) }
        ),
        EngineTransaction(
            "abandon claims",
            needs: .running,
            { tx, scene in
                try await tx.execute(JobStatements.abandon(batches: scene.batches, worker: scene.worker))
            }
        ),
        EngineTransaction(
            "pause",
            needs: .waiting,
            { tx, scene in _ = try await tx.query(JobStatements.pause(scene.ids)) }
        ),
        EngineTransaction(
            "resume",
            needs: .paused,
            { tx, scene in _ = try await tx.query(JobStatements.resume(scene.ids)) }
        ),
        EngineTransaction(
            "transition",
            needs: .expiring,
            { tx, scene in
                let due = scene.ids.map { RunTimer(wakeAt: scene.past, id: $0) }
                // What others hold is left to the next round.
                let runs = try await tx.query(JobStatements.lockExpiring(by: LockScene.transition, due)).map {
                    JobID(rawValue: try $0[0])
                }
                _ = try await tx.query(JobStatements.expire(runs.map { ($0, JSONB(text: "1")) }))
                try await mourn(runs, scene, in: &tx)
            }
        ),
        EngineTransaction(
            "replace",
            needs: .ready,
            { tx, scene in
                _ = try await tx.query(JobStatements.replace(zip(scene.ids, scene.jobs).map { ($0, $1) }))
            }
        ),
        EngineTransaction(
            "enqueue under the same keys",
            needs: .ready,
            { tx, scene in
                _ = try await tx.query(
                    JobStatements.enqueue(scene.jobs, keys: try scene.jobs.map { try JobKey(of: $0) })
                )
            }
        ),
        EngineTransaction(
            "start in another's place",
            needs: .waiting,
            { tx, scene in
                let key = try JobKey(of: scene.jobs[1])?.text ?? ""
                _ = try await scene.store.takeKey(key, from: scene.ids[1], in: &tx) { _ in .cancel }
            },
            { tx, scene in
                let jobs = [scene.jobs[1]]
                _ = try await tx.query(JobStatements.enqueue(jobs, keys: try jobs.map { try JobKey(of: $0) }))
            }
        ),
        EngineTransaction(
            "redrive",
            needs: .failed,
            call: { postgres, _ in try await JobStore(postgres: postgres).redriveAll() }
        ),
        EngineTransaction(
            "sweep children of the ended",
            needs: .running,
            call: { postgres, _ in _ = try await JobStore(postgres: postgres).sweepOrphans() }
        ),
        EngineTransaction(
            "sweep cancellations",
            needs: .running,
            call: { postgres, _ in _ = try await JobStore(postgres: postgres).sweepCancellations() }
        ),
    ]

    private static let lock: Step = { tx, scene in _ = try await tx.query(JobStatements.lock(scene.ids)) }

    /// How every go begins.
    private static let lockAndLoad: Step = { tx, scene in
        try await tx.pipeline([
            JobStatements.lock(scene.ids),
            WorkflowStatements.checkpoints(of: scene.runs),
            WorkflowStatements.events(of: scene.ids),
        ])
    }

    /// What the end of a family brings about.
    private static let mourn: Step = { tx, scene in try await mourn(scene.ids, scene, in: &tx) }

    private static func mourn(_ ended: [JobID], _ scene: LockScene, in tx: inout Transaction) async throws {
        try await tx.execute(JobStatements.orphan(childrenOf: ended))
        let ends = ended.filter { $0 != scene.ids[0] }.map {
            ChildEnd(of: $0, to: (scene.ids[0], "child:\($0)"), output: JSONB(text: "1"))
        }
        _ = try await JobStore.tell(ends, in: &tx)
    }
}

/// A parent and its two children, all in one lane, in the way of two transactions.
struct LockScene: Sendable {
    /// How all three stand.
    enum Standing: String, Sendable {
        case ready
        /// Claimed by a worker that no longer exists.
        case running
        /// Parked, for an event and for a time that has come.
        case waiting
        case failed
        /// Parked until a time that has come, for a function to end.
        case expiring
        /// Parked, and paused.
        case paused
    }

    static let transition = "end_run"

    let ids: [JobID]
    let jobs: [NewJob]
    let store: JobStore
    let leaf = LaneLeaf(number: 0, queue: "default")
    let worker: Int64 = 7
    let past = PostgresTimestamp.now - .seconds(5)
    private(set) var batches: [Int64] = []

    /// The runs as their first claim had them.
    var runs: [ClaimedJob] { zip(ids, jobs).map { ClaimedJob(eager: $0, $1) } }
    var children: [ClaimedJob] { Array(runs.dropFirst()) }

    /// Puts up three runs, and takes away what the last scene left.
    init(_ standing: Standing, in postgres: PostgresClient) async throws {
        try await postgres.simple(
            """
            DELETE FROM ready; DELETE FROM timers; DELETE FROM claims; DELETE FROM dead_letters;
            DELETE FROM job_keys; DELETE FROM cancellations; DELETE FROM transition_timers;
            DELETE FROM orphaned_runs;
            """
        )
        func job(_ number: Int) -> NewJob {
            var job = NewJob.run(name: "x", queue: "default", input: JSONB(text: "0"), key: "key \(number)")
            job.unique = Uniqueness(by: .key, while: .unfinished)
            return job
        }
        func insert(_ jobs: [NewJob]) async throws -> [JobID] {
            let rows = try await postgres.query(
                JobStatements.enqueue(jobs, keys: try jobs.map { try JobKey(of: $0) })
            )
            return try rows.map { JobID(rawValue: try $0[0]) }
        }
        var jobs = [job(0)]
        var ids = try await insert(jobs)
        for number in 1...2 {
            var child = job(number)
            child.parent = (ids[0], "child:\(number)")
            jobs.append(child)
        }
        ids += try await insert(Array(jobs.dropFirst()))
        self.ids = ids
        self.jobs = jobs
        store = JobStore(postgres: postgres)
        guard standing != .ready else { return }
        let rows = try await postgres.query(JobStatements.claim(leaf, limit: 10, worker: worker))
        batches = try Set(rows.map { try $0[5] as Int64 }).sorted()
        // Some of what is about to move was asked to end long ago.
        if standing == .running {
            _ = try await postgres.execute(JobStatements.ask(ids, within: .seconds(-1), "late"))
            for id in ids.dropFirst() { _ = try await postgres.execute(JobStatements.askToCancel(id)) }
        }
        let next: JobOutcome.Next? =
            switch standing {
            case .waiting, .expiring, .paused: .waiting(events: ["poked"], until: past)
            case .failed: .failed(error: "broken")
            case .ready, .running: nil
            }
        guard let next else { return }
        let expiry = RunTransition(function: Self.transition, argument: JSONB(text: "0"))
        let outcomes = ids.map {
            JobOutcome(id: $0, next: next, transition: standing == .expiring ? expiry : nil)
        }
        _ = try await postgres.query(JobStatements.finish(outcomes))
        if standing == .paused { _ = try await postgres.query(JobStatements.pause(ids)) }
    }
}
