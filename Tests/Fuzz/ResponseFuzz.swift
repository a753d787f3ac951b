@testable import HTTP

/// Responses, as payment providers and others give them to us.
enum ResponseFuzz: FuzzTarget {
    static let name = "response"
    static let seeds: [[UInt8]] = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.0 500 Internal Server Error\r\nA: b\r\n\r\nuntil the end",
        "HTTP/1.1 204 No Content\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 7\r\n\r\n",
        "\r\nHTTP/1.1 200\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ].map { Array($0.utf8) }

    private static let limits = HTTPLimits(
        targetBytes: 128,
        headerBytes: 1_024,
        headerFields: 16,
        bodyBytes: 256
    )

    private struct Outcome: Equatable {
        var responses: [Response] = []
        var rest: Response?
        var fault: MessageFault?
    }

    private struct Response: Equatable {
        var status: Int
        var headers: [HTTPHeaders.Field]
        var body: [UInt8]

        init(_ response: HTTPResponse) {
            status = response.status
            headers = response.headers.fields
            body = response.body
        }
    }

    static func check(_ bytes: [UInt8]) {
        for method in [HTTPMethod.get, .head] {
            let outcome = Cuts(bytes).agreed { read($0, method, limits) }
            for response in outcome.responses + (outcome.rest.map { [$0] } ?? []) {
                precondition(response.body.count <= limits.bodyBytes, "a body beyond the limit")
                precondition(response.headers.count <= limits.headerFields, "more fields than the limit")
                precondition((200...999).contains(response.status), "a status that is none")
                checkAgain(response)
            }
        }
    }

    private static func read(
        _ pieces: [ArraySlice<UInt8>],
        _ method: HTTPMethod,
        _ limits: HTTPLimits
    ) -> Outcome {
        var parser = ResponseParser()
        var outcome = Outcome()
        do throws(MessageFault) {
            for piece in pieces {
                parser.append(piece)
                // Whether the connection can be used again depends on what has come behind the answer.
                while let (response, _) = try parser.next(answering: method, limits: limits) {
                    outcome.responses.append(Response(response))
                }
            }
            outcome.rest = parser.finish().map { Response($0) }
        } catch {
            outcome.fault = error
        }
        return outcome
    }

    /// What we say is understood as what we have said.
    private static func checkAgain(_ response: Response) {
        var said = HTTPResponse(status: response.status, body: response.body)
        for field in response.headers where !isOurs(field.name) { said.headers.add(field.name, field.value) }
        var bytes: [UInt8] = []
        ResponseEncoder.append(said, to: &bytes, date: "now", withoutBody: false, close: false)
        var wide = limits
        (wide.headerBytes, wide.headerFields) = (8_192, 32)
        let outcome = read([bytes[...]], .get, wide)
        precondition(outcome.fault == nil && outcome.responses.count == 1, "\(outcome) of \(said)")
        var heard = outcome.responses[0]
        heard.headers.removeAll { isOurs($0.name) }
        var expected = Response(said)
        if said.status == 204 || said.status == 304 { expected.body = [] }
        precondition(heard == expected, "\(heard) is not \(expected)")
    }

    private static func isOurs(_ name: String) -> Bool {
        ["content-length", "transfer-encoding", "connection", "date"].contains {
            ASCII.equalIgnoringCase($0, name)
        }
    }
}
