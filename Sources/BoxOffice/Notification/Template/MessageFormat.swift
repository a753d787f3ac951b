/// A text with gaps: `{name}`, and `{count, plural, =0 {none} one {# ticket} other {# tickets}}`.
///
/// Source: ICU MessageFormat, of which these two kinds of arguments are taken.
///
/// `#` in a plural's form is its number. `'{'`, `'}'` and `'#'` in apostrophes stand for themselves, and `''` is one
/// apostrophe; an apostrophe elsewhere is just that.
package struct MessageFormat: Sendable, Equatable {
    /// Why a text can't be used, in a line, with the place counted from 1.
    package struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// What fills a gap.
    package enum Value: Sendable, Equatable {
        case text(String)
        case number(Int)
    }

    indirect enum Part: Sendable, Equatable {
        case text(String)
        case argument(String)
        /// The number of the plural around it.
        case number
        case plural(String, exact: [Int: [Part]], forms: [PluralRule.Category: [Part]])
    }

    let parts: [Part]

    /// - Throws: ``Problem`` that says where the text breaks off and what is accepted.
    package init(_ text: String) throws(Problem) {
        var parser = MessageParser(text)
        parts = try parser.parse()
    }

    /// The names of the gaps.
    package var names: Set<String> { Self.names(parts) }

    private static func names(_ parts: [Part]) -> Set<String> {
        parts.reduce(into: []) { names, part in
            switch part {
            case .text, .number: break
            case .argument(let name): names.insert(name)
            case .plural(let name, let exact, let forms):
                names.insert(name)
                for parts in Array(exact.values) + Array(forms.values) { names.formUnion(Self.names(parts)) }
            }
        }
    }

    /// The text with its gaps filled; one that nothing fills stays empty.
    ///
    /// - Parameters:
    ///   - values: by name.
    ///   - locale: decides about plurals, as in `de` or `pt-BR`.
    /// - Returns: the text as it is read.
    package func filled(_ values: [String: Value], locale: String) -> String {
        Self.fill(parts, values, locale, number: nil)
    }

    private static func fill(
        _ parts: [Part],
        _ values: [String: Value],
        _ locale: String,
        number: Int?
    ) -> String {
        parts.map { part in
            switch part {
            case .text(let text): return text
            case .number: return number.map(String.init) ?? "#"
            case .argument(let name):
                switch values[name] {
                case .text(let text): return text
                case .number(let number): return String(number)
                case nil: return ""
                }
            case .plural(let name, let exact, let forms):
                guard case .number(let count) = values[name] else { return "" }
                let form = exact[count] ?? forms[PluralRule.category(of: count, in: locale)] ?? forms[.other]
                return fill(form ?? [], values, locale, number: count)
            }
        }.joined()
    }
}

/// Reads a ``MessageFormat``.
private struct MessageParser {
    private let text: [Character]
    private var index = 0

    init(_ text: String) { self.text = Array(text) }

    mutating func parse() throws(MessageFormat.Problem) -> [MessageFormat.Part] {
        let parts = try parts(inPlural: false)
        guard index == text.count else { throw problem("a } that nothing opened") }
        return parts
    }

    private func problem(_ what: String) -> MessageFormat.Problem {
        .init(
            description:
                "\(what) at character \(index + 1); accepted: {name}, {name, plural, one {…} other {…}}"
        )
    }

    private mutating func parts(inPlural: Bool) throws(MessageFormat.Problem) -> [MessageFormat.Part] {
        var parts: [MessageFormat.Part] = []
        var plain = ""
        while index < text.count, text[index] != "}" {
            let character = text[index]
            switch character {
            case "'": plain += quoted(inPlural)
            case "{":
                if !plain.isEmpty { parts.append(.text(plain)) }
                plain = ""
                parts.append(try argument())
            case "#" where inPlural:
                if !plain.isEmpty { parts.append(.text(plain)) }
                plain = ""
                parts.append(.number)
                index += 1
            default:
                plain.append(character)
                index += 1
            }
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        return parts
    }

    /// From an apostrophe on: what it quotes, or itself.
    private mutating func quoted(_ inPlural: Bool) -> String {
        let next = index + 1 < text.count ? text[index + 1] : " "
        if next == "'" {
            index += 2
            return "'"
        }
        guard "{}".contains(next) || inPlural && next == "#" else {
            index += 1
            return "'"
        }
        let rest = text[(index + 1)...]
        let end = rest.firstIndex(of: "'") ?? text.count
        index = min(end + 1, text.count)
        return String(rest[..<end])
    }

    private mutating func argument() throws(MessageFormat.Problem) -> MessageFormat.Part {
        index += 1
        let name = try word()
        if take("}") { return .argument(name) }
        guard take(",") else { throw problem("neither } nor , after \(name)") }
        let kind = try word()
        guard kind == "plural" else { throw problem("\(kind), which is no kind of argument,") }
        guard take(",") else { throw problem("no , after plural") }
        return try plural(name)
    }

    private mutating func plural(_ name: String) throws(MessageFormat.Problem) -> MessageFormat.Part {
        var exact: [Int: [MessageFormat.Part]] = [:]
        var forms: [PluralRule.Category: [MessageFormat.Part]] = [:]
        while !take("}") {
            let isExact = take("=")
            let selector = try word()
            guard take("{") else { throw problem("no { after \(selector)") }
            let form = try parts(inPlural: true)
            guard take("}") else { throw problem("the end of a form that has no }") }
            if isExact, let number = Int(selector) {
                exact[number] = form
            } else if !isExact, let category = PluralRule.Category(rawValue: selector) {
                forms[category] = form
            } else {
                throw problem("\(selector), which is neither =NUMBER nor zero, one, two, few, many or other,")
            }
        }
        guard forms[.other] != nil else { throw problem("a plural without other {…}") }
        return .plural(name, exact: exact, forms: forms)
    }

    private mutating func skipSpace() {
        while index < text.count, text[index].isWhitespace { index += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard index < text.count, text[index] == character else { return false }
        index += 1
        return true
    }

    private mutating func word() throws(MessageFormat.Problem) -> String {
        skipSpace()
        let start = index
        while index < text.count, text[index].isLetter || text[index].isNumber || text[index] == "_" {
            index += 1
        }
        guard index > start else { throw problem("no name") }
        return String(text[start..<index])
    }
}
