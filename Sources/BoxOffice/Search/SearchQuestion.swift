package import Postgres

/// What somebody looks for.
package struct SearchQuestion: Sendable, Hashable {
    /// What may be given as a state: what is over is not found.
    package static let states = ["scheduled", "prequeue", "admitting", "paused", "sold_out"]
    /// How many words of a text count; the others are passed over.
    package static let words = 8

    /// Words that all have to be in title, venue, city or genre; the last one may be the beginning of one.
    package var words: [String] = []
    package var city: String?
    package var genre: String?
    /// Takes place at this instant or later.
    package var from: PostgresTimestamp?
    /// Takes place before this instant.
    package var to: PostgresTimestamp?
    /// Has a ticket for this much or less, in minor units of its currency.
    package var priceMax: Int64?
    /// Whether anything is left.
    package var isAvailable: Bool?
    package var state: String?

    package init() {}

    /// Takes the words of a text.
    package mutating func read(_ text: String) { words = Array(SearchWords.of(text).prefix(Self.words)) }

    /// The on-sales that everything but the words lets through, of `search_entries AS e`.
    ///
    /// Conditions that were not asked for are not there, so that the server plans for those that are.
    var conditions: SQL {
        var conditions: [SQL] = ["NOT e.is_over"]
        if let city { conditions.append("e.city_words = \(SearchWords.key(city))") }
        if let genre { conditions.append("e.genre_words = \(SearchWords.key(genre))") }
        if let from { conditions.append("e.at >= \(from)") }
        if let to { conditions.append("e.at < \(to)") }
        if let priceMax { conditions.append("e.price_from <= \(priceMax)") }
        if let isAvailable {
            conditions.append(isAvailable ? "e.availability <> 'none'" : "e.availability = 'none'")
        }
        if let state { conditions.append("e.state = \(state)") }
        return .joined(conditions, separator: " AND ")
    }
}

/// What has to be in an entry, in the server's form of a `tsquery`.
///
/// Words are letters and digits alone, so there is nothing in them that could be taken for an operator.
struct SearchText: Sendable, Equatable {
    /// The fewest letters of a beginning that finds words.
    static let shortestPrefix = 2

    /// What finds an entry.
    let match: String
    /// What puts an entry that has it before those that don't.
    let better: [String]

    /// Nil without words.
    init?(_ words: [String]) {
        guard let last = words.last else { return nil }
        let whole = words.map { "'\($0)'" }
        let open = last.count < Self.shortestPrefix ? "'\(last)'" : "'\(last)':*"
        match = (whole.dropLast() + [open]).joined(separator: " & ")
        better = open == whole.last ? [] : [whole.joined(separator: " & ")]
    }

    /// The same for words that may be mistyped.
    ///
    /// - Parameters:
    ///   - words: What was typed.
    ///   - likes: Words that there are and that are like one of them, the most alike first.
    init?(_ words: [String], likes: [String: [String]]) {
        guard likes.values.contains(where: { !$0.isEmpty }), let typed = Self(words) else { return nil }
        match = words.enumerated().map { index, word in
            let isOpen = index == words.count - 1 && word.count >= Self.shortestPrefix
            let all = [isOpen ? "'\(word)':*" : "'\(word)'"] + (likes[word] ?? []).map { "'\($0)'" }
            return "(\(all.joined(separator: " | ")))"
        }.joined(separator: " & ")
        let nearest = words.map { "'\(likes[$0]?.first ?? $0)'" }.joined(separator: " & ")
        better = [typed.match] + typed.better + [nearest]
    }
}
