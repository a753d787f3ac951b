@testable import HTTP

/// A table of what may come over a connection and what it is taken for, family by family.
struct RequestCase: Sendable {
    let name: String
    let bytes: [UInt8]
    /// What ``parse`` says: requests, `…` for one that is not complete, or the status of a refusal at the end.
    let outcome: [String]

    private init(_ name: String, _ bytes: [UInt8], _ outcome: [String]) {
        self.name = name
        self.bytes = bytes
        self.outcome = outcome
    }

    static let all: [RequestCase] =
        methods + targets + versions + controls + names + values + hosts + lengths + codings + chunks
        + connections
        + pipelines + lineEnds

    private static func head(_ lines: String..., body: String = "") -> [UInt8] {
        Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }

    private static func fine(_ name: String, _ bytes: [UInt8], _ outcome: String...) -> RequestCase {
        RequestCase(name, bytes, outcome)
    }

    private static func bad(_ name: String, _ bytes: [UInt8], _ status: Int = 400) -> RequestCase {
        RequestCase(name, bytes, ["\(status)"])
    }

    // MARK: The request line

    private static let methods: [RequestCase] = {
        var cases: [RequestCase] = []
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X-1", "a!#$%&'*+.^_`|~",
        ] {
            cases.append(
                fine("method \(method)", head("\(method) / HTTP/1.1", "Host: a"), "\(method) / [] keep")
            )
        }
        for sign in "\"(),/:;<=>?@[\\]{}" {
            cases.append(bad("method with \(sign)", head("GE\(sign)T / HTTP/1.1", "Host: a")))
        }
        for (name, line) in [
            ("nothing", " / HTTP/1.1"), ("two spaces", "GET  / HTTP/1.1"), ("a tab", "GET\t/ HTTP/1.1"),
            ("a space in front", " GET / HTTP/1.1"), ("a space behind", "GET / HTTP/1.1 "),
            ("no target", "GET HTTP/1.1"),
            ("only a method", "GET"), ("four words", "GET / HTTP/1.1 x"),
            ("an umlaut", "G\u{E4}T / HTTP/1.1"),
            ("a long method", String(repeating: "A", count: 33) + " / HTTP/1.1"),
        ] { cases.append(bad("request line: \(name)", head(line, "Host: a"))) }
        return cases
    }()

    private static let targets: [RequestCase] = {
        var cases: [RequestCase] = []
        for target in [
            "/", "/a/b", "/a%20b", "/?", "/?a=b&c", "/a?b?c", "/~!$&'()*+,;=:@", "//a", "/.", "/..",
            "http://a/", "https://a:8/b?c",
        ] {
            cases.append(
                fine("target \(target)", head("GET \(target) HTTP/1.1", "Host: a"), "GET \(target) [] keep")
            )
        }
        cases.append(fine("target * of OPTIONS", head("OPTIONS * HTTP/1.1", "Host: a"), "OPTIONS * [] keep"))
        for target in ["*", "a", "a/b", "?a", "\u{E4}", "/\u{E4}", "/\u{7F}"] {
            cases.append(bad("target \(target)", head("GET \(target) HTTP/1.1", "Host: a")))
        }
        return cases
    }()

    private static let versions: [RequestCase] = {
        var cases = [fine("version 1.0", head("GET / HTTP/1.0", "Host: a"), "GET / [] close")]
        for version in [
            "HTTP/0.9", "HTTP/1", "HTTP/1.", "HTTP/1.2", "HTTP/2", "HTTP/2.0", "HTTP/01.1", "HTTP/1.10",
            "HTTP/11", "http/1.1",
            "HTTP 1.1", "HTTPS/1.1", "HTTP/a.b", "HTTP/-1.1", "ICY/1.1", "1.1",
        ] { cases.append(bad("version \(version)", head("GET / \(version)", "Host: a"))) }
        return cases
    }()

    /// Every control character, in every part of a head; only a tab within a value is let through.
    private static let controls: [RequestCase] = {
        var cases: [RequestCase] = []
        for code in Array(UInt8(0)...0x1F) + [0x7F] where code != 0x0A && code != 0x0D {
            let sign = String(UnicodeScalar(code))
            cases.append(bad("\(code) in a method", head("G\(sign)T / HTTP/1.1", "Host: a")))
            cases.append(bad("\(code) in a target", head("GET /\(sign) HTTP/1.1", "Host: a")))
            cases.append(bad("\(code) in a name", head("GET / HTTP/1.1", "Host: a", "X\(sign)Y: z")))
            let value = head("GET / HTTP/1.1", "Host: a", "X: y\(sign)z")
            cases.append(
                code == 0x09
                    ? fine("a tab in a value", value, "GET / [] keep") : bad("\(code) in a value", value)
            )
        }
        return cases
    }()

    // MARK: Fields

    private static let names: [RequestCase] = {
        var cases: [RequestCase] = []
        for sign in "\"(),/;<=>?@[\\]{} " {
            cases.append(bad("name with \(sign)", head("GET / HTTP/1.1", "Host: a", "X\(sign)Y: z")))
        }
        for (name, line) in [
            ("a space before the colon", "X : y"), ("a tab before the colon", "X\t: y"), ("no name", ": y"),
            ("no colon", "X"), ("a fold by a space", " y"), ("a fold by a tab", "\ty"),
            ("an umlaut", "\u{E4}: y"),
        ] { cases.append(bad("field: \(name)", head("GET / HTTP/1.1", "Host: a", line))) }
        cases.append(bad("a fold of the first field", head("GET / HTTP/1.1", " Host: a")))
        cases.append(bad("a fold of an empty line", head("GET / HTTP/1.1", "Host: a", " ")))
        return cases
    }()

    private static let values: [RequestCase] = [
        "", " ", "\t", "a b", "  a  ", "\ta\t", "a:b", "a, b", "\"q\"", "\u{E4}\u{20AC}",
        String(repeating: "v", count: 200),
    ].map { fine("value <\($0)>", head("GET / HTTP/1.1", "Host: a", "X:\($0)"), "GET / [] keep") }

    private static let hosts: [RequestCase] = {
        var cases: [RequestCase] = []
        for host in [
            "a", "a.b-c", "A.B", "a:80", "a:", "", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080",
            "[::ffff:1.2.3.4]", "a_b",
            "%41",
        ] { cases.append(fine("host <\(host)>", head("GET / HTTP/1.1", "Host: \(host)"), "GET / [] keep")) }
        for host in [
            "a b", "a/b", "a,b:x", "a:b", "a:80:80", "a:123456", "a@b", "a?b", "a#b", "[::1", "::1", "[]",
            "[g]", "[::1]a", "<a>", "a\\b",
            "%4", "%zz", "http://a", "\u{E4}",
        ] { cases.append(bad("host <\(host)>", head("GET / HTTP/1.1", "Host: \(host)"))) }
        cases.append(bad("no host", head("GET / HTTP/1.1", "X: y")))
        cases.append(bad("the same host twice", head("GET / HTTP/1.1", "Host: a", "Host: a")))
        cases.append(bad("two hosts", head("GET / HTTP/1.1", "Host: a", "HOST: b")))
        cases.append(bad("two hosts, old", head("GET / HTTP/1.0", "Host: a", "Host: b")))
        cases.append(fine("no host, old", Array("GET / HTTP/1.0\r\n\r\n".utf8), "GET / [] close"))
        return cases
    }()

    // MARK: Bodies

    private static func post(_ fields: String..., body: String = "") -> [UInt8] {
        Array((["POST / HTTP/1.1", "Host: a"] + fields).joined(separator: "\r\n").utf8)
            + Array("\r\n\r\n\(body)".utf8)
    }

    private static let lengths: [RequestCase] = {
        var cases = [
            fine("length 0", post("Content-Length: 0"), "POST / [] keep"),
            fine("length 3", post("Content-Length: 3", body: "abc"), "POST / [abc] keep"),
            fine("length with zeros in front", post("Content-Length: 003", body: "abc"), "POST / [abc] keep"),
            fine("length with spaces around", post("Content-Length:  3  ", body: "abc"), "POST / [abc] keep"),
            fine("a body that is still coming", post("Content-Length: 3", body: "ab"), "…"),
            bad("a length past all limits", post("Content-Length: 1000000000"), 413),
        ]
        for length in [
            "", "-1", "+3", "3 3", "3,3", "3, 3", "3;a", "0x3", "3.0", "3e0", "three", "\u{663}", "3\u{B}",
            "9999999999999999999",
            "99999999999999999999999999", "1_0", "\"3\"",
        ] { cases.append(bad("length <\(length)>", post("Content-Length: \(length)", body: "abc"))) }
        cases.append(
            bad("the same length twice", post("Content-Length: 3", "Content-Length: 3", body: "abc"))
        )
        cases.append(bad("two lengths", post("Content-Length: 3", "Content-Length: 4", body: "abcd")))
        cases.append(bad("an empty second length", post("Content-Length: 3", "Content-Length:", body: "abc")))
        return cases
    }()

    private static let codings: [RequestCase] = {
        let zero = "0\r\n\r\n"
        var cases = [
            fine("chunked", post("Transfer-Encoding: chunked", body: zero), "POST / [] keep"),
            fine("CHUNKED", post("transfer-encoding: CHUNKED", body: zero), "POST / [] keep"),
            bad("length, then chunked", post("Content-Length: 5", "Transfer-Encoding: chunked", body: zero)),
            bad("chunked, then length", post("Transfer-Encoding: chunked", "Content-Length: 5", body: zero)),
            bad("length 0 and chunked", post("Content-Length: 0", "Transfer-Encoding: chunked", body: zero)),
            bad(
                "chunked twice",
                post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body: zero)
            ),
            bad(
                "chunked, then identity",
                post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body: zero)
            ),
            bad("chunked, old", Array("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n\(zero)".utf8)),
        ]
        for coding in [
            "", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,",
            ",chunked", "xchunked", "chunkedx",
            "chunked;q=1", "\"chunked\"", "'chunked'", "chunked\u{B}", "\u{B}chunked", "chunke\u{64}\u{301}",
            "chunk ed",
        ] { cases.append(bad("coding <\(coding)>", post("Transfer-Encoding: \(coding)", body: zero))) }
        return cases
    }()

    private static let chunks: [RequestCase] = {
        func chunked(_ body: String) -> [UInt8] { post("Transfer-Encoding: chunked", body: body) }
        var cases: [RequestCase] = []
        for (name, body) in [
            ("one", "3\r\nabc\r\n0\r\n\r\n"), ("two", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
            ("zeros in front", "003\r\nabc\r\n000\r\n\r\n"),
            ("an extension", "3;a=b\r\nabc\r\n0\r\n\r\n"),
            ("a quoted extension", "3;a=\"b;c\"\r\nabc\r\n0;d\r\n\r\n"),
            ("a trailer", "3\r\nabc\r\n0\r\nX: y\r\n\r\n"),
            ("two trailers", "3\r\nabc\r\n0\r\nX: y\r\nZ:\r\n\r\n"),
        ] { cases.append(fine("chunks: \(name)", chunked(body), "POST / [abc] keep")) }
        cases.append(
            fine(
                "chunks: a hexadecimal size",
                chunked("A\r\n0123456789\r\n0\r\n\r\n"),
                "POST / [0123456789] keep"
            )
        )
        cases.append(
            fine(
                "chunks: a small one too",
                chunked("a\r\n0123456789\r\n0\r\n\r\n"),
                "POST / [0123456789] keep"
            )
        )
        for (name, body) in [
            ("no size", "\r\nabc\r\n"), ("a word", "xyz\r\n"), ("a sign", "+3\r\nabc\r\n"),
            ("a minus", "-3\r\nabc\r\n"),
            ("0x", "0x3\r\nabc\r\n"), ("a space in front", " 3\r\nabc\r\n"),
            ("a space behind", "3 \r\nabc\r\n"),
            ("a bare LF", "3\nabc\r\n"), ("a bare CR", "3\rabc"),
            ("LF after the data", "3\r\nabc\n0\r\n\r\n"),
            ("more data than said", "3\r\nabcd\r\n"), ("less data than said", "3\r\nab\r\n0\r\n\r\n"),
            ("a size past all numbers", "FFFFFFFFFFFFFFFFF\r\n"), ("an underscore", "1_0\r\n"),
            ("a trailer without a colon", "0\r\nX\r\n\r\n"), ("a trailer without a name", "0\r\n: y\r\n\r\n"),
            ("a trailer with a space", "0\r\nX : y\r\n\r\n"), ("a folded trailer", "0\r\nX: y\r\n z\r\n\r\n"),
            ("a NUL in an extension", "3;\u{0}\r\nabc\r\n"), ("a bare LF after the last", "0\n\n"),
        ] { cases.append(bad("chunks: \(name)", chunked(body))) }
        return cases
    }()

    // MARK: Connections

    private static let connections: [RequestCase] = [
        ("close", "close"), ("Close", "close"), ("x, close", "close"), ("close, x", "close"),
        (" close ", "close"),
        ("keep-alive", "keep"), ("closed", "keep"), ("", "keep"), ("x,,close", "close"),
    ].map { value, outcome in
        fine(
            "connection <\(value)>",
            head("GET / HTTP/1.1", "Host: a", "Connection: \(value)"),
            "GET / [] \(outcome)"
        )
    }

    private static let pipelines: [RequestCase] = {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
        return [
            fine("two", Array((get + get).utf8), "GET / [] keep", "GET / [] keep"),
            fine(
                "with bodies",
                Array((post + get + post).utf8),
                "POST / [x] keep",
                "GET / [] keep",
                "POST / [x] keep"
            ),
            fine("an empty line between", Array((get + "\r\n" + get).utf8), "GET / [] keep", "GET / [] keep"),
            fine("one that is not complete", Array((get + "GET / HT").utf8), "GET / [] keep", "…"),
            RequestCase("rubbish behind", Array((get + "?\r\n\r\n").utf8), ["GET / [] keep", "400"]),
            RequestCase(
                "a body without a length is the next request",
                Array(
                    ("POST / HTTP/1.1\r\nHost: a\r\n\r\n" + "G\r\n\r\n").utf8
                ),
                ["POST / [] keep", "400"]
            ),
            RequestCase(
                "two empty lines between",
                Array((get + "\r\n\r\n" + get).utf8),
                ["GET / [] keep", "400"]
            ),
        ]
    }()

    private static let lineEnds: [RequestCase] = {
        var cases: [RequestCase] = []
        let lines = ["GET / HTTP/1.1", "Host: a", "X: y"]
        for index in lines.indices {
            for (name, end) in [
                ("LF", "\n"), ("CR", "\r"), ("LF CR", "\n\r"), ("CR CR LF", "\r\r\n"), ("NEL", "\u{85}"),
            ] {
                var text = ""
                for (number, line) in lines.enumerated() { text += line + (number == index ? end : "\r\n") }
                // A mark of Unicode's is no end of a line, so two lines are one; only a value may hold that.
                let isValue = name == "NEL" && index == 2
                guard !isValue else { continue }
                cases.append(bad("\(name) after line \(index)", Array((text + "\r\n").utf8)))
            }
        }
        cases.append(bad("LF at the end", Array("GET / HTTP/1.1\r\nHost: a\r\n\n".utf8)))
        cases.append(bad("CR at the end", Array("GET / HTTP/1.1\r\nHost: a\r\n\rX".utf8)))
        return cases
    }()
}
