internal import Foundation
internal import Glibc
package import Postgres
internal import Reactor

/// A PgBouncer of a test's own in front of the test server: each transaction gets another of its few sessions.
///
/// It listens on a port of 127.0.0.1 and stays on it when it is killed and started again.
package final class TestPooler: Sendable {
    /// How many sessions it has at the server: fewer than a test has clients, so that they are really shared.
    package static let sessions = 3

    /// Where it listens.
    package let port: Int
    private let directory: String
    private let process = Lock<pid_t?>(nil)

    private init(directory: String, port: Int) {
        self.directory = directory
        self.port = port
    }

    /// Runs `body` with a pooler in front of the test server, and leaves nothing of it.
    ///
    /// - Returns: what `body` returned.
    package static func with<Value>(
        _ database: TestDatabase,
        _ body: (TestPooler) async throws -> Value
    ) async throws -> Value {
        try await with(server: database.port, body)
    }

    /// Runs `body` with a pooler in front of a server on a port of 127.0.0.1, and leaves nothing of it.
    ///
    /// - Returns: what `body` returned.
    package static func with<Value>(
        server: Int,
        _ body: (TestPooler) async throws -> Value
    ) async throws -> Value {
        let directory = "/tmp/usher-pooler-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let pooler = TestPooler(directory: directory, port: try TestCluster.freePort())
        try pooler.configure(server: server)
        if let user = TestCluster.serverUser { _ = unsafe chown(directory, user.uid, user.gid) }
        defer { pooler.kill() }
        try await pooler.start()
        return try await body(pooler)
    }

    /// Starts it, and returns when it says that it is up.
    package func start() async throws {
        let words = TestCluster.unprivileged + ["/usr/sbin/pgbouncer", "\(directory)/pgbouncer.ini"]
        let pipe = "\(directory)/output-" + String(UInt64.random(in: .min ... .max), radix: 36)
        guard unsafe mkfifo(pipe, 0o600) == 0 else { throw ReactorError(call: "mkfifo", errno: errno) }
        // The other end is open when the process is there, so the end of what it says is its own.
        let output = unsafe open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let pid = try TestCluster.spawn(words, in: directory, output: pipe)
        process.withLock { $0 = pid }
        _ = fcntl(output, F_SETFL, 0)
        try await withCheckedThrowingContinuation { (started: CheckedContinuation<Void, any Error>) in
            do {
                try Thread.start(name: "pooler") { Self.listen(to: output, started) }
            } catch {
                started.resume(throwing: error)
            }
        }
    }

    /// Hears what it says until it ends.
    private static func listen(to output: Int32, _ started: CheckedContinuation<Void, any Error>) {
        var waiting = Optional(started)
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe read(output, &buffer, buffer.count)
            guard count > 0 else { break }
            said += buffer.prefix(count)
            if String(decoding: said, as: UTF8.self).contains("process up") {
                waiting.take()?.resume()
                said = []
            }
        }
        close(output)
        let failure = ToolFailed(description: "pgbouncer ended: \(String(decoding: said, as: UTF8.self))")
        waiting.take()?.resume(throwing: failure)
    }

    /// Kills it: its clients' connections and its sessions are cut.
    package func kill() {
        guard let pid = process.withLock({ $0.take() }) else { return }
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    }

    private func configure(server: Int) throws {
        // Any database of the server; the user is whoever the client says it is.
        let lines = [
            "[databases]", "* = host=127.0.0.1 port=\(server)",
            "[pgbouncer]", "listen_addr = 127.0.0.1", "listen_port = \(port)", "unix_socket_dir =",
            "auth_type = trust", "auth_file = \(directory)/users", "pool_mode = transaction",
            "default_pool_size = \(Self.sessions)", "max_client_conn = 200",
            "admin_users = usher", "server_login_retry = 1", "log_connections = 0", "log_disconnections = 0",
            "log_stats = 0",
        ]
        try lines.map { "\($0)\n" }.joined()
            .write(toFile: "\(directory)/pgbouncer.ini", atomically: false, encoding: .utf8)
        try "\"usher\" \"\"\n".write(toFile: "\(directory)/users", atomically: false, encoding: .utf8)
    }
}

extension TestDatabase {
    /// The settings of ``client`` by way of a pooler.
    ///
    /// - Parameters:
    ///   - pooler: a pooler in front of the test server.
    ///   - direct: whether it is told where the server itself is.
    /// - Returns: the settings.
    /// - Throws: ``PostgresError`` when the server's URL can't be read.
    package func configuration(
        through pooler: TestPooler,
        direct: Bool = false
    ) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(url: url(port: pooler.port))
        configuration.schema = schema
        configuration.applicationName = schema
        configuration.isPooled = true
        configuration.prefersIndexes = true
        if direct { try configuration.listenDirectly(at: url) }
        return configuration
    }

    /// The same database, where ``client`` goes through a pooler.
    ///
    /// - Parameters:
    ///   - pooler: a pooler in front of the test server.
    ///   - direct: whether it is told where the server itself is.
    ///   - pool: the limits of the client's own pool.
    /// - Returns: the same schema, by way of the pooler.
    /// - Throws: ``PostgresError`` when the server's URL can't be read.
    package func through(
        _ pooler: TestPooler,
        direct: Bool = false,
        pool: PoolLimits = .init(maximum: 6)
    ) throws -> TestDatabase {
        let configuration = try configuration(through: pooler, direct: direct)
        return TestDatabase(
            client: PostgresClient(configuration, loops: loops, pool: pool),
            schema: schema,
            url: url(port: pooler.port),
            configuration: configuration,
            loops: loops
        )
    }
}
