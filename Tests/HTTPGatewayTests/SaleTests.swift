import HTTP
import Postgres
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
