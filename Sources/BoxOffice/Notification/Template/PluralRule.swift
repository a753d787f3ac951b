/// Which form of a noun goes with a whole number, by language.
///
/// Source: Unicode CLDR, Language Plural Rules, cardinal numbers, for whole numbers.
enum PluralRule: Sendable {
    /// The forms that languages tell apart.
    enum Category: String, Sendable, CaseIterable {
        case zero, one, two, few, many, other
    }

    /// The category of `number` in the language of `locale`; languages that are not here go like English.
    static func category(of number: Int, in locale: String) -> Category {
        let n = number.magnitude
        switch locale.prefix(while: { $0 != "-" && $0 != "_" }).lowercased() {
        case "ja", "zh", "ko", "vi", "th", "id", "ms", "lo", "my": return .other
        case "fr", "pt", "hi", "bn", "fa", "am": return n <= 1 ? .one : .other
        case "pl": return n == 1 ? .one : few(n) ? .few : .many
        case "ru", "uk", "be", "sr", "hr", "bs":
            return n % 10 == 1 && n % 100 != 11 ? .one : few(n) ? .few : isBalkan(locale) ? .other : .many
        case "cs", "sk": return n == 1 ? .one : (2...4).contains(n) ? .few : .other
        case "ar": return arabic(n)
        case "he", "iw": return n == 1 ? .one : n == 2 ? .two : .other
        case "lt":
            let teen = (11...19).contains(n % 100)
            return n % 10 == 1 && !teen ? .one : (2...9).contains(n % 10) && !teen ? .few : .other
        case "lv": return n % 10 == 0 || (11...19).contains(n % 100) ? .zero : n % 10 == 1 ? .one : .other
        case "ro": return n == 1 ? .one : n == 0 || (1...19).contains(n % 100) ? .few : .other
        case "sl":
            return n % 100 == 1 ? .one : n % 100 == 2 ? .two : (3...4).contains(n % 100) ? .few : .other
        default: return n == 1 ? .one : .other
        }
    }

    /// 2 to 4, 22 to 24, and so on, but not 12 to 14.
    private static func few(_ n: UInt) -> Bool {
        (2...4).contains(n % 10) && !(12...14).contains(n % 100)
    }

    private static func isBalkan(_ locale: String) -> Bool {
        ["sr", "hr", "bs"].contains(locale.prefix(2).lowercased())
    }

    private static func arabic(_ n: UInt) -> Category {
        switch n {
        case 0: .zero
        case 1: .one
        case 2: .two
        default: (3...10).contains(n % 100) ? .few : (11...99).contains(n % 100) ? .many : .other
        }
    }
}
