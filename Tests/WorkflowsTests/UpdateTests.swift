import Jobs
import Postgres
import Reactor
import Telemetry
import Testing
import TestSupport
import Worker
import Workflows

/// How often each of several things happened.
private final class Tally: Sendable {
    private let state = Lock<[String: Int]>([:])
    var counts: [String: Int] { state.withLock { $0 } }
    func count(_ name: String) { state.withLock { $0[name, default: 0] += 1 } }
}

@Suite(.timeLimit(.minutes(5)))
struct UpdateTests {
    private static let add = UpdateKey<Int, String>("add")
    private static let stop = EventKey<Int>("stop")

    private func value(
        _ name: String,
        in table: String,
        of run: JobID,
        _ database: TestDatabase
    ) async throws
        -> [String]
    {
        try await database.client.query(
            Query(
                "t_value",
                """
                SELECT value::text FROM \(identifier: table)
                WHERE job_id = \(run.rawValue) AND name = \(name)
                """
            )
        ).map { try $0[0] }
    }

    @Test func `What a run publishes can be read while it is parked, and attributes are kept apart`()
        async throws
    {
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, input in
                    try context.publish("status", "begun")
                    try context.tag("customer", input)
                    try await context.step("one") { _ in }
                    try context.publish("status", "waiting")
                    try await context.first(on(Self.stop) { $0 })
                    try context.publish("status", "over")
                    return 1
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 7)
                try await database.reached(.waiting, run)
                #expect(try await value("status", in: "run_values", of: run, database) == ["\"waiting\""])
                #expect(try await value("customer", in: "run_attributes", of: run, database) == ["7"])
                _ = try await client.send(Self.stop, 1, to: run)
                _ = try await database.ended(run)
                #expect(try await value("status", in: "run_values", of: run, database) == ["\"over\""])
            }
        }
    }

    @Test func `Updates are validated, answered in turn, and refused with a reason`() async throws {
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, _ in
                    var sum = 0
                    while sum < 10 {
                        sum += try await context.receive(Self.add) { number in
                            guard number > 0 else { throw UpdateRefused("\(number) is not above 0") }
                            return "now \(sum + number)"
                        }
                    }
                    return sum
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                #expect(try await client.update(Self.add, 3, of: run) == "now 3")
                await #expect(throws: UpdateRefused("-1 is not above 0")) {
                    try await client.update(Self.add, -1, of: run)
                }
                #expect(try await client.update(Self.add, 7, of: run) == "now 10")
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 10)
                let late = await #expect(throws: WorkflowError.self) {
                    try await client.update(Self.add, 1, of: run)
                }
                #expect(late?.code == .ended)
            }
        }
    }

    @Test func `Updates that come at once each get an answer of their own`() async throws {
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, _ in
                    var sum = 0
                    for _ in 0..<20 { sum += try await context.receive(Self.add) { "got \($0)" } }
                    return sum
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 1...20 {
                        group.addTask {
                            try await client.update(Self.add, number, of: run) == "got \(number)"
                        }
                    }
                    for try await isRight in group { #expect(isRight) }
                }
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 210)
            }
        }
    }

    @Test func `A run that continues as new does not get an update again`() async throws {
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, sum in
                    let number = try await context.receive(Self.add) { "got \($0)" }
                    if sum < 10 { try context.continueAsNew(sum + number) }
                    return sum + number
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                for number in [4, 5, 6, 7] {
                    #expect(try await client.update(Self.add, number, of: run) == "got \(number)")
                }
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 22)
            }
        }
    }

    @Test func `An update wins against other waits, and one that nobody answers in time says so`()
        async throws
    {
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<String> { context, _ in
                    let got = try await context.first(
                        context.received(Self.add) { Optional($0) },
                        on(Self.stop) { _ in nil }
                    )
                    guard let got else { return "stopped" }
                    try context.reply(to: got, with: "yes")
                    try await context.first(on(Self.stop) { $0 })
                    return "added \(got.payload)"
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                #expect(try await client.update(Self.add, 5, of: run) == "yes")
                let unanswered = await #expect(throws: WorkflowError.self) {
                    try await client.update(Self.add, 6, of: run, within: .milliseconds(50))
                }
                #expect(unanswered?.code == .timedOut)
                _ = try await client.send(Self.stop, 1, to: run)
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<String>.self) == "added 5")
            }
        }
    }

    @Test func `A run that a cohort step refuses gets the error, and its neighbours go on`() async throws {
        struct Even: PartialCohortStep {
            struct Odd: Error {}
            typealias Output = Int
            static let name = "even"
            let number: Int
            static func attempt(
                _ batch: [CohortMember<Even>],
                in transaction: inout Transaction
            ) async throws
                -> [Result<Int, any Error>]
            {
                batch.map { $0.step.number % 2 == 0 ? .success($0.step.number / 2) : .failure(Odd()) }
            }
        }
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, input in
                    do {
                        return try await context.step(Even(number: input))
                    } catch is Even.Odd {
                        try await context.sleep(for: .milliseconds(1))
                        return -1
                    } catch let error as WorkflowError where error.code == .stepFailed {
                        // The same, found by replay.
                        try await context.sleep(for: .milliseconds(1))
                        return -1
                    }
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            var runs: [JobID] = []
            for number in 0..<20 { runs.append(try await client.start(Scripted<Int>.self, number)) }
            try await withWorker(database, registry) { _ in
                for (number, run) in runs.enumerated() {
                    #expect(try await database.ended(run).state == .done)
                    let half = try await client.result(of: run, Scripted<Int>.self)
                    #expect(half == (number % 2 == 0 ? number / 2 : -1))
                }
            }
        }
    }

    @Test func `Branches have keys of their own, whichever gets there first`() async throws {
        try await withDatabase { database in
            let performed = Tally()
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<[Int]> { context, input in
                    let parts = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                        for part in 0..<8 {
                            let branch = context.branch("part \(part)")
                            group.addTask {
                                let square = try await branch.effect("square") { key in
                                    performed.count("\(part)")
                                    return part * part
                                }
                                try await branch.sleep(for: .milliseconds((part * 7) % 5 + 1))
                                return (part, try await branch.step("keep") { _ in square + input })
                            }
                        }
                        var parts = [Int](repeating: 0, count: 8)
                        for try await (part, square) in group { parts[part] = square }
                        return parts
                    }
                    return parts
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<[Int]>.self, 1)
                #expect(try await database.ended(run).state == .done)
                #expect(
                    try await client.result(of: run, Scripted<[Int]>.self) == (0..<8).map { $0 * $0 + 1 }
                )
            }
            #expect(performed.counts == Dictionary(uniqueKeysWithValues: (0..<8).map { ("\($0)", 1) }))
        }
    }
}
