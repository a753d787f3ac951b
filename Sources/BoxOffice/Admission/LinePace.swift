/// How fast the line moves: numbers passed a minute, averaged over about one minute and over about five.
///
/// Numbers whose holders have left are passed, too, so that those who give up make the line faster.
package struct LinePace: Sendable, Equatable {
    /// Over about a minute.
    package var quick: Double
    /// Over about five.
    package var slow: Double

    package init(quick: Double, slow: Double) {
        self.quick = quick
        self.slow = slow
    }

    /// The pace after a tick.
    ///
    /// - Parameters:
    ///   - passed: How many numbers it passed.
    ///   - seconds: Since the tick before.
    /// - Returns: The averages with it.
    package func following(passed: Int64, seconds: Double) -> LinePace {
        guard seconds > 0 else { return self }
        let now = Double(passed) / seconds * 60
        func moved(_ average: Double, over window: Double) -> Double {
            // What a tick weighs, when ticks weigh less the longer they are ago.
            let weight = seconds / (window + seconds)
            return average + (now - average) * weight
        }
        return LinePace(quick: moved(quick, over: 60), slow: moved(slow, over: 300))
    }
}
