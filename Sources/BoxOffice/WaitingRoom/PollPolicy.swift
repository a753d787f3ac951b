/// How long a client should wait before it asks again.
package enum PollPolicy {
    /// A twentieth of the expected wait, from one second to half a minute, and at most a quarter of a turn, so that
    /// nobody sleeps through their turn.
    ///
    /// - Parameters:
    ///   - waitSeconds: Until something is expected to change; nil when nobody knows.
    ///   - turnSeconds: How long a called buyer has to come in.
    ///   - stretch: How many times as long as usual; the quarter of a turn stays.
    /// - Returns: Milliseconds.
    package static func milliseconds(waitSeconds: Int?, turnSeconds: Int, stretch: Double = 1) -> Int {
        let usual = max(waitSeconds.map { $0 * 1000 / 20 } ?? 5000, 1000)
        let ceiling = max(250, min(30_000, turnSeconds * 1000 / 4))
        return min(Int(Double(usual) * stretch), ceiling)
    }
}
