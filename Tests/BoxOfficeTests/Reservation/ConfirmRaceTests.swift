import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// Confirming and giving up the same payments at the same moment, again and again.
///
/// `USHER_RACES` says how often; `USHER_RACE_SEED` repeats the batches of a run.
@Suite("Confirm against expire", .timeLimit(.minutes(15)))
struct ConfirmRaceTests {
    /// Reservations that are being paid, a ticket each, without the runs that would go on with them.
    private func paying(_ count: Int, in house: House) async throws {
        let statements: [SQL] = [
            """
            INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                expires_at, hold_ends_at, held_at, attempt)
            SELECT n, 1, 1, 'floor', 1, '{}', 3000, 'EUR', 'paying', usher_now(), usher_now(), usher_now(), 1
            FROM generate_series(1, \(count)) AS n
            """,
            """
            INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                created_at, updated_at)
            SELECT n, 1, 1, 'r' || n, 'card', 3000, 'EUR', 'unknown', usher_now(), usher_now()
            FROM generate_series(1, \(count)) AS n
            """,
            "UPDATE tiers SET paying = \(count), free = free - \(count) WHERE id = 'floor'",
        ]
        for sql in statements { try await house.client.execute(Query("test.paying", sql)) }
    }

    /// Cuts the numbers up to `count` into batches of one to forty.
    private func batches(_ count: Int, _ dice: inout TestDice) -> [ClosedRange<Int64>] {
        var batches: [ClosedRange<Int64>] = []
        var next: Int64 = 1
        while next <= count {
            let last = min(Int64(count), next + .random(in: 0..<40, using: &dice))
            batches.append(next...last)
            next = last + 1
        }
        return batches
    }

    private func wins<Step: CohortStep>(
        _ batches: [ClosedRange<Int64>],
        in house: House,
        _ step: Step
    ) async throws -> Set<Int64> where Step.Output == Bool {
        var won: Set<Int64> = []
        for batch in batches {
            let members = batch.map { CohortMember(runID: JobID(rawValue: $0), step: step) }
            let answers = try await house.client.withTransaction { try await Step.perform(members, in: &$0) }
            for (id, isMine) in zip(batch, answers) where isMine { won.insert(id) }
        }
        return won
    }

    @Test func `Each of many payments is confirmed or given up, and never both`() async throws {
        let count = Int(testSetting("USHER_RACES") ?? 2_000)
        let seed = testSetting("USHER_RACE_SEED") ?? .random(in: 0..<1_000_000)
        var dice = TestDice(seed: seed)
        try await withHouse(standing: count, rows: [], buyers: 1) { house in
            try await paying(count, in: house)
            let (one, other) = (batches(count, &dice), batches(count, &dice))
            let report = PaymentReport(reference: "r", providerReference: "p", state: .authorised)
            async let confirmed = wins(one, in: house, ConfirmSale(attempt: 1, report: report))
            async let given = wins(other, in: house, GiveUpPayment(attempt: 1))
            let (sold, expired) = (try await confirmed, try await given)
            print("\(count) races: \(sold.count) confirmed, \(expired.count) given up; seed \(seed)")
            #expect(sold.isDisjoint(with: expired), "won by both; seed \(seed)")
            #expect(sold.count + expired.count == count, "won by none; seed \(seed)")
            #expect(!sold.isEmpty && !expired.isEmpty, "no race; seed \(seed)")
            let stock = try #require(try await house.tier("floor"))
            #expect(stock.sold == sold.count && stock.free == expired.count && stock.paying == 0)
            #expect(
                try await house.count("SELECT count(*) FROM reservations WHERE state = 'sold'") == sold.count
            )
            #expect(
                try await house.count("SELECT count(*) FROM notifications WHERE kind = 'sold'") == sold.count
            )
            #expect(try await house.count("SELECT count(*) FROM notifications") == count)
        }
    }
}
