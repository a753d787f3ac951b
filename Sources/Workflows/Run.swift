internal import Jobs
internal import Postgres
internal import Reactor

/// A run that a process holds, from its claim to its park or its end.
///
/// The engine hands it from one transaction to the next; only one at a time touches it.
final class Run: @unchecked Sendable {
    // Sendable: owned by one commit, then by the inbox, never by two at once; the mailbox is behind its lock.

    /// Where a run came from.
    enum Origin {
        /// Claimed from a lane.
        case claimed(ClaimedJob)
        /// Inserted by the transaction of its first activation; the caller waits for that commit.
        case eager(NewJob, CheckedContinuation<EagerRun, any Error>)
    }

    let origin: Origin
    var activation: Activation?
    private struct Mailbox {
        /// Effects that have ended since the last commit.
        var arrivals: [EffectArrival] = []
        /// Whether the run is in the inbox or in a commit, so that it is never in two.
        var scheduled = true
    }

    private let mailbox = Lock(Mailbox())
    /// Keys of effects that are being performed.
    var inFlight: Set<String> = []
    /// Effects that ended in a go that was rolled back; they must not run again.
    var carried: [EffectArrival] = []
    /// Run alone, each step in a savepoint, because a step of it threw.
    var isolated = false
    /// Goes that were rolled back for reasons outside the run, such as a deadlock.
    var rollbacks = 0

    init(_ origin: Origin) {
        self.origin = origin
    }

    /// What is known of the job; nil for an eager run until its transaction has inserted it.
    var job: ClaimedJob? {
        if let activation { return activation.job }
        guard case .claimed(let job) = origin else { return nil }
        return job
    }

    var isEager: Bool {
        guard case .eager = origin else { return false }
        return true
    }

    /// Takes in an effect that ended.
    ///
    /// - Returns: whether the run must now be put into the inbox.
    func arrived(_ arrival: EffectArrival) -> Bool {
        mailbox.withLock { mailbox in
            mailbox.arrivals.append(arrival)
            defer { mailbox.scheduled = true }
            return !mailbox.scheduled
        }
    }

    /// Takes the effects that have ended, for the transaction that records them.
    func takeArrivals() -> [EffectArrival] {
        let arrivals = mailbox.withLock { mailbox in
            defer { mailbox.arrivals.removeAll() }
            return mailbox.arrivals
        }
        for arrival in arrivals { inFlight.remove(arrival.key) }
        return arrivals
    }

    /// Leaves the commit with effects in flight.
    ///
    /// - Returns: whether one has ended meanwhile, so that the run must go back into the inbox.
    func leaveCommit() -> Bool {
        mailbox.withLock { mailbox in
            mailbox.scheduled = !mailbox.arrivals.isEmpty
            return mailbox.scheduled
        }
    }

    /// Throws the go away, keeping what happened outside.
    func rewind() {
        activation?.seal()
        activation = nil
    }
}
