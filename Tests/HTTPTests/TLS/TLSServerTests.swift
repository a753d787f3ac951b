import Foundation
import Reactor
import TestSupport
import Testing

@testable import HTTP

/// TLS as Python's ssl and websockets speak it.
@Suite(.timeLimit(.minutes(5)))
struct TLSServerTests {
    private final class Greeter: ChannelHandler {
        func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
            loop.send(ChannelMessage(Array("hello \(subject)".utf8)), to: channel)
        }

        func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop) {
            loop.send(ChannelMessage(text), to: channel)
        }

        func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {}
        func draining(on loop: ChannelLoop) {}
    }

    private func withServer(
        _ body: (HTTPServerTests.Fixture, TestCertificate, TLSCertificate) async throws -> Void
    ) async throws {
        let files = try await TestCertificate()
        defer { files.remove() }
        let certificate = try TLSCertificate(chain: files.chain, key: files.key)
        var configuration = HTTPServerConfiguration()
        configuration.certificate = certificate
        let greeter = Greeter()
        let fixture = try await HTTPServerTests.Fixture(configuration) { request in
            request.path == "/socket"
                ? .channel(ChannelOffer(.webSocket, subject: 7, handler: greeter))
                : HTTPServerTests.Fixture.echo(request)
        }
        do {
            try await body(fixture, files, certificate)
        } catch {
            await fixture.stop()
            throw error
        }
        await fixture.stop()
    }

    @Test func `TLS 1.2 and 1.3 are spoken, with HTTP/1.1 and WebSockets over them, and nothing older`()
        async throws
    {
        try await withServer { fixture, files, _ in
            let lines = try await PythonScript.run("tls_peer.py", "all", "\(fixture.port)", files.chain)
            #expect(
                lines == [
                    "TLSv1.3", "TLSv1.2", "old versions are refused", "only h2 is refused",
                    "large bodies both ways", "byte by byte", "plain text is told so",
                    "rubbish is hung up on",
                    "a session is taken up again", "a WebSocket",
                ]
            )
            await eventually { fixture.server.connections == 0 }
        }
    }

    @Test func `A renewed certificate is shown to who comes, and who is there stays`() async throws {
        try await withServer { fixture, files, certificate in
            var isNews = try certificate.reload()
            #expect(!isNews)
            let before = try await name(fixture)
            let old = try await PythonScript.start("tls_peer.py", "stay", "\(fixture.port)", files.chain)
            #expect(try await old.line() == "here")
            try await files.renew("renewed.example")
            #expect(try await name(fixture) == before)
            isNews = try certificate.reload()
            #expect(isNews)
            #expect(try await name(fixture) == "renewed.example")
            #expect(try await old.ask("again") == "200")
            await old.end()
        }
    }

    private func name(_ fixture: HTTPServerTests.Fixture) async throws -> String? {
        try await PythonScript.run("tls_peer.py", "name", "\(fixture.port)", "-").first
    }

    @Test func `A certificate that can't be used leaves the one from before, and is named`() async throws {
        try await withServer { fixture, files, certificate in
            let before = try await name(fixture)
            try Data("nonsense".utf8).write(to: URL(filePath: files.chain))
            let fault = #expect(throws: TLSFault.self) { try certificate.reload() }
            #expect(fault?.description.contains(files.chain) == true)
            #expect(try await name(fixture) == before)
            // The same files are not tried again.
            var isNews = try certificate.reload()
            #expect(!isNews)
            try await files.renew("mended.example")
            isNews = try certificate.reload()
            #expect(isNews)
            #expect(try await name(fixture) == "mended.example")
        }
    }

    @Test func `Files that can't be used are named in one line`() async throws {
        let files = try await TestCertificate()
        let other = try await TestCertificate()
        defer {
            files.remove()
            other.remove()
        }
        func complaint(_ chain: String, _ key: String) -> String? {
            do throws(TLSFault) {
                _ = try TLSCertificate(chain: chain, key: key)
                return nil
            } catch {
                return error.description
            }
        }
        let missing = files.chain + "x"
        #expect(
            complaint(missing, files.key)
                == "cannot use the certificate \(missing): No such file or directory"
        )
        #expect(
            complaint(files.key, files.key)?.hasPrefix("cannot use the certificate \(files.key): ") == true
        )
        #expect(complaint(files.chain, files.chain)?.hasPrefix("cannot use the key \(files.chain): ") == true)
        #expect(
            complaint(files.chain, other.key)
                == "the key \(other.key) is not that of the certificate \(files.chain)"
        )
        #expect(complaint(files.chain, files.key) == nil)
    }

    @Test func `Who does not finish the handshake is let go`() async throws {
        let files = try await TestCertificate()
        defer { files.remove() }
        var configuration = HTTPServerConfiguration(
            headerTimeout: .milliseconds(100),
            sweepInterval: .milliseconds(20)
        )
        configuration.certificate = try TLSCertificate(chain: files.chain, key: files.key)
        let fixture = try await HTTPServerTests.Fixture(configuration)
        let silent = try await RawConnection(port: fixture.port)
        let half = try await RawConnection(port: fixture.port)
        try await half.send([22, 3, 1])
        #expect(try await silent.read() == "")
        #expect(try await half.read() == "")
        silent.close()
        half.close()
        await eventually { fixture.server.connections == 0 }
        await fixture.stop()
    }
}
