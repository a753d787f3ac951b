@testable import HTTP

/// A table of what clients may send and what comes of it, after the cases of the Autobahn suite (sections 1 to 7, 9, 10).
struct WebSocketCase: Sendable {
    /// What the decoder says until the bytes end or break the protocol.
    struct Outcome: Sendable, Hashable {
        var events: [WebSocketDecoder.Event] = []
        /// The close code of the fault; nil when there is none.
        var fault: UInt16?
    }

    let name: String
    let bytes: [UInt8]
    let outcome: Outcome

    init(
        _ name: String,
        _ frames: [[UInt8]],
        _ events: [WebSocketDecoder.Event] = [],
        fault: UInt16? = nil
    ) {
        self.name = name
        bytes = Array(frames.joined())
        outcome = Outcome(events: events, fault: fault)
    }

    static let all: [WebSocketCase] = messages + pings + reserved + fragments + texts + closes + large + ours

    // MARK: Frames of a client

    private static let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

    /// A masked frame with any first byte; `length` replaces the true length's bytes.
    private static func frame(_ first: UInt8, _ payload: [UInt8], length: [UInt8]? = nil) -> [UInt8] {
        var bytes = [first]
        if let length {
            bytes += length
        } else {
            let whole = WebSocketEncoder.frame(.text, payload, mask: mask)
            bytes += whole[1..<(whole.count - payload.count - 4)]
        }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    private static func text(_ payload: [UInt8], last: Bool = true) -> [UInt8] {
        frame(last ? 0x81 : 0x01, payload)
    }

    private static func text(_ payload: String, last: Bool = true) -> [UInt8] {
        text(Array(payload.utf8), last: last)
    }

    private static func more(_ payload: [UInt8], last: Bool = true) -> [UInt8] {
        frame(last ? 0x80 : 0x00, payload)
    }

    private static func more(_ payload: String, last: Bool = true) -> [UInt8] {
        more(Array(payload.utf8), last: last)
    }

    private static func ping(_ payload: [UInt8]) -> [UInt8] { frame(0x89, payload) }
    private static func pong(_ payload: [UInt8]) -> [UInt8] { frame(0x8A, payload) }
    private static func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
        frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    private static func bytes(_ count: Int, of byte: UInt8 = 0x2A) -> [UInt8] {
        [UInt8](repeating: byte, count: count)
    }

    private static func said(_ text: String) -> WebSocketDecoder.Event { .text(Array(text.utf8)) }

    // MARK: 1, 2

    private static let sizes = [0, 125, 126, 127, 128, 65_535, 65_536]

    private static let messages: [WebSocketCase] =
        sizes.map { WebSocketCase("1.1 text of \($0)", [text(bytes($0))], [.text(bytes($0))]) }
        + sizes.map {
            WebSocketCase(
                "1.2 binary of \($0)",
                [frame(0x82, bytes($0, of: 0xFE))],
                [.binary(bytes($0, of: 0xFE))]
            )
        }

    private static let pings: [WebSocketCase] = [
        WebSocketCase("2.1 ping without payload", [ping([])], [.ping([])]),
        WebSocketCase("2.2 ping with a text", [ping(Array("Hello".utf8))], [.ping(Array("Hello".utf8))]),
        WebSocketCase("2.3 ping with bytes", [ping([0, 0xFF, 0xFE, 0xFD])], [.ping([0, 0xFF, 0xFE, 0xFD])]),
        WebSocketCase("2.4 ping of 125", [ping(bytes(125, of: 0xFE))], [.ping(bytes(125, of: 0xFE))]),
        WebSocketCase("2.5 ping of 126", [ping(bytes(126))], fault: 1002),
        WebSocketCase("2.7 pong that nobody asked for", [pong([])], [.pong([])]),
        WebSocketCase("2.8 pong with a payload", [pong([1, 2])], [.pong([1, 2])]),
        WebSocketCase("2.9 pong, then ping", [pong([1]), ping([2])], [.pong([1]), .ping([2])]),
        WebSocketCase("2.10 ten pings", (0..<10).map { ping([$0]) }, (0..<10).map { .ping([$0]) }),
    ]

    // MARK: 3, 4

    private static let reserved: [WebSocketCase] = {
        var cases: [WebSocketCase] = []
        for bits in UInt8(1)...7 {
            let first = 0x81 | bits << 4
            cases.append(WebSocketCase("3 reserved bits \(bits)", [frame(first, [0x2A])], fault: 1002))
            let between = [text("a"), frame(first, []), ping([])]
            cases.append(
                WebSocketCase("3 reserved bits \(bits) between messages", between, [said("a")], fault: 1002)
            )
        }
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8] {
            let first = 0x80 | opcode
            cases.append(WebSocketCase("4 opcode \(opcode)", [frame(first, [])], fault: 1002))
            let after = [text("a"), frame(first, bytes(4)), ping([])]
            cases.append(WebSocketCase("4 opcode \(opcode) after a text", after, [said("a")], fault: 1002))
        }
        return cases
    }()

    // MARK: 5

    private static let fragments: [WebSocketCase] = [
        WebSocketCase("5.1 ping in two parts", [frame(0x09, []), frame(0x80, [])], fault: 1002),
        WebSocketCase("5.2 pong in two parts", [frame(0x0A, []), frame(0x80, [])], fault: 1002),
        WebSocketCase("5.3 text in two parts", [text("ab", last: false), more("cd")], [said("abcd")]),
        WebSocketCase(
            "5.6 ping between the parts",
            [text("ab", last: false), ping([9]), more("cd")],
            [.ping([9]), said("abcd")]
        ),
        WebSocketCase("5.9 continuation of nothing", [more("ab"), text("cd")], fault: 1002),
        WebSocketCase("5.10 continuation of nothing, alone", [more("ab")], fault: 1002),
        WebSocketCase("5.12 unfinished continuation of nothing", [more("ab", last: false)], fault: 1002),
        WebSocketCase(
            "5.15 text in two parts, then a continuation of nothing",
            [text("ab", last: false), more("cd"), more("ef", last: false), text("gh")],
            [said("abcd")],
            fault: 1002
        ),
        WebSocketCase(
            "5.16 continuation of nothing that is not the last, then text",
            [more("ab", last: false), text("cd"), more("ef")],
            fault: 1002
        ),
        WebSocketCase(
            "5.18 text within a text",
            [text("ab", last: false), text("cd")],
            fault: 1002
        ),
        WebSocketCase(
            "5.18 binary within a text",
            [text("ab", last: false), frame(0x82, [1])],
            fault: 1002
        ),
        WebSocketCase(
            "5.19 five parts with pings between",
            [
                text("a", last: false), more("b", last: false), ping([1]), more("c", last: false),
                more("d", last: false), ping([2]), more("e"),
            ],
            [.ping([1]), .ping([2]), said("abcde")]
        ),
        WebSocketCase(
            "5 empty parts",
            [text("", last: false), more("", last: false), more("")],
            [said("")]
        ),
        WebSocketCase(
            "5 binary in three parts",
            [frame(0x02, [1]), more([2], last: false), more([3])],
            [.binary([1, 2, 3])]
        ),
        WebSocketCase(
            "5 pong and close between the parts",
            [text("a", last: false), pong([7]), close(1000)],
            [.pong([7]), .close(code: 1000, reason: [])]
        ),
    ]

    // MARK: 6

    private static let good = [
        "Hello-\u{B5}@\u{DF}\u{F6}\u{E4}\u{FC}\u{E0}\u{E1}-UTF-8!!", "\u{3BA}\u{1F79}\u{3C3}\u{3BC}\u{3B5}",
        "\u{0}",
        "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{FFFE}", "\u{FFFF}",
        "\u{10000}",
        "\u{10FFFF}", "\u{1F39F}\u{FE0F}",
    ]

    private static let bad: [(String, [UInt8])] = [
        ("a lone continuation", [0x80]), ("two continuations", [0x80, 0xBF]),
        ("all of them", Array(0x80...0xBF)),
        ("first byte of two", [0xC3, 0x20]), ("first byte of three", [0xE2, 0x82, 0x20]),
        ("first byte of four", [0xF0, 0x9F, 0x8E, 0x20]), ("end within two", [0xC3]),
        ("end within three", [0xE2, 0x82]),
        ("end within four", [0xF0, 0x9F, 0x8E]), ("FE", [0xFE]), ("FF", [0xFF]),
        ("FE FE FF FF", [0xFE, 0xFE, 0xFF, 0xFF]),
        ("overlong slash in two", [0xC0, 0xAF]), ("overlong slash in three", [0xE0, 0x80, 0xAF]),
        ("overlong slash in four", [0xF0, 0x80, 0x80, 0xAF]),
        ("overlong in five", [0xF8, 0x80, 0x80, 0x80, 0xAF]),
        ("overlong in six", [0xFC, 0x80, 0x80, 0x80, 0x80, 0xAF]), ("largest overlong of two", [0xC1, 0xBF]),
        ("largest overlong of three", [0xE0, 0x9F, 0xBF]),
        ("largest overlong of four", [0xF0, 0x8F, 0xBF, 0xBF]),
        ("overlong NUL", [0xC0, 0x80]), ("D800", [0xED, 0xA0, 0x80]), ("DB7F", [0xED, 0xAD, 0xBF]),
        ("DBFF", [0xED, 0xAF, 0xBF]), ("DC00", [0xED, 0xB0, 0x80]), ("DFFF", [0xED, 0xBF, 0xBF]),
        ("a pair of surrogates", [0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80]), ("110000", [0xF4, 0x90, 0x80, 0x80]),
        ("1FFFFF", [0xF7, 0xBF, 0xBF, 0xBF]), ("3FFFFFF", [0xFB, 0xBF, 0xBF, 0xBF, 0xBF]),
    ]

    private static let texts: [WebSocketCase] = {
        var cases: [WebSocketCase] = []
        for word in good {
            let name = "\(word.unicodeScalars.map(\.value))"
            cases.append(WebSocketCase("6 good \(name)", [text(word)], [said(word)]))
            // A character may lie across parts.
            let all = Array(word.utf8)
            let parts = all.enumerated().map { index, byte in
                index == 0 ? text([byte], last: all.count == 1) : more([byte], last: index == all.count - 1)
            }
            cases.append(WebSocketCase("6 a part a byte \(name)", parts, [said(word)]))
        }
        for (name, bytes) in bad {
            cases.append(WebSocketCase("6 bad \(name)", [text(Array("ok ".utf8) + bytes)], fault: 1007))
            let parts = [text("ok ", last: false), more(bytes)]
            cases.append(WebSocketCase("6 bad \(name), in parts", parts, fault: 1007))
        }
        let half = frame(0x01, [0xF4, 0x90], length: [0x80 | 126, 0x03, 0xE8])
        cases.append(WebSocketCase("6.4 the fault is told before the message ends", [half], fault: 1007))
        let binary: [UInt8] = [0xFF, 0xC0]
        cases.append(WebSocketCase("6 binary need not be UTF-8", [frame(0x82, binary)], [.binary(binary)]))
        return cases
    }()

    // MARK: 7

    private static let goodCodes: [UInt16] = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ]
    private static let badCodes: [UInt16] = [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ]

    private static let closes: [WebSocketCase] = {
        var cases = goodCodes.map {
            WebSocketCase("7.7 close \($0)", [close($0)], [.close(code: $0, reason: [])])
        }
        cases += badCodes.map { WebSocketCase("7.9 close \($0)", [close($0)], fault: 1002) }
        cases += [
            WebSocketCase("7.3.1 close without a code", [frame(0x88, [])], [.close(code: nil, reason: [])]),
            WebSocketCase("7.3.2 half a code", [frame(0x88, [3])], fault: 1002),
            WebSocketCase(
                "7.3.4 code and reason",
                [close(1000, Array("Hello".utf8))],
                [.close(code: 1000, reason: Array("Hello".utf8))]
            ),
            WebSocketCase(
                "7.3.5 the longest reason",
                [close(1000, bytes(123))],
                [.close(code: 1000, reason: bytes(123))]
            ),
            WebSocketCase("7.3.6 a longer reason", [close(1000, bytes(124))], fault: 1002),
            WebSocketCase(
                "7.5.1 a reason that is not UTF-8",
                [close(1000, [0xCE, 0xBA, 0xED, 0xA0])],
                fault: 1007
            ),
            WebSocketCase("7.5 a reason that ends too early", [close(1000, [0xCE])], fault: 1007),
            WebSocketCase("7.1 close in parts", [frame(0x08, []), more("")], fault: 1002),
        ]
        return cases
    }()

    // MARK: 9, 10

    private static let large: [WebSocketCase] = {
        var cases: [WebSocketCase] = []
        for size in [4_096, 65_536, 262_144, 1_048_576] {
            cases.append(WebSocketCase("9 text of \(size)", [text(bytes(size))], [.text(bytes(size))]))
        }
        for size in [64, 1_024, 65_536] {
            let count = 262_144 / size
            let parts = (0..<count).map { index in
                index == 0 ? text(bytes(size), last: false) : more(bytes(size), last: index == count - 1)
            }
            cases.append(
                WebSocketCase("9 text of 262144 in parts of \(size)", parts, [.text(bytes(262_144))])
            )
        }
        let words = (0..<1000).map(String.init)
        cases.append(WebSocketCase("10 a thousand short messages", words.map { text($0) }, words.map(said)))
        return cases
    }()

    // MARK: What the suite leaves out

    private static let ours: [WebSocketCase] = [
        WebSocketCase("a frame without a mask", [[0x81, 0x01, 0x2A]], fault: 1002),
        WebSocketCase(
            "length 5 in two bytes",
            [frame(0x81, bytes(5), length: [0x80 | 126, 0, 5])],
            fault: 1002
        ),
        WebSocketCase(
            "length 126 in eight bytes",
            [frame(0x81, bytes(126), length: [0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 126])],
            fault: 1002
        ),
        WebSocketCase(
            "a length with its first bit",
            [frame(0x81, [], length: [0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0])],
            fault: 1002
        ),
        WebSocketCase(
            "a length of all ones but the first",
            [frame(0x81, [], length: [0x80 | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])],
            fault: 1009
        ),
        WebSocketCase(
            "one byte more than a message may have",
            [frame(0x81, [], length: [0x80 | 127, 0, 0, 0, 0, 0, 0x20, 0, 1])],
            fault: 1009
        ),
        WebSocketCase(
            "parts that are too much together",
            [
                text(bytes(1_048_576), last: false), more(bytes(1_048_576), last: false), more([1]),
            ],
            fault: 1009
        ),
        WebSocketCase(
            "ping with its length in two bytes",
            [frame(0x89, bytes(5), length: [0x80 | 126, 0, 5])],
            fault: 1002
        ),
    ]
}
