internal import Glibc

/// What the system says of a process: whose child it is and what processor time it took.
///
/// Source: proc(5), `/proc/PID/stat`.
struct ProcessTimes: Sendable, Equatable {
    let parent: pid_t
    /// Of its own, in seconds.
    let own: Double
    /// Of its children that have ended and were waited for, in seconds.
    let reaped: Double

    /// Reads the line; nil when it is none.
    init?(stat line: String, ticksPerSecond: Double) {
        // The name in parentheses may itself hold spaces and parentheses.
        guard let name = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: name)...].split(separator: " ")
        guard fields.count > 14, let parent = pid_t(fields[1]) else { return nil }
        let times = fields[11...14].compactMap { Double($0) }
        guard times.count == 4 else { return nil }
        self.parent = parent
        own = (times[0] + times[1]) / ticksPerSecond
        reaped = (times[2] + times[3]) / ticksPerSecond
    }

    /// What the system says now; nil when the process is not there.
    static func of(_ pid: pid_t) -> Self? {
        guard let line = (try? FileSystem.read("/proc/\(pid)/stat")) ?? nil else { return nil }
        return Self(stat: line, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// The resident memory of a process; nil when it is not there.
    ///
    /// Source: proc(5), `/proc/PID/statm`.
    static func residentBytes(of pid: pid_t) -> Int? {
        guard let line = (try? FileSystem.read("/proc/\(pid)/statm")) ?? nil else { return nil }
        let pages = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return pages.map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
    }

    /// The seconds of a process, its children that live and those that have ended; nil when it is not there.
    static func family(of pid: pid_t) -> Double? {
        guard let root = of(pid) else { return nil }
        let children = FileSystem.names(in: "/proc").compactMap { pid_t($0) }.compactMap { of($0) }
        return children.filter { $0.parent == pid }.reduce(root.own + root.reaped) { $0 + $1.own }
    }
}
