/// A message's first line and fields, taken apart.
struct MessageHead {
    var firstLine: ArraySlice<UInt8>
    var headers: HTTPHeaders

    /// Reads the bytes of a whole head, empty line included, that a ``HeadScanner`` has passed.
    init(_ bytes: ArraySlice<UInt8>) throws(MessageFault) {
        var rest = bytes
        if rest.first == ASCII.carriageReturn { rest = rest.dropFirst(2) }
        firstLine = Self.nextLine(&rest)
        headers = HTTPHeaders()
        while true {
            let line = Self.nextLine(&rest)
            if line.isEmpty { return }
            try Self.read(line, into: &headers)
        }
    }

    private static func nextLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(of: ASCII.carriageReturn) else { return [] }
        defer { rest = rest[(end + 2)...] }
        return rest[..<end]
    }

    private static func read(_ line: ArraySlice<UInt8>, into headers: inout HTTPHeaders) throws(MessageFault)
    {
        if line.first == ASCII.space || line.first == ASCII.tab { throw .malformed("a folded header line") }
        guard let colon = line.firstIndex(of: ASCII.colon) else {
            throw .malformed("a header line without a colon")
        }
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(ASCII.isToken) else { throw .malformed("a bad header name") }
        var value = line[(colon + 1)...]
        while let first = value.first, first == ASCII.space || first == ASCII.tab { value.removeFirst() }
        while let last = value.last, last == ASCII.space || last == ASCII.tab { value.removeLast() }
        headers.add(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }
}

/// How the end of a body is told.
///
/// Source: RFC 9112 §6.3.
enum BodyFraming: Hashable {
    case none
    case length(Int)
    case chunked

    /// Reads the framing strictly: whatever two programs could read in two ways is refused.
    ///
    /// - Returns: nil where the header says nothing.
    static func of(_ headers: HTTPHeaders) throws(MessageFault) -> Self? {
        let lengths = headers.all("Content-Length")
        let codings = headers.all("Transfer-Encoding")
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .malformed("both Content-Length and Transfer-Encoding") }
            guard codings.count == 1, ASCII.equalIgnoringCase(codings[0], "chunked") else {
                throw .malformed("the only transfer coding known here is chunked")
            }
            return .chunked
        }
        guard let text = lengths.first else { return nil }
        guard lengths.count == 1 else { throw .malformed("more than one Content-Length") }
        guard !text.isEmpty, text.utf8.count <= 18, text.utf8.allSatisfy(ASCII.isDigit),
            let length = Int(text)
        else {
            throw .malformed("Content-Length is not a number")
        }
        return length == 0 ? Self.none : .length(length)
    }
}
