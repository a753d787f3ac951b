public import Jobs

/// A job whose code may checkpoint, sleep, wait and start other jobs.
///
/// ```swift
/// struct Greet: Workflow {
///     static let name = "greet"
///     func run(_ context: WorkflowContext, _ who: String) async throws -> String {
///         try await context.step("remember") { tx in
///             _ = try await tx.execute(Query("greet", "INSERT INTO greeted VALUES (\(who))"))
///         }
///         try await context.sleep(for: .seconds(3600))
///         return "hello again, \(who)"
///     }
/// }
/// ```
///
/// `run` is executed again from the top after each wait and each crash; steps that are recorded return what they
/// returned. So it must ask its context for everything that could differ: time, chance, the world. A registered
/// workflow is an instance, so that what it depends on is a stored property.
public protocol Workflow: Sendable {
    /// What a run is started with.
    associatedtype Input: Codable & Sendable
    /// What a run returns.
    associatedtype Output: Codable & Sendable
    /// The name in the table; never change it while runs of it live.
    static var name: String { get }
    /// The queue its runs are claimed from.
    static var queue: String { get }
    /// How often a run that threw is tried again.
    static var retry: RetryPolicy { get }
    /// The version that runs are pinned to when they are started; nil lets the newest code take them.
    ///
    /// Register the code of several versions side by side for as long as runs of them live.
    static var version: Int? { get }
    /// How long a run may take, from when it may start to its end; nil is as long as it likes.
    static var timeout: Duration? { get }
    /// Whether a parked run has to be woken when it is cancelled, because its code cleans up.
    ///
    /// Runs with compensations are woken anyway.
    static var cleansUp: Bool { get }
    /// The code of a run.
    ///
    /// - Throws: anything; the run is then tried again from its checkpoints, as ``retry`` says.
    func run(_ context: WorkflowContext, _ input: Input) async throws -> Output
}

extension Workflow {
    /// The queue `default`.
    public static var queue: String { "default" }
    /// Ten attempts.
    public static var retry: RetryPolicy { .default }
    /// Not pinned.
    public static var version: Int? { nil }
    /// As long as it likes.
    public static var timeout: Duration? { nil }
    /// A parked run ends at once.
    public static var cleansUp: Bool { false }
}
