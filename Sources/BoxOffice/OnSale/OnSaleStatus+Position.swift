internal import Postgres

extension OnSaleStatus {
    /// The number of an arrival, from memory; nil before the draw.
    package func number(ofArrival arrival: Int64, orders: DrawOrders) -> Int64? {
        guard let entries, let drawKey else { return nil }
        return orders.order(of: id, key: drawKey, count: Int(entries)).number(ofArrival: arrival)
    }

    /// How many numbers are called before this one; 0 for those called already.
    package func ahead(of number: Int64) -> Int64 { max(0, number - serving - 1) }

    /// How long until a number is called; nil when nothing can be said.
    package func wait(for number: Int64) -> WaitEstimate? {
        let rate = Double(ratePerMinute)
        return WaitEstimate(
            ahead: ahead(of: number),
            ratePerMinute: rate * pressure.factor,
            pace: pace ?? LinePace(quick: rate, slow: rate),
            paused: pausedAt != nil || state != .admitting
        )
    }

    /// How likely it is that something is left when a number is called, from 0 to 1; nil where that makes no sense.
    package func chanceLeft(for number: Int64) -> Double? {
        guard state == .admitting else { return nil }
        return ChanceLeft.estimate(
            ahead: ahead(of: number),
            show: 1 - noShow,
            conversion: conversion,
            basket: meanBasket,
            unspoken: Double(tiers.reduce(0) { $0 + $1.free }) - spoken
        )
    }

    /// How long a client should wait before it looks at `/status` again.
    ///
    /// - Parameter stretch: how many times as long as usual, where the usual is more than can be answered.
    /// - Returns: Milliseconds.
    package func pollMilliseconds(stretch: Double = 1) -> Int {
        switch state {
        case .scheduled, .prequeue:
            let next = state == .scheduled ? opensAt : startsAt
            return poll(after: Int(max(0, (next - readAt).components.seconds)), stretch)
        case .admitting: return poll(after: 40, stretch)
        case .soldOut, .closed, .cancelled: return 30_000
        }
    }

    /// How long a buyer who waits for a turn after the first should wait before asking for the place again.
    package func pollMillisecondsAgain(stretch: Double = 1) -> Int { poll(after: nil, stretch) }

    /// How long a buyer with this number should wait before asking for the place again.
    package func pollMilliseconds(number: Int64?, stretch: Double = 1) -> Int {
        guard let number, state == .admitting else { return pollMilliseconds(stretch: stretch) }
        return poll(after: wait(for: number)?.p25, stretch)
    }

    private func poll(after seconds: Int?, _ stretch: Double) -> Int {
        PollPolicy.milliseconds(waitSeconds: seconds, turnSeconds: turnSeconds, stretch: stretch)
    }
}
