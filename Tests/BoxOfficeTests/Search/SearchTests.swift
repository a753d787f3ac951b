import EventLog
import Postgres
import TestSupport
import Testing

@testable import BoxOffice

/// What is found, and in which order.
@Suite(.timeLimit(.minutes(5)))
struct SearchTests {
    private static func fill(_ desk: SearchDesk) async throws {
        try await desk.tell([
            SearchDesk.filed(
                1,
                "Tribute Night",
                venue: "Springsteen Hall",
                genre: "rock",
                day: 1,
                price: 2_500
            ),
            SearchDesk.filed(2, "Bruce Springsteen", city: "Berlin", genre: "Rock", day: 9, price: 2_501),
            SearchDesk.filed(3, "Björk", city: "Zürich", genre: "pop", day: 3, price: 30_000),
            SearchDesk.filed(4, "Spring Concert", city: "berlin", genre: "classical", day: 40),
            SearchDesk.filed(5, "Jazz in Spring", city: "Leipzig", genre: "jazz", day: 5),
            SearchDesk.filed(6, "AC/DC", city: "Łódź", day: 6),
            SearchDesk.filed(7, "Radiohead", city: "Leipzig", genre: "rock", day: 7, capacity: 50),
            SearchDesk.tickets(7, "held", 46),
            SearchDesk.filed(8, "Sigur Rós", city: "Leipzig", genre: "rock", day: 8, capacity: 50),
            SearchDesk.tickets(8, "held", 50),
        ])
    }

    @Test func `Titles come before houses, whole words before beginnings, and mistyped ones are found`()
        async throws
    {
        try await SearchDesk.with { desk in
            try await Self.fill(desk)
            for (text, titles) in [
                ("springsteen", ["Bruce Springsteen", "Tribute Night"]),
                ("SPRINGST", ["Bruce Springsteen", "Tribute Night"]),
                ("bruce spring", ["Bruce Springsteen"]),
                // The words of the title, then beginnings of others.
                ("spring", ["Spring Concert", "Jazz in Spring", "Bruce Springsteen", "Tribute Night"]),
                ("Sprinsteen", ["Bruce Springsteen", "Tribute Night"]),
                ("bruce sprigsteen", ["Bruce Springsteen"]),
                ("Bjork", ["Björk"]), ("björk", ["Björk"]), ("BJÖRK zurich", ["Björk"]), ("bjrk", ["Björk"]),
                ("sigur ros", ["Sigur Rós"]), ("radiohed", ["Radiohead"]),
                ("radiohead leipzg", ["Radiohead"]),
                ("ac/dc", ["AC/DC"]), ("łódź", ["AC/DC"]), ("lodz", ["AC/DC"]),
                ("xylophone", []), ("spring xylophone", []),
            ] {
                let found = try await desk.titles(text)
                #expect(found == titles, "\(text)")
            }
        }
    }

    @Test(arguments: [
        "'", "''", "' & '", "!", "a | !b", "foo:*", ":*", "\\", "\\'", "((",
        "'; DROP TABLE search_entries; --", "%", "_",
        "\u{0}", "<->", "a <-> b", "\"", "$1", "{}", "\u{202E}x", String(repeating: "a", count: 5_000),
        String(repeating: "a b ", count: 500), "👩‍👩‍👧‍👦", "e\u{301}\u{301}\u{301}", "１２３",
    ])
    func `Nothing that is typed is taken for anything but words`(text: String) async throws {
        try await SearchDesk.with { desk in
            try await Self.fill(desk)
            _ = try await desk.titles(text)
            #expect(try await desk.titles("springsteen").count == 2)
        }
    }

    @Test
    func `What is looked for can be told by place, time, price and what is left, and is counted by them`()
        async throws
    {
        try await SearchDesk.with { desk in
            try await Self.fill(desk)
            func titles(_ set: (inout SearchQuestion) -> Void) async throws -> [String] {
                var question = SearchQuestion()
                set(&question)
                return try await desk.search.find(question, after: nil, limit: 50).entries.map(\.title)
            }
            #expect(try await titles { $0.city = "BERLIN" } == ["Bruce Springsteen", "Spring Concert"])
            #expect(try await titles { $0.city = "zurich" } == ["Björk"])
            #expect(
                try await titles { $0.genre = "ROCK" }
                    == ["Tribute Night", "Radiohead", "Sigur Rós", "Bruce Springsteen"]
            )
            #expect(try await titles { $0.priceMax = 2_500 } == ["Tribute Night"])
            #expect(try await titles { $0.isAvailable = false } == ["Sigur Rós"])
            #expect(try await titles { ($0.isAvailable, $0.city) = (true, "Leipzig") }.last == "Radiohead")
            let day = SearchDesk.start + .seconds(86_400 * 5)
            #expect(
                try await titles { ($0.from, $0.to) = (day, day + .seconds(86_401)) } == [
                    "Jazz in Spring", "AC/DC",
                ]
            )
            #expect(try await titles { $0.state = "paused" } == [])

            let page = try await desk.search.find(SearchQuestion(), after: nil, limit: 2)
            #expect(page.entries.count == 2 && page.count == 8 && !page.isCapped && page.next != nil)
            func facet(_ name: String) -> [String] {
                page.facets?[name]?.map { "\($0.value) \($0.count)" } ?? []
            }
            #expect(facet("city") == ["Leipzig 4", "Berlin 2", "Zürich 1", "Łódź 1"])
            #expect(facet("genre") == ["Rock 4", "classical 1", "jazz 1", "pop 1"])
            #expect(facet("month") == ["2027-01 7", "2027-02 1"])
            #expect(facet("price") == ["0 1", "1 6", "4 1"])
            #expect(facet("availability") == ["many 6", "few 1", "none 1"])
        }
    }

    /// More fit than are ranked: then they come by date.
    @Test(arguments: [500, 2_300])
    func `Pages have each that fits once, however many there are`(count: Int) async throws {
        try await SearchDesk.with { desk in
            let words = ["night", "evening", "live"]
            for start in stride(from: 0, to: count, by: 500) {
                try await desk.tell(
                    (start..<min(start + 500, count)).map {
                        SearchDesk.filed(Int64($0 + 1), "Open \(words[$0 % 3]) \($0 % 7)", day: $0 % 11)
                    }
                )
            }
            for text in ["", "open", "oppen", "open night", "ope"] {
                var question = SearchQuestion()
                question.read(text)
                var (found, pages): ([Int64], Int) = ([], 0)
                var cursor: Search.Cursor?
                var order: [PostgresTimestamp] = []
                repeat {
                    let page = try await desk.search.find(question, after: cursor, limit: 170)
                    #expect((page.facets == nil) == (cursor != nil))
                    if cursor == nil {
                        let fitting = text.hasSuffix("night") ? (count + 2) / 3 : count
                        #expect(page.isCapped == (fitting > Search.most), "\(text)")
                        #expect(page.count == min(fitting, Search.most))
                    }
                    found += page.entries.map(\.id.rawValue)
                    order += page.entries.map(\.at)
                    cursor = page.next
                    pages += 1
                } while cursor != nil && pages < 30
                let expected = (1...Int64(count)).filter { !text.hasSuffix("night") || ($0 - 1) % 3 == 0 }
                #expect(found.sorted() == expected, "\(text)")
                if count > Search.most, !text.hasSuffix("night") {
                    #expect(order == order.sorted(), "\(text)")
                }
            }
        }
    }
}
