import Jobs
import Postgres
import Reactor
import TestSupport
import Testing
import Workflows

/// What becomes of code whose transaction is rolled back.
@Suite(.timeLimit(.minutes(5)))
struct RollbackTests {
    /// Counts the goes at its code that began, and those that were left.
    private struct Stubborn: Workflow {
        static let name = "stubborn"
        let begun: @Sendable () -> Int
        let left: @Sendable () -> Void

        func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
            let go = begun()
            defer { left() }
            async let other: Void = context.step("other") { _ in }
            try await context.step("fails at first") { tx in
                let code = go <= input ? "40001" : "00000"
                try await tx.execute(
                    Query("stubborn", "SELECT fail_with(\(code))")
                )
            }
            try await other
            return go
        }
    }

    @Test func `Code of a go that is rolled back is unwound, and leaves no task behind`() async throws {
        try await withDatabase { database in
            try await database.create(
                """
                CREATE FUNCTION fail_with(code text) RETURNS void LANGUAGE plpgsql AS
                $$ BEGIN IF code <> '00000' THEN RAISE 'no' USING ERRCODE = code; END IF; END $$
                """
            )
            let goes = Lock((begun: 0, left: 0))
            var registry = WorkflowRegistry()
            registry.register(
                Stubborn(
                    begun: {
                        goes.withLock { goes in
                            goes.begun += 1
                            return goes.begun
                        }
                    },
                    left: { goes.withLock { $0.left += 1 } }
                )
            )
            let run = try await WorkflowClient(postgres: database.client).start(Stubborn.self, 3)
            try await withWorker(database, registry) { _ in
                let job = try await database.ended(run)
                #expect(job.state == .done, "\(job.error ?? "")")
            }
            let (begun, left) = goes.withLock { ($0.begun, $0.left) }
            #expect(begun == 4)
            #expect(left == begun, "a go whose code is not left holds its memory for ever")
        }
    }
}
