internal import CLinux
internal import Glibc
internal import Reactor

/// What to start a process with.
struct ProcessLaunch: Sendable {
    /// Where a process' output goes.
    enum Output: Sendable {
        /// Where ours goes.
        case inherited
        /// To the end of a file.
        case file(String)
        /// Into an open descriptor, such as a pipe.
        case descriptor(Int32)
    }

    /// The path of the program.
    var program: String
    /// What follows the program's name.
    var arguments: [String]
    var environment: [String: String]
    var output = Output.inherited

    /// This program, by its path where it still lies there, so that lists of processes can be read.
    static var ownProgram: String {
        let link = "/proc/self/exe"
        guard let path = FileSystem.linkTarget(link), unsafe access(path, X_OK) == 0 else { return link }
        return path
    }

    /// Starts the process, in a process group of its own, so that ctrl-C reaches only us.
    ///
    /// Nothing but the three standard descriptors is handed down, and no signal is blocked or ignored.
    ///
    /// - Returns: its process id; who starts a process has to wait for it.
    func start() throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        switch output {
        case .inherited: break
        case .file(let path):
            unsafe posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        case .descriptor(let descriptor):
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 2)
        }
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let variables = environment.map { "\($0.key)=\($0.value)" }
        let code = unsafe Self.withCStrings([program] + arguments) { arguments in
            unsafe Self.withCStrings(variables) { variables in
                unsafe posix_spawn(&pid, program, &actions, &attributes, arguments, variables)
            }
        }
        guard code == 0 else {
            throw Failure("cannot start \(program): \(unsafe String(cString: strerror(code)))")
        }
        return pid
    }

    /// Starts the process and waits, on a thread of its own, for it to end.
    func run() async throws -> ProcessExit {
        try await Thread.run(name: "process") { try ProcessExit.wait(for: start()) }
    }

    /// Runs `body` with the strings as C wants an argument vector.
    static func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = unsafe strings.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe body(copies + [nil])
    }
}
