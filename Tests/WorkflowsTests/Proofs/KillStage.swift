import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Worker
import Workflows

@testable import ProofActor

/// One cell at play: the process that suffers, those beside it that go on, and the books that tell what happened.
final class KillStage: Sendable {
    private struct Role {
        let act: @Sendable () async throws -> Void
        let leave: @Sendable () -> Void
    }

    private let cell: KillCell
    private let database: TestDatabase
    private let proxy: TestProxy
    private let actorURL: String
    private let gate = AdvisoryGate()
    private let entrance: AsyncStream<Role>.Continuation
    private let entering: AsyncStream<Role>
    private let leaving = Lock<[@Sendable () -> Void]>([])
    private let isOver = Lock(false)
    private let logger = Logger(label: "stage", level: .error)

    private var client: WorkflowClient { WorkflowClient(postgres: database.client) }

    init(_ cell: KillCell, _ database: TestDatabase, _ proxy: TestProxy, actorURL: String) throws {
        self.cell = cell
        self.database = database
        self.proxy = proxy
        self.actorURL = actorURL
        (entering, entrance) = AsyncStream.makeStream(of: Role.self)
    }

    /// Plays the cell to its end, and reads the books.
    func play(_ crash: @Sendable () async throws -> Void) async throws -> String {
        let script = cell.point.hold
        try await database.client.simple(
            """
            CREATE TABLE steps (run bigint, name text);
            CREATE TABLE effects (run bigint, name text, key text);
            """
        )
        try await database.client.simple(
            cell.position == .inside
                ? gate.hold("steps") : gate.holdCommits(script.event, when: script.condition)
        )
        let run = try await client.start(Errand.self, 7)
        return try await withThrowingDiscardingTaskGroup(returning: String.self) { group in
            group.addTask { [entering] in
                try await withThrowingDiscardingTaskGroup { cast in
                    for await role in entering { cast.addTask { try await role.act() } }
                }
            }
            let outcome: Result<String, any Error>
            do {
                outcome = .success(try await scene(run, crash))
            } catch {
                outcome = .failure(error)
            }
            isOver.withLock { $0 = true }
            for leave in leaving.withLock({ $0 }) { leave() }
            entrance.finish()
            return try outcome.get()
        }
    }

    // MARK: The scene

    private func scene(_ run: JobID, _ crash: @Sendable () async throws -> Void) async throws -> String {
        var dice = TestDice(seed: cell.seed)
        if cell.point.actor != .scheduler { enterScheduler() }
        if cell.point.actor != .worker { enterWorker() }
        if cell.point == .event {
            try await until("the errand is parked") { try await state(of: run) == "waiting" }
        } else {
            enterPoker(run)
        }
        var words = [cell.point.actor.rawValue]
        if cell.point.actor == .sender { words.append("\(run)") }
        let victim = try await gate.whileClosed(database.client) {
            let victim = try ChildProgram(
                "ProofActor",
                words,
                environment: ["USHER_DATABASE_URL": actorURL, "USHER_SCHEMA": database.schema]
            )
            do {
                try await strike(victim, run, crash)
            } catch {
                throw Failed(what: "\(error)", said: victim.lines)
            }
            return victim
        }
        do {
            try await aftermath(victim, run, &dice, crash)
            return try await judge(run)
        } catch {
            throw Failed(what: "\(error)", said: victim.lines)
        }
    }

    /// While the gate is closed: waits until the process stands there, and lets the fault befall it, or gets it ready
    /// for that.
    private func strike(_ victim: ChildProgram, _ run: JobID, _ crash: () async throws -> Void) async throws {
        var standing: Int32 = 0
        try await until("the process stands at its commit") {
            guard let first = try await gate.waiting(database.client).first else { return false }
            standing = first
            return true
        }
        guard try await !hasHappened(run) else {
            throw Broken(promises: ["the commit is held, and has happened"])
        }
        guard cell.position != .after else {
            // What the server answers now is in no process.
            switch cell.fault {
            case .killed, .frozenPastItsLease: victim.freeze()
            case .backendsTerminated, .connectionLost, .serverCrashed: proxy.mute()
            }
            return
        }
        switch cell.fault {
        case .killed: victim.kill()
        case .frozenPastItsLease:
            victim.freeze()
            return try await outliveLease(of: victim)
        case .backendsTerminated: try await terminateBackends()
        case .connectionLost: proxy.cut()
        case .serverCrashed: return try await crash()
        }
        try await until("the held session is gone") {
            try await gate.waiting(database.client).contains(standing) == false
        }
        guard try await !hasHappened(run) else { throw Broken(promises: ["what was cut off has happened"]) }
    }

    /// After the gate was opened: the fault, if it was to come after the commit, and those who take over.
    private func aftermath(
        _ victim: ChildProgram,
        _ run: JobID,
        _ dice: inout TestDice,
        _ crash: () async throws -> Void
    ) async throws {
        if cell.position == .after {
            try await until("the commit has happened") { try await hasHappened(run) }
            switch cell.fault {
            case .killed: victim.kill()
            case .frozenPastItsLease: try await outliveLease(of: victim)
            case .backendsTerminated:
                try await terminateBackends()
                proxy.cut()
            case .connectionLost: proxy.cut()
            case .serverCrashed:
                try await crash()
                proxy.cut()
            }
        }
        let isFrozen = cell.fault == .frozenPastItsLease
        // One that is frozen inside a transaction has the locks; others must get them before it wakes.
        let wakesEarly = cell.position != .inside && Bool.random(using: &dice)
        if isFrozen, wakesEarly { victim.thaw() }
        if isFrozen || cell.fault == .killed {
            switch cell.point.actor {
            case .worker: enterWorker()
            case .scheduler where !isFrozen: enterScheduler()
            case .scheduler: break
            case .sender: enterPoker(run)
            }
        }
        try await until("the run ends") {
            JobState(rawValue: try await state(of: run))?.isTerminal == true
        }
        guard cell.fault != .killed else { return }
        // The zombie does all that it still has in mind.
        if isFrozen { victim.thaw() }
        if cell.point.actor != .sender { victim.ask() }
        try await until("the process ends in order") { victim.isOver }
    }

    private func terminateBackends() async throws {
        _ = try await database.client.query(
            Query(
                "test_terminate",
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = \(ProofActor.sessions)
                """
            )
        )
    }

    /// Waits until everybody takes the process for dead.
    private func outliveLease(of victim: ChildProgram) async throws {
        switch cell.point.actor {
        case .worker:
            try await until("the worker is buried") {
                try await value(
                    "SELECT NOT EXISTS (SELECT FROM workers WHERE process_id = \(victim.pid))"
                )
            }
        case .scheduler:
            let successor = enterScheduler()
            try await until("another scheduler leads") { successor.isLeading }
        case .sender: break
        }
    }

    // MARK: The cast

    private func enter(_ role: Role) {
        leaving.withLock { $0.append(role.leave) }
        entrance.yield(role)
    }

    @discardableResult
    private func enterScheduler() -> JobScheduler {
        let scheduler = ProofActor.scheduler(on: database.client, name: "stage", logger: logger)
        enter(Role(act: { await scheduler.run() }, leave: { scheduler.stop() }))
        return scheduler
    }

    private func enterWorker() {
        let worker = ProofActor.worker(on: database.client, outside: database.client, logger: logger)
        enter(Role(act: { try await worker.run() }, leave: { worker.stop() }))
    }

    /// Sends the event once the run waits for it, and again until it knows that it has arrived.
    private func enterPoker(_ run: JobID) {
        enter(
            Role(
                act: { [self] in
                    try await until("the event is sent") {
                        if isOver.withLock({ $0 }) { return true }
                        let waits: Bool = try await value(
                            """
                            SELECT state = 'waiting' OR EXISTS (SELECT FROM events WHERE job_id = \(run.rawValue))
                            FROM jobs WHERE id = \(run.rawValue)
                            """
                        )
                        guard waits else { return false }
                        return [.delivered, .duplicate].contains(
                            try await client.send(Errand.poke, "now", to: run)
                        )
                    }
                },
                leave: {}
            )
        )
    }

    // MARK: Looking

    private func hasHappened(_ run: JobID) async throws -> Bool {
        try await value(cell.point.hasHappened(to: run.rawValue))
    }

    private func state(of run: JobID) async throws -> String {
        try await database.client.query(
            Query("test_state", "SELECT state::text FROM jobs WHERE id = \(run.rawValue)")
        )[0][0]
    }

    private func value(_ sql: SQL) async throws -> Bool {
        try await database.client.query(Query("test_value", sql))[0][0]
    }

    /// Looks until it is so, also past a server that is away.
    private func until(_ what: String, _ look: () async throws -> Bool) async throws {
        let deadline = MonotonicTime.now + .seconds(60)
        var last: (any Error)?
        while MonotonicTime.now < deadline {
            do {
                if try await look() { return }
                last = nil
            } catch let error as PostgresError {
                last = error
            }
            // The server, which does the waiting elsewhere, may be away.
            try await Task.sleep(for: .milliseconds(10))
        }
        throw NeverHappened(what: what + (last.map { " (\($0))" } ?? ""))
    }

    // MARK: The books

    /// Reads the books.
    ///
    /// - Returns: what they say.
    /// - Throws: which promises were broken.
    private func judge(_ run: JobID) async throws -> String {
        var broken: [String] = []
        func expect(_ kept: Bool, _ promise: String, _ found: Any) {
            if !kept { broken.append("\(promise): \(found)") }
        }
        let record = try await client.store.job(run)
        expect(
            record?.state == .done,
            "the run is done",
            "\(record?.state.rawValue ?? "none"), \(record?.error ?? "")"
        )
        expect(
            record?.output?.text == "\"errand 7 is done\"",
            "it returns",
            record?.output?.text ?? "nothing"
        )
        let steps = try await books("SELECT name, count(*), count(DISTINCT run) FROM steps GROUP BY 1")
        expect(steps.keys.sorted() == ["first", "heard", "last", "only", "woken"], "all steps happen", steps)
        expect(steps.values.allSatisfy { $0 == [1, 1] }, "transactional steps happen exactly once", steps)
        let effects = try await books("SELECT name, count(*), count(DISTINCT key) FROM effects GROUP BY 1")
        expect(effects.keys.sorted() == ["call", "tell"], "all effects happen", effects)
        expect(effects.values.allSatisfy { $0[1] == 1 }, "an effect has one key", effects)
        let children: Int64 = try await database.client.query(
            Query("test_children", "SELECT count(*) FROM jobs WHERE parent_id = \(run.rawValue)")
        )[0][0]
        expect(children == 1, "there is one child", children)
        for check in EngineAudit.checks {
            let offenders = try await check.offenders(in: database.client)
            expect(offenders.isEmpty, check.name, offenders)
        }
        guard broken.isEmpty else { throw Broken(promises: broken) }
        let calls = effects.sorted { $0.key < $1.key }.map { "\($0.key) ×\($0.value[0])" }.joined(
            separator: ", "
        )
        return "done, steps once, effects \(calls), claims \(record?.epoch ?? 0)"
    }

    private func books(_ sql: SQL) async throws -> [String: [Int64]] {
        var books: [String: [Int64]] = [:]
        for row in try await database.client.query(Query("test_books", sql)) {
            books[try row[0]] = [try row[1], try row[2]]
        }
        return books
    }

    private struct Broken: Error, CustomStringConvertible {
        let promises: [String]
        var description: String { promises.joined(separator: "\n    ") }
    }

    private struct Failed: Error, CustomStringConvertible {
        let what: String
        let said: [String]
        var description: String { ([what] + said.suffix(12)).joined(separator: "\n    ") }
    }
}
