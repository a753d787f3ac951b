import Foundation
import Postgres
import Reactor
import TestSupport
import Testing

/// The guide is followed to the letter, with a build of its own.
@Suite(.timeLimit(.minutes(45)))
struct GuideTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    private func guide() throws -> Guide {
        try Guide(
            String(contentsOf: Self.root.appending(path: "docs/first-workflow.md"), encoding: .utf8)
        )
    }

    @Test func `Your first workflow is written, run, killed and tested word for word`() async throws {
        let guide = try guide()
        try await withEmptyDatabase { database in
            // A database of its own, because the guide names its schema.
            let name = "guide_\(database.schema)"
            try await database.client.execute(Query("test_database", "CREATE DATABASE \(identifier: name)"))
            let result: Result<(output: String, errors: String), any Error>
            do {
                result = .success(try await follow(guide, database: name, on: database))
            } catch {
                result = .failure(error)
            }
            try await database.client.execute(
                Query("test_database_drop", "DROP DATABASE \(identifier: name) WITH (FORCE)")
            )
            let (output, errors) = try result.get()
            let differences = guide.differences(from: output)
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n\n"))\n\n\(errors.suffix(4000))")
        }
    }

    @Test func `A guide that shows something else than what is written is found out`() throws {
        let guide = try Guide(
            """
            `some/file`:

            ```swift
            text
            ```
            ```console
            $ cat some/file
            text
            $ cat some/file; date
            text
            …
            $ cat some/file
            texts
            $ cat nothing
            ```
            """
        )
        #expect(guide.parts.first == .file(path: "some/file", text: "text\n"))
        let mark = Guide.mark
        let differences = guide.differences(
            from: """

                \(mark) 0 0
                text

                \(mark) 1 0
                text
                now
                and then

                \(mark) 2 0
                text

                \(mark) 3 0

                \(mark) 4 1
                """
        )
        #expect(differences.count == 2)
        #expect(differences.first?.contains("instead of\ntexts") == true)
        #expect(differences.last?.contains("ended with 1") == true)
    }

    /// Does all that the guide says, in an empty directory beside a link to this checkout.
    ///
    /// The one thing that is not as written is where the database is.
    private func follow(
        _ guide: Guide,
        database name: String,
        on database: TestDatabase
    ) async throws -> (output: String, errors: String) {
        let place = FileManager.default.temporaryDirectory
            .appending(path: "usher-guide-" + String(UInt64.random(in: .min ... .max), radix: 36))
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
        defer { _ = Result { try FileManager.default.removeItem(at: place) } }
        try FileManager.default.createSymbolicLink(
            at: place.appending(path: "usher"),
            withDestinationURL: Self.root
        )
        var url = try #require(URLComponents(string: database.url))
        url.path = "/" + name
        let here = try #require(url.string)
        let script = guide.script.replacingOccurrences(
            of: "postgresql://localhost/postgres",
            with: "'\(here)'"
        )
        #expect(script.contains(here), "the guide doesn't say where the database is")

        let files = ["script", "output", "errors"].map { place.appending(path: $0) }
        try script.write(to: files[0], atomically: true, encoding: .utf8)
        for file in files[1...] { try Data().write(to: file) }
        return try await Reactor.Thread.run(name: "guide") {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            process.arguments = [files[0].path]
            process.currentDirectoryURL = place
            // What the test run says of itself to its own programs is not for these.
            process.environment = ProcessInfo.processInfo.environment.filter { name, _ in
                ["PATH", "HOME", "USER", "LANG", "TMPDIR"].contains(name)
            }
            process.standardInput = FileHandle.nullDevice
            // Files, not pipes: what the guide leaves behind would hold those open.
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
