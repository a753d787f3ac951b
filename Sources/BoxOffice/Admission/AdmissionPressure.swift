package import Postgres

/// How far the rate is lowered because what comes after the line can't keep up.
///
/// Pure: it is given what was measured, and says what follows. It falls at once and rises slowly, and it rises only after
/// everything has been well within its bounds for a while, so that it doesn't swing.
package struct AdmissionPressure: Sendable, Equatable {
    /// What is measured of the way behind the line.
    package enum Signal: String, Sendable, CaseIterable, Codable {
        /// How long nineteen of twenty holds took at most.
        case holdLatency = "hold_latency"
        /// The share of requests that failed.
        case errors
        /// How late workers take up what is due.
        case workerLag = "worker_lag"
        /// How long a gateway waited for its database.
        case poolWait = "pool_wait"

        /// More than this is too much: seconds, for ``errors`` a share.
        var bound: Double {
            switch self {
            case .holdLatency: 2
            case .errors: 0.05
            case .workerLag: 5
            case .poolWait: 1
            }
        }
    }

    /// What the rate is multiplied with: 1 when nothing is wrong.
    package var factor: Double
    /// What lowered it last; nil while it is 1.
    package var reason: Signal?
    /// When it last moved.
    package var movedAt: PostgresTimestamp?
    /// When a signal was last near its bound.
    package var strainedAt: PostgresTimestamp?

    /// Nothing is wrong.
    package static let none = AdmissionPressure(factor: 1)

    /// Never lower, so that the line still moves and shows whether things are better.
    package static let least = 0.05
    /// From one move to the next at least.
    static let pause = Duration.seconds(5)
    /// For so long everything must have been well before the rate rises.
    static let calm = Duration.seconds(30)
    /// A signal above this part of its bound is no sign that all is well.
    static let near = 0.8

    private static let fall = 0.7
    private static let rise = 1.03

    package init(
        factor: Double,
        reason: Signal? = nil,
        movedAt: PostgresTimestamp? = nil,
        strainedAt: PostgresTimestamp? = nil
    ) {
        self.factor = factor
        self.reason = reason
        self.movedAt = movedAt
        self.strainedAt = strainedAt
    }

    /// What follows from what was measured.
    ///
    /// - Parameters:
    ///   - signals: Seconds, for `errors` a share; what was not measured is left out.
    ///   - now: The database's time.
    /// - Returns: The pressure from now on.
    package func following(_ signals: [Signal: Double], now: PostgresTimestamp) -> AdmissionPressure {
        var next = self
        let worst = Signal.allCases.compactMap { signal in signals[signal].map { (signal, $0 / signal.bound) }
        }
        .max { $0.1 < $1.1 }
        let load = worst?.1 ?? 0
        if load > Self.near { next.strainedAt = now }
        let mayMove = movedAt.map { now - $0 >= Self.pause } ?? true
        guard mayMove else { return next }
        if load > 1, let worst {
            next.factor = max(Self.least, factor * Self.fall)
            next.reason = worst.0
            next.movedAt = now
        } else if factor < 1, next.strainedAt.map({ now - $0 >= Self.calm }) ?? true {
            next.factor = min(1, factor * Self.rise)
            next.movedAt = now
            if next.factor == 1 { next.reason = nil }
        }
        return next
    }
}
