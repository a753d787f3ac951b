/// A code that makes its first user a member of a group: 100 random bits, as `7k2qx-0m4ht-9rc3w-vx8pa`.
///
/// Nobody guesses one: of a million codes, a billion tries find one with a chance of one in a quadrillion.
package enum PresaleCode {
    private static let digits = Array("0123456789abcdefghjkmnpqrstvwxyz")
    private static let length = 20

    /// A fresh code.
    package static func random() -> String {
        let digits = SecureBytes.random(length).map { Self.digits[Int($0 & 31)] }
        return stride(from: 0, to: length, by: 5).map { String(digits[$0..<$0 + 5]) }.joined(separator: "-")
    }

    /// What is kept of a code, however it was typed; nil when it has not the form of one.
    package static func fingerprint(of text: String, under salt: [UInt8]) -> [UInt8]? {
        let typed = text.lowercased().filter { $0 != "-" && $0 != " " }.map { character -> Character in
            switch character {
            case "o": "0"
            case "i", "l": "1"
            default: character
            }
        }
        guard typed.count == length, typed.allSatisfy(digits.contains) else { return nil }
        let message = Array("usher.code.v1".utf8) + Array(String(typed).utf8)
        return Array(MessageCode.sha256(key: salt, message).prefix(16))
    }
}
