import Jobs
import Postgres
import Reactor
import Scheduler
import Testing
import TestSupport
import Workflows

/// A wish to cancel ends a job in time, and never lets it be claimed as well.
@Suite(.timeLimit(.minutes(5)))
struct CancelTests {
    @Test func `Scheduled and ready jobs are cancelled at once`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let ids = try await desk.store.enqueue([
                NewJob(name: "x", input: JSONB(text: "1")),
                NewJob(name: "x", input: JSONB(text: "2"), runAt: .now + .seconds(60)),
                NewJob(name: "x", input: JSONB(text: "3")),
            ])
            let unknown = JobID(rawValue: 999_999)
            let answer = try await desk.store.cancel([ids[0], ids[1], unknown], reason: "sold out")
            #expect(answer.cancelled == [ids[0], ids[1]])
            #expect(answer.over == [unknown])
            #expect(try await desk.store.job(ids[0])?.error == "sold out")
            #expect(try await desk.state(ids[1]) == .cancelled)
            #expect(try await database.count("timers") == 0)
            #expect(try await desk.claim().map(\.id) == [ids[2]])
            #expect(try await desk.store.cancel(ids[0]) == false)
        }
    }

    @Test func `A cancelled job gives back its key`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var job = NewJob(name: "x", input: JSONB(text: "1"), key: "only")
            job.unique = Uniqueness(by: .key, while: .unfinished)
            let first = try await desk.store.enqueue([job])[0]
            #expect(try await desk.store.enqueue([job]) == [first])
            #expect(try await desk.store.cancel(first))
            #expect(try await desk.store.enqueue([job]) != [first])
        }
    }

    @Test func `Under a race with claims each job is either claimed or cancelled`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let seed = UInt64.random(in: .min ... .max)
            var random = SeededGenerator(seed: seed)
            let ids = try await desk.store.enqueue(
                (0..<400).map { _ in NewJob(name: "x", input: JSONB(text: "1")) }
            )
            let wanted = ids.shuffled(using: &random)
            let (claimed, cancelled) = try await withThrowingTaskGroup(of: (Set<JobID>, Set<JobID>).self) {
                group in
                for worker in 1...2 {
                    group.addTask {
                        var claimed: Set<JobID> = []
                        while case let jobs = try await desk.claim(7, worker: Int64(worker)), !jobs.isEmpty {
                            claimed.formUnion(jobs.map(\.id))
                        }
                        return (claimed, [])
                    }
                }
                group.addTask {
                    var cancelled: Set<JobID> = []
                    for start in stride(from: 0, to: wanted.count, by: 9) {
                        let part = Array(wanted[start..<min(start + 9, wanted.count)])
                        cancelled.formUnion(try await desk.store.cancel(part).cancelled)
                    }
                    return ([], cancelled)
                }
                return try await group.reduce(into: (Set<JobID>(), Set<JobID>())) {
                    $0.0.formUnion($1.0)
                    $0.1.formUnion($1.1)
                }
            }
            #expect(claimed.isDisjoint(with: cancelled), "seed \(seed)")
            #expect(claimed.union(cancelled) == Set(ids), "seed \(seed)")
            for id in cancelled { #expect(try await desk.state(id) == .cancelled, "seed \(seed)") }
            for id in claimed { #expect(try await desk.state(id) == .running, "seed \(seed)") }
        }
    }

    private struct Patient: Job {
        static let name = "patient"
        let started: Gate

        func perform(_ context: JobContext, _ input: Int) async throws {
            started.open()
            try await Task.sleep(for: .seconds(3600))
        }
    }

    @Test func `The task of a running job is cancelled, and the job ends as cancelled`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let patient = Patient(started: Gate())
            var registry = WorkflowRegistry()
            registry.register(patient)
            let id = try await desk.enqueue(Patient.self, 1)
            try await withWorker(database, registry) { _ async throws in
                await patient.started.pass()
                let answer = try await desk.store.cancel(
                    [id],
                    deadline: .seconds(3600),
                    reason: "changed my mind"
                )
                #expect(answer.asked == [id])
                let ended = try await database.ended(id)
                #expect(ended.state == .cancelled)
                #expect(ended.error == "changed my mind")
                #expect(ended.failures == 0)
            }
            #expect(try await database.count("dead_letters") == 0)
            try await database.shiftClock(11)
            #expect(try await desk.store.sweepCancellations() == 0)
            #expect(try await database.count("cancellations") == 0)
        }
    }

    @Test func `After the deadline a job ends as cancelled whatever its code does`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let ids = try await desk.store.enqueue(
                (0..<2).map { NewJob(name: "x", input: JSONB(text: "\($0)")) }
            )
            let claimed = try await desk.claim()
            #expect(try await desk.store.cancel([ids[0]], deadline: .seconds(5)).asked == [ids[0]])
            #expect(try await desk.store.sweepCancellations() == 1)
            #expect(try await desk.state(ids[0]) == .running)
            try await database.shiftClock(6)
            _ = try await desk.store.sweepCancellations()
            #expect(try await desk.state(ids[0]) == .cancelled)
            // What its worker says now comes too late; its neighbour's end does not.
            let late = try await database.client.query(
                JobStatements.settle(
                    claimed.map { JobEnd(batch: $0.batch, id: $0.id, next: .done(output: nil)) }
                )
            ).map { JobID(rawValue: try $0[0]) }
            #expect(late == [ids[1]])
            #expect(try await desk.state(ids[0]) == .cancelled)
            #expect(try await desk.state(ids[1]) == .done)
            let now = try await desk.store.cancel([ids[0], ids[1]], deadline: .zero)
            #expect(now.over == ids)
        }
    }

    @Test func `A job that its dead worker had been asked to end does not come back`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let id = try await desk.store.enqueue([NewJob(name: "x", input: JSONB(text: "1"))])[0]
            _ = try await desk.claim(worker: 77)
            _ = try await desk.store.cancel([id])
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 10, maxFailures: 9))
            #expect(try await desk.state(id) == .ready)
            _ = try await desk.store.sweepCancellations()
            #expect(try await desk.state(id) == .cancelled)
        }
    }

    private struct Stuck: Workflow {
        static let name = "stuck"
        let started: Gate
        let gate: Gate

        func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
            try await context.effect("wait") { _ in
                started.open()
                await gate.pass()
            }
            return 1
        }
    }

    @Test func `A run whose effect does not end is cancelled at the deadline`() async throws {
        try await withDatabase { database in
            let client = WorkflowClient(postgres: database.client)
            let stuck = Stuck(started: Gate(), gate: Gate())
            var registry = WorkflowRegistry()
            registry.register(stuck)
            let run = try await client.start(Stuck.self, 1)
            try await withWorker(database, registry) { _ async throws in
                await stuck.started.pass()
                #expect(try await client.cancel(run, deadline: .milliseconds(1)))
                #expect(try await database.ended(run).state == .cancelled)
                stuck.gate.open()
            }
            #expect(try await client.store.job(run)?.output == nil)
        }
    }
}

/// Chance that can be had again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
