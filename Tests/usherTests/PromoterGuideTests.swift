import Foundation
import Reactor
import TestSupport
import Testing

@testable import usher

/// The promoter's guide, with `curl` against processes that run.
@Suite(.timeLimit(.minutes(5)))
struct PromoterGuideTests {
    @Test func `A promoter's whole path is walked word for word`() async throws {
        let page = URL(filePath: #filePath).appending(path: "../../../docs/promoter.md").standardized
        let guide = ShellPage(try String(contentsOf: page, encoding: .utf8))
        #expect(guide.blocks.count >= 10)
        try await withEmptyDatabase { database in
            _ = try await RunningHouse.with(database) { port in
                let (output, errors) = try await follow(guide, port: port, database)
                let differences = guide.differences(from: output)
                #expect(
                    differences.isEmpty,
                    "\(differences.joined(separator: "\n\n"))\n\n\(errors.suffix(4000))"
                )
            }
        }
    }

    @Test func `A page that shows something else than what is printed is found out`() {
        let page = ShellPage(
            """
            ```console
            $ this is not run
            ```
            ```sh
            echo one
            echo two
            ```
            ```text
            one
            …
            ```
            ```sh
            echo one; false
            ```
            """
        )
        #expect(page.blocks.count == 2)
        #expect(page.blocks.first == ShellPage.Block(code: ["echo one", "echo two"], shown: ["one", "…"]))
        #expect(page.differences(from: "one\ntwo\n\n--- page 0\n\n--- page 1\n").isEmpty)
        #expect(page.differences(from: "two\n\n--- page 0\n\n--- page 1\n").count == 1)
        #expect(page.differences(from: "one\n\n--- page 0\nsaid\n\n--- page 1\n").count == 1)
        #expect(page.differences(from: "one\n\n--- page 0\none\n").first?.contains("did not come") == true)
    }

    /// Runs all blocks in one bash, in an empty directory, with the program in its path.
    private func follow(
        _ guide: ShellPage,
        port: Int,
        _ database: TestDatabase
    ) async throws -> (output: String, errors: String) {
        let place = URL(filePath: try FileSystem.makeTemporaryDirectory("usher-guide"))
        // What stays lies in the system's directory for such things, and is no matter of this test.
        defer { try? FileSystem.remove(place.path) }
        let files = ["script", "output", "errors"].map { place.appending(path: $0) }
        try guide.script.write(to: files[0], atomically: true, encoding: .utf8)
        for file in files[1...] { try Data().write(to: file) }
        let program = URL(filePath: BuiltProgram.path).deletingLastPathComponent().path
        return try await Reactor.Thread.run(name: "guide") {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            process.arguments = [files[0].path]
            process.currentDirectoryURL = place
            process.environment = [
                "PATH": "\(program):/usr/bin:/bin", "USHER": "http://127.0.0.1:\(port)",
                "USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema,
            ]
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = try FileHandle(forWritingTo: files[1])
            process.standardError = try FileHandle(forWritingTo: files[2])
            try process.run()
            process.waitUntilExit()
            return (
                try String(contentsOf: files[1], encoding: .utf8),
                try String(contentsOf: files[2], encoding: .utf8)
            )
        }
    }
}
