internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry

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
    /// What its code is given, where the run is started here.
    let given: (any Sendable)?
    var activation: Activation?
    /// What its row said in the transaction that drives it, or last did.
    var fence: RunFence?
    /// The code of its version; nil if this process has none.
    var code: WorkflowRegistry.RegisteredWorkflow?
    /// The keys of its last commit, for a probe.
    var committed: [String] = []
    /// Why its code can't have made its history.
    var divergence: String?
    private struct Mailbox {
        /// Effects that have ended since the last commit.
        var arrivals: [EffectArrival] = []
        /// Whether the run is in the inbox or in a commit, so that it is never in two.
        var scheduled = true
        /// Effects that are being performed, and what cancels each, once that is known.
        var flying: [String: (@Sendable () -> Void)?] = [:]
    }

    private let mailbox = Lock(Mailbox())
    /// Effects that ended in a go that was rolled back; they must not run again.
    var carried: [EffectArrival] = []
    /// Run alone, each step in a savepoint, because a step of it threw.
    var isolated = false
    /// What this go did, for its trace.
    private var spans: [TraceSpan] = []
    /// When this go began, where it is traced.
    var goBegan: Int64 = 0
    /// Goes that were rolled back for reasons outside the run, such as a deadlock.
    var rollbacks = 0

    init(_ origin: Origin, given: (any Sendable)? = nil) {
        self.origin = origin
        self.given = given
    }

    /// What is known of the job; nil for an eager run until its transaction has inserted it.
    var job: ClaimedJob? {
        if let activation { return activation.job }
        guard case .claimed(let job) = origin else { return nil }
        return job
    }

    /// Whether it has code to run when it is cancelled.
    var cleansUp: Bool { code?.cleansUp == true || activation?.hasCompensations == true }

    /// Whether it is to stand still once nothing of it is in flight.
    var isPausing: Bool { fence?.isPaused == true && fence?.isCancelled == false }

    var isEager: Bool {
        guard case .eager = origin else { return false }
        return true
    }

    /// Notes that an effect is about to be performed.
    ///
    /// - Returns: false if it is being performed already.
    func takeOff(_ key: String) -> Bool {
        mailbox.withLock { mailbox in
            guard mailbox.flying[key] == nil else { return false }
            mailbox.flying.updateValue(nil, forKey: key)
            return true
        }
    }

    /// Notes how an effect is cancelled; that of one that nobody waits for any more is, at once.
    func flies(_ key: String, cancel: @escaping @Sendable () -> Void) {
        let isWanted = mailbox.withLock { mailbox in
            guard mailbox.flying[key] != nil else { return false }
            mailbox.flying[key] = .some(cancel)
            return true
        }
        if !isWanted { cancel() }
    }

    /// Cancels effects, and forgets how they end.
    func abandon(_ keys: [String]? = nil) {
        let cancels = mailbox.withLock { mailbox in
            let keys = keys ?? Array(mailbox.flying.keys)
            mailbox.arrivals.removeAll { keys.contains($0.key) }
            return keys.compactMap { mailbox.flying.removeValue(forKey: $0) ?? nil }
        }
        for cancel in cancels { cancel() }
    }

    /// Takes in an effect that ended, if somebody still waits for it.
    ///
    /// - Returns: whether the run must now be put into the inbox.
    func arrived(_ arrival: EffectArrival) -> Bool {
        mailbox.withLock { mailbox in
            guard mailbox.flying[arrival.key] != nil else { return false }
            mailbox.arrivals.append(arrival)
            defer { mailbox.scheduled = true }
            return !mailbox.scheduled
        }
    }

    /// Asks for a commit, though no effect has ended.
    ///
    /// - Returns: whether the run must now be put into the inbox.
    func poke() -> Bool {
        mailbox.withLock { mailbox in
            defer { mailbox.scheduled = true }
            return !mailbox.scheduled
        }
    }

    /// Takes the effects that have ended, for the transaction that records them.
    func takeArrivals() -> [EffectArrival] {
        mailbox.withLock { mailbox in
            defer { mailbox.arrivals.removeAll() }
            for arrival in mailbox.arrivals { mailbox.flying.removeValue(forKey: arrival.key) }
            return mailbox.arrivals
        }
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

    /// Keeps a span until the go has committed.
    func note(_ span: TraceSpan) { spans.append(span) }

    /// Takes what the go that has committed did.
    func takeSpans() -> [TraceSpan] {
        guard let activation, let trace = activation.trace, trace.isRecorded, goBegan != 0 else { return [] }
        defer {
            spans = []
            goBegan = 0
        }
        return spans + activation.takeSpans() + [trace.go(activation.job, from: goBegan)]
    }

    /// Throws the go away, keeping what happened outside.
    func rewind() {
        spans = []
        activation?.seal()
        activation = nil
    }
}
