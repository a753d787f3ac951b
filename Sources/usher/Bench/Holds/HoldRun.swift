/// What became of many requests to hold, and what it took.
struct HoldRun: Sendable {
    var held = 0
    /// Answered otherwise: no seats side by side, or others were taking them.
    var refused = 0
    var lost = 0
    var seconds = 0.0
    /// From a request to its answer.
    var latencies = LatencyHistogram()
    var usage = ServerUsage(walBytes: 0)
    /// Processor time of the process that decides: the bench itself, or a gateway.
    var clientSeconds = 0.0

    /// Holds per second.
    var rate: Double { seconds > 0 ? Double(held) / seconds : 0 }
}
