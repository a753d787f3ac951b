internal import Reactor

/// What a client keeps of one socket.
///
/// One that is open and idle owns no memory beside this.
struct WebSocketClientSlot {
    enum Stage: UInt8 {
        case free, connecting, shaking, open
        /// We have said goodbye and wait for the answer.
        case closing
    }

    var descriptor: Int32 = -1
    /// Grows when the slot is freed, so that whoever holds an old ``ClientSocket`` finds out that it is gone.
    var generation: UInt32 = 0
    var subject: Int64 = 0
    var registration: Registration?
    var interest: Readiness = .write
    var stage = Stage.free
    var deadline = MonotonicTime(nanoseconds: .max)
    /// The sixteen bytes of the handshake's key.
    var key: (high: UInt64, low: UInt64) = (0, 0)
    /// The beginning of the handshake's answer.
    var answer = ByteBuffer()
    var decoder = WebSocketDecoder(isMasked: false)
    var output = ByteBuffer()

    /// The key as it is sent.
    var keyText: String {
        let bytes = [key.high, key.low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> ($0 * 8)) }
        }
        return WebSocketHandshake.base64(bytes)
    }
}
