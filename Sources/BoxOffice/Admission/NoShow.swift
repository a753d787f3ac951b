/// The part of those called who don't come, learned from the turns that ended.
package enum NoShow {
    /// How many ended turns weigh as much as all that came before.
    private static let memory = 50.0

    /// The estimate after `called` more turns ended, of which `missed` had nobody come.
    ///
    /// Each turn moves the estimate by a fiftieth, so that a single small batch says little.
    package static func updated(_ estimate: Double, called: Int, missed: Int) -> Double {
        guard called > 0 else { return estimate }
        let weight = 1 - (1 - 1 / memory).power(called)
        return estimate + (Double(missed) / Double(called) - estimate) * weight
    }
}

extension Double {
    /// The number multiplied by itself `exponent` times.
    fileprivate func power(_ exponent: Int) -> Double {
        var (result, base, exponent) = (1.0, self, exponent)
        while exponent > 0 {
            if exponent & 1 == 1 { result *= base }
            base *= base
            exponent >>= 1
        }
        return result
    }
}
