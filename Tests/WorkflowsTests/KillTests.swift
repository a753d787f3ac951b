import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import SignupExample

/// The README's workflow in a process of its own, killed at every place where it could hurt.
@Suite(.timeLimit(.minutes(5)))
struct KillTests {
    private func victim(_ database: TestDatabase) throws -> ChildProgram {
        try ChildProgram(
            "SignupExample",
            environment: ["USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema]
        )
    }

    /// What it has mailed; its log goes the same way.
    private func letters(of victim: ChildProgram) -> [String] {
        victim.lines.filter { $0.hasPrefix("mail to ") }
    }

    @Test func `The README's workflow survives SIGKILL inside and between its steps`() async throws {
        try await withDatabase { database in
            // While it is closed, a step that writes members stands still inside its transaction.
            let gate = AdvisoryGate()
            try await database.create(
                "CREATE TABLE members (email text, code text, confirmations int NOT NULL DEFAULT 0)"
            )
            // Somebody whom no statement is about: one that lost its WHERE would touch them as well.
            try await database.create("INSERT INTO members VALUES ('grace@example.org', 'hers', 1)")
            try await database.client.simple(gate.hold("members"))
            let client = WorkflowClient(postgres: database.client)
            let run = try await client.start(Signup.self, "ada@example.org")
            var letters: [String] = []

            /// Starts a process, waits until it stands inside a step, kills it.
            func killAtGate() async throws {
                try await gate.whileClosed(database.client) {
                    let victim = try victim(database)
                    _ = try await database.eventually("a step stands at the gate") {
                        try await gate.waiting(database.client).isEmpty ? nil : true
                    }
                    victim.kill()
                    letters += self.letters(of: victim)
                }
            }

            // 1. Inside the first step.
            try await killAtGate()
            // 2. Between the first step's commit and the record of the effect, or a hair after it.
            let mailer = try victim(database)
            _ = try await database.eventually("the letter is out") {
                self.letters(of: mailer).isEmpty ? nil : true
            }
            mailer.kill()
            letters += self.letters(of: mailer)
            // 3. While the run is parked.
            let parker = try victim(database)
            try await database.reached(.waiting, run)
            parker.kill()
            letters += self.letters(of: parker)
            // 4. Inside the last step.
            #expect(try await client.send(Signup.confirmed, "secret", to: run) == .delivered)
            try await killAtGate()
            // 5. And to the end.
            let finisher = try victim(database)
            let job = try await database.ended(run)
            finisher.kill()
            #expect(job.state == .done, "\(job.error ?? "")")
            #expect(try await client.result(of: run, Signup.self) == "confirmed")

            let members = try await database.client.query(
                Query(
                    "test_members",
                    "SELECT concat_ws(' ', email, code, confirmations) FROM members ORDER BY 1"
                )
            )
            #expect(
                try members.map { try $0[0] } == ["ada@example.org secret 1", "grace@example.org hers 1"]
            )
            // The effect may have run again, always under its one key.
            #expect((1...2).contains(letters.count), "\(letters)")
            #expect(letters.allSatisfy { $0.hasSuffix("[\(run)/0/welcome]") }, "\(letters)")
        }
    }
}
