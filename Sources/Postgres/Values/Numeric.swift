/// A decimal number of any size, kept as text: exact, and not for arithmetic.
public struct Numeric: Sendable, Hashable, CustomStringConvertible, PostgresEncodable, PostgresDecodable {
    /// The number as the server writes it, such as `-12.50`, `NaN` or `Infinity`.
    public let description: String
    private let wire: [UInt8]

    private static let positive: UInt16 = 0x0000
    private static let negative: UInt16 = 0x4000
    private static let special: [(text: String, sign: UInt16)] = [
        ("NaN", 0xC000), ("Infinity", 0xD000), ("-Infinity", 0xF000),
    ]

    /// Makes a number from its text: digits with an optional sign and point, `NaN`, `Infinity` or `-Infinity`.
    ///
    /// - Returns: nil when the text is no number.
    public init?(_ text: String) {
        if let special = Self.special.first(where: { $0.text == text }) {
            description = text
            wire = Self.header(digits: 0, weight: 0, sign: special.sign, scale: 0)
            return
        }
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = parts[0].utf8.map { $0 &- 48 }
        let fraction = parts.count > 1 ? parts[1].utf8.map { $0 &- 48 } : []
        guard !whole.isEmpty || !fraction.isEmpty, (whole + fraction).allSatisfy({ $0 < 10 }),
            whole.count <= 131_072, fraction.count <= 16_383
        else { return nil }

        // Groups of four decimal digits, counted from the point outwards.
        let padding = (4 - whole.count % 4) % 4
        let digits = Array(repeating: 0, count: padding) + whole + fraction
        var groups: [Int16] = []
        for start in stride(from: 0, to: digits.count, by: 4) {
            var group: Int16 = 0
            for index in start..<start + 4 {
                group = group * 10 + Int16(index < digits.count ? digits[index] : 0)
            }
            groups.append(group)
        }
        var weight = (whole.count + padding) / 4 - 1
        let leading = groups.prefix { $0 == 0 }.count
        groups.removeFirst(leading)
        weight -= leading
        while groups.last == 0 { groups.removeLast() }
        let isZero = groups.isEmpty
        var bytes = Self.header(
            digits: groups.count,
            weight: isZero ? 0 : weight,
            sign: isNegative && !isZero ? Self.negative : Self.positive,
            scale: fraction.count
        )
        for group in groups { bytes.appendBigEndian(group) }
        wire = bytes
        description = unsafe wire.withUnsafeBufferPointer { unsafe Self.text($0.span) } ?? text
    }

    /// Makes a whole number.
    public init(_ value: some BinaryInteger) {
        self =
            Self(String(value))
            ?? Self(description: "0", wire: Self.header(digits: 0, weight: 0, sign: 0, scale: 0))
    }

    private init(description: String, wire: [UInt8]) {
        self.description = description
        self.wire = wire
    }

    /// `numeric`.
    public static var postgresType: PostgresType { .numeric }

    /// Appends the number as groups of four digits.
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: wire)
    }

    /// Reads a `numeric` or an integer.
    ///
    /// - Throws: ``DecodingFailure`` when the column is of another type.
    public static func decode(_ bytes: Span<UInt8>, as type: PostgresType) throws(DecodingFailure) -> Self {
        guard type == .numeric else {
            guard let integer = try? Int64.decode(bytes, as: type) else { throw .mismatch(type, Self.self) }
            return Self(integer)
        }
        guard let text = text(bytes) else { throw .malformed(type) }
        return Self(description: text, wire: bytes.copied)
    }

    /// Equal when written alike: `1.0` and `1.00` are not.
    public static func == (left: Self, right: Self) -> Bool {
        left.description == right.description
    }

    /// Hashes the text.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(description)
    }

    private static func header(digits: Int, weight: Int, sign: UInt16, scale: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(Int16(digits))
        bytes.appendBigEndian(Int16(weight))
        bytes.appendBigEndian(sign)
        bytes.appendBigEndian(Int16(scale))
        return bytes
    }

    private static func text(_ bytes: Span<UInt8>) -> String? {
        guard bytes.count >= 8 else { return nil }
        let count = Int(bytes.bigEndian(Int16.self, at: 0))
        let weight = Int(bytes.bigEndian(Int16.self, at: 2))
        let sign = bytes.bigEndian(UInt16.self, at: 4)
        let scale = Int(bytes.bigEndian(Int16.self, at: 6))
        if let special = special.first(where: { $0.sign == sign }) { return special.text }
        guard count >= 0, scale >= 0, bytes.count == 8 + 2 * count else { return nil }

        func group(_ position: Int) -> String {
            let index = weight - position
            guard index >= 0, index < count else { return "0000" }
            let digits = String(bytes.bigEndian(Int16.self, at: 8 + 2 * index))
            return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
        var whole = ""
        if weight >= 0 {
            for position in stride(from: weight, through: 0, by: -1) { whole += group(position) }
        }
        whole = String(whole.drop { $0 == "0" })
        var text = (sign == negative ? "-" : "") + (whole.isEmpty ? "0" : whole)
        if scale > 0 {
            var fraction = ""
            var position = -1
            while fraction.utf8.count < scale {
                fraction += group(position)
                position -= 1
            }
            text += "." + fraction.prefix(scale)
        }
        return text
    }
}
