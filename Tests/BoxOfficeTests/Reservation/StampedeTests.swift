import Jobs
import Postgres
import Telemetry
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// The last tickets under a stampede through several gateways, and reservations under a clock that is moved.
///
/// `USHER_TEST_SEED` repeats a run.
@Suite("The proof of stock", .timeLimit(.minutes(3)))
struct StampedeTests {
    @Test(arguments: 0..<4) func `Two gateways that grant the last batch sell each ticket once`(
        round: Int
    ) async throws {
        let seed = testSetting("USHER_TEST_SEED") ?? .random(in: 0...999_999)
        print("seed \(seed), round \(round)")
        // In the last round there is one ticket, and everybody wants it.
        let tickets = round == 3 ? 1 : 25
        try await withHouse(standing: tickets, buyers: 60, connections: 10) { house in
            let outcomes = try await withGateways(2, house) { gateways in
                try await withThrowingTaskGroup(of: (HoldRequest, HoldOutcome).self) { group in
                    var dice = TestDice(seed: seed, stream: round)
                    for buyer in 1...60 {
                        let quantity = round == 3 ? 1 : Int.random(in: 1...3, using: &dice)
                        let request = house.request(Int64(buyer), quantity)
                        let gateway = gateways[Int.random(in: 0...1, using: &dice)]
                        group.addTask { (request, try await gateway.hold(request)) }
                    }
                    return try await group.reduce(into: [(HoldRequest, HoldOutcome)]()) { $0.append($1) }
                }
            }
            let held = outcomes.compactMap(\.1.hold)
            let tier = try #require(try await house.tier("floor"))
            #expect(tier.held == held.reduce(0) { $0 + $1.quantity }, "seed \(seed)")
            #expect(tier.free + tier.held == tickets, "seed \(seed)")
            #expect(Set(held.map(\.reservation)).count == held.count, "seed \(seed)")
            for (request, outcome) in outcomes where outcome.hold == nil {
                guard case .soldOut(let left) = outcome else {
                    Issue.record("seed \(seed): \(outcome)")
                    continue
                }
                #expect(left < request.quantity, "seed \(seed)")
            }
            if round == 3 { #expect(held.count == 1) }
            for check in StockAudit.checks {
                #expect(try await check.offenders(in: house.client) == [], "seed \(seed): \(check.name)")
            }
        }
    }

    /// Runs `body` with so many gateways' ways to reserve, each with commits of its own.
    private func withGateways<Value: Sendable>(
        _ count: Int,
        _ house: House,
        _ body: @escaping @Sendable ([Reservations]) async throws -> Value
    ) async throws -> Value {
        var registry = WorkflowRegistry()
        registry.register(Reservation(payments: ScriptedProvider()))
        let starters = (0..<count).map { _ in
            EagerStarter(
                postgres: house.client,
                registry: registry,
                logger: Logger(label: "test", level: .error)
            )
        }
        let gateways = starters.map {
            Reservations(
                postgres: house.client,
                workflows: WorkflowClient(postgres: house.client),
                starter: $0
            )
        }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            for starter in starters {
                group.addTask {
                    try await starter.run()
                    return nil
                }
            }
            group.addTask {
                defer { for starter in starters { starter.close() } }
                return try await body(gateways)
            }
            var result: Value?
            for try await value in group { if let value { result = value } }
            return try #require(result)
        }
    }

    @Test func `A clock that jumps forward and back ends no hold twice and gives no ticket twice`()
        async throws
    {
        let seed = testSetting("USHER_TEST_SEED") ?? .random(in: 0...999_999)
        print("seed \(seed)")
        try await withBoxOffice(standing: 40, buyers: 50) { office in
            var dice = TestDice(seed: seed)
            var holds: [Hold] = []
            var owners: [ReservationID: AdmissionID] = [:]
            var released: Set<ReservationID> = []
            for buyer in 1...40 {
                if let hold = try await office.hold(office.house.request(Int64(buyer), 1)) {
                    holds.append(hold)
                    owners[hold.reservation] = AdmissionID(rawValue: Int64(buyer))
                }
                if buyer.isMultiple(of: 4) {
                    try await office.house.advance(seconds: .random(in: -900...900, using: &dice))
                }
                if buyer.isMultiple(of: 5), let hold = holds.randomElement(using: &dice),
                    let owner = owners[hold.reservation]
                {
                    do {
                        try await office.reservations.release(hold.reservation, admission: owner)
                        released.insert(hold.reservation)
                    } catch is Reservations.Refusal {
                        // It had expired.
                        continue
                    }
                }
            }
            try await office.house.advance(seconds: 86_400)
            for hold in holds {
                let end: ReservationState = released.contains(hold.reservation) ? .released : .expired
                try await office.reached(end, hold)
            }
            // Back again: what has ended stays so, and every ticket is there once.
            try await office.house.advance(seconds: -86_400)
            let tier = try #require(try await office.house.tier("floor"))
            #expect(tier.free == 40 && tier.held == 0, "seed \(seed)")
            for hold in holds {
                let state = try #require(try await office.house.state(hold.reservation))
                #expect(state == (released.contains(hold.reservation) ? .released : .expired), "seed \(seed)")
            }
            #expect(try await office.offenders() == [], "seed \(seed)")
        }
    }
}
