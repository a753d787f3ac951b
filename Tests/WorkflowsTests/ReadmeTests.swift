import Foundation
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import SignupExample

/// What the README shows is what is compiled, run and killed.
@Suite(.timeLimit(.minutes(5)))
struct ReadmeTests {
    @Test func `The README shows the example as it is compiled`() throws {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardized
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let example = try String(
            contentsOf: root.appending(path: "Examples/Signup/Signup.swift"),
            encoding: .utf8
        )
        #expect(readme.contains("```swift\n\(example)```\n"))
    }

    @Test func `The README's workflow forgets who does not confirm, and nobody else`() async throws {
        try await withDatabase { database in
            try await database.create(
                "CREATE TABLE members (email text, code text, confirmations int NOT NULL DEFAULT 0)"
            )
            try await database.create("INSERT INTO members VALUES ('grace@example.org', 'hers', 1)")
            var registry = WorkflowRegistry()
            registry.register(Signup { _, _, _ in })
            try await withWorker(database, registry) { _ in
                let client = WorkflowClient(postgres: database.client)
                let run = try await client.start(Signup.self, "ada@example.org")
                try await database.reached(.waiting, run)
                #expect(try await database.count("members") == 2)
                try await database.shiftClock(86_401)
                #expect(try await database.ended(run).state == .done)
                #expect(try await client.result(of: run, Signup.self) == "forgotten")
            }
            let members = try await database.client.query(Query("test_members", "SELECT email FROM members"))
            #expect(try members.map { try $0[0] } == ["grace@example.org"])
        }
    }
}
