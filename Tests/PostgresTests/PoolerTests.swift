import Foundation
import Postgres
import TestSupport
import Testing

/// What the client does behind a real PgBouncer that gives each transaction another session.
@Suite("Behind a pooler", .timeLimit(.minutes(5)))
struct PoolerTests {
    private struct Boom: Error {}

    private let make = Query("make", "CREATE TABLE t (id int PRIMARY KEY, name text)")
    private let count = Query("count", "SELECT count(*) FROM t")
    private let settings = Query(
        "settings",
        """
        SELECT current_schema()::text, current_setting('enable_seqscan'), current_setting('jit'),
            pg_backend_pid()
        """
    )
    private func insert(_ id: Int32) -> Query { Query("insert", "INSERT INTO t (id) VALUES (\(id))") }

    private func withPooler(
        direct: Bool = false,
        pool: PoolLimits = .init(maximum: 6),
        _ body: (_ database: TestDatabase, _ pooled: TestDatabase, TestPooler) async throws -> Void
    ) async throws {
        try await withEmptyDatabase { database in
            try await TestPooler.with(database) { pooler in
                let pooled = try database.through(pooler, direct: direct, pool: pool)
                try await body(database, pooled, pooler)
                await pooled.client.shutdown()
            }
        }
    }

    @Test func `Statements, pipelines and errors come back as from the server itself`() async throws {
        try await withPooler(pool: .init(maximum: 1)) { _, pooled, _ in
            let client = pooled.client
            try await client.execute(make)
            let none: String? = nil
            let results = try await client.pipeline([
                Query("one", "INSERT INTO t VALUES (\(Int32(1)), \("ünï"))"),
                Query("two", "INSERT INTO t VALUES (\(Int32(2)), \(none))"),
                Query("all", "SELECT id, name FROM t WHERE id = ANY(\([Int32(1), 2, 3])) ORDER BY id"),
            ])
            #expect(results.map(\.count) == [0, 0, 2])
            #expect(try results[2][0][1] == "ünï")
            #expect(try results[2][1][1] == none)
            let error = await #expect(throws: PostgresError.self) {
                try await client.pipeline([insert(3), insert(1), insert(4)])
            }
            #expect(error?.sqlState == .uniqueViolation)
            #expect(error?.statement == "insert")
            let missing = await #expect(throws: PostgresError.self) {
                try await client.query(Query("missing", "SELECT * FROM nowhere"))
            }
            #expect(missing?.sqlState == .undefinedTable)
            // None of the pipeline is left, and the one connection is as good as before.
            #expect(try await client.first(count)?[0] == 2)
            try await client.execute(Query("alter", "ALTER TABLE t ALTER id TYPE bigint"))
            let row = try #require(
                try await client.first(Query("id", "SELECT id FROM t WHERE id = \(Int32(2))"))
            )
            #expect(try row[0] == Int64(2))
        }
    }

    @Test func `Settings come with each transaction, whatever session it gets, and stay in none`()
        async throws
    {
        try await withPooler { database, pooled, pooler in
            let path = database.schema
            // More transactions at once than there are sessions, so that all of them are used.
            try await withThrowingTaskGroup { group in
                for number in 0..<24 {
                    group.addTask {
                        let row =
                            if number % 2 == 0 {
                                try await pooled.client.first(settings)
                            } else {
                                try await pooled.client.withTransaction { transaction in
                                    let row = try await transaction.first(settings)
                                    try await transaction.execute(Query("one", "SELECT pg_sleep(0.001)"))
                                    #expect(try await transaction.first(settings)?[0] == path)
                                    return row
                                }
                            }
                        let found = try #require(row)
                        #expect(try found[0] == path)
                        #expect(try found[1] == "off")
                        #expect(try found[2] == "off")
                    }
                }
                try await group.waitForAll()
            }
            // Somebody else's program gets the same sessions as the server made them.
            var plain = try PostgresConfiguration(url: database.url(port: pooler.port))
            plain.isPooled = true
            let other = PostgresClient(
                plain,
                loops: database.loops,
                pool: .init(maximum: TestPooler.sessions)
            )
            let fresh = try await PostgresClient(
                PostgresConfiguration(url: database.url),
                loops: database.loops,
                pool: .init(maximum: 1)
            ).first(settings)
            // Each of them holds its session while the next asks, so all sessions are seen.
            var backends: Set<Int32> = []
            try await other.withTransaction { first in
                try await other.withTransaction { second in
                    try await other.withTransaction { third in
                        for row in [
                            try await first.first(settings), try await second.first(settings),
                            try await third.first(settings),
                        ] {
                            for column in 0..<3 {
                                let seen: String? = try row?[column]
                                #expect(try seen == fresh?[column])
                            }
                            if let pid: Int32 = try row?[3] { backends.insert(pid) }
                        }
                    }
                }
            }
            #expect(backends.count == TestPooler.sessions)
            await other.shutdown()
        }
    }

    @Test func `Transactions commit, roll back, have savepoints and options`() async throws {
        try await withPooler { database, pooled, _ in
            try await pooled.client.execute(make)
            await #expect(throws: Boom.self) {
                try await pooled.client.withTransaction { transaction in
                    try await transaction.pipeline([insert(1), insert(2)])
                    throw Boom()
                }
            }
            try await pooled.client.withTransaction { transaction in
                try await transaction.execute(insert(3))
                _ = try? await transaction.savepoint { inner in
                    try await inner.execute(insert(4))
                    try await inner.execute(insert(3))
                }
                // The path is still there after a part was undone.
                try await transaction.execute(insert(5))
                let results = try await transaction.commit(after: [insert(6), count])
                #expect(try results[1][0][0] == 3)
            }
            let options = TransactionOptions(
                isolation: .repeatableRead,
                readOnly: true,
                lockTimeout: .milliseconds(1500),
                statementTimeout: .seconds(20)
            )
            try await pooled.client.withTransaction(options) { transaction in
                // A snapshot is taken by the first statement of the body, not by what comes before: this one is
                // committed after BEGIN and seen.
                try await transaction.execute(Query("limits", "SET LOCAL work_mem = '1MB'"))
                try await database.client.execute(insert(7))
                #expect(try await transaction.first(count)?[0] == 4)
                try await database.client.execute(insert(8))
                #expect(try await transaction.first(count)?[0] == 4)
                let row = try await transaction.first(
                    Query(
                        "options",
                        """
                        SELECT current_setting('transaction_isolation'), current_setting('lock_timeout'),
                            current_setting('statement_timeout'), current_setting('transaction_read_only')
                        """
                    )
                )
                #expect(try row?[0] == "repeatable read")
                #expect(try row?[1] == "1500ms")
                #expect(try row?[2] == "20s")
                #expect(try row?[3] == "on")
            }
            let rows = try await database.client.query(Query("ids", "SELECT id FROM t ORDER BY id"))
            #expect(try rows.map { try $0[0] as Int32 } == [3, 5, 6, 7, 8])
        }
    }

    @Test func `Scripts and COPY find the schema, alone and in a transaction, and fail whole`() async throws {
        try await withPooler(pool: .init(maximum: 1)) { database, pooled, _ in
            let client = pooled.client
            try await client.simple(
                "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a');"
            )
            let broken = await #expect(throws: PostgresError.self) {
                try await client.simple("INSERT INTO t VALUES (2); SELECT 1 / 0")
            }
            #expect(broken?.sqlState == .divisionByZero)
            let copy = Query("t.copy", "COPY t FROM STDIN")
            let copied = try await client.copyIn(copy) { try await $0.write("3\tc\n4\td\n".utf8) }
            #expect(copied == 2)
            let refused = await #expect(throws: PostgresError.self) {
                try await client.copyIn(copy) { try await $0.write("5\te\n3\tc\n".utf8) }
            }
            #expect(refused?.sqlState == .uniqueViolation)
            await #expect(throws: Boom.self) {
                try await client.copyIn(copy) { writer in
                    try await writer.write("6\tf\n".utf8)
                    throw Boom()
                }
            }
            let noCopy = await #expect(throws: PostgresError.self) {
                try await client.copyIn(Query("wrong", "COPY nowhere FROM STDIN")) { _ in }
            }
            #expect(noCopy?.sqlState == .undefinedTable)
            let binary = Query("t.binary", "COPY t FROM STDIN WITH (FORMAT binary)")
            try await client.withTransaction { transaction in
                try await transaction.copyIn(binary) { writer in
                    for id in Int32(10)..<5010 { try await writer.row(id, "row") }
                }
                try await transaction.simple("DELETE FROM t WHERE id = 10")
            }
            await #expect(throws: Boom.self) {
                try await client.withTransaction { transaction in
                    try await transaction.execute(insert(7))
                    try await transaction.copyIn(copy) { try await $0.write("8\th\n".utf8) }
                    throw Boom()
                }
            }
            var lines: [String] = []
            try await client.copyOut(
                Query("t.out", "COPY (SELECT id FROM t WHERE id < 13 ORDER BY id) TO STDOUT")
            ) {
                lines.append(String(decoding: $0, as: UTF8.self))
            }
            #expect(lines == ["1\n", "3\n", "4\n", "11\n", "12\n"])
            let endless = Query("endless", "COPY (SELECT generate_series(1, 1000000000)) TO STDOUT")
            await #expect(throws: Boom.self) { try await client.copyOut(endless) { _ in throw Boom() } }
            #expect(try await database.client.first(count)?[0] == 5002)
        }
    }

    @Test func `A cancelled task cancels its statement through the pooler, and no other`() async throws {
        try await withPooler(pool: .init(maximum: 2)) { database, pooled, _ in
            let active = Query(
                "active",
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name = \(database.schema) AND state = 'active' AND query LIKE '%pg_sleep%'
                    AND pid <> pg_backend_pid()
                """
            )
            func sleeping(_ wanted: Int64) async throws {
                while try await database.client.first(active)?[0] as Int64? != wanted { await Task.yield() }
            }
            try await pooled.client.execute(make)
            for round in 0..<5 {
                let task = Task {
                    try await pooled.client.withTransaction { transaction in
                        try await transaction.execute(insert(Int32(round)))
                        try await transaction.execute(Query("sleep", "SELECT pg_sleep(600)"))
                    }
                }
                try await sleeping(1)
                task.cancel()
                let error = await #expect(throws: PostgresError.self) { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(error?.sqlState == .queryCanceled)
                try await sleeping(0)
                // What comes next, on whichever session, is not hit by the request.
                for _ in 0..<4 {
                    #expect(
                        try await pooled.client.first(Query("one", "SELECT 1 FROM pg_sleep(0.002)"))?[0] == 1
                    )
                }
            }
            #expect(try await database.client.first(count)?[0] == 0)
            #expect(pooled.client.statistics.leased == 0)
        }
    }

    @Test func `Many tasks on several schemas share the sessions and never cross`() async throws {
        try await withEmptyDatabase { first in
            try await withEmptyDatabase { second in
                try await withEmptyDatabase { third in
                    try await TestPooler.with(first) { pooler in
                        let homes = try [first, second, third].map { try $0.through(pooler) }
                        for home in homes { try await home.client.execute(make) }
                        try await withThrowingTaskGroup { group in
                            for number in 0..<150 {
                                let home = homes[number % 3]
                                group.addTask {
                                    let id = Int32(number)
                                    let note = Query("note", "INSERT INTO t VALUES (\(id), \(home.schema))")
                                    switch number / 3 % 4 {
                                    case 0: try await home.client.execute(note)
                                    case 1:
                                        try await home.client.withTransaction { try await $0.execute(note) }
                                    case 2:
                                        try await home.client.simple(
                                            "INSERT INTO t VALUES (\(id), '\(home.schema)')"
                                        )
                                    default:
                                        try await home.client.copyIn(Query("t.copy", "COPY t FROM STDIN")) {
                                            try await $0.write("\(id)\t\(home.schema)\n".utf8)
                                        }
                                    }
                                }
                            }
                            try await group.waitForAll()
                        }
                        for (index, home) in [first, second, third].enumerated() {
                            let rows = try await home.client.query(
                                Query("ids", "SELECT id, name FROM t ORDER BY id")
                            )
                            #expect(
                                try rows.map { try $0[0] as Int32 } == (0..<50).map { Int32($0 * 3 + index) }
                            )
                            #expect(try rows.allSatisfy { try $0[1] as String == home.schema })
                        }
                        for home in homes { await home.client.shutdown() }
                    }
                }
            }
        }
    }

    @Test
    func `Without a direct URL nothing is heard and nothing connects, with one LISTEN goes past the pooler`()
        async throws
    {
        try await withPooler { database, pooled, pooler in
            let channel = database.schema
            let deaf = Task {
                var heard: [NotificationEvent] = []
                for await event in pooled.client.listen([channel]) { heard.append(event) }
                return heard
            }
            let direct = try database.through(pooler, direct: true)
            var events = direct.client.listen([channel]).makeAsyncIterator()
            #expect(await events.next() == .reconnected)
            // NOTIFY goes through the pooler.
            try await pooled.client.execute(Query("notify", "SELECT pg_notify(\(channel), 'a')"))
            #expect(await events.next() == .notification(channel: channel, payload: "a"))
            let listeners = try await database.client.first(
                Query(
                    "listeners",
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = \(database.schema) AND query LIKE 'LISTEN%'
                    """
                )
            )
            #expect(try listeners?[0] == 1)
            deaf.cancel()
            #expect(await deaf.value == [])
            await direct.client.shutdown()
        }
    }

    @Test func `Plans are kept of what ran through the pooler, too`() async throws {
        try await withEmptyDatabase { database in
            try await TestPooler.with(database) { pooler in
                try await database.client.execute(make)
                var configuration = try database.configuration(through: pooler)
                let log = PlanLog()
                configuration.plans = log
                let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 2))
                try await client.execute(insert(1))
                try await client.withTransaction(.init(isolation: .serializable)) { transaction in
                    try await transaction.execute(insert(2))
                    #expect(try await transaction.first(count)?[0] == 2)
                }
                #expect(log.entries.map(\.name) == ["insert", "insert", "count"])
                #expect(try await database.client.first(count)?[0] == 2)
                await client.shutdown()
            }
        }
    }

    @Test func `A pooler that comes back is found again, and a lost transaction was never there`()
        async throws
    {
        try await withPooler { database, pooled, pooler in
            try await pooled.client.execute(make)
            let error = await #expect(throws: PostgresError.self) {
                try await pooled.client.withTransaction { transaction in
                    try await transaction.execute(insert(1))
                    pooler.kill()
                    try await transaction.execute(insert(2))
                }
            }
            #expect(error?.code == .connection)
            try await pooler.start()
            try await pooled.client.execute(insert(3))
            let rows = try await database.client.query(Query("ids", "SELECT id FROM t"))
            #expect(try rows.map { try $0[0] as Int32 } == [3])
        }
    }

    @Test func `A pooler whose server is away is waited for, as the server itself is`() async throws {
        let one = Query("one", "SELECT 1")
        try await TestCluster.with { cluster in
            try await TestPooler.with(server: cluster.port) { pooler in
                var configuration = try PostgresConfiguration(
                    url: "postgresql://usher@127.0.0.1:\(pooler.port)/postgres"
                )
                configuration.isPooled = true
                let loops = try TestLoops.shared.get()
                let hasty = PoolLimits(maximum: 1, acquireTimeout: .seconds(2))
                let (client, impatient) = (
                    PostgresClient(configuration, loops: loops),
                    PostgresClient(configuration, loops: loops, pool: hasty)
                )
                #expect(try await client.first(one)?[0] == 1)
                try await cluster.stop()
                // A pooler that has never met its server lets nobody in; that is no fault of the settings.
                pooler.kill()
                try await pooler.start()
                let waited = await #expect(throws: PostgresError.self) { try await impatient.query(one) }
                #expect(waited?.code != .configuration, "\(String(describing: waited))")
                try await cluster.start()
                #expect(try await client.first(one)?[0] == 1)
                await client.shutdown()
                await impatient.shutdown()
            }
        }
    }

    @Test func `A client that is not told of the pooler is refused in one line`() async throws {
        try await withPooler { database, _, pooler in
            var configuration = try PostgresConfiguration(url: database.url(port: pooler.port))
            configuration.schema = database.schema
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
            let error = await #expect(throws: PostgresError.self) {
                try await client.query(Query("one", "SELECT 1"))
            }
            #expect(error?.code == .configuration)
            #expect(error?.description.contains("unsupported startup parameter: options") == true)
            await client.shutdown()
        }
    }

    @Test func `A direct URL that can't be read is refused when it is given`() throws {
        var configuration = try PostgresConfiguration(url: "postgresql://me@pooler/usher")
        configuration.isPooled = true
        let error = #expect(throws: PostgresError.self) {
            try configuration.listenDirectly(at: "postgresql://me:secret@db:x/usher")
        }
        #expect(error?.code == .configuration)
        #expect(error?.description.contains("secret") == false)
    }
}
