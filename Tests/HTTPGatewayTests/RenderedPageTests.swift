import EventLog
import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Pages that are made when something changes, as whoever asks for them sees them.
@Suite(.timeLimit(.minutes(5)))
struct RenderedPageTests {
    private static let paths = PageName.all.map { $0.path(of: OnSaleID(rawValue: 1)) }

    private func get(
        _ house: GatewayAtWork,
        _ target: String,
        _ headers: HTTPHeaders = [:]
    ) async throws
        -> Answer
    {
        try await house.send(.get, target, headers: headers)
    }

    private func renderings(_ house: GatewayAtWork, _ id: OnSaleID) async throws -> Int64 {
        let row = try await house.database.client.first(
            Query(
                "test.renderings",
                "SELECT renderings FROM page_renderings WHERE on_sale_id = \(id.rawValue)"
            )
        )
        return try row.map { try $0[0] } ?? 0
    }

    @Test func `Every page may be kept by caches, tells by what, and is the same for everybody`() async throws
    {
        try await withGateway { house in
            // Nobody makes pages beforehand here: whoever asks first has them made.
            let id = try #require(OnSaleID(publicID: try await house.schedule()))
            for name in PageName.all {
                let path = name.path(of: id)
                let answer = try await get(house, path)
                let headers = answer.response.headers
                #expect(answer.status == 200 && !answer.response.body.isEmpty, "\(path)")
                let tag = try #require(headers["ETag"])
                #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""), "strong: \(tag)")
                #expect(
                    headers["Cache-Control"]
                        == "public, max-age=0, s-maxage=2, stale-while-revalidate=1, stale-if-error=86400"
                )
                let isSeats = name == .seatMap || name == .picture
                #expect(
                    headers["Surrogate-Key"] == "\(id.publicID)-\(isSeats ? "seats" : "event") \(id.publicID)"
                )
                #expect(headers["Cache-Tag"]?.contains(",\(id.publicID)") == true)
                #expect(headers["Set-Cookie"] == nil && headers["Vary"] == nil)
                #expect((headers["Content-Security-Policy"] == nil) == (name == .seatMap))
                // Cookies, tokens, languages and questions make no difference.
                let other = try await get(
                    house,
                    path + "?x=1",
                    ["Cookie": "usher_language=de", "Accept-Language": "ja", "Authorization": "Bearer x"]
                )
                #expect(other.response.body == answer.response.body && other.response.headers["ETag"] == tag)
                let again = try await get(house, path, ["If-None-Match": tag])
                #expect(again.status == 304 && again.response.body.isEmpty, "\(again)")
                #expect(again.response.headers["Surrogate-Key"] == headers["Surrogate-Key"])
                #expect(try await get(house, path, ["If-None-Match": "\"other\""]).status == 200)
            }
            #expect(try await renderings(house, id) == 1)
        }
    }

    @Test func `What is not there is kept for two seconds`() async throws {
        try await withGateway { house in
            let id = try await house.schedule()
            for path in [
                "/v1/on-sales/os_99/seat-map", "/on-sales/os_99/event", "/on-sales/nothing/seat-map.svg",
                "/on-sales/\(id)/event/xx",
            ] {
                let answer = try await get(house, path)
                #expect(answer.status == 404 && answer.code == "unknown_on_sale", "\(path): \(answer)")
                #expect(answer.response.headers["Cache-Control"] == "public, max-age=0, s-maxage=2")
            }
        }
    }

    @Test func `A page says what is on sale in every language, and what is left roughly`() async throws {
        try await withGateway(caches: PageCaches()) { house in
            let id = try await house.schedule(standing: 200)
            let event = "/on-sales/\(id)/event"
            let english = String(decoding: try await get(house, event).response.body, as: UTF8.self)
            #expect(english.contains("<h1>An evening</h1>") && english.contains("Hall, Leipzig"))
            #expect(
                english.contains("€32.00") && english.contains("Many left") && english.contains("Few left")
            )
            #expect(english.contains("href=\"/on-sales/\(id)?lang=en\""))
            for language in PageName.languages.dropFirst() {
                let page = String(
                    decoding: try await get(house, "\(event)/\(language)").response.body,
                    as: UTF8.self
                )
                #expect(page.contains("<html lang=\"\(language)\""))
                #expect(page.contains("An evening") && !page.contains("Many left"), "\(language)")
            }
            let map = try await get(house, "/v1/on-sales/\(id)/seat-map")
            #expect(map["tiers"]?.array?.map { $0["left"]?.string } == ["many", "few"], "\(map)")
            let section = try #require(map["sections"]?.array?.first)
            #expect(section["id"]?.string == "B" && section["left"]?.string == "few")
            #expect(section["rows"]?.array?.first?["seats"]?.string == "1-10")
            let picture = try await get(house, "/on-sales/\(id)/seat-map.svg")
            let svg = String(decoding: picture.response.body, as: UTF8.self)
            #expect(svg.contains("class=\"few\"") && svg.contains("h90.1"))
        }
    }

    @Test func `What buyers take shows when it is of a band, and else nothing is written`() async throws {
        try await withGateway(caches: PageCaches()) { house in
            let id = try #require(OnSaleID(publicID: try await house.schedule()))
            let map = PageName.seatMap.path(of: id)
            let places = [try await house.join(id.publicID), try await house.join(id.publicID)]
            try await house.shiftClock(seconds: 3_600)
            let first = try await house.admit(places[0])
            let second = try await house.admit(places[1])
            _ = try await house.poll(map) { $0["state"]?.string == "admitting" }
            let tag = try #require(try await get(house, map).response.headers["ETag"])
            // Six of ten are left, which are few as ten were.
            let seats = (1...4).map { "\"B-A-\($0)\"" }.joined(separator: ",")
            let held = try await house.reserve("{\"seats\": [\(seats)]}", first, key: "a")
            #expect(held.status == 201, "\(held)")
            let before = try await renderings(house, id)
            try await house.settlePages()
            #expect(try await renderings(house, id) >= before)
            let same = try await get(house, map, ["If-None-Match": tag])
            #expect(same.status == 304)
            // Two more of each, and none is left of the balcony.
            for (buyer, seats, key) in [(second, 5...8, "b"), (try await another(house, id), 9...10, "c")] {
                let list = seats.map { "\"B-A-\($0)\"" }.joined(separator: ",")
                let answer = try await house.reserve("{\"seats\": [\(list)]}", buyer, key: key)
                #expect(answer.status == 201, "\(answer)")
            }
            let changed = try await house.poll(map) {
                $0["sections"]?.array?.first?["left"]?.string == "none"
            }
            #expect(changed.response.headers["ETag"] != tag)
            // What is given back is there again, in the bytes of before.
            let reservation = try #require(held["reservation"]?.string)
            let gone = try await house.send(.delete, "/v1/reservations/\(reservation)", token: first)
            #expect((200..<300).contains(gone.status), "\(gone)")
            let back = try await house.poll(map) { $0["sections"]?.array?.first?["left"]?.string == "few" }
            #expect(back.response.headers["ETag"] == tag)
        }
    }

    private func another(_ house: GatewayAtWork, _ id: OnSaleID) async throws -> String {
        try await house.admit(try await house.join(id.publicID))
    }

    @Test func `The same state makes the same bytes, and is not written twice`() async throws {
        try await withGateway { house in
            let id = try #require(OnSaleID(publicID: try await house.schedule()))
            _ = try await house.poll("/v1/on-sales/\(id.publicID)/status") {
                $0["state"]?.string == "prequeue"
            }
            let renderer = PageRenderer(postgres: house.database.client, caches: ["some"])
            let first = try #require(try await renderer.render(id))
            // What was never there is kept nowhere.
            #expect(first.written == PageName.all && first.keys == [])
            // Nothing in a page tells the time.
            try await house.shiftClock(seconds: 30)
            #expect(try await renderer.render(id) == .init(written: [], keys: []))
            try await house.database.client.execute(
                Query(
                    "test.title",
                    "UPDATE on_sales SET title = 'Another <evening>' WHERE on_sale_id = \(id.rawValue)"
                )
            )
            let second = try #require(try await renderer.render(id))
            #expect(second.keys == ["\(id.publicID)-event"])
            #expect(second.written == PageName.languages.map { .event($0) })
            #expect(try await renderer.render(OnSaleID(rawValue: 99)) == nil)
            let page = try await get(house, PageName.event("en").path(of: id))
            #expect(String(decoding: page.response.body, as: UTF8.self).contains("Another &lt;evening&gt;"))
        }
    }

    @Test func `A storm of facts leaves one rendering in wait`() async throws {
        try await withGateway { house in
            let client = house.database.client
            let id = try #require(OnSaleID(publicID: try await house.schedule()))
            try await PurgePages.prepare(client)
            try await PageRenderer(postgres: client).render(id)
            let fact = { (seq: Int64) in
                Fact(
                    seq: seq,
                    onSale: id.rawValue,
                    kind: "reservation.held",
                    version: 1,
                    data: JSONB(text: "{}"),
                    recordedAt: .now
                )
            }
            for round in 0..<20 {
                try await client.withTransaction { transaction in
                    try await PageUpdates().apply(
                        (1...50).map { fact(Int64(round * 50 + $0)) },
                        in: &transaction
                    )
                }
            }
            let rows = try await client.query(
                Query(
                    "test.waiting",
                    """
                    SELECT 1 FROM jobs WHERE name = 'render_pages'
                    """
                )
            )
            #expect(rows.count == 1)
        }
    }
}

extension GatewayAtWork {
    /// Waits until the pages show everything that has happened by now.
    func settlePages() async throws {
        let now: Int64 = try await database.client.query(
            Query("test.given", "SELECT last_value FROM fact_ids")
        )[0][0]
        while true {
            let row = try await database.client.first(
                Query(
                    "test.settled",
                    """
                    SELECT (SELECT min(position) FROM fact_cursors WHERE consumer = 'pages') >= \(now)
                        AND NOT EXISTS (SELECT FROM job_keys WHERE key LIKE 'pages of %')
                    """
                )
            )
            if let row, (try row[0] as Bool?) == true { return }
            try await database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
        }
    }
}
