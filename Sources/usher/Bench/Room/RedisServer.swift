internal import Glibc
internal import Reactor

/// A Redis server of a bench's own, with nothing but a Unix socket.
struct RedisServer: Sendable {
    /// When Redis makes an append durable.
    enum Durability: String, Sendable, CaseIterable {
        /// Before it answers, as Postgres does.
        case always
        /// Once a second: a crash loses what was answered in that second.
        case everysec
    }

    private let program: String

    /// Finds the server's program.
    ///
    /// - Throws: ``Failure`` that names what to install.
    init(path: String) throws {
        let places = path.split(separator: ":").map { "\($0)/redis-server" } + ["/usr/bin/redis-server"]
        guard let program = places.first(where: PostgresBinaries.isExecutable) else {
            throw Failure(
                """
                there is no redis-server here: install Debian's package redis-server, or leave the Redis rooms out \
                with --rooms usher
                """
            )
        }
        self.program = program
    }

    /// Runs `body` with a fresh server and the path of its socket, and ends the server.
    func with<Value>(
        _ durability: Durability,
        in directory: String,
        _ body: (String, BenchProcess) async throws -> Value
    ) async throws -> Value {
        let home = "\(directory)/redis-\(durability.rawValue)"
        try FileSystem.remove(home)
        try FileSystem.makeDirectory(home)
        defer { try? FileSystem.remove(home) }
        let socket = "\(home)/redis.sock"
        let words = [
            "--port", "0", "--unixsocket", socket, "--dir", home, "--save", "", "--appendonly", "yes",
            "--appendfsync", durability.rawValue,
        ]
        let server = try await BenchProcess.start(
            "Redis server",
            program: program,
            words,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            log: "\(directory)/redis.log"
        )
        return try await server.during {
            while unsafe access(socket, F_OK) != 0 {
                guard server.isRunning else { throw server.failure }
                try await Task.sleep(for: .milliseconds(10))
            }
            return try await body(socket, server)
        }
    }
}
