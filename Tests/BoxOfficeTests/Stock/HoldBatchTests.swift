import Postgres
import Testing

@testable import BoxOffice

@Suite("Deciding a batch of holds", .timeLimit(.minutes(5)))
struct HoldBatchTests {
    private let floor = TierKey(onSale: 1, tier: "floor")

    private func facts(has: [Int64: Int] = [:]) -> HoldFacts {
        var facts = HoldFacts()
        facts.live = [10: 1, 11: 1, 12: 2]
        facts.has = has
        facts.rules = [1: .init(maxPerBuyer: 4, holdSeconds: 300)]
        facts.tiers = [
            floor: .init(price: 2_500, currency: "EUR", numbered: false),
            TierKey(onSale: 1, tier: "balcony"): .init(price: 4_000, currency: "EUR", numbered: true),
        ]
        return facts
    }

    private func member(
        _ id: Int64,
        admission: Int64 = 10,
        _ quantity: Int,
        tier: String = "floor",
        key: String? = nil,
        body: String = "b"
    )
        -> HoldBatch.Member
    {
        HoldBatch.Member(
            reservation: id,
            request: HoldRequest(
                onSale: OnSaleID(rawValue: 1),
                admission: AdmissionID(rawValue: admission),
                choice: .best(tier: tier, quantity: quantity),
                idempotency: key.map { IdempotencyKey(key: $0, body: Array(body.utf8)) }
            )
        )
    }

    @Test func `Who comes first is served, and the last units go to whom they fit`() {
        var batch = HoldBatch(
            [member(1, 2), member(2, admission: 11, 3), member(3, admission: 11, 1)],
            facts()
        )
        batch.grant(from: [floor: 3])
        guard case .held(let first) = batch.outcomes[0], case .held(let third) = batch.outcomes[2] else {
            Issue.record("the first and the third fit: \(batch.outcomes)")
            return
        }
        #expect(batch.outcomes[1] == .soldOut(left: 1))
        #expect(
            first.total == 5_000 && first.currency == "EUR" && first.expiresAt == facts().now + .seconds(300)
        )
        #expect(third.quantity == 1)
    }

    @Test func `A buyer's limit counts what the batch itself gives`() {
        var batch = HoldBatch([member(1, 2), member(2, 2), member(3, 1)], facts(has: [10: 1]))
        batch.grant(from: [floor: 100])
        #expect(batch.outcomes[1] == .limitExceeded(limit: 4, has: 3))
        guard case .held = batch.outcomes[2] else {
            Issue.record("one more is within the limit: \(batch.outcomes[2])")
            return
        }
    }

    @Test func `Sessions that are over, of another on-sale or unknown get nothing`() {
        var batch = HoldBatch([member(1, admission: 12, 1), member(2, admission: 99, 1)], facts())
        batch.grant(from: [floor: 100])
        #expect(batch.outcomes == [.sessionOver, .sessionOver])
    }

    @Test func `A double click holds once`() {
        var batch = HoldBatch(
            [member(1, 2, key: "k"), member(2, 2, key: "k"), member(3, 1, key: "k", body: "other")],
            facts()
        )
        batch.grant(from: [floor: 100])
        guard case .held(let hold) = batch.outcomes[0] else {
            Issue.record("the first is held: \(batch.outcomes[0])")
            return
        }
        #expect(batch.outcomes[1] == .repeated(hold))
        #expect(batch.outcomes[2] == .keyReused)
    }

    @Test func `A key that was answered before gets the same answer`() {
        var known = facts()
        let hold = Hold(
            reservation: ReservationID(rawValue: 7),
            tier: "floor",
            quantity: 1,
            seats: [],
            total: 2_500,
            currency: "EUR",
            expiresAt: PostgresTimestamp(microseconds: 5)
        )
        let key = IdempotencyKey(key: "k", body: Array("b".utf8))
        known.answered[.init(admission: 10, key: "k")] = .init(
            bodyHash: key.bodyHash,
            outcome: .held(hold)
        )
        var batch = HoldBatch([member(8, 1, key: "k"), member(9, 1, key: "k", body: "other")], known)
        batch.grant(from: [floor: 100])
        #expect(batch.outcomes == [.repeated(hold), .keyReused])
        #expect(batch.wantedTiers.isEmpty)
    }

    @Test func `What the stock decided is kept under the key; what asks to come again is not`() throws {
        var batch = HoldBatch(
            [
                member(1, 2, key: "sold out"), member(2, 2, key: "sold out"), member(3, 5, key: "limit"),
                member(4, 1, tier: "nowhere", key: "unknown"),
                member(5, 1, tier: "balcony", key: "contended"),
                member(6, admission: 99, 1, key: "over"), member(7, 1, key: "held"), member(8, 2),
            ],
            facts()
        )
        batch.grant(from: [floor: 1, TierKey(onSale: 1, tier: "balcony"): 9])
        let kept = batch.keyed.filter { batch.outcomes[$0].isKept }
        #expect(kept == [0, 2, 6])
        #expect(batch.outcomes[1] == .soldOut(left: 1))
    }

    @Test func `Wishes about seats are refused where there are none`() {
        var members = [member(1, 2), member(2, 2), member(3, 2), member(4, 2, tier: "balcony")]
        members[0].request.accessible = 1
        members[0].request.together = .row
        members[1].request.accessible = 0
        members[1].request.together = .apart
        members[2].request.together = .adjacent
        members[3].request.accessible = 1
        members[3].request.together = .section
        var batch = HoldBatch(members, facts())
        #expect(batch.unseated.map(\.party) == [.init(size: 2, accessible: 1, limit: .section)])
        batch.grant(from: [floor: 100])
        #expect(batch.outcomes[0] == .standing(tier: "floor", fields: ["accessible", "together"]))
        #expect(batch.outcomes[2] == .standing(tier: "floor", fields: ["together"]))
        guard case .held = batch.outcomes[1] else {
            Issue.record("nothing was asked for that only seats have: \(batch.outcomes[1])")
            return
        }
    }

    @Test func `A numbered tier gives nothing without seats`() {
        var batch = HoldBatch([member(1, 2, tier: "balcony"), member(2, 1, tier: "nowhere")], facts())
        #expect(batch.unseated.map(\.party) == [.init(size: 2)])
        batch.grant(from: [TierKey(onSale: 1, tier: "balcony"): 10])
        #expect(batch.outcomes == [.contended, .unknownChoice])
    }
}
