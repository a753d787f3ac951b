import Foundation
import Glibc
import Jobs
import Postgres
import Reactor
import TestSupport
import Testing
import Workflows

@testable import SignupExample

/// The README's workflow in a process of its own, killed at every place where it could hurt.
@Suite(.timeLimit(.minutes(5)))
struct KillTests {
    /// One process of the example, and what it wrote.
    private final class Victim: Sendable {
        private let process: Lock<Process>
        let letters = Lock<[String]>([])

        init(_ database: TestDatabase) throws {
            let process = Process()
            process.executableURL = Bundle.main.bundleURL.appendingPathComponent("SignupExample")
            process.environment = ["USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema]
            let output = Pipe()
            process.standardOutput = output
            self.process = Lock(process)
            output.fileHandleForReading.readabilityHandler = { [letters = Unowned(self)] handle in
                let lines = String(decoding: handle.availableData, as: UTF8.self).split(separator: "\n")
                letters.victim?.letters.withLock { $0 += lines.map(String.init) }
            }
            try self.process.withLock { try $0.run() }
        }

        deinit { kill() }

        func kill() {
            process.withLock { process in
                guard process.isRunning else { return }
                Glibc.kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
        }
    }

    private struct Unowned: Sendable {
        weak let victim: Victim?
        init(_ victim: Victim) { self.victim = victim }
    }

    @Test func `The README's workflow survives SIGKILL inside and between its steps`() async throws {
        try await withDatabase { database in
            // The gate: while the test holds the advisory lock, a step that writes members stands still inside its
            // transaction.
            let gate = Int64.random(in: 1 ... .max)
            try await database.create(
                "CREATE TABLE members (email text, code text, confirmations int NOT NULL DEFAULT 0)"
            )
            // Somebody whom no statement is about: one that lost its WHERE would touch them as well.
            try await database.create("INSERT INTO members VALUES ('grace@example.org', 'hers', 1)")
            try await database.create("CREATE TABLE gate (key bigint)")
            try await database.create("INSERT INTO gate VALUES (\(gate))")
            try await database.create(
                """
                CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_advisory_xact_lock(key) FROM gate; RETURN NEW; END $$
                """
            )
            try await database.create(
                "CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON members FOR EACH ROW EXECUTE FUNCTION wait_at_gate()"
            )
            let client = WorkflowClient(postgres: database.client)
            let run = try await client.start(Signup.self, "ada@example.org")
            var letters: [String] = []

            /// Starts a process, waits until it stands inside a step, kills it.
            func killAtGate() async throws {
                try await database.client.withConnection { holder in
                    _ = try await holder.query(Query("test_close", "SELECT pg_advisory_lock(\(gate))"))
                    let victim = try Victim(database)
                    _ = try await database.eventually("a step stands at the gate") {
                        let waiting: Int64 = try await database.client.query(
                            Query(
                                "test_waiting",
                                """
                                SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                                    AND (classid::bigint << 32 | objid::bigint) = \(gate)
                                """
                            )
                        )[0][0]
                        return waiting > 0 ? true : nil
                    }
                    victim.kill()
                    letters += victim.letters.withLock { $0 }
                    _ = try await holder.query(Query("test_open", "SELECT pg_advisory_unlock(\(gate))"))
                }
            }

            // 1. Inside the first step.
            try await killAtGate()
            // 2. Between the first step's commit and the record of the effect, or a hair after it.
            let mailer = try Victim(database)
            _ = try await database.eventually("the letter is out") {
                mailer.letters.withLock { $0.isEmpty } ? nil : true
            }
            mailer.kill()
            letters += mailer.letters.withLock { $0 }
            // 3. While the run is parked.
            let parker = try Victim(database)
            try await database.reached(.waiting, run)
            parker.kill()
            letters += parker.letters.withLock { $0 }
            // 4. Inside the last step.
            #expect(try await client.send(Signup.confirmed, "secret", to: run) == .delivered)
            try await killAtGate()
            // 5. And to the end.
            let finisher = try Victim(database)
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
