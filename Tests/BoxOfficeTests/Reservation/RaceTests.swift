import Jobs
import Postgres
import Telemetry
import Testing
import Workflows

@testable import BoxOffice

@Suite("Races over one reservation", .timeLimit(.minutes(5)))
struct RaceTests {
    /// Holds tickets for runs that no worker works on, so that the test is the only one that acts.
    private func held(_ count: Int, in house: House) async throws -> [Hold] {
        let workflows = WorkflowClient(postgres: house.client)
        try await JobStore(postgres: house.client).ensureQueue(Reservation.queue)
        var holds: [Hold] = []
        for buyer in 1...count {
            let request = house.request(Int64(buyer), 2, of: buyer % 2 == 0 ? "floor" : "seated")
            let run = try await workflows.start(Reservation.self, request)
            holds += try await house.hold([request], runs: [run]).compactMap(\.hold)
        }
        return holds
    }

    private func reservations(_ house: House) -> Reservations {
        Reservations(
            postgres: house.client,
            workflows: WorkflowClient(postgres: house.client),
            starter: EagerStarter(
                postgres: house.client,
                registry: WorkflowRegistry(),
                logger: .init(label: "test")
            )
        )
    }

    private func expire(_ hold: Hold, in house: House) async throws -> ExpireHold.Ending {
        let member = CohortMember(runID: JobID(rawValue: hold.reservation.rawValue), step: ExpireHold())
        return try await house.client.withTransaction { try await ExpireHold.perform([member], in: &$0)[0] }
    }

    /// As the scheduler does it: by the function of SQL.
    private func expireBySQL(_ hold: Hold, in house: House) async throws -> Bool {
        let run = JobID(rawValue: hold.reservation.rawValue)
        let argument = try JSONCoding.encode(ExpireHolds(hold.reservation, of: AdmissionID(rawValue: 1)))
        return try await house.client.withTransaction { tx in
            _ = try await tx.query(JobStatements.lock([run]))
            let rows = try await tx.query(RunTransition.call(ExpireHolds.function, [(run, argument)]))
            return try RunTransition.outputs(of: rows, from: ExpireHolds.function, for: [run])[0] != nil
        }
    }

    @Test func `Of checkout, release and expiry exactly one happens`() async throws {
        try await withHouse(rows: [40, 40], buyers: 40) { house in
            let holds = try await held(30, in: house)
            try await JobStore(postgres: house.client).ensureQueue(Notify.queue)
            let reservations = reservations(house)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, hold) in holds.enumerated() {
                    // The deadline passes somewhere in the middle of it all: after as many round trips as paying
                    // takes up to its transaction.
                    if index == holds.count / 2 {
                        group.addTask {
                            for _ in 0..<2 { _ = try await house.tier("floor") }
                            try await house.advance(seconds: 300)
                        }
                    }
                    let buyer = AdmissionID(rawValue: Int64(index + 1))
                    group.addTask {
                        let id = hold.reservation
                        do {
                            _ = try await reservations.checkout(id, admission: buyer, method: "good")
                        } catch let refusal as Reservations.Refusal {
                            #expect(refusal != .unknown && refusal != .limitReached)
                        }
                    }
                    // Releasing takes fewer round trips than paying: it must not win every race.
                    if index % 3 == 0 {
                        group.addTask { try? await reservations.release(hold.reservation, admission: buyer) }
                    }
                    group.addTask {
                        for round in 0..<6 {
                            // Either way, as they may meet while versions change.
                            if (round + index) % 2 == 0 {
                                if try await expireBySQL(hold, in: house) { return }
                            } else {
                                guard case .notYet = try await expire(hold, in: house) else { return }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            var counts: [String: Int] = [:]
            for row in try await house.client.query(
                Query("test.states", "SELECT state, count(*) FROM reservations GROUP BY state")
            ) { counts[try row[0]] = try row[1] }
            print("races ended as \(counts)")
            #expect(counts.values.reduce(0, +) == 30)
            let events = try await house.count(
                """
                SELECT count(*) FROM reservations AS r
                WHERE (SELECT count(*) FROM events AS e WHERE e.job_id = r.id)
                    <> CASE WHEN r.state IN ('paying', 'released') THEN 1 ELSE 0 END
                """
            )
            #expect(events == 0, "a run is told of what happened, and of nothing else")
            #expect(try await house.count("SELECT count(*) FROM payments") == counts["paying"] ?? 0)
            for check in StockAudit.checks where check.promise == 3 {
                let offenders = try await check.offenders(in: house.client)
                #expect(offenders == [])
            }
        }
    }

    @Test func `Of confirming and giving up exactly one happens`() async throws {
        try await withHouse(rows: [40, 40], buyers: 40) { house in
            let holds = try await held(24, in: house)
            let reservations = reservations(house)
            for (index, hold) in holds.enumerated() {
                let buyer = AdmissionID(rawValue: Int64(index + 1))
                _ = try await reservations.checkout(hold.reservation, admission: buyer, method: "good")
            }
            let wins = try await withThrowingTaskGroup(of: Int.self) { group in
                for hold in holds {
                    let run = JobID(rawValue: hold.reservation.rawValue)
                    let report = PaymentReport(reference: "r", providerReference: "p", state: .authorised)
                    for _ in 0..<2 {
                        group.addTask {
                            let member = CohortMember(
                                runID: run,
                                step: ConfirmSale(attempt: 1, report: report)
                            )
                            return try await house.client.withTransaction {
                                try await ConfirmSale.perform([member], in: &$0)[0] ? 1 : 0
                            }
                        }
                        group.addTask {
                            let member = CohortMember(runID: run, step: GiveUpPayment(attempt: 1))
                            return try await house.client.withTransaction {
                                try await GiveUpPayment.perform([member], in: &$0)[0] ? 1 : 0
                            }
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(wins == 24, "each reservation ended once")
            #expect(
                try await house.count("SELECT count(*) FROM reservations WHERE state IN ('sold', 'expired')")
                    == 24
            )
            #expect(try await house.count("SELECT count(*) FROM notifications") == 24)
            for check in StockAudit.checks where check.promise == 3 {
                let offenders = try await check.offenders(in: house.client)
                #expect(offenders == [])
            }
        }
    }

    @Test func `Two clicks on pay are one payment`() async throws {
        try await withHouse(rows: [40]) { house in
            let holds = try await held(1, in: house)
            let reservations = reservations(house)
            let hold = try #require(holds.first)
            let buyer = AdmissionID(rawValue: 1)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        do {
                            _ = try await reservations.checkout(
                                hold.reservation,
                                admission: buyer,
                                method: "good"
                            )
                        } catch {
                            #expect(error is Reservations.Refusal)
                        }
                    }
                }
            }
            #expect(try await house.count("SELECT count(*) FROM payments") == 1)
            #expect(try await house.tier("seated")?.paying == 2)
        }
    }
}
