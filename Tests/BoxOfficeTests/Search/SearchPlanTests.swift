import EventLog
import Postgres
import TestSupport
import Testing

@testable import BoxOffice

/// The statements of the search, among twenty thousand on-sales.
@Suite(.timeLimit(.minutes(5)))
struct SearchPlanTests {
    private static let growing: Set<String> = ["search_entries", "search_counts", "search_words"]

    @Test func `Searches and the index look at what they need, by its indexes`() async throws {
        try await SearchDesk.with { desk in
            for start in stride(from: 0, to: 20_000, by: 1_000) {
                try await desk.tell((start..<start + 1_000).map(Self.filed), batch: 1_000)
            }
            try await desk.client.simple("VACUUM ANALYZE search_entries, search_counts, search_words")
            func check(_ plan: StatementPlan, _ work: (PostgresClient) async throws -> Void) async throws {
                var configuration = desk.database.configuration
                let log = PlanLog()
                configuration.plans = log
                let client = PostgresClient(
                    configuration,
                    loops: desk.database.loops,
                    pool: .init(maximum: 1)
                )
                try await work(client)
                let complaints = try plan.complaints(log.entries, growing: Self.growing)
                #expect(complaints.isEmpty, "\(complaints.first ?? "")")
                await client.shutdown()
            }
            func find(
                _ text: String,
                _ set: (inout SearchQuestion) -> Void = { _ in }
            ) -> (PostgresClient) async throws -> Void {
                var question = SearchQuestion()
                question.read(text)
                set(&question)
                let asked = question
                return { _ = try await Search($0).find(asked, after: nil, limit: 20) }
            }
            try await check(
                StatementPlan("search.find", ["search_entries_words"], rows: 300),
                find("artist77")
            )
            try await check(
                StatementPlan("search.find", ["search_entries_words"], rows: 450),
                find("common77")
            )
            try await check(
                StatementPlan("search.find", ["search_entries_words"], rows: 300),
                find("artsit77")
            )
            try await check(
                StatementPlan("search.like", ["search_words_near"], rows: 2_000),
                find("artsit77")
            )
            try await check(
                StatementPlan("search.find", ["search_entries_city"], rows: 2_300),
                find("") { $0.city = "City 5" }
            )
            // What everybody has is not counted to the end, nor is it sorted.
            try await check(
                StatementPlan("search.find", [], rows: Search.most + 100, whole: ["search_entries"]),
                find("live")
            )
            try await check(StatementPlan("search.walk", ["search_entries_at"], rows: 60), find("live"))
            try await check(StatementPlan("search.walk", ["search_entries_at"], rows: 60), find(""))
            let facts = [SearchDesk.tickets(17, "held", 1), SearchDesk.tickets(9_000, "held", 95)]
            try await desk.client.pipeline(FactDraft.append(facts))
            let told = try await FactLog(postgres: desk.client).page(after: 20_000, through: .max, limit: 10)
            #expect(told.count == 2)
            for plan in [
                StatementPlan("search.known", ["search_counts_pkey", "search_entries_pkey"], rows: 4),
                StatementPlan("search.count", [], rows: 2), StatementPlan("search.write", [], rows: 2),
            ] {
                try await check(plan) { client in
                    struct Undo: Error {}
                    await #expect(throws: Undo.self) {
                        try await client.withTransaction { transaction in
                            try await SearchIndex().apply(told, in: &transaction)
                            throw Undo()
                        }
                    }
                }
            }
            try await check(StatementPlan("search.entries", ["search_entries_pkey"], rows: 2)) { client in
                _ = try await client.query(Search.entries([17, 9_000]))
            }
            try await check(StatementPlan("search.copy", ["search_entries_pkey"], rows: 100)) { client in
                _ = try await client.query(Search.copy(after: OnSaleID(rawValue: 10_000), limit: 100))
            }
        }
    }

    private static func filed(_ number: Int) -> FactDraft {
        SearchDesk.filed(
            Int64(number + 1),
            "Artist\(number % 1_000) common\(number % 100) live",
            venue: "House \(number % 500)",
            city: "City \(number % 10)",
            genre: "g\(number % 12)",
            day: number % 365
        )
    }
}
