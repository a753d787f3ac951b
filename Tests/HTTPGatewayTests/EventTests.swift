import Foundation
import HTTP
import Postgres
import Telemetry
import TestSupport
import Testing
import Workflows

@testable import BoxOffice
@testable import EventLog
@testable import HTTPGateway

/// Takes no message of a hold that has expired.
private struct FussyChannel: NotificationChannel {
    func deliver(_ message: OutgoingMessage) async throws {
        if message.kind == "expired" { throw MessageRefused("not this one") }
    }
}

/// What happened, as programs are told it.
@Suite(.timeLimit(.minutes(5)))
struct EventTests {
    private static let schemas = URL(filePath: #filePath).appending(path: "../../../docs/events").standardized
        .path

    /// Every kind that there is a schema of.
    private static func kinds() throws -> Set<String> {
        Set(
            try FileManager.default.contentsOfDirectory(atPath: schemas).map {
                $0.replacing(#/\.v\d+\.json$/#, with: "")
            }
        )
    }

    /// A sale in which everything happens that can be told.
    private func play(_ house: GatewayAtWork) async throws -> String {
        func promote(_ onSale: String, _ action: String, _ body: String = "{}") async throws {
            let answer = try await house.send(
                .post,
                "/v1/promoter/on-sales/\(onSale)/\(action)",
                body,
                token: house.promoterKey
            )
            #expect((200..<300).contains(answer.status), "\(action): \(answer)")
        }
        func end(_ reservation: String, _ token: String, in state: String) async throws {
            _ = try await house.poll("/v1/reservations/\(reservation)", token: token) {
                $0["state"]?.string == state
            }
        }
        let id = try await house.schedule()
        try await promote(id, "message", #"{"message": "Doors at eight"}"#)
        let patch = try await house.send(
            .patch,
            "/v1/promoter/on-sales/\(id)",
            #"{"title": "Another evening"}"#,
            token: house.promoterKey
        )
        #expect(patch.status == 200, "\(patch)")
        var places: [Place] = []
        for _ in 0..<6 { places.append(try await house.join(id)) }
        let left = try await house.send(.delete, "/v1/places/\(places[5].id)", token: places[5].token)
        #expect(left.status == 204, "\(left)")
        try await house.shiftClock(seconds: 3_600)
        let buyer = try await house.admit(places[0])
        let other = try await house.admit(places[1])
        try await promote(id, "pause", #"{"reason": "A minute, please"}"#)
        try await promote(id, "resume")
        try await promote(id, "rate", #"{"rate_per_minute": 3000}"#)

        // Declined, then sold, then given back.
        let bought = try await house.reserve(#"{"tier": "standing", "quantity": 2}"#, buyer, key: "a")
        let sale = try #require(bought["reservation"]?.string, "\(bought)")
        for (method, state) in [("declined", "held"), ("good", "sold")] {
            let checkout = try await house.send(
                .post,
                "/v1/reservations/\(sale)/checkout",
                #"{"payment_method": "\#(method)"}"#,
                token: buyer
            )
            #expect(checkout.status == 202 || checkout.status == 200, "\(checkout)")
            try await end(sale, buyer, in: state)
        }
        // Made longer, then let go.
        let released = try #require(
            try await house.reserve(#"{"seats": ["B-A-1"]}"#, other, key: "b")["reservation"]?.string
        )
        let longer = try await house.send(.post, "/v1/reservations/\(released)/extend", token: other)
        #expect(longer.status == 200, "\(longer)")
        let gone = try await house.send(.delete, "/v1/reservations/\(released)", token: other)
        #expect((200..<300).contains(gone.status), "\(gone)")
        // Left to expire, while others miss their turns and one of them asks again.
        let expired = try #require(
            try await house.reserve(#"{"seats": ["B-A-2"]}"#, other, key: "c")["reservation"]?.string
        )
        try await house.shiftClock(seconds: 660)
        try await end(expired, other, in: "expired")
        // A clock that is moved by so much is an outage, for which the next tick makes open turns longer: these are over
        // all the same. Once they are settled they have ended just now, and not too long ago to ask again.
        func endTurns(_ state: SQL, at instant: SQL) async throws {
            try await house.database.client.execute(
                Query(
                    "test.end",
                    "UPDATE turns SET expires_at = \(fragment: instant) WHERE settled_at \(fragment: state)"
                )
            )
        }
        try await endTurns("IS NULL", at: "'2000-01-01Z'")
        _ = try await house.poll("/v1/places/\(places[2].id)", token: places[2].token) {
            $0["state"]?.string == "missed"
        }
        try await endTurns("IS NOT NULL", at: "usher_now()")
        _ = try await house.send(.post, "/v1/places/\(places[2].id)/admission", token: places[2].token)
        _ = try await house.poll("/v1/places/\(places[2].id)", token: places[2].token) {
            $0["state"]?.string == "called"
        }
        let refund = try await house.send(
            .post,
            "/v1/promoter/reservations/\(sale)/refund",
            #"{"reservation": "\#(sale)"}"#,
            token: house.promoterKey
        )
        #expect((200..<300).contains(refund.status), "\(refund)")
        try await end(sale, buyer, in: "refunded")
        return id
    }

    @Test func `A consumer written from the docs alone is told everything, in order and as the schemas say`()
        async throws
    {
        try await withGateway(register: { $0.register(Notify(channel: FussyChannel())) }) { house in
            let id = try await play(house)
            // One is sold out, one ends by its time and one is called off.
            let tiny = try await house.schedule(standing: 2)
            let place = try await house.join(tiny)
            try await house.shiftClock(seconds: 3_600)
            let buyer = try await house.admit(place)
            try await house.database.client.execute(
                Query(
                    "test.withhold",
                    "UPDATE tiers SET withheld = free, free = 0 WHERE id = 'seated' AND on_sale_id = \(OnSaleID(publicID: tiny)?.rawValue)"
                )
            )
            let last = try #require(
                try await house.reserve(#"{"tier": "standing", "quantity": 2}"#, buyer, key: "z")[
                    "reservation"
                ]?.string
            )
            _ = try await house.send(
                .post,
                "/v1/reservations/\(last)/checkout",
                #"{"payment_method": "good"}"#,
                token: buyer
            )
            _ = try await house.poll("/v1/on-sales/\(tiny)/status") { $0["state"]?.string == "sold_out" }
            let third = try await house.schedule()
            let off = try await house.send(
                .post,
                "/v1/promoter/on-sales/\(third)/cancel",
                #"{"confirm": "An evening", "reason": "Illness"}"#,
                token: house.promoterKey
            )
            #expect((200..<300).contains(off.status), "\(off)")
            try await house.shiftClock(seconds: 100_000)
            _ = try await house.poll("/v1/on-sales/\(id)/status") { $0["state"]?.string == "closed" }

            let told = try await PythonScript.run(
                "events_consumer.py",
                "http://127.0.0.1:\(house.api.port)",
                house.promoterKey,
                Self.schemas,
                "on_sale.closed"
            )
            let seen = Set(told.dropLast().compactMap { $0.split(separator: " ").first.map(String.init) })
            #expect(try seen.symmetricDifference(Self.kinds()) == [], "\(told)")
            let count: Int = try await house.database.client.query(
                Query("test.count", "SELECT count(*) FROM facts")
            )[0][0]
            #expect(told.last == "in order \(count)", "\(told)")

            // A key for one on-sale is told of that one alone.
            let narrow = try await APIKeys(postgres: house.database.client).add(
                role: .promoter,
                label: "narrow",
                scope: KeyScope(onSales: [try #require(OnSaleID(publicID: tiny))])
            )
            let page = try await house.send(.get, "/v1/events?limit=200", token: narrow)
            let keys = Set(page["events"]?.array?.compactMap { $0["partitionkey"]?.string } ?? [])
            #expect(page.status == 200 && keys == [tiny], "\(page)")
            let none = try await house.send(.get, "/v1/events?on_sale=\(id)&wait=0", token: narrow)
            #expect(none["events"]?.array?.isEmpty == true, "\(none)")
        }
    }

    @Test func `A stream of events goes on where a client left it, at its pace, until its key is taken back`()
        async throws
    {
        try await withGateway { house in
            func follow(
                _ key: String,
                _ query: String = "",
                last: String? = nil
            ) async throws
                -> RawConnection
            {
                let connection = try await RawConnection(port: house.api.port)
                let seen = last.map { "Last-Event-ID: \($0)\r\n" } ?? ""
                try await connection.send(
                    "GET /v1/events\(query) HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\(seen)"
                        + "Authorization: Bearer \(key)\r\n\r\n"
                )
                return connection
            }
            func hear(_ connection: RawConnection, _ word: String) async throws -> String {
                let bytes = try await connection.bytes { String(decoding: $0, as: UTF8.self).contains(word) }
                return String(decoding: bytes, as: UTF8.self)
            }
            func ids(_ text: String) -> [Int64] {
                text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("id: ") }
                    .compactMap { Int64($0.dropFirst(4)) }
            }
            let first = try await house.schedule()
            let stream = try await follow(house.promoterKey)
            let one = try await hear(stream, "on_sale.scheduled")
            #expect(one.hasPrefix("HTTP/1.1 200 OK\r\n") && one.contains("text/event-stream"), "\(one)")
            let second = try await house.schedule()
            _ = try await hear(stream, second)
            stream.close()

            // Whoever comes back with what they have seen is told of the rest.
            let seen = try #require(ids(one).last)
            let back = try await follow(house.promoterKey, last: "\(seen)")
            let rest = ids(try await hear(back, second))
            #expect(!rest.isEmpty && rest.allSatisfy { $0 > seen }, "\(rest) after \(seen)")
            back.close()

            // More than sockets take, and nobody who reads yet.
            let count = 20_000
            try await house.database.client.execute(
                Query(
                    "test.many",
                    """
                    INSERT INTO facts (on_sale_id, recorded_at, version, kind, data)
                    SELECT 7, usher_now(), 1, 'test.counted', jsonb_build_object('n', n, 'rest', repeat('x', 400))
                    FROM generate_series(1, \(count)) AS n
                    """
                )
            )
            let narrow = try await follow(house.promoterKey, "?on_sale=os_7")
            let end = "\"n\": \(count),"
            let all = try await narrow.bytes {
                String(decoding: $0.suffix(1000), as: UTF8.self).contains(end)
            }
            let told = ids(String(decoding: all, as: UTF8.self))
            #expect(told.count == count && told == told.sorted() && Set(told).count == count)
            narrow.close()

            let keys = APIKeys(postgres: house.database.client)
            let key = try await keys.add(role: .promoter, label: "short-lived")
            let short = try await follow(key, "?on_sale=\(first)")
            _ = try await hear(short, "on_sale.scheduled")
            let holder = try #require(try await keys.verify(key))
            #expect(try await keys.revoke(holder.id))
            _ = try await short.read { $0.hasSuffix("0\r\n\r\n") }
            let late = try await house.send(
                .get,
                "/v1/events",
                token: key,
                headers: ["Accept": "text/event-stream"]
            )
            #expect(late.status == 401, "\(late)")
            let wrong = try await house.send(
                .get,
                "/v1/events",
                token: house.promoterKey,
                headers: ["Accept": "text/event-stream", "Last-Event-ID": "x"]
            )
            #expect(wrong.status == 400 && wrong["detail"]?.string?.hasPrefix("Last-Event-ID") == true)
        }
    }

    @Test(arguments: ["after=x", "after=-2", "wait=21", "wait=x", "limit=0", "on_sale=7"])
    func `What can't be asked for is refused by name`(query: String) async throws {
        try await withGateway { house in
            let answer = try await house.send(.get, "/v1/events?\(query)", token: house.promoterKey)
            let name = try #require(query.split(separator: "=").first)
            #expect(answer.status == 400 && answer["detail"]?.string?.hasPrefix(name) == true, "\(answer)")
        }
    }

    @Test func `The minutes of a sale, told anew from the beginning, come to the same`() async throws {
        try await withGateway { house in
            let client = house.database.client
            let id = try #require(OnSaleID(publicID: try await play(house)))
            let consumer = SaleMinutes()
            let bell = Bell()
            var configuration = ConsumerRunner.Configuration()
            configuration.whenMoved = { bell.ring() }
            let runner = ConsumerRunner(
                postgres: client,
                consumers: [consumer],
                member: "test",
                configuration: configuration,
                logger: Logger(label: "test", level: .warning)
            )
            let life = Task { await runner.run() }
            func settled() async throws -> [SaleMinutes.Minute] {
                try await bell.wait {
                    let views = try await ConsumerView.all(in: client)
                    return views.first?.parts.allSatisfy { $0.behind == 0 } ?? false
                }
                return try await SaleMinutes.read(id, from: client)
            }
            let first = try await settled()
            _ = try await FactCursors(postgres: client).replay(consumer, from: .beginning)
            let again = try await settled()
            #expect(first == again && !first.isEmpty)
            func sum(_ name: String) throws -> Int64 {
                let index = try #require(SaleMinutes.columns.firstIndex(of: name))
                return again.reduce(0) { $0 + $1.counts[index] }
            }
            // As the tables have it.
            let row = try #require(
                try await client.first(
                    Query(
                        "test.sums",
                        """
                        SELECT (SELECT count(*) FROM places WHERE on_sale_id = \(id.rawValue)),
                            (SELECT count(*) FROM reservations WHERE on_sale_id = \(id.rawValue)),
                            (SELECT coalesce(sum(quantity), 0) FROM reservations
                                WHERE on_sale_id = \(id.rawValue) AND state = 'expired'),
                            (SELECT sum(missed) FROM turns WHERE on_sale_id = \(id.rawValue))
                        """
                    )
                )
            )
            #expect(try sum("joined") == row[0] && sum("holds") == row[1] && sum("expired") == row[2])
            #expect(
                try sum("missed") == row[3] && sum("sold") == 2 && sum("refunded") == 2 && sum("revenue") == 0
            )
            let answer = try await house.send(
                .get,
                "/v1/promoter/on-sales/\(id)/minutes",
                token: house.promoterKey
            )
            #expect(answer["at"]?.array?.count == again.count, "\(answer)")
            let metrics = MetricsRegistry()
            try await ConsumerMeter(
                postgres: client,
                metrics: metrics,
                logger: Logger(label: "test", level: .error)
            ).refresh()
            let text = metrics.exposition()
            #expect(text.contains(#"usher_event_consumer_lag_seconds{consumer="analytics"} 0"#), "\(text)")
            #expect(text.contains(#"usher_event_consumer_failures{consumer="analytics"} 0"#), "\(text)")
            runner.stop()
            await life.value
        }
    }
}
