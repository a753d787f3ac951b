/// How long until a number is called: a band, because the rate is a promise and people behave as they like.
package struct WaitEstimate: Sendable, Equatable {
    package let p25: Int
    package let p50: Int
    package let p75: Int

    /// Nil when nothing can be said: the line is paused or isn't moving.
    ///
    /// - Parameters:
    ///   - ahead: How many numbers are called before this one.
    ///   - ratePerMinute: The most that are called in a minute.
    ///   - recentPerMinute: How many were called in the last minute; nil when that is too short a time to say.
    ///   - paused: Whether calling is paused; a falling promise would be a lie.
    package init?(ahead: Int64, ratePerMinute: Double, recentPerMinute: Double?, paused: Bool) {
        guard !paused, ratePerMinute > 0 else { return nil }
        let recent = min(recentPerMinute ?? ratePerMinute, ratePerMinute)
        guard recent > 0 else { return nil }
        let calls = Double(ahead + 1)
        let expected = calls / recent * 60
        let best = calls / ratePerMinute * 60
        p50 = Int(expected.rounded(.up))
        p25 = Int(min(best, expected * 0.8).rounded(.up))
        p75 = Int((expected * 1.4).rounded(.up))
    }
}
