package import Postgres

/// Finds on-sales that are not over.
///
/// What fits is ranked as long as it is no more than ``most``; of more, nobody reads the order of ranks, and it is told by
/// date. Where words find nothing, words like them count as well.
package struct Search: Sendable {
    /// How many of those that fit are looked at to rank and to count them.
    package static let most = 2_000
    /// How many words count for a mistyped one.
    static let likes = 4
    /// The fewest letters of a word that can be mistyped.
    static let shortestTypo = 4
    /// The upper bounds of the bands of prices, in minor units; the last band is all above.
    package static let priceBands: [Int64] = [2_500, 5_000, 10_000, 20_000]

    /// Where the next page begins.
    package enum Cursor: Sendable, Hashable {
        // `mistyped` is whether words like those asked for counted.
        /// Behind an entry, among the ranked.
        case ranked(Float, PostgresTimestamp, OnSaleID, mistyped: Bool)
        /// Behind an entry, by date.
        case dated(PostgresTimestamp, OnSaleID, mistyped: Bool)
    }

    /// So many have a value.
    package struct Facet: Sendable, Equatable {
        package let value: String
        package let count: Int
    }

    /// What was found.
    package struct Page: Sendable {
        package var entries: [SearchEntry] = []
        package var next: Cursor?
        /// By what there is to choose from; nil on later pages.
        package var facets: [String: [Facet]]?
        /// How many fit; nil on later pages.
        package var count: Int?
        /// Whether more fit than were counted.
        package var isCapped = false
        /// Whether words like those asked for counted.
        package var isMistyped = false
    }

    /// What is counted of those that fit.
    package static let facetNames = ["city", "genre", "month", "price", "availability"]

    private let database: PostgresClient

    package init(_ database: PostgresClient) { self.database = database }

    /// A page of what fits.
    ///
    /// - Parameters:
    ///   - question: What is looked for.
    ///   - cursor: Where to go on; nil at the beginning.
    ///   - limit: The most entries.
    /// - Returns: The page.
    /// - Throws: `PostgresError`.
    package func find(_ question: SearchQuestion, after cursor: Cursor?, limit: Int) async throws -> Page {
        var text = SearchText(question.words)
        var isMistyped = false
        switch cursor {
        case .dated(_, _, mistyped: true), .ranked(_, _, _, mistyped: true):
            (text, isMistyped) = (try await correct(question) ?? text, true)
        default: break
        }
        if case .dated = cursor {
            return try await walk(question, text, after: cursor, limit: limit, isMistyped: isMistyped)
        }
        var page = try await ranked(question, text, after: cursor, limit: limit, isMistyped: isMistyped)
        guard cursor == nil else { return page }
        if page.count == 0, text != nil, let wide = try await correct(question) {
            let corrected = try await ranked(question, wide, after: nil, limit: limit, isMistyped: true)
            if corrected.count != 0 { (page, text) = (corrected, wide) }
        }
        if page.isCapped {
            let walked = try await walk(
                question,
                text,
                after: nil,
                limit: limit,
                isMistyped: page.isMistyped
            )
            (page.entries, page.next) = (walked.entries, walked.next)
        }
        return page
    }

    /// All entries, a page at a time in the order of their ids, for those who copy them.
    ///
    /// - Throws: `PostgresError`.
    package func copy(after id: OnSaleID?, limit: Int) async throws -> [SearchEntry] {
        try await database.query(Self.copy(after: id, limit: limit)).map { try SearchEntry($0) }
    }

    /// The entries of some on-sales, those that are over among them.
    ///
    /// - Throws: `PostgresError`.
    package func entries(_ ids: [Int64]) async throws -> [SearchEntry] {
        try await database.query(Self.entries(ids)).map { try SearchEntry($0) }
    }

    /// What also finds words like those asked for; nil when there are none.
    private func correct(_ question: SearchQuestion) async throws -> SearchText? {
        let words = Set(question.words.filter { $0.count >= Self.shortestTypo }).sorted()
        guard !words.isEmpty else { return nil }
        var likes: [String: [String]] = [:]
        for row in try await database.query(Self.like(words)) {
            let (word, like): (String, String) = (try row[0], try row[1])
            if word != like { likes[word, default: []].append(like) }
        }
        return SearchText(question.words, likes: likes)
    }

    private func ranked(
        _ question: SearchQuestion,
        _ text: SearchText?,
        after cursor: Cursor?,
        limit: Int,
        isMistyped: Bool
    ) async throws -> Page {
        let rows = try await database.query(Self.find(question, text, after: cursor, limit: limit + 1))
        var page = Page()
        page.isMistyped = isMistyped
        if cursor == nil { (page.count, page.facets) = (0, [:]) }
        let first = SearchEntry.columnCount
        if let row = rows.first, cursor == nil {
            let count: Int = try row[first + 1]
            page.isCapped = count > Self.most
            page.count = min(count, Self.most)
            page.facets = try Self.facets(row, at: first + 2)
        }
        for row in rows.prefix(limit) { page.entries.append(try SearchEntry(row)) }
        if rows.count > limit, let last = page.entries.last {
            let rank: Float = try rows[limit - 1][first]
            page.next = .ranked(rank, last.at, last.id, mistyped: isMistyped)
        }
        return page
    }

    private func walk(
        _ question: SearchQuestion,
        _ text: SearchText?,
        after cursor: Cursor?,
        limit: Int,
        isMistyped: Bool
    ) async throws -> Page {
        let entries = try await database.query(Self.walk(question, text, after: cursor, limit: limit + 1)).map
        {
            try SearchEntry($0)
        }
        var page = Page()
        page.isMistyped = isMistyped
        page.entries = Array(entries.prefix(limit))
        if entries.count > limit, let last = page.entries.last {
            page.next = .dated(last.at, last.id, mistyped: isMistyped)
        }
        return page
    }

    private static func facets(_ row: Row, at column: Int) throws -> [String: [Facet]] {
        let kinds: [String] = try row[column]
        let values: [String] = try row[column + 1]
        let counts: [Int64] = try row[column + 2]
        var facets: [String: [Facet]] = [:]
        for index in kinds.indices {
            facets[kinds[index], default: []].append(Facet(value: values[index], count: Int(counts[index])))
        }
        return facets
    }
}
