/// Work that needs no checkpoints: one go, tried again when it fails.
///
/// A registered job is an instance, so that what it depends on is a stored property.
public protocol Job: Sendable {
    /// What it is enqueued with.
    associatedtype Input: Codable & Sendable
    /// The name in the table; never change it while jobs of it wait.
    static var name: String { get }
    /// The queue it is claimed from.
    static var queue: String { get }
    /// How often a failure is tried again.
    static var retry: RetryPolicy { get }
    /// Does the work. It may run more than once; `context.id` makes a good idempotency key.
    func perform(_ context: JobContext, _ input: Input) async throws
}

extension Job {
    /// The queue `default`.
    public static var queue: String { "default" }
    /// Ten attempts.
    public static var retry: RetryPolicy { .default }
}

/// What a job may know of itself while it runs.
public struct JobContext: Sendable {
    /// The job's number.
    public let id: JobID
    /// Which attempt this is, from 1.
    public let attempt: Int

    package init(id: JobID, attempt: Int) {
        self.id = id
        self.attempt = attempt
    }
}
