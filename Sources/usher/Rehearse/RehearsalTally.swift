internal import BoxOffice

/// What came of a rehearsal's buyers, and what bound the admission: the same for the same seed.
struct RehearsalTally: Sendable, Equatable {
    var buyers = 0
    var joined = 0
    var turnedAway = 0
    var gaveUp = 0
    var called = 0
    var noShows = 0
    /// Whose turn or hold was over when they acted.
    var cameLate = 0
    var cameIn = 0
    var held = 0
    /// Held, and never paid.
    var walkedAway = 0
    /// Came in, and nothing was free for them.
    var foundNothing = 0
    var bought = 0
    var tickets = 0
    var peakLine = 0
    var peakInside = 0
    /// In seconds from the start, or from joining later.
    var waitsToCalled: [Int] = []
    var waitsToSold: [Int] = []
    /// Tickets sold in each minute from the start.
    var perMinute: [Int] = []
    /// Seconds that each reason bound the admission.
    var bound: [AdmissionLaw.Reason: Int] = [:]

    /// Notes what one second's tick said.
    mutating func tick(_ note: String?) {
        guard let reason = note.flatMap(AdmissionLaw.Reason.init(rawValue:)) else { return }
        bound[reason, default: 0] += 1
    }

    /// The reason that bound the admission for the longest; nil when nobody was ever called.
    var bottleneck: AdmissionLaw.Reason? {
        var longest: AdmissionLaw.Reason?
        for reason in [AdmissionLaw.Reason.rate, .limit, .stock, .line]
        where bound[reason, default: 0] > longest.map({ bound[$0, default: 0] }) ?? 0 {
            longest = reason
        }
        return longest
    }
}
