import Foundation
import Jobs
import Postgres
import Testing
import TestSupport

/// `usher queues`, `usher jobs` and `usher workers` on a schema with jobs in every place.
@Suite(.timeLimit(.minutes(5)))
struct JobsCommandTests {
    private struct Scene {
        let database: TestDatabase
        let store: JobStore
        let ids: [JobID]

        /// One done, one failed, one scheduled, one running, one ready.
        init(_ database: TestDatabase) async throws {
            self.database = database
            store = JobStore(postgres: database.client)
            try await store.ensureQueue("mail", lanes: 1)
            let input = JSONB(text: "{\"to\":\"ada\"}")
            ids = try await store.enqueue(
                (0..<5).map { _ in NewJob(name: "send", queue: "mail", input: input) }
            )
            let rows = try await database.client.query(
                JobStatements.claim(LaneLeaf(number: 0, queue: "mail"), limit: 4, worker: 1)
            )
            let batch = try ClaimedJob(claim: rows[0], from: "mail").batch
            _ = try await database.client.query(
                JobStatements.settle([
                    JobEnd(batch: batch, id: ids[0], next: .done(output: nil)),
                    JobEnd(batch: batch, id: ids[1], next: .failed(failures: 3, error: "no such\naddress")),
                    JobEnd(
                        batch: batch,
                        id: ids[2],
                        next: .retry(after: .seconds(3600), failures: 1, error: "busy")
                    ),
                ])
            )
        }

        func usher(_ words: [String]) async throws -> (exit: Int32, output: String, errors: String) {
            let result = try await BuiltProgram.run(
                words + ["--database-url", database.url, "--schema", database.schema]
            )
            return (result.status, result.output, result.errors)
        }

        /// The numbers in the lines of a list.
        func listed(_ words: [String]) async throws -> [JobID] {
            let output = try await usher(["jobs", "list", "--json"] + words).output
            return try output.split(separator: "\n").map { line in
                JobID(rawValue: try JSONDecoder().decode(EngineView.JobRow.self, from: Data(line.utf8)).id)
            }
        }
    }

    @Test func `Jobs are listed by where they stand`() async throws {
        try await withDatabase { database in
            let scene = try await Scene(database)
            #expect(try await scene.listed([]) == scene.ids.reversed())
            for (state, index) in [
                ("done", 0), ("failed", 1), ("scheduled", 2), ("running", 3), ("ready", 4),
            ] {
                #expect(try await scene.listed(["--state", state]) == [scene.ids[index]], "\(state)")
            }
            #expect(try await scene.listed(["--queue", "mail", "--name", "send", "--limit", "2"]).count == 2)
            #expect(try await scene.listed(["--before", "\(scene.ids[2])"]) == [scene.ids[1], scene.ids[0]])
            #expect(try await scene.listed(["--queue", "nowhere"]).isEmpty)
            let table = try await scene.usher(["jobs", "list", "--state", "failed"]).output
            #expect(table.contains("no such address"), "\(table)")
        }
    }

    @Test func `A job is shown with all that is known of it`() async throws {
        try await withDatabase { database in
            let scene = try await Scene(database)
            let shown = try await scene.usher(["jobs", "show", "\(scene.ids[1])"])
            #expect(shown.exit == 0)
            #expect(shown.output.contains("\"standing\" : \"failed\""), "\(shown.output)")
            #expect(shown.output.contains("\"to\" : \"ada\""))
            let missing = try await scene.usher(["jobs", "show", "999999"])
            #expect(missing.exit == 1)
            #expect(missing.errors.contains("there is no job 999999"))
        }
    }

    @Test func `Jobs are retried, cancelled and redriven`() async throws {
        try await withDatabase { database in
            let scene = try await Scene(database)
            func state(_ index: Int) async throws -> JobState? {
                try await scene.store.job(scene.ids[index])?.state
            }

            #expect(try await scene.usher(["jobs", "retry", "\(scene.ids[2])"]).exit == 0)
            _ = try await database.client.query(JobStatements.promoteDue(limit: 10))
            #expect(try await state(2) == .ready)
            #expect(try await scene.usher(["jobs", "retry", "\(scene.ids[0])"]).errors.contains("is done"))

            #expect(
                try await scene.usher(["jobs", "cancel", "\(scene.ids[4])"]).output.contains("is cancelled")
            )
            #expect(try await state(4) == .cancelled)
            let running = try await scene.usher(["jobs", "cancel", "\(scene.ids[3])"])
            #expect(running.output.contains("its worker was asked"))

            #expect(try await scene.usher(["jobs", "redrive"]).exit == 2)
            #expect(try await scene.usher(["jobs", "redrive", "--queue", "other"]).output.contains("0 jobs"))
            #expect(try await scene.usher(["jobs", "redrive", "--kind", "failed"]).output.contains("1 jobs"))
            #expect(try await state(1) == .ready)
        }
    }

    @Test func `Queues and workers are shown`() async throws {
        try await withDatabase { database in
            let scene = try await Scene(database)
            try await database.client.execute(
                Query(
                    "t_worker",
                    """
                    INSERT INTO workers (pool, queues, host, process_id, capacity)
                    VALUES ('mailers', '{mail}', 'here', 7, 9)
                    """
                )
            )
            let line = try await scene.usher(["queues", "--json"]).output
            let row = try JSONDecoder().decode(EngineView.QueueRow.self, from: Data(line.utf8))
            #expect(row.name == "mail" && row.held == 1 && row.dead_letters == 1 && row.done_last_minute == 1)
            #expect(row.oldest_seconds != nil && row.blocked == 0 && !row.blocked_is_estimate)
            #expect(try await scene.usher(["queues"]).output.contains("mail"))
            #expect(try await scene.usher(["workers"]).output.contains("mailers"))
        }
    }
}
