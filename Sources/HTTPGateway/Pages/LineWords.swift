internal import HTTP
internal import Pages

/// What the line says, in one language: the page's script reads the same files.
struct LineWords: Sendable {
    /// As BCP 47 names it.
    let language: String
    private let words: [String: String]

    /// Every language there is, by file; English first.
    static let all: [Self] = {
        let found = PageFiles.all.compactMap { file -> Self? in
            guard file.name.hasPrefix("line."), file.name.hasSuffix(".json") else { return nil }
            let language = String(file.name.dropFirst(5).dropLast(5))
            let more = PageFiles.all.first { $0.name == "line-more.\(language).json" }
            let words = [file, more].compactMap { $0 }.flatMap { file -> [(String, String)] in
                guard case .object(let members)? = try? JSONValue(parsing: file.bytes) else { return [] }
                return members.compactMap { member in member.value.string.map { (member.name, $0) } }
            }
            return Self(language: language, words: Dictionary(words) { first, _ in first })
        }
        return found.filter { $0.language == "en" } + found.filter { $0.language != "en" }
    }()

    /// Whether it is written from the right.
    var direction: String { self["direction"] }

    /// A text; what stands in braces is replaced.
    subscript(key: String, values: KeyValuePairs<String, String>) -> String {
        values.reduce(words[key] ?? key) { text, value in
            text.replacing("{\(value.key)}", with: value.value)
        }
    }

    /// A text.
    subscript(key: String) -> String { words[key] ?? key }

    /// The language that somebody is best spoken to in.
    ///
    /// - Parameters:
    ///   - chosen: what they chose, if they did.
    ///   - accepted: the Accept-Language header.
    /// - Returns: the first of their languages that there is, or English.
    static func best(chosen: String?, accepted: String?) -> Self {
        if let chosen, let words = all.first(where: { $0.language == chosen }) { return words }
        let wishes = (accepted ?? "").split(separator: ",").compactMap { element -> (String, Double)? in
            let parts = element.split(separator: ";").map { $0.filter { $0 != " " } }
            guard let range = parts.first?.lowercased() else { return nil }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return (String(range.prefix { $0 != "-" }), weight ?? 1)
        }
        let best = wishes.enumerated().sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }
        for (_, (language, weight)) in best where weight > 0 {
            if let words = all.first(where: { $0.language == language }) { return words }
        }
        return all.first ?? Self(language: "en", words: [:])
    }
}
