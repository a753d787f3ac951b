internal import BoxOffice
internal import HTTP
internal import Postgres

/// A search, as it is asked for.
struct SearchRequest: Sendable, Hashable {
    let question: SearchQuestion
    let cursor: Search.Cursor?
    let limit: Int
}

/// Reads the parameters of a search, and says of each that doesn't fit what it takes.
enum SearchFields {
    static let parameters: [(name: String, schema: Schema)] = [
        ("q", .string), ("city", .string), ("genre", .string), ("from", .string), ("to", .string),
        ("price_max", .within(0...1_000_000_000)), ("available", .boolean),
        ("state", .oneOf(SearchQuestion.states)), ("cursor", .string),
    ]

    private static let longest = 200

    /// What is looked for; nil when nothing is, but a list.
    ///
    /// - Throws: ``Problem`` 400 that names a parameter and what it takes.
    static func read(_ call: Call) throws(Problem) -> SearchRequest? {
        let asked = Set(call.request.query.map(\.name))
        guard parameters.contains(where: { asked.contains($0.name) }) else { return nil }
        guard !asked.contains("after") else {
            throw refused("after", "does not go with a search: the next page is asked for with cursor")
        }
        var question = SearchQuestion()
        if let text = call.request.queryValue("q") {
            guard text.count <= longest else { throw refused("q", "must be at most \(longest) characters") }
            question.read(text)
        }
        question.city = try text("city", call)
        question.genre = try text("genre", call)
        question.from = try instant("from", call)
        question.to = try instant("to", call)
        if let text = call.request.queryValue("price_max") {
            guard let price = Int64(text), (0...1_000_000_000).contains(price) else {
                throw refused(
                    "price_max",
                    "must be an amount in minor units, a whole number from 0 to 1000000000"
                )
            }
            question.priceMax = price
        }
        if let text = call.request.queryValue("available") {
            guard let flag = Bool(text) else { throw refused("available", "must be true or false") }
            question.isAvailable = flag
        }
        if let text = call.request.queryValue("state") {
            guard SearchQuestion.states.contains(text) else {
                throw refused("state", "must be one of \(SearchQuestion.states.joined(separator: ", "))")
            }
            question.state = text
        }
        var cursor: Search.Cursor?
        if let text = call.request.queryValue("cursor") {
            guard let read = Search.Cursor(text) else {
                throw refused("cursor", "must be the `next` of an earlier answer")
            }
            cursor = read
        }
        return SearchRequest(question: question, cursor: cursor, limit: try call.limit())
    }

    private static func text(_ name: String, _ call: Call) throws(Problem) -> String? {
        guard let text = call.request.queryValue(name) else { return nil }
        guard text.count <= longest, !SearchWords.of(text).isEmpty else {
            throw refused(name, "must be a name of 1 to \(longest) characters")
        }
        return text
    }

    /// An instant, or the beginning of a day.
    private static func instant(_ name: String, _ call: Call) throws(Problem) -> PostgresTimestamp? {
        guard let text = call.request.queryValue(name) else { return nil }
        guard
            let instant = PostgresTimestamp(rfc3339: text) ?? PostgresTimestamp(rfc3339: text + "T00:00:00Z")
        else {
            throw refused(
                name,
                "must be a day such as 2026-06-12, or an RFC 3339 instant such as 2026-06-12T10:00:00Z"
            )
        }
        return instant
    }

    private static func refused(_ name: String, _ what: String) -> Problem {
        .badParameter.with(detail: "\(name) \(what)")
    }
}

extension Search.Cursor {
    /// What stands in `next`.
    var text: String {
        switch self {
        case .ranked(let rank, let at, let id, let mistyped):
            "\(mistyped ? "t" : "r").\(String(rank.bitPattern, radix: 36)).\(at.microseconds).\(id.publicID)"
        case .dated(let at, let id, let mistyped):
            "\(mistyped ? "e" : "d").\(at.microseconds).\(id.publicID)"
        }
    }

    /// Reads a `next`.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let kind = parts.first, parts.count == (kind == "d" || kind == "e" ? 3 : 4),
            let microseconds = Int64(parts[parts.count - 2]), Self.dates.contains(microseconds),
            let id = OnSaleID(publicID: String(parts[parts.count - 1]))
        else { return nil }
        let at = PostgresTimestamp(microseconds: microseconds)
        switch kind {
        case "d", "e": self = .dated(at, id, mistyped: kind == "e")
        case "r", "t":
            guard let bits = UInt32(parts[1], radix: 36) else { return nil }
            let rank = Float(bitPattern: bits)
            guard rank.isFinite else { return nil }
            self = .ranked(rank, at, id, mistyped: kind == "t")
        default: return nil
        }
    }

    /// What the server takes for an instant, and nobody plays a concert outside of.
    private static let dates: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999
}
