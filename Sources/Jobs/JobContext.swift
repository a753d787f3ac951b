public import Telemetry

/// What a job may know of itself while it runs, and what it may tell of itself.
public struct JobContext: Sendable {
    /// The job's number.
    public let id: JobID
    /// Which attempt this is, from 1.
    public let attempt: Int
    /// Where in a trace this attempt is, if it is traced; to be sent on with what it calls.
    public let trace: TraceContext?
    private let journal: JobJournal?

    package init(id: JobID, attempt: Int, journal: JobJournal? = nil, trace: TraceContext? = nil) {
        self.trace = trace
        self.id = id
        self.attempt = attempt
        self.journal = journal
    }

    /// Says how far the job is, for those who look at it.
    ///
    /// Written soon after, with what others say; only the latest is kept.
    ///
    /// - Parameters:
    ///   - fraction: from 0 to 1; what lies outside is moved to the nearer end.
    ///   - message: what it is doing.
    public func progress(_ fraction: Double, _ message: String = "") {
        journal?.note(progress: min(max(fraction.isNaN ? 0 : fraction, 0), 1), message, of: id)
    }

    /// Keeps a record in the job's own log, beside the process's.
    ///
    /// Written soon after, with what others say. What was said in the last moments of a process that is killed may be lost.
    public func log(_ level: LogLevel, _ message: String, _ fields: Logger.Fields = [:]) {
        journal?.note(
            level,
            message,
            fields.map { ($0.key, String(describing: $0.value)) },
            of: id,
            attempt: attempt
        )
    }
}
