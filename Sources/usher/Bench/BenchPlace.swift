internal import Glibc
internal import Jobs
internal import Postgres
internal import Reactor
internal import Scheduler

/// Where a bench runs: a private server in a temporary directory, or the one whose URL was given.
struct BenchPlace: Sendable {
    let invocation: Invocation
    let url: String
    let home: EventLoop
    let loops: EventLoopGroup
    /// Connections for looking on.
    let admin: PostgresClient
    let meter: ServerMeter
    /// What measures the floor; nil where the server's programs are not installed.
    let pgbench: Pgbench?
    /// The server's version.
    let version: String
    /// The part of the machine that others may take without a measurement being made again.
    private static let disturbance = 0.1

    private let schema: String

    /// Runs a bench and leaves nothing behind.
    static func with(
        _ invocation: Invocation,
        _ body: @escaping @Sendable (Self) async throws -> Void
    ) async throws {
        let scratch = try FileSystem.makeTemporaryDirectory("usher-bench")
        defer { try? FileSystem.remove(scratch) }
        // The database's own user has to get in.
        guard unsafe chmod(scratch, 0o755) == 0 else { throw FileSystem.failure("open", scratch) }
        let home = try EventLoop(name: "bench")
        let loops = try EventLoopGroup(count: 1, name: "bench-db")
        defer {
            loops.stop()
            home.stop()
        }
        guard let url = invocation.arguments.text(.databaseURL) else {
            let cluster = try PrivateCluster(
                loop: home,
                directory: "\(scratch)/postgres",
                binaries: try PostgresBinaries.find(path: invocation.environment["PATH"] ?? ""),
                diesWithUs: true,
                note: note
            )
            do {
                try await cluster.start()
                try await run(invocation, await cluster.url, scratch, home, loops, isPrivate: true, body)
            } catch {
                try? await cluster.stop()
                throw error
            }
            return try await cluster.stop()
        }
        try await run(invocation, url, scratch, home, loops, isPrivate: false, body)
    }

    private static func run(
        _ invocation: Invocation,
        _ url: String,
        _ scratch: String,
        _ home: EventLoop,
        _ loops: EventLoopGroup,
        isPrivate: Bool,
        _ body: @escaping @Sendable (Self) async throws -> Void
    ) async throws {
        var configuration = try PostgresConfiguration(url: url)
        configuration.applicationName = invocation.path
        let admin = PostgresClient(configuration, loops: loops, pool: PoolLimits(maximum: 4))
        let schema = "usher_bench_\(getpid())"
        do {
            if isPrivate { try await tune(admin) }
            let version: String = try await admin.query(
                Query("bench_version", "SELECT current_setting('server_version')")
            )[0][0]
            let place = Self(
                invocation: invocation,
                url: url,
                home: home,
                loops: loops,
                admin: admin,
                meter: try await ServerMeter(admin),
                pgbench: findPgbench(invocation, url, "\(schema)_floor", scratch),
                version: version.split(separator: " ").first.map(String.init) ?? version,
                schema: schema
            )
            try await withThrowingTaskGroup { group in
                group.addTask { try await body(place) }
                group.addTask {
                    await withTaskCancellationHandler {
                        await invocation.stop.wait()
                    } onCancel: {
                        invocation.stop.make()
                    }
                    throw Failure("ended by a signal")
                }
                try await group.next()
                group.cancelAll()
            }
        } catch {
            await admin.shutdown()
            throw error
        }
        await admin.shutdown()
    }

    /// Room for a bench's writes between two checkpoints, so that none falls into some runs and not into others.
    private static func tune(_ admin: PostgresClient) async throws {
        try await admin.simple("ALTER SYSTEM SET max_wal_size = '8GB'")
        try await admin.simple("ALTER SYSTEM SET min_wal_size = '1GB'")
        try await admin.simple("SELECT pg_reload_conf()")
    }

    private static func findPgbench(
        _ invocation: Invocation,
        _ url: String,
        _ schema: String,
        _ scratch: String
    ) -> Pgbench? {
        let path = invocation.environment["PATH"] ?? ""
        // Beside initdb where that really lies, because a directory of links may hold but some of the programs.
        let server = (try? PostgresBinaries.find(path: path)).map { FileSystem.realPath($0.initdb) }
        let beside = server.map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) }
        let places = (beside.map { [$0] } ?? []) + path.split(separator: ":").map(String.init)
        guard let program = places.map({ "\($0)/pgbench" }).first(where: PostgresBinaries.isExecutable) else {
            note("no pgbench beside a Postgres server's programs here: the floor is left out")
            return nil
        }
        return Pgbench(program: program, url: url, schema: schema, directory: scratch)
    }

    /// How long others are waited for.
    private var patience: Duration { invocation.arguments.duration(BenchOptions.waitIdle) ?? .seconds(60) }

    // MARK: Schemas

    /// Runs `body` in a schema made for it, with a scheduler at work, and drops the schema.
    func withSchema<Value: Sendable>(
        connections: Int = BenchSchema.connections,
        _ body: @escaping @Sendable (BenchSchema) async throws -> Value
    ) async throws -> Value {
        try await with(schema, connections) { postgres in
            try await Migrator(postgres, schema: schema).migrate()
            var environment = invocation.environment
            environment[Option.databaseURL.environment ?? ""] = url
            environment[Option.schema.environment ?? ""] = schema
            let made = BenchSchema(
                place: self,
                name: schema,
                postgres: postgres,
                store: JobStore(postgres: postgres),
                environment: environment
            )
            try await made.store.ensureQueue(BenchJob.queue)
            let scheduler = JobScheduler(
                postgres: postgres,
                name: "bench",
                logger: invocation.logger("scheduler")
            )
            return try await withThrowingTaskGroup { group in
                group.addTask {
                    await scheduler.run()
                    return nil as Value?
                }
                group.addTask { try await body(made) }
                var result: Value?
                while let value = try await group.next() {
                    if let value { result = value }
                    scheduler.stop()
                }
                guard let result else { throw CancellationError() }
                return result
            }
        }
    }

    /// Runs `body` in a schema for the floor's tables, and drops it.
    func withFloorSchema<Value>(_ body: (PostgresClient) async throws -> Value) async throws -> Value {
        try await with("\(schema)_floor", 2, body)
    }

    private func with<Value>(
        _ schema: String,
        _ connections: Int,
        _ body: (PostgresClient) async throws -> Value
    ) async throws -> Value {
        var configuration = try PostgresConfiguration(url: url)
        configuration.applicationName = invocation.path
        configuration.schema = schema
        // Connections of its own: what they have prepared is about tables that will be gone.
        let postgres = PostgresClient(
            configuration,
            loops: loops,
            pool: PoolLimits(maximum: connections, acquireTimeout: .seconds(60))
        )
        try await drop(schema)
        try await admin.execute(Query("bench_schema_make", "CREATE SCHEMA \(identifier: schema)"))
        do {
            let value = try await body(postgres)
            await postgres.shutdown()
            try await drop(schema)
            return value
        } catch {
            await postgres.shutdown()
            // In a task of its own, because this one may have been cancelled.
            await Task { try? await drop(schema) }.value
            throw error
        }
    }

    private func drop(_ schema: String) async throws {
        try await admin.execute(
            Query("bench_schema_drop", "DROP SCHEMA IF EXISTS \(identifier: schema) CASCADE")
        )
    }

    /// Brings the tables of a schema to rest, so that what was filled in costs the measurement nothing, and waits
    /// for the machine to be ours.
    func settle(_ schema: String) async throws {
        let tables = try await admin.query(
            Query(
                "bench_tables",
                """
                SELECT c.relname::text FROM pg_class c
                WHERE c.relnamespace = \(schema)::regnamespace AND c.relkind = 'r'
                """
            )
        )
        for table in tables {
            let name: String = try table[0]
            let quoted = "\(SQL.quoted(identifier: schema)).\(SQL.quoted(identifier: name))"
            try await admin.simple("VACUUM (ANALYZE) \(quoted)")
        }
        try await admin.simple("CHECKPOINT")
        try await quiet()
    }

    /// Measures, and measures again while others took much of the machine: the run they disturbed least.
    func leastDisturbed<Run>(
        by usage: (Run) -> ServerUsage,
        _ measure: () async throws -> Run
    ) async throws -> Run {
        func share(_ run: Run) -> Double { usage(run).load.foreignShare ?? 0 }
        var best = try await measure()
        for _ in 0..<2 where share(best) > Self.disturbance && patience > .zero {
            note("others took \(Int(share(best) * 100))% of the machine: measuring again")
            let next = try await measure()
            if share(next) < share(best) { best = next }
        }
        return best
    }

    /// Waits for others to leave the machine alone.
    func quiet() async throws {
        try await MachineLoad.waitForQuiet(atMost: patience)
    }

    // MARK: Words

    /// Prints a figure.
    func print(_ figure: BenchFigure) {
        UpCommand.say(figure.json(postgres: version))
    }

    /// Says how it goes, to people.
    static func note(_ text: String) {
        let bytes = Array("[bench] \(text)\n".utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }

    func note(_ text: String) { Self.note(text) }
}
