import Jobs
import Postgres
import Testing
import Workflows

@testable import BoxOffice

@Suite("A reservation's life", .timeLimit(.minutes(5)))
struct ReservationTests {
    private let buyer = AdmissionID(rawValue: 1)

    @Test func `Held, paid, captured, told`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 2, of: "seated", key: "k")))
            #expect(hold.seats == ["S-R0-5", "S-R0-6"] && hold.total == 10_000)
            let paying = try await office.reservations.checkout(
                hold.reservation,
                admission: buyer,
                method: "good"
            )
            #expect(paying.state == .paying && paying.paymentsLeft == 2)
            try await office.reached(.sold, hold)
            try await office.eventually("captured") { try await office.payment(hold) == "captured" }
            try await office.eventually("told") { office.mail.delivered.map(\.kind) == ["sold"] }
            #expect(office.mail.delivered.first?.recipient == buyer.publicID)
            let tier = try #require(try await office.house.tier("seated"))
            #expect(tier.sold == 2 && tier.free == 18 && tier.held == 0 && tier.paying == 0)
            #expect(office.provider.all.values.map(\.captures) == [1])
            #expect(try await office.offenders() == [])
            // The key still gives the answer of then.
            #expect(
                try await office.reservations.hold(office.house.request(1, 2, of: "seated", key: "k"))
                    == .repeated(hold)
            )
        }
    }

    @Test func `Holds that expire together end without their code, and their buyers are told`() async throws {
        try await withBoxOffice { office in
            var holds: [Hold] = []
            for buyer in 1...12 {
                let request = office.house.request(Int64(buyer), 1, of: buyer % 2 == 0 ? "floor" : "seated")
                holds.append(try #require(try await office.hold(request)))
            }
            // One that still runs when the time has come needs nobody to wake it.
            try await office.eventually("all wait") {
                let waiting: Int64 = try await office.client.query(
                    Query(
                        "test.waiting",
                        "SELECT count(*) FROM jobs WHERE name = 'reservation' AND state = 'waiting'"
                    )
                )[0][0]
                return waiting == 12
            }
            try await office.house.advance(seconds: 310)
            for hold in holds { try await office.reached(.expired, hold) }
            // Each was driven once, when it was started.
            let driven: Int64 = try await office.client.query(
                Query(
                    "test.driven",
                    """
                    SELECT count(*) FROM jobs WHERE name = 'reservation'
                        AND NOT (state = 'done' AND epoch = 1 AND output = '"expired"' AND transition = 'expire_holds')
                    """
                )
            )[0][0]
            #expect(driven == 0)
            try await office.eventually("told") { office.mail.delivered.count == 12 }
            let told = Set(office.mail.delivered.map(\.recipient))
            #expect(told == Set((1...12).map { AdmissionID(rawValue: $0).publicID }))
            let payload = try #require(office.mail.delivered.first?.payload)
            #expect(holds.contains { payload.contains("\"\($0.reservation)\"") })
            #expect(payload.contains("EUR"))
            #expect(try await office.house.tier("seated")?.free == 20)
            #expect(try await office.house.tier("floor")?.free == 100)
            let outcome = try await office.workflows.result(
                of: JobID(rawValue: holds[0].reservation.rawValue),
                Reservation.self
            )
            #expect(outcome == .expired)
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `An unpaid hold expires when its time has come, and not before`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 3, of: "seated")))
            let extended = try await office.reservations.extend(hold.reservation, admission: buyer)
            #expect(extended.expiresAt == hold.expiresAt + .seconds(60) && extended.extensionsLeft == 0)
            await #expect(throws: Reservations.Refusal.limitReached) {
                try await office.reservations.extend(hold.reservation, admission: buyer)
            }
            // Past the first deadline, before the second: the run wakes and sleeps on.
            try await office.house.advance(seconds: 310)
            let other = try #require(try await office.hold(office.house.request(2)))
            try await office.reservations.release(other.reservation, admission: AdmissionID(rawValue: 2))
            #expect(try await office.house.state(hold.reservation) == .held)
            try await office.house.advance(seconds: 60)
            try await office.reached(.expired, hold)
            try await office.eventually("told") { office.mail.delivered.map(\.kind) == ["expired"] }
            #expect(try await office.house.tier("seated")?.free == 20)
            await #expect(throws: Reservations.Refusal.wrongState(.expired)) {
                try await office.reservations.checkout(hold.reservation, admission: buyer, method: "good")
            }
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `A hold that is let go of is free at once, and nobody else can let go of it`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 2, of: "seated")))
            await #expect(throws: Reservations.Refusal.unknown) {
                try await office.reservations.release(hold.reservation, admission: AdmissionID(rawValue: 2))
            }
            try await office.reservations.release(hold.reservation, admission: buyer)
            #expect(try await office.house.tier("seated")?.free == 20)
            try await office.reservations.release(hold.reservation, admission: buyer)
            try await office.eventually("the run ends") {
                try await office.house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 1
            }
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `Declined buyers keep their hold a while and may try again, so often`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            try await office.house.advance(seconds: 290)
            for attempt in 1...2 {
                _ = try await office.reservations.checkout(
                    hold.reservation,
                    admission: buyer,
                    method: "declined"
                )
                try await office.reached(.held, hold)
                #expect(try await office.payment(hold, attempt: attempt) == "declined")
            }
            let view = try await office.reservations.get(hold.reservation, admission: buyer)
            #expect(view.problem == "payment_declined" && view.paymentsLeft == 1)
            #expect(view.expiresAt > hold.expiresAt, "the grace goes beyond the hold")
            _ = try await office.reservations.checkout(hold.reservation, admission: buyer, method: "good")
            try await office.reached(.sold, hold)
            try await office.eventually("captured") {
                try await office.payment(hold, attempt: 3) == "captured"
            }
            try await office.eventually("told") {
                office.mail.delivered.map(\.kind).sorted() == [
                    "payment_declined", "payment_declined", "sold",
                ]
            }
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `A lost answer is asked for, not guessed`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(hold.reservation, admission: buyer, method: "silent")
            try await office.reached(.sold, hold)
            try await office.eventually("captured") { try await office.payment(hold) == "captured" }
            #expect(office.provider.all.values.map(\.captures) == [1])
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `A pending payment is decided by its callback, which may come twice`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(hold.reservation, admission: buyer, method: "pending")
            let reference = PaymentReference(reservation: hold.reservation, attempt: 1).text
            try await office.eventually("asked") { office.provider.all[reference] != nil }
            let report = office.provider.decide(reference, .authorised)
            #expect(try await office.callback(report) == .told)
            #expect(try await office.callback(report) == .known)
            try await office.reached(.sold, hold)
            try await office.eventually("captured") { try await office.payment(hold) == "captured" }
            #expect(try await office.callback(report) == .known)
            #expect(office.provider.all[reference] == .init(state: .captured, method: "pending", captures: 1))
            #expect(try await office.callbacks.handle([123, 125], signature: "t=1,v1=00") == .forged)
            let stranger = PaymentReport(reference: "rs_zzz.1", providerReference: "x", state: .authorised)
            #expect(try await office.callback(stranger) == .unknown)
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `What stays undecided is given up and voided, and an authorisation that comes later, too`()
        async throws
    {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(hold.reservation, admission: buyer, method: "pending")
            let reference = PaymentReference(reservation: hold.reservation, attempt: 1).text
            try await office.eventually("asked") { office.provider.all[reference] != nil }
            try await office.house.advance(seconds: 130)
            try await office.reached(.expired, hold)
            try await office.eventually("voided") { try await office.payment(hold) == "voided" }
            #expect(office.provider.all[reference]?.state == .voided)
            #expect(try await office.house.tier("floor")?.free == 100)
            // The provider's mistake or a message from the past: it changes nothing.
            let late = PaymentReport(reference: reference, providerReference: "x", state: .authorised)
            #expect(try await office.callback(late) == .known)
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `An authorisation that reaches a reservation that has ended is voided`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(hold.reservation, admission: buyer, method: "declined")
            try await office.reached(.held, hold)
            try await office.reservations.release(hold.reservation, admission: buyer)
            let reference = PaymentReference(reservation: hold.reservation, attempt: 1).text
            let late = office.provider.decide(reference, .authorised)
            #expect(try await office.callback(late) == .voiding)
            let again = try await office.callback(late)
            #expect(again == .voiding || again == .known)
            try await office.eventually("voided") { try await office.payment(hold) == "voided" }
            #expect(office.provider.all[reference]?.voids == 1)
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `A capture that stays impossible becomes a person's case`() async throws {
        try await withBoxOffice { office in
            let hold = try #require(try await office.hold(office.house.request(1, 1)))
            _ = try await office.reservations.checkout(
                hold.reservation,
                admission: buyer,
                method: "uncapturable"
            )
            try await office.eventually("listed") { try await office.payment(hold) == "needs_person" }
            #expect(try await office.house.state(hold.reservation) == .sold)
            let cases = try await PaymentCase.open(limit: 10, in: office.client)
            #expect(cases.map(\.reservation) == [hold.reservation] && cases.first?.method == "uncapturable")
            try await office.eventually("told") {
                office.mail.delivered.map { "\($0.kind) \($0.recipient)" }.contains("needs_person operator")
            }
            #expect(try await office.offenders() == [])
        }
    }

    @Test func `A cancelled on-sale lets go of holds and gives the money back once`() async throws {
        try await withBoxOffice { office in
            var sold: [Hold] = []
            for buyer in Int64(1)...3 {
                let hold = try #require(try await office.hold(office.house.request(buyer, 2, of: "seated")))
                _ = try await office.reservations.checkout(
                    hold.reservation,
                    admission: AdmissionID(rawValue: buyer),
                    method: "good"
                )
                sold.append(hold)
            }
            let held = try #require(try await office.hold(office.house.request(4, 2)))
            for hold in sold { try await office.reached(.sold, hold) }
            let run = try await office.workflows.start(CancelReservations.self, .init(onSale: House.onSale))
            _ = try await office.workflows.start(CancelReservations.self, .init(onSale: House.onSale))
            for hold in sold { try await office.reached(.refunded, hold) }
            try await office.reached(.released, held)
            try await office.eventually("the cancellation ends") {
                try await office.workflows.result(of: run, CancelReservations.self) != nil
            }
            #expect(office.provider.all.values.map(\.refunds) == [1, 1, 1])
            let tier = try #require(try await office.house.tier("seated"))
            #expect(tier.withheld == 6 && tier.free == 14 && tier.sold == 0)
            #expect(try await office.house.tier("floor")?.free == 100)
            #expect(try await office.offenders() == [])
        }
    }
}
