import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Worker
import Workflows

@testable import BoxOffice
@testable import ProofActor

/// One buyer's story at play: the process that is killed at one of its commits, those that go on, and the books.
final class SaleKillStage: Sendable {
    /// Where the process stands when it is killed.
    enum Position: String, CaseIterable, Sendable {
        /// All statements done, COMMIT sent.
        case before
        /// The commit has happened, and the process has not heard.
        case after
    }

    /// What is struck; without one, nothing is.
    struct Strike: Sendable {
        let commit: SaleCommit
        let position: Position
    }

    /// What is left when all is over.
    struct Ending: Equatable, Sendable {
        var state: ReservationState?
        var payments: [String]
        /// What the provider did: captures, voids and refunds.
        var money: [Int]
        /// What was told, and how that went.
        var told: [String]
        /// What the event log says of it, in order: whoever died, no more and no less.
        var facts: [String]
    }

    private let story: SaleStory
    private let strike: Strike?
    private let database: TestDatabase
    private let onSale: OnSaleID
    private let admission: AdmissionID
    private let buyer: ProofBuyer
    private let gate = AdvisoryGate()
    private let logger = Logger(label: "stage", level: .error)
    private let reservation = Lock<ReservationID?>(nil)
    private let history = Lock(SaleHistory())

    private var client: PostgresClient { database.client }

    init(
        _ story: SaleStory,
        _ strike: Strike?,
        _ database: TestDatabase,
        onSale: OnSaleID,
        admission: AdmissionID
    ) {
        self.story = story
        self.strike = strike
        self.database = database
        self.onSale = onSale
        self.admission = admission
        buyer = ProofBuyer(database.client, onSale, admission, logger: logger)
    }

    /// Plays the story to its end.
    ///
    /// - Throws: ``Failed`` when something didn't happen, or a book is out of order.
    func play() async throws -> Ending {
        try await client.simple(
            """
            UPDATE reservation_rules SET hold_seconds = \(story.seconds.hold), extension_seconds = 2,
                payment_seconds = \(story.seconds.payment);
            """
        )
        if let commit = strike?.commit {
            try await client.simple(gate.holdCommits(commit.hold.event, when: commit.hold.condition))
        }
        let worker = ProofOffice.worker(on: client, outside: client, logger: logger)
        let scheduler = ProofActor.scheduler(on: client, name: "stage", logger: logger)
        return try await withThrowingDiscardingTaskGroup(returning: Ending.self) { group in
            group.addTask { [buyer] in try await buyer.starter.run() }
            defer {
                worker.stop()
                scheduler.stop()
                buyer.starter.close()
            }
            let actor = strike?.commit.actor
            if actor != .scheduler { group.addTask { await scheduler.run() } }
            if actor != .office { group.addTask { try await worker.run() } }
            if let strike, actor == .buyer {
                try await suffer(strike)
                try await perform(story.acts[...])
            } else {
                // Buyers go on while the process goes where it is to stand, and afterwards.
                async let acting: Void = perform(story.acts[...])
                if let strike { try await suffer(strike) }
                // Somebody else takes over what is left.
                if actor == .scheduler { group.addTask { await scheduler.run() } }
                if actor == .office { group.addTask { try await worker.run() } }
                try await acting
            }
            try await until("the reservation is \(story.ending) and every run has ended") {
                try await isOver()
            }
            try await check()
            return try await ending()
        }
    }

    // MARK: The strike

    /// Lets a process come to its commit, and kills it there.
    private func suffer(_ strike: Strike) async throws {
        var words = [strike.commit.actor.rawValue]
        if case .act(let act) = strike.commit {
            // What comes before it, so that it finds what it needs.
            try await perform(story.acts.prefix { $0 != .buyer(act) })
            try await ready(for: .buyer(act))
            words += [act.rawValue, "\(onSale.rawValue)", "\(admission.rawValue)"]
            if let id = reservation.withLock({ $0 }) { words += ["\(id.rawValue)", story.method] }
        }
        let victim = try await gate.whileClosed(client) {
            let victim = try ChildProgram(
                "ProofActor",
                words,
                environment: ["USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema]
            )
            do {
                try await stand(victim, strike)
            } catch {
                throw Failed(what: "\(error)", said: victim.lines)
            }
            return victim
        }
        if strike.position == .after {
            try await until("\(strike.commit) has happened") { try await hasHappened(strike.commit) }
        }
        victim.kill()
    }

    private func stand(_ victim: ChildProgram, _ strike: Strike) async throws {
        var standing: Int32?
        try await until("the process stands at \(strike.commit)") {
            standing = try await gate.waiting(client).first
            return standing != nil
        }
        guard try await !hasHappened(strike.commit) else {
            throw Failed(what: "\(strike.commit) is held, and has happened", said: [])
        }
        switch strike.position {
        // What the server answers now is in no process.
        case .after: victim.freeze()
        case .before:
            victim.kill()
            try await until("the held session is gone") {
                try await gate.waiting(client).first { $0 == standing } == nil
            }
            guard try await !hasHappened(strike.commit) else {
                throw Failed(what: "what was cut off has happened", said: [])
            }
        }
    }

    private func hasHappened(_ commit: SaleCommit) async throws -> Bool {
        try await isSo("SELECT EXISTS (SELECT FROM \(fragment: commit.hasHappened))")
    }

    // MARK: The buyer

    /// Does what has not been done yet, as a client would who doesn't know what became of the last request.
    private func perform(_ acts: ArraySlice<SaleStory.Act>) async throws {
        for act in acts {
            try await ready(for: act)
            switch act {
            case .buyer(.hold): try await hold()
            case .buyer(let act): try await perform(act)
            case .refund:
                let id = try held()
                _ = try await WorkflowClient(postgres: client)
                    .start(RefundReservation.self, id, key: RefundReservation.key(id))
            }
        }
    }

    /// Waits until it can be done.
    private func ready(for act: SaleStory.Act) async throws {
        switch act {
        case .buyer(.hold), .buyer(.checkout), .buyer(.extend): break
        case .buyer(.release):
            try await until("the payment is declined") { try await isSo(Self.paymentIs("declined")) }
        case .refund:
            try await until("the payment is captured") { try await isSo(Self.paymentIs("captured")) }
        }
    }

    private static func paymentIs(_ state: String) -> SQL {
        "SELECT EXISTS (SELECT FROM payments WHERE state = \(state))"
    }

    /// Holds in a gateway, or in a worker if one of those is to be struck.
    private func hold() async throws {
        if strike?.commit.actor == .office {
            if reservation.withLock({ $0 }) == nil {
                let run = try await WorkflowClient(postgres: client).start(Reservation.self, buyer.request)
                reservation.withLock { $0 = ReservationID(rawValue: run.rawValue) }
            }
        } else {
            let id = try await buyer.hold()
            reservation.withLock { $0 = id }
        }
        let id = try held()
        try await until("the tickets are held") { try await ReservationView.read(id, from: client) != nil }
        history.withLock { $0.note(.held(id, tickets: ProofBuyer.quantity, key: ProofBuyer.key)) }
    }

    private func perform(_ act: ProofBuyer.Act) async throws {
        let id = try held()
        // One who looks first does nothing twice.
        if act == .checkout, try await isSo("SELECT EXISTS (SELECT FROM payments)") { return }
        do {
            try await buyer.act(act, id, method: story.method)
        } catch Reservations.Refusal.limitReached where act == .extend {
            // It was extended by whoever died.
        } catch Reservations.Refusal.wrongState(.expired) where act == .extend {
            // As above, and that is over already.
        }
    }

    private func held() throws -> ReservationID {
        guard let id = reservation.withLock({ $0 }) else { throw Failed(what: "nothing was held", said: []) }
        return id
    }

    // MARK: Looking

    private func isSo(_ sql: SQL) async throws -> Bool {
        try await client.query(Query("test_value", sql))[0][0]
    }

    private func isOver() async throws -> Bool {
        guard try await ReservationView.read(try held(), from: client)?.state == story.ending else {
            return false
        }
        return try await isSo(
            """
            SELECT NOT EXISTS (SELECT FROM jobs
                WHERE home_queue = ANY (\(ProofOffice.queues)) AND state NOT IN ('done', 'failed', 'cancelled'))
            """
        )
    }

    private func until(_ what: String, _ look: () async throws -> Bool) async throws {
        let deadline = MonotonicTime.now + .seconds(60)
        while MonotonicTime.now < deadline {
            if try await look() { return }
            // What is looked for is in tables that other processes write, which tell nobody.
            _ = try await client.query(Query("test_pause", "SELECT pg_sleep(0.01)"))
        }
        throw NeverHappened(what: what)
    }

    private func texts(_ sql: SQL) async throws -> [String] {
        try await client.query(Query("test_texts", sql)).map { try $0[0] }
    }

    /// The commits that the runs have made, each of the same kind twice at most: how often a pending payment is asked for
    /// depends on the time that all the rest took.
    func checkpoints() async throws -> [SaleCommit] {
        try await client.query(
            Query(
                "test_checkpoints",
                "SELECT DISTINCT workflow_of(job_id), key FROM checkpoints WHERE key !~ '#([3-9]|1[0-9])$' ORDER BY 1, 2"
            )
        ).map { .checkpoint(workflow: try $0[0], key: try $0[1]) }
    }

    private func ending() async throws -> Ending {
        let money = try await client.query(
            Query("test_money", "SELECT captures, voids, refunds FROM provider ORDER BY reference")
        )
        return Ending(
            state: try await ReservationView.read(try held(), from: client)?.state,
            payments: try await texts("SELECT state FROM payments ORDER BY attempt"),
            money: try money.flatMap { row in [try row[0], try row[1], try row[2]] },
            told: try await texts("SELECT kind || ' ' || state FROM notifications ORDER BY 1"),
            facts: try await texts("SELECT kind FROM facts WHERE kind LIKE 'reservation.%' ORDER BY seq")
        )
    }

    // MARK: The books

    /// Everything that `usher audit` looks at, and what the buyer has in writing.
    private func check() async throws {
        let id = try held()
        history.withLock { history in
            switch story.ending {
            case .sold: history.note(.sold(id, tickets: ProofBuyer.quantity))
            case .released: history.note(.released(id))
            case .expired: history.note(.expired(id))
            case .refunded: history.note(.refunded(id))
            case .held, .paying: break
            }
        }
        var found: [String] = []
        for check in EngineAudit.checks + RoomAudit.checks + StockAudit.checks {
            found += try await check.offenders(in: client).map { "\(check.name): \($0)" }
        }
        found += try await DrawAudit.offenders(in: client)
        let findings = try await SaleHistoryCheck.findings(history.withLock { $0 }, of: onSale, in: client)
        found += findings.flatMap(\.lines)
        found += try await texts("SELECT 'two reservations' FROM reservations HAVING count(*) <> 1")
        found += try await texts(
            """
            SELECT 'sold ' || sold || ', held ' || held || ', paying ' || paying FROM tiers
            WHERE id = 'floor' AND (held, paying, sold)
                <> (0, 0, CASE \(story.ending.rawValue) WHEN 'sold' THEN \(ProofBuyer.quantity) ELSE 0 END)
            """
        )
        found += try await texts(
            """
            SELECT kind || ' was sent, and never came' FROM notifications AS n
            WHERE state = 'sent' AND NOT EXISTS (SELECT FROM delivered WHERE id = n.id)
            """
        )
        guard found.isEmpty else { throw Failed(what: "broken", said: found) }
    }

    struct Failed: Error, CustomStringConvertible {
        let what: String
        let said: [String]
        var description: String { ([what] + said.suffix(12)).joined(separator: "\n    ") }
    }
}
