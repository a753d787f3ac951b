internal import Reactor

/// What the crowd did and saw, gathered from all buyers.
final class DemoTally: Sendable {
    /// What became of those who wanted to be told instead of asking.
    struct Live: Sendable {
        /// Buyers who joined and wanted a socket.
        var wanted = 0
        /// Sockets that were opened.
        var opened = 0
        /// Sockets that ended before their buyer was done with them.
        var cuts = 0
        /// Buyers who went on by asking.
        var fellBack = 0
        /// Buyers who heard on a socket that it was their turn.
        var called = 0
        var messages = 0
    }

    /// The numbers at one moment.
    struct Numbers: Sendable {
        var ledger = BuyerLedger()
        var joins = Latencies()
        var holds = Latencies()
        var arrived = 0
        var finished = 0
        /// Reservations that a client holds or pays for right now.
        var holding = 0
        var ticketsSold = 0
        var declined = 0
        var expired = 0
        var turnedAway = 0
        var gaveUp = 0
        var sawSoldOut = 0
        var rejectedForgeries = 0
        var retries = 0
        var live = Live()
        /// Answers that break a promise; each is named.
        var broken: [String] = []
        /// Answers nobody counted on, with how often they came.
        var unexpected: [String: Int] = [:]
    }

    private let numbers = Lock(Numbers())

    var now: Numbers { numbers.withLock { $0 } }

    func change(_ body: (inout Numbers) -> Void) {
        numbers.withLock { body(&$0) }
    }

    /// An answer that must never be given.
    func broken(_ what: String) {
        change { $0.broken.append(what) }
    }
}
