@testable import HTTP

/// What a balancer says before the client's first byte.
enum ProxyFuzz: FuzzTarget {
    static let name = "proxy"
    static let seeds: [[UInt8]] =
        [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n", "PROXY UNKNOWN\r\n",
            "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", "PROXY UNKNOWN ffff:: a b c\r\n",
            "PROXY TCP4 a b 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 056324 443\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY\r\n",
            "GET / HTTP/1.1",
        ].map { Array($0.utf8) } + [
            binary(0x21, 0x11, [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 4, 1, 0xBB]),
            binary(0x21, 0x21, [UInt8](repeating: 7, count: 36) + [4, 0, 1, 9]), binary(0x20, 0, []),
            binary(0x21, 0x11, [1, 2, 3]), binary(0x22, 0x11, []), binary(0x11, 0x11, []),
            binary(0x21, 0x31, [UInt8](repeating: 1, count: 216)),
        ]

    private static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        [
            0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family, 0,
            UInt8(rest.count),
        ]
            + rest + Array("GET / HTTP/1.1".utf8)
    }

    private struct Outcome: Equatable {
        var isComplete = false
        var source: SocketAddress?
        /// How many bytes it took, where they were a header: the next is the client's.
        var taken = 0
        var fault: ProxyHeader.Fault?
    }

    static func check(_ bytes: [UInt8]) {
        let outcome = Cuts(bytes).agreed(read)
        precondition(outcome.taken <= 16 + 4_096, "took \(outcome.taken) bytes")
        precondition(outcome.isComplete || outcome.source == nil, "an address out of half a header")
    }

    private static func read(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
        var header = ProxyHeader()
        var outcome = Outcome()
        do throws(ProxyHeader.Fault) {
            for piece in pieces {
                var rest = piece
                while !rest.isEmpty, !header.isComplete {
                    let share = header.share(of: rest)
                    precondition(share > 0 && share <= rest.count, "\(share) of \(rest.count) bytes")
                    outcome.taken += share
                    try header.append(rest.prefix(share))
                    rest = rest.dropFirst(share)
                }
            }
            (outcome.isComplete, outcome.source) = (header.isComplete, header.source)
        } catch {
            // How soon it is found out depends on what has come.
            outcome = Outcome(fault: error)
        }
        return outcome
    }
}
