import Foundation
import Reactor

/// The program as it was built, run as a process.
struct BuiltProgram {
    struct Result: Sendable, Equatable {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Beside the test bundle, where the build put both.
    static let path: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let directory = bundle.map { URL(filePath: $0).deletingLastPathComponent() }
        let built =
            directory ?? URL(filePath: #filePath).appending(path: "../../../.build/debug").standardized
        return built.appending(path: "usher").path
    }()

    /// Runs it to its end, on a thread of its own.
    static func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Result {
        try await Reactor.Thread.run(name: "usher") {
            let process = Process()
            process.executableURL = URL(filePath: path)
            process.arguments = arguments
            process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
            let output = Pipe()
            let errors = Pipe()
            process.standardOutput = output
            process.standardError = errors
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let errorText = errors.fileHandleForReading.readDataToEndOfFile()
            let outputText = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return Result(
                status: process.terminationStatus,
                output: String(decoding: outputText, as: UTF8.self),
                errors: String(decoding: errorText, as: UTF8.self)
            )
        }
    }
}
