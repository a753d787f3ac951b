/// What bounds what runs and jobs say, so that one of them can't fill the tables or a worker's memory by mistake.
public struct WorkflowLimits: Sendable, Hashable {
    /// Bytes of JSON, before any codec, in an input of a child, an output, a result of a step or an effect, an event, or
    /// a published value.
    public var payloadBytes: Int
    /// Checkpoints of a run, since it was started or last continued as new.
    public var historyLength: Int

    /// Makes limits: a mebibyte, ten thousand checkpoints.
    public init(payloadBytes: Int = 1_048_576, historyLength: Int = 10_000) {
        self.payloadBytes = max(1, payloadBytes)
        self.historyLength = max(1, historyLength)
    }
}

/// A run has as many checkpoints as it may have.
///
/// Trying again can't help, so a run that ends with it is not tried again. It can still undo what it did, and continue
/// as new.
public struct HistoryTooLong: Error, Sendable, Equatable, CustomStringConvertible {
    /// The run, with its workflow's name.
    public let run: String
    /// What the run asked for.
    public let key: String
    /// How many checkpoints it may have.
    public let limit: Int

    /// Names the run, what it asked for, and what to do.
    public var description: String {
        """
        run \(run) asks for "\(key)" and has \(limit) checkpoints already, the limit: have it continue as new \
        (context.continueAsNew), or raise the limit
        """
    }
}
