internal import Foundation

/// How likely it is that something is left when one's turn comes.
///
/// Each of those ahead comes and buys with the probability that was seen so far, about as many tickets as buyers took so
/// far. With many ahead their sum is normally distributed around its mean; that the past may not repeat itself is an
/// error of its own.
package enum ChanceLeft {
    /// How far the habits of those ahead may lie from what was seen, as a part of what they are expected to take.
    private static let doubt = 0.15

    /// How likely it is.
    ///
    /// - Parameters:
    ///   - ahead: How many are called before.
    ///   - show: How likely each of them comes.
    ///   - conversion: How likely one who came buys.
    ///   - basket: Tickets of one who buys.
    ///   - unspoken: Tickets that are free, without those that the ones inside will probably take.
    /// - Returns: From 0 to 1, in hundredths; 0 and 1 only where there is no doubt.
    package static func estimate(
        ahead: Int64,
        show: Double,
        conversion: Double,
        basket: Double,
        unspoken: Double
    ) -> Double {
        guard unspoken >= 1 else { return 0 }
        guard ahead > 0 else { return 1 }
        let buys = min(max(show * conversion, 0), 1)
        let mean = Double(ahead) * buys * basket
        // Baskets vary about as much as they are large.
        let perBuyer = buys * (basket * basket + basket) - buys * buys * basket * basket
        let deviation = (Double(ahead) * perBuyer + mean * mean * doubt * doubt).squareRoot()
        guard deviation > 0 else { return 1 }
        let chance = 0.5 * erfc((mean - (unspoken - 0.5)) / (deviation * 2.0.squareRoot()))
        return min(max((chance * 100).rounded() / 100, 0.01), 0.99)
    }
}
