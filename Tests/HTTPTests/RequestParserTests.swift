import Testing

@testable import HTTP

/// Feeds the parser and collects what comes out, as one line per event.
private func parse(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> [String] {
    var parser = RequestParser()
    var events: [String] = []
    for piece in pieces {
        parser.append(piece[...])
        do {
            while let event = try parser.next(limits: limits) {
                switch event {
                case .expectsContinue: events.append("continue")
                case .request(let request, let keepAlive):
                    let body = String(decoding: request.body, as: UTF8.self)
                    events.append(
                        "\(request.method) \(request.target) [\(body)] \(keepAlive ? "keep" : "close")"
                    )
                }
            }
        } catch {
            events.append("\(error.problem.status)")
            return events
        }
    }
    if !parser.isIdle { events.append("…") }
    return events
}

/// The text whole, cut in two at every place, and byte by byte.
private func everySplit(_ text: String) -> [[[UInt8]]] {
    let bytes = Array(text.utf8)
    return [[bytes], bytes.map { [$0] }] + bytes.indices.map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
}

@Suite(.timeLimit(.minutes(5)))
struct RequestParserTests {
    @Test func `Every case of the table is taken for what it is, wherever it is cut`() {
        #expect(RequestCase.all.count >= 300)
        let names = Dictionary(grouping: RequestCase.all, by: \.name)
        #expect(names.filter { $0.value.count > 1 }.map(\.key) == [])
        for example in RequestCase.all {
            let bytes = example.bytes
            #expect(parse([bytes]) == example.outcome, "\(example.name)")
            #expect(parse(bytes.map { [$0] }) == example.outcome, "\(example.name), byte by byte")
            for cut in bytes.indices.dropFirst() {
                let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
                if parse(pieces) != example.outcome {
                    Issue.record("\(example.name), cut at \(cut): \(parse(pieces))")
                    break
                }
            }
        }
    }

    private static let wellFormed: [(String, [String])] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ["GET / [] keep"]),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ["GET / [] keep"]),
        ("GET /a?b=c%20d HTTP/1.1\r\nhOsT:a\r\nX:\r\n\r\n", ["GET /a?b=c%20d [] keep"]),
        ("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", ["GET http://a/b [] keep"]),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ["OPTIONS * [] keep"]),
        ("GET / HTTP/1.0\r\n\r\n", ["GET / [] close"]),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", ["GET / [] close"]),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", ["POST / [abc] keep"]),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ["POST / [] keep"]),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            ["POST / [abc0123456789] keep"]
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            ["POST / [a] keep", "GET /b [] keep"]
        ),
        (
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3",
            ["GET /1 [] keep", "GET /2 [] keep", "…"]
        ),
    ]

    @Test(arguments: wellFormed)
    func `A well-formed text gives the same requests wherever it is cut`(text: String, expected: [String]) {
        for pieces in everySplit(text) { #expect(parse(pieces) == expected, "cut as \(pieces.map(\.count))") }
    }

    private static let hostile: [(String, Int)] = [
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET /\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\na", 417),
    ]

    @Test(arguments: hostile)
    func `A hostile text is refused wherever it is cut`(text: String, status: Int) {
        for pieces in everySplit(text) {
            #expect(parse(pieces).last == "\(status)", "cut as \(pieces.map(\.count))")
        }
    }

    @Test func `What is too large is refused, and what just fits is not`() {
        let limits = HTTPLimits(targetBytes: 50, headerBytes: 200, headerFields: 5, bodyBytes: 10)
        func check(_ text: String, _ expected: String) {
            for pieces in everySplit(text) { #expect(parse(pieces, limits: limits).last == expected) }
        }
        func target(_ count: Int) -> String { "/" + String(repeating: "a", count: count - 1) }
        check("GET \(target(50)) HTTP/1.1\r\nHost: a\r\n\r\n", "GET \(target(50)) [] keep")
        check("GET \(target(51)) HTTP/1.1\r\nHost: a\r\n\r\n", "414")
        check("GET \(target(500))", "414")
        check("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "b", count: 200))", "431")
        check("GET / HTTP/1.1\r\nHost: a\r\nA:1\r\nB:1\r\nC:1\r\nD:1\r\n\r\n", "GET / [] keep")
        check("GET / HTTP/1.1\r\nHost: a\r\nA:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\n\r\n", "431")
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
            "POST / [0123456789] keep"
        )
        check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "413")
        check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n", "413")
    }

    @Test func `100 Continue is asked for once, and not when the body is already there`() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        #expect(parse([Array(head.utf8), [0x61], [0x62]]) == ["continue", "POST / [ab] keep"])
        #expect(parse([Array((head + "ab").utf8)]) == ["POST / [ab] keep"])
    }

    @Test func `Random bytes never break the parser`() {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: .min ... .max, using: &generator)
        print("seed \(seed)")
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let text = Array(
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8
        )
        for _ in 0..<20_000 {
            var bytes = text
            for _ in 0...random(3) {
                switch random(3) {
                case 0: bytes[random(bytes.count)] = UInt8(random(256))
                case 1: bytes.remove(at: random(bytes.count))
                default: bytes.insert(UInt8(random(256)), at: random(bytes.count))
                }
            }
            let whole = parse([bytes])
            #expect(parse(bytes.map { [$0] }) == whole)
        }
    }
}
