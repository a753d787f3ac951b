import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct ResponseParserTests {
    private func parse(_ text: String, method: HTTPMethod = .get) -> [String] {
        let bytes = Array(text.utf8)
        var results: Set<[String]> = []
        for cut in bytes.indices {
            var parser = ResponseParser()
            var found: [String] = []
            do {
                for piece in [bytes[..<cut], bytes[cut...]] {
                    parser.append(piece)
                    while let (response, keepAlive) = try parser.next(answering: method, limits: HTTPLimits())
                    {
                        let body = String(decoding: response.body, as: UTF8.self)
                        found.append("\(response.status) [\(body)] \(keepAlive ? "keep" : "close")")
                    }
                }
                if let last = parser.finish() {
                    found.append("end [\(String(decoding: last.body, as: UTF8.self))]")
                }
            } catch {
                found.append("bad")
            }
            results.insert(found)
        }
        #expect(results.count == 1, "the result depends on where the text is cut: \(results)")
        return results.first ?? []
    }

    @Test func `Each kind of framing ends where it should`() {
        #expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == ["200 [ok] keep"])
        #expect(
            parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok") == ["200 [ok] close"]
        )
        #expect(
            parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n") == [
                "200 [ok] keep"
            ]
        )
        #expect(parse("HTTP/1.1 204 None\r\n\r\n") == ["204 [] keep"])
        #expect(
            parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n") == [
                "201 [] keep"
            ]
        )
        #expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", method: .head) == ["200 [] keep"])
        #expect(parse("HTTP/1.0 200 OK\r\n\r\nall of it") == ["end [all of it]"])
    }

    @Test func `What is not HTTP is refused`() {
        #expect(parse("SSH-2.0-OpenSSH_9.2 hello\r\n\r\n") == ["bad"])
        for status in ["abc", "099", "+99", "-20", "20", "2000", "\u{661}00"] {
            #expect(parse("HTTP/1.1 \(status)\r\n\r\n") == ["bad"], "\(status)")
        }
    }
}
