import EventLog
import Postgres
import TestSupport
import Testing

@testable import BoxOffice

/// What the consumer makes of the log.
@Suite(.timeLimit(.minutes(5)))
struct SearchIndexTests {
    @Test func `An entry follows what is told of its on-sale, and is written when it looks otherwise`()
        async throws
    {
        try await SearchDesk.with { desk in
            func now() async throws -> String {
                let entry = try #require(try await desk.entry(7))
                return "\(entry.title) \(entry.state) \(entry.availability.rawValue)"
            }
            try await desk.tell([SearchDesk.filed(7, "Evening", genre: "jazz", price: 1_200, capacity: 100)])
            let filed = try #require(try await desk.entry(7))
            #expect(
                filed.priceFrom == 1_200 && filed.priceTo == 2_400 && filed.genre == "jazz" && !filed.isOver
            )
            #expect(try await now() == "Evening scheduled many")
            try await desk.tell([SearchDesk.fact(7, "on_sale.opened"), SearchDesk.fact(7, "on_sale.started")])
            #expect(try await now() == "Evening admitting many")
            try await desk.tell([SearchDesk.fact(7, "on_sale.paused")])
            #expect(try await now() == "Evening paused many")
            try await desk.tell([SearchDesk.fact(7, "on_sale.resumed")])
            let before = try await desk.entry(7)
            // Ninety are held: as many as before are left for who looks around.
            try await desk.tell([SearchDesk.tickets(7, "held", 90)])
            #expect(try await desk.entry(7) == before)
            try await desk.tell([SearchDesk.tickets(7, "held", 1)])
            #expect(try await now() == "Evening admitting few")
            try await desk.tell([SearchDesk.tickets(7, "held", 9)])
            #expect(try await now() == "Evening admitting none")
            try await desk.tell([SearchDesk.tickets(7, "expired", 5), SearchDesk.tickets(7, "refunded", 10)])
            #expect(try await now() == "Evening admitting many")
            try await desk.tell([
                SearchDesk.fact(
                    7,
                    "on_sale.changed",
                    #"{"title":"Night","opens_at":"2027-01-01T00:00:00Z","starts_at":"2027-01-01T00:00:00Z","closes_at":"2027-02-01T00:00:00Z"}"#
                )
            ])
            #expect(try await now() == "Night admitting many")
            #expect(try await desk.titles("night") == ["Night"])
            #expect(try await desk.titles("evening") == [])
            try await desk.tell([SearchDesk.fact(7, "on_sale.sold_out")])
            #expect(try await now() == "Night sold_out none")
            try await desk.tell([SearchDesk.fact(7, "on_sale.cancelled")])
            #expect(try await now() == "Night closed none")
            #expect(try await desk.titles("night") == [], "what is over is not found")
            // Nobody knows what these are of.
            try await desk.tell([SearchDesk.tickets(8, "held", 1), SearchDesk.fact(8, "on_sale.closed")])
            #expect(try await desk.entry(8) == nil)
        }
    }

    @Test func `Told everything anew, in other batches, it comes to the same to the letter`() async throws {
        try await SearchDesk.with { desk in
            let seed = UInt64.random(in: .min ... .max)
            print("seed \(seed)")
            var dice = TestDice(seed: seed)
            try await desk.tell(Self.story(&dice, onSales: 40, facts: 2_000), batch: 7)
            let first = try await desk.content()
            #expect(first.count > 80)
            for batch in [1, 500, 33] {
                try await desk.replay(batch: batch)
                #expect(try await desk.content() == first, "batches of \(batch)")
            }
            // Told once more without forgetting, nothing is counted twice.
            let facts = try await FactLog(postgres: desk.client).page(after: 0, through: .max, limit: 10_000)
            let wanted = facts.filter { SearchRecord.kinds.contains($0.kind) }
            try await desk.client.withTransaction { try await SearchIndex().apply(wanted, in: &$0) }
            #expect(try await desk.content() == first)
        }
    }

    @Test func `What was filed before the log's beginning stays when the rest is forgotten`() async throws {
        try await SearchDesk.with { desk in
            try await desk.tell([SearchDesk.filed(1, "Old"), SearchDesk.tickets(1, "held", 95)])
            // The next day's part of the log has its other facts, and the first is dropped.
            try await desk.client.simple(
                """
                SELECT setval('fact_ids', fact_range_size()), extend_fact_ranges();
                """
            )
            try await desk.tell([SearchDesk.filed(2, "New"), SearchDesk.tickets(1, "held", 5)])
            try await desk.client.simple("DROP TABLE facts_0; DELETE FROM fact_ranges WHERE ordinal = 0")
            let first = try await desk.content()
            try await desk.replay(batch: 10)
            #expect(try await desk.content() == first)
            #expect(try await desk.entry(1)?.availability == SearchEntry.Availability.none)
        }
    }

    /// All sorts of things that happen to some on-sales.
    static func story(_ dice: inout TestDice, onSales: Int64, facts: Int) -> [FactDraft] {
        var drafts: [FactDraft] = []
        for id in 1...onSales {
            drafts.append(
                SearchDesk.filed(id, "Title \(id)", genre: id % 3 == 0 ? nil : "g\(id % 5)", capacity: 30)
            )
        }
        for number in 0..<facts {
            let id = Int64.random(in: 1...onSales, using: &dice)
            switch Int.random(in: 0..<20, using: &dice) {
            case 0:
                let times = #""opens_at":"2027-01-01T00:00:00Z","starts_at":"2027-01-02T00:00:00Z""#
                let title = Bool.random(using: &dice) ? #","title":"Other \#(number)""# : ""
                drafts.append(
                    SearchDesk.fact(
                        id,
                        "on_sale.changed",
                        "{\(times),\"closes_at\":\"2027-03-01T00:00:00Z\"\(title)}"
                    )
                )
            case 1: drafts.append(SearchDesk.fact(id, "on_sale.opened"))
            case 2: drafts.append(SearchDesk.fact(id, "on_sale.started"))
            case 3: drafts.append(SearchDesk.fact(id, "on_sale.paused"))
            case 4: drafts.append(SearchDesk.fact(id, "on_sale.resumed"))
            case 5 where number > facts / 2: drafts.append(SearchDesk.fact(id, "on_sale.closed"))
            case 6...13: drafts.append(SearchDesk.tickets(id, "held", Int.random(in: 1...6, using: &dice)))
            case 14...16:
                drafts.append(SearchDesk.tickets(id, "expired", Int.random(in: 1...6, using: &dice)))
            case 17: drafts.append(SearchDesk.tickets(id, "sold", 2))
            case 18: drafts.append(SearchDesk.tickets(id, "released", 1))
            default: drafts.append(SearchDesk.tickets(id, "refunded", 1))
            }
        }
        return drafts
    }
}
