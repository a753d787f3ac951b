/// How badly the stand-in payment server behaves.
///
/// Rates are parts of all payments, from 0 to 1.
struct PSPBehaviour: Sendable, Equatable {
    /// Payments that are declined.
    var declineRate = 0.0
    /// Authorisations that are made, but whose first answer never comes.
    var timeoutRate = 0.0
    /// Payments whose callback is sent twice.
    var duplicateRate = 0.0
    /// Payments that stay pending and are decided by a late callback.
    var lateRate = 0.0
    /// How long an answer that never comes is held back, in seconds.
    var silenceSeconds = 30.0
    /// How long a late decision takes, in seconds.
    var lateSeconds = 8.0
    /// Decides the fate of every payment together with its reference, so that a run can be repeated.
    var seed: UInt64 = 1

    /// What will happen to the payment of this reference.
    ///
    /// Some payment methods have a fate of their own, for tests: `tok_declined`, `tok_timeout`, `tok_late`,
    /// `tok_late_declined`, `tok_duplicate`, and `tok_good`, with which nothing happens.
    func fate(of reference: String, method: String) -> PSPFate {
        switch method {
        case "tok_good": return PSPFate()
        case "tok_declined": return PSPFate(declines: true)
        case "tok_timeout": return PSPFate(isSilent: true)
        case "tok_late": return PSPFate(isLate: true)
        case "tok_late_declined": return PSPFate(declines: true, isLate: true)
        case "tok_duplicate": return PSPFate(isDuplicated: true)
        default: break
        }
        var dice = PSPDice(seed: seed, reference: reference)
        return PSPFate(
            declines: dice.roll() < declineRate,
            isSilent: dice.roll() < timeoutRate,
            isLate: dice.roll() < lateRate,
            isDuplicated: dice.roll() < duplicateRate
        )
    }
}

/// What happens to one payment.
struct PSPFate: Sendable, Equatable {
    var declines = false
    /// The first answer does not come.
    var isSilent = false
    /// Pending first, decided later.
    var isLate = false
    /// The callback comes twice.
    var isDuplicated = false
}

/// Chance that depends on nothing but a seed and a reference.
///
/// Source: SplitMix64, FNV-1a.
struct PSPDice: Sendable {
    private var state: UInt64

    init(seed: UInt64, reference: String) {
        state = 0xcbf2_9ce4_8422_2325 ^ seed
        for byte in reference.utf8 { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }

    /// From 0, included, to 1, excluded.
    mutating func roll() -> Double {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
    }
}
