internal import COpenSSL

/// A certificate chain with its key, and what is spoken with it: TLS 1.2 and 1.3, HTTP/1.1 over both.
///
/// Connections that began with it keep it alive, whatever takes its place.
@safe final class TLSContext: @unchecked Sendable {
    // Sendable: OpenSSL counts its references and locks what sessions share; nothing is set after the initialiser.
    private let context: OpaquePointer

    /// What TLS 1.2 may use: forward secrecy and authenticated encryption only, as TLS 1.3 has.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

    init(certificate: String, key: String) throws(TLSFault) {
        ERR_clear_error()
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw TLSFault(description: "cannot use TLS: \(Self.reason())")
        }
        unsafe self.context = unsafe context
        unsafe _ = usher_ssl_ctx_set_min_version(context, Int32(USHER_TLS1_2))
        unsafe _ = usher_ssl_ctx_set_max_version(context, Int32(USHER_TLS1_3))
        unsafe usher_ssl_ctx_set_mode(context, Int(USHER_SSL_MODES))
        unsafe _ = SSL_CTX_set_options(context, usher_ssl_options)
        guard unsafe SSL_CTX_set_cipher_list(context, Self.ciphers) == 1 else {
            throw TLSFault(description: "cannot use TLS: \(Self.reason())")
        }
        // The key first: a certificate that comes behind another's key drops it, which is told apart from a bad file.
        guard unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            throw TLSFault(description: "cannot use the key \(key): \(Self.reason())")
        }
        guard unsafe SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw TLSFault(description: "cannot use the certificate \(certificate): \(Self.reason())")
        }
        guard unsafe SSL_CTX_check_private_key(context) == 1 else {
            throw TLSFault(description: "the key \(key) is not that of the certificate \(certificate)")
        }
        unsafe SSL_CTX_set_alpn_select_cb(context, { unsafe TLSContext.choose($1, $2, $3, $4, $5) }, nil)
    }

    deinit {
        unsafe SSL_CTX_free(context)
    }

    /// Begins a session with whoever is at the other end of the descriptor.
    func session(on descriptor: Int32) -> TLSSession? {
        ERR_clear_error()
        guard let session = unsafe SSL_new(context) else { return nil }
        guard unsafe SSL_set_fd(session, descriptor) == 1 else {
            unsafe SSL_free(session)
            return nil
        }
        unsafe SSL_set_accept_state(session)
        return unsafe TLSSession(session)
    }

    /// Takes `http/1.1` out of what a client offers; one that offers only other protocols is refused.
    ///
    /// Source: RFC 7301 §3.2.
    private static func choose(
        _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ length: UnsafeMutablePointer<UInt8>?,
        _ offered: UnsafePointer<UInt8>?,
        _ count: UInt32,
        _ argument: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let offered = unsafe offered, let out = unsafe out, let length = unsafe length else {
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
        let wanted = Array("http/1.1".utf8)
        let bytes = unsafe UnsafeBufferPointer(start: offered, count: Int(count))
        var at = 0
        while at < bytes.count {
            let size = unsafe Int(bytes[at])
            guard size > 0, at + 1 + size <= bytes.count else { break }
            if unsafe bytes[(at + 1)..<(at + 1 + size)].elementsEqual(wanted) {
                unsafe out.pointee = unsafe offered + at + 1
                unsafe length.pointee = UInt8(size)
                return SSL_TLSEXT_ERR_OK
            }
            at += 1 + size
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    /// What OpenSSL complains of, in its words; a file that isn't there among them.
    private static func reason() -> String {
        let code = ERR_peek_error()
        guard code != 0 else { return "no reason is given" }
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(code, &text, text.count)
        ERR_clear_error()
        let line = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // error:80000002:system library::No such file or directory
        return line.split(separator: ":").last.map(String.init) ?? line
    }
}
