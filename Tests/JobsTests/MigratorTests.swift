import FoundationEssentials
import Jobs
import Migrations
import Postgres
import TestSupport
import Testing

@Suite("Migrations", .timeLimit(.minutes(5)))
struct MigratorTests {
    private let first = Migration(
        number: 1,
        name: "first",
        sql: "CREATE TABLE a (id int); INSERT INTO a VALUES (1);"
    )
    private let second = Migration(number: 2, name: "second", sql: "CREATE TABLE b (id int)")

    private func migrator(_ database: TestDatabase, _ migrations: Migration...) -> Migrator {
        Migrator(database.client, schema: database.schema, migrations: migrations)
    }

    @Test func `every file is listed, in order`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = root.appending(path: "Migrations/sql").path
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasSuffix(".sql")
        }.sorted()
        let listed = Migrations.all.map { migration in
            let digits = String(migration.number)
            return String(repeating: "0", count: 4 - digits.count) + digits + "_" + migration.name + ".sql"
        }
        #expect(listed == files)
        for (migration, file) in zip(Migrations.all, files) {
            #expect(migration.sql == (try String(contentsOfFile: folder + "/" + file, encoding: .utf8)))
        }
    }

    @Test func `all migrations can be applied, twice without effect`() async throws {
        try await withEmptyDatabase { database in
            let migrator = Migrator(database.client, schema: database.schema)
            let applied = try await migrator.migrate()
            #expect(applied == Migrations.all)
            let again = try await migrator.migrate()
            #expect(again.isEmpty)
        }
    }

    @Test func `what is pending is applied in order, and its state can be asked for`() async throws {
        try await withEmptyDatabase { database in
            let before = try await migrator(database, first, second).status()
            #expect(before.map(\.state) == [.pending, .pending])
            let one = try await migrator(database, first).migrate()
            #expect(one == [first])
            let between = try await migrator(database, second, first).status()
            #expect(between.map(\.number) == [1, 2])
            guard case .applied(let at) = between[0].state else {
                Issue.record("\(between)")
                return
            }
            #expect(abs((PostgresTimestamp.now - at).components.seconds) < 600)
            #expect(between[1].state == .pending)
            let rest = try await migrator(database, first, second).migrate()
            #expect(rest == [second])
            let row = try await database.client.first(Query("count", "SELECT count(*) FROM a"))
            #expect(try row?[0] == 1)
        }
    }

    @Test func `a schema that isn't there is created`() async throws {
        try await withEmptyDatabase { database in
            var configuration = database.configuration
            let schema = database.schema + "_new"
            configuration.schema = schema
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
            let status = try await Migrator(client, schema: schema, migrations: [first]).status()
            #expect(status.map(\.state) == [.pending])
            try await Migrator(client, schema: schema, migrations: [first]).migrate()
            let row = try await client.first(Query("a", "SELECT count(*) FROM \(identifier: schema).a"))
            #expect(try row?[0] == 1)
            try await client.execute(Query("drop", "DROP SCHEMA \(identifier: schema) CASCADE"))
            await client.shutdown()
        }
    }

    @Test func `an edited file is noticed, and nothing is done`() async throws {
        try await withEmptyDatabase { database in
            try await migrator(database, first).migrate()
            let edited = Migration(number: 1, name: "first", sql: first.sql + " -- edited")
            let error = await #expect(throws: PostgresError.self) {
                try await migrator(database, edited, second).migrate()
            }
            #expect(error?.code == .configuration)
            #expect(
                error?.description
                    == "migration 0001_first was edited after it was applied to schema \(database.schema); "
                    + "add a new one instead"
            )
            let status = try await migrator(database, edited, second).status()
            guard case .edited = status[0].state else {
                Issue.record("\(status)")
                return
            }
            #expect(status[1].state == .pending)
        }
    }

    @Test func `a schema newer than the program is left alone`() async throws {
        try await withEmptyDatabase { database in
            try await migrator(database, first, second).migrate()
            let error = await #expect(throws: PostgresError.self) {
                try await migrator(database, first).migrate()
            }
            #expect(error?.code == .configuration)
            #expect(
                error?.description.contains("is newer than this program: it has migration 0002_second")
                    == true
            )
            let status = try await migrator(database, first).status()
            guard case .unknown = status[1].state else {
                Issue.record("\(status)")
                return
            }
        }
    }

    @Test func `a migration that fails leaves nothing of itself`() async throws {
        try await withEmptyDatabase { database in
            let broken = Migration(number: 2, name: "broken", sql: "CREATE TABLE c (id int); SELECT 1 / 0;")
            let error = await #expect(throws: PostgresError.self) {
                try await migrator(database, first, broken).migrate()
            }
            #expect(error?.description == "migration 0002_broken failed: division by zero [22012]")
            let row = try await database.client.first(
                Query("left", "SELECT to_regclass('a') IS NOT NULL, to_regclass('c') IS NOT NULL")
            )
            #expect(try row?[0] == true)
            #expect(try row?[1] == false)
            let status = try await migrator(database, first, broken).status()
            #expect(status[1].state == .pending)
            let fixed = try await migrator(database, first, second).migrate()
            #expect(fixed == [second])
        }
    }

    @Test func `many programs may migrate at once`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 8)) { database in
            let applied = try await withThrowingTaskGroup(of: [Migration].self) { group in
                for _ in 0..<6 {
                    group.addTask { try await migrator(database, first, second).migrate() }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.map(\.number).sorted() == [1, 2], "each is applied by one of them")
        }
    }
}
