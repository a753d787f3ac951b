import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import usher

/// The program as it was built, behind a real PgBouncer that gives each transaction another session.
@Suite(.timeLimit(.minutes(5)))
struct PooledProgramTests {
    private func environment(_ database: TestDatabase, _ pooled: TestDatabase) -> [String: String] {
        [
            "PATH": "/usr/bin:/bin", "USHER_DATABASE_URL": pooled.url, "USHER_DATABASE_POOLED": "true",
            "USHER_DATABASE_DIRECT_URL": database.url, "USHER_SCHEMA": database.schema,
        ]
    }

    @Test func `Migrations, scheduler and worker of the program work behind a pooler`() async throws {
        try await withEmptyDatabase { database in
            try await TestPooler.with(database) { pooler in
                let pooled = try database.through(pooler)
                // Through the pooler alone, by options.
                let words = [
                    "migrate", "--database-url", pooled.url, "--pooled", "--schema", database.schema,
                ]
                let first = try await BuiltProgram.run(words)
                #expect(first.status == 0 && first.output.hasPrefix("applied 0001_engine\n"), "\(first)")
                let second = try await BuiltProgram.run(words)
                #expect(second.output == "the schema \(database.schema) is up to date\n")

                let lines = AsyncStream<String>.makeStream()
                let loop = try EventLoop(name: "program")
                defer { loop.stop() }
                let supervisor = Supervisor(
                    loop: loop,
                    executable: BuiltProgram.path,
                    environment: environment(database, pooled),
                    line: { who, line in lines.continuation.yield("\(who): \(line)") },
                    event: { lines.continuation.yield($0) }
                )
                await supervisor.want(1, of: .init(name: "scheduler", words: ["scheduler"], stopStage: 1))
                await supervisor.want(1, of: .init(name: "worker", words: ["worker"], stopStage: 0))
                var running: Set<String> = []
                for await line in lines.stream {
                    if line.contains("running") { running.insert(String(line.prefix { $0 != ":" })) }
                    if running.count == 2 { break }
                }
                // The worker hears of new work at the server itself.
                let listeners = Query(
                    "listeners",
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE \("%LISTEN%" + database.schema + "%")"
                        + " AND pid <> pg_backend_pid()"
                )
                while try await database.client.first(listeners)?[0] as Int64? == 0 { await Task.yield() }
                let store = JobStore(postgres: pooled.client)
                // A notification that isn't there: the run looks for it in a step, and ends.
                let missing = NewJob.run(
                    name: "notify",
                    queue: "notifications",
                    input: JSONB(text: "\"none\"")
                )
                let run = try await store.enqueue([missing])[0]
                while try await store.job(run)?.state.isTerminal != true { await Task.yield() }
                #expect(try await store.job(run)?.state == .done)
                await supervisor.stop()
                lines.continuation.finish()
                let left = try await database.client.query(
                    Query("test.workers", "SELECT count(*) FROM workers")
                )
                #expect(try left[0][0] == 0)
                await pooled.client.shutdown()
            }
        }
    }

    @Test func `What goes with no pooler, and what can't be read, is refused in one line`() async throws {
        let alone = try await BuiltProgram.run(["migrate", "--direct-url", "postgresql://db/usher"])
        #expect(alone.status == 2)
        #expect(
            alone.errors
                == "usher migrate: --direct-url is of use only with --pooled; the server alone is --database-url\n"
        )
        let garbled = try await BuiltProgram.run([
            "migrate", "--database-url", "postgresql://pooler/usher", "--pooled", "--direct-url",
            "db.example.org",
        ])
        #expect(garbled.status == 1)
        #expect(
            garbled.errors
                == "usher migrate: --direct-url can't be used: a database URL begins with postgresql://\n"
        )
    }
}
