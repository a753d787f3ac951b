@testable import HTTP

/// Frames of clients, and of servers.
enum WebSocketFuzz: FuzzTarget {
    static let name = "websocket"
    static let seeds = WebSocketCase.all.map(\.bytes)

    private static let limit = 512

    private struct Outcome: Equatable {
        var events: [WebSocketDecoder.Event] = []
        var fault: WebSocketFault?
        var isIdle = false
    }

    static func check(_ bytes: [UInt8]) {
        for isMasked in [true, false] {
            let outcome = Cuts(bytes).agreed { read($0, isMasked: isMasked) }
            for event in outcome.events { check(event, isMasked: isMasked) }
        }
    }

    private static func read(_ pieces: [ArraySlice<UInt8>], isMasked: Bool) -> Outcome {
        var decoder = WebSocketDecoder(isMasked: isMasked)
        var outcome = Outcome()
        do throws(WebSocketFault) {
            for piece in pieces {
                decoder.append(piece)
                while let event = try decoder.next(limit: limit) { outcome.events.append(event) }
            }
            outcome.isIdle = decoder.isIdle
        } catch {
            outcome.fault = error
        }
        return outcome
    }

    /// Each event keeps the limits, and is heard again when it is said again.
    private static func check(_ event: WebSocketDecoder.Event, isMasked: Bool) {
        let (opcode, payload): (WebSocketFrameHeader.Opcode, [UInt8])
        switch event {
        case .text(let text):
            precondition(String(validating: text, as: UTF8.self) != nil, "a text that is no UTF-8")
            (opcode, payload) = (.text, text)
        case .binary(let bytes): (opcode, payload) = (.binary, bytes)
        case .ping(let bytes): (opcode, payload) = (.ping, bytes)
        case .pong(let bytes): (opcode, payload) = (.pong, bytes)
        case .close(let code, let reason):
            precondition(String(validating: reason, as: UTF8.self) != nil, "a reason that is no UTF-8")
            (opcode, payload) = (.close, code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + reason } ?? [])
        }
        precondition(payload.count <= (opcode.isControl ? 125 : limit), "a payload beyond the limit")
        let frame = WebSocketEncoder.frame(opcode, payload, mask: isMasked ? [9, 0, 255, 7] : nil)
        precondition(
            read([frame[...]], isMasked: isMasked) == Outcome(events: [event], isIdle: true),
            "\(event) is not what is heard of it"
        )
    }
}
