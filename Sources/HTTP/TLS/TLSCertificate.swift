internal import CLinux
internal import Glibc
internal import Reactor

/// A server's certificate, from files that may be replaced while it runs.
///
/// ```swift
/// let certificate = try TLSCertificate(chain: "/etc/usher/tls.crt", key: "/etc/usher/tls.key")
/// var configuration = HTTPServerConfiguration()
/// configuration.certificate = certificate
/// ```
/// A process that uses one ignores SIGPIPE, as OpenSSL writes to sockets that may be gone.
public final class TLSCertificate: Sendable {
    /// The file with the certificate and those that vouch for it, in PEM, the server's own first.
    public let chain: String
    /// The file with its private key, in PEM, not encrypted.
    public let key: String

    private struct State {
        var context: TLSContext
        var stamps: [FileStamp]
    }

    private let state: Lock<State>

    /// Reads a certificate.
    ///
    /// - Parameters:
    ///   - chain: the file with the certificate chain.
    ///   - key: the file with the key.
    /// - Throws: ``TLSFault`` that names the file that can't be used.
    public init(chain: String, key: String) throws(TLSFault) {
        signal(SIGPIPE, SIG_IGN)
        self.chain = chain
        self.key = key
        let stamps = [FileStamp(chain), FileStamp(key)]
        state = Lock(State(context: try TLSContext(certificate: chain, key: key), stamps: stamps))
    }

    /// Reads the files again if they are others than before; connections that are open keep what they began with.
    ///
    /// - Returns: whether they were others.
    /// - Throws: ``TLSFault`` when they can't be used; the certificate from before stays, and the same files are not tried
    ///   again.
    @discardableResult
    public func reload() throws(TLSFault) -> Bool {
        let stamps = [FileStamp(chain), FileStamp(key)]
        let isNews = state.withLock { state in
            defer { state.stamps = stamps }
            return state.stamps != stamps
        }
        guard isNews else { return false }
        let context = try TLSContext(certificate: chain, key: key)
        state.withLock { $0.context = context }
        return true
    }

    var context: TLSContext { state.withLock { $0.context } }
}

/// What tells one content of a file from the next without reading it.
private struct FileStamp: Sendable, Equatable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    /// The file's stamp now; that of one that isn't there is all zeros.
    init(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            (device, inode, size, seconds, nanoseconds) = (0, 0, 0, 0, 0)
            return
        }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
