import Reactor
import TestSupport
import Testing

@testable import Postgres

@Suite("Connections", .timeLimit(.minutes(5)))
struct ConnectionTests {
    private let one = Query("one", "SELECT 1")

    /// The test server's host and port.
    private func server(_ database: TestDatabase) throws -> (host: String, rest: Substring) {
        let at = try #require(database.url.firstIndex(of: "@"))
        let slash = try #require(database.url[at...].firstIndex(of: "/"))
        return (String(database.url[database.url.index(after: at)..<slash]), database.url[slash...])
    }

    /// Why one attempt to connect fails.
    private func refusal(of url: String) async throws -> PostgresError? {
        let loop = try TestLoops.shared.get().next()
        let connection = PostgresConnection(configuration: try PostgresConfiguration(url: url), loop: loop)
        return await #expect(throws: PostgresError.self) { try await connection.open() }
    }

    @Test func `a backend that is terminated mid-query costs one error, and no more`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            let watcher = database.makeClient()
            let task = Task { try await database.client.execute(Query("sleep", "SELECT pg_sleep(600)")) }
            let kill = Query(
                "kill",
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = \(database.schema) AND query LIKE '%pg_sleep(600)%' AND state = 'active'
                    AND pid <> pg_backend_pid()
                """
            )
            while try await watcher.query(kill).isEmpty { await Task.yield() }
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .connection)
            #expect(error?.sqlState == .adminShutdown)
            #expect(error?.statement == "sleep")
            for _ in 0..<3 { #expect(try await database.client.query(one).count == 1) }
            await watcher.shutdown()
        }
    }

    @Test func `an idle connection that is cut is noticed before it is lent`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            let watcher = database.makeClient()
            try await watcher.execute(one)
            #expect(database.client.statistics.idle == 1)
            let kill = Query(
                "kill",
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = \(database.schema) AND pid <> pg_backend_pid()
                """
            )
            try await watcher.execute(kill)
            while database.client.statistics.idle > 0 { await Task.yield() }
            #expect(try await database.client.query(one).count == 1)
            await watcher.shutdown()
        }
    }

    @Test func `a server that isn't there is named, with the reason`() async throws {
        let loops = try TestLoops.shared.get()
        let configuration = try PostgresConfiguration(url: "postgresql://me:hidden@127.0.0.1:1/none")
        let client = PostgresClient(configuration, loops: loops, pool: .init(acquireTimeout: .seconds(1)))
        let error = await #expect(throws: PostgresError.self) { try await client.query(one) }
        #expect(error?.code == .connection)
        let text = error?.description ?? ""
        #expect(text.contains("127.0.0.1") && text.contains("port 1") && text.contains("refused"))
        #expect(!text.contains("hidden") && !text.contains("\n"))
        await client.shutdown()
        let closed = await #expect(throws: PostgresError.self) { try await client.query(one) }
        #expect(closed?.code == .poolClosed)
    }

    @Test func `a host that has no address is named`() async throws {
        let error = try await refusal(of: "postgresql://me@no-such-host.invalid/none")
        #expect(error?.code == .connection)
        #expect(error?.description.contains("host \"no-such-host.invalid\" can't be resolved") == true)
    }

    @Test func `what the server refuses for good is told at once`() async throws {
        try await withEmptyDatabase { database in
            let (host, _) = try server(database)
            let configuration = try PostgresConfiguration(url: "postgresql://usher@\(host)/no_such_database")
            let client = PostgresClient(
                configuration,
                loops: database.loops,
                pool: .init(acquireTimeout: .seconds(3600))
            )
            let error = await #expect(throws: PostgresError.self) { try await client.query(one) }
            #expect(error?.code == .configuration)
            #expect(error?.description.contains("database \"no_such_database\" does not exist") == true)
            await client.shutdown()
        }
    }

    @Test func `hosts are tried in turn until one fits`() async throws {
        try await withEmptyDatabase { database in
            let (host, rest) = try server(database)
            let url = "postgresql://usher@127.0.0.1:1,no-such-host.invalid:1,\(host)\(rest)"
            let client = PostgresClient(
                try PostgresConfiguration(url: url + "?target_session_attrs=read-write"),
                loops: database.loops
            )
            #expect(try await client.query(one).count == 1)
            await client.shutdown()

            let error = try await refusal(of: url + "?target_session_attrs=standby")
            #expect(error?.code == .connection)
            for part in ["port 1 ", "no-such-host.invalid", "standby"] {
                #expect(error?.message.contains(part) == true)
            }

            let preferred = PostgresClient(
                try PostgresConfiguration(url: url + "?target_session_attrs=prefer-standby"),
                loops: database.loops
            )
            #expect(try await preferred.query(one).count == 1)
            await preferred.shutdown()
        }
    }

    @Test func `the environment says what a URL says`() async throws {
        try await withEmptyDatabase { database in
            let (server, rest) = try server(database)
            let parts = server.split(separator: ":")
            let environment = [
                "PGHOST": "localhost", "PGPORT": String(parts[1]), "PGUSER": "usher",
                "PGDATABASE": String(rest.dropFirst()), "PGAPPNAME": "by environment",
            ]
            let configuration = try PostgresConfiguration(environment: environment)
            let client = PostgresClient(configuration, loops: database.loops)
            let row = try await client.first(
                Query("who", "SELECT current_user::text, current_setting('application_name')")
            )
            #expect(try row?[0] == "usher")
            #expect(try row?[1] == "by environment")
            await client.shutdown()
        }
    }

    @Test(arguments: [
        ("database", "a database URL begins with postgresql://"),
        ("postgresql://me:secret@host:0/x", "'0' is no port number"),
        ("postgresql://me:secret@host:port/x", "port"),
        ("postgresql://me:sec%zzret@host/x", "can't be read"),
        ("postgresql://me:secret@host/x?colour=red", "colour"),
        ("postgresql://a,b/x?hostaddr=127.0.0.1", "2 hosts don't go with 1 addresses"),
        ("postgresql://a,b,c/x?port=1,2", "don't go with"),
        ("host=a password=secret connect_timeout=soon", "connect_timeout is 'soon'"),
    ])
    func `a bad URL is told in one line without its password`(url: String, reason: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(url: url) }
        let text = error?.description ?? ""
        #expect(error?.code == .configuration)
        #expect(text.contains(reason), "\(text)")
        #expect(!text.contains("secret") && !text.contains("ret@") && !text.contains("\n"))
    }

    @Test func `a configuration shows no password`() throws {
        let configuration = try PostgresConfiguration(url: "postgresql://me:secret@db1:5433,db2/tickets")
        #expect(configuration.description.contains("me@db1:5433,db2"))
        #expect(!configuration.description.contains("secret"))
        #expect(configuration.database == "tickets")
    }

    @Test func `shutting down waits for what is in use`() async throws {
        try await withEmptyDatabase { database in
            let client = database.makeClient()
            let task = Task { try await client.query(Query("nap", "SELECT pg_sleep(0.05)")).count }
            while client.statistics.leased == 0 { await Task.yield() }
            await client.shutdown()
            let count = try await task.value
            #expect(count == 1)
            #expect(client.statistics == PoolStatistics())
            await client.shutdown()
        }
    }
}
