import Postgres
import TestSupport
import Testing

@Suite("Cancellation", .timeLimit(.minutes(5)))
struct CancellationTests {
    /// Waits until the server runs a statement of this schema's that sleeps.
    private func sleeping(_ database: TestDatabase, _ watcher: PostgresClient, count: Int = 1) async throws {
        let query = Query(
            "sleeping",
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE application_name = \(database.schema) AND state = 'active' AND query LIKE '%pg_sleep%'
                AND pid <> pg_backend_pid()
            """
        )
        while try await watcher.first(query)?[0] as Int? != count { await Task.yield() }
    }

    @Test func `a cancelled task cancels its statement on the server`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            let watcher = database.makeClient()
            for _ in 0..<5 {
                let task = Task { try await database.client.execute(Query("sleep", "SELECT pg_sleep(600)")) }
                try await sleeping(database, watcher)
                task.cancel()
                let error = await #expect(throws: PostgresError.self) { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(error?.sqlState == .queryCanceled)
                #expect(error?.statement == "sleep")
                try await sleeping(database, watcher, count: 0)
                // The one connection is still good, and the request hits nothing else.
                let row = try await database.client.first(Query("one", "SELECT 1 FROM pg_sleep(0.01)"))
                #expect(try row?[0] == 1)
            }
            await watcher.shutdown()
        }
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        try await withEmptyDatabase { database in
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await database.client.execute(Query("one", "SELECT 1"))
            }
            task.cancel()
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
    }

    @Test func `a cancelled transaction is rolled back`() async throws {
        try await withEmptyDatabase { database in
            let watcher = database.makeClient()
            try await database.client.execute(Query("make", "CREATE TABLE t (id int)"))
            let task = Task {
                try await database.client.withTransaction { transaction in
                    try await transaction.execute(Query("insert", "INSERT INTO t VALUES (1)"))
                    try await transaction.execute(Query("sleep", "SELECT pg_sleep(600)"))
                }
            }
            try await sleeping(database, watcher)
            task.cancel()
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            #expect(try await watcher.query(Query("all", "SELECT * FROM t")).isEmpty)
            #expect(database.client.statistics.leased == 0)
            await watcher.shutdown()
        }
    }

    @Test func `cancelling at any moment leaves connections that work`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 2)) { database in
            await withTaskGroup { group in
                for number in 0..<60 {
                    group.addTask {
                        let task = Task {
                            try await database.client.withTransaction { transaction in
                                _ = try await transaction.query(Query("a", "SELECT pg_sleep(0.002)"))
                                return try await transaction.query(Query("b", "SELECT \(number)")).count
                            }
                        }
                        for _ in 0..<number { await Task.yield() }
                        task.cancel()
                        _ = try? await task.value
                    }
                }
            }
            #expect(database.client.statistics.leased == 0)
            for number in 0..<4 {
                let row = try await database.client.first(
                    Query("check", "SELECT \(number) FROM pg_sleep(0.001)")
                )
                #expect(try row?[0] == number)
            }
        }
    }

    @Test func `a task may give up waiting for a connection`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.withConnection { _ in
                let task = Task { try await database.client.execute(Query("one", "SELECT 1")) }
                while database.client.statistics.waiting == 0 { await Task.yield() }
                task.cancel()
                let error = await #expect(throws: PostgresError.self) { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(database.client.statistics.waiting == 0)
            }
        }
    }

    @Test func `a statement that runs into the server's time limit is not a cancelled task`() async throws {
        try await withEmptyDatabase { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction(.init(statementTimeout: .milliseconds(20))) {
                    try await $0.execute(Query("sleep", "SELECT pg_sleep(600)"))
                }
            }
            #expect(error?.code == .server)
            #expect(error?.sqlState == .queryCanceled)
        }
    }
}
