import EventLog
import HTTP
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Searches, as buyers' programs make them.
@Suite(.timeLimit(.minutes(5)))
struct SearchCallTests {
    /// Runs the consumer beside `body`, which is given what waits until it has been told everything.
    private func withIndex(
        _ house: GatewayAtWork,
        _ body: (_ settled: () async throws -> Void) async throws -> Void
    ) async throws {
        let client = house.database.client
        let bell = Bell()
        var configuration = ConsumerRunner.Configuration()
        configuration.whenMoved = { bell.ring() }
        let runner = ConsumerRunner(
            postgres: client,
            consumers: [SearchIndex()],
            member: "test",
            configuration: configuration,
            logger: Logger(label: "test", level: .warning)
        )
        let life = Task { await runner.run() }
        try await body {
            try await bell.wait {
                let parts = try await ConsumerView.all(in: client).first?.parts ?? []
                return !parts.isEmpty && parts.allSatisfy { $0.behind == 0 }
            }
        }
        runner.stop()
        await life.value
    }

    private func titles(_ answer: Answer) -> [String] {
        answer["on_sales"]?.array?.compactMap { $0["title"]?.string } ?? []
    }

    @Test func `On-sales are found by words, told apart by facets, and leave when they are over`()
        async throws
    {
        try await withGateway { house in
            try await withIndex(house) { settled in
                let at = PostgresTimestamp.now + .seconds(90 * 86_400)
                let first = try await house.schedule(
                    title: "Björk",
                    more: #""genre": "Pop", "event_at": "\#(at)", "#
                )
                let second = try await house.schedule(title: "Bruce Springsteen", more: #""genre": "Rock", "#)
                try await settled()
                let found = try await house.send(.get, "/v1/on-sales?q=bjork")
                #expect(found.status == 200 && titles(found) == ["Björk"], "\(found)")
                let entry = try #require(found["on_sales"]?.array?.first)
                #expect(entry["id"]?.string == first && entry["genre"]?.string == "Pop")
                #expect(entry["event_at"]?.string == "\(at)" && entry["availability"]?.string == "many")
                #expect(
                    entry["price_from"]?["amount"]?.int == 3_200 && entry["price_to"]?["amount"]?.int == 4_500
                )
                #expect(found["count"]?.int == 1 && found["capped"]?.bool == false && found["next"] == .null)
                #expect(found["facets"]?["genre"]?.array?.first?["value"]?.string == "Pop")
                #expect(found["facets"]?["price"]?.array?.first?["value"]?.string == "2501-5000")
                #expect(found.response.headers["Cache-Control"] == "public, s-maxage=2")
                let typo = try await house.send(.get, "/v1/on-sales?q=Sprinsteen&available=true&genre=rock")
                #expect(titles(typo) == ["Bruce Springsteen"] && typo["corrected"]?.bool == true, "\(typo)")

                // Each once, page by page.
                let page = try await house.send(.get, "/v1/on-sales?q=&limit=1")
                let next = try #require(page["next"]?.string, "\(page)")
                let rest = try await house.send(.get, "/v1/on-sales?q=&limit=1&cursor=\(next)")
                #expect(
                    Set(titles(page) + titles(rest)) == ["Björk", "Bruce Springsteen"],
                    "\(page) \(rest)"
                )
                #expect(rest["next"] == .null && rest["facets"] == nil && rest["count"] == nil, "\(rest)")

                let off = try await house.send(
                    .post,
                    "/v1/promoter/on-sales/\(second)/cancel",
                    #"{"confirm": "Bruce Springsteen", "reason": "Illness"}"#,
                    token: house.promoterKey
                )
                #expect((200..<300).contains(off.status), "\(off)")
                try await settled()
                // Whatever is kept in memory of the searches before is not of this one.
                let gone = try await house.send(.get, "/v1/on-sales?q=bruce")
                #expect(titles(gone) == [], "\(gone)")
                // A list is what it was.
                let list = try await house.send(.get, "/v1/on-sales?limit=1")
                #expect(list["on_sales"]?.array?.first?["tiers"] != nil && list["facets"] == nil, "\(list)")
            }
        }
    }

    @Test func `A search that was just made is answered from memory`() async throws {
        try await withDatabase { database in
            let reads = SharedReads(
                primary: database.client,
                replica: nil,
                bound: .seconds(1),
                metrics: MetricsRegistry(),
                logger: Logger(label: "test", level: .error)
            )
            let searches = Searches(reads: reads)
            let asked = try Self.request("q=nothing")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await searches.reader.run(on: database.loops) }
                #expect(searches.fromMemory(asked) == nil)
                #expect(try await searches.reader.submit(asked).status == 200)
                #expect(searches.fromMemory(asked) != nil)
                // A blank more or less is the same search.
                #expect(searches.fromMemory(try Self.request("q=%20NOTHING!")) != nil)
                #expect(searches.fromMemory(try Self.request("q=nothing&limit=3")) == nil)
                searches.reader.close()
                try await group.waitForAll()
            }
        }
    }

    private static func request(_ query: String) throws -> SearchRequest {
        let match = try Router([.init(.get, "/v1/on-sales", 0)]).match(.get, "/v1/on-sales")
        let call = Call(request: HTTPRequest(.get, "/v1/on-sales?\(query)"), parameters: match.parameters)
        return try #require(try SearchFields.read(call))
    }

    @Test(arguments: [
        "q=\(String(repeating: "a", count: 201))", "city=", "city=!!", "genre=", "from=tomorrow",
        "from=2026-13-01",
        "to=x", "price_max=-1", "price_max=1e9", "price_max=99999999999999999999", "available=yes",
        "state=closed", "state=", "cursor=", "cursor=x", "cursor=r.zzzzzzzzz.1.os_1", "cursor=d.x.os_1",
        "cursor=d.999999999999999999.os_1", "cursor=r.3.1.os_0x", "limit=0&q=", "limit=x&q=",
        "after=os_1&q=x",
    ])
    func `What can't be looked for is refused by name`(query: String) async throws {
        let name = try #require(query.split(separator: "=").first.map(String.init))
        #expect {
            _ = try Self.request(query)
        } throws: { error in
            let problem = error as? Problem
            return problem?.status == 400 && problem?.detail?.hasPrefix(name) == true
        }
    }

    @Test(arguments: ["r.hnj5z4.1798761600000000.os_7", "t.0.-1.os_1", "d.1798761600000000.os_z", "e.0.os_2"])
    func `A cursor is read as it is written`(text: String) {
        #expect(Search.Cursor(text)?.text == text)
    }
}
