package import Foundation

/// A certificate for `localhost` that vouches for itself, made by openssl, in a directory of its own.
package struct TestCertificate: Sendable {
    /// Where it lies.
    package let directory: URL

    /// The certificate's file.
    package var chain: String { directory.appending(path: "server.crt").path }
    /// The key's file.
    package var key: String { directory.appending(path: "server.key").path }

    /// Makes one.
    package init() async throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "usher-tls-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try await renew()
    }

    /// Puts another one in its place, as whatever renews certificates does: beside it, and then renamed.
    package func renew(_ name: String = "localhost") async throws {
        let files = [directory.appending(path: "new.crt").path, directory.appending(path: "new.key").path]
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-out", files[0], "-keyout", files[1],
        ]
        let result = try await SystemProgram.run("openssl", arguments)
        guard result.status == 0 else { throw SystemProgram.Failed(description: result.text) }
        for (from, to) in zip(files, [chain, key]) {
            guard unsafe rename(from, to) == 0 else { throw CocoaError(.fileWriteUnknown) }
        }
    }

    /// Takes the files away.
    package func remove() {
        try? FileManager.default.removeItem(at: directory)
    }
}
