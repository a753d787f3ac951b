internal import Glibc

/// What the machine's processors have done since it was started, in seconds; two readings make a difference.
struct MachineLoad: Sendable, Equatable {
    /// Of all processes.
    var busy = 0.0
    /// Nobody had work.
    var idle = 0.0
    /// Of the bench, its workers, its `pgbench` and its server.
    var ours = 0.0

    /// The part of the machine that others took, from 0 to 1; nil when no time has passed.
    var foreignShare: Double? {
        let total = busy + idle
        return total > 0 ? max(0, busy - ours) / total : nil
    }

    /// Reads now; `postmaster` is the server's first process, if it is on this machine.
    static func read(postmaster: pid_t?) -> Self {
        var load = Self()
        if let text = (try? FileSystem.read("/proc/stat")) ?? nil {
            load.count(text, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
        }
        load.ours = ProcessTimes.family(of: getpid()) ?? 0
        if let postmaster, let server = ProcessTimes.family(of: postmaster) {
            load.ours += server
            // Our private server is our child and was counted as such.
            if let first = ProcessTimes.of(postmaster), first.parent == getpid() { load.ours -= first.own }
        }
        return load
    }

    /// Takes the first line of `/proc/stat`.
    ///
    /// Source: proc(5): user, nice, system, idle, iowait, irq, softirq, steal.
    mutating func count(_ text: String, ticksPerSecond: Double) {
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().prefix(8).compactMap {
            Double($0)
        }
        guard fields.count == 8 else { return }
        idle = (fields[3] + fields[4]) / ticksPerSecond
        busy = (fields.reduce(0, +) - fields[3] - fields[4] - fields[7]) / ticksPerSecond
    }

    static func + (left: Self, right: Self) -> Self {
        Self(busy: left.busy + right.busy, idle: left.idle + right.idle, ours: left.ours + right.ours)
    }

    static func - (left: Self, right: Self) -> Self {
        Self(busy: left.busy - right.busy, idle: left.idle - right.idle, ours: left.ours - right.ours)
    }

    /// Returns when others leave the machine alone, or have not for so long.
    static func waitForQuiet(atMost limit: Duration) async throws {
        let begun = ContinuousClock.now
        while ContinuousClock.now - begun < limit {
            let before = read(postmaster: nil)
            try await Task.sleep(for: .milliseconds(500))
            let difference = read(postmaster: nil) - before
            if difference.busy <= 0.08 * (difference.busy + difference.idle) { return }
        }
    }
}
