internal import Jobs
internal import Postgres
internal import Reactor

/// What a command needs that works on the database: loops and a pool of connections.
struct Workplace: Sendable {
    let loops: EventLoopGroup
    let postgres: PostgresClient
    let schema: String

    /// Reads the settings and makes sure that the server can be reached; nothing else is looked at.
    ///
    /// The server is the one whose URL is given, else the one that `usher up` keeps in the directory if it runs, else
    /// what the `PG*` variables say.
    ///
    /// A serving process prefers indexes, as it works on single rows all day. `schema` takes the place of the one that is
    /// given. A failure names the server.
    static func open(
        _ invocation: Invocation,
        connections: Int = 4,
        loops: Int = 1,
        isServing: Bool = false,
        schema: String? = nil
    )
        async throws -> Self
    {
        let schema = schema ?? invocation.arguments.text(.schema) ?? "usher"
        let pooler = try PoolerSettings(invocation)
        var configuration =
            try (invocation.arguments.text(.databaseURL) ?? privateServer(invocation))
            .map { try PostgresConfiguration(url: $0) }
            ?? PostgresConfiguration(environment: invocation.environment)
        configuration.schema = schema
        configuration.prefersIndexes = isServing
        try pooler.apply(to: &configuration)
        configuration.applicationName = invocation.path
        let group = try EventLoopGroup(count: loops)
        let postgres = PostgresClient(
            configuration,
            loops: group,
            pool: PoolLimits(maximum: connections, acquireTimeout: .seconds(5))
        )
        do {
            _ = try await postgres.query(Query("server.reach", "SELECT 1"))
        } catch {
            throw Failure("cannot use the database \(configuration): \(OneLine.describing(error))")
        }
        return Self(loops: group, postgres: postgres, schema: schema)
    }

    private static func privateServer(_ invocation: Invocation) -> String? {
        let directory = UpCommand.absolute(invocation.arguments.text(.directory) ?? ".usher")
        return PrivateCluster.runningURL(in: House.clusterDirectory(in: directory))
    }

    /// Refuses a schema that this program doesn't fit.
    ///
    /// - Throws: ``Failure`` that says whether the schema or the program is behind.
    func checkSchema() async throws {
        for migration in try await Migrator(postgres, schema: schema).status() {
            let label = MigrateCommand.label(migration)
            switch migration.state {
            case .applied: continue
            case .pending:
                throw Failure("the schema \(schema) lacks migration \(label); run usher migrate")
            case .edited:
                throw Failure("migration \(label) of the schema \(schema) was edited after it was applied")
            case .unknown:
                throw Failure("the schema \(schema) is newer than this program: it has migration \(label)")
            }
        }
    }

    /// Another server with the same schema, such as a replica; nothing is looked at yet.
    ///
    /// - Throws: `PostgresError` for a URL that can't be read.
    func client(url: String, connections: Int) throws -> PostgresClient {
        var configuration = try PostgresConfiguration(url: url)
        configuration.schema = schema
        configuration.prefersIndexes = postgres.configuration.prefersIndexes
        configuration.applicationName = postgres.configuration.applicationName
        return PostgresClient(
            configuration,
            loops: loops,
            pool: PoolLimits(maximum: connections, acquireTimeout: .seconds(5))
        )
    }

    /// Ends the connections and the loops.
    func close() async {
        await postgres.shutdown()
        loops.stop()
    }
}

/// Opens a place with a schema that fits, for a command that looks or steers and ends.
func withPlace<Value: Sendable>(
    _ invocation: Invocation,
    _ body: (Workplace) async throws -> Value
) async throws -> Value {
    let place = try await Workplace.open(invocation, connections: 1)
    try await place.checkSchema()
    let value = try await body(place)
    await place.close()
    return value
}
