internal import Glibc

/// The lines of all processes of a demo, in one file.
final class DemoLog: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileSystem.failure("write", path) }
    }

    deinit { close(descriptor) }

    /// Appends a line; one write, so that lines don't mix.
    func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
