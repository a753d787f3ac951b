internal import Postgres
internal import Reactor

/// The database's time without asking it each time: the last answer, carried on by the machine's steady clock.
final class DatabaseClock: Sendable {
    private struct Reading {
        var database = PostgresTimestamp.now
        var local = MonotonicTime.now
    }

    private let reading = Lock(Reading())

    /// The database's time, give or take a round trip.
    ///
    /// Before the first answer it is the machine's.
    var now: PostgresTimestamp {
        let reading = reading.withLock { $0 }
        return reading.database + (MonotonicTime.now - reading.local)
    }

    /// Takes in the time that a statement read which was sent at `local`.
    func set(_ time: PostgresTimestamp, at local: MonotonicTime) {
        reading.withLock { $0 = Reading(database: time, local: local) }
    }
}
