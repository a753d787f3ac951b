import HTTP
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Where one stands on the waitlist.
@Suite(.timeLimit(.minutes(5)))
struct WaitlistPositionTests {
    private let logger = Logger(label: "test", level: .error)

    @Test func `A place shows its position on the waitlist, at once and from memory`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            var places: [Place] = []
            for _ in 0..<4 { places.append(try await house.join(onSale)) }
            try await house.shiftClock(seconds: 3_700)
            // Nobody bought it, but it is gone.
            try await house.database.client.execute(
                Query("test.withhold", "UPDATE tiers SET withheld = withheld + free, free = 0")
            )
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "sold_out" }
            func position(_ place: Place) async throws -> JSONValue? {
                let answer = try await house.send(.get, "/v1/places/\(place.id)", token: place.token)
                #expect(answer.status == 200, "\(answer)")
                return answer["waitlist_position"]
            }
            #expect(try await position(places[3]) == .null)
            for (index, place) in places.prefix(3).enumerated() {
                let spot = try await house.send(
                    .post,
                    "/v1/on-sales/\(onSale)/waitlist",
                    #"{"quantity": 1}"#,
                    token: place.token
                )
                #expect(spot.status == 201, "\(spot)")
                #expect(try await position(place)?.int == Int64(index + 1))
            }
            #expect(try await position(places[3]) == .null)
            try await remember(house, onSale, places)
            try await outlast(house, onSale)
            // Who is before leaves, and everybody moves up.
            #expect(
                try await house.send(.delete, "/v1/places/\(places[0].id)", token: places[0].token).status
                    == 204
            )
            _ = try await house.poll("/v1/places/\(places[2].id)", token: places[2].token) {
                $0["waitlist_position"]?.int == 2
            }
        }
    }

    @Test func `Who comes when everything is sold is given a place on the waitlist`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let path = "/v1/on-sales/\(onSale)/waitlist"
            func ask(_ body: String, token: String? = nil) async throws -> Answer {
                try await house.send(.post, path, body, token: token)
            }
            let secret = Base64URL.encode(SecureBytes.random(16))
            let body = #"{"quantity": 2, "secret": "\#(secret)"}"#
            try await house.shiftClock(seconds: 3_700)
            let early = try await ask(body)
            #expect(early.status == 409 && early.code == "wrong_state", "\(early)")
            try await house.database.client.execute(
                Query("test.withhold", "UPDATE tiers SET withheld = withheld + free, free = 0")
            )
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "sold_out" }
            let join = try await house.send(
                .post,
                "/v1/on-sales/\(onSale)/places",
                #"{"secret": "\#(secret)"}"#
            )
            #expect(join.status == 409 && join.code == "sold_out", "\(join)")
            #expect(join["detail"]?.string?.contains(path) == true, "\(join)")
            // The place that was there asks first, with its token.
            let known = try await ask(#"{"quantity": 1}"#, token: place.token)
            #expect(known.status == 201 && known["token"] == nil, "\(known)")
            let spot = try await ask(body)
            #expect(spot.status == 201 && spot["position"]?.int == 2, "\(spot)")
            let id = try #require(spot["place"]?.string)
            let token = try #require(spot["token"]?.string)
            #expect(spot["receipt"]?.string != nil)
            let again = try await ask(body)
            #expect(again["place"]?.string == id && again["position"]?.int == 2, "\(again)")
            let seen = try await house.send(.get, "/v1/places/\(id)", token: token)
            #expect(seen["state"]?.string == "waiting" && seen["waitlist_position"]?.int == 2, "\(seen)")
            // Without a token, who it is must be said; and a token that is no good is not overlooked.
            let nobody = try await ask(#"{"quantity": 0}"#)
            #expect(nobody.status == 422, "\(nobody)")
            #expect(try await ask(body, token: "forged").status == 401)
            // The tick goes to sleep, and nothing but asking tells it of what came back by hand.
            let naps = Query("test.naps", "SELECT naps > 0 FROM on_sales")
            while try await !(house.database.client.query(naps)[0][0] as Bool) {
                try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
            }
            try await house.database.client.execute(
                Query("test.back", "UPDATE tiers SET withheld = withheld - 3, free = 3 WHERE id = 'standing'")
            )
            #expect(try await ask(body).status == 201)
            let admission = try await house.admit(Place(id: id, token: token))
            let held = try await house.reserve(#"{"tier": "standing", "quantity": 2}"#, admission, key: "a")
            #expect(held.status == 201, "\(held)")
        }
    }

    /// Answers of a memory that has read the waitlist once, when the database could tell no more of it.
    private func remember(_ house: GatewayAtWork, _ onSale: String, _ places: [Place]) async throws {
        let id = try #require(OnSaleID(publicID: onSale))
        let database = house.database.client
        let facts = try #require(try await OnSaleStatus.find(id, in: database))
        let order = DrawOrder(key: try #require(facts.drawKey), count: places.count)
        let snapshot = OnSaleSnapshot(facts, order: order)
        let answers = PlaceAnswers(
            places: Places(postgres: database, orders: DrawOrders()),
            waitlists: Waitlists(postgres: database, logger: logger)
        )
        let tokens = try places.enumerated().map { index, place in
            PlaceToken(
                onSale: id,
                arrival: Int64(index + 1),
                place: try #require(PlaceID(publicID: place.id)),
                expiresAt: .distantFuture
            )
        }
        #expect(answers.fromMemory(tokens[1], snapshot) == nil)
        try await reading([answers.waitlists], on: house.database.loops) {
            let first = try await answers.read(tokens[1], snapshot)
            #expect(first.waitlistPosition == 2 && first.state == .waiting)
        }
        // The reader is closed: whatever is not known by now would have to be refused.
        for (index, token) in tokens.prefix(3).enumerated() {
            let known = try #require(answers.fromMemory(token, snapshot))
            #expect(known.waitlistPosition == index + 1 && known.isAgain)
        }
        #expect(answers.fromMemory(tokens[3], snapshot)?.state == .done)
    }

    /// What was last known is told while the database can't be asked.
    private func outlast(_ house: GatewayAtWork, _ onSale: String) async throws {
        let id = try #require(OnSaleID(publicID: onSale))
        let client = house.database.makeClient(.init(maximum: 1))
        let waitlists = Waitlists(postgres: client, logger: logger)
        let unread = Waitlists(postgres: client, logger: logger)
        try await reading([waitlists, unread], on: house.database.loops) {
            let known = try await waitlists.spots(of: id)
            #expect(known.count == 3)
            // Who leaves is off the list when it is due again.
            try await house.database.client.execute(
                Query(
                    "test.leave",
                    "UPDATE reoffers SET settled_at = usher_now(), came = false WHERE arrival = 3"
                )
            )
            #expect(try await waitlists.spots(of: id) == known)
            await waitlists.refresh(dueBy: .now + .seconds(30))
            let shorter = try await waitlists.spots(of: id)
            #expect(shorter.count == 2)
            await client.shutdown()
            await waitlists.refresh(dueBy: .now + .seconds(30))
            #expect(try await waitlists.spots(of: id) == shorter)
            await #expect(throws: PostgresError.self) { _ = try await unread.spots(of: id) }
        }
        try await house.database.client.execute(
            Query("test.return", "UPDATE reoffers SET settled_at = NULL, came = NULL WHERE arrival = 3")
        )
    }

    /// Runs the readers of these until `body` has returned.
    private func reading(
        _ waitlists: [Waitlists],
        on loops: EventLoopGroup,
        _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for list in waitlists { group.addTask { await list.reader.run(on: loops) } }
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            for list in waitlists { list.reader.close() }
            try await group.waitForAll()
            try outcome.get()
        }
    }
}
