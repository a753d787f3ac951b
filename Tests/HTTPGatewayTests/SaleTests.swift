import HTTP
import Jobs
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct SaleTests {
    @Test func `A sale runs from the promoter's plan to a paid ticket`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let secret = Base64URL.encode(SecureBytes.random(16))
            let place = try await house.join(onSale, secret: secret)
            let again = try await house.join(onSale, secret: secret)
            #expect(place.id == again.id && place.token == again.token)

            let before = try await house.send(.get, "/v1/places/\(place.id)", token: place.token)
            #expect(before["state"]?.string == "prequeue", "\(before)")
            let early = try await house.send(.post, "/v1/places/\(place.id)/admission", token: place.token)
            #expect(
                early.status == 409 && early.code == "not_yet" && early.response.headers["Retry-After"] != nil
            )

            try await house.shiftClock(seconds: 3_700)
            let admission = try await house.admit(place)
            let second = try await house.send(.post, "/v1/places/\(place.id)/admission", token: place.token)
            #expect(second["admission_token"]?.string == admission, "\(second)")
            let inside = try await house.send(.get, "/v1/places/\(place.id)", token: place.token)
            #expect(inside["state"]?.string == "admitted", "\(inside)")

            let held = try await house.reserve(#"{"tier": "standing", "quantity": 2}"#, admission, key: "k1")
            #expect(held.status == 201 && held["state"]?.string == "held", "\(held)")
            #expect(held["total"]?["amount"]?.int == 6_400 && held["total"]?["currency"]?.string == "EUR")
            let repeated = try await house.reserve(
                #"{"tier": "standing", "quantity": 2}"#,
                admission,
                key: "k1"
            )
            #expect(repeated.status == 201 && repeated.response.body == held.response.body)
            let reused = try await house.reserve(
                #"{"tier": "standing", "quantity": 1}"#,
                admission,
                key: "k1"
            )
            #expect(reused.status == 422 && reused.code == "idempotency_key_reused", "\(reused)")
            let greedy = try await house.reserve(
                #"{"tier": "standing", "quantity": 3}"#,
                admission,
                key: "k2"
            )
            #expect(greedy.status == 422 && greedy.code == "limit_exceeded", "\(greedy)")
            let modest = try await house.reserve(
                #"{"tier": "standing", "quantity": 1}"#,
                admission,
                key: "k2"
            )
            #expect(modest.status == 422 && modest.code == "idempotency_key_reused", "\(modest)")

            let path = "/v1/reservations/\(try #require(held["reservation"]?.string))"
            let extended = try await house.send(.post, "\(path)/extend", token: admission)
            #expect(extended.status == 200 && extended["extensions_left"]?.int == 0, "\(extended)")
            let once = try await house.send(.post, "\(path)/extend", token: admission)
            #expect(once.status == 409 && once.code == "limit_reached", "\(once)")

            let declined = try await house.send(
                .post,
                "\(path)/checkout",
                #"{"payment_method": "declined"}"#,
                token: admission
            )
            #expect(declined.status == 202 && declined["state"]?.string == "paying", "\(declined)")
            let back = try await house.poll(path, token: admission) { $0["state"]?.string == "held" }
            #expect(back["problem"]?.string == "payment_declined", "\(back)")
            let paying = try await house.send(
                .post,
                "\(path)/checkout",
                #"{"payment_method": "card"}"#,
                token: admission
            )
            #expect(paying.status == 202, "\(paying)")
            _ = try await house.poll(path, token: admission) { $0["state"]?.string == "sold" }
            let late = try await house.send(.delete, path, token: admission)
            #expect(late.status == 409 && late.code == "wrong_state", "\(late)")
        }
    }

    @Test func `Seats are held by name, shown as held, and released`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let (one, other) = (try await house.join(onSale), try await house.join(onSale))
            try await house.shiftClock(seconds: 3_700)
            let first = try await house.admit(one)
            let second = try await house.admit(other)
            let held = try await house.reserve(#"{"seats": ["B-A-3", "B-A-4"]}"#, first, key: "a")
            #expect(held.status == 201 && held["seats"]?.array?.count == 2, "\(held)")
            let taken = try await house.reserve(#"{"seats": ["B-A-4"]}"#, second, key: "a")
            #expect(taken.status == 409 && taken.code == "seats_taken", "\(taken)")
            let unknown = try await house.reserve(#"{"seats": ["Z-Z-1"]}"#, second, key: "b")
            #expect(unknown.status == 422 && unknown.code == "unknown_choice", "\(unknown)")

            let path = "/v1/reservations/\(try #require(held["reservation"]?.string))"
            let foreign = try await house.send(.get, path, token: second)
            #expect(foreign.status == 404 && foreign.code == "unknown_reservation", "\(foreign)")
            let map = try await house.poll("/v1/on-sales/\(onSale)/seats") {
                $0["sections"]?.array?.first?["rows"]?.array?.first?["states"]?.string == "ffhhffffff"
            }
            #expect(map.response.headers["Cache-Control"] == "public, s-maxage=1")
            #expect(try await house.send(.delete, path, token: first).status == 204)
            #expect(try await house.send(.delete, path, token: first).status == 204)
            let kept = try await house.reserve(#"{"seats": ["B-A-4"]}"#, second, key: "a")
            #expect(kept.status == 409 && kept.response.body == taken.response.body, "\(kept)")
            let freed = try await house.reserve(#"{"seats": ["B-A-4"]}"#, second, key: "c")
            #expect(freed.status == 201, "\(freed)")
        }
    }

    @Test func `A party says how close it would sit, and who of it needs an accessible seat`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(
                balcony: #"{"row": "A", "seats": "1-5,8-12", "accessible": "1-2"}"#
            )
            var places: [Place] = []
            for _ in 0..<5 { places.append(try await house.join(onSale)) }
            try await house.shiftClock(seconds: 3_700)
            var buyers: [String] = []
            for place in places { buyers.append(try await house.admit(place)) }
            func ask(_ buyer: Int, _ key: String, _ wish: String) async throws -> Answer {
                try await house.reserve(#"{"tier": "seated", \#(wish)}"#, buyers[buyer], key: key)
            }
            for (field, body) in [
                ("accessible", #"{"tier": "standing", "quantity": 2, "accessible": 1}"#),
                ("together", #"{"tier": "standing", "quantity": 2, "together": "row"}"#),
                ("accessible", #"{"tier": "seated", "quantity": 2, "accessible": 3}"#),
                ("together", #"{"tier": "seated", "quantity": 2, "together": "close"}"#),
                ("seats", #"{"seats": ["B-A-1"], "accessible": 1}"#),
            ] {
                let answer = try await house.reserve(body, buyers[0], key: body.filter { $0 != " " })
                #expect(answer.status == 422 && answer.code == "invalid_fields", "\(answer)")
                let errors = answer["errors"]?.array ?? []
                #expect(errors.compactMap { $0["field"]?.string } == [field], "\(answer)")
            }

            let pair = try await ask(0, "a", #""quantity": 2, "accessible": 1"#)
            #expect(pair.status == 201 && pair["together"]?.string == "adjacent", "\(pair)")
            #expect(pair["seats"]?.array?.compactMap(\.string) == ["B-A-2", "B-A-3"], "\(pair)")
            let four = try await ask(1, "a", #""quantity": 4, "together": "adjacent""#)
            #expect(four["seats"]?.array?.first?.string == "B-A-8", "\(four)")
            let split = try await ask(2, "a", #""quantity": 3, "together": "adjacent""#)
            #expect(split.status == 409 && split.code == "not_together", "\(split)")
            #expect(split["closest"]?.string == "row", "\(split)")
            let same = try await ask(2, "a", #""quantity": 3, "together": "adjacent""#)
            #expect(same.status == 409 && same.response.body == split.response.body, "\(same)")
            let other = try await ask(2, "a", #""quantity": 3, "together": "row""#)
            #expect(other.code == "idempotency_key_reused", "\(other)")
            let both = try await ask(3, "a", #""quantity": 3, "accessible": 2"#)
            #expect(both.status == 409 && both.code == "no_accessible_seats", "\(both)")
            #expect(both["left"]?.int == 1, "\(both)")
            let row = try await ask(2, "b", #""quantity": 3, "together": "row""#)
            #expect(row.status == 201 && row["together"]?.string == "row", "\(row)")
            let last = try await ask(4, "a", #""quantity": 1"#)
            #expect(last["seats"]?.array?.compactMap(\.string) == ["B-A-1"], "\(last)")

            let map = try await house.poll("/v1/on-sales/\(onSale)/seats") {
                $0["sections"]?.array?.first?["rows"]?.array?.first?["states"]?.string == "hhhhhhhhhh"
            }
            let shown = map["sections"]?.array?.first?["rows"]?.array?.first?["accessible"]?.array
            #expect(shown?.compactMap(\.int) == [1, 2], "\(map)")
        }
    }

    @Test func `A place that was left is gone, and its token opens nothing else`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let (place, other) = (try await house.join(onSale), try await house.join(onSale))
            let crossed = try await house.send(.get, "/v1/places/\(other.id)", token: place.token)
            #expect(crossed.status == 403 && crossed.code == "wrong_place", "\(crossed)")
            #expect(try await house.send(.delete, "/v1/places/\(place.id)", token: place.token).status == 204)
            let left = try await house.send(.get, "/v1/places/\(place.id)", token: place.token)
            #expect(left["state"]?.string == "left", "\(left)")
            try await house.shiftClock(seconds: 3_700)
            _ = try await house.admit(other)
            let gone = try await house.send(.post, "/v1/places/\(place.id)/admission", token: place.token)
            #expect(gone.status == 410 && gone.code == "left", "\(gone)")
        }
    }

    @Test func `500 joins at once give 500 places with numbers without gaps`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.join(onSale)
            let places = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<500 {
                    group.addTask { try await house.join(onSale).id }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(places.count == 500)
            let row = try await house.database.client.first(
                Query(
                    "test.arrivals",
                    "SELECT count(*), max(arrival), (SELECT max(issued) FROM arrivals) FROM places"
                )
            )
            let counts: [Int64] = [try #require(row)[0], try #require(row)[1], try #require(row)[2]]
            #expect(counts == [501, 501, 501])
        }
    }

    @Test func `An on-sale that is called off lets go of what is held and gives the money back`() async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let places = [try await house.join(onSale), try await house.join(onSale)]
            try await house.shiftClock(seconds: 3_700)
            var reservations: [(path: String, admission: String)] = []
            for (index, place) in places.enumerated() {
                let admission = try await house.admit(place)
                let held = try await house.reserve(
                    #"{"tier": "standing", "quantity": 2}"#,
                    admission,
                    key: "k\(index)"
                )
                let id = try #require(held["reservation"]?.string, "\(held)")
                reservations.append(("/v1/reservations/\(id)", admission))
            }
            let (bought, kept) = (reservations[0], reservations[1])
            let card = #"{"payment_method": "card"}"#
            _ = try await house.send(.post, "\(bought.path)/checkout", card, token: bought.admission)
            _ = try await house.poll(bought.path, token: bought.admission) { $0["state"]?.string == "sold" }
            let cancel = "/v1/promoter/on-sales/\(onSale)/cancel"
            #expect(try await house.send(.post, cancel, token: house.promoterKey).status == 200)
            let late = try await house.reserve(
                #"{"tier": "standing", "quantity": 1}"#,
                kept.admission,
                key: "late"
            )
            #expect(late.status == 410 && late.code == "session_over", "\(late)")
            _ = try await house.poll(bought.path, token: bought.admission) {
                $0["state"]?.string == "refunded"
            }
            _ = try await house.poll(kept.path, token: kept.admission) { $0["state"]?.string == "released" }
            let path = "/v1/on-sales/\(onSale)/certificate"
            let last = try await house.poll(path) { $0["final"]?.bool == true }
            #expect(last["tiers"]?.array?.first?["refunded"]?.int == 2, "\(last)")
            for check in StockAudit.checks + RoomAudit.checks {
                #expect(try await check.offenders(in: house.database.client) == [], "\(check.name)")
            }
        }
    }

    @Test func `A stop is confirmed by the title, and everyone sees why`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            try await house.shiftClock(seconds: 3_700)
            let admission = try await house.admit(place)
            let path = "/v1/promoter/on-sales/\(onSale)"
            let wrong = try await house.send(
                .post,
                "\(path)/stop",
                #"{"confirm": "no"}"#,
                token: house.promoterKey
            )
            #expect(wrong.status == 422, "\(wrong)")
            #expect("\(wrong)".contains(#"confirm: must be the on-sale's title, \"An evening\""#), "\(wrong)")
            let stop = #"{"confirm": "An evening", "reason": "fire alarm"}"#
            #expect(try await house.send(.post, "\(path)/stop", stop, token: house.promoterKey).status == 200)
            let status = try await house.send(.get, "/v1/on-sales/\(onSale)/status")
            #expect(status["state"]?.string == "paused")
            #expect(
                status["pause"]?["reason"]?.string == "fire alarm"
                    && status["pause"]?["stopped"]?.bool == true
            )
            let order = #"{"tier": "standing", "quantity": 1}"#
            let held = try await house.reserve(order, admission, key: "a")
            #expect(held.status == 409 && held.code == "stopped", "\(held)")
            #expect(held.response.headers["Retry-After"] != nil)
            #expect(try await house.send(.post, "\(path)/resume", token: house.promoterKey).status == 200)
            #expect(try await house.reserve(order, admission, key: "a").status == 201)
            let open = #"{"seconds": 60, "confirm": "An evening"}"#
            #expect(
                try await house.send(.post, "\(path)/fail-open", open, token: house.promoterKey).status == 200
            )
            #expect(try await house.send(.get, "/v1/on-sales/\(onSale)/status")["open_until"]?.string != nil)
        }
    }

    @Test func `Whoever is on the waitlist is called when something comes back`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(standing: 2)
            let places = [try await house.join(onSale), try await house.join(onSale)]
            try await house.shiftClock(seconds: 3_700)
            let admissions = [try await house.admit(places[0]), try await house.admit(places[1])]
            let waitlist = "/v1/on-sales/\(onSale)/waitlist"
            let early = try await house.send(.post, waitlist, #"{"quantity": 2}"#, token: places[1].token)
            #expect(early.status == 409 && early.code == "wrong_state", "\(early)")
            // The one buys the floor, and the other the balcony and more than anyone may, by hand.
            let order = #"{"tier": "standing", "quantity": 2}"#
            let held = try await house.reserve(order, admissions[0], key: "a")
            let reservation = try #require(held["reservation"]?.string, "\(held)")
            let path = "/v1/reservations/\(reservation)"
            _ = try await house.send(
                .post,
                "\(path)/checkout",
                #"{"payment_method": "card"}"#,
                token: admissions[0]
            )
            _ = try await house.poll(path, token: admissions[0]) { $0["state"]?.string == "sold" }
            try await house.database.client.execute(
                Query("test.withhold", "UPDATE tiers SET withheld = free, free = 0 WHERE id = 'seated'")
            )
            try await house.database.client.execute(
                Query("test.withhold", "UPDATE seats SET state = 'withheld' WHERE state = 'free'")
            )
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "sold_out" }
            let spot = try await house.send(.post, waitlist, #"{"quantity": 2}"#, token: places[1].token)
            #expect(spot.status == 201 && spot["position"]?.int == 1, "\(spot)")
            let line = try await house.send(.get, "/v1/places/\(places[1].id)", token: places[1].token)
            #expect(line["state"]?.string == "waiting" && line["waitlist_position"]?.int == 1, "\(line)")
            #expect(line["ahead"] == .null && line["chance_left"] == .null, "\(line)")
            let refund = "/v1/promoter/reservations/\(reservation)/refund"
            let none = try await house.send(
                .post,
                "/v1/promoter/reservations/rs_1/refund",
                "{}",
                token: house.promoterKey
            )
            #expect(none.status == 404 && none.code == "unknown_reservation", "\(none)")
            let back = try await house.send(.post, refund, #"{"reason": "ill"}"#, token: house.promoterKey)
            #expect(back.status == 202, "\(back)")
            let again = try await house.admit(places[1])
            let order2 = try await house.reserve(order, again, key: "b")
            #expect(order2.status == 201, "\(order2)")
            let certificate = try await house.poll("/v1/on-sales/\(onSale)/certificate") {
                $0["line"]?["from_waitlist"]?.int == 1
            }
            let late = try await house.send(.post, refund, "{}", token: house.promoterKey)
            #expect(late.status == 409 && late.code == "wrong_state", "\(late)")
            #expect(certificate["violations"]?.array?.isEmpty == true, "\(certificate)")
        }
    }

    @Test func `Operators see the payments that only a person can settle`() async throws {
        try await withGateway { house in
            let path = "/v1/operator/payments"
            let none = try await house.send(.get, path, token: house.operatorKey)
            #expect(none.status == 200 && none["payments"]?.array?.isEmpty == true, "\(none)")
            try await house.database.client.execute(
                Query(
                    "test.case",
                    """
                    INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                        detail, created_at, updated_at)
                    VALUES (7, 1, 3, 'r-7', 'card', 4500, 'EUR', 'needs_person', 'closed account', usher_now(), usher_now())
                    """
                )
            )
            let one = try await house.send(.get, path, token: house.operatorKey)["payments"]?.array?.first
            #expect(one?["reference"]?.string == "r-7" && one?["detail"]?.string == "closed account")
            #expect(one?["amount"]?["amount"]?.int == 4500)
            #expect(try await house.send(.get, path, token: house.promoterKey).status == 403)
            let meter = MetricsRegistry()
            let logger = Logger(label: "test")
            try await CaseMeter(postgres: house.pool, metrics: meter, logger: logger).refresh()
            #expect(meter.exposition().contains("usher_payment_cases_open 1\n"))
            let page = try await house.client.send(HTTPRequest(.get, "/metrics"), to: house.admin)
            let metrics = String(decoding: page.body, as: UTF8.self)
            #expect(metrics.contains("usher_payment_cases_oldest_seconds"), "\(metrics)")
        }
    }

    @Test func `A case ends with what was found out, and its money can be given back after all`() async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            try await house.shiftClock(seconds: 3_700)
            let admission = try await house.admit(place)
            let held = try await house.reserve(#"{"tier": "standing", "quantity": 1}"#, admission, key: "a")
            let reservation = try #require(held["reservation"]?.string, "\(held)")
            let path = "/v1/reservations/\(reservation)"
            let pay = #"{"payment_method": "card"}"#
            _ = try await house.send(.post, "\(path)/checkout", pay, token: admission)
            _ = try await house.poll(path, token: admission) { $0["state"]?.string == "sold" }
            func state() async throws -> String? {
                let row = try await house.database.client.first(
                    Query("test.state", "SELECT state FROM payments, pg_sleep(0.02)")
                )
                return try row?[0]
            }
            while try await state() != "captured" {}
            // As if the provider had refused to give it back.
            try await house.database.client.execute(
                Query("test.case", "UPDATE payments SET state = 'needs_person'")
            )
            let refund = "/v1/promoter/reservations/\(reservation)/refund"
            #expect(try await house.send(.post, refund, "{}", token: house.promoterKey).status == 202)
            func isRefundOver() async throws -> Bool {
                let row = try await house.database.client.first(
                    Query(
                        "test.refund",
                        "SELECT count(*) FROM jobs, pg_sleep(0.02) WHERE name = 'refund' AND state = 'done'"
                    )
                )
                return try row?[0] == 1
            }
            while try await !isRefundOver() {}
            let settle = "/v1/operator/payments/\(reservation).1/settle"
            func say(_ body: String, _ target: String? = nil) async throws -> Answer {
                try await house.send(.post, target ?? settle, body, token: house.operatorKey)
            }
            let vague = try await say(#"{"found": "gone"}"#)
            #expect(vague.status == 422 && "\(vague)".contains("captured, refunded, voided"), "\(vague)")
            #expect("\(vague)".contains("note: is required"), "\(vague)")
            let wrong = try await say(#"{"found": "voided", "note": "by letter"}"#)
            #expect(wrong.status == 409 && wrong.code == "wrong_state", "\(wrong)")
            #expect(
                "\(wrong)".contains("the reservation is sold, so that its case ends as captured or refunded")
            )
            let found = #"{"found": "captured", "note": "by letter"}"#
            for _ in 0..<2 {
                let right = try await say(found)
                #expect(right.status == 200 && right["reservation_state"]?.string == "sold", "\(right)")
            }
            for unknown in ["rs_zzz.1", "nonsense"] {
                let none = try await say(found, "/v1/operator/payments/\(unknown)/settle")
                #expect(none.status == 404 && none.code == "unknown_payment", "\(none)")
            }
            #expect(try await house.send(.post, settle, found, token: house.promoterKey).status == 403)
            #expect(try await house.send(.post, refund, "{}", token: house.promoterKey).status == 202)
            _ = try await house.poll(path, token: admission) { $0["state"]?.string == "refunded" }
        }
    }

    @Test func `The status is one shared document whose seq never goes back`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.join(onSale)
            let path = "/v1/on-sales/\(onSale)/status"
            let status = try await house.poll(path) {
                $0["state"]?.string == "prequeue" && $0["last"]?.int == 1
            }
            let tag = try #require(status.response.headers["ETag"])
            #expect(
                status.response.headers["Cache-Control"] == "public, s-maxage=1, stale-while-revalidate=5"
            )
            let same = try await house.send(.get, path, headers: ["If-None-Match": tag])
            #expect(same.status == 304 && same.response.body.isEmpty)
            var seq = try #require(status["seq"]?.int)
            try await house.shiftClock(seconds: 3_700)
            let control = "/v1/promoter/on-sales/\(onSale)"
            _ = try await house.poll(path) { answer in
                #expect(answer["seq"]?.int ?? 0 >= seq)
                seq = answer["seq"]?.int ?? seq
                return answer["state"]?.string == "admitting"
            }
            let paused = try await house.send(
                .post,
                "\(control)/pause",
                #"{"reason": "rain"}"#,
                token: house.promoterKey
            )
            #expect(paused.status == 200, "\(paused)")
            #expect(try await house.send(.get, path)["state"]?.string == "paused")
            let twice = try await house.send(.post, "\(control)/pause", token: house.promoterKey)
            #expect(twice.status == 409 && twice.code == "wrong_state", "\(twice)")
            #expect(try await house.send(.post, "\(control)/resume", token: house.promoterKey).status == 200)
            let message = try await house.send(
                .post,
                "\(control)/message",
                #"{"message": "soon"}"#,
                token: house.promoterKey
            )
            #expect(message["message"]?.string == "soon", "\(message)")
            let rate = try await house.send(
                .post,
                "\(control)/rate",
                #"{"rate_per_minute": 7}"#,
                token: house.promoterKey
            )
            #expect(rate["rate_per_minute"]?.int == 7, "\(rate)")
            let last = try await house.send(.get, path)
            #expect(
                last["rate_per_minute"]?.int == 7 && last["message"]?.string == "soon"
                    && last["seq"]?.int ?? 0 > seq
            )
            #expect(try await house.send(.post, "\(control)/cancel", token: house.promoterKey).status == 200)
            #expect(try await house.send(.get, path)["state"]?.string == "closed")
            let fairness = try await house.send(.get, "/v1/on-sales/\(onSale)/fairness")
            #expect(
                fairness["entries"]?.int == 1 && fairness["secret"]?.string?.utf8.count == 64,
                "\(fairness)"
            )
        }
    }
}
