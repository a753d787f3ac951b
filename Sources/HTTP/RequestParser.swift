/// Turns the bytes of one connection into requests.
///
/// Pure: bytes in, events out.
///
/// Between requests it owns no memory of its own. After an error the connection can't be read any further.
struct RequestParser: Sendable {
    enum Event: Sendable {
        /// The client waits for `100 Continue` before it sends the body.
        case expectsContinue
        /// A request is complete.
        case request(HTTPRequest, keepAlive: Bool)
    }

    private struct Pending: Sendable {
        var request: HTTPRequest
        var keepAlive: Bool
        var announcesContinue: Bool
    }

    private var buffer = ByteBuffer()
    private var scanner = HeadScanner()
    private var pending: Pending?
    private var body = BodyDecoder()

    /// Bytes received and not yet understood.
    var bufferedBytes: Int { buffer.count }
    /// Bytes that wait for the rest of their request.
    var heldBytes: Int { buffer.count + (pending?.request.body.count ?? 0) }
    /// Whether the header of the current request is complete and its body is not.
    var isReadingBody: Bool { pending != nil }
    /// Whether nothing of a request has come.
    var isIdle: Bool { buffer.isEmpty && pending == nil }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        buffer.append(bytes)
    }

    /// What has come behind the last request, for whoever reads it in another way from now on.
    mutating func takeRest() -> [UInt8] {
        let rest = Array(buffer.bytes[buffer.start...])
        buffer = ByteBuffer()
        return rest
    }

    /// The next event in what has been received; nil when more bytes are needed.
    mutating func next(limits: HTTPLimits) throws(MessageFault) -> Event? {
        if pending == nil {
            guard let length = try scanner.scan(buffer, limits: limits) else { return nil }
            try readHead(length, limits: limits)
        }
        guard var current = pending else { return nil }
        pending = nil
        let isComplete = try body.decode(&buffer, into: &current.request.body, limit: limits.bodyBytes)
        if isComplete { return .request(current.request, keepAlive: current.keepAlive) }
        let announces = current.announcesContinue && current.request.body.isEmpty && buffer.isEmpty
        current.announcesContinue = false
        pending = current
        return announces ? .expectsContinue : nil
    }

    private mutating func readHead(_ length: Int, limits: HTTPLimits) throws(MessageFault) {
        let head = try MessageHead(buffer.bytes[buffer.start..<(buffer.start + length)])
        buffer.consume(length)
        scanner = HeadScanner()

        let line = try Self.requestLine(head.firstLine, limits: limits)
        let (method, isOld) = (line.method, line.isOld)
        let target = String(decoding: line.target, as: UTF8.self)
        var split = PercentCoding.split(target: target)
        if split == nil, target == "*", method == .options { split = (target, []) }
        guard let split else { throw .malformed("a bad target") }
        let hosts = head.headers.all("Host")
        guard hosts.count == 1 || (isOld && hosts.isEmpty) else {
            throw .malformed("there must be one Host field")
        }
        guard hosts.allSatisfy(HostName.isValid) else { throw .malformed("a bad Host") }
        let framing = try BodyFraming.of(head.headers) ?? .none
        if isOld && framing == .chunked { throw .malformed("HTTP/1.0 has no transfer codings") }
        if case .length(let bytes) = framing, bytes > limits.bodyBytes { throw .bodyTooLarge }

        var announces = false
        if let expectation = head.headers["Expect"] {
            guard ASCII.equalIgnoringCase(expectation, "100-continue") else { throw .unknownExpectation }
            announces = !isOld && framing != .none
        }
        body = BodyDecoder(framing)
        pending = Pending(
            request: HTTPRequest(method, target, split: split, headers: head.headers),
            keepAlive: !isOld && !head.headers.lists("close", in: "Connection"),
            announcesContinue: announces
        )
    }

    /// Takes the first line apart.
    private static func requestLine(
        _ line: ArraySlice<UInt8>,
        limits: HTTPLimits
    ) throws(MessageFault) -> (method: HTTPMethod, target: ArraySlice<UInt8>, isOld: Bool) {
        guard let first = line.firstIndex(of: ASCII.space), first > line.startIndex,
            let second = line[(first + 1)...].firstIndex(of: ASCII.space), second > first + 1,
            line[(second + 1)...].firstIndex(of: ASCII.space) == nil
        else { throw .malformed("a bad request line") }
        let (word, target, version) = (line[..<first], line[(first + 1)..<second], line[(second + 1)...])
        guard word.count <= 32, word.allSatisfy(ASCII.isToken) else { throw .malformed("a bad method") }
        guard target.count <= limits.targetBytes else { throw .targetTooLong }
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .malformed("a bad target") }
        guard version.count == 8, version.dropLast().elementsEqual(Self.version),
            let minor = version.last, minor == ASCII.zero || minor == ASCII.zero + 1
        else { throw .malformed("the protocol is neither HTTP/1.1 nor HTTP/1.0") }
        return (HTTPMethod(rawValue: String(decoding: word, as: UTF8.self)), target, minor == ASCII.zero)
    }

    private static let version = Array("HTTP/1.".utf8)
}
