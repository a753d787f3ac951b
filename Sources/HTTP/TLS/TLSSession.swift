internal import COpenSSL
internal import Glibc

/// The TLS of one connection, read and written like the socket below it.
@safe struct TLSSession: @unchecked Sendable {
    // Sendable: used on its connection's loop only.
    private let session: OpaquePointer

    /// What the first byte of TLS is, and of no HTTP request.
    static let handshakeRecord: UInt8 = 22

    enum Handshake {
        case done
        case wantsRead
        case wantsWrite
        case failed
    }

    init(_ session: OpaquePointer) {
        unsafe self.session = unsafe session
    }

    func handshake() -> Handshake {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(session)
        if result == 1 { return .done }
        switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        default: return .failed
        }
    }

    /// Like `recv`: how many bytes, 0 at the end, -1 with `errno` set.
    func receive(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        ERR_clear_error()
        let count = unsafe SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        return count > 0 ? Int(count) : outcome(count)
    }

    /// Like `send`: how many bytes were taken, -1 with `errno` set.
    func send(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        ERR_clear_error()
        let count = unsafe SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count))
        guard count <= 0 else { return Int(count) }
        if outcome(count) == 0 { errno = EPIPE }
        return -1
    }

    private func outcome(_ result: Int32) -> Int {
        switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_ZERO_RETURN: return 0
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            errno = EAGAIN
            return -1
        default:
            errno = ECONNRESET
            return -1
        }
    }

    /// Says that nothing more is sent, if it can be said without waiting.
    func sayGoodbye() {
        ERR_clear_error()
        unsafe _ = SSL_shutdown(session)
    }

    func free() {
        unsafe SSL_free(session)
    }

    /// `TLSv1.3`, for the log.
    var version: String { unsafe String(cString: SSL_get_version(session)) }
}
