import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import BoxOffice
@testable import Workflows

/// No statement of the box office, or of the workflows it stands on, reads more than it must.
///
/// Each is run by the code that it belongs to, with a log that keeps its plans.
@Suite("The plans of all statements", .timeLimit(.minutes(5)))
struct StatementPlanTests {
    @Test func `Every statement has its plan, or a reason to have none`() throws {
        var names: Set<String> = []
        for module in ["BoxOffice", "Workflows", "Scheduler"] {
            names.formUnion(try SourceStatements.names(in: module))
        }
        let planned = Set(StatementPlans.all.map(\.name))
        let excused = Set(StatementPlans.excused.keys)
        #expect(planned.count == StatementPlans.all.count)
        #expect(names.subtracting(planned).subtracting(excused).sorted() == [], "neither planned nor excused")
        #expect(planned.union(excused).subtracting(names).sorted() == [], "no longer there")
        #expect(planned.intersection(excused).sorted() == [], "both planned and excused")
    }

    @Test func `Every statement finds its rows by its indexes, among thousands`() async throws {
        try await SeededSale.with { sale in
            try await buy(sale)
            try await wait(sale)
            try await manage(sale)
            let log = sale.log.entries
            for plan in StatementPlans.all {
                let complaints = try plan.complaints(log, growing: SeededSale.growing)
                #expect(complaints.isEmpty, "\(complaints.first ?? "")")
            }
        }
    }

    // MARK: What buyers do once they are in

    private func buy(_ sale: SeededSale) async throws {
        try await withBoxOffice(in: House(client: sale.room.postgres)) { office in
            func hold(
                _ buyer: Int64,
                _ quantity: Int,
                of tier: String,
                key: String? = nil
            ) async throws -> Hold {
                try #require(try await office.hold(office.house.request(buyer, quantity, of: tier, key: key)))
            }
            let first = SeededSale.entered - 100
            func session(_ offset: Int64) -> AdmissionID { AdmissionID(rawValue: first + offset) }
            // Bought, told of, and given back.
            let bought = try await hold(first, 1, of: "floor", key: "a")
            let again = office.house.request(first, 1, of: "floor", key: "a")
            #expect(try await office.reservations.hold(again) == .repeated(bought))
            _ = try await office.reservations.extend(bought.reservation, admission: session(0))
            _ = try await office.reservations.checkout(
                bought.reservation,
                admission: session(0),
                method: "good"
            )
            try await office.eventually("captured") { try await office.payment(bought) == "captured" }
            try await office.eventually("told") { !office.mail.delivered.isEmpty }
            _ = try await office.workflows.start(RefundReservation.self, bought.reservation)
            try await office.reached(.refunded, bought)
            // The best seats, paid for with a callback.
            let seated = try await hold(first + 1, 2, of: "s2")
            _ = try await office.reservations.checkout(
                seated.reservation,
                admission: session(1),
                method: "pending"
            )
            let reference = PaymentReference(reservation: seated.reservation, attempt: 1).text
            try await office.eventually("asked") { office.provider.all[reference] != nil }
            _ = try await office.callback(office.provider.decide(reference, .authorised))
            try await office.reached(.sold, seated)
            // Seats by name, let go of.
            let request = office.house.request(first + 2, seats: ["S3-A-1", "S3-A-2"])
            let named = try #require(try await office.hold(request))
            try await office.reservations.release(named.reservation, admission: session(2))
            // Nothing happens, until the time is over.
            let idle = try await hold(first + 3, 1, of: "floor")
            try await office.house.advance(seconds: 310)
            try await office.reached(.expired, idle)
            let done = JobID(rawValue: bought.reservation.rawValue)
            _ = try await office.workflows.cancel(done)
        }
    }

    // MARK: What happens at the door

    private func wait(_ sale: SeededSale) async throws {
        let room = sale.room
        _ = try await room.joins.commit((0..<40).map { room.request($0 < 20 ? "early \($0)" : "late \($0)") })
        let asking = try await sale.places([
            10, SeededSale.entered, SeededSale.entered + 1, SeededSale.called + 99,
        ])
        for place in asking {
            _ = try await room.places.view(room.onSale, arrival: place.arrival, place: place.place)
        }
        let entering = try await sale.places(SeededSale.entered + 1...SeededSale.entered + 20)
        let tooEarly = try await sale.places(SeededSale.called + 1...SeededSale.called + 20)
        let outcomes = try await room.admissions.commit(entering + tooEarly)
        #expect(outcomes.count { $0.session != nil } == 20 && outcomes.count { $0 == .notYet } == 20)
        for place in try await sale.places([SeededSale.entered + 1, SeededSale.called + 200]) {
            #expect(try await room.places.leave(room.onSale, arrival: place.arrival, place: place.place))
        }
        for _ in 0..<3 { try await room.tick() }
        try await room.onSales.pause(room.onSale, by: "test", reason: nil)
        try await room.tick()
        try await room.onSales.resume(room.onSale, by: "test")
        try await room.tick(after: 200)
    }

    // MARK: What promoters and the clock do

    private func manage(_ sale: SeededSale) async throws {
        let (room, onSales) = (sale.room, sale.room.onSales)
        try await onSales.setRate(room.onSale, perMinute: 100, by: "test")
        try await onSales.setMessage(room.onSale, "Patience.", by: "test")
        _ = try await onSales.patch(room.onSale, json: Array(#"{"venue": "Hall 2"}"#.utf8), by: "test")
        _ = try await onSales.find(room.onSale)
        _ = try await onSales.buyerKey(of: room.onSale)
        _ = try await onSales.list(after: OnSaleID(rawValue: 100), limit: 20)
        _ = try await room.status()
        _ = try await Stock.tiers(of: room.onSale, from: room.postgres)
        _ = try await Stock.seats(of: room.onSale, from: room.postgres)
        let later = try #require(
            try await sale.quiet.first(Query("test.now", "SELECT usher_now() + '1 hour'"))
        )
        let other = try await onSales.schedule(json: RoomFixture.plan(opening: try later[0]), by: "test")
        try await onSales.cancel(other.id, by: "test", reason: nil)
        _ = try await Upkeep.forgetAnswers(in: room.postgres, batch: 40)
        _ = try await Upkeep.forgetNotifications(in: room.postgres, batch: 40)
        try await room.postgres.withTransaction { tx in
            try await tx.pipeline(TickStatements.soldOut(room.onSale, .now))
            let job = NewJob.run(name: Reservation.name, queue: Reservation.queue, input: JSONB(text: "1"))
            let run = ClaimedJob(eager: JobID(rawValue: 2000), job)
            _ = try await tx.execute(WorkflowStatements.forget([run]))
            _ = try await tx.query(CancelReservations.page(.init(onSale: room.onSale)))
        }
        try await room.pass(.seconds(7200))
        #expect(try await room.advance().state == .closed)
        try await room.tick()
    }
}
