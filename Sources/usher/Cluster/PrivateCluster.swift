internal import Glibc
internal import Reactor

/// A Postgres server of our own, reached through a Unix socket only we may open.
///
/// The directory holds `data`, the socket and the server's `log`. A server found running is used as it is.
actor PrivateCluster {
    private static let role = "usher"
    private static let port = 5432
    /// `sun_path` holds 108 bytes with their end.
    private static let longestSocketPath = 107

    private let loop: EventLoop
    private let directory: String
    private let binaries: PostgresBinaries
    private let user: UnprivilegedUser?
    private let launcher: String
    private let diesWithUs: Bool
    private let note: @Sendable (String) -> Void

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var data: String { "\(directory)/data" }

    /// A cluster in `directory`, an absolute path; nothing is done yet.
    ///
    /// The server ends with the thread of `loop` where `diesWithUs`; otherwise it outlives a kill, for the next one
    /// to find. `note` is told in a line what was noticed; `launcher` is this
    /// program, wherever it was built.
    init(
        loop: EventLoop,
        directory: String,
        binaries: PostgresBinaries,
        launcher: String = ProcessLaunch.ownProgram,
        diesWithUs: Bool,
        note: @escaping @Sendable (String) -> Void
    ) throws {
        self.loop = loop
        self.binaries = binaries
        self.launcher = launcher
        self.diesWithUs = diesWithUs
        self.note = note
        user = try UnprivilegedUser.forServer()
        self.directory = try Self.place(directory, for: user, note)
    }

    /// The URL of the server's database.
    var url: String { Self.url(directory) }

    /// The URL of the server of `directory` if it takes connections; touches nothing.
    static func runningURL(in directory: String) -> String? {
        let place = reachable(directory, for: (try? UnprivilegedUser.forServer()) ?? nil)
        let data = "\(place)/data"
        // A directory that we may not look into is not ours to use.
        let file = (try? FileSystem.read("\(data)/postmaster.pid")) ?? nil
        guard case .ready = ServerState.read(file, serves: { ServerState.serves($0, data) }) else {
            return nil
        }
        return url(place)
    }

    /// What the server is doing.
    func state() throws -> ServerState {
        ServerState.read(try FileSystem.read("\(data)/postmaster.pid")) { ServerState.serves($0, data) }
    }

    /// Makes the cluster if there is none, starts the server if none runs, and returns when it takes connections.
    func start() async throws {
        try await initialise()
        switch try state() {
        case .ready(let pid):
            note("found its Postgres running (process \(pid))")
            return
        case .changing: return try await awaitReady()
        case .stale(let pid):
            note("removed a stale postmaster.pid: process \(pid) is not this server")
            try FileSystem.remove("\(data)/postmaster.pid")
        case .stopped: break
        }
        try await launchUntilReady()
    }

    /// Starts the server; after a crash again and again for a while, as the sessions of the one that died end by themselves,
    /// but not at once, and keep its memory until then.
    private func launchUntilReady() async throws {
        for _ in 0..<100 {
            try await launch()
            do {
                return try await awaitReady()
            } catch let failure as Failure where failure.description.contains("is still in use") {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        try await launch()
        try await awaitReady()
    }

    /// Starts the server again if it has gone.
    func keepRunning() async throws {
        switch try state() {
        case .ready, .changing: return
        case .stale, .stopped:
            note("its Postgres is gone and is started again")
            try await start()
        }
    }

    /// Ends the server: sessions are cut, what was committed is on disk.
    func stop() async throws {
        let pid: Int32
        switch try state() {
        case .stopped, .stale: return
        case .changing(let running), .ready(let running): pid = running
        }
        kill(pid, SIGINT)
        for _ in 0..<600 {
            guard ServerState.serves(pid, data) else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure("the Postgres in \(directory) (process \(pid)) does not stop; see \(directory)/log")
    }

    private func initialise() async throws {
        guard try FileSystem.read("\(data)/PG_VERSION") == nil else { return try writeSettings() }
        // An initdb that was cut short leaves a directory that the next one refuses.
        try FileSystem.remove(data)
        let log = "\(directory)/initdb.log"
        try FileSystem.remove(log)
        let arguments = [
            "--pgdata", data, "--username", Self.role, "--auth", "trust", "--encoding", "UTF8", "--locale",
            "C",
            "--data-checksums",
        ]
        let exit = try await program(binaries.initdb, arguments, log: log, parent: nil).run()
        guard exit == .status(0) else {
            let said = try FileSystem.read(log) ?? ""
            throw Failure("initdb \(exit): \(Self.lastLine(said)); see \(log)")
        }
        try writeSettings()
    }

    private func writeSettings() throws {
        let memory = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        let settings = ServerSettings(socketDirectory: socketDirectory, memory: memory)
        let file = "\(data)/usher.conf"
        try FileSystem.write(settings.text, to: file)
        try FileSystem.give(file, to: user)
        if socketDirectory != directory {
            try FileSystem.makeDirectory(socketDirectory)
            try FileSystem.give(socketDirectory, to: user)
        }
    }

    private func launch() async throws {
        let arguments = ["-D", data, "-c", "config_file=\(data)/usher.conf"]
        let log = "\(directory)/log"
        try FileSystem.remove(log)
        let pid = try program(binaries.postgres, arguments, log: log, parent: diesWithUs ? getpid() : nil)
            .start()
        try Thread.start(name: "postgres") { _ = ProcessExit.wait(for: pid) }
    }

    private func awaitReady() async throws {
        var seen = false
        for _ in 0..<1200 {
            switch try state() {
            case .ready: return
            case .changing: seen = true
            case .stopped, .stale:
                if seen { throw await refused() }
            }
            if !seen, try FileSystem.read("\(directory)/log")?.contains("FATAL") == true {
                throw await refused()
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure("the Postgres in \(directory) is not ready after a minute; see \(directory)/log")
    }

    private func refused() async -> Failure {
        let said = (try? FileSystem.read("\(directory)/log")) ?? ""
        let reason = said.split(separator: "\n").first { $0.contains("FATAL") }.map(String.init)
        return Failure("Postgres did not start: \(reason ?? Self.lastLine(said)); see \(directory)/log")
    }

    private func program(_ path: String, _ arguments: [String], log: String, parent: pid_t?) -> ProcessLaunch
    {
        ProcessLaunch(
            program: launcher,
            arguments: LaunchCommand.words(
                user: user,
                parent: parent,
                signal: SIGINT,
                program: path,
                arguments: arguments
            ),
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            output: .file(log)
        )
    }

    /// Beside the data where the path is short enough for a socket, else in a directory of its own.
    private static func socketDirectory(_ directory: String) -> String {
        let name = "/.s.PGSQL.\(port)"
        guard directory.utf8.count + name.utf8.count > longestSocketPath else { return directory }
        return "/tmp/usher-\(geteuid())-\(hash(directory))"
    }

    private var socketDirectory: String { Self.socketDirectory(directory) }

    private static func url(_ directory: String) -> String {
        "postgresql://\(role)@/postgres?host=\(percentEncoded(socketDirectory(directory)))&port=\(port)"
    }

    /// The directory itself, or, where the server's user can't get to it, a link there to one it can.
    private static func place(
        _ directory: String,
        for user: UnprivilegedUser?,
        _ note: (String) -> Void
    ) throws -> String {
        let reachable = reachable(directory, for: user)
        try FileSystem.makeDirectory(reachable)
        try FileSystem.give(reachable, to: user)
        if let user, reachable != directory {
            note("user \(user.name) can't enter \(directory): the data is in \(reachable)")
        }
        return reachable
    }

    private static func reachable(_ directory: String, for user: UnprivilegedUser?) -> String {
        guard let user, !user.canReach(directory) else { return directory }
        return "/var/tmp/usher-\(hash(directory))"
    }

    private static func hash(_ text: String) -> String {
        // FNV-1a, 64 bits: the same path has to give the same name in the next process.
        let hash = text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 36)
    }

    private static func lastLine(_ text: String) -> String {
        text.split(separator: "\n").last.map(String.init) ?? "it said nothing"
    }

    private static func percentEncoded(_ path: String) -> String {
        path.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            if isPlain || byte == 45 || byte == 46 || byte == 95 { return String(UnicodeScalar(byte)) }
            let hex = String(byte, radix: 16, uppercase: true)
            return "%" + (hex.count == 1 ? "0" + hex : hex)
        }.joined()
    }
}
