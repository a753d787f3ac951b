internal import Glibc

/// How a process ended.
enum ProcessExit: Sendable, Hashable, CustomStringConvertible {
    /// By itself, with a status.
    case status(Int32)
    /// By a signal.
    case signal(Int32)

    /// Reads what `waitpid` reports.
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .status((waitStatus >> 8) & 0xFF) : .signal(signal)
    }

    var description: String {
        switch self {
        case .status(let status): "exited with \(status)"
        case .signal(let signal): "was ended by signal \(signal)"
        }
    }

    /// Waits, blocking the calling thread, and takes the process from the system's table.
    static func wait(for pid: pid_t) -> ProcessExit {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return ProcessExit(waitStatus: status)
    }

    /// Waits, blocking the calling thread, until the process has ended, and leaves it in the system's table.
    ///
    /// So its number can't be given to another process before whoever still sends signals to it has heard.
    static func awaitEnd(of pid: pid_t) {
        var info = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    }
}
