import TestSupport
import Testing

@testable import HTTP

@Suite("WebSocket frames")
struct WebSocketDecoderTests {
    /// Two megabytes: what the table's largest cases need.
    private static let limit = 2_097_152

    private func outcome(of chunks: [ArraySlice<UInt8>]) -> WebSocketCase.Outcome {
        var decoder = WebSocketDecoder()
        var outcome = WebSocketCase.Outcome()
        do {
            for chunk in chunks {
                decoder.append(chunk)
                while let event = try decoder.next(limit: Self.limit) { outcome.events.append(event) }
            }
        } catch {
            outcome.fault = error.code
        }
        return outcome
    }

    @Test func `Every case of the table ends as it should, however its bytes come`() {
        #expect(WebSocketCase.all.count >= 200)
        for example in WebSocketCase.all {
            let bytes = example.bytes
            #expect(outcome(of: [bytes[...]]) == example.outcome, "\(example.name)")
            // A short one is cut everywhere, a long one in its first head, and a very long one not at all.
            let last = bytes.count <= 2_000 ? bytes.count : bytes.count <= 70_000 ? 20 : 1
            for cut in 1..<max(2, last) where cut < bytes.count {
                let cutOutcome = outcome(of: [bytes[..<cut], bytes[cut...]])
                #expect(cutOutcome == example.outcome, "\(example.name) at \(cut)")
            }
            guard bytes.count <= 70_000 else { continue }
            let single = bytes.indices.map { bytes[$0...$0] }
            #expect(outcome(of: single) == example.outcome, "\(example.name), byte by byte")
        }
    }

    @Test func `A fault is told as soon as the bytes say so`() throws {
        var decoder = WebSocketDecoder()
        decoder.append([0x81, 0x80 | 126])
        #expect(try decoder.next(limit: 10) == nil)
        decoder.append([0, 200, 1, 2, 3, 4])
        #expect(throws: WebSocketFault.tooLarge) { try decoder.next(limit: 10) }
        var other = WebSocketDecoder()
        other.append([0x83, 0x80])
        #expect(throws: WebSocketFault.broken("an unknown opcode")) { try other.next(limit: 10) }
    }

    @Test func `What random bytes are made of, they are refused or understood, and nothing else`() {
        let seed = UInt64.random(in: .min ... .max)
        var dice = TestDice(seed: seed)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0..<64, using: &dice)).map { _ in
                UInt8.random(in: 0...255, using: &dice)
            }
            // Most random bytes fall at the first fence; these come further.
            if bytes.count > 2, Bool.random(using: &dice) {
                bytes[0] = [0x81, 0x82, 0x88, 0x89, 0x01, 0x80].randomElement(using: &dice) ?? 0x81
                bytes[1] = 0x80 | UInt8.random(in: 0...127, using: &dice)
            }
            let whole = outcome(of: [bytes[...]])
            let single = outcome(of: bytes.indices.map { bytes[$0...$0] })
            #expect(whole == single, "seed \(seed): \(bytes)")
        }
    }

    @Test func `What the encoder writes the decoder reads`() throws {
        for count in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = [UInt8](repeating: 7, count: count)
            var server = WebSocketDecoder(isMasked: false)
            server.append(WebSocketEncoder.frame(.binary, payload)[...])
            #expect(try server.next(limit: Self.limit) == .binary(payload))
            #expect(server.isIdle)
            var client = WebSocketDecoder()
            client.append(WebSocketEncoder.frame(.ping, Array(payload.prefix(125)), mask: [1, 2, 3, 4])[...])
            #expect(try client.next(limit: Self.limit) == .ping(Array(payload.prefix(125))))
        }
        var reader = WebSocketDecoder(isMasked: false)
        reader.append(WebSocketEncoder.close(1001, String(repeating: "\u{E4}", count: 100))[...])
        let reason = Array(String(repeating: "\u{E4}", count: 61).utf8)
        #expect(try reader.next(limit: 1000) == .close(code: 1001, reason: reason))
    }

    @Test func `The handshake's proof is the one of the standard`() {
        #expect(
            WebSocketHandshake.acceptance(of: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        )
    }
}
