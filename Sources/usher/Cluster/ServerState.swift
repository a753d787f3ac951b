internal import Glibc

/// What a data directory says about its server, and what the system says to that.
enum ServerState: Sendable, Hashable {
    /// No server runs.
    case stopped
    /// A file speaks of a server that does not run: the machine or the container went down under it.
    case stale(pid: Int32)
    /// A server is on its way up or down.
    case changing(pid: Int32)
    /// A server takes connections.
    case ready(pid: Int32)

    /// Reads `postmaster.pid`.
    ///
    /// Source: Postgres, `miscadmin.h`: line 1 is the process id, line 8 the state.
    ///
    /// `file` is nil where there is none; `serves` says whether a process is the server of this data directory.
    static func read(_ file: String?, serves: (Int32) -> Bool) -> Self {
        guard let file else { return .stopped }
        let lines = file.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, let pid = Int32(first) else { return .stale(pid: 0) }
        guard serves(pid) else { return .stale(pid: pid) }
        guard lines.count >= 8, lines[7].hasPrefix("ready") else { return .changing(pid: pid) }
        return .ready(pid: pid)
    }

    /// Whether a process is the server of the data directory, by what it was called with.
    ///
    /// The number alone says little: after a restart of the machine it may be a stranger's. (`/proc/PID/cwd` would
    /// say more, but in a container not even root may read another user's.)
    static func serves(_ pid: Int32, _ data: String) -> Bool {
        guard let words = (try? FileSystem.read("/proc/\(pid)/cmdline"))?.split(separator: "\0") else {
            return false
        }
        let isServer = words.first?.split(separator: "/").last.map { $0 == "postgres" || $0 == "postmaster" }
        let places = [data, FileSystem.realPath(data)]
        return isServer == true && words.contains { places.contains(String($0)) }
    }
}
