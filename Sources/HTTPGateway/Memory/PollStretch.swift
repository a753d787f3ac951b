/// How much longer than usual clients are asked to wait between two looks while a gateway is behind.
///
/// It doubles for each second in which a loop was late by a quarter of a second or more, up to eight times, and comes back by
/// a tenth a second once none is late: thousands who were sent away together come back together, so that a quick return
/// would only bring the next crowd.
struct PollStretch: Sendable, Equatable {
    /// What the usual wait is multiplied by, from 1 to ``most``.
    private(set) var factor = 1.0

    static let most = 8.0
    /// A loop that comes to its work as much later than it should has more than it can do.
    static let late = Duration.milliseconds(250)

    /// What follows after another second, in which the latest loop was late by so much.
    func following(_ delay: Duration) -> Self {
        var next = self
        next.factor = delay >= Self.late ? min(factor * 2, Self.most) : max(1, factor * 0.9)
        return next
    }
}
