internal import CLinux
internal import Foundation
internal import Glibc
internal import Reactor

/// A Postgres server of a test's own, for what the shared one can't be: stopped, promoted, encrypted, picky.
///
/// It lives in a temporary directory and listens on a port of 127.0.0.1.
package final class TestCluster: Sendable {
    /// Where everything of it lies; its user may write there.
    package let directory: String
    /// Where it listens.
    package let port: Int

    private init(directory: String, port: Int) {
        self.directory = directory
        self.port = port
    }

    /// Makes a server, runs `body` with it, and leaves nothing of it.
    ///
    /// - Parameters:
    ///   - password: the superuser's; with one, every connection must present it, without one, none is asked.
    ///   - settings: lines for `postgresql.conf`.
    ///   - prepare: is given the directory before the server starts, for files that the settings name.
    ///   - body: has the running server, whose superuser is `usher`.
    /// - Throws: ``ToolFailed`` when the server can't be made, or what `body` threw.
    package static func with(
        password: String? = nil,
        settings: [String] = [],
        prepare: (TestCluster) async throws -> Void = { _ in },
        _ body: (TestCluster) async throws -> Void
    ) async throws {
        try await inPlace { cluster in
            var authentication = ["-A", "trust"]
            if let password {
                try password.write(
                    toFile: "\(cluster.directory)/password",
                    atomically: false,
                    encoding: .utf8
                )
                authentication = ["-A", "scram-sha-256", "--pwfile", "\(cluster.directory)/password"]
            }
            try await cluster.tool(
                "initdb",
                ["-D", cluster.data, "-U", "usher", "-E", "UTF8", "--locale=C", "--no-sync"] + authentication
            )
            try cluster.configure(settings)
            try await prepare(cluster)
            try await cluster.start()
            try await body(cluster)
        }
    }

    /// Runs `body` with a streaming standby of this server.
    package func withStandby(_ body: (TestCluster) async throws -> Void) async throws {
        try await Self.inPlace { standby in
            let source = ["-h", "127.0.0.1", "-p", "\(port)", "-U", "usher"]
            try await standby.tool(
                "pg_basebackup",
                source + ["-D", standby.data, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
            )
            try standby.configure([])
            try await standby.start()
            try await body(standby)
        }
    }

    /// Stops the server as an operator would: sessions are cut, what was committed is sent to standbys.
    package func stop() async throws {
        try await tool("pg_ctl", ["-D", data, "-m", "fast", "-w", "stop"])
    }

    /// Stops the server as a power cut would.
    package func cutPower() async throws {
        try await tool("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"])
    }

    /// Stops the server as a power cut would, and starts it again: it recovers from its log.
    package func crash() async throws {
        try await cutPower()
        try await start()
    }

    /// Makes a standby the primary, and returns when it is.
    package func promote() async throws {
        try await tool("pg_ctl", ["-D", data, "-w", "promote"])
    }

    /// A file in the directory.
    package func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// Runs a program as the server's user, in the server's directory, to its end.
    ///
    /// - Throws: ``ToolFailed`` with what it said.
    package func run(_ program: String, _ arguments: [String]) async throws {
        let words = Self.unprivileged + [program] + arguments
        let (directory, log) = (directory, path("tool.log"))
        let status = try await Reactor.Thread.run(name: "tool") {
            Self.end(of: try Self.spawn(words, in: directory, output: log))
        }
        guard status == 0 else {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw ToolFailed(description: "\(program) ended with \(status): \(said)")
        }
    }

    // MARK: What it is made of

    private var data: String { "\(directory)/data" }

    private func tool(_ name: String, _ arguments: [String]) async throws {
        try await run("\(Self.binaries())/\(name)", arguments)
    }

    /// Starts the server again that was stopped.
    package func start() async throws {
        try await tool("pg_ctl", ["-D", data, "-w", "-t", "30", "-l", path("log"), "start"])
    }

    private func configure(_ settings: [String]) throws {
        let lines =
            [
                "listen_addresses = '127.0.0.1'", "port = \(port)", "unix_socket_directories = ''",
                "fsync = off", "shared_buffers = '16MB'", "max_connections = 20", "autovacuum = off",
            ] + settings
        let file = "\(data)/postgresql.conf"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        // In place, so that the file stays its user's.
        try (text + lines.map { "\($0)\n" }.joined()).write(toFile: file, atomically: false, encoding: .utf8)
    }

    /// Runs `body` with a place for a server, then stops what runs there and removes it.
    private static func inPlace(_ body: (TestCluster) async throws -> Void) async throws {
        let directory = "/tmp/usher-cluster-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let cluster = TestCluster(directory: directory, port: try freePort())
        if let user = serverUser { _ = unsafe chown(directory, user.uid, user.gid) }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(cluster))
        } catch {
            outcome = .failure(error)
        }
        // In a task of its own, because the test's may be cancelled by its time limit.
        await Task {
            try? await cluster.tool("pg_ctl", ["-D", cluster.data, "-m", "immediate", "-w", "stop"])
            try? FileManager.default.removeItem(atPath: directory)
        }.value
        try outcome.get()
    }

    /// Not Foundation's `Process`, whose children inherit descriptors: a server would hold them until it ends.
    static func spawn(_ words: [String], in directory: String, output: String) throws -> pid_t {
        func copies(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] {
            unsafe words.map { unsafe strdup($0) } + [nil]
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        let arguments = unsafe copies(["env", "--chdir=\(directory)"] + words)
        let variables = unsafe copies(["PATH=/usr/bin:/bin:/usr/local/bin", "LC_ALL=C"])
        defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let code = unsafe posix_spawn(&pid, "/usr/bin/env", &actions, nil, arguments, variables)
        guard code == 0 else { throw ReactorError(call: "posix_spawn", errno: code) }
        return pid
    }

    /// Waits for a process, and tells how it ended: with a status, or by a signal.
    private static func end(of pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : status & 0x7F
    }

    package static func freePort() throws -> Int {
        // The proxy that is gone at once had a port that is free now.
        try TestProxy(to: 0).port
    }

    /// Postgres does not run as root.
    static var serverUser: (uid: uid_t, gid: gid_t)? {
        guard geteuid() == 0, let entry = unsafe getpwnam("postgres") else { return nil }
        return unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    static var unprivileged: [String] {
        guard let user = serverUser else { return [] }
        return ["setpriv", "--reuid=\(user.uid)", "--regid=\(user.gid)", "--clear-groups"]
    }

    /// The newest of Debian's, or what is in `PATH`.
    private static func binaries() -> String {
        let packaged = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: packaged)) ?? []
        let newest = versions.compactMap { Int($0) }.max()
        if let newest { return "\(packaged)/\(newest)/bin" }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return path.split(separator: ":").map(String.init).first {
            FileManager.default.isExecutableFile(atPath: "\($0)/initdb")
        } ?? "/usr/bin"
    }
}

/// A program that a test needs came to no good end.
package struct ToolFailed: Error, CustomStringConvertible {
    /// Which, how, and what it said.
    package let description: String
}
