import Jobs
import Postgres
import Reactor
import TestSupport
import Testing
import Worker
import Workflows

private let go = EventKey<String>("go")

@Suite(.timeLimit(.minutes(5)))
struct RunsTests {
    private typealias Body = @Sendable (WorkflowContext, Int) async throws -> String

    private func registry(_ body: @escaping Body) -> WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(Scripted(body: body))
        return registry
    }

    private func state(_ client: WorkflowClient, _ run: JobID) async throws -> RunState? {
        try await client.history(of: run)?.run.state
    }

    /// No promise of the engine is broken.
    private func audit(_ database: TestDatabase) async throws {
        for check in EngineAudit.checks {
            let offenders = try await database.client.query(check.query).map { try $0[0] as String }
            #expect(offenders == [], "\(check.name)")
        }
    }

    @Test func `Runs are found by workflow, state, time, attribute, error, key and parent, a page at a time`()
        async throws
    {
        struct Child: Workflow {
            static let name = "child"
            func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
                _ = try await context.first(on(go) { $0 })
                return input
            }
        }
        try await withDatabase { database in
            var registry = registry { context, input in
                try context.tag("number", input)
                try context.publish("stage", "began")
                if input == 3 { throw JobVerdict.discard("No such Thing") }
                if input == 4 { _ = try await context.child(Child.self, input) }
                if input == 5 { return "done" }
                return try await context.first(on(go) { $0 })
            }
            registry.register(Child())
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            var runs: [JobID] = []
            for input in 0..<6 {
                runs.append(try await client.start(Scripted<String>.self, input, key: "key \(input)"))
            }
            _ = try await client.store.enqueue([NewJob(name: "plain", input: JSONB(text: "{}"))])
            try await withWorker(database, registry) { _ in
                for run in runs[0..<3] { try await database.reached(.waiting, run) }
                _ = try await database.ended(runs[3])
                try await database.reached(.waiting, runs[4])
                _ = try await database.ended(runs[5])
            }
            func found(_ change: (inout RunFilter) -> Void) async throws -> [JobID] {
                var filter = RunFilter()
                change(&filter)
                return try await client.runs(filter).runs.map(\.id)
            }
            #expect(try await found { $0.workflow = "scripted" } == runs.reversed())
            #expect(try await found { _ in }.count == 7)
            #expect(try await found { $0.state = .failed } == [runs[3]])
            #expect(try await found { $0.state = .done } == [runs[5]])
            #expect(
                try await found {
                    $0.state = .waiting; $0.workflow = "scripted"
                }.count == 4
            )
            #expect(try await found { $0.attribute = RunAttribute("number", JSONB(text: "2")) } == [runs[2]])
            #expect(try await found { $0.attribute = RunAttribute("number", JSONB(text: "9")) }.isEmpty)
            #expect(try await found { $0.error = "no such" } == [runs[3]])
            #expect(try await found { $0.key = "key 1" } == [runs[1]])
            #expect(
                try await found {
                    $0.key = "key 1"; $0.state = .done
                }.isEmpty
            )
            #expect(
                try await found { $0.finishedSince = .now - .seconds(3600) }.sorted() == [runs[3], runs[5]]
            )
            #expect(try await found { $0.createdBefore = .now - .seconds(3600) }.isEmpty)
            let children = try await client.history(of: runs[4])?.children.map(\.id) ?? []
            #expect(children.count == 1)
            #expect(try await found { $0.parent = runs[4] } == children)
            // Pages follow each other without gaps.
            var filter = RunFilter()
            filter.workflow = "scripted"
            let first = try await client.runs(filter, limit: 4)
            #expect(first.runs.map(\.id) == runs[2...].reversed())
            let second = try await client.runs(filter, before: first.next, limit: 4)
            #expect(second.runs.map(\.id) == runs[..<2].reversed() && second.next == nil)
            #expect(try await client.value(of: runs[0], named: "stage", as: String.self) == "began")
            #expect(try await client.value(of: runs[0], named: "other", as: String.self) == nil)
        }
    }

    @Test func `A paused run is left alone by events and timers, and goes on with them when it is resumed`()
        async throws
    {
        try await withDatabase { database in
            let registry = registry { context, input in
                if input == 0 { return try await context.first(on(go) { $0 }) }
                return try await context.first(on(go) { $0 }, after(.seconds(60)) { "late" })
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let told = try await client.start(Scripted<String>.self, 0)
                let timed = try await client.start(Scripted<String>.self, 1)
                let idle = try await client.start(Scripted<String>.self, 0)
                for run in [told, timed, idle] { try await database.reached(.waiting, run) }
                for run in [told, timed, idle] { #expect(try await client.pause(run)) }
                #expect(try await !client.pause(told))
                #expect(try await client.send(go, "on", to: told) == .delivered)
                try await database.shiftClock(120)
                // Later work is done, so the scheduler and the worker have looked.
                let later = try await client.start(Scripted<String>.self, 0)
                try await database.reached(.waiting, later)
                for run in [told, timed, idle] { #expect(try await state(client, run) == .paused) }
                var filter = RunFilter()
                filter.state = .paused
                #expect(try await client.runs(filter).runs.map(\.id) == [idle, timed, told])
                try await audit(database)

                for run in [told, timed, idle] { #expect(try await client.resume(run)) }
                #expect(try await !client.resume(told))
                _ = try await database.ended(told)
                _ = try await database.ended(timed)
                #expect(try await client.result(of: told, Scripted<String>.self) == "on")
                #expect(try await client.result(of: timed, Scripted<String>.self) == "late")
                try await database.reached(.waiting, idle)
                #expect(try await client.send(go, "after all", to: idle) == .delivered)
                _ = try await database.ended(idle)
                try await audit(database)
            }
        }
    }

    @Test func `A ready run that is paused is claimed by nobody, and a scheduled one does not start early`()
        async throws
    {
        try await withDatabase { database in
            let registry = registry { _, _ in "ran" }
            let client = WorkflowClient(postgres: database.client)
            let ready = try await client.start(Scripted<String>.self, 0)
            let now: PostgresTimestamp = try await database.client.query(Query("t", "SELECT usher_now()"))[0][
                0
            ]
            let planned = try await client.start(Scripted<String>.self, 0, at: now + .seconds(3600))
            let kept = try await client.start(Scripted<String>.self, 0, at: now + .seconds(3600))
            for run in [ready, planned, kept] { #expect(try await client.pause(run)) }
            #expect(try await database.count("ready") == 0)
            #expect(try await client.resume(planned))
            #expect(try await state(client, planned) == .scheduled)
            #expect(try await state(client, kept) == .paused)
            try await audit(database)
            try await withWorker(database, registry) { _ in
                let other = try await client.start(Scripted<String>.self, 0)
                _ = try await database.ended(other)
                #expect(try await state(client, ready) == .paused)
                #expect(try await client.resume(ready))
                _ = try await database.ended(ready)
                try await database.shiftClock(3700)
                _ = try await database.ended(planned)
                _ = try await database.eventually("the paused one's time has come") {
                    try await client.store.job(kept)?.state == .waiting ? true : nil
                }
                #expect(try await state(client, kept) == .paused)
                try await audit(database)
                #expect(try await client.resume(kept))
                _ = try await database.ended(kept)
            }
        }
    }

    @Test func `A running run is paused at its next commit, before it begins another effect`() async throws {
        try await withDatabase { database in
            let gate = Gate()
            let effects = Lock<[String]>([])
            let registry = registry { context, _ in
                try await context.effect("one") { _ in
                    effects.withLock { $0.append("one") }
                    await gate.pass()
                }
                try await context.effect("two") { _ in effects.withLock { $0.append("two") } }
                return "done"
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                _ = try await database.eventually("it began") { effects.withLock { $0.isEmpty } ? nil : true }
                #expect(try await client.pause(run))
                #expect(try await state(client, run) == .running)
                gate.open()
                try await database.reached(.waiting, run)
                #expect(try await state(client, run) == .paused)
                #expect(effects.withLock { $0 } == ["one"])
                #expect(try await client.resume(run))
                _ = try await database.ended(run)
                #expect(effects.withLock { $0 } == ["one", "two"])
            }
        }
    }

    @Test func `A paused run whose worker is gone, or hands it back, stays parked`() async throws {
        try await withDatabase { database in
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default", lanes: 1)
            let runs = [
                try await client.start(Scripted<String>.self, 0),
                try await client.start(Scripted<String>.self, 1),
            ]
            let leaf = LaneLeaf(number: 0, queue: "default")
            let claims =
                try await database.client.query(JobStatements.claim(leaf, limit: 1, worker: 7))
                + database.client.query(JobStatements.claim(leaf, limit: 1, worker: 8))
            let claimed = try claims.map { try ClaimedJob(claim: $0, from: "default") }
            for run in runs { #expect(try await client.pause(run)) }
            // Neither worker was ever on the list; the second hands its claim back before anybody notices.
            _ = try await database.client.query(WorkerStatements.release([claimed[1]]))
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 10, maxFailures: 3))
            for run in runs { #expect(try await state(client, run) == .paused) }
            #expect(try await database.count("ready") == 0)
            try await audit(database)
            for run in runs { #expect(try await client.resume(run)) }
            try await withWorker(database, registry { _, _ in "ran" }) { _ in
                for run in runs {
                    let ended = try await database.ended(run)
                    #expect(ended.state == .done)
                }
            }
        }
    }

    @Test func `Pauses and resumes race with claims, and every run ends once`() async throws {
        try await withDatabase(pool: .init(maximum: 12)) { database in
            try await database.create("CREATE TABLE effects (run bigint PRIMARY KEY)")
            let registry = registry { context, _ in
                try await context.step("insert") { tx in
                    try await tx.execute(Query("t", "INSERT INTO effects VALUES (\(context.runID.rawValue))"))
                }
                return "done"
            }
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default", lanes: 2)
            try await withWorker(database, registry) { _ in
                var runs: [JobID] = []
                for input in 0..<200 { runs.append(try await client.start(Scripted<String>.self, input)) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for part in 0..<4 {
                        let mine = runs.enumerated().filter { $0.offset % 4 == part }.map(\.element)
                        group.addTask {
                            for run in mine {
                                _ = try await client.pause(run)
                                _ = try await client.resume(run)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                for run in runs { #expect(try await database.ended(run).state == .done) }
            }
            #expect(try await database.count("effects") == 200)
            try await audit(database)
        }
    }

    @Test func `A failed run that is retried goes on from its last checkpoint`() async throws {
        struct Broken: Error {}
        try await withDatabase { database in
            let firsts = Lock(0)
            let isMended = Lock(false)
            let registry = registry { context, _ in
                try await context.step("first") { _ in firsts.withLock { $0 += 1 } }
                try await context.effect("second", retry: .never) { _ in
                    if !isMended.withLock({ $0 }) { throw Broken() }
                }
                return "done"
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                #expect(try await database.ended(run).state == .failed)
                isMended.withLock { $0 = true }
                #expect(try await client.retry(run))
                _ = try await database.eventually("it is done") {
                    try await client.store.job(run)?.state == .done ? true : nil
                }
                #expect(try await !client.retry(run))
            }
            #expect(firsts.withLock { $0 } == 1)
        }
    }

    @Test func `Many runs are paused, resumed, retried and cancelled by a filter, or only counted`()
        async throws
    {
        try await withDatabase { database in
            let isMended = Lock(false)
            let registry = registry { context, input in
                if input < 5 {
                    guard isMended.withLock({ $0 }) else { throw JobVerdict.discard("broken") }
                    return "mended"
                }
                return try await context.first(on(go) { $0 })
            }
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            var runs: [JobID] = []
            for input in 0..<20 { runs.append(try await client.start(Scripted<String>.self, input)) }
            try await withWorker(database, registry) { _ in
                for run in runs[..<5] { _ = try await database.ended(run) }
                for run in runs[5...] { try await database.reached(.waiting, run) }
                var waiting = RunFilter()
                waiting.state = .waiting
                #expect(try await client.pause(all: waiting, isTrial: true) == .init(matched: 15, changed: 0))
                #expect(try await client.pause(all: waiting) == .init(matched: 15, changed: 15))
                #expect(try await client.pause(all: .all) == .init(matched: 20, changed: 0))
                #expect(try await client.resume(all: .all) == .init(matched: 15, changed: 15))
                for run in runs[5...] { try await database.reached(.waiting, run) }
                isMended.withLock { $0 = true }
                #expect(try await client.retry(all: .all) == .init(matched: 5, changed: 5))
                for run in runs[..<5] {
                    _ = try await database.eventually("it is done") {
                        try await client.store.job(run)?.state == .done ? true : nil
                    }
                }
                #expect(try await client.cancel(all: .all, isTrial: true) == .init(matched: 20, changed: 0))
                #expect(try await client.cancel(all: .all) == .init(matched: 20, changed: 15))
                for run in runs[5...] { #expect(try await state(client, run) == .cancelled) }
            }
        }
    }

    @Test func `A fork goes on from a step with what was recorded before it, and leaves its origin alone`()
        async throws
    {
        try await withDatabase { database in
            let done = Lock<[String]>([])
            let registry = registry { context, input in
                @Sendable func note(_ what: String) {
                    done.withLock { $0.append("\(context.runID) \(what)") }
                }
                try context.tag("number", input)
                let first = try await context.step("part") { _ in
                    note("one"); return input * 10
                }
                let heard = try await context.first(on(go) { $0 })
                let second = try await context.step("part") { _ in
                    note("two"); return first + 1
                }
                let third = try await context.step("last") { _ in
                    note("three"); return second + 1
                }
                return "\(third) \(heard)"
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 4)
                try await database.reached(.waiting, run)
                _ = try await client.send(go, "heard", to: run)
                _ = try await database.ended(run)
                let before = try #require(try await client.history(of: run))
                #expect(before.steps.map(\.key) == ["part", "wait", "part#2", "last"])

                let fork = try await client.fork(run, from: "part#2")
                _ = try await database.ended(fork)
                #expect(try await client.result(of: fork, Scripted<String>.self) == "42 heard")
                #expect(
                    done.withLock { $0 } == [
                        "\(run) one", "\(run) two", "\(run) three", "\(fork) two", "\(fork) three",
                    ]
                )
                let forked = try #require(try await client.history(of: fork))
                #expect(forked.steps.map(\.key) == before.steps.map(\.key))
                #expect(forked.attributes.map(\.name) == ["forked_from", "number"])
                #expect(forked.attributes[0].value.text == "\(run)")
                #expect(try await client.history(of: run)?.document == before.document)

                // The event came after the first step.
                let early = try await client.fork(run, from: "part")
                try await database.reached(.waiting, early)
                #expect(try await client.history(of: early)?.events.isEmpty == true)
                try await audit(database)

                let unknown = try await #require(throws: ForkRefused.self) {
                    try await client.fork(run, from: "parts")
                }
                #expect(
                    unknown.description
                        == "run \(run) has no step \"parts\"; it has recorded \"part\", \"wait\", \"part#2\", \"last\""
                )
                let missing = JobID(rawValue: 999_999)
                await #expect(throws: ForkRefused.self) { try await client.fork(missing, from: "part") }
            }
        }
    }

    @Test func `A history survives being exported and read again`() async throws {
        try await withDatabase { database in
            let registry = registry { context, input in
                try context.publish("stage", ["a": 1.5])
                _ = try await context.step("say \"hi\"") { _ in "line\nbreak" }
                return try await context.first(on(go) { $0 })
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                for input in 0..<3 {
                    let run = try await client.start(Scripted<String>.self, input)
                    try await database.reached(.waiting, run)
                    _ = try await client.send(go, "on", to: run)
                    _ = try await database.ended(run)
                }
            }
            var texts: [String] = []
            #expect(try await client.export(.all) { texts.append($0.document.text) } == 3)
            for text in texts {
                #expect(!text.contains("\n"))
                let read = try RunHistory(document: JSONB(text: text))
                #expect(read.steps.map(\.key) == ["say \"hi\"", "wait"] && read.run.state == .done)
                #expect(read.output?.text == "\"on\"")
                #expect(HistoryReplay(read, with: registry).fits)
            }
            #expect(
                throws: JobsError(
                    code: .undecodable,
                    message: "the history has no text in its field \"state\""
                )
            ) {
                try RunHistory(document: JSONB(text: "{\"run\":1}"))
            }
        }
    }
}
