internal import Foundation
import Reactor

/// A script of `Tests` that runs, is told lines, and answers each with one.
package final class PythonTalk: @unchecked Sendable {
    // Sendable: one test talks to it, a line at a time.
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var rest = Data()

    init(_ arguments: [String]) throws {
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// The next line that it prints; nil when it has ended.
    package func line() async throws -> String? {
        try await Thread.run(name: "python") { [self] in
            while true {
                if let end = rest.firstIndex(of: 10) {
                    defer { rest = Data(rest[(end + 1)...]) }
                    return String(decoding: rest[..<end], as: UTF8.self)
                }
                let more = output.fileHandleForReading.availableData
                if more.isEmpty { return nil }
                rest += more
            }
        }
    }

    /// Tells it a line, and hears its answer.
    package func ask(_ text: String) async throws -> String? {
        try input.fileHandleForWriting.write(contentsOf: Data((text + "\n").utf8))
        return try await line()
    }

    /// Has it end.
    package func end() async {
        // Closed already, or no thread to be had: the process ends with its input either way.
        try? input.fileHandleForWriting.close()
        try? await Thread.run(name: "python") { [self] in process.waitUntilExit() }
    }
}
