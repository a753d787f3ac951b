import EventLog
import Postgres
import Reactor
import TestSupport
import Testing

@testable import BoxOffice

/// The event log and its search, with facts written by hand.
final class SearchDesk: Sendable {
    let database: TestDatabase
    private let written = Lock<Int64>(0)

    var client: PostgresClient { database.client }
    var search: Search { Search(client) }

    init(_ database: TestDatabase) { self.database = database }

    static func with(_ body: (SearchDesk) async throws -> Void) async throws {
        try await withDatabase { try await body(SearchDesk($0)) }
    }

    static let start = PostgresTimestamp(microseconds: 1_798_761_600_000_000)  // 2027-01-01

    /// What is filed of an on-sale, as a plan would.
    static func filed(
        _ id: Int64,
        _ title: String,
        venue: String = "Hall",
        city: String = "Leipzig",
        genre: String? = nil,
        day: Int = 0,
        price: Int64 = 3_000,
        capacity: Int = 100
    ) -> FactDraft {
        let at = start + .seconds(86_400 * day)
        let type = genre.map { ",\"genre\":\"\($0)\"" } ?? ""
        return fact(
            id,
            "on_sale.scheduled",
            """
            {"title":"\(title)","venue":"\(venue)","city":"\(city)","currency":"EUR","opens_at":"\(start)",
             "starts_at":"\(start)","closes_at":"\(at)","capacity":\(capacity),"event_at":"\(at)"\(type),
             "tiers":[{"id":"a","name":"A","price":\(price),"capacity":\(capacity - 1)},
                      {"id":"b","name":"B","price":\(price * 2),"capacity":1}]}
            """
        )
    }

    static func fact(_ id: Int64, _ kind: String, _ data: String = "{}") -> FactDraft {
        FactDraft(onSale: id, kind: kind, data: JSONB(text: data))
    }

    static func tickets(_ id: Int64, _ kind: String, _ quantity: Int) -> FactDraft {
        fact(id, "reservation.\(kind)", "{\"quantity\":\(quantity)}")
    }

    /// Writes facts, and has the consumer told of them `batch` at a time.
    func tell(_ facts: [FactDraft], batch: Int = 500) async throws {
        try await client.pipeline(FactDraft.append(facts))
        try await catchUp(batch: batch)
    }

    /// Has the consumer told of what it does not know.
    func catchUp(batch: Int = 500) async throws {
        let log = FactLog(postgres: client)
        while true {
            let after = written.withLock { $0 }
            let facts = try await log.page(after: after, through: .max, limit: batch)
            guard let last = facts.last else { return }
            let wanted = facts.filter { SearchIndex().kinds?.contains($0.kind) ?? true }
            if !wanted.isEmpty {
                try await client.withTransaction { try await SearchIndex().apply(wanted, in: &$0) }
            }
            written.withLock { $0 = last.seq }
        }
    }

    /// Forgets all, and has it told anew.
    func replay(batch: Int) async throws {
        try await client.withTransaction { try await SearchIndex().reset(in: &$0) }
        written.withLock { $0 = 0 }
        try await catchUp(batch: batch)
    }

    /// All that the consumer has written, a line each.
    func content() async throws -> [String] {
        try await client.query(
            Query(
                "test.content",
                """
                SELECT e::text FROM search_entries e UNION ALL SELECT c::text FROM search_counts c
                UNION ALL SELECT w.word FROM search_words w ORDER BY 1
                """
            )
        ).map { try $0[0] }
    }

    func entry(_ id: Int64) async throws -> SearchEntry? {
        try await client.query(Search.entries([id])).first.map { try SearchEntry($0) }
    }

    /// The titles that are found, in their order.
    func titles(_ text: String, limit: Int = 50) async throws -> [String] {
        var question = SearchQuestion()
        question.read(text)
        return try await search.find(question, after: nil, limit: limit).entries.map(\.title)
    }
}
