import Postgres
import Telemetry
import TestSupport
import Testing

@testable import Jobs

/// No statement of the queue reads more than it must, whatever waits or has ended beside it.
///
/// Each is run by the code that it belongs to, over a backlog of a million, with the plans that serving processes have.
@Suite("The plans of the queue's statements", .timeLimit(.minutes(5)))
struct JobPlanTests {
    private typealias Jobs = BacklogSeed.Jobs

    @Test func `Every statement has its plan, or a reason to have none`() throws {
        let names = try SourceStatements.names(in: "Jobs").union(try SourceStatements.names(in: "Worker"))
        let planned = Set(JobPlans.all.map { String($0.name.prefix { $0 != " " }) })
        let excused = Set(JobPlans.excused.keys)
        #expect(Set(JobPlans.all.map(\.name)).count == JobPlans.all.count)
        #expect(names.subtracting(planned).subtracting(excused).sorted() == [], "neither planned nor excused")
        #expect(
            planned.subtracting(JobPlans.elsewhere).union(excused).subtracting(names).sorted() == [],
            "no longer there"
        )
        #expect(planned.intersection(excused).sorted() == [], "both planned and excused")
    }

    @Test func `Every statement finds its rows by its indexes, among a million`() async throws {
        try await SeededBacklog.with { backlog in
            try await enqueue(&backlog)
            try await work(&backlog)
            try await drive(&backlog)
            try await raise(&backlog)
            try await limit(&backlog)
            try await look(&backlog)
            try await operate(&backlog)
            try await cancel(&backlog)
            try await keepTime(&backlog)
            try await foldBatches(&backlog)
            try await redrive(&backlog)
            let entries = backlog.plans.entries
            for plan in JobPlans.all {
                let complaints = try plan.complaints(entries, growing: SeededBacklog.growing)
                #expect(complaints.isEmpty, "\(complaints.first ?? "")")
            }
        }
    }

    private func ids(_ range: ClosedRange<Int64>, from first: Int64 = 0, step: Int64 = 1) -> [JobID] {
        (0..<20).map { JobID(rawValue: range.lowerBound + first + $0 * step) }
    }

    // MARK: Producers

    private func enqueue(_ backlog: inout SeededBacklog) async throws {
        let store = backlog.store
        let input = JSONB(text: "{}")
        func jobs(_ change: (inout NewJob, Int) -> Void) -> [NewJob] {
            (0..<20).map { index in
                var job = NewJob(name: "x", input: input)
                change(&job, index)
                return job
            }
        }
        backlog.plans.label("plain")
        _ = try await store.enqueue(jobs { $0.isRun = $1 % 2 == 0 })
        backlog.plans.label("keyed")
        // Half of the keys are taken.
        let keyed = jobs {
            $0.key = $1 % 2 == 0 ? "end:\(1 + 8 * $1)" : "new:\($1)"
            $0.unique = Uniqueness(by: .key)
        }
        let outcomes = try await store.offer(keyed).map(\.outcome)
        #expect(outcomes.count { $0 == .found } == 10)
        backlog.plans.label("limited")
        _ = try await store.enqueue(
            jobs {
                $0.queue = "mail"
                $0.limitKey = "key \($1)"
            }
        )
        backlog.plans.label("batched")
        let callback = NewJob(name: "told", input: input)
        let batch = try await store.openBatch("another", whenDone: callback)
        _ = try await store.enqueue(jobs { job, _ in job.batch = batch })
        backlog.plans.label(nil)
        try await store.seal(batch)
        #expect(try await store.report(on: batch)?.added == 20)
        // Of the jobs that have these keys none was started.
        let replacing = jobs {
            $0.key = "start:\(3 + 8 * $1)"
            $0.unique = Uniqueness(by: .key, while: .queued, onConflict: .replace)
        }
        let replaced = try await store.offer(replacing).map(\.outcome)
        #expect(replaced.allSatisfy { $0 == .replaced })
        for range in [Jobs.scheduled, Jobs.blocked] {
            let changes = ids(range, from: 1000).map { (id: $0, by: NewJob(name: "x", input: input)) }
            #expect(try await backlog.client.query(JobStatements.replace(changes)).count == 20)
        }
        let many = jobs { $0.runAt = $1 % 2 == 0 ? .now : nil }
        #expect(try await store.enqueueAll(many) == 20)
        let numbers = try await backlog.client.query(JobStatements.number(20)).map { try $0[0] as Int64 }
        let starts = zip(numbers, jobs { _, _ in }).map { id, job in
            let park = JobOutcome(
                id: JobID(rawValue: id),
                next: .waiting(events: ["paid"], until: .now + .seconds(86_400))
            )
            return JobStatements.EagerStart(
                id: JobID(rawValue: id),
                job: job,
                park: id % 2 == 0 ? park : nil
            )
        }
        _ = try await backlog.client.query(JobStatements.enqueueRunning(starts))
        #expect(try await store.runNow(JobID(rawValue: Jobs.scheduled.upperBound)))
    }

    // MARK: Workers

    private func work(_ backlog: inout SeededBacklog) async throws {
        let client = backlog.client
        // Keys until the end, and batches.
        let heads = (0..<8).map {
            (leaf: LaneLeaf(number: $0, queue: "default"), floor: nil as LaneFloor?)
        }
        #expect(try await client.query(JobStatements.look(at: heads)).count >= 4)
        backlog.plans.label("plain")
        let owing = try await backlog.claim(LaneLeaf(number: 1, queue: "default"))
        #expect(owing.count == 20 && owing.allSatisfy { $0.owesMore && !$0.isRun })
        // Keys until the start.
        backlog.plans.label("from a floor")
        let floor = LaneFloor(rank: 0, id: JobID(rawValue: 400_000))
        let plain = try await backlog.claim(LaneLeaf(number: 3, queue: "default"), floor: floor)
        #expect(plain.count == 20 && plain.allSatisfy { $0.id.rawValue >= 400_000 && !$0.owesMore })
        backlog.plans.label("runs")
        let runs = try await backlog.claim(LaneLeaf(number: 0, queue: "default"))
        #expect(runs.count { $0.isRun } > 0)
        backlog.plans.label(nil)
        #expect(try await client.query(JobStatements.close(batches: plain.map(\.batch))).count == 1)
        #expect(try await client.query(JobStatements.hold(batches: owing.map(\.batch))).count == 1)
        let ends: [JobEnd.Next] = [
            .done(output: nil), .done(output: JSONB(text: "1")), .cancelled(reason: "no"), .handedBack,
            .failed(failures: 3, error: "no", kind: .failed),
            .retry(after: .seconds(5), failures: 1, error: "no"),
        ]
        let settled = owing.enumerated().map { JobEnd($1, ends[$0 % ends.count]) }
        #expect(try await client.query(JobStatements.settle(settled)).count == 20)
        let slots = try await backlog.held(82).map(JobID.init(rawValue:))
        let limited = slots.enumerated().map { JobEnd(batch: 82, id: $1, next: ends[$0 % ends.count]) }
        #expect(try await client.query(JobStatements.settle(limited)).count == 50)
        _ = try await client.query(WorkerStatements.release(runs.filter(\.isRun)))
        _ = try await client.execute(JobStatements.forget(batches: runs.filter(\.isRun).map(\.batch)))
        #expect(try await client.query(JobStatements.unknown(to: 1, knowing: [1, 2, 3])).count > 50)
        #expect(try await client.execute(JobStatements.abandon(batches: [5], worker: 1)) == 1)
        // Ten claims of a worker that is gone and one that was given up, of fifty jobs each.
        let rescued = try await client.query(WorkerStatements.rescueOrphans(limit: 100, maxFailures: 3))[0]
        let (batches, jobs): (Int64, Int64) = (try rescued[0], try rescued[1])
        #expect(batches == 11 && jobs == 550)
        let crashed = try await client.query(WorkerStatements.rescueOrphans(limit: 100, maxFailures: 3))[0]
        #expect(try crashed[0] as Int64 == 0)
        let journal = JobJournal {}
        for id in ids(Jobs.waiting) {
            journal.note(progress: 1, "whole", of: id)
            journal.note(.info, "said", [("a", "b")], of: id, attempt: 1)
        }
        #expect(try await journal.write(on: client) == 0)
        #expect(try await backlog.store.progress(of: JobID(rawValue: Jobs.waiting.lowerBound))?.fraction == 1)
        #expect(try await backlog.store.log(of: JobID(rawValue: Jobs.waiting.lowerBound)).count == 2)
    }

    // MARK: Runs

    private func drive(_ backlog: inout SeededBacklog) async throws {
        let client = backlog.client
        let running = ids(Jobs.running)
        #expect(try await client.query(JobStatements.lock(running)).count == 20)
        let nexts: [JobOutcome.Next] = [
            .done(output: JSONB(text: "1")), .failed(error: "no"), .cancelled, .ready(queue: "default"),
            .retry(at: .now, failures: 1, error: "no"), .waiting(events: ["go"], until: .now),
            .again(input: JSONB(text: "{}"), at: .now),
        ]
        let outcomes = running.enumerated().map { JobOutcome(id: $1, next: nexts[$0 % nexts.count]) }
        #expect(try await client.execute(JobStatements.cleanUp(running)) == 20)
        let moved = try await client.query(JobStatements.finish(outcomes))
        #expect(try moved[0][0] as Int64 == 20)
        let told = ids(Jobs.waiting).map { (to: $0, name: "go", payload: JSONB(text: "1")) }
        let woken = try await client.query(JobStatements.deliver(told))
        #expect(try woken.map { try $0[4] as String? } == Array(repeating: "default", count: 20))
    }

    /// Fan-outs of one child each.
    private func raise(_ backlog: inout SeededBacklog) async throws {
        let client = backlog.client
        let children = ids(Jobs.children, from: 1000)
        let parents = children.map { JobID(rawValue: $0.rawValue - 40_000) }
        let name = "children:x"
        let ends = zip(parents, children).map {
            ChildEnd(of: $1, to: ($0, ChildEnd.event(of: name, ordinal: 0)), output: JSONB(text: "1"))
        }
        // They wait for something else.
        #expect(try await client.query(JobStatements.tell(ends)).isEmpty)
        #expect(try await client.execute(JobStatements.closeFanIns(parents.map { ($0, name) })) == 20)
        _ = try await client.execute(JobStatements.openFanIn(parents[0], "children:y", children: 3))
        #expect(try await client.execute(JobStatements.orphan(childrenOf: parents)) == 20)
        // The children, then some that died with their workers.
        for _ in 0..<2 { #expect(try await backlog.store.sweepOrphans(limit: 20) == 20) }
        _ = try await client.execute(JobStatements.askToCancel(children[0]))
    }

    // MARK: Limits

    private func limit(_ backlog: inout SeededBacklog) async throws {
        let (store, client) = (backlog.store, backlog.client)
        let dispatched = try await client.query(LimitStatements.dispatch(queue: "mail", most: 20))[0]
        let (signals, moved): (Int64, Int64) = (try dispatched[0], try dispatched[1])
        #expect(signals == 20 && moved == 400)
        backlog.plans.label("limited")
        let leaf = LaneLeaf(number: 8, queue: "mail", isKeyed: true, isLimited: true)
        #expect(try await backlog.claim(leaf).count == 20)
        backlog.plans.label(nil)
        _ = try await client.query(LimitStatements.sweep(after: ("mail", "key 2"), most: 20))
        _ = try await client.query(LimitStatements.forgetKeys(most: 20))
        try await store.setKeyLimit(KeyLimit(maxRunning: 3), queue: "mail", key: "key 1")
        try await store.setLimits(
            QueueLimits(maxRunning: 1_000_000, perKey: KeyLimit(maxRunning: 50), fairWindow: 40),
            queue: "mail"
        )
        backlog.plans.label("limited")
        #expect(try await backlog.claim(leaf).count == 20)
        backlog.plans.label(nil)
    }

    // MARK: Operators

    private func look(_ backlog: inout SeededBacklog) async throws {
        let (store, client) = (backlog.store, backlog.client)
        for range in [
            Jobs.ready, Jobs.scheduled, Jobs.waiting, Jobs.blocked, Jobs.held, Jobs.running, Jobs.dead,
            Jobs.done,
        ] {
            let id = JobID(rawValue: range.upperBound - 500)
            #expect(try await store.job(id) != nil)
            #expect(try await client.query(EngineView.job(id)).count == 1)
        }
        #expect(try await client.query(EngineView.queues()).count == 2)
        for state in [nil, "ready", "running", "failed", "done"] {
            for queue in [nil, "default"] {
                let label = [state, queue].compactMap { $0 }.joined(separator: " in ")
                backlog.plans.label(label.isEmpty ? nil : label)
                var filter = EngineView.JobFilter()
                (filter.state, filter.queue, filter.limit) = (state, queue, 20)
                #expect(try await client.query(EngineView.jobs(filter)).count == 20)
            }
        }
        backlog.plans.label(nil)
        let since = PostgresTimestamp.now - .seconds(600)
        #expect(try await client.query(EngineView.ended(since: since, limit: 20)).count == 20)
    }

    private func operate(_ backlog: inout SeededBacklog) async throws {
        let (store, client) = (backlog.store, backlog.client)
        let some = ids(Jobs.waiting, from: 2000)
        #expect(try await store.pause(some).count == 20)
        let parent = JobID(rawValue: 860_000)
        for statement in [
            RunView.run(parent), RunView.steps(of: parent), RunView.events(of: parent),
            RunView.values(of: parent),
            RunView.value("stage", of: parent), RunView.attributes(of: parent), RunView.children(of: parent),
        ] {
            #expect(try await !client.query(statement).isEmpty)
        }
        let key = "end:\(1 + 8 * 900)"
        let filters: [(label: String?, found: Int, change: (inout RunFilter) -> Void)] = [
            (nil, 0, { $0.workflow = "none" }), ("by key", 0, { $0.key = key }),
            ("by parent", 1, { $0.parent = parent }), ("paused", 20, { $0.state = .paused }),
            ("by attribute", 95, { $0.attribute = RunAttribute("number", JSONB(text: "7")) }),
            ("running", 20, { $0.state = .running }), ("failed", 0, { $0.state = .failed }),
        ]
        for (label, found, change) in filters {
            backlog.plans.label(label)
            var filter = RunFilter()
            change(&filter)
            let window = RunView.window(for: filter)
            let page = RunView.page(filter, before: JobID(rawValue: .max), window: window, limit: 100)
            let rows = try await client.query(page)
            #expect(try rows.count { try $0[2] as Int64? != nil } >= found, "\(label ?? "walk")")
        }
        backlog.plans.label(nil)
        #expect(try await store.resume(some).count == 20)
        // Ready now: each has a row to be taken out of its lane.
        #expect(try await store.pause(some).count == 20)
        let fork = JobStatements.fork(parent, generation: 0, steps: ["a"], events: ["early"], until: .now)
        #expect(try await client.query(fork)[0][2] as Int64 == 1)
        let holder = JobID(rawValue: 1 + 8 * 900)
        let taken = try await client.withTransaction { tx in
            try await store.takeKey(key, from: holder, in: &tx) { _ in .take }.answer
        }
        #expect(taken == .taken)
    }

    private func cancel(_ backlog: inout SeededBacklog) async throws {
        let store = backlog.store
        for range in [
            Jobs.ready, Jobs.scheduled, Jobs.waiting, Jobs.blocked, Jobs.held, Jobs.running, Jobs.admitted,
        ] {
            let some = ids(range, from: range.upperBound - range.lowerBound - 400, step: 3)
            #expect(try await store.cancel(some).over.isEmpty, "\(range)")
        }
        _ = try await backlog.client.query(JobStatements.cancellations())
        // Past everybody's deadline.
        try await backlog.quiet.execute(Query("t", "UPDATE clock SET shift = '100 seconds'"))
        #expect(try await store.sweepCancellations() == 0)
    }

    private func redrive(_ backlog: inout SeededBacklog) async throws {
        let store = backlog.store
        backlog.plans.label("one")
        #expect(try await store.redrive(JobID(rawValue: Jobs.dead.lowerBound)))
        backlog.plans.label("some")
        #expect(try await JobStore.redrive(ids(Jobs.dead, from: 20), in: store.postgres).count == 20)
        backlog.plans.label("of a queue")
        #expect(try await store.deadLetters(DeadLetterFilter(queue: "mail"), limit: 20).count == 20)
        #expect(try await store.redrive(DeadLetterFilter(queue: "mail"), batch: 20) >= 500)
        backlog.plans.label("all")
        #expect(try await store.deadLetters(limit: 20).count == 20)
        #expect(try await store.redriveAll() > 49_000)
    }

    // MARK: The scheduler

    private func keepTime(_ backlog: inout SeededBacklog) async throws {
        let client = backlog.client
        let promoted = try await client.query(JobStatements.promoteDue(limit: 20))[0]
        #expect(try promoted[0] as Int64 == 20)
        let round = TransitionRound(postgres: client, batch: 20)
        #expect(try await round.due() == ["let_go"])
        let outcome = try await round.fire("let_go")
        #expect(outcome.ended == 10 && outcome.handedOver == 10 && outcome.hasMore)
        _ = try await client.execute(JobStatements.dropOrphanTimers())
        _ = try await client.execute(JobStatements.forgetFanIns())
        _ = try await client.execute(BatchFold.forget(olderThan: 3600))
        _ = try await RecurrenceFiring.fireDue(on: client)
        _ = try await client.query(Query("lanes_rotate", "SELECT * FROM rotate_lanes(50000)"))
    }

    private func foldBatches(_ backlog: inout SeededBacklog) async throws {
        let store = backlog.store
        #expect(try await BatchFold.fold(store, limit: 20).tallies == 20)
        backlog.plans.label("all")
        while try await BatchFold.fold(store).tallies > 0 {}
        backlog.plans.label(nil)
    }
}
