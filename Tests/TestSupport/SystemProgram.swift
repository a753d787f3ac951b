internal import Foundation
internal import Glibc
internal import Reactor

/// A program of the system's, as somebody who knows nothing of this code.
package enum SystemProgram {
    /// How one ended.
    package struct Result: Sendable {
        package let status: Int32
        /// What it wrote, to either.
        package let text: String
    }

    /// One that is not there, or that did not do what was asked.
    package struct Failed: Error, CustomStringConvertible {
        package let description: String
    }

    /// Where it is; nil where it isn't.
    package static func path(_ name: String) -> String? {
        ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs one to its end, on a thread of its own.
    package static func run(_ name: String, _ arguments: [String]) async throws -> Result {
        let process = try prepared(name, arguments)
        return try await Reactor.Thread.run(name: "program") {
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return Result(status: process.terminationStatus, text: text)
        }
    }

    /// Runs one beside `body`, which begins when `isUp` says so.
    package static func with(
        _ name: String,
        _ arguments: [String],
        isUp: () async -> Bool,
        _ body: () async throws -> Void
    ) async throws {
        let process = try prepared(name, arguments)
        let log = FileManager.default.temporaryDirectory.appending(path: "usher-\(UUID()).log")
        try Data().write(to: log)
        defer { try? FileManager.default.removeItem(at: log) }
        process.standardOutput = try FileHandle(forWritingTo: log)
        process.standardError = process.standardOutput
        try process.run()
        defer {
            // It has nothing to end in order, and what may be asked of it is blocked, as it is here.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        while await !isUp() {
            guard process.isRunning else {
                // What it said, if that can be read: that it ended is told in any case.
                let words = (try? String(contentsOf: log, encoding: .utf8)) ?? "nothing"
                throw Failed(description: "\(name) ended, and said: \(words)")
            }
            // A program of others gives no sign that it listens: it is knocked at.
            try await Task.sleep(for: .milliseconds(20))
        }
        try await body()
    }

    /// A directory for what programs read and write, which is gone afterwards.
    package static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "usher-peers-\(UUID())")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: place) }
        try await body(place.path)
    }

    private static func prepared(_ name: String, _ arguments: [String]) throws -> Process {
        guard let path = path(name) else {
            throw Failed(description: "\(name) is not installed: script/test does it")
        }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        return process
    }
}
