/// Why a text is not JSON, and where.
public struct JSONSyntaxError: Error, Sendable, CustomStringConvertible {
    /// What was wrong.
    public let reason: String
    /// How many bytes came before it.
    public let offset: Int

    /// The reason and the place.
    public var description: String { "\(reason) at byte \(offset)" }
}

extension JSONValue {
    /// Reads a document strictly: one value, UTF-8, no name twice in an object, at most 32 levels deep.
    ///
    /// - Throws: ``JSONSyntaxError``.
    public init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }
}

/// Reads JSON by recursive descent.
///
/// Source: RFC 8259.
struct JSONParser {
    private static let maxDepth = 32

    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fault("something follows the document") }
        return value
    }

    private func fault(_ reason: String) -> JSONSyntaxError {
        JSONSyntaxError(reason: reason, offset: position)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            position += 1
        }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        guard depth <= Self.maxDepth else { throw fault("too many levels") }
        skipSpace()
        switch current {
        case 0x7B: return try object(depth: depth)
        case 0x5B: return try array(depth: depth)
        case ASCII.quote: return .string(try string())
        case 0x74: return try word("true", .bool(true))
        case 0x66: return try word("false", .bool(false))
        case 0x6E: return try word("null", .null)
        case .some(let byte) where byte == ASCII.minus || ASCII.isDigit(byte): return try number()
        case .some: throw fault("unexpected character")
        case nil: throw fault("the text ends too early")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue
    {
        for expected in "\(word)".utf8 {
            guard current == expected else { throw fault("unexpected character") }
            position += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        position += 1
        skipSpace()
        if current == 0x7D {
            position += 1
            return .object([])
        }
        while true {
            skipSpace()
            guard current == ASCII.quote else { throw fault("a name was expected") }
            let name = try string()
            guard names.insert(name).inserted else { throw fault("the name \"\(name)\" comes twice") }
            skipSpace()
            guard current == ASCII.colon else { throw fault("':' was expected") }
            position += 1
            members.append(JSONValue.Member(name, try value(depth: depth + 1)))
            skipSpace()
            let byte = current
            guard byte == ASCII.comma || byte == 0x7D else { throw fault("',' or '}' was expected") }
            position += 1
            if byte == 0x7D { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        var elements: [JSONValue] = []
        position += 1
        skipSpace()
        if current == 0x5D {
            position += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            let byte = current
            guard byte == ASCII.comma || byte == 0x5D else { throw fault("',' or ']' was expected") }
            position += 1
            if byte == 0x5D { return .array(elements) }
        }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = position
        var isWhole = true
        if current == ASCII.minus { position += 1 }
        let firstDigit = position
        guard skipDigits() > 0 else { throw fault("a digit was expected") }
        if bytes[firstDigit] == ASCII.zero, position > firstDigit + 1 {
            throw fault("a number begins with 0")
        }
        if current == 0x2E {
            isWhole = false
            position += 1
            guard skipDigits() > 0 else { throw fault("a digit was expected") }
        }
        if current == 0x65 || current == 0x45 {
            isWhole = false
            position += 1
            if current == ASCII.plus || current == ASCII.minus { position += 1 }
            guard skipDigits() > 0 else { throw fault("a digit was expected") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let int = Int64(text) { return .int(int) }
        guard let double = Double(text), double.isFinite else { throw fault("the number is too large") }
        return .double(double)
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = current, ASCII.isDigit(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        position += 1
        let start = position
        // Nearly every string has no escape, and is then one slice.
        while let byte = current, byte != ASCII.quote, byte != ASCII.backslash, byte >= 0x20 { position += 1 }
        if current == ASCII.quote {
            defer { position += 1 }
            return try text(Array(bytes[start..<position]))
        }
        var decoded = Array(bytes[start..<position])
        while true {
            switch current {
            case nil: throw fault("the text ends too early")
            case ASCII.quote:
                position += 1
                return try text(decoded)
            case ASCII.backslash:
                position += 1
                try escape(into: &decoded)
            case .some(let byte):
                guard byte >= 0x20 else { throw fault("a control character in a string") }
                decoded.append(byte)
                position += 1
            }
        }
    }

    private func text(_ bytes: [UInt8]) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw fault("a string is not UTF-8")
        }
        return text
    }

    private mutating func escape(into decoded: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = current else { throw fault("the text ends too early") }
        position += 1
        switch byte {
        case ASCII.quote, ASCII.backslash, ASCII.slash: decoded.append(byte)
        case 0x62: decoded.append(0x08)
        case 0x66: decoded.append(0x0C)
        case 0x6E: decoded.append(ASCII.lineFeed)
        case 0x72: decoded.append(ASCII.carriageReturn)
        case 0x74: decoded.append(ASCII.tab)
        case 0x75:
            var code = UInt32(try fourHexDigits())
            if code & 0xFC00 == 0xD800, current == ASCII.backslash {
                position += 1
                guard current == 0x75 else { throw fault("half of a surrogate pair") }
                position += 1
                let low = UInt32(try fourHexDigits())
                guard low & 0xFC00 == 0xDC00 else { throw fault("half of a surrogate pair") }
                code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair") }
            decoded.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
        default: throw fault("an unknown escape")
        }
    }

    private mutating func fourHexDigits() throws(JSONSyntaxError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = current.flatMap(ASCII.hexValue) else {
                throw fault("four hexadecimal digits were expected")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
