internal import Reactor

/// The times of a demo: an on-sale of hours, played in a minute or three.
struct DemoPace: Sendable, Equatable {
    /// From scheduling until the room opens, in whole seconds.
    var opensAfter: Int
    /// From opening until the draw, in whole seconds.
    var prequeue: Int
    /// Buyers called per minute.
    var ratePerMinute: Int
    /// Buyers inside at a time.
    var activeLimit: Int
    var turnSeconds: Int
    var sessionSeconds: Int
    var holdSeconds: Int
    var extensionSeconds: Int
    var paymentSeconds: Int
    var graceSeconds: Int
    /// The early ones come within this, the late ones within ``late`` after that.
    var early: Duration
    var late: Duration
    /// Seconds in line that those who give up will bear.
    var patience: ClosedRange<Double>
    /// Seconds between two clicks of a person.
    var hesitation: ClosedRange<Double>
    /// When nothing may be left to do, after opening.
    var limit: Duration

    /// The arena: about 12,000 tickets in two to three minutes.
    static let arena = Self(
        opensAfter: 3,
        prequeue: 14,
        ratePerMinute: 3300,
        activeLimit: 600,
        turnSeconds: 20,
        sessionSeconds: 10,
        holdSeconds: 10,
        extensionSeconds: 5,
        paymentSeconds: 30,
        graceSeconds: 5,
        early: .seconds(12),
        late: .seconds(60),
        patience: 3...40,
        hesitation: 0.3...3,
        limit: .seconds(420)
    )

    /// The small hall: 600 tickets in well under a minute.
    static let hall = Self(
        opensAfter: 2,
        prequeue: 6,
        ratePerMinute: 2400,
        activeLimit: 200,
        turnSeconds: 6,
        sessionSeconds: 6,
        holdSeconds: 6,
        extensionSeconds: 3,
        paymentSeconds: 12,
        graceSeconds: 3,
        early: .seconds(5),
        late: .seconds(12),
        patience: 2...10,
        hesitation: 0.2...1.5,
        limit: .seconds(180)
    )
}
