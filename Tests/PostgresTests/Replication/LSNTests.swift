import Testing

@testable import Postgres

@Suite("Places in the log", .timeLimit(.minutes(5)))
struct LSNTests {
    @Test func `they read and write as the server's, and are in order`() {
        #expect(LSN("16/B374D848")?.rawValue == 0x16_B374_D848)
        #expect(LSN(rawValue: 0x16_B374_D848).description == "16/B374D848")
        #expect(LSN("0/0") == LSN.none)
        #expect(LSN("FFFFFFFF/ffffffff")?.rawValue == .max)
        #expect(LSN(rawValue: 0xFF_FFFF_FFFF) < LSN(rawValue: 0x100_0000_0000))
        #expect(LSN(rawValue: 300) - LSN(rawValue: 200) == 100)
        #expect(LSN(rawValue: 200) - LSN(rawValue: 300) == -100)
    }

    @Test(arguments: [
        "", "/", "1", "1/", "/1", "1/2/3", "+1/2", "1/-2", "g/0", "123456789/0", " 1/2", "1/2 ",
    ])
    func `other texts are none`(_ text: String) {
        #expect(LSN(text) == nil)
    }

    @Test func `frames of the stream are read, or refused`() throws {
        var data: [UInt8] = [UInt8(ascii: "w")]
        data.appendBigEndian(UInt64(1))
        data.appendBigEndian(UInt64(2))
        data.appendBigEndian(UInt64(3))
        #expect(
            try ReplicationFrame.decode(data + [66, 67])
                == .data(start: LSN(rawValue: 1), end: LSN(rawValue: 2), [66, 67])
        )
        var alive: [UInt8] = [UInt8(ascii: "k")]
        alive.appendBigEndian(UInt64(7))
        alive.appendBigEndian(Int64(0))
        let start = PostgresTimestamp(microseconds: 946_684_800_000_000)
        #expect(
            try ReplicationFrame.decode(alive + [1])
                == .keepalive(end: LSN(rawValue: 7), sentAt: start, wantsReply: true)
        )
        for bad in [[], [0], Array(data.dropLast()), alive, alive + [2], alive + [0, 0]] as [[UInt8]] {
            #expect(throws: PostgresError.self) { try ReplicationFrame.decode(bad) }
        }
    }

    @Test func `a status says what was received, and never less than what was confirmed`() {
        let status = ReplicationStatus(
            received: LSN(rawValue: 5),
            confirmed: LSN(rawValue: 6),
            wantsReply: true
        )
        let bytes = status.bytes(at: PostgresTimestamp(microseconds: 946_684_800_000_001))
        #expect(bytes.count == 34)
        #expect(bytes.first == UInt8(ascii: "r"))
        #expect([1, 9, 17, 25].map { bytes.span.bigEndian(UInt64.self, at: $0) } == [6, 6, 6, 1])
        #expect(bytes.last == 1)
    }
}
