import Foundation
import HTTP
import Reactor
import TestSupport
import Testing

/// A real browser at `/live`, as a buyer has it.
@Suite(.timeLimit(.minutes(5)))
struct BrowserTests {
    private static let chromium = "/usr/bin/chromium"

    /// A page of a shop's, from another origin than the gateway, that listens, shows its place, and writes down what it hears.
    private static func page(_ live: String, _ token: String) -> String {
        """
        <!doctype html><pre id="heard"></pre><img src="/wait.svg">
        <script>
        const note = (text) => { document.getElementById("heard").textContent += text + "\\n" }
        const socket = new WebSocket("\(live)")
        socket.onopen = () => socket.send(JSON.stringify({ type: "place", token: "\(token)" }))
        socket.onmessage = ({ data }) => {
            const message = JSON.parse(data)
            note(`heard ${message.type} ${message.state}`)
            if (message.type == "place") socket.close(1000)
        }
        socket.onclose = ({ code, wasClean }) => {
            note(`closed ${code} ${wasClean}`)
            fetch("/done")
        }
        </script>
        """
    }

    /// What Chromium has made of a page when it is loaded, which it is when its script has been heard of.
    private func text(of page: String, _ loops: EventLoopGroup) async throws -> [String] {
        let (dones, done) = AsyncStream<Void>.makeStream()
        let server = HTTPServer(loops: loops) { request in
            switch request.path {
            case "/wait.svg":
                return .later {
                    for await _ in dones { break }
                    return HTTPResponse(status: 204)
                }
            case "/done":
                done.yield()
                return .now(HTTPResponse(status: 204))
            default:
                return .now(
                    HTTPResponse(
                        status: 200,
                        headers: ["Content-Type": "text/html; charset=utf-8"],
                        body: Array(page.utf8)
                    )
                )
            }
        }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        let place = FileManager.default.temporaryDirectory.appending(path: "usher-browser-\(UUID())")
        defer { try? FileManager.default.removeItem(at: place) }
        let dump = try await Reactor.Thread.run(name: "browser") {
            let process = Process()
            process.executableURL = URL(filePath: Self.chromium)
            process.arguments = [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--user-data-dir=\(place.path)", "--dump-dom", "http://127.0.0.1:\(port)/",
            ]
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            try process.run()
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: output, as: UTF8.self)
        }
        done.finish()
        await server.drain(deadline: .zero)
        let heard = dump.firstMatch(of: #/<pre id="heard">([^<]*)</#).map { String($0.1) } ?? dump
        return heard.split(separator: "\n").map(String.init)
    }

    // Ubuntu has it as no Debian package, so script/test installs it on Debian only.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: chromium), "Chromium is not installed"))
    func `Chromium listens, shows a place and leaves in order`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let live = "ws://127.0.0.1:\(house.api.port)/v1/on-sales/\(onSale)/live"
            var heard = try await text(of: Self.page(live, place.token), house.database.loops)
            // More than one tick may come first.
            heard = heard.enumerated().filter { $0 == 0 || heard[$0 - 1] != $1 }.map(\.element)
            #expect(heard == ["heard tick prequeue", "heard place prequeue", "closed 1000 true"])
        }
    }
}
