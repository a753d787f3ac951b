internal import BoxOffice
internal import EventLog
internal import Postgres

/// The on-sales of `usher bench search`, and what people look for among them.
///
/// Forty thousand names of two made-up words each, two thousand houses, two hundred cities and twelve genres.
enum SearchBenchSale {
    private static let syllables = [
        "ba", "ko", "ri", "ten", "lu", "mar", "se", "vo", "dan", "pi", "gro", "ster", "na", "fel", "hu",
        "zin", "tor",
        "wel", "ga", "mi", "cha", "rob", "is", "ope",
    ]
    private static let kinds = ["Live", "On Tour", "Open Air", "Unplugged", "Farewell"]
    private static let genres = [
        "Rock", "Pop", "Jazz", "Classical", "Folk", "Metal", "Hip Hop", "Electronic", "Soul", "Blues",
        "Country",
        "Musical",
    ]

    /// A word for each number below some fourteen thousand.
    private static func word(_ number: Int) -> String {
        var (rest, word) = (number + syllables.count, "")
        while rest > 0 {
            word += syllables[rest % syllables.count]
            rest /= syllables.count
        }
        return word
    }

    private static func name(_ number: Int) -> String { "\(word(number % 200)) \(word(number % 40_000 / 3))" }

    /// What is filed of one.
    static func filed(_ number: Int) -> FactDraft {
        let at = PostgresTimestamp(microseconds: 1_800_000_000_000_000) + .seconds(number % 700 * 43_200)
        let price = 1_500 + number % 60 * 150
        let text = """
            {"title":"\(name(number)) \(kinds[number % kinds.count])","venue":"\(word(number % 2_000)) Hall",\
            "city":"\(word(number % 211 + 600))","currency":"EUR","genre":"\(genres[number % genres.count])",\
            "opens_at":"\(at)","starts_at":"\(at)","closes_at":"\(at + .seconds(86_400))","event_at":"\(at)",\
            "capacity":1000,"tiers":[{"id":"a","name":"Floor","price":\(price),"capacity":800},\
            {"id":"b","name":"Seats","price":\(price * 2),"capacity":200}]}
            """
        return FactDraft(onSale: Int64(number + 1), kind: "on_sale.scheduled", data: JSONB(text: text))
    }

    /// A half are names, the others beginnings, misspelt names, words that many have, and filters.
    static func question(upTo count: Int, _ dice: inout SeededDice) -> SearchQuestion {
        var question = SearchQuestion()
        let number = Int.random(in: 0..<count, using: &dice)
        let name = name(number)
        switch Int.random(in: 0..<10, using: &dice) {
        case 0...4: question.read(name)
        case 5: question.read(String(name.dropLast(2)))
        case 6:
            // A letter is missing.
            var letters = Array(name)
            letters.remove(at: letters.count - 3)
            question.read(String(letters))
        case 7: question.read(kinds[number % kinds.count])
        case 8: (question.city, question.isAvailable) = (word(number % 211 + 600), true)
        default: (question.genre, question.priceMax) = (genres[number % genres.count], 3_000)
        }
        return question
    }
}
