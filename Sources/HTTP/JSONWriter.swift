/// Writes small JSON documents straight into bytes; it keeps track of the commas.
///
/// ```swift
/// let body = JSONWriter.object { json in
///     json.field("state", "admitting")
///     json.array("tiers") { for tier in tiers { $0.value(tier.name) } }
/// }
/// ```
public struct JSONWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Makes a writer that has written nothing.
    public init() {}

    /// A document that is one object.
    public static func object(_ body: (inout Self) throws -> Void) rethrows -> [UInt8] {
        var writer = Self()
        writer.bytes.reserveCapacity(256)
        try writer.object(body)
        return writer.bytes
    }

    // MARK: Containers

    /// Writes an object as the next element.
    public mutating func object(_ body: (inout Self) throws -> Void) rethrows {
        open(0x7B)
        try body(&self)
        close(0x7D)
    }

    /// Writes an array as the next element.
    public mutating func array(_ body: (inout Self) throws -> Void) rethrows {
        open(0x5B)
        try body(&self)
        close(0x5D)
    }

    /// Writes a member that is an object.
    public mutating func object(_ name: String, _ body: (inout Self) throws -> Void) rethrows {
        key(name)
        try object(body)
    }

    /// Writes a member that is an array.
    public mutating func array(_ name: String, _ body: (inout Self) throws -> Void) rethrows {
        key(name)
        try array(body)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    // MARK: Members

    /// Writes a member that is text.
    public mutating func field(_ name: String, _ value: String) {
        key(name)
        self.value(value)
    }

    /// Writes a member that is a whole number.
    public mutating func field(_ name: String, _ value: some BinaryInteger) {
        key(name)
        self.value(value)
    }

    /// Writes a member that is a number.
    public mutating func field(_ name: String, _ value: Double) {
        key(name)
        self.value(value)
    }

    /// Writes a member that is true or false.
    public mutating func field(_ name: String, _ value: Bool) {
        key(name)
        self.value(value)
    }

    /// Writes a member of any kind.
    public mutating func field(_ name: String, _ value: JSONValue) {
        key(name)
        self.value(value)
    }

    /// Writes a member that is text, or null.
    public mutating func field(_ name: String, _ value: String?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// Writes a member that is a whole number, or null.
    public mutating func field(_ name: String, _ value: (some BinaryInteger)?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// Writes a member that is already JSON.
    public mutating func field(_ name: String, raw: some Sequence<UInt8>) {
        key(name)
        separate()
        bytes.append(contentsOf: raw)
        needsComma = true
    }

    /// Writes a member's name; its value must follow.
    public mutating func key(_ name: String) {
        separate()
        write(quoted: name)
        bytes.append(ASCII.colon)
        needsComma = false
    }

    // MARK: Elements

    /// Writes text.
    public mutating func value(_ value: String) {
        separate()
        write(quoted: value)
        needsComma = true
    }

    /// Writes a whole number.
    public mutating func value(_ value: some BinaryInteger) {
        write(word: String(value))
    }

    /// Writes a number; one that JSON can't hold becomes null.
    public mutating func value(_ value: Double) {
        write(word: value.isFinite ? "\(value)" : "null")
    }

    /// Writes true or false.
    public mutating func value(_ value: Bool) {
        write(word: value ? "true" : "false")
    }

    /// Writes null.
    public mutating func null() {
        write(word: "null")
    }

    /// Writes a value of any kind.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let bool): self.value(bool)
        case .int(let int): self.value(int)
        case .double(let double): self.value(double)
        case .string(let string): self.value(string)
        case .array(let elements): array { for element in elements { $0.value(element) } }
        case .object(let members): object { for member in members { $0.field(member.name, member.value) } }
        }
    }

    private mutating func write(word: String) {
        separate()
        bytes.append(contentsOf: word.utf8)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(ASCII.comma) }
    }

    private mutating func write(quoted text: String) {
        bytes.append(ASCII.quote)
        defer { bytes.append(ASCII.quote) }
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != ASCII.quote && $0 != ASCII.backslash }) {
            return bytes.append(contentsOf: text.utf8)
        }
        for byte in text.utf8 {
            switch byte {
            case ASCII.quote, ASCII.backslash:
                bytes.append(ASCII.backslash)
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.hexDigit(byte >> 4))
                bytes.append(Self.hexDigit(byte & 15))
            default: bytes.append(byte)
            }
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? ASCII.zero + value : 0x61 + value - 10
    }
}
