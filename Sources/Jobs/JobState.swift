/// Where a job stands.
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// Waits for its time.
    case scheduled
    /// Waits until its key has room.
    case blocked
    /// Can be claimed.
    case ready
    /// Claimed by a worker.
    case running
    /// Parked: waits for an event, a timer or a child.
    case waiting
    /// Ended well.
    case done
    /// Ended after its last attempt, with the error kept.
    case failed
    /// Ended because someone asked.
    case cancelled
    /// Dropped: nobody started it by its deadline.
    case expired

    /// Whether the job can never run again.
    public var isTerminal: Bool {
        switch self {
        case .done, .failed, .cancelled, .expired: true
        case .scheduled, .blocked, .ready, .running, .waiting: false
        }
    }
}
