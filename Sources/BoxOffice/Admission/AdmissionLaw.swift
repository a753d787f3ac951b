/// How many to call now.
///
/// Pure: everything it looks at is an argument, and what it says is logged with the batch.
package struct AdmissionLaw: Sendable, Equatable, Codable {
    /// Calls a minute that the promoter allows.
    package var ratePerMinute: Double
    /// Seconds since the last tick.
    package var elapsed: Double
    /// The part of a place that the rate still owes from the last tick, below 1.
    package var carry: Double
    /// How many may be inside at once.
    package var limit: Int
    /// How many are inside.
    package var active: Int
    /// How many of those have decided on no tickets yet.
    package var undecided: Int
    /// Called, and neither in nor gone.
    package var pending: Int
    /// Tickets that nobody holds.
    package var free: Int
    /// Tickets per buyer who buys.
    package var meanBasket: Double
    /// The part of those called who don't come.
    package var noShow: Double
    /// Places that wait to be called.
    package var waiting: Int
    /// What the rate is multiplied with while what comes after the line can't keep up; see ``AdmissionPressure``.
    package var throttle = 1.0
    /// Whether only the stock bounds, for a while: the promoter lets everyone through.
    package var isFailOpen = false

    /// More than this is not made up for, so that an outage doesn't end in a burst.
    package static let longestTick = 2.0

    /// What the law says.
    package struct Decision: Sendable, Equatable {
        /// How many places to call.
        package var calls: Int
        /// The part of a place to owe until the next tick.
        package var carry: Double
        /// What bound it.
        package var reason: Reason
    }

    /// What keeps a tick from calling more.
    package enum Reason: String, Sendable, Codable {
        case rate
        case limit
        case stock
        case line
        /// The rate, lowered because what comes after the line can't keep up.
        case pressure
        /// Everyone is let through for whom there may be a ticket.
        case failOpen = "fail_open"
    }

    /// How likely a called buyer comes; never taken to be below one half.
    package var show: Double { max(0.5, 1 - noShow) }

    /// `min(rate·throttle·Δt, limit − active − s·pending, unspoken ÷ basket − s·pending) ÷ s`, and who waits.
    package func decide() -> Decision {
        if isFailOpen { return failOpen() }
        let budget = carry + ratePerMinute * throttle / 60 * min(max(elapsed, 0), Self.longestTick)
        let coming = show * Double(pending)
        let room = Double(limit - active) - coming
        let stock = stockBound(coming: coming)
        let bound = min(budget, room, stock)
        let wanted = max(0, bound / show)
        let calls = min(Int(wanted + 1e-9), waiting)
        let reason: Reason =
            calls == waiting
            ? .line
            : bound == budget ? (throttle < 1 ? .pressure : .rate) : bound == room ? .limit : .stock
        let left = max(0, budget - Double(calls) * show)
        return Decision(calls: calls, carry: min(left, 0.999), reason: reason)
    }

    private func failOpen() -> Decision {
        let wanted = max(0, stockBound(coming: show * Double(pending)) / show)
        let calls = min(Int(wanted + 1e-9), waiting)
        return Decision(calls: calls, carry: 0, reason: calls == waiting ? .line : .failOpen)
    }

    /// Buyers that the unspoken stock is for.
    ///
    /// While anything is free and nobody is on the way to it, it is for at least one, whatever the mean basket says.
    private func stockBound(coming: Double) -> Double {
        let unspoken = Double(free) - Double(undecided) * meanBasket
        let bound = unspoken / max(meanBasket, 1) - coming
        return free > 0 && undecided == 0 && pending == 0 ? max(bound, 1) : bound
    }
}
