import Jobs
import Postgres
import TestSupport
import Testing

@testable import BoxOffice

/// Payments that only a person can settle, and what that person may say.
@Suite(.timeLimit(.minutes(5)))
struct PaymentCaseTests {
    private let holder = APIKeys.Holder(id: 1, role: .operator, label: "test")
    private let buyer = AdmissionID(rawValue: 1)

    private func settle(
        _ office: BoxOfficeAtWork,
        _ hold: Hold,
        as finding: PaymentCases.Finding,
        attempt: Int = 1
    ) async throws -> PaymentCases.Settled {
        try await PaymentCases(postgres: office.client).settle(
            PaymentReference(reservation: hold.reservation, attempt: attempt),
            as: finding,
            note: "asked on the phone",
            by: holder
        )
    }

    /// What the operators' chain says.
    private func entries(_ office: BoxOfficeAtWork) async throws -> [String] {
        try await office.client.query(
            Query(
                "test.entries",
                "SELECT actor || ' ' || action || ' ' || detail FROM audit_entries WHERE on_sale_id = 0 ORDER BY ordinal"
            )
        ).map { try $0[0] }
    }

    /// A sale whose money can't be captured.
    private func withUncaptured(_ body: (BoxOfficeAtWork, Hold) async throws -> Void) async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 2)))
            _ = try await office.reservations.checkout(
                hold.reservation,
                admission: buyer,
                method: "uncapturable"
            )
            try await office.eventually("a case") { try await office.payment(hold) == "needs_person" }
            #expect(try await PaymentCase.backlog(in: office.client).count == 1)
            try await body(office, hold)
            #expect(try await PaymentCase.open(limit: 10, in: office.client).isEmpty)
            #expect(try await PaymentCase.backlog(in: office.client) == PaymentCase.Backlog())
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `A sale whose money was captured after all stays sold, however often that is said`()
        async throws
    {
        try await withUncaptured { office, hold in
            let misfit = PaymentCases.Refusal.misfit(.sold, accepted: [.captured, .refunded])
            await #expect(throws: misfit) { _ = try await settle(office, hold, as: .voided) }
            let answers = try await withThrowingTaskGroup(of: PaymentCases.Settled.self) { group in
                for _ in 0..<6 { group.addTask { try await settle(office, hold, as: .captured) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0 == .init(payment: .captured, reservation: .sold) })
            await #expect(throws: PaymentCases.Refusal.notOpen(.captured)) {
                _ = try await settle(office, hold, as: .refunded)
            }
            #expect(try await office.house.state(hold.reservation) == .sold)
            let reference = PaymentReference(reservation: hold.reservation, attempt: 1).text
            let detail =
                #"{"found":"captured","key":1,"note":"asked on the phone","payment":"\#(reference)"}"#
            #expect(try await entries(office) == ["operator:test settle_payment \(detail)"])
        }
    }

    @Test func `A sale whose money is with the buyer is refunded, and its tickets come back`() async throws {
        try await withUncaptured { office, hold in
            let settled = try await settle(office, hold, as: .refunded)
            #expect(settled == .init(payment: .refunded, reservation: .refunded))
            #expect(try await settle(office, hold, as: .refunded) == settled)
            #expect(try await office.house.state(hold.reservation) == .refunded)
            #expect(try await office.house.tier("floor")?.sold == 0)
            try await office.eventually("the buyer is told") {
                office.mail.delivered.contains { $0.kind == "refunded" }
            }
            #expect(try await entries(office).count == 1)
        }
    }

    @Test func `Money that belongs to no tickets can only be let go of`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(hold.reservation, admission: buyer, method: "declined")
            try await office.reached(.held, hold)
            try await office.reservations.release(hold.reservation, admission: buyer)
            await #expect(throws: PaymentCases.Refusal.notOpen(.declined)) {
                _ = try await settle(office, hold, as: .voided)
            }
            // The bank changed its mind, and the provider took the money without being asked.
            let reference = PaymentReference(reservation: hold.reservation, attempt: 1).text
            _ = office.provider.decide(reference, .captured)
            let late = PaymentReport(reference: reference, providerReference: "p", state: .authorised)
            #expect(try await office.callback(late) == .voiding)
            try await office.eventually("a case") { try await office.payment(hold) == "needs_person" }
            for finding in [PaymentCases.Finding.captured, .refunded] {
                await #expect(throws: PaymentCases.Refusal.misfit(.released, accepted: [.voided])) {
                    _ = try await settle(office, hold, as: finding)
                }
            }
            #expect(try await entries(office).isEmpty)
            let settled = try await settle(office, hold, as: .voided)
            #expect(settled == .init(payment: .voided, reservation: .released))
            await #expect(throws: PaymentCases.Refusal.unknown) {
                _ = try await settle(office, hold, as: .voided, attempt: 2)
            }
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `The backlog tells for how long the oldest has waited`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(
                hold.reservation,
                admission: buyer,
                method: "uncapturable"
            )
            try await office.eventually("a case") { try await office.payment(hold) == "needs_person" }
            #expect(try await office.offenders() == [])
            try await office.house.advance(seconds: 90_000)
            let backlog = try await PaymentCase.backlog(in: office.client)
            #expect(backlog.count == 1 && backlog.oldest >= .seconds(90_000))
            let reference = PaymentReference(reservation: hold.reservation, attempt: 1).text
            #expect(
                try await office.offenders().contains { $0.hasPrefix("payment \(reference) of reservation") }
            )
        }
    }
}
