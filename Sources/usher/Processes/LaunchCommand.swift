internal import CLinux
internal import Glibc

/// `usher launch`: becomes another program, after what has to happen in the new process itself.
enum LaunchCommand {
    static let user = Option("user", .text("NAME"), help: "The user to become")
    static let parent = Option(
        "parent",
        .number(1...Int(Int32.max)),
        help: "The process with which the program is to end"
    )
    static let signal = Option(
        "signal",
        .number(1...31),
        initial: "15",
        help: "The signal the program gets when its parent ends"
    )

    static let command = Command(
        "launch",
        "Become another program, as another user or bound to its parent's life",
        options: [user, parent, signal, .help],
        takesRest: true,
        isInternal: true
    ) { _ in }

    /// The words that start `program` through this command.
    static func words(
        user: UnprivilegedUser? = nil,
        parent: pid_t? = nil,
        signal: Int32 = SIGTERM,
        program: String,
        arguments: [String]
    ) -> [String] {
        var words = ["launch"]
        if let user { words += ["--user", user.name] }
        if let parent { words += ["--parent", "\(parent)", "--signal", "\(signal)"] }
        return words + ["--", program] + arguments
    }

    /// Becomes the program: never returns when all goes well.
    ///
    /// Called before any thread is started.
    static func run(_ arguments: Arguments) throws {
        guard let program = arguments.rest.first else {
            throw UsageError(command: "usher launch", message: "-- PROGRAM is missing")
        }
        if let name = arguments.text(user) {
            guard let user = UnprivilegedUser.named(name) else { throw Failure("there is no user \(name)") }
            try user.become()
        }
        if let expected = arguments.number(parent) {
            usher_die_with_parent(Int32(arguments.number(signal) ?? Int(SIGTERM)))
            // The parent may have ended before the request; then nobody would ever tell.
            guard getppid() == pid_t(expected) else { throw Failure("process \(expected) has ended") }
        }
        unsafe ProcessLaunch.withCStrings(arguments.rest) { words in
            _ = unsafe execv(program, words)
        }
        throw Failure("cannot start \(program): \(unsafe String(cString: strerror(errno)))")
    }
}
