/// What buyers and promoters see of a database key: a short prefix and the key in lower-case Crockford base 32.
///
/// The form is opaque to clients and says nothing secret: whoever names an id still needs the token that goes
/// with it. Exactly one string names each key, so a string can be compared without decoding it.
package enum PublicID {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// The value of each ASCII character, or 255.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// `prefix_` and the positive number, without leading zeros.
    package static func encode(_ prefix: String, _ number: Int64) -> String {
        var digits: [UInt8] = []
        var rest = UInt64(bitPattern: number)
        repeat {
            digits.append(alphabet[Int(rest & 31)])
            rest >>= 5
        } while rest != 0
        return prefix + "_" + String(decoding: digits.reversed(), as: UTF8.self)
    }

    /// The number that `text` names, or nil when it isn't the one string that `encode` makes.
    package static func decode(_ prefix: String, _ text: String) -> Int64? {
        guard let digits = body(of: text, prefix), (1...13).contains(digits.count) else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            let value = values[Int(digit)]
            guard value != 255, number >> 59 == 0 else { return nil }
            number = number << 5 | UInt64(value)
        }
        guard number <= UInt64(Int64.max), digits.count == 1 || digits.first != alphabet[0] else {
            return nil
        }
        return Int64(number)
    }

    /// `prefix_` and 128 bits, always 26 characters.
    package static func encode(_ prefix: String, high: UInt64, low: UInt64) -> String {
        var digits = [UInt8](repeating: alphabet[0], count: 26)
        var (high, low) = (high, low)
        for index in stride(from: 25, through: 0, by: -1) {
            digits[index] = alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        return prefix + "_" + String(decoding: digits, as: UTF8.self)
    }

    /// The 128 bits that `text` names, or nil.
    package static func decodeWide(_ prefix: String, _ text: String) -> (high: UInt64, low: UInt64)? {
        guard let digits = body(of: text, prefix), digits.count == 26 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for digit in digits {
            let value = values[Int(digit)]
            guard value != 255, high >> 59 == 0 else { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | UInt64(value)
        }
        return (high, low)
    }

    private static func body(of text: String, _ prefix: String) -> Substring.UTF8View? {
        guard text.utf8.count > prefix.utf8.count + 1, text.hasPrefix(prefix + "_") else { return nil }
        return text.utf8.dropFirst(prefix.utf8.count + 1)
    }
}

/// A database key that has a public form.
package protocol PublicKey: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible
where RawValue == Int64 {
    /// What the public form starts with, such as `os`.
    static var prefix: String { get }
    init(rawValue: Int64)
}

extension PublicKey {
    /// The key that a client named, or nil when the text names none.
    package init?(publicID: String) {
        guard let number = PublicID.decode(Self.prefix, publicID) else { return nil }
        self.init(rawValue: number)
    }

    /// The form that clients see.
    package var publicID: String { PublicID.encode(Self.prefix, rawValue) }

    package var description: String { publicID }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Names one on-sale.
package struct OnSaleID: PublicKey {
    package static let prefix = "os"
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// Names one admission session.
package struct AdmissionID: PublicKey {
    package static let prefix = "ad"
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// Names one reservation.
package struct ReservationID: PublicKey {
    package static let prefix = "rs"
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}
