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
        let settled = drawnAt.map { readAt - $0 > .seconds(60) } ?? false
        return WaitEstimate(
            ahead: ahead(of: number),
            ratePerMinute: Double(ratePerMinute),
            recentPerMinute: settled && recentPerMinute > 0 ? Double(recentPerMinute) : nil,
            paused: pausedAt != nil || state != .admitting
        )
    }

    /// How long a client should wait before it looks at `/status` again.
    package var pollMilliseconds: Int {
        switch state {
        case .scheduled, .prequeue:
            let next = state == .scheduled ? opensAt : startsAt
            return PollPolicy.milliseconds(
                waitSeconds: Int(max(0, (next - readAt).components.seconds)),
                turnSeconds: turnSeconds
            )
        case .admitting: return PollPolicy.milliseconds(waitSeconds: 40, turnSeconds: turnSeconds)
        case .soldOut, .closed, .cancelled: return 30_000
        }
    }

    /// How long a buyer with this number should wait before asking for the place again.
    package func pollMilliseconds(number: Int64?) -> Int {
        guard let number, state == .admitting else { return pollMilliseconds }
        return PollPolicy.milliseconds(waitSeconds: wait(for: number)?.p25, turnSeconds: turnSeconds)
    }
}
