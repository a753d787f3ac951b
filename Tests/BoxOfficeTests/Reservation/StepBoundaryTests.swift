import Jobs
import JobsTesting
import Postgres
import Telemetry
import Testing
import Workflows

@testable import BoxOffice

/// A worker dies at each boundary of each step that a reservation takes, and everything ends as if none had.
@Suite("A death at every step of a reservation", .timeLimit(.minutes(5)))
struct StepBoundaryTests {
    /// What a buyer does, and where it must end.
    enum Story: String, CaseIterable, Sendable {
        case bought, declined, undecided, expired, refunded

        var ending: ReservationState {
            switch self {
            case .bought: .sold
            case .declined: .released
            case .undecided, .expired: .expired
            case .refunded: .refunded
            }
        }
    }

    /// What is left when all is over: how the reservation's own part of it ended.
    struct Ending: Equatable {
        var state: ReservationState?
        var payments: [String]
        var captures: Int
        var refunds: Int
        var told: [String]
    }

    /// One buyer's story after the other in the same house, so that all the books are held against all of them.
    private struct Stage {
        let story: Story
        let house: House
        let provider = ScriptedProvider()
        var buyer: Int64 = 0
        /// What each of them bought, in vain or not.
        let quantity = 2

        /// Plays the story with the next buyer.
        mutating func play(_ failures: ScriptedFailures = ScriptedFailures()) async throws -> Ending {
            buyer += 1
            var registry = WorkflowRegistry()
            registry.register(Reservation(payments: provider))
            registry.register(VoidPayment(payments: provider))
            registry.register(RefundReservation(payments: provider, postgres: house.client))
            registry.register(Notify(channel: Mailbox()))
            let tester = WorkflowTester(postgres: house.client, registry: registry, failures: failures)
            let reservations = Reservations(
                postgres: house.client,
                workflows: tester.client,
                starter: EagerStarter(
                    postgres: house.client,
                    registry: WorkflowRegistry(),
                    logger: Logger(label: "test")
                )
            )
            for queue in registry.queues.sorted() { try await tester.client.store.ensureQueue(queue) }
            let request = house.request(buyer, quantity, of: "floor")
            let run = try await tester.client.start(Reservation.self, request)
            try await tester.drain()
            let (id, admission) = (ReservationID(rawValue: run.rawValue), AdmissionID(rawValue: buyer))
            func pay(_ method: String) async throws {
                _ = try await reservations.checkout(id, admission: admission, method: method)
                try await tester.drain()
            }
            switch story {
            case .bought: try await pay("good")
            case .declined:
                try await pay("declined")
                try await reservations.release(id, admission: admission)
            case .undecided:
                try await pay("pending")
                try await tester.advance(by: .seconds(3_600))
            case .expired: try await tester.advance(by: .seconds(3_600))
            case .refunded:
                try await pay("good")
                _ = try await tester.client.start(RefundReservation.self, id)
            }
            try await tester.drain()
            _ = try await tester.finish(run)
            return try await ending(of: id)
        }

        private func texts(_ sql: SQL) async throws -> [String] {
            try await house.client.query(Query("test.texts", sql)).map { try $0[0] }
        }

        private func ending(of id: ReservationID) async throws -> Ending {
            let reference = PaymentReference(reservation: id, attempt: 1).text
            return Ending(
                state: try await house.state(id),
                payments: try await texts(
                    "SELECT state FROM payments WHERE reservation_id = \(id.rawValue) ORDER BY attempt"
                ),
                captures: provider.all[reference]?.captures ?? 0,
                refunds: provider.all[reference]?.refunds ?? 0,
                told: try await texts(
                    """
                    SELECT kind || ' ' || state FROM notifications
                    WHERE dedupe_key LIKE '%:' || \(id.publicID) || ':%' ORDER BY id
                    """
                )
            )
        }

        /// The steps and effects that have been taken, of all runs.
        func keys() async throws -> [String] {
            try await texts("SELECT DISTINCT key FROM checkpoints WHERE kind = 0 ORDER BY key")
        }

        /// All the tickets where they must be, and nothing that the audit finds.
        func check() async throws {
            let tier = try #require(try await house.tier("floor"))
            let (state, all) = (story.ending, Int(buyer) * quantity)
            #expect(tier.sold == (state == .sold ? all : 0) && tier.held == 0 && tier.paying == 0, "\(tier)")
            // What was sold in a house without an on-sale isn't sold again.
            #expect(tier.withheld == (state == .refunded ? all : 0), "\(tier)")
            for check in StockAudit.checks {
                #expect(try await check.offenders(in: house.client) == [], "\(check.name)")
            }
        }
    }

    @Test(arguments: Story.allCases)
    func `Whatever dies wherever, it ends as it would have`(story: Story) async throws {
        try await withHouse(standing: 400, rows: [], buyers: 100) { house in
            var stage = Stage(story: story, house: house)
            let sound = try await stage.play()
            #expect(sound.state == story.ending, "\(sound)")
            let keys = try await stage.keys()
            #expect(keys.contains("hold"), "\(keys)")
            for key in keys {
                for moment in [ScriptedFailures.Moment.before, .after, .afterCommit] {
                    let failures = ScriptedFailures()
                    failures.crash(moment, of: key)
                    let ending = try await stage.play(failures)
                    #expect(
                        ending == sound,
                        "\(story): a death \(moment) \(key) ended in \(ending), not \(sound)"
                    )
                    #expect(failures.happened == 1, "\(story): nothing died \(moment) \(key)")
                }
            }
            try await stage.check()
            print("\(story): \(stage.buyer - 1) deaths at \(keys.count) steps")
        }
    }
}
