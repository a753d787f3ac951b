import TestSupport
import Testing

@testable import Postgres

@Suite("What pgoutput says", .timeLimit(.minutes(5)))
struct PgOutputDecoderTests {
    @Test(arguments: PgOutputBytes.samples.indices)
    func `each message is read as it was meant`(_ index: Int) throws {
        let sample = PgOutputBytes.samples[index]
        #expect(try PgOutputDecoder.decode(sample.bytes) == sample.message)
    }

    @Test(arguments: PgOutputBytes.samples.indices)
    func `cut anywhere it is refused, and so is one byte more`(_ index: Int) {
        let bytes = PgOutputBytes.samples[index].bytes
        for end in bytes.indices {
            let fault = #expect(throws: PgOutputFault.self, "cut at \(end)") {
                try PgOutputDecoder.decode(Array(bytes[..<end]))
            }
            #expect(fault?.reason.hasPrefix("ends ") == true, "cut at \(end): \(fault as Any)")
            #expect(fault.map { $0.offset <= end } == true)
            #expect(fault?.kind == (end == 0 ? nil : bytes[0]))
        }
        #expect(
            throws: PgOutputFault(kind: bytes[0], offset: bytes.count, reason: "1 bytes too many"),
        ) { try PgOutputDecoder.decode(bytes + [0]) }
    }

    @Test(
        arguments: [
            (PgOutputBytes("Z").bytes, 0, "there is no such message"),
            (PgOutputBytes("C").byte(1).int64(0).int64(0).int64(0).bytes, 1, "the commit's flags can't be 1"),
            (PgOutputBytes("B").int64(1).int64(.max).int32(0).bytes, 9, "its time is beyond all times"),
            (
                PgOutputBytes("R").int32(7).string("s").string("t").letter("x").int16(0).bytes, 9,
                "is no replica identity"
            ),
            (
                PgOutputBytes("R").int32(7).string("s").string("t").letter("d").int16(-1).bytes, 10,
                "its columns can't be -1"
            ),
            (
                PgOutputBytes("R").int32(7).string("s").string("t").letter("d").int16(1).byte(2).bytes, 12,
                "a column's flags can't be 2"
            ),
            (PgOutputBytes("O").int64(1).byte(0xFF).byte(0).bytes, 9, "its name is not UTF-8"),
            (PgOutputBytes("I").int32(7).letter("K").int16(0).bytes, 5, "expected 'N'"),
            (PgOutputBytes("D").int32(7).letter("N").int16(0).bytes, 5, "expected 'K' or 'O'"),
            (PgOutputBytes("I").int32(7).letter("N").int16(1).letter("x").bytes, 8, "is no kind of value"),
            (
                PgOutputBytes("I").int32(7).letter("N").int16(1).letter("t").int32(-1).bytes, 9,
                "a value can't be -1 bytes long"
            ),
            (
                PgOutputBytes("I").int32(7).letter("N").int16(1).letter("t").int32(.max).byte(0).bytes, 13,
                "ends within a value"
            ),
            (
                PgOutputBytes("I").int32(7).letter("N").int16(1).letter("t").int32(1).byte(0xC3).bytes, 13,
                "a value is not UTF-8"
            ),
            (PgOutputBytes("T").int32(-1).byte(0).bytes, 1, "-1 relations can't be"),
            (PgOutputBytes("T").int32(.max).byte(0).int32(1).bytes, 10, "ends within a relation"),
            (PgOutputBytes("T").int32(0).byte(4).bytes, 5, "the options can't be 4"),
            (PgOutputBytes("M").byte(2).bytes, 1, "the message's flags can't be 2"),
        ] as [([UInt8], Int, String)]
    )
    func `what can't be is told with its place`(_ bytes: [UInt8], _ offset: Int, _ reason: String) {
        #expect(throws: PgOutputFault(kind: bytes[0], offset: offset, reason: reason)) {
            try PgOutputDecoder.decode(bytes)
        }
    }

    @Test func `no bytes at all make it do anything but read or refuse`() {
        let seed = testSetting("USHER_SEED") ?? UInt64.random(in: .min ... .max)
        var dice = TestDice(seed: seed)
        var refused = 0
        for _ in 0..<100_000 {
            var bytes = PgOutputBytes.samples.randomElement(using: &dice)?.bytes ?? []
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let place = Int.random(in: bytes.indices, using: &dice)
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &dice)
                case 1: bytes.insert(UInt8.random(in: .min ... .max, using: &dice), at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            do {
                _ = try PgOutputDecoder.decode(bytes)
            } catch {
                refused += 1
                #expect((0...bytes.count).contains(error.offset), "seed \(seed): \(bytes)")
            }
        }
        #expect(refused > 50_000, "seed \(seed)")
    }

    @Test func `a fault is one line that names message and place`() {
        #expect(
            PgOutputFault(kind: 0x49, offset: 5, reason: "expected 'N'").description
                == "the message 'I' of pgoutput can't be read at byte 5: expected 'N'"
        )
        #expect(PgOutputFault(kind: 7, offset: 0, reason: "x").description.contains("the message 7 of"))
    }
}
