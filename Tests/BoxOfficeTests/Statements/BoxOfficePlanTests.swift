import EventLog
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
struct BoxOfficePlanTests {
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
            try await tell(sale)
            try await manage(sale)
            try await admitStaff(sale)
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
            let followed = try await ReservationView.read([bought.reservation], from: sale.room.postgres)
            #expect(followed.map(\.id) == [bought.reservation])
            _ = try await office.reservations.checkout(
                bought.reservation,
                admission: session(0),
                method: "good"
            )
            try await office.eventually("captured") { try await office.payment(bought) == "captured" }
            try await office.eventually("told") { !office.mail.delivered.isEmpty }
            try await sale.room.onSales.refund(bought.reservation, by: "test", reason: nil)
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
        let missed = try await sale.places([21, 22, 23])
        let hopeful = try await room.postgres.withTransaction { tx in
            try await Reoffers.ask(room.onSale, missed.map { ($0.arrival, 21) }, in: tx)
        }
        #expect(!hopeful.isEmpty)
        for _ in 0..<3 { try await room.tick() }
        let absent = TickStatements.absent(room.onSale, missed.map(\.arrival))
        #expect(try await room.postgres.query(absent).isEmpty)
        _ = try await room.postgres.execute(Reoffers.came(room.onSale, hopeful.sorted()))
        try await room.onSales.failOpen(
            room.onSale,
            seconds: 0,
            confirming: "Evening",
            by: "test",
            reason: nil
        )
        try await room.onSales.stop(room.onSale, confirming: "Evening", by: "test", reason: nil)
        try await room.onSales.resume(room.onSale, by: "test")
        try await room.onSales.pause(room.onSale, by: "test", reason: nil)
        try await room.tick()
        try await room.onSales.resume(room.onSale, by: "test")
        try await room.tick(after: 200)
    }

    // MARK: What people are told

    private func tell(_ sale: SeededSale) async throws {
        let (room, contacts) = (sale.room, Contacts(postgres: sale.room.postgres))
        let holder = APIKeys.Holder(id: 1, role: .operator, label: "test")
        let places = try await sale.places([20, 21, 22])
        let contact = try #require(Contact(channel: .email, address: "a@example.org", locale: "en"))
        for place in places {
            _ = try await contacts.put(
                contact,
                onSale: room.onSale,
                arrival: place.arrival,
                place: place.place
            )
        }
        try await contacts.unsubscribe(UnsubscribeToken(onSale: room.onSale, arrival: places[0].arrival))
        try await contacts.remove(onSale: room.onSale, arrival: places[1].arrival)
        let key = MessageTemplate.Key(kind: "sold", channel: .email, locale: "en")
        let text = MessageTemplate(key: key, version: 0, subject: "s", body: "b")
        _ = try await MessageTemplates(postgres: room.postgres).write(text, by: holder)
        let telling = TellEveryone.Input(onSale: room.onSale, kind: .drawn)
        try await room.postgres.withTransaction { tx in
            let page = try await TellEveryone.write(telling, room.orders, in: tx)
            #expect(page.notices.count == 200)
        }
        let notifications = Notifications(postgres: room.postgres)
        let failed = try await notifications.failed(before: nil, limit: 20)
        #expect(try await notifications.replay(failed[19].id, by: holder))
        try await room.postgres.withTransaction { tx in
            let message = OutgoingMessage(id: failed[0].id, kind: "sold", recipient: "ad_1", payload: "{}")
            let gone = OutgoingMessage(id: failed[1].id, kind: "turn", recipient: "place", payload: "{}")
            let asked = [
                (message, Addressing.About(message, onSale: nil, arrival: nil)),
                (gone, Addressing.About(gone, onSale: 1, arrival: places[1].arrival)),
                (gone, Addressing.About(gone, onSale: 1, arrival: places[2].arrival)),
            ]
            _ = try await Addressing.routes(asked, in: &tx)
        }
        try await remind(sale)
        _ = try await Upkeep.forgetContacts(in: room.postgres, batch: 40)
    }

    /// Of holds that are about to end, and of some that are not any more when it is told.
    private func remind(_ sale: SeededSale) async throws {
        let room = sale.room
        try await sale.quiet.simple(
            """
            INSERT INTO contacts (on_sale_id, arrival, channel, address, locale, agreed_at)
            SELECT 1, arrival, 'email', 'a@example.org', 'en', usher_now() FROM admissions AS a
            WHERE on_sale_id = 1 AND ended_at IS NULL AND EXISTS (SELECT FROM reservations AS r
                WHERE r.on_sale_id = 1 AND r.admission_id = a.admission_id AND r.state = 'held')
            ORDER BY admission_id LIMIT 5 ON CONFLICT DO NOTHING;
            UPDATE reservations SET expires_at = usher_now() + interval '60 s' WHERE on_sale_id = 1 AND state = 'held';
            """
        )
        #expect(try await ExpiringHolds.tell(in: room.postgres) == false)
        try await sale.quiet.simple(
            "UPDATE reservations SET expires_at = expires_at + interval '1 h' WHERE on_sale_id = 1 AND state = 'held'"
        )
        let told = try await sale.quiet.query(
            Query(
                "test.told",
                "SELECT dedupe_key FROM notifications WHERE kind = 'expiring' ORDER BY id LIMIT 5"
            )
        )
        #expect(told.count == 5)
        let batch = try told.map {
            CohortMember(runID: JobID(rawValue: 1), step: TakeNotification(dedupeKey: try $0[0]))
        }
        _ = try await room.postgres.withTransaction { tx in try await TakeNotification.perform(batch, in: &tx)
        }
    }

    /// As a desk does, among the samples of a few days.
    private func look(_ sale: SeededSale) async throws {
        let (postgres, id) = (sale.room.postgres, sale.room.onSale)
        try await sale.quiet.simple(
            """
            INSERT INTO sale_samples (on_sale_id, at, joined, serving, active, entered, missed, held, sold, revenue)
            SELECT o, usher_now() - make_interval(secs => 3600 * n), n, n, n, n, n, n, ARRAY[n], n
            FROM generate_series(1, 3) AS o, generate_series(1, 3000) AS n;
            ANALYZE sale_samples;
            """
        )
        let numbers = try await SaleNumbers.read(id, from: postgres)
        #expect(numbers.tiers.count > 1 && numbers.joined > 0)
        _ = try await SaleSample.take(in: postgres)
        let series = try await SaleSample.series(of: id, from: postgres)
        #expect(series.count <= SaleSample.points && series.count > SaleSample.points / 2)
        #expect(series.last?.joined == numbers.joined && series.last?.revenue == numbers.revenue)
        _ = try await SaleSample.forget(in: postgres, batch: 40)
    }

    // MARK: Who signs in

    /// Among thousands who did, and thousands who could not.
    private func admitStaff(_ sale: SeededSale) async throws {
        let postgres = sale.room.postgres
        let keys = APIKeys(postgres: postgres)
        let key = try await keys.add(role: .promoter, label: "test")
        guard case .good(let holder, let fingerprint) = try await keys.find(key) else {
            Issue.record("the key is none")
            return
        }
        try await sale.quiet.simple(
            """
            INSERT INTO staff_sessions (fingerprint, key_id, opened_with, created_at, seen_at, expires_at)
            SELECT sha256(int8send(n)), \(holder.id), sha256('x'), usher_now(), usher_now(),
                usher_now() + make_interval(secs => n - 100) FROM generate_series(1, 3000) AS n;
            INSERT INTO wrong_keys (subject, failures, began_at)
            SELECT 'client ' || n, 1, usher_now() - make_interval(secs => 3 * n) FROM generate_series(1, 3000) AS n;
            ANALYZE staff_sessions, wrong_keys;
            """
        )
        let sessions = StaffSessions(postgres: postgres)
        let opened = try await sessions.open(holder, with: fingerprint)
        try await sale.quiet.simple("UPDATE staff_sessions SET seen_at = seen_at - interval '5 minutes'")
        #expect(try await sessions.find(opened.token) != nil)
        try await sessions.end(opened.token)
        let wrong = WrongKeys(postgres: postgres, limit: 1)
        #expect(try await wrong.lockout(of: "5") == nil)
        _ = try await wrong.count(from: "5", key: holder.id)
        _ = try await Upkeep.forgetSessions(in: postgres, batch: 40)
    }

    // MARK: What promoters and the clock do

    private func count(_ sale: SeededSale) async throws {
        let facts = try await FactLog(postgres: sale.quiet).page(after: 0, through: .max, limit: 100)
        #expect(facts.count > 20)
        try await sale.room.postgres.withTransaction {
            try await SaleMinutes().apply(facts, in: &$0)
        }
        _ = try await SaleMinutes.read(sale.room.onSale, from: sale.room.postgres)
    }

    private func render(_ sale: SeededSale) async throws {
        let (postgres, id) = (sale.room.postgres, sale.room.onSale)
        try await PurgePages.prepare(sale.quiet)
        let facts = try await FactLog(postgres: sale.quiet).page(after: 0, through: .max, limit: 5)
        try await postgres.withTransaction { try await PageUpdates().apply(facts, in: &$0) }
        let renderer = PageRenderer(postgres: postgres, caches: ["a"])
        try await renderer.render(id)
        try await sale.quiet.execute(
            Query("test.title", "UPDATE on_sales SET title = title || '!' WHERE on_sale_id = \(id.rawValue)")
        )
        let outcome = try #require(try await renderer.render(id))
        #expect(outcome.keys.count == 1)
        _ = try await RenderedPage.find(
            [RenderedPage.Key(id, .seatMap): "", .init(id, .picture): ""],
            in: postgres
        )
        let due = try await postgres.query(PagePurges.due("a", limit: 10)).map {
            PagePurges.Due(key: try $0[0], requests: try $0[1])
        }
        #expect(due.count == 1)
        try await postgres.pipeline(PagePurges.settle(due, of: "a"))
        _ = try await postgres.query(PagePurges.next("a"))
    }

    private func manage(_ sale: SeededSale) async throws {
        let (room, onSales) = (sale.room, sale.room.onSales)
        try await onSales.setRate(room.onSale, perMinute: 100, by: "test")
        try await onSales.setMessage(room.onSale, "Patience.", by: "test")
        _ = try await onSales.patch(room.onSale, json: Array(#"{"venue": "Hall 2"}"#.utf8), by: "test")
        _ = try await onSales.find(room.onSale)
        _ = try await onSales.buyerKey(of: room.onSale)
        _ = try await onSales.list(after: OnSaleID(rawValue: 100), limit: 20)
        try await look(sale)
        _ = try await room.status()
        _ = try await OperatorLog.page(before: nil, limit: 20, in: room.postgres)
        try await count(sale)
        try await render(sale)
        _ = try await PaymentCase.open(limit: 20, in: room.postgres)
        _ = try await PaymentCase.backlog(in: room.postgres)
        let captured = try #require(
            try await sale.quiet.first(
                Query("test.captured", "SELECT reservation_id FROM payments WHERE state = 'captured' LIMIT 1")
            )
        )
        _ = try await PaymentCases(postgres: room.postgres).settle(
            PaymentReference(reservation: ReservationID(rawValue: try captured[0]), attempt: 1),
            as: .captured,
            note: "known",
            by: APIKeys.Holder(id: 1, role: .operator, label: "test")
        )
        _ = try await Stock.tiers(of: room.onSale, from: room.postgres)
        _ = try await Stock.seats(of: room.onSale, from: room.postgres)
        let later = try #require(
            try await sale.quiet.first(Query("test.now", "SELECT usher_now() + '1 hour'"))
        )
        let other = try await onSales.schedule(json: RoomFixture.plan(opening: try later[0]), by: "test")
        try await onSales.cancel(other.id, by: "test", reason: nil)
        _ = try await Upkeep.forgetAnswers(in: room.postgres, batch: 40)
        let seeded = try #require(
            try await sale.quiet.first(
                Query(
                    "test.seeded",
                    "SELECT job_id FROM events WHERE name = 'checkout#1' ORDER BY job_id OFFSET 1000 LIMIT 1"
                )
            )
        )
        try await room.postgres.withTransaction { tx in
            try await tx.pipeline(TickStatements.soldOut(room.onSale, .now))
            let job = NewJob.run(name: Reservation.name, queue: Reservation.queue, input: JSONB(text: "1"))
            let run = ClaimedJob(eager: JobID(rawValue: try seeded[0]), job)
            _ = try await tx.execute(WorkflowStatements.forget([run]))
            let shown = [true, false].map { isAttribute in
                (
                    id: run.id, name: "shown",
                    value: PublishedValue(json: JSONB(text: "1"), isAttribute: isAttribute)
                )
            }
            _ = try await tx.pipeline(WorkflowStatements.publish(shown))
            _ = try await tx.query(WorkflowStatements.countUpdates("shown", of: run.id))
            let fork = JobID(rawValue: try seeded[0])
            let copies = try await tx.query(WorkflowStatements.copies(of: fork))
            #expect(copies.count > 2)
            _ = try await tx.query(
                WorkflowStatements.readdress(
                    fork,
                    try copies.map { (table: try $0[0], name: try $0[1], value: try $0[2]) }
                )
            )
            _ = try await tx.query(WorkflowStatements.reply("shown", of: run.id))
            _ = try await tx.query(CancelReservations.page(.init(onSale: room.onSale)))
        }
        let wanting = try await sale.places([SeededSale.called + 300, SeededSale.called + 301])
        let spots = try await Waitlist(postgres: room.postgres, orders: room.orders).commit(
            wanting.map {
                WaitlistRequest(onSale: room.onSale, arrival: $0.arrival, place: $0.place, quantity: 1)
            }
        )
        #expect(spots.count == 2)
        _ = try await Waitlist.spots(of: room.onSale, in: room.postgres)
        try await room.tick()
        try await sale.quiet.execute(
            Query(
                "test.tick",
                "INSERT INTO job_keys (key, job_id) SELECT \(AdmissionTick.key(room.onSale)), min(id) FROM jobs"
            )
        )
        try await room.postgres.withTransaction { tx in
            _ = try await SleepingTick.lieDown(try await OnSaleGate.lock(room.onSale, in: &tx), in: tx)
        }
        try await SleepingTick.wake(room.onSale, in: room.postgres)
        _ = try await FairnessCertificate.read(room.onSale, in: room.postgres)
        try await room.pass(.seconds(7200))
        #expect(try await room.advance().state == .closed)
        try await room.tick()
        try await draw(sale)
    }

    /// A draw with everything that can be filed.
    private func draw(_ sale: SeededSale) async throws {
        let onSales = sale.room.onSales
        let secret = SecureBytes.random(Commitment.secretLength)
        let now = try #require(try await sale.quiet.first(Query("test.now", "SELECT usher_now()")))
        let opening: PostgresTimestamp = try now[0]
        let start = opening + .seconds(1800)
        let terms = """
            {"commitment": "\(Hex.encode(Commitment.to(secret)))", "reveal_seconds": 60,
             "beacon": {"announced": "a number", "at": "\(start + .seconds(300))"}}
            """
        let tiers = """
            [{"id": "floor", "name": "F", "price": 1, "only_for": ["fans"], "public_at": "\(start)"},
             {"id": "seats", "name": "S", "price": 1}]
            """
        let fields = [
            "draw": terms, "tiers": tiers, "groups": #"[{"id": "fans", "priority": 1, "max_per_buyer": 2}]"#,
        ]
        let plan = RoomFixture.plan(opening: opening, fields)
        let other = try await onSales.schedule(json: plan, by: "test")
        let room = RoomFixture(postgres: sale.room.postgres, onSale: other.id)
        _ = try await onSales.patch(room.onSale, json: Array(#"{"starts_at": "\#(start)"}"#.utf8), by: "test")
        #expect(try await room.advance().state == .prequeue)
        let presale = Presale(postgres: room.postgres)
        let codes = try await presale.addCodes(20, group: "fans", of: room.onSale, by: "test")
        try await presale.invite(["c", "d"], group: "fans", of: room.onSale, by: "test")
        _ = try await room.join(["a", "b"])
        let salt = try await room.status().entrySalt
        _ = try await room.joins.commit(
            ["a", "e", "f"].enumerated().map { index, name in
                JoinRequest(
                    onSale: room.onSale,
                    buyer: Buyer.proven(name).fingerprint(under: [1]),
                    code: PresaleCode.fingerprint(of: codes[index], under: salt),
                    hasGroups: true
                )
            }
        )
        _ = try await presale.counts(of: room.onSale)
        #expect(try await presale.revokeCodes(group: "fans", of: room.onSale, by: "test") == 17)
        try await room.pass(.seconds(1800))
        for _ in 0..<2 { #expect(try await !room.advance().drawn) }
        try await onSales.reveal(room.onSale, secret: secret, by: "test")
        try await room.pass(.seconds(300))
        try await onSales.fileBeacon(room.onSale, value: "7", proof: "the newspaper", by: "test")
        #expect(try await room.advance().drawn)
    }
}
