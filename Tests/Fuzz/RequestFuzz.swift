@testable import HTTP

/// Requests, as the gateway reads them.
enum RequestFuzz: FuzzTarget {
    static let name = "request"
    static let seeds = RequestCase.all.map(\.bytes)

    /// So small that short inputs reach them.
    private static let limits = HTTPLimits(
        targetBytes: 128,
        headerBytes: 1_024,
        headerFields: 16,
        bodyBytes: 256
    )
    /// A head, or a line of the chunked framing, may lie there half, and nothing else.
    private static let buffered = 4_096 + 2

    private struct Outcome: Equatable {
        var requests: [Request] = []
        var fault: MessageFault?
        var isIdle = false
    }

    private struct Request: Equatable {
        var method: HTTPMethod
        var target: String
        var headers: [HTTPHeaders.Field]
        var body: [UInt8]
        var keepAlive: Bool?

        init(_ request: HTTPRequest, keepAlive: Bool?) {
            method = request.method
            target = request.target
            headers = request.headers.fields
            body = request.body
            self.keepAlive = keepAlive
        }
    }

    static func check(_ bytes: [UInt8]) {
        let outcome = Cuts(bytes).agreed { read($0, limits) }
        for request in outcome.requests {
            precondition(request.body.count <= limits.bodyBytes, "a body beyond the limit")
            precondition(request.target.utf8.count <= limits.targetBytes, "a target beyond the limit")
            precondition(request.headers.count <= limits.headerFields, "more fields than the limit")
            checkAgain(request)
        }
    }

    private static func read(_ pieces: [ArraySlice<UInt8>], _ limits: HTTPLimits) -> Outcome {
        var parser = RequestParser()
        var outcome = Outcome()
        do throws(MessageFault) {
            for piece in pieces {
                parser.append(piece)
                // Whether a client is told to go on depends on what it has sent unasked.
                while let event = try parser.next(limits: limits) {
                    if case .request(let request, let keepAlive) = event {
                        outcome.requests.append(Request(request, keepAlive: keepAlive))
                    }
                }
                precondition(parser.bufferedBytes <= buffered, "kept \(parser.bufferedBytes) bytes")
            }
            outcome.isIdle = parser.isIdle
        } catch {
            outcome.fault = error
        }
        return outcome
    }

    /// What was understood is understood in the same way when we say it.
    private static func checkAgain(_ request: Request) {
        var said = HTTPRequest(request.method, request.target, body: request.body)
        for field in request.headers where !isFraming(field.name) {
            said.headers.add(field.name, field.value)
        }
        let bytes = RequestEncoder.encode(said, host: "a")
        var wide = limits
        // The length and the host are ours; what is no UTF-8 has become longer.
        (wide.headerBytes, wide.headerFields) = (8_192, 32)
        let outcome = read([bytes[...]], wide)
        precondition(outcome.fault == nil && outcome.isIdle, "\(outcome) of \(said)")
        precondition(outcome.requests.count == 1, "\(outcome.requests.count) requests of one")
        var expected = Request(said, keepAlive: nil)
        var heard = outcome.requests[0]
        heard.keepAlive = nil
        heard.headers.removeAll { isFraming($0.name) }
        if said.headers["Host"] == nil { expected.headers.insert(.init(name: "Host", value: "a"), at: 0) }
        precondition(heard == expected, "\(heard) is not \(expected)")
    }

    private static func isFraming(_ name: String) -> Bool {
        ["content-length", "transfer-encoding", "expect"].contains { ASCII.equalIgnoringCase($0, name) }
    }
}
