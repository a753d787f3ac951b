internal import Reactor

/// How long this machine and its database took for what the sale asked of them, in real milliseconds.
struct RehearsalMachine: Sendable {
    /// A batch of places.
    var joins = Samples()
    /// What is due in one second, and the tick; from the start on.
    var ticks = Samples()
    /// One hold.
    var holds = Samples()
    /// All of one second of the sale, from the start on.
    var steps = Samples()
    /// All of the rehearsal, in seconds.
    var seconds = 0.0
    /// Seconds of the sale that were played, from its start.
    var played = 0

    /// Whether even the slowest seconds of the sale took less than one.
    var keptUp: Bool { (steps.percentile(0.99) ?? 0) < 1000 }

    /// Milliseconds from an instant until now.
    static func milliseconds(since begun: MonotonicTime) -> Double {
        (MonotonicTime.now - begun).seconds * 1000
    }
}
