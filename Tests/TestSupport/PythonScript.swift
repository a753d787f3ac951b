internal import Foundation

/// A script in `Tests` that the system's Python runs, as somebody who knows nothing of this code.
package enum PythonScript {
    /// Runs a script, and gives the lines that it printed.
    ///
    /// - Parameters:
    ///   - name: of the file in `Tests`.
    ///   - arguments: what it is given.
    /// - Returns: what it printed, without empty lines.
    /// - Throws: ``SystemProgram/Failed`` with all it printed.
    package static func run(_ name: String, _ arguments: String...) async throws -> [String] {
        let script = URL(filePath: #filePath).appending(path: "../../\(name)").standardized
        // Not one from PATH: Debian's packages are for Debian's Python.
        let result = try await SystemProgram.run("python3", [script.path] + arguments)
        guard result.status == 0 else { throw SystemProgram.Failed(description: result.text) }
        return result.text.split(separator: "\n").map(String.init)
    }

    /// Starts a script that answers the lines it is given.
    package static func start(_ name: String, _ arguments: String...) async throws -> PythonTalk {
        let script = URL(filePath: #filePath).appending(path: "../../\(name)").standardized
        return try PythonTalk([script.path] + arguments)
    }
}
