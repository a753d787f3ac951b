/// How long until a number is called: a band, because people behave as they like.
package struct WaitEstimate: Sendable, Equatable {
    package let p25: Int
    package let p50: Int
    package let p75: Int

    /// Longer than this is no estimate.
    private static let longest = 86_400.0

    /// Nil when nothing can be said: the line is paused or isn't moving.
    ///
    /// The last minute says what to expect, and the last five how far that may be off.
    ///
    /// - Parameters:
    ///   - ahead: How many numbers are called before this one.
    ///   - ratePerMinute: The most that are called in a minute, as the rate is now.
    ///   - pace: How fast the line moved.
    ///   - paused: Whether calling is paused; a falling promise would be a lie.
    package init?(ahead: Int64, ratePerMinute: Double, pace: LinePace, paused: Bool) {
        guard !paused, ratePerMinute > 0 else { return nil }
        let calls = Double(ahead + 1)
        // At most half of those called are taken not to come: a faster pace is one from before the rate was lowered.
        let fastest = 2 * ratePerMinute
        func seconds(_ perMinute: Double) -> Double {
            perMinute > 0 ? calls / min(perMinute, fastest) * 60 : .infinity
        }
        let expected = seconds(pace.quick)
        guard expected <= Self.longest else { return nil }
        let best = seconds(max(pace.slow, pace.quick))
        let worst = seconds(min(pace.slow, pace.quick))
        p50 = Int(expected.rounded(.up))
        p25 = Int(min(best, expected * 0.8).rounded(.up))
        p75 = Int(min(max(worst, expected * 1.4), 2 * Self.longest).rounded(.up))
    }
}
