internal import Foundation

/// Text as it is compared when somebody searches: words of small letters and digits, without accents.
///
/// Done here and not by the database, so that a word is the same one whatever the database's locale is, and so that
/// nothing but letters and digits ever gets into a query.
package enum SearchWords {
    /// The most characters of a word that are looked at.
    package static let longest = 64

    /// The words of a text, in their order.
    package static func of(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for scalar in text.decomposedStringWithCompatibilityMapping.lowercased().unicodeScalars {
            if let plain = plain[scalar] {
                word += plain
            } else if isPart(scalar) {
                word.unicodeScalars.append(scalar)
            } else if !isLeftOut(scalar), !word.isEmpty {
                words.append(String(word.prefix(longest)))
                word = ""
            }
        }
        if !word.isEmpty { words.append(String(word.prefix(longest))) }
        return words
    }

    /// The words with blanks between them: two texts with the same key are the same to whoever searches.
    package static func key(_ text: String) -> String { of(text).joined(separator: " ") }

    /// Letters that have no accent to take away, and are written otherwise where they are not on the keyboard.
    private static let plain: [Unicode.Scalar: String] = [
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i",
    ]

    private static func isPart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber,
            .letterNumber, .otherNumber, .spacingMark:
            true
        default: false
        }
    }

    /// What is neither of a word nor between two: accents, and the apostrophe of "don't".
    private static func isLeftOut(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: true
        default: scalar == "'" || scalar == "\u{2019}"
        }
    }
}
