/// What a tick has learned of how buyers behave and of how the line moves.
struct TickLearning: Sendable {
    /// How far the rate is lowered.
    var pressure: AdmissionPressure
    /// How fast the line moves.
    private(set) var pace: LinePace
    /// The part of those who came that bought.
    let conversion: Double
    /// The part of those called that didn't come.
    let noShow: Double
    /// Tickets that those inside or called will probably take.
    let spoken: Double

    private let serving: Int64

    init(_ gate: OnSaleGate, _ numbers: TickNumbers, conversion: Double, noShow: Double) {
        pressure = gate.pressure
        // Before anything was seen, the line is taken to move as fast as it may.
        let rate = Double(gate.ratePerMinute)
        pace = gate.pace ?? LinePace(quick: rate, slow: rate)
        self.conversion = conversion
        self.noShow = noShow
        let coming = Double(numbers.undecided) + (1 - noShow) * Double(numbers.pending)
        spoken = coming * conversion * numbers.meanBasket
        serving = gate.serving
    }

    /// Takes in how far the line moved.
    mutating func take(_ callUp: CallUp, elapsed: Double) {
        pace = pace.following(passed: callUp.last - serving, seconds: elapsed)
    }
}
