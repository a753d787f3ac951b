internal import Foundation
import Reactor

/// A script in `Tests` that the system's Python runs, as somebody who knows nothing of this code.
package enum PythonScript {
    /// What a script printed that ended badly.
    package struct Failed: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs a script, and gives the lines that it printed.
    ///
    /// - Parameters:
    ///   - name: of the file in `Tests`.
    ///   - arguments: what it is given.
    /// - Returns: what it printed, without empty lines.
    /// - Throws: ``Failed`` with all it printed.
    package static func run(_ name: String, _ arguments: String...) async throws -> [String] {
        let script = URL(filePath: #filePath).appending(path: "../../\(name)").standardized
        return try await Thread.run(name: "python") {
            let process = Process()
            // Not one from PATH: Debian's packages are for Debian's Python.
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [script.path] + arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { throw Failed(description: output) }
            return output.split(separator: "\n").map(String.init)
        }
    }

    /// Starts a script that answers the lines it is given.
    package static func start(_ name: String, _ arguments: String...) async throws -> PythonTalk {
        let script = URL(filePath: #filePath).appending(path: "../../\(name)").standardized
        return try PythonTalk([script.path] + arguments)
    }
}
