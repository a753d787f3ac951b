internal import Foundation
package import HTTP
internal import Reactor

/// A Chromium of its own, spoken to by the DevTools protocol over two pipes: JSON messages that end with a zero.
///
/// Source: chromedevtools.github.io/devtools-protocol; `--remote-debugging-pipe` reads descriptor 3 and writes 4.
package final class DevTools: @unchecked Sendable {
    // Sendable: what changes is behind the lock; the process and its pipes are used by one thread each.

    /// Something that a tab tells unasked.
    package struct Event: Sendable {
        package let method: String
        package let parameters: JSONValue
    }

    /// What the browser answered instead of a result.
    package struct Refusal: Error, CustomStringConvertible {
        package let method: String
        package let message: String
        package var description: String { "\(method): \(message)" }
    }

    private struct State {
        var last: Int64 = 0
        var waiting: [Int64: CheckedContinuation<JSONValue, any Error>] = [:]
        var listeners: [String: @Sendable (Event) -> Void] = [:]
        var isOver = false
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let profile = FileManager.default.temporaryDirectory.appending(path: "usher-browser-\(UUID())")
    private let state = Lock(State())
    private let writing = Lock(())

    /// Where Debian puts it.
    package static let path = "/usr/bin/chromium"
    /// Whether there is one.
    package static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

    init() throws {
        // The protocol is on the descriptors of the shell's standard streams, which it hands on as 3 and 4.
        let options = [
            "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--mute-audio",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--force-color-profile=srgb", "--user-data-dir=\(profile.path)",
            "about:blank",
        ]
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments =
            ["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", Self.path] + options
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try Reactor.Thread.start(name: "devtools") { [self] in read() }
    }

    /// Ends the browser.
    func close() async {
        // It ends with its input, and what it left open with it.
        try? input.fileHandleForWriting.close()
        process.terminate()
        // No thread to be had: then its profile may be written to a little longer, and stays.
        try? await Reactor.Thread.run(name: "browser") { [self] in process.waitUntilExit() }
        try? FileManager.default.removeItem(at: profile)
    }

    /// Has the events of a session told.
    func listen(to session: String, _ listener: @escaping @Sendable (Event) -> Void) {
        state.withLock { $0.listeners[session] = listener }
    }

    /// Asks for something and waits for the answer.
    @discardableResult
    package func ask(
        _ method: String,
        _ parameters: KeyValuePairs<String, JSONValue> = [:],
        session: String? = nil
    ) async throws -> JSONValue {
        let answer = try await withCheckedThrowingContinuation { continuation in
            let id: Int64? = state.withLock { state in
                guard !state.isOver else { return nil }
                state.last += 1
                state.waiting[state.last] = continuation
                return state.last
            }
            guard let id else {
                return continuation.resume(
                    throwing: Refusal(method: method, message: "the browser has ended")
                )
            }
            let text = JSONWriter.object { json in
                json.field("id", id)
                json.field("method", method)
                if let session { json.field("sessionId", session) }
                json.object("params") { for (name, value) in parameters { $0.field(name, value) } }
            }
            writing.withLock { _ in
                // A browser that is gone is heard of by the reader.
                try? input.fileHandleForWriting.write(contentsOf: Data(text + [0]))
            }
        }
        if let message = answer["error"]?["message"]?.string {
            throw Refusal(method: method, message: message)
        }
        return answer["result"] ?? .null
    }

    private func read() {
        var rest = Data()
        while case let more = output.fileHandleForReading.availableData, !more.isEmpty {
            rest += more
            while let end = rest.firstIndex(of: 0) {
                // What can't be read might be an answer that somebody waits for: then nobody is to wait any longer.
                guard let message = try? JSONValue(parsing: Array(rest[..<end])) else { return giveUp() }
                take(message)
                rest = Data(rest[(end + 1)...])
            }
        }
        giveUp()
    }

    private func giveUp() {
        let left = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for one in left { one.resume(throwing: Refusal(method: "browser", message: "the browser has ended")) }
    }

    private func take(_ message: JSONValue) {
        if let id = message["id"]?.int {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: message)
        } else if let method = message["method"]?.string, let session = message["sessionId"]?.string {
            let event = Event(method: method, parameters: message["params"] ?? .null)
            state.withLock { $0.listeners[session] }?(event)
        }
    }
}
